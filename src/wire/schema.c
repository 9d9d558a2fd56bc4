/* The fields of a record; see schema.h. */
#include "wire/schema.h"
#include "wire/timestamp.h"

#include <string.h>

#define FIELD(name, type, bit, member, min, max)                                                                       \
  {                                                                                                                    \
    name, sizeof(name) - 1, LSYNC_##type, offsetof(lock_sync_lock, member), bit, min, max                              \
  }

const lsync_field lsync_record_fields[LSYNC_RECORD_FIELDS] = {
    FIELD("id", INT64, 0, id, 1, INT64_MAX),
    FIELD("isConnected", BOOL, LOCK_SYNC_FIELD_CONNECTED, is_connected, 0, 1),
    FIELD(LSYNC_STATE_NAME, STATE, 0, fields, 1, 0),
    FIELD("revision", INT64, LOCK_SYNC_FIELD_REVISION, revision, INT64_MIN, INT64_MAX),
    FIELD(LSYNC_OLD_STATE_NAME, STATE, 0, fields, 1, 0),
};

const lsync_field lsync_state_fields[LSYNC_STATE_FIELDS] = {
    FIELD("state", INT32, LOCK_SYNC_FIELD_STATE, state, INT32_MIN, INT32_MAX),
    FIELD("doorState", INT32, LOCK_SYNC_FIELD_DOOR_STATE, door_state, INT32_MIN, INT32_MAX),
    FIELD("isCharging", BOOL, LOCK_SYNC_FIELD_CHARGING, is_charging, 0, 1),
    FIELD("batteryLevel", INT32, LOCK_SYNC_FIELD_BATTERY_LEVEL, battery_level, 0, 100), /* 255 means unknown */
    FIELD("stateChangeResult", INT32, LOCK_SYNC_FIELD_STATE_CHANGE_RESULT, state_change_result, INT32_MIN, INT32_MAX),
    FIELD("lastStateChangedDate", TIME, LOCK_SYNC_FIELD_LAST_STATE_CHANGED, last_state_changed_ms, 1, 0),
};

bool lsync_field_store_integer(const lsync_field *f, int64_t value, lock_sync_lock *lock)
{
    char *place = (char *)lock + f->offset;
    int32_t narrow = (int32_t)value;
    bool truth = value != 0;

    if (value < f->min || value > f->max)
        return false;
    if (f->type == LSYNC_INT64)
        memcpy(place, &value, sizeof value);
    else if (f->type == LSYNC_INT32)
        memcpy(place, &narrow, sizeof narrow);
    else
        memcpy(place, &truth, sizeof truth);
    lock->fields |= f->bit;
    return true;
}

bool lsync_field_store_bool(const lsync_field *f, bool value, lock_sync_lock *lock)
{
    return f->type == LSYNC_BOOL && lsync_field_store_integer(f, value, lock);
}

bool lsync_field_store_text(const lsync_field *f, const char *text, size_t size, lock_sync_lock *lock)
{
    int64_t unix_ms;

    if (f->type != LSYNC_TIME || !lsync_timestamp_parse(text, size, &unix_ms))
        return false;
    memcpy((char *)lock + f->offset, &unix_ms, sizeof unix_ms);
    lock->fields |= f->bit;
    return true;
}

bool lsync_lock_is_equal(const lock_sync_lock *a, const lock_sync_lock *b)
{
    return a->fields == b->fields && a->revision == b->revision && a->state == b->state &&
           a->door_state == b->door_state && a->battery_level == b->battery_level &&
           a->state_change_result == b->state_change_result && a->is_connected == b->is_connected &&
           a->is_charging == b->is_charging && a->last_state_changed_ms == b->last_state_changed_ms;
}
