/* Names: what is trusted as loopback really is, a name that does not resolve, and a resolver that does not answer,
   which outlasts neither a deadline nor a cancel. support/interpose.c is the resolver. */
#include "client.h"

#include "../support/interpose.h"

#include <stdlib.h>
#include <string.h>

#define SHORT_MS (200 * kit_slack())
#define SOON_MS (1000 * kit_slack())

static int end(void **user)
{
    (void)user;
    resolver_answer(NULL);
    resolver_release();
    kit_wait_for_one_thread(); /* libcurl leaves look-ups that stall to themselves */
    return 0;
}

static char *url_of(const char *host, uint16_t port)
{
    return kit_text("http://%s:%u", host, port);
}

TEST(localhost_is_this_machine)
{
    static const char *const names[] = {"localhost", "LocalHost"};
    raw_server *server = raw_start(AF_INET, NULL, 0);
    raw_server *server6 = raw_start(AF_INET6, NULL, 0);

    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        char *url = url_of(names[i], raw_port(server));
        char *url6 = url_of(names[i], raw_port(server6));
        client c = client_new(url);

        resolver_answer("127.0.0.1");
        expect_fetch(&c, LOCK_SYNC_OK);
        client_free(&c);
        c = client_new(url6);
        resolver_answer("::1");
        expect_fetch(&c, LOCK_SYNC_OK);
        client_free(&c);
        free(url);
        free(url6);
    }
    raw_stop(server);
    raw_stop(server6);
}

/* 0.0.0.0 and :: are no loopback addresses, but a connection to them would reach the server, and nothing would leave
   this machine. libcurl 7.88 answers for localhost itself; of one that asks the resolver the address must be refused.
 */
TEST(localhost_elsewhere_is_not_gone_to)
{
    static const char *const elsewhere[] = {"0.0.0.0", "::", "::ffff:0.0.0.0"};

    for (size_t i = 0; i < sizeof elsewhere / sizeof *elsewhere; i++) {
        raw_server *server = raw_start(i == 1 ? AF_INET6 : AF_INET, NULL, 0);
        char *url = url_of("localhost", raw_port(server));
        client c = client_new(url);
        size_t look_ups = resolver_calls();
        lock_sync_status status;

        resolver_answer(elsewhere[i]);
        status = client_fetch(&c);
        if (resolver_calls() == look_ups) {
            expect_status(&c, status, LOCK_SYNC_OK);
        } else {
            expect_status(&c, status, LOCK_SYNC_E_CONNECT);
            MUST_INT(raw_connections(server), 0);
        }
        expect_good_at(&c, raw_url(server));
        client_free(&c);
        raw_stop(server);
        free(url);
    }
}

/* The addresses of the test above do lead to the server: a name that is not trusted for being loopback gets there. */
TEST(the_same_addresses_are_reached_by_other_names)
{
    raw_server *server = raw_start(AF_INET, NULL, 0);
    char *url = url_of("service.test", raw_port(server));
    client c = client_new(url);

    resolver_answer("0.0.0.0");
    MUST_OK(lock_sync_set_allow_http(c.ctx, true));
    expect_fetch(&c, LOCK_SYNC_OK);
    MUST_INT(raw_connections(server), 1);
    client_free(&c);
    raw_stop(server);
    free(url);
}

/* Spellings that some parsers take for loopback, or for something else than others do: none is trusted with plain http.
 */
TEST(what_only_looks_like_loopback_needs_allow_http)
{
    static const char *const hosts[] = {
        "127.1",   "127.0.0.1.test", "localhost.test",     "0x7f.0.0.1", "2130706433", "127.0.0.01",
        "0.0.0.0", "[::]",           "[::ffff:127.0.0.1]", "localhost.", "127.0.0.256"};
    raw_server *server = raw_start(AF_INET, NULL, 0);
    client c = client_new(raw_url(server));

    for (size_t i = 0; i < sizeof hosts / sizeof *hosts; i++) {
        char *url = url_of(hosts[i], raw_port(server));

        MUST_OK(lock_sync_set_base_url(c.ctx, url));
        expect_fetch_of(&c, LOCK_SYNC_E_INVALID_ARGUMENT, hosts[i]);
        free(url);
    }
    MUST_INT(raw_connections(server), 0);
    expect_good_at(&c, raw_url(server));
    client_free(&c);
    raw_stop(server);
}

