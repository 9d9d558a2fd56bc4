/* The clocks. Only code with side effects reads them; pure code gets times as arguments. */
#ifndef LSYNC_BASE_CLOCK_H
#define LSYNC_BASE_CLOCK_H

#include "base/duration.h"

#include <stdint.h>

int64_t lsync_clock_unix_ms(void); /* wall clock, ms since 1970 */
int64_t lsync_clock_boot_us(void); /* never jumps, runs while the machine sleeps; for deadlines and intervals */

/* Converts microseconds to milliseconds. Rounds up, so that no wait ends too early. */
static inline int64_t lsync_clock_ms_up(int64_t us)
{
    return lsync_duration_up(us, 1000);
}

#endif
