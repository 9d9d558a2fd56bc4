/* The guard as an object: limits, references, and the rule's decisions handed to a store. */
#include "guard/guard.h"
#include "base/memory.h"
#include "guard/store.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#define DEFAULT_INTERVAL_MS 20000
#define DEFAULT_BUDGET 700
#define DEFAULT_RESERVE 100
#define INTERVAL_MS_MAX 3600000
#define BUDGET_MAX 1000000
#define HOLD_MS_MAX 86400000

struct lock_sync_guard {
    lock_sync_allocator memory;
    atomic_size_t references;
    lsync_guard_keeper keeper;
    lsync_guard_limits limits;
    pthread_mutex_t mutex; /* of limits and why; not held while the store works */
    char why[LSYNC_GUARD_WHY_MAX];
};

/* --- life cycle --- */

static void release(lock_sync_guard *g)
{
    (void)pthread_mutex_destroy(&g->mutex);
    lsync_free(&g->memory, g);
}

/* Makes a guard but for its keeper, which comes last: a host's store is not taken over by a guard that cannot be
   made. */
static lock_sync_status begin(const lock_sync_allocator *allocator, lock_sync_guard **out)
{
    lock_sync_allocator memory;
    lock_sync_guard *g;

    if (out == NULL)
        return LOCK_SYNC_E_INVALID_ARGUMENT;
    *out = NULL;
    if (!lsync_allocator_init(&memory, allocator))
        return LOCK_SYNC_E_INVALID_ARGUMENT;
    g = lsync_alloc(&memory, sizeof *g);
    if (g == NULL || pthread_mutex_init(&g->mutex, NULL) != 0) {
        lsync_free(&memory, g);
        return LOCK_SYNC_E_NO_MEMORY;
    }
    g->memory = memory;
    g->limits = (lsync_guard_limits){(int64_t)DEFAULT_INTERVAL_MS * 1000, DEFAULT_BUDGET - DEFAULT_RESERVE, 0};
    g->why[0] = '\0';
    atomic_init(&g->references, 1);
    *out = g;
    return LOCK_SYNC_OK;
}

/* `made`: whether it got its keeper. */
static lock_sync_status end(lock_sync_guard **out, lock_sync_status made)
{
    if (made != LOCK_SYNC_OK) {
        release(*out);
        *out = NULL;
    }
    return made;
}

lock_sync_status lock_sync_guard_new(lock_sync_guard **out)
{
    return lock_sync_guard_new_with_allocator(NULL, out);
}

lock_sync_status lock_sync_guard_new_with_allocator(const lock_sync_allocator *allocator, lock_sync_guard **out)
{
    lock_sync_status status = begin(allocator, out);

    if (status != LOCK_SYNC_OK)
        return status;
    return end(out, lsync_memory_store_new(&(*out)->memory, &(*out)->keeper));
}

lock_sync_status lock_sync_guard_open_file(const char *path, lock_sync_guard **out)
{
    lock_sync_status status = begin(NULL, out);

    if (status != LOCK_SYNC_OK)
        return status;
    return end(out, lsync_file_store_new(&(*out)->memory, path, &(*out)->keeper, (*out)->why));
}

lock_sync_status lock_sync_guard_new_with_store(const lock_sync_guard_store *store, lock_sync_guard **out)
{
    lock_sync_status status = begin(NULL, out);

    if (status != LOCK_SYNC_OK)
        return status;
    return end(out, lsync_host_store_new(&(*out)->memory, store, &(*out)->keeper));
}

lock_sync_guard *lock_sync_guard_ref(lock_sync_guard *g)
{
    if (g != NULL)
        (void)atomic_fetch_add(&g->references, 1);
    return g;
}

void lock_sync_guard_unref(lock_sync_guard *g)
{
    if (g == NULL || atomic_fetch_sub(&g->references, 1) > 1)
        return;
    g->keeper.destroy(g->keeper.state);
    release(g);
}

/* --- settings --- */

lock_sync_status lock_sync_guard_set_min_interval_ms(lock_sync_guard *g, int64_t ms)
{
    if (g == NULL || ms < 1 || ms > INTERVAL_MS_MAX)
        return LOCK_SYNC_E_INVALID_ARGUMENT;
    (void)pthread_mutex_lock(&g->mutex);
    g->limits.interval_us = ms * 1000;
    (void)pthread_mutex_unlock(&g->mutex);
    return LOCK_SYNC_OK;
}

lock_sync_status lock_sync_guard_set_hourly_budget(lock_sync_guard *g, uint32_t requests, uint32_t reserve)
{
    if (g == NULL || requests <= reserve || requests > BUDGET_MAX)
        return LOCK_SYNC_E_INVALID_ARGUMENT;
    (void)pthread_mutex_lock(&g->mutex);
    g->limits.budget = requests - reserve;
    (void)pthread_mutex_unlock(&g->mutex);
    return LOCK_SYNC_OK;
}

bool lsync_guard_may_block(const lock_sync_guard *g)
{
    return g->keeper.may_block;
}

