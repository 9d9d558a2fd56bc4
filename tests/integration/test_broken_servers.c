/* Servers that break HTTP. Each row is a script; its fetch ends with the status of its table, makes one connection and
   one request, and the next fetch of the same context from the same server is good. */
#include "client.h"

#define OK_LINE "HTTP/1.1 200 OK\r\n"
#define JSON "Content-Type: application/json\r\n"

typedef struct row {
    const char *name;
    raw_step steps[8];
} row;

/* A whole answer whose header has `field`; the body, 2 bytes, is empty JSON that no fetch accepts. */
#define ODD_FIELD(field)                                                                                               \
    RAW_READ_REQUEST, RAW_SEND_TEXT(OK_LINE JSON field "Content-Length: 2\r\n\r\n{}"), RAW_WAIT_FOR_CLOSE

/* --- the connection ends in mid-answer: E_NETWORK --- */

static const row broken_off[] = {
    {"closed before the request", {RAW_END}},
    {"closed before the status line", {RAW_READ_REQUEST, RAW_END}},
    {"reset before the status line", {RAW_READ_REQUEST, RAW_RESET}},
    {"reset in the header", {RAW_READ_REQUEST, RAW_SEND_TEXT(OK_LINE JSON), RAW_RESET}},
    {"header without end, Content-Length told",
     {RAW_READ_REQUEST, RAW_SEND_TEXT(OK_LINE "Content-Length: 7\r\n"), RAW_END}},
    {"closed before the body", {RAW_READ_REQUEST, RAW_SEND_TEXT(OK_LINE "Content-Length: 9\r\n\r\n"), RAW_END}},
    {"closed in the body", {RAW_READ_REQUEST, RAW_SEND(raw_good_answer, 150), RAW_END}},
    {"reset in the body", {RAW_READ_REQUEST, RAW_SEND(raw_good_answer, 150), RAW_RESET}},
    {"closed in a chunk",
     {RAW_READ_REQUEST, RAW_SEND_TEXT(OK_LINE "Transfer-Encoding: chunked\r\n\r\n20\r\n{\"result\":["), RAW_END}},
    {"closed before the last chunk",
     {RAW_READ_REQUEST, RAW_SEND_TEXT(OK_LINE "Transfer-Encoding: chunked\r\n\r\nd\r\n{\"result\":[]}\r\n"), RAW_END}},
    {"a chunk without a size",
     {RAW_READ_REQUEST, RAW_SEND_TEXT(OK_LINE "Transfer-Encoding: chunked\r\n\r\nsize\r\n"), RAW_WAIT_FOR_CLOSE}},
    {"half a status line", {RAW_READ_REQUEST, RAW_SEND_TEXT("HTTP/1."), RAW_END}},
    {"only an interim answer", {RAW_READ_REQUEST, RAW_SEND_TEXT("HTTP/1.1 100 Continue\r\n\r\n"), RAW_END}},
};
#define BROKEN_OFF_ROWS (sizeof broken_off / sizeof *broken_off)

/* The header itself breaks off, and nothing had told that a body follows. */
static const row torn[] = {
    {"a status line and no more", {RAW_READ_REQUEST, RAW_SEND_TEXT(OK_LINE), RAW_END}},
    {"header without end", {RAW_READ_REQUEST, RAW_SEND_TEXT(OK_LINE JSON), RAW_END}},
    {"half a header line", {RAW_READ_REQUEST, RAW_SEND_TEXT(OK_LINE "Content-Ty"), RAW_END}},
};
#define TORN_ROWS (sizeof torn / sizeof *torn)

/* --- what is not HTTP, or not the documented answer: E_MALFORMED --- */

