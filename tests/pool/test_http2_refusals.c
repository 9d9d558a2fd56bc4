/* All that an HTTP/2 server may do instead of answering, to the first request on a connection and to a later one, to a
   fetch that blocks and to one in a pool: what is repeated, how often, and what the fetch ends with. */
#include "accounts.h"

#include "../support/h2_lab.h"
#include "../support/pems.h"

#include <curl/curl.h>
#include <stdlib.h>
#include <string.h>

#define STEPS_MAX 5
#define REFUSES(error)                                                                                                 \
    {                                                                                                                  \
        .act = H2_RST, .number = (error)                                                                               \
    }
#define DOES(what)                                                                                                     \
    {                                                                                                                  \
        .act = (what)                                                                                                  \
    }

typedef struct row {
    const char *name;
    h2_step steps[STEPS_MAX]; /* of the first connection, or of all; behind them all is answered */
    bool always;
    int good; /* fetches that are good before */
    lock_sync_status want;
    const char *fates; /* of all requests */
    bool or_network;   /* or E_NETWORK without the last of them */
} row;

typedef struct scene {
    h2_plan plans[2];
    h2_lab *lab;
    lock_sync_pool *pool; /* NULL: fetches block */
    account account;
} scene;

static void scene_begin(scene *s, const row *r, bool pooled)
{
    *s = (scene){.plans = {{.steps = r->steps}}, .pool = pooled ? pool_make() : NULL};
    s->lab = h2_lab_start(pems->good, pems->key, s->plans, r->always ? 1 : 2);
    s->account = account_new(h2_lab_url(s->lab));
    MUST_OK(lock_sync_set_ca_file(s->account.ctx, pems->ca));
    MUST_OK(lock_sync_set_timeout_ms(s->account.ctx, 3000 * kit_slack()));
}

static void scene_end(scene *s)
{
    account_free(&s->account);
    if (s->pool != NULL)
        pool_end(s->pool);
    h2_lab_stop(s->lab);
    MUST_INT(stray_callbacks(), 0);
}

static lock_sync_status fetch(scene *s)
{
    lock_sync_results *results = NULL;
    lock_sync_status status;

    if (s->pool != NULL) {
        account_submit(&s->account, s->pool);
        pool_run_account(&s->account);
        return s->account.status;
    }
    status = lock_sync_fetch(s->account.ctx, NULL, 0, &results);
    MUST_INT(lock_sync_results_count(results), status == LOCK_SYNC_OK ? 2 : 0);
    lock_sync_results_free(results);
    return status;
}

static bool is_as_wanted(const row *r, lock_sync_status status, const char *fates)
{
    size_t size = strlen(fates);

    if (r->or_network && status == LOCK_SYNC_E_NETWORK)
        return strncmp(fates, r->fates, size) == 0 && strcmp(r->fates + size, "answered\n") == 0;
    return status == r->want && strcmp(fates, r->fates) == 0;
}

/* Whether the row holds, in a pool or blocking. */
static bool holds(const row *r, bool pooled)
{
    lock_sync_status status = LOCK_SYNC_OK;
    scene s;
    char *fates;
    bool good;

    scene_begin(&s, r, pooled);
    for (int i = 0; i < r->good && status == LOCK_SYNC_OK; i++)
        status = fetch(&s);
    if (status == LOCK_SYNC_OK)
        status = fetch(&s);
    fates = h2_lab_fates(s.lab);
    good = is_as_wanted(r, status, fates);
    if (!good)
        print_error("%s, %s: %s: %s\nrequests: %s", r->name, pooled ? "in a pool" : "blocking",
                    lock_sync_status_name(status), lock_sync_error_message(lock_sync_last_error(s.account.ctx)), fates);
    free(fates);
    if (good && !r->always) /* and then all is well */
        good = fetch(&s) == LOCK_SYNC_OK;
    scene_end(&s);
    return good;
}

static void check_rows(const row *rows, size_t count)
{
    size_t failed = 0;

    for (size_t i = 0; i < count; i++)
        for (int pooled = 0; pooled < 2; pooled++)
            failed += !holds(&rows[i], pooled == 1);
    if (failed > 0)
        fail_msg("%zu of %zu", failed, 2 * count);
}

