/* Messages to the application's logger. Callers must not pass secrets or bodies. */
#ifndef LSYNC_BASE_LOG_H
#define LSYNC_BASE_LOG_H

#include "base/attributes.h"
#include "locksync/common.h"

typedef struct lsync_logger {
    lock_sync_log_fn log; /* NULL: nothing is logged */
    void *user;           /* must outlive the logger */
} lsync_logger;

void lsync_log(const lsync_logger *logger, lock_sync_log_level level, const char *format, ...) LSYNC_PRINTF(3, 4);

/* These make a text from outside safe to show. Each changes the text in place. */

/* Replaces each control character by a space, so that the text is one line. */
void lsync_one_line(char *text);
/* Replaces each occurrence of `secret` (NULL or "": none) by "***". */
void lsync_redact(char *text, const char *secret);
/* Removes an incomplete UTF-8 character at the end. */
void lsync_trim_utf8(char *text);

#endif
