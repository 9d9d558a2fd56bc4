/* Proxies: the environment's is never used. A proxy that is set is used, and only for https beyond loopback. Also
   what a proxy gets to see, and how a fetch ends that it rejects. */
#include "client.h"

#include "../support/interpose.h"
#include "../support/pems.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define HOST "service.test" /* in the good certificate; support/interpose.c resolves it */
#define PROXY_PASSWORD "pass-" SECRET

static sim *target;           /* uses TLS */
static raw_server *env_proxy; /* named by the environment */

static const char *const env_names[] = {"http_proxy", "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"};

static int begin_all(void **user)
{
    (void)pems_make(user);
    target = sim_start_tls(pems->good, pems->key);
    return 0;
}

static int end_all(void **user)
{
    sim_stop(target, NULL);
    return pems_free(user);
}

static int begin(void **user)
{
    (void)user;
    env_proxy = raw_start(AF_INET, NULL, 0);
    for (size_t i = 0; i < COUNT_OF(env_names); i++)
        MUST_INT(setenv(env_names[i], raw_url(env_proxy), 1), 0);
    MUST_INT(unsetenv("no_proxy"), 0);
    MUST_INT(unsetenv("NO_PROXY"), 0);
    return 0;
}

static int end(void **user)
{
    (void)user;
    for (size_t i = 0; i < COUNT_OF(env_names); i++)
        (void)unsetenv(env_names[i]);
    (void)unsetenv("no_proxy");
    (void)unsetenv("NO_PROXY");
    resolver_set_address(NULL);
    raw_stop(env_proxy);
    kit_wait_for_one_thread();
    return 0;
}

/* Makes a client for https://service.test and the TLS simulator's port. The name does not resolve here, so only the
   proxy can connect. */
static client client_of_service(void)
{
    char *url = kit_text("https://" HOST ":%u", sim_port(target));
    client c = client_trusting(url, pems->ca);

    free(url);
    return c;
}

/* That client, and a scripted proxy that it uses. */
typedef struct scene {
    raw_server *proxy;
    client c;
} scene;

static scene scene_make(const raw_step *const *scripts, size_t count, const char *scheme)
{
    scene s = {raw_start(AF_INET, scripts, count), client_of_service()};
    char *url = kit_text("%s://127.0.0.1:%u", scheme, raw_port(s.proxy));

    MUST_OK(lock_sync_set_proxy(s.c.ctx, url));
    free(url);
    return s;
}

#define SCENE(script) scene_make((const raw_step *const[]){script}, 1, "http")

static void scene_end(scene *s)
{
    client_free(&s->c);
    raw_stop(s->proxy);
}

#define TUNNEL(head)                                                                                                   \
  {                                                                                                                    \
    RAW_READ_REQUEST, RAW_SEND_TEXT(head "\r\n\r\n"), RAW_RELAY(sim_port(target)), RAW_END                             \
  }

/* --- the environment --- */

TEST_IN(the_environments_proxy_sees_no_https, begin, end)
{
    client c = client_of_service();

    resolver_set_address("127.0.0.1");
    expect_fetch(&c, LOCK_SYNC_OK);
    expect_good_at(&c, sim_url(target));
    CHECK_INT(raw_connections(env_proxy), 0);
    client_free(&c);
}

TEST_IN(the_environments_no_proxy_does_not_disable_a_set_proxy, begin, end)
{
    const raw_step tunnel[] = TUNNEL("HTTP/1.1 200 Connected");
    scene s = SCENE(tunnel);

    MUST_INT(setenv("no_proxy", "*", 1), 0);
    MUST_INT(setenv("NO_PROXY", "*", 1), 0);
    resolver_set_address("127.0.0.1"); /* a direct request would succeed, too */
    expect_fetch(&s.c, LOCK_SYNC_OK);
    CHECK_INT(raw_connections(s.proxy), 1);
    scene_end(&s);
}

/* --- the proxy that is set --- */

TEST_IN(a_proxy_sees_connect_and_nothing_of_the_request, begin, end)
{
    static const char *const ours[] = {"authorization", "user-agent", "accept", "locksync", SECRET};
    const raw_step tunnel[] = TUNNEL("HTTP/1.1 200 Connected\r\nX-Correlation-ID: the-proxys");
    scene s = SCENE(tunnel);
    char *expected = kit_text("CONNECT " HOST ":%u HTTP/1.1\r\nHost: " HOST ":%u\r\n", sim_port(target),
                              sim_port(target));
    size_t look_ups = resolver_calls();
    char *seen;

    for (int i = 0; i < 3; i++) /* the tunnel is kept */
        expect_fetch(&s.c, LOCK_SYNC_OK);
    CHECK(!log_lines_contain(s.c.log, "the-proxys"));
    CHECK_INT(raw_connections(s.proxy), 1);
    CHECK_INT(resolver_calls(), look_ups); /* the proxy resolves the name */
    CHECK_INT(raw_requests(s.proxy), 1);
    seen = raw_received(s.proxy, 0);
    CHECK(strncmp(seen, expected, strlen(expected)) == 0);
    for (size_t i = 0; i < COUNT_OF(ours); i++)
        CHECK(strcasestr(seen, ours[i]) == NULL);
    CHECK_INT(raw_connections(env_proxy), 0);
    free(seen);
    scene_end(&s);
    free(expected);
}

