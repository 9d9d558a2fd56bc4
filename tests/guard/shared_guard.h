/* A guard that many processes share, for the soak and the storm. */
#ifndef GUARD_SHARED_GUARD_H
#define GUARD_SHARED_GUARD_H

#include <locksync/guard.h>

/* The place of the guard's record. Both "": the memory of each process. */
typedef struct guard_place {
    char redis[128]; /* URL of the server */
    char file[256];
} guard_place;

/* Opens this process's guard at the place. Ends the process on failure. */
lock_sync_guard *guard_at(const guard_place *place, int64_t interval_ms, uint32_t budget, uint32_t unused);

/* Sleeps until `second` seconds after `begin_us`, a time of kit_now_us(). */
void sleep_until(int64_t begin_us, double second);

/* Reads a command line "[SECONDS [NAME]]". *seconds and *only have the defaults before. False: it is invalid. */
bool soak_arguments(int argc, char **argv, double *seconds, const char **only);

#endif
