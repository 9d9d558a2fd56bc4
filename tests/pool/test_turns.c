/* Origins that want the same connection take turns, each with as many fetches as a turn has, and not with as many as come
   to an end together. */
#include "accounts.h"
#include "shares.h"

#include "../support/h2_lab.h"
#include "../support/pems.h"

#define TURN_HTTP1 16
#define TURN_HTTP2 100
#define ORIGINS 5

/* A new connection is a turn's. There are a few more: the last turns are short, and so are the first, on trial. */
static void check(const h2_plan *plan, size_t each, size_t turn)
{
    static account all[ORIGINS * 20];
    const size_t turns = 6; /* of each origin; one that is cut off does not matter much */
    h2_lab *labs[ORIGINS];
    size_t connections = 0;
    lock_sync_pool *p = pool_make();

    MUST_OK(lock_sync_pool_set_max_connections(p, 1, 1));
    for (size_t i = 0; i < ORIGINS * each; i++) {
        if (i % each == 0)
            labs[i / each] = h2_lab_start(pems->good, pems->key, plan, 1);
        all[i] = account_new(h2_lab_url(labs[i / each]));
        MUST_OK(lock_sync_set_ca_file(all[i].ctx, pems->ca));
    }
    expect_equal_shares(all, ORIGINS * each, ORIGINS, ORIGINS * turns * turn, p);
    accounts_free(all, ORIGINS * each);
    pool_end(p);
    for (size_t i = 0; i < ORIGINS; i++) {
        connections += h2_lab_counts(labs[i]).connections;
        h2_lab_stop(labs[i]);
    }
    if (connections > ORIGINS * (turns + 4))
        fail_msg("%zu accounts of each: %zu connections", each, connections);
    MUST_INT(stray_callbacks(), 0);
}

static const size_t members[] = {1, 3, 20};

TEST(over_http1_a_turn_is_not_cut_short)
{
    static const h2_plan http1 = {.http1 = true};

    for (size_t i = 0; i < COUNT_OF(members); i++)
        check(&http1, members[i], TURN_HTTP1);
}

TEST(over_http2_a_turn_is_not_cut_short)
{
    static const h2_plan http2 = {0};

    for (size_t i = 0; i < COUNT_OF(members); i++)
        check(&http2, members[i], TURN_HTTP2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(over_http1_a_turn_is_not_cut_short),
        T(over_http2_a_turn_is_not_cut_short),
    };

    return T_MAIN_IN(tests, pems_make, pems_free);
}
