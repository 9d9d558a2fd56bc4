/* The callback: when it comes, what it is told, and what it may do besides freeing. */
#include "accounts.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

static raw_server *good;

static int begin(void **user)
{
    (void)user;
    good = raw_start(AF_INET, NULL, 0);
    return 0;
}

static int end(void **user)
{
    (void)user;
    raw_stop(good);
    return 0;
}

TEST(the_callback_comes_once_inside_dispatch_or_wait)
{
    for (int waiting = 0; waiting < 2; waiting++) {
        lock_sync_pool *p = pool_make();
        account a = account_new(raw_url(good));

        account_submit(&a, p);
        expect_pending(&a);
        while (lock_sync_pool_pending(p) > 0)
            MUST_OK(waiting ? pool_wait(p, 1000) : pool_dispatch(p));
        expect_end(&a, LOCK_SYNC_OK);
        MUST_INT(a.locks, 2);
        MUST_INT(a.first_id, 1001);
        (void)pool_run_for(p, 20);
        MUST_INT(a.calls, 1);
        account_free(&a);
        pool_end(p);
        MUST_INT(a.calls, 1);
        MUST_INT(stray_callbacks(), 0);
    }
}

TEST(a_context_goes_from_pool_to_blocking_fetch_and_back)
{
    lock_sync_pool *p = pool_make();
    lock_sync_pool *second = pool_make();
    account a = account_new(raw_url(good));

    for (int i = 0; i < 5; i++) {
        lock_sync_results *r;

        account_submit(&a, i % 2 == 0 ? p : second);
        pool_run_account(&a);
        expect_end(&a, LOCK_SYNC_OK);
        MUST_OK(lock_sync_fetch(a.ctx, NULL, 0, &r));
        lock_sync_results_free(r);
    }
    account_free(&a);
    pool_end(second);
    pool_end(p);
}

TEST(last_error_describes_that_fetch)
{
    static const raw_step limited[] = {
        RAW_READ_REQUEST,
        RAW_SEND_TEXT("HTTP/1.1 429 Slow\r\nRetry-After: 9\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"), RAW_END};
    static const raw_step *const scripts[] = {limited};
    raw_server *server = raw_start(AF_INET, scripts, 1);
    lock_sync_pool *p = pool_make();
    account a = account_new(raw_url(server));
    account other = account_new(raw_url(good));

    account_submit(&a, p);
    account_submit(&other, p);
    pool_run_all(p);
    expect_end(&a, LOCK_SYNC_E_RATE_LIMITED);
    MUST_INT(a.http_status, 429);
    MUST_INT(a.retry_after_ms, 9000);
    expect_end(&other, LOCK_SYNC_OK);
    account_submit(&a, p);
    pool_run_all(p);
    expect_end(&a, LOCK_SYNC_OK);
    MUST_INT(a.http_status, 0);
    MUST_INT(a.retry_after_ms, -1);
    account_free(&a);
    account_free(&other);
    pool_end(p);
    raw_stop(server);
}

TEST(only_the_ids_asked_for_are_told)
{
    static const int64_t ids[] = {1002, 7};
    lock_sync_pool *p = pool_make();
    account a = account_new(raw_url(good));
    lock_sync_results *r = NULL;

    a.keep = &r;
    account_submit(&a, p);
    pool_run_all(p);
    MUST_INT(lock_sync_results_count(r), 2);
    lock_sync_results_free(r);
    MUST_OK(lock_sync_fetch(a.ctx, ids, 2, &r));
    MUST_INT(lock_sync_results_missing_count(r), 1);
    lock_sync_results_free(r);
    account_free(&a);
    pool_end(p);
}

static void *free_results(void *results)
{
    lock_sync_results_free(results);
    return NULL;
}

TEST(results_outlive_pool_and_context_and_are_freed_on_another_thread)
{
    lock_sync_pool *p = pool_make();
    account a = account_new(raw_url(good));
    lock_sync_results *r = NULL;
    pthread_t thread;

    a.keep = &r;
    account_submit(&a, p);
    pool_run_all(p);
    account_free(&a);
    pool_end(p);
    MUST_INT(lock_sync_results_count(r), 2);
    MUST_INT(pthread_create(&thread, NULL, free_results, r), 0);
    MUST_INT(pthread_join(thread, NULL), 0);
}

/* --- submitting in callbacks --- */

#define ROUNDS 20

static void go_round(account *a)
{
    account *other = a->user;

    if (a->calls < ROUNDS && a->status == LOCK_SYNC_OK)
        account_submit(other, a->pool);
}

