/* Prints the output for scripts. An unknown value is null; a number from the service is followed by its name. */
#ifndef CLI_JSON_H
#define CLI_JSON_H

#include "rows.h"

#include <stdio.h>

typedef struct json_style {
    const lock_sync_directory *directory; /* the names; NULL: no names */
    int64_t at_ms;                        /* when the response arrived */
    bool age;
} json_style;

/* Print JSON. Return false if memory ran out. The stream records a write error. */
bool json_print_document(FILE *out, const rows *r, const json_style *style);
bool json_print_lines(FILE *out, const rows *r, const json_style *style);                      /* one per lock */
bool json_print_changes(FILE *out, const lock_sync_changes *changes, int64_t at_ms, bool age); /* one per change */

#endif
