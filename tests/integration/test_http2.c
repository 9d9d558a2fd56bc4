/* HTTP/2 over TLS: nginx in front of the simulator. And TLS sessions, which are resumed where a connection cannot be
 * kept. */
#include "client.h"

#include "../support/certs.h"
#include "../support/curl_flavour.h"
#include "../support/nginx.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define FETCHES 10
#define ANY -1 /* of HTTP statuses */

static certs *pems;
static sim *target;

static int begin(void **user)
{
    static const char *const arguments[] = {"--static", "--personal-key", KEY, NULL};

    (void)user;
    if (!nginx_exists())
        return 0;
    pems = certs_make();
    target = sim_start(arguments);
    return 0;
}

static int end(void **user)
{
    (void)user;
    sim_stop(target, NULL);
    certs_free(pems);
    return 0;
}

typedef struct line {
    char protocol[16];
    unsigned connection;
    unsigned request;
    char session[4];
    unsigned status;
} line;

/* The lines of the server's log, as many as were waited for. */
static void read_log(const nginx *n, line *lines, unsigned count)
{
    char *log = nginx_log(n, count);
    const char *at = log;

    MUST_INT(kit_count(log, "\n"), count);
    for (unsigned i = 0; i < count; i++, at = strchr(at, '\n') + 1)
        MUST_INT(sscanf(at, "%15s %u %u %3s %u", lines[i].protocol, &lines[i].connection, &lines[i].request,
                                lines[i].session, &lines[i].status), 5);
    free(log);
}

static client client_of(const nginx *n)
{
    client c = client_new(nginx_url(n));

    MUST_OK(lock_sync_set_ca_file(c.ctx, pems->ca));
    return c;
}

TEST(many_fetches_go_over_one_http2_connection)
{
    nginx_setup setup = {0};
    nginx *n;
    client c;
    line lines[FETCHES];

    if (!nginx_exists())
        skip();
    setup = (nginx_setup){.cert = pems->good, .key = pems->key, .upstream = sim_port(target)};
    n = nginx_start(&setup);
    c = client_of(n);
    for (int i = 0; i < FETCHES; i++) {
        lock_sync_results *r;

        expect_status(&c, lock_sync_fetch(c.ctx, NULL, 0, &r), LOCK_SYNC_OK);
        MUST_INT(lock_sync_results_count(r), 4);
        lock_sync_results_free(r);
    }
    read_log(n, lines, FETCHES);
    for (unsigned i = 0; i < FETCHES; i++) {
        MUST_TEXT(lines[i].protocol, "HTTP/2.0");
        MUST_INT(lines[i].connection, lines[0].connection);
        MUST_INT(lines[i].request, i + 1);
        MUST_INT(lines[i].status, 200);
    }
    client_free(&c);
    nginx_stop(n);
}

TEST(failures_over_http2_are_told_like_others)
{
    static const struct {
        const char *fault;
        lock_sync_status status;
        int32_t http_status;
    } rows[] = {
        {"401", LOCK_SYNC_E_UNAUTHORIZED, 401}, {"404", LOCK_SYNC_E_NOT_FOUND, 404},
        {"429", LOCK_SYNC_E_RATE_LIMITED, 429}, {"503", LOCK_SYNC_E_SERVER, 503},
        {"truncated", LOCK_SYNC_E_NETWORK, 0},  {"huge", LOCK_SYNC_E_TOO_LARGE, ANY},
        {"redirect", LOCK_SYNC_E_HTTP, 302},    {"bad-json", LOCK_SYNC_E_MALFORMED, 200},
    };
    nginx_setup setup = {0};
    nginx *n;
    client c;

    if (!nginx_exists())
        skip();
    setup = (nginx_setup){.cert = pems->good, .key = pems->key, .upstream = sim_port(target)};
    n = nginx_start(&setup);
    c = client_of(n);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        sim_fault(target, rows[i].fault, 1);
        expect_fetch_of(&c, rows[i].status, rows[i].fault);
        if (rows[i].http_status != ANY)
            MUST_INT(error_http_status(&c), rows[i].http_status);
        sim_fault(target, rows[i].fault, 0);
        expect_fetch_of(&c, LOCK_SYNC_OK, rows[i].fault);
    }
    client_free(&c);
    nginx_stop(n);
}

TEST(a_server_without_an_upstream_is_a_server_failure)
{
    uint16_t port;
    int keeper = raw_dead_port(&port);
    nginx_setup setup = {0};
    nginx *n;
    client c;

    if (!nginx_exists())
        skip();
    setup = (nginx_setup){.cert = pems->good, .key = pems->key, .upstream = port};
    n = nginx_start(&setup);
    c = client_of(n);
    expect_fetch(&c, LOCK_SYNC_E_SERVER);
    MUST_INT(error_http_status(&c), 502);
    client_free(&c);
    nginx_stop(n);
    (void)close(keeper);
}

/* libcurl with GnuTLS resumes no session if it is told the lowest TLS version. */
TEST(a_tls_session_is_resumed_on_a_new_connection)
{
    nginx_setup setup = {0};
    nginx *n;
    client c;
    line lines[3];

    if (!nginx_exists() || curl_has_gnutls())
        skip();
    setup = (nginx_setup){
        .cert = pems->good, .key = pems->key, .body = raw_good_body, .http1 = true, .close_each = true};
    n = nginx_start(&setup);
    c = client_of(n);
    for (int i = 0; i < 3; i++)
        expect_fetch(&c, LOCK_SYNC_OK);
    read_log(n, lines, 3);
    MUST_TEXT(lines[0].session, ".");
    for (unsigned i = 1; i < 3; i++) {
        MUST_TEXT(lines[i].protocol, "HTTP/1.1");
        MUST(lines[i].connection != lines[i - 1].connection);
        MUST_TEXT(lines[i].session, "r");
    }
    client_free(&c);
    nginx_stop(n);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(many_fetches_go_over_one_http2_connection),
        T(failures_over_http2_are_told_like_others),
        T(a_server_without_an_upstream_is_a_server_failure),
        T(a_tls_session_is_resumed_on_a_new_connection),
    };

    return T_MAIN_IN(tests, begin, end);
}
