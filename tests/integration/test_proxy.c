/* Proxies: the environment's is never asked, the one that is set is, and only for https beyond loopback. What a proxy
   gets to see, and what becomes of a fetch that it refuses. */
#include "client.h"

#include "../support/certs.h"
#include "../support/interpose.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define HOST "service.test" /* the good certificate's; resolved by support/interpose.c */
#define PROXY_PASSWORD "pass-" SECRET

static certs *pems;
static sim *target;           /* speaks TLS */
static raw_server *env_proxy; /* what the environment names */

static const char *const env_names[] = {"http_proxy", "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"};

static int begin_all(void **user)
{
    (void)user;
    pems = certs_make();
    target = sim_start_tls(pems->good, pems->key);
    return 0;
}

static int end_all(void **user)
{
    (void)user;
    sim_stop(target, NULL);
    certs_free(pems);
    return 0;
}

static int begin(void **user)
{
    (void)user;
    env_proxy = raw_start(AF_INET, NULL, 0);
    for (size_t i = 0; i < sizeof env_names / sizeof *env_names; i++)
        MUST_INT(setenv(env_names[i], raw_url(env_proxy), 1), 0);
    MUST_INT(unsetenv("no_proxy"), 0);
    MUST_INT(unsetenv("NO_PROXY"), 0);
    return 0;
}

static int end(void **user)
{
    (void)user;
    for (size_t i = 0; i < sizeof env_names / sizeof *env_names; i++)
        (void)unsetenv(env_names[i]);
    (void)unsetenv("no_proxy");
    (void)unsetenv("NO_PROXY");
    resolver_answer(NULL);
    raw_stop(env_proxy);
    kit_wait_for_one_thread();
    return 0;
}

/* A client for https://service.test:PORT, a port at which only the proxy finds something, or the TLS simulator's. */
static client client_of(uint16_t port)
{
    char *url = kit_text("https://" HOST ":%u", port);
    client c = client_new(url);

    free(url);
    MUST_OK(lock_sync_set_ca_file(c.ctx, pems->ca));
    return c;
}

TEST(the_environments_proxy_sees_no_https)
{
    client c = client_of(sim_port(target));

    resolver_answer("127.0.0.1");
    expect_fetch(&c, LOCK_SYNC_OK);
    expect_good_at(&c, sim_url(target));
    MUST_INT(raw_connections(env_proxy), 0);
    client_free(&c);
}

TEST(the_environments_proxy_sees_no_http_beyond_loopback)
{
    raw_server *server = raw_start(AF_INET, NULL, 0);
    char *url = kit_text("http://" HOST ":%u", raw_port(server));
    client c = client_new(url);

    resolver_answer("127.0.0.1");
    MUST_OK(lock_sync_set_allow_http(c.ctx, true));
    expect_fetch(&c, LOCK_SYNC_OK);
    MUST_INT(raw_requests(server), 1);
    MUST_INT(raw_connections(env_proxy), 0);
    client_free(&c);
    raw_stop(server);
    free(url);
}

TEST(the_environments_no_proxy_does_not_switch_ours_off)
{
    const raw_step tunnel[] = {RAW_READ_REQUEST, RAW_SEND_TEXT("HTTP/1.1 200 Connected\r\n\r\n"),
                               RAW_RELAY(sim_port(target)), RAW_END};
    const raw_step *const scripts[] = {tunnel};
    raw_server *proxy = raw_start(AF_INET, scripts, 1);
    client c = client_of(sim_port(target));

    MUST_INT(setenv("no_proxy", "*", 1), 0);
    MUST_INT(setenv("NO_PROXY", "*", 1), 0);
    resolver_answer("127.0.0.1"); /* reached directly the service would answer well, too */
    MUST_OK(lock_sync_set_proxy(c.ctx, raw_url(proxy)));
    expect_fetch(&c, LOCK_SYNC_OK);
    MUST_INT(raw_connections(proxy), 1);
    client_free(&c);
    raw_stop(proxy);
}

/* --- the proxy that is set --- */

