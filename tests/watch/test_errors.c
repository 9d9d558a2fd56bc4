/* lock_sync_watch_next and errors: temporary errors are absorbed and make the watch slower, others are returned. */
#include "pull.h"

#define HOUR_MS 3600000

static const t_step locked = RESPONSE(LOCK_IN(1, 6) "," LOCK_IN(2, 6));
static const t_step opened = RESPONSE(LOCK_IN(1, 2) "," LOCK_IN(2, 6));

TEST(a_temporary_error_is_absorbed_and_another_is_returned_each_time)
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
        {"TLS", {.returns = LOCK_SYNC_E_TLS}, LOCK_SYNC_E_TLS},
        {"too large", {.returns = LOCK_SYNC_E_TOO_LARGE}, LOCK_SYNC_E_TOO_LARGE},
        {"HTML", {.http = 200, .body = "<html>"}, LOCK_SYNC_E_MALFORMED},
        {"401", {.http = 401}, LOCK_SYNC_E_UNAUTHORIZED},
        {"403", {.http = 403}, LOCK_SYNC_E_FORBIDDEN},
        {"404", {.http = 404}, LOCK_SYNC_E_NOT_FOUND},
        {"302", {.http = 302}, LOCK_SYNC_E_HTTP},
        {"an error in the body", {.http = 200, .body = "{\"success\":false}"}, LOCK_SYNC_E_API},
    };

    for (size_t i = 0; i < COUNT_OF(table); i++) {
        const t_step steps[] = {table[i].step, locked, table[i].step, table[i].step, opened};
        bool is_temporary = lock_sync_status_is_retryable(table[i].status);
        pull p;

        t_row("%s", table[i].name);
        PULL_BEGIN(&p, steps, 20000);
        for (size_t k = 0; k < COUNT_OF(steps); k++) {
            bool is_good = k == 1 || k == 4;
            lock_sync_status want = is_good ? LOCK_SYNC_OK : is_temporary ? LOCK_SYNC_E_TIMEOUT : table[i].status;

            CHECK_INT(pull_due(&p, is_good || is_temporary ? 0 : -1), want);
            CHECK_INT(lock_sync_watch_last_status(p.w), is_good ? LOCK_SYNC_OK : table[i].status);
            CHECK_TEXT(p.changes, k == 1 ? "1:21 2:21 " : k == 4 ? "1:16 " : ""); /* the error gave no change */
            if (!is_good && is_temporary)
                CHECK_HOLDS(t_error_message(p.ctx), lock_sync_status_name(table[i].status));
            if (!is_temporary)
                pull_check_due(&p, 20000, 22000);
            CHECK_INT(p.fake.performed, k + 1);
            CHECK((lock_sync_watch_age_ms(p.w) < 0) == (k == 0));
        }
        CHECK_INT(pull_next(&p, 0), LOCK_SYNC_E_TIMEOUT); /* not due yet */
        CHECK_INT(p.fake.performed, COUNT_OF(steps));
        pull_end(&p);
    }
}

/* Without a request there is no need for a pause. */
TEST(a_missing_credential_is_returned_at_once_and_a_new_one_is_used_at_once)
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

static lock_sync_status set_no_token(void *user, lock_sync_ctx *ctx, bool rejected)
{
    (void)ctx;
    return rejected ? *(const lock_sync_status *)user : LOCK_SYNC_OK;
}

/* A request that the service rejected was sent, so the pause applies for every status of the provider. */
TEST(a_provider_that_fails_after_a_401_does_not_hurry_the_next_poll)
{
    static const lock_sync_status returned[] = {LOCK_SYNC_E_NO_CREDENTIAL, LOCK_SYNC_E_INVALID_ARGUMENT,
                                                LOCK_SYNC_E_NO_TRANSPORT, LOCK_SYNC_E_UNAUTHORIZED, LOCK_SYNC_OK};

    for (size_t i = 0; i < COUNT_OF(returned); i++) {
        lock_sync_status status = returned[i];
        pull p;

        t_row("the provider returns %s", lock_sync_status_name(status));
        pull_begin(&p, &response_401, 1, 20000);
        CHECK_OK(lock_sync_set_token_provider(p.ctx, set_no_token, &status));
        CHECK_INT(pull_next(&p, 0), status == LOCK_SYNC_OK ? LOCK_SYNC_E_UNAUTHORIZED : status);
        pull_check_due(&p, 20000, 22000);
        CHECK_INT(pull_next(&p, 0), LOCK_SYNC_E_TIMEOUT);
        CHECK_INT(p.fake.performed, 1);
        pull_end(&p);
    }
}

TEST(the_pause_doubles_with_each_error_in_a_row)
{
    static const struct {
        t_step step;
        lock_sync_status status;
        int64_t intervals;
    } table[] = {
        {{.http = 500}, LOCK_SYNC_E_TIMEOUT, 1},   {{.http = 500}, LOCK_SYNC_E_TIMEOUT, 2},
        {{.http = 500}, LOCK_SYNC_E_TIMEOUT, 4},   {RESPONSE(""), LOCK_SYNC_OK, 1}, /* this ends the row */
        {{.http = 500}, LOCK_SYNC_E_TIMEOUT, 1},   {{.http = 500}, LOCK_SYNC_E_TIMEOUT, 2},
        {{.http = 403}, LOCK_SYNC_E_FORBIDDEN, 1}, /* an error that is not temporary ends it too */
        {{.http = 500}, LOCK_SYNC_E_TIMEOUT, 1},
    };
    t_step steps[COUNT_OF(table)];
    pull p;

    for (size_t i = 0; i < COUNT_OF(table); i++)
        steps[i] = table[i].step;
    PULL_BEGIN(&p, steps, 20000);
    for (size_t i = 0; i < COUNT_OF(table); i++) {
        int64_t intervals = table[i].intervals;

        t_row("response %zu", i);
        CHECK_INT(pull_due(&p, 0), table[i].status);
        pull_check_due(&p, intervals == 1 ? 20000 : 18000 * intervals, intervals == 1 ? 22000 : 20000 * intervals);
    }
    pull_end(&p);
}

TEST(a_retry_after_lengthens_the_pause_after_an_error)
{
    static const struct {
        const char *name;
        t_step step;
        lock_sync_status status;
        int64_t least, most;
    } table[] = {
        {"429", {.http = 429, .headers = {"Retry-After", "100"}}, LOCK_SYNC_E_TIMEOUT, 100000, 102000},
        {"503", {.http = 503, .headers = {"Retry-After", "100"}}, LOCK_SYNC_E_TIMEOUT, 100000, 102000},
        {"more than an hour",
         {.http = 429, .headers = {"Retry-After", "86400"}},
         LOCK_SYNC_E_TIMEOUT,
         HOUR_MS,
         HOUR_MS + 2000},
        {"nonsense", {.http = 429, .headers = {"Retry-After", "soon"}}, LOCK_SYNC_E_TIMEOUT, 20000, 22000},
        {"with a good response",
         {.http = 200, .body = "{\"result\":[]}", .headers = {"Retry-After", "100"}},
         LOCK_SYNC_OK,
         20000,
         22000},
    };

    for (size_t i = 0; i < COUNT_OF(table); i++) {
        pull p;

        t_row("%s", table[i].name);
        pull_begin(&p, &table[i].step, 1, 20000);
        CHECK_INT(pull_next(&p, 0), table[i].status);
        pull_check_due(&p, table[i].least, table[i].most);
        pull_end(&p);
    }
}
