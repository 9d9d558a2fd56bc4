/* The rules that must hold after each step. A violated rule ends the process. */
#ifndef SIMULATION_CHECKS_H
#define SIMULATION_CHECKS_H

#include "world.h"

/* --- checks.c: callbacks, order, deadlines, fairness --- */

/* Registers a task before it is submitted; it counts if the pool accepts it. */
task *check_task(client *c, bool is_watch);
void check_entry(task *t, lock_sync_status status);
/* Check the end of a fetch; a callback of a watch; the end of a watch that gets no further callback. */
void check_done(task *t, const lock_sync_ctx *ctx, lock_sync_status status, const lock_sync_results *results);
void check_changed(task *t, lock_sync_status status, const lock_sync_changes *changes);
void check_left(task *t);
void check_cancel(task *t);          /* it is cancelled */
void check_stop(client *c, bool on); /* its context is stopped, or may fetch again */

/* Checks a task for which a transfer starts. `is_first`: this fetch had none before. */
void check_started(task *t, bool is_first);
void check_over(task *t);        /* the transfer is over */
void check_step(void);           /* after each step */
void check_next(int64_t due_us); /* before time moves to what is due next; NEVER_US: nothing is due */
void check_pool_gone(const app *owner);
void check_healed(void); /* a while after the last fault */

/* --- ledger.c: the guard's promise --- */

void ledger_begin(void);
/* Records a request that is sent in a slot of its guard (0: mode OFF). `until_us`: the last moment at which it may
   arrive. */
void ledger_sent(const task *t, int64_t slot, int64_t until_us, bool is_retry);
void ledger_ended(const task *t, int64_t slot, bool limited, int64_t retry_after_s);
void ledger_arrived(int32_t key, int64_t slot, int64_t at_us);
/* Records a request that another user of a shared guard sends and ends. */
void ledger_sent_by_other(int32_t key, int32_t pool, int64_t slot);
void ledger_close(void); /* all pools are freed: each slot was settled once */

#endif
