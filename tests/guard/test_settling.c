/* The outcome of a fetch's slot: a response, a failure, not sent, a 429, a retry after a 401. Custom transport. */
#include "contexts.h"
#include "guard/guard.h"

#include <unistd.h>

static void cancel_it(void *user, const lock_sync_request *q, lock_sync_response *s)
{
    (void)q, (void)s;
    lock_sync_cancel(user);
}

#define RETRY_AFTER(text) .headers = {"Retry-After", text}

TEST(each_end_of_a_fetch_settles_its_slot)
{
    static const struct {
        const char *name;
        t_step step;
        lock_sync_status status;
        int64_t wait_ms; /* of others */
    } rows[] = {
        {"good", {.http = 200, .body = "{\"result\":[]}"}, LOCK_SYNC_OK, 20000},
        {"malformed", {.http = 200, .body = "?"}, LOCK_SYNC_E_MALFORMED, 20000},
        {"500", {.http = 500}, LOCK_SYNC_E_SERVER, 20000},
        {"503 with Retry-After", {.http = 503, RETRY_AFTER("300")}, LOCK_SYNC_E_SERVER, 20000},
        {"401", {.http = 401}, LOCK_SYNC_E_UNAUTHORIZED, 20000},
        {"404", {.http = 404}, LOCK_SYNC_E_NOT_FOUND, 20000},
        {"broke off", {.returns = LOCK_SYNC_E_NETWORK}, LOCK_SYNC_E_NETWORK, 20000},
        {"timed out", {.returns = LOCK_SYNC_E_TIMEOUT}, LOCK_SYNC_E_TIMEOUT, 20000},
        {"cancelled: it may have been sent",
         {.returns = LOCK_SYNC_E_CANCELLED, .hook = cancel_it},
         LOCK_SYNC_E_CANCELLED,
         20000},
        {"nonsense", {.returns = 99}, LOCK_SYNC_E_NETWORK, 20000},
        {"no memory", {.returns = LOCK_SYNC_E_NO_MEMORY}, LOCK_SYNC_E_NO_MEMORY, 20000},
        {"not resolved", {.returns = LOCK_SYNC_E_RESOLVE}, LOCK_SYNC_E_RESOLVE, 0},
        {"refused", {.returns = LOCK_SYNC_E_CONNECT}, LOCK_SYNC_E_CONNECT, 0},
        {"TLS", {.returns = LOCK_SYNC_E_TLS}, LOCK_SYNC_E_TLS, 0},
        {"429", {.http = 429}, LOCK_SYNC_E_RATE_LIMITED, 40000},
        {"429, for 60 s", {.http = 429, RETRY_AFTER("60")}, LOCK_SYNC_E_RATE_LIMITED, 60000},
        {"429, for 1 s", {.http = 429, RETRY_AFTER("1")}, LOCK_SYNC_E_RATE_LIMITED, 20000},
        {"429, for a day", {.http = 429, RETRY_AFTER("86400")}, LOCK_SYNC_E_RATE_LIMITED, 3600000},
        {"429, nonsense", {.http = 429, RETRY_AFTER("soon")}, LOCK_SYNC_E_RATE_LIMITED, 40000},
        {"429 with a Date and a date",
         {.http = 429,
          .headers = {"Date", "Fri, 01 Jan 2021 00:00:00 GMT", "Retry-After", "Fri, 01 Jan 2021 00:01:30 GMT"}},
         LOCK_SYNC_E_RATE_LIMITED,
         90000},
        {"429 in the envelope",
         {.http = 200, .body = "{\"success\":false,\"statusCode\":429,\"result\":null}"},
         LOCK_SYNC_E_RATE_LIMITED,
         40000},
        /* the service sent 429, so a failure of the body does not matter */
        {"429 that broke off",
         {.http = 429, RETRY_AFTER("60"), .returns = LOCK_SYNC_E_NETWORK},
         LOCK_SYNC_E_NETWORK,
         60000},
        {"429 that timed out",
         {.http = 429, RETRY_AFTER("60"), .returns = LOCK_SYNC_E_TIMEOUT},
         LOCK_SYNC_E_TIMEOUT,
         60000},
        {"429 with a long body",
         {.http = 429, RETRY_AFTER("60"), .body = "longer than what is allowed here, which is not much, but enough"},
         LOCK_SYNC_E_TOO_LARGE,
         60000},
    };

    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        guarded *c = GUARDED(test_guard(20000), FAIL, rows[i].step);

        t_row("%s", rows[i].name);
        CHECK_OK(lock_sync_set_max_response_bytes(c->ctx, 60));
        CHECK_INT(fetch_all(c->ctx), rows[i].status);
        CHECK_BETWEEN(wait_of(c->guard), rows[i].wait_ms - (rows[i].wait_ms > 0 ? 1000 : 0), rows[i].wait_ms);
    }
}

/* --- the token provider --- */

typedef struct provider {
    int calls;
    int rejected;
    lock_sync_status returns;
    bool sets_none;
    /* after a 401 and `takes_ms`: the status that another user of the guard gets */
    lock_sync_guard *guard;
    int64_t takes_ms;
    lock_sync_status other_got;
} provider;

static lock_sync_status provide(void *user, lock_sync_ctx *ctx, bool rejected)
{
    provider *p = user;

    p->calls++;
    p->rejected += rejected;
    if (rejected && p->guard != NULL) {
        (void)usleep((useconds_t)p->takes_ms * 1000);
        p->other_got = lock_sync_guard_reserve(p->guard, 0, NULL, NULL);
    }
    if (p->returns != LOCK_SYNC_OK || p->sets_none)
        return p->returns;
    return lock_sync_set_access_token(ctx, rejected ? "second-token" : "first-token");
}

