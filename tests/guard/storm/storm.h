/* The memory that the processes of a storm share: commands, and a log of their requests. Times are of
   CLOCK_MONOTONIC in us. */
#ifndef STORM_STORM_H
#define STORM_STORM_H

#include "../shared_guard.h"

#include <stdatomic.h>
#include <sys/types.h>

#define PROCESSES 8
#define INTERVAL_MS 100
#define LEASE_MS 200
#define USES_MAX 65536
#define LOSSES_MAX 32

/* A slot and its request. */
typedef struct use {
    pid_t pid;
    int64_t asked_us; /* before the slot was requested */
    int64_t begin_us; /* the request's begin; 0: not sent, because the lease was too short for this machine */
    int64_t end_us;
    lock_sync_guard_outcome outcome;
    bool settled;           /* at the first try */
    int64_t retry_after_us; /* of LIMITED */
    /* LIMITED: known_us[n] is the end of the first decision of its process that reached the store after n losses; 0:
       none yet */
    _Atomic int64_t known_us[LOSSES_MAX + 1];
} use;

typedef struct board {
    atomic_bool stop;
    guard_place place;
    atomic_uint workers;
    atomic_uint losses;
    int64_t lost_us[LOSSES_MAX]; /* when each loss was complete */
    atomic_int limit_next_ms;    /* the next request gets a 429 of this length; 0: by chance */
    atomic_bool is_limited;      /* a request got a 429 */
    atomic_uint failures;        /* calls that did not reach the store */
    atomic_uint uses;
    use use[USES_MAX];
} board;

/* A process of the storm: it reserves, sends and settles until board->stop. */
int storm_work(void *board);

typedef struct verdict {
    unsigned slots;
    unsigned requests;
    unsigned too_close;    /* requests that began less than the interval after the end of another */
    int64_t closest_us;    /* the least time between an end and the next begin */
    unsigned limited;      /* 429s */
    unsigned unwritten;    /* 429s whose settle failed */
    unsigned broken_own;   /* requests during a 429 of the same process */
    unsigned broken_other; /* requests during a 429 of another process, after that process's next decision */
    unsigned after_losses; /* requests after the first loss */
} verdict;

verdict storm_judge(const board *b);

#endif
