/* Random histories of an account, and the truth about them, kept apart from the rule: a plain list of requests, each
   with the interval of true time in which it may arrive at the service. A history makes requests of all kinds in the
   ways that clients do (answered, never sent, 429, killed while they hold a lease, extended, sent twice, settled when
   the store works again), lets the store's clock jump, and after each step checks what the rule promised. */
#ifndef GUARD_HISTORY_H
#define GUARD_HISTORY_H

#include "guard/rule.h"

#include <stddef.h>

typedef struct history_plan {
    const char *name;
    uint64_t seed;
    size_t steps;
    lsync_guard_limits limits; /* granularity_us + 1: what the store's clock is cut to */
    int64_t hold_max_us;       /* of OTHER cut to its own most */
    unsigned clients;
    /* in per mille of the questions, of the steps or of the settlings */
    unsigned directories;
    unsigned others;
    unsigned killed;
    unsigned not_sent;
    unsigned limited;
    unsigned extends; /* a retry, or another page */
    unsigned charges;
    unsigned kept; /* the store cannot be written: settled later */
    unsigned back; /* the clock jumps backward */
    unsigned forward;
    int64_t jump_max_us;
} history_plan;

typedef struct history_result {
    size_t operations; /* calls of the rule */
    size_t granted;
    size_t extended;
    size_t denied;
    size_t too_close;     /* slots closer than the interval to another request of their kind */
    size_t over_budget;   /* requests that may make an hour with more than the budget */
    size_t blocked;       /* slots before the end of a block */
    size_t wrong_wait;    /* not granted after the wait; without a live lease: granted before */
    size_t wrong_soonest; /* not when the gate would open if all leases ended at once */
    size_t endless;       /* waits beyond history_wait_bound() */
    size_t stale;         /* a record that was stale and kept a request from being sent */
    char first[512];      /* the first of these, in words */
} history_result;

/* The longest that the rule may say to wait, whatever the clock did. */
int64_t history_wait_bound(const history_plan *plan);

history_result history_run(const history_plan *plan);

#endif
