/* A pool and connections that are dead without a word: they take no fetch for longer than two deadlines, and cost the
   living ones nothing. */
#include "accounts.h"

#include "../support/h2_lab.h"
#include "../support/interpose.h"
#include "../support/pems.h"
#include "../support/relay.h"

#include <stdlib.h>

#define DEADLINE_MS (400 * kit_slack())
#define ACCOUNTS 20
#define ROUNDS_MAX 2 /* in which fetches may fail */

typedef struct scene {
    h2_lab *lab;
    relay *relay;
    lock_sync_pool *pool;
    account all[ACCOUNTS];
    size_t count;
} scene;

static void scene_begin(scene *s, const h2_plan *plans, size_t plan_count, size_t accounts)
{
    *s = (scene){.lab = h2_lab_start(pems->good, pems->key, plans, plan_count), .pool = pool_make()};
    s->relay = relay_start(h2_lab_port(s->lab));
    s->count = accounts;
    for (size_t i = 0; i < accounts; i++) {
        s->all[i] = account_new(relay_url(s->relay));
        MUST_OK(lock_sync_set_ca_file(s->all[i].ctx, pems->ca));
        MUST_OK(lock_sync_set_timeout_ms(s->all[i].ctx, DEADLINE_MS));
    }
}

static void scene_end(scene *s)
{
    accounts_free(s->all, s->count);
    pool_end(s->pool);
    relay_stop(s->relay);
    h2_lab_stop(s->lab);
    MUST_INT(stray_callbacks(), 0);
}

/* All accounts fetch once. How many failed: by a timeout, or a connection that broke or was not made. */
static size_t fetch_all(scene *s)
{
    size_t failed = 0;

    accounts_submit(s->all, s->count, s->pool);
    pool_run_all(s->pool);
    for (size_t i = 0; i < s->count; i++) {
        lock_sync_status status = s->all[i].status;

        if (status != LOCK_SYNC_OK)
            expect_end(&s->all[i], status == LOCK_SYNC_E_NETWORK || status == LOCK_SYNC_E_CONNECT ? status
                                                                                                : LOCK_SYNC_E_TIMEOUT);
        failed += status != LOCK_SYNC_OK;
    }
    return failed;
}

static void expect_recovery(scene *s)
{
    size_t failed = SIZE_MAX;

    for (int round = 0; round <= ROUNDS_MAX && failed > 0; round++)
        failed = fetch_all(s);
    if (failed > 0)
        fail_msg("%zu of %zu fetches fail in round %d", failed, s->count, ROUNDS_MAX + 1);
    for (int round = 0; round < 3; round++)
        MUST_INT(fetch_all(s), 0);
}

/* --- all connections are dead --- */

static void check_all_dead(const h2_plan *plan, relay_action how)
{
    scene s;

    scene_begin(&s, plan, 1, ACCOUNTS);
    MUST_INT(fetch_all(&s), 0);
    relay_do(s.relay, how, 0);
    expect_recovery(&s);
    scene_end(&s);
}

static const h2_plan http1 = {.http1 = true};
static const h2_plan http2 = {0};

TEST(dead_connections_of_http1_are_replaced)
{
    check_all_dead(&http1, RELAY_HOLD);
    if (relay_can_forget())
        check_all_dead(&http1, RELAY_FORGET);
}

TEST(a_shared_connection_that_forwards_nothing_is_replaced)
{
    check_all_dead(&http2, RELAY_HOLD);
}

TEST(a_shared_connection_without_acknowledgements_is_replaced)
{
    if (!relay_can_forget()) {
        print_message("skipped: the kernel allows no socket filter\n");
        skip();
    }
    check_all_dead(&http2, RELAY_FORGET);
}

/* The first that is out of time speaks for all that the connection carries: they need not wait for their own deadlines. */
static void check_first_timeout(relay_action how)
{
    scene s;

    scene_begin(&s, &http2, 1, ACCOUNTS);
    account_submit(&s.all[0], s.pool);
    pool_run_account(&s.all[0]); /* then it is known that one connection carries all: a crowd may open two */
    MUST_INT(fetch_all(&s), 0);
    MUST_INT(relay_connections(s.relay), 1);
    for (size_t i = 1; i < ACCOUNTS; i++)
        MUST_OK(lock_sync_set_timeout_ms(s.all[i].ctx, 100 * KIT_PATIENCE_MS));
    relay_do(s.relay, how, 0);
    accounts_submit(s.all, s.count, s.pool);
    pool_run_all(s.pool);
    expect_end(&s.all[0], LOCK_SYNC_E_TIMEOUT);
    for (size_t i = 1; i < ACCOUNTS; i++)
        expect_end(&s.all[i], LOCK_SYNC_OK);
    MUST(relay_connections(s.relay) <= 4); /* none needs one of its own */
    scene_end(&s);
}

