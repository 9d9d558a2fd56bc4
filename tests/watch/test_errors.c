/* lock_sync_watch_next and errors: those that may pass are absorbed and slow the watch down, the others are told. */
#include "pull.h"
#include "watch/watch.h"

#define HOUR_MS 3600000

static const t_step locked = SAYS(LOCK_IN(1, 6) "," LOCK_IN(2, 6));
static const t_step opened = SAYS(LOCK_IN(1, 2) "," LOCK_IN(2, 6));

TEST(errors_that_may_pass_are_absorbed)
{
    static const struct {
        const char *name;
        t_step step;
        lock_sync_status status;
    } table[] = {
        {"no memory", {.returns = LOCK_SYNC_E_NO_MEMORY}, LOCK_SYNC_E_NO_MEMORY},
        {"timeout", {.returns = LOCK_SYNC_E_TIMEOUT}, LOCK_SYNC_E_TIMEOUT},
        {"resolve", {.returns = LOCK_SYNC_E_RESOLVE}, LOCK_SYNC_E_RESOLVE},
        {"connect", {.returns = LOCK_SYNC_E_CONNECT}, LOCK_SYNC_E_CONNECT},
        {"network", {.returns = LOCK_SYNC_E_NETWORK}, LOCK_SYNC_E_NETWORK},
        {"429", {.http = 429}, LOCK_SYNC_E_RATE_LIMITED},
        {"500", {.http = 500}, LOCK_SYNC_E_SERVER},
        {"503", {.http = 503}, LOCK_SYNC_E_SERVER},
    };

    for (size_t i = 0; i < COUNT_OF(table); i++) {
        const t_step steps[] = {table[i].step, locked, table[i].step, table[i].step, opened};
        pull p;

        t_row("%s", table[i].name);
        PULL_BEGIN(&p, steps, 20000);
        CHECK_INT(pull_next(&p, 0), LOCK_SYNC_E_TIMEOUT);
        CHECK_INT(lock_sync_watch_last_status(p.w), table[i].status);
        CHECK_HOLDS(t_error_message(p.ctx), lock_sync_status_name(table[i].status));
        CHECK_INT(lock_sync_watch_age_ms(p.w), -1);
        CHECK_OK(pull_due(&p, 0));
        CHECK_TEXT(p.told, "1:21 2:21 ");
        CHECK_INT(lock_sync_watch_last_status(p.w), LOCK_SYNC_OK);
        CHECK_INT(pull_due(&p, 0), LOCK_SYNC_E_TIMEOUT);
        CHECK_INT(pull_due(&p, 0), LOCK_SYNC_E_TIMEOUT);
        CHECK_INT(lock_sync_watch_last_status(p.w), table[i].status);
        CHECK_OK(pull_due(&p, 0)); /* the outage made no event; one batch tells the difference */
        CHECK_TEXT(p.told, "1:16 ");
        CHECK_INT(p.fake.performed, 5);
        pull_end(&p);
    }
}

TEST(errors_that_do_not_pass_are_returned_each_time)
{
    static const struct {
        const char *name;
        t_step step;
        lock_sync_status status;
    } table[] = {
        {"TLS", {.returns = LOCK_SYNC_E_TLS}, LOCK_SYNC_E_TLS},
        {"too large", {.returns = LOCK_SYNC_E_TOO_LARGE}, LOCK_SYNC_E_TOO_LARGE},
        {"HTML", {.http = 200, .body = "<html>"}, LOCK_SYNC_E_MALFORMED},
        {"no list", {.http = 200, .body = "{\"success\":true}"}, LOCK_SYNC_E_MALFORMED},
        {"401", {.http = 401}, LOCK_SYNC_E_UNAUTHORIZED},
        {"403", {.http = 403}, LOCK_SYNC_E_FORBIDDEN},
        {"404", {.http = 404}, LOCK_SYNC_E_NOT_FOUND},
        {"302", {.http = 302}, LOCK_SYNC_E_HTTP},
        {"refused in the body", {.http = 200, .body = "{\"success\":false}"}, LOCK_SYNC_E_API},
    };

    for (size_t i = 0; i < COUNT_OF(table); i++) {
        const t_step steps[] = {locked, table[i].step, table[i].step, opened};
        pull p;

        t_row("%s", table[i].name);
        PULL_BEGIN(&p, steps, 20000);
        CHECK_OK(pull_next(&p, 0));
        for (int again = 0; again < 2; again++) {
            CHECK_INT(pull_due(&p, -1), table[i].status);
            CHECK_INT(lock_sync_watch_last_status(p.w), table[i].status);
            CHECK(lock_sync_watch_due_in_ms(p.w) > 19000 && lock_sync_watch_due_in_ms(p.w) <= 22000);
        }
        CHECK_INT(p.fake.performed, 3);
        CHECK_INT(pull_next(&p, 0), LOCK_SYNC_E_TIMEOUT); /* not due yet */
        CHECK_INT(p.fake.performed, 3);
        CHECK_OK(pull_due(&p, -1));
        CHECK_TEXT(p.told, "1:16 ");
        pull_end(&p);
    }
}

