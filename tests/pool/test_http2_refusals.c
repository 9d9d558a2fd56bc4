/* All that an HTTP/2 server may do instead of responding, to the first request on a connection and to a later one.
   Each row runs blocking and in a pool; it says which requests are retried, how often, and how the fetch ends.
   libcurl 7.88 gives up a refused last request of a connection, newer versions retry it; the library retries each
   once. */
#include "labs.h"

#include <curl/curl.h>
#include <string.h>

#define STEPS_MAX 5
/* clang-format off */
#define RESPONDS {.act = H2_RESPOND}
#define GOES_AWAY {.act = H2_GOAWAY}
#define REFUSES(error) {.act = H2_RST, .number = (error)}
#define ALWAYS_REFUSES(error) {.act = H2_RST, .number = (error), .times = H2_ALWAYS}
#define ANNOUNCES_ITS_END {.act = H2_NOTICE}, {.act = H2_WAIT, .number = 20}
/* clang-format on */

typedef struct row {
    const char *name;
    h2_step first[STEPS_MAX]; /* of the first connection; later requests get good responses */
    h2_step later[STEPS_MAX]; /* of later connections */
    int good;                 /* successful fetches before */
    lock_sync_status want;
    const char *fates; /* of all requests */
    bool or_network;   /* or E_NETWORK without the last of them */
} row;

typedef struct scene {
    h2_plan plans[2];
    h2_lab *lab;
    lock_sync_pool *pool; /* NULL: fetches block */
    account *a;
} scene;

static void scene_begin(scene *s, const row *r, bool pooled)
{
    *s = (scene){.plans = {{.steps = r->first}, {.steps = r->later}}, .pool = pooled ? stage_pool() : NULL};
    s->lab = stage_lab(s->plans, 2);
    s->a = stage_secure_account(h2_lab_url(s->lab));
    MUST_OK(lock_sync_set_timeout_ms(s->a->ctx, 3000 * kit_slack()));
}

static lock_sync_status fetch(scene *s)
{
    lock_sync_status status = account_fetch(s->a, s->pool);

    MUST_INT(s->a->locks, status == LOCK_SYNC_OK ? 2 : 0);
    return status;
}

static void check_row(const row *r, bool pooled)
{
    scene s;
    lock_sync_status status;
    const char *fates;
    size_t size;

    t_row("%s, %s", r->name, pooled ? "in a pool" : "blocking");
    scene_begin(&s, r, pooled);
    for (int i = 0; i < r->good; i++)
        MUST_OK(fetch(&s));
    status = fetch(&s);
    fates = stage_fates(s.lab);
    size = strlen(fates);
    if (r->or_network && status == LOCK_SYNC_E_NETWORK && size <= strlen(r->fates)) {
        CHECK(strncmp(fates, r->fates, size) == 0);
        CHECK_TEXT(r->fates + size, "responded\n");
    } else {
        CHECK_INT(status, r->want);
        CHECK_TEXT(fates, r->fates);
    }
    if (r->later[0].act == H2_END) /* the next fetch succeeds */
        CHECK_OK(fetch(&s));
    (void)stage_clear(NULL);
}

static void check_rows(const row *rows, size_t count)
{
    for (size_t i = 0; i < count; i++)
        for (int pooled = 0; pooled < 2; pooled++)
            check_row(&rows[i], pooled == 1);
}