/* The limit on header bytes applies only to the service's responses. */
TEST_IN(a_proxys_header_does_not_count_in_the_limit, begin, end)
{
#define SOME_LINES                                                                                                     \
  "X-P: 89012345678901234567890123456789012345678901234567890123456789\r\n"                                            \
  "X-P: 89012345678901234567890123456789012345678901234567890123456789\r\n"
    const raw_step tunnel[] = {RAW_READ_REQUEST,
                               RAW_SEND_TEXT("HTTP/1.1 200 Connected\r\n"),
                               RAW_SEND_TIMES(SOME_LINES, 600),
                               RAW_SEND_TEXT("\r\n"),
                               RAW_RELAY(sim_port(target)),
                               RAW_END};
    scene s = SCENE(tunnel);

    expect_fetch_then_good(&s.c, LOCK_SYNC_OK);
    scene_end(&s);
}

TEST_IN(a_proxys_password_is_sent_only_to_the_proxy, begin, end)
{
    static const raw_step forbidden[] = {
        RAW_READ_REQUEST, RAW_SEND_TEXT("HTTP/1.1 403 pass-" SECRET " is no good\r\nContent-Length: 0\r\n\r\n"),
        RAW_WAIT_FOR_CLOSE};
    scene s = SCENE(forbidden);
    char *url = kit_text("http://joe:" PROXY_PASSWORD "@127.0.0.1:%u", raw_port(s.proxy));
    char *seen;

    MUST_OK(lock_sync_set_proxy(s.c.ctx, url));
    expect_fetch(&s.c, LOCK_SYNC_E_CONNECT);
    seen = raw_received(s.proxy, 0);
    CHECK_INT(kit_count(seen, "Proxy-Authorization: Basic "), 1);
    CHECK_INT(kit_count(seen, "uthorization"), 1);
    free(seen);
    MUST_OK(lock_sync_set_proxy(s.c.ctx, NULL));
    expect_good_at(&s.c, sim_url(target));
    scene_end(&s);
    free(url);
}

TEST_IN(an_error_response_of_the_proxy_is_a_connect_error, begin, end)
{
#define ERROR_RESPONSE(line)                                                                                           \
  {                                                                                                                    \
    RAW_READ_REQUEST, RAW_SEND_TEXT("HTTP/1.1 " line "\r\nContent-Length: 0\r\n\r\n"), RAW_WAIT_FOR_CLOSE              \
  }
    static const raw_step rows[][3] = {
        ERROR_RESPONSE("407 Proxy Authentication Required\r\nProxy-Authenticate: Basic realm=\"a\""),
        ERROR_RESPONSE("403 Forbidden"),
        ERROR_RESPONSE("401 Unauthorized"),
        ERROR_RESPONSE("429 Too Many Requests\r\nRetry-After: 9"),
        ERROR_RESPONSE("502 Bad Gateway"),
        ERROR_RESPONSE("503 Service Unavailable"),
        ERROR_RESPONSE("302 Found\r\nLocation: http://127.0.0.1:1/"),
    };

    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        scene s = SCENE(rows[i]);

        t_row("%s", (const char *)rows[i][1].data);
        expect_fetch(&s.c, LOCK_SYNC_E_CONNECT);
        CHECK_INT(error_http_status(&s.c), 0); /* the service did not respond */
        CHECK_INT(lock_sync_error_retry_after_ms(lock_sync_last_error(s.c.ctx)), -1);
        CHECK_INT(raw_requests(s.proxy), 1);
        expect_good_at(&s.c, sim_url(target)); /* loopback is reached directly */
        CHECK_INT(raw_connections(s.proxy), 1);
        scene_end(&s);
    }
}

TEST_IN(a_proxy_that_cannot_be_reached_is_a_connect_error, begin, end)
{
    uint16_t port;
    int port_fd = raw_dead_port(&port);
    char *url = kit_text("http://127.0.0.1:%u", port);
    client c = client_of_service();

    MUST_OK(lock_sync_set_proxy(c.ctx, url));
    expect_fetch(&c, LOCK_SYNC_E_CONNECT);
    MUST_OK(lock_sync_set_proxy(c.ctx, "http://proxy.test:8080"));
    expect_fetch(&c, LOCK_SYNC_E_RESOLVE);
    expect_good_at(&c, sim_url(target));
    client_free(&c);
    free(url);
    (void)close(port_fd);
}

