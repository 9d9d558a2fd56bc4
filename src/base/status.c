/* The statuses' names and sentences, written once. */
#include "locksync/error.h"

typedef struct status_row {
    const char *name;
    const char *message;
    bool retryable;
} status_row;

#define ROW(status, retryable, message) [LOCK_SYNC_##status] = {"LOCK_SYNC_" #status, message, retryable}

static const status_row rows[] = {
    ROW(OK, false, "Done."),
    ROW(E_INVALID_ARGUMENT, false, "An argument or a setting is not valid."),
    ROW(E_NO_MEMORY, true, "Memory ran out."),
    ROW(E_NO_CREDENTIAL, false, "No usable personal key or access token is set."),
    ROW(E_CANCELLED, false, "The fetch was cancelled."),
    ROW(E_TIMEOUT, true, "Nothing came in time."),
    ROW(E_RESOLVE, true, "The host name could not be resolved."),
    ROW(E_CONNECT, true, "The host could not be reached."),
    ROW(E_TLS, false, "A secure connection could not be made: handshake or certificate."),
    ROW(E_NETWORK, true, "The connection broke off before the answer was complete."),
    ROW(E_TOO_LARGE, false, "The answer is larger than allowed."),
    ROW(E_MALFORMED, false, "The answer is not what the service documents."),
    ROW(E_TOO_SOON, true, "The rate limit does not allow a request yet; nothing was sent."),
    ROW(E_RATE_LIMITED, true, "The service refused the request: too many of them (429)."),
    ROW(E_UNAUTHORIZED, false, "The service refused the credential (401)."),
    ROW(E_FORBIDDEN, false, "The credential lacks the scope Device.Read (403)."),
    ROW(E_NOT_FOUND, false, "The service knows no such lock or API version (404)."),
    ROW(E_SERVER, true, "The service failed (5xx)."),
    ROW(E_HTTP, false, "The service answered with an unexpected HTTP status."),
    ROW(E_API, false, "The service reported that the call did not succeed."),
    ROW(E_GUARD, true, "The guard's store could not be read or written."),
    ROW(E_NO_TRANSPORT, false, "The library was built without libcurl, and no transport is set."),
    ROW(E_BUSY, false, "The context is in use by a fetch."),
};

static const status_row *row_of(lock_sync_status status)
{
    static const status_row unknown = {"LOCK_SYNC_E_?", "This version of the library does not know the status.", false};

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
    return row_of(status)->retryable;
}
