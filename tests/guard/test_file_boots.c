/* The guard's file goes through a reboot: the clock of its times begins anew, and the wall clock says how long that
   took. The clocks are this test's own, so that all waits are exact. (With the machine's clocks: test_reboot.c.) */
#include "files.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#define SECOND_US INT64_C(1000000)
#define HOUR_MS 3600000
#define DAY_S INT64_C(86400)
#define YEAR_S (365 * DAY_S)

/* --- the clocks --- */

static int64_t boot_us;
static int64_t wall_us;

/* In place of the C library's. */
int clock_gettime(clockid_t id, struct timespec *t)
{
    int64_t us = id == CLOCK_REALTIME ? wall_us : boot_us;

    *t = (struct timespec){.tv_sec = us / SECOND_US, .tv_nsec = (long)(us % SECOND_US * 1000)};
    return 0;
}

static void set_clocks(int64_t boot_ms)
{
    boot_us = boot_ms * 1000;
    wall_us = INT64_C(1800000000) * SECOND_US;
}

static void pass(int64_t us)
{
    boot_us += us;
    wall_us += us;
}

/* The file's times are now those of a boot before this one, which began `up_ms` ago; by the wall clock `ms` have
   passed. */
static void reboot(const char *path, int64_t ms, int64_t up_ms)
{
    lsync_guard_stored stored = file_stored(path);

    memset(stored.boot_id, stored.boot_id[0] + 1, sizeof stored.boot_id);
    write_stored(path, &stored);
    boot_us = up_ms * 1000;
    wall_us += ms * 1000;
}

/* --- before and after --- */

typedef enum event {
    SENT,
    NOT_SENT,
    HELD,    /* for 9 s; never settled */
    LIMITED, /* for an hour */
    LOST     /* the file was deleted */
} event;

static void live(const char *path, event what, int64_t interval_ms)
{
    static const lock_sync_guard_outcome outcomes[] = {
        [SENT] = LOCK_SYNC_SLOT_SENT, [NOT_SENT] = LOCK_SYNC_SLOT_NOT_SENT, [LIMITED] = LOCK_SYNC_SLOT_LIMITED};
    lock_sync_guard *g = file_guard(path, interval_ms);
    int64_t slot = 0;

    if (what == LOST) {
        (void)remove(path);
        (void)refused_wait_ms(g);
    } else {
        CHECK_OK(lock_sync_guard_reserve(g, 9000, NULL, &slot));
        if (what != HELD)
            CHECK_OK(lock_sync_guard_settle(g, slot, outcomes[what], HOUR_MS));
    }
    lock_sync_guard_unref(g);
}

/* The wait that a new user is told; 0: a slot. */
static int64_t wait_of_a_new_user(const char *path, int64_t interval_ms)
{
    lock_sync_guard *g = file_guard(path, interval_ms);
    int64_t wait_ms = -1;
    int64_t slot = -1;
    lock_sync_status status = lock_sync_guard_reserve(g, 1000, &wait_ms, &slot);

    CHECK_INT(status, wait_ms == 0 ? LOCK_SYNC_OK : LOCK_SYNC_E_TOO_SOON);
    CHECK((slot > 0) == (wait_ms == 0));
    lock_sync_guard_unref(g);
    return wait_ms;
}

