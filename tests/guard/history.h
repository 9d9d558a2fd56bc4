/* Random histories of an account, and the truth about them, kept apart from the rule: a plain list of requests, each
   with the interval of true time in which it may arrive at the service. A history makes requests in the ways that
   clients do (answered, never sent, 429, killed while they hold, repeated after a 401, sent twice), lets the store's
   clock jump, and after each step checks what the rule promised. */
#ifndef GUARD_HISTORY_H
#define GUARD_HISTORY_H

#include "guard/rule.h"

#include <stddef.h>

typedef struct history_plan {
    const char *name;
    uint64_t seed;
    size_t steps;
    lsync_guard_limits limits; /* granularity_us + 1: what the store's clock is cut to */
    int64_t hold_max_us;
    unsigned clients;
    /* in per mille of the steps or of the settlings */
    unsigned killed;
    unsigned not_sent;
    unsigned limited;
    unsigned repeats;  /* after an answer: the request again, with another credential */
    unsigned charges;
    unsigned back;     /* the clock jumps backward */
    unsigned forward;
    int64_t jump_max_us;
} history_plan;

typedef struct history_result {
    size_t operations; /* calls of the rule */
    size_t granted;
    size_t refused;
    size_t too_close;      /* FIRST slots closer than the interval to another's completion */
    size_t over_budget;    /* requests that may make an hour with more than the budget */
    size_t blocked;        /* slots before the end of a block */
    size_t wrong_wait;     /* not refused at wait - 1, or not allowed at wait */
    size_t endless;        /* waits beyond history_wait_bound() */
    size_t stale;          /* a record that told it does not matter any more, and did */
    char first[512];       /* the first of these, in words */
} history_result;

/* The longest that a gate may say to wait, whatever the clock did: from the first question after a jump on. */
int64_t history_wait_bound(const history_plan *plan);

history_result history_run(const history_plan *plan);

#endif
