/**
 * @file
 * The answer to one fetch. Immutable: it may be read and freed on any thread, and may outlive its context.
 */
#ifndef LOCKSYNC_RESULTS_H
#define LOCKSYNC_RESULTS_H

#include "common.h"
#include "lock.h"

#ifdef __cplusplus
extern "C" {
#endif

/**
 * How many locks were answered (of those asked for).
 *
 * @param results Results, or NULL.
 * @return The count; 0 for NULL.
 * @par Threads Any.
 * @since 0.1.0
 */
LOCK_SYNC_API size_t lock_sync_results_count(const lock_sync_results *results);

/**
 * One record, in the order of the service's answer.
 *
 * @param results Results, or NULL.
 * @param i 0 .. lock_sync_results_count() - 1.
 * @return Borrowed from `results`; NULL past the end.
 * @par Threads Any.
 * @since 0.1.0
 */
LOCK_SYNC_API const lock_sync_lock *lock_sync_results_at(const lock_sync_results *results, size_t i);

/**
 * The record of one lock, found in O(log n).
 *
 * @param results Results, or NULL.
 * @param id The lock's id.
 * @return Borrowed from `results`; NULL when the answer does not hold that lock.
 * @par Threads Any.
 * @since 0.1.0
 */
LOCK_SYNC_API const lock_sync_lock *lock_sync_results_find(const lock_sync_results *results, int64_t id);

/**
 * How many locks were asked for by id and are not in the answer.
 *
 * What the service does with an id it does not know is undocumented; here each one is told.
 *
 * @param results Results, or NULL.
 * @return The count; 0 for NULL and when all locks were asked for.
 * @par Threads Any.
 * @since 0.1.0
 */
LOCK_SYNC_API size_t lock_sync_results_missing_count(const lock_sync_results *results);

/**
 * One id that was asked for and not answered, each listed once, in the order asked.
 *
 * @param results Results, or NULL.
 * @param i 0 .. lock_sync_results_missing_count() - 1.
 * @return The id; 0 past the end.
 * @par Threads Any.
 * @since 0.1.0
 */
LOCK_SYNC_API int64_t lock_sync_results_missing_at(const lock_sync_results *results, size_t i);

/**
 * When the answer arrived.
 *
 * @param results Results, or NULL.
 * @return Unix time in ms, by the clock of this machine; 0 for NULL.
 * @par Threads Any.
 * @since 0.1.0
 */
LOCK_SYNC_API int64_t lock_sync_results_fetched_at_ms(const lock_sync_results *results);

/**
 * Whether this is an earlier answer, given again because the guard refused a new fetch.
 *
 * @param results Results, or NULL.
 * @return true for a cached answer; lock_sync_results_fetched_at_ms() then tells its age.
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
