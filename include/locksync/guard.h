/**
 * @file
 * The guard: keeps all users of an account within the service's rate limits.
 */
#ifndef LOCKSYNC_GUARD_H
#define LOCKSYNC_GUARD_H

#include "common.h"

#ifdef __cplusplus
extern "C" {
#endif

/** Decides when an account may be asked. Thread-safe, reference-counted; one per account, shared by all who use it. */
typedef struct lock_sync_guard lock_sync_guard;

/** What a context does when its guard gives no slot. While a request of another user is on its way, WAIT asks again each
 *  interval. */
typedef int32_t lock_sync_guard_mode;
enum {
    LOCK_SYNC_GUARD_FAIL = 0, /**< LOCK_SYNC_E_TOO_SOON at once, with the wait in retry_after_ms. The default. */
    LOCK_SYNC_GUARD_WAIT = 1, /**< Waits, as part of the fetch's deadline; E_TOO_SOON at once if it would not do. */
    /** The last good answer of this context, of whatever age, if it covers what is asked; else E_TOO_SOON. Another
     *  mode, and the application's setters of credential, base URL and version, drop that answer. */
    LOCK_SYNC_GUARD_CACHED = 2,
    LOCK_SYNC_GUARD_OFF = 3 /**< The guard is not asked: the application keeps the limits. */
};

/** How a slot ended; see lock_sync_guard_settle(). */
typedef int32_t lock_sync_guard_outcome;
enum {
    LOCK_SYNC_SLOT_SENT = 0,     /**< The request went out (or some of it may have), and is over. */
    LOCK_SYNC_SLOT_NOT_SENT = 1, /**< Certainly no byte of it left: resolve, connect or TLS failed. */
    LOCK_SYNC_SLOT_LIMITED = 2   /**< The service answered 429. */
};

/** What a request asks the service for; the limits of each kind are its own. All kinds count in the hour. */
typedef int32_t lock_sync_request_kind;
enum {
    LOCK_SYNC_REQUEST_SYNC = 0,      /**< The states of locks; default interval 20 s. */
    LOCK_SYNC_REQUEST_DIRECTORY = 1, /**< What locks are called; default interval 60 s for each request. */
    LOCK_SYNC_REQUEST_OTHER = 2      /**< The application's own requests to the service; default interval none. */
};

/** Room that lock_sync_guard_store::load must offer for a record, in bytes; records of this version are smaller. */
#define LOCK_SYNC_GUARD_RECORD_MAX 512

/** Size of the name that a store gives to its own life, in bytes; see lock_sync_guard_look. */
#define LOCK_SYNC_GUARD_SOURCE_SIZE 20

/** What lock_sync_guard_store::look reports. The guard makes it, zeroed but for what is said below. */
typedef struct lock_sync_guard_look {
    size_t struct_size; /**< sizeof(lock_sync_guard_look), as the library was compiled. */
    void *record;       /**< Room for the record. */
    size_t size;    /**< In: that room, LOCK_SYNC_GUARD_RECORD_MAX bytes. Out: the record's size; 0: there is none. */
    int64_t now_us; /**< The time in us by a clock that all users share, 1 .. 2^50 * 1000. */
    /** A name that changes whenever the store may have lost records (a restart, a promotion). Zeros: it has none. */
    unsigned char source[LOCK_SYNC_GUARD_SOURCE_SIZE];
    /** If there is no record: one may have been lost before this time by the store's clock, so that the first slot
     *  opens one hold and one interval later. INT64_MIN, which it is set to: an absent record is a new one. */
    int64_t empty_since_us;
    /** Why this store can lose records: logged once by a context as a warning. "": nothing new. */
    char warning[256];
} lock_sync_guard_look;

/**
 * A store of the application's own for a guard's record: compare-and-swap on one small block of bytes, with the clock
 * that all its users share. The application fills it; lock_sync_guard_new_with_store() copies it. The functions are
 * called from any thread, for different guards also at the same time, and may block (they then delay the fetch that
 * asks).
 */
typedef struct lock_sync_guard_store {
    size_t struct_size; /**< sizeof(lock_sync_guard_store), as the application was compiled. */
    void *user;         /**< Passed back as the first argument; must outlive the guard, or end in `destroy`. */
    /**
     * Reads the record and the time. `record` has room for *size bytes (LOCK_SYNC_GUARD_RECORD_MAX); on return *size is
     * the record's size, 0 where there is none yet. *now_ms is the time in ms by a clock that all users share and that
     * does not run backwards in normal operation, 1 .. 2^50. Required, unless there is `look`.
     * Any status but LOCK_SYNC_OK makes the guard answer LOCK_SYNC_E_GUARD.
     */
    lock_sync_status (*load)(void *user, void *record, size_t *size, int64_t *now_ms);
    /**
     * Writes `new_record` if the stored record is still `old_record` (`old_size` 0: there is still none), in one atomic
     * step, and says so in *replaced. false is no failure: the guard loads and decides again. Required, unless there is
     * `swap`.
     */
    lock_sync_status (*replace)(void *user, const void *old_record, size_t old_size, const void *new_record,
                                size_t new_size, bool *replaced);
    /** Optional; called once, when the guard is freed; not after a failed lock_sync_guard_new_with_store(). */
    void (*destroy)(void *user);
    /** Optional; writes why the last call failed, for lock_sync_guard_error_message(), cut to `size` with its NUL. */
    void (*describe)(void *user, char *text, size_t size);
    /** Optional, in place of `load`: for a store whose clock shows microseconds, or that can lose records and knows it.
     *  With `look` and `swap`, `load` and `replace` may be NULL. */
    lock_sync_status (*look)(void *user, lock_sync_guard_look *look);
    /** Optional, in place of `replace`: the record may be dropped after `expires_in_ms`. Must
     *  report false in *replaced also if the store's source is no longer the one that the last `look` reported. */
    lock_sync_status (*swap)(void *user, const void *old_record, size_t old_size, const void *new_record,
                             size_t new_size, int64_t expires_in_ms, bool *replaced);
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
 * As lock_sync_guard_new(), in the application's memory.
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
 * Makes a guard whose record lives in a store of the application's own.
 *
 * @param store Copied.
 * @param[out] out As in lock_sync_guard_new().
 * @return LOCK_SYNC_OK; LOCK_SYNC_E_INVALID_ARGUMENT (NULL, neither `load` and `replace` nor `look` and `swap`,
 *         struct_size too small); LOCK_SYNC_E_NO_MEMORY.
 * @par Threads Any.
 * @since 0.1.0
 */
LOCK_SYNC_API lock_sync_status lock_sync_guard_new_with_store(const lock_sync_guard_store *store,
                                                              lock_sync_guard **out);

/**
 * Takes another reference.
 *
 * @param guard The guard; NULL is allowed.
 * @return `guard`; the reference is transferred.
 * @par Threads Any.
 * @since 0.1.0
 */
LOCK_SYNC_API lock_sync_guard *lock_sync_guard_ref(lock_sync_guard *guard);

/**
 * Gives a reference back; the last one frees the guard.
 *
 * @param guard The guard; NULL is allowed.
 * @par Threads Any.
 * @since 0.1.0
 */
LOCK_SYNC_API void lock_sync_guard_unref(lock_sync_guard *guard);

/**
 * Sets the least time between an answer and the next request; default 20 000.
 *
 * The service's documents: "you shouldn't run this endpoint more than once every 20 seconds". The setting belongs to
 * this object, not to the record: all users of one account should set the same.
 *
 * @param guard The guard.
 * @param ms 1 .. 3 600 000.
 * @return LOCK_SYNC_OK; LOCK_SYNC_E_INVALID_ARGUMENT.
 * @par Threads Any.
 * @since 0.1.0
 */
LOCK_SYNC_API lock_sync_status lock_sync_guard_set_min_interval_ms(lock_sync_guard *guard, int64_t ms);

/**
 * Sets the interval of one kind of request; lock_sync_guard_set_min_interval_ms() is that of LOCK_SYNC_REQUEST_SYNC.
 *
 * Defaults: 20 000 for SYNC, 60 000 for DIRECTORY, none for OTHER. The next directory waits one interval for each
 * request that the last one took (pages, and a retry after a 401). After a 429 nothing is sent for SYNC's interval at
 * the least, whatever the kind. The service's release notes of 2023-07-24 for directories: ten requests in ten minutes.
 *
 * @param guard The guard.
 * @param kind LOCK_SYNC_REQUEST_*.
 * @param ms 1 .. 3 600 000; for OTHER also 0: none.
 * @return LOCK_SYNC_OK; LOCK_SYNC_E_INVALID_ARGUMENT.
 * @par Threads Any.
 * @since 0.1.0
 */
LOCK_SYNC_API lock_sync_status lock_sync_guard_set_kind_interval_ms(lock_sync_guard *guard, lock_sync_request_kind kind,
                                                                    int64_t ms);

/**
 * Sets how many requests an account may make in an hour, and how many of these are left for others (operating the
 * locks, the vendor's app); default 700 and 100, so 600 for syncs.
 *
 * The service's documents: 700 requests per hour and user account, all applications together.
 *
 * @param guard The guard.
 * @param requests The account's limit; at most 1 000 000.
 * @param reserve How many are not used; less than `requests`.
 * @return LOCK_SYNC_OK; LOCK_SYNC_E_INVALID_ARGUMENT.
 * @par Threads Any.
 * @since 0.1.0
 */
LOCK_SYNC_API lock_sync_status lock_sync_guard_set_hourly_budget(lock_sync_guard *guard, uint32_t requests,
                                                                 uint32_t reserve);

/**
 * Asks for a slot: the right to send one request for the states of locks. As lock_sync_guard_reserve_for() with
 * LOCK_SYNC_REQUEST_SYNC.
 *
 * @param guard The guard.
 * @param lease_ms 0 .. 86 400 000.
 * @param[out] wait_ms As in lock_sync_guard_reserve_for().
 * @param[out] slot As in lock_sync_guard_reserve_for().
 * @return As lock_sync_guard_reserve_for().
 * @par Threads Any.
 * @since 0.1.0
 */
LOCK_SYNC_API lock_sync_status lock_sync_guard_reserve(lock_sync_guard *guard, int64_t lease_ms, int64_t *wait_ms,
                                                       int64_t *slot);

/**
 * Asks for a slot: the right to send one request. Contexts do this themselves; it is public for applications that use
 * the pure middle, or that send other requests to the service for the same account.
 *
 * A slot of SYNC or DIRECTORY is a lease: until it is settled, or `lease_ms` is over, no other of its kind is given;
 * after that the next is given one interval later. A slot of OTHER is counted in the hour when it is given, and waits
 * for the block and the hour only.
 *
 * @param guard The guard.
 * @param kind LOCK_SYNC_REQUEST_*.
 * @param lease_ms How long, in ms, until the caller settles at the latest, after which it sends nothing; at most
 *                86 400 000, for OTHER 300 000. 0: it sends at once, and leaves no lease; the interval then runs from
 *                now.
 * @param[out] wait_ms 0, or how many ms until it is sure to be given if nobody else comes, rounded up (it is sooner if a
 *                     lease is settled before its end). May be NULL.
 * @param[out] slot The slot, a random number > 0; 0 if none is given. May be NULL.
 * @return LOCK_SYNC_OK; LOCK_SYNC_E_TOO_SOON; LOCK_SYNC_E_GUARD; LOCK_SYNC_E_NO_MEMORY; LOCK_SYNC_E_INVALID_ARGUMENT.
 * @par Threads Any.
 * @since 0.1.0
 */
LOCK_SYNC_API lock_sync_status lock_sync_guard_reserve_for(lock_sync_guard *guard, lock_sync_request_kind kind,
                                                           int64_t lease_ms, int64_t *wait_ms, int64_t *slot);

/**
 * Settles a slot: reports how its request ended.
 *
 * After the lease has run out only LOCK_SYNC_SLOT_LIMITED has an effect. If the store cannot be written, the outcome is
 * kept in this object and written with its next decision; the last lock_sync_guard_unref() tries once more. Until then
 * the object gives no slot that the outcome forbids. In a child after fork() what was kept is dropped: it is the
 * parent's to write.
 *
 * @param guard The guard.
 * @param slot From lock_sync_guard_reserve() or lock_sync_guard_reserve_for().
 * @param outcome LOCK_SYNC_SLOT_*. After NOT_SENT a lease is given back as if it had not been, except for each fourth in
 *                a row, so that a broken network is not hammered. After LIMITED nobody who shares the guard gets a slot
 *                of any kind for retry_after_ms.
 * @param retry_after_ms With LIMITED: what the service asked for, raised to SYNC's interval and cut to an hour; < 0: it
 *                       did not say; the wait then doubles with each 429 in a row. Ignored otherwise.
 * @return LOCK_SYNC_OK (also for a slot that is over); LOCK_SYNC_E_GUARD or LOCK_SYNC_E_NO_MEMORY (the outcome is kept);
 *         LOCK_SYNC_E_INVALID_ARGUMENT.
 * @par Threads Any.
 * @since 0.1.0
 */
LOCK_SYNC_API lock_sync_status lock_sync_guard_settle(lock_sync_guard *guard, int64_t slot,
                                                      lock_sync_guard_outcome outcome, int64_t retry_after_ms);

/**
 * Why the store failed last: the cause behind LOCK_SYNC_E_GUARD. It holds no secret.
 *
 * @param guard The guard, or NULL.
 * @param[out] text Where to write; "" when it never failed. May be NULL when `size` is 0.
 * @param size Room in `text`, with the NUL.
 * @return The length of the whole message; it was cut when this is not less than `size`.
 * @par Threads Any.
 * @since 0.1.0
 */
LOCK_SYNC_API size_t lock_sync_guard_error_message(lock_sync_guard *guard, char *text, size_t size);

/**
 * Why the guard's store can lose records, and with them the limits: for example a Redis server without an append-only
 * file. A context also logs it once, as a warning.
 *
 * @param guard The guard, or NULL.
 * @param[out] text Where to write; "" if nothing is known against the store. May be NULL when `size` is 0.
 * @param size Room in `text`, with the NUL.
 * @return The length of the whole message; it was cut when this is not less than `size`.
 * @par Threads Any.
 * @since 0.1.0
 */
LOCK_SYNC_API size_t lock_sync_guard_warning(lock_sync_guard *guard, char *text, size_t size);

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
