/* Ends a fetch or a directory in each state, by freeing its context or the pool, or by a cancel. The callback must get
   E_CANCELLED inside of that call, soon. Both heaps must be empty, and the pool and the context must stay usable. */
#include "scenes.h"

#include "../support/interpose.h"

#define SOON_MS (1000 * kit_slack())

static void submit(scene *s)
{
    account_submit(&s->a, s->pool);
}

static void submit_directory(scene *s)
{
    account_submit_directory(&s->a, s->pool);
}

static void in_each_state(void (*end_it)(scene *s))
{
    size_t leaks = scene_leaks();

    for (int i = 0; i < 2 * SCENE_COUNT; i++) {
        scene_state state = (scene_state)(i % SCENE_COUNT);
        scene s;

        t_row("%s, %s", scene_names[state], i < SCENE_COUNT ? "a fetch" : "a directory");
        scene_begin(&s, state, i < SCENE_COUNT ? submit : submit_directory);
        expect_pending(&s.a);
        end_it(&s);
        scene_end(&s);
    }
    CHECK_INT(scene_leaks(), leaks);
}

static void end_pool(scene *s)
{
    int64_t began = kit_now_ms();

    pool_end(s->pool);
    s->pool = NULL;
    MUST(kit_now_ms() - began < SOON_MS);
    expect_end(&s->a, LOCK_SYNC_E_CANCELLED);
    if (s->other.ctx != NULL)
        expect_end(&s->other, LOCK_SYNC_E_CANCELLED);
}

static void free_context(scene *s)
{
    int64_t began = kit_now_ms();

    account_free(&s->a);
    MUST(kit_now_ms() - began < SOON_MS);
    expect_end(&s->a, LOCK_SYNC_E_CANCELLED);
    MUST_INT(lock_sync_pool_pending(s->pool), s->other.submits);
}

/* Fetches with the account's context from a good server. */
static void fetch_from_good_server(scene *s)
{
    MUST_OK(lock_sync_set_token_provider(s->a.ctx, NULL, NULL));
    MUST_OK(lock_sync_set_guard_mode(s->a.ctx, LOCK_SYNC_GUARD_OFF));
    MUST_OK(lock_sync_set_base_url(s->a.ctx, raw_url(s->good)));
    expect_fetch(&s->a, s->pool, LOCK_SYNC_OK);
}

static void free_context_and_use_pool(scene *s)
{
    account later = account_new(raw_url(s->good));

    free_context(s);
    if (s->state == SCENE_QUEUED)
        lock_sync_cancel(s->other.ctx);
    expect_fetch(&later, s->pool, LOCK_SYNC_OK);
    scene_release(s);
    (void)pool_run_for(s->pool, 20); /* the helper thread returns the request */
    account_free(&later);
}

TEST(freeing_a_context_ends_its_fetch_in_each_state)
{
    in_each_state(free_context_and_use_pool);
}

/* Frees the pool while the helper thread still has the fetch of a freed context. */
static void free_context_and_pool(scene *s)
{
    free_context(s);
    scene_release(s);
    end_pool(s);
}

TEST(freeing_a_context_and_then_the_pool)
{
    in_each_state(free_context_and_pool);
}

static void free_pool(scene *s)
{
    if (scene_blocks(s->state)) /* freeing the pool waits for the store */
        scene_release(s);
    end_pool(s);
    resolver_release();
    s->pool = pool_make();
    fetch_from_good_server(s);
}

TEST(freeing_the_pool_ends_its_fetches_in_each_state)
{
    in_each_state(free_pool);
}

static void cancel(scene *s)
{
    int64_t began;

    lock_sync_cancel(s->a.ctx);
    lock_sync_cancel(s->a.ctx);
    expect_pending(&s->a);
    if (scene_blocks(s->state)) /* the fetch ends only when the store returns */
        store_release(s->store);
    began = kit_now_ms();
    pool_run_account(&s->a);
    MUST(s->a.ended_ms - began < SOON_MS);
    expect_end(&s->a, scene_settles(s->state) ? LOCK_SYNC_OK : LOCK_SYNC_E_CANCELLED);
    lock_sync_cancel(s->a.ctx); /* does nothing: no fetch is pending */
    resolver_release();
    if (s->state == SCENE_QUEUED)
        lock_sync_cancel(s->other.ctx);
    fetch_from_good_server(s);
}

TEST(cancelling_ends_a_fetch_in_each_state)
{
    in_each_state(cancel);
}

static int end(void **user)
{
    (void)user;
    kit_wait_for_one_thread(); /* the threads of released look-ups */
    return 0;
}

int main(void)
{
    return t_run_all_in(NULL, end);
}
