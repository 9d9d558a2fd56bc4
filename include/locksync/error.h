/**
 * @file
 * Statuses as text, and the detail of a context's last error. Every function accepts NULL.
 */
#ifndef LOCKSYNC_ERROR_H
#define LOCKSYNC_ERROR_H

#include "common.h"

#ifdef __cplusplus
extern "C" {
#endif

/**
 * Returns the name of a status as written in the header, for example "LOCK_SYNC_E_TOO_SOON".
 *
 * @param status Any number.
 * @return A static string; "LOCK_SYNC_E_?" for a number that this version does not know. Never NULL.
 * @par Threads Any.
 * @since 0.1.0
 */
LOCK_SYNC_API const char *lock_sync_status_name(lock_sync_status status);

/**
 * Returns the meaning of a status, in one plain English sentence.
 *
 * @param status Any number.
 * @return A static string; never NULL.
 * @par Threads Any.
 * @since 0.1.0
 */
LOCK_SYNC_API const char *lock_sync_status_message(lock_sync_status status);

/**
 * Returns whether the same call may succeed later without a change by the caller.
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
 * Returns the status of the call that this error describes.
 *
 * @param error From lock_sync_last_error(), or NULL.
 * @return The status; LOCK_SYNC_E_INVALID_ARGUMENT if `error` is NULL, as it is for a NULL context.
 * @par Threads The context's thread.
 * @since 0.1.0
 */
LOCK_SYNC_API lock_sync_status lock_sync_error_status(const lock_sync_error *error);

/**
 * Returns the HTTP status of the response that made the call fail.
 *
 * @param error From lock_sync_last_error(), or NULL.
 * @return 100..999; 0: no complete response arrived, the call succeeded, or `error` is NULL.
 * @par Threads The context's thread.
 * @since 0.1.0
 */
LOCK_SYNC_API int32_t lock_sync_error_http_status(const lock_sync_error *error);

/**
 * Returns how long to wait before a retry: until the guard allows a request, or the service's Retry-After.
 *
 * @param error From lock_sync_last_error(), or NULL.
 * @return Milliseconds, >= 0; -1: unknown.
 * @par Threads The context's thread.
 * @since 0.1.0
 */
LOCK_SYNC_API int64_t lock_sync_error_retry_after_ms(const lock_sync_error *error);

/**
 * Returns a human-readable message: the failure and its cause. It contains no credential.
 *
 * @param error From lock_sync_last_error(), or NULL.
 * @return One line of UTF-8, at most 511 bytes; "" after a success. Borrowed until the next call on the context; never
 *         NULL.
 * @par Threads The context's thread.
 * @since 0.1.0
 */
LOCK_SYNC_API const char *lock_sync_error_message(const lock_sync_error *error);

/**
 * Returns the X-Correlation-ID of the response. The service's support asks for it.
 *
 * @param error From lock_sync_last_error(), or NULL.
 * @return Borrowed until the next call on the context; NULL if there was no such header.
 * @par Threads The context's thread.
 * @since 0.1.0
 */
LOCK_SYNC_API const char *lock_sync_error_correlation_id(const lock_sync_error *error);

/**
 * Returns the number of `errorMessages` in the service's response. Elements that are not strings are not counted.
 *
 * @param error From lock_sync_last_error(), or NULL.
 * @return The count, at most 16; further messages are dropped.
 * @par Threads The context's thread.
 * @since 0.1.0
 */
LOCK_SYNC_API size_t lock_sync_error_api_message_count(const lock_sync_error *error);

/**
 * Returns one of the `errorMessages` of the service's response, unchanged except that a credential in it is redacted.
 *
 * The string is UTF-8 and ends at the first U+0000. It may contain control characters: filter it before you write it to
 * a terminal.
 *
 * @param error From lock_sync_last_error(), or NULL.
 * @param index 0 .. lock_sync_error_api_message_count() - 1.
 * @return Borrowed until the next call on the context; NULL past the end.
 * @par Threads The context's thread.
 * @since 0.1.0
 */
LOCK_SYNC_API const char *lock_sync_error_api_message_at(const lock_sync_error *error, size_t index);

/**
 * Returns where parsing stopped, if the body is not valid JSON or an object in it has a key twice.
 *
 * The offset is usually the end of the offending token. For a NUL byte it is the offset of that byte, for an empty body
 * 0. For a truncated body it is the body's size, or the offset of a last character that is incomplete.
 *
 * @param error From lock_sync_last_error(), or NULL.
 * @return Bytes from the start of the decoded body. -1: the status is not LOCK_SYNC_E_MALFORMED, or the JSON is valid
 *         and a value in it is wrong. The message then has the value's name and the record's number, from 1.
 * @par Threads The context's thread.
 * @since 0.1.0
 */
LOCK_SYNC_API int64_t lock_sync_error_byte_offset(const lock_sync_error *error);

#ifdef __cplusplus
}
#endif
#endif
