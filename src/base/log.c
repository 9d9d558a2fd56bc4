/* Messages to the application's logger; see log.h. */
#include "base/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

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
    lsync_trim_utf8(line);
    logger->log(logger->user, level, line);
}

void lsync_one_line(char *text)
{
    for (unsigned char *c = (unsigned char *)text; *c != '\0'; c++)
        if (*c < 0x20 || *c == 0x7f)
            *c = ' ';
}

void lsync_redact(char *text, const char *secret)
{
    size_t size = secret == NULL ? 0 : strlen(secret);
    size_t stars = size < 3 ? size : 3;

    if (size == 0)
        return;
    for (char *at = text; (at = strstr(at, secret)) != NULL; at += stars) {
        memset(at, '*', stars);
        memmove(at + stars, at + size, strlen(at + size) + 1);
    }
}

void lsync_trim_utf8(char *text)
{
    size_t size = strlen(text);
    size_t back = 0; /* continuation bytes at the end */
    unsigned char lead;
    size_t needed;

    while (back < 3 && back < size && ((unsigned char)text[size - 1 - back] & 0xc0) == 0x80)
        back++;
    if (back == size)
        return;
    lead = (unsigned char)text[size - 1 - back];
    needed = lead >= 0xf0 ? 3 : lead >= 0xe0 ? 2 : lead >= 0xc0 ? 1 : 0;
    if (needed > back)
        text[size - 1 - back] = '\0';
}
