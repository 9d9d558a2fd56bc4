/* Prints changes as lines for people. */
#ifndef CLI_CHANGES_H
#define CLI_CHANGES_H

#include <locksync/locksync.h>

#include <stdio.h>

/* Prints one line per lock: "2026-10-03 14:03:20  1001  Front door  state: locked -> unlocking", without a name if it
   is not known. */
void changes_print(FILE *out, const lock_sync_changes *changes, int64_t at_ms);

#endif
