/* Frees a watch, its context or the pool, or cancels, with the watch in each state. Both heaps must be empty, and
   the pool must stay usable. */
#include "scenes.h"
#include "watchers.h"

#include "../support/interpose.h"

#define SOON_MS (1000 * kit_slack())
#define BETWEEN_POLLS SCENE_COUNT /* one more state: it had a response, and sleeps */
#define STATES (SCENE_COUNT + 1)

static watcher w;

static void watch_it(scene *s)
{
    w = watcher_of(s->a, NEVER_MS);
    watcher_start(&w, s->pool);
}

static const char *name_of(int state)
{
    return state == BETWEEN_POLLS ? "between polls" : scene_names[state];
}

static void begin(scene *s, int state)
{
    if (state != BETWEEN_POLLS) {
        scene_begin(s, (scene_state)state, watch_it);
        return;
    }
    scene_begin(s, SCENE_NEW, watch_it);
    lock_sync_watch_free(w.w); /* its server is silent */
    MUST_OK(lock_sync_set_base_url(s->a.ctx, raw_url(s->good)));
    watch_it(s);
    watcher_run(&w, 1);
    expect_reported(&w, 1, LOCK_SYNC_OK, BOTH_ADDED);
    w.calls = 0;
}

static void end_watch(void)
{
    lock_sync_watch_free(w.w);
    w.w = NULL;
}

/* Makes a pool with the watch in each state, one after the other. Blocks left in a heap are a leak. */
static void in_each_state(void (*check)(scene *s, int state))
{
    size_t leaks = scene_leaks();

    for (int state = 0; state < STATES; state++) {
        scene s;

        begin(&s, state);
        t_row("%s", name_of(state));
        check(&s, state);
        scene_end(&s);
    }
    CHECK_INT(scene_leaks(), leaks);
}

/* Checks that the pool serves another account. The one that has the only transfer ends. */
static void check_pool_is_usable(scene *s)
{
    account later = account_new(raw_url(s->good));

    if (s->state == SCENE_QUEUED)
        lock_sync_cancel(s->other.ctx);
    account_submit(&later, s->pool);
    pool_run_account(&later);
    expect_end(&later, LOCK_SYNC_OK);
    account_free(&later);
}

static void free_watch(scene *s, int state)
{
    int64_t began_ms = kit_now_ms();

    (void)state;
    CHECK_INT(lock_sync_pool_pending(s->pool), 1 + s->other.submits);
    end_watch();
    CHECK(kit_now_ms() - began_ms <= SOON_MS);
    CHECK_INT(lock_sync_pool_pending(s->pool), s->other.submits);
    CHECK_OK(lock_sync_set_timeout_ms(s->a.ctx, 5000)); /* the context is free, even if the helper thread still works */
    check_pool_is_usable(s);
    scene_release(s);
    (void)pool_run_for(s->pool, 20); /* the helper thread returns the request */
    CHECK_INT(w.calls, 0);
}

TEST(freeing_a_watch_makes_no_callback_in_each_state)
{
    in_each_state(free_watch);
}

static void free_all(scene *s, int state)
{
    (void)state;
    end_watch();
    account_free(&s->a);
    scene_release(s);
    pool_end(s->pool);
    s->pool = NULL;
    CHECK_INT(w.calls, 0);
}

/* Without a wait: the helper thread's request outlives watch and context, and returns to a pool that is being freed. */
TEST(freeing_watch_context_and_pool_in_each_state)
{
    in_each_state(free_all);
}

static void free_context(scene *s, int state)
{
    int64_t began_ms = kit_now_ms();

    account_free(&s->a);
    CHECK(kit_now_ms() - began_ms <= SOON_MS);
    expect_reported(&w, 1, LOCK_SYNC_E_CANCELLED, "");
    CHECK_INT(lock_sync_pool_pending(s->pool), s->other.submits);
    check_pool_is_usable(s);
    scene_release(s);
    (void)pool_run_for(s->pool, 20);
    CHECK_INT(w.calls, 1);
    CHECK((lock_sync_watch_age_ms(w.w) < 0) == (state != BETWEEN_POLLS));
    end_watch();
}

TEST(freeing_a_context_ends_its_watch_in_each_state)
{
    in_each_state(free_context);
}

static void free_the_watch(watcher *x)
{
    lock_sync_watch_free(x->w);
    x->w = NULL;
}

static void free_context_and_watch(scene *s, int state)
{
    (void)state;
    w.then = free_the_watch;
    account_free(&s->a);
    expect_reported(&w, 1, LOCK_SYNC_E_CANCELLED, "");
}

static void free_pool_and_watch(scene *s, int state)
{
    w.then = free_the_watch;
    scene_release(s);
    pool_end(s->pool);
    s->pool = NULL;
    free_context_and_watch(s, state);
}

