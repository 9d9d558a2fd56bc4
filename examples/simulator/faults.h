/* The faults that the simulator can make, and when each is due. */
#ifndef LOCKSYNC_SIM_FAULTS_H
#define LOCKSYNC_SIM_FAULTS_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum fault {
    FAULT_401,
    FAULT_403,
    FAULT_404,
    FAULT_429,
    FAULT_500,
    FAULT_503,
    FAULT_HTML,
    FAULT_EMPTY,
    FAULT_TRUNCATED,
    FAULT_RESET,
    FAULT_SLOW,
    FAULT_BAD_JSON,
    FAULT_WRONG_TYPE,
    FAULT_HUGE,
    FAULT_GZIP_BOMB,
    FAULT_REDIRECT,
    FAULT_SUCCESS_FALSE,
    FAULT_NONE /* also the number of faults */
};

/* All zero: no faults. Threads may use it concurrently. */
struct faults {
    atomic_uint every[FAULT_NONE]; /* each Nth response; 0: off */
    atomic_uint seen[FAULT_NONE];  /* responses since it was switched on */
    atomic_bool any;
};

enum fault fault_by_name(const char *name, size_t size); /* FAULT_NONE: no such fault */

void faults_switch(struct faults *faults, enum fault fault, uint32_t every);

/* Counts a response and returns its fault. If several are due, the first in the enumeration is returned. */
enum fault faults_draw(struct faults *faults);

/* Restarts the count of each fault at zero. */
void faults_restart(struct faults *faults);

#endif
