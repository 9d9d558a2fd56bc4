/* What the processes of the soak share: how long to go on, and what became of each slot. */
#ifndef SOAK_SHARED_H
#define SOAK_SHARED_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define INTERVAL_MS 200
#define TIMEOUT_MS 500
#define JITTER_MS 30
#define BUDGET_RESERVE 10
#define USES_MAX 4096

/* One slot that was used; times of the boot clock. */
typedef struct use {
    _Atomic int64_t begin_us; /* the transport was called */
    _Atomic int64_t end_us;   /* it returned; 0: killed before */
    int64_t until_us;         /* the end of its hold */
    pid_t pid;
    bool unsent;              /* its fetch was over before anything was sent: it was given back */
} use;

typedef struct board {
    atomic_bool stop;
    char url[64];       /* of the simulator */
    char file[256];     /* of the guard; "": another kind */
    char redis[64];     /* URL of the server; "": another kind */
    uint32_t budget;    /* with the reserve */
    _Atomic int64_t spent_us; /* when the budget was first seen to be used up; 0: not yet */
    atomic_uint uses;
    atomic_uint good, too_soon, no_guard, timed_out, limited, other;
    use use[USES_MAX];
} board;

int64_t soak_now_us(void);

/* Starts a process with so many threads that fetch in mode WAIT until board->stop, on one guard. It dies with its
   parent. */
pid_t soak_start_process(board *b, unsigned threads);

#endif
