/* Fetches from the simulator over plain http: what the service answers when all is well, and when it says no. */
#include "client.h"

#include <string.h>

typedef struct state {
    sim *sim;
    client c;
} state;

static const char *const usual[] = {"--locks", "4", "--static", "--personal-key", KEY, "--access-token", TOKEN, NULL};

static int begin_with(void **user, const char *const *arguments)
{
    static state s;

    s.sim = sim_start(arguments);
    s.c = client_new(sim_url(s.sim));
    *user = &s;
    return 0;
}

static int begin(void **user)
{
    return begin_with(user, usual);
}

static int end(void **user)
{
    state *s = *user;

    client_free(&s->c);
    sim_stop(s->sim, NULL);
    return 0;
}

TEST(all_locks_are_fetched)
{
    state *s = *t_state;
    lock_sync_results *r;

    expect_status(&s->c, lock_sync_fetch(s->c.ctx, NULL, 0, &r), LOCK_SYNC_OK);
    MUST_INT(lock_sync_results_count(r), 4);
    MUST_INT(lock_sync_results_missing_count(r), 0);
    MUST(!lock_sync_results_is_cached(r));
    for (size_t i = 0; i < 4; i++)
        MUST_INT(lock_sync_results_at(r, i)->id, 1001 + (int64_t)i);
    MUST(lock_sync_results_fetched_at_ms(r) > INT64_C(1700000000000));
    lock_sync_results_free(r);
}

TEST(asked_ids_come_and_unknown_ones_are_told)
{
    static const int64_t ids[] = {1003, 999, 1001, 1003};
    state *s = *t_state;
    lock_sync_results *r;

    expect_status(&s->c, lock_sync_fetch(s->c.ctx, ids, 4, &r), LOCK_SYNC_OK);
    MUST_INT(lock_sync_results_count(r), 2);
    MUST_INT(lock_sync_results_at(r, 0)->id, 1003); /* in the service's order: that of the request, there */
    MUST_INT(lock_sync_results_at(r, 1)->id, 1001);
    MUST_INT(lock_sync_results_missing_count(r), 1);
    MUST_INT(lock_sync_results_missing_at(r, 0), 999);
    lock_sync_results_free(r);
}

TEST(one_lock_is_fetched)
{
    state *s = *t_state;
    lock_sync_results *r;

    expect_status(&s->c, lock_sync_fetch_one(s->c.ctx, 1003, &r), LOCK_SYNC_OK);
    MUST_INT(lock_sync_results_count(r), 1);
    MUST(lock_sync_results_find(r, 1003) != NULL);
    lock_sync_results_free(r);
}

TEST(one_unknown_lock_is_not_found)
{
    state *s = *t_state;
    lock_sync_results *r;

    expect_status(&s->c, lock_sync_fetch_one(s->c.ctx, 999, &r), LOCK_SYNC_E_NOT_FOUND);
    MUST(r == NULL);
    MUST_INT(error_http_status(&s->c), 404);
    MUST_INT(lock_sync_error_api_message_count(lock_sync_last_error(s->c.ctx)), 1);
    MUST_TEXT(lock_sync_error_api_message_at(lock_sync_last_error(s->c.ctx), 0), "Not found.");
    expect_fetch(&s->c, LOCK_SYNC_OK);
}

TEST(a_disconnected_lock_is_a_normal_result)
{
    state *s = *t_state;
    lock_sync_results *r;
    const lock_sync_lock *lock;

    expect_status(&s->c, lock_sync_fetch_one(s->c.ctx, 1002, &r), LOCK_SYNC_OK);
    lock = lock_sync_results_at(r, 0);
    MUST_INT(lock->fields, LOCK_SYNC_FIELD_CONNECTED | LOCK_SYNC_FIELD_REVISION);
    MUST(!lock->is_connected);
    MUST_INT(lock_sync_lock_is_locked(lock), LOCK_SYNC_UNKNOWN);
    lock_sync_results_free(r);
}

