/* Text in UTF-8: its characters, and the columns that it takes in a terminal. */
#ifndef CLI_UTF8_H
#define CLI_UTF8_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define UTF8_MALFORMED 0

/* Makes the widths of characters known, whatever the locale of the user is. Call it once, before utf8_width(). */
void utf8_begin(void);

/* Decodes the next character and returns its size. Of a malformed sequence it takes the first byte only, as
   UTF8_MALFORMED. */
size_t utf8_next(const char *text, uint32_t *character);

/* Returns the number of columns. A wide character takes two, and a mark on the character before it takes no column. */
int utf8_width(const char *text);

/* Returns how many bytes to print, so that the text with `end` behind it takes at most `*width` columns. Sets
   `*width` to the columns that both take. `end` is an ellipsis if the text is cut, else "". */
size_t utf8_fit(const char *text, int *width, const char **end);

/* Returns whether a character of the text belongs to a script that is written from right to left. */
bool utf8_is_right_to_left(const char *text);

typedef struct utf8_range {
    uint32_t first;
    uint32_t last;
} utf8_range;

bool utf8_is_in(uint32_t character, const utf8_range *ranges, size_t count);

#endif
