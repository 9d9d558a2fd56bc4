/* A Redis guard on both sides of a fork: each process uses a separate connection. */
#include "../support/child.h"
#include "impostor.h"
#include "redis_server.h"

#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define ROUNDS 200

/* The slots that the processes of a test got. All processes share this memory. */
typedef struct slots {
    atomic_size_t n;
    int64_t slot[8 * ROUNDS];
} slots;

static slots *got;

/* Returns whether no slot was granted twice. */
static bool all_differ(void)
{
    for (size_t i = 0; i < got->n; i++)
        for (size_t k = 0; k < i; k++)
            if (got->slot[i] == got->slot[k])
                return false;
    return got->n > 0;
}

/* Uses slots repeatedly. False: a reply did not belong to this process's command. */
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

static int free_only(void *user)
{
    const redis_rig *r = user;

    lock_sync_guard_unref(r->guard);
    lock_sync_redis_free(r->redis);
    return 0;
}

static int use_and_free(void *user)
{
    const redis_rig *r = user;
    bool good = use(r->guard);

    (void)free_only(user);
    return good ? 0 : 1;
}

TEST(parent_and_child_use_the_guard_at_the_same_time)
{
    static const struct {
        int (*child)(void *user);
        int clients; /* new connections: the child's, and that of this test's command */
    } rows[] = {{use_and_free, 2}, {free_only, 1}};

    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        redis_rig r = redis_rig_new(NULL, 1);
        long long before;
        pid_t pid;

        t_row("%zu", i);
        got = kit_shared(sizeof *got);
        CHECK_OK(lock_sync_guard_set_hourly_budget(r.guard, 1000000, 0));
        CHECK(redis_slot(r.guard, 0, KIT_PATIENCE_MS) > 0); /* connected */
        before = redis_server_number(r.server, "CLIENT ID");
        pid = begin_child(rows[i].child, &r);
        CHECK(use(r.guard));
        CHECK_INT(end_child(pid), 0);
        CHECK(use(r.guard));
        CHECK(all_differ());
        CHECK_INT(redis_server_number(r.server, "CLIENT ID") - before, rows[i].clients);
        kit_shared_free(got, sizeof *got);
    }
}

/* --- while another thread waits for the server --- */

static atomic_bool waits; /* a thread waits for a reply: it has no memory allocated that a child would leak */

/* Replaces the system's function for the library. */
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

TEST(a_fork_while_a_thread_waits_for_a_reply)
{
    int (*const runs[])(void *) = {ask_a_silent_server, free_in_time};

    for (size_t k = 0; k < COUNT_OF(runs); k++) {
        redis_rig r = {.redis = redis_of(impostor_url(impostor_here((impostor){.says = NULL}), ""))};
        pthread_t thread;

        t_row("%zu", k);
        r.guard = redis_guard(r.redis, "k", 1);
        atomic_store(&waits, false);
        MUST_INT(pthread_create(&thread, NULL, reserve, &r), 0);
        CHECK(kit_wait(is_waiting, NULL, KIT_PATIENCE_MS));
        CHECK_INT(in_child(runs[k], &r), 0);
        MUST_INT(pthread_join(thread, NULL), 0);
    }
}
