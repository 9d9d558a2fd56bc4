/* The rules: what must hold after each step, whatever happens. A rule that is broken ends the process. */
#ifndef SIMULATION_CHECKS_H
#define SIMULATION_CHECKS_H

#include "world.h"

/* --- checks.c: callbacks, order, deadlines, fairness --- */

/* A task that is about to be handed to a pool. It is one if the pool takes it. */
task *check_task(client *c, bool is_watch);
void check_entry(task *t, lock_sync_status status);
/* The end of a fetch; news of a watch; a watch that was freed, or is heard of no more. */
void check_done(task *t, const lock_sync_ctx *ctx, lock_sync_status status, const lock_sync_results *results);
void check_changed(task *t, lock_sync_status status, const lock_sync_changes *changes);
void check_left(task *t);
void check_cancel(task *t); /* it is cancelled */

/* A transfer starts for it. `is_first`: nothing of this fetch was tried before. */
void check_started(task *t, bool is_first);
void check_over(task *t);        /* the transfer is over */
void check_step(void);           /* after each */
void check_next(int64_t due_us); /* before time goes on to what is due next; NEVER_US: nothing is */
void check_pool_gone(const host *h);
void check_healed(void); /* a while after the last fault */

/* --- ledger.c: the guard's promise --- */

void ledger_begin(void);
/* A request is sent in the slot of its guard (0: mode OFF). Then its end, the last moment at which it may arrive. */
void ledger_sent(const task *t, int64_t slot, int64_t until_us, bool is_retry);
void ledger_ended(const task *t, int64_t slot, bool limited, int64_t retry_after_s);
void ledger_arrived(int32_t key, int64_t slot, int64_t at_us);
/* Another user of a shared guard sends, and is done with it. */
void ledger_sent_by_other(int32_t key, int32_t pool, int64_t slot);
void ledger_close(void); /* all pools are gone: each slot was settled once */

#endif
