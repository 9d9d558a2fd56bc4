/* The owner of a fetch that runs outside of a blocking call. The pool implements this interface; the context uses
   nothing else of the layers above it. */
#ifndef LSYNC_CLIENT_OWNER_H
#define LSYNC_CLIENT_OWNER_H

typedef struct lsync_owner lsync_owner;

typedef struct lsync_owner_functions {
    /* Makes the owner look at `cancelled` and `stopped` of the context, which have changed, without waiting for it.
       Called from any thread, under the context's cancel mutex. */
    void (*notice)(lsync_owner *owner);
    /* Ends the fetch and calls its callback, because the context is being freed. */
    void (*drop)(lsync_owner *owner);
} lsync_owner_functions;

/* A member of the struct that owns a fetch. */
struct lsync_owner {
    const lsync_owner_functions *functions;
};

#endif
