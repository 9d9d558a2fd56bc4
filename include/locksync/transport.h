/**
 * @file
 * For applications with their own HTTP client: a pluggable transport, or building and decoding without any I/O.
 */
#ifndef LOCKSYNC_TRANSPORT_H
#define LOCKSYNC_TRANSPORT_H

#include "common.h"
#include "results.h"

#ifdef __cplusplus
extern "C" {
#endif

/**
 * An application-supplied transport. The application fills the struct; lock_sync_set_transport() copies it.
 */
typedef struct lock_sync_transport {
    size_t struct_size; /**< sizeof(lock_sync_transport) in the application's build. */
    /** Passed as the first argument of each function; must outlive the context, or be freed by `destroy`. */
    void *user;
    /**
     * Sends `request` once and fills `response` with status, headers and decoded body. Required.
     *
     * Both are borrowed for the call. The function must not follow redirects. It must not send anything after the time
     * of lock_sync_request_timeout_ms().
     *
     * It must return LOCK_SYNC_OK once the complete response has arrived, whatever its HTTP status. Otherwise it
     * returns LOCK_SYNC_E_NO_MEMORY or one of LOCK_SYNC_E_CANCELLED .. LOCK_SYNC_E_TOO_LARGE (4..10). Any other status
     * counts as LOCK_SYNC_E_NETWORK, and so does LOCK_SYNC_OK without an HTTP status. LOCK_SYNC_E_RESOLVE, _CONNECT and
     * _TLS mean that no byte of the request was sent: the guard then refunds the slot.
     */
    lock_sync_status (*perform)(void *user, const lock_sync_request *request, lock_sync_response *response);
    /**
     * Makes a running `perform` return soon. Optional. It must not call the library. It may be called from another
     * thread, more than once, before `perform` begins, and after `perform` returned.
     */
    void (*cancel)(void *user);
    /** Optional. Called once, when the context is freed or gets another transport; not called if
     *  lock_sync_set_transport() failed. It must not use the context. */
    void (*destroy)(void *user);
} lock_sync_transport;

/**
 * Sets the transport of a context.
 *
 * @param ctx The context.
 * @param transport Copied. The old transport is destroyed first: its `destroy` is called with its `user`, even if the
 *                  new transport has the same `user`. NULL: the built-in transport (libcurl), if the library has it.
 * @return LOCK_SYNC_OK; LOCK_SYNC_E_INVALID_ARGUMENT (`ctx` NULL, `perform` NULL, struct_size too small);
 *         LOCK_SYNC_E_BUSY. After a failure the old transport stays.
 * @par Threads The context's thread.
 * @since 0.1.0
 */
LOCK_SYNC_API lock_sync_status lock_sync_set_transport(lock_sync_ctx *ctx, const lock_sync_transport *transport);

/**
 * @name Reading a request
 * Do not log the headers of a request: they contain the credential. Strings are borrowed from the request. For a NULL
 * request these functions return "", 0, NULL or false.
 * @par Threads Any, as requests do not change.
 * @{
 */

/**
 * Returns the HTTP method.
 * @param request The request. @return "GET", static. @since 0.1.0
 */
LOCK_SYNC_API const char *lock_sync_request_method(const lock_sync_request *request);

/**
 * Returns the absolute URL. It contains no credential.
 * @param request The request. @return The URL, borrowed; at most 2,000 bytes. @since 0.1.0
 */
LOCK_SYNC_API const char *lock_sync_request_url(const lock_sync_request *request);

/**
 * Returns the number of headers to send: Accept, Authorization, User-Agent.
 *
 * The transport adds the Host header and Accept-Encoding itself.
 * @param request The request. @return The count. @since 0.1.0
 */
LOCK_SYNC_API size_t lock_sync_request_header_count(const lock_sync_request *request);

/**
 * Returns one header's name.
 * @param request The request. @param index 0 .. count - 1. @return The name; NULL past the end. @since 0.1.0
 */
LOCK_SYNC_API const char *lock_sync_request_header_name(const lock_sync_request *request, size_t index);

/**
 * Returns one header's value.
 * @param request The request. @param index 0 .. count - 1. @return The value; NULL past the end. @since 0.1.0
 */
LOCK_SYNC_API const char *lock_sync_request_header_value(const lock_sync_request *request, size_t index);

/**
 * Returns the time left for the whole fetch when `perform` is called. For a request that was only built: the configured
 * timeout.
 * @param request The request. @return Milliseconds, >= 1; 0 for NULL. @since 0.1.0
 */
LOCK_SYNC_API int64_t lock_sync_request_timeout_ms(const lock_sync_request *request);

/**
 * Returns the connect timeout.
 * @param request The request. @return Milliseconds, >= 1; 0 for NULL. @since 0.1.0
 */
LOCK_SYNC_API int64_t lock_sync_request_connect_timeout_ms(const lock_sync_request *request);

/**
 * Returns whether lock_sync_cancel() was called for the fetch of this request. Call it while `perform` runs.
 * @param request The request. @return true: `perform` must return LOCK_SYNC_E_CANCELLED soon. Always false for a
 *         request that was only built. @since 0.1.0
 */
LOCK_SYNC_API bool lock_sync_request_is_cancelled(const lock_sync_request *request);
/** @} */

/**
 * @name Filling a response
 * A transport, or an application that decodes responses itself, fills the response with these functions.
 * @par Threads One at a time.
 * @{
 */

/**
 * Sets the HTTP status.
 *
 * @param response The response.
 * @param http_status 100..999.
 * @return LOCK_SYNC_OK; LOCK_SYNC_E_INVALID_ARGUMENT.
 * @since 0.1.0
 */
LOCK_SYNC_API lock_sync_status lock_sync_response_set_status(lock_sync_response *response, int32_t http_status);

/**
 * Adds a header of the response.
 *
 * Only Date and Retry-After (at most 39 bytes each) and X-Correlation-ID (at most 127 bytes) are kept. If a header is
 * added twice, the first is kept.
 *
 * @param response The response.
 * @param name A header name, in any case. Copied if kept.
 * @param value The value without its line end; surrounding blanks are dropped. Copied if kept.
 * @return LOCK_SYNC_OK; LOCK_SYNC_E_INVALID_ARGUMENT (NULL, an empty name, a control character in either);
 *         LOCK_SYNC_E_NO_MEMORY; LOCK_SYNC_E_TOO_LARGE (names and values of all headers exceed 64 KiB). After
 *         _NO_MEMORY or _TOO_LARGE the fetch or lock_sync_response_decode() fails with it too.
 * @since 0.1.0
 */
LOCK_SYNC_API lock_sync_status lock_sync_response_add_header(lock_sync_response *response, const char *name,
                                                             const char *value);

/**
 * Appends bytes of the decoded body (after Content-Encoding and Transfer-Encoding).
 *
 * @param response The response.
 * @param data Copied. May be NULL if `size` is 0.
 * @param size Bytes.
 * @return LOCK_SYNC_OK; LOCK_SYNC_E_INVALID_ARGUMENT; LOCK_SYNC_E_NO_MEMORY; LOCK_SYNC_E_TOO_LARGE (more than
 *         lock_sync_set_max_response_bytes()). After _NO_MEMORY or _TOO_LARGE the fetch or
 *         lock_sync_response_decode() fails with it too.
 * @since 0.1.0
 */
LOCK_SYNC_API lock_sync_status lock_sync_response_append_body(lock_sync_response *response, const void *data,
                                                              size_t size);
/** @} */

/**
 * @name Building and decoding without I/O
 *
 * For an application with its own HTTP client or event loop: build a request, send it, fill a response, decode it. The
 * application must respect the service's rate limits; see lock_sync_guard_reserve(). These functions do no I/O.
 * @{
 */

/**
 * Builds the request that lock_sync_fetch() would send.
 *
 * @param ctx The context, with its settings and credential. The token provider is not called.
 * @param ids As in lock_sync_fetch().
 * @param count As in lock_sync_fetch().
 * @param[out] out The request, transferred; free with lock_sync_request_free(). It may outlive the context.
 * @return LOCK_SYNC_OK; LOCK_SYNC_E_INVALID_ARGUMENT; LOCK_SYNC_E_NO_CREDENTIAL (not set, or expired);
 *         LOCK_SYNC_E_NO_MEMORY; LOCK_SYNC_E_BUSY.
 * @par Threads The context's thread.
 * @since 0.1.0
 */
LOCK_SYNC_NODISCARD_API lock_sync_status lock_sync_request_build(lock_sync_ctx *ctx, const int64_t *ids, size_t count,
                                                                 lock_sync_request **out);

/**
 * Builds the request that lock_sync_fetch_one() would send.
 *
 * @param ctx The context.
 * @param id The lock, > 0.
 * @param[out] out As in lock_sync_request_build().
 * @return As lock_sync_request_build().
 * @par Threads The context's thread.
 * @since 0.1.0
 */
LOCK_SYNC_NODISCARD_API lock_sync_status lock_sync_request_build_one(lock_sync_ctx *ctx, int64_t id,
                                                                     lock_sync_request **out);

/**
 * Frees a built request and wipes its credential.
 *
 * @param request Transferred; NULL is allowed.
 * @par Threads Any.
 * @since 0.1.0
 */
LOCK_SYNC_API void lock_sync_request_free(lock_sync_request *request);

/**
 * Creates an empty response, with the context's limit on the body.
 *
 * @param ctx The context.
 * @param[out] out The response, transferred; free with lock_sync_response_free(). It may outlive the context.
 * @return LOCK_SYNC_OK; LOCK_SYNC_E_INVALID_ARGUMENT; LOCK_SYNC_E_NO_MEMORY; LOCK_SYNC_E_BUSY.
 * @par Threads The context's thread.
 * @since 0.1.0
 */
LOCK_SYNC_NODISCARD_API lock_sync_status lock_sync_response_new(lock_sync_ctx *ctx, lock_sync_response **out);

/**
 * Sets when the response arrived; default: when the response object was created.
 *
 * @param response The response.
 * @param unix_ms Unix time in ms, >= 0.
 * @return LOCK_SYNC_OK; LOCK_SYNC_E_INVALID_ARGUMENT.
 * @par Threads One at a time.
 * @since 0.1.0
 */
LOCK_SYNC_API lock_sync_status lock_sync_response_set_received_at_ms(lock_sync_response *response, int64_t unix_ms);

/**
 * Frees a response of lock_sync_response_new().
 *
 * @param response Transferred; NULL is allowed.
 * @par Threads Any.
 * @since 0.1.0
 */
LOCK_SYNC_API void lock_sync_response_free(lock_sync_response *response);

/**
 * Decodes a response, as a fetch does after the response has arrived.
 *
 * The body of a 2xx response must be JSON (RFC 8259) in UTF-8, without a byte order mark. Valid JSON that parsers
 * interpret differently is LOCK_SYNC_E_MALFORMED too:
 *  - a key twice in one object, a key with U+0000, or an unpaired surrogate;
 *  - an integer out of the range of int64_t;
 *  - a number with a fraction or an exponent that is out of the range of a double;
 *  - more than 2,048 levels of nesting.
 *
 * A record without a usable id is also malformed, and so are two different records of one requested lock. Two equal
 * records count as one.
 *
 * @param ctx The context; its last error has the detail.
 * @param request The request that was sent: the results contain only its ids.
 * @param response The response, complete.
 * @param[out] results The results, transferred; free with lock_sync_results_free().
 * @return LOCK_SYNC_OK; LOCK_SYNC_E_INVALID_ARGUMENT (NULL, or no HTTP status set); the failure of an earlier
 *         call on the response; LOCK_SYNC_E_MALFORMED; _RATE_LIMITED .. _API (13..19);
 *         LOCK_SYNC_E_NO_MEMORY; LOCK_SYNC_E_BUSY.
 * @par Threads The context's thread.
 * @since 0.1.0
 */
LOCK_SYNC_NODISCARD_API lock_sync_status lock_sync_response_decode(lock_sync_ctx *ctx, const lock_sync_request *request,
                                                                   const lock_sync_response *response,
                                                                   lock_sync_results **results);
/** @} */

#ifdef __cplusplus
}
#endif
#endif
