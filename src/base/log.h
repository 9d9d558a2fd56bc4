/* Messages to the host's logger. Callers give no secret and no body. */
#ifndef LSYNC_BASE_LOG_H
#define LSYNC_BASE_LOG_H

#include "base/attributes.h"
#include "locksync/common.h"

typedef struct lsync_logger {
    lock_sync_log_fn log; /* NULL: nobody listens */
    void *user;           /* must outlive its use */
} lsync_logger;

void lsync_log(const lsync_logger *logger, lock_sync_log_level level, const char *format, ...) LSYNC_PRINTF(3, 4);

/* What makes a text from outside fit to be shown, each in place: */

/* Replaces control characters, so that it stays one line. */
void lsync_one_line(char *text);
/* Replaces each `secret` (NULL or "": none) by "***". */
void lsync_redact(char *text, const char *secret);
/* Drops a character of UTF-8 that was cut at the end. */
void lsync_trim_utf8(char *text);

#endif
