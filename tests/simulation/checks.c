/* The contract of pool and watches, checked from outside; see checks.h. */
#include "checks.h"

#include <inttypes.h>

#define SLACK_US 20000             /* the sum of all looks at a creeping clock */
#define FAIR_US (15 * SECOND_US)   /* within this time an origin that responds gets a transfer, even in a crowd */
#define QUEUED_US (40 * SECOND_US) /* after this time a fetch has asked its guard, if there are transfers for all */
#define STEPS_AT_ONCE 4000         /* without time passing */
#define SHARE_LEAST 16             /* with fewer transfers or connections there is nothing to share */

static bool is_pending(const task *t)
{
    return t != NULL && !t->is_over;
}

static bool is_being_freed(int32_t pool)
{
    return sim.apps[pool].pool != NULL && sim.apps[pool].pool->freeing;
}

/* --- what a watch reports --- */

static bool is_same(const lock_sync_lock *a, const lock_sync_lock *b)
{
    return a->id == b->id && a->fields == b->fields && a->is_connected == b->is_connected && a->state == b->state &&
           a->battery_level == b->battery_level && a->revision == b->revision;
}

/* Returns what was reported of a lock; an empty one if nothing was. */
static lock_sync_lock *reported_of(client *c, const lock_sync_lock *lock)
{
    return &c->reported[lock->id % LOCKS_MAX];
}

/* Checks that each change begins where the last one ended. */
static void check_change(client *c, const lock_sync_change *change)
{
    static const lock_sync_lock nothing = {0};
    const lock_sync_lock *before = change->before == NULL ? &nothing : change->before;
    const lock_sync_lock *after = change->after == NULL ? &nothing : change->after;
    lock_sync_lock *reported = reported_of(c, change->before == NULL ? after : before);

    if (!is_same(reported, before) || is_same(before, after))
        violation("client %d: its watch reports a change of lock %" PRId64 " from a state that it was not in",
                  (int)c->number, before->id + after->id);
    *reported = *after;
}

/* Checks that the watch's results are what it reported. */
static void check_reported(client *c)
{
    const lock_sync_results *r = lock_sync_watch_results(c->watch);
    size_t count = 0;

    for (size_t i = 0; i < LOCKS_MAX; i++)
        count += c->reported[i].id != 0;
    for (size_t i = 0; i < lock_sync_results_count(r); i++)
        if (!is_same(reported_of(c, lock_sync_results_at(r, i)), lock_sync_results_at(r, i)))
            violation("client %d: its watch has not reported a change of lock %" PRId64, (int)c->number,
                      lock_sync_results_at(r, i)->id);
    if (count != lock_sync_results_count(r))
        violation("client %d: its watch has reported %zu locks, and has %zu", (int)c->number, count,
                  lock_sync_results_count(r));
}

/* Checks that a watch that polls again still has the last good response, by the revision of its locks. */
static void check_held(const task *t)
{
    const lock_sync_lock *first = lock_sync_results_at(lock_sync_watch_results(t->client->watch), 0);

    if (t->is_watch && t->last_response != 0 && !sim.memory_failed && first != NULL &&
        first->revision != t->last_response)
        violation("client %d: its watch has response %d, and %u was the last", (int)t->client->number,
                  (int)first->revision, (unsigned)t->last_response);
}

/* --- from submit to callback --- */

task *check_task(client *c, bool is_watch)
{
    task *t = &sim.tasks[sim.task_count];

    if (sim.task_count + 1 == TASKS_MAX)
        violation("the simulation has no room for another task");
    sim.task_count++;
    *t = (task){.client = c,
                .number = (uint32_t)sim.task_count,
                .is_watch = is_watch,
                .pool = c->plan->pool,
                .begun_us = clock_now_us(),
                .deadline_us = is_watch ? NEVER_US : clock_now_us() + c->plan->timeout_ms * 1000,
                .stop_us = NEVER_US,
                .lost_us = clock_lost_us(),
                .helped_us = helper_worked_us(c->plan->pool)};
    return t;
}

