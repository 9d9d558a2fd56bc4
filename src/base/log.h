/* Messages to the host's logger. Callers give no secret and no body. */
#ifndef LSYNC_BASE_LOG_H
#define LSYNC_BASE_LOG_H

#include "base/error.h"
#include "locksync/context.h"

typedef struct lsync_logger {
    lock_sync_log_fn log; /* NULL: nobody listens */
    void *user;           /* must outlive its use */
} lsync_logger;

void lsync_log(const lsync_logger *logger, lock_sync_log_level level, const char *format, ...) LSYNC_PRINTF(3, 4);

/* Replaces control characters, so that a text from outside stays one line. Works in place. */
void lsync_one_line(char *text);

#endif
