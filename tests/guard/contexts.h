/* For the tests of contexts and their guards: a context over a scripted transport, with a guard and a mode. */
#ifndef GUARD_CONTEXTS_H
#define GUARD_CONTEXTS_H

#include "../support/kit.h"
#include "../support/fake.h"

/* Makes a guard in memory. The second one is released after the test. */
lock_sync_guard *memory_guard(int64_t interval_ms);
lock_sync_guard *test_guard(int64_t interval_ms);

/* Releases a guard after the test. */
lock_sync_guard *release_guard_later(lock_sync_guard *g);

/* Returns the wait in ms that the guard reports to another user; 0: it would get a slot. */
int64_t wait_of(lock_sync_guard *g);

/* A context that gets its responses from a script. */
typedef struct guarded {
    lock_sync_ctx *ctx;
    lock_sync_guard *guard;
    t_fake fake;
    t_step steps[T_FAKE_STEPS];
} guarded;

/* GUARDED(test_guard(20000), FAIL, response_401, response_good): a context that is freed after the test. NULL: it
   has its default guard. The hooks of the steps get the context. */
#define GUARDED(guard, mode, ...)                                                                                      \
  guarded_new(guard, LOCK_SYNC_GUARD_##mode, (const t_step[]){__VA_ARGS__},                                            \
              sizeof((const t_step[]){__VA_ARGS__}) / sizeof(t_step))
guarded *guarded_new(lock_sync_guard *guard, lock_sync_guard_mode mode, const t_step *steps, size_t step_count);

/* Makes a context with memory from `heap` and good responses. The caller frees it. */
lock_sync_ctx *ctx_in_heap(t_heap *heap, t_fake *fake);

/* Fetches all locks, and frees the results. */
lock_sync_status fetch_all(lock_sync_ctx *ctx);

/* Returns the last error's retry_after_ms. */
int64_t retry_after(const lock_sync_ctx *ctx);

/* 200 with {"result":[{"id":1},{"id":2},{"id":3}]}, and 401 and 500 without a body. */
extern const t_step response_good;
extern const t_step response_401;
extern const t_step response_500;

/* Lets many threads use slots of one guard for `ms`. Checks that two never have a slot at the same time, or within
   `interval_ms`, to which it sets the guard. */
void check_crowd(lock_sync_guard *g, size_t threads, int64_t interval_ms, int64_t ms);

#endif
