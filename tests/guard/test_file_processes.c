/* The file guard with many processes and threads: slots never too close, whoever is killed when. */
#include "files.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#define INTERVAL_MS 2
#define HOLD_MS 25
#define SLOTS_MAX 20000

/* What a process notes of a slot; times of the boot clock. */
typedef struct slot_note {
    int64_t slot;
    int64_t asked_us; /* before it was asked for: its hold ends HOLD_MS after that, or later */
    _Atomic int64_t begin_us; /* 0: not noted */
    _Atomic int64_t end_us;   /* noted before it is settled; 0: not noted */
    atomic_bool refunded;
} slot_note;

/* What all processes write down, in memory they share. */
typedef struct slot_log {
    const char *path;
    lock_sync_guard *inherited; /* opened before the fork; NULL: each opens its own */
    slot_note notes[SLOTS_MAX];
    atomic_int slots;
    atomic_int failures;
    atomic_int not_opened;
    _Atomic int64_t until_us; /* 0: until killed */
} slot_log;

static int64_t boot_us(void)
{
    struct timespec t;

    (void)clock_gettime(CLOCK_BOOTTIME, &t);
    return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

static slot_log *log_new(const char *path)
{
    slot_log *l = mmap(NULL, sizeof *l, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

    if (l == MAP_FAILED)
        kit_die("no shared memory");
    l->path = path;
    return l;
}

static void use_and_note(slot_log *l, lock_sync_guard *g, int64_t slot, int64_t asked_us, unsigned odd)
{
    int64_t begin_us = boot_us();
    size_t at = (size_t)atomic_fetch_add(&l->slots, 1);
    slot_note *note = &l->notes[at < SLOTS_MAX ? at : 0];

    if (slot < 1 || at >= SLOTS_MAX) {
        atomic_fetch_add(&l->failures, 1);
        return;
    }
    note->slot = slot;
    note->asked_us = asked_us;
    atomic_store(&note->begin_us, begin_us);
    (void)usleep(odd % 400);
    if (odd % 7 == 0) {
        atomic_store(&note->refunded, true); /* nothing was sent: the next may come at once */
        atomic_fetch_add(&l->failures, lock_sync_guard_settle(g, slot, LOCK_SYNC_SLOT_NOT_SENT, -1) != LOCK_SYNC_OK);
        return;
    }
    atomic_store(&note->end_us, boot_us());
    atomic_fetch_add(&l->failures, lock_sync_guard_settle(g, slot, LOCK_SYNC_SLOT_SENT, -1) != LOCK_SYNC_OK);
}

static int use_until_killed(void *user)
{
    slot_log *l = user;
    lock_sync_guard *g = l->inherited;
    uint64_t seed = (uint64_t)getpid();

    if (g == NULL) {
        if (lock_sync_guard_open_file(l->path, &g) != LOCK_SYNC_OK) {
            atomic_fetch_add(&l->not_opened, 1);
            return 1;
        }
        (void)lock_sync_guard_set_min_interval_ms(g, INTERVAL_MS);
        (void)lock_sync_guard_set_hourly_budget(g, 1000000, 0);
    }
    while (l->until_us == 0 || boot_us() < l->until_us) {
        int64_t asked_us = boot_us();
        int64_t slot = 0;
        lock_sync_status status = lock_sync_guard_reserve(g, HOLD_MS, NULL, &slot);

        if (status == LOCK_SYNC_OK)
            use_and_note(l, g, slot, asked_us, (unsigned)t_random(&seed) % 10000);
        else
            atomic_fetch_add(&l->failures, status != LOCK_SYNC_E_TOO_SOON);
        (void)usleep((useconds_t)(t_random(&seed) % 300));
    }
    return 0;
}

static int by_begin(const void *a, const void *b)
{
    const slot_note *x = a;
    const slot_note *y = b;

    return x->begin_us < y->begin_us ? -1 : x->begin_us > y->begin_us;
}

static int by_number(const void *a, const void *b)
{
    const slot_note *x = a;
    const slot_note *y = b;

    return x->slot < y->slot ? -1 : x->slot > y->slot;
}

/* Every slot that was used began an interval after the end of the one before it: when it was noted, or when the hold
   was over, before which nothing ends that was never settled. What a process notes lies inside of what the guard was
   told: no tolerance is needed. No slot was given twice. */
static void check_log(slot_log *l)
{
    size_t n = (size_t)(l->slots < SLOTS_MAX ? l->slots : SLOTS_MAX);
    int64_t earliest_us = 0;
    int too_close = 0;
    int twice = 0;

    qsort(l->notes, n, sizeof l->notes[0], by_begin);
    for (size_t i = 0; i < n; i++) {
        const slot_note *note = &l->notes[i];
        int64_t hold_end_us = note->asked_us + HOLD_MS * 1000;
        int64_t over_us = note->end_us != 0 && note->end_us < hold_end_us ? note->end_us : hold_end_us;

        if (note->begin_us == 0)
            continue; /* killed before it was noted */
        too_close += note->begin_us < earliest_us;
        if (!note->refunded && over_us + INTERVAL_MS * 1000 > earliest_us)
            earliest_us = over_us + INTERVAL_MS * 1000;
    }
    CHECK_INT(too_close, 0);
    qsort(l->notes, n, sizeof l->notes[0], by_number);
    for (size_t i = 1; i < n; i++)
        twice += l->notes[i].slot != 0 && l->notes[i].slot == l->notes[i - 1].slot;
    CHECK_INT(twice, 0);
}

TEST(processes_that_are_killed_at_any_instant)
{
    enum { PROCESSES = 4 };
    folder f = folder_new();
    slot_log *l = log_new(f.path);
    uint64_t seed = 1;
    pid_t pids[PROCESSES] = {0};

    for (int round = 0; round < 200; round++) {
        size_t victim = (size_t)round % PROCESSES;
        lock_sync_guard *g;

        for (size_t i = 0; i < PROCESSES; i++)
            if (pids[i] == 0)
                pids[i] = begin_child(use_until_killed, l);
        (void)usleep((useconds_t)(500 + t_random(&seed) % 6000));
        (void)kill(pids[victim], SIGKILL);
        CHECK_INT(end_child(pids[victim]), 128 + SIGKILL);
        pids[victim] = 0;
        if (round % 10 == 0) {
            CHECK_OK(lock_sync_guard_open_file(f.path, &g)); /* always readable */
            lock_sync_guard_unref(g);
        }
    }
    for (size_t i = 0; i < PROCESSES; i++)
        if (pids[i] != 0) {
            (void)kill(pids[i], SIGKILL);
            (void)end_child(pids[i]);
        }
    CHECK(l->slots > 50 / kit_slack());
    CHECK_INT(l->failures, 0);
    CHECK_INT(l->not_opened, 0);
    check_log(l);
    (void)file_stored(f.path);
    (void)munmap(l, sizeof *l);
    folder_free(&f);
}

/* A guard that was opened before a fork serves on both sides. */
TEST(a_guard_goes_through_a_fork)
{
    enum { PROCESSES = 3 };
    folder f = folder_new();
    slot_log *l = log_new(f.path);
    pid_t pids[PROCESSES];

    l->inherited = file_guard(f.path, INTERVAL_MS);
    CHECK_OK(lock_sync_guard_set_hourly_budget(l->inherited, 1000000, 0));
    l->until_us = boot_us() + 400000;
    for (size_t i = 0; i < PROCESSES; i++)
        pids[i] = begin_child(use_until_killed, l);
    CHECK_INT(use_until_killed(l), 0);
    for (size_t i = 0; i < PROCESSES; i++)
        CHECK_INT(end_child(pids[i]), 0);
    CHECK(l->slots > 20 / kit_slack());
    CHECK_INT(l->failures, 0);
    check_log(l);
    lock_sync_guard_unref(l->inherited);
    (void)munmap(l, sizeof *l);
    folder_free(&f);
}

/* All have seen the record, so none of them takes a new file for a new account. */
TEST(a_file_that_is_deleted_while_it_is_used)
{
    enum { PROCESSES = 3 };
    folder f = folder_new();
    slot_log *l = log_new(f.path);
    uint64_t seed = 2;
    pid_t pids[PROCESSES];
    int before;

    l->inherited = file_guard(f.path, INTERVAL_MS);
    CHECK_OK(lock_sync_guard_set_hourly_budget(l->inherited, 1000000, 0));
    l->until_us = boot_us() + 300000;
    for (size_t i = 0; i < PROCESSES; i++)
        pids[i] = begin_child(use_until_killed, l);
    (void)usleep(100000);
    CHECK(unlink(f.path) == 0);
    (void)usleep(20000); /* for a slot that was given and is not noted yet */
    before = l->slots;
    while (boot_us() < l->until_us) {
        (void)unlink(f.path);
        (void)usleep((useconds_t)(t_random(&seed) % 5000));
    }
    for (size_t i = 0; i < PROCESSES; i++)
        CHECK_INT(end_child(pids[i]), 0);
    CHECK(before > 0);
    CHECK_INT(l->slots, before); /* closed for as long as others may have one on its way */
    CHECK_INT(l->failures, 0);
    check_log(l);
    CHECK(folder_entries(&f) <= 1);
    lock_sync_guard_unref(l->inherited);
    (void)munmap(l, sizeof *l);
    folder_free(&f);
}

static void *use_on_a_thread(void *user)
{
    (void)use_until_killed(user);
    return NULL;
}

TEST(threads_share_a_file)
{
    enum { THREADS = 8 };
    folder f = folder_new();
    slot_log *one_guard = log_new(f.path);
    pthread_t threads[THREADS];

    one_guard->inherited = file_guard(f.path, INTERVAL_MS);
    CHECK_OK(lock_sync_guard_set_hourly_budget(one_guard->inherited, 1000000, 0));
    one_guard->until_us = boot_us() + 400000;
    for (size_t i = 0; i < THREADS; i++)
        MUST_INT(pthread_create(&threads[i], NULL, use_on_a_thread, one_guard), 0);
    for (size_t i = 0; i < THREADS; i++)
        MUST_INT(pthread_join(threads[i], NULL), 0);
    CHECK(one_guard->slots > 20 / kit_slack());
    CHECK_INT(one_guard->failures, 0);
    check_log(one_guard);
    lock_sync_guard_unref(one_guard->inherited);
    (void)munmap(one_guard, sizeof *one_guard);
    folder_free(&f);
}

/* Many begin at once on a path where there is no file: one file, and one first slot. */
static int open_and_ask(void *user)
{
    slot_log *l = user;
    lock_sync_guard *g = NULL;
    int64_t slot = 0;

    while (boot_us() < l->until_us)
        continue;
    if (lock_sync_guard_open_file(l->path, &g) != LOCK_SYNC_OK)
        atomic_fetch_add(&l->not_opened, 1);
    else if (lock_sync_guard_reserve(g, 1000, NULL, &slot) == LOCK_SYNC_OK)
        atomic_fetch_add(&l->slots, 1);
    lock_sync_guard_unref(g);
    return 0;
}

TEST(many_make_the_file_at_once)
{
    enum { PROCESSES = 12 }; /* more than there are tries */

    for (int round = 0; round < 10; round++) {
        folder f = folder_new();
        slot_log *l = log_new(f.path);
        pid_t pids[PROCESSES];

        l->until_us = boot_us() + 20000;
        for (size_t i = 0; i < PROCESSES; i++)
            pids[i] = begin_child(open_and_ask, l);
        for (size_t i = 0; i < PROCESSES; i++)
            CHECK_INT(end_child(pids[i]), 0);
        CHECK_INT(l->slots, 1);
        CHECK_INT(l->not_opened, 0);
        CHECK_INT(folder_entries(&f), 1);
        (void)munmap(l, sizeof *l);
        folder_free(&f);
    }
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        T(processes_that_are_killed_at_any_instant),
        T(a_guard_goes_through_a_fork),
        T(a_file_that_is_deleted_while_it_is_used),
        T(threads_share_a_file),
        T(many_make_the_file_at_once),
    };

    return T_MAIN(tests);
}
