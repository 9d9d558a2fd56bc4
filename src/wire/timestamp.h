/* Times in the formats of the service and of HTTP. Pure: they do not depend on clock, locale or the machine's time
   zone. */
#ifndef LSYNC_WIRE_TIMESTAMP_H
#define LSYNC_WIRE_TIMESTAMP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct lsync_moment {
    unsigned year, month, day, hour, minute, second;
} lsync_moment;

/* Converts a moment in UTC to Unix time. False for an invalid date or time; *unix_ms is unchanged then. */
bool lsync_moment_unix_ms(const lsync_moment *m, unsigned last_second, int64_t *unix_ms);

/* Parses a time in ISO 8601: YYYY-MM-DDThh:mm:ss, an optional fraction of 1 to 9 digits, and a time zone. The fraction
   is cut to milliseconds. The zone is Z, +hh:mm, -hh:mm, +hh, -hh, or nothing, which means UTC. Returns false for any
   other text; *unix_ms is unchanged then. */
bool lsync_timestamp_parse(const char *text, size_t size, int64_t *unix_ms);

/* Parses an HTTP date in any of the three forms of RFC 9110, section 5.6.7. `now_ms` determines the century of a year
   that has two digits. */
bool lsync_http_date_parse(const char *text, int64_t now_ms, int64_t *unix_ms);

/* Parses a Retry-After value: seconds, or an HTTP date. A date is relative to the response's Date header, or to
   received_at_ms without one. Returns milliseconds >= 0, or -1 for an invalid value. */
int64_t lsync_retry_after_ms(const char *value, const char *date, int64_t received_at_ms);

#endif
