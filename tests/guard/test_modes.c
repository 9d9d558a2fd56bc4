/* What a context does when its guard refuses: FAIL, WAIT and OFF (CACHED has a file of its own), and when the guard's
   store fails. Custom transport, no network. */
#include "contexts.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

TEST(by_default_a_context_has_a_guard_of_its_own)
{
    t_fake fake = {.steps = &answer_good, .step_count = 1};
    lock_sync_ctx *ctx = t_ctx();
    lock_sync_ctx *other = t_ctx();
    lock_sync_transport transport = t_fake_transport(&fake);

    CHECK_OK(lock_sync_set_transport(ctx, &transport));
    CHECK_OK(lock_sync_set_transport(other, &transport));
    CHECK_OK(fetch_all(ctx));
    CHECK_INT(fetch_all(ctx), LOCK_SYNC_E_TOO_SOON);
    CHECK(retry_after(ctx) > 19000 && retry_after(ctx) <= 20000);
    CHECK_HOLDS(t_error_message(ctx), "too recent");
    CHECK_HOLDS(t_error_message(ctx), "in 20 s");
    CHECK_INT(lock_sync_error_http_status(lock_sync_last_error(ctx)), 0);
    CHECK(lock_sync_status_is_retryable(LOCK_SYNC_E_TOO_SOON));
    CHECK_INT(fake.performed, 1);
    CHECK_OK(fetch_all(other)); /* another's is another */
    CHECK_OK(lock_sync_set_guard(ctx, NULL)); /* a new one, which knows nothing */
    CHECK_OK(fetch_all(ctx));
    CHECK_INT(fake.performed, 3);
    lock_sync_ctx_free(ctx);
    lock_sync_ctx_free(other);
}

TEST(contexts_share_a_guard)
{
    t_fake fake = {.steps = &answer_good, .step_count = 1};
    lock_sync_guard *g = memory_guard(20000);
    lock_sync_ctx *a = guarded_ctx(&fake, g, LOCK_SYNC_GUARD_FAIL);
    lock_sync_ctx *b = guarded_ctx(&fake, g, LOCK_SYNC_GUARD_FAIL);

    lock_sync_guard_unref(g); /* they have references of their own */
    CHECK_OK(fetch_all(a));
    CHECK_INT(fetch_all(b), LOCK_SYNC_E_TOO_SOON);
    lock_sync_ctx_free(a);
    CHECK_INT(fetch_all(b), LOCK_SYNC_E_TOO_SOON);
    CHECK_INT(fake.performed, 1);
    lock_sync_ctx_free(b);
}

TEST(off_asks_nobody)
{
    t_fake fake = {.steps = &answer_good, .step_count = 1};
    lock_sync_guard *g = memory_guard(20000);
    lock_sync_ctx *ctx = guarded_ctx(&fake, g, LOCK_SYNC_GUARD_OFF);

    for (int i = 0; i < 5; i++)
        CHECK_OK(fetch_all(ctx));
    CHECK_OK(lock_sync_guard_reserve(g, 0, NULL, NULL)); /* none was counted */
    CHECK_OK(fetch_all(ctx));
    CHECK_OK(lock_sync_set_guard_mode(ctx, LOCK_SYNC_GUARD_FAIL));
    CHECK_INT(fetch_all(ctx), LOCK_SYNC_E_TOO_SOON);
    lock_sync_ctx_free(ctx);
    lock_sync_guard_unref(g);
}

TEST(modes_are_four)
{
    static const lock_sync_guard_mode bad[] = {-1, 4, INT32_MAX, INT32_MIN};
    lock_sync_ctx *ctx = t_ctx();

    for (lock_sync_guard_mode mode = LOCK_SYNC_GUARD_FAIL; mode <= LOCK_SYNC_GUARD_OFF; mode++)
        CHECK_OK(lock_sync_set_guard_mode(ctx, mode));
    for (size_t i = 0; i < COUNT_OF(bad); i++)
        CHECK_INT(lock_sync_set_guard_mode(ctx, bad[i]), LOCK_SYNC_E_INVALID_ARGUMENT);
    CHECK_INT(lock_sync_set_guard_mode(NULL, LOCK_SYNC_GUARD_FAIL), LOCK_SYNC_E_INVALID_ARGUMENT);
    CHECK_INT(lock_sync_set_guard(NULL, NULL), LOCK_SYNC_E_INVALID_ARGUMENT);
    lock_sync_ctx_free(ctx);
}

