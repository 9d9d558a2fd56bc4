/* What the tests of the file guard share: a folder, a guard in it, the file's records from outside, and child
   processes. */
#ifndef GUARD_FILES_H
#define GUARD_FILES_H

#include "../support/child.h"
#include "../support/kit.h"
#include "../support/decoding.h"
#include "guard/record.h"

#define PLACE_SIZE 512
#define GUARD_FILE_SIZE (2 * PLACE_SIZE)

typedef struct folder {
    char *dir;
    char *path; /* of the guard's file in it */
} folder;

folder folder_new(void);
void folder_free(folder *f);
size_t folder_entries(const folder *f);

/* A guard on a path; ends the test when there is none. */
lock_sync_guard *file_guard(const char *path, int64_t interval_ms);

/* That opening `path` gives E_GUARD and no guard. */
void check_no_guard(const char *path);

/* That asking gives E_GUARD, no slot, and a message that holds `why`. */
void check_no_slot(lock_sync_guard *g, const char *why);

/* Takes and settles a slot. */
void use_slot(lock_sync_guard *g);

/* The wait that a refusal tells; -1 (and a failed check) when it is none. */
int64_t refused_wait_ms(lock_sync_guard *g);

/* The newest record in a guard's file, and a record written to both places. */
lsync_guard_stored file_stored(const char *path);
void write_stored(const char *path, const lsync_guard_stored *stored);

/* How many requests a file's record counts: those in its cells, and those on their way. */
uint32_t counted_requests(const char *path);

/* Locks a file as another process would; close() the descriptor to let go. */
int hold_lock(const char *path);

#endif
