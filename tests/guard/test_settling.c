/* What becomes of a fetch's slot: answered, refused, never sent, limited, repeated after a 401. Custom transport. */
#include "contexts.h"
#include "guard/guard.h"

#include <string.h>
#include <unistd.h>

/* The wait that another user of the guard is told, in ms; 0: it gets a slot (and gives it back). */
static int64_t wait_of(lock_sync_guard *g)
{
    int64_t wait_ms = 0;
    int64_t slot;

    if (lock_sync_guard_reserve(g, 1, &wait_ms, &slot) == LOCK_SYNC_OK)
        CHECK_OK(lock_sync_guard_settle(g, slot, LOCK_SYNC_SLOT_NOT_SENT, -1));
    return wait_ms;
}

TEST(how_fetches_end_their_slots)
{
    static const struct {
        const char *name;
        t_step step;
        lock_sync_status status;
        int64_t from_ms; /* the wait for others */
        int64_t to_ms;
    } rows[] = {
        {"good", {.http = 200, .body = "{\"result\":[]}"}, LOCK_SYNC_OK, 19000, 20000},
        {"malformed", {.http = 200, .body = "?"}, LOCK_SYNC_E_MALFORMED, 19000, 20000},
        {"500", {.http = 500}, LOCK_SYNC_E_SERVER, 19000, 20000},
        {"503 with Retry-After", {.http = 503, .headers = {"Retry-After", "300"}}, LOCK_SYNC_E_SERVER, 19000, 20000},
        {"401", {.http = 401}, LOCK_SYNC_E_UNAUTHORIZED, 19000, 20000},
        {"404", {.http = 404}, LOCK_SYNC_E_NOT_FOUND, 19000, 20000},
        {"broke off", {.returns = LOCK_SYNC_E_NETWORK}, LOCK_SYNC_E_NETWORK, 19000, 20000},
        {"timed out", {.returns = LOCK_SYNC_E_TIMEOUT}, LOCK_SYNC_E_TIMEOUT, 19000, 20000},
        {"nonsense", {.returns = 99}, LOCK_SYNC_E_NETWORK, 19000, 20000},
        {"no memory", {.returns = LOCK_SYNC_E_NO_MEMORY}, LOCK_SYNC_E_NO_MEMORY, 19000, 20000},
        {"not resolved", {.returns = LOCK_SYNC_E_RESOLVE}, LOCK_SYNC_E_RESOLVE, 0, 0},
        {"refused", {.returns = LOCK_SYNC_E_CONNECT}, LOCK_SYNC_E_CONNECT, 0, 0},
        {"TLS", {.returns = LOCK_SYNC_E_TLS}, LOCK_SYNC_E_TLS, 0, 0},
        {"429", {.http = 429}, LOCK_SYNC_E_RATE_LIMITED, 39000, 40000},
        {"429, for 60 s", {.http = 429, .headers = {"Retry-After", "60"}}, LOCK_SYNC_E_RATE_LIMITED, 59000, 60000},
        {"429, for 1 s", {.http = 429, .headers = {"Retry-After", "1"}}, LOCK_SYNC_E_RATE_LIMITED, 19000, 20000},
        {"429, for a day", {.http = 429, .headers = {"Retry-After", "86400"}}, LOCK_SYNC_E_RATE_LIMITED, 3599000,
         3600000},
        {"429, nonsense", {.http = 429, .headers = {"Retry-After", "soon"}}, LOCK_SYNC_E_RATE_LIMITED, 39000, 40000},
        {"429 by its own clock",
         {.http = 429,
          .headers = {"Date", "Fri, 01 Jan 2021 00:00:00 GMT", "Retry-After", "Fri, 01 Jan 2021 00:01:30 GMT"}},
         LOCK_SYNC_E_RATE_LIMITED, 89000, 90000},
        {"429 in the envelope", {.http = 200, .body = "{\"success\":false,\"statusCode\":429,\"result\":null}"},
         LOCK_SYNC_E_RATE_LIMITED, 39000, 40000},
    };

    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        t_fake fake = {.steps = &rows[i].step, .step_count = 1};
        lock_sync_guard *g = memory_guard(20000);
        lock_sync_ctx *ctx = guarded_ctx(&fake, g, LOCK_SYNC_GUARD_FAIL);
        int64_t wait_ms;

        t_row("%s", rows[i].name);
        CHECK_INT(fetch_all(ctx), rows[i].status);
        wait_ms = wait_of(g);
        if (!CHECK(wait_ms >= rows[i].from_ms && wait_ms <= rows[i].to_ms))
            print_error("the wait is %lld ms\n", (long long)wait_ms);
        lock_sync_ctx_free(ctx);
        lock_sync_guard_unref(g);
    }
}

