/**
 * @file
 * The front door: a context's lifetime, its settings and credential, and the fetch.
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
 * Provides a credential: called before a fetch that has no usable one, and once more after a 401.
 *
 * It sets one on `ctx` with lock_sync_set_personal_key(), lock_sync_set_access_token() or
 * lock_sync_set_access_token_until() and returns LOCK_SYNC_OK, or returns why it cannot; the fetch then ends with that
 * status. After a 401 the request is repeated once, if the provider did set a credential.
 *
 * @param user As given to lock_sync_set_token_provider().
 * @param ctx The context of the fetch. Only its credential setters may be called.
 * @param refused true: the service refused the credential that is set.
 * @return LOCK_SYNC_OK, or the status that the fetch shall end with (LOCK_SYNC_E_NO_CREDENTIAL stands in for
 *         LOCK_SYNC_E_BUSY and for a number that is no status).
 * @par Threads That of the context.
 * @since 0.1.0
 */
typedef lock_sync_status (*lock_sync_token_fn)(void *user, lock_sync_ctx *ctx, bool refused);

/**
 * Makes a context with the default settings, no credential, and malloc's memory.
 *
 * Nothing is connected before the first fetch. The first fetch of a process that goes through libcurl calls
 * curl_global_init(CURL_GLOBAL_DEFAULT), once and under a lock; curl_global_cleanup() is never called. A host that uses
 * libcurl itself, in a build of it that does not list the feature "threadsafe", calls curl_global_init() before it
 * starts threads, as libcurl asks.
 *
 * @param[out] out The context, transferred; free with lock_sync_ctx_free().
 * @return LOCK_SYNC_OK; LOCK_SYNC_E_INVALID_ARGUMENT (`out` is NULL); LOCK_SYNC_E_NO_MEMORY.
 * @par Threads Any; the context is then used by one thread at a time.
 * @since 0.1.0
 */
LOCK_SYNC_API lock_sync_status lock_sync_ctx_new(lock_sync_ctx **out);

/**
 * Makes a context whose own objects, and all objects made from it, live in the host's memory.
 *
 * Memory of libcurl and jansson stays theirs.
 *
 * @param allocator Copied. NULL: malloc's.
 * @param[out] out The context, transferred; free with lock_sync_ctx_free().
 * @return LOCK_SYNC_OK; LOCK_SYNC_E_INVALID_ARGUMENT (`out` is NULL, a function missing, struct_size too small);
 *         LOCK_SYNC_E_NO_MEMORY.
 * @par Threads Any.
 * @since 0.1.0
 */
LOCK_SYNC_API lock_sync_status lock_sync_ctx_new_with_allocator(const lock_sync_allocator *allocator,
                                                                lock_sync_ctx **out);

/**
 * Frees a context, closes its connection and wipes its credential. Results stay valid.
 *
 * @param ctx Transferred; NULL is allowed. No blocking fetch of it may be running, and no lock_sync_cancel() on its
 *            way; one that a pool runs is ended, with its callback.
 * @par Threads That of the context.
 * @since 0.1.0
 */
LOCK_SYNC_API void lock_sync_ctx_free(lock_sync_ctx *ctx);

/**
 * @name Settings
 *
 * The setters of credential, base URL and API version also drop the answer that LOCK_SYNC_GUARD_CACHED keeps (not when
 * the token provider calls them).
 *
 * Each copies its argument, checks it and returns a status; a refused value leaves the old one. NULL for a text,
 * function or transport restores the default; for a credential it wipes the one that is set. The latest credential
 * wins. All return LOCK_SYNC_OK, LOCK_SYNC_E_INVALID_ARGUMENT (also for a NULL context; the message names what is
 * wrong), LOCK_SYNC_E_NO_MEMORY where a text is copied, and LOCK_SYNC_E_BUSY while a fetch runs.
 * @par Threads That of the context.
 * @{
 */

/**
 * Signs requests with a personal key: `Authorization: PersonalKey ...`. The scope Device.Read is enough.
 *
 * @param ctx The context.
 * @param key 1..16384 bytes, each visible ASCII (so no CR, LF or space). Copied, and wiped when replaced. NULL: wipe.
 * @return See Settings. Allowed inside the token provider.
 * @since 0.1.0
 */
LOCK_SYNC_API lock_sync_status lock_sync_set_personal_key(lock_sync_ctx *ctx, const char *key);

/**
 * Signs requests with an access token: `Authorization: Bearer ...`.
 *
 * @param ctx The context.
 * @param jwt 1..16384 bytes, each visible ASCII. Copied, and wiped when replaced. NULL: wipe.
 * @return See Settings. Allowed inside the token provider.
 * @since 0.1.0
 */
LOCK_SYNC_API lock_sync_status lock_sync_set_access_token(lock_sync_ctx *ctx, const char *jwt);

