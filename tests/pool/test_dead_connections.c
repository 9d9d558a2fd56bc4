/* A pool and connections that died silently: they delay a fetch for two deadlines at most, and working connections
   for no time. */
#include "labs.h"

#include "../support/interpose.h"

#define DEADLINE_MS (400 * kit_slack())
#define ACCOUNTS 20
#define ROUNDS_MAX 2 /* rounds in which fetches may fail */

typedef struct scene {
    h2_lab *lab;
    relay *relay;
    lock_sync_pool *pool;
    account *all;
    size_t count;
} scene;

static void set_deadline(const scene *s, int64_t ms)
{
    for (size_t i = 0; i < s->count; i++)
        MUST_OK(lock_sync_set_timeout_ms(s->all[i].ctx, ms));
}

static scene scene_make(const h2_plan *plans, size_t plan_count, size_t accounts)
{
    scene s = {.lab = stage_lab(plans, plan_count), .pool = stage_pool(), .count = accounts};

    s.relay = stage_relay(h2_lab_port(s.lab));
    s.all = stage_secure_accounts(accounts, relay_url(s.relay));
    set_deadline(&s, DEADLINE_MS);
    return s;
}

/* Fetches once with each account. Returns how many failed: by a timeout, or by a connection that broke or was not
   made. */
static size_t fetch_all(const scene *s)
{
    size_t failed = 0;

    accounts_submit(s->all, s->count, s->pool);
    pool_run_all(s->pool);
    for (size_t i = 0; i < s->count; i++) {
        lock_sync_status status = s->all[i].status;

        if (status != LOCK_SYNC_OK)
            expect_end(&s->all[i],
                       status == LOCK_SYNC_E_NETWORK || status == LOCK_SYNC_E_CONNECT ? status : LOCK_SYNC_E_TIMEOUT);
        failed += status != LOCK_SYNC_OK;
    }
    return failed;
}

/* Fetches may fail in `rounds_max` more rounds, and then no more. */
static void expect_recovery(const scene *s, int rounds_max)
{
    size_t failed = SIZE_MAX;

    for (int round = 0; round <= rounds_max && failed > 0; round++)
        failed = fetch_all(s);
    CHECK_INT(failed, 0);
    set_deadline(s, KIT_PATIENCE_MS); /* a busy machine may be slow, and no connection is dead now */
    for (int round = 0; round < 3; round++)
        CHECK_INT(fetch_all(s), 0);
    set_deadline(s, DEADLINE_MS);
}

/* Returns whether the kernel lets a relay drop connections silently. If not, that case is skipped. */
static bool is_possible(relay_action how)
{
    if (how != RELAY_FORGET || relay_can_forget())
        return true;
    print_message("skipped: the kernel allows no socket filter\n");
    return false;
}

/* --- all connections are dead --- */

TEST_ON_STAGE(dead_connections_are_replaced)
{
    static const struct {
        const char *name;
        const h2_plan *plan;
        relay_action how;
    } rows[] = {
        {"HTTP/1.1, nothing is forwarded", &plan_http1, RELAY_HOLD},
        {"HTTP/1.1, nothing is acknowledged", &plan_http1, RELAY_FORGET},
        {"HTTP/2, nothing is forwarded", &plan_http2, RELAY_HOLD},
        {"HTTP/2, nothing is acknowledged", &plan_http2, RELAY_FORGET},
    };

    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        scene s;

        if (!is_possible(rows[i].how))
            continue;
        t_row("%s", rows[i].name);
        s = scene_make(rows[i].plan, 1, ACCOUNTS);
        CHECK_INT(fetch_all(&s), 0);
        relay_do(s.relay, rows[i].how, 0);
        expect_recovery(&s, ROUNDS_MAX);
        (void)stage_clear(NULL);
    }
}

static const relay_action deaths[] = {RELAY_HOLD, RELAY_FORGET};

