/* The guard: its limits and references, and how it makes a decision in its store. */
#include "guard/guard.h"
#include "base/clock.h"
#include "base/memory.h"
#include "base/process.h"
#include "base/random.h"
#include "guard/store.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#define SYNC_INTERVAL_US ((int64_t)20 * 1000000)
#define DIRECTORY_INTERVAL_US ((int64_t)60 * 1000000)
#define DEFAULT_BUDGET 700
#define DEFAULT_RESERVE 100
#define INTERVAL_MS_MAX 3600000
#define BUDGET_MAX 1000000
#define LEASE_MS_MAX (LSYNC_GUARD_LEASE_MAX_US / 1000)
#define OTHER_LEASE_MS_MAX (LSYNC_GUARD_OTHER_LEASE_MAX_US / 1000)

struct lock_sync_guard {
    lock_sync_allocator memory;
    atomic_size_t references;
    lsync_guard_store store;
    lsync_guard_limits limits;
    pthread_mutex_t mutex; /* of limits, why, warning, the store's view, a store in memory; not held during I/O */
    char why[LSYNC_GUARD_WHY_MAX];
    char warning[LSYNC_GUARD_WARNING_MAX];
    bool has_new_warning;     /* the warning is not logged yet */
    pthread_mutex_t deciding; /* held for the whole decision of a store that may block; never by a pool's thread */
    lsync_process process;    /* used only if the store has a view */
    lsync_random random;      /* used only if the store has a channel */
};

/* --- life cycle --- */

static void release(lock_sync_guard *g)
{
    (void)pthread_mutex_destroy(&g->deciding);
    (void)pthread_mutex_destroy(&g->mutex);
    lsync_free(&g->memory, g);
}

static bool make_mutexes(lock_sync_guard *g)
{
    if (pthread_mutex_init(&g->mutex, NULL) != 0)
        return false;
    if (pthread_mutex_init(&g->deciding, NULL) == 0)
        return true;
    (void)pthread_mutex_destroy(&g->mutex);
    return false;
}

/* Makes a guard without its store. The store is made last, so that all failures come before the guard owns an
   application's store. */
static lock_sync_status new_guard(const lock_sync_allocator *allocator, lock_sync_guard **out)
{
    lock_sync_allocator memory;
    lock_sync_guard *g;

    if (out == NULL)
        return LOCK_SYNC_E_INVALID_ARGUMENT;
    *out = NULL;
    if (!lsync_allocator_init(&memory, allocator))
        return LOCK_SYNC_E_INVALID_ARGUMENT;
    g = lsync_alloc(&memory, sizeof *g);
    if (g == NULL || !make_mutexes(g)) {
        lsync_free(&memory, g);
        return LOCK_SYNC_E_NO_MEMORY;
    }
    g->memory = memory;
    g->limits = (lsync_guard_limits){{SYNC_INTERVAL_US, DIRECTORY_INTERVAL_US, 0}, DEFAULT_BUDGET - DEFAULT_RESERVE, 0};
    g->why[0] = '\0';
    g->warning[0] = '\0';
    g->has_new_warning = false;
    lsync_process_init(&g->process);
    atomic_init(&g->references, 1);
    *out = g;
    return LOCK_SYNC_OK;
}

/* Completes a guard, or frees it if its store could not be made. */
static lock_sync_status finish_new(lock_sync_guard **out, lock_sync_status made)
{
    if (made != LOCK_SYNC_OK) {
        release(*out);
        *out = NULL;
    } else {
        (*out)->limits.granularity_us = (*out)->store.granularity_us;
        if ((*out)->store.channel.ops != NULL)
            lsync_random_seed(&(*out)->random);
    }
    return made;
}

lock_sync_status lock_sync_guard_new(lock_sync_guard **out)
{
    return lock_sync_guard_new_with_allocator(NULL, out);
}

lock_sync_status lock_sync_guard_new_with_allocator(const lock_sync_allocator *allocator, lock_sync_guard **out)
{
    lock_sync_status status = new_guard(allocator, out);

    if (status != LOCK_SYNC_OK)
        return status;
    return finish_new(out, lsync_memory_store_new(&(*out)->memory, &(*out)->store));
}

lock_sync_status lock_sync_guard_open_file(const char *path, lock_sync_guard **out)
{
    lock_sync_status status = new_guard(NULL, out);

    if (status != LOCK_SYNC_OK)
        return status;
    return finish_new(out, lsync_file_store_new(&(*out)->memory, path, &(*out)->store, (*out)->why));
}

