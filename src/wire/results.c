/* Builds results and reads them; see results.h. */
#include "wire/results.h"
#include "base/memory.h"
#include "wire/schema.h"

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

/* Offsets of the arrays in a block. Those that do not grow are first. */
typedef struct layout {
    size_t missing, scope, found, locks, order, end;
} layout;

static bool lay_out(size_t locks, size_t asked, layout *l)
{
    l->end = sizeof(lock_sync_results);
    return locks <= LSYNC_ORDER_MAX && lsync_add_part(&l->end, asked, sizeof(int64_t), &l->missing) &&
           lsync_add_part(&l->end, asked, LSYNC_SCOPE_ROOM, &l->scope) &&
           lsync_add_part(&l->end, asked, sizeof(uint32_t), &l->found) &&
           lsync_add_part(&l->end, locks, sizeof(lock_sync_lock), &l->locks) &&
           lsync_add_part(&l->end, locks, sizeof(uint32_t), &l->order);
}

static void *at(lock_sync_results *r, size_t offset)
{
    return (char *)r + offset;
}

/* Sets the pointers to the arrays. */
static void set_arrays(lock_sync_results *r, const layout *l, size_t capacity)
{
    r->capacity = capacity;
    r->locks = at(r, l->locks);
    r->order = at(r, l->order);
    r->found = at(r, l->found);
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
    *r = (lock_sync_results){.memory = *memory, .fetched_at_ms = fetched_at_ms, .conflict = LSYNC_NOT_FOUND};
    set_arrays(r, &l, capacity);
    lsync_scope_init(&r->asked, asked->ids, asked->count, at(r, l.scope));
    memset(r->found, 0, asked->count * sizeof r->found[0]);
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
    set_arrays(r, &l, capacity);
    r->asked.ids = at(r, l.scope);
    r->asked.order = order == 0 ? NULL : at(r, (size_t)order);
    return r;
}

static void note_conflict(lock_sync_results *r, size_t index)
{
    if (index < r->conflict) /* LSYNC_NOT_FOUND is greater than any index */
        r->conflict = index;
}

void lsync_results_add(lock_sync_results *r, const lock_sync_lock *lock)
{
    if (r->asked.count > 0) {
        size_t index = r->records++;
        size_t i = lsync_scope_find(&r->asked, lock->id);

        if (i == LSYNC_NOT_FOUND)
            return;
        if (r->found[i] != 0) {
            if (!lsync_lock_is_equal(&r->locks[r->found[i] - 1], lock))
                note_conflict(r, index);
            return;
        }
        r->found[i] = (uint32_t)r->count + 1;
    }
    if (r->count > 0 && lock->id <= r->locks[r->count - 1].id)
        r->unordered = true;
    r->locks[r->count++] = *lock;
}

/* Keeps the first of several records with the same id. Received ids are > 0, so 0 marks the records to drop. Duplicates
   are here only if all locks were requested; then a record's position in `locks` is its index in the response. */
static void drop_duplicates(lock_sync_results *r)
{
    size_t kept = 0;
    bool found = false;

    for (size_t i = r->count; i-- > 1;) {
        lock_sync_lock *lock = &r->locks[r->order[i]];
        const lock_sync_lock *earlier = &r->locks[r->order[i - 1]];

        if (lock->id == earlier->id) {
            if (!lsync_lock_is_equal(lock, earlier))
                note_conflict(r, r->order[i]);
            lock->id = 0;
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

bool lsync_results_finish(lock_sync_results *r)
{
    if (r->unordered) {
        sort(r);
        drop_duplicates(r);
    }
    for (size_t i = 0; i < r->asked.count; i++)
        if (r->found[i] == 0)
            r->missing[r->missing_count++] = r->asked.ids[i];
    return r->conflict == LSYNC_NOT_FOUND;
}

lock_sync_results *lsync_results_select(const lock_sync_results *from, const lsync_scope *asked)
{
    lock_sync_results *r = lsync_results_new(&from->memory, asked, from->count, from->fetched_at_ms);

    if (r == NULL)
        return NULL;
    for (size_t i = 0; i < from->count; i++)
        lsync_results_add(r, &from->locks[i]);
    (void)lsync_results_finish(r); /* cannot fail: `from` has each lock once */
    return r;
}

lock_sync_results *lsync_results_select_ids(const lock_sync_results *from, const int64_t *ids, size_t n)
{
    lock_sync_results *r = NULL;
    lsync_scope asked;
    size_t size;
    void *room = lsync_size_mul(n, LSYNC_SCOPE_ROOM, &size) ? lsync_alloc(&from->memory, size == 0 ? 1 : size) : NULL;

    if (room != NULL) {
        lsync_scope_init(&asked, ids, n, room);
        r = lsync_results_select(from, &asked);
    }
    lsync_free(&from->memory, room);
    return r;
}

void lock_sync_results_free(lock_sync_results *results)
{
    if (results != NULL)
        lsync_free(&results->memory, results);
}

size_t lock_sync_results_count(const lock_sync_results *results)
{
    return results == NULL ? 0 : results->count;
}

const lock_sync_lock *lock_sync_results_at(const lock_sync_results *results, size_t index)
{
    return index < lock_sync_results_count(results) ? &results->locks[index] : NULL;
}

const lock_sync_lock *lock_sync_results_find(const lock_sync_results *results, int64_t id)
{
    lsync_ids ids;
    size_t found;

    if (results == NULL)
        return NULL;
    ids = lock_ids(results);
    found = lsync_order_find(&ids, results->unordered ? results->order : NULL, id);
    return found == LSYNC_NOT_FOUND ? NULL : &results->locks[found];
}

size_t lock_sync_results_missing_count(const lock_sync_results *results)
{
    return results == NULL ? 0 : results->missing_count;
}

int64_t lock_sync_results_missing_at(const lock_sync_results *results, size_t index)
{
    return index < lock_sync_results_missing_count(results) ? results->missing[index] : 0;
}

int64_t lock_sync_results_fetched_at_ms(const lock_sync_results *results)
{
    return results == NULL ? 0 : results->fetched_at_ms;
}

bool lock_sync_results_is_cached(const lock_sync_results *results)
{
    return results != NULL && results->is_cached;
}
