/**
 * @file
 * The directory of an account: the names and serial numbers of its locks, from GET /api/{version}/my/lock.
 *
 * Ids change when a lock is removed and added again; serial numbers do not (the service's documents). Store serial
 * numbers, show names, and fetch by the ids that the directory has for them.
 */
#ifndef LOCKSYNC_DIRECTORY_H
#define LOCKSYNC_DIRECTORY_H

#include "common.h"
#include "results.h"
#include "transport.h"

#ifdef __cplusplus
extern "C" {
#endif

/** Values of lock_sync_lock_info::type that this version has a name for; others are kept as sent. */
LOCK_SYNC_EXTENSION enum LOCK_SYNC_INT32 {
    LOCK_SYNC_DEVICE_BRIDGE = 1,      /**< A bridge. */
    LOCK_SYNC_DEVICE_LOCK_PRO = 2,    /**< A lock PRO. */
    LOCK_SYNC_DEVICE_KEYPAD = 3,      /**< A keypad. */
    LOCK_SYNC_DEVICE_LOCK_GO = 4,     /**< A lock GO. */
    LOCK_SYNC_DEVICE_GATE = 5,        /**< A gate. */
    LOCK_SYNC_DEVICE_DRY_CONTACT = 6, /**< A dry contact. */
    LOCK_SYNC_DEVICE_DOOR_SENSOR = 8, /**< A door sensor. */
    LOCK_SYNC_DEVICE_KEYPAD_PRO = 10  /**< A keypad PRO. */
};

/** Values of lock_sync_lock_info::access_level that this version has a name for; others are kept as sent. */
LOCK_SYNC_EXTENSION enum LOCK_SYNC_INT32 {
    LOCK_SYNC_ACCESS_GUEST = 0, /**< A guest. */
    LOCK_SYNC_ACCESS_ADMIN = 1, /**< An administrator. */
    LOCK_SYNC_ACCESS_OWNER = 2, /**< The owner. */
    LOCK_SYNC_ACCESS_NONE = 3   /**< No access. */
};

/**
 * Name, serial number and other facts of a lock that rarely change. Only the library makes it: later versions may
 * append members.
 *
 * The service's key for a member is in brackets. A value of another type, or out of its range, counts as not sent.
 */
typedef struct lock_sync_lock_info {
    int64_t id;                /**< The lock's number, > 0 (`id`). */
    const char *name;          /**< UTF-8; NULL: not sent (`name`). Two locks may have the same name. */
    const char *serial_number; /**< Opaque, unique, never changes; NULL: not sent (`serialNumber`). */
    const char *time_zone;     /**< IANA name; NULL: not sent (`timeZone`). */
    int64_t bridge_id;         /**< The bridge that it was paired with; 0: none (`connectedToId`). */
    int64_t organization_id;   /**< 0: none (`organizationId`). */
    int32_t type;              /**< LOCK_SYNC_DEVICE_*, or another number > 0 as sent; 0: not sent (`type`). */
    int32_t access_level;      /**< LOCK_SYNC_ACCESS_*, or another number as sent; -1: not sent (`accessLevel`). */
} lock_sync_lock_info;

/** The locks of an account. Immutable: any thread may read and free it, and it may outlive its context. */
typedef struct lock_sync_directory lock_sync_directory;

/**
 * Receives the end of a lock_sync_pool_submit_directory(), once for each that returned LOCK_SYNC_OK.
 *
 * The same rules apply as for lock_sync_done_fn.
 *
 * @param user As given to lock_sync_pool_submit_directory().
 * @param ctx The context; lock_sync_last_error() has the details.
 * @param status As lock_sync_fetch_directory() would return.
 * @param directory Transferred: free with lock_sync_directory_free(). NULL after a failure.
 */
typedef void (*lock_sync_directory_fn)(void *user, lock_sync_ctx *ctx, lock_sync_status status,
                                       lock_sync_directory *directory);

/**
 * Fetches the directory of the account, and waits for it.
 *
 * It sends one request for each 100 locks, at most ten. The guard counts each of them, of the kind
 * LOCK_SYNC_REQUEST_DIRECTORY, and allows the next directory 60 seconds for each request later. The service allows ten
 * such requests in ten minutes for a personal key (its release notes of 2023-07-24). All requests together have the
 * context's deadline. A directory that cannot be completed is an error.
 *
 * The service does not say how many locks there are. If a lock is removed while several pages are fetched, another lock
 * may be in none of them.
 *
 * The guard's mode LOCK_SYNC_GUARD_CACHED acts as LOCK_SYNC_GUARD_FAIL here: no directory is kept.
 *
 * @param ctx The context.
 * @param[out] directory The directory, transferred; free with lock_sync_directory_free().
 * @return LOCK_SYNC_OK, also for an account without locks; LOCK_SYNC_E_TOO_LARGE also for more than ten pages; else as
 *         lock_sync_fetch().
 * @par Threads Same as for the context.
 * @since 0.1.0
 */
LOCK_SYNC_NODISCARD_API lock_sync_status lock_sync_fetch_directory(lock_sync_ctx *ctx, lock_sync_directory **directory);

/**
 * Returns how many locks the directory has.
 *
 * @param directory A directory, or NULL.
 * @return The count; 0 for NULL.
 * @par Threads Any.
 * @since 0.1.0
 */
LOCK_SYNC_API size_t lock_sync_directory_count(const lock_sync_directory *directory);

/**
 * Returns one lock, in the order of the service's response.
 *
 * @param directory A directory, or NULL.
 * @param i 0 .. lock_sync_directory_count() - 1.
 * @return Borrowed from `directory`; NULL past the end.
 * @par Threads Any.
 * @since 0.1.0
 */
LOCK_SYNC_API const lock_sync_lock_info *lock_sync_directory_at(const lock_sync_directory *directory, size_t i);

/**
 * Finds a lock by its id, in O(log n).
 *
 * @param directory A directory, or NULL.
 * @param id The lock's id.
 * @return Borrowed from `directory`; NULL: not found.
 * @par Threads Any.
 * @since 0.1.0
 */
LOCK_SYNC_API const lock_sync_lock_info *lock_sync_directory_find(const lock_sync_directory *directory, int64_t id);

/**
 * Finds a lock by its serial number, compared byte by byte.
 *
 * @param directory A directory, or NULL.
 * @param serial_number The serial number, or NULL.
 * @return Borrowed from `directory`; NULL: not found.
 * @par Threads Any.
 * @since 0.1.0
 */
LOCK_SYNC_API const lock_sync_lock_info *lock_sync_directory_find_serial(const lock_sync_directory *directory,
                                                                         const char *serial_number);

/**
 * Finds the locks of a name, compared byte by byte.
 *
 * @param directory A directory, or NULL.
 * @param name The name, UTF-8, or NULL.
 * @param[out] first The first lock of that name, borrowed from `directory`; NULL: not found. May be NULL.
 * @return How many locks have the name. A program that acts on a lock must stop unless it is one.
 * @par Threads Any.
 * @since 0.1.0
 */
LOCK_SYNC_API size_t lock_sync_directory_find_name(const lock_sync_directory *directory, const char *name,
                                                   const lock_sync_lock_info **first);

/**
 * Returns the states that came with the directory: a program that starts needs no other request for them.
 *
 * Here the service sends null for the connection of a lock that was never paired with a bridge: it is unknown.
 *
 * @param directory A directory, or NULL.
 * @return The records of all its locks, borrowed from `directory`; NULL for NULL.
 * @par Threads Any.
 * @since 0.1.0
 */
LOCK_SYNC_API const lock_sync_results *lock_sync_directory_results(const lock_sync_directory *directory);

/**
 * Returns when the last page of the directory arrived.
 *
 * @param directory A directory, or NULL.
 * @return Unix time in ms, by the clock of this machine; 0 for NULL.
 * @par Threads Any.
 * @since 0.1.0
 */
LOCK_SYNC_API int64_t lock_sync_directory_fetched_at_ms(const lock_sync_directory *directory);

/**
 * Returns whether locks may be missing that are on the next page: for an application that does its own HTTP.
 *
 * It counts the records of the response. lock_sync_directory_count() may be less, because equal records count once.
 *
 * @param directory A directory, or NULL.
 * @return True: lock_sync_response_decode_directory() made it from a full page. False for the last page, for a
 *         directory that the library has fetched, and for NULL.
 * @par Threads Any.
 * @since 0.1.0
 */
LOCK_SYNC_API bool lock_sync_directory_has_more(const lock_sync_directory *directory);

/**
 * Frees a directory, with all texts and records in it.
 *
 * @param directory Transferred; NULL is allowed.
 * @par Threads Any.
 * @since 0.1.0
 */
LOCK_SYNC_API void lock_sync_directory_free(lock_sync_directory *directory);

/**
 * Builds the request for one page of the directory, for an application that does its own HTTP.
 *
 * A page has at most 100 locks; lock_sync_directory_has_more() returns whether there may be another. If a lock is on
 * two pages, the later one holds.
 * Reserve a slot of the kind LOCK_SYNC_REQUEST_DIRECTORY for the first page (lock_sync_guard_reserve_for()). Each
 * further page needs one of the kind LOCK_SYNC_REQUEST_OTHER, which counts in the hour and has no interval.
 *
 * @param ctx The context.
 * @param page From 1; at most 10.
 * @param[out] out The request, transferred; free with lock_sync_request_free().
 * @return As lock_sync_request_build(); LOCK_SYNC_E_INVALID_ARGUMENT also for a page out of range.
 * @par Threads Same as for the context.
 * @since 0.1.0
 */
LOCK_SYNC_NODISCARD_API lock_sync_status lock_sync_request_build_directory(lock_sync_ctx *ctx, uint32_t page,
                                                                           lock_sync_request **out);

/**
 * Decodes the response to one page of the directory.
 *
 * @param ctx The context; its error has the detail.
 * @param request Borrowed: from lock_sync_request_build_directory().
 * @param response Borrowed: the response, with its HTTP status.
 * @param[out] directory The locks of this page, transferred; free with lock_sync_directory_free().
 * @return As lock_sync_response_decode(). LOCK_SYNC_E_INVALID_ARGUMENT also for a request of another kind.
 * @par Threads Same as for the context.
 * @since 0.1.0
 */
LOCK_SYNC_NODISCARD_API lock_sync_status lock_sync_response_decode_directory(lock_sync_ctx *ctx,
                                                                             const lock_sync_request *request,
                                                                             const lock_sync_response *response,
                                                                             lock_sync_directory **directory);

#ifdef __cplusplus
}
#endif
#endif
