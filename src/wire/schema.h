/* The shape of a record, written once: which names the service sends, of which type, and where they go. */
#ifndef LSYNC_WIRE_SCHEMA_H
#define LSYNC_WIRE_SCHEMA_H

#include "locksync/lock.h"

typedef enum lsync_type { LSYNC_INT64, LSYNC_INT32, LSYNC_BOOL, LSYNC_TIME, LSYNC_STATE } lsync_type;

typedef struct lsync_field {
    const char *name;
    uint8_t name_size;
    uint8_t type;   /* an lsync_type */
    uint8_t offset; /* in a lock_sync_lock, below 64; only the two names of the state share one */
    uint32_t bit;   /* of lock_sync_lock::fields; 0 for the id, which every record has */
    int64_t min;    /* numbers outside min..max are absent */
    int64_t max;
} lsync_field;

enum { LSYNC_RECORD_FIELDS = 5, LSYNC_STATE_FIELDS = 6 };

extern const lsync_field lsync_record_fields[LSYNC_RECORD_FIELDS];
extern const lsync_field lsync_state_fields[LSYNC_STATE_FIELDS];

/* Names of the state object, the one that wins first: since API v1.35, and before. */
#define LSYNC_STATE_NAME "deviceState"
#define LSYNC_OLD_STATE_NAME "lockProperties"

/* Store a value in its place and set its bit. False, and the record untouched, for one that the field cannot take. */
bool lsync_field_store_integer(const lsync_field *f, int64_t value, lock_sync_lock *lock);
bool lsync_field_store_bool(const lsync_field *f, bool value, lock_sync_lock *lock);
bool lsync_field_store_text(const lsync_field *f, const char *text, size_t size, lock_sync_lock *lock);

/* What is told of a lock's present. */
#define LSYNC_PRESENT_FIELDS                                                                                           \
  (uint32_t)(LOCK_SYNC_FIELD_STATE | LOCK_SYNC_FIELD_DOOR_STATE | LOCK_SYNC_FIELD_BATTERY_LEVEL |                      \
             LOCK_SYNC_FIELD_CHARGING | LOCK_SYNC_FIELD_STATE_CHANGE_RESULT)

/* The last step of reading a record: the present of a lock that is not known to be connected is unknown. */
static inline void lsync_lock_finish(lock_sync_lock *lock)
{
    if (lock->is_connected) /* which is false unless it was sent */
        return;
    lock->fields &= ~LSYNC_PRESENT_FIELDS;
    lock->state = lock->door_state = lock->battery_level = lock->state_change_result = 0;
    lock->is_charging = false;
}

#endif
