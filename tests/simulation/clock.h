/* The virtual clocks. Time passes only where somebody says so. */
#ifndef SIMULATION_CLOCK_H
#define SIMULATION_CLOCK_H

#include <stdbool.h>
#include <stdint.h>

#define SECOND_US ((int64_t)1000000)
#define MINUTE_US (60 * SECOND_US)
#define NEVER_US INT64_MAX
#define CLOCK_BOOTED_US (1000 * SECOND_US) /* what the boot clock shows at the beginning */

/* `creeps`: each look at the boot clock takes a microsecond. */
void clock_begin(bool creeps);
int64_t clock_now_us(void);   /* the boot clock; a look that takes no time */
void clock_go_to(int64_t us); /* nothing if it is past */

/* The machine sleeps: libcurl's clock, the monotonic one, stands still meanwhile. */
void clock_sleep(int64_t us);
int64_t clock_monotonic_us(void);

/* The pool's thread is kept busy by the application. */
void clock_dwell(int64_t us);
/* How long the pool could not act in all: asleep, or kept. */
int64_t clock_lost_us(void);

void clock_set_wall(int64_t by_ms);
int64_t clock_wall_ms(void);

#endif
