/* Many transfers in one thread: libcurl's multi handle driven by what its sockets and timers say, behind one file
   descriptor. No transfer costs anything while nothing happens to it. */
#ifndef LSYNC_TRANSPORT_LOOP_H
#define LSYNC_TRANSPORT_LOOP_H

#include "transport/attempt.h"

#define LSYNC_NEVER_US INT64_MAX

typedef struct lsync_watched lsync_watched;

typedef struct lsync_loop {
    lsync_socket_owner owner;          /* of the connections */
    const lock_sync_allocator *memory; /* must outlive the loop */
    CURLM *multi;                      /* owned; NULL: there was no memory to renew it */
    int epoll_fd;                      /* all below in one; owned, as are the next; -1: this system has none */
    int timer_fd;
    int wake_fd;
    int64_t curl_due_us;    /* when libcurl wants to be called; boot clock */
    int64_t armed_us;       /* what the timer stands at */
    bool more;              /* something else may have happened already */
    uint32_t total;         /* limit on connections, as the owner's per_host */
    int64_t distrusted_us;  /* when TLS failed last; see attempt.h */
    lsync_watched *watched; /* by file descriptor; owned */
    size_t watched_count;
} lsync_loop;

/* In loop_epoll.c or loop_poll.c: */

/* OK, E_NO_MEMORY or E_CONNECT (out of file descriptors); after a failure there is nothing to release. */
lock_sync_status lsync_loop_init(lsync_loop *l, const lock_sync_allocator *memory);
/* All transfers have been removed and released, but their memory is there: connections still speak to it. */
void lsync_loop_release(lsync_loop *l);

/* Handles what has happened, waiting for it up to timeout_ms (< 0: for ever). OK or E_NO_MEMORY. */
lock_sync_status lsync_loop_pass(lsync_loop *l, int timeout_ms);

/* After lsync_loop_pass failed, and all transfers have been stopped: libcurl does not bear to go on with what ran out
   of memory, so all connections are closed and it begins anew. Without memory for that the next start tries again. */
void lsync_loop_renew(lsync_loop *l);

/* Sets the timer for libcurl and for the pool's own next moment, if that is another than it stands at. */
void lsync_loop_arm(lsync_loop *l, int64_t own_due_us);

/* Makes the descriptor readable. From any thread. */
void lsync_loop_wake(const lsync_loop *l);

/* In loop.c: */

lock_sync_status lsync_loop_limit(lsync_loop *l, uint32_t per_host, uint32_t total);

/* Starts a transfer that is prepared, in a loop that was renewed if need be. libcurl has one that shares wait for any
   connection to that host that is being made, also through another's proxy. OK, E_NO_MEMORY, or E_NO_TRANSPORT (this libcurl lacks what is needed). */
lock_sync_status lsync_loop_start(lsync_loop *l, lsync_transfer *t);
void lsync_loop_stop(lsync_loop *l, lsync_transfer *t);

/* The transfers that are over, each with its code, linked by next_over; they have been stopped. NULL: none. */
lsync_transfer *lsync_loop_finished(lsync_loop *l);

#endif