static const row no_http[] = {
    {"fewer bytes told than sent",
     {RAW_READ_REQUEST, RAW_SEND_TEXT(OK_LINE "Content-Length: 5\r\n\r\n{\"result\":[]}"), RAW_END}},
    {"cut without Content-Length",
     {RAW_READ_REQUEST, RAW_SEND_TEXT(OK_LINE "Connection: close\r\n\r\n{\"result\":["), RAW_END}},
    {"HTTP/0.9", {RAW_READ_REQUEST, RAW_SEND_TEXT("{\"result\":[]}"), RAW_END}},
    {"another protocol", {RAW_READ_REQUEST, RAW_SEND_TEXT("220 mail.test ESMTP\r\n"), RAW_WAIT_FOR_CLOSE}},
    {"no answer to an http request", {RAW_READ_REQUEST, RAW_SEND_TEXT("\x15\x03\x01\x00\x02\x02\x46"), RAW_END}},
    {"Transfer-Encoding: gzip", {ODD_FIELD("Transfer-Encoding: gzip\r\n")}},
};
#define NO_HTTP_ROWS (sizeof no_http / sizeof *no_http)

static const row encodings[] = {
    {"Content-Encoding: br", {ODD_FIELD("Content-Encoding: br\r\n")}},
    {"Content-Encoding: deflate", {ODD_FIELD("Content-Encoding: deflate\r\n")}},
    {"Content-Encoding: zstd", {ODD_FIELD("Content-Encoding: zstd\r\n")}},
    {"Content-Encoding: gzip, gzip", {ODD_FIELD("Content-Encoding: gzip, gzip\r\n")}},
    {"Content-Encoding: gzip, twice", {ODD_FIELD("Content-Encoding: gzip\r\nContent-Encoding: gzip\r\n")}},
    {"Content-Encoding: x-unknown", {ODD_FIELD("Content-Encoding: x-unknown\r\n")}},
    {"no gzip", {ODD_FIELD("Content-Encoding: gzip\r\n")}},
};
#define ENCODINGS_ROWS (sizeof encodings / sizeof *encodings)

/* --- 64 KiB of header bytes, interim answers included: E_TOO_LARGE --- */

static const row headers[] = {
    {"many header lines",
     {RAW_READ_REQUEST, RAW_SEND_TEXT(OK_LINE),
      RAW_SEND_TIMES("X-Padding: 0123456789012345678901234567890123456789\r\n", 1400),
      RAW_SEND_TEXT("Content-Length: 2\r\n\r\n{}"), RAW_WAIT_FOR_CLOSE}},
    {"header lines for ever",
     {RAW_READ_REQUEST, RAW_SEND_TEXT(OK_LINE),
      RAW_SEND_TIMES("X-Padding: 0123456789012345678901234567890123456789\r\n", ~0U), RAW_END}},
    {"a header line of 70 KiB",
     {RAW_READ_REQUEST, RAW_SEND_TEXT(OK_LINE "X-Padding: "), RAW_SEND_TIMES("0123456789abcdef", 70 * 64),
      RAW_SEND_TEXT("\r\n\r\n"), RAW_WAIT_FOR_CLOSE}},
    {"interim answers with much header",
     {RAW_READ_REQUEST,
      RAW_SEND_TIMES("HTTP/1.1 103 Early Hints\r\nLink: </a-long-path-to-something.css>\r\n\r\n", 1200), RAW_ANSWER,
      RAW_WAIT_FOR_CLOSE}},
    {"interim answers for ever", {RAW_READ_REQUEST, RAW_SEND_TIMES("HTTP/1.1 100 Continue\r\n\r\n", ~0U), RAW_END}},
};
#define HEADERS_ROWS (sizeof headers / sizeof *headers)

/* Lines that libcurl itself does not take: it has room for 100 KiB. */
static const row long_lines[] = {
    {"a header line of 200 KiB",
     {RAW_READ_REQUEST, RAW_SEND_TEXT(OK_LINE "X-Padding: "), RAW_SEND_TIMES("0123456789abcdef", 200 * 64),
      RAW_SEND_TEXT("\r\n\r\n"), RAW_WAIT_FOR_CLOSE}},
    {"a header line for ever",
     {RAW_READ_REQUEST, RAW_SEND_TEXT(OK_LINE "X-Padding: "), RAW_SEND_TIMES("0123456789abcdef", ~0U), RAW_END}},
};
#define LONG_LINES_ROWS (sizeof long_lines / sizeof *long_lines)