/* The service said 429; what became of the answer's body does not matter. */
TEST(a_429_whose_body_failed_is_a_429)
{
    static const char body[] = "a long body, longer than what is allowed here";
    static const t_step steps[] = {{.http = 429, .headers = {"Retry-After", "60"}, .body = body},
                                   {.http = 429, .headers = {"Retry-After", "60"}, .returns = LOCK_SYNC_E_NETWORK},
                                   {.http = 429, .headers = {"Retry-After", "60"}, .returns = LOCK_SYNC_E_TIMEOUT}};

    for (size_t i = 0; i < COUNT_OF(steps); i++) {
        t_fake fake = {.steps = &steps[i], .step_count = 1};
        lock_sync_guard *g = memory_guard(20000);
        lock_sync_ctx *ctx = guarded_ctx(&fake, g, LOCK_SYNC_GUARD_FAIL);
        int64_t wait_ms;

        t_row("step %zu", i);
        CHECK_OK(lock_sync_set_max_response_bytes(ctx, 8));
        CHECK(fetch_all(ctx) != LOCK_SYNC_OK);
        wait_ms = wait_of(g);
        if (!CHECK(wait_ms > 59000 && wait_ms <= 60000))
            print_error("the wait is %lld ms\n", (long long)wait_ms);
        lock_sync_ctx_free(ctx);
        lock_sync_guard_unref(g);
    }
}

TEST(a_429_blocks_all_who_share)
{
    const t_step steps[] = {answer_429, answer_good};
    t_fake limited = {.steps = steps, .step_count = 2};
    t_fake good = {.steps = &answer_good, .step_count = 1};
    lock_sync_guard *g = memory_guard(300);
    lock_sync_ctx *a = guarded_ctx(&limited, g, LOCK_SYNC_GUARD_FAIL);
    lock_sync_ctx *b = guarded_ctx(&good, g, LOCK_SYNC_GUARD_FAIL);

    CHECK_INT(fetch_all(a), LOCK_SYNC_E_RATE_LIMITED);
    CHECK_INT(fetch_all(b), LOCK_SYNC_E_TOO_SOON);
    CHECK(retry_after(b) > 300 && retry_after(b) <= 600); /* longer than the interval */
    CHECK_INT(good.performed, 0);
    CHECK_OK(lock_sync_set_guard_mode(b, LOCK_SYNC_GUARD_WAIT));
    CHECK_OK(fetch_all(b));
    lock_sync_ctx_free(a);
    lock_sync_ctx_free(b);
    lock_sync_guard_unref(g);
}

TEST(a_refused_connection_gives_its_slot_back_three_times)
{
    t_fake fake = {.steps = &answer_refused, .step_count = 1};
    lock_sync_guard *g = memory_guard(20000);
    lock_sync_ctx *ctx = guarded_ctx(&fake, g, LOCK_SYNC_GUARD_FAIL);

    for (int i = 0; i < 4; i++)
        CHECK_INT(fetch_all(ctx), LOCK_SYNC_E_CONNECT);
    CHECK_INT(fetch_all(ctx), LOCK_SYNC_E_TOO_SOON);
    CHECK_INT(fake.performed, 4);
    lock_sync_ctx_free(ctx);
    lock_sync_guard_unref(g);
}

/* --- the token provider --- */

typedef struct provider {
    int asked;
    int refused;
    lock_sync_status returns;
    bool sets_none;
    lock_sync_guard *guard; /* NULL, or one on which it asks for as many slots as `takes` while it is at it */
    int takes;
} provider;

