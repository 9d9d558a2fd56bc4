/* The guard's file over a reboot: the clock of its times begins again, and the wall clock shows how long that took. The
   test sets both clocks, so that all waits are exact. (test_reboot.c uses the machine's clocks.) */
#include "files.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#define SECOND_US INT64_C(1000000)
#define DAY_S INT64_C(86400)
#define YEAR_S (365 * DAY_S)

/* --- the clocks --- */

static int64_t boot_us;
static int64_t wall_us;

/* Replaces the C library's function. */
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

/* Makes the file's times those of the boot before. The new boot began `up_ms` ago, and `ms` pass by the wall clock. */
static void reboot(int64_t ms, int64_t up_ms)
{
    lsync_guard_stored stored = file_stored();

    memset(stored.boot_id, stored.boot_id[0] + 1, sizeof stored.boot_id);
    write_stored(here.path, &stored);
    boot_us = up_ms * 1000;
    wall_us += ms * 1000;
}

/* --- before and after --- */

typedef enum event {
    SENT,
    ON_ITS_WAY, /* a lease of 9 s that is never settled */
    LIMITED,    /* for an hour */
    LOST        /* the file is deleted */
} event;

static void live(event what, int64_t interval_ms)
{
    lock_sync_guard *g = file_guard(interval_ms);

    switch (what) {
    case SENT: use_slot(g); break;
    case ON_ITS_WAY: (void)take_slot(g, 9000); break;
    case LIMITED: be_limited(g, HOUR_MS); break;
    case LOST:
        (void)remove(here.path);
        check_wait(g, interval_ms + 30000);
        break;
    }
    free_guard(g);
}

/* Returns the wait that the guard reports to a new user; 0: a slot. */
static int64_t wait_of_a_new_user(int64_t interval_ms)
{
    lock_sync_guard *g = file_guard(interval_ms);
    int64_t wait_ms = -1;
    int64_t slot = -1;
    lock_sync_status status = lock_sync_guard_reserve(g, 1000, &wait_ms, &slot);

    CHECK_INT(status, wait_ms == 0 ? LOCK_SYNC_OK : LOCK_SYNC_E_TOO_SOON);
    CHECK((slot > 0) == (wait_ms == 0));
    free_guard(g);
    return wait_ms;
}

/* One request, a boot, and a request for a slot by a new user. */
typedef struct row {
    const char *name;
    event what;
    int64_t interval_ms;
    int64_t before_ms; /* the clock at the first request */
    int64_t passed_ms; /* from the first to the second, by the wall clock */
    int64_t after_ms;  /* the clock at the second */
    int64_t wait_ms;   /* 0: a slot */
} row;

static void live_through_a_boot(const row *r)
{
    set_clocks(r->before_ms);
    live(r->what, r->interval_ms);
    reboot(r->passed_ms, r->after_ms);
}

/* Checks that the wait is over after exactly `wait_ms` of the new clock. */
static void check_end_of_wait(const row *r)
{
    folder_renew();
    live_through_a_boot(r);
    pass(r->wait_ms * 1000 - 1000);
    CHECK_INT(wait_of_a_new_user(r->interval_ms), 1);
    pass(1000);
    CHECK_INT(wait_of_a_new_user(r->interval_ms), 0);
}

