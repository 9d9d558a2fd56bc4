/* The fields of a record: the names that the service sends, their types, and the members that store them. */
#ifndef LSYNC_WIRE_SCHEMA_H
#define LSYNC_WIRE_SCHEMA_H

#include "locksync/lock.h"

typedef enum lsync_type { LSYNC_INT64, LSYNC_INT32, LSYNC_BOOL, LSYNC_TIME, LSYNC_STATE } lsync_type;

typedef struct lsync_field {
    const char *name;
    uint8_t name_size;
    uint8_t type;   /* an lsync_type */
    uint8_t offset; /* in a lock_sync_lock, below 64; unique, but the two names of the state share one */
    uint32_t bit;   /* of lock_sync_lock::fields; 0 for the id, which every record has */
    int64_t min;    /* a number outside min..max counts as absent */
    int64_t max;
} lsync_field;

enum { LSYNC_RECORD_FIELDS = 5, LSYNC_STATE_FIELDS = 6 };

extern const lsync_field lsync_record_fields[LSYNC_RECORD_FIELDS];
extern const lsync_field lsync_state_fields[LSYNC_STATE_FIELDS];

/* Names of the state object: since API v1.35, and before. The first is preferred if a record has both. */
#define LSYNC_STATE_NAME "deviceState"
#define LSYNC_OLD_STATE_NAME "lockProperties"

/* Store a value in the record and set the field's bit. Return false for a value that the field cannot hold, and leave
   the record unchanged. */
bool lsync_field_store_integer(const lsync_field *f, int64_t value, lock_sync_lock *lock);
bool lsync_field_store_bool(const lsync_field *f, bool value, lock_sync_lock *lock);
bool lsync_field_store_text(const lsync_field *f, const char *text, size_t size, lock_sync_lock *lock);

/* The fields that describe the present state of a lock. */
#define LSYNC_PRESENT_FIELDS                                                                                           \
  (uint32_t)(LOCK_SYNC_FIELD_STATE | LOCK_SYNC_FIELD_DOOR_STATE | LOCK_SYNC_FIELD_BATTERY_LEVEL |                      \
             LOCK_SYNC_FIELD_CHARGING | LOCK_SYNC_FIELD_STATE_CHANGE_RESULT)

/* Finishes a record. If the lock is not known to be connected, the fields of its present state become unknown. */
static inline void lsync_lock_finish(lock_sync_lock *lock)
{
    if (lock->is_connected) /* false unless it was sent as true */
        return;
    lock->fields &= ~LSYNC_PRESENT_FIELDS;
    lock->state = lock->door_state = lock->battery_level = lock->state_change_result = 0;
    lock->is_charging = false;
}

/* Returns whether two records of one lock have the same values. */
bool lsync_lock_is_equal(const lock_sync_lock *a, const lock_sync_lock *b);

#endif