TEST_IN(a_silent_proxy_ends_in_time, begin, end)
{
    static const raw_step silent[] = {RAW_READ_REQUEST, RAW_WAIT_FOR_CLOSE};
    scene s = SCENE(silent);
    int64_t start = kit_now_ms();

    MUST_OK(lock_sync_set_connect_timeout_ms(s.c.ctx, 200 * kit_slack()));
    expect_fetch(&s.c, LOCK_SYNC_E_TIMEOUT);
    CHECK_BETWEEN(kit_now_ms() - start, 198, 1000 * kit_slack());
    MUST_OK(lock_sync_set_connect_timeout_ms(s.c.ctx, 10000));
    expect_good_at(&s.c, sim_url(target));
    scene_end(&s);
}

TEST_IN(a_socks_proxy_that_rejects_is_a_connect_error, begin, end)
{
    static const raw_step rejects[] = {RAW_SEND_TEXT("\x05\xff"), RAW_WAIT_FOR_CLOSE}; /* no method is acceptable */
    static const raw_step *const scripts[] = {rejects};
    scene s = scene_make(scripts, 1, "socks5h");

    expect_fetch(&s.c, LOCK_SYNC_E_CONNECT);
    expect_good_at(&s.c, sim_url(target));
    scene_end(&s);
}

TEST_IN(the_certificate_behind_a_proxy_is_checked, begin, end)
{
    const raw_step tunnel[] = TUNNEL("HTTP/1.1 200 Connected");
    const raw_step *const scripts[] = {tunnel, tunnel};
    scene s = scene_make(scripts, 2, "http");

    MUST_OK(lock_sync_set_base_url(s.c.ctx, "https://other.test"));
    expect_fetch(&s.c, LOCK_SYNC_E_TLS);
    expect_good_at(&s.c, "https://" HOST);
    scene_end(&s);
}

/* The simulator is no proxy, but it has TLS. If it is trusted it can reject the CONNECT. If it is not, or has
   another host name in its certificate, it gets no request. */
TEST_IN(a_proxy_with_tls_is_trusted_no_more_than_the_service, begin, end)
{
    const char *const bad[] = {pems->unknown, pems->wrong_host};
    client c = client_of_service();

    trust_replace_defaults(pems->other_ca, pems->hashed_dir); /* the system's trust does not count here either */
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        sim *proxy = sim_start_tls(bad[i], pems->key);
        sim_stats stats;

        t_row("%s", bad[i]);
        MUST_OK(lock_sync_set_proxy(c.ctx, sim_url(proxy)));
        expect_fetch(&c, LOCK_SYNC_E_TLS);
        sim_stop(proxy, &stats);
        CHECK_INT(stats.requests, 0);
    }
    MUST_OK(lock_sync_set_proxy(c.ctx, sim_url(target)));
    expect_fetch(&c, LOCK_SYNC_E_CONNECT);
    trust_replace_defaults(NULL, NULL);
    client_free(&c);
}

/* --- where no proxy is used --- */

TEST_IN(loopback_is_reached_without_the_proxy, begin, end)
{
    raw_server *server = raw_start(AF_INET, NULL, 0);
    scene s = scene_make(NULL, 0, "http");

    expect_good_at(&s.c, raw_url(server));
    expect_good_at(&s.c, sim_url(target));
    CHECK_INT(raw_connections(s.proxy), 0);
    scene_end(&s);
    raw_stop(server);
}

TEST_IN(plain_http_beyond_loopback_uses_no_proxy, begin, end)
{
    raw_server *server = raw_start(AF_INET, NULL, 0);
    char *url = kit_text("http://" HOST ":%u", raw_port(server));
    scene s = scene_make(NULL, 0, "http");

    resolver_set_address("127.0.0.1");
    MUST_OK(lock_sync_set_base_url(s.c.ctx, url));
    MUST_OK(lock_sync_set_allow_http(s.c.ctx, true));
    expect_fetch(&s.c, LOCK_SYNC_E_INVALID_ARGUMENT); /* rejected while a proxy is set */
    CHECK_INT(raw_connections(s.proxy) + raw_connections(server), 0);
    MUST_OK(lock_sync_set_proxy(s.c.ctx, NULL));
    expect_fetch(&s.c, LOCK_SYNC_OK);
    CHECK_INT(raw_requests(server), 1);
    CHECK_INT(raw_connections(env_proxy), 0);
    scene_end(&s);
    raw_stop(server);
    free(url);
}

int main(void)
{
    return t_run_all_in(begin_all, end_all);
}
