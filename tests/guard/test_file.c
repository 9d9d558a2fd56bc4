/* The guard in a file: shared by all who open it, and never "free to go" if it is damaged, or if somebody else can
   write to it. */
#include "files.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define NOBODY 65534

TEST(a_fresh_file_is_private_and_alone)
{
    folder f = folder_new();
    struct stat about;
    mode_t old_mask = umask(0);
    lock_sync_guard *g = file_guard(f.path, 20000);

    (void)umask(old_mask);
    MUST_INT(stat(f.path, &about), 0);
    CHECK_INT(about.st_mode & 07777, 0600);
    CHECK_INT(about.st_size, GUARD_FILE_SIZE);
    use_slot(g);
    CHECK_INT(folder_entries(&f), 1); /* no temporary file is left */
    lock_sync_guard_unref(g);
    folder_free(&f);
}

TEST(two_guards_on_one_path_share)
{
    folder f = folder_new();
    lock_sync_guard *a = file_guard(f.path, 20000);
    lock_sync_guard *b = file_guard(f.path, 20000);
    int64_t slot;
    int64_t wait_ms;

    CHECK_OK(lock_sync_guard_reserve(a, 30000, NULL, &slot));
    wait_ms = refused_wait_ms(b);
    CHECK(wait_ms > 49000 && wait_ms <= 50000);
    CHECK_OK(lock_sync_guard_settle(b, slot, LOCK_SYNC_SLOT_SENT, -1)); /* whoever settles it */
    wait_ms = refused_wait_ms(a);
    CHECK(wait_ms > 19000 && wait_ms <= 20000);
    lock_sync_guard_unref(a);
    wait_ms = refused_wait_ms(b);
    CHECK(wait_ms > 19000 && wait_ms <= 20000);
    lock_sync_guard_unref(b);
    a = file_guard(f.path, 20000); /* after all have gone */
    wait_ms = refused_wait_ms(a);
    CHECK(wait_ms > 19000 && wait_ms <= 20000);
    lock_sync_guard_unref(a);
    folder_free(&f);
}

TEST(the_wait_that_is_told_is_enough_for_another)
{
    folder f = folder_new();
    lock_sync_guard *a = file_guard(f.path, 20);
    lock_sync_guard *b = file_guard(f.path, 20);
    int64_t before_us;
    int64_t wait_ms;

    use_slot(a);
    before_us = kit_now_us();
    wait_ms = refused_wait_ms(b);
    CHECK(wait_ms > 0 && wait_ms <= 20);
    (void)usleep((useconds_t)wait_ms * 1000);
    CHECK(kit_now_us() - before_us >= wait_ms * 1000);
    use_slot(b);
    lock_sync_guard_unref(a);
    lock_sync_guard_unref(b);
    folder_free(&f);
}

TEST(paths_that_are_none)
{
    char *longest = t_repeat('x', 4000);
    char *longer = t_repeat('x', 4001);
    lock_sync_guard *g = (lock_sync_guard *)(uintptr_t)8;

    CHECK_INT(lock_sync_guard_open_file("", &g), LOCK_SYNC_E_INVALID_ARGUMENT);
    CHECK(g == NULL);
    g = (lock_sync_guard *)(uintptr_t)8;
    CHECK_INT(lock_sync_guard_open_file(longer, &g), LOCK_SYNC_E_INVALID_ARGUMENT);
    CHECK(g == NULL);
    check_no_guard(longest); /* allowed by us, not by the system */
    check_no_guard("/nonexistent-folder/guard");
    check_no_guard("/dev/null");
    check_no_guard("/");
    free(longest);
    free(longer);
}

TEST(what_is_no_guards_file)
{
    static const char text[GUARD_FILE_SIZE] = "hello";
    folder f = folder_new();
    char *other = kit_text("%s/other", f.dir);
    char *kept;
    struct stat about;

    kit_write_file(f.path, "", 0);
    check_no_guard(f.path);
    kit_write_file(f.path, text, 10);
    check_no_guard(f.path);
    kit_write_file(f.path, text, sizeof text);
    check_no_guard(f.path);
    kept = kit_read_file(f.path);
    CHECK_TEXT(kept, "hello"); /* nothing is overwritten */
    free(kept);
    MUST_INT(unlink(f.path), 0);

    MUST_INT(mkdir(f.path, 0700), 0);
    check_no_guard(f.path);
    MUST_INT(rmdir(f.path), 0);

    MUST_INT(mkfifo(f.path, 0600), 0);
    check_no_guard(f.path); /* and does not hang */
    MUST_INT(unlink(f.path), 0);

    MUST_INT(symlink(other, f.path), 0);
    check_no_guard(f.path);
    CHECK(stat(other, &about) != 0); /* nothing is made through it */
    lock_sync_guard_unref(file_guard(other, 1));
    check_no_guard(f.path); /* not even to a guard's file */
    CHECK_INT(folder_entries(&f), 2);
    free(other);
    folder_free(&f);
}

