/* The acts of guards in memory, in a file and over an application's store; see acts.h. */
#include "acts.h"

#include <string.h>
#include <unistd.h>

static void make_cached(scene *x)
{
    make_ctx(x);
    must(lock_sync_guard_new(&x->guard));
    must(lock_sync_set_guard(x->ctx, x->guard));
    must(lock_sync_set_guard_mode(x->ctx, LOCK_SYNC_GUARD_CACHED));
    must(fetch_all(x));
    x->is_cached = true;
}

/* Sets a guard that opens at once. */
void use_guard(scene *x, lock_sync_status made)
{
    must(made);
    must(lock_sync_guard_set_min_interval_ms(x->guard, 1));
    must(lock_sync_guard_set_hourly_budget(x->guard, 1000000, 0));
    must(lock_sync_set_guard(x->ctx, x->guard));
    must(lock_sync_set_guard_mode(x->ctx, LOCK_SYNC_GUARD_WAIT));
}

void make_guarded(scene *x)
{
    make_ctx(x);
    use_guard(x, lock_sync_guard_open_file(guard_path, &x->guard));
}

lock_sync_status use_slot(lock_sync_guard *g)
{
    lock_sync_status status;
    int64_t slot;

    DO(lock_sync_guard_set_min_interval_ms(g, 1));
    DO(lock_sync_guard_set_kind_interval_ms(g, LOCK_SYNC_REQUEST_DIRECTORY, 1));
    DO(lock_sync_guard_set_hourly_budget(g, 1000000, 0));
    DO(lock_sync_guard_reserve_for(g, LOCK_SYNC_REQUEST_OTHER, 1000, NULL, NULL));
    while ((status = lock_sync_guard_reserve(g, 1000, NULL, &slot)) == LOCK_SYNC_E_TOO_SOON)
        (void)usleep(500);
    return status == LOCK_SYNC_OK ? lock_sync_guard_settle(g, slot, LOCK_SYNC_SLOT_SENT, -1) : status;
}

/* An application's store. */
typedef struct own_store {
    unsigned char record[LOCK_SYNC_GUARD_RECORD_MAX];
    size_t size;
    size_t ends;
} own_store;

static lock_sync_status load(void *user, void *record, size_t *size, int64_t *now_ms)
{
    const own_store *s = user;

    memcpy(record, s->record, s->size);
    *size = s->size;
    *now_ms = kit_now_ms();
    return LOCK_SYNC_OK;
}

static lock_sync_status replace(void *user, const void *old_record, size_t old_size, const void *new_record,
                                size_t new_size, bool *replaced)
{
    own_store *s = user;

    (void)old_record, (void)old_size;
    memcpy(s->record, new_record, new_size);
    s->size = new_size;
    *replaced = true;
    return LOCK_SYNC_OK;
}

static void count(void *user)
{
    ((own_store *)user)->ends++;
}

static lock_sync_status use_and_unref(scene *x, lock_sync_status made, lock_sync_guard *g)
{
    lock_sync_status status = made == LOCK_SYNC_OK ? use_slot(g) : made;
    char text[100];

    x->wrong = x->wrong || (g != NULL) != (made == LOCK_SYNC_OK) || lock_sync_guard_ref(g) != g ||
               (lock_sync_guard_error_message(g, text, sizeof text) > 0) != (status == LOCK_SYNC_E_GUARD) ||
               lock_sync_guard_warning(g, text, sizeof text) > 0;
    lock_sync_guard_unref(g);
    lock_sync_guard_unref(g);
    return status;
}

static lock_sync_status new_guards(scene *x)
{
    own_store kept = {.size = 0};
    const lock_sync_guard_store store = {
        .struct_size = sizeof store, .user = &kept, .load = load, .replace = replace, .destroy = count};
    lock_sync_guard *g = NULL;
    lock_sync_status status = x->memory == NULL ? lock_sync_guard_new(&g)
                                                : lock_sync_guard_new_with_allocator(x->memory, &g);

    DO(use_and_unref(x, status, g));
    status = lock_sync_guard_open_file(guard_path, &g);
    DO(use_and_unref(x, status, g));
    status = lock_sync_guard_new_with_store(&store, &g);
    x->wrong = x->wrong || kept.ends != 0; /* a guard that cannot be made must not free the store */
    return use_and_unref(x, status, g);
}

const act guard_acts[] = {
    {"a cached fetch", make_cached, fetch_some, LOCK_SYNC_OK, NONE},
    {"a fetch with a guard in a file", make_guarded, fetch_some, LOCK_SYNC_OK, MAY_RESOLVE},
    {"guards", NULL, new_guards, LOCK_SYNC_OK, USES_MALLOC},
    {NULL, NULL, NULL, LOCK_SYNC_OK, NONE},
};