/* REFUSED_STREAM and GOAWAY say that the request was not processed. */
TEST_ON_STAGE(requests_that_were_not_processed_are_retried_once)
{
    static const row rows[] = {
        {.name = "REFUSED_STREAM, first request",
         .first = {REFUSES(H2_REFUSED_STREAM)},
         .fates = "refused\nresponded\n"},
        {.name = "REFUSED_STREAM, second request",
         .first = {RESPONDS, REFUSES(H2_REFUSED_STREAM)},
         .good = 1,
         .fates = "responded\nrefused\nresponded\n"},
        {.name = "REFUSED_STREAM, tenth request",
         .first = {{.act = H2_RESPOND, .times = 9}, REFUSES(H2_REFUSED_STREAM)},
         .good = 9,
         .fates = "responded\nresponded\nresponded\nresponded\nresponded\nresponded\nresponded\nresponded\nresponded\n"
                  "refused\nresponded\n"},
        {.name = "REFUSED_STREAM always",
         .first = {ALWAYS_REFUSES(H2_REFUSED_STREAM)},
         .later = {ALWAYS_REFUSES(H2_REFUSED_STREAM)},
         .want = LOCK_SYNC_E_NETWORK,
         .fates = "refused\nrefused\n"},
        {.name = "GOAWAY, first request", .first = {GOES_AWAY}, .fates = "refused\nresponded\n"},
        {.name = "GOAWAY, second request",
         .first = {RESPONDS, GOES_AWAY},
         .good = 1,
         .fates = "responded\nrefused\nresponded\n"},
        {.name = "GOAWAY, each second request, more often than libcurl retries on one handle",
         .first = {RESPONDS, GOES_AWAY},
         .later = {RESPONDS, GOES_AWAY},
         .good = 7,
         .fates = "responded\nrefused\nresponded\nrefused\nresponded\nrefused\nresponded\nrefused\nresponded\n"
                  "refused\nresponded\nrefused\nresponded\nrefused\nresponded\n"},
        {.name = "GOAWAY always",
         .first = {GOES_AWAY},
         .later = {GOES_AWAY},
         .want = LOCK_SYNC_E_NETWORK,
         .fates = "refused\nrefused\n"},
        {.name = "GOAWAY always, second request",
         .first = {RESPONDS, GOES_AWAY},
         .later = {GOES_AWAY},
         .good = 1,
         .want = LOCK_SYNC_E_NETWORK,
         .fates = "responded\nrefused\nrefused\n"},
        {.name = "GOAWAY in two phases, first request",
         .first = {ANNOUNCES_ITS_END, GOES_AWAY},
         .fates = "refused\nresponded\n"},
        {.name = "GOAWAY in two phases, second request",
         .first = {RESPONDS, ANNOUNCES_ITS_END, GOES_AWAY},
         .good = 1,
         .fates = "responded\nrefused\nresponded\n"},
    };

    check_rows(rows, COUNT_OF(rows));
}

/* GOAWAY before or after a response does not spoil it. */
TEST_ON_STAGE(an_orderly_end_of_a_connection_fails_no_fetch)
{
    static const row rows[] = {
        {.name = "GOAWAY after the first response",
         .first = {{.act = H2_LAST}},
         .good = 1,
         .fates = "responded\nresponded\n"},
        {.name = "GOAWAY after each response",
         .first = {{.act = H2_LAST}},
         .later = {{.act = H2_LAST}},
         .good = 2,
         .fates = "responded\nresponded\nresponded\n"},
        {.name = "both phases around a response",
         .first = {ANNOUNCES_ITS_END, {.act = H2_LAST}},
         .good = 1,
         .fates = "responded\nresponded\n"},
        {.name = "the first phase before a response",
         .first = {ANNOUNCES_ITS_END, RESPONDS},
         .good = 1,
         .fates = "responded\nresponded\n"},
        {.name = "SETTINGS that leave one stream",
         .first = {{.act = H2_SETTINGS, .number = 1}, RESPONDS},
         .good = 1,
         .fates = "responded\nresponded\n"},
    };

    check_rows(rows, COUNT_OF(rows));
}

/* A stream error leaves open whether the request was processed: it is not sent again. */
TEST_ON_STAGE(requests_that_may_have_been_processed_are_not_retried)
{
    static const row rows[] = {
        {.name = "ENHANCE_YOUR_CALM, first request",
         .first = {REFUSES(H2_ENHANCE_YOUR_CALM)},
         .want = LOCK_SYNC_E_NETWORK,
         .fates = "refused\n"},
        {.name = "ENHANCE_YOUR_CALM, second request",
         .first = {RESPONDS, REFUSES(H2_ENHANCE_YOUR_CALM)},
         .good = 1,
         .want = LOCK_SYNC_E_NETWORK,
         .fates = "responded\nrefused\n"},
        {.name = "INTERNAL_ERROR",
         .first = {REFUSES(H2_INTERNAL_ERROR)},
         .want = LOCK_SYNC_E_NETWORK,
         .fates = "refused\n"},
        {.name = "CANCEL", .first = {REFUSES(H2_CANCELLED)}, .want = LOCK_SYNC_E_NETWORK, .fates = "refused\n"},
        {.name = "closed, first request",
         .first = {{.act = H2_CLOSE}},
         .want = LOCK_SYNC_E_NETWORK,
         .fates = "closed\n"},
        {.name = "close_notify, first request",
         .first = {{.act = H2_CLOSE_NOTIFY}},
         .want = LOCK_SYNC_E_NETWORK,
         .fates = "closed\n"},
        {.name = "reset, first request",
         .first = {{.act = H2_RESET}},
         .want = LOCK_SYNC_E_NETWORK,
         .fates = "closed\n"},
    };

    check_rows(rows, COUNT_OF(rows));
}

