/* The internals of a context: settings, credential, last error, and the state of a running fetch. */
#ifndef LSYNC_CLIENT_CONTEXT_H
#define LSYNC_CLIENT_CONTEXT_H

#include "base/ascii.h"
#include "base/error.h"
#include "base/log.h"
#include "client/owner.h"
#include "locksync/context.h"
#include "locksync/guard.h"
#include "locksync/transport.h"
#include "wire/request.h"

#include <pthread.h>
#include <stdatomic.h>

#define LSYNC_VERSION                                                                                                  \
  LSYNC_ASCII_TEXT(LOCK_SYNC_VERSION_MAJOR)                                                                            \
  "." LSYNC_ASCII_TEXT(LOCK_SYNC_VERSION_MINOR) "." LSYNC_ASCII_TEXT(LOCK_SYNC_VERSION_PATCH)

struct lock_sync_ctx {
    lock_sync_allocator memory;

    /* a running fetch; the mutex keeps the transport from being destroyed while lock_sync_cancel() uses it */
    pthread_mutex_t cancel_mutex;
    atomic_bool running;
    atomic_bool cancelled; /* the running fetch must end; written under the mutex, except at its begin */
    atomic_bool stopped;   /* no fetch may begin; written under the mutex */
    atomic_bool lent;      /* the callback of a pool's watch may change settings now; written under the mutex */
    bool being_freed;
    lock_sync_guard_mode guard_mode;
    lsync_owner *owner;       /* of the running fetch; NULL: no fetch runs, or a blocking call runs it */
    lock_sync_guard *guard;   /* a reference, at first to a private guard; NULL: the next fetch makes a private one */
    lock_sync_results *cache; /* in mode CACHED: all locks of the last successful response; owned */
    lock_sync_error error;
    pthread_cond_t cancel_condition; /* wakes a fetch that waits for its guard; uses the monotonic clock */
    lsync_logger logger;

    /* settings; the texts are owned, NULL means the default */
    char *base_url;
    char *api_version;
    char *user_agent; /* the complete value of the header */
    char *ca_file;
    char *proxy;       /* may contain a password */
    lsync_route route; /* follows from base_url, ca_file and proxy */
    int64_t connect_timeout_ms;
    int64_t timeout_ms;
    size_t max_response_bytes;
    bool allow_http;

    /* credential */
    char *authorization;         /* the complete value of the header; owned, wiped; NULL: no credential */
    int64_t credential_until_ms; /* Unix time; INT64_MAX: not known to expire */
    uint32_t credential_version; /* grows with each call of a credential setter */
    bool in_provider;            /* credential setters are allowed although a fetch runs */
    lock_sync_token_fn provider;
    void *provider_user;

    lock_sync_transport transport; /* perform NULL: the built-in transport, which is not made yet */
    bool has_own_transport;        /* the application set the transport */
};

/* Checks a call that is not allowed while a fetch runs. Returns E_INVALID_ARGUMENT for NULL, E_BUSY, or OK. The context
   of a watch in a pool stays marked as running, but is lent to the watch's callback. */
lock_sync_status lsync_ctx_check(const lock_sync_ctx *ctx);

/* Checks the same, and returns E_INVALID_ARGUMENT with the error set if the caller's `out` is NULL. */
lock_sync_status lsync_ctx_check_out(lock_sync_ctx *ctx, bool has_out);

/* Mark that a fetch runs, and that it is over. lsync_ctx_begin returns false if a fetch runs already. After
   lsync_ctx_finish, lock_sync_cancel() does not use the owner or the transport. A fetch of a stopped context begins
   cancelled. */
bool lsync_ctx_begin(lock_sync_ctx *ctx);
void lsync_ctx_finish(lock_sync_ctx *ctx);

/* Records a failure whose default message is enough. Returns the status. */
lock_sync_status lsync_ctx_fail(lock_sync_ctx *ctx, lock_sync_status status);

/* Records E_INVALID_ARGUMENT with the reason. Returns the status. */
lock_sync_status lsync_ctx_reject(lock_sync_ctx *ctx, const char *why);

/* Record that the fetch was cancelled, or that its deadline passed. Return the status. */
lock_sync_status lsync_ctx_cancelled(lock_sync_ctx *ctx);
lock_sync_status lsync_ctx_timed_out(lock_sync_ctx *ctx);

/* Ends a call. Clears the error if `status` is OK, else leaves the details that are set. Returns `status`. */
lock_sync_status lsync_ctx_end(lock_sync_ctx *ctx, lock_sync_status status);

/* Destroys the transport, which is the application's or the built-in one. */
void lsync_ctx_drop_transport(lock_sync_ctx *ctx);

/* Frees the results that are kept for mode CACHED. */
void lsync_ctx_drop_cache(lock_sync_ctx *ctx);

#endif