TEST(the_first_timeout_ends_a_dead_connection_for_all_on_it)
{
    check_first_timeout(RELAY_HOLD);
    if (relay_can_forget())
        check_first_timeout(RELAY_FORGET);
}

/* --- one of two is dead --- */

/* One stream on each connection: of two fetches at once each has its own. */
static const h2_step holds_second[] = {{.act = H2_ANSWER}, {.act = H2_HOLD}, {.act = H2_END}};
static const h2_step holds_first[] = {{.act = H2_HOLD}, {.act = H2_END}};

static bool has_three_requests(void *lab)
{
    return h2_lab_counts(lab).requests >= 3;
}

static bool has_two_requests(void *lab)
{
    return h2_lab_counts(lab).requests >= 2;
}

static bool has_all_requests(void *lab)
{
    return h2_lab_counts(lab).requests > ACCOUNTS; /* and the first */
}

static void open_two_connections(scene *s)
{
    account_submit(&s->all[0], s->pool);
    pool_run_account(&s->all[0]);
    expect_end(&s->all[0], LOCK_SYNC_OK);
    accounts_submit(s->all, 2, s->pool);
    MUST(pool_run(s->pool, has_three_requests, s->lab, KIT_PATIENCE_MS)); /* two of them are held */
    h2_lab_release(s->lab);
    pool_run_all(s->pool);
    for (size_t i = 0; i < 2; i++)
        expect_end(&s->all[i], LOCK_SYNC_OK);
    MUST_INT(relay_open_connections(s->relay), 2);
}

static void check_one_dead(relay_action how)
{
    static const h2_plan plans[] = {{.steps = holds_second, .streams = 1}, {.steps = holds_first, .streams = 1},
                                    {.streams = 1}};

    for (size_t dead = 0; dead < 2; dead++) {
        scene s;

        scene_begin(&s, plans, 3, 2);
        open_two_connections(&s);
        relay_do_one(s.relay, dead, how, 0);
        expect_recovery(&s);
        scene_end(&s);
    }
}

TEST(one_of_two_that_forwards_nothing_is_replaced)
{
    check_one_dead(RELAY_HOLD);
}

TEST(one_of_two_without_acknowledgements_is_replaced)
{
    if (!relay_can_forget()) {
        print_message("skipped: the kernel allows no socket filter\n");
        skip();
    }
    check_one_dead(RELAY_FORGET);
}

/* --- a server that moves --- */

#define NAME_KEPT_MS 5000 /* docs/transports.md */

/* Its connections break, and those that are made to the address before are refused, until the name is looked up
   again. */
TEST(a_name_with_a_new_address_is_found_there)
{
    h2_lab *moved;
    int64_t began_ms;
    char *url;
    scene s;

    scene_begin(&s, &http2, 1, ACCOUNTS);
    moved = h2_lab_start_at("127.0.0.2", h2_lab_port(s.lab), pems->good, pems->key, &http2, 1);
    url = kit_text("https://service.test:%u", h2_lab_port(s.lab));
    resolver_answer("127.0.0.1");
    for (size_t i = 0; i < ACCOUNTS; i++)
        MUST_OK(lock_sync_set_base_url(s.all[i].ctx, url));
    MUST_INT(fetch_all(&s), 0);
    MUST_INT(h2_lab_counts(s.lab).requests, ACCOUNTS);
    resolver_answer("127.0.0.2");
    h2_lab_stop(s.lab);
    s.lab = moved;
    began_ms = kit_now_ms();
    while (fetch_all(&s) > 0 && kit_now_ms() - began_ms < NAME_KEPT_MS * kit_slack())
        (void)pool_run_for(s.pool, 20);
    for (int round = 0; round < 3; round++)
        MUST_INT(fetch_all(&s), 0);
    resolver_answer(NULL);
    free(url);
    scene_end(&s);
    kit_wait_for_one_thread();
}

/* --- and what is no reason --- */

