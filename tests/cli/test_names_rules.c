/* Which lock an argument means, and what a run does about names: tables of cases. */
#include "names_rules.h"

#include "../support/decoding.h"

#include <stdio.h>
#include <string.h>

#define DAY INT64_C(86400000)

#define ASKED .has_asked = true, .status

TEST(what_a_run_does_about_names)
{
    static const struct {
        const char *name;
        names_facts facts;
        names_step step;
    } rows[] = {
        {"nothing is known", {.age_ms = -1}, NAMES_ASK},
        {"young and complete", {.age_ms = 0}, NAMES_USE},
        {"a day old", {.age_ms = DAY}, NAMES_USE},
        {"older", {.age_ms = DAY + 1}, NAMES_ASK},
        {"from the future", {.age_ms = -DAY}, NAMES_ASK},
        {"young, and a lock is not known", {.age_ms = 59999, .is_lacking = true, .is_needed = true}, NAMES_USE},
        {"a minute old, and a lock is not known", {.age_ms = 60000, .is_lacking = true}, NAMES_ASK},
        {"young, and shown to be old", {.age_ms = 0, .is_old = true}, NAMES_ASK},
        {"--refresh", {.age_ms = 0, .is_wanted = true}, NAMES_ASK},
        {"the names came", {.is_needed = true, ASKED = LOCK_SYNC_OK}, NAMES_USE},
        {"denied, but ids are enough", {ASKED = LOCK_SYNC_E_TOO_SOON}, NAMES_USE},
        {"forbidden, but ids are enough", {ASKED = LOCK_SYNC_E_FORBIDDEN}, NAMES_USE},
        {"refused, but ids are enough", {ASKED = LOCK_SYNC_E_MALFORMED}, NAMES_USE},
        {"the service failed", {ASKED = LOCK_SYNC_E_SERVER}, NAMES_FAIL},
        {"another status", {ASKED = LOCK_SYNC_E_HTTP}, NAMES_FAIL},
        {"a failure in the body", {ASKED = LOCK_SYNC_E_API}, NAMES_FAIL},
        {"a poll may succeed after a failure", {.is_polling = true, ASKED = LOCK_SYNC_E_SERVER}, NAMES_USE},
        {"the states would fail too", {ASKED = LOCK_SYNC_E_CONNECT}, NAMES_FAIL},
        {"a poll may succeed", {.is_polling = true, ASKED = LOCK_SYNC_E_CONNECT}, NAMES_USE},
        {"no poll would", {.is_polling = true, ASKED = LOCK_SYNC_E_UNAUTHORIZED}, NAMES_FAIL},
        {"there are states of ids", {.is_old = true, ASKED = LOCK_SYNC_E_CONNECT}, NAMES_USE},
        {"denied", {.is_needed = true, ASKED = LOCK_SYNC_E_TOO_SOON}, NAMES_FAIL},
        {"denied, and it waits", {.is_needed = true, .waits = true, ASKED = LOCK_SYNC_E_TOO_SOON}, NAMES_WAIT},
        {"denied, and it polls", {.is_needed = true, .is_polling = true, ASKED = LOCK_SYNC_E_TOO_SOON}, NAMES_WAIT},
        {"old, and denied", {.is_old = true, .is_needed = true, ASKED = LOCK_SYNC_E_TOO_SOON}, NAMES_FAIL},
        {"--wait is for the rate limit", {.is_needed = true, .waits = true, ASKED = LOCK_SYNC_E_SERVER}, NAMES_FAIL},
        {"a temporary failure of a poll",
         {.is_needed = true, .is_polling = true, ASKED = LOCK_SYNC_E_SERVER},
         NAMES_WAIT},
        {"a lasting one", {.is_needed = true, .is_polling = true, ASKED = LOCK_SYNC_E_FORBIDDEN}, NAMES_FAIL},
    };

    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        t_row("%s", rows[i].name);
        CHECK_INT(names_next(&rows[i].facts), rows[i].step);
    }
}

