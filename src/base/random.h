/* Random numbers that two processes do not draw alike. */
#ifndef LSYNC_BASE_RANDOM_H
#define LSYNC_BASE_RANDOM_H

#include <stdint.h>

/* A generator: cheap, not for secrets. */
typedef struct lsync_random {
    uint64_t state;
} lsync_random;

/* Seeds from the system's own source of randomness, or without one from clocks and addresses. */
void lsync_random_seed(lsync_random *random);

/* Returns 1 .. INT64_MAX. */
int64_t lsync_random_next(lsync_random *random);

#endif