static void set_while_running(void *user, const lock_sync_request *q, lock_sync_response *s)
{
    lock_sync_ctx *ctx = user;

    (void)q, (void)s;
    CHECK_INT(lock_sync_set_guard(ctx, NULL), LOCK_SYNC_E_BUSY);
    CHECK_INT(lock_sync_set_guard_mode(ctx, LOCK_SYNC_GUARD_OFF), LOCK_SYNC_E_BUSY);
}

TEST(not_to_be_set_while_a_fetch_runs)
{
    t_step step = answer_good;
    t_fake fake = {.steps = &step, .step_count = 1};
    lock_sync_ctx *ctx = guarded_ctx(&fake, NULL, LOCK_SYNC_GUARD_FAIL);

    step.hook = set_while_running;
    fake.user = ctx;
    CHECK_OK(fetch_all(ctx));
    CHECK_INT(fetch_all(ctx), LOCK_SYNC_E_TOO_SOON);
    lock_sync_ctx_free(ctx);
}

/* --- WAIT --- */

TEST(wait_waits)
{
    t_fake fake = {.steps = &answer_good, .step_count = 1};
    lock_sync_guard *g = memory_guard(60);
    lock_sync_ctx *ctx = guarded_ctx(&fake, g, LOCK_SYNC_GUARD_WAIT);
    int64_t before_us;

    CHECK_OK(lock_sync_set_timeout_ms(ctx, 2000));
    CHECK_OK(fetch_all(ctx));
    before_us = kit_now_us();
    CHECK_OK(fetch_all(ctx));
    CHECK_OK(fetch_all(ctx));
    CHECK(kit_now_us() - before_us >= 110000);
    CHECK(kit_now_us() - before_us < 400000 * kit_slack());
    lock_sync_ctx_free(ctx);
    lock_sync_guard_unref(g);
}

static void count_waits(void *user, lock_sync_log_level level, const char *message)
{
    (void)level;
    *(int *)user += strncmp(message, "waiting ", strlen("waiting ")) == 0;
}

/* It sleeps: it does not ask the guard over and over. */
TEST(a_wait_of_more_than_a_second_is_one_wait)
{
    t_fake fake = {.steps = &answer_good, .step_count = 1};
    lock_sync_guard *g = memory_guard(1020);
    lock_sync_ctx *ctx = guarded_ctx(&fake, g, LOCK_SYNC_GUARD_WAIT);
    int waits = 0;

    CHECK_OK(lock_sync_set_logger(ctx, count_waits, &waits));
    CHECK_OK(fetch_all(ctx));
    CHECK_OK(fetch_all(ctx));
    CHECK(waits >= 1 && waits <= 2); /* 2: the guard's clock and the one that sleeps count on their own */
    lock_sync_ctx_free(ctx);
    lock_sync_guard_unref(g);
}

/* The wait counts in the fetch's deadline: what is left of it is what the transport gets. */
static void note_timeout(void *user, const lock_sync_request *q, lock_sync_response *s)
{
    (void)s;
    *(int64_t *)user = lock_sync_request_timeout_ms(q);
}

TEST(the_wait_counts_in_the_deadline)
{
    t_step step = answer_good;
    int64_t timeout_ms = 0;
    t_fake fake = {.steps = &step, .step_count = 1, .user = &timeout_ms};
    lock_sync_guard *g = memory_guard(100);
    lock_sync_ctx *ctx = guarded_ctx(&fake, g, LOCK_SYNC_GUARD_WAIT);

    step.hook = note_timeout;
    CHECK_OK(lock_sync_set_timeout_ms(ctx, 5000));
    CHECK_OK(fetch_all(ctx));
    CHECK(timeout_ms > 4500 && timeout_ms <= 5000);
    CHECK_OK(fetch_all(ctx));
    CHECK(timeout_ms > 4000 && timeout_ms <= 4905);
    lock_sync_ctx_free(ctx);
    lock_sync_guard_unref(g);
}

TEST(a_wait_beyond_the_deadline_is_not_begun)
{
    t_fake fake = {.steps = &answer_good, .step_count = 1};
    lock_sync_guard *g = memory_guard(2000);
    lock_sync_ctx *ctx = guarded_ctx(&fake, g, LOCK_SYNC_GUARD_WAIT);
    int64_t before_us;

    CHECK_OK(lock_sync_set_timeout_ms(ctx, 1000));
    CHECK_OK(fetch_all(ctx));
    before_us = kit_now_us();
    CHECK_INT(fetch_all(ctx), LOCK_SYNC_E_TOO_SOON);
    CHECK(kit_now_us() - before_us < 300000);
    CHECK(retry_after(ctx) > 1000 && retry_after(ctx) <= 2000);
    CHECK_INT(fake.performed, 1);
    lock_sync_ctx_free(ctx);
    lock_sync_guard_unref(g);
}

