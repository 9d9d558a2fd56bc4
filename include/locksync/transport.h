/**
 * @file
 * HTTP of the host's own: a pluggable transport, or requests and responses with no transport at all.
 */
#ifndef LOCKSYNC_TRANSPORT_H
#define LOCKSYNC_TRANSPORT_H

#include "common.h"
#include "results.h"

#ifdef __cplusplus
extern "C" {
#endif

/**
 * A host's own way to perform a request. The host fills it; lock_sync_set_transport() copies it.
 */
typedef struct lock_sync_transport {
    size_t struct_size; /**< sizeof(lock_sync_transport), as the host was compiled. */
    void *user;         /**< Passed back as the first argument; must outlive the context, or end in `destroy`. */
    /**
     * Sends `request` once and fills `response` with status, headers and decoded body. Required.
     *
     * Both are borrowed for the call. Redirects must not be followed. It returns LOCK_SYNC_OK once a whole answer is
     * in, whatever its HTTP status, else LOCK_SYNC_E_NO_MEMORY or one of LOCK_SYNC_E_CANCELLED ..
     * LOCK_SYNC_E_TOO_LARGE (4..10). Anything else, and LOCK_SYNC_OK without a status set, counts as
     * LOCK_SYNC_E_NETWORK. LOCK_SYNC_E_RESOLVE, _CONNECT and _TLS say that no byte of the request was sent: the guard's
     * slot is then given back. Nothing is sent after lock_sync_request_timeout_ms().
     */
    lock_sync_status (*perform)(void *user, const lock_sync_request *request, lock_sync_response *response);
    /**
     * Makes a running `perform` return soon. Optional; called from another thread, perhaps more than once, perhaps
     * before `perform` has begun or after it returned. It calls no function of the library.
     */
    void (*cancel)(void *user);
    /** Optional; called once, when the context lets go of the transport; not after a failed lock_sync_set_transport().
     *  It does not use the context. */
    void (*destroy)(void *user);
} lock_sync_transport;

/**
 * Sets the transport that fetches go through.
 *
 * @param ctx The context.
 * @param transport Copied. The one before is let go of first: to set the same `user` again ends it by its `destroy`.
 *                  NULL: the built-in one (libcurl), where there is one.
 * @return LOCK_SYNC_OK; LOCK_SYNC_E_INVALID_ARGUMENT (`ctx` NULL, `perform` NULL, struct_size too small);
 *         LOCK_SYNC_E_BUSY. After a failure the old transport stays.
 * @par Threads That of the context.
 * @since 0.1.0
 */
LOCK_SYNC_API lock_sync_status lock_sync_set_transport(lock_sync_ctx *ctx, const lock_sync_transport *transport);

/**
 * @name Reading a request
 * Texts are borrowed from the request. NULL for the request gives "", 0, NULL or false. A request holds the credential:
 * do not log its headers.
 * @par Threads Any, as requests do not change.
 * @{
 */

/**
 * The HTTP method.
 * @param request The request. @return "GET", static. @since 0.1.0
 */
LOCK_SYNC_API const char *lock_sync_request_method(const lock_sync_request *request);

/**
 * The absolute URL. It holds no credential.
 * @param request The request. @return The URL, borrowed; at most 2,000 bytes. @since 0.1.0
 */
LOCK_SYNC_API const char *lock_sync_request_url(const lock_sync_request *request);

/**
 * How many headers to send: Accept, Authorization, User-Agent. Host and Accept-Encoding are the transport's.
 * @param request The request. @return The count. @since 0.1.0
 */
LOCK_SYNC_API size_t lock_sync_request_header_count(const lock_sync_request *request);

/**
 * One header's name.
 * @param request The request. @param i 0 .. count - 1. @return The name; NULL past the end. @since 0.1.0
 */
LOCK_SYNC_API const char *lock_sync_request_header_name(const lock_sync_request *request, size_t i);

/**
 * One header's value.
 * @param request The request. @param i 0 .. count - 1. @return The value; NULL past the end. @since 0.1.0
 */
LOCK_SYNC_API const char *lock_sync_request_header_value(const lock_sync_request *request, size_t i);

/**
 * What is left of the whole fetch when `perform` is called; for a request of lock_sync_request_build() the setting.
 * @param request The request. @return Milliseconds, >= 1; 0 for NULL. @since 0.1.0
 */
LOCK_SYNC_API int64_t lock_sync_request_timeout_ms(const lock_sync_request *request);

/**
 * How long connecting may take.
 * @param request The request. @return Milliseconds, >= 1; 0 for NULL. @since 0.1.0
 */
LOCK_SYNC_API int64_t lock_sync_request_connect_timeout_ms(const lock_sync_request *request);

/**
 * Whether lock_sync_cancel() was called for the fetch that this request belongs to. Any thread, while `perform` runs.
 * @param request The request. @return true: return LOCK_SYNC_E_CANCELLED soon. Always false for a built request. @since 0.1.0
 */
LOCK_SYNC_API bool lock_sync_request_is_cancelled(const lock_sync_request *request);
/** @} */

/**
 * @name Filling a response
 * What a transport, or a host with HTTP of its own, tells of the answer.
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
 * Adds a header of the answer. Only those that the library uses (Date, Retry-After, X-Correlation-ID) are kept, where
 * they are of a usual length (39, 39 and 127 bytes); of one that comes twice the first is.
 *
 * @param response The response.
 * @param name A header name, in any case. Copied where kept.
 * @param value Its value, without the line end; surrounding blanks are dropped. Copied where kept.
 * @return LOCK_SYNC_OK; LOCK_SYNC_E_INVALID_ARGUMENT (NULL, an empty name, a control character in either);
 *         LOCK_SYNC_E_NO_MEMORY; LOCK_SYNC_E_TOO_LARGE (names and values of all headers pass 64 KiB). The last two are
 *         remembered as in lock_sync_response_append_body().
 * @since 0.1.0
 */
LOCK_SYNC_API lock_sync_status lock_sync_response_add_header(lock_sync_response *response, const char *name,
                                                             const char *value);

/**
 * Appends bytes of the decoded body (after Content-Encoding and Transfer-Encoding).
 *
 * @param response The response.
 * @param data Copied. May be NULL when `size` is 0.
 * @param size Bytes.
 * @return LOCK_SYNC_OK; LOCK_SYNC_E_INVALID_ARGUMENT; LOCK_SYNC_E_NO_MEMORY; LOCK_SYNC_E_TOO_LARGE past the cap of
 *         lock_sync_set_max_response_bytes(). A failure is remembered: the fetch, or lock_sync_response_decode(), ends
 *         with it.
 * @since 0.1.0
 */
LOCK_SYNC_API lock_sync_status lock_sync_response_append_body(lock_sync_response *response, const void *data,
                                                              size_t size);
/** @} */

/**
 * @name The pure middle: requests and answers without a transport
 *
 * For a host with its own HTTP stack or event loop: build a request, send it, fill a response, decode it. Nothing here
 * does I/O. The host keeps the service's rate limits itself.
 * @{
 */

/**
 * Builds the request that lock_sync_fetch() would send.
 *
 * @param ctx The context, with its settings and credential. The token provider is not asked.
 * @param ids As in lock_sync_fetch().
 * @param n As in lock_sync_fetch().
 * @param[out] out The request, transferred; free with lock_sync_request_free(). It may outlive the context.
 * @return LOCK_SYNC_OK; LOCK_SYNC_E_INVALID_ARGUMENT; LOCK_SYNC_E_NO_CREDENTIAL (none, or expired);
 *         LOCK_SYNC_E_NO_MEMORY; LOCK_SYNC_E_BUSY.
 * @par Threads That of the context.
 * @since 0.1.0
 */
LOCK_SYNC_API lock_sync_status lock_sync_request_build(lock_sync_ctx *ctx, const int64_t *ids, size_t n,
                                                       lock_sync_request **out);

/**
 * Builds the request that lock_sync_fetch_one() would send.
 *
 * @param ctx The context.
 * @param id The lock, > 0.
 * @param[out] out As in lock_sync_request_build().
 * @return As lock_sync_request_build().
 * @par Threads That of the context.
 * @since 0.1.0
 */
LOCK_SYNC_API lock_sync_status lock_sync_request_build_one(lock_sync_ctx *ctx, int64_t id, lock_sync_request **out);

/**
 * Frees a request of lock_sync_request_build() and wipes its credential.
 *
 * @param request Transferred; NULL is allowed.
 * @par Threads Any.
 * @since 0.1.0
 */
LOCK_SYNC_API void lock_sync_request_free(lock_sync_request *request);

/**
 * Makes an empty response, with the context's cap on the body.
 *
 * @param ctx The context.
 * @param[out] out The response, transferred; free with lock_sync_response_free(). It may outlive the context.
 * @return LOCK_SYNC_OK; LOCK_SYNC_E_INVALID_ARGUMENT; LOCK_SYNC_E_NO_MEMORY; LOCK_SYNC_E_BUSY.
 * @par Threads That of the context.
 * @since 0.1.0
 */
LOCK_SYNC_API lock_sync_status lock_sync_response_new(lock_sync_ctx *ctx, lock_sync_response **out);

/**
 * Sets when the answer arrived; default: when the response was made.
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
 * Decodes an answer, as a fetch does once it has arrived.
 *
 * The body of a 2xx answer must be JSON (RFC 8259) in UTF-8, without a byte order mark. LOCK_SYNC_E_MALFORMED is also what
 * JSON allows and no reader can be sure of: a key that comes twice in one object, a key with U+0000, half a surrogate
 * pair, a number that is out of the range of int64_t or, with a fraction or an exponent, of a double, and values in each
 * other that are more than 2,048 levels deep. So are a record without a usable id, and two records of one lock that was
 * asked for which differ in a value; equal ones count once.
 *
 * @param ctx The context; its last error has the detail.
 * @param request The request that was sent: the answer is filtered to its ids.
 * @param response The response, complete.
 * @param[out] results The answer, transferred; free with lock_sync_results_free().
 * @return LOCK_SYNC_OK; LOCK_SYNC_E_INVALID_ARGUMENT (NULL, or no HTTP status set); a failure that the response
 *         remembers; LOCK_SYNC_E_MALFORMED and the statuses 13..19 by what the service said; LOCK_SYNC_E_NO_MEMORY;
 *         LOCK_SYNC_E_BUSY.
 * @par Threads That of the context.
 * @since 0.1.0
 */
LOCK_SYNC_API lock_sync_status lock_sync_response_decode(lock_sync_ctx *ctx, const lock_sync_request *request,
                                                         const lock_sync_response *response,
                                                         lock_sync_results **results);
/** @} */

#ifdef __cplusplus
}
#endif
#endif
