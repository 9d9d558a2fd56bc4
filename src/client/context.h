/* The inside of a context: settings, credential, last error, and the state of a running fetch. */
#ifndef LSYNC_CLIENT_CONTEXT_H
#define LSYNC_CLIENT_CONTEXT_H

#include "base/error.h"
#include "base/log.h"
#include "client/owner.h"
#include "locksync/context.h"
#include "locksync/guard.h"
#include "locksync/transport.h"
#include "wire/request.h"

#include <pthread.h>
#include <stdatomic.h>

#define LSYNC_STRINGIZE_(x) #x
#define LSYNC_STRINGIZE(x) LSYNC_STRINGIZE_(x)
#define LSYNC_VERSION                                                                                                  \
  LSYNC_STRINGIZE(LOCK_SYNC_VERSION_MAJOR)                                                                             \
  "." LSYNC_STRINGIZE(LOCK_SYNC_VERSION_MINOR) "." LSYNC_STRINGIZE(LOCK_SYNC_VERSION_PATCH)

struct lock_sync_ctx {
    lock_sync_allocator memory;

    /* a running fetch; the mutex keeps the transport alive while lock_sync_cancel() speaks to it */
    pthread_mutex_t cancel_mutex;
    atomic_bool running;
    atomic_bool cancelled;
    atomic_bool lent; /* to the callback of a pool's watch: its settings may be changed; written under the mutex */
    bool being_freed;
    lock_sync_guard_mode guard_mode;
    lsync_owner *owner;       /* of the fetch that runs; NULL: a call that blocks, or none runs */
    lock_sync_guard *guard;   /* a reference, of a private one at first; NULL: the next fetch makes that */
    lock_sync_results *cache; /* in mode CACHED: the last good answer, as wide as it was; owned */
    lock_sync_error error;
    pthread_cond_t cancel_condition; /* wakes a fetch that waits for its guard; of the monotonic clock */
    lsync_logger logger;

    /* settings; texts are owned, NULL: the default */
    char *base_url;
    char *api_version;
    char *user_agent; /* the header's whole value */
    char *ca_file;
    char *proxy;       /* may hold a password */
    lsync_route route; /* what base_url, ca_file and proxy come to */
    int64_t connect_timeout_ms;
    int64_t timeout_ms;
    size_t max_response_bytes;
    bool allow_http;

    /* credential */
    char *authorization;         /* the header's whole value; owned, wiped; NULL: none */
    int64_t credential_until_ms; /* INT64_MAX: not known to expire */
    uint32_t credential_version; /* tells whether a provider set one */
    bool in_provider;            /* credential setters are allowed though a fetch runs */
    lock_sync_token_fn provider;
    void *provider_user;

    lock_sync_transport transport; /* perform NULL: the built-in one, not made yet */
    bool has_own_transport;        /* it is the host's */
};

/* For functions that may not be called while a fetch runs: E_INVALID_ARGUMENT for NULL, E_BUSY, or OK. A watch that a
   pool runs keeps its context running, and lends it to its callback. */
lock_sync_status lsync_ctx_check(const lock_sync_ctx *ctx);

/* Marks that a fetch runs; false when one runs already. And that it is over: then no lock_sync_cancel() speaks to
   it. */
bool lsync_ctx_begin(lock_sync_ctx *ctx);
void lsync_ctx_finish(lock_sync_ctx *ctx);

/* Notes a failure of which its status's own sentence says all. Returns the status. */
lock_sync_status lsync_ctx_fail(lock_sync_ctx *ctx, lock_sync_status status);

/* Notes E_INVALID_ARGUMENT, and why. Returns it. */
lock_sync_status lsync_ctx_reject(lock_sync_ctx *ctx, const char *why);

/* Note that a fetch was cancelled, or that its deadline passed. Return the status. */
lock_sync_status lsync_ctx_cancelled(lock_sync_ctx *ctx);
lock_sync_status lsync_ctx_timed_out(lock_sync_ctx *ctx);

/* Ends a call: notes OK when all went well, else leaves the detail that is set. Returns `status`. */
lock_sync_status lsync_ctx_end(lock_sync_ctx *ctx, lock_sync_status status);

/* Lets go of the transport, a host's or the built-in one. */
void lsync_ctx_drop_transport(lock_sync_ctx *ctx);

/* Forgets the answer that is kept for mode CACHED. */
void lsync_ctx_drop_cache(lock_sync_ctx *ctx);

#endif
