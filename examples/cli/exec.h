/* --exec: runs a command for each change. */
#ifndef CLI_EXEC_H
#define CLI_EXEC_H

#include <locksync/locksync.h>

/* Runs the command for each changed lock, one at a time, and reports the failures of it. A signal that ends locksync
   is passed on to the command. Returns false if memory ran out. Call it between signals_begin() and signals_end(). */
bool exec_changes(char *command, const lock_sync_changes *changes);

#endif
