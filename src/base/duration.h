/* Time spans in other units, and as text for people. */
#ifndef LSYNC_BASE_DURATION_H
#define LSYNC_BASE_DURATION_H

#include <stdint.h>

#define LSYNC_DURATION_SIZE 40

/* Converts a span to larger units. Rounds up. */
static inline int64_t lsync_duration_up(int64_t span, int64_t unit)
{
    return span / unit + (span % unit > 0);
}

/* Writes a span as "12 s", "3 min 5 s" or "2 h 4 min", rounded up. A negative span is written as 0 s. */
void lsync_duration_text(int64_t ms, char text[LSYNC_DURATION_SIZE]);

#endif
