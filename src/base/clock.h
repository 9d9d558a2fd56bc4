/* The clocks, read at the edges only: the middle gets times as arguments. */
#ifndef LSYNC_BASE_CLOCK_H
#define LSYNC_BASE_CLOCK_H

#include "base/duration.h"

#include <stdint.h>

int64_t lsync_clock_unix_ms(void); /* wall clock, ms since 1970 */
int64_t lsync_clock_boot_us(void); /* never jumps, and goes on while the machine sleeps; for deadlines and intervals */

/* Microseconds as milliseconds, rounded up: nobody who waits for so long comes too early. */
static inline int64_t lsync_clock_ms_up(int64_t us)
{
    return lsync_duration_up(us, 1000);
}

#endif
