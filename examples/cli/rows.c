#include "rows.h"

#include "cells.h"

#include <stdlib.h>
#include <string.h>

static row *append(rows *r, int64_t id)
{
    row *added;

    if (r->count == r->capacity) {
        size_t capacity = r->capacity == 0 ? 16 : 2 * r->capacity;
        row *at = reallocarray(r->at, capacity, sizeof *at);

        if (at == NULL)
            return NULL;
        r->at = at;
        r->capacity = capacity;
    }
    added = &r->at[r->count++];
    memset(added, 0, sizeof *added);
    added->lock.id = id;
    return added;
}

bool rows_from_results(rows *r, const lock_sync_results *results)
{
    r->count = 0;
    for (size_t i = 0; i < lock_sync_results_count(results); i++) {
        const lock_sync_lock *lock = lock_sync_results_at(results, i);
        row *added = append(r, lock->id);

        if (added == NULL)
            return false;
        added->lock = *lock;
        added->is_found = true;
    }
    for (size_t i = 0; i < lock_sync_results_missing_count(results); i++)
        if (append(r, lock_sync_results_missing_at(results, i)) == NULL)
            return false;
    return true;
}

static row *find(const rows *r, int64_t id)
{
    size_t i = 0;

    while (i < r->count && r->at[i].lock.id != id)
        i++;
    return i < r->count ? &r->at[i] : NULL;
}

bool rows_from_watch(rows *r, const lock_sync_results *results, const lock_sync_changes *changes)
{
    bool complete = rows_from_results(r, results);

    for (size_t i = 0; complete && i < lock_sync_changes_count(changes); i++) {
        const lock_sync_change *change = lock_sync_changes_at(changes, i);
        row *changed = find(r, (change->after != NULL ? change->after : change->before)->id);

        if (changed != NULL) /* a removed lock has no row unless its id was requested */
            changed->has_changed = true;
    }
    return complete;
}

bool rows_select(rows *r, const int64_t *ids, size_t count)
{
    size_t kept = 0;

    if (count == 0)
        return true;
    for (size_t i = 0; i < r->count; i++)
        for (size_t k = 0; k < count; k++)
            if (r->at[i].lock.id == ids[k]) {
                r->at[kept++] = r->at[i];
                break;
            }
    r->count = kept;
    for (size_t k = 0; k < count; k++)
        if (find(r, ids[k]) == NULL && append(r, ids[k]) == NULL)
            return false;
    return true;
}

void rows_free(rows *r)
{
    free(r->at);
    *r = (rows){.at = NULL};
}

row_rank row_rank_of(const row *r)
{
    row_rank rank = RANK_OTHER;

    if (r->has_changed)
        rank = RANK_CHANGED;
    else if (!r->is_found || lock_sync_lock_is_locked(&r->lock) != LOCK_SYNC_YES)
        rank = RANK_NOT_LOCKED;
    else if (has_low_battery(&r->lock))
        rank = RANK_LOW_BATTERY;
    return rank;
}
