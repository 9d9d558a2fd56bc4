/* The changes between two responses. Pure. */
#include "watch/diff.h"
#include "base/buffer.h"
#include "wire/results.h"

#include <string.h>

/* One block of memory: the struct, the changes, and the records, infos and texts that they point to. */
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
    const lock_sync_directory *directory;
    const lsync_scope *other_scope; /* the ids that the other results are about; NULL: all */
    size_t next;
} side;

/* Returns the next record that the other results are about too; NULL: no more. */
static const lock_sync_lock *peek(side *s)
{
    const lock_sync_results *r = s->results;

    for (; r != NULL && s->next < r->count; s->next++) {
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
    const lsync_known *known; /* before */
    bool is_named;            /* the directory has changed, so names and ids may have */
} walk;

static walk begin(const lsync_known *before, const lsync_known *after)
{
    return (walk){{before->results, before->directory, &after->results->asked, 0},
                  {after->results, after->directory, before->results == NULL ? NULL : &before->results->asked, 0},
                  before,
                  before->directory != after->directory};
}

/* --- names and serial numbers --- */

static const lock_sync_lock_info *info_of(const lock_sync_directory *d, const lock_sync_lock *lock)
{
    return lock == NULL ? NULL : lock_sync_directory_find(d, lock->id);
}

/* Returns LOCK_SYNC_CHANGE_RENAMED if the names differ: one may be unknown. */
static uint32_t compare_names(const walk *w, const lock_sync_lock *b, const lock_sync_lock *a)
{
    const lock_sync_lock_info *info_before = info_of(w->before.directory, b),
                              *info_after = info_of(w->after.directory, a);
    const char *before = info_before == NULL ? NULL : info_before->name;
    const char *after = info_after == NULL ? NULL : info_after->name;
    bool is_same = before == NULL || after == NULL ? before == after : strcmp(before, after) == 0;

    return is_same ? 0 : LOCK_SYNC_CHANGE_RENAMED;
}

/* Returns the id that one side has for the lock which has this id on the other side; 0: the same id, or none. */
static int64_t other_id(const side *here, const side *there, int64_t id)
{
    const lock_sync_lock_info *info = lock_sync_directory_find(here->directory, id);

    info = info == NULL ? NULL : lock_sync_directory_find_serial(there->directory, info->serial_number);
    return info == NULL || info->id == id ? 0 : info->id;
}

/* Returns the record that a lock had under another id; NULL: none, or both ids are in the response. If the lock was
   reported under its new id already, its last values are those of `b`. */
static const lock_sync_lock *find_former(const walk *w, const lock_sync_lock *b, const lock_sync_lock *a)
{
    int64_t id = other_id(&w->after, &w->before, a->id);

    if (id == 0 || lock_sync_results_find(w->after.results, id) != NULL)
        return NULL;
    for (size_t i = 0; i < w->known->removed_count; i++) {
        lock_sync_lock *removed = &w->known->removed[i];

        if (removed->id == id) {
            *removed = b == NULL ? *removed : *b;
            removed->id = id;
            return removed;
        }
    }
    return lock_sync_results_find(w->before.results, id);
}

/* Returns whether a lock that is removed has another id in the response. */
static bool has_moved(const walk *w, const lock_sync_lock *b)
{
    int64_t id = other_id(&w->before, &w->after, b->id);

    return id != 0 && lock_sync_results_find(w->after.results, id) != NULL;
}

/* Compares what has changed with the directory. A lock that has moved is one change, at its new id. */
static void compare_named(const walk *w, lock_sync_change *c)
{
    const lock_sync_lock *former = c->after == NULL ? NULL : find_former(w, c->before, c->after);

    if (former != NULL) {
        c->before = former;
        c->kinds = compare(former, c->after) | LOCK_SYNC_CHANGE_NEW_ID;
    } else if (c->after == NULL && has_moved(w, c->before)) {
        c->kinds = 0;
    }
    if (c->before != NULL && c->after != NULL)
        c->kinds |= compare_names(w, c->before, c->after);
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
        *c = (lock_sync_change){compare(b, a), b, a, NULL};
        if (w->is_named)
            compare_named(w, c);
        if (c->kinds != 0)
            return true;
    }
}

/* --- the changes --- */

typedef struct found {
    lock_sync_change *changes;
    size_t count;
} found;

typedef struct room {
    lock_sync_lock *locks;
    lock_sync_lock_info *infos;
    char *texts;
} room;

static size_t text_size(const char *text)
{
    return text == NULL ? 0 : strlen(text) + 1;
}