TEST(an_id_is_a_positive_number_of_digits)
{
    static const struct {
        const char *word;
        int64_t id;
    } rows[] = {
        {"1", 1},
        {"007", 7},
        {"9223372036854775807", INT64_MAX},
        {"9223372036854775808", 0},
        {"0", 0},
        {"", 0},
        {"+1", 0},
        {"-1", 0},
        {" 1", 0},
        {"1 ", 0},
        {"1x", 0},
        {"x", 0},
    };

    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        t_row("%s", rows[i].word);
        CHECK_INT(names_id(rows[i].word), rows[i].id);
    }
}

TEST_WITH_CTX(an_argument_means_the_locks_that_it_fits_best)
{
    static const struct {
        const char *word;
        size_t count;
        fit best;
        int64_t first;
    } rows[] = {
        {"3", 1, FIT_ID, 3},        {"7", 1, FIT_SERIAL, 3},
        {"A-1", 1, FIT_SERIAL, 1},  {"a-1", 0, FIT_NOT, 0},
        {"Door", 1, FIT_NAME, 1},   {"DOOR", 2, FIT_NAME_IN_OTHER_CASE, 1},
        {"door", 1, FIT_NAME, 2},   {"Gate", 2, FIT_NAME, 4},
        {"\u00dcb", 0, FIT_NOT, 0}, {"\u00fcB", 1, FIT_NAME_IN_OTHER_CASE, 3},
        {"", 0, FIT_NOT, 0},
    };
    lock_sync_directory *directory;

    MUST_OK(t_decode_directory(ctx,
                               "{\"result\":["
                               "{\"id\":1,\"name\":\"Door\",\"serialNumber\":\"A-1\"},"
                               "{\"id\":2,\"name\":\"door\"},"
                               "{\"id\":3,\"name\":\"\u00fcb\",\"serialNumber\":\"7\"},"
                               "{\"id\":4,\"name\":\"Gate\"},"
                               "{\"id\":5,\"name\":\"Gate\"},"
                               "{\"id\":6}]}",
                               &directory));
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        const lock_sync_lock_info *first;
        fit best;

        t_row("%s", rows[i].word);
        CHECK_INT(names_find(directory, rows[i].word, &best, &first), rows[i].count);
        CHECK_INT(best, rows[i].best);
        CHECK_INT(first != NULL ? first->id : 0, rows[i].first);
    }
    lock_sync_directory_free(directory);
}

TEST_WITH_CTX(a_new_or_missing_lock_and_a_raised_revision_show_that_names_are_old)
{
    static const struct {
        const char *result;
        bool differ;
        int64_t id; /* of the requested lock; 0: all locks */
    } rows[] = {
        {"", false, 0},
        {"{\"id\":1,\"revision\":5}", false, 0},
        {"{\"id\":1,\"revision\":4}", false, 0},
        {"{\"id\":1,\"revision\":6}", true, 0},
        {"{\"id\":1}", false, 0},
        {"{\"id\":2,\"revision\":6}", false, 0}, /* its revision was not known */
        {"{\"id\":1,\"revision\":5},{\"id\":3}", true, 0},
        {"{\"id\":1,\"revision\":5}", false, 1},
        {"", true, 1},  /* it may have another id now */
        {"", false, 3}, /* it was never there */
    };
    lock_sync_directory *directory;

    MUST_OK(t_decode_directory(ctx, "{\"result\":[{\"id\":1,\"revision\":5},{\"id\":2}]}", &directory));
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        lock_sync_results *results;
        char body[128];

        t_row("%s", rows[i].result);
        (void)snprintf(body, sizeof body, "{\"result\":[%s]}", rows[i].result);
        MUST_OK(t_decode(ctx, &(t_response){.ids = &rows[i].id, .n = rows[i].id != 0, .body = body}, &results));
        CHECK(names_differ(directory, results, &rows[i].id, rows[i].id != 0) == rows[i].differ);
        lock_sync_results_free(results);
    }
    lock_sync_directory_free(directory);
}
