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
        assert_int_equal(setenv(env_names[i], raw_url(env_proxy), 1), 0);
    assert_int_equal(unsetenv("no_proxy"), 0);
    assert_int_equal(unsetenv("NO_PROXY"), 0);
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
    assert_int_equal(lock_sync_set_ca_file(c.ctx, pems->ca), LOCK_SYNC_OK);
    return c;
}

static void the_environments_proxy_sees_no_https(void **user)
{
    client c = client_of(sim_port(target));

    (void)user;
    resolver_answer("127.0.0.1");
    expect_fetch(&c, LOCK_SYNC_OK);
    expect_good_at(&c, sim_url(target));
    assert_int_equal(raw_connections(env_proxy), 0);
    client_free(&c);
}

static void the_environments_proxy_sees_no_http_beyond_loopback(void **user)
{
    raw_server *server = raw_start(AF_INET, NULL, 0);
    char *url = kit_text("http://" HOST ":%u", raw_port(server));
    client c = client_new(url);

    (void)user;
    resolver_answer("127.0.0.1");
    assert_int_equal(lock_sync_set_allow_http(c.ctx, true), LOCK_SYNC_OK);
    expect_fetch(&c, LOCK_SYNC_OK);
    assert_int_equal(raw_requests(server), 1);
    assert_int_equal(raw_connections(env_proxy), 0);
    client_free(&c);
    raw_stop(server);
    free(url);
}

static void the_environments_no_proxy_does_not_switch_ours_off(void **user)
{
    const raw_step tunnel[] = {RAW_READ_REQUEST, RAW_SEND_TEXT("HTTP/1.1 200 Connected\r\n\r\n"),
                               RAW_RELAY(sim_port(target)), RAW_END};
    const raw_step *const scripts[] = {tunnel};
    raw_server *proxy = raw_start(AF_INET, scripts, 1);
    client c = client_of(sim_port(target));

    (void)user;
    assert_int_equal(setenv("no_proxy", "*", 1), 0);
    assert_int_equal(setenv("NO_PROXY", "*", 1), 0);
    resolver_answer("127.0.0.1"); /* reached directly the service would answer well, too */
    assert_int_equal(lock_sync_set_proxy(c.ctx, raw_url(proxy)), LOCK_SYNC_OK);
    expect_fetch(&c, LOCK_SYNC_OK);
    assert_int_equal(raw_connections(proxy), 1);
    client_free(&c);
    raw_stop(proxy);
}

/* --- the proxy that is set --- */

static void a_proxy_sees_connect_and_nothing_of_ours(void **user)
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

    (void)user;
    assert_int_equal(lock_sync_set_proxy(c.ctx, raw_url(proxy)), LOCK_SYNC_OK);
    for (int i = 0; i < 3; i++) /* and the tunnel is kept */
        expect_fetch(&c, LOCK_SYNC_OK);
    assert_false(log_lines_hold(c.log, "the-proxys"));
    assert_int_equal(raw_connections(proxy), 1);
    assert_int_equal(resolver_calls(), look_ups); /* the name is the proxy's to resolve */
    assert_int_equal(raw_requests(proxy), 1);
    seen = raw_received(proxy, 0);
    assert_true(strncmp(seen, expected, strlen(expected)) == 0);
    assert_null(strcasestr(seen, "authorization"));
    assert_null(strcasestr(seen, "user-agent"));
    assert_null(strcasestr(seen, "accept"));
    assert_null(strcasestr(seen, "locksync"));
    assert_null(strstr(seen, SECRET));
    assert_int_equal(raw_connections(env_proxy), 0);
    free(seen);
    client_free(&c);
    raw_stop(proxy);
    free(expected);
}

/* The limit on header bytes is for the service's. */
static void a_proxys_header_does_not_count_as_the_services(void **user)
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

    (void)user;
    assert_int_equal(lock_sync_set_proxy(c.ctx, raw_url(proxy)), LOCK_SYNC_OK);
    expect_fetch_then_good(&c, LOCK_SYNC_OK);
    client_free(&c);
    raw_stop(proxy);
}

static void a_proxys_password_goes_to_the_proxy_alone(void **user)
{
    static const raw_step refusal[] = {
        RAW_READ_REQUEST, RAW_SEND_TEXT("HTTP/1.1 403 pass-" SECRET " is no good\r\nContent-Length: 0\r\n\r\n"),
        RAW_WAIT_FOR_CLOSE};
    static const raw_step *const scripts[] = {refusal};
    raw_server *proxy = raw_start(AF_INET, scripts, 1);
    char *url = kit_text("http://joe:" PROXY_PASSWORD "@127.0.0.1:%u", raw_port(proxy));
    char *seen;
    client c = client_of(sim_port(target));

    (void)user;
    assert_int_equal(lock_sync_set_proxy(c.ctx, url), LOCK_SYNC_OK);
    expect_fetch(&c, LOCK_SYNC_E_CONNECT);
    seen = raw_received(proxy, 0);
    assert_int_equal(kit_count(seen, "Proxy-Authorization: Basic "), 1);
    assert_int_equal(kit_count(seen, "uthorization"), 1);
    free(seen);
    assert_int_equal(lock_sync_set_proxy(c.ctx, NULL), LOCK_SYNC_OK);
    expect_good_at(&c, sim_url(target));
    client_free(&c);
    raw_stop(proxy);
    free(url);
}

