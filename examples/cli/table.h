/* The table of locks. */
#ifndef CLI_TABLE_H
#define CLI_TABLE_H

#include "rows.h"

#include <stdio.h>

typedef enum table_column {
    COLUMN_NAME,
    COLUMN_ID,
    COLUMN_SERIAL, /* the serial number */
    COLUMN_STATE,
    COLUMN_DOOR,
    COLUMN_BATTERY,
    COLUMN_CHARGING,
    COLUMN_CONNECTED,
    COLUMN_CHANGED,
    COLUMN_COUNT
} table_column;

/* The columns to print, each at most once. A count of 0 means the default: all except the serial number, and the name
   only if one is known. A narrow terminal has fewer columns of the default. */
typedef struct table_columns {
    table_column at[COLUMN_COUNT];
    size_t count;
} table_columns;

/* Returns whether it is one of the columns. */
bool table_has_column(const table_columns *columns, table_column column);

typedef struct table_style {
    table_columns columns;
    const lock_sync_directory *directory; /* the names; NULL: no names */
    bool color;
    bool age;
    bool headings;
    bool is_stale; /* the rows are from an old response */
    int width;     /* columns of the terminal; 0: unlimited */
    size_t lines; /* lines below the headings; the last counts the locks that do not fit. SIZE_MAX: unlimited. Rows that
                             a person needs to see come first if not all fit */
    const char *line_end; /* a screen needs more than a line feed */
} table_style;

void table_print(FILE *out, const rows *r, const table_style *style);

#endif
