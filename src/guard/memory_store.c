/* A guard's record in memory. The clock is the machine's, which runs on during sleep. The guard lets one thread decide
   at a time. */
#include "base/clock.h"
#include "base/memory.h"
#include "base/random.h"
#include "guard/store.h"

typedef struct memory_store {
    lock_sync_allocator memory;
    lsync_random random;
    int64_t slot; /* the number of the next slot */
    lsync_guard_record record;
} memory_store;

static lock_sync_status update(void *state, lsync_guard_view *view, const lsync_guard_decision *decision, char *why)
{
    memory_store *s = state;

    (void)view, (void)why; /* cannot fail */
    if (decision->decide(decision->user, &s->record, decision->limits, lsync_clock_boot_us(), s->slot))
        s->slot = lsync_random_next(&s->random);
    return LOCK_SYNC_OK;
}

static void destroy(void *state)
{
    memory_store *s = state;

    lsync_free(&s->memory, s);
}

lock_sync_status lsync_memory_store_new(const lock_sync_allocator *memory, lsync_guard_store *out)
{
    memory_store *s = lsync_alloc(memory, sizeof *s);

    if (s == NULL)
        return LOCK_SYNC_E_NO_MEMORY;
    s->memory = *memory;
    lsync_random_seed(&s->random);
    s->slot = lsync_random_next(&s->random);
    lsync_guard_record_init(&s->record);
    *out = (lsync_guard_store){.state = s, .update = update, .destroy = destroy};
    return LOCK_SYNC_OK;
}
