/* Connections that died silently, and slow networks: a fetch ends by its deadline, and later ones do not wait for
   dead connections. */
#include "client.h"

#include "../support/h2_lab.h"
#include "../support/interpose.h"
#include "../support/netns.h"
#include "../support/pems.h"
#include "../support/relay.h"

#include <stdlib.h>

#define DEADLINE_MS (400 * kit_slack())
#define TIMEOUTS_MAX 2 /* of one dead connection */

static const h2_plan http2 = {0};
static const h2_plan http1 = {.http1 = true};
static const struct {
    const char *name;
    const h2_plan *plan;
} protocols[] = {{"HTTP/1.1", &http1}, {"HTTP/2", &http2}};

#define EACH_PROTOCOL(i)                                                                                               \
  size_t i = 0;                                                                                                        \
  i < COUNT_OF(protocols);                                                                                             \
  i++

/* A server behind a relay, and a client that has a connection to it. */
typedef struct scene {
    h2_lab *lab;
    relay *relay;
    client client;
} scene;

static client impatient_client(const char *url)
{
    client c = client_trusting(url, pems->ca);

    MUST_OK(lock_sync_set_timeout_ms(c.ctx, DEADLINE_MS));
    return c;
}

static scene scene_make(size_t protocol)
{
    scene s = {.lab = h2_lab_start(pems->good, pems->key, protocols[protocol].plan, 1)};

    t_row("%s", protocols[protocol].name);
    s.relay = relay_start(h2_lab_port(s.lab));
    s.client = impatient_client(relay_url(s.relay));
    expect_fetch(&s.client, LOCK_SYNC_OK);
    return s;
}

static void scene_end(scene *s)
{
    client_free(&s->client);
    relay_stop(s->relay);
    h2_lab_stop(s->lab);
}

/* Expects that at most two fetches time out before one succeeds, and that all later ones succeed. */
static void expect_recovery(const client *c)
{
    lock_sync_status status;
    int timeouts = 0;

    while ((status = client_fetch(c)) == LOCK_SYNC_E_TIMEOUT && timeouts <= TIMEOUTS_MAX)
        timeouts++;
    CHECK_BETWEEN(timeouts, 0, TIMEOUTS_MAX);
    expect_status(c, status, LOCK_SYNC_OK);
    for (int i = 0; i < 3; i++)
        expect_fetch(c, LOCK_SYNC_OK);
}

static void check_dead(relay_action how)
{
    for (EACH_PROTOCOL(i)) {
        scene s = scene_make(i);

        relay_do(s.relay, how, 0);
        expect_recovery(&s.client);
        MUST_INT(relay_connections(s.relay), 2);
        if (how == RELAY_HOLD)
            relay_wait_open_connections(s.relay, 1);
        scene_end(&s);
    }
}

/* Like a middlebox that lost its state: it acknowledges what it never forwards. */
TEST(a_connection_that_forwards_nothing_is_replaced)
{
    check_dead(RELAY_HOLD);
}

/* Like a peer that is gone: nothing is acknowledged. */
TEST(a_connection_without_acknowledgements_is_replaced)
{
    t_need(relay_can_forget(), "the kernel allows no socket filter");
    check_dead(RELAY_FORGET);
}

/* New connections are possible, but useless until the network works again. */
TEST(fetches_succeed_after_a_network_was_dead)
{
    for (EACH_PROTOCOL(i)) {
        scene s = scene_make(i);

        relay_do(s.relay, RELAY_HOLD, 0);
        relay_do_later(s.relay, RELAY_HOLD, 0);
        for (int j = 0; j < 3; j++)
            expect_fetch(&s.client, LOCK_SYNC_E_TIMEOUT);
        relay_do_later(s.relay, RELAY_PASS, 0);
        expect_recovery(&s.client);
        scene_end(&s);
    }
}

/* --- an address that changes, and a link --- */

/* Makes a scene whose name resolves to the server's address and is in the certificate. */
static scene far_scene_make(const netns *n, const h2_plan *plan)
{
    scene s = {0};
    char *url;

    netns_server_begin(n);
    s.lab = h2_lab_start_at(NETNS_SERVER, 0, pems->good, pems->key, plan, 1);
    netns_server_end(n);
    url = kit_text("https://service.test:%u", h2_lab_port(s.lab));
    s.client = impatient_client(url);
    expect_fetch(&s.client, LOCK_SYNC_OK);
    free(url);
    return s;
}

static void check_far(void (*change)(netns *n, const scene *s))
{
    const char *why;
    netns *n = netns_make(&why);

    t_need(n != NULL, why);
    resolver_set_address(NETNS_SERVER);
    for (EACH_PROTOCOL(i)) {
        scene s;

        t_row("%s", protocols[i].name);
        s = far_scene_make(n, protocols[i].plan);
        change(n, &s);
        expect_recovery(&s.client);
        scene_end(&s);
    }
    resolver_set_address(NULL);
    netns_free(n);
}

static void change_address(netns *n, const scene *s)
{
    static unsigned last = 10;
    char *address = kit_text("10.55.0.%u", last++);

    (void)s;
    netns_set_client_address(n, address);
    free(address);
}

TEST(fetches_succeed_after_the_address_changed)
{
    check_far(change_address);
}

static void interrupt_link(netns *n, const scene *s)
{
    netns_set_link(n, false);
    expect_fetch(&s->client, LOCK_SYNC_E_TIMEOUT);
    netns_set_link(n, true);
}

/* TCP retransmits at growing intervals: the fetch must not wait for that. */
TEST(fetches_succeed_after_the_link_was_interrupted)
{
    check_far(interrupt_link);
}

/* --- networks that are slow --- */

TEST(a_late_response_before_the_deadline_is_good)
{
    for (EACH_PROTOCOL(i)) {
        scene s = scene_make(i);

        relay_do(s.relay, RELAY_DELAY, 40);
        for (int j = 0; j < 3; j++)
            expect_fetch(&s.client, LOCK_SYNC_OK);
        MUST_INT(relay_connections(s.relay), 1);
        scene_end(&s);
    }
}

/* Bytes that arrive do not extend the deadline. */
static void check_trickle(scene *s)
{
    int64_t begun_ms = kit_now_ms();

    expect_fetch(&s->client, LOCK_SYNC_E_TIMEOUT);
    CHECK_BETWEEN(kit_now_ms() - begun_ms, DEADLINE_MS - 2, DEADLINE_MS + 1000 * kit_slack());
    relay_do(s->relay, RELAY_PASS, 0);
    relay_do_later(s->relay, RELAY_PASS, 0);
    expect_recovery(&s->client);
    scene_end(s);
}

TEST(a_response_that_trickles_ends_by_the_deadline)
{
    for (EACH_PROTOCOL(i)) {
        scene s = scene_make(i);

        relay_do(s.relay, RELAY_TRICKLE, (unsigned)DEADLINE_MS / 20);
        check_trickle(&s);
    }
}

TEST(a_handshake_that_trickles_ends_by_the_deadline)
{
    scene s = scene_make(1);

    relay_do_later(s.relay, RELAY_TRICKLE, (unsigned)DEADLINE_MS / 20);
    h2_lab_end(s.lab, H2_END_CLOSE_NOTIFY);
    check_trickle(&s);
}

int main(void)
{
    return t_run_all_in(pems_make, pems_free);
}
