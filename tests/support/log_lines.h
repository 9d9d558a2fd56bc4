/* A logger callback that keeps the lines: lock_sync_set_logger(ctx, log_lines_keep, lines). */
#ifndef KIT_LOG_LINES_H
#define KIT_LOG_LINES_H

#include <locksync/locksync.h>

typedef struct log_lines log_lines;

log_lines *log_lines_new(void);
void log_lines_free(log_lines *l);
void log_lines_keep(void *lines, lock_sync_log_level level, const char *message);

size_t log_lines_count(log_lines *l, lock_sync_log_level level);
/* Returns line i of that level; NULL: no such line. Borrowed from `l`. */
const char *log_lines_at(log_lines *l, lock_sync_log_level level, size_t i);
/* Returns whether a line of any level contains `text`. */
bool log_lines_contain(log_lines *l, const char *text);

#endif
