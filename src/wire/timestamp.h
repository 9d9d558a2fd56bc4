/* Times as the service and HTTP write them. Pure: no clock, no locale, no time zone of the machine. */
#ifndef LSYNC_WIRE_TIMESTAMP_H
#define LSYNC_WIRE_TIMESTAMP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct lsync_moment {
    unsigned year, month, day, hour, minute, second;
} lsync_moment;

/* The Unix time of a moment in UTC. False, and *unix_ms untouched, for one that no calendar or clock shows. */
bool lsync_moment_unix_ms(const lsync_moment *m, unsigned last_second, int64_t *unix_ms);

/* ISO 8601: YYYY-MM-DDThh:mm:ss, 1 to 9 fraction digits or none (beyond milliseconds dropped), then Z, +hh:mm, -hh:mm,
   +hh, -hh, or nothing, which is UTC. False, and *unix_ms untouched, for everything else. */
bool lsync_timestamp_parse(const char *text, size_t size, int64_t *unix_ms);

/* An HTTP date in any of the three forms of RFC 9110, section 5.6.7. `now_ms` settles the century of a year of two
   digits. */
bool lsync_http_date_parse(const char *text, int64_t now_ms, int64_t *unix_ms);

/* Retry-After: seconds, or an HTTP date counted from the answer's own Date (from received_at_ms without one).
   Milliseconds, >= 0; -1 for what is neither. */
int64_t lsync_retry_after_ms(const char *value, const char *date, int64_t received_at_ms);

#endif
