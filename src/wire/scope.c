/* The locks that are requested; see scope.h. */
#include "wire/scope.h"

#include <string.h>

/* Keeps the first of equal ids. Ids are > 0, so 0 marks the ids to drop. */
static size_t drop_duplicates(int64_t *ids, const int64_t *given, size_t n, const uint32_t *order)
{
    size_t kept = 0;

    for (size_t i = 1; i < n; i++)
        if (given[order[i]] == given[order[i - 1]])
            ids[order[i]] = 0;
    for (size_t i = 0; i < n; i++)
        if (ids[i] != 0)
            ids[kept++] = ids[i];
    return kept;
}

void lsync_scope_init(lsync_scope *scope, const int64_t *ids, size_t n, void *room)
{
    int64_t *own = room;
    uint32_t *order = (uint32_t *)(void *)(own + n);
    lsync_ids all = {own, sizeof own[0], n};

    *scope = (lsync_scope){.ids = own, .count = n};
    if (n == 0)
        return;
    memcpy(own, ids, n * sizeof own[0]);
    if (lsync_ids_ascend(&all))
        return;
    lsync_order_by_id(&all, order);
    scope->count = all.n = drop_duplicates(own, ids, n, order);
    if (lsync_ids_ascend(&all))
        return;
    lsync_order_by_id(&all, order);
    scope->order = order;
}

size_t lsync_scope_find(const lsync_scope *scope, int64_t id)
{
    lsync_ids all = {scope->ids, sizeof scope->ids[0], scope->count};

    return lsync_order_find(&all, scope->order, id);
}

bool lsync_scope_covers(const lsync_scope *outer, const lsync_scope *inner)
{
    if (outer->count == 0)
        return true;
    if (inner->count == 0)
        return false;
    for (size_t i = 0; i < inner->count; i++)
        if (lsync_scope_find(outer, inner->ids[i]) == LSYNC_NOT_FOUND)
            return false;
    return true;
}
