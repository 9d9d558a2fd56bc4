/* Any one call to the system fails while a guard uses Redis, blocking or on a pool's channel, or a database is
   prepared. Or the clock jumps (see scenes.h). */
#include "scenes.h"

#include "../guard/redis_server.h"
#include <errno.h>
#include <malloc.h>
#include <netdb.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static redis_server *server;

/* Waits until the last slot of the life before is over, at most a millisecond or two. */
static lock_sync_status reserve(lock_sync_guard *g, int64_t *slot)
{
    lock_sync_status status = LOCK_SYNC_E_TOO_SOON;

    for (int i = 0; i < 100000 && status == LOCK_SYNC_E_TOO_SOON; i++)
        status = lock_sync_guard_reserve(g, 1, NULL, slot);
    return status;
}

static bool key_is_lost; /* before each life */

static lock_sync_status live(scene *s)
{
    lock_sync_redis *r = NULL;
    lock_sync_guard *g = NULL;
    int64_t slot = 0;
    lock_sync_status status = lock_sync_redis_new(redis_server_url(server), &r);

    if (status == LOCK_SYNC_OK)
        status = lock_sync_guard_open_redis(r, "failing-calls", &g);
    if (status == LOCK_SYNC_OK)
        status = lock_sync_guard_set_min_interval_ms(g, 1);
    if (key_is_lost)
        redis_server_do(server, "DEL failing-calls");
    if (status == LOCK_SYNC_OK)
        status = lock_sync_guard_set_hourly_budget(g, 1000000, 0); /* for any number of lives */
    if (status == LOCK_SYNC_OK)
        status = reserve(g, &slot);
    if (status == LOCK_SYNC_OK)
        status = lock_sync_guard_settle(g, slot, LOCK_SYNC_SLOT_SENT, -1);
    (void)wrapped_end();
    if (status != LOCK_SYNC_OK && g != NULL) {
        lock_sync_status again = lock_sync_guard_reserve(g, 0, NULL, NULL);

        for (int i = 0; again == LOCK_SYNC_E_GUARD && i < 2000; i++) { /* the server counts as silent for a second */
            (void)usleep(1000);
            again = lock_sync_guard_reserve(g, 0, NULL, NULL);
        }
        s->usable = again == LOCK_SYNC_OK || again == LOCK_SYNC_E_TOO_SOON;
    }
    lock_sync_guard_unref(g);
    lock_sync_redis_free(r);
    return status;
}

/* Prepares, also after the second for which the server counts as silent. */
static lock_sync_status prepare_again(lock_sync_redis *r)
{
    lock_sync_status status = lock_sync_redis_prepare(r, "prepared:1");

    for (int i = 0; status == LOCK_SYNC_E_GUARD && i < 2000; i++) {
        (void)usleep(1000);
        status = lock_sync_redis_prepare(r, "prepared:1");
    }
    return status;
}

static char last_message[160]; /* error message of the last life that failed */

/* Makes the marker. */
static lock_sync_status live_to_prepare(scene *s)
{
    lock_sync_redis *r = NULL;
    lock_sync_status status = lock_sync_redis_new(redis_server_url(server), &r);

    redis_server_do(server, "DEL prepared:locksync");
    if (status == LOCK_SYNC_OK)
        status = lock_sync_redis_prepare(r, "prepared:1");
    (void)wrapped_end();
    if (status != LOCK_SYNC_OK && r != NULL)
        s->usable = lock_sync_redis_error_message(r, last_message, sizeof last_message) > 0 &&
                    prepare_again(r) == LOCK_SYNC_OK && redis_server_number(server, "EXISTS prepared:locksync") == 1;
    lock_sync_redis_free(r);
    return status;
}

