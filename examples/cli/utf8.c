#include "utf8.h"

#include <limits.h>
#include <locale.h>
#include <wchar.h>

void utf8_begin(void)
{
    (void)setlocale(LC_CTYPE, "C.UTF-8"); /* for wcwidth() */
}

size_t utf8_next(const char *text, uint32_t *character)
{
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000}; /* smaller values are overlong encodings */
    const unsigned char *at = (const unsigned char *)text;
    size_t size = at[0] < 0x80             ? 1
                  : (at[0] & 0xe0) == 0xc0 ? 2
                  : (at[0] & 0xf0) == 0xe0 ? 3
                  : (at[0] & 0xf8) == 0xf0 ? 4
                                           : 0;

    *character = size == 1 ? at[0] : at[0] & (0x7fu >> size);
    for (size_t i = 1; i < size; i++) {
        if ((at[i] & 0xc0) != 0x80)
            size = 0; /* also at the terminating NUL */
        else
            *character = *character << 6 | (at[i] & 0x3fu);
    }
    if (size > 0 && *character >= least[size] && *character <= 0x10ffff && *character >> 11 != 0x1b)
        return size;
    *character = UTF8_MALFORMED;
    return 1;
}

/* Takes a character that the C library does not know as one column. */
static int width_of(uint32_t character)
{
    int width = wcwidth((wchar_t)character);

    return width < 0 ? 1 : width;
}

/* Returns how many bytes of the text take at most `most` columns, and how many these are. Marks stay with their
   character. */
static size_t measure(const char *text, int most, int *width)
{
    size_t size = 0;

    *width = 0;
    while (text[size] != '\0') {
        uint32_t character;
        size_t more = utf8_next(text + size, &character);

        if (*width + width_of(character) > most)
            break;
        *width += width_of(character);
        size += more;
    }
    return size;
}

int utf8_width(const char *text)
{
    int width;

    (void)measure(text, INT_MAX, &width);
    return width;
}

size_t utf8_fit(const char *text, int *width, const char **end)
{
    int most = *width;
    size_t size = measure(text, most, width);

    *end = "";
    if (text[size] != '\0' && most > 0) {
        *end = "\u2026";
        size = measure(text, most - 1, width);
        ++*width;
    }
    return size;
}

bool utf8_is_in(uint32_t character, const utf8_range *ranges, size_t count)
{
    size_t i = 0;

    while (i < count && (character < ranges[i].first || character > ranges[i].last))
        i++;
    return i < count;
}

bool utf8_is_right_to_left(const char *text)
{
    /* the blocks of Unicode for these scripts, among them unassigned characters */
    static const utf8_range ranges[] = {
        {0x590, 0x8ff}, {0xfb1d, 0xfdff}, {0xfe70, 0xfeff}, {0x10800, 0x10fff}, {0x1e800, 0x1efff}};
    bool found = false;

    while (!found && *text != '\0') {
        uint32_t character;

        text += utf8_next(text, &character);
        found = utf8_is_in(character, ranges, sizeof ranges / sizeof ranges[0]);
    }
    return found;
}
