/* Callbacks that free: their context, others, the pool; and callbacks of what is being freed that go on as ever. What
   may crash runs in a process of its own. */
#include "accounts.h"
#include "../support/heap.h"

#include <stdlib.h>
#include <unistd.h>

static const char dead_url[] = "http://127.0.0.1:1";

static lock_sync_status again;

static void submit_again(account *a)
{
    again = account_try(a, a->pool);
}

/* A host that polls submits again in each callback; this one does not look at the status. */
static void run_resubmitting_pool_free(void *user)
{
    heap h = {0};
    lock_sync_allocator memory = heap_allocator(&h);
    lock_sync_pool *p;
    account a = account_new(dead_url);

    (void)user;
    CHILD_MUST(lock_sync_pool_new_with_allocator(&memory, &p) == LOCK_SYNC_OK);
    a.then = submit_again;
    CHILD_MUST(account_try(&a, p) == LOCK_SYNC_OK);
    pool_end(p);
    CHILD_MUST(a.calls == a.submits); /* refused, or called back */
    CHILD_MUST(h.blocks == 0);
    CHILD_MUST(lock_sync_set_timeout_ms(a.ctx, 1000) == LOCK_SYNC_OK); /* free for the next */
    account_free(&a);
    CHILD_MUST(a.calls == a.submits);
}

TEST(a_callback_of_pool_free_that_submits_again_does_no_harm)
{
    MUST(survives(run_resubmitting_pool_free, NULL));
}

static account *second;

static void submit_the_second(account *a)
{
    again = account_try(second, a->pool);
}

static void run_submitting_another(void *user)
{
    lock_sync_pool *p = pool_make();
    account a = account_new(dead_url);
    account other = account_new(dead_url);

    (void)user;
    second = &other;
    a.then = submit_the_second;
    CHILD_MUST(account_try(&a, p) == LOCK_SYNC_OK);
    pool_end(p);
    CHILD_MUST(other.calls == other.submits);
    account_free(&other);
    account_free(&a);
}

TEST(a_callback_of_pool_free_that_submits_another_does_no_harm)
{
    MUST(survives(run_submitting_another, NULL));
}

static void free_own(account *a)
{
    lock_sync_ctx_free(a->ctx);
    a->ctx = NULL;
}

/* "A callback may free its own context": so does one that is called inside of lock_sync_ctx_free(). */
static void run_freeing_twice(void *user)
{
    heap h = {0};
    lock_sync_allocator memory = heap_allocator(&h);
    lock_sync_pool *p = pool_make();
    account a = account_new_in(dead_url, &memory);

    (void)user;
    a.then = free_own;
    CHILD_MUST(account_try(&a, p) == LOCK_SYNC_OK);
    account_free(&a);
    CHILD_MUST(a.calls == 1 && h.blocks == 0);
    pool_end(p);
}

TEST(a_callback_inside_ctx_free_may_free_its_own_context)
{
    MUST(survives(run_freeing_twice, NULL));
}

static lock_sync_status inner[2];

static void try_to_dispatch(account *a)
{
    inner[0] = lock_sync_pool_dispatch(a->pool);
    inner[1] = lock_sync_pool_wait(a->pool, 0);
}

TEST(dispatch_and_wait_are_busy_inside_each_callback)
{
    lock_sync_pool *p = pool_make();
    account a = account_new(dead_url);

    a.then = try_to_dispatch;
    account_submit(&a, p);
    pool_run_all(p);
    MUST_INT(inner[0], LOCK_SYNC_E_BUSY);
    MUST_INT(inner[1], LOCK_SYNC_E_BUSY);
    account_submit(&a, p);
    inner[0] = inner[1] = 0;
    pool_end(p);
    MUST_INT(inner[0], LOCK_SYNC_E_BUSY);
    MUST_INT(inner[1], LOCK_SYNC_E_BUSY);
    p = pool_make();
    account_submit(&a, p);
    inner[0] = inner[1] = 0;
    account_free(&a); /* outside of dispatch */
    MUST_INT(inner[0], LOCK_SYNC_E_BUSY);
    MUST_INT(inner[1], LOCK_SYNC_E_BUSY);
    pool_end(p);
}

static void free_pool(account *a)
{
    lock_sync_pool_free(a->pool);
}

static void free_pool_and_own(account *a)
{
    free_pool(a);
    free_own(a);
}

