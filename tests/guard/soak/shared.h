/* The memory that the processes of the soak share: when to stop, and the use of each slot. Times are of
   kit_now_us(). */
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

/* A slot that was used. */
typedef struct use {
    _Atomic int64_t begin_us; /* the transport was called */
    _Atomic int64_t end_us;   /* it returned; 0: the process was killed before */
    int64_t until_us;         /* the end of its lease */
    pid_t pid;
    bool unsent;     /* its fetch ended before anything was sent: it was refunded */
    bool is_untimed; /* begin_us is that of the end */
} use;

typedef struct board {
    atomic_bool stop;
    char url[64]; /* of the simulator */
    guard_place place;
    unsigned threads;         /* of each process */
    uint32_t budget;          /* with the reserve */
    _Atomic int64_t spent_us; /* when a fetch first found the budget used up; 0: not yet */
    atomic_uint uses;
    atomic_uint ended[LOCK_SYNC_E_BUSY + 1]; /* fetches, by their status */
    use use[USES_MAX];
} board;

/* Runs a process of the soak: its threads fetch in mode WAIT with one guard until board->stop. */
int soak_work(void *board);
/* Runs the same with a pool in place of threads. */
int soak_pool(void *board);

#endif
