/* A guard's record in memory, behind a mutex; the clock is the machine's, sleep included. */
#include "base/clock.h"
#include "base/memory.h"
#include "guard/store.h"

#include <pthread.h>
#include <string.h>

typedef struct memory_store {
    lock_sync_allocator memory;
    pthread_mutex_t mutex;
    lsync_guard_record record;
} memory_store;

static lock_sync_status update(void *state, const lsync_guard_decision *decision, char *why)
{
    memory_store *s = state;

    (void)why; /* cannot fail */
    (void)pthread_mutex_lock(&s->mutex);
    decision->decide(decision->user, &s->record, lsync_clock_boot_us()); /* read inside: decisions are in its order */
    (void)pthread_mutex_unlock(&s->mutex);
    return LOCK_SYNC_OK;
}

static void destroy(void *state)
{
    memory_store *s = state;

    (void)pthread_mutex_destroy(&s->mutex);
    lsync_free(&s->memory, s);
}

lock_sync_status lsync_memory_store_new(const lock_sync_allocator *memory, lsync_guard_keeper *out)
{
    memory_store *s = lsync_alloc(memory, sizeof *s);

    if (s == NULL || pthread_mutex_init(&s->mutex, NULL) != 0) {
        lsync_free(memory, s);
        return LOCK_SYNC_E_NO_MEMORY;
    }
    s->memory = *memory;
    memset(&s->record, 0, sizeof s->record);
    *out = (lsync_guard_keeper){s, false, 0, update, destroy};
    return LOCK_SYNC_OK;
}
