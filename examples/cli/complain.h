/* What goes wrong: one line on stderr that says what to do next, and an exit status for each class of error. */
#ifndef CLI_COMPLAIN_H
#define CLI_COMPLAIN_H

#include <locksync/locksync.h>

/* Help, manual and docs/locksync.md list them; scripts rely on them. A signal ends the command as it ends any other. */
enum {
    EXIT_DONE = 0,
    EXIT_INTERNAL = 1,
    EXIT_USAGE = 2,
    EXIT_MISSING = 3,
    EXIT_NO_CREDENTIAL = 4,
    EXIT_REFUSED = 5,
    EXIT_TOO_SOON = 6,
    EXIT_NETWORK = 7,
    EXIT_TLS = 8,
    EXIT_SERVICE = 9,
    EXIT_ANSWER = 10,
    EXIT_GUARD = 11,
    EXIT_OUTPUT = 12
};

/* Prints "locksync: ..." and returns the exit status, so that one line can do both. Never give it a secret. */
__attribute__((format(printf, 2, 3))) int complain(int exit_status, const char *format, ...);

/* Prints what the context's last call failed with, and what to do; returns the exit status of its class. */
int complain_of(const lock_sync_ctx *ctx, lock_sync_status status);

/* An id that was asked for and not answered. */
int complain_missing(int64_t id);

int exit_status_of(lock_sync_status status);

/* The detail that the context has of this status, or else the status's own message: borrowed until its next call. */
const char *message_of(const lock_sync_ctx *ctx, lock_sync_status status);

/* What ends the message as a sentence: "." or "". */
const char *full_stop_after(const char *message);

#endif
