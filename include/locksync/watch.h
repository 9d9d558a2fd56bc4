/**
 * @file
 * Changes instead of states: compares two results, or polls until something changes.
 */
#ifndef LOCKSYNC_WATCH_H
#define LOCKSYNC_WATCH_H

#include "common.h"
#include "directory.h"
#include "lock.h"
#include "results.h"

#ifdef __cplusplus
extern "C" {
#endif

/** Bits of lock_sync_change::kinds. */
enum {
    LOCK_SYNC_CHANGE_ADDED = 1,        /**< The lock is in this response and was not in the previous one. */
    LOCK_SYNC_CHANGE_REMOVED = 2,      /**< The lock was in the previous response and is not in this one. */
    LOCK_SYNC_CHANGE_CONNECTED = 4,    /**< is_connected is now true, and was false or unknown before. */
    LOCK_SYNC_CHANGE_DISCONNECTED = 8, /**< Any other change of is_connected, for example to unknown. */
    LOCK_SYNC_CHANGE_STATE = 16,       /**< state has changed. */
    LOCK_SYNC_CHANGE_DOOR = 32,        /**< door_state has changed. */
    LOCK_SYNC_CHANGE_BATTERY = 64,     /**< battery_level has changed. */
    LOCK_SYNC_CHANGE_CHARGING = 128,   /**< is_charging has changed. */
    LOCK_SYNC_CHANGE_RESULT = 256,     /**< state_change_result, the result of the last movement, has changed. */
    LOCK_SYNC_CHANGE_CONFIG = 512,     /**< revision has changed, and with it the lock's configuration. */
    LOCK_SYNC_CHANGE_RENAMED = 1024,   /**< The name in the directory has changed, or became known or unknown. */
    LOCK_SYNC_CHANGE_NEW_ID = 2048     /**< The lock, by its serial number in the directory, has another id. */
};

/**
 * The change of one lock. Only the library allocates it, because later versions may append members.
 *
 * A bit is set if and only if its member has another value than before, became known, or became unknown. A lock that
 * becomes out of reach has LOCK_SYNC_CHANGE_DISCONNECTED and the bits of all values that became unknown. A lock that is
 * added or removed has LOCK_SYNC_CHANGE_ADDED or _REMOVED and the bits of all its known values. last_state_changed_ms
 * has no bit.
 *
 * Only a watch that follows the directory sets LOCK_SYNC_CHANGE_RENAMED, _NEW_ID and `info`. A lock with another id is
 * one change: `before` has the old id, `after` the new one.
 */
typedef struct lock_sync_change {
    uint32_t kinds;                  /**< LOCK_SYNC_CHANGE_* bits: all changes of this lock. */
    const lock_sync_lock *before;    /**< The record before; NULL if added. Borrowed from the changes. */
    const lock_sync_lock *after;     /**< The record now; NULL if removed. Borrowed from the changes. */
    const lock_sync_lock_info *info; /**< Name and serial number now, or, if removed, before; NULL: not known. Borrowed
                                          from the changes. */
} lock_sync_change;

/** The changes between two results, by ascending id. Immutable copies: they may outlive results, watch and context. */
typedef struct lock_sync_changes lock_sync_changes;

/**
 * Compares two results and returns the changes. Pure, in O(n log n) at worst.
 *
 * Only locks that both fetches requested are compared. A lock that is missing only in the later results is reported as
 * removed, one that is missing only in the earlier results as added.
 *
 * @param before Borrowed: the earlier results.
 * @param after Borrowed: the later results, of the same account.
 * @param[out] out The changes, possibly empty, transferred; free with lock_sync_changes_free(). Allocated with the
 *        allocator of `after`.
 * @return LOCK_SYNC_OK; LOCK_SYNC_E_INVALID_ARGUMENT (NULL); LOCK_SYNC_E_NO_MEMORY.
 * @par Threads Any.
 * @since 0.1.0
 */
LOCK_SYNC_NODISCARD_API lock_sync_status lock_sync_diff(const lock_sync_results *before, const lock_sync_results *after,
                                                        lock_sync_changes **out);

/**
 * Returns the number of locks that changed.
 *
 * @param changes Changes, or NULL.
 * @return The count; 0 for NULL.
 * @par Threads Any.
 * @since 0.1.0
 */
LOCK_SYNC_API size_t lock_sync_changes_count(const lock_sync_changes *changes);

/**
 * Returns the change of one lock.
 *
 * @param changes Changes, or NULL.
 * @param index 0 .. lock_sync_changes_count() - 1.
 * @return Borrowed from `changes`; NULL past the end.
 * @par Threads Any.
 * @since 0.1.0
 */
LOCK_SYNC_API const lock_sync_change *lock_sync_changes_at(const lock_sync_changes *changes, size_t index);

/**
 * Frees changes and the records in them.
 *
 * @param changes Changes, transferred; NULL is allowed.
 * @par Threads Any.
 * @since 0.1.0
 */
LOCK_SYNC_API void lock_sync_changes_free(lock_sync_changes *changes);

/**
 * @name Scalar getters of a change
 * These functions return the members of a change, for bindings that cannot read structs.
 * @{
 */
/**
 * Returns what has changed: lock_sync_change::kinds.
 * @param change A change, or NULL. @return LOCK_SYNC_CHANGE_* bits; 0 for NULL.
 * @par Threads Any. @since 0.1.0
 */
LOCK_SYNC_API uint32_t lock_sync_change_kinds(const lock_sync_change *change);

/**
 * Returns the record before: lock_sync_change::before.
 * @param change A change, or NULL. @return Borrowed from the changes; NULL if added, and for NULL.
 * @par Threads Any. @since 0.1.0
 */
LOCK_SYNC_API const lock_sync_lock *lock_sync_change_before(const lock_sync_change *change);

/**
 * Returns the record now: lock_sync_change::after.
 * @param change A change, or NULL. @return Borrowed from the changes; NULL if removed, and for NULL.
 * @par Threads Any. @since 0.1.0
 */
LOCK_SYNC_API const lock_sync_lock *lock_sync_change_after(const lock_sync_change *change);

/**
 * Returns name and serial number: lock_sync_change::info.
 * @param change A change, or NULL. @return Borrowed from the changes; NULL if not known, and for NULL.
 * @par Threads Any. @since 0.1.0
 */
LOCK_SYNC_API const lock_sync_lock_info *lock_sync_change_info(const lock_sync_change *change);
/** @} */

/** A watch: fetches periodically and reports changes. Used by one thread at a time, its context's thread. */
typedef struct lock_sync_watch lock_sync_watch;

/**
 * Creates a watch. Nothing is fetched yet.
 *
 * The watch fetches with the context's settings, credential and guard. It never polls faster than its guard allows: the
 * modes FAIL and CACHED act as WAIT, without a limit on the wait.
 *
 * @param ctx Must outlive the watch.
 * @param ids As in lock_sync_fetch(); copied. NULL: all locks.
 * @param count As in lock_sync_fetch().
 * @param[out] out The watch, transferred; free with lock_sync_watch_free().
 * @return LOCK_SYNC_OK; LOCK_SYNC_E_INVALID_ARGUMENT; LOCK_SYNC_E_NO_MEMORY; LOCK_SYNC_E_BUSY (a fetch of `ctx` runs).
 * @par Threads The context's thread.
 * @since 0.1.0
 */
LOCK_SYNC_NODISCARD_API lock_sync_status lock_sync_watch_new(lock_sync_ctx *ctx, const int64_t *ids, size_t count,
                                                             lock_sync_watch **out);

/**
 * Creates a watch of locks by their serial numbers, which do not change as ids do (the service's documents).
 *
 * The watch follows the directory, and finds the ids there; see lock_sync_watch_set_directory(). It reports a lock that
 * has another id as LOCK_SYNC_CHANGE_NEW_ID, and follows it. A serial number that is not in the directory is no error:
 * the directory is then fetched every 5 minutes. Until one of them is found, the watch fetches the directory alone, as
 * often as the guard allows.
 *
 * @param ctx Must outlive the watch.
 * @param serial_numbers Texts that are neither NULL nor empty; copied.
 * @param count At least 1.
 * @param[out] out The watch, transferred; free with lock_sync_watch_free().
 * @return As lock_sync_watch_new().
 * @par Threads The context's thread.
 * @since 0.1.0
 */
LOCK_SYNC_NODISCARD_API lock_sync_status lock_sync_watch_new_by_serial(lock_sync_ctx *ctx,
                                                                       const char *const *serial_numbers, size_t count,
                                                                       lock_sync_watch **out);

/**
 * Sets whether the watch follows the directory of the account: then each change has an `info`.
 *
 * The directory is fetched first, and its states are the first response. There a lock without a bridge counts as not
 * connected, as the service says in later polls.
 *
 * Later the directory is fetched after a poll whose states have a lock that it does not have, or a higher revision. It
 * is also fetched when it is an hour old. The changes are reported after that, with the names.
 *
 * A poll never waits for a directory. If the guard denies it, or it cannot be fetched, the changes are reported with
 * what is known. The next polls try again: when the guard allows it, or, after an error, in 1 to 30 minutes.
 * A lock with another id is then reported as removed and added, and as LOCK_SYNC_CHANGE_NEW_ID when the directory
 * comes. Without a guard the watch itself leaves 60 seconds per page between two directories.
 *
 * @param watch The watch.
 * @param follow False drops the directory. A watch by serial numbers needs it.
 * @return LOCK_SYNC_OK; LOCK_SYNC_E_INVALID_ARGUMENT (NULL, or false for a watch by serial numbers).
 * @par Threads The watch's thread; in a pool the pool's thread.
 * @since 0.1.0
 */
LOCK_SYNC_API lock_sync_status lock_sync_watch_set_directory(lock_sync_watch *watch, bool follow);

/**
 * Makes a new watch begin with a directory, such as one that an earlier run of the program has stored.
 *
 * The watch follows the directory. It fetches another one after the first states if they show that this one is old, or
 * if it is an hour old.
 *
 * @param watch A watch that has not polled yet, and is not in a pool.
 * @param directory Of the same account; transferred if LOCK_SYNC_OK is returned.
 * @return LOCK_SYNC_OK; LOCK_SYNC_E_INVALID_ARGUMENT (NULL, or the watch has polled); LOCK_SYNC_E_BUSY (the watch is in
 *         a pool).
 * @par Threads The watch's thread.
 * @since 0.1.0
 */
LOCK_SYNC_API lock_sync_status lock_sync_watch_use_directory(lock_sync_watch *watch, lock_sync_directory *directory);

/**
 * Returns the last directory that the watch fetched or was given.
 *
 * @param watch The watch, or NULL.
 * @return Borrowed as from lock_sync_watch_results(); NULL before the first, and for NULL.
 * @par Threads The watch's thread; in a pool the pool's thread.
 * @since 0.1.0
 */
LOCK_SYNC_API const lock_sync_directory *lock_sync_watch_directory(const lock_sync_watch *watch);

/**
 * Sets the interval from the end of one poll to the next, in ms; default 20 000.
 *
 * The default is the shortest interval that the service's documentation allows. Up to a tenth is added at random, so
 * that many watches do not poll together.
 *
 * After retryable errors (lock_sync_status_is_retryable()) the watch backs off. After two consecutive errors it waits 2
 * intervals, after further ones 4, 8, 16, and then 30. From these waits up to a tenth is subtracted at random. A
 * Retry-After of the service is respected, up to one hour.
 *
 * @param watch The watch.
 * @param interval_ms 1 .. 86 400 000. Takes effect at the end of the next poll.
 * @return LOCK_SYNC_OK; LOCK_SYNC_E_INVALID_ARGUMENT.
 * @par Threads The watch's thread.
 * @since 0.1.0
 */
LOCK_SYNC_API lock_sync_status lock_sync_watch_set_interval_ms(lock_sync_watch *watch, int64_t interval_ms);

/**
 * Waits for the next change.
 *
 * The first successful poll reports every lock as added; these changes may be empty. After that, LOCK_SYNC_OK means at
 * least one change. Only successful responses are compared: an outage is not a change, and the first response after it
 * reports what has changed meanwhile.
 *
 * Retryable errors are not returned; see lock_sync_watch_last_status(). Other errors are returned, and the next call
 * continues. An error that prevents a poll, such as a missing credential, is returned at once by each call.
 *
 * If this function returns LOCK_SYNC_E_TIMEOUT because the guard denied polls for longer than an interval,
 * lock_sync_last_error() has the guard's message and the wait.
 *
 * @param watch The watch.
 * @param timeout_ms Longest wait in ms; 0: polls if a poll is due, but does not wait; < 0: no limit. A poll that has
 *        begun is not aborted; it has the context's timeout.
 * @param[out] out The changes, transferred; free with lock_sync_changes_free(). NULL after a failure.
 * @return LOCK_SYNC_OK; LOCK_SYNC_E_TIMEOUT (no change in time); LOCK_SYNC_E_CANCELLED (lock_sync_cancel(), or the
 *         context is stopped);
 *         LOCK_SYNC_E_INVALID_ARGUMENT; LOCK_SYNC_E_BUSY (a fetch of the context runs, or the watch is in a pool); any
 *         other status of lock_sync_fetch() that is not retryable. lock_sync_last_error() has the detail.
 * @par Threads The watch's thread. lock_sync_cancel() and lock_sync_set_stopped() end the call from any
 *      thread.
 * @since 0.1.0
 */
LOCK_SYNC_NODISCARD_API lock_sync_status lock_sync_watch_next(lock_sync_watch *watch, int64_t timeout_ms,
                                                              lock_sync_changes **out);

/**
 * Returns how the last poll ended, also if lock_sync_watch_next() did not return its error.
 *
 * @param watch The watch, or NULL.
 * @return LOCK_SYNC_OK (also before the first poll, and for NULL), or a status of lock_sync_fetch().
 *         LOCK_SYNC_E_TOO_SOON: the guard denied the poll for longer than the watch's interval. A shorter wait does not
 *         change the status.
 * @par Threads The watch's thread.
 * @since 0.1.0
 */
LOCK_SYNC_API lock_sync_status lock_sync_watch_last_status(const lock_sync_watch *watch);

/**
 * Returns the results of the last successful poll. Draw a display from these records, never from changes alone.
 *
 * When a callback or lock_sync_watch_next() reports changes, these records already include the changes.
 *
 * @param watch The watch, or NULL.
 * @return Borrowed until the next lock_sync_watch_next() or lock_sync_watch_free() of this watch, or, in a pool, until
 *         the next lock_sync_pool_dispatch(), lock_sync_pool_wait() or lock_sync_pool_free(); NULL before the first
 *         successful poll, and for NULL.
 * @par Threads The watch's thread; in a pool the pool's thread.
 * @since 0.1.0
 */
LOCK_SYNC_API const lock_sync_results *lock_sync_watch_results(const lock_sync_watch *watch);

/**
 * Returns the age of the last successful response, and so of the known states. Check it before you act on a state.
 *
 * @param watch The watch, or NULL.
 * @return Time in ms since the response arrived, by a monotonic clock; -1: no response yet, or NULL was given.
 * @par Threads The watch's thread.
 * @since 0.1.0
 */
LOCK_SYNC_API int64_t lock_sync_watch_age_ms(const lock_sync_watch *watch);

/**
 * Returns the time until the next poll. The guard may delay that poll further.
 *
 * @param watch The watch, or NULL.
 * @return Time in ms, rounded up; 0: a poll is due, or NULL was given.
 * @par Threads The watch's thread.
 * @since 0.1.0
 */
LOCK_SYNC_API int64_t lock_sync_watch_due_in_ms(const lock_sync_watch *watch);

/**
 * Frees a watch. If the watch is in a pool, it is removed without a callback.
 *
 * If that ends a poll, or the wait for one, the last error of the context becomes LOCK_SYNC_E_CANCELLED.
 *
 * @param watch Transferred; NULL is allowed. Also allowed inside the callback of this watch.
 * @par Threads The watch's thread; in a pool the pool's thread.
 * @since 0.1.0
 */
LOCK_SYNC_API void lock_sync_watch_free(lock_sync_watch *watch);

#ifdef __cplusplus
}
#endif
#endif
