/* What the processes of the soak share: how long to go on, and what became of each slot. Times are kit_now_us()'s. */
#ifndef SOAK_SHARED_H
#define SOAK_SHARED_H

#include "../shared_guard.h"

#include <stdatomic.h>
#include <sys/types.h>

#define INTERVAL_MS 200
#define TIMEOUT_MS 500
#define JITTER_MS 30
#define BUDGET_RESERVE 10
#define USES_MAX 4096

/* One slot that was used. */
typedef struct use {
    _Atomic int64_t begin_us; /* the transport was called */
    _Atomic int64_t end_us;   /* it returned; 0: killed before */
    int64_t until_us;         /* the end of its hold */
    pid_t pid;
    bool unsent; /* its fetch was over before anything was sent: it was given back */
} use;

typedef struct board {
    atomic_bool stop;
    char url[64]; /* of the simulator */
    guard_place place;
    unsigned threads;         /* of each process */
    uint32_t budget;          /* with the reserve */
    _Atomic int64_t spent_us; /* when the budget was first seen to be used up; 0: not yet */
    atomic_uint uses;
    atomic_uint ended[LOCK_SYNC_E_BUSY + 1]; /* fetches, by their status */
    use use[USES_MAX];
} board;

/* A process: fetches in mode WAIT on all its threads until board->stop, on one guard. */
int soak_work(void *board);

#endif
