/* What the tests of contexts and their guards share; see contexts.h. */
#include "contexts.h"

#include <pthread.h>
#include <stdlib.h>

const t_step answer_good = {.http = 200, .body = "{\"result\":[{\"id\":1},{\"id\":2},{\"id\":3}]}"};
const t_step answer_429 = {.http = 429};
const t_step answer_401 = {.http = 401};
const t_step answer_500 = {.http = 500};
const t_step answer_refused = {.returns = LOCK_SYNC_E_CONNECT};

lock_sync_ctx *guarded_ctx(t_fake *fake, lock_sync_guard *guard, lock_sync_guard_mode mode)
{
    lock_sync_ctx *ctx = t_ctx();
    lock_sync_transport transport = t_fake_transport(fake);

    MUST_OK(lock_sync_set_transport(ctx, &transport));
    MUST_OK(lock_sync_set_guard(ctx, guard));
    MUST_OK(lock_sync_set_guard_mode(ctx, mode));
    return ctx;
}

lock_sync_guard *memory_guard(int64_t interval_ms)
{
    lock_sync_guard *g;

    MUST_OK(lock_sync_guard_new(&g));
    MUST_OK(lock_sync_guard_set_min_interval_ms(g, interval_ms));
    return g;
}

lock_sync_status fetch_all(lock_sync_ctx *ctx)
{
    lock_sync_results *r = (lock_sync_results *)(uintptr_t)8;
    lock_sync_status status = lock_sync_fetch(ctx, NULL, 0, &r);

    CHECK((r != NULL) == (status == LOCK_SYNC_OK));
    CHECK_INT(t_error_status(ctx), status);
    lock_sync_results_free(r);
    return status;
}

int64_t retry_after(const lock_sync_ctx *ctx)
{
    return lock_sync_error_retry_after_ms(lock_sync_last_error(ctx));
}

struct running_fetch {
    pthread_t thread;
    lock_sync_ctx *ctx;
    lock_sync_status status;
    int64_t ended_us;
};

static void *run(void *user)
{
    running_fetch *f = user;
    lock_sync_results *r = NULL;

    f->status = lock_sync_fetch(f->ctx, NULL, 0, &r);
    f->ended_us = kit_now_us();
    lock_sync_results_free(r);
    return NULL;
}

running_fetch *fetch_begin(lock_sync_ctx *ctx)
{
    running_fetch *f = calloc(1, sizeof *f);

    if (f == NULL)
        kit_die("out of memory");
    f->ctx = ctx;
    if (pthread_create(&f->thread, NULL, run, f) != 0)
        kit_die("no thread");
    return f;
}

lock_sync_status fetch_end(running_fetch *f, int64_t *ended_us)
{
    lock_sync_status status;

    (void)pthread_join(f->thread, NULL);
    status = f->status;
    if (ended_us != NULL)
        *ended_us = f->ended_us;
    free(f);
    return status;
}
