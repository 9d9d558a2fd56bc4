/* Names: what counts as loopback is loopback, and a name may not resolve. A resolver that does not respond delays
   neither a deadline nor a cancel. support/interpose.c is the resolver. */
#include "client.h"

#include "../support/interpose.h"

#include <stdlib.h>
#include <string.h>

#define SHORT_MS (200 * kit_slack())
#define SOON_MS (1000 * kit_slack())

static int end(void **user)
{
    (void)user;
    resolver_set_address(NULL);
    resolver_release();
    kit_wait_for_one_thread(); /* libcurl does not wait for look-ups that stall */
    return 0;
}

static char *url_of(const char *host, uint16_t port)
{
    return kit_text("http://%s:%u", host, port);
}

TEST_IN(localhost_is_this_machine, NULL, end)
{
    static const struct {
        const char *name;
        int family;
        const char *address;
    } table[] = {
        {"localhost", AF_INET, "127.0.0.1"},
        {"LocalHost", AF_INET, "127.0.0.1"},
        {"localhost", AF_INET6, "::1"},
    };

    for (size_t i = 0; i < COUNT_OF(table); i++) {
        raw_server *server = raw_start(table[i].family, NULL, 0);
        char *url = url_of(table[i].name, raw_port(server));
        client c = client_new(url);

        t_row("%s at %s", table[i].name, table[i].address);
        resolver_set_address(table[i].address);
        expect_fetch(&c, LOCK_SYNC_OK);
        client_free(&c);
        free(url);
        raw_stop(server);
    }
}

/* 0.0.0.0 and :: are no loopback addresses, but a connection to them would reach the server on this machine. libcurl
   7.88 resolves localhost itself; if a version asks the resolver, such an address must be rejected. */
TEST_IN(localhost_at_another_address_is_not_contacted, NULL, end)
{
    static const char *const elsewhere[] = {"0.0.0.0", "::", "::ffff:0.0.0.0"};

    for (size_t i = 0; i < COUNT_OF(elsewhere); i++) {
        raw_server *server = raw_start(i == 1 ? AF_INET6 : AF_INET, NULL, 0);
        char *url = url_of("localhost", raw_port(server));
        client c = client_new(url);
        size_t look_ups = resolver_calls();
        lock_sync_status status;

        t_row("%s", elsewhere[i]);
        resolver_set_address(elsewhere[i]);
        status = client_fetch(&c);
        if (resolver_calls() == look_ups) {
            expect_status(&c, status, LOCK_SYNC_OK);
        } else {
            expect_status(&c, status, LOCK_SYNC_E_CONNECT);
            CHECK_INT(raw_connections(server), 0);
        }
        expect_good_at(&c, raw_url(server));
        client_free(&c);
        raw_stop(server);
        free(url);
    }
}

/* The addresses of the test above do lead to the server: another name reaches it. */
TEST_IN(the_same_addresses_are_reached_through_other_names, NULL, end)
{
    served *s = served_begin(NULL);
    char *url = url_of("service.test", raw_port(s->server));

    resolver_set_address("0.0.0.0");
    MUST_OK(lock_sync_set_allow_http(s->c.ctx, true));
    expect_good_at(&s->c, url);
    CHECK_INT(raw_connections(s->server), 1);
    served_end(s);
    free(url);
}

/* The server listens only on 127.0.0.1: the refused connection proves that plain http was allowed. */
TEST_IN(all_of_127_is_loopback, NULL, end)
{
    served *s = served_begin(NULL);
    char *url = url_of("127.255.1.2", raw_port(s->server));

    MUST_OK(lock_sync_set_base_url(s->c.ctx, url));
    expect_fetch(&s->c, LOCK_SYNC_E_CONNECT);
    served_end(s);
    free(url);
}

TEST_IN(a_name_that_does_not_resolve_is_reported, NULL, end)
{
    served *s = served_begin(NULL);

    MUST_OK(lock_sync_set_base_url(s->c.ctx, "https://nowhere.test"));
    resolver_set_address(NULL);
    expect_fetch(&s->c, LOCK_SYNC_E_RESOLVE);
    CHECK_HOLDS(error_text(&s->c), "nowhere.test");
    CHECK_INT(error_http_status(&s->c), 0);
    expect_good_at(&s->c, raw_url(s->server));
    served_end(s);
}

/* --- a resolver that does not respond --- */

TEST_IN(a_stalled_resolver_delays_no_deadline, NULL, end)
{
    static const struct {
        const char *name;
        bool whole;        /* the fetch's deadline; otherwise the limit for connecting */
        const char *proxy; /* its name is looked up, if set */
    } table[] = {
        {"connecting", false, NULL},
        {"the fetch", true, NULL},
        {"connecting to a proxy", false, "http://proxy.test:8080"},
    };

    for (size_t i = 0; i < COUNT_OF(table); i++) {
        served *s = served_begin(NULL);
        int64_t start;

        t_row("%s", table[i].name);
        MUST_OK(lock_sync_set_base_url(s->c.ctx, "https://service.test"));
        MUST_OK(lock_sync_set_proxy(s->c.ctx, table[i].proxy));
        MUST_OK(table[i].whole ? lock_sync_set_timeout_ms(s->c.ctx, SHORT_MS)
                               : lock_sync_set_connect_timeout_ms(s->c.ctx, SHORT_MS));
        resolver_stall();
        start = kit_now_ms();
        expect_fetch(&s->c, LOCK_SYNC_E_TIMEOUT);
        CHECK_BETWEEN(kit_now_ms() - start, SHORT_MS - 2, SOON_MS);
        MUST_OK(lock_sync_set_proxy(s->c.ctx, NULL));
        expect_good_at(&s->c, raw_url(s->server)); /* while the other look-up still stalls */
        start = kit_now_ms();
        served_end(s);
        CHECK(kit_now_ms() - start < SOON_MS);
        CHECK(resolver_is_stalling(NULL));
        resolver_release();
    }
}

TEST_IN(a_stalled_resolver_delays_no_cancel, NULL, end)
{
    served *s = served_begin(NULL);
    canceller *other;

    MUST_OK(lock_sync_set_base_url(s->c.ctx, "https://service.test"));
    resolver_stall();
    other = canceller_begin(s->c.ctx, resolver_is_stalling, NULL);
    expect_fetch(&s->c, LOCK_SYNC_E_CANCELLED);
    CHECK(kit_now_us() - canceller_end(other) < 1000000 * kit_slack());
    expect_good_at(&s->c, raw_url(s->server));
    served_end(s);
}
