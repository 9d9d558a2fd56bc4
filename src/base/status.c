/* The names and default messages of the statuses. */
#include "locksync/error.h"

typedef struct status_row {
    const char *name;
    const char *message;
} status_row;

#define ROW(status, message) [LOCK_SYNC_##status] = {"LOCK_SYNC_" #status, message}

static const status_row rows[] = {
    ROW(OK, "Done."),
    ROW(E_INVALID_ARGUMENT, "An argument or a setting is not valid."),
    ROW(E_NO_MEMORY, "Memory ran out."),
    ROW(E_NO_CREDENTIAL, "No usable personal key or access token is set."),
    ROW(E_CANCELLED, "The fetch was cancelled."),
    ROW(E_TIMEOUT, "The time limit was reached."),
    ROW(E_RESOLVE, "The host name could not be resolved."),
    ROW(E_CONNECT, "The server could not be reached."),
    ROW(E_TLS, "A secure connection could not be made: the TLS handshake or the certificate check failed."),
    ROW(E_NETWORK, "The connection broke before the response was complete."),
    ROW(E_TOO_LARGE, "The response is larger than allowed."),
    ROW(E_MALFORMED, "The response does not match the service's documentation."),
    ROW(E_TOO_SOON, "The rate limit does not allow a request yet; nothing was sent."),
    ROW(E_RATE_LIMITED, "The service rejected the request: too many requests (429)."),
    ROW(E_UNAUTHORIZED, "The service rejected the credential (401)."),
    ROW(E_FORBIDDEN, "The credential lacks the scope Device.Read (403)."),
    ROW(E_NOT_FOUND, "The service does not know the lock or the API version (404)."),
    ROW(E_SERVER, "The service failed (5xx)."),
    ROW(E_HTTP, "The service returned an unexpected HTTP status."),
    ROW(E_API, "The service reported that the request failed."),
    ROW(E_GUARD, "The guard's store could not be read or written."),
    ROW(E_NO_TRANSPORT, "The library was built without libcurl, and no transport is set."),
    ROW(E_BUSY, "A fetch is using the context."),
};

static const status_row *row_of(lock_sync_status status)
{
    static const status_row unknown = {"LOCK_SYNC_E_?", "This version of the library does not know this status."};

    return status >= 0 && (size_t)status < sizeof rows / sizeof rows[0] ? &rows[status] : &unknown;
}

const char *lock_sync_status_name(lock_sync_status status)
{
    return row_of(status)->name;
}

const char *lock_sync_status_message(lock_sync_status status)
{
    return row_of(status)->message;
}

bool lock_sync_status_is_retryable(lock_sync_status status)
{
    switch (status) {
    case LOCK_SYNC_E_NO_MEMORY:
    case LOCK_SYNC_E_TIMEOUT:
    case LOCK_SYNC_E_RESOLVE:
    case LOCK_SYNC_E_CONNECT:
    case LOCK_SYNC_E_NETWORK:
    case LOCK_SYNC_E_TOO_SOON:
    case LOCK_SYNC_E_RATE_LIMITED:
    case LOCK_SYNC_E_SERVER:
    case LOCK_SYNC_E_GUARD: return true;
    default: return false;
    }
}
