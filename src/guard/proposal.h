/* A decision that is made without waiting for the store. The guard reckons what the store has now: the record that it
   saw last, and the time by its own clock. It decides on that, and proposes the new record. The store writes it only if
   the record is still the same and its time lies in a window. Otherwise it returns both, and the guard decides again.
   So a decision takes one round trip if no other user interferes. Pure: times are arguments.

   The decision is made at the beginning of the window, and the times in the record are those of its end. So the rule
   takes the window's length for the granularity of the store's clock. */
#ifndef LSYNC_GUARD_PROPOSAL_H
#define LSYNC_GUARD_PROPOSAL_H

#include "guard/view.h"

typedef enum lsync_proposal_state {
    LSYNC_PROPOSAL_OPEN,   /* the swap must be carried out */
    LSYNC_PROPOSAL_DONE,   /* the decision is valid */
    LSYNC_PROPOSAL_FAILED, /* it is not; the store may have written it */
} lsync_proposal_state;

typedef struct lsync_proposal {
    lock_sync_guard_swap swap;
    lsync_guard_snapshot snapshot; /* what the decision was made on, and after it the new record */
    lsync_guard_view_mark mark;
    int64_t sent_us; /* when the swap was made, by the guard's own clock */
    int tries;
    unsigned char expected[LOCK_SYNC_GUARD_RECORD_MAX];
    unsigned char record[LSYNC_GUARD_RECORD_SIZE];
} lsync_proposal;

/* The input of a decision, besides the view. */
typedef struct lsync_proposal_input {
    const lsync_guard_decision *decision; /* its limits have no granularity */
    int64_t own_now_us;                   /* by the guard's own clock */
    int64_t slot;                         /* random */
} lsync_proposal_input;

/* Makes the first swap: a proposal, or a look if there is nothing to reckon from or the decision changes nothing. A
   denial must be confirmed, because another user may have given a slot back, and a lost record is restored then. The
   caller sets the swap's key. */
void lsync_proposal_begin(lsync_proposal *p, const lsync_guard_view *v, const lsync_proposal_input *input);

/* Returns how long to wait by the guard's own clock, so that a proposal then reckons with the time that a decision
   named. */
int64_t lsync_proposal_wait_ms(int64_t wait_ms);

/* Returns the status of a proposal that has failed. */
lock_sync_status lsync_proposal_status(const lsync_proposal *p);

/* Continues after the swap is done. OPEN: there is another swap. FAILED: swap.why has the cause. */
lsync_proposal_state lsync_proposal_continue(lsync_proposal *p, lsync_guard_view *v, const lsync_proposal_input *input);

#endif