/* The same as above, but found by a guard that is in use. */
TEST(what_happens_to_a_file_in_use)
{
    folder f = folder_new();
    lock_sync_guard *g = file_guard(f.path, 1);
    lsync_guard_stored stored;

    use_slot(g);
    stored = file_stored(f.path);
    kit_write_file(f.path, "", 0);
    check_no_slot(g, "empty or damaged; delete it");
    CHECK_INT(lock_sync_guard_settle(g, 1, LOCK_SYNC_SLOT_SENT, -1), LOCK_SYNC_E_GUARD);
    MUST_INT(unlink(f.path), 0);
    MUST_INT(symlink("/tmp/nowhere", f.path), 0);
    check_no_slot(g, "opened");
    MUST_INT(unlink(f.path), 0);
    MUST_INT(mkdir(f.path, 0700), 0);
    check_no_slot(g, "opened");
    MUST_INT(rmdir(f.path), 0);
    write_stored(f.path, &stored);
    MUST_INT(truncate(f.path, GUARD_FILE_SIZE - 1), 0);
    check_no_slot(g, "damaged");
    write_stored(f.path, &stored);
    (void)usleep(2000); /* the interval */
    use_slot(g);
    lock_sync_guard_unref(g);
    folder_free(&f);
}

static lock_sync_status ask_with(lock_sync_guard *g, const char *path, const unsigned char *bytes)
{
    int64_t slot = 0;
    lock_sync_status status;

    kit_write_file(path, bytes, GUARD_FILE_SIZE);
    status = lock_sync_guard_reserve(g, 1000, NULL, &slot);
    CHECK((status == LOCK_SYNC_OK) == (slot > 0));
    return status;
}

TEST(each_damaged_byte_is_seen)
{
    folder f = folder_new();
    lock_sync_guard *g = file_guard(f.path, 3600000);
    unsigned char bytes[GUARD_FILE_SIZE] = {0};
    lsync_guard_stored stored;
    size_t one_bad = 0;
    size_t both_bad = 0;
    size_t granted = 0;

    use_slot(g);
    stored = file_stored(f.path);
    lsync_guard_pack(&stored, bytes);
    stored.record.version++;
    lsync_guard_pack(&stored, bytes + PLACE_SIZE);
    for (size_t i = 0; i < LSYNC_GUARD_RECORD_SIZE; i++) {
        for (size_t place = 0; place < 2; place++) {
            bytes[place * PLACE_SIZE + i] ^= 0x10;
            one_bad += ask_with(g, f.path, bytes) == LOCK_SYNC_E_TOO_SOON;
            bytes[place * PLACE_SIZE + i] ^= 0x10;
        }
        bytes[i] ^= 0x01;
        bytes[PLACE_SIZE + (i * 7) % LSYNC_GUARD_RECORD_SIZE] ^= 0x80;
        both_bad += ask_with(g, f.path, bytes) == LOCK_SYNC_E_GUARD;
        bytes[i] ^= 0x01;
        bytes[PLACE_SIZE + (i * 7) % LSYNC_GUARD_RECORD_SIZE] ^= 0x80;
        granted += ask_with(g, f.path, bytes) == LOCK_SYNC_OK;
    }
    CHECK_INT(one_bad, 2 * LSYNC_GUARD_RECORD_SIZE);
    CHECK_INT(both_bad, LSYNC_GUARD_RECORD_SIZE);
    CHECK_INT(granted, 0);
    lock_sync_guard_unref(g);
    folder_free(&f);
}

static int64_t sync_over_us(const char *path)
{
    return file_stored(path).record.lines[LOCK_SYNC_REQUEST_SYNC].over_us;
}

