/* What the callback of a watch may do: change settings, free the watch, its context, the pool, and others. What may
   crash runs in a process of its own. */
#include "../support/t_heap.h"
#include "watchers.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define NEVER_MS 20000

static const raw_step some[] = RECORDS("{\"id\":1}");
static const raw_step others[] = RECORDS("{\"id\":2}");
static const raw_step unauthorized[] = STATUS_LINE("401 No");
static const raw_step held_unauthorized[] = {
    RAW_READ_REQUEST, RAW_HOLD,
    RAW_SEND_TEXT("HTTP/1.1 401 No\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"), RAW_END};

/* --- settings --- */

static void change_settings(watcher *w)
{
    static const lock_sync_transport none = {.struct_size = sizeof none};
    lock_sync_request *q;
    lock_sync_results *r;
    lock_sync_changes *c;
    lock_sync_watch *other;

    if (w->calls > 1)
        return;
    MUST_OK(lock_sync_set_personal_key(w->a.ctx, "second-key"));
    MUST_OK(lock_sync_set_base_url(w->a.ctx, w->user));
    MUST_OK(lock_sync_set_timeout_ms(w->a.ctx, 10000));
    MUST_OK(lock_sync_set_guard(w->a.ctx, NULL));
    MUST_OK(lock_sync_watch_set_interval_ms(w->w, NEVER_MS));
    MUST_OK(lock_sync_request_build(w->a.ctx, NULL, 0, &q));
    lock_sync_request_free(q);
    MUST_INT(lock_sync_set_timeout_ms(w->a.ctx, 0), LOCK_SYNC_E_INVALID_ARGUMENT);
    /* the pool still has it */
    MUST_INT(lock_sync_set_transport(w->a.ctx, NULL), LOCK_SYNC_E_BUSY);
    MUST_INT(lock_sync_set_transport(w->a.ctx, &none), LOCK_SYNC_E_BUSY);
    MUST_INT(lock_sync_fetch(w->a.ctx, NULL, 0, &r), LOCK_SYNC_E_BUSY);
    MUST_INT(lock_sync_watch_next(w->w, 0, &c), LOCK_SYNC_E_BUSY);
    MUST_INT(account_try(&w->a, w->pool), LOCK_SYNC_E_BUSY);
    MUST_INT(watcher_try(w, w->pool), LOCK_SYNC_E_BUSY);
    MUST_OK(lock_sync_watch_new(w->a.ctx, NULL, 0, &other));
    MUST_INT(lock_sync_pool_watch(w->pool, other, NULL, NULL), LOCK_SYNC_E_INVALID_ARGUMENT);
    lock_sync_watch_free(other);
    MUST_INT(lock_sync_pool_dispatch(w->pool), LOCK_SYNC_E_BUSY);
    MUST_INT(lock_sync_pool_pending(w->pool), 1);
    lock_sync_cancel(w->a.ctx); /* nothing runs */
}

TEST(a_callback_may_change_settings_for_the_next_poll)
{
    static const raw_step *const first_scripts[] = {some};
    static const raw_step *const second_scripts[] = {others};
    raw_server *first = raw_start(AF_INET, first_scripts, 1);
    raw_server *second = raw_start(AF_INET, second_scripts, 1);
    lock_sync_pool *p = pool_make();
    watcher w = watcher_new(raw_url(first), 1);
    char *sent;

    w.then = change_settings;
    w.user = kit_text("%s", raw_url(second));
    watcher_start(&w, p);
    watcher_run(&w, 2);
    expect_told(&w, 2, LOCK_SYNC_OK, "1:2 2:1 ");
    MUST(w.due_in_ms > NEVER_MS - 1000);
    MUST_INT(raw_requests(first), 1);
    sent = raw_received(second, 0);
    MUST_INT(kit_count(sent, "PersonalKey second-key"), 1);
    MUST_INT(lock_sync_set_timeout_ms(w.a.ctx, 1000), LOCK_SYNC_E_BUSY); /* lent only for the callback */
    free(sent);
    free(w.user);
    watcher_free(&w);
    pool_end(p);
    raw_stop(first);
    raw_stop(second);
}

static void allow_no_http(watcher *w)
{
    (void)lock_sync_set_base_url(w->a.ctx, "http://service.test");
    (void)lock_sync_set_allow_http(w->a.ctx, false);
}

