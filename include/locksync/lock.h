/**
 * @file
 * The record of one lock, its enumerations, and functions that interpret it.
 */
#ifndef LOCKSYNC_LOCK_H
#define LOCKSYNC_LOCK_H

#include "common.h"

#ifdef __cplusplus
extern "C" {
#endif

/**
 * Bits of lock_sync_lock::fields. A set bit means that the value is known.
 *
 * A value is unknown if the service did not send it, or sent another type or a value out of range. If a lock is out of
 * reach, its state, door state, charging, battery level and result are always unknown. A lock is out of reach unless
 * its record has an `isConnected` of true.
 */
enum {
    LOCK_SYNC_FIELD_CONNECTED = 1,             /**< lock_sync_lock::is_connected */
    LOCK_SYNC_FIELD_REVISION = 2,              /**< lock_sync_lock::revision */
    LOCK_SYNC_FIELD_DEVICE_STATE = 4,          /**< The record has a state object that is not null. */
    LOCK_SYNC_FIELD_STATE = 8,                 /**< lock_sync_lock::state */
    LOCK_SYNC_FIELD_DOOR_STATE = 16,           /**< lock_sync_lock::door_state */
    LOCK_SYNC_FIELD_CHARGING = 32,             /**< lock_sync_lock::is_charging */
    LOCK_SYNC_FIELD_BATTERY_LEVEL = 64,        /**< lock_sync_lock::battery_level */
    LOCK_SYNC_FIELD_STATE_CHANGE_RESULT = 128, /**< lock_sync_lock::state_change_result */
    LOCK_SYNC_FIELD_LAST_STATE_CHANGED = 256   /**< lock_sync_lock::last_state_changed_ms */
};

/** Values of lock_sync_lock::state that this version knows. Other values are reported as sent. */
LOCK_SYNC_EXTENSION enum LOCK_SYNC_INT32 {
    LOCK_SYNC_STATE_UNCALIBRATED = 0, /**< The lock does not know the position of its bolt. */
    LOCK_SYNC_STATE_CALIBRATING = 1,  /**< The lock is determining the position of its bolt. */
    LOCK_SYNC_STATE_UNLOCKED = 2,     /**< Not locked. */
    LOCK_SYNC_STATE_SEMI_LOCKED = 3,  /**< Not locked: the bolt is partly out. */
    LOCK_SYNC_STATE_UNLOCKING = 4,    /**< Not locked: the bolt is moving. */
    LOCK_SYNC_STATE_LOCKING = 5,      /**< Not locked yet: the bolt is moving. */
    LOCK_SYNC_STATE_LOCKED = 6,       /**< Locked. No other state means locked. */
    LOCK_SYNC_STATE_PULLED = 7,       /**< Not locked: the latch is retracted. */
    LOCK_SYNC_STATE_PULLING = 8,      /**< Not locked: the latch is moving. */
    LOCK_SYNC_STATE_UNKNOWN = 9,      /**< The service does not know. */
    LOCK_SYNC_STATE_UPDATING = 18,    /**< The lock's software is being updated. */
    LOCK_SYNC_STATE_UNPULLING = 255   /**< Observed, but not documented by the service. */
};

/** Values of lock_sync_lock::door_state that this version knows. Other values are reported as sent. */
LOCK_SYNC_EXTENSION enum LOCK_SYNC_INT32 {
    LOCK_SYNC_DOOR_NOT_PAIRED = 0,   /**< There is no door sensor. */
    LOCK_SYNC_DOOR_DISCONNECTED = 1, /**< The lock cannot reach the sensor: the door's state is unknown. */
    LOCK_SYNC_DOOR_OPENED = 2,       /**< Open. */
    LOCK_SYNC_DOOR_CLOSED = 3,       /**< Closed. */
    LOCK_SYNC_DOOR_UNCALIBRATED = 4  /**< The sensor is not calibrated yet. */
};

/**
 * The record of one lock. Only the library allocates it, because later versions may append members. A copy of its first
 * sizeof(lock_sync_lock) bytes may be passed to the functions below. Each reads only members that the header had when
 * it was added.
 *
 * If a member's bit in `fields` is clear, the member is unknown: its content is 0 and must not be used.
 *
 * Each member below names its JSON key in brackets; keys are compared exactly. `id`, `isConnected` and `revision` are
 * keys of the record. The others are keys of its state object: `deviceState`, or `lockProperties` if the record has no
 * `deviceState`. Numbers must be integers. A fraction of zeros is accepted (54.0 is 54) if there are at most 18 digits
 * before the decimal point; an exponent is not accepted. True and false may be sent as 1 and 0.
 */
typedef struct lock_sync_lock {
    int64_t id;       /**< The lock's id, > 0 (`id`). */
    int64_t revision; /**< Rises with each change of the lock's configuration (`revision`). */
    /**
     * When the state changed last: Unix time in ms, UTC (`lastStateChangedDate`).
     *
     * The service's format is YYYY-MM-DDThh:mm:ss, in the years 1 to 9999. A fraction of 1 to 9 digits may follow;
     * digits beyond ms are dropped. The end is Z, +hh:mm, -hh:mm, +hh, -hh, or nothing, which means Z.
     */
    int64_t last_state_changed_ms;
    uint32_t fields;             /**< LOCK_SYNC_FIELD_* bits. */
    int32_t state;               /**< LOCK_SYNC_STATE_*, or another value as sent (`state`). */
    int32_t door_state;          /**< LOCK_SYNC_DOOR_*, or another value as sent (`doorState`). */
    int32_t battery_level;       /**< Percent, 0..100 (`batteryLevel`). */
    int32_t state_change_result; /**< 0 success, > 0 error (1 jammed), as sent (`stateChangeResult`). */
    bool is_connected;           /**< Whether the lock is connected to its bridge (`isConnected`). */
    bool is_charging;            /**< Whether its battery is being charged (`isCharging`). */
} lock_sync_lock;

/**
 * Returns whether a lock is locked, that is, whether its bolt is known to be out.
 *
 * LOCK_SYNC_STATE_LOCKED is locked, the other states from 2 to 8 are not. Other states are unknown, and so is the state
 * of a lock that is out of reach.
 *
 * @param lock A record, or NULL.
 * @return LOCK_SYNC_YES, LOCK_SYNC_NO or LOCK_SYNC_UNKNOWN; LOCK_SYNC_UNKNOWN for NULL.
 * @par Threads Any.
 * @since 0.1.0
 */
LOCK_SYNC_API lock_sync_tristate lock_sync_lock_is_locked(const lock_sync_lock *lock);

/**
 * Returns whether the last movement of the bolt ended in a jam (state_change_result 1).
 *
 * @param lock A record, or NULL.
 * @return LOCK_SYNC_YES, LOCK_SYNC_NO or LOCK_SYNC_UNKNOWN; LOCK_SYNC_UNKNOWN for a lock that is out of reach, and for
 *         NULL.
 * @par Threads Any.
 * @since 0.1.0
 */
LOCK_SYNC_API lock_sync_tristate lock_sync_lock_is_jammed(const lock_sync_lock *lock);

/**
 * Returns the human-readable name of a lock state: "locked", "semi-locked", ...
 *
 * @param state Any number.
 * @return A static string; "unknown" for a number that this version does not know. Never NULL.
 * @par Threads Any.
 * @since 0.1.0
 */
LOCK_SYNC_API const char *lock_sync_lock_state_name(int32_t state);

/**
 * Returns the human-readable name of a door state: "opened", "closed", "not paired", ...
 *
 * @param door_state Any number.
 * @return A static string; "unknown" for a number that this version does not know. Never NULL.
 * @par Threads Any.
 * @since 0.1.0
 */
LOCK_SYNC_API const char *lock_sync_door_state_name(int32_t door_state);

/**
 * Returns the human-readable name of a record's lock state, or "unknown" if the record has no known state.
 *
 * @param lock A record, or NULL.
 * @return A static string: lock_sync_lock_state_name() of the state if LOCK_SYNC_FIELD_STATE is set, otherwise
 *         "unknown", also for NULL. Never NULL.
 * @par Threads Any.
 * @since 0.1.0
 */
LOCK_SYNC_API const char *lock_sync_lock_state_text(const lock_sync_lock *lock);

/**
 * Returns the human-readable name of a record's door state, or "unknown" if the record has no known door state.
 *
 * @param lock A record, or NULL.
 * @return A static string: lock_sync_door_state_name() of the door state if LOCK_SYNC_FIELD_DOOR_STATE is set,
 *         otherwise "unknown", also for NULL. Never NULL.
 * @par Threads Any.
 * @since 0.1.0
 */
LOCK_SYNC_API const char *lock_sync_lock_door_text(const lock_sync_lock *lock);

/**
 * @name Scalar getters of a record
 * These functions return the members of a record, for bindings that cannot read structs. Each member is returned
 * unchanged, even if it is unknown: check lock_sync_lock_fields() first.
 * @{
 */
/**
 * Returns the id: lock_sync_lock::id.
 * @param lock A record, or NULL. @return The id, > 0; 0 for NULL.
 * @par Threads Any. @since 0.1.0
 */
LOCK_SYNC_API int64_t lock_sync_lock_id(const lock_sync_lock *lock);

/**
 * Returns the revision, which rises with each change of the configuration: lock_sync_lock::revision.
 * @param lock A record, or NULL. @return The revision; 0 for NULL.
 * @par Threads Any. @since 0.1.0
 */
LOCK_SYNC_API int64_t lock_sync_lock_revision(const lock_sync_lock *lock);

/**
 * Returns when the state changed last: lock_sync_lock::last_state_changed_ms.
 * @param lock A record, or NULL. @return Unix time in ms, UTC; 0 for NULL.
 * @par Threads Any. @since 0.1.0
 */
LOCK_SYNC_API int64_t lock_sync_lock_last_state_changed_ms(const lock_sync_lock *lock);

/**
 * Returns which values are known: lock_sync_lock::fields.
 * @param lock A record, or NULL. @return LOCK_SYNC_FIELD_* bits; 0 for NULL.
 * @par Threads Any. @since 0.1.0
 */
LOCK_SYNC_API uint32_t lock_sync_lock_fields(const lock_sync_lock *lock);

/**
 * Returns the state: lock_sync_lock::state.
 * @param lock A record, or NULL. @return LOCK_SYNC_STATE_*, or another value as sent; 0 for NULL.
 * @par Threads Any. @since 0.1.0
 */
LOCK_SYNC_API int32_t lock_sync_lock_state(const lock_sync_lock *lock);

/**
 * Returns the door's state: lock_sync_lock::door_state.
 * @param lock A record, or NULL. @return LOCK_SYNC_DOOR_*, or another value as sent; 0 for NULL.
 * @par Threads Any. @since 0.1.0
 */
LOCK_SYNC_API int32_t lock_sync_lock_door_state(const lock_sync_lock *lock);

/**
 * Returns the battery level: lock_sync_lock::battery_level.
 * @param lock A record, or NULL. @return Percent, 0..100; 0 for NULL.
 * @par Threads Any. @since 0.1.0
 */
LOCK_SYNC_API int32_t lock_sync_lock_battery_level(const lock_sync_lock *lock);

/**
 * Returns how the last movement ended: lock_sync_lock::state_change_result.
 * @param lock A record, or NULL. @return 0 success, > 0 error (1 jammed); 0 for NULL.
 * @par Threads Any. @since 0.1.0
 */
LOCK_SYNC_API int32_t lock_sync_lock_state_change_result(const lock_sync_lock *lock);

/**
 * Returns whether the lock is connected to its bridge: lock_sync_lock::is_connected.
 * @param lock A record, or NULL. @return True or false; false for NULL.
 * @par Threads Any. @since 0.1.0
 */
LOCK_SYNC_API bool lock_sync_lock_is_connected(const lock_sync_lock *lock);

/**
 * Returns whether the battery is being charged: lock_sync_lock::is_charging.
 * @param lock A record, or NULL. @return True or false; false for NULL.
 * @par Threads Any. @since 0.1.0
 */
LOCK_SYNC_API bool lock_sync_lock_is_charging(const lock_sync_lock *lock);
/** @} */

#ifdef __cplusplus
}
#endif
#endif
