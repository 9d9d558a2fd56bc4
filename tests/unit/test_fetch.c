/* A blocking fetch over the application's transport: what perform may return and the fetch's result, the caps, and the
   rules of setting a transport. No network. */
#include "../support/fake.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define GOOD "{\"result\":[{\"id\":1},{\"id\":2}]}"

/* Makes a context with this fake transport. */
static lock_sync_ctx *ctx_over(t_fake *fake)
{
    lock_sync_ctx *ctx = t_ctx();

    t_fake_use(ctx, fake);
    return ctx;
}

TEST(a_good_fetch_returns_its_results_and_is_logged)
{
    static const t_step step = {.http = 200, .body = GOOD, .headers = {"X-Correlation-ID", "c-1"}};
    static const int64_t ids[] = {2, 3};
    t_fake fake = {.steps = &step, .step_count = 1};
    t_log log = {0};
    lock_sync_ctx *ctx = ctx_over(&fake);
    lock_sync_results *r;

    CHECK_OK(lock_sync_set_logger(ctx, t_log_line, &log));
    CHECK_OK(lock_sync_fetch(ctx, ids, 2, &r));
    CHECK_OK(t_error_status(ctx));
    CHECK_INT(lock_sync_results_count(r), 1);
    CHECK_INT(lock_sync_results_missing_at(r, 0), 3);
    CHECK(lock_sync_results_fetched_at_ms(r) > INT64_C(1600000000000));
    CHECK_TEXT(fake.url[0], "https://api.tedee.com/api/v37/my/lock/sync?id=2&id=3");
    CHECK_TEXT(fake.authorization[0], "PersonalKey " T_SECRET);
    CHECK_INT(fake.performed, 1);
    CHECK_INT(log.last_level, LOCK_SYNC_LOG_INFO);
    CHECK_HOLDS(log.text, fake.url[0]);
    CHECK_HOLDS(log.text, "200");
    CHECK_HOLDS(log.text, "c-1");
    lock_sync_results_free(r);
    CHECK_INT(lock_sync_fetch_one(ctx, 7, &r), LOCK_SYNC_E_MALFORMED); /* an array */
    CHECK_TEXT(fake.url[1], "https://api.tedee.com/api/v37/my/lock/7/sync");
    lock_sync_ctx_free(ctx);
    CHECK_INT(fake.destroyed, 1);
}

TEST(arguments_are_checked_before_anything_is_sent)
{
    static const t_step step = {.http = 200, .body = GOOD};
    static const int64_t bad[] = {1, 0};
    t_fake fake = {.steps = &step, .step_count = 1};
    lock_sync_ctx *ctx = ctx_over(&fake);
    lock_sync_results *r = (lock_sync_results *)(void *)ctx;

    CHECK_INT(lock_sync_fetch(ctx, bad, 2, &r), LOCK_SYNC_E_INVALID_ARGUMENT);
    CHECK(r == NULL);
    CHECK_HOLDS(t_error_message(ctx), "ids[1]");
    CHECK_INT(lock_sync_fetch(ctx, NULL, 1, &r), LOCK_SYNC_E_INVALID_ARGUMENT);
    CHECK_INT(lock_sync_fetch_one(ctx, -1, &r), LOCK_SYNC_E_INVALID_ARGUMENT);
    CHECK_INT(lock_sync_fetch(ctx, NULL, 0, NULL), LOCK_SYNC_E_INVALID_ARGUMENT);
    CHECK_INT(t_error_status(ctx), LOCK_SYNC_E_INVALID_ARGUMENT);
    CHECK_INT(lock_sync_fetch_one(ctx, 1, NULL), LOCK_SYNC_E_INVALID_ARGUMENT);
    r = (lock_sync_results *)(void *)ctx;
    CHECK_INT(lock_sync_fetch(NULL, NULL, 0, &r), LOCK_SYNC_E_INVALID_ARGUMENT);
    CHECK(r == NULL);
    r = (lock_sync_results *)(void *)ctx;
    CHECK_INT(lock_sync_fetch_one(NULL, 1, &r), LOCK_SYNC_E_INVALID_ARGUMENT);
    CHECK(r == NULL);
    CHECK_OK(lock_sync_set_personal_key(ctx, NULL));
    CHECK_INT(lock_sync_fetch(ctx, NULL, 0, &r), LOCK_SYNC_E_NO_CREDENTIAL);
    CHECK_OK(lock_sync_set_access_token_until(ctx, "t", 1));
    CHECK_INT(lock_sync_fetch(ctx, NULL, 0, &r), LOCK_SYNC_E_NO_CREDENTIAL);
    CHECK_OK(lock_sync_set_personal_key(ctx, "k"));
    CHECK_OK(lock_sync_set_base_url(ctx, "http://api.tedee.com"));
    CHECK_INT(lock_sync_fetch(ctx, NULL, 0, &r), LOCK_SYNC_E_INVALID_ARGUMENT);
    CHECK_INT(fake.performed, 0);
    lock_sync_ctx_free(ctx);
}

