/* Who runs the polls of a watch if no call blocks for them. The watch reaches upward through this alone; the pool fills
   it. */
#ifndef LSYNC_WATCH_OWNER_H
#define LSYNC_WATCH_OWNER_H

typedef struct lsync_watch_owner lsync_watch_owner;

/* A member of what owns a watch. */
struct lsync_watch_owner {
    /* The watch is being freed: takes it out, without a callback. */
    void (*leave)(lsync_watch_owner *owner);
};

#endif