/* A setting that a watch would be refused with is found when it polls, with and without a guard. */
TEST(a_setting_that_forbids_the_next_poll_is_told)
{
    for (int guarded = 0; guarded < 2; guarded++) {
        raw_server *server = raw_start(AF_INET, NULL, 0);
        lock_sync_pool *p = pool_make();
        watcher w = watcher_new(raw_url(server), 1);
        lock_sync_guard *g;

        MUST_OK(lock_sync_guard_new(&g));
        MUST_OK(lock_sync_guard_set_min_interval_ms(g, 1));
        account_guard(&w.a, g, guarded ? LOCK_SYNC_GUARD_FAIL : LOCK_SYNC_GUARD_OFF);
        w.then = allow_no_http;
        watcher_start(&w, p);
        watcher_run(&w, 2);
        MUST_INT(w.status[1], LOCK_SYNC_E_INVALID_ARGUMENT);
        MUST_INT(raw_requests(server), 1);
        watcher_free(&w);
        pool_end(p);
        lock_sync_guard_unref(g);
        raw_stop(server);
    }
}

/* --- freeing, inside a callback that dispatch calls --- */

typedef enum act {
    FREE_WATCH,
    FREE_WATCH_AND_CONTEXT,
    FREE_CONTEXT,
    FREE_CONTEXT_AND_WATCH,
    FREE_POOL,
    FREE_WATCH_AND_POOL,
    FREE_ALL,
    FREE_AND_SUBMIT,
    FREE_AND_WATCH_AGAIN,
    ACTS
} act;

static const char *const act_names[ACTS] = {"free watch",
                                            "free watch and context",
                                            "free context",
                                            "free context, then watch",
                                            "free pool",
                                            "free watch and pool",
                                            "free all",
                                            "free watch, submit its context",
                                            "free watch, make another"};
static act doing;
static size_t waited_for; /* calls of what `doing` began */

static void end_watch(watcher *w)
{
    lock_sync_watch_free(w->w);
    w->w = NULL;
}

static void end_context(watcher *w)
{
    lock_sync_ctx_free(w->a.ctx);
    w->a.ctx = NULL;
}

static void on_done(void *user, lock_sync_ctx *ctx, lock_sync_status status, lock_sync_results *results)
{
    (void)user, (void)ctx, (void)status;
    waited_for++;
    lock_sync_results_free(results);
}

static void do_it(watcher *w)
{
    size_t size = lock_sync_pool_pending(w->pool);

    if (w->calls > 1)
        return;
    if (doing == FREE_WATCH || doing == FREE_WATCH_AND_CONTEXT || doing == FREE_WATCH_AND_POOL || doing >= FREE_ALL) {
        end_watch(w);
        CHILD_MUST(lock_sync_pool_pending(w->pool) == size - 1);
        CHILD_MUST(lock_sync_set_timeout_ms(w->a.ctx, 5000) == LOCK_SYNC_OK);
    }
    if (doing == FREE_WATCH_AND_CONTEXT || doing == FREE_CONTEXT || doing == FREE_CONTEXT_AND_WATCH ||
        doing == FREE_ALL) {
        end_context(w);
        CHILD_MUST(w->calls == 1); /* it knows */
    }
    if (doing == FREE_CONTEXT_AND_WATCH)
        end_watch(w);
    if (doing == FREE_POOL || doing == FREE_WATCH_AND_POOL || doing == FREE_ALL)
        lock_sync_pool_free(w->pool);
    if (doing == FREE_AND_SUBMIT)
        CHILD_MUST(lock_sync_pool_submit(w->pool, w->a.ctx, NULL, 0, on_done, w) == LOCK_SYNC_OK);
    if (doing == FREE_AND_WATCH_AGAIN) {
        CHILD_MUST(lock_sync_watch_new(w->a.ctx, NULL, 0, &w->w) == LOCK_SYNC_OK);
        CHILD_MUST(watcher_try(w, w->pool) == LOCK_SYNC_OK);
    }
}

static bool is_over(const watcher *w)
{
    if (doing == FREE_AND_SUBMIT)
        return waited_for == 1;
    return w->calls == (doing == FREE_AND_WATCH_AGAIN || doing == FREE_POOL ? 2 : 1);
}

