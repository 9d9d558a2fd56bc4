#include "sanitize.h"

#include "utf8.h"

/* Malformed bytes, C0, DEL and C1, the soft hyphen, marks, embeddings and isolates of direction, line separators,
   zero-width characters, annotations, tags. Also what makes an emoji of the character before it, or changes its skin:
   terminals differ in the width of the two. */
static const utf8_range replaced[] = {
    {0x0, 0x1f},      {0x7f, 0x9f},       {0xad, 0xad},       {0x61c, 0x61c},   {0x180e, 0x180e},
    {0x200b, 0x200f}, {0x2028, 0x202e},   {0x2060, 0x206f},   {0xfeff, 0xfeff}, {0xfff9, 0xfffb},
    {0xfe0f, 0xfe0f}, {0x1f3fb, 0x1f3ff}, {0xe0000, 0xe007f},
};

void sanitize(char *text)
{
    const char *from = text;
    char *to = text;

    while (*from != '\0') {
        uint32_t character;
        size_t size = utf8_next(from, &character);
        bool is_replaced = utf8_is_in(character, replaced, sizeof replaced / sizeof replaced[0]);

        if (is_replaced)
            *to++ = ' ';
        for (size_t i = 0; i < size && !is_replaced; i++)
            *to++ = from[i];
        from += size;
    }
    *to = '\0';
}