lock_sync_status lock_sync_guard_new_with_store(const lock_sync_guard_store *store, lock_sync_guard **out)
{
    lock_sync_status status = new_guard(NULL, out);

    if (status != LOCK_SYNC_OK)
        return status;
    return finish_new(out, lsync_application_store_new(&(*out)->memory, store, &(*out)->store));
}

lock_sync_guard *lock_sync_guard_ref(lock_sync_guard *guard)
{
    if (guard != NULL)
        (void)atomic_fetch_add(&guard->references, 1);
    return guard;
}

static void write_kept(lock_sync_guard *g);

void lock_sync_guard_unref(lock_sync_guard *guard)
{
    if (guard == NULL || atomic_fetch_sub(&guard->references, 1) > 1)
        return;
    write_kept(guard);
    guard->store.destroy(guard->store.state);
    release(guard);
}

/* --- locking --- */

/* Resets what belongs to the parent, in a forked child. A guard in memory is simply copied. */
static void reset_after_fork(lock_sync_guard *g)
{
    if (g->store.view == NULL || !lsync_process_changed(&g->process))
        return;
    (void)make_mutexes(g); /* a thread of the parent may have locked them, and does not exist here */
    lsync_guard_view_after_fork(g->store.view);
    g->store.after_fork(g->store.state);
    lsync_random_seed(&g->random); /* the child draws other slots than its parent */
    lsync_process_adopt(&g->process);
}

static void lock(lock_sync_guard *g)
{
    reset_after_fork(g);
    (void)pthread_mutex_lock(&g->mutex);
}

static void unlock(lock_sync_guard *g)
{
    (void)pthread_mutex_unlock(&g->mutex);
}

static size_t empty_text(char *text, size_t size)
{
    if (size > 0)
        text[0] = '\0';
    return 0;
}

/* --- settings --- */

lock_sync_status lock_sync_guard_set_kind_interval_ms(lock_sync_guard *guard, lock_sync_request_kind kind,
                                                      int64_t interval_ms)
{
    if (guard == NULL || kind < 0 || kind >= LSYNC_GUARD_KINDS ||
        interval_ms < (kind == LOCK_SYNC_REQUEST_OTHER ? 0 : 1) || interval_ms > INTERVAL_MS_MAX)
        return LOCK_SYNC_E_INVALID_ARGUMENT;
    lock(guard);
    guard->limits.interval_us[kind] = interval_ms * 1000;
    unlock(guard);
    return LOCK_SYNC_OK;
}

lock_sync_status lock_sync_guard_set_min_interval_ms(lock_sync_guard *guard, int64_t interval_ms)
{
    return lock_sync_guard_set_kind_interval_ms(guard, LOCK_SYNC_REQUEST_SYNC, interval_ms);
}

lock_sync_status lock_sync_guard_set_hourly_budget(lock_sync_guard *guard, uint32_t requests, uint32_t unused)
{
    if (guard == NULL || requests <= unused || requests > BUDGET_MAX)
        return LOCK_SYNC_E_INVALID_ARGUMENT;
    lock(guard);
    guard->limits.budget = requests - unused;
    unlock(guard);
    return LOCK_SYNC_OK;
}

bool lsync_guard_may_block(const lock_sync_guard *g)
{
    return g->store.view != NULL;
}

bool lsync_guard_has_kept(lock_sync_guard *g)
{
    bool has_kept;

    lock(g);
    has_kept = g->store.view != NULL && g->store.view->kept_count > 0;
    unlock(g);
    return has_kept;
}

/* --- texts --- */

/* Copies a text that other threads may change. */
static size_t copy_text(lock_sync_guard *g, const char *from, char *text, size_t size)
{
    int length;

    lock(g);
    length = snprintf(text, size, "%s", from);
    unlock(g);
    return length < 0 ? 0 : (size_t)length;
}

size_t lock_sync_guard_error_message(lock_sync_guard *guard, char *text, size_t size)
{
    return guard == NULL ? empty_text(text, size) : copy_text(guard, guard->why, text, size);
}

size_t lock_sync_guard_warning(lock_sync_guard *guard, char *text, size_t size)
{
    return guard == NULL ? empty_text(text, size) : copy_text(guard, guard->warning, text, size);
}

