/* The clock of the fleet's programs. */
#ifndef FLEET_CLOCK_H
#define FLEET_CLOCK_H

#include <stdint.h>
#include <time.h>

/* Returns the time in ms since boot, with the time for which the machine was suspended. */
static inline int64_t clock_ms(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_BOOTTIME, &now);
    return now.tv_sec * INT64_C(1000) + now.tv_nsec / 1000000;
}

#endif
