/* Origins that need the same connection take turns. A turn has a fixed number of fetches, even if several end at
   once, so each origin gets as much as the others. */
#include "labs.h"

#define TURN_HTTP1 16
#define TURN_HTTP2 100
#define ORIGINS 5

typedef struct round {
    account *all;
    size_t each; /* accounts of an origin */
    size_t left; /* fetches */
    size_t counts[ORIGINS];
} round;

static void submit_again(account *a)
{
    round *r = a->user;

    MUST_OK(a->status);
    if (r->left == 0)
        return;
    r->left--;
    r->counts[(size_t)(a - r->all) / r->each]++;
    account_submit(a, a->pool);
}

/* Checks that each turn opens one connection. A few more are allowed: the last turns are short, and so are the first,
   on trial. */
static void check(const h2_plan *plan, size_t each, size_t turn)
{
    const size_t turns = 6; /* of each origin; enough that one cut short does not matter */
    account *all = stage_secure_accounts(ORIGINS * each, DEAD_URL);
    round r = {all, each, ORIGINS * turns * turn, {0}};
    lock_sync_pool *p = stage_pool();
    h2_lab *labs[ORIGINS];
    size_t connections = 0;
    size_t least = SIZE_MAX;
    size_t most = 0;

    t_row("%zu accounts of each origin", each);
    MUST_OK(lock_sync_pool_set_max_connections(p, 1, 1));
    for (size_t i = 0; i < ORIGINS * each; i++) {
        if (i % each == 0)
            labs[i / each] = stage_lab(plan, 1);
        all[i].then = submit_again;
        all[i].user = &r;
        MUST_OK(lock_sync_set_base_url(all[i].ctx, h2_lab_url(labs[i / each])));
        account_submit(&all[i], p);
    }
    pool_run_all(p);
    for (size_t i = 0; i < ORIGINS; i++) {
        connections += h2_lab_counts(labs[i]).connections;
        least = r.counts[i] < least ? r.counts[i] : least;
        most = r.counts[i] > most ? r.counts[i] : most;
    }
    CHECK_BETWEEN(connections, ORIGINS, ORIGINS * (turns + 4));
    CHECK_BETWEEN(least, most - most / 5, most);
    (void)stage_clear(NULL);
}

static const size_t members[] = {1, 3, 20};

TEST_ON_STAGE(over_http1_a_turn_is_not_cut_short)
{
    for (size_t i = 0; i < COUNT_OF(members); i++)
        check(&plan_http1, members[i], TURN_HTTP1);
}

TEST_ON_STAGE(over_http2_a_turn_is_not_cut_short)
{
    for (size_t i = 0; i < COUNT_OF(members); i++)
        check(&plan_http2, members[i], TURN_HTTP2);
}

int main(void)
{
    return t_run_all_in(pems_make, pems_free);
}
