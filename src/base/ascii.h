/* ASCII without the locale: what HTTP and the envelope's keys are compared by. */
#ifndef LSYNC_BASE_ASCII_H
#define LSYNC_BASE_ASCII_H

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

static inline char lsync_ascii_lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

static inline bool lsync_ascii_is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static inline bool lsync_ascii_is_hex(char c)
{
    return lsync_ascii_is_digit(c) || (lsync_ascii_lower(c) >= 'a' && lsync_ascii_lower(c) <= 'f');
}

static inline bool lsync_ascii_is_alnum(char c)
{
    return lsync_ascii_is_digit(c) || (lsync_ascii_lower(c) >= 'a' && lsync_ascii_lower(c) <= 'z');
}

/* Whether `text` begins with `lower_case`, without regard to the text's case. */
static inline bool lsync_ascii_begins(const char *text, size_t size, const char *lower_case)
{
    size_t i = 0;

    for (; lower_case[i] != '\0'; i++)
        if (i == size || lsync_ascii_lower(text[i]) != lower_case[i])
            return false;
    return true;
}

static inline bool lsync_ascii_equal(const char *text, size_t size, const char *lower_case)
{
    return strlen(lower_case) == size && lsync_ascii_begins(text, size, lower_case);
}

/* Drops blanks, tabs and line ends around a text. */
static inline void lsync_ascii_trim(const char **text, size_t *size)
{
    while (*size > 0 && strchr(" \t\r\n", (*text)[0]) != NULL && (*text)[0] != '\0') {
        (*text)++;
        (*size)--;
    }
    while (*size > 0 && strchr(" \t\r\n", (*text)[*size - 1]) != NULL && (*text)[*size - 1] != '\0')
        (*size)--;
}

#endif
