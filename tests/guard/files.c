/* What the tests of the file guard share; see files.h. */
#include "files.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

folder folder_new(void)
{
    folder f = {kit_temp_dir(), NULL};

    f.path = kit_text("%s/guard", f.dir);
    return f;
}

void folder_free(folder *f)
{
    free(f->path);
    kit_remove_dir(f->dir);
}

size_t folder_entries(const folder *f)
{
    DIR *dir = opendir(f->dir);
    size_t count = 0;

    if (dir == NULL)
        kit_die("cannot read %s: %s", f->dir, strerror(errno));
    while (readdir(dir) != NULL)
        count++;
    (void)closedir(dir);
    return count - 2;
}

lock_sync_guard *file_guard(const char *path, int64_t interval_ms)
{
    lock_sync_guard *g;

    MUST_OK(lock_sync_guard_open_file(path, &g));
    MUST_OK(lock_sync_guard_set_min_interval_ms(g, interval_ms));
    return g;
}

void check_no_guard(const char *path)
{
    lock_sync_guard *g = (lock_sync_guard *)(uintptr_t)8;

    CHECK_INT(lock_sync_guard_open_file(path, &g), LOCK_SYNC_E_GUARD);
    CHECK(g == NULL);
}

void check_no_slot(lock_sync_guard *g, const char *why)
{
    char text[300];
    int64_t slot = 7;
    int64_t wait_ms = 7;

    CHECK_INT(lock_sync_guard_reserve(g, 1000, &wait_ms, &slot), LOCK_SYNC_E_GUARD);
    CHECK_INT(slot, 0);
    CHECK_INT(wait_ms, 0);
    (void)lock_sync_guard_error_message(g, text, sizeof text);
    CHECK_HOLDS(text, why);
}

void use_slot(lock_sync_guard *g)
{
    int64_t slot = 0;

    CHECK_OK(lock_sync_guard_reserve(g, 1000, NULL, &slot));
    CHECK_OK(lock_sync_guard_settle(g, slot, LOCK_SYNC_SLOT_SENT, -1));
}

int64_t refused_wait_ms(lock_sync_guard *g)
{
    int64_t wait_ms = -1;

    return CHECK_INT(lock_sync_guard_reserve(g, 1000, &wait_ms, NULL), LOCK_SYNC_E_TOO_SOON) ? wait_ms : -1;
}

lsync_guard_stored file_stored(const char *path)
{
    unsigned char bytes[GUARD_FILE_SIZE] = {0};
    lsync_guard_stored places[2];
    bool sound[2];
    FILE *file = fopen(path, "rb");

    if (file == NULL || fread(bytes, 1, sizeof bytes, file) != sizeof bytes)
        kit_die("cannot read %s", path);
    (void)fclose(file);
    for (size_t i = 0; i < 2; i++)
        sound[i] = lsync_guard_unpack(bytes + i * PLACE_SIZE, LSYNC_GUARD_RECORD_SIZE, &places[i]);
    if (!sound[0] && !sound[1])
        kit_die("%s holds no record", path);
    return sound[0] && (!sound[1] || places[0].record.version > places[1].record.version) ? places[0] : places[1];
}

void write_stored(const char *path, const lsync_guard_stored *stored)
{
    unsigned char bytes[GUARD_FILE_SIZE] = {0};

    lsync_guard_pack(stored, bytes);
    lsync_guard_pack(stored, bytes + PLACE_SIZE);
    kit_write_file(path, bytes, sizeof bytes);
}

uint32_t counted_requests(const char *path)
{
    lsync_guard_record r = file_stored(path).record;
    uint32_t requests = 0;

    for (int i = 0; i < LSYNC_GUARD_CELLS; i++)
        requests += r.cells[i];
    for (int k = 0; k < LSYNC_GUARD_KINDS; k++)
        requests += r.lines[k].lease.slot != 0;
    return requests;
}

int hold_lock(const char *path)
{
    int fd = open(path, O_RDWR | O_CLOEXEC);

    if (fd < 0 || flock(fd, LOCK_EX) != 0)
        kit_die("cannot lock %s: %s", path, strerror(errno));
    return fd;
}