static const struct row {
    const char *name;
    event what;
    int64_t interval_ms;
    int64_t before_ms; /* the clock at the last request */
    int64_t passed_ms; /* from then to the first decision after the boot, by the wall clock */
    int64_t after_ms;  /* the clock at that decision */
    int64_t wait_ms;   /* 0: a slot */
} rows[] = {
    /* the last request is older than the boot: its time is before the new clock's zero */
    {"an hour's interval, 8 s later", SENT, HOUR_MS, 5000000, 8000, 3000, HOUR_MS - 8000},
    {"8 s later", SENT, 20000, 5000000, 8000, 3000, 12000},
    {"8 s later, up for no time at all", SENT, 20000, 5000000, 8000, 0, 12000},
    {"the last millisecond", SENT, 20000, 5000000, 19999, 3000, 1},
    {"the interval is over", SENT, 20000, 5000000, 20000, 3000, 0},
    {"days later", SENT, 20000, 5000000, 5 * DAY_S * 1000, 3000, 0},
    {"from a young clock", SENT, 20000, 1, 8000, 3000, 12000},
    {"from a clock at zero", SENT, 20000, 0, 8000, 3000, 12000},
    {"from an old clock", SENT, 20000, 20 * YEAR_S * 1000, 8000, 3000, 12000},
    {"as old as the clock: at zero", SENT, 20000, 5000000, 8000, 8000, 12000},
    {"younger than the clock", SENT, 20000, 5000000, 8000, 60000, 12000},
    {"given back", NOT_SENT, 20000, 5000000, 8000, 3000, 0},
    {"held", HELD, 20000, 5000000, 8000, 3000, 21000},
    {"held up to now", HELD, 20000, 5000000, 9000, 3000, 20000},
    {"held until before the boot", HELD, 20000, 5000000, 15000, 3000, 14000},
    {"held, an hour's interval", HELD, HOUR_MS, 5000000, 60000, 3000, HOUR_MS - 51000},
    {"blocked", LIMITED, 20000, 5000000, 8000, 3000, HOUR_MS - 8000},
    {"blocked, an hour's interval", LIMITED, HOUR_MS, 5000000, 60000, 3000, HOUR_MS - 60000},
    {"blocked, the last millisecond", LIMITED, 20000, 5000000, HOUR_MS - 1, 3000, 1},
    {"the block is over", LIMITED, 20000, 5000000, HOUR_MS, 3000, 0},
    {"closed after a loss", LOST, 20000, 5000000, 8000, 3000, 42000},
    {"the closure is over", LOST, 20000, 5000000, 50000, 3000, 0},
    /* the wall clock was set meanwhile: back never opens, forward does */
    {"no time has passed", SENT, 20000, 5000000, 0, 3000, 20000},
    {"set back by a minute", SENT, 20000, 5000000, -60000, 3000, 20000},
    {"set back by ten years", SENT, 20000, 5000000, -10 * YEAR_S * 1000, 3000, 20000},
    {"held, set back by a minute", HELD, 20000, 5000000, -60000, 3000, 29000},
    {"held, set back by ten years", HELD, 20000, 5000000, -10 * YEAR_S * 1000, 3000, 29000},
    {"blocked, set back by ten years", LIMITED, 20000, 5000000, -10 * YEAR_S * 1000, 3000, HOUR_MS},
    {"closed, set back by ten years", LOST, 20000, 5000000, -10 * YEAR_S * 1000, 3000, 50000},
    {"set forward by ten years", SENT, 20000, 5000000, 10 * YEAR_S * 1000, 3000, 0},
    {"blocked, set forward by ten years", LIMITED, 20000, 5000000, 10 * YEAR_S * 1000, 3000, 0},
};

TEST(what_was_before_a_boot_counts_after_it)
{
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        const struct row *r = &rows[i];
        folder f = folder_new();

        t_row("%s", r->name);
        set_clocks(r->before_ms);
        live(f.path, r->what, r->interval_ms);
        reboot(f.path, r->passed_ms, r->after_ms);
        CHECK_INT(wait_of_a_new_user(f.path, r->interval_ms), r->wait_ms);
        folder_free(&f);
    }
}

/* The wait is over after that time of the new clock, and not before. */
TEST(the_wait_that_is_told_after_a_boot_is_right)
{
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        const struct row *r = &rows[i];
        folder f;

        if (r->wait_ms == 0 || r->passed_ms < 0) /* what lies ahead of the clock counts from the first look at it */
            continue;
        t_row("%s", r->name);
        f = folder_new();
        set_clocks(r->before_ms);
        live(f.path, r->what, r->interval_ms);
        reboot(f.path, r->passed_ms, r->after_ms);
        pass(r->wait_ms * 1000 - 1000);
        CHECK_INT(wait_of_a_new_user(f.path, r->interval_ms), 1);
        pass(1000);
        CHECK_INT(wait_of_a_new_user(f.path, r->interval_ms), 0);
        folder_free(&f);
    }
}

TEST(boot_after_boot)
{
    folder f = folder_new();

    set_clocks(5000000);
    live(f.path, SENT, HOUR_MS);
    for (int64_t k = 1; k <= 20; k++) {
        reboot(f.path, 8000, 3000);
        CHECK_INT(wait_of_a_new_user(f.path, HOUR_MS), HOUR_MS - 8000 * k);
    }
    folder_free(&f);
}

/* A machine that goes down before it has decided anything leaves the file as it was. */
TEST(boots_that_nobody_saw)
{
    folder f = folder_new();

    set_clocks(5000000);
    live(f.path, LIMITED, 20000);
    wall_us += 600 * SECOND_US; /* all of another boot */
    reboot(f.path, 8000, 3000);
    CHECK_INT(wait_of_a_new_user(f.path, 20000), HOUR_MS - 608000);
    folder_free(&f);
}

/* Each request counts for an hour at least, and for two cells more at most: one for its own, one for the grid that
   moves with the clock. */
