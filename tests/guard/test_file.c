/* The guard in a file: shared by all who open it, made anew when it vanishes, and never "free to go" when it is
   damaged. */
#include "files.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define WEEK_US (INT64_C(7) * 86400 * 1000000)

TEST(a_fresh_file_is_private_and_alone)
{
    folder f = folder_new();
    struct stat about;
    mode_t old_mask = umask(0);
    lock_sync_guard *g = file_guard(f.path, 20000);

    (void)umask(old_mask);
    assert_int_equal(stat(f.path, &about), 0);
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
    assert_int_equal(unlink(f.path), 0);

    assert_int_equal(mkdir(f.path, 0700), 0);
    check_no_guard(f.path);
    assert_int_equal(rmdir(f.path), 0);

    assert_int_equal(mkfifo(f.path, 0600), 0);
    check_no_guard(f.path); /* and does not hang */
    assert_int_equal(unlink(f.path), 0);

    assert_int_equal(symlink(other, f.path), 0);
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
    lsync_guard_image image;

    use_slot(g);
    image = file_image(f.path);
    kit_write_file(f.path, "", 0);
    check_no_slot(g, "damaged or empty");
    CHECK_INT(lock_sync_guard_settle(g, 1, LOCK_SYNC_SLOT_SENT, -1), LOCK_SYNC_E_GUARD);
    assert_int_equal(unlink(f.path), 0);
    assert_int_equal(symlink("/tmp/nowhere", f.path), 0);
    check_no_slot(g, "opened");
    assert_int_equal(unlink(f.path), 0);
    assert_int_equal(mkdir(f.path, 0700), 0);
    check_no_slot(g, "opened");
    assert_int_equal(rmdir(f.path), 0);
    write_image(f.path, &image);
    assert_int_equal(truncate(f.path, GUARD_FILE_SIZE - 1), 0);
    check_no_slot(g, "damaged");
    write_image(f.path, &image);
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
    lsync_guard_image image;
    size_t one_bad = 0;
    size_t both_bad = 0;
    size_t granted = 0;

    use_slot(g);
    image = file_image(f.path);
    lsync_guard_pack(&image, bytes);
    image.version++;
    lsync_guard_pack(&image, bytes + PLACE_SIZE);
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

/* Whoever is killed while he writes one place leaves the other as it was. */
TEST(a_torn_write_leaves_the_record_before)
{
    folder f = folder_new();
    lock_sync_guard *g = file_guard(f.path, 3600000);
    unsigned char whole[LSYNC_GUARD_RECORD_SIZE];
    unsigned char bytes[GUARD_FILE_SIZE] = {0};
    lsync_guard_image image;
    lsync_guard_image before;

    use_slot(g);
    before = file_image(f.path);
    image = before;
    image.version++;
    image.record.sequence += 100;
    lsync_guard_pack(&image, whole);
    for (size_t torn = 1; torn < sizeof whole; torn++) {
        lsync_guard_pack(&before, bytes);
        lsync_guard_pack(&before, bytes + PLACE_SIZE);
        memcpy(bytes + (torn % 2) * PLACE_SIZE, whole, torn);
        if (memcmp(bytes, bytes + PLACE_SIZE, PLACE_SIZE) == 0 ||
            memcmp(bytes + (torn % 2) * PLACE_SIZE, whole, sizeof whole) == 0)
            continue; /* what was written, or was not, is the same in both */
        if (!CHECK_INT(ask_with(g, f.path, bytes), LOCK_SYNC_E_TOO_SOON) ||
            !CHECK_INT(file_image(f.path).record.sequence, before.record.sequence))
            break;
    }
    lock_sync_guard_unref(g);
    folder_free(&f);
}

TEST(a_file_that_vanished_is_made_anew)
{
    folder f = folder_new();
    lock_sync_guard *g = file_guard(f.path, 20000);
    int64_t slot;
    int64_t wait_ms;

    CHECK_OK(lock_sync_guard_reserve(g, 30000, NULL, &slot));
    assert_int_equal(unlink(f.path), 0);
    wait_ms = refused_wait_ms(g);
    CHECK(wait_ms > 49000 && wait_ms <= 50000);
    assert_int_equal(unlink(f.path), 0);
    CHECK_OK(lock_sync_guard_settle(g, slot, LOCK_SYNC_SLOT_SENT, -1));
    assert_int_equal(unlink(f.path), 0);
    wait_ms = refused_wait_ms(g);
    CHECK(wait_ms > 19000 && wait_ms <= 20000);
    CHECK_INT(folder_entries(&f), 1);
    lock_sync_guard_unref(g);
    folder_free(&f);
}

/* Another, who had seen nothing, made the file anew; what this guard has seen there since is newer than what it saw in
   the old file, whatever the versions say. */
TEST(a_file_that_vanished_twice)
{
    folder f = folder_new();
    lock_sync_guard *g = file_guard(f.path, 50);
    lock_sync_guard *other;
    int64_t slot;

    for (int i = 0; i < 20; i++)
        (void)lock_sync_guard_reserve(g, 0, NULL, NULL); /* versions */
    assert_int_equal(unlink(f.path), 0);
    other = file_guard(f.path, 50);
    (void)usleep(60000);
    CHECK_OK(lock_sync_guard_reserve(g, 10000, NULL, &slot));
    CHECK_OK(lock_sync_guard_settle(g, slot, LOCK_SYNC_SLOT_LIMITED, 10000));
    assert_int_equal(unlink(f.path), 0);
    CHECK(refused_wait_ms(g) > 9000); /* it knows: it was told so itself */
    lock_sync_guard_unref(g);
    lock_sync_guard_unref(other);
    folder_free(&f);
}

/* --- another boot --- */

static int64_t wall_us(void)
{
    struct timespec t;

    (void)clock_gettime(CLOCK_REALTIME, &t);
    return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

/* Records of another boot: their clock stood at `clock_us` when the wall clock said that long ago. */
TEST(after_a_boot_the_wall_clock_counts)
{
    static const struct {
        const char *name;
        int64_t clock_us;
        int64_t ago_ms;     /* the last answer */
        int64_t hold_ms;    /* of the newest slot, open when > 0 */
        int64_t blocked_ms; /* from the last answer on; 0: not */
        int64_t from_ms;    /* what is left to wait; 0 .. 0: a slot */
        int64_t to_ms;
    } rows[] = {
        {"answered just now", 5000000000, 0, 0, 0, 19000, 20001},
        {"answered 5 s ago", 5000000000, 5000, 0, 0, 14000, 15001},
        {"answered 5 s ago, a young clock", 1000, 5000, 0, 0, 14000, 15001},
        {"answered 5 s ago, an old clock", WEEK_US * 500, 5000, 0, 0, 14000, 15001},
        {"answered 21 s ago", 5000000000, 21000, 0, 0, 0, 0},
        {"answered in a minute: pulled back to now", 5000000000, -60000, 0, 0, 19000, 20001},
        {"answered in ten years: pulled back to now", 5000000000, INT64_C(-315360000000), 0, 0, 19000, 20001},
        {"answered ten years ago", 5000000000, INT64_C(315360000000), 0, 0, 0, 0},
        {"held up to now", 5000000000, 0, 9000, 0, 19000, 20001},
        {"held for 9 s more", 5000000000, -9000, 9000, 0, 28000, 29001},
        {"held for an hour more, of 9 s: pulled back", 5000000000, -3600000, 9000, 0, 28000, 29001},
        {"blocked for a minute more", 5000000000, 30000, 0, 90000, 59000, 60001},
        {"blocked for a year more: pulled back to an hour", 5000000000, 30000, 0, INT64_C(31536000000), 3599000, 3600000},
    };

    for (size_t i = 0; i < T_COUNT(rows); i++) {
        folder f = folder_new();
        lock_sync_guard *g = file_guard(f.path, 20000);
        lsync_guard_image image = {.version = 5};
        int64_t wait_ms = 0;
        int64_t slot = 0;
        lock_sync_status status;

        t_row("%s", rows[i].name);
        memset(image.boot_id, 0x5a, sizeof image.boot_id);
        image.wall_us = wall_us() - rows[i].ago_ms * 1000 - rows[i].clock_us;
        image.record.sequence = 3;
        image.record.last_us = rows[i].clock_us;
        image.record.hold_us = rows[i].hold_ms * 1000;
        image.record.open = rows[i].hold_ms > 0;
        image.record.blocked_until_us = rows[i].blocked_ms > 0 ? rows[i].clock_us + rows[i].blocked_ms * 1000 : 0;
        write_image(f.path, &image);
        status = lock_sync_guard_reserve(g, 1000, &wait_ms, &slot);
        CHECK_INT(status, rows[i].to_ms == 0 ? LOCK_SYNC_OK : LOCK_SYNC_E_TOO_SOON);
        CHECK(wait_ms >= rows[i].from_ms && wait_ms <= rows[i].to_ms);
        CHECK_INT(slot, status == LOCK_SYNC_OK ? 4 : 0);
        CHECK(memcmp(file_image(f.path).boot_id, image.boot_id, sizeof image.boot_id) != 0);
        lock_sync_guard_unref(g);
        folder_free(&f);
    }
}

TEST(within_a_boot_the_wall_clock_does_not_count)
{
    folder f = folder_new();
    lock_sync_guard *g = file_guard(f.path, 20000);
    lsync_guard_image image;
    int64_t wait_ms;

    use_slot(g);
    image = file_image(f.path);
    image.wall_us -= WEEK_US; /* as if it had been set forward by a week since */
    write_image(f.path, &image);
    wait_ms = refused_wait_ms(g);
    CHECK(wait_ms > 19000 && wait_ms <= 20000);
    image.wall_us += 2 * WEEK_US;
    write_image(f.path, &image);
    wait_ms = refused_wait_ms(g);
    CHECK(wait_ms > 19000 && wait_ms <= 20000);
    lock_sync_guard_unref(g);
    folder_free(&f);
}

/* The hour's count goes over a boot too. */
TEST(after_a_boot_the_hour_is_still_counted)
{
    folder f = folder_new();
    lock_sync_guard *g = file_guard(f.path, 1);
    lsync_guard_image image = {.version = 5};
    int64_t wait_ms;

    CHECK_OK(lock_sync_guard_set_hourly_budget(g, 10, 0));
    memset(image.boot_id, 0x5a, sizeof image.boot_id);
    image.wall_us = wall_us() - 1000000000 - 1800000000; /* its clock stood at 1,000 s half an hour ago */
    image.record.sequence = 10;
    image.record.last_us = 1000000000;
    image.record.buckets[3] = (lsync_guard_bucket){900000000, 1000000000, 1, 10};
    write_image(f.path, &image);
    wait_ms = refused_wait_ms(g);
    CHECK(wait_ms > 1799000 && wait_ms <= 1800001);
    lock_sync_guard_unref(g);
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
        T(a_file_that_vanished_is_made_anew),
        T(a_file_that_vanished_twice),
        T(after_a_boot_the_wall_clock_counts),
        T(within_a_boot_the_wall_clock_does_not_count),
        T(after_a_boot_the_hour_is_still_counted),
    };

    return T_MAIN(tests);
}