/* REFUSED_STREAM and GOAWAY say that the request was not looked at. */
TEST(what_was_not_looked_at_is_repeated_once)
{
    static const row rows[] = {
        {"REFUSED_STREAM, first request", {REFUSES(H2_REFUSED_STREAM)}, false, 0, LOCK_SYNC_OK,
         "refused\nanswered\n", false},
        {"REFUSED_STREAM, second request", {DOES(H2_ANSWER), REFUSES(H2_REFUSED_STREAM)}, false, 1, LOCK_SYNC_OK,
         "answered\nrefused\nanswered\n", false},
        {"REFUSED_STREAM, tenth request", {{H2_ANSWER, 0, 9}, REFUSES(H2_REFUSED_STREAM)}, false, 9, LOCK_SYNC_OK,
         "answered\nanswered\nanswered\nanswered\nanswered\nanswered\nanswered\nanswered\nanswered\n"
         "refused\nanswered\n", false},
        {"REFUSED_STREAM always", {{H2_RST, H2_REFUSED_STREAM, H2_ALWAYS}}, true, 0, LOCK_SYNC_E_NETWORK,
         "refused\nrefused\n", false},
        {"GOAWAY, first request", {DOES(H2_GOAWAY)}, false, 0, LOCK_SYNC_OK, "refused\nanswered\n", false},
        {"GOAWAY, second request", {DOES(H2_ANSWER), DOES(H2_GOAWAY)}, false, 1, LOCK_SYNC_OK,
         "answered\nrefused\nanswered\n", false},
        {"GOAWAY always", {DOES(H2_GOAWAY)}, true, 0, LOCK_SYNC_E_NETWORK, "refused\nrefused\n", false},
        {"GOAWAY in two phases, first request", {DOES(H2_NOTICE), {H2_WAIT, 20, 0}, DOES(H2_GOAWAY)}, false, 0,
         LOCK_SYNC_OK, "refused\nanswered\n", false},
        {"GOAWAY in two phases, second request", {DOES(H2_ANSWER), DOES(H2_NOTICE), {H2_WAIT, 20, 0}, DOES(H2_GOAWAY)},
         false, 1, LOCK_SYNC_OK, "answered\nrefused\nanswered\n", false},
    };

    check_rows(rows, COUNT_OF(rows));
}

/* GOAWAY behind an answer, or before it, takes nothing from it. */
TEST(an_orderly_end_of_a_connection_costs_nothing)
{
    static const row rows[] = {
        {"GOAWAY behind the first answer", {DOES(H2_LAST)}, false, 1, LOCK_SYNC_OK, "answered\nanswered\n", false},
        {"GOAWAY behind each answer", {DOES(H2_LAST)}, true, 2, LOCK_SYNC_OK, "answered\nanswered\nanswered\n", false},
        {"both phases round an answer", {DOES(H2_NOTICE), {H2_WAIT, 20, 0}, DOES(H2_LAST)}, false, 1, LOCK_SYNC_OK,
         "answered\nanswered\n", false},
        {"SETTINGS that leave one stream", {{H2_SETTINGS, 1, 0}, DOES(H2_ANSWER)}, false, 1, LOCK_SYNC_OK,
         "answered\nanswered\n", false},
        {"the first phase before an answer", {DOES(H2_NOTICE), {H2_WAIT, 20, 0}, DOES(H2_ANSWER)}, false, 1,
         LOCK_SYNC_OK, "answered\nanswered\n", false},
    };

    check_rows(rows, COUNT_OF(rows));
}

