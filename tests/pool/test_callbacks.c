/* The callback: when it is called, what it gets, and what it may do besides freeing. */
#include "stage.h"

#include <pthread.h>

TEST_ON_STAGE(the_callback_is_called_once_inside_dispatch_or_wait)
{
    raw_server *good = stage_server(NULL, 0);

    for (int waiting = 0; waiting < 2; waiting++) {
        lock_sync_pool *p = pool_make();
        account *a = stage_account(raw_url(good));

        account_submit(a, p);
        expect_pending(a);
        while (lock_sync_pool_pending(p) > 0)
            MUST_OK(waiting ? pool_wait(p, 1000) : pool_dispatch(p));
        expect_end(a, LOCK_SYNC_OK);
        MUST_INT(a->locks, 2);
        MUST_INT(a->first_id, 1001);
        (void)pool_run_for(p, 20);
        MUST_INT(a->calls, 1);
        account_free(a);
        pool_end(p);
        MUST_INT(a->calls, 1);
    }
}

TEST_ON_STAGE(a_context_can_fetch_in_a_pool_and_blocking_by_turns)
{
    account *a = stage_account(raw_url(stage_server(NULL, 0)));
    lock_sync_pool *pools[] = {stage_pool(), stage_pool()};

    for (int i = 0; i < 5; i++) {
        expect_fetch(a, pools[i % 2], LOCK_SYNC_OK);
        MUST_OK(account_fetch(a, NULL));
    }
}

static void *free_results(void *results)
{
    lock_sync_results_free(results);
    return NULL;
}

TEST_ON_STAGE(results_outlive_pool_and_context_and_are_freed_on_another_thread)
{
    account *a = stage_account(raw_url(stage_server(NULL, 0)));
    lock_sync_pool *p = pool_make();
    lock_sync_results *r = NULL;
    pthread_t thread;

    a->keep = &r;
    expect_fetch(a, p, LOCK_SYNC_OK);
    account_free(a);
    pool_end(p);
    MUST_INT(lock_sync_results_count(r), 2);
    MUST_INT(pthread_create(&thread, NULL, free_results, r), 0);
    MUST_INT(pthread_join(thread, NULL), 0);
}

/* Submits again at once a context that fails at once. It must not keep dispatch from returning, or delay others. */
static void resubmit(account *a)
{
    if (a->user == NULL)
        account_submit(a, a->pool);
}

TEST_ON_STAGE(a_context_that_always_fails_and_submits_again_delays_no_other)
{
    raw_server *good = stage_server(NULL, 0);
    lock_sync_pool *p = stage_pool();
    account *a = stage_account(raw_url(good));
    account *b = stage_account(raw_url(good));

    MUST_OK(lock_sync_set_personal_key(a->ctx, NULL));
    a->then = resubmit;
    account_submit(a, p);
    for (int i = 0; i < 5; i++) {
        int64_t began = kit_now_ms();

        MUST_OK(pool_dispatch(p));
        MUST(kit_now_ms() - began < 1000 * kit_slack()); /* and returned */
    }
    expect_fetch(b, p, LOCK_SYNC_OK);
    MUST(a->calls > 5);
    a->user = a;
    pool_run_all(p);
}