bool lsync_guard_take_warning(lock_sync_guard *g, char *text, size_t size)
{
    bool has_new_warning;

    if (!lsync_guard_may_block(g))
        return false;
    lock(g);
    has_new_warning = g->has_new_warning;
    g->has_new_warning = false;
    unlock(g);
    if (has_new_warning)
        (void)copy_text(g, g->warning, text, size);
    return has_new_warning;
}

const char *lsync_guard_reason_text(lsync_guard_reason reason)
{
    static const char *const texts[] = {
        [LSYNC_GUARD_REASON_NONE] = "The guard denied the request.",
        [LSYNC_GUARD_REASON_INTERVAL] = "The last request of this account is too recent.",
        [LSYNC_GUARD_REASON_LEASE] = "Another request of this account is on its way.",
        [LSYNC_GUARD_REASON_FIRST_USE] =
            "This is the first use of this Redis database, or of its server since it restarted.",
        [LSYNC_GUARD_REASON_LOSS] = "The guard's store has lost a record, or may have.",
        [LSYNC_GUARD_REASON_BLOCK] = "The service returned 429 (too many requests).",
        [LSYNC_GUARD_REASON_HOUR] = "The requests of this hour are used up.",
    };

    return texts[reason];
}

/* --- decisions --- */

/* Records the result of a shared store's decision: why it failed, a warning, an outcome to keep. The caller must hold
   the mutex. */
static void record_result(lock_sync_guard *g, lock_sync_status status, const char *why,
                          const lsync_guard_ending *ending)
{
    lsync_guard_view *view = g->store.view;

    if (status != LOCK_SYNC_OK)
        memcpy(g->why, why, sizeof g->why);
    if (view->warning[0] != '\0') {
        g->has_new_warning = g->has_new_warning || strcmp(g->warning, view->warning) != 0;
        memcpy(g->warning, view->warning, sizeof g->warning);
        view->warning[0] = '\0';
    }
    if (status != LOCK_SYNC_OK && ending != NULL)
        lsync_guard_view_keep(view, ending, lsync_clock_boot_us());
}

/* Makes a decision in memory, which neither blocks nor fails. */
static lock_sync_status decide_at_once(lock_sync_guard *g, lsync_guard_decision *decision)
{
    lock_sync_status status;

    decision->limits = &g->limits;
    lock(g);
    status = g->store.update(g->store.state, NULL, decision, NULL);
    unlock(g);
    return status;
}

/* Makes a decision in the guard's store. `ending` is the outcome to keep if the store fails; NULL: no outcome. */
static lock_sync_status decide(lock_sync_guard *g, lsync_guard_decision *decision, const lsync_guard_ending *ending)
{
    lsync_guard_limits limits;
    lsync_guard_view view;
    lsync_guard_view_mark mark;
    char why[LSYNC_GUARD_WHY_MAX];
    lock_sync_status status;

    if (g->store.view == NULL)
        return decide_at_once(g, decision);
    reset_after_fork(g);
    decision->limits = &limits;
    why[0] = '\0';
    (void)pthread_mutex_lock(&g->deciding);
    lock(g);
    limits = g->limits;
    view = *g->store.view;
    unlock(g);
    mark = lsync_guard_view_mark_of(&view);
    status = g->store.update(g->store.state, &view, decision, why);
    lock(g);
    lsync_guard_view_merge(g->store.view, mark, &view);
    record_result(g, status, why, ending);
    unlock(g);
    (void)pthread_mutex_unlock(&g->deciding);
    return status;
}

lock_sync_status lsync_guard_run(lock_sync_guard *g, lsync_guard_task *task)
{
    lsync_guard_decision decision = lsync_guard_task_decision(task, NULL);
    lock_sync_status status = decide(g, &decision, task->settles ? &task->ending : NULL);

    if (status == LOCK_SYNC_OK)
        return lsync_guard_task_status(task);
    task->reservation = (lsync_guard_reservation){0};
    return status;
}

lock_sync_status lock_sync_guard_reserve_for(lock_sync_guard *guard, lock_sync_request_kind kind, int64_t lease_ms,
                                             int64_t *wait_ms, int64_t *slot)
{
    lsync_guard_task task = {0};
    lock_sync_status status = LOCK_SYNC_E_INVALID_ARGUMENT;

    if (guard != NULL && kind >= 0 && kind < LSYNC_GUARD_KINDS && lease_ms >= 0 &&
        lease_ms <= (kind == LOCK_SYNC_REQUEST_OTHER ? OTHER_LEASE_MS_MAX : LEASE_MS_MAX)) {
        task = lsync_guard_task_ask(kind, lease_ms);
        status = lsync_guard_run(guard, &task);
    }
    if (wait_ms != NULL)
        *wait_ms = task.reservation.wait_ms;
    if (slot != NULL)
        *slot = task.reservation.slot;
    return status;
}