TEST(a_proxy_sees_connect_and_nothing_of_ours)
{
    const raw_step tunnel[] = {RAW_READ_REQUEST,
                               RAW_SEND_TEXT("HTTP/1.1 200 Connected\r\nX-Correlation-ID: the-proxys\r\n\r\n"),
                               RAW_RELAY(sim_port(target)), RAW_END};
    const raw_step *const scripts[] = {tunnel};
    raw_server *proxy = raw_start(AF_INET, scripts, 1);
    char *expected = kit_text("CONNECT " HOST ":%u HTTP/1.1\r\nHost: " HOST ":%u\r\n", sim_port(target),
                              sim_port(target));
    char *seen;
    size_t look_ups = resolver_calls();
    client c = client_of(sim_port(target));

    MUST_OK(lock_sync_set_proxy(c.ctx, raw_url(proxy)));
    for (int i = 0; i < 3; i++) /* and the tunnel is kept */
        expect_fetch(&c, LOCK_SYNC_OK);
    MUST(!log_lines_hold(c.log, "the-proxys"));
    MUST_INT(raw_connections(proxy), 1);
    MUST_INT(resolver_calls(), look_ups); /* the name is the proxy's to resolve */
    MUST_INT(raw_requests(proxy), 1);
    seen = raw_received(proxy, 0);
    MUST(strncmp(seen, expected, strlen(expected)) == 0);
    MUST(strcasestr(seen, "authorization") == NULL);
    MUST(strcasestr(seen, "user-agent") == NULL);
    MUST(strcasestr(seen, "accept") == NULL);
    MUST(strcasestr(seen, "locksync") == NULL);
    MUST(strstr(seen, SECRET) == NULL);
    MUST_INT(raw_connections(env_proxy), 0);
    free(seen);
    client_free(&c);
    raw_stop(proxy);
    free(expected);
}

/* The limit on header bytes is for the service's. */
TEST(a_proxys_header_does_not_count_as_the_services)
{
#define SOME_LINES                                                                                                     \
    "X-P: 89012345678901234567890123456789012345678901234567890123456789\r\n"                                          \
    "X-P: 89012345678901234567890123456789012345678901234567890123456789\r\n"
    const raw_step tunnel[] = {RAW_READ_REQUEST,
                               RAW_SEND_TEXT("HTTP/1.1 200 Connected\r\n"),
                               RAW_SEND_TIMES(SOME_LINES, 600),
                               RAW_SEND_TEXT("\r\n"),
                               RAW_RELAY(sim_port(target)),
                               RAW_END};
    const raw_step *const scripts[] = {tunnel};
    raw_server *proxy = raw_start(AF_INET, scripts, 1);
    client c = client_of(sim_port(target));

    MUST_OK(lock_sync_set_proxy(c.ctx, raw_url(proxy)));
    expect_fetch_then_good(&c, LOCK_SYNC_OK);
    client_free(&c);
    raw_stop(proxy);
}

TEST(a_proxys_password_goes_to_the_proxy_alone)
{
    static const raw_step refusal[] = {
        RAW_READ_REQUEST, RAW_SEND_TEXT("HTTP/1.1 403 pass-" SECRET " is no good\r\nContent-Length: 0\r\n\r\n"),
        RAW_WAIT_FOR_CLOSE};
    static const raw_step *const scripts[] = {refusal};
    raw_server *proxy = raw_start(AF_INET, scripts, 1);
    char *url = kit_text("http://joe:" PROXY_PASSWORD "@127.0.0.1:%u", raw_port(proxy));
    char *seen;
    client c = client_of(sim_port(target));

    MUST_OK(lock_sync_set_proxy(c.ctx, url));
    expect_fetch(&c, LOCK_SYNC_E_CONNECT);
    seen = raw_received(proxy, 0);
    MUST_INT(kit_count(seen, "Proxy-Authorization: Basic "), 1);
    MUST_INT(kit_count(seen, "uthorization"), 1);
    free(seen);
    MUST_OK(lock_sync_set_proxy(c.ctx, NULL));
    expect_good_at(&c, sim_url(target));
    client_free(&c);
    raw_stop(proxy);
    free(url);
}

TEST(a_refusal_by_the_proxy_is_a_connect_error)
{
#define REFUSAL(line)                                                                                                  \
    {                                                                                                                  \
        RAW_READ_REQUEST, RAW_SEND_TEXT("HTTP/1.1 " line "\r\nContent-Length: 0\r\n\r\n"), RAW_WAIT_FOR_CLOSE          \
    }
    static const raw_step rows[][3] = {
        REFUSAL("407 Proxy Authentication Required\r\nProxy-Authenticate: Basic realm=\"a\""),
        REFUSAL("403 Forbidden"),
        REFUSAL("401 Unauthorized"),
        REFUSAL("429 Too Many Requests\r\nRetry-After: 9"),
        REFUSAL("502 Bad Gateway"),
        REFUSAL("503 Service Unavailable"),
        REFUSAL("302 Found\r\nLocation: http://127.0.0.1:1/"),
    };

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const raw_step *const scripts[] = {rows[i]};
        raw_server *proxy = raw_start(AF_INET, scripts, 1);
        client c = client_of(sim_port(target));

        MUST_OK(lock_sync_set_proxy(c.ctx, raw_url(proxy)));
        expect_fetch_of(&c, LOCK_SYNC_E_CONNECT, rows[i][1].data);
        MUST_INT(error_http_status(&c), 0); /* the service did not answer */
        MUST_INT(lock_sync_error_retry_after_ms(lock_sync_last_error(c.ctx)), -1);
        MUST_INT(raw_requests(proxy), 1);
        expect_good_at(&c, sim_url(target)); /* loopback: directly */
        MUST_INT(raw_connections(proxy), 1);
        client_free(&c);
        raw_stop(proxy);
    }
}