TEST(a_callback_submits_its_own_context_again)
{
    lock_sync_pool *p = pool_make();
    account a = account_new(raw_url(good));

    a.then = go_round;
    a.user = &a;
    account_submit(&a, p);
    pool_run_all(p);
    MUST_INT(a.calls, ROUNDS);
    expect_end(&a, LOCK_SYNC_OK);
    account_free(&a);
    pool_end(p);
}

TEST(a_callback_submits_another_context)
{
    lock_sync_pool *p = pool_make();
    account a = account_new(raw_url(good));
    account b = account_new(raw_url(good));

    a.then = b.then = go_round;
    a.user = &b;
    b.user = &a;
    account_submit(&a, p);
    pool_run_all(p);
    MUST_INT(a.calls, ROUNDS);
    MUST_INT(b.calls, ROUNDS - 1);
    account_free(&a);
    account_free(&b);
    pool_end(p);
}

/* One that fails at once and submits at once does not keep dispatch from returning, nor others from going on. */
static void resubmit(account *a)
{
    if (a->user == NULL)
        account_submit(a, a->pool);
}

TEST(a_context_that_fails_and_submits_for_ever_delays_no_other)
{
    lock_sync_pool *p = pool_make();
    account a = account_new(raw_url(good));
    account b = account_new(raw_url(good));

    MUST_OK(lock_sync_set_personal_key(a.ctx, NULL));
    a.then = resubmit;
    account_submit(&a, p);
    for (int i = 0; i < 5; i++) {
        int64_t began = kit_now_ms();

        MUST_OK(pool_dispatch(p));
        MUST(kit_now_ms() - began < 50 * kit_slack());
    }
    account_submit(&b, p);
    pool_run_account(&b);
    expect_end(&b, LOCK_SYNC_OK);
    MUST(a.calls > 5);
    a.user = &a;
    pool_run_all(p);
    account_free(&a);
    account_free(&b);
    pool_end(p);
}

/* --- cancelling in callbacks --- */

static account all[12];

static void cancel_the_others(account *a)
{
    for (size_t i = 0; i < COUNT_OF(all); i++)
        lock_sync_cancel(all[i].ctx);
    (void)a;
}

TEST(a_callback_cancels_others)
{
    static const raw_step silent[] = {RAW_READ_REQUEST, RAW_WAIT_FOR_CLOSE};
    static const raw_step *const scripts[] = {silent, silent, silent, silent, silent, silent,
                                              silent, silent, silent, silent, silent, silent};
    raw_server *quiet = raw_start(AF_INET, scripts, COUNT_OF(scripts));
    lock_sync_pool *p = pool_make();
    account a = account_new(raw_url(good));

    accounts_make(all, COUNT_OF(all), raw_url(quiet));
    MUST_OK(lock_sync_pool_set_max_active(p, 6));
    a.then = cancel_the_others;
    account_submit(&a, p);
    accounts_submit(all, COUNT_OF(all), p);
    pool_run_all(p);
    expect_end(&a, LOCK_SYNC_OK);
    for (size_t i = 0; i < COUNT_OF(all); i++) {
        expect_end(&all[i], LOCK_SYNC_E_CANCELLED);
        MUST(all[i].ended_ms - a.ended_ms < 100 * kit_slack());
        MUST_OK(lock_sync_set_base_url(all[i].ctx, raw_url(good)));
    }
    accounts_submit(all, COUNT_OF(all), p); /* none is cancelled any more */
    pool_run_all(p);
    for (size_t i = 0; i < COUNT_OF(all); i++)
        expect_end(&all[i], LOCK_SYNC_OK);
    accounts_free(all, COUNT_OF(all));
    account_free(&a);
    pool_end(p);
    raw_stop(quiet);
}

/* A cancel after the last callback does not cut the next fetch. */
TEST(a_cancel_of_nothing_has_no_effect)
{
    lock_sync_pool *p = pool_make();
    account a = account_new(raw_url(good));

    for (int i = 0; i < 5; i++) {
        lock_sync_cancel(a.ctx);
        account_submit(&a, p);
        pool_run_all(p);
        expect_end(&a, LOCK_SYNC_OK);
    }
    account_free(&a);
    pool_end(p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(the_callback_comes_once_inside_dispatch_or_wait),
        T(a_context_goes_from_pool_to_blocking_fetch_and_back),
        T(last_error_describes_that_fetch),
        T(only_the_ids_asked_for_are_told),
        T(results_outlive_pool_and_context_and_are_freed_on_another_thread),
        T(a_callback_submits_its_own_context_again),
        T(a_callback_submits_another_context),
        T(a_context_that_fails_and_submits_for_ever_delays_no_other),
        T(a_callback_cancels_others),
        T(a_cancel_of_nothing_has_no_effect),
    };

    return T_MAIN_IN(tests, begin, end);
}
