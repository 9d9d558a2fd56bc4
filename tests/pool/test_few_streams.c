/* Many first fetches meet a server that allows few requests at once on a connection, and says so too late. The pool
   retries what the server refuses, without opening a connection for each. */
#include "labs.h"

#define ACCOUNTS 100

/* The fetches need at least ACCOUNTS / streams connections if all are under way at once; a few more are allowed. */
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

/* Submits all accounts at once, without a connection. All must succeed over at most `connections_max` connections,
   as the relay counts them. `holding`: NULL, or a server that holds what it does not refuse until it has seen the
   pool's first requests. */
static void fetch_all_at_once(relay *r, size_t connections_max, h2_lab *holding)
{
    lock_sync_pool *p = stage_pool();
    account *all = stage_secure_accounts(ACCOUNTS, relay_url(r));

    accounts_submit(all, ACCOUNTS, p);
    if (holding != NULL) {
        (void)pool_run_for(p, 200);
        (void)pool_run(p, is_over, &(crowd){p, holding}, KIT_PATIENCE_MS);
    }
    pool_run_all(p);
    for (size_t i = 0; i < ACCOUNTS; i++)
        if (!CHECK_OK(all[i].status))
            print_error("%s\n", all[i].message);
    CHECK_BETWEEN(relay_connections(r), 1, connections_max);
}

TEST_ON_STAGE(many_first_fetches_at_nginx_use_few_connections)
{
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        const nginx_setup setup = {
            .cert = pems->good, .key = pems->key, .body = raw_good_body, .streams = rows[i].streams};

        t_row("%u streams", rows[i].streams);
        fetch_all_at_once(stage_relay(nginx_port(stage_nginx(&setup))), rows[i].connections_max, NULL);
        (void)stage_clear(NULL);
    }
}

/* Here the network is slow, too. At most two requests are sent for each fetch. */
TEST_ON_STAGE(many_first_fetches_over_a_slow_network_use_few_connections)
{
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        const h2_plan plan = {.streams = rows[i].streams};
        h2_lab *lab = stage_lab(&plan, 1);
        relay *r = stage_relay(h2_lab_port(lab));

        t_row("%u streams", rows[i].streams);
        relay_do_later(r, RELAY_DELAY, 20);
        fetch_all_at_once(r, rows[i].connections_max, NULL);
        CHECK_BETWEEN(h2_lab_counts(lab).requests, ACCOUNTS, 2 * ACCOUNTS);
        (void)stage_clear(NULL);
    }
}

/* The first connection refuses requests before its first response, and announces its limit after that. */
TEST_ON_STAGE(requests_refused_before_the_first_response_are_retried)
{
    static const h2_step holds[] = {{.act = H2_HOLD, .times = H2_ALWAYS}};

    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        const h2_plan plans[] = {{.steps = holds, .streams = rows[i].streams, .late = true},
                                 {.streams = rows[i].streams}};
        h2_lab *lab = stage_lab(plans, COUNT_OF(plans));

        t_row("%u streams", rows[i].streams);
        fetch_all_at_once(stage_relay(h2_lab_port(lab)), rows[i].connections_max, lab);
        CHECK_BETWEEN(h2_lab_counts(lab).requests, ACCOUNTS, 2 * ACCOUNTS);
        (void)stage_clear(NULL);
    }
}

int main(void)
{
    return t_run_all_in(pems_make, pems_free);
}