/* Whoever is killed while he writes one place leaves the other as it was. */
TEST(a_torn_write_leaves_the_record_before)
{
    folder f = folder_new();
    lock_sync_guard *g = file_guard(f.path, 3600000);
    unsigned char whole[LSYNC_GUARD_RECORD_SIZE];
    unsigned char bytes[GUARD_FILE_SIZE] = {0};
    lsync_guard_stored stored;
    lsync_guard_stored before;

    use_slot(g);
    before = file_stored(f.path);
    stored = before;
    stored.record.version++;
    stored.record.lines[LOCK_SYNC_REQUEST_SYNC].over_us += 100;
    lsync_guard_pack(&stored, whole);
    for (size_t torn = 1; torn < sizeof whole; torn++) {
        lsync_guard_pack(&before, bytes);
        lsync_guard_pack(&before, bytes + PLACE_SIZE);
        memcpy(bytes + (torn % 2) * PLACE_SIZE, whole, torn);
        if (memcmp(bytes, bytes + PLACE_SIZE, PLACE_SIZE) == 0 ||
            memcmp(bytes + (torn % 2) * PLACE_SIZE, whole, sizeof whole) == 0)
            continue; /* what was written, or was not, is the same in both */
        if (!CHECK_INT(ask_with(g, f.path, bytes), LOCK_SYNC_E_TOO_SOON) ||
            !CHECK_INT(sync_over_us(f.path), before.record.lines[LOCK_SYNC_REQUEST_SYNC].over_us))
            break;
    }
    lock_sync_guard_unref(g);
    folder_free(&f);
}

/* --- whose file it is --- */

TEST(a_file_that_everybody_can_write_to)
{
    static const struct {
        mode_t mode;
        bool good;
    } rows[] = {{0600, true},  {0660, true},  {0664, true},  {0644, true},
                {0602, false}, {0666, false}, {0622, false}, {01777, false}};
    folder f = folder_new();
    lock_sync_guard *g = file_guard(f.path, 1);

    use_slot(g);
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        t_row("%o", (unsigned)rows[i].mode);
        MUST_INT(chmod(f.path, rows[i].mode), 0);
        (void)usleep(2000); /* the interval */
        if (rows[i].good) {
            use_slot(g);
        } else {
            check_no_slot(g, "everybody can write");
            check_no_guard(f.path);
        }
    }
    lock_sync_guard_unref(g);
    folder_free(&f);
}

TEST(a_file_of_another_user)
{
    folder f = folder_new();
    lock_sync_guard *g = file_guard(f.path, 1);

    if (geteuid() != 0) {
        lock_sync_guard_unref(g);
        folder_free(&f);
        print_message("only root can give a file away\n");
        skip();
    }
    use_slot(g);
    MUST_INT(chown(f.path, NOBODY, NOBODY), 0);
    check_no_slot(g, "belongs to another user");
    check_no_guard(f.path);
    MUST_INT(chown(f.path, 0, NOBODY), 0); /* whose group it is does not matter */
    (void)usleep(2000);
    use_slot(g);
    lock_sync_guard_unref(g);
    folder_free(&f);
}

/* As a user without root's powers: 0, or the line that failed. */
static int use_others_files(void *user)
{
    const folder *f = user;
    lock_sync_guard *g = NULL;
    int64_t slot = 0;

    if (setgid(NOBODY) != 0 || setuid(NOBODY) != 0)
        return __LINE__ % 256;
    if (lock_sync_guard_open_file(f->path, &g) != LOCK_SYNC_OK) /* root's, and it lets the group write */
        return __LINE__ % 256;
    if (lock_sync_guard_reserve(g, 0, NULL, &slot) != LOCK_SYNC_OK || slot == 0)
        return __LINE__ % 256;
    lock_sync_guard_unref(g);
    return 0;
}

TEST(a_file_of_root_serves_those_it_lets_write)
{
    folder f = folder_new();

    if (geteuid() != 0) {
        folder_free(&f);
        print_message("only root can make a file of root\n");
        skip();
    }
    lock_sync_guard_unref(file_guard(f.path, 1));
    MUST_INT(chmod(f.dir, 0755), 0);
    MUST_INT(chown(f.path, 0, NOBODY), 0);
    MUST_INT(chmod(f.path, 0660), 0);
    CHECK_INT(in_child(use_others_files, &f), 0);
    folder_free(&f);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        T(a_fresh_file_is_private_and_alone),
        T(two_guards_on_one_path_share),
        T(the_wait_that_is_told_is_enough_for_another),
        T(paths_that_are_none),
        T(what_is_no_guards_file),
        T(what_happens_to_a_file_in_use),
        T(each_damaged_byte_is_seen),
        T(a_torn_write_leaves_the_record_before),
        T(a_file_that_everybody_can_write_to),
        T(a_file_of_another_user),
        T(a_file_of_root_serves_those_it_lets_write),
    };

    return T_MAIN(tests);
}