static void run_act(void *user)
{
    t_heap pool_heap = {0};
    t_heap h = {0};
    lock_sync_allocator pool_memory = t_heap_allocator(&pool_heap);
    lock_sync_allocator memory = t_heap_allocator(&h);
    int64_t until_ms = kit_now_ms() + KIT_PATIENCE_MS;
    bool pool_goes = doing == FREE_POOL || doing == FREE_WATCH_AND_POOL || doing == FREE_ALL;
    lock_sync_pool *p;
    watcher w;

    CHILD_MUST(lock_sync_pool_new_with_allocator(&pool_memory, &p) == LOCK_SYNC_OK);
    w = watcher_of(account_new_in(user, &memory), 1);
    w.then = do_it;
    CHILD_MUST(watcher_try(&w, p) == LOCK_SYNC_OK);
    while (!is_over(&w) && kit_now_ms() < until_ms)
        CHILD_MUST(pool_wait(p, 1000) == LOCK_SYNC_OK);
    CHILD_MUST(is_over(&w) && w.status[0] == LOCK_SYNC_E_UNAUTHORIZED);
    CHILD_MUST(doing != FREE_POOL || w.status[1] == LOCK_SYNC_E_CANCELLED);
    if (doing == FREE_AND_WATCH_AGAIN)
        end_watch(&w);
    if (!pool_goes) {
        CHILD_MUST(lock_sync_pool_pending(p) == 0);
        pool_end(p);
    }
    CHILD_MUST(pool_heap.blocks == 0);
    if (w.w != NULL)
        end_watch(&w);
    account_free(&w.a);
    CHILD_MUST(h.blocks == 0);
}

TEST(callbacks_free_what_they_run_in)
{
    static const raw_step *scripts[40];
    raw_server *server;

    for (size_t i = 0; i < COUNT_OF(scripts); i++)
        scripts[i] = unauthorized;
    for (doing = 0; doing < ACTS; doing++) {
        char *url;

        waited_for = 0;
        server = raw_start(AF_INET, scripts, COUNT_OF(scripts));
        url = kit_text("%s", raw_url(server));
        if (!survives(run_act, url))
            fail_msg("%s", act_names[doing]);
        free(url);
        raw_stop(server);
    }
}

/* --- others --- */

#define MANY 30

static watcher many[MANY];

/* Frees every third of the others: the watch, its context, or both. */
static void free_some(watcher *w)
{
    size_t own = (size_t)(w - many);

    for (size_t i = 0; i < MANY; i++) {
        if (i == own || i % 3 != own % 3)
            continue;
        many[i].then = NULL;
        if (i % 2 == 0)
            end_watch(&many[i]);
        if (i % 4 != 0)
            end_context(&many[i]);
    }
}

static bool some_are_told(void *user)
{
    size_t count = 0;

    (void)user;
    for (size_t i = 0; i < MANY; i++)
        count += many[i].calls > 0;
    return count >= 3;
}

TEST(callbacks_free_other_watches_and_contexts)
{
    static const char *const arguments[] = {"--any-key", "--static", NULL};
    sim *s = sim_start(arguments);

    for (uint32_t active = 1; active <= MANY; active *= 3) {
        t_heap h = {0};
        lock_sync_allocator memory = t_heap_allocator(&h);
        lock_sync_pool *p;

        MUST_OK(lock_sync_pool_new_with_allocator(&memory, &p));
        MUST_OK(lock_sync_pool_set_max_active(p, active));
        for (size_t i = 0; i < MANY; i++) {
            many[i] = watcher_new(sim_url(s), 1);
            many[i].then = free_some;
            watcher_start(&many[i], p);
        }
        MUST(pool_run(p, some_are_told, NULL, KIT_PATIENCE_MS));
        (void)pool_run_for(p, 20);
        for (size_t i = 0; i < MANY; i++)
            MUST(many[i].calls <= 1 || many[i].status[1] == LOCK_SYNC_E_CANCELLED);
        pool_end(p);
        MUST_INT(h.blocks, 0);
        for (size_t i = 0; i < MANY; i++)
            watcher_free(&many[i]);
    }
    sim_stop(s, NULL);
}

/* --- memory --- */

static bool is_told(void *user)
{
    const watcher *w = user;

    return w->calls > 0 && strcmp(w->told[w->calls - 1], "1001:85 1002:21 ") == 0;
}

/* One allocation fails: of the pool, or of the context and its watch. The next poll makes up for the one it fails. */
static bool run_without(bool of_pool, size_t n)
{
    static const raw_step none[] = RECORDS("");
    static const raw_step *const scripts[] = {none};
    raw_server *server = raw_start(AF_INET, scripts, 1);
    t_heap pool_heap = {0};
    t_heap h = {0};
    lock_sync_allocator pool_memory = t_heap_allocator(&pool_heap);
    lock_sync_allocator memory = t_heap_allocator(&h);
    t_heap *failing = of_pool ? &pool_heap : &h;
    lock_sync_status status;
    lock_sync_pool *p;
    watcher w;
    bool failed;

    MUST_OK(lock_sync_pool_new_with_allocator(&pool_memory, &p));
    w = watcher_of(account_new_in(raw_url(server), &memory), 1);
    account_guard(&w.a, NULL, LOCK_SYNC_GUARD_OFF);
    failing->fail_at = failing->requests + 1 + n;
    status = watcher_try(&w, p);
    if (status != LOCK_SYNC_OK) {
        MUST_INT(status, LOCK_SYNC_E_NO_MEMORY);
        watcher_start(&w, p);
    }
    MUST(pool_run(p, is_told, &w, KIT_PATIENCE_MS));
    MUST(w.calls == 1 || (w.calls == 2 && w.status[0] == LOCK_SYNC_OK && w.told[0][0] == '\0'));
    (void)pool_run_for(p, 5);
    MUST(w.calls <= 2);
    failed = failing->requests >= failing->fail_at;
    watcher_free(&w);
    pool_end(p);
    MUST_INT(h.blocks, 0);
    MUST_INT(pool_heap.blocks, 0);
    raw_stop(server);
    return failed && n < 30; /* polls go on allocating */
}

