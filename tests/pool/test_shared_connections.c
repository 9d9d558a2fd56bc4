/* Connections that the accounts of a pool share, and that break: a request is not sent twice, and what one account
   learned of a connection holds for the next. What else servers break stands in the table of faults (tests/torture). */
#include "accounts.h"

#include "../support/certs.h"
#include "../support/nginx.h"

#include <stdlib.h>
#include <string.h>

static char *padding; /* 120,000 bytes */

static int begin(void **user)
{
    (void)user;
    padding = malloc(120001);
    MUST(padding != NULL);
    memset(padding, 'x', 120000);
    memcpy(padding, "X-Padding: ", 11);
    padding[120000] = '\0';
    return 0;
}

static int end(void **user)
{
    (void)user;
    free(padding);
    return 0;
}

static const raw_step closes_second[] = {RAW_READ_REQUEST, RAW_ANSWER, RAW_READ_REQUEST, RAW_END};
static const raw_step resets_second[] = {RAW_READ_REQUEST, RAW_ANSWER, RAW_READ_REQUEST, RAW_RESET};
static const raw_step *const second_scripts[] = {closes_second, resets_second};

static void fetch(account *a, lock_sync_pool *p, lock_sync_status want)
{
    account_submit(a, p);
    pool_run_account(a);
    expect_end(a, want);
}

TEST(a_kept_connection_closed_unanswered_gets_one_request)
{
    for (size_t i = 0; i < 2; i++) {
        raw_server *server = raw_start(AF_INET, &second_scripts[i], 1);
        lock_sync_pool *p = pool_make();
        account first = account_new(raw_url(server));
        account next = account_new(raw_url(server)); /* connections are the pool's: it gets the first one's */

        fetch(&first, p, LOCK_SYNC_OK);
        fetch(&next, p, LOCK_SYNC_E_NETWORK);
        MUST_INT(raw_requests(server), 2);
        fetch(&first, p, LOCK_SYNC_OK);
        MUST_INT(raw_requests(server), 3);
        account_free(&first);
        account_free(&next);
        pool_end(p);
        raw_stop(server);
    }
}

/* Transfers go from account to account, and so from server to server: what one learned of HTTP/2 is not so
   elsewhere. */
TEST(an_http2_server_before_changes_nothing_of_that)
{
    nginx_setup setup = {0};
    certs *pems;
    nginx *h2;

    if (!nginx_exists())
        skip();
    pems = certs_make();
    setup = (nginx_setup){.cert = pems->good, .key = pems->key, .body = "{\"result\":[{\"id\":1}]}"};
    h2 = nginx_start(&setup);
    for (size_t i = 0; i < 2; i++) {
        raw_server *server = raw_start(AF_INET, &second_scripts[i], 1);
        lock_sync_pool *p = pool_make();
        account plain = account_new(raw_url(server));
        account secure = account_new(nginx_url(h2));

        MUST_OK(lock_sync_set_ca_file(secure.ctx, pems->ca));
        fetch(&plain, p, LOCK_SYNC_OK);
        fetch(&secure, p, LOCK_SYNC_OK);
        account_submit(&plain, p);
        pool_run_account(&plain);
        if (raw_requests(server) != 2)
            fail_msg("one submit came to the server as %zu requests", raw_requests(server) - 1);
        expect_end(&plain, LOCK_SYNC_E_NETWORK);
        account_free(&plain);
        account_free(&secure);
        pool_end(p);
        raw_stop(server);
    }
    nginx_stop(h2);
    certs_free(pems);
}

/* The connection was opened by one transfer, and is used by another. */
TEST(a_long_header_line_on_anothers_connection_is_too_large)
{
    static const raw_step silent[] = {RAW_READ_REQUEST, RAW_WAIT_FOR_CLOSE};
    static const raw_step *const silent_scripts[] = {silent};
    const raw_step long_line[] = {RAW_READ_REQUEST, RAW_ANSWER, RAW_READ_REQUEST, RAW_SEND(raw_good_answer, 17),
                                  RAW_SEND(padding, 120000), RAW_WAIT_FOR_CLOSE};
    const raw_step *const scripts[] = {long_line};
    raw_server *quiet = raw_start(AF_INET, silent_scripts, 1);
    raw_server *server = raw_start(AF_INET, scripts, 1);
    lock_sync_pool *p = pool_make();
    account first = account_new(raw_url(server));
    account slow = account_new(raw_url(quiet));

    fetch(&first, p, LOCK_SYNC_OK);
    account_submit(&slow, p); /* takes the first one's transfer, but not its connection */
    (void)pool_dispatch(p);
    fetch(&first, p, LOCK_SYNC_E_TOO_LARGE);
    MUST_INT(raw_connections(server), 1);
    account_free(&slow);
    account_free(&first);
    pool_end(p);
    raw_stop(server);
    raw_stop(quiet);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(a_kept_connection_closed_unanswered_gets_one_request),
        T(an_http2_server_before_changes_nothing_of_that),
        T(a_long_header_line_on_anothers_connection_is_too_large),
    };

    return T_MAIN_IN(tests, begin, end);
}