/* The first timeout ends the connection for all its fetches: they need not wait for their own deadlines. */
TEST_ON_STAGE(the_first_timeout_ends_a_dead_connection_for_all_its_fetches)
{
    for (size_t how = 0; how < COUNT_OF(deaths) && is_possible(deaths[how]); how++) {
        scene s = scene_make(&plan_http2, 1, ACCOUNTS);

        expect_fetch(s.all, s.pool, LOCK_SYNC_OK); /* now one connection carries all: a crowd may open two */
        MUST_INT(fetch_all(&s), 0);
        MUST_INT(relay_connections(s.relay), 1);
        for (size_t i = 1; i < ACCOUNTS; i++)
            MUST_OK(lock_sync_set_timeout_ms(s.all[i].ctx, 100 * KIT_PATIENCE_MS));
        relay_do(s.relay, deaths[how], 0);
        accounts_submit(s.all, s.count, s.pool);
        pool_run_all(s.pool);
        expect_end(s.all, LOCK_SYNC_E_TIMEOUT);
        expect_ends(&s.all[1], ACCOUNTS - 1, LOCK_SYNC_OK);
        MUST(relay_connections(s.relay) <= 4); /* no fetch opens a separate one */
        (void)stage_clear(NULL);
    }
}

/* --- one of two is dead --- */

typedef struct goal {
    h2_lab *lab;
    size_t requests;
} goal;

static bool is_reached(void *user)
{
    const goal *g = user;

    return h2_lab_counts(g->lab).requests >= g->requests;
}

static void run_until_requests(const scene *s, size_t requests)
{
    pool_run_until(s->pool, is_reached, &(goal){s->lab, requests});
}

/* Fetches until a fetch meets the dead connection. On a slow machine the working one may carry both fetches of a round,
   one after the other. Returns the number of rounds with failed fetches: 1, or 0 if no fetch failed. */
static int meet_dead_connection(const scene *s)
{
    for (int round = 0; round < 100; round++)
        if (fetch_all(s) > 0)
            return 1;
    return 0;
}

/* Each connection allows one stream, so two fetches at once use both connections. */
TEST_ON_STAGE(one_dead_connection_of_two_is_replaced)
{
    static const h2_step holds_second[] = {{.act = H2_RESPOND}, {.act = H2_HOLD}, {.act = H2_END}};
    static const h2_step holds_first[] = {{.act = H2_HOLD}, {.act = H2_END}};
    static const h2_plan plans[] = {
        {.steps = holds_second, .streams = 1}, {.steps = holds_first, .streams = 1}, {.streams = 1}};

    for (size_t i = 0; i < 2 * COUNT_OF(deaths) && is_possible(deaths[i / 2]); i++) {
        scene s = scene_make(plans, COUNT_OF(plans), 2);

        t_row("connection %zu, %s", i % 2, i / 2 == 0 ? "nothing is forwarded" : "nothing is acknowledged");
        expect_fetch(s.all, s.pool, LOCK_SYNC_OK);
        accounts_submit(s.all, 2, s.pool);
        run_until_requests(&s, 3); /* the server holds two of them */
        h2_lab_release(s.lab);
        pool_run_all(s.pool);
        expect_ends(s.all, 2, LOCK_SYNC_OK);
        MUST_INT(relay_open_connections(s.relay), 2);
        relay_do_one(s.relay, i % 2, deaths[i / 2], 0);
        expect_recovery(&s, ROUNDS_MAX - meet_dead_connection(&s));
        (void)stage_clear(NULL);
    }
}

/* --- a server that moves --- */

#define NAME_KEPT_MS 5000 /* docs/transports.md */

static void stop_moved(void *lab)
{
    h2_lab_stop(lab);
}

static int clear_names(void **user)
{
    int wrong = stage_clear(user);

    resolver_set_address(NULL);
    kit_wait_for_one_thread();
    return wrong;
}

/* Existing connections break, and new ones to the old address are refused until the name is looked up again. */
TEST_IN(a_name_with_a_new_address_is_found_there, NULL, clear_names)
{
    h2_lab *old = h2_lab_start(pems->good, pems->key, &plan_http2, 1);
    h2_lab *moved = h2_lab_start_at("127.0.0.2", h2_lab_port(old), pems->good, pems->key, &plan_http2, 1);
    scene s = {.pool = stage_pool(), .count = ACCOUNTS};
    int64_t began_ms;

    stage_later(stop_moved, moved);
    s.all = stage_secure_accounts(ACCOUNTS, stage_text("https://service.test:%u", h2_lab_port(old)));
    resolver_set_address("127.0.0.1");
    MUST_INT(fetch_all(&s), 0);
    MUST_INT(h2_lab_counts(old).requests, ACCOUNTS);
    resolver_set_address("127.0.0.2");
    h2_lab_stop(old);
    began_ms = kit_now_ms();
    while (fetch_all(&s) > 0 && kit_now_ms() - began_ms < NAME_KEPT_MS * kit_slack())
        (void)pool_run_for(s.pool, 20);
    for (int round = 0; round < 3; round++)
        MUST_INT(fetch_all(&s), 0);
}