/* Sets what the locks are called: now, or, if they were removed, before. Returns the size of all texts, which cannot
   overflow, because they are in memory already. */
static size_t set_infos(const walk *w, const found *f, size_t *infos)
{
    size_t size = 0;

    *infos = 0;
    if (w->before.directory == NULL && w->after.directory == NULL)
        return 0;
    for (size_t i = 0; i < f->count; i++) {
        lock_sync_change *c = &f->changes[i];

        c->info = c->after != NULL ? info_of(w->after.directory, c->after) : info_of(w->before.directory, c->before);
        if (c->info == NULL)
            continue;
        (*infos)++;
        size += text_size(c->info->name) + text_size(c->info->serial_number) + text_size(c->info->time_zone);
    }
    return size;
}

static const lock_sync_lock *copy_lock(room *r, const lock_sync_lock *lock)
{
    if (lock == NULL)
        return NULL;
    *r->locks = *lock;
    return r->locks++;
}

static const char *copy_text(room *r, const char *text)
{
    char *copy = r->texts;

    if (text == NULL)
        return NULL;
    memcpy(copy, text, text_size(text));
    r->texts += text_size(text);
    return copy;
}

static const lock_sync_lock_info *copy_info(room *r, const lock_sync_lock_info *info)
{
    if (info == NULL)
        return NULL;
    *r->infos = *info;
    r->infos->name = copy_text(r, info->name);
    r->infos->serial_number = copy_text(r, info->serial_number);
    r->infos->time_zone = copy_text(r, info->time_zone);
    return r->infos++;
}

/* Copies the changes found, and the `locks` records and all else that they point to, into one block. NULL: out of
   memory. */
static lock_sync_changes *copy_all(const lock_sync_allocator *memory, const walk *w, const found *f, size_t locks)
{
    size_t infos;
    size_t texts = set_infos(w, f, &infos);
    size_t end = sizeof(lock_sync_changes), changes_at, locks_at, infos_at, texts_at;
    bool fits = lsync_add_part(&end, f->count, sizeof f->changes[0], &changes_at) &&
                lsync_add_part(&end, locks, sizeof(lock_sync_lock), &locks_at) &&
                lsync_add_part(&end, infos, sizeof(lock_sync_lock_info), &infos_at) &&
                lsync_add_part(&end, texts, 1, &texts_at);
    char *block = fits ? lsync_alloc(memory, end) : NULL;
    lock_sync_changes *c = (void *)block;
    room r;

    if (block == NULL)
        return NULL;
    *c = (lock_sync_changes){*memory, f->count, (void *)(block + changes_at)};
    r = (room){(void *)(block + locks_at), (void *)(block + infos_at), block + texts_at};
    for (size_t i = 0; i < f->count; i++) {
        const lock_sync_change *from = &f->changes[i];

        c->changes[i].kinds = from->kinds;
        c->changes[i].before = copy_lock(&r, from->before);
        c->changes[i].after = copy_lock(&r, from->after);
        c->changes[i].info = copy_info(&r, from->info);
    }
    return c;
}

lock_sync_status lsync_diff(const lsync_known *before, const lsync_known *after, lock_sync_changes **out)
{
    const lock_sync_allocator *memory = &after->results->memory;
    lock_sync_status status = LOCK_SYNC_OK;
    walk w = begin(before, after);
    lock_sync_change change;
    lsync_buffer list;
    size_t locks = 0;
    found f;

    lsync_buffer_init(&list, memory, SIZE_MAX);
    while (status == LOCK_SYNC_OK && next_change(&w, &change)) {
        status = lsync_buffer_append(&list, &change, sizeof change);
        locks += change.before != NULL && change.after != NULL ? 2 : 1;
    }
    f = (found){(void *)list.data, list.size / sizeof change};
    *out = status == LOCK_SYNC_OK ? copy_all(memory, &w, &f, locks) : NULL;
    lsync_buffer_free(&list);
    return *out == NULL ? LOCK_SYNC_E_NO_MEMORY : LOCK_SYNC_OK;
}

lock_sync_status lock_sync_diff(const lock_sync_results *before, const lock_sync_results *after,
                                lock_sync_changes **out)
{
    if (out == NULL)
        return LOCK_SYNC_E_INVALID_ARGUMENT;
    *out = NULL;
    if (before == NULL || after == NULL)
        return LOCK_SYNC_E_INVALID_ARGUMENT;
    return lsync_diff(&(lsync_known){.results = before}, &(lsync_known){.results = after}, out);
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

const lock_sync_lock_info *lock_sync_change_info(const lock_sync_change *change)
{
    return change == NULL ? NULL : change->info;
}