static void a_refusal_by_the_proxy_is_a_connect_error(void **user)
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

    (void)user;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const raw_step *const scripts[] = {rows[i]};
        raw_server *proxy = raw_start(AF_INET, scripts, 1);
        client c = client_of(sim_port(target));

        assert_int_equal(lock_sync_set_proxy(c.ctx, raw_url(proxy)), LOCK_SYNC_OK);
        expect_fetch_of(&c, LOCK_SYNC_E_CONNECT, rows[i][1].data);
        assert_int_equal(error_http_status(&c), 0); /* the service did not answer */
        assert_int_equal(lock_sync_error_retry_after_ms(lock_sync_last_error(c.ctx)), -1);
        assert_int_equal(raw_requests(proxy), 1);
        expect_good_at(&c, sim_url(target)); /* loopback: directly */
        assert_int_equal(raw_connections(proxy), 1);
        client_free(&c);
        raw_stop(proxy);
    }
}

static void a_proxy_that_is_not_there_is_a_connect_error(void **user)
{
    uint16_t port;
    int keeper = raw_dead_port(&port);
    char *url = kit_text("http://127.0.0.1:%u", port);
    client c = client_of(sim_port(target));

    (void)user;
    assert_int_equal(lock_sync_set_proxy(c.ctx, url), LOCK_SYNC_OK);
    expect_fetch(&c, LOCK_SYNC_E_CONNECT);
    assert_int_equal(lock_sync_set_proxy(c.ctx, "http://proxy.test:8080"), LOCK_SYNC_OK);
    expect_fetch(&c, LOCK_SYNC_E_RESOLVE);
    expect_good_at(&c, sim_url(target));
    client_free(&c);
    free(url);
    (void)close(keeper);
}

static void a_silent_proxy_ends_in_time(void **user)
{
    static const raw_step silent[] = {RAW_READ_REQUEST, RAW_WAIT_FOR_CLOSE};
    static const raw_step *const scripts[] = {silent};
    raw_server *proxy = raw_start(AF_INET, scripts, 1);
    client c = client_of(sim_port(target));
    int64_t start = kit_now_ms();

    (void)user;
    assert_int_equal(lock_sync_set_proxy(c.ctx, raw_url(proxy)), LOCK_SYNC_OK);
    assert_int_equal(lock_sync_set_connect_timeout_ms(c.ctx, 200 * kit_slack()), LOCK_SYNC_OK);
    expect_fetch(&c, LOCK_SYNC_E_TIMEOUT);
    assert_between(kit_now_ms() - start, 198, 1000 * kit_slack());
    assert_int_equal(lock_sync_set_connect_timeout_ms(c.ctx, 10000), LOCK_SYNC_OK);
    expect_good_at(&c, sim_url(target));
    client_free(&c);
    raw_stop(proxy);
}

static void a_socks_proxy_that_refuses_is_a_connect_error(void **user)
{
    static const raw_step refusal[] = {RAW_SEND_TEXT("\x05\xff"), RAW_WAIT_FOR_CLOSE}; /* no method is acceptable */
    static const raw_step *const scripts[] = {refusal};
    raw_server *proxy = raw_start(AF_INET, scripts, 1);
    char *url = kit_text("socks5h://127.0.0.1:%u", raw_port(proxy));
    client c = client_of(sim_port(target));

    (void)user;
    assert_int_equal(lock_sync_set_proxy(c.ctx, url), LOCK_SYNC_OK);
    expect_fetch(&c, LOCK_SYNC_E_CONNECT);
    expect_good_at(&c, sim_url(target));
    client_free(&c);
    raw_stop(proxy);
    free(url);
}

static void the_certificate_behind_a_proxy_is_checked(void **user)
{
    const raw_step tunnel[] = {RAW_READ_REQUEST, RAW_SEND_TEXT("HTTP/1.1 200 Connected\r\n\r\n"),
                               RAW_RELAY(sim_port(target)), RAW_END};
    const raw_step *const scripts[] = {tunnel, tunnel};
    raw_server *proxy = raw_start(AF_INET, scripts, 2);
    client c = client_new("https://other.test");

    (void)user;
    assert_int_equal(lock_sync_set_ca_file(c.ctx, pems->ca), LOCK_SYNC_OK);
    assert_int_equal(lock_sync_set_proxy(c.ctx, raw_url(proxy)), LOCK_SYNC_OK);
    expect_fetch(&c, LOCK_SYNC_E_TLS);
    expect_good_at(&c, "https://" HOST);
    client_free(&c);
    raw_stop(proxy);
}

