/* The acts of pools; see acts.h. */
#include "acts.h"

#include <poll.h>

static const int64_t ids[] = {1003, 1001, 9999, 1003};

static void on_done(void *user, lock_sync_ctx *ctx, lock_sync_status status, lock_sync_results *results)
{
    scene *x = user;

    x->wrong = x->wrong || ctx != x->ctx;
    x->calls++;
    x->ended = check_results(x, status, results, 2, 1);
}

/* Awaits the end of the fetch, which must come even if a dispatch runs out of memory. */
void await_call(scene *x)
{
    int64_t end_ms = kit_now_ms() + 4 * TIMEOUT_MS;

    while (x->calls == 0) {
        lock_sync_status status = lock_sync_pool_wait(x->pool, TIMEOUT_MS);

        x->wrong = x->wrong || (status != LOCK_SYNC_OK && status != LOCK_SYNC_E_NO_MEMORY);
        if (kit_now_ms() > end_ms)
            kit_die("a pool did not call back");
    }
}

lock_sync_status watch_until_called(scene *x, lock_sync_watch *w, lock_sync_watch_fn changed)
{
    lock_sync_status status;

    x->calls = 0;
    status = lock_sync_pool_watch(x->pool, w, changed, x);
    if (status == LOCK_SYNC_OK) {
        await_call(x);
        status = x->ended;
    }
    lock_sync_watch_free(w);
    return status;
}

lock_sync_status submit(scene *x)
{
    x->calls = 0;
    DO(lock_sync_pool_submit(x->pool, x->ctx, ids, 4, on_done, x));
    await_call(x);
    x->wrong = x->wrong || x->calls != 1 || lock_sync_pool_pending(x->pool) != 0;
    return x->ended;
}

static lock_sync_status new_pool(scene *x)
{
    lock_sync_status status = x->memory == NULL ? lock_sync_pool_new(&x->pool)
                                                : lock_sync_pool_new_with_allocator(x->memory, &x->pool);

    x->wrong = x->wrong || (x->pool != NULL) != (status == LOCK_SYNC_OK);
    if (status == LOCK_SYNC_OK)
        status = lock_sync_pool_set_max_connections(x->pool, 1, 2);
    if (status == LOCK_SYNC_OK)
        status = lock_sync_pool_set_max_active(x->pool, 1);
    if (status == LOCK_SYNC_OK)
        status = submit(x);
    lock_sync_pool_free(x->pool);
    x->pool = NULL;
    return status;
}

void add_pool(scene *x)
{
    must(lock_sync_pool_new_with_allocator(x->memory, &x->pool));
}

void make_pool(scene *x)
{
    make_ctx(x);
    add_pool(x);
}

static void make_warm_pool(scene *x)
{
    make_pool(x);
    must(submit(x));
}

static void make_named_pool(scene *x)
{
    make_named(x);
    add_pool(x);
}

void make_guarded_pool(scene *x)
{
    make_guarded(x);
    add_pool(x);
}

static lock_sync_status submit_twice(scene *x)
{
    DO(lock_sync_set_access_token(x->ctx, "stale"));
    DO(lock_sync_set_token_provider(x->ctx, give_better_key, NULL));
    return submit(x);
}

/* Submits in an application's loop, which the descriptor must wake until the fetch has ended. */
static lock_sync_status submit_in_a_loop(scene *x)
{
    struct pollfd loop = {.fd = lock_sync_pool_fd(x->pool), .events = POLLIN};

    if (loop.fd < 0) /* no descriptor on this system */
        return submit(x);
    x->calls = 0;
    DO(lock_sync_pool_submit(x->pool, x->ctx, ids, 4, on_done, x));
    while (x->calls == 0) {
        lock_sync_status status;

        if (poll(&loop, 1, (int)(4 * TIMEOUT_MS)) != 1)
            kit_die("a pool's descriptor did not wake the application");
        status = lock_sync_pool_dispatch(x->pool);
        x->wrong = x->wrong || (status != LOCK_SYNC_OK && status != LOCK_SYNC_E_NO_MEMORY);
    }
    return x->ended;
}

static lock_sync_status submit_and_cancel(scene *x)
{
    x->calls = 0;
    DO(lock_sync_pool_submit(x->pool, x->ctx, ids, 4, on_done, x));
    lock_sync_cancel(x->ctx);
    await_call(x);
    return x->ended;
}

static lock_sync_status submit_stopped(scene *x)
{
    lock_sync_status status;

    x->calls = 0;
    DO(lock_sync_set_stopped(x->ctx, true));
    status = lock_sync_pool_submit(x->pool, x->ctx, ids, 4, on_done, x);
    if (status == LOCK_SYNC_OK)
        await_call(x);
    DO(lock_sync_set_stopped(x->ctx, false));
    return status == LOCK_SYNC_OK ? x->ended : status;
}

const act pool_acts[] = {
    {"making, using and freeing a pool", make_ctx, new_pool, LOCK_SYNC_OK, MAY_RESOLVE},
    {"a submit", make_pool, submit, LOCK_SYNC_OK, MAY_RESOLVE},
    {"a submit in the application's loop", make_pool, submit_in_a_loop, LOCK_SYNC_OK, MAY_RESOLVE},
    {"a submit that is cancelled", make_pool, submit_and_cancel, LOCK_SYNC_E_CANCELLED, NONE},
    {"a submit of a stopped context", make_pool, submit_stopped, LOCK_SYNC_E_CANCELLED, NONE},
    {"a submit on a kept connection", make_warm_pool, submit, LOCK_SYNC_OK, MAY_RESOLVE},
    {"a submit by name", make_named_pool, submit, LOCK_SYNC_OK, MAY_RESOLVE},
    {"a submit with a guard in a file", make_guarded_pool, submit, LOCK_SYNC_OK, MAY_RESOLVE},
    {"a submit with a provider", make_pool, submit_twice, LOCK_SYNC_OK, MAY_RESOLVE},
    {NULL, NULL, NULL, LOCK_SYNC_OK, NONE},
};