/* What was never sent need not be waited for. */
TEST(a_missing_credential_is_told_at_once_and_mended_at_once)
{
    pull p;

    pull_begin(&p, &locked, 1, 20000);
    CHECK_OK(lock_sync_set_personal_key(p.ctx, NULL));
    for (int i = 0; i < 3; i++)
        CHECK_INT(pull_next(&p, -1), LOCK_SYNC_E_NO_CREDENTIAL);
    CHECK_INT(lock_sync_watch_last_status(p.w), LOCK_SYNC_E_NO_CREDENTIAL);
    CHECK_OK(lock_sync_set_personal_key(p.ctx, "k"));
    CHECK_OK(pull_next(&p, 0));
    CHECK_INT(p.fake.performed, 1);
    pull_end(&p);
}

static lock_sync_status give_none(void *user, lock_sync_ctx *ctx, bool refused)
{
    (void)ctx;
    return refused ? *(const lock_sync_status *)user : LOCK_SYNC_OK;
}

/* But a request that the service refused was sent, whatever the provider then says. */
TEST(a_provider_that_fails_after_a_401_does_not_hurry_the_next_poll)
{
    static const lock_sync_status says[] = {LOCK_SYNC_E_NO_CREDENTIAL, LOCK_SYNC_E_INVALID_ARGUMENT,
                                            LOCK_SYNC_E_NO_TRANSPORT, LOCK_SYNC_E_UNAUTHORIZED, LOCK_SYNC_OK};

    for (size_t i = 0; i < COUNT_OF(says); i++) {
        lock_sync_status status = says[i];
        pull p;

        t_row("the provider returns %s", lock_sync_status_name(status));
        pull_begin(&p, &answer_401, 1, 20000);
        CHECK_OK(lock_sync_set_token_provider(p.ctx, give_none, &status));
        CHECK_INT(pull_next(&p, 0), status == LOCK_SYNC_OK ? LOCK_SYNC_E_UNAUTHORIZED : status);
        CHECK(lock_sync_watch_due_in_ms(p.w) > 19000);
        CHECK_INT(pull_next(&p, 0), LOCK_SYNC_E_TIMEOUT);
        CHECK_INT(p.fake.performed, 1);
        pull_end(&p);
    }
}

static void check_due(const pull *p, int64_t least, int64_t most)
{
    int64_t due = lock_sync_watch_due_in_ms(p->w);

    CHECK(due > least - 1000 && due <= most);
}

TEST(the_pause_doubles_with_each_error_in_a_row)
{
    static const int intervals[] = {1, 2, 4, 8, 16, 30, 30};
    static const t_step steps[] = {{.http = 500}, {.http = 500}, {.http = 500}, {.http = 500}, {.http = 500},
                                   {.http = 500}, {.http = 500}, SAYS(""), {.http = 500}, {.http = 403}, {.http = 500}};
    pull p;

    PULL_BEGIN(&p, steps, 20000);
    for (size_t i = 0; i < COUNT_OF(intervals); i++) {
        t_row("error %zu", i + 1);
        CHECK_INT(pull_due(&p, 0), LOCK_SYNC_E_TIMEOUT);
        check_due(&p, i == 0 ? 20000 : 18000 * intervals[i], i == 0 ? 22000 : 20000 * intervals[i]);
    }
    t_row("a good answer ends the row, as does an error that does not pass");
    CHECK_OK(pull_due(&p, 0));
    for (size_t i = 0; i < 3; i++) {
        CHECK_INT(pull_due(&p, 0), i == 1 ? LOCK_SYNC_E_FORBIDDEN : LOCK_SYNC_E_TIMEOUT);
        check_due(&p, 20000, 22000);
    }
    pull_end(&p);
}

TEST(retry_after_is_waited_for)
{
    static const struct {
        const char *name;
        t_step step;
        lock_sync_status told;
        int64_t least, most;
    } table[] = {
        {"429", {.http = 429, .headers = {"Retry-After", "100"}}, LOCK_SYNC_E_TIMEOUT, 100000, 102000},
        {"503", {.http = 503, .headers = {"Retry-After", "100"}}, LOCK_SYNC_E_TIMEOUT, 100000, 102000},
        {"more than an hour", {.http = 429, .headers = {"Retry-After", "86400"}}, LOCK_SYNC_E_TIMEOUT, HOUR_MS,
         HOUR_MS + 2000},
        {"less than the interval", {.http = 429, .headers = {"Retry-After", "1"}}, LOCK_SYNC_E_TIMEOUT, 20000, 22000},
        {"nonsense", {.http = 429, .headers = {"Retry-After", "soon"}}, LOCK_SYNC_E_TIMEOUT, 20000, 22000},
        {"beside a good answer", {.http = 200, .body = "{\"result\":[]}", .headers = {"Retry-After", "100"}},
         LOCK_SYNC_OK, 20000, 22000},
    };

    for (size_t i = 0; i < COUNT_OF(table); i++) {
        pull p;

        t_row("%s", table[i].name);
        pull_begin(&p, &table[i].step, 1, 20000);
        CHECK_INT(pull_next(&p, 0), table[i].told);
        check_due(&p, table[i].least, table[i].most);
        pull_end(&p);
    }
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        T(errors_that_may_pass_are_absorbed),
        T(errors_that_do_not_pass_are_returned_each_time),
        T(a_missing_credential_is_told_at_once_and_mended_at_once),
        T(a_provider_that_fails_after_a_401_does_not_hurry_the_next_poll),
        T(the_pause_doubles_with_each_error_in_a_row),
        T(retry_after_is_waited_for),
    };

    return T_MAIN(tests);
}
