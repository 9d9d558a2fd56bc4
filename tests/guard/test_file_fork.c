/* A guard in a file on both sides of a fork: the child has no lock of the parent's, keeps no outcome of the parent's,
   and can use the guard at once, whatever another thread was doing. */
#include "base/process.h"
#include "files.h"

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define HOUR_MS 3600000
#define HOLD_MS 60000
#define ROUNDS 300

/* --- slot numbers --- */

/* The slots that the processes of a test got. All share it. */
typedef struct slots {
    lock_sync_guard *guard;
    atomic_size_t n;
    int64_t slot[4 * ROUNDS];
} slots;

static int take_slots(void *user)
{
    slots *s = user;

    for (int i = 0; i < ROUNDS; i++) {
        int64_t slot = 0;
        lock_sync_status status = lock_sync_guard_reserve(s->guard, HOLD_MS, NULL, &slot);

        if (status == LOCK_SYNC_E_TOO_SOON)
            continue;
        if (status != LOCK_SYNC_OK)
            return 1;
        s->slot[atomic_fetch_add(&s->n, 1)] = slot;
        if (lock_sync_guard_settle(s->guard, slot, i % 2 == 0 ? LOCK_SYNC_SLOT_NOT_SENT : LOCK_SYNC_SLOT_SENT, -1) !=
            LOCK_SYNC_OK)
            return 2;
    }
    return 0;
}

static int take_slots_with_a_child(void *user)
{
    pid_t pid = begin_child(take_slots, user);
    int status = take_slots(user);

    return end_child(pid) == 0 ? status : 3;
}

TEST(no_slot_number_is_given_on_both_sides)
{
    folder f = folder_new();
    slots *s = mmap(NULL, sizeof *s, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    size_t twice = 0;
    pid_t pid;

    MUST(s != MAP_FAILED);
    s->guard = file_guard(f.path, 1);
    CHECK_OK(lock_sync_guard_set_hourly_budget(s->guard, 1000000, 0));
    pid = begin_child(take_slots_with_a_child, s);
    CHECK_INT(take_slots(s), 0);
    CHECK_INT(end_child(pid), 0);
    CHECK(s->n > 3);
    for (size_t i = 0; i < s->n; i++)
        for (size_t k = 0; k < i; k++)
            twice += s->slot[i] == s->slot[k];
    CHECK_INT(twice, 0);
    lock_sync_guard_unref(s->guard);
    (void)munmap(s, sizeof *s);
    folder_free(&f);
}

/* --- kept outcomes --- */

/* What a child does with a guard that has an outcome kept; the lock is free then. */
static int only_free(void *user)
{
    lock_sync_guard_unref(user);
    return 0;
}

static int ask_and_free(void *user)
{
    int64_t wait_ms = 0;
    lock_sync_status status = lock_sync_guard_reserve(user, 1000, &wait_ms, NULL);

    lock_sync_guard_unref(user);
    return status == LOCK_SYNC_E_TOO_SOON && wait_ms <= HOLD_MS + 1 ? 0 : 1; /* the slot is on its way to the child */
}

TEST(a_kept_outcome_is_the_parents_to_write)
{
    int (*const runs[])(void *) = {only_free, ask_and_free};

    for (size_t i = 0; i < COUNT_OF(runs); i++) {
        folder f = folder_new();
        lock_sync_guard *g = file_guard(f.path, 1);
        int64_t slot = 0;
        int lock;

        t_row("%zu", i);
        CHECK_OK(lock_sync_guard_reserve(g, HOLD_MS, NULL, &slot));
        lock = hold_lock(f.path);
        CHECK_INT(lock_sync_guard_settle(g, slot, LOCK_SYNC_SLOT_LIMITED, HOUR_MS), LOCK_SYNC_E_GUARD);
        (void)close(lock);
        CHECK_INT(in_child(runs[i], g), 0);
        CHECK_INT(file_stored(f.path).record.lines[LOCK_SYNC_REQUEST_SYNC].lease.slot, slot);
        CHECK_INT(file_stored(f.path).record.limited, 0);
        CHECK(refused_wait_ms(g) > HOUR_MS - 60000);
        CHECK_INT(file_stored(f.path).record.limited, 1);
        CHECK_INT(counted_requests(f.path), 1);
        lock_sync_guard_unref(g);
        folder_free(&f);
    }
}

/* --- while another thread decides --- */

/* A thread that is frozen wherever it is, by a signal's handler. */
static atomic_bool shall_freeze;
static atomic_bool is_frozen;

static void freeze_here(int signal_number)
{
    const struct timespec pause = {0, 100000};

    (void)signal_number;
    atomic_store(&is_frozen, true);
    while (atomic_load(&shall_freeze))
        (void)nanosleep(&pause, NULL);
    atomic_store(&is_frozen, false);
}

static bool has_frozen(void *user)
{
    (void)user;
    return atomic_load(&is_frozen);
}

static bool has_thawed(void *user)
{
    (void)user;
    return !atomic_load(&is_frozen);
}

typedef struct busy_thread {
    pthread_t thread;
    lock_sync_guard *guard;
    void (*act)(lock_sync_guard *g);
    atomic_bool stop;
} busy_thread;

static void *act_again_and_again(void *user)
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
    if (sigaction(SIGUSR1, &action, NULL) != 0 || pthread_create(&b->thread, NULL, act_again_and_again, b) != 0)
        kit_die("no thread");
}

