/* A guard's record in a store of the host's own: load, decide, compare-and-swap, and again when another was faster. */
#include "base/log.h"
#include "base/memory.h"
#include "guard/record.h"
#include "guard/store.h"

#include <stdio.h>
#include <string.h>

#define TRIES_MAX 100
#define MS_MAX ((int64_t)1 << 50) /* far beyond any clock, and its microseconds still fit */

typedef struct host_store {
    lock_sync_allocator memory;
    lock_sync_guard_store store;
} host_store;

static lock_sync_status fail(const char *text, char *why)
{
    (void)snprintf(why, LSYNC_GUARD_WHY_MAX, "the store's %s", text);
    return LOCK_SYNC_E_GUARD;
}

static lock_sync_status call_failed(const host_store *s, const char *what, lock_sync_status status, char *why)
{
    char text[LSYNC_GUARD_WHY_MAX / 2] = "";

    if (s->store.describe != NULL)
        s->store.describe(s->store.user, text, sizeof text);
    text[sizeof text - 1] = '\0';
    lsync_one_line(text);
    (void)snprintf(why, LSYNC_GUARD_WHY_MAX, "the store's %s failed: %s", what,
                   text[0] != '\0' ? text : lock_sync_status_name(status));
    return LOCK_SYNC_E_GUARD;
}

/* One try. *done: the decision stands. */
static lock_sync_status try_update(host_store *s, const lsync_guard_decision *decision, bool *done, char *why)
{
    unsigned char before[LOCK_SYNC_GUARD_RECORD_MAX];
    unsigned char after[LSYNC_GUARD_RECORD_SIZE];
    lsync_guard_image image;
    size_t size = sizeof before;
    int64_t now_ms = 0;
    lock_sync_status status = s->store.load(s->store.user, before, &size, &now_ms);

    if (status != LOCK_SYNC_OK)
        return call_failed(s, "load", status, why);
    memset(&image, 0, sizeof image);
    if (now_ms <= 0 || now_ms > MS_MAX)
        return fail("time is not usable", why);
    if (size != 0 && !lsync_guard_unpack(before, size, &image))
        return fail("record is damaged", why);
    *done = !lsync_guard_decide(&image, false, decision, now_ms * 1000, after);
    if (*done)
        return LOCK_SYNC_OK;
    status = s->store.replace(s->store.user, before, size, after, sizeof after, done);
    return status == LOCK_SYNC_OK ? LOCK_SYNC_OK : call_failed(s, "replace", status, why);
}

static lock_sync_status update(void *state, const lsync_guard_decision *decision, char *why)
{
    for (int i = 0; i < TRIES_MAX; i++) {
        bool done = false;
        lock_sync_status status = try_update(state, decision, &done, why);

        if (status != LOCK_SYNC_OK || done)
            return status;
    }
    (void)snprintf(why, LSYNC_GUARD_WHY_MAX, "others changed the store's record %d times in a row", TRIES_MAX);
    return LOCK_SYNC_E_GUARD;
}

static void destroy(void *state)
{
    host_store *s = state;

    if (s->store.destroy != NULL)
        s->store.destroy(s->store.user);
    lsync_free(&s->memory, s);
}

lock_sync_status lsync_host_store_new(const lock_sync_allocator *memory, const lock_sync_guard_store *store,
                                      lsync_guard_keeper *out)
{
    host_store *s;

    /* a shorter struct is one of an older header: what it lacks is not there */
    if (store == NULL || store->struct_size < offsetof(lock_sync_guard_store, destroy) || store->load == NULL ||
        store->replace == NULL)
        return LOCK_SYNC_E_INVALID_ARGUMENT;
    s = lsync_alloc(memory, sizeof *s);
    if (s == NULL)
        return LOCK_SYNC_E_NO_MEMORY;
    s->memory = *memory;
    lsync_copy_struct(&s->store, sizeof s->store, store, store->struct_size);
    *out = (lsync_guard_keeper){s, true, 999, update, destroy}; /* a clock of whole milliseconds */
    return LOCK_SYNC_OK;
}
