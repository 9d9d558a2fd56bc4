#include "report.h"

#include "sanitize.h"
#include "moment.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

typedef struct row {
    int exit_status;
    const char *advice;
} row;

#define ROW(status, exit_status, advice) [LOCK_SYNC_##status] = {exit_status, advice}

static const row rows[] = {
    ROW(OK, EXIT_DONE, ""),
    ROW(E_INVALID_ARGUMENT, EXIT_USAGE, "See locksync --help."),
    ROW(E_NO_MEMORY, EXIT_INTERNAL, "Free some memory and try again."),
    ROW(E_NO_CREDENTIAL, EXIT_NO_CREDENTIAL, "Set LOCKSYNC_PERSONAL_KEY, or use --key-file."),
    ROW(E_CANCELLED, EXIT_INTERNAL, "Try again."),
    ROW(E_TIMEOUT, EXIT_NETWORK, "Try again later, or allow more time with --timeout."),
    ROW(E_RESOLVE, EXIT_NETWORK, "Check the network and --base-url."),
    ROW(E_CONNECT, EXIT_NETWORK, "Check the network; behind a proxy, set https_proxy."),
    ROW(E_TLS, EXIT_TLS, "Check the clock; for a private certificate authority, use --ca-file."),
    ROW(E_NETWORK, EXIT_NETWORK, "Try again later."),
    ROW(E_TOO_LARGE, EXIT_RESPONSE, "Use ids of locks, or check --base-url."),
    ROW(E_MALFORMED, EXIT_RESPONSE,
        "Check --base-url, and whether a proxy or a login page responds instead of the service."),
    ROW(E_TOO_SOON, EXIT_TOO_SOON, "Try again then, or use --wait."),
    ROW(E_RATE_LIMITED, EXIT_TOO_SOON, "Try again later; all programs of the account share its limit."),
    ROW(E_UNAUTHORIZED, EXIT_REJECTED, "The key or token is wrong, revoked or expired: make a new one."),
    ROW(E_FORBIDDEN, EXIT_REJECTED, "Make a key that has the permission to read devices."),
    ROW(E_NOT_FOUND, EXIT_RESPONSE, "Check --api-version and --base-url."),
    ROW(E_SERVER, EXIT_SERVICE, "Try again later."),
    ROW(E_HTTP, EXIT_RESPONSE, "Check --base-url."),
    ROW(E_API, EXIT_RESPONSE, "Check --api-version, or ask the service's support."),
    ROW(E_GUARD, EXIT_GUARD, "Make the guard file writable, or name another with --guard-file."),
    ROW(E_NO_TRANSPORT, EXIT_INTERNAL, "Install a liblocksync that was built with libcurl."),
    ROW(E_BUSY, EXIT_INTERNAL, "Try again."),
};

static bool is_quiet;

static const row *row_of(lock_sync_status status)
{
    static const row unknown = {EXIT_INTERNAL, "Update this command, because the library is newer."};

    return status >= 0 && (size_t)status < sizeof rows / sizeof rows[0] ? &rows[status] : &unknown;
}

int exit_status_of(lock_sync_status status)
{
    return row_of(status)->exit_status;
}

static void print(const char *format, va_list values)
{
    char text[2048];

    (void)vsnprintf(text, sizeof text, format, values);
    sanitize(text);
    (void)fprintf(stderr, "locksync: %s\n", text);
}

int report(int exit_status, const char *format, ...)
{
    va_list values;

    va_start(values, format);
    print(format, values);
    va_end(values);
    return exit_status;
}

void notice(const char *format, ...)
{
    va_list values;

    va_start(values, format);
    if (!is_quiet)
        print(format, values);
    va_end(values);
}

void notices_off(void)
{
    is_quiet = true;
}

const char *message_of(const lock_sync_ctx *ctx, lock_sync_status status)
{
    const lock_sync_error *error = lock_sync_last_error(ctx);

    return lock_sync_error_status(error) == status ? lock_sync_error_message(error) : lock_sync_status_message(status);
}

/* Returns the full stop that some messages lack, and that a sentence behind them needs. */
static const char *full_stop_after(const char *message)
{
    size_t size = strlen(message);

    return size > 0 && strchr(".)", message[size - 1]) == NULL ? "." : "";
}

int report_error(const lock_sync_ctx *ctx, lock_sync_status status)
{
    const lock_sync_error *error = lock_sync_last_error(ctx);
    const char *message = message_of(ctx, status);
    const char *correlation_id = lock_sync_error_correlation_id(error);
    int64_t retry_ms = lock_sync_error_retry_after_ms(error);
    char span[MOMENT_SIZE];
    char asks[64] = "";

    moment_span(retry_ms, span);
    if (status != LOCK_SYNC_E_TOO_SOON && retry_ms >= 0) /* the message of E_TOO_SOON contains it */
        (void)snprintf(asks, sizeof asks, " The service asks to wait %s.", span);
    return report(exit_status_of(status), "%s%s%s %s%s%s%s", message, full_stop_after(message), asks,
                  row_of(status)->advice, correlation_id != NULL ? " (Correlation id: " : "",
                  correlation_id != NULL ? correlation_id : "", correlation_id != NULL ? ")" : "");
}

int report_missing(int64_t id)
{
    return report(EXIT_MISSING, "lock %" PRId64 " was not found: run locksync without ids to list the account's locks",
                  id);
}
