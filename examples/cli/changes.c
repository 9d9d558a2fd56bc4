#include "changes.h"

#include "cells.h"
#include "kinds.h"
#include "moment.h"
#include "names.h"

#include <inttypes.h>

static void (*cell_of(uint32_t kind))(const lock_sync_lock *, cell *)
{
    switch (kind) {
    case LOCK_SYNC_CHANGE_STATE: return cell_state;
    case LOCK_SYNC_CHANGE_DOOR: return cell_door;
    case LOCK_SYNC_CHANGE_BATTERY: return cell_battery;
    case LOCK_SYNC_CHANGE_CHARGING: return cell_charging;
    case LOCK_SYNC_CHANGE_RESULT: return cell_result;
    case LOCK_SYNC_CHANGE_CONFIG: return cell_revision;
    default: return NULL; /* no values to show */
    }
}

static void print_added(FILE *out, const lock_sync_lock *lock)
{
    cell state, door, battery, charging, connected;

    cell_state(lock, &state);
    cell_door(lock, &door);
    cell_battery(lock, &battery);
    cell_charging(lock, &charging);
    cell_connected(lock, &connected);
    (void)fprintf(out, "added: state %s; door %s; battery %s; charging %s; connected %s", state.text, door.text,
                  battery.text, charging.text, connected.text);
}

static void print_change(FILE *out, const lock_sync_change *change)
{
    const char *between = "";

    if (change->before == NULL) {
        print_added(out, change->after);
        return;
    }
    if (change->after == NULL) {
        (void)fputs("removed", out);
        return;
    }
    for (size_t i = 0; i < KINDS_COUNT; i++) {
        void (*fill)(const lock_sync_lock *, cell *) = cell_of(kinds[i].bit);
        cell before;
        cell after;

        if ((change->kinds & kinds[i].bit) == 0)
            continue;
        (void)fprintf(out, "%s%s", between, kinds[i].name);
        between = "; ";
        if (fill == NULL)
            continue;
        fill(change->before, &before);
        fill(change->after, &after);
        (void)fprintf(out, ": %s -> %s", before.text, after.text);
    }
}

void changes_print(FILE *out, const lock_sync_changes *changes, int64_t at_ms)
{
    char at[MOMENT_SIZE];

    (void)moment_local(at_ms, at);
    for (size_t i = 0; i < lock_sync_changes_count(changes); i++) {
        const lock_sync_change *change = lock_sync_changes_at(changes, i);
        int64_t id = change->after != NULL ? change->after->id : change->before->id;
        char name[NAMES_TEXT_SIZE];

        names_text(change->info, name);
        (void)fprintf(out, "%s  %" PRId64 "  %s%s", at, id, name, *name != '\0' ? "  " : "");
        print_change(out, change);
        (void)fputc('\n', out);
    }
}
