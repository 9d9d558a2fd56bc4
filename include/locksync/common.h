/**
 * @file
 * What every part of the library speaks of: export marks, opaque types, statuses, the allocator.
 */
#ifndef LOCKSYNC_COMMON_H
#define LOCKSYNC_COMMON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** @cond marks what the shared library exports */
#if defined(_WIN32) && !defined(LOCK_SYNC_STATIC)
#  ifdef LOCK_SYNC_BUILDING
#    define LOCK_SYNC_API __declspec(dllexport)
#  else
#    define LOCK_SYNC_API __declspec(dllimport)
#  endif
#elif defined(__GNUC__) && __GNUC__ >= 4
#  define LOCK_SYNC_API __attribute__((visibility("default")))
#else
#  define LOCK_SYNC_API
#endif
/** @endcond */

#ifdef __cplusplus
extern "C" {
#endif

#define LOCK_SYNC_VERSION_MAJOR 0 /**< Of these headers; lock_sync_version() tells the version of the library in use. */
#define LOCK_SYNC_VERSION_MINOR 1 /**< Likewise. */
#define LOCK_SYNC_VERSION_PATCH 0 /**< Likewise. */

/** Settings, credential, connection and last error of one user of the service. */
typedef struct lock_sync_ctx lock_sync_ctx;
/** The answer to one fetch: records and the ids that were not answered. Immutable. */
typedef struct lock_sync_results lock_sync_results;
/** What went wrong in a context's last call. */
typedef struct lock_sync_error lock_sync_error;
/** One HTTP request, ready to be sent. */
typedef struct lock_sync_request lock_sync_request;
/** One HTTP response, as a transport hands it in. */
typedef struct lock_sync_response lock_sync_response;

/** One of the LOCK_SYNC_OK / LOCK_SYNC_E_... values below. The numbers are ABI. */
typedef int32_t lock_sync_status;
enum {
    LOCK_SYNC_OK = 0,                 /**< Done. */
    LOCK_SYNC_E_INVALID_ARGUMENT = 1, /**< NULL where a value is needed, an id <= 0, a setting out of range. */
    LOCK_SYNC_E_NO_MEMORY = 2,        /**< An allocation failed; nothing leaked, the context is still usable. */
    LOCK_SYNC_E_NO_CREDENTIAL = 3,    /**< A fetch without a usable key, token or provider. */
    LOCK_SYNC_E_CANCELLED = 4,        /**< lock_sync_cancel(), or the pool was freed. */
    LOCK_SYNC_E_TIMEOUT = 5,          /**< The connect or whole-fetch deadline passed. */
    LOCK_SYNC_E_RESOLVE = 6,          /**< The host name did not resolve. */
    LOCK_SYNC_E_CONNECT = 7,          /**< Refused, unreachable, refused by the proxy, out of file descriptors. */
    LOCK_SYNC_E_TLS = 8,              /**< Handshake or certificate. */
    LOCK_SYNC_E_NETWORK = 9,          /**< The connection broke off in mid-transfer. */
    LOCK_SYNC_E_TOO_LARGE = 10,       /**< The decoded body, or the header, passed its cap. */
    LOCK_SYNC_E_MALFORMED = 11,       /**< The body is not the documented answer. */
    LOCK_SYNC_E_TOO_SOON = 12,        /**< The guard refused; nothing was sent. */
    LOCK_SYNC_E_RATE_LIMITED = 13,    /**< The service said 429. */
    LOCK_SYNC_E_UNAUTHORIZED = 14,    /**< The service said 401. */
    LOCK_SYNC_E_FORBIDDEN = 15,       /**< The service said 403: the scope is missing. */
    LOCK_SYNC_E_NOT_FOUND = 16,       /**< The service said 404. */
    LOCK_SYNC_E_SERVER = 17,          /**< The service said 5xx. */
    LOCK_SYNC_E_HTTP = 18,            /**< Any other status that is not 2xx; redirects are never followed. */
    LOCK_SYNC_E_API = 19,             /**< 2xx, but the body says that it failed, and none of the statuses above. */
    LOCK_SYNC_E_GUARD = 20,           /**< The guard's store could not be read or written. */
    LOCK_SYNC_E_NO_TRANSPORT = 21,    /**< Built without libcurl, and no transport was set. */
    LOCK_SYNC_E_BUSY = 22             /**< A second use of a context while one is running. */
};

/** An answer that may be "unknown". Compare with == LOCK_SYNC_YES: LOCK_SYNC_UNKNOWN is not zero. */
typedef int32_t lock_sync_tristate;
enum {
    LOCK_SYNC_NO = 0,     /**< Known not to be so. */
    LOCK_SYNC_YES = 1,    /**< Known to be so. */
    LOCK_SYNC_UNKNOWN = 2 /**< Not known, or not for sure. */
};

/**
 * A host's own memory functions, with the meaning of malloc, realloc and free.
 *
 * The library copies the struct. The functions and `user` must be thread-safe and must outlive every object made
 * from a context that uses them; results, requests and responses may outlive their context. All three functions are
 * required. `allocate` and `reallocate` are never called with size 0, `reallocate` and `release` never with NULL.
 */
typedef struct lock_sync_allocator {
    size_t struct_size;                         /**< sizeof(lock_sync_allocator), as the host was compiled. */
    void *user;                                 /**< Passed back as the first argument. */
    void *(*allocate)(void *user, size_t size); /**< As malloc. */
    void *(*reallocate)(void *user, void *block, size_t size); /**< As realloc. */
    void (*release)(void *user, void *block);                  /**< As free. */
} lock_sync_allocator;

/** Levels of log messages. */
typedef int32_t lock_sync_log_level;
enum {
    LOCK_SYNC_LOG_ERROR = 0,   /**< Not used by this version: what goes wrong is a status. */
    LOCK_SYNC_LOG_WARNING = 1, /**< A fetch failed, or a guard. */
    LOCK_SYNC_LOG_INFO = 2,    /**< One line per request. */
    LOCK_SYNC_LOG_DEBUG = 3    /**< Details. */
};

/**
 * Receives log messages: one line each, without a line feed, without a credential or a body.
 *
 * Called on the thread that uses the context. A call on the same context from inside gives LOCK_SYNC_E_BUSY. A message
 * has at most 3071 bytes.
 *
 * @param user As given to lock_sync_set_logger().
 * @param level LOCK_SYNC_LOG_*.
 * @param message Borrowed for the call.
 */
typedef void (*lock_sync_log_fn)(void *user, lock_sync_log_level level, const char *message);

/**
 * The version of the library in use.
 *
 * @return "MAJOR.MINOR.PATCH", static; never NULL.
 * @par Threads Any.
 * @since 0.1.0
 */
LOCK_SYNC_API const char *lock_sync_version(void);

#ifdef __cplusplus
}
#endif
#endif
