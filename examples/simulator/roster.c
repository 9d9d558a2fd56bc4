/* Keeps which locks the account has, by id. An id is never used twice: an added and a re-added lock get the next one.

   - Rename: the lock's revision rises.
   - Re-add: the lock moves to a new id, with its number, its serial number and its name. A removed lock can come back
     like this too.
   - Remove: the lock is in no response.
   - Add: a lock with the next number.

   With a period these follow each other in this order. Each takes a lock that depends on the seed and on the count of
   such changes. So two runs with the same seed, and without changes on request, agree. */

#include "roster.h"

#include "names.h"
#include "text.h"

#include <pthread.h>

struct entry {
    int64_t number; /* 0: the lock has moved to another id */
    int64_t renames;
    char *name; /* NULL: made from number and renames */
    bool removed;
};

struct roster {
    pthread_rwlock_t lock;
    const struct locks *locks;
    int64_t period_us;
    int64_t changes; /* those of the period */
    bool changed;
    int64_t numbers; /* the highest number of a lock */
    int64_t present;
    struct entry *entries; /* by id, from FIRST_LOCK_ID */
    int64_t ids;           /* the number of entries */
    int64_t room;
};

static struct entry *entry_of(const struct roster *roster, int64_t id)
{
    return &roster->entries[id - FIRST_LOCK_ID];
}

/* Appends a lock and returns its id. The name is transferred. */
static int64_t append(struct roster *roster, struct entry entry)
{
    if (roster->ids == roster->room) {
        roster->room = 2 * roster->room + 8;
        roster->entries = must(realloc(roster->entries, (size_t)roster->room * sizeof *roster->entries));
    }
    roster->entries[roster->ids] = entry;
    roster->present++;
    return FIRST_LOCK_ID + roster->ids++;
}

struct roster *roster_new(const struct locks *locks, int64_t count, int64_t period_us)
{
    struct roster *roster = must(calloc(1, sizeof *roster));

    pthread_rwlock_init(&roster->lock, NULL);
    roster->locks = locks;
    roster->period_us = period_us;
    while (roster->numbers < count)
        append(roster, (struct entry){.number = ++roster->numbers});
    return roster;
}

void roster_free(struct roster *roster)
{
    if (roster == NULL)
        return;
    for (int64_t i = 0; i < roster->ids; i++)
        free(roster->entries[i].name);
    free(roster->entries);
    pthread_rwlock_destroy(&roster->lock);
    free(roster);
}

/* Reports whether a lock has this id, or had it when it was removed. */
static bool is_known(const struct roster *roster, int64_t id)
{
    return id >= FIRST_LOCK_ID && id - FIRST_LOCK_ID < roster->ids && entry_of(roster, id)->number != 0;
}

bool roster_has(const struct roster *roster, int64_t id)
{
    return is_known(roster, id) && !entry_of(roster, id)->removed;
}

uint64_t roster_seed(const struct roster *roster)
{
    return locks_seed(roster->locks);
}

bool roster_has_changed(const struct roster *roster)
{
    return roster->changed;
}

int64_t roster_next(const struct roster *roster, int64_t id)
{
    int64_t end = FIRST_LOCK_ID + roster->ids;
    int64_t next = id < FIRST_LOCK_ID ? FIRST_LOCK_ID : id + 1;

    while (next < end && !roster_has(roster, next))
        next++;
    return next < end ? next : 0;
}

int64_t roster_number(const struct roster *roster, int64_t id)
{
    return entry_of(roster, id)->number;
}

const char *roster_name(const struct roster *roster, int64_t id, char room[NAME_SIZE])
{
    const struct entry *entry = entry_of(roster, id);
    char first[NAME_ROOM];

    if (entry->name != NULL)
        return entry->name;
    if (entry->renames == 0)
        return name_of_lock(entry->number, room);
    snprintf(room, NAME_SIZE, "%s (%lld)", name_of_lock(entry->number, first), (long long)entry->renames);
    return room;
}

void roster_look(const struct roster *roster, int64_t id, int64_t now_us, struct lock_state *seen)
{
    const struct entry *entry = entry_of(roster, id);

    locks_look(roster->locks, entry->number, now_us, seen);
    seen->revision += entry->renames;
}

enum change change_by_name(const char *name)
{
    static const char *const names[CHANGE_NONE] = {
        [CHANGE_RENAME] = "rename", [CHANGE_RE_ADD] = "re-add", [CHANGE_REMOVE] = "remove", [CHANGE_ADD] = "add"};
    int change = 0;

    while (change < CHANGE_NONE && strcmp(names[change], name) != 0)
        change++;
    return (enum change)change;
}

static char *copy_name(const char *name)
{
    return name != NULL ? must(strdup(name)) : NULL;
}

static int64_t rename_lock(struct roster *roster, int64_t id, const char *name)
{
    struct entry *entry = entry_of(roster, id);

    free(entry->name);
    entry->name = copy_name(name);
    entry->renames++;
    return id;
}

static int64_t re_add_lock(struct roster *roster, int64_t id)
{
    struct entry moved = *entry_of(roster, id);

    *entry_of(roster, id) = (struct entry){0};
    roster->present -= !moved.removed;
    moved.removed = false;
    return append(roster, moved);
}

static int64_t remove_lock(struct roster *roster, int64_t id)
{
    entry_of(roster, id)->removed = true;
    roster->present--;
    return id;
}

static int64_t make_change(struct roster *roster, enum change change, int64_t id, const char *name)
{
    roster->changed = true;
    if (change == CHANGE_ADD)
        return append(roster, (struct entry){.number = ++roster->numbers, .name = copy_name(name)});
    if (change == CHANGE_RE_ADD && is_known(roster, id))
        return re_add_lock(roster, id);
    if (!roster_has(roster, id))
        return 0;
    return change == CHANGE_RENAME ? rename_lock(roster, id, name) : remove_lock(roster, id);
}

int64_t roster_change(struct roster *roster, enum change change, int64_t id, const char *name)
{
    int64_t after;

    pthread_rwlock_wrlock(&roster->lock);
    after = make_change(roster, change, id, name);
    pthread_rwlock_unlock(&roster->lock);
    return after;
}

/* Makes the next change of the period, of one of the present locks. */
static void make_next(struct roster *roster)
{
    int64_t n = roster->changes++;
    uint64_t bits = mix(mix(roster_seed(roster)) + (uint64_t)n);
    int64_t id = roster_next(roster, 0);

    for (uint64_t skip = id != 0 ? bits % (uint64_t)roster->present : 0; skip > 0; skip--)
        id = roster_next(roster, id);
    make_change(roster, (enum change)(n % CHANGE_NONE), id, NULL);
}

void roster_hold(struct roster *roster, int64_t now_us)
{
    if (roster->period_us > 0) {
        pthread_rwlock_wrlock(&roster->lock);
        while (roster->changes < locks_age_us(roster->locks, now_us) / roster->period_us)
            make_next(roster);
        pthread_rwlock_unlock(&roster->lock);
    }
    pthread_rwlock_rdlock(&roster->lock);
}

void roster_release(struct roster *roster)
{
    pthread_rwlock_unlock(&roster->lock);
}
