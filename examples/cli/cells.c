#include "cells.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#define GREEN "32"
#define YELLOW "33"
#define RED "31"
#define MAGENTA "35"
#define FAINT "2"

static bool has(const lock_sync_lock *lock, uint32_t field)
{
    return (lock->fields & field) != 0;
}

static bool is_out_of_reach(const lock_sync_lock *lock)
{
    return has(lock, LOCK_SYNC_FIELD_CONNECTED) && !lock->is_connected;
}

static void put(cell *c, const char *color, const char *text)
{
    c->color = color;
    (void)snprintf(c->text, sizeof c->text, "%s", text);
}

/* The name of a number; one without a name is told as it was sent. */
static void put_named(cell *c, const char *color, const char *name, int32_t number, int32_t named_unknown)
{
    put(c, color, name);
    if (strcmp(name, "unknown") == 0 && number != named_unknown)
        (void)snprintf(c->text, sizeof c->text, "unknown (%" PRId32 ")", number);
}

void cell_state(const lock_sync_lock *lock, cell *c)
{
    lock_sync_tristate locked = lock_sync_lock_is_locked(lock);

    if (is_out_of_reach(lock) || !has(lock, LOCK_SYNC_FIELD_STATE)) {
        put(c, MAGENTA, "unknown");
        return;
    }
    put_named(c, locked == LOCK_SYNC_YES ? GREEN : locked == LOCK_SYNC_NO ? YELLOW : MAGENTA,
              lock_sync_lock_state_name(lock->state), lock->state, LOCK_SYNC_STATE_UNKNOWN);
    if (lock_sync_lock_is_jammed(lock) == LOCK_SYNC_YES) {
        c->color = RED;
        (void)strncat(c->text, ", jammed", sizeof c->text - strlen(c->text) - 1);
    }
}

void cell_door(const lock_sync_lock *lock, cell *c)
{
    if (is_out_of_reach(lock) || !has(lock, LOCK_SYNC_FIELD_DOOR_STATE))
        put(c, FAINT, "unknown");
    else
        put_named(c, lock->door_state == LOCK_SYNC_DOOR_OPENED ? YELLOW : "",
                  lock_sync_door_state_name(lock->door_state), lock->door_state, -1);
}

void cell_battery(const lock_sync_lock *lock, cell *c)
{
    if (!has(lock, LOCK_SYNC_FIELD_BATTERY_LEVEL)) {
        put(c, FAINT, "unknown");
        return;
    }
    c->color = lock->battery_level <= 10 ? RED : lock->battery_level <= 20 ? YELLOW : "";
    (void)snprintf(c->text, sizeof c->text, "%" PRId32 " %%", lock->battery_level);
}

void cell_charging(const lock_sync_lock *lock, cell *c)
{
    if (!has(lock, LOCK_SYNC_FIELD_CHARGING))
        put(c, FAINT, "unknown");
    else
        put(c, "", lock->is_charging ? "yes" : "no");
}

void cell_connected(const lock_sync_lock *lock, cell *c)
{
    if (!has(lock, LOCK_SYNC_FIELD_CONNECTED))
        put(c, FAINT, "unknown");
    else
        put(c, lock->is_connected ? "" : RED, lock->is_connected ? "yes" : "no");
}

void cell_changed(const lock_sync_lock *lock, cell *c)
{
    time_t seconds = (time_t)(lock->last_state_changed_ms / 1000);
    struct tm parts;

    put(c, FAINT, "unknown");
    if (has(lock, LOCK_SYNC_FIELD_LAST_STATE_CHANGED) && localtime_r(&seconds, &parts) != NULL) {
        c->color = "";
        (void)strftime(c->text, sizeof c->text, "%Y-%m-%d %H:%M:%S", &parts);
    }
}

void cell_age(const lock_sync_lock *lock, int64_t now_ms, cell *c)
{
    static const struct unit {
        int64_t seconds;
        const char *name;
    } units[] = {{86400, "d"}, {3600, "h"}, {60, "min"}, {1, "s"}};
    int64_t seconds = (now_ms - lock->last_state_changed_ms) / 1000;
    size_t i = 0;

    put(c, FAINT, "unknown");
    if (!has(lock, LOCK_SYNC_FIELD_LAST_STATE_CHANGED))
        return;
    seconds = seconds > 0 ? seconds : 0; /* the service's clock may be a little ahead */
    while (units[i].seconds > 1 && seconds < 2 * units[i].seconds)
        i++;
    c->color = "";
    (void)snprintf(c->text, sizeof c->text, "%" PRId64 " %s ago", seconds / units[i].seconds, units[i].name);
}

int64_t unix_now_ms(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}