TEST(a_cancel_ends_the_wait)
{
    t_fake fake = {.steps = &answer_good, .step_count = 1};
    lock_sync_guard *g = memory_guard(20000);
    lock_sync_ctx *ctx = guarded_ctx(&fake, g, LOCK_SYNC_GUARD_WAIT);
    running_fetch *f;
    int64_t cancelled_us;
    int64_t ended_us;

    CHECK_OK(fetch_all(ctx));
    f = fetch_begin(ctx);
    (void)usleep(50000); /* it waits by now; if not, the cancel comes early, and again below */
    cancelled_us = kit_now_us();
    lock_sync_cancel(ctx);
    (void)usleep(100000);
    lock_sync_cancel(ctx);
    CHECK_INT(fetch_end(f, &ended_us), LOCK_SYNC_E_CANCELLED);
    CHECK(ended_us - cancelled_us < 100000 * kit_slack());
    CHECK_INT(fake.performed, 1);
    CHECK_OK(lock_sync_set_guard_mode(ctx, LOCK_SYNC_GUARD_FAIL));
    CHECK_INT(fetch_all(ctx), LOCK_SYNC_E_TOO_SOON); /* the cancel took no slot and left none taken */
    CHECK(retry_after(ctx) <= 20000);
    lock_sync_ctx_free(ctx);
    lock_sync_guard_unref(g);
}

/* While another holds the slot, its hold is the worst case; when it is settled early, who waits goes on early. */
TEST(a_holder_that_is_done_early_is_not_waited_out)
{
    t_fake fake = {.steps = &answer_good, .step_count = 1};
    lock_sync_guard *g = memory_guard(100);
    lock_sync_ctx *ctx = guarded_ctx(&fake, g, LOCK_SYNC_GUARD_WAIT);
    running_fetch *f;
    int64_t before_us = kit_now_us();
    int64_t ended_us;
    int64_t slot;

    CHECK_OK(lock_sync_set_timeout_ms(ctx, 5000));
    CHECK_OK(lock_sync_guard_reserve(g, 60000, NULL, &slot));
    f = fetch_begin(ctx);
    (void)usleep(30000);
    CHECK_OK(lock_sync_guard_settle(g, slot, LOCK_SYNC_SLOT_SENT, -1));
    CHECK_OK(fetch_end(f, &ended_us));
    CHECK(ended_us - before_us >= 130000);
    CHECK(ended_us - before_us < 1000000 * kit_slack());
    lock_sync_ctx_free(ctx);
    lock_sync_guard_unref(g);
}

TEST(all_who_wait_get_their_turn)
{
    enum { WAITERS = 5 };
    t_fake fakes[WAITERS];
    lock_sync_ctx *contexts[WAITERS];
    running_fetch *fetches[WAITERS];
    lock_sync_guard *g = memory_guard(50);
    int64_t before_us = kit_now_us();

    for (size_t i = 0; i < WAITERS; i++) {
        fakes[i] = (t_fake){.steps = &answer_good, .step_count = 1};
        contexts[i] = guarded_ctx(&fakes[i], g, LOCK_SYNC_GUARD_WAIT);
        CHECK_OK(lock_sync_set_timeout_ms(contexts[i], 5000));
    }
    for (size_t i = 0; i < WAITERS; i++)
        fetches[i] = fetch_begin(contexts[i]);
    for (size_t i = 0; i < WAITERS; i++)
        CHECK_OK(fetch_end(fetches[i], NULL));
    CHECK(kit_now_us() - before_us >= (WAITERS - 1) * 50000);
    for (size_t i = 0; i < WAITERS; i++)
        lock_sync_ctx_free(contexts[i]);
    lock_sync_guard_unref(g);
}

/* --- a store that fails --- */

static lock_sync_status no_load(void *user, void *record, size_t *size, int64_t *now_ms)
{
    (void)user, (void)record, (void)size, (void)now_ms;
    return LOCK_SYNC_E_NETWORK;
}

static lock_sync_status no_replace(void *user, const void *old_record, size_t old_size, const void *new_record,
                                   size_t new_size, bool *replaced)
{
    (void)user, (void)old_record, (void)old_size, (void)new_record, (void)new_size, (void)replaced;
    return LOCK_SYNC_E_NETWORK;
}

static void tell(void *user, char *text, size_t size)
{
    (void)user;
    (void)snprintf(text, size, "table guards is locked");
}

