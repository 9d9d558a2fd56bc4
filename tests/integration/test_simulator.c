/* Fetches from the simulator over plain http: results of good responses, and their line in the log. */
#include "client.h"

TEST(requested_ids_are_found_and_unknown_ones_reported)
{
    static const int64_t ids[] = {1003, 999, 1001, 1003};
    sim *server = sim_start_usual();
    client c = client_new(sim_url(server));
    lock_sync_results *r;

    expect_status(&c, lock_sync_fetch(c.ctx, ids, 4, &r), LOCK_SYNC_OK);
    MUST_INT(lock_sync_results_count(r), 2);
    CHECK_INT(lock_sync_results_at(r, 0)->id, 1003); /* in the service's order, which is that of the request */
    CHECK_INT(lock_sync_results_at(r, 1)->id, 1001);
    CHECK_INT(lock_sync_results_missing_count(r), 1);
    CHECK_INT(lock_sync_results_missing_at(r, 0), 999);
    CHECK(!lock_sync_results_is_cached(r));
    CHECK(lock_sync_results_fetched_at_ms(r) > INT64_C(1700000000000));
    lock_sync_results_free(r);
    client_free(&c);
    sim_stop(server, NULL);
}

TEST(one_lock_is_fetched_and_an_unknown_one_is_not_found)
{
    sim *server = sim_start_usual();
    client c = client_new(sim_url(server));
    lock_sync_results *r;

    expect_status(&c, lock_sync_fetch_one(c.ctx, 1002, &r), LOCK_SYNC_OK);
    CHECK_INT(lock_sync_results_count(r), 1);
    CHECK_INT(lock_sync_results_at(r, 0)->id, 1002);
    CHECK(!lock_sync_results_at(r, 0)->is_connected); /* which is a normal result */
    lock_sync_results_free(r);
    expect_status(&c, lock_sync_fetch_one(c.ctx, 999, &r), LOCK_SYNC_E_NOT_FOUND);
    CHECK(r == NULL);
    CHECK_TEXT(lock_sync_error_api_message_at(lock_sync_last_error(c.ctx), 0), "Not found.");
    expect_fetch(&c, LOCK_SYNC_OK);
    client_free(&c);
    sim_stop(server, NULL);
}

TEST(each_request_is_one_log_line_with_its_facts)
{
    sim *server = sim_start_usual();
    client c = client_new(sim_url(server));
    const char *const good[] = {sim_url(server), "200", " bytes", " ms", "correlation id "};
    const char *line;

    expect_fetch(&c, LOCK_SYNC_OK);
    MUST_INT(log_lines_count(c.log, LOCK_SYNC_LOG_INFO), 1);
    line = log_lines_at(c.log, LOCK_SYNC_LOG_INFO, 0);
    for (size_t i = 0; i < COUNT_OF(good); i++)
        CHECK_HOLDS(line, good[i]);
    CHECK_LACKS(line, " 0 bytes");
    CHECK_LACKS(line, "correlation id none");
    CHECK_LACKS(line, "\n");

    sim_fault(server, "500", 1);
    expect_fetch(&c, LOCK_SYNC_E_SERVER);
    CHECK_INT(log_lines_count(c.log, LOCK_SYNC_LOG_INFO), 1);
    MUST_INT(log_lines_count(c.log, LOCK_SYNC_LOG_WARNING), 1);
    line = log_lines_at(c.log, LOCK_SYNC_LOG_WARNING, 0);
    CHECK_HOLDS(line, "500");
    CHECK_HOLDS(line, "LOCK_SYNC_E_SERVER");
    CHECK_HOLDS(line, lock_sync_error_correlation_id(lock_sync_last_error(c.ctx)));
    CHECK_INT(log_lines_count(c.log, LOCK_SYNC_LOG_ERROR), 0);
    client_free(&c);
    sim_stop(server, NULL);
}

/* --- the shapes of records over the API's versions --- */

#define LEAST_FIELDS                                                                                                   \
  (LOCK_SYNC_FIELD_CONNECTED | LOCK_SYNC_FIELD_DEVICE_STATE | LOCK_SYNC_FIELD_STATE | LOCK_SYNC_FIELD_CHARGING |       \
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

    for (size_t i = 0; i < COUNT_OF(shapes); i++) {
        const char *const arguments[] = {"--static", "--personal-key", KEY, "--api-version", shapes[i].version, NULL};
        sim *server = sim_start(arguments);
        client c = client_new(sim_url(server));
        lock_sync_results *r;

        t_row("%s", shapes[i].version);
        MUST_OK(lock_sync_set_api_version(c.ctx, shapes[i].version));
        expect_status(&c, lock_sync_fetch(c.ctx, NULL, 0, &r), LOCK_SYNC_OK);
        CHECK_INT(lock_sync_results_count(r), 4);
        CHECK_INT(lock_sync_results_find(r, 1001)->fields, shapes[i].fields);
        lock_sync_results_free(r);
        client_free(&c);
        sim_stop(server, NULL);
    }
}

TEST(compressed_responses_and_many_ids_are_handled)
{
    static const char *const arguments[] = {"--locks", "1000", "--static", "--gzip", "--personal-key", KEY, NULL};
    sim *server = sim_start(arguments);
    client c = client_new(sim_url(server));
    int64_t ids[500];
    lock_sync_results *r;
    sim_stats stats;

    for (size_t i = 0; i < COUNT_OF(ids); i++)
        ids[i] = 1900 + (int64_t)i; /* 1900 to 2000 exist */
    for (int i = 0; i < 3; i++) {
        expect_status(&c, lock_sync_fetch(c.ctx, NULL, 0, &r), LOCK_SYNC_OK);
        CHECK_INT(lock_sync_results_count(r), 1000);
        lock_sync_results_free(r);
    }
    expect_status(&c, lock_sync_fetch(c.ctx, ids, COUNT_OF(ids), &r), LOCK_SYNC_OK);
    CHECK_INT(lock_sync_results_count(r), 101);
    CHECK_INT(lock_sync_results_missing_count(r), 399);
    CHECK_INT(lock_sync_results_missing_at(r, 0), 2001);
    lock_sync_results_free(r);
    client_free(&c);
    sim_stop(server, &stats);
    CHECK_INT(stats.requests, 4);
    CHECK_INT(stats.connections, 1);
}
