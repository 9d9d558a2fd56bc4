/* The building and reading of results; see results.h. */
#include "wire/results.h"
#include "base/memory.h"

#include <string.h>

static lsync_ids lock_ids(const lock_sync_results *r)
{
    return (lsync_ids){&r->locks->id, sizeof r->locks[0], r->count};
}

static void sort(lock_sync_results *r)
{
    lsync_ids ids = lock_ids(r);

    lsync_order_by_id(&ids, r->order);
}

/* Where the arrays of a block begin. Those that do not grow come first. */
typedef struct layout {
    size_t missing, scope, answered, locks, order, end;
} layout;

static bool lay_out(size_t locks, size_t asked, layout *l)
{
    l->end = sizeof(lock_sync_results);
    return locks <= LSYNC_ORDER_MAX && lsync_add_part(&l->end, asked, sizeof(int64_t), &l->missing) &&
           lsync_add_part(&l->end, asked, LSYNC_SCOPE_ROOM, &l->scope) &&
           lsync_add_part(&l->end, asked, sizeof(bool), &l->answered) &&
           lsync_add_part(&l->end, locks, sizeof(lock_sync_lock), &l->locks) &&
           lsync_add_part(&l->end, locks, sizeof(uint32_t), &l->order);
}

static void *at(lock_sync_results *r, size_t offset)
{
    return (char *)r + offset;
}

/* Tells the results where their arrays begin. */
static void place(lock_sync_results *r, const layout *l, size_t capacity)
{
    r->capacity = capacity;
    r->locks = at(r, l->locks);
    r->order = at(r, l->order);
    r->answered = at(r, l->answered);
    r->missing = at(r, l->missing);
}

lock_sync_results *lsync_results_new(const lock_sync_allocator *memory, const lsync_scope *asked, size_t records,
                                     int64_t fetched_at_ms)
{
    size_t capacity = asked->count > 0 && records > asked->count ? asked->count : records;
    lock_sync_results *r;
    layout l;

    if (!lay_out(capacity, asked->count, &l))
        return NULL;
    r = lsync_alloc(memory, l.end);
    if (r == NULL)
        return NULL;
    *r = (lock_sync_results){.memory = *memory, .fetched_at_ms = fetched_at_ms};
    place(r, &l, capacity);
    lsync_scope_init(&r->asked, asked->ids, asked->count, at(r, l.scope));
    memset(r->answered, 0, asked->count * sizeof(bool));
    return r;
}

lock_sync_results *lsync_results_grow(lock_sync_results *r)
{
    size_t capacity = r->capacity * 2 + 8;
    const lock_sync_allocator memory = r->memory;
    ptrdiff_t order = r->asked.order == NULL ? 0 : (const char *)r->asked.order - (const char *)r;
    layout l;

    if (!lay_out(capacity, r->asked.count, &l))
        return NULL;
    r = lsync_realloc(&memory, r, l.end);
    if (r == NULL)
        return NULL;
    place(r, &l, capacity);
    r->asked.ids = at(r, l.scope);
    r->asked.order = order == 0 ? NULL : at(r, (size_t)order);
    return r;
}

void lsync_results_add(lock_sync_results *r, const lock_sync_lock *lock)
{
    if (r->asked.count > 0) {
        size_t i = lsync_scope_find(&r->asked, lock->id);

        if (i == LSYNC_NOT_FOUND || r->answered[i])
            return;
        r->answered[i] = true;
    }
    if (r->count > 0 && lock->id <= r->locks[r->count - 1].id)
        r->unordered = true;
    r->locks[r->count++] = *lock;
}

/* Keeps the first of records with one id. Ids of an answer are > 0: 0 marks the ones to drop. */
static void drop_duplicates(lock_sync_results *r)
{
    size_t kept = 0;
    bool found = false;

    for (size_t i = r->count; i-- > 1;) {
        if (r->locks[r->order[i]].id == r->locks[r->order[i - 1]].id) {
            r->locks[r->order[i]].id = 0;
            found = true;
        }
    }
    if (!found)
        return;
    for (size_t i = 0; i < r->count; i++)
        if (r->locks[i].id != 0)
            r->locks[kept++] = r->locks[i];
    r->count = kept;
    sort(r);
}

void lsync_results_finish(lock_sync_results *r)
{
    if (r->unordered) {
        sort(r);
        drop_duplicates(r);
    }
    for (size_t i = 0; i < r->asked.count; i++)
        if (!r->answered[i])
            r->missing[r->missing_count++] = r->asked.ids[i];
}

lock_sync_results *lsync_results_select(const lock_sync_results *from, const lsync_scope *asked)
{
    lock_sync_results *r = lsync_results_new(&from->memory, asked, from->count, from->fetched_at_ms);

    if (r == NULL)
        return NULL;
    for (size_t i = 0; i < from->count; i++)
        lsync_results_add(r, &from->locks[i]);
    lsync_results_finish(r);
    return r;
}

void lock_sync_results_free(lock_sync_results *r)
{
    if (r != NULL)
        lsync_free(&r->memory, r);
}

size_t lock_sync_results_count(const lock_sync_results *r)
{
    return r == NULL ? 0 : r->count;
}

const lock_sync_lock *lock_sync_results_at(const lock_sync_results *r, size_t i)
{
    return i < lock_sync_results_count(r) ? &r->locks[i] : NULL;
}

const lock_sync_lock *lock_sync_results_find(const lock_sync_results *r, int64_t id)
{
    lsync_ids ids;
    size_t found;

    if (r == NULL)
        return NULL;
    ids = lock_ids(r);
    found = lsync_order_find(&ids, r->unordered ? r->order : NULL, id);
    return found == LSYNC_NOT_FOUND ? NULL : &r->locks[found];
}

size_t lock_sync_results_missing_count(const lock_sync_results *r)
{
    return r == NULL ? 0 : r->missing_count;
}

int64_t lock_sync_results_missing_at(const lock_sync_results *r, size_t i)
{
    return i < lock_sync_results_missing_count(r) ? r->missing[i] : 0;
}

int64_t lock_sync_results_fetched_at_ms(const lock_sync_results *r)
{
    return r == NULL ? 0 : r->fetched_at_ms;
}

bool lock_sync_results_is_cached(const lock_sync_results *r)
{
    return r != NULL && r->is_cached;
}
