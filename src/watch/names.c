/* The directory that a watch follows; see names.h. */
#include "watch/names.h"
#include "wire/results.h"

size_t lsync_names_find(const lock_sync_directory *d, const char *const *serial_numbers, size_t count, int64_t *ids)
{
    size_t found = 0;

    for (size_t i = 0; i < count; i++) {
        const lock_sync_lock_info *info = lock_sync_directory_find_serial(d, serial_numbers[i]);

        if (info != NULL)
            ids[found++] = info->id;
    }
    return found;
}

lock_sync_results *lsync_names_states(const lock_sync_directory *d, const int64_t *ids, size_t n)
{
    static const lsync_scope all = {NULL, NULL, 0};
    const lock_sync_results *from = lock_sync_directory_results(d);
    lock_sync_results *r = ids != NULL && n == 0 ? lsync_results_new(&from->memory, &all, 0, from->fetched_at_ms)
                                                 : lsync_results_select_ids(from, ids, n);

    for (size_t i = 0; i < lock_sync_results_count(r); i++)
        r->locks[i].fields |= LOCK_SYNC_FIELD_CONNECTED; /* is_connected is false if it was unknown */
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
    return lock_sync_results_missing_count(states) > lock_sync_results_missing_count(known->results);
}