TEST(each_allocation_may_fail_and_nothing_is_lost)
{
    for (int of_pool = 0; of_pool < 2; of_pool++) {
        size_t n = 0;

        while (run_without(of_pool != 0, n))
            n++;
        MUST(n > 2);
    }
}

/* --- a 401's detail, which is put aside for the token provider: it is freed once --- */

static lock_sync_status set_no_other(void *user, lock_sync_ctx *ctx, bool refused)
{
    (void)user, (void)ctx, (void)refused;
    return LOCK_SYNC_OK;
}

static void run_refused(void *user)
{
    t_heap h = {0};
    lock_sync_allocator memory = t_heap_allocator(&h);
    lock_sync_pool *p = pool_make();
    watcher w = watcher_of(account_new_in(user, &memory), 1);
    int64_t until_ms = kit_now_ms() + KIT_PATIENCE_MS;

    CHILD_MUST(lock_sync_set_token_provider(w.a.ctx, set_no_other, NULL) == LOCK_SYNC_OK);
    CHILD_MUST(watcher_try(&w, p) == LOCK_SYNC_OK);
    while (w.calls < 2 && kit_now_ms() < until_ms)
        CHILD_MUST(pool_wait(p, 1000) == LOCK_SYNC_OK);
    CHILD_MUST(w.calls == 2 && w.status[1] == LOCK_SYNC_E_UNAUTHORIZED);
    watcher_free(&w);
    CHILD_MUST(h.blocks == 0);
    pool_end(p);
}

TEST(a_watch_is_freed_after_its_provider_had_no_other_credential)
{
    static const raw_step *const scripts[] = {unauthorized, unauthorized, unauthorized};
    raw_server *server = raw_start(AF_INET, scripts, 3);
    char *url = kit_text("%s", raw_url(server));

    MUST(survives(run_refused, url));
    free(url);
    raw_stop(server);
}

static account pair[2];

static void free_the_other(account *a)
{
    account *other = a == &pair[0] ? &pair[1] : &pair[0];

    a->then = other->then = NULL;
    lock_sync_ctx_free(other->ctx);
    other->ctx = NULL;
}

/* Without a watch: of two fetches that ended so, the first one's callback frees the other's context. */
TEST(a_fetch_is_freed_after_its_provider_had_no_other_credential)
{
    static const raw_step *const scripts[] = {held_unauthorized, held_unauthorized};
    raw_server *server = raw_start(AF_INET, scripts, 2);
    lock_sync_pool *p = pool_make();

    for (size_t i = 0; i < 2; i++) {
        pair[i] = account_new(raw_url(server));
        pair[i].then = free_the_other;
        MUST_OK(lock_sync_set_token_provider(pair[i].ctx, set_no_other, NULL));
        account_submit(&pair[i], p);
    }
    while (raw_requests(server) < 2)
        (void)pool_run_for(p, 1);
    raw_release(server);
    raw_wait_closed(server, 2);
    pool_run_all(p); /* both are done when the first is told */
    MUST_INT(pair[0].calls + pair[1].calls, 2);
    MUST_INT((pair[0].status == LOCK_SYNC_E_CANCELLED) + (pair[1].status == LOCK_SYNC_E_CANCELLED), 1);
    accounts_free(pair, 2);
    pool_end(p);
    raw_stop(server);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(a_callback_may_change_settings_for_the_next_poll),
        T(a_setting_that_forbids_the_next_poll_is_told),
        T(callbacks_free_what_they_run_in),
        T(callbacks_free_other_watches_and_contexts),
        T(each_allocation_may_fail_and_nothing_is_lost),
        T(a_watch_is_freed_after_its_provider_had_no_other_credential),
        T(a_fetch_is_freed_after_its_provider_had_no_other_credential),
    };

    return T_MAIN(tests);
}