TEST(a_proxy_that_is_not_there_is_a_connect_error)
{
    uint16_t port;
    int keeper = raw_dead_port(&port);
    char *url = kit_text("http://127.0.0.1:%u", port);
    client c = client_of(sim_port(target));

    MUST_OK(lock_sync_set_proxy(c.ctx, url));
    expect_fetch(&c, LOCK_SYNC_E_CONNECT);
    MUST_OK(lock_sync_set_proxy(c.ctx, "http://proxy.test:8080"));
    expect_fetch(&c, LOCK_SYNC_E_RESOLVE);
    expect_good_at(&c, sim_url(target));
    client_free(&c);
    free(url);
    (void)close(keeper);
}

TEST(a_silent_proxy_ends_in_time)
{
    static const raw_step silent[] = {RAW_READ_REQUEST, RAW_WAIT_FOR_CLOSE};
    static const raw_step *const scripts[] = {silent};
    raw_server *proxy = raw_start(AF_INET, scripts, 1);
    client c = client_of(sim_port(target));
    int64_t start = kit_now_ms();

    MUST_OK(lock_sync_set_proxy(c.ctx, raw_url(proxy)));
    MUST_OK(lock_sync_set_connect_timeout_ms(c.ctx, 200 * kit_slack()));
    expect_fetch(&c, LOCK_SYNC_E_TIMEOUT);
    MUST_BETWEEN(kit_now_ms() - start, 198, 1000 * kit_slack());
    MUST_OK(lock_sync_set_connect_timeout_ms(c.ctx, 10000));
    expect_good_at(&c, sim_url(target));
    client_free(&c);
    raw_stop(proxy);
}

TEST(a_socks_proxy_that_refuses_is_a_connect_error)
{
    static const raw_step refusal[] = {RAW_SEND_TEXT("\x05\xff"), RAW_WAIT_FOR_CLOSE}; /* no method is acceptable */
    static const raw_step *const scripts[] = {refusal};
    raw_server *proxy = raw_start(AF_INET, scripts, 1);
    char *url = kit_text("socks5h://127.0.0.1:%u", raw_port(proxy));
    client c = client_of(sim_port(target));

    MUST_OK(lock_sync_set_proxy(c.ctx, url));
    expect_fetch(&c, LOCK_SYNC_E_CONNECT);
    expect_good_at(&c, sim_url(target));
    client_free(&c);
    raw_stop(proxy);
    free(url);
}

TEST(the_certificate_behind_a_proxy_is_checked)
{
    const raw_step tunnel[] = {RAW_READ_REQUEST, RAW_SEND_TEXT("HTTP/1.1 200 Connected\r\n\r\n"),
                               RAW_RELAY(sim_port(target)), RAW_END};
    const raw_step *const scripts[] = {tunnel, tunnel};
    raw_server *proxy = raw_start(AF_INET, scripts, 2);
    client c = client_new("https://other.test");

    MUST_OK(lock_sync_set_ca_file(c.ctx, pems->ca));
    MUST_OK(lock_sync_set_proxy(c.ctx, raw_url(proxy)));
    expect_fetch(&c, LOCK_SYNC_E_TLS);
    expect_good_at(&c, "https://" HOST);
    client_free(&c);
    raw_stop(proxy);
}

/* The simulator is no proxy, but it has TLS: trusted, it gets to refuse the CONNECT; not trusted, it sees nothing. */
TEST(a_proxy_with_tls_is_trusted_no_more_than_the_service)
{
    sim *unknown = sim_start_tls(pems->unknown, pems->key);
    char *trusted_url = kit_text("https://127.0.0.1:%u", sim_port(target));
    char *unknown_url = kit_text("https://127.0.0.1:%u", sim_port(unknown));
    client c = client_of(sim_port(target));
    sim_stats stats;

    trust_replace_defaults(pems->other_ca, pems->hashed_dir); /* what the system trusts counts for nothing here, too */
    MUST_OK(lock_sync_set_proxy(c.ctx, unknown_url));
    expect_fetch(&c, LOCK_SYNC_E_TLS);
    MUST_OK(lock_sync_set_proxy(c.ctx, trusted_url));
    expect_fetch(&c, LOCK_SYNC_E_CONNECT);
    trust_replace_defaults(NULL, NULL);
    client_free(&c);
    sim_stop(unknown, &stats);
    MUST_INT(stats.requests, 0);
    free(trusted_url);
    free(unknown_url);
}

