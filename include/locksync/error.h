/**
 * @file
 * Statuses as text, and the detail of a context's last error. Every reader accepts NULL.
 */
#ifndef LOCKSYNC_ERROR_H
#define LOCKSYNC_ERROR_H

#include "common.h"

#ifdef __cplusplus
extern "C" {
#endif

/**
 * The name of a status as it stands in the header, for example "LOCK_SYNC_E_TOO_SOON".
 *
 * @param status Any number.
 * @return Static text; "LOCK_SYNC_E_?" for a number this version has no name for. Never NULL.
 * @par Threads Any.
 * @since 0.1.0
 */
LOCK_SYNC_API const char *lock_sync_status_name(lock_sync_status status);

/**
 * What a status means, in one plain English sentence.
 *
 * @param status Any number.
 * @return Static text; never NULL.
 * @par Threads Any.
 * @since 0.1.0
 */
LOCK_SYNC_API const char *lock_sync_status_message(lock_sync_status status);

/**
 * Whether the same call may succeed later without a change by the caller.
 *
 * LOCK_SYNC_E_TOO_SOON and LOCK_SYNC_E_RATE_LIMITED are retryable after lock_sync_error_retry_after_ms().
 *
 * @param status Any number.
 * @return true for LOCK_SYNC_E_NO_MEMORY, _TIMEOUT, _RESOLVE, _CONNECT, _NETWORK, _TOO_SOON, _RATE_LIMITED, _SERVER
 *         and _GUARD.
 * @par Threads Any.
 * @since 0.1.0
 */
LOCK_SYNC_API bool lock_sync_status_is_retryable(lock_sync_status status);

/**
 * The status that the call returned.
 *
 * @param error From lock_sync_last_error(), or NULL.
 * @return The status; LOCK_SYNC_E_INVALID_ARGUMENT for NULL, which only a NULL context gives.
 * @par Threads That of the context.
 * @since 0.1.0
 */
LOCK_SYNC_API lock_sync_status lock_sync_error_status(const lock_sync_error *error);

/**
 * The HTTP status of the answer that the call failed on.
 *
 * @param error From lock_sync_last_error(), or NULL.
 * @return 100..999; 0: no whole answer arrived, the call succeeded, or `error` is NULL.
 * @par Threads That of the context.
 * @since 0.1.0
 */
LOCK_SYNC_API int32_t lock_sync_error_http_status(const lock_sync_error *error);

/**
 * How long to wait before another try: what is left until the guard opens, or the service's Retry-After.
 *
 * @param error From lock_sync_last_error(), or NULL.
 * @return Milliseconds, >= 0; -1: unknown.
 * @par Threads That of the context.
 * @since 0.1.0
 */
LOCK_SYNC_API int64_t lock_sync_error_retry_after_ms(const lock_sync_error *error);

/**
 * What happened, with its cause, for a person: one line of UTF-8, at most 511 bytes. It holds no credential.
 *
 * @param error From lock_sync_last_error(), or NULL.
 * @return Borrowed until the next call on the context; never NULL. "" after a success.
 * @par Threads That of the context.
 * @since 0.1.0
 */
LOCK_SYNC_API const char *lock_sync_error_message(const lock_sync_error *error);

/**
 * The X-Correlation-ID of the answer: what the service's support asks for.
 *
 * @param error From lock_sync_last_error(), or NULL.
 * @return Borrowed until the next call on the context; NULL when there was none.
 * @par Threads That of the context.
 * @since 0.1.0
 */
LOCK_SYNC_API const char *lock_sync_error_correlation_id(const lock_sync_error *error);

/**
 * How many `errorMessages` the service's answer held.
 *
 * @param error From lock_sync_last_error(), or NULL.
 * @return The count; at most 16 are kept.
 * @par Threads That of the context.
 * @since 0.1.0
 */
LOCK_SYNC_API size_t lock_sync_error_api_message_count(const lock_sync_error *error);

/**
 * One of the `errorMessages` of the service's answer, as sent up to a U+0000 (UTF-8, perhaps with control characters:
 * not for a terminal as it is); a credential in it is struck out. Elements that are no strings do not count.
 *
 * @param error From lock_sync_last_error(), or NULL.
 * @param i 0 .. lock_sync_error_api_message_count() - 1.
 * @return Borrowed until the next call on the context; NULL past the end.
 * @par Threads That of the context.
 * @since 0.1.0
 */
LOCK_SYNC_API const char *lock_sync_error_api_message_at(const lock_sync_error *error, size_t i);

/**
 * Where the parser stopped in a body that is not valid JSON, or has a key twice: usually the end of the offending token.
 *
 * A NUL byte has its own offset, an empty body 0. A body that ends too early has its size, or the offset of a last
 * character that is cut.
 *
 * @param error From lock_sync_last_error(), or NULL.
 * @return Bytes from the start of the decoded body; -1: the status is not LOCK_SYNC_E_MALFORMED, or the JSON is valid
 *         and a value in it is at fault, which the message names: a record by its index, counted from 1.
 * @par Threads That of the context.
 * @since 0.1.0
 */
LOCK_SYNC_API int64_t lock_sync_error_byte_offset(const lock_sync_error *error);

#ifdef __cplusplus
}
#endif
#endif