/* Bytes that come do not put the deadline off. */
TEST(an_answer_that_trickles_ends_by_the_deadline)
{
    const h2_plan *const plans[] = {&http1, &http2};

    for (size_t i = 0; i < 2; i++) {
        scene s;
        int64_t begun_ms;

        scene_begin(&s, plans[i], 1, 1);
        MUST_INT(fetch_all(&s), 0);
        relay_do(s.relay, RELAY_TRICKLE, (unsigned)DEADLINE_MS / 20);
        begun_ms = kit_now_ms();
        MUST_INT(fetch_all(&s), 1);
        MUST_INT(s.all[0].status, LOCK_SYNC_E_TIMEOUT);
        if (kit_now_ms() - begun_ms > DEADLINE_MS + 1000 * kit_slack())
            fail_msg("took %lld ms", (long long)(kit_now_ms() - begun_ms));
        relay_do(s.relay, RELAY_PASS, 0);
        expect_recovery(&s);
        scene_end(&s);
    }
}

/* One answer that does not come says nothing of the connection while others come on it. */
TEST(a_silent_stream_does_not_end_a_living_connection)
{
    static const h2_step silent_second[] = {{.act = H2_ANSWER}, {.act = H2_SILENCE}, {.act = H2_END}};
    static const h2_plan plan = {.steps = silent_second};
    char *url;
    scene s;

    scene_begin(&s, &plan, 1, 2);
    url = kit_text("%s/silent", relay_url(s.relay));
    MUST_OK(lock_sync_set_base_url(s.all[0].ctx, url));
    account_submit(&s.all[0], s.pool);
    pool_run_account(&s.all[0]);
    account_submit(&s.all[0], s.pool);
    MUST(pool_run(s.pool, has_two_requests, s.lab, KIT_PATIENCE_MS));
    while (s.all[0].calls < s.all[0].submits) {
        account_submit(&s.all[1], s.pool);
        pool_run_account(&s.all[1]);
        expect_end(&s.all[1], LOCK_SYNC_OK);
        (void)pool_run_for(s.pool, 10);
    }
    expect_end(&s.all[0], LOCK_SYNC_E_TIMEOUT);
    MUST_INT(fetch_all(&s), 0);
    MUST_INT(relay_connections(s.relay), 1);
    MUST_INT(h2_lab_requests_on(s.lab, 0), h2_lab_counts(s.lab).requests);
    MUST_INT(h2_lab_requests_for(s.lab, "/silent"), 3);
    scene_end(&s);
    free(url);
}

/* --- connections that break --- */

/* What was under way may fail; what comes then does not. */
TEST(a_connection_that_breaks_under_fetches_is_replaced)
{
    static const relay_action breaks[] = {RELAY_CLOSE, RELAY_RESET};
    static const h2_step holds[] = {{.act = H2_ANSWER}, {.act = H2_HOLD, .times = H2_ALWAYS}};
    static const h2_plan plans[] = {{.steps = holds}, {0}};

    for (size_t i = 0; i < COUNT_OF(breaks); i++) {
        scene s;

        scene_begin(&s, plans, 2, ACCOUNTS);
        account_submit(&s.all[0], s.pool); /* then it is known that the connection carries all */
        pool_run_account(&s.all[0]);
        accounts_submit(s.all, s.count, s.pool);
        MUST(pool_run(s.pool, has_all_requests, s.lab, KIT_PATIENCE_MS));
        relay_do(s.relay, breaks[i], 0);
        pool_run_all(s.pool);
        for (size_t j = 0; j < s.count; j++)
            expect_end(&s.all[j], s.all[j].status == LOCK_SYNC_OK ? LOCK_SYNC_OK : LOCK_SYNC_E_NETWORK);
        MUST_INT(fetch_all(&s), 0);
        scene_end(&s);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(dead_connections_of_http1_are_replaced),
        T(a_shared_connection_that_forwards_nothing_is_replaced),
        T(a_shared_connection_without_acknowledgements_is_replaced),
        T(the_first_timeout_ends_a_dead_connection_for_all_on_it),
        T(one_of_two_that_forwards_nothing_is_replaced),
        T(one_of_two_without_acknowledgements_is_replaced),
        T(a_name_with_a_new_address_is_found_there),
        T(an_answer_that_trickles_ends_by_the_deadline),
        T(a_silent_stream_does_not_end_a_living_connection),
        T(a_connection_that_breaks_under_fetches_is_replaced),
    };

    return T_MAIN_IN(tests, pems_make, pems_free);
}
