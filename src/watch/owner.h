/* The interface through which a watch calls the pool that runs its polls, without depending on it. The pool
   fills it. */
#ifndef LSYNC_WATCH_OWNER_H
#define LSYNC_WATCH_OWNER_H

typedef struct lsync_watch_owner lsync_watch_owner;

/* A member of the pool's job. */
struct lsync_watch_owner {
    /* Removes a watch that is being freed from its pool, without a callback. */
    void (*leave)(lsync_watch_owner *owner);
};

#endif