void check_entry(task *t, lock_sync_status status)
{
    const client *c = t->client;
    bool may_fail = (status == LOCK_SYNC_E_BUSY && c->task != NULL) ||
                    (status == LOCK_SYNC_E_NO_MEMORY && sim.memory_failed) ||
                    (status == LOCK_SYNC_E_CANCELLED && is_being_freed(t->pool));

    trace("client %d: %s %u is submitted: %s", (int)c->number, t->is_watch ? "watch" : "fetch", (unsigned)t->number,
          lock_sync_status_name(status));
    if (status != LOCK_SYNC_OK && !may_fail)
        violation("client %d: submit returns %s", (int)c->number, lock_sync_status_name(status));
    if (status == LOCK_SYNC_OK && c->task != NULL)
        violation("client %d: submit accepts a context that is busy", (int)c->number);
    t->is_over = status != LOCK_SYNC_OK;
    if (status != LOCK_SYNC_OK)
        return;
    t->client->task = t;
    if (c->is_stopped)
        check_cancel(t);
}

static void check_callback(const task *t)
{
    if (t->is_over)
        violation("client %d: %s %u is called back after its end", (int)t->client->number,
                  t->is_watch ? "watch" : "fetch", (unsigned)t->number);
    if (sim.calling == 0)
        violation("client %d is called back outside of all calls that may", (int)t->client->number);
}

static void check_results(const client *c, const lock_sync_results *results)
{
    for (size_t i = 0; i < lock_sync_results_count(results); i++)
        if (lock_sync_results_at(results, i)->id / 100 != c->number + 1)
            violation("client %d gets lock %" PRId64 " of another client", (int)c->number,
                      lock_sync_results_at(results, i)->id);
}

void check_done(task *t, const lock_sync_ctx *ctx, lock_sync_status status, const lock_sync_results *results)
{
    client *c = t->client;

    trace("client %d: fetch %u ends: %s", (int)c->number, (unsigned)t->number, lock_sync_status_name(status));
    check_callback(t);
    if ((status == LOCK_SYNC_OK) != (results != NULL))
        violation("client %d: %s %s results", (int)c->number, lock_sync_status_name(status),
                  results == NULL ? "without" : "with");
    if (lock_sync_error_status(lock_sync_last_error(ctx)) != status)
        violation("client %d: the error has another status than %s", (int)c->number, lock_sync_status_name(status));
    if (status == LOCK_SYNC_E_NO_MEMORY && !sim.memory_failed)
        violation("client %d: E_NO_MEMORY, though memory was not short", (int)c->number);
    if (status == LOCK_SYNC_E_CANCELLED && t->stop_us == NEVER_US && !is_being_freed(t->pool) && c->ctx != NULL)
        violation("client %d: E_CANCELLED without a cancel", (int)c->number);
    if (status == LOCK_SYNC_E_NETWORK && t->is_owed_retry && !sim.memory_failed)
        violation("client %d: its request got no response, and is not retried", (int)c->number);
    if (status == LOCK_SYNC_E_TOO_SOON && c->plan->mode == LOCK_SYNC_GUARD_CACHED && c->keeps_all)
        violation("client %d: the response kept for mode CACHED is not returned", (int)c->number);
    if (status == LOCK_SYNC_OK && !lock_sync_results_is_cached(results))
        c->keeps_all = t->asks_all;
    check_results(c, results);
    t->is_over = true;
    c->task = NULL;
}

void check_changed(task *t, lock_sync_status status, const lock_sync_changes *changes)
{
    client *c = t->client;
    bool is_last = status == LOCK_SYNC_E_CANCELLED && (is_being_freed(t->pool) || c->ctx == NULL);

    trace("client %d: watch %u reports: %s", (int)c->number, (unsigned)t->number, lock_sync_status_name(status));
    check_callback(t);
    if ((status == LOCK_SYNC_OK) != (changes != NULL))
        violation("client %d: %s %s changes", (int)c->number, lock_sync_status_name(status),
                  changes == NULL ? "without" : "with");
    if (lock_sync_status_is_retryable(status))
        violation("client %d: a watch reports %s", (int)c->number, lock_sync_status_name(status));
    if (status == LOCK_SYNC_E_CANCELLED && t->stop_us == NEVER_US && !t->may_report && !is_last)
        violation("client %d: its watch reports E_CANCELLED without a cancel", (int)c->number);
    if (t->is_paused && !is_last)
        violation("client %d: its watch reports something although it is stopped", (int)c->number);
    check_results(c, lock_sync_watch_results(c->watch));
    for (size_t i = 0; i < lock_sync_changes_count(changes); i++)
        check_change(c, lock_sync_changes_at(changes, i));
    check_reported(c);
    t->stop_us = NEVER_US;
    t->may_report = false;
    t->is_paused = t->reports_stop = c->is_stopped && status == LOCK_SYNC_E_CANCELLED;
    if (c->is_stopped && !t->is_paused) /* it must still report the stop */
        check_cancel(t);
    if (is_last)
        check_left(t);
}