lock_sync_status lock_sync_guard_reserve(lock_sync_guard *guard, int64_t lease_ms, int64_t *wait_ms, int64_t *slot)
{
    return lock_sync_guard_reserve_for(guard, LOCK_SYNC_REQUEST_SYNC, lease_ms, wait_ms, slot);
}

/* --- decisions in a channel --- */

const lsync_guard_channel *lsync_guard_channel_of(const lock_sync_guard *g)
{
    return &g->store.channel;
}

/* Makes the next swap of a task, or the first one. The caller must hold the mutex. */
static lsync_proposal_state propose(lock_sync_guard *g, lsync_channel_task *t, bool is_first)
{
    const lsync_guard_decision decision = lsync_guard_task_decision(&t->task, &g->limits);
    const lsync_proposal_input input = {&decision, lsync_clock_boot_us(), lsync_random_next(&g->random)};
    lsync_proposal_state state = LSYNC_PROPOSAL_OPEN;

    if (is_first)
        lsync_proposal_begin(&t->proposal, g->store.view, &input);
    else
        state = lsync_proposal_continue(&t->proposal, g->store.view, &input);
    t->proposal.swap.key = g->store.channel.key;
    t->proposal.swap.key_size = g->store.channel.key_size;
    return state;
}

void lsync_guard_begin(lock_sync_guard *g, lsync_channel_task *t)
{
    lock(g);
    (void)propose(g, t, true);
    unlock(g);
}

bool lsync_guard_continue(lock_sync_guard *g, lsync_channel_task *t)
{
    lsync_guard_reservation *reservation = &t->task.reservation;
    lsync_proposal_state state;
    char why[LSYNC_GUARD_WHY_MAX];

    lock(g);
    state = propose(g, t, false);
    if (state != LSYNC_PROPOSAL_OPEN) {
        reservation->wait_ms = lsync_proposal_wait_ms(reservation->wait_ms);
        reservation->soonest_ms = lsync_proposal_wait_ms(reservation->soonest_ms);
        t->status = state == LSYNC_PROPOSAL_DONE ? lsync_guard_task_status(&t->task)
                                                 : lsync_proposal_status(&t->proposal);
        (void)snprintf(why, sizeof why, "%s", t->proposal.swap.why);
        record_result(g, state == LSYNC_PROPOSAL_DONE ? LOCK_SYNC_OK : t->status, why,
                      t->task.settles ? &t->task.ending : NULL);
    }
    unlock(g);
    return state == LSYNC_PROPOSAL_OPEN;
}

void lsync_guard_abandon(lock_sync_guard *g, const lsync_guard_task *task, lock_sync_status status, const char *why)
{
    char text[LSYNC_GUARD_WHY_MAX];

    (void)snprintf(text, sizeof text, "%s", why);
    lock(g);
    record_result(g, status, text, task->settles ? &task->ending : NULL);
    unlock(g);
}

/* --- settling --- */

/* Tries to write the kept outcomes before the guard is freed. */
static void write_kept(lock_sync_guard *g)
{
    lsync_guard_decision nothing = {lsync_guard_decide_nothing, NULL, NULL, 0};

    if (g->store.view == NULL)
        return;
    reset_after_fork(g);
    if (g->store.view->kept_count > 0)
        (void)decide(g, &nothing, NULL);
}

lock_sync_status lock_sync_guard_settle(lock_sync_guard *guard, int64_t slot, lock_sync_guard_outcome outcome,
                                        int64_t retry_after_ms)
{
    const lsync_settlement settlement = {outcome, retry_after_ms, 1};
    lsync_guard_task task;

    if (guard == NULL || slot < 1 || outcome < LOCK_SYNC_SLOT_SENT || outcome > LOCK_SYNC_SLOT_LIMITED)
        return LOCK_SYNC_E_INVALID_ARGUMENT;
    task = lsync_guard_task_settle(slot, &settlement);
    return lsync_guard_run(guard, &task);
}
