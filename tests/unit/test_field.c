/* What went wrong in other clients, each a regression test for us; the rows of the table in the project's notes on the
   service that concern records, credentials and failures. Polling and changes are tested with guard and watch. */
#include "../support/fake.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* One record of a connected lock with a state object of these members. */
static const lock_sync_lock *lock_with(lock_sync_ctx *ctx, const char *members, lock_sync_results **r)
{
    char record[300];

    (void)snprintf(record, sizeof record, "{\"id\":7,\"isConnected\":true,\"deviceState\":{%s}}", members);
    return t_decode_record(ctx, record, r);
}

TEST(a_null_state_of_a_disconnected_lock_is_a_normal_result)
{
    static const char *const records[] = {
        "{\"id\":7,\"isConnected\":false,\"deviceState\":null,\"revision\":1}",
        "{\"id\":7,\"isConnected\":false,\"lockProperties\":null}",
        "{\"id\":7,\"isConnected\":false}",
        "{\"id\":7,\"isConnected\":true,\"deviceState\":null}",
    };
    lock_sync_ctx *ctx = t_ctx();

    for (size_t i = 0; i < COUNT_OF(records); i++) {
        lock_sync_results *r;
        const lock_sync_lock *lock;

        t_row("%s", records[i]);
        lock = t_decode_record(ctx, records[i], &r);
        CHECK_INT(lock_sync_lock_fields(lock) & (uint32_t)~(LOCK_SYNC_FIELD_CONNECTED | LOCK_SYNC_FIELD_REVISION), 0);
        CHECK_INT(lock_sync_lock_is_locked(lock), LOCK_SYNC_UNKNOWN);
        CHECK_INT(lock_sync_lock_is_jammed(lock), LOCK_SYNC_UNKNOWN);
        lock_sync_results_free(r);
    }
    lock_sync_ctx_free(ctx);
}

TEST(states_that_crashed_others_or_were_shown_as_unlocked)
{
    static const struct {
        const char *members;
        int32_t state;
        const char *name;
    } table[] = {
        {"\"state\":255", 255, "unpulling"}, {"\"state\":1", 1, "calibrating"},   {"\"state\":18", 18, "updating"},
        {"\"state\":0", 0, "uncalibrated"},  {"\"state\":9", 9, "unknown"},       {"\"state\":17", 17, "unknown"},
        {"\"state\":100", 100, "unknown"},   {"\"state\":-1", -1, "unknown"},
    };
    lock_sync_ctx *ctx = t_ctx();

    for (size_t i = 0; i < COUNT_OF(table); i++) {
        lock_sync_results *r;
        const lock_sync_lock *lock;

        t_row("%s", table[i].members);
        lock = lock_with(ctx, table[i].members, &r);
        CHECK_INT(lock_sync_lock_state(lock), table[i].state);
        CHECK_TEXT(lock_sync_lock_state_name(table[i].state), table[i].name);
        CHECK(strcmp(lock_sync_lock_state_name(table[i].state), "unlocked") != 0);
        CHECK_INT(lock_sync_lock_is_locked(lock), LOCK_SYNC_UNKNOWN);
        lock_sync_results_free(r);
    }
    lock_sync_ctx_free(ctx);
}

TEST(semi_locked_is_not_locked)
{
    lock_sync_ctx *ctx = t_ctx();
    lock_sync_results *r;

    CHECK_INT(lock_sync_lock_is_locked(lock_with(ctx, "\"state\":3", &r)), LOCK_SYNC_NO);
    lock_sync_results_free(r);
    lock_sync_ctx_free(ctx);
}

TEST(a_battery_of_255_or_null_is_absent_and_of_0_is_there)
{
    static const struct {
        const char *members;
        bool there;
    } table[] = {
        {"\"batteryLevel\":255", false}, {"\"batteryLevel\":null", false}, {"\"state\":6", false},
        {"\"batteryLevel\":\"54\"", false}, {"\"batteryLevel\":0", true},
    };
    lock_sync_ctx *ctx = t_ctx();

    for (size_t i = 0; i < COUNT_OF(table); i++) {
        lock_sync_results *r;
        const lock_sync_lock *lock;

        t_row("%s", table[i].members);
        lock = lock_with(ctx, table[i].members, &r);
        CHECK_INT((lock_sync_lock_fields(lock) & LOCK_SYNC_FIELD_BATTERY_LEVEL) != 0, table[i].there);
        CHECK_INT(lock_sync_lock_battery_level(lock), 0);
        lock_sync_results_free(r);
    }
    lock_sync_ctx_free(ctx);
}