void check_left(task *t)
{
    t->is_over = true;
    if (t->client->task == t)
        t->client->task = NULL;
}

void check_cancel(task *t)
{
    if (!is_pending(t) || t->stop_us != NEVER_US)
        return;
    t->stop_us = clock_now_us();
    t->lost_us = clock_lost_us();
    t->helped_us = helper_worked_us(t->pool);
    t->last_response = 0; /* a response on its way may be too late */
}

void check_stop(client *c, bool on)
{
    task *t = c->task;
    bool changes = on != c->is_stopped;

    c->is_stopped = on;
    if (!is_pending(t) || !changes)
        return;
    if (t->in_callback) { /* what counts is its end */
        t->is_paused = on && t->reports_stop;
        t->stop_us = NEVER_US;
        if (on && !t->is_paused)
            check_cancel(t);
    } else if (!on && t->is_paused) {
        t->is_paused = false;
        t->may_report = true; /* the pool may not know yet: another stop may, but need not be reported */
    } else if (on && !t->may_report) {
        check_cancel(t);
    }
}

/* --- order --- */

/* Returns whether both are certainly in one queue: that of one origin, or, after a while, of one guard. */
static bool is_before(const task *a, const task *b)
{
    int64_t between_us = b->begun_us - a->begun_us - (b->lost_us - a->lost_us); /* time in which the pool could act */
    bool is_queued = a->client->plan->origin == b->client->plan->origin ||
                     (a->client->plan->mode == LOCK_SYNC_GUARD_WAIT && between_us > QUEUED_US &&
                      sim.apps[a->pool].transfers > CLIENTS_MAX);

    return is_queued && a->stop_us == NEVER_US && a->deadline_us > clock_now_us();
}

static bool is_waiting(const task *a, const task *b)
{
    return is_pending(a) && a != b && !a->is_watch && !a->has_started && a->number < b->number && a->pool == b->pool;
}

/* Returns whether `a` must start before `b`. An origin's fetches start first come, first served if they ask no guard.
   So do those that wait for a guard in memory. */
static bool has_precedence(const task *a, const task *b)
{
    const client_plan *x = a->client->plan;
    const client_plan *y = b->client->plan;

    if (sim.memory_failed) /* when memory is short, a fetch may end before its turn */
        return false;
    if (!is_waiting(a, b) || !is_before(a, b) || x->mode != y->mode)
        return false;
    if (x->mode == LOCK_SYNC_GUARD_WAIT)
        return x->guard >= 0 && x->guard == y->guard && !sim.plan->guards[x->guard].is_store;
    return x->mode == LOCK_SYNC_GUARD_OFF;
}

static void check_poll(const task *t)
{
    int64_t since_us = clock_now_us() - t->polled_us;

    if (t->is_watch && t->polled_us != 0 && since_us < t->client->plan->interval_ms * 1000)
        violation("client %d: its watch polls again after %.3f s", (int)t->client->number, (double)since_us / 1e6);
}

void check_over(task *t)
{
    t->polled_us = clock_now_us();
}

void check_started(task *t, bool is_first)
{
    if (t->is_over)
        violation("client %d: a transfer starts for a fetch that is over", (int)t->client->number);
    if (t->is_paused)
        violation("client %d: a transfer starts although its watch is stopped", (int)t->client->number);
    t->may_report = false;
    if (is_first) {
        check_poll(t);
        check_held(t);
    }
    t->is_owed_retry = false;
    for (int32_t i = 0; i < sim.plan->client_count && !t->is_watch && !t->has_started; i++)
        if (sim.clients[i].task != NULL && has_precedence(sim.clients[i].task, t))
            violation("client %d starts before client %d, which was submitted first", (int)t->client->number, (int)i);
    t->has_started = true;
}

static bool can_be_fair(const task *t)
{
    const app *owner = &sim.apps[t->pool];

    return sim.plan->is_crowd && sim.plan->origins[t->client->plan->origin].is_steady && !t->is_watch &&
           owner->transfers >= SHARE_LEAST && owner->total >= SHARE_LEAST && !sim.memory_failed;
}

/* --- time --- */

/* Returns when the callback must have been called. Time in which the pool's thread or the helper could not act is
   added. */
