/* The processes of the soak: threads that fetch in mode WAIT, with a random delay between slot and request. */
#include "shared.h"

#include "base/memory.h"
#include "transport/transport.h"
#include "wire/response.h"

#include "../../support/kit.h"
#include "../../support/decoding.h"

#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

typedef struct worker {
    pthread_t thread;
    board *board;
    lock_sync_guard *guard;
    lock_sync_transport inner; /* the built-in one */
    uint64_t seed;
} worker;

/* --- a transport that is late by 0 to 30 ms, as connections are, and records its calls --- */

static lock_sync_status late_perform(void *user, const lock_sync_request *q, lock_sync_response *s)
{
    worker *w = user;
    unsigned i = atomic_fetch_add(&w->board->uses, 1);
    use *u = &w->board->use[i < USES_MAX ? i : USES_MAX - 1];
    lock_sync_status status;

    u->pid = getpid();
    u->until_us = kit_now_us() + lock_sync_request_timeout_ms(q) * 1000;
    atomic_store(&u->begin_us, kit_now_us());
    (void)usleep((useconds_t)(t_random(&w->seed) % (JITTER_MS * 1000)));
    status = w->inner.perform(w->inner.user, q, s);
    u->unsent = s->sends == 0;
    atomic_store(&u->end_us, kit_now_us());
    return status;
}

static void late_cancel(void *user)
{
    worker *w = user;

    w->inner.cancel(w->inner.user);
}

static lock_sync_ctx *new_ctx(worker *w)
{
    const lock_sync_transport late = {sizeof late, w, late_perform, late_cancel, NULL};
    lock_sync_ctx *ctx;

    if (lock_sync_ctx_new(&ctx) != LOCK_SYNC_OK || lock_sync_set_base_url(ctx, w->board->url) != LOCK_SYNC_OK ||
        lock_sync_set_personal_key(ctx, "demo-key") != LOCK_SYNC_OK ||
        lock_sync_set_timeout_ms(ctx, TIMEOUT_MS) != LOCK_SYNC_OK ||
        lock_sync_set_transport(ctx, &late) != LOCK_SYNC_OK || lock_sync_set_guard(ctx, w->guard) != LOCK_SYNC_OK ||
        lock_sync_set_guard_mode(ctx, LOCK_SYNC_GUARD_WAIT) != LOCK_SYNC_OK)
        kit_die("a context cannot be set up");
    return ctx;
}

static void *work(void *user)
{
    worker *w = user;
    board *b = w->board;
    lock_sync_ctx *ctx = new_ctx(w);

    while (!atomic_load(&b->stop)) {
        lock_sync_results *r = NULL;
        lock_sync_status status = lock_sync_fetch(ctx, NULL, 0, &r);
        int64_t none = 0;

        atomic_fetch_add(&b->ended[status], 1);
        if (status == LOCK_SYNC_E_TOO_SOON && lock_sync_error_retry_after_ms(lock_sync_last_error(ctx)) > 60000)
            (void)atomic_compare_exchange_strong(&b->spent_us, &none, kit_now_us());
        if (status != LOCK_SYNC_OK) /* another user has the slot: try again soon */
            (void)usleep((useconds_t)(2000 + t_random(&w->seed) % 8000));
        lock_sync_results_free(r);
    }
    lock_sync_ctx_free(ctx);
    w->inner.destroy(w->inner.user);
    return NULL;
}

int soak_work(void *user)
{
    board *b = user;
    lock_sync_allocator memory = {sizeof memory, NULL, NULL, NULL, NULL};
    const guard_limits limits = {INTERVAL_MS, b->budget, BUDGET_RESERVE};
    lock_sync_guard *g = guard_at(&b->place, &limits);
    worker *workers = calloc(b->threads, sizeof *workers);

    if (workers == NULL || !lsync_allocator_init(&memory, NULL))
        kit_die("out of memory");
    for (unsigned i = 0; i < b->threads; i++) {
        worker *w = &workers[i];

        *w = (worker){.board = b, .guard = g, .seed = (uint64_t)getpid() * 1000 + i};
        if (lsync_transport_new(&memory, &w->inner) != LOCK_SYNC_OK || pthread_create(&w->thread, NULL, work, w) != 0)
            kit_die("a worker cannot be started");
    }
    for (unsigned i = 0; i < b->threads; i++)
        (void)pthread_join(workers[i].thread, NULL);
    lock_sync_guard_unref(g);
    free(workers);
    return 0;
}
