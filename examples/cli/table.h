/* The table of locks. */
#ifndef CLI_TABLE_H
#define CLI_TABLE_H

#include "rows.h"

#include <stdio.h>

typedef struct table_style {
    bool color;
    bool age;
    bool headings;
    int width;            /* columns of the terminal; 0: unlimited */
    size_t lines;         /* lines below the headings; the last counts the locks that do not fit. SIZE_MAX: unlimited */
    const char *line_end; /* a screen needs more than a line feed */
} table_style;

void table_print(FILE *out, const rows *r, const table_style *style);

#endif
