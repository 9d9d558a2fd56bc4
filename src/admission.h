/* A context's side of the guard: asking for a slot as its mode says, settling it, and the answer that is kept for
   CACHED. */
#ifndef LSYNC_ADMISSION_H
#define LSYNC_ADMISSION_H

#include "context.h"
#include "guard/guard.h"
#include "wire/response.h"

/* Asks for the slot of a fetch; waits in mode WAIT, up to the deadline. OK with *slot (0 in mode OFF: nothing to
   settle), or E_TOO_SOON, E_TIMEOUT, E_CANCELLED, E_GUARD, E_NO_MEMORY with the error set. */
lock_sync_status lsync_admit(lock_sync_ctx *ctx, int64_t deadline_us, int64_t *slot);

/* Asks for the slot of a fetch once, in any mode. OK with the answer's slot (0 in mode OFF); E_TOO_SOON with its waits;
   E_TIMEOUT, E_GUARD, E_NO_MEMORY. After a failure the error is set. */
lock_sync_status lsync_ask(lock_sync_ctx *ctx, int64_t deadline_us, lsync_guard_answer *answer);

/* Sleeps until the time is over or the fetch is cancelled. */
void lsync_sleep_or_cancel(lock_sync_ctx *ctx, int64_t ms);

/* Asks for the retry after a 401, in the slot of the first request (0: none). OK, or why there is no retry; the error is
   left as it is, and so is the slot. */
lock_sync_status lsync_admit_retry(lock_sync_ctx *ctx, int64_t deadline_us, int64_t slot,
                                   const lsync_settlement *first);

/* Logs what the guard's store said of itself, once. */
void lsync_log_guard_warning(const lock_sync_ctx *ctx);

/* Notes in the context's error why the guard gave no slot: E_TOO_SOON with the wait of its answer, or another status.
   Returns the status. */
lock_sync_status lsync_not_admitted(lock_sync_ctx *ctx, lock_sync_status status, const lsync_guard_answer *answer);

/* Makes the context's private guard, if it has none. OK or E_NO_MEMORY with the error set. */
lock_sync_status lsync_need_guard(lock_sync_ctx *ctx);

/* Logs that a slot could not be settled. */
void lsync_log_not_settled(const lock_sync_ctx *ctx, lock_sync_status status);

/* What a transfer that ended with `status` means for its slot. */
lock_sync_guard_outcome lsync_outcome_of(lock_sync_status status, const lock_sync_response *s);

/* Settles a slot (0: none), and charges what was sent more than once. */
void lsync_settle(lock_sync_ctx *ctx, int64_t slot, const lsync_settlement *settlement);

/* The kept answer's part that is asked for, marked cached. E_TOO_SOON when it does not cover that, with the error left
   as the guard's refusal set it; E_NO_MEMORY with the error set. */
lock_sync_status lsync_cached_answer(lock_sync_ctx *ctx, const int64_t *ids, size_t n, bool single,
                                     lock_sync_results **out);

#endif
