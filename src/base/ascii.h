/* ASCII without the locale: what HTTP and the envelope's keys are compared by. */
#ifndef LSYNC_BASE_ASCII_H
#define LSYNC_BASE_ASCII_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

static inline char lsync_ascii_lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

static inline bool lsync_ascii_is_digit(char c)
{
    return c >= '0' && c <= '9';
}

bool lsync_ascii_is_alnum(char c);

/* The value of a hexadecimal digit; -1: it is none. */
int lsync_ascii_hex(char c);

/* Reads the decimal digits at the beginning of a text, at most `digits_max` of them (up to 19). Returns how many there
   are, and their value. */
size_t lsync_ascii_digits(const char *text, size_t size, size_t digits_max, uint64_t *value);

/* Whether `text` begins with `lower_case`, or is it, without regard to the text's case. */
bool lsync_ascii_begins(const char *text, size_t size, const char *lower_case);
bool lsync_ascii_equal(const char *text, size_t size, const char *lower_case);

/* What stands behind the blanks, tabs and line ends at the text's beginning. */
const char *lsync_ascii_behind_space(const char *text);

/* Drops blanks, tabs and line ends around a text. */
void lsync_ascii_trim(const char **text, size_t *size);

#endif
