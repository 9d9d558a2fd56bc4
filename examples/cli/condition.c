#include "condition.h"

#include "report.h"

#include <string.h>

struct condition {
    const char *word;
    lock_sync_tristate (*is)(const lock_sync_lock *lock);
    lock_sync_tristate wanted;
};

static lock_sync_tristate is_open(const lock_sync_lock *lock)
{
    if ((lock->fields & LOCK_SYNC_FIELD_DOOR_STATE) == 0)
        return LOCK_SYNC_UNKNOWN;
    switch (lock->door_state) {
    case LOCK_SYNC_DOOR_OPENED: return LOCK_SYNC_YES;
    case LOCK_SYNC_DOOR_CLOSED: return LOCK_SYNC_NO;
    default: return LOCK_SYNC_UNKNOWN; /* no sensor, or one that is out of reach */
    }
}

static lock_sync_tristate is_connected(const lock_sync_lock *lock)
{
    if ((lock->fields & LOCK_SYNC_FIELD_CONNECTED) == 0)
        return LOCK_SYNC_UNKNOWN;
    return lock->is_connected ? LOCK_SYNC_YES : LOCK_SYNC_NO;
}

static const condition conditions[] = {
    {"locked", lock_sync_lock_is_locked, LOCK_SYNC_YES},
    {"unlocked", lock_sync_lock_is_locked, LOCK_SYNC_NO},
    {"open", is_open, LOCK_SYNC_YES},
    {"closed", is_open, LOCK_SYNC_NO},
    {"connected", is_connected, LOCK_SYNC_YES},
    {"disconnected", is_connected, LOCK_SYNC_NO},
};

const condition *condition_find(const char *word)
{
    for (size_t i = 0; i < sizeof conditions / sizeof conditions[0]; i++)
        if (strcmp(word, conditions[i].word) == 0)
            return &conditions[i];
    return NULL;
}

int condition_status(const condition *c, const rows *r)
{
    size_t missing = 0, no = 0, unknown = 0;

    for (size_t i = 0; i < r->count; i++) {
        lock_sync_tristate is = c->is(&r->at[i].lock); /* unknown for a lock that was not found */

        missing += !r->at[i].is_found;
        unknown += is == LOCK_SYNC_UNKNOWN;
        no += is != LOCK_SYNC_UNKNOWN && is != c->wanted;
    }
    if (missing > 0)
        return EXIT_MISSING;
    if (no > 0)
        return EXIT_NO;
    return unknown > 0 || r->count == 0 ? EXIT_UNKNOWN : EXIT_DONE;
}