static lock_sync_status provide(void *user, lock_sync_ctx *ctx, bool refused)
{
    provider *p = user;

    p->asked++;
    p->refused += refused;
    for (int i = 0; refused && i < p->takes; i++)
        (void)lock_sync_guard_reserve(p->guard, 0, NULL, NULL);
    if (p->returns != LOCK_SYNC_OK || p->sets_none)
        return p->returns;
    return lock_sync_set_access_token(ctx, refused ? "second-token" : "first-token");
}

static lock_sync_ctx *ctx_with_provider(t_fake *fake, lock_sync_guard *g, provider *p)
{
    lock_sync_ctx *ctx = guarded_ctx(fake, g, LOCK_SYNC_GUARD_FAIL);

    CHECK_OK(lock_sync_set_personal_key(ctx, NULL));
    CHECK_OK(lock_sync_set_token_provider(ctx, provide, p));
    return ctx;
}

TEST(a_provider_is_not_asked_when_the_guard_refuses)
{
    t_fake fake = {.steps = &answer_good, .step_count = 1};
    provider p = {0};
    lock_sync_guard *g = memory_guard(20000);
    lock_sync_ctx *ctx = ctx_with_provider(&fake, g, &p);

    CHECK_OK(lock_sync_guard_reserve(g, 0, NULL, NULL));
    CHECK_INT(fetch_all(ctx), LOCK_SYNC_E_TOO_SOON);
    CHECK_INT(p.asked, 0);
    lock_sync_ctx_free(ctx);
    lock_sync_guard_unref(g);
}

TEST(a_provider_that_fails_gives_the_slot_back)
{
    t_fake fake = {.steps = &answer_good, .step_count = 1};
    provider p = {.returns = LOCK_SYNC_E_NETWORK};
    lock_sync_guard *g = memory_guard(20000);
    lock_sync_ctx *ctx = ctx_with_provider(&fake, g, &p);

    CHECK_INT(fetch_all(ctx), LOCK_SYNC_E_NETWORK);
    CHECK_INT(wait_of(g), 0);
    p = (provider){.sets_none = true};
    CHECK_INT(fetch_all(ctx), LOCK_SYNC_E_NO_CREDENTIAL);
    CHECK_INT(fake.performed, 0);
    lock_sync_ctx_free(ctx);
    lock_sync_guard_unref(g);
}

TEST(without_a_credential_no_slot_is_taken)
{
    t_fake fake = {.steps = &answer_good, .step_count = 1};
    lock_sync_guard *g = memory_guard(20000);
    lock_sync_ctx *ctx = guarded_ctx(&fake, g, LOCK_SYNC_GUARD_FAIL);

    CHECK_OK(lock_sync_set_personal_key(ctx, NULL));
    for (int i = 0; i < 9; i++)
        CHECK_INT(fetch_all(ctx), LOCK_SYNC_E_NO_CREDENTIAL);
    CHECK_INT(wait_of(g), 0);
    lock_sync_ctx_free(ctx);
    lock_sync_guard_unref(g);
}

TEST(the_repeat_after_a_401_counts_and_does_not_wait)
{
    const t_step steps[] = {answer_401, answer_good};
    t_fake fake = {.steps = steps, .step_count = 2};
    provider p = {0};
    lock_sync_guard *g = memory_guard(20000);
    lock_sync_ctx *ctx = ctx_with_provider(&fake, g, &p);
    int64_t before_us = kit_now_us();

    CHECK_OK(lock_sync_guard_set_hourly_budget(g, 3, 0));
    CHECK_OK(fetch_all(ctx));
    CHECK(kit_now_us() - before_us < 2000000);
    CHECK_INT(fake.performed, 2);
    CHECK_TEXT(fake.authorization[0], "Bearer first-token");
    CHECK_TEXT(fake.authorization[1], "Bearer second-token");
    CHECK_INT(p.refused, 1);
    CHECK(wait_of(g) > 19000); /* it restarts the interval */
    CHECK_OK(lock_sync_guard_set_min_interval_ms(g, 1));
    (void)usleep(2000);
    CHECK_OK(lock_sync_guard_reserve(g, 0, NULL, NULL)); /* the third of the hour */
    (void)usleep(2000);
    CHECK(wait_of(g) > 3500000);
    lock_sync_ctx_free(ctx);
    lock_sync_guard_unref(g);
}