/**
 * As lock_sync_set_access_token(), with the time from which on the token is not sent any more.
 *
 * From then on a fetch asks the token provider first; without one it ends with LOCK_SYNC_E_NO_CREDENTIAL.
 *
 * @param ctx The context.
 * @param jwt As in lock_sync_set_access_token().
 * @param expires_at_ms Unix time in ms, > 0.
 * @return See Settings. Allowed inside the token provider.
 * @since 0.1.0
 */
LOCK_SYNC_API lock_sync_status lock_sync_set_access_token_until(lock_sync_ctx *ctx, const char *jwt,
                                                                int64_t expires_at_ms);

/**
 * Sets who provides credentials; see lock_sync_token_fn.
 *
 * @param ctx The context.
 * @param provider Called on the context's thread, during a fetch. NULL: none.
 * @param user Borrowed; must outlive its use by the context.
 * @return See Settings.
 * @since 0.1.0
 */
LOCK_SYNC_API lock_sync_status lock_sync_set_token_provider(lock_sync_ctx *ctx, lock_sync_token_fn provider,
                                                            void *user);

/**
 * Sets where the service is; default "https://api.tedee.com".
 *
 * @param ctx The context.
 * @param url `scheme://host[:port][/path]`, at most 1024 bytes; scheme https, or http (see lock_sync_set_allow_http());
 *            no user, query or fragment. NULL: the default.
 * @return See Settings.
 * @since 0.1.0
 */
LOCK_SYNC_API lock_sync_status lock_sync_set_base_url(lock_sync_ctx *ctx, const char *url);

/**
 * Sets the API version that stands in the path; default "v37". Opaque to the library.
 *
 * @param ctx The context.
 * @param version 1..64 bytes, `[A-Za-z0-9][A-Za-z0-9._-]*`. NULL: the default.
 * @return See Settings.
 * @since 0.1.0
 */
LOCK_SYNC_API lock_sync_status lock_sync_set_api_version(lock_sync_ctx *ctx, const char *version);

/**
 * Sets how long connecting (name, TCP, TLS) may take; default 10 000.
 *
 * @param ctx The context.
 * @param ms 1 .. 86 400 000.
 * @return See Settings.
 * @since 0.1.0
 */
LOCK_SYNC_API lock_sync_status lock_sync_set_connect_timeout_ms(lock_sync_ctx *ctx, int64_t ms);

/**
 * Sets how long a whole fetch may take, waiting and a repeat after 401 included; default 30 000. What a guard's store
 * takes for its decision may come on top.
 *
 * @param ctx The context.
 * @param ms 1 .. 86 400 000.
 * @return See Settings.
 * @since 0.1.0
 */
LOCK_SYNC_API lock_sync_status lock_sync_set_timeout_ms(lock_sync_ctx *ctx, int64_t ms);

/**
 * Sets how long a kept connection may have been idle and still be used; default 60 000. A new one is opened after that,
 * as routers and firewalls forget idle connections. In a pool each fetch asks for its own context's limit, whichever
 * context used the connection before; so the smallest counts.
 *
 * @param ctx The context.
 * @param ms 1 .. 86 400 000.
 * @return See Settings.
 * @since 0.1.0
 */
LOCK_SYNC_API lock_sync_status lock_sync_set_max_idle_ms(lock_sync_ctx *ctx, int64_t ms);

/**
 * Sets the cap on a response's body after decompression; default 8 MiB. Enforced while bytes arrive.
 *
 * @param ctx The context.
 * @param bytes 1 .. 2^40 (and what the machine can address).
 * @return See Settings.
 * @since 0.1.0
 */
LOCK_SYNC_API lock_sync_status lock_sync_set_max_response_bytes(lock_sync_ctx *ctx, uint64_t bytes);

/**
 * Allows a plain http base URL whose host is not loopback; default false. Checked when a request is made, so the order
 * of this call and lock_sync_set_base_url() does not matter.
 *
 * @param ctx The context.
 * @param allow true: the credential may travel unencrypted.
 * @return See Settings.
 * @since 0.1.0
 */
LOCK_SYNC_API lock_sync_status lock_sync_set_allow_http(lock_sync_ctx *ctx, bool allow);

/**
 * Sets the file of trusted certificates (PEM). It replaces all other trust. Of the built-in transport.
 *
 * @param ctx The context.
 * @param path Not read here, but when a connection first needs it; libcurl then keeps what it read for up to a day.
 *             NULL: the system's trust.
 * @return See Settings.
 * @since 0.1.0
 */
LOCK_SYNC_API lock_sync_status lock_sync_set_ca_file(lock_sync_ctx *ctx, const char *path);

/**
 * Sets a proxy for https, of the built-in transport; default none. The environment is not read, loopback hosts are
 * always reached directly, and plain http through a proxy is refused when a request is made.
 *
 * @param ctx The context.
 * @param url `scheme://[user:password@]host[:port]` with scheme http, https, socks4, socks4a, socks5 or socks5h; at
 *            most 1024 bytes. Wiped when replaced, as it may hold a password. NULL: none.
 * @return See Settings.
 * @since 0.1.0
 */
LOCK_SYNC_API lock_sync_status lock_sync_set_proxy(lock_sync_ctx *ctx, const char *url);