/* The simulator is no proxy, but it has TLS: trusted, it gets to refuse the CONNECT; not trusted, it sees nothing. */
static void a_proxy_with_tls_is_trusted_no_more_than_the_service(void **user)
{
    sim *unknown = sim_start_tls(pems->unknown, pems->key);
    char *trusted_url = kit_text("https://127.0.0.1:%u", sim_port(target));
    char *unknown_url = kit_text("https://127.0.0.1:%u", sim_port(unknown));
    client c = client_of(sim_port(target));
    sim_stats stats;

    (void)user;
    trust_replace_defaults(pems->other_ca, pems->hashed_dir); /* what the system trusts counts for nothing here, too */
    assert_int_equal(lock_sync_set_proxy(c.ctx, unknown_url), LOCK_SYNC_OK);
    expect_fetch(&c, LOCK_SYNC_E_TLS);
    assert_int_equal(lock_sync_set_proxy(c.ctx, trusted_url), LOCK_SYNC_OK);
    expect_fetch(&c, LOCK_SYNC_E_CONNECT);
    trust_replace_defaults(NULL, NULL);
    client_free(&c);
    sim_stop(unknown, &stats);
    assert_int_equal(stats.requests, 0);
    free(trusted_url);
    free(unknown_url);
}

/* Signed by the trusted CA, but for another host: who answers there is not the proxy that was named. */
static void a_proxy_with_tls_must_be_the_host_that_was_named(void **user)
{
    sim *elsewhere = sim_start_tls(pems->wrong_host, pems->key);
    char *proxy_url = kit_text("https://127.0.0.1:%u", sim_port(elsewhere));
    client c = client_of(sim_port(target));
    sim_stats stats;

    (void)user;
    assert_int_equal(lock_sync_set_proxy(c.ctx, proxy_url), LOCK_SYNC_OK);
    expect_fetch(&c, LOCK_SYNC_E_TLS);
    client_free(&c);
    sim_stop(elsewhere, &stats);
    assert_int_equal(stats.requests, 0);
    free(proxy_url);
}

/* --- where no proxy is used --- */

static void loopback_is_reached_without_the_proxy(void **user)
{
    raw_server *proxy = raw_start(AF_INET, NULL, 0);
    raw_server *server = raw_start(AF_INET, NULL, 0);
    client c = client_new(raw_url(server));

    (void)user;
    assert_int_equal(lock_sync_set_proxy(c.ctx, raw_url(proxy)), LOCK_SYNC_OK);
    assert_int_equal(lock_sync_set_ca_file(c.ctx, pems->ca), LOCK_SYNC_OK);
    expect_fetch(&c, LOCK_SYNC_OK);
    expect_good_at(&c, sim_url(target));
    assert_int_equal(raw_connections(proxy), 0);
    client_free(&c);
    raw_stop(server);
    raw_stop(proxy);
}

static void plain_http_beyond_loopback_goes_through_no_proxy(void **user)
{
    raw_server *proxy = raw_start(AF_INET, NULL, 0);
    raw_server *server = raw_start(AF_INET, NULL, 0);
    char *url = kit_text("http://" HOST ":%u", raw_port(server));
    client c = client_new(url);

    (void)user;
    resolver_answer("127.0.0.1");
    expect_fetch(&c, LOCK_SYNC_E_INVALID_ARGUMENT); /* not allowed */
    assert_int_equal(lock_sync_set_proxy(c.ctx, raw_url(proxy)), LOCK_SYNC_OK);
    expect_fetch(&c, LOCK_SYNC_E_INVALID_ARGUMENT);
    assert_int_equal(lock_sync_set_allow_http(c.ctx, true), LOCK_SYNC_OK);
    expect_fetch(&c, LOCK_SYNC_E_INVALID_ARGUMENT); /* not with a proxy */
    assert_int_equal(raw_connections(proxy) + raw_connections(server) + raw_connections(env_proxy), 0);
    assert_int_equal(lock_sync_set_proxy(c.ctx, NULL), LOCK_SYNC_OK);
    expect_fetch(&c, LOCK_SYNC_OK);
    assert_int_equal(raw_requests(server), 1);
    client_free(&c);
    raw_stop(server);
    raw_stop(proxy);
    free(url);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(the_environments_proxy_sees_no_https),
        TEST(the_environments_proxy_sees_no_http_beyond_loopback),
        TEST(the_environments_no_proxy_does_not_switch_ours_off),
        TEST(a_proxy_sees_connect_and_nothing_of_ours),
        TEST(a_proxys_header_does_not_count_as_the_services),
        TEST(a_proxys_password_goes_to_the_proxy_alone),
        TEST(a_refusal_by_the_proxy_is_a_connect_error),
        TEST(a_proxy_that_is_not_there_is_a_connect_error),
        TEST(a_silent_proxy_ends_in_time),
        TEST(a_socks_proxy_that_refuses_is_a_connect_error),
        TEST(the_certificate_behind_a_proxy_is_checked),
        TEST(a_proxy_with_tls_is_trusted_no_more_than_the_service),
        TEST(a_proxy_with_tls_must_be_the_host_that_was_named),
        TEST(loopback_is_reached_without_the_proxy),
        TEST(plain_http_beyond_loopback_goes_through_no_proxy),
    };

    return cmocka_run_group_tests_name("proxy", tests, begin_all, end_all);
}
