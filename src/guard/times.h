/* Arithmetic on the guard's times and counts. */
#ifndef LSYNC_GUARD_TIMES_H
#define LSYNC_GUARD_TIMES_H

#include <stdint.h>

static inline int64_t lsync_time_earlier(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static inline int64_t lsync_time_later(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

/* Returns the number of the cell that a time is in. Rounds down, also for negative times. */
static inline int64_t lsync_time_cell(int64_t us, int64_t cell_us)
{
    return us / cell_us - (us % cell_us < 0);
}

static inline uint32_t lsync_count_add(uint32_t a, uint32_t b, uint32_t most)
{
    return b > most - a ? most : a + b;
}

#endif