static int64_t latest_us(const task *t)
{
    int64_t at_us = t->stop_us != NEVER_US ? t->stop_us : t->deadline_us;

    if (at_us == NEVER_US)
        return NEVER_US;
    return at_us + clock_lost_us() - t->lost_us + sim.apps[t->pool].helped_us - t->helped_us + 3 * sim.plan->late_us +
           SLACK_US;
}

static void check_time(const task *t, int64_t now_us)
{
    if (!is_pending(t))
        return;
    if (latest_us(t) < now_us)
        violation("client %d: %s %u %s at %.6f s, and was not called back", (int)t->client->number,
                  t->is_watch ? "watch" : "fetch", (unsigned)t->number,
                  t->stop_us != NEVER_US ? "was cancelled" : "had its deadline",
                  (double)((t->stop_us != NEVER_US ? t->stop_us : t->deadline_us) - sim.begun_us) / 1e6);
    if (!t->has_started && can_be_fair(t) &&
        now_us - t->begun_us > FAIR_US + clock_lost_us() - t->lost_us + 3 * sim.plan->late_us)
        violation("client %d: origin %d responds, and gets no transfer", (int)t->client->number,
                  (int)t->client->plan->origin);
}

static void check_pending(const app *owner)
{
    size_t count = 0;

    for (int32_t i = 0; i < sim.plan->client_count; i++)
        count += is_pending(sim.clients[i].task) && sim.clients[i].task->pool == owner->number;
    if (owner->pool != NULL && lock_sync_pool_pending(owner->pool) != count)
        violation("pool %d reports %zu pending, but it has %zu", (int)owner->number,
                  lock_sync_pool_pending(owner->pool), count);
}

void check_step(void)
{
    static int64_t last_us;
    static uint32_t steps;

    steps = clock_now_us() / 100 == last_us ? steps + 1 : 0;
    last_us = clock_now_us() / 100;
    if (steps > STEPS_AT_ONCE)
        violation("the pool must be called again and again without time passing");
    for (int32_t i = 0; i < sim.plan->client_count; i++) {
        check_time(sim.clients[i].task, clock_now_us());
        check_reported(&sim.clients[i]);
    }
    for (int32_t i = 0; i < POOLS_MAX; i++)
        check_pending(&sim.apps[i]);
    sim.steps++;
}

void check_next(int64_t due_us)
{
    for (int32_t i = 0; i < sim.plan->client_count; i++) {
        const task *t = sim.clients[i].task;

        if (is_pending(t) && due_us == NEVER_US && !(t->is_watch && sim.clients[i].is_stopped))
            violation("client %d: nothing is due any more, and it was not called back", (int)i);
        check_time(sim.clients[i].task, due_us - (due_us > clock_now_us()));
    }
}

void check_pool_gone(const app *owner)
{
    for (int32_t i = 0; i < sim.plan->client_count; i++)
        if (is_pending(sim.clients[i].task) && sim.clients[i].task->pool == owner->number)
            violation("client %d: its pool was freed without a callback", (int)i);
}

/* Polls do not queue for a guard. If watches share one, or its hour is used up, chance decides which is next. */
static bool is_chance(const client *c)
{
    bool is_shared = false;

    if (c->plan->mode == LOCK_SYNC_GUARD_OFF || c->plan->guard < 0)
        return false;
    for (int32_t i = 0; i < sim.plan->client_count; i++)
        is_shared = is_shared || (&sim.clients[i] != c && is_pending(sim.clients[i].task) &&
                                  sim.clients[i].task->is_watch && sim.clients[i].plan->guard == c->plan->guard);
    return is_shared || sim.plan->guards[c->plan->guard].budget < 600;
}

/* Returns whether there was one after the faults ended. */
static bool had_good_response(const lock_sync_watch *w)
{
    int64_t age_ms = lock_sync_watch_age_ms(w);

    return age_ms >= 0 && age_ms * 1000 < clock_now_us() - sim.healed_us;
}

void check_healed(void)
{
    for (int32_t i = 0; i < sim.plan->client_count; i++) {
        const client *c = &sim.clients[i];

        if (is_pending(c->task) && c->task->is_watch && c->must_poll && !is_chance(c) && !had_good_response(c->watch))
            violation("client %d: there are no faults, and its watch had no good response: %s", (int)i,
                      lock_sync_status_name(lock_sync_watch_last_status(c->watch)));
    }
}