/* A provider that tries what another user would get between the 401 and the retry. */
typedef struct rival {
    lock_sync_guard *guard;
    int64_t takes_ms;
    lock_sync_status got;
} rival;

static lock_sync_status provide_slowly(void *user, lock_sync_ctx *ctx, bool refused)
{
    rival *r = user;

    if (refused) {
        (void)usleep((useconds_t)r->takes_ms * 1000);
        r->got = lock_sync_guard_reserve(r->guard, 0, NULL, NULL);
    }
    return lock_sync_set_access_token(ctx, refused ? "second-token" : "first-token");
}

TEST(between_a_401_and_its_retry_nobody_gets_a_slot)
{
    const t_step steps[] = {answer_401, answer_good};
    t_fake fake = {.steps = steps, .step_count = 2};
    rival r = {.guard = memory_guard(1), .takes_ms = 5};
    lock_sync_ctx *ctx = guarded_ctx(&fake, r.guard, LOCK_SYNC_GUARD_FAIL);

    CHECK_OK(lock_sync_set_personal_key(ctx, NULL));
    CHECK_OK(lock_sync_set_token_provider(ctx, provide_slowly, &r));
    CHECK_OK(fetch_all(ctx));
    CHECK_INT(r.got, LOCK_SYNC_E_TOO_SOON);
    CHECK_INT(fake.performed, 2);
    lock_sync_ctx_free(ctx);
    lock_sync_guard_unref(r.guard);
}

TEST(a_retry_after_the_deadline_is_not_sent)
{
    const t_step steps[] = {answer_401, answer_good};
    t_fake fake = {.steps = steps, .step_count = 2};
    rival r = {.guard = memory_guard(1), .takes_ms = 120};
    lock_sync_ctx *ctx = guarded_ctx(&fake, r.guard, LOCK_SYNC_GUARD_FAIL);

    CHECK_OK(lock_sync_set_personal_key(ctx, NULL));
    CHECK_OK(lock_sync_set_timeout_ms(ctx, 100));
    CHECK_OK(lock_sync_set_token_provider(ctx, provide_slowly, &r));
    CHECK_INT(fetch_all(ctx), LOCK_SYNC_E_UNAUTHORIZED);
    CHECK_OK(r.got); /* its lease has run out */
    CHECK_INT(fake.performed, 1);
    lock_sync_ctx_free(ctx);
    lock_sync_guard_unref(r.guard);
}

TEST(a_repeat_that_the_budget_refuses)
{
    const t_step steps[] = {answer_401, answer_good};
    t_fake fake = {.steps = steps, .step_count = 2};
    provider p = {0};
    lock_sync_guard *g = memory_guard(1);
    lock_sync_ctx *ctx = ctx_with_provider(&fake, g, &p);

    CHECK_OK(lock_sync_guard_set_hourly_budget(g, 1, 0));
    CHECK_INT(fetch_all(ctx), LOCK_SYNC_E_UNAUTHORIZED);
    CHECK_INT(lock_sync_error_http_status(lock_sync_last_error(ctx)), 401);
    CHECK_INT(fake.performed, 1);
    CHECK_INT(p.asked, 2);
    CHECK_OK(lock_sync_guard_set_hourly_budget(g, 2, 0));
    (void)usleep(2000);
    CHECK_OK(fetch_all(ctx)); /* with the new credential, which was kept */
    CHECK_INT(p.asked, 2);
    CHECK_TEXT(fake.authorization[1], "Bearer second-token");
    lock_sync_ctx_free(ctx);
    lock_sync_guard_unref(g);
}

