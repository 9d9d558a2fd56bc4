/**
 * @file
 * Definitions that all headers use: export macros, opaque types, statuses, the allocator and log levels.
 */
#ifndef LOCKSYNC_COMMON_H
#define LOCKSYNC_COMMON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** @cond */
/* LOCK_SYNC_API marks the functions that the shared library exports. */
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
/* LOCK_SYNC_NODISCARD_API marks those that make something: the compiler warns if their status is ignored. */
#if (defined(__cplusplus) && __cplusplus >= 201703L) || (defined(_MSVC_LANG) && _MSVC_LANG >= 201703L) ||              \
    (defined(__STDC_VERSION__) && __STDC_VERSION__ >= 202311L)
#  define LOCK_SYNC_NODISCARD_API [[nodiscard]] LOCK_SYNC_API
#elif defined(__GNUC__)
#  define LOCK_SYNC_NODISCARD_API __attribute__((warn_unused_result)) LOCK_SYNC_API
#elif defined(_MSC_VER)
#  include <sal.h>
#  define LOCK_SYNC_NODISCARD_API _Check_return_ LOCK_SYNC_API
#else
#  define LOCK_SYNC_NODISCARD_API LOCK_SYNC_API
#endif
/* `LOCK_SYNC_EXTENSION enum LOCK_SYNC_INT32` is an enumeration of int32_t. bindgen and the like then see that type.
   Without it C would leave the choice to the compiler; the constants themselves are int. */
#ifdef __cplusplus
#  define LOCK_SYNC_EXTENSION
#  define LOCK_SYNC_INT32 : int32_t
#elif defined(__clang__)
#  define LOCK_SYNC_EXTENSION __extension__
#  define LOCK_SYNC_INT32 : int32_t
#else
#  define LOCK_SYNC_EXTENSION
#  define LOCK_SYNC_INT32
#endif
/** @endcond */