/* An error of the stream leaves open whether the request was done: it is sent no second time. */
TEST(what_may_have_been_looked_at_is_not_repeated)
{
    static const row rows[] = {
        {"ENHANCE_YOUR_CALM, first request", {REFUSES(H2_ENHANCE_YOUR_CALM)}, false, 0, LOCK_SYNC_E_NETWORK,
         "refused\n", false},
        {"ENHANCE_YOUR_CALM, second request", {DOES(H2_ANSWER), REFUSES(H2_ENHANCE_YOUR_CALM)}, false, 1,
         LOCK_SYNC_E_NETWORK, "answered\nrefused\n", false},
        {"INTERNAL_ERROR", {REFUSES(H2_INTERNAL_ERROR)}, false, 0, LOCK_SYNC_E_NETWORK, "refused\n", false},
        {"CANCEL", {REFUSES(H2_CANCELLED)}, false, 0, LOCK_SYNC_E_NETWORK, "refused\n", false},
        {"closed, first request", {DOES(H2_CLOSE)}, false, 0, LOCK_SYNC_E_NETWORK, "closed\n", false},
        {"close_notify, first request", {DOES(H2_CLOSE_NOTIFY)}, false, 0, LOCK_SYNC_E_NETWORK, "closed\n", false},
        {"reset, first request", {DOES(H2_RESET)}, false, 0, LOCK_SYNC_E_NETWORK, "closed\n", false},
    };

    check_rows(rows, COUNT_OF(rows));
}

/* On a connection that carried others, libcurl does not tell whether the request was looked at. */
TEST(what_was_left_unanswered_on_a_used_connection_is_repeated_at_most_once)
{
    static const row rows[] = {
        {"closed, second request", {DOES(H2_ANSWER), DOES(H2_CLOSE)}, false, 1, LOCK_SYNC_OK,
         "answered\nclosed\nanswered\n", true},
        {"close_notify, second request", {DOES(H2_ANSWER), DOES(H2_CLOSE_NOTIFY)}, false, 1, LOCK_SYNC_OK,
         "answered\nclosed\nanswered\n", true},
        {"reset, second request", {DOES(H2_ANSWER), DOES(H2_RESET)}, false, 1, LOCK_SYNC_OK,
         "answered\nclosed\nanswered\n", true},
    };

    check_rows(rows, COUNT_OF(rows));
}

TEST(a_server_that_wants_http1_gets_it)
{
    static const row rows[] = {
        {"HTTP_1_1_REQUIRED, first request", {{H2_RST, H2_HTTP_1_1_REQUIRED, H2_ALWAYS}}, true, 0, LOCK_SYNC_OK,
         "refused\nanswered\n", false},
        {"HTTP_1_1_REQUIRED, second request", {DOES(H2_ANSWER), {H2_RST, H2_HTTP_1_1_REQUIRED, H2_ALWAYS}}, true, 1,
         LOCK_SYNC_OK, "answered\nrefused\nanswered\n", false},
    };

    if (curl_version_info(CURLVERSION_NOW)->version_num >= 0x081600)
        skip(); /* libcurl 8.22 leaves no word of it: src/transport/quirks.h */
    check_rows(rows, COUNT_OF(rows));
}

/* The guard's hour has room for the two requests of the first fetch and for the one of the second. */
TEST(both_requests_count_in_the_hour)
{
    static const row first = {"", {REFUSES(H2_REFUSED_STREAM)}, false, 0, LOCK_SYNC_OK, "", false};

    for (int pooled = 0; pooled < 2; pooled++) {
        scene s;
        lock_sync_guard *guard;

        scene_begin(&s, &first, pooled == 1);
        MUST_OK(lock_sync_guard_new(&guard));
        MUST_OK(lock_sync_guard_set_min_interval_ms(guard, 1));
        MUST_OK(lock_sync_guard_set_hourly_budget(guard, 3, 0));
        account_guard(&s.account, guard, LOCK_SYNC_GUARD_WAIT);
        MUST_OK(fetch(&s));
        MUST_OK(fetch(&s));
        MUST_INT(fetch(&s), LOCK_SYNC_E_TOO_SOON);
        MUST_INT(h2_lab_counts(s.lab).requests, 3);
        scene_end(&s);
        lock_sync_guard_unref(guard);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(what_was_not_looked_at_is_repeated_once),
        T(an_orderly_end_of_a_connection_costs_nothing),
        T(what_may_have_been_looked_at_is_not_repeated),
        T(what_was_left_unanswered_on_a_used_connection_is_repeated_at_most_once),
        T(a_server_that_wants_http1_gets_it),
        T(both_requests_count_in_the_hour),
    };

    return T_MAIN_IN(tests, pems_make, pems_free);
}
