/* The virtual clocks. Time passes only through the calls below. */
#ifndef SIMULATION_CLOCK_H
#define SIMULATION_CLOCK_H

#include <stdbool.h>
#include <stdint.h>

#define SECOND_US ((int64_t)1000000)
#define MINUTE_US (60 * SECOND_US)
#define NEVER_US INT64_MAX
#define CLOCK_BOOTED_US (1000 * SECOND_US) /* the boot clock's first value */

/* Begins the clocks. `creeps`: each look at the boot clock takes 1 us. */
void clock_begin(bool creeps);
int64_t clock_now_us(void);   /* the boot clock; a look without taking time */
void clock_go_to(int64_t us); /* does nothing if that time is past */

/* Lets the machine sleep: libcurl's clock, the monotonic one, stops meanwhile. */
void clock_sleep(int64_t us);
int64_t clock_monotonic_us(void);

/* Lets the application keep the pool's thread busy. */
void clock_busy(int64_t us);
/* Returns how long the pool could not act in total: asleep, or busy. */
int64_t clock_lost_us(void);

void clock_set_wall(int64_t by_ms);
int64_t clock_wall_ms(void);

#endif
