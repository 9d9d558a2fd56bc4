/* A context whose guard denies a slot, in the modes FAIL, WAIT and OFF (CACHED: test_cached.c). Custom transport, no
   network. */
#include "contexts.h"

#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <unistd.h>

TEST(by_default_a_context_has_a_separate_guard)
{
    guarded *c = GUARDED(NULL, FAIL, response_good);
    guarded *other = GUARDED(NULL, FAIL, response_good);

    CHECK_OK(fetch_all(c->ctx));
    CHECK_INT(fetch_all(c->ctx), LOCK_SYNC_E_TOO_SOON);
    CHECK_BETWEEN(retry_after(c->ctx), 19001, 20000);
    CHECK_HOLDS(t_error_message(c->ctx), "too recent");
    CHECK_HOLDS(t_error_message(c->ctx), "in 20 s");
    CHECK_INT(lock_sync_error_http_status(lock_sync_last_error(c->ctx)), 0);
    CHECK(lock_sync_status_is_retryable(LOCK_SYNC_E_TOO_SOON));
    CHECK_INT(c->fake.performed, 1);
    CHECK_OK(fetch_all(other->ctx));             /* it has another guard */
    CHECK_OK(lock_sync_set_guard(c->ctx, NULL)); /* a new guard without requests */
    CHECK_OK(fetch_all(c->ctx));
    CHECK_INT(c->fake.performed, 2);
}

TEST(contexts_share_a_guard)
{
    lock_sync_guard *g = memory_guard(20000);
    guarded *a = GUARDED(g, FAIL, response_good);
    guarded *b = GUARDED(g, FAIL, response_good);

    lock_sync_guard_unref(g); /* each context has a reference */
    CHECK_OK(fetch_all(a->ctx));
    CHECK_INT(fetch_all(b->ctx), LOCK_SYNC_E_TOO_SOON);
    CHECK_OK(lock_sync_set_guard(a->ctx, NULL));
    CHECK_INT(fetch_all(b->ctx), LOCK_SYNC_E_TOO_SOON);
    CHECK_INT(b->fake.performed, 0);
}

TEST(mode_off_uses_no_guard)
{
    guarded *c = GUARDED(test_guard(20000), OFF, response_good);

    for (int i = 0; i < 5; i++)
        CHECK_OK(fetch_all(c->ctx));
    CHECK_OK(lock_sync_guard_reserve(c->guard, 0, NULL, NULL)); /* no request was counted */
    CHECK_OK(fetch_all(c->ctx));
    CHECK_OK(lock_sync_set_guard_mode(c->ctx, LOCK_SYNC_GUARD_FAIL));
    CHECK_INT(fetch_all(c->ctx), LOCK_SYNC_E_TOO_SOON);
}

TEST(there_are_four_modes)
{
    static const lock_sync_guard_mode bad[] = {-1, 4, INT32_MAX, INT32_MIN};
    guarded *c = GUARDED(NULL, FAIL, response_good);

    for (lock_sync_guard_mode mode = LOCK_SYNC_GUARD_FAIL; mode <= LOCK_SYNC_GUARD_OFF; mode++)
        CHECK_OK(lock_sync_set_guard_mode(c->ctx, mode));
    for (size_t i = 0; i < COUNT_OF(bad); i++)
        CHECK_INT(lock_sync_set_guard_mode(c->ctx, bad[i]), LOCK_SYNC_E_INVALID_ARGUMENT);
    CHECK_INT(lock_sync_set_guard_mode(NULL, LOCK_SYNC_GUARD_FAIL), LOCK_SYNC_E_INVALID_ARGUMENT);
    CHECK_INT(lock_sync_set_guard(NULL, NULL), LOCK_SYNC_E_INVALID_ARGUMENT);
}

/* --- WAIT --- */

static void note_timeout(void *user, const lock_sync_request *q, lock_sync_response *s)
{
    (void)s;
    *(int64_t *)user = lock_sync_request_timeout_ms(q);
}

/* The wait counts against the fetch's deadline. The transport gets the rest of the time. */
TEST(wait_waits_within_the_deadline)
{
    guarded *c = GUARDED(test_guard(60), WAIT, response_good);
    int64_t before_us;
    int64_t timeout_ms = 0;

    c->steps[0].hook = note_timeout;
    c->fake.user = &timeout_ms;
    CHECK_OK(lock_sync_set_timeout_ms(c->ctx, 5000));
    CHECK_OK(fetch_all(c->ctx));
    CHECK_BETWEEN(timeout_ms, 4501, 5000);
    before_us = kit_now_us();
    for (int i = 0; i < 2; i++) {
        CHECK_OK(fetch_all(c->ctx));
        CHECK_BETWEEN(timeout_ms, 4001, 4945);
    }
    CHECK_BETWEEN(kit_now_us() - before_us, 110000, 2000000 * kit_slack());
}

