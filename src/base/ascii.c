/* ASCII characters, independent of the locale; see ascii.h. */
#include "base/ascii.h"

int lsync_ascii_hex(char c)
{
    if (lsync_ascii_is_digit(c))
        return c - '0';
    c = lsync_ascii_lower(c);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

int lsync_ascii_percent(const char *text, size_t size)
{
    if (size < 3 || text[0] != '%' || lsync_ascii_hex(text[1]) < 0 || lsync_ascii_hex(text[2]) < 0)
        return -1;
    return lsync_ascii_hex(text[1]) * 16 + lsync_ascii_hex(text[2]);
}

bool lsync_ascii_is_alnum(char c)
{
    return lsync_ascii_is_digit(c) || (lsync_ascii_lower(c) >= 'a' && lsync_ascii_lower(c) <= 'z');
}

/* Returns the length of the prefix that `text` and `lower_case` share. */
static size_t common(const char *text, size_t size, const char *lower_case)
{
    size_t i = 0;

    while (i < size && lower_case[i] != '\0' && lsync_ascii_lower(text[i]) == lower_case[i])
        i++;
    return i;
}

bool lsync_ascii_begins(const char *text, size_t size, const char *lower_case)
{
    return lower_case[common(text, size, lower_case)] == '\0';
}

bool lsync_ascii_equal(const char *text, size_t size, const char *lower_case)
{
    size_t same = common(text, size, lower_case);

    return same == size && lower_case[same] == '\0';
}

static bool is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* Does not use strspn: a checking build of it (a sanitizer's) reads the whole text in each call. */
const char *lsync_ascii_after_space(const char *text)
{
    while (is_space(*text))
        text++;
    return text;
}

void lsync_ascii_trim(const char **text, size_t *size)
{
    for (; *size > 0 && is_space(**text); --*size)
        ++*text;
    while (*size > 0 && is_space((*text)[*size - 1]))
        --*size;
}