TEST(all_of_127_is_loopback)
{
    raw_server *server = raw_start(AF_INET, NULL, 0);
    char *url = url_of("127.255.1.2", raw_port(server));
    client c = client_new(url);

    /* the server listens on 127.0.0.1 alone: that the connection is tried and refused is the proof */
    expect_fetch(&c, LOCK_SYNC_E_CONNECT);
    expect_good_at(&c, raw_url(server));
    client_free(&c);
    raw_stop(server);
    free(url);
}

TEST(a_name_that_does_not_resolve_is_told)
{
    raw_server *server = raw_start(AF_INET, NULL, 0);
    client c = client_new("https://nowhere.test");

    resolver_answer(NULL);
    expect_fetch(&c, LOCK_SYNC_E_RESOLVE);
    MUST(strstr(error_text(&c), "nowhere.test") != NULL);
    MUST_INT(error_http_status(&c), 0);
    expect_good_at(&c, raw_url(server));
    client_free(&c);
    raw_stop(server);
}

/* --- a resolver that does not answer --- */

TEST(a_stalled_resolver_does_not_outlast_the_deadline)
{
    raw_server *server = raw_start(AF_INET, NULL, 0);

    for (int whole = 0; whole < 2; whole++) {
        client c = client_new("https://service.test");
        int64_t start;

        MUST_OK(whole ? lock_sync_set_timeout_ms(c.ctx, SHORT_MS) : lock_sync_set_connect_timeout_ms(c.ctx, SHORT_MS));
        resolver_stall();
        start = kit_now_ms();
        expect_fetch(&c, LOCK_SYNC_E_TIMEOUT);
        MUST_BETWEEN(kit_now_ms() - start, SHORT_MS - 2, SOON_MS);
        MUST(resolver_is_stalling(NULL));
        expect_good_at(&c, raw_url(server)); /* while the other look-up still stalls */
        client_free(&c);
        resolver_release();
    }
    raw_stop(server);
}

TEST(a_context_is_freed_while_the_resolver_stalls)
{
    client c = client_new("https://service.test");
    int64_t start;

    MUST_OK(lock_sync_set_timeout_ms(c.ctx, SHORT_MS));
    resolver_stall();
    expect_fetch(&c, LOCK_SYNC_E_TIMEOUT);
    start = kit_now_ms();
    client_free(&c);
    MUST(kit_now_ms() - start < SOON_MS);
    MUST(resolver_is_stalling(NULL));
}

TEST(a_stalled_resolver_does_not_hold_a_cancel_up)
{
    raw_server *server = raw_start(AF_INET, NULL, 0);
    client c = client_new("https://service.test");
    canceller *other;
    int64_t took;

    resolver_stall();
    other = canceller_begin(c.ctx, resolver_is_stalling, NULL);
    expect_fetch(&c, LOCK_SYNC_E_CANCELLED);
    took = kit_now_us() - canceller_end(other);
    MUST(took < 250000 * kit_slack());
    expect_good_at(&c, raw_url(server));
    client_free(&c);
    raw_stop(server);
}

TEST(a_stalled_proxy_name_does_not_outlast_the_deadline_either)
{
    raw_server *server = raw_start(AF_INET, NULL, 0);
    client c = client_new("https://service.test");
    int64_t start = kit_now_ms();

    MUST_OK(lock_sync_set_proxy(c.ctx, "http://proxy.test:8080"));
    MUST_OK(lock_sync_set_connect_timeout_ms(c.ctx, SHORT_MS));
    resolver_stall();
    expect_fetch(&c, LOCK_SYNC_E_TIMEOUT);
    MUST(kit_now_ms() - start < SOON_MS);
    MUST_OK(lock_sync_set_proxy(c.ctx, NULL));
    expect_good_at(&c, raw_url(server));
    client_free(&c);
    raw_stop(server);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        T_IN(localhost_is_this_machine, NULL, end),
        T_IN(localhost_elsewhere_is_not_gone_to, NULL, end),
        T_IN(the_same_addresses_are_reached_by_other_names, NULL, end),
        T_IN(what_only_looks_like_loopback_needs_allow_http, NULL, end),
        T_IN(all_of_127_is_loopback, NULL, end),
        T_IN(a_name_that_does_not_resolve_is_told, NULL, end),
        T_IN(a_stalled_resolver_does_not_outlast_the_deadline, NULL, end),
        T_IN(a_context_is_freed_while_the_resolver_stalls, NULL, end),
        T_IN(a_stalled_resolver_does_not_hold_a_cancel_up, NULL, end),
        T_IN(a_stalled_proxy_name_does_not_outlast_the_deadline_either, NULL, end),
    };

    return T_MAIN(tests);
}
