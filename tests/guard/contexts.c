/* For the tests of contexts and their guards; see contexts.h. */
#include "contexts.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

const t_step response_good = {.http = 200, .body = "{\"result\":[{\"id\":1},{\"id\":2},{\"id\":3}]}"};
const t_step response_401 = {.http = 401};
const t_step response_500 = {.http = 500};

lock_sync_guard *memory_guard(int64_t interval_ms)
{
    lock_sync_guard *g;

    MUST_OK(lock_sync_guard_new(&g));
    MUST_OK(lock_sync_guard_set_min_interval_ms(g, interval_ms));
    return g;
}

static void release_guard(void *guard)
{
    lock_sync_guard_unref(guard);
}

lock_sync_guard *release_guard_later(lock_sync_guard *g)
{
    return t_later(release_guard, g);
}

lock_sync_guard *test_guard(int64_t interval_ms)
{
    return release_guard_later(memory_guard(interval_ms));
}

int64_t wait_of(lock_sync_guard *g)
{
    int64_t wait_ms = 0;
    int64_t slot;

    if (lock_sync_guard_reserve(g, 60000, &wait_ms, &slot) == LOCK_SYNC_OK)
        CHECK_OK(lock_sync_guard_settle(g, slot, LOCK_SYNC_SLOT_NOT_SENT, -1));
    return wait_ms;
}

static void release_guarded(void *user)
{
    guarded *c = user;

    lock_sync_ctx_free(c->ctx);
    free(c);
}

guarded *guarded_new(lock_sync_guard *guard, lock_sync_guard_mode mode, const t_step *steps, size_t step_count)
{
    guarded *c = calloc(1, sizeof *c);
    lock_sync_transport transport;

    if (c == NULL || step_count > T_FAKE_STEPS)
        kit_die("no such context");
    memcpy(c->steps, steps, step_count * sizeof *steps);
    c->ctx = t_ctx();
    c->guard = guard;
    c->fake = (t_fake){.steps = c->steps, .step_count = step_count, .user = c->ctx};
    transport = t_fake_transport(&c->fake);
    MUST_OK(lock_sync_set_transport(c->ctx, &transport));
    MUST_OK(lock_sync_set_guard(c->ctx, guard));
    MUST_OK(lock_sync_set_guard_mode(c->ctx, mode));
    return t_later(release_guarded, c);
}

lock_sync_ctx *ctx_in_heap(t_heap *heap, t_fake *fake)
{
    lock_sync_allocator memory = t_heap_allocator(heap);
    lock_sync_transport transport;
    lock_sync_ctx *ctx;

    *fake = (t_fake){.steps = &response_good, .step_count = 1};
    transport = t_fake_transport(fake);
    MUST_OK(lock_sync_ctx_new_with_allocator(&memory, &ctx));
    CHECK_OK(lock_sync_set_personal_key(ctx, T_SECRET));
    CHECK_OK(lock_sync_set_transport(ctx, &transport));
    return ctx;
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

/* --- many threads --- */

#define THREADS_MAX 16

typedef struct crowd {
    lock_sync_guard *guard;
    int64_t interval_us;
    int64_t until_us;
    _Atomic int64_t last_end_us;
    atomic_int inside; /* how many have a slot now */
    atomic_int slots;
    atomic_int together;
    atomic_int too_close;
    atomic_int failures;
} crowd;

static lock_sync_status use_the_slot(crowd *c, int64_t slot)
{
    bool sent = atomic_fetch_add(&c->slots, 1) % 4 != 0;

    atomic_fetch_add(&c->together, atomic_fetch_add(&c->inside, 1) > 0);
    atomic_fetch_add(&c->too_close, kit_now_us() - atomic_load(&c->last_end_us) < c->interval_us);
    (void)usleep(200);
    if (sent) /* before the guard records it */
        atomic_store(&c->last_end_us, kit_now_us());
    atomic_fetch_sub(&c->inside, 1);
    return lock_sync_guard_settle(c->guard, slot, sent ? LOCK_SYNC_SLOT_SENT : LOCK_SYNC_SLOT_NOT_SENT, -1);
}

static void *use_repeatedly(void *user)
{
    crowd *c = user;
    lock_sync_guard *g = lock_sync_guard_ref(c->guard);

    while (kit_now_us() < c->until_us) {
        int64_t slot = 0;
        lock_sync_status status = lock_sync_guard_reserve(g, 60000, NULL, &slot);

        if (status == LOCK_SYNC_OK)
            status = use_the_slot(c, slot);
        atomic_fetch_add(&c->failures, status != LOCK_SYNC_OK && status != LOCK_SYNC_E_TOO_SOON);
        atomic_fetch_add(&c->failures, lock_sync_guard_error_message(g, NULL, 0) != 0);
        (void)lock_sync_guard_set_hourly_budget(g, 1000000, 0);
        (void)usleep(100);
    }
    lock_sync_guard_unref(g);
    return NULL;
}

void check_crowd(lock_sync_guard *g, size_t threads, int64_t interval_ms, int64_t ms)
{
    crowd c = {.guard = g, .interval_us = interval_ms * 1000, .until_us = kit_now_us() + ms * 1000 * kit_slack()};
    pthread_t thread[THREADS_MAX];

    CHECK_OK(lock_sync_guard_set_min_interval_ms(g, interval_ms));
    CHECK_OK(lock_sync_guard_set_hourly_budget(g, 1000000, 0));
    for (size_t i = 0; i < threads; i++)
        MUST_INT(pthread_create(&thread[i], NULL, use_repeatedly, &c), 0);
    for (size_t i = 0; i < threads; i++)
        MUST_INT(pthread_join(thread[i], NULL), 0);
    CHECK(c.slots > 10);
    CHECK_INT(c.together, 0);
    CHECK_INT(c.too_close, 0);
    CHECK_INT(c.failures, 0);
}