TEST(the_callback_for_a_freed_context_or_pool_may_free_the_watch)
{
    in_each_state(free_context_and_watch);
    in_each_state(free_pool_and_watch);
}

/* Returns whether a poll was under way. It counts: the next is due an interval later, not at once. */
static bool was_polling(int state)
{
    return state != SCENE_NEW && state != SCENE_ASLEEP && state != BETWEEN_POLLS;
}

static void free_pool(scene *s, int state)
{
    bool is_due_later = was_polling(state) || state == BETWEEN_POLLS;
    lock_sync_changes *c;
    int64_t began_ms;

    if (state != BETWEEN_POLLS && scene_blocks((scene_state)state))
        scene_release(s);
    began_ms = kit_now_ms();
    pool_end(s->pool);
    s->pool = NULL;
    CHECK(kit_now_ms() - began_ms <= SOON_MS);
    expect_reported(&w, 1, LOCK_SYNC_E_CANCELLED, "");
    CHECK((lock_sync_watch_last_status(w.w) == LOCK_SYNC_E_CANCELLED) == was_polling(state));
    CHECK((lock_sync_watch_due_in_ms(w.w) > NEVER_MS - 5000) == is_due_later);
    resolver_release();
    MUST_OK(lock_sync_set_token_provider(s->a.ctx, NULL, NULL));
    MUST_OK(lock_sync_set_guard_mode(s->a.ctx, LOCK_SYNC_GUARD_OFF));
    MUST_OK(lock_sync_set_base_url(s->a.ctx, raw_url(s->good)));
    CHECK_INT(lock_sync_watch_next(w.w, 0, &c), is_due_later ? LOCK_SYNC_E_TIMEOUT : LOCK_SYNC_OK);
    lock_sync_changes_free(c);
    end_watch();
}

TEST(freeing_the_pool_keeps_the_watch_usable_in_each_state)
{
    in_each_state(free_pool);
}

static void cancel(scene *s, int state)
{
    int64_t began_ms;

    lock_sync_cancel(s->a.ctx);
    lock_sync_cancel(s->a.ctx);
    CHECK_INT(w.calls, 0);
    if (state != BETWEEN_POLLS && scene_blocks((scene_state)state))
        store_release(s->store);
    began_ms = kit_now_ms();
    watcher_run(&w, 1);
    CHECK(w.called_ms - began_ms <= SOON_MS);
    if (state != BETWEEN_POLLS && scene_settles((scene_state)state)) /* its response has arrived already */
        expect_reported(&w, 1, LOCK_SYNC_OK, BOTH_ADDED);
    else
        expect_reported(&w, 1, LOCK_SYNC_E_CANCELLED, "");
    CHECK_INT(lock_sync_pool_pending(s->pool), 1 + s->other.submits);
    CHECK_INT(lock_sync_set_timeout_ms(s->a.ctx, 5000), LOCK_SYNC_E_BUSY);
    if (state == SCENE_QUEUED)
        lock_sync_cancel(s->other.ctx);
    lock_sync_cancel(s->a.ctx);
    watcher_run(&w, 2);
    expect_reported(&w, 2, LOCK_SYNC_E_CANCELLED, "");
    resolver_release();
    end_watch();
}

TEST(cancelling_is_reported_in_each_state_and_the_watch_goes_on)
{
    in_each_state(cancel);
}

/* --- a transfer that becomes free --- */

static bool has_two_requests(void *user)
{
    return raw_requests(user) >= 2;
}

/* The next account gets the transfer at once, not only when a timer fires. */
TEST(freeing_a_watch_starts_the_next_account_at_once)
{
    static const raw_step silent[] = {RAW_READ_REQUEST, RAW_WAIT_FOR_CLOSE};
    static const raw_step *const scripts[] = {silent};

    for (int watched = 0; watched < 2; watched++) {
        account next;
        int64_t began_ms;
        watch_scene s;

        watch_scene_begin(&s, scripts, 1, NEVER_MS);
        next = account_new(raw_url(s.server));
        MUST_OK(lock_sync_pool_set_max_active(s.pool, 1));
        if (watched)
            watcher_start(&s.w, s.pool);
        else
            account_submit(&s.w.a, s.pool);
        while (raw_requests(s.server) < 1)
            (void)pool_run_for(s.pool, 1);
        account_submit(&next, s.pool);
        (void)pool_run_for(s.pool, 20);
        CHECK_INT(raw_requests(s.server), 1);
        began_ms = kit_now_ms();
        free_the_watch(&s.w);
        if (!watched)
            account_free(&s.w.a);
        CHECK(pool_run(s.pool, has_two_requests, s.server, SOON_MS)); /* dispatches if readable */
        pool_run_account(&next);
        expect_end(&next, LOCK_SYNC_OK);
        CHECK(kit_now_ms() - began_ms <= SOON_MS);
        account_free(&next);
        watch_scene_end(&s);
    }
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