/* Signed by the trusted CA, but for another host: who answers there is not the proxy that was named. */
TEST(a_proxy_with_tls_must_be_the_host_that_was_named)
{
    sim *elsewhere = sim_start_tls(pems->wrong_host, pems->key);
    char *proxy_url = kit_text("https://127.0.0.1:%u", sim_port(elsewhere));
    client c = client_of(sim_port(target));
    sim_stats stats;

    MUST_OK(lock_sync_set_proxy(c.ctx, proxy_url));
    expect_fetch(&c, LOCK_SYNC_E_TLS);
    client_free(&c);
    sim_stop(elsewhere, &stats);
    MUST_INT(stats.requests, 0);
    free(proxy_url);
}

/* --- where no proxy is used --- */

TEST(loopback_is_reached_without_the_proxy)
{
    raw_server *proxy = raw_start(AF_INET, NULL, 0);
    raw_server *server = raw_start(AF_INET, NULL, 0);
    client c = client_new(raw_url(server));

    MUST_OK(lock_sync_set_proxy(c.ctx, raw_url(proxy)));
    MUST_OK(lock_sync_set_ca_file(c.ctx, pems->ca));
    expect_fetch(&c, LOCK_SYNC_OK);
    expect_good_at(&c, sim_url(target));
    MUST_INT(raw_connections(proxy), 0);
    client_free(&c);
    raw_stop(server);
    raw_stop(proxy);
}

TEST(plain_http_beyond_loopback_goes_through_no_proxy)
{
    raw_server *proxy = raw_start(AF_INET, NULL, 0);
    raw_server *server = raw_start(AF_INET, NULL, 0);
    char *url = kit_text("http://" HOST ":%u", raw_port(server));
    client c = client_new(url);

    resolver_answer("127.0.0.1");
    expect_fetch(&c, LOCK_SYNC_E_INVALID_ARGUMENT); /* not allowed */
    MUST_OK(lock_sync_set_proxy(c.ctx, raw_url(proxy)));
    expect_fetch(&c, LOCK_SYNC_E_INVALID_ARGUMENT);
    MUST_OK(lock_sync_set_allow_http(c.ctx, true));
    expect_fetch(&c, LOCK_SYNC_E_INVALID_ARGUMENT); /* not with a proxy */
    MUST_INT(raw_connections(proxy) + raw_connections(server) + raw_connections(env_proxy), 0);
    MUST_OK(lock_sync_set_proxy(c.ctx, NULL));
    expect_fetch(&c, LOCK_SYNC_OK);
    MUST_INT(raw_requests(server), 1);
    client_free(&c);
    raw_stop(server);
    raw_stop(proxy);
    free(url);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        T_IN(the_environments_proxy_sees_no_https, begin, end),
        T_IN(the_environments_proxy_sees_no_http_beyond_loopback, begin, end),
        T_IN(the_environments_no_proxy_does_not_switch_ours_off, begin, end),
        T_IN(a_proxy_sees_connect_and_nothing_of_ours, begin, end),
        T_IN(a_proxys_header_does_not_count_as_the_services, begin, end),
        T_IN(a_proxys_password_goes_to_the_proxy_alone, begin, end),
        T_IN(a_refusal_by_the_proxy_is_a_connect_error, begin, end),
        T_IN(a_proxy_that_is_not_there_is_a_connect_error, begin, end),
        T_IN(a_silent_proxy_ends_in_time, begin, end),
        T_IN(a_socks_proxy_that_refuses_is_a_connect_error, begin, end),
        T_IN(the_certificate_behind_a_proxy_is_checked, begin, end),
        T_IN(a_proxy_with_tls_is_trusted_no_more_than_the_service, begin, end),
        T_IN(a_proxy_with_tls_must_be_the_host_that_was_named, begin, end),
        T_IN(loopback_is_reached_without_the_proxy, begin, end),
        T_IN(plain_http_beyond_loopback_goes_through_no_proxy, begin, end),
    };

    return T_MAIN_IN(tests, begin_all, end_all);
}