TEST(any_one_call_may_fail)
{
    static const struct {
        wrapped function;
        int error;
        uint32_t may;
        bool is_named; /* the message contains the error */
    } rows[] = {
        {WRAPPED_pthread_mutex_init, ENOMEM, MAY(E_NO_MEMORY), false},
        {WRAPPED_getaddrinfo, EAI_NONAME, MAY(E_GUARD), false},
        {WRAPPED_socket, EMFILE, MAY(E_GUARD), true},
        {WRAPPED_connect, ENETUNREACH, MAY(E_GUARD), true},
        {WRAPPED_getsockopt, ENOTSOCK, MAY(E_GUARD), true},
        {WRAPPED_send, ECONNRESET, MAY(E_GUARD), true},
        {WRAPPED_send, EINTR, 0, false},
        {WRAPPED_send, EAGAIN, 0, false},
        {WRAPPED_recv, ECONNRESET, MAY(E_GUARD), true},
        {WRAPPED_recv, EINTR, 0, false},
        {WRAPPED_poll, EINTR, 0, false},
        {WRAPPED_poll, ENOMEM, MAY(E_GUARD), true},
        {WRAPPED_clock_gettime, 0, MAY(E_GUARD), false},
    };
    scene s = {.url = NULL};

    server = redis_rig_new(NULL, 1).server;
    redis_server_settle_in(server, "failing-calls");
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        t_row("%s, %d", wrapped_names[rows[i].function], rows[i].error);
        for (int lost = 0; lost < 2; lost++) {
            key_is_lost = lost != 0;
            CHECK(check_failing_calls(&s, rows[i].function, rows[i].error, live, rows[i].may) > 0);
        }
        CHECK(check_failing_calls(&s, rows[i].function, rows[i].error, live_to_prepare, rows[i].may) > 0);
        CHECK(!rows[i].is_named || strstr(last_message, strerror(rows[i].error)) != NULL);
    }
}

/* --- in a pool --- */

#define TIMEOUT_MS 1000

/* A guard, a context and a pool of one life. */
typedef struct fleet {
    lock_sync_redis *redis;
    lock_sync_guard *guard;
    lock_sync_ctx *ctx;
    lock_sync_pool *pool;
} fleet;

static void on_done(void *user, lock_sync_ctx *ctx, lock_sync_status status, lock_sync_results *results)
{
    lock_sync_status *ended = user;

    (void)ctx;
    *ended = status;
    lock_sync_results_free(results);
}

static lock_sync_status fetch(const fleet *f)
{
    lock_sync_status ended = LOCK_SYNC_E_BUSY;
    lock_sync_status status = lock_sync_pool_submit(f->pool, f->ctx, NULL, 0, on_done, &ended);

    for (int i = 0; i < KIT_PATIENCE_MS / 10 && lock_sync_pool_pending(f->pool) > 0; i++) /* the clock may jump */
        (void)lock_sync_pool_wait(f->pool, 10);
    return status == LOCK_SYNC_OK ? ended : status;
}

static lock_sync_status make_fleet(scene *s, fleet *f)
{
    static unsigned number; /* each life has a key of its own, because a slot may stay taken */
    const lock_sync_allocator memory = t_heap_allocator(&s->heap);
    lock_sync_status status = lock_sync_redis_new(redis_server_url(server), &f->redis);

    if (status == LOCK_SYNC_OK)
        status = lock_sync_guard_open_redis(f->redis, t_later(free, kit_text("pool:%u", ++number)), &f->guard);
    if (status == LOCK_SYNC_OK)
        status = lock_sync_ctx_new_with_allocator(&memory, &f->ctx);
    if (status == LOCK_SYNC_OK)
        status = lock_sync_pool_new_with_allocator(&memory, &f->pool);
    if (status != LOCK_SYNC_OK)
        return status;
    MUST_OK(lock_sync_guard_set_min_interval_ms(f->guard, 1));
    MUST_OK(lock_sync_set_base_url(f->ctx, s->url));
    MUST_OK(lock_sync_set_personal_key(f->ctx, "demo-key"));
    MUST_OK(lock_sync_set_timeout_ms(f->ctx, TIMEOUT_MS));
    MUST_OK(lock_sync_set_guard(f->ctx, f->guard));
    return LOCK_SYNC_OK;
}

static bool clock_jumps; /* and then jumps back, which only a test can do: the channel would wait for a day */