/* --- the tests --- */

static void check_rows(int family, const row *rows, size_t count, lock_sync_status want)
{
    for (size_t i = 0; i < count; i++) {
        const raw_step *const scripts[] = {rows[i].steps};
        raw_server *server = raw_start(family, scripts, 1);
        client c = client_new(raw_url(server));

        expect_fetch_of(&c, want, rows[i].name);
        assert_int_equal(raw_connections(server), 1);
        assert_true(raw_requests(server) <= 1); /* a server that closed at once may not have read it */
        assert_int_equal(log_lines_count(c.log, LOCK_SYNC_LOG_WARNING), 1);
        expect_fetch_of(&c, LOCK_SYNC_OK, rows[i].name);
        client_free(&c);
        raw_stop(server);
    }
}

static void an_answer_that_breaks_off_is_a_network_error(void **user)
{
    (void)user;
    check_rows(AF_INET, broken_off, BROKEN_OFF_ROWS, LOCK_SYNC_E_NETWORK);
}

static void the_same_over_ipv6(void **user)
{
    (void)user;
    check_rows(AF_INET6, broken_off, BROKEN_OFF_ROWS, LOCK_SYNC_E_NETWORK);
}

/* Whether the reset comes before or after the connection counts as made is a race. */
static void a_connection_reset_at_once_is_a_connect_or_a_network_error(void **user)
{
    static const raw_step reset[] = {RAW_RESET};
    static const raw_step *const scripts[] = {reset};
    raw_server *server = raw_start(AF_INET, scripts, 1);
    client c = client_new(raw_url(server));
    lock_sync_status status = client_fetch(&c);

    (void)user;
    expect_status(&c, status, status == LOCK_SYNC_E_CONNECT ? LOCK_SYNC_E_CONNECT : LOCK_SYNC_E_NETWORK);
    assert_true(raw_requests(server) <= 1);
    expect_fetch(&c, LOCK_SYNC_OK);
    client_free(&c);
    raw_stop(server);
}

static void a_header_that_breaks_off_is_a_network_error(void **user)
{
    (void)user;
    check_rows(AF_INET, torn, TORN_ROWS, LOCK_SYNC_E_NETWORK);
}

static void what_is_not_the_documented_answer_is_malformed(void **user)
{
    (void)user;
    check_rows(AF_INET, no_http, NO_HTTP_ROWS, LOCK_SYNC_E_MALFORMED);
}

static void a_coding_that_was_not_asked_for_is_malformed(void **user)
{
    (void)user;
    check_rows(AF_INET, encodings, ENCODINGS_ROWS, LOCK_SYNC_E_MALFORMED);
}

static void too_much_header_is_too_large(void **user)
{
    (void)user;
    check_rows(AF_INET, headers, HEADERS_ROWS, LOCK_SYNC_E_TOO_LARGE);
}

static void a_header_line_beyond_what_libcurl_takes_is_too_large(void **user)
{
    (void)user;
    check_rows(AF_INET, long_lines, LONG_LINES_ROWS, LOCK_SYNC_E_TOO_LARGE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_answer_that_breaks_off_is_a_network_error),
        cmocka_unit_test(the_same_over_ipv6),
        cmocka_unit_test(a_connection_reset_at_once_is_a_connect_or_a_network_error),
        cmocka_unit_test(a_header_that_breaks_off_is_a_network_error),
        cmocka_unit_test(what_is_not_the_documented_answer_is_malformed),
        cmocka_unit_test(a_coding_that_was_not_asked_for_is_malformed),
        cmocka_unit_test(too_much_header_is_too_large),
        cmocka_unit_test(a_header_line_beyond_what_libcurl_takes_is_too_large),
    };

    return cmocka_run_group_tests_name("broken servers", tests, NULL, NULL);
}
