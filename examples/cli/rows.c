#include "rows.h"

#include <stdlib.h>
#include <string.h>

static row *append(rows *r, int64_t id)
{
    row *added;

    if (r->count == r->room) {
        size_t room = r->room == 0 ? 16 : 2 * r->room;
        row *at = reallocarray(r->at, room, sizeof *at);

        if (at == NULL)
            return NULL;
        r->at = at;
        r->room = room;
    }
    added = &r->at[r->count++];
    memset(added, 0, sizeof *added);
    added->lock.id = id;
    return added;
}

static void answer(row *to, const lock_sync_lock *lock)
{
    to->lock = *lock;
    to->answered = true;
}

bool rows_from_results(rows *r, const lock_sync_results *results)
{
    for (size_t i = 0; i < lock_sync_results_count(results); i++) {
        const lock_sync_lock *lock = lock_sync_results_at(results, i);
        row *added = append(r, lock->id);

        if (added == NULL)
            return false;
        answer(added, lock);
    }
    for (size_t i = 0; i < lock_sync_results_missing_count(results); i++)
        if (append(r, lock_sync_results_missing_at(results, i)) == NULL)
            return false;
    return true;
}

static int by_id(const void *a, const void *b)
{
    int64_t left = ((const row *)a)->lock.id;
    int64_t right = ((const row *)b)->lock.id;

    return (left > right) - (left < right);
}

static void sort(rows *r)
{
    if (r->count > 0)
        qsort(r->at, r->count, sizeof *r->at, by_id);
}

bool rows_from_ids(rows *r, const int64_t *ids, size_t n)
{
    size_t kept = 0;

    for (size_t i = 0; i < n; i++)
        if (append(r, ids[i]) == NULL)
            return false;
    sort(r);
    for (size_t i = 0; i < r->count; i++) /* each once */
        if (kept == 0 || r->at[i].lock.id != r->at[kept - 1].lock.id)
            r->at[kept++] = r->at[i];
    r->count = kept;
    return true;
}

static row *find(const rows *r, size_t among, int64_t id)
{
    row wanted = {.lock = {.id = id}};

    return among == 0 ? NULL : bsearch(&wanted, r->at, among, sizeof *r->at, by_id);
}

static void drop_unanswered(rows *r)
{
    size_t kept = 0;

    for (size_t i = 0; i < r->count; i++)
        if (r->at[i].answered)
            r->at[kept++] = r->at[i];
    r->count = kept;
}

bool rows_apply(rows *r, const lock_sync_changes *changes, bool asked, bool first)
{
    size_t sorted = r->count;

    for (size_t i = 0; i < sorted; i++)
        r->at[i].fresh = false;
    for (size_t i = 0; i < lock_sync_changes_count(changes); i++) {
        const lock_sync_change *change = lock_sync_changes_at(changes, i);
        int64_t id = change->after != NULL ? change->after->id : change->before->id;
        row *changed = find(r, sorted, id);

        if (changed == NULL)
            changed = append(r, id);
        if (changed == NULL)
            return false;
        if (change->after != NULL)
            answer(changed, change->after);
        else
            changed->answered = false;
        changed->fresh = !first;
    }
    if (!asked)
        drop_unanswered(r);
    sort(r);
    return true;
}

void rows_free(rows *r)
{
    free(r->at);
    *r = (rows){.at = NULL};
}
