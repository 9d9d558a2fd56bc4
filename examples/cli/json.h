/* The output for scripts. What is not known is null; numbers of the service stand beside their names. */
#ifndef CLI_JSON_H
#define CLI_JSON_H

#include <locksync/locksync.h>

#include <stdio.h>

/* Each prints, and returns false when memory ran out; that writing failed is told by the stream. */
bool json_print_document(FILE *out, const lock_sync_results *results, bool age);
bool json_print_lines(FILE *out, const lock_sync_results *results, bool age);                  /* one per lock */
bool json_print_changes(FILE *out, const lock_sync_changes *changes, int64_t at_ms, bool age); /* one per change */

#endif