TEST(each_status_of_perform_gives_the_status_of_the_fetch)
{
    static const int32_t other[] = {INT32_MIN, -1000, -3, -2, -1, 23, 24, 255, 1000, INT32_MAX};

    for (int32_t i = -(int32_t)COUNT_OF(other); i <= 22; i++) {
        int32_t returns = i < 0 ? other[i + (int32_t)COUNT_OF(other)] : i;
        bool passed_on = returns == LOCK_SYNC_E_NO_MEMORY ||
                         (returns >= LOCK_SYNC_E_CANCELLED && returns <= LOCK_SYNC_E_TOO_LARGE);

        for (int with_response = 0; with_response <= 1; with_response++) {
            t_step step = {.http = with_response ? 200 : 0, .body = with_response ? GOOD : NULL, .returns = returns};
            t_fake fake = {.steps = &step, .step_count = 1};
            lock_sync_status want = returns == LOCK_SYNC_OK && with_response ? LOCK_SYNC_OK
                                    : passed_on                              ? returns
                                                                             : LOCK_SYNC_E_NETWORK;
            lock_sync_ctx *ctx = ctx_over(&fake);

            t_row("%" PRId32 ", %s", returns, with_response ? "with a response" : "without a status");
            CHECK_INT(t_fetch_status(ctx), want);
            CHECK_INT(t_error_status(ctx), want);
            CHECK((t_error_message(ctx)[0] == '\0') == (want == LOCK_SYNC_OK));
            lock_sync_ctx_free(ctx);
        }
    }
}

TEST(no_failure_is_retried_by_the_library)
{
    static const t_step steps[] = {
        {.http = 401},
        {.http = 429, .headers = {"Retry-After", "5"}},
        {.http = 500},
        {.http = 503},
        {.http = 302},
        {.http = 200, .body = "{"},
        {.returns = LOCK_SYNC_E_TIMEOUT},
        {.returns = LOCK_SYNC_E_NETWORK},
        {.returns = LOCK_SYNC_E_CONNECT},
        {.returns = LOCK_SYNC_E_NO_MEMORY},
    };

    for (size_t i = 0; i < COUNT_OF(steps); i++) {
        t_fake fake = {.steps = &steps[i], .step_count = 1};
        lock_sync_ctx *ctx = ctx_over(&fake);

        t_row("step %zu", i);
        CHECK(t_fetch_status(ctx) != LOCK_SYNC_OK);
        CHECK_INT(fake.performed, 1);
        CHECK_OK(lock_sync_set_timeout_ms(ctx, 1000)); /* the context is not busy */
        lock_sync_ctx_free(ctx);
    }
}

