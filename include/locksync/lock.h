/* One lock's record, its enumerations, and the two questions people ask of it. */
#ifndef LOCKSYNC_LOCK_H
#define LOCKSYNC_LOCK_H

#include "common.h"

#ifdef __cplusplus
extern "C" {
#endif

/** Bits of lock_sync_lock::fields: the values that the service sent. */
enum {
    LOCK_SYNC_FIELD_CONNECTED = 1,
    LOCK_SYNC_FIELD_REVISION = 2,
    LOCK_SYNC_FIELD_DEVICE_STATE = 4, /**< The state object was there and not null. */
    LOCK_SYNC_FIELD_STATE = 8,
    LOCK_SYNC_FIELD_DOOR_STATE = 16,
    LOCK_SYNC_FIELD_CHARGING = 32,
    LOCK_SYNC_FIELD_BATTERY_LEVEL = 64,
    LOCK_SYNC_FIELD_STATE_CHANGE_RESULT = 128,
    LOCK_SYNC_FIELD_LAST_STATE_CHANGED = 256
};

/** Values of lock_sync_lock::state that this version has a name for; others come as sent. */
enum {
    LOCK_SYNC_STATE_UNCALIBRATED = 0,
    LOCK_SYNC_STATE_CALIBRATING = 1,
    LOCK_SYNC_STATE_UNLOCKED = 2,
    LOCK_SYNC_STATE_SEMI_LOCKED = 3,
    LOCK_SYNC_STATE_UNLOCKING = 4,
    LOCK_SYNC_STATE_LOCKING = 5,
    LOCK_SYNC_STATE_LOCKED = 6,
    LOCK_SYNC_STATE_PULLED = 7,
    LOCK_SYNC_STATE_PULLING = 8,
    LOCK_SYNC_STATE_UNKNOWN = 9,
    LOCK_SYNC_STATE_UPDATING = 18,
    LOCK_SYNC_STATE_UNPULLING = 255
};

/** Values of lock_sync_lock::door_state that this version has a name for; others come as sent. */
enum {
    LOCK_SYNC_DOOR_NOT_PAIRED = 0,
    LOCK_SYNC_DOOR_DISCONNECTED = 1,
    LOCK_SYNC_DOOR_OPENED = 2,
    LOCK_SYNC_DOOR_CLOSED = 3,
    LOCK_SYNC_DOOR_UNCALIBRATED = 4
};

/**
 * One lock, as the service described it. Allocated by the library only: later versions may append members.
 *
 * A member whose bit in `fields` is clear was not sent (or could not be used) and is 0, which is then no value.
 */
typedef struct lock_sync_lock {
    int64_t id;
    int64_t revision;              /**< Rises with each change of the lock's configuration. */
    int64_t last_state_changed_ms; /**< Unix time in ms, UTC. */
    uint32_t fields;               /**< LOCK_SYNC_FIELD_* bits. */
    int32_t state;                 /**< LOCK_SYNC_STATE_*, or a value this version has no name for, as sent. */
    int32_t door_state;            /**< LOCK_SYNC_DOOR_*, likewise. */
    int32_t battery_level;         /**< Percent, 0..100. */
    int32_t state_change_result;   /**< 0 success, > 0 error (1 jammed). */
    bool is_connected;             /**< Whether the lock is in reach of its bridge. */
    bool is_charging;
} lock_sync_lock;

/**
 * Whether the bolt is known to be out.
 *
 * Only LOCK_SYNC_STATE_LOCKED is locked. The other states from 2 to 8 are not. Everything else is unknown.
 *
 * @param lock A record, or NULL.
 * @return LOCK_SYNC_YES, LOCK_SYNC_NO, or LOCK_SYNC_UNKNOWN: no state was sent, the lock is known to be disconnected,
 *         its state is none of 2..8, or `lock` is NULL.
 * @par Threads Any.
 * @since 0.1.0
 */
LOCK_SYNC_API lock_sync_tristate lock_sync_lock_is_locked(const lock_sync_lock *lock);

/**
 * Whether the last movement of the bolt ended in a jam (state_change_result 1).
 *
 * @param lock A record, or NULL.
 * @return LOCK_SYNC_YES, LOCK_SYNC_NO, or LOCK_SYNC_UNKNOWN: no result was sent, the lock is known to be disconnected,
 *         or `lock` is NULL.
 * @par Threads Any.
 * @since 0.1.0
 */
LOCK_SYNC_API lock_sync_tristate lock_sync_lock_is_jammed(const lock_sync_lock *lock);

/**
 * The name of a lock state, for people: "locked", "semi-locked", ...
 *
 * @param state Any number.
 * @return Static text; "unknown" for a number without a name. Never NULL.
 * @par Threads Any.
 * @since 0.1.0
 */
LOCK_SYNC_API const char *lock_sync_lock_state_name(int32_t state);

/**
 * The name of a door state, for people: "opened", "closed", "not paired", ...
 *
 * @param door_state Any number.
 * @return Static text; "unknown" for a number without a name. Never NULL.
 * @par Threads Any.
 * @since 0.1.0
 */
LOCK_SYNC_API const char *lock_sync_door_state_name(int32_t door_state);

/**
 * @name Scalar getters
 * The members one by one, for bindings that cannot read structs. Each takes a record or NULL and returns the member
 * as it stands, 0 or false for NULL; look at lock_sync_lock_fields() for which values were sent. Any thread.
 * @since 0.1.0
 * @{
 */
LOCK_SYNC_API int64_t lock_sync_lock_id(const lock_sync_lock *lock);                    /**< lock_sync_lock::id */
LOCK_SYNC_API int64_t lock_sync_lock_revision(const lock_sync_lock *lock);              /**< lock_sync_lock::revision */
LOCK_SYNC_API int64_t lock_sync_lock_last_state_changed_ms(const lock_sync_lock *lock); /**< Unix time in ms */
LOCK_SYNC_API uint32_t lock_sync_lock_fields(const lock_sync_lock *lock);               /**< LOCK_SYNC_FIELD_* bits */
LOCK_SYNC_API int32_t lock_sync_lock_state(const lock_sync_lock *lock);                 /**< LOCK_SYNC_STATE_* */
LOCK_SYNC_API int32_t lock_sync_lock_door_state(const lock_sync_lock *lock);            /**< LOCK_SYNC_DOOR_* */
LOCK_SYNC_API int32_t lock_sync_lock_battery_level(const lock_sync_lock *lock);         /**< percent, 0..100 */
LOCK_SYNC_API int32_t lock_sync_lock_state_change_result(const lock_sync_lock *lock);   /**< 0 success, > 0 error */
LOCK_SYNC_API bool lock_sync_lock_is_connected(const lock_sync_lock *lock);             /**< in reach of its bridge */
LOCK_SYNC_API bool lock_sync_lock_is_charging(const lock_sync_lock *lock);              /**< on the charger */
/** @} */

#ifdef __cplusplus
}
#endif
#endif
