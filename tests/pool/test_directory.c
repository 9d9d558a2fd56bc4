/* Directories in a pool: their pages, bad pages, the guard between pages, and the fetches beside them. For what a page
   may contain, and for the pages of a blocking fetch, see tests/unit/test_directory.c. */
#include "pages.h"

#include <stdlib.h>
#include <string.h>

#define MANY 20
#define BEFORE_NEXT_MS 60000 /* the guard's interval for each page of the last directory */

static const raw_step two_pages[] = {RAW_READ_REQUEST, FULL_PAGE("1001", "1002"), RAW_READ_REQUEST, SHORT_PAGE("1003"),
                                     RAW_SERVE};

static void expect_directory(account *a, lock_sync_pool *p, lock_sync_status want)
{
    account_submit_directory(a, p);
    pool_run_account(a);
    expect_end(a, want);
}

/* --- pages --- */

TEST_ON_STAGE(pages_are_requested_one_after_the_other_on_one_connection)
{
    static const raw_step script[] = {RAW_READ_REQUEST,          FULL_PAGE("1001", "1002"), RAW_READ_REQUEST,
                                      FULL_PAGE("1003", "1002"), RAW_READ_REQUEST,          SHORT_PAGE("1004"),
                                      RAW_WAIT_FOR_CLOSE};
    static const raw_step *const scripts[] = {script};
    raw_server *server = stage_server(scripts, 1);
    lock_sync_pool *p = stage_pool();
    account *a = stage_account(raw_url(server));
    char *sent;
    const char *at;

    expect_directory(a, p, LOCK_SYNC_OK);
    CHECK_INT(a->locks, 4);
    CHECK_INT(a->first_id, 1001);
    CHECK_INT(raw_connections(server), 1);
    CHECK_INT(raw_requests(server), 3);
    sent = raw_received(server, 0);
    at = sent;
    for (int page = 1; page <= 3 && at != NULL; page++)
        at = strstr(at, stage_text("/my/lock?ItemsPerPage=100&Page=%d HTTP/1.1\r\n", page));
    CHECK(at != NULL);
    free(sent);
}

static void submit_again(account *a)
{
    a->then = NULL;
    account_submit_directory(a, a->pool);
}

TEST_ON_STAGE(a_callback_may_begin_another_directory)
{
    static const raw_step *const scripts[] = {two_pages};
    lock_sync_pool *p = stage_pool();
    account *a = stage_account(raw_url(stage_server(scripts, 1)));

    a->then = submit_again;
    account_submit_directory(a, p);
    pool_run_all(p);
    MUST_INT(a->calls, 2);
    expect_end(a, LOCK_SYNC_OK);
    MUST_INT(a->locks, 2); /* the good response of the server */
}

/* Each account has its server. With few transfers, pages wait for those of others. */
TEST_ON_STAGE(many_directories_at_once)
{
    static const raw_step *const scripts[] = {two_pages};
    raw_server *servers[MANY];
    lock_sync_pool *p = stage_pool();
    account *all[MANY];

    MUST_OK(lock_sync_pool_set_max_active(p, 3));
    for (size_t i = 0; i < MANY; i++) {
        servers[i] = stage_server(scripts, 1);
        all[i] = stage_account(raw_url(servers[i]));
        account_submit_directory(all[i], p);
    }
    pool_run_all(p);
    for (size_t i = 0; i < MANY; i++) {
        expect_end(all[i], LOCK_SYNC_OK);
        CHECK_INT(all[i]->locks, 3);
        CHECK_INT(raw_requests(servers[i]), 2);
    }
}

/* One transfer for both: the next page goes before a fetch that has sent nothing, because its slot runs out. */
TEST_ON_STAGE(a_fetch_waits_for_a_transfer_until_the_last_page)
{
    static const raw_step *const scripts[] = {two_pages};
    raw_server *server = stage_server(scripts, 1);
    lock_sync_pool *p = stage_pool();
    account *a = stage_account(raw_url(server));
    account *other = stage_account(raw_url(server));

    MUST_OK(lock_sync_pool_set_max_active(p, 1));
    account_submit_directory(a, p);
    account_submit(other, p);
    pool_run_all(p);
    expect_end(a, LOCK_SYNC_OK);
    expect_end(other, LOCK_SYNC_OK);
    CHECK_INT(a->locks, 3);
    CHECK_INT(other->locks, 2);
    CHECK(a->order < other->order);
    CHECK_INT(raw_connections(server), 1);
}