/* Failures of several kinds with stdout and stderr in a file: the message is in the error, and the file is empty. */
TEST(failures_are_reported_in_the_error_and_not_printed)
{
    FILE *file = tmpfile();
    int streams[2] = {dup(1), dup(2)};
    lock_sync_ctx *ctx = t_ctx();
    lock_sync_status status[3];

    MUST(file != NULL);
    (void)fflush(NULL);
    (void)dup2(fileno(file), 1);
    (void)dup2(fileno(file), 2);
    status[0] = lock_sync_set_base_url(ctx, "nonsense");
    status[1] = t_decode_status(ctx, &(t_response){.body = "<html>"});
    status[2] = t_decode_status(ctx, &(t_response){.http = 500, .body = "{\"errorMessages\":[\"database down\"]}"});
    (void)fflush(NULL);
    for (int i = 0; i < 2; i++) {
        (void)dup2(streams[i], i + 1);
        (void)close(streams[i]);
    }
    CHECK_INT(lseek(fileno(file), 0, SEEK_END), 0);
    CHECK_INT(status[0], LOCK_SYNC_E_INVALID_ARGUMENT);
    CHECK_INT(status[1], LOCK_SYNC_E_MALFORMED);
    CHECK_INT(status[2], LOCK_SYNC_E_SERVER);
    CHECK_HOLDS(t_error_message(ctx), "database down");
    lock_sync_ctx_free(ctx);
    (void)fclose(file);
}

/* --- caps --- */

static void append_too_much(void *user, const lock_sync_request *q, lock_sync_response *s)
{
    (void)user, (void)q;
    CHECK_INT(lock_sync_response_append_body(s, GOOD "!", sizeof GOOD), LOCK_SYNC_E_TOO_LARGE);
}

static void add_too_long_a_header(void *user, const lock_sync_request *q, lock_sync_response *s)
{
    char *value = t_repeat('v', (size_t)64 * 1024);

    (void)user, (void)q;
    CHECK_INT(lock_sync_response_add_header(s, "h", value), LOCK_SYNC_E_TOO_LARGE);
    free(value);
}

TEST(a_response_beyond_a_cap_is_too_large_for_every_status_of_perform)
{
    static const lock_sync_status returns[] = {LOCK_SYNC_OK, LOCK_SYNC_E_NETWORK, 77};

    for (size_t i = 0; i < 2 * COUNT_OF(returns); i++) {
        t_step step = {.http = 200,
                       .body = GOOD,
                       .returns = returns[i / 2],
                       .hook = i % 2 == 0 ? append_too_much : add_too_long_a_header};
        t_fake fake = {.steps = &step, .step_count = 1};
        lock_sync_ctx *ctx = ctx_over(&fake);

        t_row("%s, returns %d", i % 2 == 0 ? "body" : "header", (int)step.returns);
        CHECK_OK(lock_sync_set_max_response_bytes(ctx, sizeof GOOD - 1));
        CHECK_INT(t_fetch_status(ctx), LOCK_SYNC_E_TOO_LARGE);
        lock_sync_ctx_free(ctx);
    }
}

/* --- the struct --- */

static lock_sync_status never(void *user, const lock_sync_request *q, lock_sync_response *s)
{
    (void)user, (void)q, (void)s;
    return LOCK_SYNC_E_CONNECT;
}

static void count(void *user)
{
    ++*(size_t *)user;
}

TEST(functions_beyond_struct_size_are_not_called)
{
    size_t called = 0;
    lock_sync_transport t = {offsetof(lock_sync_transport, perform), &called, never, count, count};
    lock_sync_ctx *ctx = t_ctx();

    CHECK_INT(lock_sync_set_transport(ctx, &t), LOCK_SYNC_E_INVALID_ARGUMENT);
    CHECK_HOLDS(t_error_message(ctx), "struct_size"); /* not: perform */
    t.struct_size = offsetof(lock_sync_transport, cancel);
    CHECK_OK(lock_sync_set_transport(ctx, &t));
    t.perform = NULL; /* it was copied */
    t_guard_off(ctx);
    CHECK_INT(t_fetch_status(ctx), LOCK_SYNC_E_CONNECT);
    lock_sync_ctx_free(ctx);
    CHECK_INT(called, 0);
}

