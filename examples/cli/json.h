/* Prints the output for scripts. An unknown value is null; a number from the service is followed by its name. */
#ifndef CLI_JSON_H
#define CLI_JSON_H

#include <locksync/locksync.h>

#include <stdio.h>

/* Each returns false if memory ran out. The stream records a write error. */
bool json_print_document(FILE *out, const lock_sync_results *results, bool age);
bool json_print_lines(FILE *out, const lock_sync_results *results, bool age);                  /* one per lock */
bool json_print_changes(FILE *out, const lock_sync_changes *changes, int64_t at_ms, bool age); /* one per change */

#endif
