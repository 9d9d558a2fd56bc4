/* Each fault that the simulator can make, in a row: its status and detail, for all locks, for one and for the
   directory. After each, the same context must fetch successfully. */
#include "client.h"

#include <string.h>

/* Offset of the error in the simulator's broken JSON: the comma. */
#define BAD_JSON_OFFSET ((int64_t)sizeof("{\"result\":[{\"id\":1001,\"isConnected\":tru") - 1)
#define NO_SECONDS -1

typedef struct row {
    const char *fault;
    lock_sync_status status;
    int32_t http_status;
    int64_t retry_after_ms;
    bool has_correlation_id;
    int64_t byte_offset;
    size_t api_messages;
} row;

static const row rows[] = {
    {"401", LOCK_SYNC_E_UNAUTHORIZED, 401, NO_SECONDS, true, -1, 0},
    {"403", LOCK_SYNC_E_FORBIDDEN, 403, NO_SECONDS, true, -1, 1},
    {"404", LOCK_SYNC_E_NOT_FOUND, 404, NO_SECONDS, true, -1, 1},
    {"429", LOCK_SYNC_E_RATE_LIMITED, 429, 7000, true, -1, 0},
    {"500", LOCK_SYNC_E_SERVER, 500, NO_SECONDS, true, -1, 0},
    {"503", LOCK_SYNC_E_SERVER, 503, 7000, true, -1, 0},
    {"html", LOCK_SYNC_E_MALFORMED, 200, NO_SECONDS, true, 1, 0},
    {"empty", LOCK_SYNC_E_MALFORMED, 200, NO_SECONDS, true, 0, 0},
    {"bad-json", LOCK_SYNC_E_MALFORMED, 200, NO_SECONDS, true, BAD_JSON_OFFSET, 0},
    {"wrong-type", LOCK_SYNC_E_MALFORMED, 200, NO_SECONDS, true, -1, 0},
    {"redirect", LOCK_SYNC_E_HTTP, 302, NO_SECONDS, true, -1, 0},
    {"success-false", LOCK_SYNC_E_FORBIDDEN, 200, NO_SECONDS, true, -1, 1},
    /* no complete response arrived, so there are no details of it */
    {"truncated", LOCK_SYNC_E_NETWORK, 0, NO_SECONDS, false, -1, 0},
    {"reset", LOCK_SYNC_E_NETWORK, 0, NO_SECONDS, false, -1, 0},
    {"slow", LOCK_SYNC_E_TIMEOUT, 0, NO_SECONDS, false, -1, 0},
    /* its header arrived, but the HTTP status is not documented in this case */
    {"huge", LOCK_SYNC_E_TOO_LARGE, -1, NO_SECONDS, true, -1, 0},
    {"gzip-bomb", LOCK_SYNC_E_TOO_LARGE, -1, NO_SECONDS, true, -1, 0},
};

static sim *server;

static int start_server(void **user)
{
    (void)user;
    server = sim_start_usual();
    return 0;
}

static int stop_server(void **user)
{
    (void)user;
    sim_stop(server, NULL);
    return 0;
}

static void check_detail(const client *c, const row *r)
{
    const lock_sync_error *e = lock_sync_last_error(c->ctx);

    if (r->http_status >= 0)
        MUST_INT(lock_sync_error_http_status(e), r->http_status);
    MUST_INT(lock_sync_error_retry_after_ms(e), r->retry_after_ms);
    MUST_INT(lock_sync_error_byte_offset(e), r->byte_offset);
    MUST_INT(lock_sync_error_correlation_id(e) != NULL, r->has_correlation_id);
    if (r->has_correlation_id)
        MUST_INT(strlen(lock_sync_error_correlation_id(e)), 36);
    MUST_INT(lock_sync_error_api_message_count(e), r->api_messages);
    MUST_INT(log_lines_count(c->log, LOCK_SYNC_LOG_WARNING), 1);
    MUST(strstr(log_lines_at(c->log, LOCK_SYNC_LOG_WARNING, 0), lock_sync_status_name(r->status)) != NULL);
}

typedef enum kind { ALL_LOCKS, ONE_LOCK, DIRECTORY, KINDS } kind;

static const char *const kind_names[KINDS] = {"all locks", "one lock", "the directory"};

static lock_sync_status fetch(const client *c, kind k)
{
    lock_sync_results *results = (lock_sync_results *)(uintptr_t)1;
    lock_sync_directory *directory = (lock_sync_directory *)(uintptr_t)1;
    lock_sync_status status;

    if (k == DIRECTORY) {
        status = lock_sync_fetch_directory(c->ctx, &directory);
        MUST(directory == NULL);
        return status;
    }
    status = k == ONE_LOCK ? lock_sync_fetch_one(c->ctx, 1001, &results) : lock_sync_fetch(c->ctx, NULL, 0, &results);
    MUST(results == NULL);
    return status;
}

static void check_row(const row *r, kind k)
{
    client c = client_new(sim_url(server));

    sim_reset(server);
    sim_fault(server, r->fault, 1);
    if (strcmp(r->fault, "slow") == 0)
        MUST_OK(lock_sync_set_timeout_ms(c.ctx, 250 * kit_slack()));
    check_status(&c, fetch(&c, k), r->status, r->fault, __FILE__, __LINE__);
    check_detail(&c, r);
    MUST_INT(sim_ask_stats(server).requests, 1); /* nothing is retried, no redirect is followed */

    sim_fault(server, r->fault, 0);
    MUST_OK(lock_sync_set_timeout_ms(c.ctx, 30000));
    expect_fetch_in_row(&c, LOCK_SYNC_OK, r->fault);
    client_free(&c);
}

TEST(each_fault_has_its_status_for_all_locks_for_one_and_for_the_directory)
{
    for (size_t i = 0; i < COUNT_OF(rows); i++)
        for (kind k = ALL_LOCKS; k < KINDS; k++) {
            t_row("%s, %s", rows[i].fault, kind_names[k]);
            check_row(&rows[i], k);
        }
}

int main(void)
{
    return t_run_all_in(start_server, stop_server);
}