static void count_waits(void *user, lock_sync_log_level level, const char *message)
{
    (void)level;
    *(int *)user += strncmp(message, "waiting ", strlen("waiting ")) == 0;
}

/* It sleeps, and does not ask the guard repeatedly. */
TEST(a_wait_of_more_than_a_second_is_one_wait)
{
    guarded *c = GUARDED(test_guard(1020), WAIT, response_good);
    int waits = 0;

    CHECK_OK(lock_sync_set_logger(c->ctx, count_waits, &waits));
    CHECK_OK(fetch_all(c->ctx));
    CHECK_OK(fetch_all(c->ctx));
    CHECK_BETWEEN(waits, 1, 2); /* 2: the guard's clock and that of the sleep may differ */
}

TEST(a_wait_beyond_the_deadline_is_not_begun)
{
    guarded *c = GUARDED(test_guard(2000), WAIT, response_good);
    int64_t before_us;

    CHECK_OK(lock_sync_set_timeout_ms(c->ctx, 1000));
    CHECK_OK(fetch_all(c->ctx));
    before_us = kit_now_us();
    CHECK_INT(fetch_all(c->ctx), LOCK_SYNC_E_TOO_SOON);
    CHECK(kit_now_us() - before_us < 300000);
    CHECK_BETWEEN(retry_after(c->ctx), 1001, 2000);
    CHECK_INT(c->fake.performed, 1);
}

/* A fetch on a separate thread. */
typedef struct running_fetch {
    pthread_t thread;
    lock_sync_ctx *ctx;
    lock_sync_status status;
    int64_t ended_us;
    atomic_bool is_over;
} running_fetch;

static void *run(void *user)
{
    running_fetch *f = user;

    f->status = fetch_all(f->ctx);
    f->ended_us = kit_now_us();
    atomic_store(&f->is_over, true);
    return NULL;
}

static bool is_over(void *user)
{
    running_fetch *f = user;

    return atomic_load(&f->is_over);
}

/* tests/integration/test_cancel.c tests how soon it ends. */
TEST(a_cancel_ends_the_wait)
{
    guarded *c = GUARDED(test_guard(20000), WAIT, response_good);
    running_fetch f = {.ctx = c->ctx};
    int64_t before_us = kit_now_us();

    CHECK_OK(fetch_all(c->ctx));
    MUST_INT(pthread_create(&f.thread, NULL, run, &f), 0);
    while (!kit_wait(is_over, &f, 50)) /* a cancel may come before the wait begins */
        lock_sync_cancel(c->ctx);
    MUST_INT(pthread_join(f.thread, NULL), 0);
    CHECK_INT(f.status, LOCK_SYNC_E_CANCELLED);
    CHECK(f.ended_us - before_us < 10000000);
    CHECK_INT(c->fake.performed, 1);
    CHECK_BETWEEN(wait_of(c->guard), 1, 20000); /* the cancelled fetch has no slot */
}

/* While another user has the slot, the wait is at most its lease. If it settles early, the wait ends early. */
TEST(a_wait_ends_early_if_the_slot_is_settled_early)
{
    guarded *c = GUARDED(test_guard(100), WAIT, response_good);
    running_fetch f = {.ctx = c->ctx};
    int64_t before_us = kit_now_us();
    int64_t slot;

    CHECK_OK(lock_sync_set_timeout_ms(c->ctx, 5000));
    CHECK_OK(lock_sync_guard_reserve(c->guard, 60000, NULL, &slot));
    MUST_INT(pthread_create(&f.thread, NULL, run, &f), 0);
    (void)usleep(30000);
    CHECK_OK(lock_sync_guard_settle(c->guard, slot, LOCK_SYNC_SLOT_SENT, -1));
    MUST_INT(pthread_join(f.thread, NULL), 0);
    CHECK_OK(f.status);
    CHECK_BETWEEN(f.ended_us - before_us, 130000, 1000000 * kit_slack());
}

/* lock_sync_set_guard(NULL) releases the context's guard, and the next fetch makes a new one. */
TEST(without_memory_for_its_guard_nothing_is_sent)
{
    t_heap heap = {0};
    t_fake fake;
    lock_sync_ctx *ctx = ctx_in_heap(&heap, &fake);

    CHECK_OK(lock_sync_set_guard(ctx, NULL));
    t_heap_fail_in(&heap, 0);
    CHECK_INT(fetch_all(ctx), LOCK_SYNC_E_NO_MEMORY);
    CHECK_INT(fake.performed, 0);
    CHECK_OK(fetch_all(ctx));
    lock_sync_ctx_free(ctx);
    t_heap_check_empty(&heap);
}