static void freeze(const busy_thread *b)
{
    atomic_store(&shall_freeze, true);
    if (pthread_kill(b->thread, SIGUSR1) != 0 || !kit_wait(has_frozen, NULL, KIT_PATIENCE_MS))
        kit_die("the thread does not freeze");
}

static void thaw(void)
{
    atomic_store(&shall_freeze, false);
    if (!kit_wait(has_thawed, NULL, KIT_PATIENCE_MS))
        kit_die("the thread does not thaw");
}

static void end_busy(busy_thread *b)
{
    atomic_store(&b->stop, true);
    MUST_INT(pthread_join(b->thread, NULL), 0);
}

static void decide(lock_sync_guard *g)
{
    (void)lock_sync_guard_reserve(g, 0, NULL, NULL);
}

static void set_and_read(lock_sync_guard *g)
{
    char text[8];

    (void)lock_sync_guard_set_min_interval_ms(g, 1);
    (void)lock_sync_guard_error_message(g, text, sizeof text);
}

static bool is_locked(const char *path)
{
    int fd = open(path, O_RDWR | O_CLOEXEC);
    bool locked = fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) != 0;

    (void)close(fd);
    return locked;
}

/* Freezes a thread that decides while it has the file's lock. */
static void freeze_in_mid_decision(const busy_thread *b, const char *path)
{
    for (int i = 0; i < 10000; i++) {
        freeze(b);
        if (is_locked(path))
            return;
        thaw();
    }
    kit_die("the thread is never in the midst of a decision");
}

/* How many descriptors of this process lead to a file. */
static size_t open_files(const char *path)
{
    struct stat file;
    struct stat open_file;
    size_t n = 0;

    if (stat(path, &file) != 0)
        kit_die("no %s", path);
    for (int fd = 0; fd < 1024; fd++)
        n += fstat(fd, &open_file) == 0 && open_file.st_ino == file.st_ino && open_file.st_dev == file.st_dev;
    return n;
}

typedef struct inheritance {
    folder folder;
    lock_sync_guard *guard;
} inheritance;

/* In the child of a fork in mid-decision. Each ends by SIGALRM if it waits for the parent's thread. */
static int ask_in_time(void *user)
{
    const inheritance *i = user;

    (void)alarm(KIT_PATIENCE_MS / 1000);
    if (open_files(i->folder.path) != 1) /* it was inherited */
        return 1;
    if (lock_sync_guard_reserve(i->guard, 0, NULL, NULL) != LOCK_SYNC_E_GUARD) /* the parent has the lock */
        return 2;
    lock_sync_guard_unref(i->guard);
    return open_files(i->folder.path) == 0 ? 0 : 3;
}

static int free_in_time(void *user)
{
    const inheritance *i = user;

    (void)alarm(KIT_PATIENCE_MS / 1000);
    lock_sync_guard_unref(i->guard);
    return open_files(i->folder.path) == 0 ? 0 : 1;
}

static int set_in_time(void *user)
{
    const inheritance *i = user;

    (void)alarm(KIT_PATIENCE_MS / 1000);
    set_and_read(i->guard);
    return open_files(i->folder.path) == 0 ? 0 : 1;
}

TEST(a_child_of_a_fork_in_mid_decision)
{
    int (*const runs[])(void *) = {ask_in_time, free_in_time, set_in_time};

    for (size_t k = 0; k < COUNT_OF(runs); k++) {
        inheritance i = {.folder = folder_new()};
        busy_thread b;

        t_row("%zu", k);
        i.guard = file_guard(i.folder.path, 1);
        begin_busy(&b, i.guard, decide);
        freeze_in_mid_decision(&b, i.folder.path);
        CHECK_INT(in_child(runs[k], &i), 0);
        CHECK(is_locked(i.folder.path)); /* still: the child did not unlock what is the parent's */
        thaw();
        end_busy(&b);
        (void)usleep(2000);
        use_slot(i.guard);
        lock_sync_guard_unref(i.guard);
        folder_free(&i.folder);
    }
}