size_t lock_sync_guard_error_message(lock_sync_guard *g, char *text, size_t size)
{
    int length;

    if (g == NULL) {
        if (size > 0)
            text[0] = '\0';
        return 0;
    }
    (void)pthread_mutex_lock(&g->mutex);
    length = snprintf(text, size, "%s", g->why);
    (void)pthread_mutex_unlock(&g->mutex);
    return length < 0 ? 0 : (size_t)length;
}

/* --- decisions --- */

/* What is asked of the rule, and its answer. */
typedef struct question {
    lsync_guard_limits limits;
    lsync_guard_kind kind;
    lock_sync_guard_outcome outcome;
    int64_t hold_us;
    int64_t retry_after_us;
    int64_t slot;
    int64_t wait_us;
    int64_t soonest_us;
} question;

static lock_sync_status ask(lock_sync_guard *g, lsync_guard_decide_fn decide, question *q)
{
    lsync_guard_decision decision = {decide, q};
    char why[LSYNC_GUARD_WHY_MAX];
    lock_sync_status status;

    why[0] = '\0';
    (void)pthread_mutex_lock(&g->mutex);
    q->limits = g->limits;
    (void)pthread_mutex_unlock(&g->mutex);
    q->limits.granularity_us = g->keeper.granularity_us;
    status = g->keeper.update(g->keeper.state, &decision, why);
    if (status != LOCK_SYNC_OK) {
        (void)pthread_mutex_lock(&g->mutex);
        memcpy(g->why, why, sizeof g->why);
        (void)pthread_mutex_unlock(&g->mutex);
    }
    return status;
}

static void decide_reserve(void *user, lsync_guard_record *r, int64_t now_us)
{
    question *q = user;

    (void)lsync_guard_reserve(r, &q->limits, q->kind, now_us, q->hold_us, &q->slot, &q->wait_us,
                              &q->soonest_us);
}

lock_sync_status lsync_guard_ask(lock_sync_guard *g, lsync_guard_kind kind, int64_t hold_ms, lsync_guard_answer *answer)
{
    question q = {.kind = kind, .hold_us = hold_ms * 1000};
    lock_sync_status status = ask(g, decide_reserve, &q);

    *answer = (lsync_guard_answer){0};
    if (status != LOCK_SYNC_OK)
        return status;
    *answer = (lsync_guard_answer){q.slot, (q.wait_us + 999) / 1000, (q.soonest_us + 999) / 1000};
    return q.slot != 0 ? LOCK_SYNC_OK : LOCK_SYNC_E_TOO_SOON;
}

lock_sync_status lock_sync_guard_reserve(lock_sync_guard *g, int64_t hold_ms, int64_t *wait_ms, int64_t *slot)
{
    lsync_guard_answer answer = {0};
    lock_sync_status status = LOCK_SYNC_E_INVALID_ARGUMENT;

    if (g != NULL && hold_ms >= 0 && hold_ms <= HOLD_MS_MAX)
        status = lsync_guard_ask(g, LSYNC_GUARD_FIRST, hold_ms, &answer);
    if (wait_ms != NULL)
        *wait_ms = answer.wait_ms;
    if (slot != NULL)
        *slot = answer.slot;
    return status;
}

static void decide_settle(void *user, lsync_guard_record *r, int64_t now_us)
{
    const question *q = user;

    if (q->outcome == LOCK_SYNC_SLOT_SENT)
        lsync_guard_sent(r, &q->limits, q->slot, now_us);
    else if (q->outcome == LOCK_SYNC_SLOT_NOT_SENT)
        lsync_guard_not_sent(r, &q->limits, q->slot, now_us);
    else
        lsync_guard_limited(r, &q->limits, q->slot, now_us, q->retry_after_us);
}

lock_sync_status lock_sync_guard_settle(lock_sync_guard *g, int64_t slot, lock_sync_guard_outcome outcome,
                                        int64_t retry_after_ms)
{
    question q = {.slot = slot, .outcome = outcome, .retry_after_us = -1};

    if (g == NULL || slot < 1 || outcome < LOCK_SYNC_SLOT_SENT || outcome > LOCK_SYNC_SLOT_LIMITED)
        return LOCK_SYNC_E_INVALID_ARGUMENT;
    if (retry_after_ms >= 0) /* more than an hour is cut to it by the rule; here it must not overflow */
        q.retry_after_us = retry_after_ms > INTERVAL_MS_MAX ? LSYNC_GUARD_HOUR_US : retry_after_ms * 1000;
    return ask(g, decide_settle, &q);
}

static void decide_charge(void *user, lsync_guard_record *r, int64_t now_us)
{
    const question *q = user;

    lsync_guard_charge(r, &q->limits, now_us);
}

lock_sync_status lsync_guard_settle_all(lock_sync_guard *g, int64_t slot, const lsync_settlement *settlement)
{
    lock_sync_status status = lock_sync_guard_settle(g, slot, settlement->outcome, settlement->retry_after_ms);

    for (uint32_t sends = settlement->sends; sends > 1 && status == LOCK_SYNC_OK; sends--) {
        question q = {0};

        status = ask(g, decide_charge, &q);
    }
    return status;
}
