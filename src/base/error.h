/* The details of a failure, which lock_sync_last_error() returns. */
#ifndef LSYNC_BASE_ERROR_H
#define LSYNC_BASE_ERROR_H

#include "base/attributes.h"
#include "locksync/error.h"

#define LSYNC_ERROR_API_MESSAGES_MAX 16

struct lock_sync_error {
    const lock_sync_allocator *memory; /* must outlive the error */
    lock_sync_status status;
    int32_t http_status;
    int64_t retry_after_ms;
    int64_t byte_offset;
    char *message;        /* owned; NULL: the status's default message is enough, or memory ran out */
    char *correlation_id; /* owned, or NULL */
    size_t api_message_count;
    char *api_messages[LSYNC_ERROR_API_MESSAGES_MAX]; /* owned */
};

void lsync_error_init(lock_sync_error *e, const lock_sync_allocator *memory);

/* Resets the error to OK and frees all that it owns. Also ends the life of an error. */
void lsync_error_clear(lock_sync_error *e);

/* Replaces the error by a status and a message. It cannot fail: without memory the default message is used.
   Returns `status`, so that a function can end with `return lsync_error_set(...)`. */
lock_sync_status lsync_error_set(lock_sync_error *e, lock_sync_status status, const char *format, ...)
    LSYNC_PRINTF(3, 4);

/* Replaces only the message of an error. */
void lsync_error_reword(lock_sync_error *e, const char *format, ...) LSYNC_PRINTF(2, 3);

/* Sets the error of a failed allocation. */
lock_sync_status lsync_error_no_memory(lock_sync_error *e);

#endif
