/**
 * @file
 * Changes instead of states: the difference of two answers, and fetches repeated until there is one.
 */
#ifndef LOCKSYNC_WATCH_H
#define LOCKSYNC_WATCH_H

#include "common.h"
#include "lock.h"
#include "results.h"

#ifdef __cplusplus
extern "C" {
#endif

/** Bits of lock_sync_change::kinds. */
enum {
    LOCK_SYNC_CHANGE_ADDED = 1,        /**< It is in this response and was not in the one before. */
    LOCK_SYNC_CHANGE_REMOVED = 2,      /**< It was in the response before and is not in this one. */
    LOCK_SYNC_CHANGE_CONNECTED = 4,    /**< It is known to be connected now, and was not. */
    LOCK_SYNC_CHANGE_DISCONNECTED = 8, /**< Any other change of its connection, which is true, false or unknown. */
    LOCK_SYNC_CHANGE_STATE = 16,       /**< Of the bolt: state. */
    LOCK_SYNC_CHANGE_DOOR = 32,        /**< Of the door: door_state. */
    LOCK_SYNC_CHANGE_BATTERY = 64,     /**< Of the battery: battery_level. */
    LOCK_SYNC_CHANGE_CHARGING = 128,   /**< Of the charger: is_charging. */
    LOCK_SYNC_CHANGE_RESULT = 256,     /**< Of the last operation: state_change_result. */
    LOCK_SYNC_CHANGE_CONFIG = 512      /**< Of its settings: revision. */
};

/**
 * What changed of one lock. Allocated by the library only: later versions may append members.
 *
 * A bit is set exactly if its value is another one now, was unknown and is known, or was known and is unknown. A lock
 * that goes out of reach has LOCK_SYNC_CHANGE_DISCONNECTED and the bits of all values that were known and are not any
 * more. A lock that is added or removed has the bits of the values that are known of it, beside LOCK_SYNC_CHANGE_ADDED
 * or _REMOVED. last_state_changed_ms has no bit.
 */
typedef struct lock_sync_change {
    uint32_t kinds;               /**< LOCK_SYNC_CHANGE_* bits: one change per lock, bits together. */
    const lock_sync_lock *before; /**< NULL when added. Lives as long as the changes. */
    const lock_sync_lock *after;  /**< NULL when removed. Lives as long as the changes. */
} lock_sync_change;

/** The changes between two answers, by ascending id. Immutable copies: they outlive results, watch and context. */
typedef struct lock_sync_changes lock_sync_changes;

/**
 * Tells what changed from one answer to another. Pure, in O(n log n) at worst.
 *
 * Results remember what was asked: only ids that both asked for are compared. A lock that was asked for both times and
 * is answered no longer is removed; one that was not asked for is neither added nor removed.
 *
 * @param before Borrowed: the earlier answer.
 * @param after Borrowed: the later answer, of the same account.
 * @param[out] out The changes, perhaps none, transferred; free with lock_sync_changes_free(). Their memory is from the
 *        allocator of `after`.
 * @return LOCK_SYNC_OK; LOCK_SYNC_E_INVALID_ARGUMENT (NULL); LOCK_SYNC_E_NO_MEMORY.
 * @par Threads Any.
 * @since 0.1.0
 */
LOCK_SYNC_API lock_sync_status lock_sync_diff(const lock_sync_results *before, const lock_sync_results *after,
                                              lock_sync_changes **out);

/**
 * How many locks changed.
 *
 * @param changes Changes, or NULL.
 * @return The count; 0 for NULL.
 * @par Threads Any.
 * @since 0.1.0
 */
LOCK_SYNC_API size_t lock_sync_changes_count(const lock_sync_changes *changes);

/**
 * The change of one lock.
 *
 * @param changes Changes, or NULL.
 * @param i 0 .. lock_sync_changes_count() - 1.
 * @return Borrowed from `changes`; NULL past the end.
 * @par Threads Any.
 * @since 0.1.0
 */
LOCK_SYNC_API const lock_sync_change *lock_sync_changes_at(const lock_sync_changes *changes, size_t i);

/**
 * Frees changes, with the records in them.
 *
 * @param changes Changes, transferred; NULL is allowed.
 * @par Threads Any.
 * @since 0.1.0
 */
LOCK_SYNC_API void lock_sync_changes_free(lock_sync_changes *changes);

/**
 * @name Scalar getters of a change
 * Its members one by one, for bindings that cannot read structs.
 * @{
 */
/**
 * What changed: lock_sync_change::kinds.
 * @param change A change, or NULL. @return LOCK_SYNC_CHANGE_* bits; 0 for NULL.
 * @par Threads Any. @since 0.1.0
 */
LOCK_SYNC_API uint32_t lock_sync_change_kinds(const lock_sync_change *change);

/**
 * The lock before: lock_sync_change::before.
 * @param change A change, or NULL. @return Borrowed from the changes; NULL when added, and for NULL.
 * @par Threads Any. @since 0.1.0
 */
LOCK_SYNC_API const lock_sync_lock *lock_sync_change_before(const lock_sync_change *change);

/**
 * The lock after: lock_sync_change::after.
 * @param change A change, or NULL. @return Borrowed from the changes; NULL when removed, and for NULL.
 * @par Threads Any. @since 0.1.0
 */
LOCK_SYNC_API const lock_sync_lock *lock_sync_change_after(const lock_sync_change *change);
/** @} */

/** Fetches again and again, and tells what changed. Used by one thread at a time, that of its context. */
typedef struct lock_sync_watch lock_sync_watch;

/**
 * Makes a watch. Nothing is fetched yet.
 *
 * It fetches with the context's settings, credential and guard. The guard's modes FAIL and CACHED act as WAIT, without
 * an end to the waiting: a watch never polls faster than its guard allows.
 *
 * @param ctx Must outlive the watch.
 * @param ids As in lock_sync_fetch(); copied. NULL: all locks.
 * @param n As in lock_sync_fetch().
 * @param[out] out The watch, transferred; free with lock_sync_watch_free().
 * @return LOCK_SYNC_OK; LOCK_SYNC_E_INVALID_ARGUMENT; LOCK_SYNC_E_NO_MEMORY; LOCK_SYNC_E_BUSY (a fetch of `ctx` runs).
 * @par Threads That of the context.
 * @since 0.1.0
 */
LOCK_SYNC_API lock_sync_status lock_sync_watch_new(lock_sync_ctx *ctx, const int64_t *ids, size_t n,
                                                   lock_sync_watch **out);

/**
 * Sets the interval from the end of one poll to the next; default 20 000 ms, the shortest that the service's documents
 * allow. Up to a tenth is added at random, so that many watches do not poll together.
 *
 * After the second error in a row that may pass (lock_sync_status_is_retryable()) it is two intervals, then 4, 8, 16
 * and at most 30; a Retry-After of the service, up to an hour, is waited for.
 *
 * @param watch The watch.
 * @param ms 1 .. 86 400 000. It holds from the end of the next poll on.
 * @return LOCK_SYNC_OK; LOCK_SYNC_E_INVALID_ARGUMENT.
 * @par Threads That of the watch.
 * @since 0.1.0
 */
LOCK_SYNC_API lock_sync_status lock_sync_watch_set_interval_ms(lock_sync_watch *watch, int64_t ms);

/**
 * Waits for the next change.
 *
 * The first good answer is told as every lock added (perhaps none); after that OK means at least one change. Only good
 * answers are compared: an outage makes no changes, and the first answer after it tells the difference at once.
 * What keeps a poll from being sent at all, such as a missing credential, is returned at once, by each call.
 *
 * @param watch The watch.
 * @param timeout_ms How long to wait at most; 0: poll if it is time to, but do not wait; < 0: for ever. It never aborts
 *        a poll that has begun, which has the context's timeout.
 * @param[out] out The changes, transferred; free with lock_sync_changes_free(). NULL after a failure.
 * @return LOCK_SYNC_OK; LOCK_SYNC_E_TIMEOUT (nothing changed in time; errors that may pass are not returned, see
 *         lock_sync_watch_last_status(); if the guard holds the watch for longer than an interval, the error has its
 *         message and lock_sync_error_retry_after_ms()); LOCK_SYNC_E_CANCELLED (lock_sync_cancel());
 *         LOCK_SYNC_E_INVALID_ARGUMENT; LOCK_SYNC_E_BUSY (a fetch of the context runs, or the watch is in a pool); any
 *         other status of lock_sync_fetch() that does not pass by itself. lock_sync_last_error() has the detail; the
 *         next call goes on.
 * @par Threads That of the watch. lock_sync_cancel() ends it from any thread.
 * @since 0.1.0
 */
LOCK_SYNC_API lock_sync_status lock_sync_watch_next(lock_sync_watch *watch, int64_t timeout_ms,
                                                    lock_sync_changes **out);

/**
 * How the last poll ended, also one whose error was not returned.
 *
 * @param watch The watch, or NULL.
 * @return LOCK_SYNC_OK (also before the first poll), or a status of lock_sync_fetch(). LOCK_SYNC_E_TOO_SOON: the guard
 *         refused the poll, and opens in more than the watch's interval. A shorter wait for the guard leaves the status
 *         as it was.
 * @par Threads That of the watch.
 * @since 0.1.0
 */
LOCK_SYNC_API lock_sync_status lock_sync_watch_last_status(const lock_sync_watch *watch);

/**
 * The last good response as records: what is known of the locks. Draw a display from these records, never from changes
 * alone.
 *
 * Before a callback or lock_sync_watch_next() reports changes, these records are already those after the changes.
 *
 * @param watch The watch, or NULL.
 * @return Borrowed until the next lock_sync_watch_next() or lock_sync_watch_free() of this watch, or, in a pool, until
 *         the next lock_sync_pool_dispatch(), lock_sync_pool_wait() or lock_sync_pool_free(); NULL before the first
 *         good response, and for NULL.
 * @par Threads That of the watch, or of its pool.
 * @since 0.1.0
 */
LOCK_SYNC_API const lock_sync_results *lock_sync_watch_results(const lock_sync_watch *watch);

/**
 * How old the last good answer is: what is known of the locks is of then.
 *
 * @param watch The watch, or NULL.
 * @return Time since it arrived, in ms, by a clock that never jumps; -1: there is none yet.
 * @par Threads That of the watch.
 * @since 0.1.0
 */
LOCK_SYNC_API int64_t lock_sync_watch_age_ms(const lock_sync_watch *watch);

/**
 * How long until the next poll, unless the guard puts it off.
 *
 * @param watch The watch, or NULL.
 * @return Time in ms, rounded up; 0: it is time to, or NULL was given.
 * @par Threads That of the watch.
 * @since 0.1.0
 */
LOCK_SYNC_API int64_t lock_sync_watch_due_in_ms(const lock_sync_watch *watch);

/**
 * Frees a watch. In a pool it leaves it, without a callback; the last error of its context is then
 * LOCK_SYNC_E_CANCELLED.
 *
 * @param watch Transferred; NULL is allowed. Also inside its own callback.
 * @par Threads That of the watch, or of its pool.
 * @since 0.1.0
 */
LOCK_SYNC_API void lock_sync_watch_free(lock_sync_watch *watch);

#ifdef __cplusplus
}
#endif
#endif
