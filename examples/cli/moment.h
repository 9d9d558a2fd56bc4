/* Times as texts. */
#ifndef CLI_MOMENT_H
#define CLI_MOMENT_H

#include <locksync/locksync.h>

#define MOMENT_SIZE 32

int64_t unix_now_ms(void);

/* Whether the service said when the state changed. The default date of its platform, in the year 1, says that it does
   not know. */
bool moment_of(const lock_sync_lock *lock, int64_t *unix_ms);

/* "2026-10-03T14:03:20.042Z", "2026-10-03 14:03:20" of this place, "14:03:20" of this place. false, and an empty text,
   for a year that has no four digits. */
bool moment_utc(int64_t unix_ms, char text[MOMENT_SIZE]);
bool moment_local(int64_t unix_ms, char text[MOMENT_SIZE]);
bool moment_clock(int64_t unix_ms, char text[MOMENT_SIZE]);

/* A time to wait, rounded up: "20 s", from two minutes on "3 min". */
void moment_span(int64_t ms, char text[MOMENT_SIZE]);

#endif
