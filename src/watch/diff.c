/* The changes between two results. Pure. */
#include "base/buffer.h"
#include "watch/diff.h"
#include "wire/results.h"

/* One block of memory: the struct, the changes, and the records that they point to. */
struct lock_sync_changes {
    lock_sync_allocator memory;
    size_t count;
    lock_sync_change *changes;
};

/* --- one lock --- */

/* Returns the fields that differ: with another value, or known on one side only. Values that are unknown are 0. */
static uint32_t differing(const lock_sync_lock *b, const lock_sync_lock *a)
{
    return (b->fields ^ a->fields) | (b->is_connected != a->is_connected ? LOCK_SYNC_FIELD_CONNECTED : 0u) |
           (b->state != a->state ? LOCK_SYNC_FIELD_STATE : 0u) |
           (b->door_state != a->door_state ? LOCK_SYNC_FIELD_DOOR_STATE : 0u) |
           (b->battery_level != a->battery_level ? LOCK_SYNC_FIELD_BATTERY_LEVEL : 0u) |
           (b->is_charging != a->is_charging ? LOCK_SYNC_FIELD_CHARGING : 0u) |
           (b->state_change_result != a->state_change_result ? LOCK_SYNC_FIELD_STATE_CHANGE_RESULT : 0u) |
           (b->revision != a->revision ? LOCK_SYNC_FIELD_REVISION : 0u);
}

/* Returns the kinds of change. NULL: the lock is not in these results. */
static uint32_t compare(const lock_sync_lock *b, const lock_sync_lock *a)
{
    static const lock_sync_lock nothing = {0};
    uint32_t kinds = b == NULL ? LOCK_SYNC_CHANGE_ADDED : a == NULL ? LOCK_SYNC_CHANGE_REMOVED : 0;
    uint32_t fields = differing(b == NULL ? &nothing : b, a == NULL ? &nothing : a);

    if (fields & LOCK_SYNC_FIELD_CONNECTED)
        kinds |= a != NULL && a->is_connected ? LOCK_SYNC_CHANGE_CONNECTED : LOCK_SYNC_CHANGE_DISCONNECTED;
    if (fields & LOCK_SYNC_FIELD_STATE)
        kinds |= LOCK_SYNC_CHANGE_STATE;
    if (fields & LOCK_SYNC_FIELD_DOOR_STATE)
        kinds |= LOCK_SYNC_CHANGE_DOOR;
    if (fields & LOCK_SYNC_FIELD_BATTERY_LEVEL)
        kinds |= LOCK_SYNC_CHANGE_BATTERY;
    if (fields & LOCK_SYNC_FIELD_CHARGING)
        kinds |= LOCK_SYNC_CHANGE_CHARGING;
    if (fields & LOCK_SYNC_FIELD_STATE_CHANGE_RESULT)
        kinds |= LOCK_SYNC_CHANGE_RESULT;
    if (fields & LOCK_SYNC_FIELD_REVISION)
        kinds |= LOCK_SYNC_CHANGE_CONFIG;
    return kinds;
}

/* --- both results side by side, in ascending order of ids --- */

typedef struct side {
    const lock_sync_results *results; /* NULL: none yet */
    const lsync_scope *other_scope;   /* the ids that the other results are about; NULL: all */
    size_t next;
} side;

/* Returns the next record that the other results are about too; NULL: no more. */
static const lock_sync_lock *peek(side *s)
{
    for (; s->next < lock_sync_results_count(s->results); s->next++) {
        const lock_sync_results *r = s->results;
        const lock_sync_lock *lock = &r->locks[r->unordered ? r->order[s->next] : s->next];

        if (s->other_scope == NULL || s->other_scope->count == 0 ||
            lsync_scope_find(s->other_scope, lock->id) != LSYNC_NOT_FOUND)
            return lock;
    }
    return NULL;
}

typedef struct walk {
    side before;
    side after;
} walk;

static walk begin(const lock_sync_results *before, const lock_sync_results *after)
{
    return (walk){{before, &after->asked, 0}, {after, before == NULL ? NULL : &before->asked, 0}};
}

