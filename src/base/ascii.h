/* ASCII characters, independent of the locale. HTTP headers and the envelope's keys are compared with them. */
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

/* The text of a macro's value, to build messages from constants. */
#define LSYNC_ASCII_TEXT_OF(token) #token
#define LSYNC_ASCII_TEXT(macro) LSYNC_ASCII_TEXT_OF(macro)

#define LSYNC_ASCII_INT64_DIGITS 18 /* decimal digits; an int64_t can hold every number of this length */

bool lsync_ascii_is_alnum(char c);

/* Returns the value of a hexadecimal digit; -1 for any other character. */
int lsync_ascii_hex(char c);

/* Returns the byte that a %XX at the beginning of a text encodes; -1 if the text does not begin with one. */
int lsync_ascii_percent(const char *text, size_t size);

/* Reads the decimal digits at the beginning of a text, at most `digits_max` of them (up to 19). Returns their number;
   *value becomes their value. Inline because decoding reads six numbers of each timestamp. */
static inline size_t lsync_ascii_digits(const char *text, size_t size, size_t digits_max, uint64_t *value)
{
    size_t n = 0;

    for (*value = 0; n < size && n < digits_max && lsync_ascii_is_digit(text[n]); n++)
        *value = *value * 10 + (uint64_t)(text[n] - '0');
    return n;
}

/* Returns whether `text` begins with `lower_case`, or is equal to it. The case of `text` is ignored. */
bool lsync_ascii_begins(const char *text, size_t size, const char *lower_case);
bool lsync_ascii_equal(const char *text, size_t size, const char *lower_case);

/* Returns the first character that is not a space, tab or line end. */
const char *lsync_ascii_after_space(const char *text);

/* Removes spaces, tabs and line ends at both ends of a text. */
void lsync_ascii_trim(const char **text, size_t *size);

#endif
