/* The guards that clients share, in memory or in a store that is slow or fails; see world.h. */
#include "world.h"

#include "checks.h"

#include <stdlib.h>
#include <string.h>

/* --- the store --- */

static dice dice_of_call(guard_state *g)
{
    return dice_of(sim.plan->seed, UINT64_C(5000) + (uint64_t)(g - sim.guards), ++g->calls);
}

static lock_sync_status read_record(guard_state *g, void *record, size_t *size)
{
    dice d = dice_of_call(g);

    if (g->reliability == WORKS_FAILS && !dice_one_in(&d, 5))
        return LOCK_SYNC_E_NETWORK;
    memcpy(record, g->record, g->record_size);
    *size = g->record_size;
    return LOCK_SYNC_OK;
}

/* Replaces the record. May report a failure after it was written, and other users may write first. */
static lock_sync_status replace(void *user, const void *old_record, size_t old_size, const void *new_record,
                                size_t new_size, bool *replaced)
{
    guard_state *g = user;
    dice d = dice_of_call(g);
    bool fails = g->reliability == WORKS_FAILS_TO_WRITE && !dice_one_in(&d, 5);

    *replaced = false;
    if ((fails && dice_one_in(&d, 2)) || (g->reliability == WORKS_SLOW && dice_one_in(&d, 8)))
        return fails ? LOCK_SYNC_E_NETWORK : LOCK_SYNC_OK;
    if (old_size != g->record_size || memcmp(old_record, g->record, old_size) != 0)
        return LOCK_SYNC_OK;
    memcpy(g->record, new_record, new_size);
    g->record_size = new_size;
    *replaced = true;
    return fails ? LOCK_SYNC_E_NETWORK : LOCK_SYNC_OK;
}

static lock_sync_status load(void *user, void *record, size_t *size, int64_t *now_ms)
{
    *now_ms = clock_now_us() / 1000;
    return read_record(user, record, size);
}

static lock_sync_status look(void *user, lock_sync_guard_look *l)
{
    l->now_us = clock_now_us();
    return read_record(user, l->record, &l->size);
}

static lock_sync_status swap(void *user, const void *old_record, size_t old_size, const void *new_record,
                             size_t new_size, int64_t expires_in_ms, bool *replaced)
{
    (void)expires_in_ms;
    return replace(user, old_record, old_size, new_record, new_size, replaced);
}

static void destroy(void *user)
{
    ((guard_state *)user)->users--;
}

/* --- the guards --- */

static lock_sync_guard *new_guard(guard_state *g)
{
    lock_sync_guard_store store = {.struct_size = sizeof store, .user = g, .destroy = destroy};
    lock_sync_allocator memory = world_allocator();
    lock_sync_guard *guard;

    if (g->plan->has_own_clock) {
        store.look = look;
        store.swap = swap;
    } else {
        store.load = load;
        store.replace = replace;
    }
    if ((g->plan->is_store ? lock_sync_guard_new_with_store(&store, &guard)
                           : lock_sync_guard_new_with_allocator(&memory, &guard)) != LOCK_SYNC_OK ||
        lock_sync_guard_set_min_interval_ms(guard, g->plan->interval_ms) != LOCK_SYNC_OK ||
        lock_sync_guard_set_hourly_budget(guard, g->plan->budget, 0) != LOCK_SYNC_OK)
        abort();
    g->users += g->plan->is_store;
    return guard;
}

/* Makes a separate guard on a store for each pool, as separate processes have. */
void guards_make(void)
{
    for (int32_t i = 0; i < sim.plan->guard_count; i++) {
        guard_state *g = &sim.guards[i];

        g->plan = &sim.plan->guards[i];
        for (int32_t n = 0; n < POOLS_MAX; n++)
            g->guards[n] = n == 0 || g->plan->is_store ? new_guard(g) : lock_sync_guard_ref(g->guards[0]);
    }
}

void guards_free(void)
{
    for (int32_t i = 0; i < sim.plan->guard_count; i++) {
        for (int32_t n = 0; n < POOLS_MAX; n++)
            lock_sync_guard_unref(sim.guards[i].guards[n]);
        if (sim.guards[i].users != 0)
            violation("guard %d is not freed", (int)i);
    }
}

guard_state *guard_state_of(const lock_sync_guard *guard)
{
    for (int32_t i = 0; i < sim.plan->guard_count; i++)
        for (int32_t n = 0; n < POOLS_MAX; n++)
            if (sim.guards[i].guards[n] == guard)
                return &sim.guards[i];
    return NULL;
}