static bool has_two_requests(void *server)
{
    return raw_requests(server) == 2;
}

TEST_ON_STAGE(a_fetch_of_another_context_goes_beside_a_page)
{
    static const raw_step script[] = {RAW_READ_REQUEST, FULL_PAGE("1001", "1002"), RAW_READ_REQUEST,
                                      RAW_HOLD,         SHORT_PAGE("1003"),        RAW_WAIT_FOR_CLOSE};
    static const raw_step *const scripts[] = {script};
    raw_server *server = stage_server(scripts, 1);
    lock_sync_pool *p = stage_pool();
    account *a = stage_account(raw_url(server));
    account *other = stage_account(raw_url(server));

    account_submit_directory(a, p);
    pool_run_until(p, has_two_requests, server);
    expect_fetch(other, p, LOCK_SYNC_OK);
    CHECK_INT(other->locks, 2);
    expect_pending(a);
    raw_release(server);
    pool_run_account(a);
    expect_end(a, LOCK_SYNC_OK);
    CHECK_INT(a->locks, 3);
    CHECK_INT(raw_connections(server), 2);
}

/* --- bad pages --- */

#define BAD_PAGE(text)                                                                                                 \
  {                                                                                                                    \
    RAW_READ_REQUEST, FULL_PAGE("1001", "1002"), RAW_READ_REQUEST, RAW_SEND_TEXT(text), RAW_SERVE                      \
  }

static const raw_step fails[] = BAD_PAGE("HTTP/1.1 500 Broken\r\nContent-Length: 0\r\n\r\n");
static const raw_step limited[] = BAD_PAGE("HTTP/1.1 429 Slow\r\nRetry-After: 30\r\nContent-Length: 0\r\n\r\n");
static const raw_step refused[] = BAD_PAGE("HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n");
static const raw_step malformed[] = BAD_PAGE("HTTP/1.1 200 OK\r\nContent-Length: 11\r\n\r\n{\"result\":[");
static const raw_step cut[] = {RAW_READ_REQUEST, FULL_PAGE("1001", "1002"), RAW_READ_REQUEST,
                               RAW_SEND_TEXT("HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{\"result\":["), RAW_END};

/* The pages before it are lost, and the next directory begins with the first page. */
TEST_ON_STAGE(a_page_that_fails_ends_the_directory)
{
    static const struct {
        const char *name;
        const raw_step *script;
        lock_sync_status want;
        int32_t http_status;
    } rows[] = {
        {"500", fails, LOCK_SYNC_E_SERVER, 500},
        {"429", limited, LOCK_SYNC_E_RATE_LIMITED, 429},
        {"401", refused, LOCK_SYNC_E_UNAUTHORIZED, 401},
        {"no JSON", malformed, LOCK_SYNC_E_MALFORMED, 200},
        {"the connection ends in it", cut, LOCK_SYNC_E_NETWORK, 0},
    };

    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        raw_server *server = stage_server(&rows[i].script, 1);
        lock_sync_pool *p = stage_pool();
        account *a = stage_account(raw_url(server));

        t_row("%s", rows[i].name);
        expect_directory(a, p, rows[i].want);
        CHECK_INT(a->http_status, rows[i].http_status);
        CHECK_INT(raw_requests(server), 2);
        expect_directory(a, p, LOCK_SYNC_OK);
        CHECK_INT(a->locks, 2);
        (void)stage_clear(NULL);
    }
}

/* The server closes the connection between two pages: the next one uses a new connection, and the first is kept. */
TEST_ON_STAGE(a_page_that_finds_its_connection_closed_is_sent_on_a_new_one)
{
    static const raw_step closes[] = {RAW_READ_REQUEST, FULL_PAGE("1001", "1002"), RAW_END};
    static const raw_step continues[] = {RAW_READ_REQUEST, SHORT_PAGE("1003"), RAW_WAIT_FOR_CLOSE};
    static const raw_step *const scripts[] = {closes, continues};

    raw_server *server = stage_server(scripts, 2);
    store *s = stage_store();
    lock_sync_pool *p = stage_pool();
    account *a = stage_account(raw_url(server));
    char *sent;

    account_guard(a, stage_store_guard(s, 20000), LOCK_SYNC_GUARD_FAIL);
    store_block_at(s, 2);
    account_submit_directory(a, p);
    pool_run_until(p, store_is_waiting, s);
    raw_wait_closed(server, 1);
    store_release(s);
    pool_run_account(a);
    expect_end(a, LOCK_SYNC_OK);
    CHECK_INT(a->locks, 3);
    CHECK_INT(raw_requests(server), 2);
    sent = raw_received(server, 1);
    CHECK_HOLDS(sent, "&Page=2 ");
    free(sent);
}

