/* The table of locks. */
#ifndef CLI_TABLE_H
#define CLI_TABLE_H

#include "rows.h"

#include <stdio.h>

typedef struct table_style {
    bool color;
    bool age;
    bool headings;
    int width;            /* columns of the terminal; 0: as many as it takes */
    size_t lines;         /* lines below the headings; what does not fit is counted in the last. SIZE_MAX: all */
    const char *line_end; /* what a screen wants there may be more than a line feed */
} table_style;

void table_print(FILE *out, const rows *r, const table_style *style);

#endif