TEST(a_door_sensor_that_is_disconnected_is_not_shown_as_closed)
{
    lock_sync_ctx *ctx = t_ctx();
    lock_sync_results *r;
    const lock_sync_lock *lock = lock_with(ctx, "\"doorState\":1", &r);

    CHECK_INT(lock_sync_lock_door_state(lock), LOCK_SYNC_DOOR_DISCONNECTED);
    CHECK_TEXT(lock_sync_door_state_name(lock_sync_lock_door_state(lock)), "disconnected");
    CHECK_TEXT(lock_sync_door_state_name(LOCK_SYNC_DOOR_CLOSED), "closed");
    lock_sync_results_free(r);
    lock_sync_ctx_free(ctx);
}

TEST(the_state_is_found_under_both_of_its_names)
{
    static const char *const records[] = {"{\"id\":7,\"isConnected\":true,\"deviceState\":{\"state\":6}}",
                                          "{\"id\":7,\"isConnected\":true,\"lockProperties\":{\"state\":6}}"};
    lock_sync_ctx *ctx = t_ctx();

    for (size_t i = 0; i < COUNT_OF(records); i++) {
        lock_sync_results *r;

        t_row("%s", records[i]);
        CHECK_INT(lock_sync_lock_is_locked(t_decode_record(ctx, records[i], &r)), LOCK_SYNC_YES);
        lock_sync_results_free(r);
    }
    lock_sync_ctx_free(ctx);
}

TEST(absent_fields_of_a_live_answer_are_no_error)
{
    lock_sync_ctx *ctx = t_ctx();
    lock_sync_results *r;
    const lock_sync_lock *lock;

    lock = t_decode_record(ctx,
                           "{\"id\":7,\"isConnected\":true,\"lockProperties\":{\"state\":6,\"isCharging\":false,"
                           "\"batteryLevel\":45,\"stateChangeResult\":null,"
                           "\"lastStateChangedDate\":\"2022-06-23T15:56:31.44\"}}",
                           &r);
    CHECK_INT(lock_sync_lock_fields(lock), 511 - LOCK_SYNC_FIELD_REVISION - LOCK_SYNC_FIELD_DOOR_STATE -
                                               LOCK_SYNC_FIELD_STATE_CHANGE_RESULT);
    CHECK_INT(lock_sync_lock_last_state_changed_ms(lock), INT64_C(1655999791440));
    CHECK_INT(lock_sync_lock_is_jammed(lock), LOCK_SYNC_UNKNOWN);
    lock_sync_results_free(r);
    lock_sync_ctx_free(ctx);
}

/* --- failures --- */

TEST(no_failure_is_retried_by_the_library)
{
    static const t_step steps[] = {
        {.http = 401}, {.http = 429, .headers = {"Retry-After", "5"}}, {.http = 500}, {.http = 503}, {.http = 302},
        {.http = 200, .body = "{"}, {.returns = LOCK_SYNC_E_TIMEOUT}, {.returns = LOCK_SYNC_E_NETWORK},
        {.returns = LOCK_SYNC_E_CONNECT}, {.returns = LOCK_SYNC_E_NO_MEMORY},
    };

    for (size_t i = 0; i < COUNT_OF(steps); i++) {
        t_fake fake = {.steps = &steps[i], .step_count = 1};
        lock_sync_ctx *ctx = t_ctx();
        lock_sync_results *r;

        t_row("step %zu", i);
        t_fake_use(ctx, &fake);
        CHECK(lock_sync_fetch(ctx, NULL, 0, &r) != LOCK_SYNC_OK);
        CHECK(r == NULL); /* and nothing that could be taken for a state */
        CHECK_INT(fake.performed, 1);
        lock_sync_ctx_free(ctx);
    }
}

static lock_sync_status fresh_token(void *user, lock_sync_ctx *ctx, bool refused)
{
    (void)refused;
    ++*(int *)user;
    return lock_sync_set_access_token(ctx, "fresh");
}

TEST(an_expired_token_is_not_used_and_a_refused_one_is_renewed)
{
    static const t_step steps[] = {{.http = 401}, {.http = 200, .body = "{\"result\":[]}"}};

    for (int expired = 0; expired <= 1; expired++) {
        t_fake fake = {.steps = expired ? &steps[1] : steps, .step_count = expired ? 1 : 2};
        int asked = 0;
        lock_sync_ctx *ctx = t_ctx();
        lock_sync_results *r;

        t_row("%s", expired ? "expired" : "refused");
        t_fake_use(ctx, &fake);
        CHECK_OK(lock_sync_set_access_token_until(ctx, "stale", expired ? 1 : INT64_MAX));
        CHECK_OK(lock_sync_set_token_provider(ctx, fresh_token, &asked));
        CHECK_OK(lock_sync_fetch(ctx, NULL, 0, &r));
        CHECK_TEXT(fake.authorization[0], expired ? "Bearer fresh" : "Bearer stale");
        CHECK_TEXT(fake.authorization[1], expired ? "" : "Bearer fresh");
        CHECK_INT(asked, 1);
        lock_sync_results_free(r);
        lock_sync_ctx_free(ctx);
    }
}