static void use_provider(guarded *c, provider *p)
{
    CHECK_OK(lock_sync_set_personal_key(c->ctx, NULL));
    CHECK_OK(lock_sync_set_token_provider(c->ctx, provide, p));
}

TEST(without_a_credential_no_slot_is_used)
{
    static const struct {
        bool has_provider;
        provider provider;
        int fetches;
        lock_sync_status status;
    } rows[] = {
        {true, {.returns = LOCK_SYNC_E_NETWORK}, 1, LOCK_SYNC_E_NETWORK},
        {true, {.sets_none = true}, 1, LOCK_SYNC_E_NO_CREDENTIAL},
        {false, {0}, 9, LOCK_SYNC_E_NO_CREDENTIAL},
    };

    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        guarded *c = GUARDED(test_guard(20000), FAIL, response_good);
        provider p = rows[i].provider;

        t_row("%zu", i);
        CHECK_OK(lock_sync_set_personal_key(c->ctx, NULL));
        CHECK_OK(lock_sync_set_token_provider(c->ctx, rows[i].has_provider ? provide : NULL, &p));
        for (int k = 0; k < rows[i].fetches; k++)
            CHECK_INT(fetch_all(c->ctx), rows[i].status);
        CHECK_INT(wait_of(c->guard), 0);
        CHECK_INT(c->fake.performed, 0);
    }
}

TEST(the_retry_after_a_401_counts_and_does_not_wait)
{
    guarded *c = GUARDED(test_guard(20000), FAIL, response_401, response_good);
    provider p = {0};
    int64_t before_us = kit_now_us();

    use_provider(c, &p);
    CHECK_OK(lock_sync_guard_set_hourly_budget(c->guard, 3, 0));
    CHECK_OK(fetch_all(c->ctx));
    CHECK(kit_now_us() - before_us < 2000000);
    CHECK_INT(c->fake.performed, 2);
    CHECK_TEXT(c->fake.authorization[0], "Bearer first-token");
    CHECK_TEXT(c->fake.authorization[1], "Bearer second-token");
    CHECK_INT(p.rejected, 1);
    CHECK(wait_of(c->guard) > 19000); /* it restarts the interval */
    CHECK_OK(lock_sync_guard_set_min_interval_ms(c->guard, 1));
    (void)usleep(2000);
    CHECK_OK(lock_sync_guard_reserve(c->guard, 0, NULL, NULL)); /* the third of the hour */
    (void)usleep(2000);
    CHECK(wait_of(c->guard) > 3500000);
}

TEST(between_a_401_and_its_retry_no_other_user_gets_a_slot_until_the_deadline)
{
    static const struct {
        int64_t takes_ms;
        lock_sync_status other_got;
        lock_sync_status status;
        size_t performed;
    } rows[] = {
        {5, LOCK_SYNC_E_TOO_SOON, LOCK_SYNC_OK, 2},
        {320, LOCK_SYNC_OK, LOCK_SYNC_E_UNAUTHORIZED, 1}, /* the lease has ended: no retry is sent */
    };

    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        guarded *c = GUARDED(test_guard(1), FAIL, response_401, response_good);
        provider p = {.guard = c->guard, .takes_ms = rows[i].takes_ms};

        t_row("%d ms", (int)rows[i].takes_ms);
        use_provider(c, &p);
        CHECK_OK(lock_sync_set_timeout_ms(c->ctx, 300));
        CHECK_INT(fetch_all(c->ctx), rows[i].status);
        CHECK_INT(p.other_got, rows[i].other_got);
        CHECK_INT(c->fake.performed, rows[i].performed);
    }
}

TEST(a_retry_that_the_budget_denies_is_not_sent)
{
    guarded *c = GUARDED(test_guard(1), FAIL, response_401, response_good);
    provider p = {0};

    use_provider(c, &p);
    CHECK_OK(lock_sync_guard_set_hourly_budget(c->guard, 1, 0));
    CHECK_INT(fetch_all(c->ctx), LOCK_SYNC_E_UNAUTHORIZED);
    CHECK_INT(lock_sync_error_http_status(lock_sync_last_error(c->ctx)), 401);
    CHECK_INT(c->fake.performed, 1);
    CHECK_INT(p.calls, 2);
    CHECK_OK(lock_sync_guard_set_hourly_budget(c->guard, 2, 0));
    (void)usleep(2000);
    CHECK_OK(fetch_all(c->ctx)); /* with the new credential, which was kept */
    CHECK_INT(p.calls, 2);
    CHECK_TEXT(c->fake.authorization[1], "Bearer second-token");
}

/* libcurl may send a request twice over HTTP/2. */
TEST(a_request_that_was_sent_twice_counts_twice)
{
    const lsync_settlement twice = {LOCK_SYNC_SLOT_SENT, -1, 2};
    lock_sync_guard *g = test_guard(1);
    lsync_guard_task settling;
    int64_t slot;

    CHECK_OK(lock_sync_guard_set_hourly_budget(g, 3, 1));
    CHECK_OK(lock_sync_guard_reserve(g, 1000, NULL, &slot));
    settling = lsync_guard_task_settle(slot, &twice);
    CHECK_OK(lsync_guard_run(g, &settling));
    CHECK(wait_of(g) > 3000000); /* by the hour, not by the interval */
}