TEST_HERE(requests_before_a_boot_count_after_it)
{
    static const row rows[] = {
        /* the last request is older than the boot: its time is before the new clock's zero */
        {"an hour's interval, 8 s later", SENT, HOUR_MS, 5000000, 8000, 3000, HOUR_MS - 8000},
        {"8 s later, just booted", SENT, 20000, 5000000, 8000, 0, 12000},
        {"the interval is over", SENT, 20000, 5000000, 20000, 3000, 0},
        {"from a clock at zero", SENT, 20000, 0, 8000, 3000, 12000},
        {"as old as the clock: at zero", SENT, 20000, 5000000, 8000, 8000, 12000},
        {"younger than the clock", SENT, 20000, 5000000, 8000, 60000, 12000},
        {"on its way", ON_ITS_WAY, 20000, 5000000, 8000, 3000, 21000},
        {"blocked", LIMITED, 20000, 5000000, 8000, 3000, HOUR_MS - 8000},
        {"the block is over", LIMITED, 20000, 5000000, HOUR_MS, 3000, 0},
        {"closed after a loss", LOST, 20000, 5000000, 8000, 3000, 42000},
        /* the wall clock was set meanwhile: setting it back never opens the guard, setting it forward does */
        {"set back by a minute", SENT, 20000, 5000000, -60000, 3000, 20000},
        {"on its way, set back by ten years", ON_ITS_WAY, 20000, 5000000, -10 * YEAR_S * 1000, 3000, 29000},
        {"blocked, set back by ten years", LIMITED, 20000, 5000000, -10 * YEAR_S * 1000, 3000, HOUR_MS},
        {"closed, set back by ten years", LOST, 20000, 5000000, -10 * YEAR_S * 1000, 3000, 50000},
        {"blocked, set forward by ten years", LIMITED, 20000, 5000000, 10 * YEAR_S * 1000, 3000, 0},
    };

    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        t_row("%s", rows[i].name);
        live_through_a_boot(&rows[i]);
        CHECK_INT(wait_of_a_new_user(rows[i].interval_ms), rows[i].wait_ms);
        if (rows[i].wait_ms > 0 && rows[i].passed_ms >= 0) /* a later time counts from the first decision */
            check_end_of_wait(&rows[i]);
        folder_renew();
    }
}

TEST_HERE(within_a_boot_the_wall_clock_does_not_count)
{
    static const int64_t steps_s[] = {-10 * YEAR_S, -30, 30, 10 * YEAR_S};

    set_clocks(5000000);
    live(SENT, HOUR_MS);
    for (size_t i = 0; i < COUNT_OF(steps_s); i++) {
        t_row("%lld s", (long long)steps_s[i]);
        wall_us += steps_s[i] * SECOND_US;
        CHECK_INT(wait_of_a_new_user(HOUR_MS), HOUR_MS);
    }
}

/* Each container has a boot id, or the system has no boot id. Then each decision finds a record of "another boot"
   with the same clock, except for the difference of two readings of the wall clock. The hour must still pass. */
TEST_HERE(boot_ids_that_change_within_a_boot_do_not_stop_the_hour)
{
    static const int64_t differs_us[] = {-1999000, 0, 1, 1999000};

    for (size_t i = 0; i < COUNT_OF(differs_us); i++) {
        lock_sync_guard *g = file_guard(1);
        int64_t passed_s = 0;

        t_row("%lld us", (long long)differs_us[i]);
        set_clocks(5000000);
        CHECK_OK(lock_sync_guard_set_hourly_budget(g, 1, 0));
        use_slot(g);
        for (; passed_s < 2 * 3600 && lock_sync_guard_reserve(g, 0, NULL, NULL) != LOCK_SYNC_OK; passed_s += 60) {
            pass(60 * SECOND_US);
            reboot(0, boot_us / 1000);
            wall_us += passed_s % 120 == 0 ? differs_us[i] : -differs_us[i];
        }
        CHECK_BETWEEN(passed_s, 3600, 3600 + 300);
        folder_renew();
    }
}

/* The first decision writes the record with the times of this boot. */
TEST_HERE(a_record_is_written_with_the_times_of_this_boot)
{
    lsync_guard_stored before;
    lsync_guard_stored after;

    set_clocks(5000000);
    live(SENT, HOUR_MS);
    before = file_stored();
    reboot(8000, 3000);
    (void)file_guard(HOUR_MS); /* requests no slot */
    after = file_stored();
    CHECK(memcmp(after.boot_id, before.boot_id, sizeof before.boot_id) == 0);
    CHECK_INT(after.wall_us, wall_us - boot_us);
    CHECK_INT(after.record.entries[LOCK_SYNC_REQUEST_SYNC].over_us, boot_us - 8 * SECOND_US); /* negative */
    CHECK_INT(after.record.version, before.record.version + 1);
}
