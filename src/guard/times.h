/* Arithmetic of the guard's times and counts. */
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

/* The cell of the grid that a time lies in: rounded down, also before the clock's zero. */
static inline int64_t lsync_time_cell(int64_t us, int64_t cell_us)
{
    return us / cell_us - (us % cell_us < 0);
}

static inline uint32_t lsync_count_add(uint32_t a, uint32_t b, uint32_t most)
{
    return b > most - a ? most : a + b;
}

#endif