/**
 * Puts a product before the library's own token in the User-Agent header, for example "acme-hub/2.1".
 *
 * @param ctx The context.
 * @param product 1..256 bytes of printable ASCII. NULL: the library's own token alone.
 * @return See Settings.
 * @since 0.1.0
 */
LOCK_SYNC_API lock_sync_status lock_sync_set_user_agent(lock_sync_ctx *ctx, const char *product);

/**
 * Sets who receives log messages; see lock_sync_log_fn. One line per request at LOCK_SYNC_LOG_INFO (with status, bytes,
 * duration and correlation id), failures at LOCK_SYNC_LOG_WARNING.
 *
 * @param ctx The context.
 * @param log Called on the context's thread. NULL: none.
 * @param user Borrowed; must outlive its use by the context.
 * @return See Settings.
 * @since 0.1.0
 */
LOCK_SYNC_API lock_sync_status lock_sync_set_logger(lock_sync_ctx *ctx, lock_sync_log_fn log, void *user);
/** @} */

/**
 * Fetches the state of the locks, over the network, and waits for the answer: one request.
 *
 * The context's guard is asked first, in the mode of lock_sync_set_guard_mode(): by default a fetch that comes sooner
 * than 20 seconds after the last answer ends with LOCK_SYNC_E_TOO_SOON, and nothing is sent.
 *
 * The request is sent once more after a 401 with a new credential of the token provider, and over HTTP/2 once where it
 * was left without any response, or the server refused it unprocessed. Both count in the hour, and nothing else is sent
 * twice.
 *
 * Should the URL pass 2,000 bytes, all locks are asked for and the answer is filtered. An answer is always filtered to
 * the ids asked for, in the service's order.
 *
 * A thread that calls this needs 512 KiB of stack: a hostile answer may nest 2,048 levels deep.
 *
 * @param ctx The context.
 * @param ids The locks asked for, each > 0; borrowed for the call. Duplicates are asked for once. NULL asks for every
 *        lock of the account. An empty list is LOCK_SYNC_E_INVALID_ARGUMENT, as it is hardly meant to ask for all.
 * @param n How many; 0 with NULL.
 * @param[out] results The answer, transferred; free with lock_sync_results_free(). NULL after a failure.
 * @return LOCK_SYNC_OK; LOCK_SYNC_E_INVALID_ARGUMENT, _NO_MEMORY, _NO_CREDENTIAL, _TOO_SOON, _GUARD, _NO_TRANSPORT and
 *         _BUSY (nothing was sent); _CANCELLED, _TIMEOUT, _RESOLVE, _CONNECT, _TLS and _NETWORK (no whole answer came);
 *         _TOO_LARGE, _MALFORMED, _RATE_LIMITED, _UNAUTHORIZED, _FORBIDDEN, _NOT_FOUND, _SERVER, _HTTP and _API (of the
 *         answer); or what the token provider returned. lock_sync_last_error() has the detail.
 * @par Threads That of the context; lock_sync_cancel() may come from any.
 * @since 0.1.0
 */
LOCK_SYNC_API lock_sync_status lock_sync_fetch(lock_sync_ctx *ctx, const int64_t *ids, size_t n,
                                               lock_sync_results **results);

/**
 * Fetches the state of one lock from the service's endpoint for one lock.
 *
 * @param ctx The context.
 * @param id The lock, > 0.
 * @param[out] results The answer with exactly one record, transferred; free with lock_sync_results_free().
 * @return As lock_sync_fetch(); LOCK_SYNC_E_NOT_FOUND for an id that the service does not know; LOCK_SYNC_E_MALFORMED
 *         when it answers for another id.
 * @par Threads That of the context.
 * @since 0.1.0
 */
LOCK_SYNC_API lock_sync_status lock_sync_fetch_one(lock_sync_ctx *ctx, int64_t id, lock_sync_results **results);

/**
 * Ends the fetch that is running, which then returns LOCK_SYNC_E_CANCELLED. No effect when nothing runs. It does not
 * interrupt a decision of a guard's store (a file: up to 250 ms; Redis: up to its own time-outs).
 *
 * @param ctx The context; NULL is allowed.
 * @par Threads Any, but no signal handler: it takes a mutex, and calls the transport's `cancel` under it. Must not race
 *      lock_sync_ctx_free().
 * @since 0.1.0
 */
LOCK_SYNC_API void lock_sync_cancel(lock_sync_ctx *ctx);

/**
 * The detail of the last call on this context that was not LOCK_SYNC_E_BUSY.
 *
 * @param ctx The context, or NULL.
 * @return Borrowed until the context is freed; what it says changes with the next call. Never NULL for a context. Its
 *         status is LOCK_SYNC_OK after a success.
 * @par Threads That of the context.
 * @since 0.1.0
 */
LOCK_SYNC_API const lock_sync_error *lock_sync_last_error(const lock_sync_ctx *ctx);

#ifdef __cplusplus
}
#endif
#endif
