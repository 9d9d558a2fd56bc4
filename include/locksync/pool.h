/**
 * @file
 * The pool: the fetches of very many contexts at once, from one thread, in any event loop.
 */
#ifndef LOCKSYNC_POOL_H
#define LOCKSYNC_POOL_H

#include "common.h"
#include "context.h"
#include "watch.h"

#ifdef __cplusplus
extern "C" {
#endif

/** Runs the fetches of many contexts. Used by one thread at a time. */
typedef struct lock_sync_pool lock_sync_pool;

/**
 * Told the end of a fetch, once for each successful lock_sync_pool_submit().
 *
 * Called inside lock_sync_pool_dispatch(), lock_sync_pool_wait(), lock_sync_pool_free() or lock_sync_ctx_free() only.
 * It may submit, cancel, free its own context, or free the pool (which is then freed once the call it runs in is over).
 * lock_sync_last_error() describes this fetch.
 *
 * @param user As given to lock_sync_pool_submit().
 * @param ctx The context, which is free for the next call.
 * @param status As lock_sync_fetch() would return it; LOCK_SYNC_E_CANCELLED when pool or context is being freed.
 * @param results The answer, transferred; NULL after a failure.
 */
typedef void (*lock_sync_done_fn)(void *user, lock_sync_ctx *ctx, lock_sync_status status, lock_sync_results *results);

/**
 * Makes a pool.
 *
 * @param[out] out The pool, transferred; free with lock_sync_pool_free().
 * @return LOCK_SYNC_OK; LOCK_SYNC_E_INVALID_ARGUMENT (`out` is NULL); LOCK_SYNC_E_NO_MEMORY; LOCK_SYNC_E_CONNECT (out
 *         of file descriptors); LOCK_SYNC_E_NO_TRANSPORT (built without libcurl or without the
 *         pool).
 * @par Threads Any; the pool is then used by one thread at a time.
 * @since 0.1.0
 */
LOCK_SYNC_API lock_sync_status lock_sync_pool_new(lock_sync_pool **out);

/**
 * As lock_sync_pool_new(), in the host's memory.
 *
 * @param allocator Copied; must outlive the pool. NULL: malloc's.
 * @param[out] out As in lock_sync_pool_new().
 * @return As lock_sync_pool_new(); LOCK_SYNC_E_INVALID_ARGUMENT also for an allocator that is not complete.
 * @par Threads Any.
 * @since 0.1.0
 */
LOCK_SYNC_API lock_sync_status lock_sync_pool_new_with_allocator(const lock_sync_allocator *allocator,
                                                                 lock_sync_pool **out);

/**
 * Sets how many connections the pool keeps and makes; default 64 per host, 256 in all. One origin leaves some of all to
 * others, as it does of the transfers.
 *
 * @param pool The pool.
 * @param per_host 1 .. 65535, at most `total`.
 * @param total 1 .. 65535.
 * @return LOCK_SYNC_OK; LOCK_SYNC_E_INVALID_ARGUMENT.
 * @par Threads That of the pool.
 * @since 0.1.0
 */
LOCK_SYNC_API lock_sync_status lock_sync_pool_set_max_connections(lock_sync_pool *pool, uint32_t per_host,
                                                                  uint32_t total);

/**
 * Sets how many transfers run at once; default 144. The rest queue: origins take turns, each first in first out.
 *
 * One origin has at most eight ninths of them, rounded up, and less while others have some. Those that do not respond
 * have at most half of them together.
 *
 * @param pool The pool.
 * @param transfers 1 .. 65535.
 * @return LOCK_SYNC_OK; LOCK_SYNC_E_INVALID_ARGUMENT.
 * @par Threads That of the pool.
 * @since 0.1.0
 */
LOCK_SYNC_API lock_sync_status lock_sync_pool_set_max_active(lock_sync_pool *pool, uint32_t transfers);

/**
 * Begins a fetch of a context, with its settings, credential and guard. Its deadline starts now.
 *
 * Until the callback the context is busy: its setters, fetch, build, decode and submit return LOCK_SYNC_E_BUSY.
 * lock_sync_cancel() ends the fetch, from any thread. A refusal by the guard or a missing credential comes by the
 * callback.
 *
 * @param pool The pool.
 * @param ctx Borrowed until the callback. It has no transport of its own.
 * @param ids As in lock_sync_fetch(); copied.
 * @param n As in lock_sync_fetch().
 * @param done Called once, after this function returned LOCK_SYNC_OK; never after a failure.
 * @param user Borrowed until the callback.
 * @return LOCK_SYNC_OK; LOCK_SYNC_E_INVALID_ARGUMENT (also for a context with a transport of its own; the message names
 *         the pure middle, which serves it); LOCK_SYNC_E_BUSY; LOCK_SYNC_E_NO_MEMORY; LOCK_SYNC_E_CANCELLED (the pool
 *         is being freed).
 * @par Threads That of the pool.
 * @since 0.1.0
 */
LOCK_SYNC_API lock_sync_status lock_sync_pool_submit(lock_sync_pool *pool, lock_sync_ctx *ctx, const int64_t *ids,
                                                     size_t n, lock_sync_done_fn done, void *user);

/**
 * The file descriptor for the host's event loop: when it is readable, call lock_sync_pool_dispatch().
 *
 * @param pool The pool, or NULL.
 * @return Borrowed, the same for the pool's life: poll it, but do not read or close it. -1: this system has none; use
 *         lock_sync_pool_wait().
 * @par Threads That of the pool.
 * @since 0.1.0
 */
LOCK_SYNC_API int lock_sync_pool_fd(const lock_sync_pool *pool);

/**
 * Does what can be done now, and calls the callbacks of the fetches that ended. It never blocks.
 *
 * @param pool The pool.
 * @return LOCK_SYNC_OK; LOCK_SYNC_E_INVALID_ARGUMENT (NULL); LOCK_SYNC_E_BUSY (inside a callback);
 *         LOCK_SYNC_E_NO_MEMORY (libcurl
 *         cannot go on: the fetches that were active end with it too, and later ones use new connections).
 * @par Threads That of the pool.
 * @since 0.1.0
 */
LOCK_SYNC_API lock_sync_status lock_sync_pool_dispatch(lock_sync_pool *pool);

/**
 * Waits until there is something to do, and dispatches: for a host without an event loop.
 *
 * @param pool The pool.
 * @param timeout_ms How long to wait at most; 0: not at all, < 0: until there is something to do.
 * @return As lock_sync_pool_dispatch(). LOCK_SYNC_OK also when the time passed.
 * @par Threads That of the pool.
 * @since 0.1.0
 */
LOCK_SYNC_API lock_sync_status lock_sync_pool_wait(lock_sync_pool *pool, int64_t timeout_ms);

/**
 * How many submitted fetches have not had their callback, and how many watches are in the pool.
 *
 * @param pool The pool, or NULL.
 * @return The count; 0 for NULL.
 * @par Threads That of the pool.
 * @since 0.1.0
 */
LOCK_SYNC_API size_t lock_sync_pool_pending(const lock_sync_pool *pool);

/**
 * Told what lock_sync_watch_next() would return, LOCK_SYNC_E_TIMEOUT excepted.
 *
 * Called inside lock_sync_pool_dispatch(), lock_sync_pool_wait(), lock_sync_pool_free() or lock_sync_ctx_free() only.
 * It may change the context's settings (but for the transport), free the watch, its context or others, and do with the
 * pool what a callback of lock_sync_pool_submit() may. lock_sync_last_error() describes the poll. Meanwhile
 * lock_sync_cancel() has no effect.
 *
 * @param user As given to lock_sync_pool_watch().
 * @param watch The watch.
 * @param status LOCK_SYNC_OK, or an error that does not pass by itself. The watch goes on after any of them, except
 *        after the LOCK_SYNC_E_CANCELLED of a pool or context that is being freed.
 * @param changes Borrowed until the callback returns; NULL after a failure.
 */
typedef void (*lock_sync_watch_fn)(void *user, lock_sync_watch *watch, lock_sync_status status,
                                   const lock_sync_changes *changes);

/**
 * Lets a pool run a watch, until lock_sync_watch_free().
 *
 * Its context is busy all the time, except inside the callback, where settings may be changed. lock_sync_cancel() ends
 * a poll, or the wait for the next, with a callback; the watch then goes on. It counts as one in
 * lock_sync_pool_pending(). What keeps a poll from being sent at all is told once in an interval.
 *
 * @param pool The pool.
 * @param watch Borrowed until it is freed; in no pool. Its context has no transport of its own.
 * @param changed Called in the pool's thread.
 * @param user Borrowed until the watch is freed.
 * @return LOCK_SYNC_OK; LOCK_SYNC_E_INVALID_ARGUMENT; LOCK_SYNC_E_BUSY (the watch is in a pool, or a fetch of its
 *         context runs); LOCK_SYNC_E_NO_MEMORY; LOCK_SYNC_E_CANCELLED (the pool is being freed). lock_sync_last_error()
 *         has the detail.
 * @par Threads That of the pool.
 * @since 0.1.0
 */
LOCK_SYNC_API lock_sync_status lock_sync_pool_watch(lock_sync_pool *pool, lock_sync_watch *watch,
                                                    lock_sync_watch_fn changed, void *user);

/**
 * Ends all fetches and watches with LOCK_SYNC_E_CANCELLED, by their callbacks, and frees the pool. The contexts and the
 * watches stay.
 *
 * @param pool Transferred; NULL is allowed.
 * @par Threads That of the pool. Waits for a decision of a guard's store that is on its way.
 * @since 0.1.0
 */
LOCK_SYNC_API void lock_sync_pool_free(lock_sync_pool *pool);

#ifdef __cplusplus
}
#endif
#endif