/* --- the guard --- */

static lock_sync_guard *stage_file_guard(void)
{
    lock_sync_guard *guard;

    MUST_OK(lock_sync_guard_open_file(stage_text("%s/guard", stage_dir()), &guard));
    return guard;
}

/* Runs twice: with a guard in a file, which the helper thread calls, and with one in memory. */
TEST_ON_STAGE(the_guard_may_deny_a_page)
{
    for (int in_file = 0; in_file < 2; in_file++)
        for (int mode = LOCK_SYNC_GUARD_FAIL; mode < LOCK_SYNC_GUARD_OFF; mode++) {
            static const raw_step *const scripts[] = {two_pages};
            raw_server *server = stage_server(scripts, 1);
            lock_sync_pool *p = stage_pool();
            account *a = stage_account(raw_url(server));
            lock_sync_guard *guard = in_file ? stage_file_guard() : stage_guard(20000);

            t_row("%s, mode %d", in_file ? "in a file" : "in memory", mode);
            MUST_OK(lock_sync_guard_set_hourly_budget(guard, 1, 0));
            account_guard(a, guard, mode);
            if (in_file)
                lock_sync_guard_unref(guard);
            expect_directory(a, p, LOCK_SYNC_E_TOO_SOON);
            CHECK(a->retry_after_ms > BEFORE_NEXT_MS);
            CHECK_INT(raw_requests(server), 1);
            (void)stage_clear(NULL);
        }
}

TEST_ON_STAGE(the_guard_counts_each_page)
{
    static const raw_step *const scripts[] = {two_pages};
    raw_server *server = stage_server(scripts, 1);
    lock_sync_pool *p = stage_pool();
    account *a = stage_account(raw_url(server));
    lock_sync_guard *guard = stage_file_guard();

    account_guard(a, guard, LOCK_SYNC_GUARD_FAIL);
    lock_sync_guard_unref(guard);
    expect_directory(a, p, LOCK_SYNC_OK);
    CHECK_INT(a->locks, 3);
    expect_directory(a, p, LOCK_SYNC_E_TOO_SOON);
    CHECK_BETWEEN(a->retry_after_ms, 2 * BEFORE_NEXT_MS - KIT_PATIENCE_MS, 2 * BEFORE_NEXT_MS);
    expect_fetch(a, p, LOCK_SYNC_OK); /* the states have an interval of their own */
    CHECK_INT(raw_requests(server), 3);
}

TEST_ON_STAGE(mode_cached_acts_as_fail)
{
    raw_server *server = stage_server(NULL, 0);
    lock_sync_pool *p = stage_pool();
    account *a = stage_account(raw_url(server));

    account_guard(a, stage_guard(20000), LOCK_SYNC_GUARD_CACHED);
    expect_fetch(a, p, LOCK_SYNC_OK);
    expect_directory(a, p, LOCK_SYNC_OK);
    expect_directory(a, p, LOCK_SYNC_E_TOO_SOON);
    CHECK(a->retry_after_ms > 0);
    expect_fetch(a, p, LOCK_SYNC_OK);
    CHECK(a->cached);
    CHECK_INT(a->locks, 2);
    CHECK_INT(raw_requests(server), 2);
}

