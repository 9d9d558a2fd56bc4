/* The public functions of one record: getters, names, and whether the lock is locked or jammed. Pure. */
#include "locksync/lock.h"

/* Checks the bit, which is enough because the decoder clears the bit of each unknown field. */
static bool is_known(const lock_sync_lock *lock, uint32_t field)
{
    return lock != NULL && (lock->fields & field) != 0;
}

lock_sync_tristate lock_sync_lock_is_locked(const lock_sync_lock *lock)
{
    if (!is_known(lock, LOCK_SYNC_FIELD_STATE))
        return LOCK_SYNC_UNKNOWN;
    if (lock->state < LOCK_SYNC_STATE_UNLOCKED || lock->state > LOCK_SYNC_STATE_PULLING)
        return LOCK_SYNC_UNKNOWN;
    return lock->state == LOCK_SYNC_STATE_LOCKED ? LOCK_SYNC_YES : LOCK_SYNC_NO;
}

lock_sync_tristate lock_sync_lock_is_jammed(const lock_sync_lock *lock)
{
    if (!is_known(lock, LOCK_SYNC_FIELD_STATE_CHANGE_RESULT))
        return LOCK_SYNC_UNKNOWN;
    return lock->state_change_result == 1 ? LOCK_SYNC_YES : LOCK_SYNC_NO;
}

const char *lock_sync_lock_state_name(int32_t state)
{
    switch (state) {
    case LOCK_SYNC_STATE_UNCALIBRATED: return "uncalibrated";
    case LOCK_SYNC_STATE_CALIBRATING: return "calibrating";
    case LOCK_SYNC_STATE_UNLOCKED: return "unlocked";
    case LOCK_SYNC_STATE_SEMI_LOCKED: return "semi-locked";
    case LOCK_SYNC_STATE_UNLOCKING: return "unlocking";
    case LOCK_SYNC_STATE_LOCKING: return "locking";
    case LOCK_SYNC_STATE_LOCKED: return "locked";
    case LOCK_SYNC_STATE_PULLED: return "pulled";
    case LOCK_SYNC_STATE_PULLING: return "pulling";
    case LOCK_SYNC_STATE_UPDATING: return "updating";
    case LOCK_SYNC_STATE_UNPULLING: return "unpulling";
    case LOCK_SYNC_STATE_UNKNOWN:
    default: return "unknown";
    }
}

const char *lock_sync_door_state_name(int32_t door_state)
{
    switch (door_state) {
    case LOCK_SYNC_DOOR_NOT_PAIRED: return "not paired";
    case LOCK_SYNC_DOOR_DISCONNECTED: return "disconnected";
    case LOCK_SYNC_DOOR_OPENED: return "opened";
    case LOCK_SYNC_DOOR_CLOSED: return "closed";
    case LOCK_SYNC_DOOR_UNCALIBRATED: return "uncalibrated";
    default: return "unknown";
    }
}

const char *lock_sync_lock_state_text(const lock_sync_lock *lock)
{
    return is_known(lock, LOCK_SYNC_FIELD_STATE) ? lock_sync_lock_state_name(lock->state) : "unknown";
}

const char *lock_sync_lock_door_text(const lock_sync_lock *lock)
{
    return is_known(lock, LOCK_SYNC_FIELD_DOOR_STATE) ? lock_sync_door_state_name(lock->door_state) : "unknown";
}

#define GETTER(type, member)                                                                                           \
  type lock_sync_lock_##member(const lock_sync_lock *lock)                                                             \
  {                                                                                                                    \
    return lock == NULL ? 0 : lock->member;                                                                            \
  }

GETTER(int64_t, id)
GETTER(int64_t, revision)
GETTER(int64_t, last_state_changed_ms)
GETTER(uint32_t, fields)
GETTER(int32_t, state)
GETTER(int32_t, door_state)
GETTER(int32_t, battery_level)
GETTER(int32_t, state_change_result)
GETTER(bool, is_connected)
GETTER(bool, is_charging)
