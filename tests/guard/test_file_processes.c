/* The file guard with many processes and threads: slots are never too close, whenever a process is killed. */
#include "files.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#define INTERVAL_MS 2
#define LEASE_MS 25
#define SLOTS_MAX 20000
#define USERS 3

/* A process's notes of a slot. Times are of the boot clock. */
typedef struct slot_note {
    int64_t slot;
    int64_t asked_us;         /* before it was requested: its lease ends LEASE_MS after that, or later */
    _Atomic int64_t begin_us; /* 0: not noted */
    _Atomic int64_t end_us;   /* noted before it is settled; 0: not noted */
    atomic_bool refunded;
} slot_note;

/* The notes of all users, in memory that processes share. */
typedef struct slot_log {
    lock_sync_guard *shared; /* opened before the fork; NULL: each opens its own */
    slot_note notes[SLOTS_MAX];
    atomic_int slots;
    atomic_int failures;
    _Atomic int64_t until_us; /* 0: until killed */
} slot_log;

static slot_log *slots;

static int log_begin(void **t_state)
{
    slots = kit_shared(sizeof *slots);
    return folder_begin(t_state);
}

static int log_end(void **t_state)
{
    kit_shared_free(slots, sizeof *slots);
    return folder_end(t_state);
}

static int64_t boot_us(void)
{
    struct timespec t;

    (void)clock_gettime(CLOCK_BOOTTIME, &t);
    return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

static lock_sync_guard *open_guard(void)
{
    lock_sync_guard *g = file_guard(INTERVAL_MS);

    CHECK_OK(lock_sync_guard_set_hourly_budget(g, 1000000, 0));
    return g;
}

/* --- users --- */

static void use_and_note(lock_sync_guard *g, int64_t slot, int64_t asked_us, unsigned random)
{
    int64_t begin_us = boot_us();
    size_t at = (size_t)atomic_fetch_add(&slots->slots, 1);
    slot_note *note = &slots->notes[at < SLOTS_MAX ? at : 0];
    bool is_sent = random % 7 != 0;

    if (slot < 1 || at >= SLOTS_MAX) {
        atomic_fetch_add(&slots->failures, 1);
        return;
    }
    note->slot = slot;
    note->asked_us = asked_us;
    atomic_store(&note->begin_us, begin_us);
    (void)usleep(random % 400);
    if (is_sent)
        atomic_store(&note->end_us, boot_us());
    else
        atomic_store(&note->refunded, true); /* the next slot may be granted at once */
    atomic_fetch_add(&slots->failures,
                     lock_sync_guard_settle(g, slot, is_sent ? LOCK_SYNC_SLOT_SENT : LOCK_SYNC_SLOT_NOT_SENT, -1) !=
                         LOCK_SYNC_OK);
}

static int use_until_killed(void *user)
{
    lock_sync_guard *g = slots->shared != NULL ? slots->shared : open_guard();
    uint64_t seed = (uint64_t)getpid();

    (void)user;
    while (slots->until_us == 0 || boot_us() < slots->until_us) {
        int64_t asked_us = boot_us();
        int64_t slot = 0;
        lock_sync_status status = lock_sync_guard_reserve(g, LEASE_MS, NULL, &slot);

        if (status == LOCK_SYNC_OK)
            use_and_note(g, slot, asked_us, (unsigned)t_random(&seed) % 10000);
        else
            atomic_fetch_add(&slots->failures, status != LOCK_SYNC_E_TOO_SOON);
        (void)usleep((useconds_t)(t_random(&seed) % 300));
    }
    return 0;
}

static void *use_on_a_thread(void *user)
{
    (void)use_until_killed(user);
    return NULL;
}

/* --- their notes --- */

static int by_begin(const void *a, const void *b)
{
    const slot_note *x = a;
    const slot_note *y = b;

    return x->begin_us < y->begin_us ? -1 : x->begin_us > y->begin_us;
}

/* Checks that each slot began at least an interval after the end of the one before. That end is the noted one, or
   the end of the lease if it was never settled. No tolerance is needed: the guard's times lie outside of the noted
   ones. Also checks that no slot was granted twice. */
static void check_log(void)
{
    size_t n = (size_t)(slots->slots < SLOTS_MAX ? slots->slots : SLOTS_MAX);
    int64_t earliest_us = 0;
    int too_close = 0;
    int twice = 0;

    qsort(slots->notes, n, sizeof slots->notes[0], by_begin);
    for (size_t i = 0; i < n; i++) {
        const slot_note *note = &slots->notes[i];
        int64_t lease_end_us = note->asked_us + LEASE_MS * 1000;
        int64_t over_us = note->end_us != 0 && note->end_us < lease_end_us ? note->end_us : lease_end_us;

        if (note->begin_us == 0)
            continue; /* killed before the note */
        too_close += note->begin_us < earliest_us;
        if (!note->refunded && over_us + INTERVAL_MS * 1000 > earliest_us)
            earliest_us = over_us + INTERVAL_MS * 1000;
    }
    CHECK_INT(too_close, 0);
    for (size_t i = 0; i < n; i++)
        for (size_t k = 0; k < i; k++)
            twice += slots->notes[i].slot != 0 && slots->notes[i].slot == slots->notes[k].slot;
    CHECK_INT(twice, 0);
    CHECK_INT(slots->failures, 0);
}

/* --- killed, forked, deleted --- */

/* Kills a process, and checks that it has not ended before, as it would without a guard. */
static void end_by_kill(pid_t pid)
{
    (void)kill(pid, SIGKILL);
    CHECK_INT(end_child(pid), 128 + SIGKILL);
}

TEST_IN(processes_may_be_killed_at_any_instant, log_begin, log_end)
{
    uint64_t seed = 1;
    pid_t pids[4];

    for (size_t i = 0; i < COUNT_OF(pids); i++)
        pids[i] = begin_child(use_until_killed, NULL);
    for (size_t round = 0; round < 200; round++) {
        pid_t *victim = &pids[round % COUNT_OF(pids)];

        (void)usleep((useconds_t)(500 + t_random(&seed) % 6000));
        end_by_kill(*victim);
        *victim = begin_child(use_until_killed, NULL);
        if (round % 10 == 0)
            free_guard(file_guard(1)); /* the file is always readable */
    }
    for (size_t i = 0; i < COUNT_OF(pids); i++)
        end_by_kill(pids[i]);
    CHECK(slots->slots > 50 / kit_slack());
    check_log();
    (void)file_stored();
}

/* Starts processes that use the inherited guard for `ms`. */
static void begin_users(pid_t pids[USERS], int64_t ms)
{
    slots->shared = open_guard();
    slots->until_us = boot_us() + ms * 1000;
    for (size_t i = 0; i < USERS; i++)
        pids[i] = begin_child(use_until_killed, NULL);
}

static void end_users(const pid_t pids[USERS])
{
    for (size_t i = 0; i < USERS; i++)
        CHECK_INT(end_child(pids[i]), 0);
    check_log();
}

/* Parent and child can use a guard that was opened before a fork. */
TEST_IN(a_guard_works_on_both_sides_of_a_fork, log_begin, log_end)
{
    pid_t pids[USERS];

    begin_users(pids, 400);
    CHECK_INT(use_until_killed(NULL), 0);
    end_users(pids);
    CHECK(slots->slots > 20 / kit_slack());
}

/* All have seen the record, so a missing file counts as lost. */
TEST_IN(a_file_that_is_deleted_while_in_use_closes_the_guard, log_begin, log_end)
{
    uint64_t seed = 2;
    pid_t pids[USERS];
    int before;

    begin_users(pids, 300);
    pause_ms(100);
    CHECK_INT(unlink(here.path), 0);
    pause_ms(20); /* for a slot that was granted and not noted yet */
    before = slots->slots;
    while (boot_us() < slots->until_us) {
        (void)unlink(here.path);
        (void)usleep((useconds_t)(t_random(&seed) % 5000));
    }
    end_users(pids);
    CHECK(before > 0);
    CHECK_INT(slots->slots, before); /* closed while other requests may be on their way */
    CHECK(folder_entries() <= 1);
}

TEST_IN(threads_share_a_file, log_begin, log_end)
{
    pthread_t threads[8];

    slots->shared = open_guard();
    slots->until_us = boot_us() + 400000;
    for (size_t i = 0; i < COUNT_OF(threads); i++)
        MUST_INT(pthread_create(&threads[i], NULL, use_on_a_thread, NULL), 0);
    for (size_t i = 0; i < COUNT_OF(threads); i++)
        MUST_INT(pthread_join(threads[i], NULL), 0);
    CHECK(slots->slots > 20 / kit_slack());
    check_log();
}

/* Opens the guard and asks. Many processes do so at once without a file: there is one file, and one first slot. */
static int open_and_ask(void *user)
{
    (void)user;
    while (boot_us() < slots->until_us)
        continue;
    if (lock_sync_guard_reserve(file_guard(20000), 1000, NULL, NULL) == LOCK_SYNC_OK)
        atomic_fetch_add(&slots->slots, 1);
    return 0;
}

TEST_IN(many_processes_create_one_file, log_begin, log_end)
{
    for (int round = 0; round < 10; round++) {
        pid_t pids[12]; /* more than a process's tries */

        slots->until_us = boot_us() + 20000;
        slots->slots = 0;
        for (size_t i = 0; i < COUNT_OF(pids); i++)
            pids[i] = begin_child(open_and_ask, NULL);
        for (size_t i = 0; i < COUNT_OF(pids); i++)
            CHECK_INT(end_child(pids[i]), 0);
        CHECK_INT(slots->slots, 1);
        CHECK_INT(folder_entries(), 1);
        folder_renew();
    }
}
