/* A crowd that meets a server which allows few requests on a connection at once, and says so when they are on their way
   already: what it refuses is repeated, and not over a connection for each. */
#include "accounts.h"

#include "../support/h2_lab.h"
#include "../support/nginx.h"
#include "../support/pems.h"
#include "../support/relay.h"

#include <stdlib.h>

#define ACCOUNTS 100

static account all[ACCOUNTS];
/* So many need at least ACCOUNTS / streams connections, if all are under way at once; some more are allowed. */
static const struct {
    unsigned streams;
    size_t connections_max;
} rows[] = {{10, 13}, {32, 6}, {4, 30}};

typedef struct crowd {
    lock_sync_pool *pool;
    h2_lab *holding;
} crowd;

static bool is_over(void *user)
{
    const crowd *c = user;

    h2_lab_release(c->holding);
    return lock_sync_pool_pending(c->pool) == 0;
}

/* All at once, without a connection. Whether all are good, over no more connections than that, which the relay sees.
   `holding`: a server that holds what it does not refuse, until it has seen what the pool sends at first; or NULL. */
static bool fetch_cold(relay *r, unsigned streams, size_t connections_max, h2_lab *holding)
{
    lock_sync_pool *p = pool_make();
    size_t failed = 0;
    size_t connections;

    for (size_t i = 0; i < ACCOUNTS; i++) {
        all[i] = account_new(relay_url(r));
        MUST_OK(lock_sync_set_ca_file(all[i].ctx, pems->ca));
    }
    accounts_submit(all, ACCOUNTS, p);
    if (holding != NULL) {
        (void)pool_run_for(p, 200);
        (void)pool_run(p, is_over, &(crowd){p, holding}, KIT_PATIENCE_MS);
    }
    pool_run_all(p);
    for (size_t i = 0; i < ACCOUNTS; i++) {
        failed += all[i].status != LOCK_SYNC_OK;
        if (all[i].status != LOCK_SYNC_OK && failed == 1)
            print_error("%s\n", all[i].message);
    }
    connections = relay_connections(r);
    accounts_free(all, ACCOUNTS);
    pool_end(p);
    MUST_INT(stray_callbacks(), 0);
    if (failed > 0 || connections > connections_max)
        print_error("%u streams: %zu of %d fetches failed, %zu connections\n", streams, failed, ACCOUNTS, connections);
    return failed == 0 && connections <= connections_max;
}

TEST(a_cold_crowd_at_nginx_is_answered_over_few_connections)
{
    size_t failed = 0;

    if (!nginx_exists())
        skip();
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        const nginx_setup setup = {
            .cert = pems->good, .key = pems->key, .body = raw_good_body, .streams = rows[i].streams};
        nginx *n = nginx_start(&setup);
        relay *r = relay_start(nginx_port(n));

        failed += !fetch_cold(r, rows[i].streams, rows[i].connections_max, NULL);
        relay_stop(r);
        nginx_stop(n);
    }
    MUST_INT(failed, 0);
}

/* At most two requests for each. */
static bool sends_no_more(h2_lab *lab)
{
    size_t requests = h2_lab_counts(lab).requests;

    if (requests > 2 * ACCOUNTS)
        print_error("%zu requests of %d fetches\n", requests, ACCOUNTS);
    return requests <= 2 * ACCOUNTS;
}

/* Here the network is slow besides. */
TEST(so_it_is_over_a_slow_network)
{
    size_t failed = 0;

    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        const h2_plan plan = {.streams = rows[i].streams};
        h2_lab *lab = h2_lab_start(pems->good, pems->key, &plan, 1);
        relay *r = relay_start(h2_lab_port(lab));

        relay_do_later(r, RELAY_DELAY, 20);
        failed += !fetch_cold(r, rows[i].streams, rows[i].connections_max, NULL);
        failed += !sends_no_more(lab);
        relay_stop(r);
        h2_lab_stop(lab);
    }
    MUST_INT(failed, 0);
}

/* The first connection refuses before it answers anything, and tells its limit behind that. */
TEST(what_is_refused_before_the_first_answer_is_repeated)
{
    size_t failed = 0;

    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        const h2_step holds[] = {{.act = H2_HOLD, .times = H2_ALWAYS}};
        const h2_plan plans[] = {{.steps = holds, .streams = rows[i].streams, .late = true},
                                 {.streams = rows[i].streams}};
        h2_lab *lab = h2_lab_start(pems->good, pems->key, plans, 2);
        relay *r = relay_start(h2_lab_port(lab));

        failed += !fetch_cold(r, rows[i].streams, rows[i].connections_max, lab);
        failed += !sends_no_more(lab);
        relay_stop(r);
        h2_lab_stop(lab);
    }
    MUST_INT(failed, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(a_cold_crowd_at_nginx_is_answered_over_few_connections),
        T(so_it_is_over_a_slow_network),
        T(what_is_refused_before_the_first_answer_is_repeated),
    };

    return T_MAIN_IN(tests, pems_make, pems_free);
}