TEST_ON_STAGE(mode_wait_waits)
{
    enum { INTERVAL_MS = 100, COUNT = 3 };
    raw_server *server = stage_server(NULL, 0);
    lock_sync_pool *p = stage_pool();
    account *all = stage_accounts(COUNT, raw_url(server));
    lock_sync_guard *guard = stage_guard(20000);
    int64_t began = kit_now_ms();

    MUST_OK(lock_sync_guard_set_kind_interval_ms(guard, LOCK_SYNC_REQUEST_DIRECTORY, INTERVAL_MS));
    for (size_t i = 0; i < COUNT; i++) {
        account_guard(&all[i], guard, LOCK_SYNC_GUARD_WAIT);
        account_submit_directory(&all[i], p);
    }
    pool_run_all(p);
    expect_ends(all, COUNT, LOCK_SYNC_OK);
    for (size_t i = 0; i < COUNT; i++)
        CHECK(all[i].ended_ms - began >= INTERVAL_MS * (int64_t)i);
    CHECK(all[0].order < all[1].order && all[1].order < all[2].order);
}

/* The kinds have queues of their own: who waits for one does not hold up, or fail, the other. */
TEST_ON_STAGE(a_directory_and_a_fetch_do_not_wait_for_each_other)
{
    for (int first = 0; first < 2; first++)
        for (int in_store = 0; in_store < 2; in_store++) {
            raw_server *server = stage_server(NULL, 0);
            lock_sync_pool *p = stage_pool();
            account *waits = stage_account(raw_url(server));
            account *a = stage_account(raw_url(server));
            lock_sync_guard *guard = in_store ? stage_store_guard(stage_store(), 60000) : stage_guard(60000);
            lock_sync_request_kind used = first == 0 ? LOCK_SYNC_REQUEST_DIRECTORY : LOCK_SYNC_REQUEST_SYNC;

            t_row("%s waits", first == 0 ? "the directory" : "the fetch");
            MUST_OK(lock_sync_guard_reserve_for(guard, used, 0, NULL, NULL));
            account_guard(waits, guard, LOCK_SYNC_GUARD_WAIT);
            account_guard(a, guard, LOCK_SYNC_GUARD_WAIT);
            MUST_OK(lock_sync_set_timeout_ms(waits->ctx, 120000));
            (first == 0 ? account_submit_directory : account_submit)(waits, p);
            (void)pool_run_for(p, 20);
            expect_pending(waits);
            (first == 0 ? account_submit : account_submit_directory)(a, p);
            pool_run_account(a);
            expect_end(a, LOCK_SYNC_OK);
            expect_pending(waits);
            (void)stage_clear(NULL);
        }
}

/* --- arguments --- */

static void never_called(void *user, lock_sync_ctx *ctx, lock_sync_status status, lock_sync_directory *directory)
{
    (void)user, (void)ctx, (void)status;
    lock_sync_directory_free(directory);
    kit_die("a rejected directory called back");
}

static lock_sync_status perform(void *user, const lock_sync_request *q, lock_sync_response *s)
{
    (void)user, (void)q, (void)s;
    return LOCK_SYNC_E_NETWORK;
}

static void expect_rejected(lock_sync_pool *p, account *a, lock_sync_directory_fn done, const char *why)
{
    t_row("%s", why);
    CHECK_INT(lock_sync_pool_submit_directory(p, a->ctx, done, NULL), LOCK_SYNC_E_INVALID_ARGUMENT);
    CHECK_INT(lock_sync_error_status(lock_sync_last_error(a->ctx)), LOCK_SYNC_E_INVALID_ARGUMENT);
    CHECK_HOLDS(lock_sync_error_message(lock_sync_last_error(a->ctx)), why);
    CHECK_INT(lock_sync_pool_pending(p), 0);
}

TEST_ON_STAGE(bad_arguments_are_rejected_without_a_callback)
{
    const lock_sync_transport own = {.struct_size = sizeof own, .perform = perform};
    lock_sync_pool *p = stage_pool();
    account *a = stage_account(raw_url(stage_server(NULL, 0)));

    CHECK_INT(lock_sync_pool_submit_directory(p, NULL, never_called, NULL), LOCK_SYNC_E_INVALID_ARGUMENT);
    expect_rejected(NULL, a, never_called, "pool is NULL");
    expect_rejected(p, a, NULL, "done is NULL");
    MUST_OK(lock_sync_set_transport(a->ctx, &own));
    expect_rejected(p, a, never_called, "transport of its own");
    MUST_OK(lock_sync_set_transport(a->ctx, NULL));
    account_submit_directory(a, p);
    CHECK_INT(lock_sync_pool_submit_directory(p, a->ctx, never_called, NULL), LOCK_SYNC_E_BUSY);
    pool_run_all(p);
    expect_end(a, LOCK_SYNC_OK);
}
