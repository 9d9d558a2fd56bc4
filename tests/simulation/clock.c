/* The virtual clocks; see clock.h. They replace base/clock.c. */
#include "clock.h"

#include "base/clock.h"

#define WALL_MS INT64_C(1750000000000)

static struct {
    int64_t now_us;
    int64_t slept_us;
    int64_t lost_us;
    int64_t wall_ms; /* wall clock minus boot clock */
    bool creeps;
} at;

void clock_begin(bool creeps)
{
    at.now_us = CLOCK_BOOTED_US;
    at.slept_us = at.lost_us = 0;
    at.wall_ms = WALL_MS;
    at.creeps = creeps;
}

int64_t clock_now_us(void)
{
    return at.now_us;
}

void clock_go_to(int64_t us)
{
    if (us > at.now_us)
        at.now_us = us;
}

void clock_sleep(int64_t us)
{
    at.slept_us += us;
    clock_busy(us);
}

int64_t clock_monotonic_us(void)
{
    return at.now_us - at.slept_us;
}

void clock_busy(int64_t us)
{
    at.lost_us += us;
    at.now_us += us;
}

int64_t clock_lost_us(void)
{
    return at.lost_us;
}

void clock_set_wall(int64_t by_ms)
{
    at.wall_ms += by_ms;
}

int64_t clock_wall_ms(void)
{
    return at.wall_ms + at.now_us / 1000;
}

int64_t lsync_clock_unix_ms(void)
{
    return clock_wall_ms();
}

int64_t lsync_clock_boot_us(void)
{
    at.now_us += at.creeps;
    return at.now_us;
}
