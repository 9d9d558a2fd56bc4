/* HTTP/2 requests that the server refuses as the last ones of a connection that it is about to close. libcurl 7.88
   gives those up, others it repeats: here each is repeated once, in a blocking fetch and in a pool. */
#include "accounts.h"

#include "../support/h2_lab.h"
#include "../support/pems.h"

#include <stdlib.h>

typedef struct scene {
    h2_lab *server;
    lock_sync_pool *pool; /* NULL: fetches block */
    account account;
} scene;

static const h2_step one_then_away[] = {{.act = H2_ANSWER}, {.act = H2_GOAWAY}, {.act = H2_END}};
static const h2_step away[] = {{.act = H2_GOAWAY}, {.act = H2_END}};
static const h2_step one_then_away_later[] = {
    {.act = H2_ANSWER}, {.act = H2_WAIT, .number = 1500}, {.act = H2_GOAWAY}, {.act = H2_END}};
static const h2_step silent[] = {{.act = H2_SILENCE}, {.act = H2_END}};

static scene scene_make(bool pooled, const h2_plan *plans, size_t count)
{
    scene s = {.server = h2_lab_start(pems->good, pems->key, plans, count), .pool = pooled ? pool_make() : NULL};

    s.account = account_new(h2_lab_url(s.server));
    MUST_OK(lock_sync_set_ca_file(s.account.ctx, pems->ca));
    return s;
}

static void fetch(scene *s, lock_sync_status want)
{
    lock_sync_results *results = NULL;

    if (s->pool != NULL) {
        account_submit(&s->account, s->pool);
        pool_run_account(&s->account);
        expect_end(&s->account, want);
        return;
    }
    MUST_INT(lock_sync_fetch(s->account.ctx, NULL, 0, &results), want);
    MUST_INT(lock_sync_results_count(results), want == LOCK_SYNC_OK ? 2 : 0);
    lock_sync_results_free(results);
}

/* What became of the requests, in their order. */
static void scene_end(scene *s, const char *want)
{
    char *fates;

    account_free(&s->account);
    if (s->pool != NULL)
        pool_end(s->pool);
    fates = h2_lab_fates(s->server);
    MUST_TEXT(fates, want);
    free(fates);
    h2_lab_stop(s->server);
    MUST_INT(stray_callbacks(), 0);
}

TEST(a_refused_request_is_repeated)
{
    static const h2_plan plans[] = {{.steps = one_then_away}};

    for (int pooled = 0; pooled < 2; pooled++) {
        scene s = scene_make(pooled == 1, plans, 1);

        for (int i = 0; i < 8; i++) /* more often than libcurl would on one handle */
            fetch(&s, LOCK_SYNC_OK);
        scene_end(&s, "answered\n"
                      "refused\nanswered\nrefused\nanswered\nrefused\nanswered\nrefused\nanswered\n"
                      "refused\nanswered\nrefused\nanswered\nrefused\nanswered\n");
    }
}

TEST(it_is_repeated_once)
{
    static const h2_plan plans[] = {{.steps = one_then_away}, {.steps = away}};

    for (int pooled = 0; pooled < 2; pooled++) {
        scene s = scene_make(pooled == 1, plans, 2);

        fetch(&s, LOCK_SYNC_OK);
        fetch(&s, LOCK_SYNC_E_NETWORK);
        scene_end(&s, "answered\nrefused\nrefused\n");
    }
}

/* No answer has told yet that the server speaks HTTP/2. */
TEST(the_first_request_is_repeated_too)
{
    static const h2_plan once[] = {{.steps = away}, {0}};
    static const h2_plan always[] = {{.steps = away}};

    for (int pooled = 0; pooled < 2; pooled++) {
        scene s = scene_make(pooled == 1, once, 2);

        fetch(&s, LOCK_SYNC_OK);
        scene_end(&s, "refused\nanswered\n");
        s = scene_make(pooled == 1, always, 1);
        fetch(&s, LOCK_SYNC_E_NETWORK);
        scene_end(&s, "refused\nrefused\n");
    }
}

TEST(the_repeat_counts_in_the_hour)
{
    static const h2_plan plans[] = {{.steps = one_then_away}};

    for (int pooled = 0; pooled < 2; pooled++) {
        scene s = scene_make(pooled == 1, plans, 1);
        lock_sync_guard *guard;

        MUST_OK(lock_sync_guard_new(&guard));
        MUST_OK(lock_sync_guard_set_min_interval_ms(guard, 1));
        MUST_OK(lock_sync_guard_set_hourly_budget(guard, 3, 0));
        account_guard(&s.account, guard, LOCK_SYNC_GUARD_WAIT);
        fetch(&s, LOCK_SYNC_OK);
        fetch(&s, LOCK_SYNC_OK);
        fetch(&s, LOCK_SYNC_E_TOO_SOON);
        scene_end(&s, "answered\nrefused\nanswered\n");
        lock_sync_guard_unref(guard);
    }
}

/* The deadline is the fetch's: the repeat has what the first left of it. */
TEST(the_repeat_ends_in_time)
{
    static const h2_plan plans[] = {{.steps = one_then_away_later}, {.steps = silent}};

    for (int pooled = 0; pooled < 2; pooled++) {
        scene s = scene_make(pooled == 1, plans, 2);
        int64_t begun_ms;

        MUST_OK(lock_sync_set_timeout_ms(s.account.ctx, 2000));
        fetch(&s, LOCK_SYNC_OK);
        begun_ms = kit_now_ms();
        fetch(&s, LOCK_SYNC_E_TIMEOUT);
        if (kit_now_ms() - begun_ms > 2000 + 1000 * kit_slack())
            fail_msg("took %lld ms", (long long)(kit_now_ms() - begun_ms));
        scene_end(&s, "answered\nrefused\nsilent\n");
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(a_refused_request_is_repeated),
        T(it_is_repeated_once),
        T(the_first_request_is_repeated_too),
        T(the_repeat_counts_in_the_hour),
        T(the_repeat_ends_in_time),
    };

    return T_MAIN_IN(tests, pems_make, pems_free);
}
