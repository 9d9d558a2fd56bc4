/* The shape of a record, written once: which names the service sends, of which type, and where they go. */
#ifndef LSYNC_WIRE_SCHEMA_H
#define LSYNC_WIRE_SCHEMA_H

#include "locksync/lock.h"

typedef enum lsync_type { LSYNC_INT64, LSYNC_INT32, LSYNC_BOOL, LSYNC_TIME } lsync_type;

typedef struct lsync_field {
    const char *name;
    lsync_type type;
    uint32_t bit; /* of lock_sync_lock::fields; 0 for the id, which every record has */
    size_t offset;
    int64_t min; /* numbers outside min..max are absent */
    int64_t max;
} lsync_field;

/* X(name, type, bit, member, min, max) for each field. Numbers outside min..max are absent. */

/* Of the record itself; the first is the id, which every record has. */
#define LSYNC_RECORD_SCHEMA(X)                                                                                        \
    X("id", LSYNC_INT64, 0, id, 1, INT64_MAX)                                                                         \
    X("isConnected", LSYNC_BOOL, LOCK_SYNC_FIELD_CONNECTED, is_connected, 0, 1)                                       \
    X("revision", LSYNC_INT64, LOCK_SYNC_FIELD_REVISION, revision, INT64_MIN, INT64_MAX)

/* Of its state object. A battery level of 255 means unknown. */
#define LSYNC_STATE_SCHEMA(X)                                                                                         \
    X("state", LSYNC_INT32, LOCK_SYNC_FIELD_STATE, state, INT32_MIN, INT32_MAX)                                       \
    X("doorState", LSYNC_INT32, LOCK_SYNC_FIELD_DOOR_STATE, door_state, INT32_MIN, INT32_MAX)                         \
    X("isCharging", LSYNC_BOOL, LOCK_SYNC_FIELD_CHARGING, is_charging, 0, 1)                                          \
    X("batteryLevel", LSYNC_INT32, LOCK_SYNC_FIELD_BATTERY_LEVEL, battery_level, 0, 100)                              \
    X("stateChangeResult", LSYNC_INT32, LOCK_SYNC_FIELD_STATE_CHANGE_RESULT, state_change_result, INT32_MIN,          \
      INT32_MAX)                                                                                                      \
    X("lastStateChangedDate", LSYNC_TIME, LOCK_SYNC_FIELD_LAST_STATE_CHANGED, last_state_changed_ms, INT64_MIN,       \
      INT64_MAX)

#define LSYNC_COUNT_FIELD(name, type, bit, member, min, max) +1
#define LSYNC_RECORD_FIELDS (0 LSYNC_RECORD_SCHEMA(LSYNC_COUNT_FIELD))
#define LSYNC_STATE_FIELDS (0 LSYNC_STATE_SCHEMA(LSYNC_COUNT_FIELD))

extern const lsync_field lsync_record_fields[LSYNC_RECORD_FIELDS];
extern const lsync_field lsync_state_fields[LSYNC_STATE_FIELDS];

/* Names of the state object, the one that wins first: since API v1.35, and before. */
#define LSYNC_STATE_NAME "deviceState"
#define LSYNC_OLD_STATE_NAME "lockProperties"

/* Store a value in its place and set its bit. False, and the record untouched, for one that the field cannot take. */
bool lsync_field_store_integer(const lsync_field *f, int64_t value, lock_sync_lock *lock);
bool lsync_field_store_real(const lsync_field *f, double value, lock_sync_lock *lock); /* integral, up to 2^53 */
bool lsync_field_store_bool(const lsync_field *f, bool value, lock_sync_lock *lock);
bool lsync_field_store_text(const lsync_field *f, const char *text, size_t size, lock_sync_lock *lock);

#endif