TEST(destroy_is_called_once_when_the_transport_is_replaced_or_the_context_freed)
{
    size_t destroyed[3] = {0};
    lock_sync_ctx *ctx = t_ctx();
    lock_sync_transport t = {sizeof t, &destroyed[0], never, NULL, count};

    CHECK_OK(lock_sync_set_transport(ctx, &t));
    t.user = &destroyed[1];
    t.perform = NULL;
    CHECK_INT(lock_sync_set_transport(ctx, &t), LOCK_SYNC_E_INVALID_ARGUMENT);
    CHECK_HOLDS(t_error_message(ctx), "perform");
    CHECK(destroyed[0] == 0 && destroyed[1] == 0); /* the old transport stays */
    t.perform = never;
    CHECK_OK(lock_sync_set_transport(ctx, &t));
    CHECK(destroyed[0] == 1 && destroyed[1] == 0);
    CHECK_OK(lock_sync_set_transport(ctx, NULL));
    CHECK_OK(lock_sync_set_transport(ctx, NULL));
    t.user = &destroyed[2];
    CHECK_OK(lock_sync_set_transport(ctx, &t));
    lock_sync_ctx_free(ctx);
    CHECK(destroyed[0] == 1 && destroyed[1] == 1 && destroyed[2] == 1);
    lock_sync_ctx_free(NULL);
}

static lock_sync_ctx *reentered;

static void reenter(void *user)
{
    size_t *destroyed = user;

    if (++*destroyed < 3)
        (void)lock_sync_set_transport(reentered, NULL);
}

TEST(destroy_is_called_once_even_if_it_replaces_the_transport)
{
    size_t destroyed = 0;
    lock_sync_transport t = {sizeof t, &destroyed, never, NULL, reenter};

    reentered = t_ctx();
    CHECK_OK(lock_sync_set_transport(reentered, &t));
    CHECK_OK(lock_sync_set_transport(reentered, NULL));
    lock_sync_ctx_free(reentered);
    CHECK_INT(destroyed, 1);
}

/* --- the timeouts of a request --- */

static void check_times(void *user, const lock_sync_request *q, lock_sync_response *s)
{
    const int64_t *limits = user; /* whole, connect */
    int64_t left = lock_sync_request_timeout_ms(q);

    (void)s;
    CHECK(left >= 1 && left <= limits[0]);
    CHECK(lock_sync_request_connect_timeout_ms(q) >= 1);
    CHECK(lock_sync_request_connect_timeout_ms(q) <= (limits[1] < left ? limits[1] : left));
    CHECK(!lock_sync_request_is_cancelled(q));
}

TEST(a_request_has_the_time_that_is_left)
{
    static const t_step step = {.http = 200, .body = GOOD, .hook = check_times};
    static const int64_t table[][2] = {{30000, 10000}, {86400000, 10000}, {60000, 86400000}, {60000, 60000}};

    for (size_t i = 0; i < COUNT_OF(table); i++) {
        int64_t limits[2] = {table[i][0], table[i][1]};
        t_fake fake = {.steps = &step, .step_count = 1, .user = limits};
        lock_sync_ctx *ctx = ctx_over(&fake);

        t_row("whole %" PRId64 ", connect %" PRId64, limits[0], limits[1]);
        if (i > 0) { /* the first row has the defaults */
            CHECK_OK(lock_sync_set_timeout_ms(ctx, limits[0]));
            CHECK_OK(lock_sync_set_connect_timeout_ms(ctx, limits[1]));
        }
        CHECK_OK(t_fetch_status(ctx));
        lock_sync_ctx_free(ctx);
    }
}