TEST(a_repeat_that_a_block_refuses)
{
    static const t_step limited = {.http = 429, .headers = {"Retry-After", "60"}};
    const t_step steps[] = {answer_401, answer_good};
    t_fake fake = {.steps = steps, .step_count = 2};
    t_fake other_fake = {.steps = &limited, .step_count = 1};
    provider p = {0};
    lock_sync_guard *g = memory_guard(1);
    lock_sync_ctx *other = guarded_ctx(&other_fake, g, LOCK_SYNC_GUARD_FAIL);
    lock_sync_ctx *ctx = ctx_with_provider(&fake, g, &p);
    int64_t slot;

    CHECK_OK(lock_sync_guard_reserve(g, 0, NULL, &slot)); /* whose 429 comes later */
    (void)usleep(2000);
    p.guard = g;
    CHECK_OK(fetch_all(ctx)); /* 401, repeat */
    CHECK_INT(fake.performed, 2);
    (void)usleep(2000);
    CHECK_INT(fetch_all(other), LOCK_SYNC_E_RATE_LIMITED);
    fake.performed = 0;
    CHECK_INT(fetch_all(ctx), LOCK_SYNC_E_TOO_SOON);
    CHECK(retry_after(ctx) > 59000);
    CHECK_INT(fake.performed, 0);
    lock_sync_ctx_free(ctx);
    lock_sync_ctx_free(other);
    lock_sync_guard_unref(g);
}

/* A 401 again: no third time. */
TEST(one_repeat_only)
{
    t_fake fake = {.steps = &answer_401, .step_count = 1};
    provider p = {0};
    lock_sync_guard *g = memory_guard(20000);
    lock_sync_ctx *ctx = ctx_with_provider(&fake, g, &p);

    CHECK_INT(fetch_all(ctx), LOCK_SYNC_E_UNAUTHORIZED);
    CHECK_INT(fake.performed, 2);
    CHECK(wait_of(g) > 19000);
    lock_sync_ctx_free(ctx);
    lock_sync_guard_unref(g);
}

static void cancel_it(void *user, const lock_sync_request *q, lock_sync_response *s)
{
    (void)q, (void)s;
    lock_sync_cancel(user);
}

/* What was cancelled may have been sent. */
TEST(a_cancelled_fetch_keeps_its_slot)
{
    t_step step = {.returns = LOCK_SYNC_E_CANCELLED, .hook = cancel_it};
    t_fake fake = {.steps = &step, .step_count = 1};
    lock_sync_guard *g = memory_guard(20000);
    lock_sync_ctx *ctx = guarded_ctx(&fake, g, LOCK_SYNC_GUARD_FAIL);

    fake.user = ctx;
    CHECK_INT(fetch_all(ctx), LOCK_SYNC_E_CANCELLED);
    CHECK(wait_of(g) > 19000);
    lock_sync_ctx_free(ctx);
    lock_sync_guard_unref(g);
}

/* libcurl may send twice over HTTP/2. */
TEST(what_was_sent_twice_counts_twice)
{
    const lsync_settlement twice = {LOCK_SYNC_SLOT_SENT, -1, 2};
    lock_sync_guard *g = memory_guard(1);
    int64_t slot;
    int64_t wait_ms;

    CHECK_OK(lock_sync_guard_set_hourly_budget(g, 3, 1));
    CHECK_OK(lock_sync_guard_reserve(g, 1000, NULL, &slot));
    CHECK_OK(lsync_guard_settle_all(g, slot, &twice));
    CHECK_INT(lock_sync_guard_reserve(g, 0, &wait_ms, NULL), LOCK_SYNC_E_TOO_SOON);
    CHECK(wait_ms > 3000000); /* by the hour, not by the interval */
    lock_sync_guard_unref(g);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        T(how_fetches_end_their_slots),
        T(a_429_whose_body_failed_is_a_429),
        T(a_429_blocks_all_who_share),
        T(a_refused_connection_gives_its_slot_back_three_times),
        T(a_provider_is_not_asked_when_the_guard_refuses),
        T(a_provider_that_fails_gives_the_slot_back),
        T(without_a_credential_no_slot_is_taken),
        T(the_repeat_after_a_401_counts_and_does_not_wait),
        T(between_a_401_and_its_retry_nobody_gets_a_slot),
        T(a_retry_after_the_deadline_is_not_sent),
        T(a_repeat_that_the_budget_refuses),
        T(a_repeat_that_a_block_refuses),
        T(one_repeat_only),
        T(a_cancelled_fetch_keeps_its_slot),
        T(what_was_sent_twice_counts_twice),
    };

    return T_MAIN(tests);
}
