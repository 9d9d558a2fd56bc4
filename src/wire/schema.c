/* The shape of a record; see schema.h. */
#include "wire/schema.h"
#include "wire/timestamp.h"

#include <string.h>

#define AT(member) offsetof(lock_sync_lock, member)
#define INT32_FIELD(name, bit, member) {name, LSYNC_INT32, bit, AT(member), INT32_MIN, INT32_MAX}

const lsync_field lsync_record_fields[LSYNC_RECORD_FIELDS] = {
    {"id", LSYNC_INT64, 0, AT(id), 1, INT64_MAX},
    {"isConnected", LSYNC_BOOL, LOCK_SYNC_FIELD_CONNECTED, AT(is_connected), 0, 1},
    {"revision", LSYNC_INT64, LOCK_SYNC_FIELD_REVISION, AT(revision), INT64_MIN, INT64_MAX},
};

const lsync_field lsync_state_fields[LSYNC_STATE_FIELDS] = {
    INT32_FIELD("state", LOCK_SYNC_FIELD_STATE, state),
    INT32_FIELD("doorState", LOCK_SYNC_FIELD_DOOR_STATE, door_state),
    {"isCharging", LSYNC_BOOL, LOCK_SYNC_FIELD_CHARGING, AT(is_charging), 0, 1},
    {"batteryLevel", LSYNC_INT32, LOCK_SYNC_FIELD_BATTERY_LEVEL, AT(battery_level), 0, 100}, /* 255: unknown */
    INT32_FIELD("stateChangeResult", LOCK_SYNC_FIELD_STATE_CHANGE_RESULT, state_change_result),
    {"lastStateChangedDate", LSYNC_TIME, LOCK_SYNC_FIELD_LAST_STATE_CHANGED, AT(last_state_changed_ms), INT64_MIN,
     INT64_MAX},
};

const char *const lsync_state_names[LSYNC_STATE_NAMES] = {"deviceState", "lockProperties"};

bool lsync_field_store_integer(const lsync_field *f, int64_t value, lock_sync_lock *lock)
{
    char *place = (char *)lock + f->offset;
    int32_t narrow = (int32_t)value;
    bool truth = value != 0;

    if (f->type == LSYNC_TIME || value < f->min || value > f->max)
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

bool lsync_field_store_real(const lsync_field *f, double value, lock_sync_lock *lock)
{
    const double exact = 9007199254740992.0; /* 2^53: beyond it a double may stand for a neighbour */

    if (!(value >= -exact && value <= exact) || (double)(int64_t)value != value)
        return false;
    return lsync_field_store_integer(f, (int64_t)value, lock);
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
