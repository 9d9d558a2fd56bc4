/* The directory of an account in a file, in the shape of the service's response. It has no secret. */
#ifndef CLI_NAMES_FILE_H
#define CLI_NAMES_FILE_H

#include <locksync/locksync.h>

/* Copies what a file would have. Returns NULL for NULL, and if memory ran out. */
lock_sync_directory *names_file_copy(lock_sync_ctx *ctx, const lock_sync_directory *directory);

/* Each of these returns NULL, or a problem in words. */

/* Sets `directory` to NULL, or to a new one if the file has one. Only ids, names, serial numbers and revisions are
   known; the time of the fetch is when the file was written. */
const char *names_file_read(lock_sync_ctx *ctx, const char *path, lock_sync_directory **directory);

/* Replaces the file. */
const char *names_file_write(const char *path, const lock_sync_directory *directory);

#endif
