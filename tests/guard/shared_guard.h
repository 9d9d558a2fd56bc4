/* A guard that many processes share, for the soak and the storm. */
#ifndef GUARD_SHARED_GUARD_H
#define GUARD_SHARED_GUARD_H

#include <locksync/guard.h>
#include <stddef.h>

/* The place of the guard's record. Both "": the memory of each process. */
typedef struct guard_place {
    char redis[128]; /* URL of the server */
    char file[256];
} guard_place;

typedef struct guard_limits {
    int64_t interval_ms;
    uint32_t budget;
    uint32_t unused;
} guard_limits;

/* Opens this process's guard at the place, or several guards, which share one lock_sync_redis. Ends the process on
   failure. */
lock_sync_guard *guard_at(const guard_place *place, const guard_limits *limits);
void guards_at(const guard_place *place, lock_sync_guard **guards, size_t n, const guard_limits *limits);

/* Sleeps until `second` seconds after `begin_us`, a time of kit_now_us(). */
void sleep_until(int64_t begin_us, double second);

/* Reads a command line "[SECONDS [NAME]]". *seconds and *only have the defaults before. False: it is invalid. */
bool soak_arguments(int argc, char **argv, double *seconds, const char **only);

#endif
