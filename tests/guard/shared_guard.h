/* A guard that many processes share: what the soak and the storm have in common. */
#ifndef GUARD_SHARED_GUARD_H
#define GUARD_SHARED_GUARD_H

#include <locksync/guard.h>

/* Where the guard's record is; both "": in the memory of each process. */
typedef struct guard_place {
    char redis[64]; /* URL of the server */
    char file[256];
} guard_place;

/* Each process's guard on it; ends the process when there is none. */
lock_sync_guard *guard_at(const guard_place *place, int64_t interval_ms, uint32_t budget, uint32_t reserve);

/* Until so many seconds after a time of kit_now_us(). */
void sleep_until(int64_t begin_us, double second);

/* Reads a command line "[SECONDS [NAME]]" into what holds the defaults. False: it is none. */
bool soak_arguments(int argc, char **argv, double *seconds, const char **only);

#endif