/* Fetches in a pool, on whose channel the guard decides. */
static lock_sync_status live_in_a_pool(scene *s)
{
    fleet f = {.redis = NULL};
    lock_sync_status status = make_fleet(s, &f);

    if (status == LOCK_SYNC_OK) {
        status = fetch(&f);
        (void)wrapped_end();
        if (status != LOCK_SYNC_OK && !clock_jumps) {
            lock_sync_status again = fetch(&f);

            for (int i = 0; again == LOCK_SYNC_E_TOO_SOON && i < 5000; i++) { /* until the lease ends */
                (void)usleep(1000);
                again = fetch(&f);
            }
            s->usable = again == LOCK_SYNC_OK;
        }
    }
    (void)wrapped_end();
    lock_sync_pool_free(f.pool);
    lock_sync_ctx_free(f.ctx);
    lock_sync_guard_unref(f.guard);
    lock_sync_redis_free(f.redis);
    return status;
}

TEST(any_one_call_may_fail_on_a_channel)
{
    static const struct {
        wrapped function;
        int error;
        uint32_t may;
    } rows[] = {
        {WRAPPED_pthread_mutex_init, ENOMEM, MAY(E_NO_MEMORY)},
        {WRAPPED_pthread_create, EAGAIN, MAY(E_NO_MEMORY) | MAY(E_GUARD)},
        {WRAPPED_getaddrinfo, EAI_NONAME, MAY(E_GUARD)},
        {WRAPPED_socket, EMFILE, MAY(E_GUARD) | MAY(E_CONNECT)},
        {WRAPPED_connect, ENETUNREACH, MAY(E_GUARD)},
        {WRAPPED_getsockopt, ENOTSOCK, MAY(E_GUARD)},
        {WRAPPED_send, ECONNRESET, MAY(E_GUARD)},
        {WRAPPED_send, EINTR, 0},
        {WRAPPED_send, EAGAIN, 0},
        {WRAPPED_recv, ECONNRESET, MAY(E_GUARD)},
        {WRAPPED_recv, EINTR, 0},
        {WRAPPED_recv, EAGAIN, 0},
        {WRAPPED_poll, EINTR, 0},
        {WRAPPED_poll, ENOMEM, MAY(E_GUARD)},
        {WRAPPED_clock_gettime, 0, MAY(E_GUARD) | MAY(E_TIMEOUT) | MAY(E_TOO_SOON)},
#ifdef POOL_USES_EPOLL
        {WRAPPED_epoll_ctl, ENOMEM, MAY(E_NO_MEMORY) | MAY(E_GUARD) | MAY(E_CONNECT) | MAY(E_TIMEOUT)},
        {WRAPPED_epoll_wait, EINTR, 0},
#endif
    };
    static const char *const arguments[] = {"--static", NULL};
    sim *service = sim_start(arguments);
    scene s = {.url = sim_url(service)};

    server = redis_rig_new(NULL, 1).server;
    redis_server_settle_in(server, "pool:1");
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        t_row("%s, %d", wrapped_names[rows[i].function], rows[i].error);
        clock_jumps = rows[i].function == WRAPPED_clock_gettime;
        CHECK(check_failing_calls(&s, rows[i].function, rows[i].error, live_in_a_pool, rows[i].may) > 0);
    }
    sim_stop(service, NULL);
}

#if defined(__GLIBC__)
/* A database is allocated by malloc only. */
TEST(without_a_mutex_nothing_leaks)
{
    const char *url = "redis://127.0.0.1:9";
    lock_sync_redis *r = NULL;
    size_t before;

    MUST_OK(lock_sync_redis_new(url, &r));
    lock_sync_redis_free(r);
    before = mallinfo2().uordblks;
    wrapped_fail(WRAPPED_pthread_mutex_init, 1, ENOMEM);
    CHECK_INT(lock_sync_redis_new(url, &r), LOCK_SYNC_E_NO_MEMORY);
    CHECK(wrapped_end());
    CHECK(r == NULL);
    CHECK_INT(mallinfo2().uordblks, before);
}
#endif
