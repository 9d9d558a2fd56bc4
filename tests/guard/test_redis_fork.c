/* A Redis guard on both sides of a fork: each process speaks on a connection of its own. */
#include "../support/child.h"
#include "impostor.h"
#include "redis_server.h"

#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#define ROUNDS 200

/* The slots that the processes of a test got; 0: none. All processes share it. */
typedef struct slots {
    atomic_size_t n;
    int64_t slot[8 * ROUNDS];
} slots;

static slots *got;

static void share_slots(void)
{
    got = mmap(NULL, sizeof *got, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (got == MAP_FAILED)
        kit_die("no memory to share");
}

/* Whether no slot was given twice. */
static bool all_differ(void)
{
    for (size_t i = 0; i < got->n; i++)
        for (size_t k = 0; k < i; k++)
            if (got->slot[i] == got->slot[k])
                return false;
    return got->n > 0;
}

/* Asks again and again. False: a reply was not what this process had asked for. */
static bool use(lock_sync_guard *g)
{
    for (int i = 0; i < ROUNDS; i++) {
        int64_t slot = 0;
        int64_t wait_ms = 0;
        lock_sync_status status = lock_sync_guard_reserve(g, 60000, &wait_ms, &slot);

        if (status == LOCK_SYNC_OK)
            got->slot[atomic_fetch_add(&got->n, 1)] = slot;
        if (status == LOCK_SYNC_OK)
            status = lock_sync_guard_settle(g, slot, LOCK_SYNC_SLOT_SENT, -1);
        if (status != LOCK_SYNC_OK && status != LOCK_SYNC_E_TOO_SOON)
            return false;
    }
    return true;
}

static int use_and_free(void *user)
{
    redis_rig *r = user;
    bool good = use(r->guard);

    lock_sync_guard_unref(r->guard);
    lock_sync_redis_free(r->redis);
    return good ? 0 : 1;
}

static int free_only(void *user)
{
    const redis_rig *r = user;

    lock_sync_guard_unref(r->guard);
    lock_sync_redis_free(r->redis);
    return 0;
}

TEST(parent_and_child_at_the_same_time)
{
    redis_rig r;
    long long before;
    pid_t pid;

    NEED_REDIS();
    share_slots();
    r = redis_rig_new(NULL, 1);
    CHECK_OK(lock_sync_guard_set_hourly_budget(r.guard, 1000000, 0));
    CHECK(redis_slot(r.guard, 0, KIT_PATIENCE_MS) > 0); /* connected */
    before = redis_server_number(r.server, "CLIENT ID");
    pid = begin_child(use_and_free, &r);
    CHECK(use(r.guard));
    CHECK_INT(end_child(pid), 0);
    CHECK(use(r.guard));
    CHECK(all_differ());
    CHECK_INT(redis_server_number(r.server, "CLIENT ID") - before, 2); /* the child's, and the one that asks */
    redis_rig_free(&r);
    (void)munmap(got, sizeof *got);
}

TEST(a_child_that_only_frees)
{
    redis_rig r;
    long long before;

    NEED_REDIS();
    share_slots();
    r = redis_rig_new(NULL, 1);
    CHECK(redis_slot(r.guard, 0, KIT_PATIENCE_MS) > 0);
    before = redis_server_number(r.server, "CLIENT ID");
    CHECK_INT(in_child(free_only, &r), 0);
    CHECK(use(r.guard));
    CHECK_INT(redis_server_number(r.server, "CLIENT ID") - before, 1); /* the one that asks */
    redis_rig_free(&r);
    (void)munmap(got, sizeof *got);
}

/* The child's child, too; and a child that was never connected before. */
static int fork_again(void *user)
{
    redis_rig *r = user;
    pid_t pid = begin_child(use_and_free, r);
    bool good = use(r->guard);

    return end_child(pid) == 0 && good && use_and_free(r) == 0 ? 0 : 1;
}

TEST(three_generations)
{
    redis_rig r;

    NEED_REDIS();
    share_slots();
    r = redis_rig_new(NULL, 1);
    CHECK_OK(lock_sync_guard_set_hourly_budget(r.guard, 1000000, 0));
    CHECK_INT(in_child(fork_again, &r), 0);
    CHECK(redis_slot(r.guard, 0, KIT_PATIENCE_MS) > 0);
    CHECK_INT(in_child(fork_again, &r), 0);
    CHECK(use(r.guard));
    CHECK(all_differ());
    redis_rig_free(&r);
    (void)munmap(got, sizeof *got);
}

/* --- while another thread speaks with the server --- */

static atomic_bool waits; /* a thread waits for a reply: it has no memory in hand that a child would lose */

/* The library finds this one. */
int poll(struct pollfd *fds, nfds_t n, int ms)
{
    const struct timespec none = {0, 0};
    const struct timespec patience = {ms / 1000, ms % 1000 * 1000000L};
    int ready = ppoll(fds, n, &none, NULL);

    if (ready != 0)
        return ready;
    if (fds->events == POLLIN)
        atomic_store(&waits, true);
    return ppoll(fds, n, &patience, NULL);
}

static void *reserve(void *user)
{
    const redis_rig *r = user;

    CHECK_INT(lock_sync_guard_reserve(r->guard, 0, NULL, NULL), LOCK_SYNC_E_GUARD);
    return NULL;
}

static bool is_waiting(void *unused)
{
    (void)unused;
    return atomic_load(&waits);
}

/* Ends by SIGALRM if it waits for the parent's thread. */
static int ask_a_silent_server(void *user)
{
    redis_rig *r = user;
    lock_sync_status status;

    (void)alarm(KIT_PATIENCE_MS / 1000);
    status = lock_sync_guard_reserve(r->guard, 0, NULL, NULL);
    (void)free_only(r);
    return status == LOCK_SYNC_E_GUARD ? 0 : 1;
}

static int free_in_time(void *user)
{
    (void)alarm(KIT_PATIENCE_MS / 1000);
    return free_only(user);
}

TEST(a_fork_in_the_middle_of_an_exchange)
{
    int (*const runs[])(void *) = {ask_a_silent_server, free_in_time};

    for (size_t k = 0; k < COUNT_OF(runs); k++) {
        impostor i = {.says = NULL};
        pthread_t thread;
        redis_rig r;
        char *url;
        pid_t pid;

        t_row("%zu", k);
        impostor_begin(&i);
        url = impostor_url(&i, "");
        r = redis_rig_at(url, 1);
        free(url);
        atomic_store(&waits, false);
        MUST_INT(pthread_create(&thread, NULL, reserve, &r), 0);
        CHECK(kit_wait(is_waiting, NULL, KIT_PATIENCE_MS));
        pid = begin_child(runs[k], &r);
        CHECK_INT(end_child(pid), 0);
        MUST_INT(pthread_join(thread, NULL), 0);
        redis_rig_free(&r);
        impostor_end(&i);
    }
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        T(parent_and_child_at_the_same_time),
        T(a_child_that_only_frees),
        T(three_generations),
        T(a_fork_in_the_middle_of_an_exchange),
    };

    return T_MAIN(tests);
}
