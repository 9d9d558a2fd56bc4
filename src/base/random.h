/* Random numbers that differ between processes. */
#ifndef LSYNC_BASE_RANDOM_H
#define LSYNC_BASE_RANDOM_H

#include <stdint.h>

/* A cheap generator. Do not use it for secrets. */
typedef struct lsync_random {
    uint64_t state;
} lsync_random;

/* Seeds the generator from the system's source of randomness. Without one, clocks, process id and address are used. */
void lsync_random_seed(lsync_random *random);

/* Returns 1 .. INT64_MAX. */
int64_t lsync_random_next(lsync_random *random);

#endif
