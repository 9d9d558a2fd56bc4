/**
 * @file
 * One lock's record, its enumerations, and the two questions people ask of it.
 */
#ifndef LOCKSYNC_LOCK_H
#define LOCKSYNC_LOCK_H

#include "common.h"

#ifdef __cplusplus
extern "C" {
#endif

/**
 * Bits of lock_sync_lock::fields: the values that are known.
 *
 * A value is unknown if the service did not send it, or sent one of another type or out of its range. State, door, battery, charging and
 * result are unknown too, whatever the service sent, of a lock that is not known to be connected: one whose record
 * lacks an `isConnected` of true.
 */
enum {
    LOCK_SYNC_FIELD_CONNECTED = 1,             /**< lock_sync_lock::is_connected */
    LOCK_SYNC_FIELD_REVISION = 2,              /**< lock_sync_lock::revision */
    LOCK_SYNC_FIELD_DEVICE_STATE = 4,          /**< The state object was there and not null. */
    LOCK_SYNC_FIELD_STATE = 8,                 /**< lock_sync_lock::state */
    LOCK_SYNC_FIELD_DOOR_STATE = 16,           /**< lock_sync_lock::door_state */
    LOCK_SYNC_FIELD_CHARGING = 32,             /**< lock_sync_lock::is_charging */
    LOCK_SYNC_FIELD_BATTERY_LEVEL = 64,        /**< lock_sync_lock::battery_level */
    LOCK_SYNC_FIELD_STATE_CHANGE_RESULT = 128, /**< lock_sync_lock::state_change_result */
    LOCK_SYNC_FIELD_LAST_STATE_CHANGED = 256   /**< lock_sync_lock::last_state_changed_ms */
};

/** Values of lock_sync_lock::state that this version has a name for; others come as sent. */
enum {
    LOCK_SYNC_STATE_UNCALIBRATED = 0, /**< The lock does not know where its bolt is. */
    LOCK_SYNC_STATE_CALIBRATING = 1,  /**< It is finding out. */
    LOCK_SYNC_STATE_UNLOCKED = 2,     /**< Not locked. */
    LOCK_SYNC_STATE_SEMI_LOCKED = 3,  /**< Not locked: the bolt is partly out. */
    LOCK_SYNC_STATE_UNLOCKING = 4,    /**< Not locked: the bolt is moving. */
    LOCK_SYNC_STATE_LOCKING = 5,      /**< Not locked yet: the bolt is moving. */
    LOCK_SYNC_STATE_LOCKED = 6,       /**< Locked: the only state that is. */
    LOCK_SYNC_STATE_PULLED = 7,       /**< Not locked: the latch is drawn back. */
    LOCK_SYNC_STATE_PULLING = 8,      /**< Not locked: the latch is moving. */
    LOCK_SYNC_STATE_UNKNOWN = 9,      /**< The service does not know. */
    LOCK_SYNC_STATE_UPDATING = 18,    /**< The lock's software is being replaced. */
    LOCK_SYNC_STATE_UNPULLING = 255   /**< Seen, and not documented by the service. */
};

/** Values of lock_sync_lock::door_state that this version has a name for; others come as sent. */
enum {
    LOCK_SYNC_DOOR_NOT_PAIRED = 0,   /**< There is no door sensor. */
    LOCK_SYNC_DOOR_DISCONNECTED = 1, /**< The sensor is out of the lock's reach: nothing is known of the door. */
    LOCK_SYNC_DOOR_OPENED = 2,       /**< Open. */
    LOCK_SYNC_DOOR_CLOSED = 3,       /**< Closed. */
    LOCK_SYNC_DOOR_UNCALIBRATED = 4  /**< The sensor has not learned yet what closed is. */
};

/**
 * One lock, as the service described it. Allocated by the library only: later versions may append members.
 *
 * A member whose bit in `fields` is clear is unknown, and is 0, which is then no value.
 *
 * The service's key for a member is in brackets, and compared exactly. `id`, `isConnected` and `revision` are keys of the
 * record, the others of its state object: `deviceState`, or `lockProperties` if the record has no `deviceState`. A number
 * must be whole. It may be written with zeros behind a point, such as 54.0, if it has at most 18 digits before the point;
 * not with an exponent. True and false may be sent as 1 and 0.
 */
typedef struct lock_sync_lock {
    int64_t id;       /**< The lock's number, > 0 (`id`). */
    int64_t revision; /**< Rises with each change of the lock's configuration (`revision`). */
    /**
     * Unix time in ms, UTC (`lastStateChangedDate`: YYYY-MM-DDThh:mm:ss, in the years 1 to 9999; then 1 to 9 digits of a
     * fraction or none, of which those beyond ms are dropped; then Z, +hh:mm, -hh:mm, +hh, -hh or nothing, which is Z).
     */
    int64_t last_state_changed_ms;
    uint32_t fields;             /**< LOCK_SYNC_FIELD_* bits. */
    int32_t state;               /**< LOCK_SYNC_STATE_*, or a value without a name here, as sent (`state`). */
    int32_t door_state;          /**< LOCK_SYNC_DOOR_*, likewise (`doorState`). */
    int32_t battery_level;       /**< Percent, 0..100 (`batteryLevel`). */
    int32_t state_change_result; /**< 0 success, > 0 error (1 jammed), as sent (`stateChangeResult`). */
    bool is_connected;           /**< Whether the lock is in reach of its bridge (`isConnected`). */
    bool is_charging;            /**< Whether its battery is being charged (`isCharging`). */
} lock_sync_lock;

/**
 * Whether the bolt is known to be out.
 *
 * Only LOCK_SYNC_STATE_LOCKED is locked. The other states from 2 to 8 are not. Everything else is unknown.
 *
 * @param lock A record, or NULL.
 * @return LOCK_SYNC_YES, LOCK_SYNC_NO, or LOCK_SYNC_UNKNOWN: the state is unknown (as it is of a lock that is not known
 *         to be connected), is none of 2..8, or `lock` is NULL.
 * @par Threads Any.
 * @since 0.1.0
 */
LOCK_SYNC_API lock_sync_tristate lock_sync_lock_is_locked(const lock_sync_lock *lock);

/**
 * Whether the last movement of the bolt ended in a jam (state_change_result 1).
 *
 * @param lock A record, or NULL.
 * @return LOCK_SYNC_YES, LOCK_SYNC_NO, or LOCK_SYNC_UNKNOWN: the result is unknown (as it is of a lock that is not
 *         known to be connected), or `lock` is NULL.
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
 * The name of a lock's state, for people; unlike lock_sync_lock_state_name() it knows whether there is one.
 *
 * @param lock A record, or NULL.
 * @return Static text: that of lock_sync_lock_state_name() for the record's state; "unknown" if the record has none
 *         (LOCK_SYNC_FIELD_STATE is clear), or for NULL. Never NULL.
 * @par Threads Any.
 * @since 0.1.0
 */
LOCK_SYNC_API const char *lock_sync_lock_state_text(const lock_sync_lock *lock);

/**
 * The name of a door's state, for people; unlike lock_sync_door_state_name() it knows whether there is one.
 *
 * @param lock A record, or NULL.
 * @return Static text: that of lock_sync_door_state_name() for the record's door state; "unknown" if the record has
 *         none (LOCK_SYNC_FIELD_DOOR_STATE is clear), or for NULL. Never NULL.
 * @par Threads Any.
 * @since 0.1.0
 */
LOCK_SYNC_API const char *lock_sync_lock_door_text(const lock_sync_lock *lock);

/**
 * @name Scalar getters
 * The members of a record one by one, for bindings that cannot read structs. Each returns the member as it stands;
 * look at lock_sync_lock_fields() for which values are known.
 * @{
 */
/**
 * The id: lock_sync_lock::id.
 * @param lock A record, or NULL. @return The lock's number, > 0; 0 for NULL.
 * @par Threads Any. @since 0.1.0
 */
LOCK_SYNC_API int64_t lock_sync_lock_id(const lock_sync_lock *lock);

/**
 * The revision: lock_sync_lock::revision.
 * @param lock A record, or NULL. @return Rises with each change of the configuration; 0 for NULL.
 * @par Threads Any. @since 0.1.0
 */
LOCK_SYNC_API int64_t lock_sync_lock_revision(const lock_sync_lock *lock);

/**
 * When the state changed last: lock_sync_lock::last_state_changed_ms.
 * @param lock A record, or NULL. @return Unix time in ms, UTC; 0 for NULL.
 * @par Threads Any. @since 0.1.0
 */
LOCK_SYNC_API int64_t lock_sync_lock_last_state_changed_ms(const lock_sync_lock *lock);

/**
 * Which values are known: lock_sync_lock::fields.
 * @param lock A record, or NULL. @return LOCK_SYNC_FIELD_* bits; 0 for NULL.
 * @par Threads Any. @since 0.1.0
 */
LOCK_SYNC_API uint32_t lock_sync_lock_fields(const lock_sync_lock *lock);

/**
 * The state: lock_sync_lock::state.
 * @param lock A record, or NULL. @return LOCK_SYNC_STATE_*, or a value this version has no name for; 0 for NULL.
 * @par Threads Any. @since 0.1.0
 */
LOCK_SYNC_API int32_t lock_sync_lock_state(const lock_sync_lock *lock);

/**
 * The door's state: lock_sync_lock::door_state.
 * @param lock A record, or NULL. @return LOCK_SYNC_DOOR_*, or a value this version has no name for; 0 for NULL.
 * @par Threads Any. @since 0.1.0
 */
LOCK_SYNC_API int32_t lock_sync_lock_door_state(const lock_sync_lock *lock);

/**
 * How full the battery is: lock_sync_lock::battery_level.
 * @param lock A record, or NULL. @return Percent, 0..100; 0 for NULL.
 * @par Threads Any. @since 0.1.0
 */
LOCK_SYNC_API int32_t lock_sync_lock_battery_level(const lock_sync_lock *lock);

/**
 * How the last movement ended: lock_sync_lock::state_change_result.
 * @param lock A record, or NULL. @return 0 success, > 0 error (1 jammed); 0 for NULL.
 * @par Threads Any. @since 0.1.0
 */
LOCK_SYNC_API int32_t lock_sync_lock_state_change_result(const lock_sync_lock *lock);

/**
 * Whether the lock is in reach of its bridge: lock_sync_lock::is_connected.
 * @param lock A record, or NULL. @return True or false; false for NULL.
 * @par Threads Any. @since 0.1.0
 */
LOCK_SYNC_API bool lock_sync_lock_is_connected(const lock_sync_lock *lock);

/**
 * Whether the battery is being charged: lock_sync_lock::is_charging.
 * @param lock A record, or NULL. @return True or false; false for NULL.
 * @par Threads Any. @since 0.1.0
 */
LOCK_SYNC_API bool lock_sync_lock_is_charging(const lock_sync_lock *lock);
/** @} */

#ifdef __cplusplus
}
#endif
#endif