static void run_freeing_pool(void *user)
{
    bool own = *(const bool *)user;
    heap h = {0};
    lock_sync_allocator memory = heap_allocator(&h);
    lock_sync_pool *p;
    account all[10];

    CHILD_MUST(lock_sync_pool_new_with_allocator(&memory, &p) == LOCK_SYNC_OK);
    CHILD_MUST(lock_sync_pool_set_max_active(p, 3) == LOCK_SYNC_OK);
    accounts_make(all, 10, dead_url);
    all[1].then = own ? free_pool_and_own : free_pool;
    all[5].then = free_own;
    for (size_t i = 0; i < 10; i++)
        CHILD_MUST(account_try(&all[i], p) == LOCK_SYNC_OK);
    while (all[1].calls == 0)
        (void)pool_wait(p, 1000);
    for (size_t i = 0; i < 10; i++)
        CHILD_MUST(all[i].calls == 1);
    CHILD_MUST(all[1].status == LOCK_SYNC_E_CONNECT && all[9].status == LOCK_SYNC_E_CANCELLED);
    CHILD_MUST(h.blocks == 0 && stray_callbacks() == 0);
    accounts_free(all, 10);
}

TEST(a_pool_freed_by_a_callback_is_freed_when_its_call_is_over)
{
    for (int own = 0; own < 2; own++) {
        bool both = own;

        MUST(survives(run_freeing_pool, &both));
    }
}

/* "pool_free in a callback is deferred": also in that of a context which is being freed. */
static void run_freeing_pool_in_ctx_free(void *user)
{
    lock_sync_pool *p = pool_make();
    account a = account_new(dead_url);
    account other = account_new(dead_url);

    (void)user;
    a.then = free_pool;
    CHILD_MUST(account_try(&a, p) == LOCK_SYNC_OK && account_try(&other, p) == LOCK_SYNC_OK);
    account_free(&a);
    CHILD_MUST(a.calls == 1 && other.calls == 1 && other.status == LOCK_SYNC_E_CANCELLED);
    account_free(&other);
}

TEST(a_pool_is_freed_by_the_callback_of_a_freed_context)
{
    MUST(survives(run_freeing_pool_in_ctx_free, NULL));
}

/* --- freeing others --- */

#define MANY 40

static account many[MANY];

static void free_some(account *a)
{
    size_t own = (size_t)(a - many);

    for (size_t i = 0; i < MANY; i++)
        if (i != own && i % 3 == own % 3) {
            many[i].then = NULL;
            account_free(&many[i]);
        }
}

TEST(callbacks_free_other_contexts_in_all_states)
{
    raw_server *server = raw_start(AF_INET, NULL, 0);

    for (uint32_t active = 1; active <= MANY; active *= 3) {
        heap h = {0};
        lock_sync_allocator memory = heap_allocator(&h);
        lock_sync_pool *p;
        size_t good = 0;

        MUST_OK(lock_sync_pool_new_with_allocator(&memory, &p));
        MUST_OK(lock_sync_pool_set_max_active(p, active));
        accounts_make(many, MANY, raw_url(server));
        for (size_t i = 0; i < MANY; i++)
            many[i].then = free_some;
        accounts_submit(many, MANY, p);
        pool_run_all(p);
        for (size_t i = 0; i < MANY; i++) {
            MUST_INT(many[i].calls, 1);
            MUST(many[i].status == LOCK_SYNC_OK || many[i].status == LOCK_SYNC_E_CANCELLED);
            good += many[i].status == LOCK_SYNC_OK;
        }
        MUST(good >= 1);
        accounts_free(many, MANY);
        pool_end(p);
        MUST_INT(h.blocks, 0);
    }
    raw_stop(server);
    MUST_INT(stray_callbacks(), 0);
}

static void free_all_others(account *a)
{
    for (size_t i = 0; i < MANY; i++)
        if (&many[i] != a) {
            many[i].then = NULL;
            account_free(&many[i]);
        }
}

TEST(callbacks_of_pool_free_free_other_contexts)
{
    lock_sync_pool *p = pool_make();

    accounts_make(many, MANY, dead_url);
    many[3].then = many[20].then = free_all_others;
    accounts_submit(many, MANY, p);
    pool_end(p);
    for (size_t i = 0; i < MANY; i++)
        expect_end(&many[i], LOCK_SYNC_E_CANCELLED);
    accounts_free(many, MANY);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(a_callback_of_pool_free_that_submits_again_does_no_harm),
        T(a_callback_of_pool_free_that_submits_another_does_no_harm),
        T(a_callback_inside_ctx_free_may_free_its_own_context),
        T(dispatch_and_wait_are_busy_inside_each_callback),
        T(a_pool_freed_by_a_callback_is_freed_when_its_call_is_over),
        T(a_pool_is_freed_by_the_callback_of_a_freed_context),
        T(callbacks_free_other_contexts_in_all_states),
        T(callbacks_of_pool_free_free_other_contexts),
    };

    return T_MAIN(tests);
}
