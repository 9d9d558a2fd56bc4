#include "sanitize.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MALFORMED 0 /* marks a malformed byte, which is replaced */

/* Ranges of Unicode: C0, DEL and C1, the soft hyphen, marks, embeddings and isolates of direction, line separators,
   zero-width characters, annotations, tags. */
static const struct range {
    uint32_t first;
    uint32_t last;
} replaced[] = {
    {0x0, 0x1f},      {0x7f, 0x9f},     {0xad, 0xad},     {0x61c, 0x61c},   {0x180e, 0x180e},   {0x200b, 0x200f},
    {0x2028, 0x202e}, {0x2060, 0x206f}, {0xfeff, 0xfeff}, {0xfff9, 0xfffb}, {0xe0000, 0xe007f},
};

/* Decodes the next character and returns its size. Of a malformed sequence it takes the first byte only. */
static size_t next(const unsigned char *at, uint32_t *character)
{
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000}; /* smaller values are overlong encodings */
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
    *character = MALFORMED;
    return 1;
}

static bool is_replaced(uint32_t character)
{
    for (size_t i = 0; i < sizeof replaced / sizeof replaced[0]; i++)
        if (character >= replaced[i].first && character <= replaced[i].last)
            return true;
    return false;
}

void sanitize(char *text)
{
    const unsigned char *from = (const unsigned char *)text;
    unsigned char *to = (unsigned char *)text;

    while (*from != '\0') {
        uint32_t character;
        size_t size = next(from, &character);

        if (is_replaced(character))
            *to++ = ' ';
        for (size_t i = 0; i < size && !is_replaced(character); i++)
            *to++ = from[i];
        from += size;
    }
    *to = '\0';
}