TEST(a_log_dump_shows_no_bearer_token)
{
    static const t_step steps[] = {{.http = 401, .body = "{\"errorMessages\":[\"Bearer dump-me-not\"]}"},
                                   {.http = 200, .body = "{\"result\":[]}"}};
    t_fake fake = {.steps = steps, .step_count = 2};
    t_log log = {0};
    lock_sync_ctx *ctx = t_ctx();
    lock_sync_results *r;

    t_fake_use(ctx, &fake);
    CHECK_OK(lock_sync_set_access_token(ctx, "dump-me-not"));
    CHECK_OK(lock_sync_set_logger(ctx, t_log_line, &log));
    CHECK_INT(lock_sync_fetch(ctx, NULL, 0, &r), LOCK_SYNC_E_UNAUTHORIZED);
    CHECK_HOLDS(log.text, "***");
    CHECK_OK(lock_sync_fetch(ctx, NULL, 0, &r));
    CHECK(log.lines >= 2);
    CHECK_LACKS(log.text, "dump-me-not");
    CHECK_LACKS(log.text, "Bearer dump");
    lock_sync_results_free(r);
    lock_sync_ctx_free(ctx);
}

static void look_at_time(void *user, const lock_sync_request *q, lock_sync_response *s)
{
    (void)user, (void)s;
    CHECK(lock_sync_request_timeout_ms(q) >= 1 && lock_sync_request_timeout_ms(q) <= 30000);
    CHECK(lock_sync_request_connect_timeout_ms(q) >= 1 && lock_sync_request_connect_timeout_ms(q) <= 10000);
}

TEST(every_fetch_has_a_deadline_without_being_asked)
{
    static const t_step step = {.http = 200, .body = "{\"result\":[]}", .hook = look_at_time};
    t_fake fake = {.steps = &step, .step_count = 1};
    lock_sync_ctx *ctx = t_ctx();
    lock_sync_results *r;

    t_fake_use(ctx, &fake);
    CHECK_OK(lock_sync_fetch(ctx, NULL, 0, &r));
    lock_sync_results_free(r);
    lock_sync_ctx_free(ctx);
}

/* Failures of all kinds with both streams in a file: the error has the words, the streams have none. */
TEST(nothing_is_printed_and_the_failure_is_not_lost)
{
    FILE *file = tmpfile();
    int streams[2] = {dup(1), dup(2)};
    lock_sync_ctx *ctx = t_ctx();
    lock_sync_status status[4];
    lock_sync_results *r;
    char message[200];

    MUST(file != NULL);
    (void)fflush(NULL);
    (void)dup2(fileno(file), 1);
    (void)dup2(fileno(file), 2);
    status[0] = lock_sync_set_base_url(ctx, "nonsense");
    status[1] = t_decode(ctx, &(t_answer){.body = "<html>"}, &r);
    status[2] = lock_sync_fetch_one(ctx, 0, &r);
    status[3] = t_decode(ctx, &(t_answer){.http = 500, .body = "{\"errorMessages\":[\"database down\"]}"}, &r);
    (void)snprintf(message, sizeof message, "%s", t_error_message(ctx));
    lock_sync_ctx_free(ctx);
    (void)fflush(NULL);
    for (int i = 0; i < 2; i++) {
        (void)dup2(streams[i], i + 1);
        (void)close(streams[i]);
    }
    CHECK_INT(lseek(fileno(file), 0, SEEK_END), 0);
    CHECK_INT(status[0], LOCK_SYNC_E_INVALID_ARGUMENT);
    CHECK_INT(status[1], LOCK_SYNC_E_MALFORMED);
    CHECK_INT(status[2], LOCK_SYNC_E_INVALID_ARGUMENT);
    CHECK_INT(status[3], LOCK_SYNC_E_SERVER);
    CHECK_HOLDS(message, "database down");
    (void)fclose(file);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        T(a_null_state_of_a_disconnected_lock_is_a_normal_result),
        T(states_that_crashed_others_or_were_shown_as_unlocked),
        T(semi_locked_is_not_locked),
        T(a_battery_of_255_or_null_is_absent_and_of_0_is_there),
        T(a_door_sensor_that_is_disconnected_is_not_shown_as_closed),
        T(the_state_is_found_under_both_of_its_names),
        T(absent_fields_of_a_live_answer_are_no_error),
        T(no_failure_is_retried_by_the_library),
        T(an_expired_token_is_not_used_and_a_refused_one_is_renewed),
        T(a_log_dump_shows_no_bearer_token),
        T(every_fetch_has_a_deadline_without_being_asked),
        T(nothing_is_printed_and_the_failure_is_not_lost),
    };

    return T_MAIN(tests);
}
