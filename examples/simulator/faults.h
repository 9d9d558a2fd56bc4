/* The faults that the simulator can be told to make, and when the next one of each is due. */
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
    FAULT_NONE /* also how many there are */
};

/* Zero is a good start: none. All of it may be used by several threads at once. */
struct faults {
    atomic_uint every[FAULT_NONE]; /* each Nth answer; 0: off */
    atomic_uint seen[FAULT_NONE];  /* answers since it was switched on */
    atomic_bool any;
};

enum fault fault_by_name(const char *name, size_t size); /* FAULT_NONE: no such fault */

void faults_switch(struct faults *faults, enum fault fault, uint32_t every);

/* One more answer: the fault that is due for it. If several are, the one named first in the enumeration. */
enum fault faults_draw(struct faults *faults);

/* Every fault that is on counts from zero again. */
void faults_restart(struct faults *faults);

#endif