TEST(without_its_store_nothing_is_sent)
{
    const lock_sync_guard_store store = {
        .struct_size = sizeof store, .load = no_load, .replace = no_replace, .describe = tell};
    t_fake fake = {.steps = &answer_good, .step_count = 1};
    lock_sync_guard *g;

    MUST_OK(lock_sync_guard_new_with_store(&store, &g));
    for (lock_sync_guard_mode mode = LOCK_SYNC_GUARD_FAIL; mode < LOCK_SYNC_GUARD_OFF; mode++) {
        lock_sync_ctx *ctx = guarded_ctx(&fake, g, mode);

        t_row("mode %d", (int)mode);
        CHECK_INT(fetch_all(ctx), LOCK_SYNC_E_GUARD);
        CHECK_HOLDS(t_error_message(ctx), "table guards is locked");
        CHECK_LACKS(t_error_message(ctx), T_SECRET);
        lock_sync_ctx_free(ctx);
    }
    CHECK_INT(fake.performed, 0);
    CHECK(lock_sync_status_is_retryable(LOCK_SYNC_E_GUARD));
    lock_sync_guard_unref(g);
}

/* The guard's own object may be missing: lock_sync_set_guard(NULL) lets go of it, and a fetch makes another. */
TEST(without_memory_for_its_guard_nothing_is_sent)
{
    t_fake fake = {.steps = &answer_good, .step_count = 1};
    t_heap heap = {0};
    lock_sync_allocator memory = t_heap_allocator(&heap);
    lock_sync_transport transport = t_fake_transport(&fake);
    lock_sync_ctx *ctx;

    MUST_OK(lock_sync_ctx_new_with_allocator(&memory, &ctx));
    CHECK_OK(lock_sync_set_personal_key(ctx, T_SECRET));
    CHECK_OK(lock_sync_set_transport(ctx, &transport));
    CHECK_OK(lock_sync_set_guard(ctx, NULL));
    t_heap_fail_in(&heap, 0);
    CHECK_INT(fetch_all(ctx), LOCK_SYNC_E_NO_MEMORY);
    CHECK_INT(fake.performed, 0);
    CHECK_OK(fetch_all(ctx));
    lock_sync_ctx_free(ctx);
    t_heap_check_empty(&heap);
}

static lock_sync_status load_and_cancel(void *user, void *record, size_t *size, int64_t *now_ms)
{
    (void)record;
    *size = 0;
    *now_ms = 1;
    lock_sync_cancel(user);
    return LOCK_SYNC_OK;
}

static lock_sync_status replace_all(void *user, const void *old_record, size_t old_size, const void *record,
                                    size_t size, bool *replaced)
{
    (void)user, (void)old_record, (void)old_size, (void)record, (void)size;
    *replaced = true;
    return LOCK_SYNC_OK;
}

static lock_sync_status count_asked(void *user, lock_sync_ctx *ctx, bool refused)
{
    (void)refused;
    ++*(size_t *)user;
    return lock_sync_set_personal_key(ctx, T_SECRET);
}

TEST(a_fetch_that_is_cancelled_at_its_guard_asks_no_provider)
{
    t_fake fake = {.steps = &answer_good, .step_count = 1};
    lock_sync_guard_store store = {.struct_size = sizeof store, .load = load_and_cancel, .replace = replace_all};
    lock_sync_ctx *ctx = guarded_ctx(&fake, NULL, LOCK_SYNC_GUARD_FAIL);
    lock_sync_guard *g;
    size_t asked = 0;

    store.user = ctx;
    MUST_OK(lock_sync_guard_new_with_store(&store, &g));
    CHECK_OK(lock_sync_set_guard(ctx, g));
    CHECK_OK(lock_sync_set_personal_key(ctx, NULL));
    CHECK_OK(lock_sync_set_token_provider(ctx, count_asked, &asked));
    CHECK_INT(fetch_all(ctx), LOCK_SYNC_E_CANCELLED);
    CHECK_INT(asked, 0);
    CHECK_INT(fake.performed, 0);
    lock_sync_ctx_free(ctx);
    lock_sync_guard_unref(g);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        T(by_default_a_context_has_a_guard_of_its_own),
        T(contexts_share_a_guard),
        T(off_asks_nobody),
        T(modes_are_four),
        T(not_to_be_set_while_a_fetch_runs),
        T(wait_waits),
        T(a_wait_of_more_than_a_second_is_one_wait),
        T(the_wait_counts_in_the_deadline),
        T(a_wait_beyond_the_deadline_is_not_begun),
        T(a_cancel_ends_the_wait),
        T(a_holder_that_is_done_early_is_not_waited_out),
        T(all_who_wait_get_their_turn),
        T(without_its_store_nothing_is_sent),
        T(without_memory_for_its_guard_nothing_is_sent),
        T(a_fetch_that_is_cancelled_at_its_guard_asks_no_provider),
    };

    return T_MAIN(tests);
}
