/* Who runs a context's fetch if no call blocks for it. The context reaches upward through this alone; the pool fills
   it. */
#ifndef LSYNC_CLIENT_OWNER_H
#define LSYNC_CLIENT_OWNER_H

typedef struct lsync_owner lsync_owner;

typedef struct lsync_owner_functions {
    /* Ends the fetch. From any thread, under the context's cancel mutex: it only leaves a notice. */
    void (*cancel)(lsync_owner *owner);
    /* The context is being freed: ends the fetch, with its callback. */
    void (*drop)(lsync_owner *owner);
} lsync_owner_functions;

/* A member of what owns a fetch. */
struct lsync_owner {
    const lsync_owner_functions *functions;
};

#endif
