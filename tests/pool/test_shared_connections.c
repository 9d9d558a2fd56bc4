/* Connections that the accounts of a pool share, and that break. A request is not sent twice, and what one account
   learned about a connection applies to the next. Other faults are in the table of faults (tests/torture). */
#include "stage.h"

#include "../support/pems.h"

/* Accounts and servers share transfers: what one transfer learned about HTTP/2 must not apply to another server.
   `between`: the URL of an HTTP/2 server for a fetch in between, or NULL. */
static void check_one_request(const char *between)
{
    static const raw_step closes_second[] = {RAW_READ_REQUEST, RAW_RESPOND, RAW_READ_REQUEST, RAW_END};
    static const raw_step resets_second[] = {RAW_READ_REQUEST, RAW_RESPOND, RAW_READ_REQUEST, RAW_RESET};
    static const raw_step *const scripts[] = {closes_second, resets_second};

    for (size_t i = 0; i < COUNT_OF(scripts); i++) {
        raw_server *server = stage_server(&scripts[i], 1);
        lock_sync_pool *p = stage_pool();
        account *first = stage_account(raw_url(server));
        account *next = stage_account(raw_url(server)); /* it gets the first account's connection */

        expect_fetch(first, p, LOCK_SYNC_OK);
        if (between != NULL)
            expect_fetch(stage_secure_account(between), p, LOCK_SYNC_OK);
        expect_fetch(next, p, LOCK_SYNC_E_NETWORK);
        CHECK_INT(raw_requests(server), 2);
        expect_fetch(first, p, LOCK_SYNC_OK);
        CHECK_INT(raw_requests(server), 3);
    }
}

TEST_ON_STAGE(a_kept_connection_closed_without_a_response_gets_one_request)
{
    check_one_request(NULL);
}

TEST_ON_STAGE(a_kept_connection_closed_after_an_http2_fetch_gets_one_request)
{
    const nginx_setup setup = {.cert = pems->good, .key = pems->key, .body = "{\"result\":[{\"id\":1}]}"};

    check_one_request(nginx_url(stage_nginx(&setup)));
}

/* One transfer opened the connection, and another uses it. */
TEST_ON_STAGE(a_long_header_line_on_a_shared_connection_is_too_large)
{
    static const raw_step long_line[] = {RAW_READ_REQUEST,
                                         RAW_RESPOND,
                                         RAW_READ_REQUEST,
                                         RAW_SEND_TEXT("HTTP/1.1 200 OK\r\nX-Padding: "),
                                         RAW_SEND_TIMES("0123456789abcdef", 7500),
                                         RAW_WAIT_FOR_CLOSE};
    static const raw_step *const scripts[] = {long_line};
    raw_server *server = stage_server(scripts, 1);
    lock_sync_pool *p = stage_pool();
    account *first = stage_account(raw_url(server));
    account *slow = stage_account(raw_url(stage_silent_server(1)));

    expect_fetch(first, p, LOCK_SYNC_OK);
    account_submit(slow, p); /* takes the first account's transfer, but not its connection */
    (void)pool_dispatch(p);
    expect_fetch(first, p, LOCK_SYNC_E_TOO_LARGE);
    MUST_INT(raw_connections(server), 1);
}

int main(void)
{
    return t_run_all_in(pems_make, pems_free);
}
