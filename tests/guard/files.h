/* For the tests of the file guard: a folder, guards on a file in it, its records, and the lock of another process. */
#ifndef GUARD_FILES_H
#define GUARD_FILES_H

#include "../support/child.h"
#include "../support/decoding.h"
#include "../support/kit.h"
#include "guard/record.h"

#define PLACE_SIZE 512
#define GUARD_FILE_SIZE (2 * PLACE_SIZE)
#define HOUR_MS 3600000
#define NOBODY 65534 /* a user and a group without rights */

/* The folder of a test's guards. */
typedef struct folder {
    char *dir;
    char *path;     /* of the guard's file */
    char *new_path; /* the name under which the file is created */
} folder;

extern folder here;

/* A test with a folder, which is removed after the test; its guards are freed. */
#define TEST_HERE(name) TEST_IN(name, folder_begin, folder_end)
int folder_begin(void **t_state);
int folder_end(void **t_state);

void folder_renew(void); /* for the next row of a table */
size_t folder_entries(void);

/* Open guards, and on failure end the process, which may be a child. */
lock_sync_guard *file_guard(int64_t interval_ms);
lock_sync_guard *file_guard_at(const char *path, int64_t interval_ms);
void free_guard(lock_sync_guard *g); /* before the test ends */

/* Return whether the result is as expected.
   - check_no_guard: opening `path` gives E_GUARD and no guard.
   - check_no_slot: a request for a slot gives E_GUARD, no slot, and a message that contains `why`.
   - use_slot: a slot is granted and settled.
   - check_wait: a request for a slot is denied for `ms`, or for at most 5 s less. */
bool check_no_guard(const char *path);
bool check_no_slot(lock_sync_guard *g, const char *why);
bool use_slot(lock_sync_guard *g);
bool check_wait(lock_sync_guard *g, int64_t ms);

int64_t take_slot(lock_sync_guard *g, int64_t lease_ms);

/* Uses a slot whose request gets a 429. */
void be_limited(lock_sync_guard *g, int64_t retry_after_ms);

/* Reads a place of the guard's file (false: no record), the newest record, and its entry for SYNC. The last one
   writes a record to both places of a file. */
bool file_place(size_t i, lsync_guard_stored *stored);
lsync_guard_stored file_stored(void);
lsync_guard_entry sync_entry(void);
void write_stored(const char *path, const lsync_guard_stored *stored);

/* Returns the number of requests in the file's record: those in its cells, and those on their way. */
uint32_t counted_requests(void);

/* Locks a file as another process would. close() the descriptor to unlock it. */
int lock_as_another_process(const char *path);
bool is_locked(void);

void pause_ms(unsigned ms);

#endif
