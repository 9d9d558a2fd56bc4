/* Whole numbers that are written as reals (54.0); see whole.h. */
#include "wire/whole.h"
#include "base/ascii.h"

#include <stdbool.h>
#include <string.h>

static bool is_of_number(char c)
{
    return lsync_ascii_is_digit(c) || c == '-' || c == '.' || c == '+' || c == 'e' || c == 'E';
}

/* Returns the end of the string whose opening quote is at `at`. */
static size_t skip_string(const char *json, size_t size, size_t at)
{
    for (at++; at < size && json[at] != '"'; at++)
        at += json[at] == '\\';
    return at + 1;
}

/* Overwrites the fraction of a token with spaces if the token is an integer, a point and zeros. An integer
   of too many digits is left unchanged, because the parser would reject the whole text if an int64_t cannot hold it. */
static void write_whole(char *token, size_t size)
{
    const char *point = memchr(token, '.', size);
    size_t whole = point == NULL ? 0 : (size_t)(point - token);

    if (whole == 0 || whole > LSYNC_ASCII_INT64_DIGITS + (size_t)(token[0] == '-') ||
        !lsync_ascii_is_digit(point[-1]) || whole + 1 == size)
        return;
    for (size_t i = 0; i < size; i++)
        if (i > whole ? token[i] != '0' : i != whole && !lsync_ascii_is_digit(token[i]) && (i > 0 || token[i] != '-'))
            return;
    memset(token + whole, ' ', size - whole);
}

void lsync_json_write_wholes(char *json, size_t size)
{
    size_t at = 0;

    while (at < size) {
        size_t end = at;

        while (end < size && is_of_number(json[end]))
            end++;
        if (end > at)
            write_whole(json + at, end - at);
        at = end < size && json[end] == '"' ? skip_string(json, size, end) : end + 1;
    }
}