/* The parent's thread is frozen wherever it is, also with the guard's settings locked. */
TEST(a_child_of_a_fork_among_settings)
{
    inheritance i = {.folder = folder_new()};
    busy_thread b;

    i.guard = file_guard(i.folder.path, 1);
    begin_busy(&b, i.guard, set_and_read);
    for (int k = 0; k < 60; k++) {
        freeze(&b);
        if (!CHECK_INT(in_child(set_in_time, &i), 0))
            k = 60;
        thaw();
    }
    end_busy(&b);
    lock_sync_guard_unref(i.guard);
    folder_free(&i.folder);
}

/* --- a parent that is killed in mid-decision --- */

typedef struct generations {
    folder folder;
    atomic_int stage; /* of the grandchild */
} generations;

enum { FORKED = 1, MAY_USE, HAS_USED, MAY_END, HAS_ENDED };

static generations *family; /* in memory that all share */

static bool has_reached(void *user)
{
    const int *stage = user;

    return atomic_load(&family->stage) >= *stage;
}

static bool wait_for(int stage)
{
    return kit_wait(has_reached, &stage, KIT_PATIENCE_MS);
}

static void reach(int stage)
{
    atomic_store(&family->stage, stage);
}

static void live_on(lock_sync_guard *g, bool uses)
{
    reach(FORKED);
    if (wait_for(MAY_USE) && uses)
        (void)lock_sync_guard_reserve(g, 0, NULL, NULL);
    reach(HAS_USED);
    (void)wait_for(MAY_END);
    _exit(0);
}

/* Leaves a child of its own behind that has inherited the lock. */
static int fork_and_be_killed(void *user)
{
    const bool *uses = user;
    lock_sync_guard *g = file_guard(family->folder.path, 1);
    busy_thread b;

    begin_busy(&b, g, decide);
    freeze_in_mid_decision(&b, family->folder.path);
    if (fork() == 0)
        live_on(g, *uses);
    (void)wait_for(FORKED);
    (void)raise(SIGKILL);
    return 0;
}

static bool is_unlocked(void *user)
{
    (void)user;
    return !is_locked(family->folder.path);
}

TEST(the_lock_of_a_killed_parent)
{
    static bool rows[] = {true, false};

    family = mmap(NULL, sizeof *family, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    MUST(family != MAP_FAILED);
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        lock_sync_guard *g;

        t_row("the child %s the guard", rows[i] ? "uses" : "does not use");
        family->folder = folder_new();
        reach(0);
        CHECK_INT(in_child(fork_and_be_killed, &rows[i]), 128 + SIGKILL);
        CHECK(is_locked(family->folder.path));
        reach(MAY_USE);
        CHECK(wait_for(HAS_USED));
        CHECK(is_locked(family->folder.path) == !rows[i]);
        reach(MAY_END);
        CHECK(kit_wait(is_unlocked, NULL, KIT_PATIENCE_MS)); /* at its end at the latest */
        (void)usleep(2000);
        g = file_guard(family->folder.path, 1);
        (void)usleep(2000);
        use_slot(g);
        lock_sync_guard_unref(g);
        folder_free(&family->folder);
    }
    (void)munmap(family, sizeof *family);
}

/* --- many threads in the child --- */

typedef struct renewal {
    lsync_process process;
    atomic_int renewed;
} renewal;

static void *use_after_fork(void *user)
{
    renewal *r = user;

    if (lsync_process_changed(&r->process)) {
        (void)usleep(20000); /* the others come meanwhile, and wait */
        atomic_fetch_add(&r->renewed, 1);
        lsync_process_adopt(&r->process);
    }
    return atomic_load(&r->renewed) == 1 ? r : NULL;
}

static int use_with_threads(void *user)
{
    enum { THREADS = 4 };
    pthread_t threads[THREADS];
    void *good[THREADS];
    int bad = 0;

    (void)alarm(KIT_PATIENCE_MS / 1000);
    for (size_t i = 0; i < THREADS; i++)
        if (pthread_create(&threads[i], NULL, use_after_fork, user) != 0)
            return 1;
    for (size_t i = 0; i < THREADS; i++)
        (void)pthread_join(threads[i], &good[i]);
    for (size_t i = 0; i < THREADS; i++)
        bad += good[i] == NULL;
    return bad;
}

TEST(one_thread_of_a_child_renews_what_all_wait_for)
{
    renewal r = {.renewed = 0};

    lsync_process_init(&r.process);
    CHECK(!lsync_process_changed(&r.process));
    CHECK_INT(in_child(use_with_threads, &r), 0);
    CHECK(!lsync_process_changed(&r.process));
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        T(no_slot_number_is_given_on_both_sides),
        T(a_kept_outcome_is_the_parents_to_write),
        T(a_child_of_a_fork_in_mid_decision),
        T(a_child_of_a_fork_among_settings),
        T(the_lock_of_a_killed_parent),
        T(one_thread_of_a_child_renews_what_all_wait_for),
    };

    return T_MAIN(tests);
}
