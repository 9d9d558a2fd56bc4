/**
 * @file
 * The results of one fetch. Immutable: any thread may read and free them, and they may outlive their context.
 */
#ifndef LOCKSYNC_RESULTS_H
#define LOCKSYNC_RESULTS_H

#include "common.h"
#include "lock.h"

#ifdef __cplusplus
extern "C" {
#endif

/**
 * Returns the number of records. If the fetch named ids, only records of these locks are counted.
 *
 * @param results Results, or NULL.
 * @return The count; 0 for NULL.
 * @par Threads Any.
 * @since 0.1.0
 */
LOCK_SYNC_API size_t lock_sync_results_count(const lock_sync_results *results);

/**
 * Returns one record. Records are in the order of the service's response.
 *
 * @param results Results, or NULL.
 * @param index 0 .. lock_sync_results_count() - 1.
 * @return Borrowed from `results`; NULL past the end.
 * @par Threads Any.
 * @since 0.1.0
 */
LOCK_SYNC_API const lock_sync_lock *lock_sync_results_at(const lock_sync_results *results, size_t index);

/**
 * Finds the record of one lock, in O(log n).
 *
 * @param results Results, or NULL.
 * @param id The lock's id.
 * @return Borrowed from `results`; NULL if there is no record of that lock.
 * @par Threads Any.
 * @since 0.1.0
 */
LOCK_SYNC_API const lock_sync_lock *lock_sync_results_find(const lock_sync_results *results, int64_t id);

/**
 * Returns the number of missing ids: requested locks that the response did not contain.
 *
 * The service does not document its response to an unknown id. The library reports each missing id.
 *
 * @param results Results, or NULL.
 * @return The count; 0 for NULL, and if the fetch was for all locks.
 * @par Threads Any.
 * @since 0.1.0
 */
LOCK_SYNC_API size_t lock_sync_results_missing_count(const lock_sync_results *results);

/**
 * Returns one missing id. Each is reported once, in the order of the request.
 *
 * @param results Results, or NULL.
 * @param index 0 .. lock_sync_results_missing_count() - 1.
 * @return The id; 0 past the end.
 * @par Threads Any.
 * @since 0.1.0
 */
LOCK_SYNC_API int64_t lock_sync_results_missing_at(const lock_sync_results *results, size_t index);

/**
 * Returns when the response arrived.
 *
 * @param results Results, or NULL.
 * @return Unix time in ms, by the clock of this machine; 0 for NULL.
 * @par Threads Any.
 * @since 0.1.0
 */
LOCK_SYNC_API int64_t lock_sync_results_fetched_at_ms(const lock_sync_results *results);

/**
 * Returns whether these are earlier results, returned because the guard denied a new fetch (LOCK_SYNC_GUARD_CACHED).
 *
 * @param results Results, or NULL.
 * @return true for earlier results; lock_sync_results_fetched_at_ms() returns when they arrived. false for NULL.
 * @par Threads Any.
 * @since 0.1.0
 */
LOCK_SYNC_API bool lock_sync_results_is_cached(const lock_sync_results *results);

/**
 * Frees results.
 *
 * @param results Results, transferred; NULL is allowed.
 * @par Threads Any.
 * @since 0.1.0
 */
LOCK_SYNC_API void lock_sync_results_free(lock_sync_results *results);

#ifdef __cplusplus
}
#endif
#endif
