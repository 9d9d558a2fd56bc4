/**
 * @file
 * The pool: runs the fetches of many thousands of contexts at once, in one thread, in any event loop.
 */
#ifndef LOCKSYNC_POOL_H
#define LOCKSYNC_POOL_H

#include "common.h"
#include "context.h"
#include "directory.h"
#include "watch.h"

#ifdef __cplusplus
extern "C" {
#endif

/** Runs the fetches of many contexts. Used by one thread at a time. */
typedef struct lock_sync_pool lock_sync_pool;

/**
 * Completion callback, called exactly once for each successful lock_sync_pool_submit().
 *
 * It is called only inside lock_sync_pool_dispatch(), lock_sync_pool_wait(), lock_sync_pool_free() or
 * lock_sync_ctx_free(). It may submit, cancel, free its own context, or free the pool. If it frees the pool, the memory
 * is released when the function that called it returns. lock_sync_last_error() describes this fetch.
 *
 * @param user The pointer given to lock_sync_pool_submit().
 * @param ctx The context, no longer busy.
 * @param status As lock_sync_fetch() would return it; LOCK_SYNC_E_CANCELLED if the pool or context is being freed.
 * @param results The results, transferred; free with lock_sync_results_free(). NULL after a failure.
 * @par Threads The pool's thread.
 * @since 0.1.0
 */
typedef void (*lock_sync_done_fn)(void *user, lock_sync_ctx *ctx, lock_sync_status status, lock_sync_results *results);

/**
 * Creates a pool.
 *
 * @param[out] out The pool, transferred; free with lock_sync_pool_free().
 * @return LOCK_SYNC_OK; LOCK_SYNC_E_INVALID_ARGUMENT (`out` is NULL); LOCK_SYNC_E_NO_MEMORY; LOCK_SYNC_E_CONNECT (out
 *         of file descriptors); LOCK_SYNC_E_NO_TRANSPORT (built without libcurl or without the pool).
 * @par Threads Any; the pool is then used by one thread at a time.
 * @since 0.1.0
 */
LOCK_SYNC_NODISCARD_API lock_sync_status lock_sync_pool_new(lock_sync_pool **out);

/**
 * Makes a pool like lock_sync_pool_new(), with the application's allocator.
 *
 * @param allocator Copied; its functions and `user` must outlive the pool. NULL: malloc.
 * @param[out] out As in lock_sync_pool_new().
 * @return As lock_sync_pool_new(); LOCK_SYNC_E_INVALID_ARGUMENT also if the allocator is not complete.
 * @par Threads Any.
 * @since 0.1.0
 */
LOCK_SYNC_NODISCARD_API lock_sync_status lock_sync_pool_new_with_allocator(const lock_sync_allocator *allocator,
                                                                           lock_sync_pool **out);

/**
 * Sets the limits on open connections; default 64 per origin, 256 in total.
 *
 * The total is divided between origins (scheme, host name and port) like the transfers; see
 * lock_sync_pool_set_max_active().
 *
 * @param pool The pool.
 * @param per_origin 1 .. 65535, at most `total`.
 * @param total 1 .. 65535.
 * @return LOCK_SYNC_OK; LOCK_SYNC_E_INVALID_ARGUMENT.
 * @par Threads The pool's thread.
 * @since 0.1.0
 */
LOCK_SYNC_API lock_sync_status lock_sync_pool_set_max_connections(lock_sync_pool *pool, uint32_t per_origin,
                                                                  uint32_t total);

/**
 * Sets how many transfers run at once; default 144. Other fetches wait in a queue for each origin.
 *
 * Origins take turns, and each queue is first in, first out. One origin uses at most eight ninths of the transfers,
 * rounded up, and fewer while other origins use some. Together, the origins that do not respond use at most half of the
 * transfers.
 *
 * @param pool The pool.
 * @param transfers 1 .. 65535.
 * @return LOCK_SYNC_OK; LOCK_SYNC_E_INVALID_ARGUMENT.
 * @par Threads The pool's thread.
 * @since 0.1.0
 */
LOCK_SYNC_API lock_sync_status lock_sync_pool_set_max_active(lock_sync_pool *pool, uint32_t transfers);

/**
 * Starts a fetch of a context, with its settings, credential and guard. The timeout of the fetch starts now.
 *
 * Until the callback the context is busy: its setters, fetch, build, decode and submit return LOCK_SYNC_E_BUSY.
 * lock_sync_cancel() and lock_sync_set_stopped() end the fetch, from any thread. If the guard denies a slot or the
 * credential is missing, the callback reports it.
 *
 * @param pool The pool.
 * @param ctx Borrowed until the callback. It must use the built-in transport. An application with its own HTTP client
 *            uses lock_sync_request_build() and lock_sync_response_decode() instead.
 * @param ids As in lock_sync_fetch(); copied.
 * @param count As in lock_sync_fetch().
 * @param done Called once if this function returned LOCK_SYNC_OK, otherwise never.
 * @param user Borrowed until the callback.
 * @return LOCK_SYNC_OK; LOCK_SYNC_E_INVALID_ARGUMENT (also if lock_sync_set_transport() set a transport);
 *         LOCK_SYNC_E_BUSY; LOCK_SYNC_E_NO_MEMORY; LOCK_SYNC_E_CANCELLED (the pool is being freed).
 * @par Threads The pool's thread.
 * @since 0.1.0
 */
LOCK_SYNC_API lock_sync_status lock_sync_pool_submit(lock_sync_pool *pool, lock_sync_ctx *ctx, const int64_t *ids,
                                                     size_t count, lock_sync_done_fn done, void *user);

/**
 * Starts to fetch the directory of the context's account. See lock_sync_fetch_directory().
 *
 * Its pages are requested one after the other. Each waits for a transfer, as a fetch does.
 *
 * @param pool The pool.
 * @param ctx As in lock_sync_pool_submit().
 * @param done Called once if this function returned LOCK_SYNC_OK, otherwise never.
 * @param user Borrowed until the callback.
 * @return As lock_sync_pool_submit().
 * @par Threads The pool's thread.
 * @since 0.1.0
 */
LOCK_SYNC_API lock_sync_status lock_sync_pool_submit_directory(lock_sync_pool *pool, lock_sync_ctx *ctx,
                                                               lock_sync_directory_fn done, void *user);

/**
 * Returns the file descriptor for the application's event loop. Call lock_sync_pool_dispatch() when it is readable.
 *
 * @param pool The pool, or NULL.
 * @return Borrowed, the same until the pool is freed: poll it, but do not read or close it. -1: not available on this
 *         system; use lock_sync_pool_wait().
 * @par Threads The pool's thread.
 * @since 0.1.0
 */
LOCK_SYNC_API int lock_sync_pool_fd(const lock_sync_pool *pool);

/**
 * Does all work that is possible without blocking, and calls the callbacks of the fetches that ended.
 *
 * @param pool The pool.
 * @return LOCK_SYNC_OK; LOCK_SYNC_E_INVALID_ARGUMENT (NULL); LOCK_SYNC_E_BUSY (inside a callback);
 *         LOCK_SYNC_E_NO_MEMORY (libcurl cannot continue: the active fetches end with this status too, and later
 *         fetches use new connections).
 * @par Threads The pool's thread.
 * @since 0.1.0
 */
LOCK_SYNC_API lock_sync_status lock_sync_pool_dispatch(lock_sync_pool *pool);

/**
 * Waits until there is work, then dispatches it. For an application without an event loop.
 *
 * @param pool The pool.
 * @param timeout_ms Longest wait in ms; 0: no wait; < 0: no limit.
 * @return As lock_sync_pool_dispatch(); LOCK_SYNC_OK also if the wait timed out.
 * @par Threads The pool's thread.
 * @since 0.1.0
 */
LOCK_SYNC_API lock_sync_status lock_sync_pool_wait(lock_sync_pool *pool, int64_t timeout_ms);

/**
 * Returns the number of submitted fetches whose callback was not called yet, plus the number of watches in the pool.
 *
 * @param pool The pool, or NULL.
 * @return The count; 0 for NULL.
 * @par Threads The pool's thread.
 * @since 0.1.0
 */
LOCK_SYNC_API size_t lock_sync_pool_pending(const lock_sync_pool *pool);

/**
 * Receives what lock_sync_watch_next() would return, except LOCK_SYNC_E_TIMEOUT.
 *
 * It is called only inside lock_sync_pool_dispatch(), lock_sync_pool_wait(), lock_sync_pool_free() or
 * lock_sync_ctx_free(). lock_sync_last_error() describes the poll. The callback may change the context's settings,
 * except the transport. It may free any watch or context, and use the pool as lock_sync_done_fn may. lock_sync_cancel()
 * has no effect during the callback; lock_sync_set_stopped() takes effect after it.
 *
 * @param user The pointer given to lock_sync_pool_watch().
 * @param watch The watch.
 * @param status LOCK_SYNC_OK, or an error that is not retryable (lock_sync_status_is_retryable()). After an error the
 *        watch continues, unless the pool or context is being freed (LOCK_SYNC_E_CANCELLED).
 * @param changes Borrowed until the callback returns; NULL after a failure.
 * @par Threads The pool's thread.
 * @since 0.1.0
 */
typedef void (*lock_sync_watch_fn)(void *user, lock_sync_watch *watch, lock_sync_status status,
                                   const lock_sync_changes *changes);

/**
 * Runs a watch in a pool, until lock_sync_watch_free().
 *
 * The context of the watch is busy all the time, except inside the callback. lock_sync_cancel() ends a poll, or the
 * wait for the next one, with a callback; the watch then continues. lock_sync_set_stopped() does so too, and the watch
 * sleeps until the stop is cleared. If an error prevents polls, such as a missing credential, the callback is called
 * once per interval.
 *
 * @param pool The pool.
 * @param watch Borrowed until it is freed. It must not be in a pool. Its context must use the built-in transport.
 * @param changed Called on the pool's thread.
 * @param user Borrowed until the watch is freed.
 * @return LOCK_SYNC_OK; LOCK_SYNC_E_INVALID_ARGUMENT; LOCK_SYNC_E_BUSY (the watch is in a pool, or a fetch of its
 *         context runs); LOCK_SYNC_E_NO_MEMORY; LOCK_SYNC_E_CANCELLED (the pool is being freed). lock_sync_last_error()
 *         has the detail.
 * @par Threads The pool's thread.
 * @since 0.1.0
 */
LOCK_SYNC_API lock_sync_status lock_sync_pool_watch(lock_sync_pool *pool, lock_sync_watch *watch,
                                                    lock_sync_watch_fn changed, void *user);

/**
 * Frees a pool. All its fetches and watches end with LOCK_SYNC_E_CANCELLED, through their callbacks.
 *
 * The contexts and the watches are not freed. The function waits for a running call of a guard's store.
 *
 * @param pool Transferred; NULL is allowed.
 * @par Threads The pool's thread.
 * @since 0.1.0
 */
LOCK_SYNC_API void lock_sync_pool_free(lock_sync_pool *pool);

#ifdef __cplusplus
}
#endif
#endif