TEST(a_wrong_key_is_unauthorized_and_a_right_one_works_again)
{
    state *s = *t_state;

    MUST_OK(lock_sync_set_personal_key(s->c.ctx, "wrong-" SECRET));
    expect_fetch(&s->c, LOCK_SYNC_E_UNAUTHORIZED);
    MUST_INT(error_http_status(&s->c), 401);
    MUST(lock_sync_error_correlation_id(lock_sync_last_error(s->c.ctx)) != NULL);
    MUST_INT(sim_ask_stats(s->sim).unauthorized, 1);
    MUST_OK(lock_sync_set_personal_key(s->c.ctx, KEY));
    expect_fetch(&s->c, LOCK_SYNC_OK);
}

TEST(an_access_token_works_and_replaces_the_key)
{
    state *s = *t_state;

    MUST_OK(lock_sync_set_access_token(s->c.ctx, "wrong-" SECRET));
    expect_fetch(&s->c, LOCK_SYNC_E_UNAUTHORIZED);
    MUST_OK(lock_sync_set_access_token(s->c.ctx, TOKEN));
    expect_fetch(&s->c, LOCK_SYNC_OK);
}

TEST(the_connection_is_kept_over_many_fetches)
{
    state *s = *t_state;
    sim_stats stats;

    for (int i = 0; i < 10; i++)
        expect_fetch(&s->c, LOCK_SYNC_OK);
    stats = sim_ask_stats(s->sim);
    MUST_INT(stats.requests, 10);
    MUST_INT(stats.connections, 1);
}

TEST(each_request_is_one_log_line_with_its_facts)
{
    state *s = *t_state;
    const char *line;

    expect_fetch(&s->c, LOCK_SYNC_OK);
    MUST_INT(log_lines_count(s->c.log, LOCK_SYNC_LOG_INFO), 1);
    line = log_lines_at(s->c.log, LOCK_SYNC_LOG_INFO, 0);
    MUST(strstr(line, sim_url(s->sim)) != NULL);
    MUST(strstr(line, "200") != NULL);
    MUST(strstr(line, " bytes") != NULL);
    MUST(strstr(line, " 0 bytes") == NULL);
    MUST(strstr(line, " ms") != NULL);
    MUST(strstr(line, "correlation id ") != NULL);
    MUST(strstr(line, "correlation id none") == NULL);
    MUST(strchr(line, '\n') == NULL);

    sim_fault(s->sim, "500", 1);
    expect_fetch(&s->c, LOCK_SYNC_E_SERVER);
    MUST_INT(log_lines_count(s->c.log, LOCK_SYNC_LOG_INFO), 1);
    MUST_INT(log_lines_count(s->c.log, LOCK_SYNC_LOG_WARNING), 1);
    line = log_lines_at(s->c.log, LOCK_SYNC_LOG_WARNING, 0);
    MUST(strstr(line, "500") != NULL);
    MUST(strstr(line, "LOCK_SYNC_E_SERVER") != NULL);
    MUST(strstr(line, lock_sync_error_correlation_id(lock_sync_last_error(s->c.ctx))) != NULL);
    MUST_INT(log_lines_count(s->c.log, LOCK_SYNC_LOG_ERROR), 0);
}

typedef struct nosy {
    lock_sync_ctx *ctx;
    lock_sync_status status;
} nosy;

static void call_from_logger(void *user, lock_sync_log_level level, const char *message)
{
    nosy *n = user;

    (void)level, (void)message;
    n->status = lock_sync_set_api_version(n->ctx, "v99");
}

TEST(a_call_from_the_logger_is_busy)
{
    state *s = *t_state;
    nosy n = {s->c.ctx, LOCK_SYNC_OK};

    MUST_OK(lock_sync_set_logger(s->c.ctx, call_from_logger, &n));
    expect_fetch(&s->c, LOCK_SYNC_OK);
    MUST_INT(n.status, LOCK_SYNC_E_BUSY);
    expect_fetch(&s->c, LOCK_SYNC_OK);
}

TEST(the_version_in_the_path_is_the_one_set)
{
    state *s = *t_state;

    MUST_OK(lock_sync_set_api_version(s->c.ctx, "v1.36"));
    expect_fetch(&s->c, LOCK_SYNC_E_NOT_FOUND);
    MUST_OK(lock_sync_set_api_version(s->c.ctx, NULL));
    expect_fetch(&s->c, LOCK_SYNC_OK);
}

/* --- the shapes of records over the API's versions --- */

