/* Freeing a context, or the pool, with a fetch in each state that it can be in: a callback with E_CANCELLED inside of
   that call, nothing left in either heap, and a pool that goes on. */
#include "accounts.h"
#include "scenes.h"

#include "../support/interpose.h"

#define SOON_MS (100 * kit_slack())

TEST(freeing_a_context_ends_its_fetch_in_each_state)
{
    size_t leaks = scene_leaks();

    for (scene_state state = 0; state < SCENE_COUNT; state++) {
        scene s;
        account later;
        int64_t began;

        scene_begin(&s, state);
        later = account_new(raw_url(s.good));
        expect_pending(&s.a);
        began = kit_now_ms();
        account_free(&s.a);
        if (kit_now_ms() - began > SOON_MS)
            fail_msg("%s: freeing took %d ms", scene_names[state], (int)(kit_now_ms() - began));
        expect_end(&s.a, LOCK_SYNC_E_CANCELLED);
        MUST_INT(lock_sync_pool_pending(s.pool), s.other.submits);
        if (state == SCENE_QUEUED)
            lock_sync_cancel(s.other.ctx);
        account_submit(&later, s.pool);
        pool_run_account(&later);
        expect_end(&later, LOCK_SYNC_OK);
        scene_release(&s);
        (void)pool_run_for(s.pool, 20); /* what the helper thread had comes back */
        account_free(&later);
        scene_end(&s);
    }
    MUST_INT(scene_leaks(), leaks);
}

/* The same, but the pool is freed while the helper thread still has the fetch of a context that is no more. */
TEST(freeing_a_context_and_then_the_pool)
{
    size_t leaks = scene_leaks();

    for (scene_state state = 0; state < SCENE_COUNT; state++) {
        scene s;

        scene_begin(&s, state);
        account_free(&s.a);
        expect_end(&s.a, LOCK_SYNC_E_CANCELLED);
        scene_release(&s);
        pool_end(s.pool);
        s.pool = NULL;
        if (s.other.ctx != NULL)
            expect_end(&s.other, LOCK_SYNC_E_CANCELLED);
        scene_end(&s);
    }
    MUST_INT(scene_leaks(), leaks);
}

TEST(freeing_the_pool_ends_its_fetches_in_each_state)
{
    size_t leaks = scene_leaks();

    for (scene_state state = 0; state < SCENE_COUNT; state++) {
        scene s;
        int64_t began;

        scene_begin(&s, state);
        expect_pending(&s.a);
        if (scene_blocks(state)) /* for which it waits */
            scene_release(&s);
        began = kit_now_ms();
        pool_end(s.pool);
        s.pool = NULL;
        if (kit_now_ms() - began > SOON_MS)
            fail_msg("%s: freeing took %d ms", scene_names[state], (int)(kit_now_ms() - began));
        expect_end(&s.a, LOCK_SYNC_E_CANCELLED);
        if (s.other.ctx != NULL)
            expect_end(&s.other, LOCK_SYNC_E_CANCELLED);
        resolver_release();
        MUST_OK(lock_sync_set_token_provider(s.a.ctx, NULL, NULL));
        MUST_OK(lock_sync_set_guard_mode(s.a.ctx, LOCK_SYNC_GUARD_OFF));
        MUST_OK(lock_sync_set_base_url(s.a.ctx, raw_url(s.good)));
        s.pool = pool_make(); /* the contexts stay, and serve elsewhere */
        account_submit(&s.a, s.pool);
        pool_run_all(s.pool);
        expect_end(&s.a, LOCK_SYNC_OK);
        scene_end(&s);
    }
    MUST_INT(scene_leaks(), leaks);
}

/* Cancelled in each state; those that the helper thread has come back when it does. */
TEST(cancelling_ends_a_fetch_in_each_state)
{
    size_t leaks = scene_leaks();

    for (scene_state state = 0; state < SCENE_COUNT; state++) {
        scene s;
        int64_t began;

        scene_begin(&s, state);
        lock_sync_cancel(s.a.ctx);
        lock_sync_cancel(s.a.ctx);
        expect_pending(&s.a);
        if (scene_blocks(state))
            store_release(s.store);
        began = kit_now_ms();
        pool_run_account(&s.a);
        if (s.a.ended_ms - began > SOON_MS)
            fail_msg("%s: the cancel took %d ms", scene_names[state], (int)(s.a.ended_ms - began));
        if (state == SCENE_SETTLING) /* its answer is there already */
            expect_end(&s.a, LOCK_SYNC_OK);
        else
            expect_end(&s.a, LOCK_SYNC_E_CANCELLED);
        lock_sync_cancel(s.a.ctx); /* nothing runs */
        resolver_release();
        if (state == SCENE_QUEUED)
            lock_sync_cancel(s.other.ctx);
        MUST_OK(lock_sync_set_token_provider(s.a.ctx, NULL, NULL));
        MUST_OK(lock_sync_set_guard_mode(s.a.ctx, LOCK_SYNC_GUARD_OFF));
        MUST_OK(lock_sync_set_base_url(s.a.ctx, raw_url(s.good)));
        account_submit(&s.a, s.pool);
        pool_run_all(s.pool);
        expect_end(&s.a, LOCK_SYNC_OK);
        scene_end(&s);
    }
    MUST_INT(scene_leaks(), leaks);
}

/* The slot of a fetch that ended before anything was sent is given back. */
TEST(the_slot_of_a_freed_context_is_given_back)
{
    scene s;
    account next;

    scene_begin(&s, SCENE_ASKING);
    MUST_OK(lock_sync_guard_set_min_interval_ms(s.guard, 60000));
    account_free(&s.a);
    scene_release(&s);
    next = account_new(raw_url(s.good));
    account_guard(&next, s.guard, LOCK_SYNC_GUARD_FAIL);
    (void)pool_run_for(s.pool, 50);
    account_submit(&next, s.pool);
    pool_run_account(&next);
    expect_end(&next, LOCK_SYNC_OK);
    account_free(&next);
    scene_end(&s);
}

static int end(void **user)
{
    (void)user;
    kit_wait_for_one_thread(); /* look-ups that were let go */
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(freeing_a_context_ends_its_fetch_in_each_state),
        T(freeing_a_context_and_then_the_pool),
        T(freeing_the_pool_ends_its_fetches_in_each_state),
        T(cancelling_ends_a_fetch_in_each_state),
        T(the_slot_of_a_freed_context_is_given_back),
    };

    return T_MAIN_IN(tests, NULL, end);
}