/* Finds the next lock that changed. False: no more. */
static bool next_change(walk *w, lock_sync_change *c)
{
    for (;;) {
        const lock_sync_lock *b = peek(&w->before);
        const lock_sync_lock *a = peek(&w->after);

        if (b == NULL && a == NULL)
            return false;
        if (b != NULL && a != NULL && b->id != a->id) { /* the smaller id first */
            b = b->id < a->id ? b : NULL;
            a = b == NULL ? a : NULL;
        }
        w->before.next += b != NULL;
        w->after.next += a != NULL;
        *c = (lock_sync_change){compare(b, a), b, a};
        if (c->kinds != 0)
            return true;
    }
}

/* --- the changes --- */

static const lock_sync_lock *copy(lock_sync_lock **room, const lock_sync_lock *lock)
{
    if (lock == NULL)
        return NULL;
    **room = *lock;
    return (*room)++;
}

/* Copies the changes found, and the `locks` records that they point to, into one block. NULL: out of memory. */
static lock_sync_changes *copy_all(const lsync_buffer *found, size_t locks)
{
    const lock_sync_change *from = (const void *)found->data;
    size_t count = found->size / sizeof *from;
    size_t end = sizeof(lock_sync_changes), changes_at, locks_at;
    lock_sync_lock *room;
    bool fits = lsync_add_part(&end, count, sizeof *from, &changes_at) &&
                lsync_add_part(&end, locks, sizeof *room, &locks_at);
    lock_sync_changes *c = fits ? lsync_alloc(found->memory, end) : NULL;

    if (c == NULL)
        return NULL;
    c->memory = *found->memory;
    c->changes = (void *)((char *)c + changes_at);
    room = (void *)((char *)c + locks_at);
    for (c->count = 0; c->count < count; from++)
        c->changes[c->count++] = (lock_sync_change){from->kinds, copy(&room, from->before), copy(&room, from->after)};
    return c;
}

lock_sync_status lsync_diff(const lock_sync_results *before, const lock_sync_results *after, lock_sync_changes **out)
{
    lock_sync_status status = LOCK_SYNC_OK;
    lsync_buffer found;
    size_t locks = 0;
    lock_sync_change change;

    lsync_buffer_init(&found, &after->memory, SIZE_MAX);
    for (walk w = begin(before, after); status == LOCK_SYNC_OK && next_change(&w, &change);) {
        status = lsync_buffer_append(&found, &change, sizeof change);
        locks += change.before != NULL && change.after != NULL ? 2 : 1;
    }
    *out = status == LOCK_SYNC_OK ? copy_all(&found, locks) : NULL;
    lsync_buffer_free(&found);
    return *out == NULL ? LOCK_SYNC_E_NO_MEMORY : LOCK_SYNC_OK;
}

lock_sync_status lock_sync_diff(const lock_sync_results *before, const lock_sync_results *after,
                                lock_sync_changes **out)
{
    if (out == NULL)
        return LOCK_SYNC_E_INVALID_ARGUMENT;
    *out = NULL;
    return before == NULL || after == NULL ? LOCK_SYNC_E_INVALID_ARGUMENT : lsync_diff(before, after, out);
}

size_t lock_sync_changes_count(const lock_sync_changes *changes)
{
    return changes == NULL ? 0 : changes->count;
}

const lock_sync_change *lock_sync_changes_at(const lock_sync_changes *changes, size_t index)
{
    return index < lock_sync_changes_count(changes) ? &changes->changes[index] : NULL;
}

void lock_sync_changes_free(lock_sync_changes *changes)
{
    if (changes != NULL)
        lsync_free(&changes->memory, changes);
}

uint32_t lock_sync_change_kinds(const lock_sync_change *change)
{
    return change == NULL ? 0 : change->kinds;
}

const lock_sync_lock *lock_sync_change_before(const lock_sync_change *change)
{
    return change == NULL ? NULL : change->before;
}

const lock_sync_lock *lock_sync_change_after(const lock_sync_change *change)
{
    return change == NULL ? NULL : change->after;
}
