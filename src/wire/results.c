/* The building and reading of results; see results.h. */
#include "wire/results.h"
#include "base/memory.h"

#include <string.h>

static lsync_ids lock_ids(const lock_sync_results *r)
{
    return (lsync_ids){&r->locks->id, sizeof r->locks[0], r->count};
}

static lsync_ids asked_ids(const lock_sync_results *r)
{
    return (lsync_ids){r->asked, sizeof r->asked[0], r->asked_count};
}

/* Where the arrays of a block begin; those of the widest members come first, so that all are aligned. */
typedef struct layout {
    size_t locks, asked, missing, scratch, asked_order, answered, end;
} layout;

static bool add_part(size_t *end, size_t count, size_t each, size_t *start)
{
    size_t bytes;

    *start = *end;
    return lsync_size_mul(count, each, &bytes) && lsync_size_add(*end, bytes, end);
}

static bool lay_out(size_t locks, size_t asked, layout *l)
{
    l->end = sizeof(lock_sync_results);
    return add_part(&l->end, locks, sizeof(lock_sync_lock), &l->locks) &&
           add_part(&l->end, asked, sizeof(int64_t), &l->asked) &&
           add_part(&l->end, asked, sizeof(int64_t), &l->missing) &&
           add_part(&l->end, locks, sizeof(uint32_t), &l->scratch) &&
           add_part(&l->end, asked, sizeof(uint32_t), &l->asked_order) &&
           add_part(&l->end, asked, sizeof(bool), &l->answered);
}

lock_sync_results *lsync_results_new(const lock_sync_allocator *memory, const lock_sync_request *q, size_t records,
                                     int64_t fetched_at_ms)
{
    size_t asked = q->id_count;
    size_t capacity = asked > 0 && records > asked ? asked : records;
    lock_sync_results *r;
    layout l;
    char *block;

    if (capacity > LSYNC_ORDER_MAX || !lay_out(capacity, asked, &l))
        return NULL;
    block = lsync_alloc(memory, l.end);
    if (block == NULL)
        return NULL;
    r = (lock_sync_results *)(void *)block;
    *r = (lock_sync_results){
        .memory = *memory,
        .fetched_at_ms = fetched_at_ms,
        .locks = (lock_sync_lock *)(void *)(block + l.locks),
        .capacity = capacity,
        .scratch = (uint32_t *)(void *)(block + l.scratch),
        .asked = (int64_t *)(void *)(block + l.asked),
        .asked_count = asked,
        .answered = (bool *)(block + l.answered),
        .missing = (int64_t *)(void *)(block + l.missing),
    };
    memset(block + l.answered, 0, asked * sizeof(bool));
    if (asked > 0)
        memcpy(r->asked, q->ids, asked * sizeof r->asked[0]);
    if (q->id_order != NULL)
        r->asked_order = memcpy(block + l.asked_order, q->id_order, asked * sizeof(uint32_t));
    return r;
}

void lsync_results_add(lock_sync_results *r, const lock_sync_lock *lock)
{
    if (r->asked_count > 0) {
        size_t place = lsync_order_find(asked_ids(r), r->asked_order, lock->id);

        if (place == LSYNC_NOT_FOUND || r->answered[place])
            return;
        r->answered[place] = true;
    }
    if (r->count < r->capacity) /* else the caller broke its word: a loud test, never a write past the end */
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
    lsync_order_by_id(lock_ids(r), r->order);
}

void lsync_results_finish(lock_sync_results *r)
{
    if (!lsync_ids_ascend(lock_ids(r))) {
        r->order = r->scratch;
        lsync_order_by_id(lock_ids(r), r->order);
        drop_duplicates(r);
    }
    for (size_t i = 0; i < r->asked_count; i++)
        if (!r->answered[i])
            r->missing[r->missing_count++] = r->asked[i];
}

void lock_sync_results_free(lock_sync_results *r)
{
    lock_sync_allocator memory;

    if (r == NULL)
        return;
    memory = r->memory;
    lsync_free(&memory, r);
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
    size_t place = r == NULL ? LSYNC_NOT_FOUND : lsync_order_find(lock_ids(r), r->order, id);

    return place == LSYNC_NOT_FOUND ? NULL : &r->locks[place];
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
