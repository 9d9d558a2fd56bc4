#include "cells.h"

#include "moment.h"
#include "sanitize.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define GREEN "32"
#define YELLOW "33"
#define RED "31"
#define MAGENTA "35"
#define FAINT "2"

static bool has(const lock_sync_lock *lock, uint32_t field)
{
    return (lock->fields & field) != 0;
}

static void put(cell *c, const char *color, const char *text)
{
    c->color = color;
    (void)snprintf(c->text, sizeof c->text, "%s", text);
}

/* Puts a name from the library. If it has no name for `number`, puts "unknown" and the number. */
static void put_named(cell *c, const char *color, const char *name, bool is_nameless, int32_t number)
{
    put(c, color, name);
    if (is_nameless && strcmp(name, "unknown") == 0)
        (void)snprintf(c->text, sizeof c->text, "unknown (%" PRId32 ")", number);
}

void cell_name(const lock_sync_lock_info *info, int64_t id, cell *c)
{
    if (info != NULL && info->name != NULL && *info->name != '\0') {
        put(c, "", info->name);
        sanitize(c->text);
    } else {
        cell_id(id, c);
        c->color = FAINT;
    }
}

void cell_serial(const lock_sync_lock_info *info, cell *c)
{
    bool known = info != NULL && info->serial_number != NULL;

    put(c, known ? "" : FAINT, known ? info->serial_number : "unknown");
    sanitize(c->text);
}

void cell_id(int64_t id, cell *c)
{
    c->color = "";
    (void)snprintf(c->text, sizeof c->text, "%" PRId64, id);
}

void cell_state(const lock_sync_lock *lock, cell *c)
{
    lock_sync_tristate locked = lock_sync_lock_is_locked(lock);

    put_named(c,
              locked == LOCK_SYNC_YES  ? GREEN
              : locked == LOCK_SYNC_NO ? YELLOW
                                       : MAGENTA,
              lock_sync_lock_state_text(lock),
              has(lock, LOCK_SYNC_FIELD_STATE) && lock->state != LOCK_SYNC_STATE_UNKNOWN, lock->state);
    if (lock_sync_lock_is_jammed(lock) == LOCK_SYNC_YES) {
        c->color = RED;
        (void)strncat(c->text, ", jammed", sizeof c->text - strlen(c->text) - 1);
    }
}

void cell_door(const lock_sync_lock *lock, cell *c)
{
    bool known = has(lock, LOCK_SYNC_FIELD_DOOR_STATE);

    put_named(c,
              !known                                      ? FAINT
              : lock->door_state == LOCK_SYNC_DOOR_OPENED ? YELLOW
                                                          : "",
              lock_sync_lock_door_text(lock), known, lock->door_state);
}

bool has_low_battery(const lock_sync_lock *lock)
{
    return has(lock, LOCK_SYNC_FIELD_BATTERY_LEVEL) && lock->battery_level < 20;
}

void cell_battery(const lock_sync_lock *lock, cell *c)
{
    if (!has(lock, LOCK_SYNC_FIELD_BATTERY_LEVEL)) {
        put(c, FAINT, "unknown");
        return;
    }
    c->color = lock->battery_level <= 10 ? RED : has_low_battery(lock) ? YELLOW : "";
    (void)snprintf(c->text, sizeof c->text, "%" PRId32 " %%%s", lock->battery_level,
                   has_low_battery(lock) ? " low" : "");
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

void cell_result(const lock_sync_lock *lock, cell *c)
{
    int32_t result = lock->state_change_result;

    c->color = "";
    if (!has(lock, LOCK_SYNC_FIELD_STATE_CHANGE_RESULT))
        put(c, FAINT, "unknown");
    else if (result == 0 || result == 1)
        put(c, "", result == 0 ? "success" : "jammed");
    else
        (void)snprintf(c->text, sizeof c->text, "error %" PRId32, result);
}

void cell_revision(const lock_sync_lock *lock, cell *c)
{
    c->color = "";
    if (!has(lock, LOCK_SYNC_FIELD_REVISION))
        put(c, FAINT, "unknown");
    else
        (void)snprintf(c->text, sizeof c->text, "%" PRId64, lock->revision);
}

void cell_changed(const lock_sync_lock *lock, cell *c)
{
    char text[MOMENT_SIZE];
    int64_t at_ms;

    if (moment_of(lock, &at_ms) && moment_local(at_ms, text))
        put(c, "", text);
    else
        put(c, FAINT, "unknown");
}

void cell_age(const lock_sync_lock *lock, int64_t now_ms, cell *c)
{
    static const struct unit {
        int64_t seconds;
        const char *name;
    } units[] = {{86400, "d"}, {3600, "h"}, {60, "min"}, {1, "s"}};
    int64_t at_ms;
    int64_t seconds;
    size_t i = 0;

    put(c, FAINT, "unknown");
    if (!moment_of(lock, &at_ms))
        return;
    seconds = now_ms > at_ms ? (now_ms - at_ms) / 1000 : 0; /* the service's clock may be slightly ahead */
    while (units[i].seconds > 1 && seconds < 2 * units[i].seconds)
        i++;
    c->color = "";
    (void)snprintf(c->text, sizeof c->text, "%" PRId64 " %s ago", seconds / units[i].seconds, units[i].name);
}
