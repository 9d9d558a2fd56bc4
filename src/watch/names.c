/* The directory that a watch follows; see names.h. */
#include "watch/names.h"
#include "wire/results.h"

/* Finds a lock in the directory, or in the one before if the states have it under that id. */
static const lock_sync_lock_info *find(const lock_sync_directory *d, const lsync_known *before,
                                       const char *serial_number)
{
    const lock_sync_lock_info *info = lock_sync_directory_find_serial(d, serial_number);

    if (info != NULL)
        return info;
    info = lock_sync_directory_find_serial(before->directory, serial_number);
    return info != NULL && lock_sync_results_find(before->results, info->id) != NULL ? info : NULL;
}

size_t lsync_names_find(const lock_sync_directory *d, const lsync_known *before, const char *const *serial_numbers,
                        size_t count, int64_t *ids)
{
    size_t found = 0;

    for (size_t i = 0; i < count; i++) {
        const lock_sync_lock_info *info = find(d, before, serial_numbers[i]);

        if (info != NULL)
            ids[found++] = info->id;
    }
    return found;
}

/* Sets what the directory leaves unknown. */
static void complete(lock_sync_lock *lock, const lock_sync_directory *d)
{
    const lock_sync_lock_info *info = lock_sync_directory_find(d, lock->id);

    if (info != NULL && info->bridge_id == 0)
        lock->fields |= LOCK_SYNC_FIELD_CONNECTED; /* is_connected is false if it was unknown */
}

lock_sync_results *lsync_names_states(const lock_sync_directory *d, const int64_t *ids, size_t n)
{
    lock_sync_results *r = lsync_results_select_ids(lock_sync_directory_results(d), ids, n);

    for (size_t i = 0; i < lock_sync_results_count(r); i++)
        complete(&r->locks[i], d);
    return r;
}

lock_sync_results *lsync_names_collect(const lock_sync_results *states, const lock_sync_directory *d,
                                       const int64_t *ids, size_t n)
{
    static const lsync_scope all = {NULL, NULL, 0};
    const lock_sync_results *in_directory = lock_sync_directory_results(d);
    const lock_sync_results *newest = states != NULL ? states : in_directory;
    lock_sync_results *r = lsync_results_new(&newest->memory, &all, n, newest->fetched_at_ms);

    for (size_t i = 0; r != NULL && i < n; i++) {
        const lock_sync_lock *state = lock_sync_results_find(states, ids[i]);
        const lock_sync_lock *lock = state != NULL ? state : lock_sync_results_find(in_directory, ids[i]);

        if (lock == NULL)
            continue;
        lsync_results_add(r, lock);
        if (state == NULL)
            complete(&r->locks[r->count - 1], d);
    }
    if (r != NULL)
        (void)lsync_results_finish(r);
    return r;
}

static bool is_news(const lsync_known *known, const lock_sync_lock *now)
{
    const lock_sync_lock *before = lock_sync_results_find(known->results, now->id);

    if (before == NULL)
        before = lock_sync_results_find(lock_sync_directory_results(known->directory), now->id);
    if (before == NULL)
        return true;
    return (now->fields & LOCK_SYNC_FIELD_REVISION) != 0 && now->revision > before->revision;
}

bool lsync_names_are_old(const lsync_known *known, const lock_sync_results *states)
{
    for (size_t i = 0; i < lock_sync_results_count(states); i++)
        if (is_news(known, lock_sync_results_at(states, i)))
            return true;
    for (size_t i = 0; i < lock_sync_results_missing_count(states); i++)
        if (known->results == NULL ||
            lock_sync_results_find(known->results, lock_sync_results_missing_at(states, i)) != NULL)
            return true;
    return false;
}
