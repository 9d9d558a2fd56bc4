#include "record.h"

#include <inttypes.h>
#include <stdio.h>

/* One value of a record. */
struct value {
    const char *name;
    int64_t number;
    uint32_t field;
    bool is_flag;
};

void record_write(const lock_sync_lock *lock, char text[RECORD_SIZE])
{
    const struct value values[] = {
        {"connected", lock->is_connected, LOCK_SYNC_FIELD_CONNECTED, true},
        {"state", lock->state, LOCK_SYNC_FIELD_STATE, false},
        {"door", lock->door_state, LOCK_SYNC_FIELD_DOOR_STATE, false},
        {"battery", lock->battery_level, LOCK_SYNC_FIELD_BATTERY_LEVEL, false},
        {"charging", lock->is_charging, LOCK_SYNC_FIELD_CHARGING, true},
        {"result", lock->state_change_result, LOCK_SYNC_FIELD_STATE_CHANGE_RESULT, false},
        {"revision", lock->revision, LOCK_SYNC_FIELD_REVISION, false},
    };
    const char *comma = "";
    int size = snprintf(text, RECORD_SIZE, "{"); /* all values together need 200 bytes at most */

    for (size_t i = 0; i < sizeof values / sizeof values[0]; i++) {
        const struct value *v = &values[i];
        size_t left = RECORD_SIZE - (size_t)size;

        if ((lock->fields & v->field) == 0)
            continue;
        if (v->is_flag)
            size += snprintf(text + size, left, "%s\"%s\":%s", comma, v->name, v->number != 0 ? "true" : "false");
        else
            size += snprintf(text + size, left, "%s\"%s\":%" PRId64, comma, v->name, v->number);
        comma = ",";
    }
    (void)snprintf(text + size, RECORD_SIZE - (size_t)size, "}");
}

void record_write_moved(const lock_sync_lock *lock, char text[RECORD_SIZE])
{
    text[0] = '\0';
    if ((lock->fields & LOCK_SYNC_FIELD_LAST_STATE_CHANGED) != 0)
        (void)snprintf(text, RECORD_SIZE, "%" PRId64, lock->last_state_changed_ms);
}
