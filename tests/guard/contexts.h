/* What the tests of contexts and their guards share: a context over a scripted transport, in some mode, with some
   guard. */
#ifndef GUARD_CONTEXTS_H
#define GUARD_CONTEXTS_H

#include "../support/kit.h"
#include "../support/fake.h"

/* A guard in memory; the second one is released after the test. */
lock_sync_guard *memory_guard(int64_t interval_ms);
lock_sync_guard *test_guard(int64_t interval_ms);

/* Has a guard of the test's released after it. */
lock_sync_guard *release_guard_later(lock_sync_guard *g);

/* The wait that another user of the guard is told, in ms; 0: it would get a slot. */
int64_t wait_of(lock_sync_guard *g);

/* A context that gets its responses from a script. */
typedef struct guarded {
    lock_sync_ctx *ctx;
    lock_sync_guard *guard;
    t_fake fake;
    t_step steps[T_FAKE_STEPS];
} guarded;

/* GUARDED(test_guard(20000), FAIL, response_401, response_good): released after the test. Without a guard (NULL) the
   context has its own. The hooks of the steps get the context. */
#define GUARDED(guard, mode, ...)                                                                                      \
  guarded_new(guard, LOCK_SYNC_GUARD_##mode, (const t_step[]){__VA_ARGS__},                                            \
              sizeof((const t_step[]){__VA_ARGS__}) / sizeof(t_step))
guarded *guarded_new(lock_sync_guard *guard, lock_sync_guard_mode mode, const t_step *steps, size_t step_count);

/* A context that gets its memory from `heap`, and good responses; to be freed. */
lock_sync_ctx *ctx_in_heap(t_heap *heap, t_fake *fake);

/* A fetch of all locks, its results freed at once. */
lock_sync_status fetch_all(lock_sync_ctx *ctx);

/* The last error's retry_after_ms. */
int64_t retry_after(const lock_sync_ctx *ctx);

/* {"result":[{"id":1},{"id":2},{"id":3}]} with 200, and an empty 401, 500. */
extern const t_step response_good;
extern const t_step response_401;
extern const t_step response_500;

/* Has many threads take and settle slots of one guard, for so long: never two at the same time, or within the interval
   (which it sets) of each other. */
void check_crowd(lock_sync_guard *g, size_t threads, int64_t interval_ms, int64_t ms);

#endif
