/* Many transfers in one thread: libcurl's multi handle, driven by the events of its sockets and timers. One file
   descriptor covers all events. An idle transfer costs nothing. */
#ifndef LSYNC_TRANSPORT_LOOP_H
#define LSYNC_TRANSPORT_LOOP_H

#include "transport/attempt.h"

#define LSYNC_NEVER_US INT64_MAX

typedef struct lsync_watched lsync_watched;

/* A descriptor that the loop watches and libcurl does not know. */
typedef struct lsync_guest {
    struct lsync_guest *next;
    int fd;        /* -1: not watched */
    bool writes;   /* it is watched for being writable too */
    bool readable; /* these two are set by lsync_loop_pass, and cleared by the owner */
    bool writable;
} lsync_guest;

#define LSYNC_GUESTS_MAX 16

typedef struct lsync_loop {
    lsync_socket_owner owner;          /* of the connections */
    const lock_sync_allocator *memory; /* must outlive the loop */
    CURLM *multi;                      /* owned; NULL: there was no memory to replace it */
    int epoll_fd;                      /* covers all events; owned, like the next two; -1: not on this system */
    int timer_fd;
    int wake_fd;
    int64_t curl_due_us;    /* when libcurl wants to be called; boot clock */
    int64_t armed_us;       /* when the timer expires; boot clock */
    bool more;              /* more events may be ready */
    uint32_t total;         /* limit on all connections; the owner's per_origin is the limit for one origin */
    int64_t tls_failed_us;  /* see lsync_transfer_init */
    lsync_watched *watched; /* by file descriptor; owned */
    size_t watched_count;
    lsync_guest *guests;
    size_t guest_count;
} lsync_loop;

/* In loop_epoll.c or loop_poll.c: */

/* Returns OK, E_NO_MEMORY or E_CONNECT (out of file descriptors). After a failure there is nothing to release. */
lock_sync_status lsync_loop_init(lsync_loop *l, const lock_sync_allocator *memory);
/* Closes the connections. All transfers must be stopped and released, but their memory must still exist, because
   closing uses it. */
void lsync_loop_release(lsync_loop *l);

/* Waits for events up to timeout_ms (< 0: without limit) and handles them. Returns OK or E_NO_MEMORY. */
lock_sync_status lsync_loop_pass(lsync_loop *l, int timeout_ms);

/* Replaces the multi handle, which libcurl cannot use after an allocation failure. Closes all connections. All
   transfers must be stopped. If there is no memory for a new handle, `multi` is NULL. */
void lsync_loop_replace_multi(lsync_loop *l);

/* Sets the timer to curl_due_us or to `own_due_us`, the pool's due time, whichever is earlier. */
void lsync_loop_arm(lsync_loop *l, int64_t own_due_us);

/* Watches a guest's descriptor, instead of the one before, for being readable, or also for being writable. -1: no
   descriptor. The one before must still be open. Call it only if something changes. If the system refuses, the guest
   stays different from what was asked for: call it again. */
void lsync_loop_watch(lsync_loop *l, lsync_guest *guest, int fd, bool writes);

/* Makes the descriptor readable. Can be called from any thread. */
void lsync_loop_wake(const lsync_loop *l);

/* In loop.c: */

/* Adds a guest, which is not watched yet; there may be LSYNC_GUESTS_MAX. Before the loop is released, the guests are
   removed in the reverse order, and are not watched then. */
void lsync_loop_add_guest(lsync_loop *l, lsync_guest *guest);
void lsync_loop_remove_guest(lsync_loop *l, lsync_guest *guest);

lock_sync_status lsync_loop_limit(lsync_loop *l, uint32_t per_origin, uint32_t total);

/* Starts a prepared transfer. `multi` must not be NULL. A transfer that must share a connection waits in libcurl for
   one that is being made to the same host name, even through another proxy. Returns OK, E_NO_MEMORY, or E_NO_TRANSPORT
   (this libcurl lacks a required feature). */
lock_sync_status lsync_loop_start(lsync_loop *l, lsync_transfer *t);
void lsync_loop_stop(lsync_loop *l, lsync_transfer *t);

/* Stops the transfers that are over and returns them, each with its code, linked by next_over. NULL: no transfer. */
lsync_transfer *lsync_loop_finished(lsync_loop *l);

#endif
