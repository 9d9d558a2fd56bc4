/* Messages to the host's logger; see log.h. */
#include "base/log.h"

#include <stdarg.h>
#include <stdio.h>

#define LINE_MAX_BYTES 3072 /* holds the longest URL and the rest of the line */

void lsync_log(const lsync_logger *logger, lock_sync_log_level level, const char *format, ...)
{
    char line[LINE_MAX_BYTES];
    va_list arguments;
    int size;

    if (logger->log == NULL)
        return;
    va_start(arguments, format);
    size = vsnprintf(line, sizeof line, format, arguments);
    va_end(arguments);
    if (size < 0)
        return;
    lsync_one_line(line);
    logger->log(logger->user, level, line);
}

void lsync_one_line(char *text)
{
    for (unsigned char *c = (unsigned char *)text; *c != '\0'; c++)
        if (*c < 0x20 || *c == 0x7f)
            *c = ' ';
}
