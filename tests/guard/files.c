/* For the tests of the file guard; see files.h. */
#include "files.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#define GUARDS_MAX 8

folder here;

static lock_sync_guard *guards[GUARDS_MAX]; /* NULL: free */

/* --- the folder --- */

int folder_begin(void **t_state)
{
    (void)t_state;
    here.dir = kit_temp_dir();
    here.path = kit_text("%s/guard", here.dir);
    here.new_path = kit_text("%s/guard.new", here.dir);
    return 0;
}

int folder_end(void **t_state)
{
    (void)t_state;
    for (size_t i = 0; i < GUARDS_MAX; i++)
        free_guard(guards[i]);
    free(here.new_path);
    free(here.path);
    kit_remove_dir(here.dir);
    return 0;
}

void folder_renew(void)
{
    (void)folder_end(NULL);
    (void)folder_begin(NULL);
}

size_t folder_entries(void)
{
    DIR *dir = opendir(here.dir);
    size_t count = 0;

    if (dir == NULL)
        kit_die("cannot read %s: %s", here.dir, strerror(errno));
    while (readdir(dir) != NULL)
        count++;
    (void)closedir(dir);
    return count - 2;
}

/* --- guards --- */

static lock_sync_guard **find_guard(const lock_sync_guard *g)
{
    for (size_t i = 0; i < GUARDS_MAX; i++)
        if (guards[i] == g)
            return &guards[i];
    kit_die("no such guard, or too many");
}

lock_sync_guard *file_guard(int64_t interval_ms)
{
    return file_guard_at(here.path, interval_ms);
}

lock_sync_guard *file_guard_at(const char *path, int64_t interval_ms)
{
    lock_sync_guard **g = find_guard(NULL);

    if (!CHECK_OK(lock_sync_guard_open_file(path, g)) ||
        !CHECK_OK(lock_sync_guard_set_min_interval_ms(*g, interval_ms)))
        kit_die("no guard in %s", path);
    return *g;
}

void free_guard(lock_sync_guard *g)
{
    *find_guard(g) = NULL;
    lock_sync_guard_unref(g);
}

bool check_no_guard(const char *path)
{
    lock_sync_guard *g = (lock_sync_guard *)(uintptr_t)8;

    return CHECK_INT(lock_sync_guard_open_file(path, &g), LOCK_SYNC_E_GUARD) && CHECK(g == NULL);
}

bool check_no_slot(lock_sync_guard *g, const char *why)
{
    char text[300];
    int64_t slot = 7;
    int64_t wait_ms = 7;
    bool failed = CHECK_INT(lock_sync_guard_reserve(g, 1000, &wait_ms, &slot), LOCK_SYNC_E_GUARD);

    (void)lock_sync_guard_error_message(g, text, sizeof text);
    return CHECK_INT(slot, 0) && CHECK_INT(wait_ms, 0) && CHECK_HOLDS(text, why) && failed;
}

bool use_slot(lock_sync_guard *g)
{
    int64_t slot = 0;

    return CHECK_OK(lock_sync_guard_reserve(g, 1000, NULL, &slot)) &&
           CHECK_OK(lock_sync_guard_settle(g, slot, LOCK_SYNC_SLOT_SENT, -1));
}

bool check_wait(lock_sync_guard *g, int64_t ms)
{
    int64_t wait_ms = -1;

    return CHECK_INT(lock_sync_guard_reserve(g, 1000, &wait_ms, NULL), LOCK_SYNC_E_TOO_SOON) &&
           CHECK_BETWEEN(wait_ms, ms - 5000 * kit_slack(), ms);
}

int64_t take_slot(lock_sync_guard *g, int64_t lease_ms)
{
    int64_t slot = 0;

    CHECK_OK(lock_sync_guard_reserve(g, lease_ms, NULL, &slot));
    return slot;
}

void be_limited(lock_sync_guard *g, int64_t retry_after_ms)
{
    CHECK_OK(lock_sync_guard_settle(g, take_slot(g, 1000), LOCK_SYNC_SLOT_LIMITED, retry_after_ms));
}

/* --- the file's contents --- */

bool file_place(size_t i, lsync_guard_stored *stored)
{
    unsigned char bytes[GUARD_FILE_SIZE] = {0};
    FILE *file = fopen(here.path, "rb");

    if (file == NULL || fread(bytes, 1, sizeof bytes, file) != sizeof bytes)
        kit_die("cannot read %s", here.path);
    (void)fclose(file);
    return lsync_guard_unpack(bytes + i * PLACE_SIZE, LSYNC_GUARD_RECORD_SIZE, stored);
}

lsync_guard_stored file_stored(void)
{
    lsync_guard_stored first;
    lsync_guard_stored second;
    bool is_first = file_place(0, &first);
    bool is_second = file_place(1, &second);

    if (!is_first && !is_second)
        kit_die("%s contains no record", here.path);
    return is_first && (!is_second || first.record.version > second.record.version) ? first : second;
}

lsync_guard_entry sync_entry(void)
{
    return file_stored().record.entries[LOCK_SYNC_REQUEST_SYNC];
}

void write_stored(const char *path, const lsync_guard_stored *stored)
{
    unsigned char bytes[GUARD_FILE_SIZE] = {0};

    lsync_guard_pack(stored, bytes);
    lsync_guard_pack(stored, bytes + PLACE_SIZE);
    kit_write_file(path, bytes, sizeof bytes);
}

uint32_t counted_requests(void)
{
    lsync_guard_record r = file_stored().record;
    uint32_t requests = 0;

    for (int i = 0; i < LSYNC_GUARD_CELLS; i++)
        requests += r.cells[i];
    for (int k = 0; k < LSYNC_GUARD_KINDS; k++)
        requests += r.entries[k].lease.slot != 0;
    return requests;
}

int lock_as_another_process(const char *path)
{
    int fd = open(path, O_RDWR | O_CLOEXEC);

    if (fd < 0 || flock(fd, LOCK_EX) != 0)
        kit_die("cannot lock %s: %s", path, strerror(errno));
    return fd;
}

bool is_locked(void)
{
    int fd = open(here.path, O_RDWR | O_CLOEXEC);
    bool locked = fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) != 0;

    (void)close(fd);
    return locked;
}

/* --- time --- */

void pause_ms(unsigned ms)
{
    (void)usleep(ms * 1000);
}
