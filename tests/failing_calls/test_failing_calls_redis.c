/* Any one call to the system fails while a guard uses Redis or a database is prepared, or the clock jumps (see
   scenes.h). */
#include "scenes.h"

#include "../guard/redis_server.h"
#include <errno.h>
#include <malloc.h>
#include <netdb.h>
#include <string.h>

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

        s->usable = again == LOCK_SYNC_OK || again == LOCK_SYNC_E_TOO_SOON;
    }
    lock_sync_guard_unref(g);
    lock_sync_redis_free(r);
    return status;
}

static char last_message[160]; /* error message of the last life that failed */

/* The act makes the marker. */
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
                    lock_sync_redis_prepare(r, "prepared:1") == LOCK_SYNC_OK &&
                    redis_server_number(server, "EXISTS prepared:locksync") == 1;
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
