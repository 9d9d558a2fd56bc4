/* What the tests of the file guard share; see files.h. */
#include "files.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
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

    assert_int_equal(lock_sync_guard_open_file(path, &g), LOCK_SYNC_OK);
    assert_int_equal(lock_sync_guard_set_min_interval_ms(g, interval_ms), LOCK_SYNC_OK);
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

lsync_guard_image file_image(const char *path)
{
    unsigned char bytes[GUARD_FILE_SIZE] = {0};
    lsync_guard_image images[2];
    bool sound[2];
    FILE *file = fopen(path, "rb");

    if (file == NULL || fread(bytes, 1, sizeof bytes, file) != sizeof bytes)
        kit_die("cannot read %s", path);
    (void)fclose(file);
    for (size_t i = 0; i < 2; i++)
        sound[i] = lsync_guard_unpack(bytes + i * PLACE_SIZE, LSYNC_GUARD_RECORD_SIZE, &images[i]);
    if (!sound[0] && !sound[1])
        kit_die("%s holds no record", path);
    return sound[0] && (!sound[1] || images[0].version > images[1].version) ? images[0] : images[1];
}

void write_image(const char *path, const lsync_guard_image *image)
{
    unsigned char bytes[GUARD_FILE_SIZE] = {0};

    lsync_guard_pack(image, bytes);
    lsync_guard_pack(image, bytes + PLACE_SIZE);
    kit_write_file(path, bytes, sizeof bytes);
}