/* --- and when a connection must not be replaced --- */

/* Bytes that arrive do not extend the deadline. */
TEST_ON_STAGE(a_response_that_trickles_ends_by_the_deadline)
{
    const h2_plan *const plans[] = {&plan_http1, &plan_http2};

    for (size_t i = 0; i < COUNT_OF(plans); i++) {
        scene s = scene_make(plans[i], 1, 1);
        int64_t begun_ms;

        MUST_INT(fetch_all(&s), 0);
        relay_do(s.relay, RELAY_TRICKLE, (unsigned)DEADLINE_MS / 20);
        begun_ms = kit_now_ms();
        MUST_INT(fetch_all(&s), 1);
        MUST_INT(s.all[0].status, LOCK_SYNC_E_TIMEOUT);
        CHECK_BETWEEN(kit_now_ms() - begun_ms, DEADLINE_MS - 2, DEADLINE_MS + 1000 * kit_slack());
        relay_do(s.relay, RELAY_PASS, 0);
        expect_recovery(&s, ROUNDS_MAX);
        (void)stage_clear(NULL);
    }
}

/* A missing response does not end a connection on which others arrive. */
TEST_ON_STAGE(a_silent_stream_does_not_end_a_working_connection)
{
    static const h2_step silent_second[] = {{.act = H2_RESPOND}, {.act = H2_SILENCE}, {.act = H2_END}};
    static const h2_plan plan = {.steps = silent_second};
    scene s = scene_make(&plan, 1, 2);
    account *silent = &s.all[0];

    MUST_OK(lock_sync_set_base_url(silent->ctx, stage_text("%s/silent", relay_url(s.relay))));
    expect_fetch(silent, s.pool, LOCK_SYNC_OK);
    account_submit(silent, s.pool);
    run_until_requests(&s, 2);
    while (silent->calls < silent->submits) {
        expect_fetch(&s.all[1], s.pool, LOCK_SYNC_OK);
        (void)pool_run_for(s.pool, 10);
    }
    expect_end(silent, LOCK_SYNC_E_TIMEOUT);
    MUST_INT(fetch_all(&s), 0);
    MUST_INT(relay_connections(s.relay), 1);
    MUST_INT(h2_lab_requests_on(s.lab, 0), h2_lab_counts(s.lab).requests);
    MUST_INT(h2_lab_requests_for(s.lab, "/silent"), 3);
}

/* --- connections that break --- */

/* Fetches under way may fail; later ones must not. */
TEST_ON_STAGE(a_connection_that_breaks_during_fetches_is_replaced)
{
    static const relay_action breaks[] = {RELAY_CLOSE, RELAY_RESET};
    static const h2_step holds[] = {{.act = H2_RESPOND}, {.act = H2_HOLD, .times = H2_ALWAYS}};
    static const h2_plan plans[] = {{.steps = holds}, {0}};

    for (size_t i = 0; i < COUNT_OF(breaks); i++) {
        scene s = scene_make(plans, COUNT_OF(plans), ACCOUNTS);

        expect_fetch(s.all, s.pool, LOCK_SYNC_OK); /* then the pool knows that the connection carries all */
        accounts_submit(s.all, s.count, s.pool);
        run_until_requests(&s, 1 + ACCOUNTS);
        relay_do(s.relay, breaks[i], 0);
        pool_run_all(s.pool);
        for (size_t k = 0; k < s.count; k++)
            expect_end(&s.all[k], s.all[k].status == LOCK_SYNC_OK ? LOCK_SYNC_OK : LOCK_SYNC_E_NETWORK);
        MUST_INT(fetch_all(&s), 0);
        (void)stage_clear(NULL);
    }
}

int main(void)
{
    return t_run_all_in(pems_make, pems_free);
}
