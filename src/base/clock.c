/* The clocks; see clock.h. */
#include "base/clock.h"

#include <time.h>

int64_t lsync_clock_unix_ms(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_REALTIME, &now); /* cannot fail for a clock that exists everywhere */
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

int64_t lsync_clock_boot_us(void)
{
#ifdef CLOCK_BOOTTIME
    const clockid_t clock = CLOCK_BOOTTIME;
#else
    const clockid_t clock = CLOCK_MONOTONIC;
#endif
    struct timespec now;

    (void)clock_gettime(clock, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}
