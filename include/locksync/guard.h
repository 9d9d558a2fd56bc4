/**
 * @file
 * The guard: a rate limiter that all users of an account share, to stay within the service's limits.
 *
 * A *slot* is the guard's permission to send one request. A slot has a *lease*: the time within which its request must
 * end. To *settle* a slot is to report how its request ended. A guard keeps its *record* in a *store*: in memory, in a
 * file, in Redis, or in a store of the application. The *users* of a guard are the contexts, processes or machines that
 * share its record.
 */
#ifndef LOCKSYNC_GUARD_H
#define LOCKSYNC_GUARD_H

#include "common.h"

#ifdef __cplusplus
extern "C" {
#endif

/** A guard grants or denies slots. Thread-safe, reference-counted; use one per account, shared by all its users. */
typedef struct lock_sync_guard lock_sync_guard;

/**
 * Selects how a context reacts when its guard denies a slot.
 *
 * While another user's request is running, a fetch in mode WAIT asks again after each interval, because that request
 * may end early.
 */
typedef int32_t lock_sync_guard_mode;
LOCK_SYNC_EXTENSION enum LOCK_SYNC_INT32 {
    LOCK_SYNC_GUARD_FAIL = 0, /**< Fails at once with LOCK_SYNC_E_TOO_SOON; retry_after_ms has the wait. The default. */
    /** Waits within the fetch's timeout; fails at once with LOCK_SYNC_E_TOO_SOON if the wait would exceed it. */
    LOCK_SYNC_GUARD_WAIT = 1,
    /** Returns this context's last successful results, however old, if they cover the requested locks. Otherwise fails
     *  with LOCK_SYNC_E_TOO_SOON. Selecting another mode discards these results. So do the setters of credential, base
     *  URL and API version, unless the token provider calls them. */
    LOCK_SYNC_GUARD_CACHED = 2,
    LOCK_SYNC_GUARD_OFF = 3 /**< Sends without a slot: the application must respect the limits. */
};

/** How the request of a slot ended; see lock_sync_guard_settle(). */
typedef int32_t lock_sync_guard_outcome;
LOCK_SYNC_EXTENSION enum LOCK_SYNC_INT32 {
    LOCK_SYNC_SLOT_SENT = 0,     /**< The request, or a part of it, may have been sent, and is over. */
    LOCK_SYNC_SLOT_NOT_SENT = 1, /**< Certainly no byte was sent: resolving, connecting or TLS failed. */
    LOCK_SYNC_SLOT_LIMITED = 2   /**< The service returned 429. */
};

/** The kind of a request. Each kind has its own interval; the hourly budget is shared by all kinds. */
typedef int32_t lock_sync_request_kind;
LOCK_SYNC_EXTENSION enum LOCK_SYNC_INT32 {
    LOCK_SYNC_REQUEST_SYNC = 0, /**< The states of locks; default interval 20 s. */
    /** The list of locks with their names; default interval 60 s for each request of a slot. */
    LOCK_SYNC_REQUEST_DIRECTORY = 1,
    LOCK_SYNC_REQUEST_OTHER = 2 /**< Other requests of the application to the service; no interval by default. */
};

/** Size in bytes of the record buffer passed to lock_sync_guard_store::load. Records of this version are smaller. */
#define LOCK_SYNC_GUARD_RECORD_MAX 512

/** Size in bytes of the id of a store's lineage; see lock_sync_guard_look. */
#define LOCK_SYNC_GUARD_SOURCE_SIZE 20

/** The result of lock_sync_guard_store::look. Before the call the guard sets its members to zero, unless their
 *  comment says otherwise. */
typedef struct lock_sync_guard_look {
    size_t struct_size; /**< sizeof(lock_sync_guard_look) in the library's build. */
    void *record;       /**< Set by the guard: the buffer for the record. */
    /** In: the size of the buffer, LOCK_SYNC_GUARD_RECORD_MAX bytes. Out: the size of the record; 0: no record. */
    size_t size;
    int64_t now_us; /**< The time in us by a clock that all users share, 1 .. 2^50 * 1000. */
    /** Id of the store's lineage. It changes whenever the store may have lost records (a restart, a promotion). Zeros:
     *  the store has no such id. */
    unsigned char source[LOCK_SYNC_GUARD_SOURCE_SIZE];
    /** Used only if there is no record: one may have been lost before this time of the store's clock. The
     *  guard then grants no slot until one lease (the longest known, at least 30 s) plus one interval have passed since
     *  this time. Before the call the guard sets it to INT64_MIN, which means that no record has been lost or dropped.
     *  A store that drops expired records must set it; to 0 if it has lost no other record. */
    int64_t empty_since_us;
    /** Why this store can lose records; a context logs it once, as a warning. "": no new warning. */
    char warning[256];
} lock_sync_guard_look;

/**
 * One compare-and-swap of a record, or one look at it; see lock_sync_guard_store::carry_out and
 * lock_sync_guard_channel_ops.
 *
 * The guard sets the first part, and the second part to zero. The store sets the second part, and `done` last. The
 * struct and all that it points to belong to the guard and stay as they are until `done` is set.
 */
typedef struct lock_sync_guard_swap {
    size_t struct_size;   /**< sizeof(lock_sync_guard_swap) in the library's build. */
    const void *key;      /**< lock_sync_guard_store::key of the guard, not NUL-terminated. */
    size_t key_size;      /**< Size of `key`. */
    const void *expected; /**< Write only if the stored record is equal to this. */
    size_t expected_size; /**< 0: write only if there is no record. */
    const void *record;   /**< The new record. */
    size_t record_size;   /**< 0: only look. The members up to `expected_source` then do not matter. */
    /** Write only if the store's time is not before this, in us by the store's clock... */
    int64_t not_before_us;
    int64_t not_after_us;  /**< ...and not after this. */
    int64_t expires_in_ms; /**< The store may drop the new record after this time. */
    /** Write only if this is the id of the store's lineage; zeros: any. See lock_sync_guard_look::source. */
    unsigned char expected_source[LOCK_SYNC_GUARD_SOURCE_SIZE];

    bool done; /**< The swap is over, and the members below are set. */
    /** LOCK_SYNC_OK, also if the record was not replaced; LOCK_SYNC_E_NO_MEMORY. Any other status: the store failed,
     *  and `why` says how. */
    lock_sync_status status;
    /** The record was written. False with LOCK_SYNC_OK: a condition was not met, or the guard only looks. `found` then
     *  has the record. */
    bool replaced;
    /** With a failure: the record may have been written, because the response was lost. It is for the application's own
     *  use: after a failure the guard sends nothing, and the next swap looks at the record that is there. */
    bool unknown;
    unsigned char found[LOCK_SYNC_GUARD_RECORD_MAX]; /**< The stored record, unless it was replaced. */
    size_t found_size;                               /**< Its size; 0: no record. */
    int64_t now_us; /**< The store's time when the swap was carried out, as lock_sync_guard_look::now_us. */
    unsigned char source[LOCK_SYNC_GUARD_SOURCE_SIZE]; /**< As lock_sync_guard_look::source. */
    int64_t empty_since_us; /**< As lock_sync_guard_look::empty_since_us; the guard sets it to INT64_MIN. */
    char warning[256];      /**< As lock_sync_guard_look::warning. */
    char why[192];          /**< Why the store failed; no secret. */
    int64_t begun_us;       /**< When the swap was sent, by the clock of `proceed`; 0: when the guard made it. */
    struct lock_sync_guard_swap *next; /**< For the channel, to link its open swaps. */
} lock_sync_guard_swap;

/** Events that a channel waits for; see lock_sync_guard_channel_ops::wants. */
enum {
    LOCK_SYNC_CHANNEL_READ = 1,   /**< Its descriptor to be readable. */
    LOCK_SYNC_CHANNEL_WRITE = 2,  /**< Its descriptor to be writable. */
    LOCK_SYNC_CHANNEL_CONNECT = 4 /**< A call of `connect`. It has no open swap then. */
};

/**
 * How a pool makes decisions in a store without waiting for each: many swaps at a time over one connection.
 *
 * Each pool opens its own channel to a store. It calls all functions from its own thread, except `connect`. It calls
 * one function at a time, and never waits in any but `connect`. A channel calls nothing: the pool calls `proceed` when
 * the descriptor is ready or the time has come, and then looks which swaps are done.
 */
typedef struct lock_sync_guard_channel_ops {
    size_t struct_size; /**< sizeof(lock_sync_guard_channel_ops) in the application's build. */
    /** Makes a channel that is not connected. `user` is lock_sync_guard_store::channel_user; the channel keeps what it
     *  needs of it until `close`. Returns LOCK_SYNC_OK or LOCK_SYNC_E_NO_MEMORY. */
    lock_sync_status (*open)(void *user, void **channel);
    /** Connects. Runs on the pool's helper thread, and may block. Set a timeout, because lock_sync_pool_free() waits
     *  for it. If it fails, the channel must not want CONNECT until `proceed` was called. Swaps that begin until it is
     *  connected fail in the next `proceed`. */
    void (*connect)(void *channel);
    /** Adds a swap to the open ones. Never sets its `done`: `proceed` does that. */
    void (*begin)(void *channel, lock_sync_guard_swap *swap);
    /** Sends and receives what is possible without waiting, and ends swaps that have been open for too long. `readable`
     *  and `writable`: the descriptor is ready. `now_us`: the time in us by a clock that does not step.
     *  If the connection is lost, ends all open swaps, but leaves the descriptor open, for the pool to forget it. */
    void (*proceed)(void *channel, bool readable, bool writable, int64_t now_us);
    /** Returns the connection's descriptor; -1: not connected. A descriptor is closed by `connect` or `close` only. If
     *  a client library closes its descriptor when the connection is lost, return a duplicate (dup()). */
    int (*fd)(void *channel);
    /** Returns LOCK_SYNC_CHANNEL_*. *due_us: when `proceed` must be called at the latest, by the clock of `proceed`;
     *  INT64_MAX: never. */
    uint32_t (*wants)(void *channel, int64_t now_us, int64_t *due_us);
    /** Frees the channel. The open swaps are done and have failed; those that were sent, with `unknown`. */
    void (*close)(void *channel);
} lock_sync_guard_channel_ops;

/**
 * An application-supplied store for a guard's record.
 *
 * The store offers compare-and-swap on one small block of bytes, and a clock that all users share. The application
 * fills the struct; lock_sync_guard_new_with_store() copies it. The functions are called from any thread: one at a time
 * for one guard, at the same time for different guards. They may block, which delays the fetch that needs the slot.
 */
typedef struct lock_sync_guard_store {
    size_t struct_size; /**< sizeof(lock_sync_guard_store) in the application's build. */
    /** Passed as the first argument of each function; must outlive the guard, or be freed by `destroy`. */
    void *user;
    /**
     * Reads the record and the time. Required, unless others replace it.
     *
     * `record` has room for *size bytes (LOCK_SYNC_GUARD_RECORD_MAX). On return *size is the size of the record; 0:
     * there is no record yet. *now_ms is the time in ms, 1 .. 2^50, by a clock that all users share. The clock must
     * not run backwards in normal operation. If the function returns any status but LOCK_SYNC_OK, the guard returns
     * LOCK_SYNC_E_GUARD.
     */
    lock_sync_status (*load)(void *user, void *record, size_t *size, int64_t *now_ms);
    /**
     * Writes `new_record` if the stored record still equals `old_record` (`old_size` 0: if there is still no record).
     * Required, unless others replace it.
     *
     * Comparing and writing must be one atomic step. *replaced reports whether the record was written. false is not a
     * failure: the guard then loads the record and decides again.
     */
    lock_sync_status (*replace)(void *user, const void *old_record, size_t old_size, const void *new_record,
                                size_t new_size, bool *replaced);
    /** Optional. Called once, when the guard is freed; not called if lock_sync_guard_new_with_store() failed. */
    void (*destroy)(void *user);
    /** Optional. Writes why the last call failed, for lock_sync_guard_error_message(), at most `size` with its NUL. */
    void (*describe)(void *user, char *text, size_t size);
    /** Optional, replaces `load`: for a store whose clock has microseconds, or that knows when it has lost records.
     *  With `look` and `swap`, `load` and `replace` may be NULL. */
    lock_sync_status (*look)(void *user, lock_sync_guard_look *look);
    /** Optional, replaces `replace`: the store may drop the record after `expires_in_ms`. It must also set *replaced to
     *  false if the store's `source` is no longer the one that the last `look` reported. */
    lock_sync_status (*swap)(void *user, const void *old_record, size_t old_size, const void *new_record,
                             size_t new_size, int64_t expires_in_ms, bool *replaced);
    /** Optional, replaces `load`, `replace`, `look` and `swap`: carries out one swap, sets its members, and returns. It
     *  may block. A decision then takes one call if no other user has changed the record. */
    void (*carry_out)(void *user, lock_sync_guard_swap *swap);
    /** Optional: how a pool reaches the store. All functions are required. The struct must outlive the guard and all
     *  pools that used it. NULL: a pool calls the functions above on its helper thread, for one guard after another. */
    const lock_sync_guard_channel_ops *channel_ops;
    /** For `open`. The guards of a pool with the same `channel_ops` and `channel_user` use one channel. A pool opens at
     *  most 16 channels. For further ones it calls the functions above. */
    void *channel_user;
    const void *key; /**< The key of this guard's record, for swaps; borrowed until the guard is freed. */
    size_t key_size; /**< Size of `key`. */
} lock_sync_guard_store;

/**
 * Creates a guard that keeps its record in memory: for all contexts of one process that use one account.
 *
 * @param[out] out The guard with one reference, transferred; release it with lock_sync_guard_unref().
 * @return LOCK_SYNC_OK; LOCK_SYNC_E_INVALID_ARGUMENT (`out` is NULL); LOCK_SYNC_E_NO_MEMORY.
 * @par Threads Any, as for all functions of guards.
 * @since 0.1.0
 */
LOCK_SYNC_NODISCARD_API lock_sync_status lock_sync_guard_new(lock_sync_guard **out);

/**
 * Makes a guard like lock_sync_guard_new(), with the application's allocator.
 *
 * @param allocator Copied; its functions and `user` must outlive the guard. NULL: malloc.
 * @param[out] out As in lock_sync_guard_new().
 * @return As lock_sync_guard_new(); LOCK_SYNC_E_INVALID_ARGUMENT also if the allocator is not complete.
 * @par Threads Any.
 * @since 0.1.0
 */
LOCK_SYNC_NODISCARD_API lock_sync_status lock_sync_guard_new_with_allocator(const lock_sync_allocator *allocator,
                                                                            lock_sync_guard **out);

/**
 * Creates a guard that keeps its record in a file: for all processes of one machine that use one account.
 *
 * The file is created with mode 0600 if it does not exist. Its directory must exist, on a local file system. An
 * existing file must belong to the process's user or to root, and must not be writable by others (mode bit 0002).
 *
 * Each call that reserves or settles a slot opens the file and locks it briefly with flock(). If the lock is not free
 * within 250 ms, the call returns LOCK_SYNC_E_GUARD and grants no slot. The same is true of a damaged or empty file,
 * and of a full or read-only disk.
 *
 * @param path Copied.
 * @param[out] out As in lock_sync_guard_new().
 * @return LOCK_SYNC_OK; LOCK_SYNC_E_INVALID_ARGUMENT (NULL, an empty path, or one over 4,000 bytes);
 *         LOCK_SYNC_E_NO_MEMORY; LOCK_SYNC_E_GUARD (the file could not be created, or does not contain a guard's
 *         record).
 * @par Threads Any.
 * @since 0.1.0
 */
LOCK_SYNC_NODISCARD_API lock_sync_status lock_sync_guard_open_file(const char *path, lock_sync_guard **out);

/**
 * Creates a guard that keeps its record in an application-supplied store.
 *
 * @param store Copied.
 * @param[out] out As in lock_sync_guard_new().
 * @return LOCK_SYNC_OK; LOCK_SYNC_E_INVALID_ARGUMENT (NULL, none of `carry_out`, `look` and `swap`, `load` and
 *         `replace`; a channel without one of its functions, struct_size too small); LOCK_SYNC_E_NO_MEMORY.
 * @par Threads Any.
 * @since 0.1.0
 */
LOCK_SYNC_NODISCARD_API lock_sync_status lock_sync_guard_new_with_store(const lock_sync_guard_store *store,
                                                                        lock_sync_guard **out);

/**
 * Adds a reference.
 *
 * @param guard The guard; NULL is allowed.
 * @return `guard`; the new reference is transferred, release it with lock_sync_guard_unref().
 * @par Threads Any.
 * @since 0.1.0
 */
LOCK_SYNC_API lock_sync_guard *lock_sync_guard_ref(lock_sync_guard *guard);

/**
 * Releases a reference; the last release frees the guard.
 *
 * @param guard The guard; NULL is allowed.
 * @par Threads Any.
 * @since 0.1.0
 */
LOCK_SYNC_API void lock_sync_guard_unref(lock_sync_guard *guard);

/**
 * Sets the interval of LOCK_SYNC_REQUEST_SYNC: the minimum time in ms from a response to the next request; default
 * 20 000.
 *
 * The service's documentation: "you shouldn't run this endpoint more than once every 20 seconds". The setting belongs
 * to this object, not to the shared record: all users of an account should set the same value.
 *
 * @param guard The guard.
 * @param interval_ms 1 .. 3 600 000.
 * @return LOCK_SYNC_OK; LOCK_SYNC_E_INVALID_ARGUMENT.
 * @par Threads Any.
 * @since 0.1.0
 */
LOCK_SYNC_API lock_sync_status lock_sync_guard_set_min_interval_ms(lock_sync_guard *guard, int64_t interval_ms);

/**
 * Sets the interval of one kind of request, in ms; for SYNC the same as lock_sync_guard_set_min_interval_ms().
 *
 * Defaults: 20 000 for SYNC, 60 000 for DIRECTORY, 0 for OTHER. A slot of DIRECTORY may serve several requests
 * (pages, a retry). The next slot then waits one interval for each request. The interval of SYNC is also the shortest
 * wait after a 429, for all kinds.
 *
 * The service allows ten requests for the list of locks in ten minutes (its release notes of 2023-07-24).
 *
 * @param guard The guard.
 * @param kind LOCK_SYNC_REQUEST_*.
 * @param interval_ms 1 .. 3 600 000; for OTHER also 0: no interval.
 * @return LOCK_SYNC_OK; LOCK_SYNC_E_INVALID_ARGUMENT.
 * @par Threads Any.
 * @since 0.1.0
 */
LOCK_SYNC_API lock_sync_status lock_sync_guard_set_kind_interval_ms(lock_sync_guard *guard, lock_sync_request_kind kind,
                                                                    int64_t interval_ms);

/**
 * Sets the hourly budget, and its unused part: the requests that are left to other programs.
 *
 * The defaults are 700 and 100, so the guard grants 600 slots in any hour. The unused part is for programs that do not
 * ask the guard, such as those that operate the locks and the vendor's app. The service's documentation: 700 requests
 * per hour and user account, for all applications together.
 *
 * @param guard The guard.
 * @param requests The hourly budget, at most 1 000 000.
 * @param unused The unused part, less than `requests`.
 * @return LOCK_SYNC_OK; LOCK_SYNC_E_INVALID_ARGUMENT.
 * @par Threads Any.
 * @since 0.1.0
 */
LOCK_SYNC_API lock_sync_status lock_sync_guard_set_hourly_budget(lock_sync_guard *guard, uint32_t requests,
                                                                 uint32_t unused);

/**
 * Requests a slot for LOCK_SYNC_REQUEST_SYNC; see lock_sync_guard_reserve_for().
 *
 * @param guard The guard.
 * @param lease_ms 0 .. 86 400 000.
 * @param[out] wait_ms As in lock_sync_guard_reserve_for().
 * @param[out] slot As in lock_sync_guard_reserve_for().
 * @return As lock_sync_guard_reserve_for().
 * @par Threads Any.
 * @since 0.1.0
 */
LOCK_SYNC_NODISCARD_API lock_sync_status lock_sync_guard_reserve(lock_sync_guard *guard, int64_t lease_ms,
                                                                 int64_t *wait_ms, int64_t *slot);

/**
 * Requests a slot: the permission to send one request.
 *
 * A fetch does this itself. Applications call it for requests that they send: those of lock_sync_request_build(), and
 * other requests to the service for the same account.
 *
 * While a slot of SYNC or DIRECTORY is neither settled nor expired, no other slot of its kind is granted. The next one
 * is granted one interval after the slot was settled or has expired, or at once after a refund. A slot of OTHER counts
 * in the hourly budget at once and waits for no other slot. It need not be settled, except after a 429.
 *
 * @param guard The guard.
 * @param kind LOCK_SYNC_REQUEST_*.
 * @param lease_ms Time in ms within which the caller sends the request and settles the slot; after it the caller must
 *                 not send. At most 86 400 000, for OTHER 300 000. 0: the request is sent at once, without a lease, and
 *                 the interval starts now.
 * @param[out] wait_ms 0 if the slot is granted. Otherwise the time in ms, rounded up, after which a slot is granted
 *                     unless another user gets it first. If a running request is settled early, the wait is shorter.
 *                     May be NULL.
 * @param[out] slot The slot, a random number > 0; 0: denied. May be NULL.
 * @return LOCK_SYNC_OK; LOCK_SYNC_E_TOO_SOON (denied); LOCK_SYNC_E_GUARD (the store failed); LOCK_SYNC_E_NO_MEMORY;
 *         LOCK_SYNC_E_INVALID_ARGUMENT.
 * @par Threads Any.
 * @since 0.1.0
 */
LOCK_SYNC_NODISCARD_API lock_sync_status lock_sync_guard_reserve_for(lock_sync_guard *guard,
                                                                     lock_sync_request_kind kind, int64_t lease_ms,
                                                                     int64_t *wait_ms, int64_t *slot);

/**
 * Settles a slot: reports how its request ended.
 *
 * After the lease has expired only LOCK_SYNC_SLOT_LIMITED has an effect. If the store cannot be written, this guard
 * object keeps the outcome and writes it with its next call of the store. The last lock_sync_guard_unref() also tries
 * to write it. Until the outcome is written, this object grants no slot that the outcome forbids. After fork() only the
 * parent writes kept outcomes; the child drops them.
 *
 * @param guard The guard.
 * @param slot From lock_sync_guard_reserve() or lock_sync_guard_reserve_for().
 * @param outcome LOCK_SYNC_SLOT_*. NOT_SENT refunds the slot, three times in a row at most: on a broken network
 *                every fourth try is followed by a pause. After LIMITED no user gets a slot of any kind for the time of
 *                `retry_after_ms`.
 * @param retry_after_ms With LIMITED: the service's Retry-After in ms, unchanged. The guard waits at least SYNC's
 *                       interval and at most one hour. < 0: the service sent no Retry-After. The wait is then twice
 *                       SYNC's interval, and doubles with each further 429 in a row. Ignored with the other outcomes.
 * @return LOCK_SYNC_OK (also if the slot has expired or is unknown); LOCK_SYNC_E_GUARD or LOCK_SYNC_E_NO_MEMORY (the
 *         outcome is kept); LOCK_SYNC_E_INVALID_ARGUMENT.
 * @par Threads Any.
 * @since 0.1.0
 */
LOCK_SYNC_API lock_sync_status lock_sync_guard_settle(lock_sync_guard *guard, int64_t slot,
                                                      lock_sync_guard_outcome outcome, int64_t retry_after_ms);

/**
 * Returns why the store failed last, the cause of LOCK_SYNC_E_GUARD. The message contains no secret.
 *
 * @param guard The guard, or NULL.
 * @param[out] text The message is written here; "" if the store never failed. May be NULL if `size` is 0.
 * @param size Size of `text` in bytes, with the NUL.
 * @return The length of the complete message; it was truncated if this is not less than `size`.
 * @par Threads Any.
 * @since 0.1.0
 */
LOCK_SYNC_API size_t lock_sync_guard_error_message(lock_sync_guard *guard, char *text, size_t size);

/**
 * Returns why the guard's store can lose records, for example a Redis server without an append-only file.
 *
 * If the record is lost, the guard no longer knows the earlier requests, and the account may exceed the service's
 * limits. A context also logs this message once, as a warning.
 *
 * @param guard The guard, or NULL.
 * @param[out] text The message is written here; "" if there is no warning. May be NULL if `size` is 0.
 * @param size Size of `text` in bytes, with the NUL.
 * @return The length of the complete message; it was truncated if this is not less than `size`.
 * @par Threads Any.
 * @since 0.1.0
 */
LOCK_SYNC_API size_t lock_sync_guard_warning(lock_sync_guard *guard, char *text, size_t size);

/**
 * Sets the guard of a context. By default a context has a private guard in memory.
 *
 * @param ctx The context.
 * @param guard The context adds a reference. NULL: a new private guard, which knows of no earlier request.
 * @return LOCK_SYNC_OK; LOCK_SYNC_E_INVALID_ARGUMENT (`ctx` is NULL); LOCK_SYNC_E_BUSY (a fetch runs).
 * @par Threads The context's thread.
 * @since 0.1.0
 */
LOCK_SYNC_API lock_sync_status lock_sync_set_guard(lock_sync_ctx *ctx, lock_sync_guard *guard);

/**
 * Sets how a fetch reacts when the guard denies a slot; default LOCK_SYNC_GUARD_FAIL.
 *
 * @param ctx The context.
 * @param mode LOCK_SYNC_GUARD_*.
 * @return LOCK_SYNC_OK; LOCK_SYNC_E_INVALID_ARGUMENT; LOCK_SYNC_E_BUSY (a fetch runs).
 * @par Threads The context's thread.
 * @since 0.1.0
 */
LOCK_SYNC_API lock_sync_status lock_sync_set_guard_mode(lock_sync_ctx *ctx, lock_sync_guard_mode mode);

#ifdef __cplusplus
}
#endif
#endif