#ifdef __cplusplus
extern "C" {
#endif

/** Major version of these headers. lock_sync_version() returns the version of the library in use. */
#define LOCK_SYNC_VERSION_MAJOR 0
#define LOCK_SYNC_VERSION_MINOR 1 /**< Minor version of these headers. */
#define LOCK_SYNC_VERSION_PATCH 0 /**< Patch version of these headers. */

/** A context: settings, credential, connection and last error for one account. */
typedef struct lock_sync_ctx lock_sync_ctx;
/** The results of one fetch: records, and the requested ids that the response did not contain. Immutable. */
typedef struct lock_sync_results lock_sync_results;
/** The detail of a context's last call: its status and, after a failure, the cause. */
typedef struct lock_sync_error lock_sync_error;
/** One HTTP request, ready to be sent. */
typedef struct lock_sync_request lock_sync_request;
/** One HTTP response, filled by a transport or by the application. */
typedef struct lock_sync_response lock_sync_response;

/** One of the LOCK_SYNC_OK / LOCK_SYNC_E_... values below. The numbers are ABI. */
typedef int32_t lock_sync_status;
LOCK_SYNC_EXTENSION enum LOCK_SYNC_INT32 {
    LOCK_SYNC_OK = 0,                 /**< Success. */
    LOCK_SYNC_E_INVALID_ARGUMENT = 1, /**< NULL where a value is needed, an id <= 0, a setting out of range. */
    LOCK_SYNC_E_NO_MEMORY = 2,        /**< An allocation failed. Nothing leaked; the context is still usable. */
    LOCK_SYNC_E_NO_CREDENTIAL = 3,    /**< A fetch without a usable key, token or provider. */
    LOCK_SYNC_E_CANCELLED = 4,        /**< Cancelled, the context is stopped, or the pool was freed. */
    LOCK_SYNC_E_TIMEOUT = 5,          /**< The connect timeout or the timeout of the whole fetch expired. */
    LOCK_SYNC_E_RESOLVE = 6,          /**< The host name did not resolve. */
    LOCK_SYNC_E_CONNECT = 7,          /**< Refused (also by a proxy), unreachable, or out of file descriptors. */
    LOCK_SYNC_E_TLS = 8,              /**< The TLS handshake or the check of the certificate failed. */
    LOCK_SYNC_E_NETWORK = 9,          /**< The connection broke during the transfer. */
    LOCK_SYNC_E_TOO_LARGE = 10,       /**< The decoded body or the headers exceeded their limit. */
    LOCK_SYNC_E_MALFORMED = 11,       /**< The body is not the documented response. */
    LOCK_SYNC_E_TOO_SOON = 12,        /**< The guard (the rate limiter, see guard.h) denied a slot; nothing was sent. */
    LOCK_SYNC_E_RATE_LIMITED = 13,    /**< The service returned 429. */
    LOCK_SYNC_E_UNAUTHORIZED = 14,    /**< The service returned 401. */
    LOCK_SYNC_E_FORBIDDEN = 15,       /**< The service returned 403: the scope is missing. */
    LOCK_SYNC_E_NOT_FOUND = 16,       /**< The service returned 404. */
    LOCK_SYNC_E_SERVER = 17,          /**< The service returned 5xx. */
    LOCK_SYNC_E_HTTP = 18,            /**< Any other status that is not 2xx. Redirects are never followed. */
    LOCK_SYNC_E_API = 19,             /**< A 2xx whose body reports a failure that no status above describes. */
    LOCK_SYNC_E_GUARD = 20,           /**< The guard's store could not be read or written. */
    LOCK_SYNC_E_NO_TRANSPORT = 21,    /**< The library was built without libcurl, and no transport was set. */
    LOCK_SYNC_E_BUSY = 22             /**< The context is in use by a call that is still running. */
};

#ifdef __cplusplus
/* The same values and size as below, but of a type that is not converted to bool by mistake. */
enum class lock_sync_tristate : int32_t { no = 0, yes = 1, unknown = 2 };
constexpr lock_sync_tristate LOCK_SYNC_NO = lock_sync_tristate::no;
constexpr lock_sync_tristate LOCK_SYNC_YES = lock_sync_tristate::yes;
constexpr lock_sync_tristate LOCK_SYNC_UNKNOWN = lock_sync_tristate::unknown;
#else
/** A boolean or unknown; in C++ an enum class. Compare with == LOCK_SYNC_YES, because LOCK_SYNC_UNKNOWN is not zero. */
typedef int32_t lock_sync_tristate;
LOCK_SYNC_EXTENSION enum LOCK_SYNC_INT32 {
    LOCK_SYNC_NO = 0,     /**< Known to be false. */
    LOCK_SYNC_YES = 1,    /**< Known to be true. */
    LOCK_SYNC_UNKNOWN = 2 /**< Unknown. */
};
#endif

/**
 * Application-supplied allocator with the contract of malloc, realloc and free.
 *
 * The library copies the struct. The functions and `user` must be thread-safe. They must outlive each context
 * that uses them and every object made from it: results, requests and responses too. All three functions are required.
 * `allocate` and `reallocate` are never called with size 0, `reallocate` and `release` never with NULL.
 */
typedef struct lock_sync_allocator {
    size_t struct_size;                         /**< sizeof(lock_sync_allocator) in the application's build. */
    void *user;                                 /**< Passed as the first argument of each function. */
    void *(*allocate)(void *user, size_t size); /**< Like malloc. */
    void *(*reallocate)(void *user, void *block, size_t size); /**< Like realloc. */
    void (*release)(void *user, void *block);                  /**< Like free. */
} lock_sync_allocator;

/** Levels of log messages. */
typedef int32_t lock_sync_log_level;
LOCK_SYNC_EXTENSION enum LOCK_SYNC_INT32 {
    LOCK_SYNC_LOG_ERROR = 0,   /**< Not used by this version: errors are returned as statuses. */
    LOCK_SYNC_LOG_WARNING = 1, /**< A fetch or a guard failed, or a guard's store can lose records. */
    LOCK_SYNC_LOG_INFO = 2,    /**< One line per request. */
    LOCK_SYNC_LOG_DEBUG = 3    /**< Details. */
};

/**
 * Receives a log message: one line without a line feed, without a credential and without a body.
 *
 * Called on the thread that uses the context. A call on the same context from inside returns LOCK_SYNC_E_BUSY.
 *
 * @param user The pointer given to lock_sync_set_logger().
 * @param level LOCK_SYNC_LOG_*.
 * @param message At most 3071 bytes. Borrowed for the call.
 * @par Threads The context's thread.
 * @since 0.1.0
 */
typedef void (*lock_sync_log_fn)(void *user, lock_sync_log_level level, const char *message);

/**
 * Returns the version of the library in use.
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
