/* A guard in a file on both sides of a fork: the child inherits no lock and no kept outcome. It can use the guard at
   once, even if another thread was in a decision. */
#include "files.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define LEASE_MS 60000

/* --- children --- */

/* Counts the descriptors of this process for the guard's file. */
static size_t open_files(void)
{
    struct stat file;
    struct stat open_file;
    size_t n = 0;

    if (stat(here.path, &file) != 0)
        kit_die("no %s", here.path);
    for (int fd = 0; fd < 1024; fd++)
        n += fstat(fd, &open_file) == 0 && open_file.st_ino == file.st_ino && open_file.st_dev == file.st_dev;
    return n;
}

/* A child, and its first action with the guard; NULL: it only frees the guard. */
typedef struct life {
    lock_sync_guard *guard;
    void (*first)(lock_sync_guard *g);
} life;

/* Ends by SIGALRM if it waits for the parent's thread. */
static int live_in_time(void *user)
{
    const life *l = user;

    (void)alarm(KIT_PATIENCE_MS / 1000);
    if (l->first != NULL)
        l->first(l->guard);
    lock_sync_guard_unref(l->guard);
    CHILD_MUST(open_files() == 0);
    return 0;
}

/* --- slot numbers --- */

static int take_a_slot_and_exit(void *user)
{
    return lock_sync_guard_reserve(user, 1, NULL, NULL) == LOCK_SYNC_OK ? 0 : 1;
}

TEST_HERE(no_slot_number_is_granted_on_both_sides)
{
    lock_sync_guard *g = file_guard(1);
    int64_t of_child;

    CHECK_INT(in_child(take_a_slot_and_exit, g), 0);
    of_child = sync_entry().lease.slot;
    pause_ms(5); /* its lease and the interval */
    CHECK(take_slot(g, 0) != of_child);
}

/* --- kept outcomes --- */

static void ask_behind(lock_sync_guard *g)
{
    CHILD_MUST(check_wait(g, LEASE_MS + 1)); /* for the child the slot is on its way */
}

TEST_HERE(a_kept_outcome_is_written_by_the_parent_only)
{
    void (*const firsts[])(lock_sync_guard * g) = {ask_behind, NULL};

    for (size_t i = 0; i < COUNT_OF(firsts); i++) {
        lock_sync_guard *g = file_guard(1);
        life l = {g, firsts[i]};
        int64_t slot = take_slot(g, LEASE_MS);
        int lock = lock_as_another_process(here.path);

        t_row("%zu", i);
        CHECK_INT(lock_sync_guard_settle(g, slot, LOCK_SYNC_SLOT_LIMITED, HOUR_MS), LOCK_SYNC_E_GUARD);
        (void)close(lock);
        CHECK_INT(in_child(live_in_time, &l), 0);
        CHECK_INT(sync_entry().lease.slot, slot);
        CHECK_INT(file_stored().record.limited, 0);
        check_wait(g, HOUR_MS);
        CHECK_INT(file_stored().record.limited, 1);
        CHECK_INT(counted_requests(), 1);
        folder_renew();
    }
}

/* --- while another thread decides --- */

/* A signal handler freezes a thread at any place. */
static atomic_bool must_freeze;
static atomic_bool is_frozen;

static void freeze_here(int signal_number)
{
    const struct timespec pause = {0, 100000};

    (void)signal_number;
    atomic_store(&is_frozen, true);
    while (atomic_load(&must_freeze))
        (void)nanosleep(&pause, NULL);
    atomic_store(&is_frozen, false);
}

static bool is_as_wanted(void *user)
{
    return atomic_load(&is_frozen) == *(const bool *)user;
}

static void wait_until(bool frozen)
{
    if (!kit_wait(is_as_wanted, &frozen, KIT_PATIENCE_MS))
        kit_die("the thread does not %s", frozen ? "freeze" : "thaw");
}

typedef struct busy_thread {
    pthread_t thread;
    lock_sync_guard *guard;
    void (*act)(lock_sync_guard *g);
    atomic_bool stop;
} busy_thread;

static void *act_repeatedly(void *user)
{
    busy_thread *b = user;

    while (!atomic_load(&b->stop))
        b->act(b->guard);
    return NULL;
}

static void begin_busy(busy_thread *b, lock_sync_guard *g, void (*act)(lock_sync_guard *g))
{
    struct sigaction action = {.sa_handler = freeze_here, .sa_flags = SA_RESTART};

    b->guard = g;
    b->act = act;
    atomic_init(&b->stop, false);
    if (sigaction(SIGUSR1, &action, NULL) != 0 || pthread_create(&b->thread, NULL, act_repeatedly, b) != 0)
        kit_die("no thread");
}

static void freeze(const busy_thread *b)
{
    atomic_store(&must_freeze, true);
    MUST_INT(pthread_kill(b->thread, SIGUSR1), 0);
    wait_until(true);
}

static void thaw(void)
{
    atomic_store(&must_freeze, false);
    wait_until(false);
}

static void end_busy(busy_thread *b)
{
    atomic_store(&b->stop, true);
    MUST_INT(pthread_join(b->thread, NULL), 0);
}

static void decide(lock_sync_guard *g)
{
    lock_sync_status any = lock_sync_guard_reserve(g, 0, NULL, NULL);

    (void)any;
}

static void set_and_read(lock_sync_guard *g)
{
    char text[8];

    (void)lock_sync_guard_set_min_interval_ms(g, 1);
    (void)lock_sync_guard_error_message(g, text, sizeof text);
}

/* Freezes a thread that decides while it has the file's lock. */
static void freeze_during_a_decision(const busy_thread *b)
{
    for (int i = 0; i < 10000; i++) {
        freeze(b);
        if (is_locked())
            return;
        thaw();
    }
    kit_die("the thread is never in a decision");
}

static void ask_in_vain(lock_sync_guard *g)
{
    CHILD_MUST(open_files() == 1);                         /* inherited */
    CHILD_MUST(check_no_slot(g, "another process holds")); /* the parent */
}

/* Has the lock's descriptor, and never uses the guard. */
static int do_nothing(void *user)
{
    (void)user;
    (void)pause();
    return 0;
}

TEST_HERE(a_child_of_a_fork_during_a_decision_does_not_unlock)
{
    void (*const firsts[])(lock_sync_guard * g) = {ask_in_vain, set_and_read, NULL};

    for (size_t i = 0; i < COUNT_OF(firsts); i++) {
        life l = {file_guard(1), firsts[i]};
        busy_thread b;
        pid_t idle;

        t_row("%zu", i);
        begin_busy(&b, l.guard, decide);
        freeze_during_a_decision(&b);
        idle = begin_child(do_nothing, NULL);
        CHECK_INT(in_child(live_in_time, &l), 0);
        CHECK(is_locked()); /* the child did not unlock the parent's lock */
        thaw();
        end_busy(&b);
        pause_ms(2);
        use_slot(l.guard); /* unlocked for all */
        (void)kill(idle, SIGKILL);
        (void)end_child(idle);
        folder_renew();
    }
}

/* The parent's thread is frozen at any place, also while it has the mutex of the guard's settings. */
TEST_HERE(a_child_of_a_fork_during_a_setting_can_use_the_guard)
{
    life l = {file_guard(1), set_and_read};
    busy_thread b;

    begin_busy(&b, l.guard, set_and_read);
    for (int k = 0; k < 60; k++) {
        freeze(&b);
        if (!CHECK_INT(in_child(live_in_time, &l), 0))
            k = 60;
        thaw();
    }
    end_busy(&b);
}