/* On a connection that carried other requests, libcurl does not report whether the request was processed. */
TEST_ON_STAGE(requests_without_response_on_a_used_connection_are_retried_at_most_once)
{
    static const row rows[] = {
        {.name = "closed, second request",
         .first = {RESPONDS, {.act = H2_CLOSE}},
         .good = 1,
         .fates = "responded\nclosed\nresponded\n",
         .or_network = true},
        {.name = "close_notify, second request",
         .first = {RESPONDS, {.act = H2_CLOSE_NOTIFY}},
         .good = 1,
         .fates = "responded\nclosed\nresponded\n",
         .or_network = true},
        {.name = "reset, second request",
         .first = {RESPONDS, {.act = H2_RESET}},
         .good = 1,
         .fates = "responded\nclosed\nresponded\n",
         .or_network = true},
    };

    check_rows(rows, COUNT_OF(rows));
}

TEST_ON_STAGE(a_server_that_wants_http1_gets_it)
{
    static const row rows[] = {
        {.name = "HTTP_1_1_REQUIRED, first request",
         .first = {ALWAYS_REFUSES(H2_HTTP_1_1_REQUIRED)},
         .later = {ALWAYS_REFUSES(H2_HTTP_1_1_REQUIRED)},
         .fates = "refused\nresponded\n"},
        {.name = "HTTP_1_1_REQUIRED, second request",
         .first = {RESPONDS, ALWAYS_REFUSES(H2_HTTP_1_1_REQUIRED)},
         .later = {RESPONDS, ALWAYS_REFUSES(H2_HTTP_1_1_REQUIRED)},
         .good = 1,
         .fates = "responded\nrefused\nresponded\n"},
    };

    t_need(curl_version_info(CURLVERSION_NOW)->version_num < 0x081600,
           "libcurl 8.22 leaves no word of it: src/transport/quirks.h");
    check_rows(rows, COUNT_OF(rows));
}

/* The guard's hour has room for the two requests of one fetch and for one of another. */
TEST_ON_STAGE(a_request_and_its_retry_count_in_the_hour)
{
    static const row rows[] = {
        {.name = "first request", .first = {REFUSES(H2_REFUSED_STREAM)}},
        {.name = "second request", .first = {RESPONDS, GOES_AWAY}},
    };

    for (size_t i = 0; i < 2 * COUNT_OF(rows); i++) {
        lock_sync_guard *guard = stage_guard(1);
        scene s;

        t_row("%s, %s", rows[i / 2].name, i % 2 == 1 ? "in a pool" : "blocking");
        scene_begin(&s, &rows[i / 2], i % 2 == 1);
        MUST_OK(lock_sync_guard_set_hourly_budget(guard, 3, 0));
        account_guard(s.a, guard, LOCK_SYNC_GUARD_WAIT);
        CHECK_OK(fetch(&s));
        CHECK_OK(fetch(&s));
        CHECK_INT(fetch(&s), LOCK_SYNC_E_TOO_SOON);
        CHECK_INT(h2_lab_counts(s.lab).requests, 3);
        (void)stage_clear(NULL);
    }
}

/* The deadline is the fetch's: the retry has the rest of it. */
TEST_ON_STAGE(the_retry_ends_by_the_deadline)
{
    static row late; /* the servers read it until the stage is cleared */
    const int64_t timeout_ms = 2000 * kit_slack();

    late = (row){.first = {RESPONDS, {.act = H2_WAIT, .number = (uint32_t)(1500 * kit_slack())}, GOES_AWAY},
                 .later = {{.act = H2_SILENCE}}};
    for (int pooled = 0; pooled < 2; pooled++) {
        scene s;
        int64_t begun_ms;

        scene_begin(&s, &late, pooled == 1);
        MUST_OK(lock_sync_set_timeout_ms(s.a->ctx, timeout_ms));
        MUST_OK(fetch(&s));
        begun_ms = kit_now_ms();
        CHECK_INT(fetch(&s), LOCK_SYNC_E_TIMEOUT);
        CHECK_BETWEEN(kit_now_ms() - begun_ms, timeout_ms - 2, timeout_ms + 1000 * kit_slack());
        CHECK_TEXT(stage_fates(s.lab), "responded\nrefused\nsilent\n");
        (void)stage_clear(NULL);
    }
}

int main(void)
{
    return t_run_all_in(pems_make, pems_free);
}
