/* What the tests of the file guard share: a folder, guards on a file in it, the file's records from outside, and
   another process's lock. */
#ifndef GUARD_FILES_H
#define GUARD_FILES_H

#include "../support/child.h"
#include "../support/decoding.h"
#include "../support/kit.h"
#include "guard/record.h"

#define PLACE_SIZE 512
#define GUARD_FILE_SIZE (2 * PLACE_SIZE)
#define HOUR_MS 3600000
#define NOBODY 65534 /* a user, and a group */

/* Where a test's guards live. */
typedef struct folder {
    char *dir;
    char *path;     /* of the guard's file */
    char *new_path; /* under which it is made */
} folder;

extern folder here;

/* Made before each test; after it removed, with the guards that were opened meanwhile. */
#define TEST_HERE(name) TEST_IN(name, folder_begin, folder_end)
int folder_begin(void **t_state);
int folder_end(void **t_state);

void folder_renew(void); /* for the next row of a table */
size_t folder_entries(void);

/* Guards; ends the process, which may be a child, if there is none. */
lock_sync_guard *file_guard(int64_t interval_ms);
lock_sync_guard *file_guard_at(const char *path, int64_t interval_ms);
void free_guard(lock_sync_guard *g); /* before the test ends */

/* Each returns whether all was as expected: that opening `path` gives E_GUARD and no guard; that asking gives E_GUARD,
   no slot, and a message that holds `why`; that a slot can be taken and settled; that asking is refused for so long, or
   for at most five seconds less. */
bool check_no_guard(const char *path);
bool check_no_slot(lock_sync_guard *g, const char *why);
bool use_slot(lock_sync_guard *g);
bool check_wait(lock_sync_guard *g, int64_t ms);

int64_t take_slot(lock_sync_guard *g, int64_t lease_ms);

/* Takes a slot whose request the service answers with 429. */
void be_limited(lock_sync_guard *g, int64_t retry_after_ms);

/* The record in a place of the guard's file (false: none), the newest of both, its line of SYNC, and a record written to
   both places of a file. */
bool file_place(size_t i, lsync_guard_stored *stored);
lsync_guard_stored file_stored(void);
lsync_guard_entry sync_line(void);
void write_stored(const char *path, const lsync_guard_stored *stored);

/* How many requests the file's record counts: those in its cells, and those on their way. */
uint32_t counted_requests(void);

/* Locks a file as another process would; close() the descriptor to let go. */
int hold_lock(const char *path);
bool is_locked(void);

void pause_ms(unsigned ms);

#endif
