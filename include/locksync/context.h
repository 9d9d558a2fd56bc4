/**
 * @file
 * The main functions: a context's lifetime, its settings and credential, and the fetch.
 */
#ifndef LOCKSYNC_CONTEXT_H
#define LOCKSYNC_CONTEXT_H

#include "common.h"
#include "error.h"
#include "results.h"

#ifdef __cplusplus
extern "C" {
#endif

/**
 * Provides a credential. Called before a fetch that has no usable credential, and again after a 401.
 *
 * The provider sets a credential on `ctx` with lock_sync_set_personal_key(), lock_sync_set_access_token() or
 * lock_sync_set_access_token_until() and returns LOCK_SYNC_OK. If it cannot, it returns the status that the fetch fails
 * with. After a 401 the request is retried once, if the provider set a credential.
 *
 * @param user The pointer given to lock_sync_set_token_provider().
 * @param ctx The context of the fetch. Only its credential setters may be called.
 * @param rejected true: the service rejected the current credential.
 * @return LOCK_SYNC_OK, or the status that the fetch fails with. LOCK_SYNC_E_BUSY and numbers that are not a status are
 *         replaced by LOCK_SYNC_E_NO_CREDENTIAL.
 * @par Threads The context's thread.
 * @since 0.1.0
 */
typedef lock_sync_status (*lock_sync_token_fn)(void *user, lock_sync_ctx *ctx, bool rejected);

/**
 * Creates a context with default settings, without a credential, that allocates with malloc.
 *
 * An application that uses libcurl itself must call curl_global_init() before it starts threads, unless its libcurl
 * lists the feature "threadsafe". The first fetch of the process through libcurl calls
 * curl_global_init(CURL_GLOBAL_DEFAULT), once and under a lock. The library never calls curl_global_cleanup().
 *
 * Nothing is connected before the first fetch.
 *
 * @param[out] out The context, transferred; free with lock_sync_ctx_free().
 * @return LOCK_SYNC_OK; LOCK_SYNC_E_INVALID_ARGUMENT (`out` is NULL); LOCK_SYNC_E_NO_MEMORY.
 * @par Threads Any; the context is then used by one thread at a time.
 * @since 0.1.0
 */
LOCK_SYNC_NODISCARD_API lock_sync_status lock_sync_ctx_new(lock_sync_ctx **out);

/**
 * Creates a context that allocates itself, and all objects made from it, with the application's allocator.
 *
 * libcurl and jansson use their own allocators.
 *
 * @param allocator Copied. NULL: malloc.
 * @param[out] out The context, transferred; free with lock_sync_ctx_free().
 * @return LOCK_SYNC_OK; LOCK_SYNC_E_INVALID_ARGUMENT (`out` is NULL, a function missing, struct_size too small);
 *         LOCK_SYNC_E_NO_MEMORY.
 * @par Threads Any; the context is then used by one thread at a time.
 * @since 0.1.0
 */
LOCK_SYNC_NODISCARD_API lock_sync_status lock_sync_ctx_new_with_allocator(const lock_sync_allocator *allocator,
                                                                          lock_sync_ctx **out);

/**
 * Frees a context, closes its connection and wipes its credential. Results stay valid.
 *
 * Must not be called while a blocking fetch of the context, or a call of lock_sync_cancel() for it, is running. A fetch
 * that a pool runs ends with LOCK_SYNC_E_CANCELLED, through its callback.
 *
 * @param ctx Transferred; NULL is allowed.
 * @par Threads The context's thread.
 * @since 0.1.0
 */
LOCK_SYNC_API void lock_sync_ctx_free(lock_sync_ctx *ctx);

/**
 * @name Settings
 *
 * Each setter checks and copies its argument and returns a status. A value that it rejects leaves the old one in place.
 * NULL for a string, function or transport restores the default; NULL for a credential wipes the current one. The
 * credential that was set last is used.
 *
 * All return LOCK_SYNC_OK, LOCK_SYNC_E_INVALID_ARGUMENT (also for a NULL context; the error message says what is
 * wrong), LOCK_SYNC_E_NO_MEMORY if copying fails, and LOCK_SYNC_E_BUSY while a fetch runs.
 *
 * The setters of credential, base URL and API version also discard the results kept for LOCK_SYNC_GUARD_CACHED, unless
 * the token provider calls them.
 * @par Threads The context's thread.
 * @{
 */

/**
 * Authenticates requests with a personal key: `Authorization: PersonalKey ...`. The scope Device.Read is enough.
 *
 * @param ctx The context.
 * @param key 1..16384 bytes, each visible ASCII (so no CR, LF or space). Copied, and wiped when replaced. NULL: wipes
 *            the credential.
 * @return See Settings. Allowed inside the token provider.
 * @since 0.1.0
 */
LOCK_SYNC_API lock_sync_status lock_sync_set_personal_key(lock_sync_ctx *ctx, const char *key);

/**
 * Authenticates requests with an access token: `Authorization: Bearer ...`.
 *
 * @param ctx The context.
 * @param token 1..16384 bytes, each visible ASCII. Copied, and wiped when replaced. NULL: wipes the credential.
 * @return See Settings. Allowed inside the token provider.
 * @since 0.1.0
 */
LOCK_SYNC_API lock_sync_status lock_sync_set_access_token(lock_sync_ctx *ctx, const char *token);

/**
 * Sets an access token like lock_sync_set_access_token(), but does not send it after the given time.
 *
 * After that time a fetch first asks the token provider for a credential. Without a provider it fails with
 * LOCK_SYNC_E_NO_CREDENTIAL.
 *
 * @param ctx The context.
 * @param token As in lock_sync_set_access_token().
 * @param expires_at_ms Unix time in ms, > 0.
 * @return See Settings. Allowed inside the token provider.
 * @since 0.1.0
 */
LOCK_SYNC_API lock_sync_status lock_sync_set_access_token_until(lock_sync_ctx *ctx, const char *token,
                                                                int64_t expires_at_ms);

/**
 * Sets the callback that provides credentials; see lock_sync_token_fn.
 *
 * @param ctx The context.
 * @param provider Called on the context's thread, during a fetch. NULL: no provider.
 * @param user Borrowed; must outlive its use by the context.
 * @return See Settings.
 * @since 0.1.0
 */
LOCK_SYNC_API lock_sync_status lock_sync_set_token_provider(lock_sync_ctx *ctx, lock_sync_token_fn provider,
                                                            void *user);

/**
 * Sets the base URL of the service; default "https://api.tedee.com".
 *
 * @param ctx The context.
 * @param url `scheme://host[:port][/path]`, at most 1024 bytes; scheme https, or http (see lock_sync_set_allow_http());
 *            no user, query or fragment. Copied. NULL: the default.
 * @return See Settings.
 * @since 0.1.0
 */
LOCK_SYNC_API lock_sync_status lock_sync_set_base_url(lock_sync_ctx *ctx, const char *url);

/**
 * Sets the API version in the URL's path; default "v37". The library does not interpret it.
 *
 * @param ctx The context.
 * @param version 1..64 bytes, `[A-Za-z0-9][A-Za-z0-9._-]*`. Copied. NULL: the default.
 * @return See Settings.
 * @since 0.1.0
 */
LOCK_SYNC_API lock_sync_status lock_sync_set_api_version(lock_sync_ctx *ctx, const char *version);

/**
 * Sets the connect timeout (name, TCP and TLS), in ms; default 10 000.
 *
 * @param ctx The context.
 * @param timeout_ms 1 .. 86 400 000.
 * @return See Settings.
 * @since 0.1.0
 */
LOCK_SYNC_API lock_sync_status lock_sync_set_connect_timeout_ms(lock_sync_ctx *ctx, int64_t timeout_ms);

/**
 * Sets the timeout of a whole fetch, in ms, with its waits and the retry after a 401; default 30 000.
 *
 * A call of a guard's store is not interrupted, so a fetch can last longer.
 *
 * @param ctx The context.
 * @param timeout_ms 1 .. 86 400 000.
 * @return See Settings.
 * @since 0.1.0
 */
LOCK_SYNC_API lock_sync_status lock_sync_set_timeout_ms(lock_sync_ctx *ctx, int64_t timeout_ms);

/**
 * Sets how long a connection may have been idle and still be reused, in ms; default 60 000.
 *
 * After that time a new connection is opened, because routers and firewalls forget idle connections. In a pool,
 * contexts share connections. A fetch closes a connection that was idle for longer than the limit of its own context,
 * so the smallest limit applies to all.
 *
 * @param ctx The context.
 * @param max_idle_ms 1 .. 86 400 000.
 * @return See Settings.
 * @since 0.1.0
 */
LOCK_SYNC_API lock_sync_status lock_sync_set_max_idle_ms(lock_sync_ctx *ctx, int64_t max_idle_ms);

/**
 * Sets the limit on a response's body after decompression; default 8 MiB. Enforced while bytes arrive.
 *
 * @param ctx The context.
 * @param bytes 1 .. 2^40, and at most SIZE_MAX / 2.
 * @return See Settings.
 * @since 0.1.0
 */
LOCK_SYNC_API lock_sync_status lock_sync_set_max_response_bytes(lock_sync_ctx *ctx, uint64_t bytes);

/**
 * Allows a plain http base URL whose host name is not loopback; default false.
 *
 * Checked when a request is made, so it does not matter whether lock_sync_set_base_url() is called before or after.
 *
 * @param ctx The context.
 * @param allow true: the credential may be sent unencrypted.
 * @return See Settings.
 * @since 0.1.0
 */
LOCK_SYNC_API lock_sync_status lock_sync_set_allow_http(lock_sync_ctx *ctx, bool allow);

/**
 * Sets the file of trusted CA certificates (PEM), which replaces the system's CA certificates.
 *
 * Applies only to the built-in transport.
 *
 * @param ctx The context.
 * @param path Copied. The file is read when a connection first needs it; libcurl then caches its content for up to a
 *             day. NULL: the system's CA certificates.
 * @return See Settings.
 * @since 0.1.0
 */
LOCK_SYNC_API lock_sync_status lock_sync_set_ca_file(lock_sync_ctx *ctx, const char *path);

/**
 * Sets a proxy for https; default: no proxy. Applies only to the built-in transport.
 *
 * Proxy variables of the environment are not read. A loopback host is always reached directly. A request over plain
 * http through a proxy is rejected when it is made.
 *
 * @param ctx The context.
 * @param url `scheme://[user:password@]host[:port]` with scheme http, https, socks4, socks4a, socks5 or socks5h; at
 *            most 1024 bytes. Copied; wiped when replaced, because it may contain a password. NULL: no proxy.
 * @return See Settings.
 * @since 0.1.0
 */
LOCK_SYNC_API lock_sync_status lock_sync_set_proxy(lock_sync_ctx *ctx, const char *url);

/**
 * Adds a product before the library's own product in the User-Agent header, for example "acme-hub/2.1".
 *
 * @param ctx The context.
 * @param product 1..256 bytes of printable ASCII. Copied. NULL: only the library's product.
 * @return See Settings.
 * @since 0.1.0
 */
LOCK_SYNC_API lock_sync_status lock_sync_set_user_agent(lock_sync_ctx *ctx, const char *product);

/**
 * Sets the callback that receives log messages; see lock_sync_log_fn.
 *
 * Each request is logged in one line at LOCK_SYNC_LOG_INFO, with status, bytes, duration and correlation id. Failures
 * are logged at LOCK_SYNC_LOG_WARNING.
 *
 * @param ctx The context.
 * @param log Called on the context's thread. NULL: no log.
 * @param user Borrowed; must outlive its use by the context.
 * @return See Settings.
 * @since 0.1.0
 */
LOCK_SYNC_API lock_sync_status lock_sync_set_logger(lock_sync_ctx *ctx, lock_sync_log_fn log, void *user);
/** @} */

/**
 * Fetches the state of locks over the network, with one request, and waits for the response.
 *
 * The fetch first asks the context's guard, in the mode of lock_sync_set_guard_mode(). By default a fetch within 20
 * seconds after the last response fails with LOCK_SYNC_E_TOO_SOON, and nothing is sent.
 *
 * The request is retried in two cases. After a 401 it is retried with a new credential of the token provider. Over
 * HTTP/2 it is retried once if no byte of a response arrived, or if the server refused it unprocessed. Each retry
 * counts in the guard's hourly budget. No request is sent twice in any other case.
 *
 * If the URL would exceed 2,000 bytes, the request is for all locks. The results always contain only the requested
 * locks, in the order of the response.
 *
 * The calling thread needs 512 KiB of stack, because a hostile response may nest 2,048 levels deep.
 *
 * @param ctx The context.
 * @param ids The requested locks, each > 0; borrowed for the call. Duplicates are requested once. NULL requests every
 *        lock of the account. An empty list is rejected, because it is probably a mistake.
 * @param count Number of ids; 0 with NULL.
 * @param[out] results The results, transferred; free with lock_sync_results_free(). NULL after a failure.
 * @return LOCK_SYNC_OK, or what the token provider returned. Nothing was sent: LOCK_SYNC_E_INVALID_ARGUMENT,
 *         _NO_MEMORY, _NO_CREDENTIAL, _TOO_SOON, _GUARD, _NO_TRANSPORT, _BUSY. No complete response arrived:
 *         _CANCELLED, _TIMEOUT, _RESOLVE, _CONNECT, _TLS, _NETWORK. The response is a failure, or unusable:
 *         _TOO_LARGE, _MALFORMED, _RATE_LIMITED, _UNAUTHORIZED, _FORBIDDEN, _NOT_FOUND, _SERVER, _HTTP, _API.
 *         lock_sync_last_error() has the detail.
 * @par Threads The context's thread; lock_sync_cancel() and lock_sync_set_stopped() may be called from any thread.
 * @since 0.1.0
 */
LOCK_SYNC_NODISCARD_API lock_sync_status lock_sync_fetch(lock_sync_ctx *ctx, const int64_t *ids, size_t count,
                                                         lock_sync_results **results);

/**
 * Fetches the state of one lock from the service's endpoint for one lock.
 *
 * @param ctx The context.
 * @param id The lock, > 0.
 * @param[out] results The results with exactly one record, transferred; free with lock_sync_results_free().
 * @return As lock_sync_fetch(). LOCK_SYNC_E_NOT_FOUND: the service does not know the id. LOCK_SYNC_E_MALFORMED also if
 *         the response is for another id.
 * @par Threads The context's thread.
 * @since 0.1.0
 */
LOCK_SYNC_NODISCARD_API lock_sync_status lock_sync_fetch_one(lock_sync_ctx *ctx, int64_t id,
                                                             lock_sync_results **results);

/**
 * Cancels the running fetch, which then returns LOCK_SYNC_E_CANCELLED. It has no effect if no fetch is running.
 *
 * A call of a guard's store is not interrupted (a file: up to 250 ms; Redis: up to its own timeouts).
 *
 * @param ctx The context; NULL is allowed. Must not be freed during the call.
 * @par Threads Any, but not in a signal handler, because it locks a mutex. The transport's `cancel` is called with that
 *      mutex locked.
 * @since 0.1.0
 */
LOCK_SYNC_API void lock_sync_cancel(lock_sync_ctx *ctx);

/**
 * Stops a context, or allows it to fetch again. A stop lasts until it is cleared.
 *
 * Setting it does what lock_sync_cancel() does. While it is set, each fetch and each wait of the context ends at once
 * with LOCK_SYNC_E_CANCELLED, and nothing is sent. That includes waits for a slot, directories and
 * lock_sync_watch_next(). The credential, the settings and the kept results remain.
 *
 * In a pool, a fetch that is submitted meanwhile ends with LOCK_SYNC_E_CANCELLED through its callback. A watch reports
 * LOCK_SYNC_E_CANCELLED once. Then it sleeps until the stop is cleared, and continues with its next poll.
 *
 * A token provider is not interrupted. If it waits for something, the application must end that wait itself; the fetch
 * then ends with LOCK_SYNC_E_CANCELLED. The same applies to a call of a guard's store, as in lock_sync_cancel().
 *
 * @param ctx The context. Must not be freed during the call.
 * @param stopped true: stop. false: allow fetches again; a fetch that was stopped still ends.
 * @return LOCK_SYNC_OK; LOCK_SYNC_E_INVALID_ARGUMENT (`ctx` is NULL). The last error is unchanged.
 * @par Threads Any, as lock_sync_cancel(); also inside a callback of the context.
 * @since 0.1.0
 */
LOCK_SYNC_API lock_sync_status lock_sync_set_stopped(lock_sync_ctx *ctx, bool stopped);

/**
 * Returns the detail of the last call on this context. A call that returned LOCK_SYNC_E_BUSY leaves it unchanged.
 *
 * @param ctx The context, or NULL.
 * @return Borrowed until the context is freed; its content changes with the next call. Never NULL for a context. Its
 *         status is LOCK_SYNC_OK after a success.
 * @par Threads The context's thread.
 * @since 0.1.0
 */
LOCK_SYNC_API const lock_sync_error *lock_sync_last_error(const lock_sync_ctx *ctx);

#ifdef __cplusplus
}
#endif
#endif
