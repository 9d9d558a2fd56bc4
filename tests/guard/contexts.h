/* What the tests of contexts and their guards share: a context over a scripted transport, in some mode, with some
   guard. */
#ifndef GUARD_CONTEXTS_H
#define GUARD_CONTEXTS_H

#include "../support/kit.h"
#include "../support/fake.h"

/* A context that answers from `fake`; `guard` may be NULL. */
lock_sync_ctx *guarded_ctx(t_fake *fake, lock_sync_guard *guard, lock_sync_guard_mode mode);

/* A guard in memory. */
lock_sync_guard *memory_guard(int64_t interval_ms);

/* A fetch of all locks, its results freed at once. */
lock_sync_status fetch_all(lock_sync_ctx *ctx);

/* The last error's retry_after_ms. */
int64_t retry_after(const lock_sync_ctx *ctx);

/* A fetch on a thread of its own, which ends when it wants to. */
typedef struct running_fetch running_fetch;
running_fetch *fetch_begin(lock_sync_ctx *ctx);
lock_sync_status fetch_end(running_fetch *f, int64_t *ended_us); /* ended_us: of kit_now_us(); may be NULL */

/* {"result":[{"id":1},{"id":2},{"id":3}]} with 200, and an empty 429, 401, 500. */
extern const t_step answer_good;
extern const t_step answer_429;
extern const t_step answer_401;
extern const t_step answer_500;
extern const t_step answer_refused; /* E_CONNECT */

#endif