#define LEAST_FIELDS                                                                                                   \
    (LOCK_SYNC_FIELD_CONNECTED | LOCK_SYNC_FIELD_DEVICE_STATE | LOCK_SYNC_FIELD_STATE | LOCK_SYNC_FIELD_CHARGING |     \
     LOCK_SYNC_FIELD_BATTERY_LEVEL)
#define DATE_FIELDS (LOCK_SYNC_FIELD_STATE_CHANGE_RESULT | LOCK_SYNC_FIELD_LAST_STATE_CHANGED)
#define NEW_FIELDS (LOCK_SYNC_FIELD_REVISION | LOCK_SYNC_FIELD_DOOR_STATE)

TEST(every_shape_of_records_is_read)
{
    static const struct {
        const char *version;
        uint32_t fields;
    } shapes[] = {
        {"v1.16", LEAST_FIELDS},
        {"v1.17", LEAST_FIELDS | DATE_FIELDS},
        {"v1.33", LEAST_FIELDS | DATE_FIELDS | NEW_FIELDS},
        {"v1.35", LEAST_FIELDS | DATE_FIELDS | NEW_FIELDS},
        {"v37", LEAST_FIELDS | DATE_FIELDS | NEW_FIELDS},
    };

    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) {
        const char *const arguments[] = {"--static", "--personal-key", KEY, "--api-version", shapes[i].version, NULL};
        sim *server = sim_start(arguments);
        client c = client_new(sim_url(server));
        lock_sync_results *r;

        MUST_OK(lock_sync_set_api_version(c.ctx, shapes[i].version));
        expect_status(&c, lock_sync_fetch(c.ctx, NULL, 0, &r), LOCK_SYNC_OK);
        MUST_INT(lock_sync_results_count(r), 4);
        MUST_INT(lock_sync_results_find(r, 1001)->fields, shapes[i].fields);
        lock_sync_results_free(r);
        client_free(&c);
        sim_stop(server, NULL);
    }
}

static int begin_gzip(void **user)
{
    static const char *const arguments[] = {"--locks", "1000", "--static", "--gzip", "--personal-key", KEY, NULL};

    return begin_with(user, arguments);
}

TEST(compressed_answers_are_read)
{
    state *s = *t_state;
    lock_sync_results *r;

    for (int i = 0; i < 3; i++) {
        expect_status(&s->c, lock_sync_fetch(s->c.ctx, NULL, 0, &r), LOCK_SYNC_OK);
        MUST_INT(lock_sync_results_count(r), 1000);
        lock_sync_results_free(r);
    }
    MUST_INT(sim_ask_stats(s->sim).connections, 1);
}

TEST(ids_that_do_not_fit_the_url_are_still_answered)
{
    state *s = *t_state;
    int64_t ids[500];
    lock_sync_results *r;

    for (size_t i = 0; i < 500; i++)
        ids[i] = 1900 + (int64_t)i; /* 1900 .. 2000 are there */
    expect_status(&s->c, lock_sync_fetch(s->c.ctx, ids, 500, &r), LOCK_SYNC_OK);
    MUST_INT(lock_sync_results_count(r), 101);
    MUST_INT(lock_sync_results_missing_count(r), 399);
    MUST_INT(lock_sync_results_missing_at(r, 0), 2001);
    MUST_INT(sim_ask_stats(s->sim).requests, 1);
    lock_sync_results_free(r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        T_IN(all_locks_are_fetched, begin, end),
        T_IN(asked_ids_come_and_unknown_ones_are_told, begin, end),
        T_IN(one_lock_is_fetched, begin, end),
        T_IN(one_unknown_lock_is_not_found, begin, end),
        T_IN(a_disconnected_lock_is_a_normal_result, begin, end),
        T_IN(a_wrong_key_is_unauthorized_and_a_right_one_works_again, begin, end),
        T_IN(an_access_token_works_and_replaces_the_key, begin, end),
        T_IN(the_connection_is_kept_over_many_fetches, begin, end),
        T_IN(each_request_is_one_log_line_with_its_facts, begin, end),
        T_IN(a_call_from_the_logger_is_busy, begin, end),
        T_IN(the_version_in_the_path_is_the_one_set, begin, end),
        T(every_shape_of_records_is_read),
        T_IN(compressed_answers_are_read, begin_gzip, end),
        T_IN(ids_that_do_not_fit_the_url_are_still_answered, begin_gzip, end),
    };

    return T_MAIN(tests);
}
