/* Formats times. */
#ifndef CLI_MOMENT_H
#define CLI_MOMENT_H

#include <locksync/locksync.h>

#define MOMENT_SIZE 32

int64_t unix_now_ms(void);

/* Returns whether the service sent the time of the last state change. The default date of its platform, in the year 1,
   means unknown. */
bool moment_of(const lock_sync_lock *lock, int64_t *unix_ms);

/* Write "2026-10-03T14:03:20.042Z", and in local time "2026-10-03 14:03:20". Return false, and write an empty text, if
   the year does not have four digits. */
bool moment_utc(int64_t unix_ms, char text[MOMENT_SIZE]);
bool moment_local(int64_t unix_ms, char text[MOMENT_SIZE]);

/* Writes "14:03:20" in local time, or as moment_local() if that is not on the same day as `now_ms`. */
bool moment_clock(int64_t unix_ms, int64_t now_ms, char text[MOMENT_SIZE]);

/* Writes the name of the local time zone at that time: "CEST". */
bool moment_zone(int64_t unix_ms, char text[MOMENT_SIZE]);

/* Writes a wait as the library's messages do: "20 s", "3 min 5 s" or "2 h 4 min", rounded up. */
void moment_span(int64_t ms, char text[MOMENT_SIZE]);

#endif
