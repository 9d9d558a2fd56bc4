/**
 * @file
 * The guard: keeps all users of an account within the service's rate limits.
 */
#ifndef LOCKSYNC_GUARD_H
#define LOCKSYNC_GUARD_H

#include "common.h"
#include "context.h"

#ifdef __cplusplus
extern "C" {
#endif

/** Decides when an account may be asked. Thread-safe, reference-counted; one per account, shared by all who use it. */
typedef struct lock_sync_guard lock_sync_guard;

/** What a context does when its guard refuses. While another user holds the slot, WAIT asks again each interval. */
typedef int32_t lock_sync_guard_mode;
enum {
    LOCK_SYNC_GUARD_FAIL = 0,   /**< LOCK_SYNC_E_TOO_SOON at once, with the wait in retry_after_ms. The default. */
    LOCK_SYNC_GUARD_WAIT = 1,   /**< Waits, as part of the fetch's deadline; E_TOO_SOON at once if it would not do. */
    /** The last good answer of this context, of whatever age, if it covers what is asked; else E_TOO_SOON. Another
     *  mode, and the host's setters of credential, base URL and version, drop that answer. */
    LOCK_SYNC_GUARD_CACHED = 2,
    LOCK_SYNC_GUARD_OFF = 3     /**< The guard is not asked: the host keeps the limits. */
};

/** How a slot ended; see lock_sync_guard_settle(). */
typedef int32_t lock_sync_guard_outcome;
enum {
    LOCK_SYNC_SLOT_SENT = 0,     /**< The request went out (or some of it may have), and is over. */
    LOCK_SYNC_SLOT_NOT_SENT = 1, /**< Certainly no byte of it left: resolve, connect or TLS failed. */
    LOCK_SYNC_SLOT_LIMITED = 2   /**< The service answered 429. */
};

/** Room that lock_sync_guard_store::load must offer for a record, in bytes; records of this version are smaller. */
#define LOCK_SYNC_GUARD_RECORD_MAX 512

/**
 * A store of the host's own for a guard's record: compare-and-swap on one small block of bytes, with the clock that all
 * its users share. The host fills it; lock_sync_guard_new_with_store() copies it. The functions are called from any
 * thread, also at the same time, and may block (they then delay the fetch that asks).
 */
typedef struct lock_sync_guard_store {
    size_t struct_size; /**< sizeof(lock_sync_guard_store), as the host was compiled. */
    void *user;         /**< Passed back as the first argument; must outlive the guard, or end in `destroy`. */
    /**
     * Reads the record and the time. `record` has room for *size bytes (LOCK_SYNC_GUARD_RECORD_MAX); on return *size is
     * the record's size, 0 where there is none yet. *now_ms is the time in ms by a clock that all users share and that
     * does not run backwards in normal operation, 1 .. 2^50. Required.
     * Any status but LOCK_SYNC_OK makes the guard answer LOCK_SYNC_E_GUARD.
     */
    lock_sync_status (*load)(void *user, void *record, size_t *size, int64_t *now_ms);
    /**
     * Writes `new_record` if the stored record is still `old_record` (`old_size` 0: there is still none), in one atomic
     * step, and says so in *replaced. false is no failure: the guard loads and decides again. Required.
     */
    lock_sync_status (*replace)(void *user, const void *old_record, size_t old_size, const void *new_record,
                                size_t new_size, bool *replaced);
    /** Optional; called once, when the guard is freed; not after a failed lock_sync_guard_new_with_store(). */
    void (*destroy)(void *user);
    /** Optional; writes why the last call failed, for lock_sync_guard_error_message(), cut to `size` with its NUL. */
    void (*describe)(void *user, char *text, size_t size);
} lock_sync_guard_store;

/**
 * Makes a guard whose record lives in memory: for all contexts of one process that use one account.
 *
 * @param[out] out The guard with one reference, transferred; give it back with lock_sync_guard_unref().
 * @return LOCK_SYNC_OK; LOCK_SYNC_E_INVALID_ARGUMENT (`out` is NULL); LOCK_SYNC_E_NO_MEMORY.
 * @par Threads Any, as for all functions of guards.
 * @since 0.1.0
 */
LOCK_SYNC_API lock_sync_status lock_sync_guard_new(lock_sync_guard **out);

/**
 * As lock_sync_guard_new(), in the host's memory.
 *
 * @param allocator Copied; must outlive the guard. NULL: malloc's.
 * @param[out] out As in lock_sync_guard_new().
 * @return As lock_sync_guard_new(); LOCK_SYNC_E_INVALID_ARGUMENT also for an allocator that is not complete.
 * @par Threads Any.
 * @since 0.1.0
 */
LOCK_SYNC_API lock_sync_status lock_sync_guard_new_with_allocator(const lock_sync_allocator *allocator,
                                                                  lock_sync_guard **out);

/**
 * Makes a guard whose record lives in a file: for all processes of one machine that use one account.
 *
 * The file is made if there is none, with mode 0600; its folder must exist, on a local file system. It is opened anew
 * for each decision and locked with flock() for its short duration; a lock that is not to be had within 250 ms, a
 * damaged or empty file, and a full or read-only disk give LOCK_SYNC_E_GUARD, never a slot.
 *
 * @param path Copied.
 * @param[out] out As in lock_sync_guard_new().
 * @return LOCK_SYNC_OK; LOCK_SYNC_E_INVALID_ARGUMENT (NULL, an empty path or one over 4,000 bytes);
 *         LOCK_SYNC_E_NO_MEMORY; LOCK_SYNC_E_GUARD (the file could not be made, or is no guard's record).
 * @par Threads Any.
 * @since 0.1.0
 */
LOCK_SYNC_API lock_sync_status lock_sync_guard_open_file(const char *path, lock_sync_guard **out);

/**
 * Makes a guard whose record lives in a store of the host's own.
 *
 * @param store Copied.
 * @param[out] out As in lock_sync_guard_new().
 * @return LOCK_SYNC_OK; LOCK_SYNC_E_INVALID_ARGUMENT (NULL, `load` or `replace` NULL, struct_size too small);
 *         LOCK_SYNC_E_NO_MEMORY.
 * @par Threads Any.
 * @since 0.1.0
 */
LOCK_SYNC_API lock_sync_status lock_sync_guard_new_with_store(const lock_sync_guard_store *store,
                                                              lock_sync_guard **out);

/**
 * Takes another reference.
 *
 * @param g The guard; NULL is allowed.
 * @return `g`; the reference is transferred.
 * @par Threads Any.
 * @since 0.1.0
 */
LOCK_SYNC_API lock_sync_guard *lock_sync_guard_ref(lock_sync_guard *g);

/**
 * Gives a reference back; the last one frees the guard.
 *
 * @param g The guard; NULL is allowed.
 * @par Threads Any.
 * @since 0.1.0
 */
LOCK_SYNC_API void lock_sync_guard_unref(lock_sync_guard *g);

/**
 * Sets the least time between an answer and the next request; default 20 000.
 *
 * The service's documents: "you shouldn't run this endpoint more than once every 20 seconds". The setting belongs to
 * this object, not to the record: all users of one account should set the same.
 *
 * @param g The guard.
 * @param ms 1 .. 3 600 000.
 * @return LOCK_SYNC_OK; LOCK_SYNC_E_INVALID_ARGUMENT.
 * @par Threads Any.
 * @since 0.1.0
 */
LOCK_SYNC_API lock_sync_status lock_sync_guard_set_min_interval_ms(lock_sync_guard *g, int64_t ms);

/**
 * Sets how many requests an account may make in an hour, and how many of these are left for others (operating the
 * locks, the vendor's app); default 700 and 100, so 600 for syncs.
 *
 * The service's documents: 700 requests per hour and user account, all applications together.
 *
 * @param g The guard.
 * @param requests The account's limit; at most 1 000 000.
 * @param reserve How many are not used; less than `requests`.
 * @return LOCK_SYNC_OK; LOCK_SYNC_E_INVALID_ARGUMENT.
 * @par Threads Any.
 * @since 0.1.0
 */
LOCK_SYNC_API lock_sync_status lock_sync_guard_set_hourly_budget(lock_sync_guard *g, uint32_t requests,
                                                                 uint32_t reserve);

/**
 * Asks for a slot: the right to send one sync. Contexts do this themselves; it is public for hosts that use the pure
 * middle.
 *
 * While a slot is held no other is given. Once settled, the next is given one interval after that.
 *
 * @param g The guard.
 * @param hold_ms How long, in ms, until the caller settles at the latest, after which it sends nothing; at most
 *                86 400 000. 0: it sends at once and never settles; the interval then runs from now.
 * @param[out] wait_ms 0, or how many ms until it is sure to open if nobody else comes, rounded up (it opens sooner if a
 *                     slot that is held is settled before its hold ends). May be NULL.
 * @param[out] slot The slot, > 0; 0 after a refusal. May be NULL.
 * @return LOCK_SYNC_OK; LOCK_SYNC_E_TOO_SOON; LOCK_SYNC_E_GUARD; LOCK_SYNC_E_INVALID_ARGUMENT.
 * @par Threads Any.
 * @since 0.1.0
 */
LOCK_SYNC_API lock_sync_status lock_sync_guard_reserve(lock_sync_guard *g, int64_t hold_ms, int64_t *wait_ms,
                                                       int64_t *slot);

/**
 * Ends a slot.
 *
 * @param g The guard.
 * @param slot From lock_sync_guard_reserve().
 * @param outcome LOCK_SYNC_SLOT_*. After NOT_SENT the slot is given back, but for each fourth in a row, so that a
 *                broken network is not hammered. After LIMITED nobody who shares the guard gets a slot for
 *                retry_after_ms.
 * @param retry_after_ms With LIMITED: what the service asked for, raised to the interval and cut to an hour; < 0: it
 *                       did not say; the wait then doubles with each 429 in a row. Else not looked at.
 * @return LOCK_SYNC_OK (also for a slot that is over); LOCK_SYNC_E_GUARD; LOCK_SYNC_E_INVALID_ARGUMENT.
 * @par Threads Any.
 * @since 0.1.0
 */
LOCK_SYNC_API lock_sync_status lock_sync_guard_settle(lock_sync_guard *g, int64_t slot, lock_sync_guard_outcome outcome,
                                                      int64_t retry_after_ms);

/**
 * Why the store failed last: the cause behind LOCK_SYNC_E_GUARD. It holds no secret.
 *
 * @param g The guard, or NULL.
 * @param[out] text Where to write; "" when it never failed. May be NULL when `size` is 0.
 * @param size Room in `text`, with the NUL.
 * @return The length of the whole message; it was cut when this is not less than `size`.
 * @par Threads Any.
 * @since 0.1.0
 */
LOCK_SYNC_API size_t lock_sync_guard_error_message(lock_sync_guard *g, char *text, size_t size);

/**
 * Sets the guard that fetches of a context ask. By default a context has a private one, in memory.
 *
 * @param ctx The context.
 * @param guard Takes a reference of its own. NULL: a private one, which knows of no request yet.
 * @return LOCK_SYNC_OK; LOCK_SYNC_E_INVALID_ARGUMENT (`ctx` is NULL); LOCK_SYNC_E_BUSY.
 * @par Threads That of the context.
 * @since 0.1.0
 */
LOCK_SYNC_API lock_sync_status lock_sync_set_guard(lock_sync_ctx *ctx, lock_sync_guard *guard);

/**
 * Sets what a fetch does when the guard refuses; default LOCK_SYNC_GUARD_FAIL.
 *
 * @param ctx The context.
 * @param mode LOCK_SYNC_GUARD_*.
 * @return LOCK_SYNC_OK; LOCK_SYNC_E_INVALID_ARGUMENT; LOCK_SYNC_E_BUSY.
 * @par Threads That of the context.
 * @since 0.1.0
 */
LOCK_SYNC_API lock_sync_status lock_sync_set_guard_mode(lock_sync_ctx *ctx, lock_sync_guard_mode mode);

#ifdef __cplusplus
}
#endif
#endif