TEST(the_hour_is_counted_over_a_boot)
{
    static const int64_t ups_ms[] = {0, 3000, 299000, 301000, 1799000};

    for (size_t i = 0; i < COUNT_OF(ups_ms); i++) {
        folder f = folder_new();
        lock_sync_guard *g;
        int64_t wait_ms = 0;

        t_row("up for %lld ms", (long long)ups_ms[i]);
        set_clocks(1000000);
        g = file_guard(f.path, 1);
        CHECK_OK(lock_sync_guard_set_hourly_budget(g, 10, 0));
        for (int k = 0; k < 10; k++) {
            use_slot(g);
            pass(SECOND_US);
        }
        lock_sync_guard_unref(g);
        reboot(f.path, 1800000, ups_ms[i]);
        g = file_guard(f.path, 1);
        CHECK_OK(lock_sync_guard_set_hourly_budget(g, 10, 0));
        CHECK_INT(lock_sync_guard_reserve(g, 1000, &wait_ms, NULL), LOCK_SYNC_E_TOO_SOON);
        CHECK(wait_ms >= HOUR_MS - 1800000 - 1000 && wait_ms <= HOUR_MS - 1800000 + 2 * 300000);
        pass(wait_ms * 1000);
        use_slot(g);
        lock_sync_guard_unref(g);
        folder_free(&f);
    }
}

TEST(within_a_boot_the_wall_clock_does_not_count)
{
    static const int64_t steps_s[] = {-10 * YEAR_S, -DAY_S, -30, 30, DAY_S, 10 * YEAR_S};
    folder f = folder_new();

    set_clocks(5000000);
    live(f.path, SENT, HOUR_MS);
    for (size_t i = 0; i < COUNT_OF(steps_s); i++) {
        t_row("%lld s", (long long)steps_s[i]);
        wall_us += steps_s[i] * SECOND_US;
        CHECK_INT(wait_of_a_new_user(f.path, HOUR_MS), HOUR_MS);
    }
    folder_free(&f);
}

/* Containers that have a boot id each, or a system that tells none: each decision finds a record of "another boot", whose
   clock is this one's, but for what two readings of the wall clock differ. The hour goes by all the same. */
TEST(boots_that_are_one_do_not_move_the_hour)
{
    static const int64_t differs_us[] = {-1999000, -1, 0, 1, 1000, 1999000};

    for (size_t i = 0; i < COUNT_OF(differs_us); i++) {
        folder f = folder_new();
        lock_sync_guard *g;
        int64_t passed_s = 0;

        t_row("%lld us", (long long)differs_us[i]);
        set_clocks(5000000);
        g = file_guard(f.path, 1);
        CHECK_OK(lock_sync_guard_set_hourly_budget(g, 1, 0));
        use_slot(g);
        for (; passed_s < 2 * 3600 && lock_sync_guard_reserve(g, 0, NULL, NULL) != LOCK_SYNC_OK; passed_s += 60) {
            pass(60 * SECOND_US);
            reboot(f.path, 0, boot_us / 1000);
            wall_us += passed_s % 120 == 0 ? differs_us[i] : -differs_us[i];
        }
        CHECK(passed_s >= 3600 && passed_s <= 3600 + 300);
        lock_sync_guard_unref(g);
        folder_free(&f);
    }
}

/* The first decision writes the record as one of this boot. */
TEST(a_translated_record_is_this_boots)
{
    folder f = folder_new();
    lsync_guard_stored before;
    lsync_guard_stored after;

    set_clocks(5000000);
    live(f.path, SENT, HOUR_MS);
    before = file_stored(f.path);
    reboot(f.path, 8000, 3000);
    CHECK(memcmp(file_stored(f.path).boot_id, before.boot_id, sizeof before.boot_id) != 0);
    lock_sync_guard_unref(file_guard(f.path, HOUR_MS)); /* asks for nothing */
    after = file_stored(f.path);
    CHECK(memcmp(after.boot_id, before.boot_id, sizeof before.boot_id) == 0);
    CHECK_INT(after.wall_us, wall_us - boot_us);
    CHECK_INT(after.record.lines[LOCK_SYNC_REQUEST_SYNC].over_us, boot_us - 8 * SECOND_US); /* negative */
    CHECK_INT(after.record.lines[LOCK_SYNC_REQUEST_DIRECTORY].over_us, LSYNC_GUARD_NEVER_US);
    CHECK_INT(after.record.blocked_until_us, LSYNC_GUARD_NEVER_US);
    CHECK_INT(after.record.version, before.record.version + 1);
    folder_free(&f);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        T(what_was_before_a_boot_counts_after_it),
        T(the_wait_that_is_told_after_a_boot_is_right),
        T(boot_after_boot),
        T(boots_that_nobody_saw),
        T(the_hour_is_counted_over_a_boot),
        T(within_a_boot_the_wall_clock_does_not_count),
        T(boots_that_are_one_do_not_move_the_hour),
        T(a_translated_record_is_this_boots),
    };

    return T_MAIN(tests);
}
