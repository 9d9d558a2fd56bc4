/* Reports errors: one line on stderr that says what to do next, and an exit status for each class of error. */
#ifndef CLI_REPORT_H
#define CLI_REPORT_H

#include <locksync/locksync.h>

/* Help, manual and docs/locksync.md list these; scripts rely on them. A signal ends the command without any of these.
   */
enum {
    EXIT_DONE = 0,
    EXIT_INTERNAL = 1,
    EXIT_USAGE = 2,
    EXIT_MISSING = 3,
    EXIT_NO_CREDENTIAL = 4,
    EXIT_REJECTED = 5,
    EXIT_TOO_SOON = 6,
    EXIT_NETWORK = 7,
    EXIT_TLS = 8,
    EXIT_SERVICE = 9,
    EXIT_RESPONSE = 10,
    EXIT_GUARD = 11,
    EXIT_OUTPUT = 12,
    EXIT_NO = 13,
    EXIT_UNKNOWN = 14
};

/* Prints "locksync: ..." on stderr and returns `exit_status`. The text must not contain a secret. */
__attribute__((format(printf, 2, 3))) int report(int exit_status, const char *format, ...);

/* Prints a line that is not an error on stderr, unless --quiet is given. */
__attribute__((format(printf, 1, 2))) void notice(const char *format, ...);
void notices_off(void);

/* Reports the failure of the context's last call, with advice; returns the exit status of `status`. */
int report_error(const lock_sync_ctx *ctx, lock_sync_status status);

/* Reports a requested id that the response does not contain; returns EXIT_MISSING. */
int report_missing(int64_t id);

int exit_status_of(lock_sync_status status);

/* Returns the context's detailed message for `status`, or else the status's default message. Borrowed until the
   context's next call. */
const char *message_of(const lock_sync_ctx *ctx, lock_sync_status status);

#endif
