/* The application: contexts, submits, watches, callbacks; see world.h. */
#include "world.h"

#include "checks.h"
#include "network.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* --- pools --- */

static void set_limits(app *owner, uint32_t transfers, uint32_t per_origin, uint32_t total)
{
    owner->transfers = transfers;
    owner->total = total;
    if (owner->pool == NULL)
        return;
    if (lock_sync_pool_set_max_active(owner->pool, transfers) != LOCK_SYNC_OK ||
        lock_sync_pool_set_max_connections(owner->pool, per_origin, total) != LOCK_SYNC_OK)
        violation("pool %d rejects its limits", (int)owner->number);
}

void app_make(app *owner)
{
    lock_sync_allocator memory = world_allocator();
    lock_sync_pool *p;

    if (lock_sync_pool_new_with_allocator(&memory, &p) != LOCK_SYNC_OK) {
        if (!sim.memory_failed)
            violation("a pool cannot be made");
        return;
    }
    owner->pool = p;
    owner->loop = &p->loop;
    owner->ready_us = NEVER_US;
    owner->transfers = 144; /* the value that it was made with */
    owner->total = 256;
    if (sim.plan->transfers != 0)
        set_limits(owner, sim.plan->transfers, 64, 256);
}

void app_free(app *owner)
{
    if (owner->pool == NULL)
        return;
    trace("pool %d is freed", (int)owner->number);
    sim.calling++;
    lock_sync_pool_free(owner->pool);
    sim.calling--;
}

/* --- contexts --- */

static lock_sync_status provide(void *user, lock_sync_ctx *ctx, bool rejected)
{
    client *c = user;
    dice d = dice_of(sim.plan->seed, UINT64_C(6000) + (uint64_t)c->number, ++c->tokens);
    char token[32];

    trace("client %d: its token provider is called%s", (int)c->number, rejected ? " again" : "");
    c->task->has_started = true; /* its turn has come, even if nothing is sent */
    if (c->provider == WORKS_FAILS)
        return dice_one_in(&d, 2) ? LOCK_SYNC_E_NETWORK : LOCK_SYNC_E_NO_CREDENTIAL;
    if (c->provider == WORKS_SLOW)
        clock_busy(dice_between(&d, 1000, 2000000));
    if (c->provider == WORKS_FAILS_TO_WRITE)
        return LOCK_SYNC_OK;
    (void)snprintf(token, sizeof token, "token%d-%u", (int)c->number, (unsigned)c->tokens);
    if (dice_one_in(&d, 2))
        return lock_sync_set_access_token(ctx, token);
    return lock_sync_set_access_token_until(ctx, token, clock_wall_ms() + 600000);
}

static lock_sync_status set_up(client *c, lock_sync_ctx *ctx)
{
    const client_plan *plan = c->plan;
    lock_sync_guard *guard = plan->guard < 0 ? NULL : sim.guards[plan->guard].guards[plan->pool];
    bool https = sim.plan->origins[plan->origin].https;
    char url[64];
    lock_sync_status status;

    (void)snprintf(url, sizeof url, https ? "https://o%d.example" : "http://127.0.0.1:%d", (int)plan->origin + 1);
    status = lock_sync_set_base_url(ctx, url);
    if (status == LOCK_SYNC_OK)
        status = plan->has_provider ? lock_sync_set_token_provider(ctx, provide, c)
                                    : lock_sync_set_personal_key(ctx, "key");
    if (status == LOCK_SYNC_OK)
        status = lock_sync_set_guard(ctx, guard);
    if (status == LOCK_SYNC_OK)
        status = lock_sync_set_guard_mode(ctx, plan->mode);
    if (status == LOCK_SYNC_OK)
        status = lock_sync_set_timeout_ms(ctx, plan->timeout_ms);
    if (status == LOCK_SYNC_OK)
        status = lock_sync_set_connect_timeout_ms(ctx, plan->connect_timeout_ms);
    return status;
}

/* Returns false if memory was short. */
static bool make_ctx(client *c)
{
    lock_sync_allocator memory = world_allocator();
    lock_sync_ctx *ctx;
    lock_sync_status status = lock_sync_ctx_new_with_allocator(&memory, &ctx);

    if (status == LOCK_SYNC_OK) {
        status = set_up(c, ctx);
        if (status != LOCK_SYNC_OK)
            lock_sync_ctx_free(ctx);
    }
    if (status == LOCK_SYNC_OK) {
        c->ctx = ctx;
        c->keeps_all = false;
        c->is_stopped = false;
        c->generation++;
        return true;
    }
    if (status != LOCK_SYNC_E_NO_MEMORY || !sim.memory_failed)
        violation("client %d: its context cannot be made: %s", (int)c->number, lock_sync_status_name(status));
    return false;
}

/* Makes the client's pool and context if they do not exist. Returns whether they do now. */
static bool is_ready(client *c)
{
    app *owner = &sim.apps[c->plan->pool];

    if (owner->pool == NULL)
        app_make(owner);
    return owner->pool != NULL && (c->ctx != NULL || (c->watch == NULL && make_ctx(c)));
}

static void free_watch(client *c)
{
    lock_sync_watch *w = c->watch;

    if (w == NULL)
        return;
    trace("client %d: its watch is freed", (int)c->number);
    c->watch = NULL;
    memset(c->reported, 0, sizeof c->reported);
    if (c->task != NULL && c->task->is_watch)
        check_left(c->task);
    lock_sync_watch_free(w);
}

void client_free(client *c)
{
    lock_sync_ctx *ctx = c->ctx;
    task *t = c->task;

    if (ctx == NULL)
        return;
    trace("client %d: its context is freed", (int)c->number);
    if (t == NULL || !t->is_watch)
        free_watch(c);
    c->ctx = NULL;
    sim.calling++;
    if (t != NULL && t->in_callback) /* the client gets no further callback for it */
        check_left(t);
    lock_sync_ctx_free(ctx);
    sim.calling--;
    if (t != NULL && !t->is_over)
        violation("client %d: its context was freed without a callback", (int)c->number);
    if (c->ctx == NULL)
        free_watch(c);
}

/* --- callbacks --- */

static void on_done(void *user, lock_sync_ctx *ctx, lock_sync_status status, lock_sync_results *results)
{
    task *t = user;
    client *c = t->client;

    check_done(t, ctx, status, results);
    lock_sync_results_free(results);
    if (c->ctx == NULL && lock_sync_pool_submit(sim.apps[t->pool].pool, ctx, NULL, 0, on_done, t) != LOCK_SYNC_E_BUSY)
        violation("client %d: submit accepted a context that is being freed", (int)c->number);
    apply_queued(c);
}

static void on_changed(void *user, lock_sync_watch *w, lock_sync_status status, const lock_sync_changes *changes)
{
    task *t = user;
    client *c = t->client;

    (void)w;
    check_changed(t, status, changes);
    t->in_callback = true;
    apply_queued(c);
    t->in_callback = false;
}

/* --- actions --- */

static void submit(client *c, int64_t value)
{
    const int64_t id = (c->number + 1) * 100;
    bool asks_one = value % 3 == 1;
    task *t;

    if (!is_ready(c))
        return;
    t = check_task(c, false);
    t->asks_all = !asks_one;
    check_entry(
        t, lock_sync_pool_submit(sim.apps[c->plan->pool].pool, c->ctx, asks_one ? &id : NULL, asks_one, on_done, t));
}

static void begin_watch(client *c)
{
    lock_sync_status status = LOCK_SYNC_OK;
    task *t;

    if (!is_ready(c))
        return;
    if (c->watch == NULL) {
        if (c->task != NULL)
            return;
        status = lock_sync_watch_new(c->ctx, NULL, 0, &c->watch);
        if (status == LOCK_SYNC_OK)
            status = lock_sync_watch_set_interval_ms(c->watch, c->plan->interval_ms);
    }
    t = check_task(c, true);
    if (status == LOCK_SYNC_OK)
        status = lock_sync_pool_watch(sim.apps[c->plan->pool].pool, c->watch, on_changed, t);
    check_entry(t, status);
}

/* Cancels what a client does, stops its context, or ends the stop. */
static void cancel(client *c, int64_t value)
{
    if (c->ctx == NULL)
        return;
    if (value % 8 >= 5) {
        client_stop(c, value % 8 == 5 && sim.healed_us == 0); /* in the end nothing stays stopped */
        return;
    }
    trace("client %d: it is cancelled", (int)c->number);
    if (c->task != NULL && c->is_stopped)
        c->task->may_report = c->task->is_watch; /* it has no effect, unless the stop ends before the pool looks */
    else if (c->task != NULL && !c->task->in_callback)
        check_cancel(c->task);
    lock_sync_cancel(c->ctx);
}

void client_stop(client *c, bool on)
{
    if (c->ctx == NULL)
        return;
    trace("client %d: %s", (int)c->number, on ? "it is stopped" : "it is not stopped any more");
    check_stop(c, on);
    if (lock_sync_set_stopped(c->ctx, on) != LOCK_SYNC_OK)
        violation("client %d cannot be stopped", (int)c->number);
}

/* Asks for a slot as another user of the account, which sends at once, or gives the slot back. */
static void probe(int32_t key, bool sends)
{
    lock_sync_guard *g = sim.guards[key].guards[0];
    int64_t slot;
    lock_sync_status status = lock_sync_guard_reserve(g, 5000, NULL, &slot);

    trace("another user asks guard %d: %s", (int)key, lock_sync_status_name(status));
    if (status != LOCK_SYNC_OK)
        return;
    if (sends)
        ledger_sent_by_other(key, 0, slot);
    (void)lock_sync_guard_settle(g, slot, sends ? LOCK_SYNC_SLOT_SENT : LOCK_SYNC_SLOT_NOT_SENT, -1);
}

void apply(const action *a)
{
    app *owner = &sim.apps[a->who % POOLS_MAX];
    client *c = &sim.clients[a->who];
    char text[160];

    if (a->kind >= ACTIONS_OF_CLIENTS) /* the functions for the others trace what happens */
        trace("%s", action_text(a, text, sizeof text));
    switch (a->kind) {
    case DO_SUBMIT: submit(c, a->at_us); break;
    case DO_WATCH: begin_watch(c); break;
    case DO_CANCEL: cancel(c, a->at_us); break;
    case DO_FREE_CTX: client_free(c); break;
    case DO_FREE_WATCH: free_watch(c); break;
    case DO_FREE_POOL: app_free(&sim.apps[c->plan->pool]); break;
    case DO_BUSY:
        trace("the application keeps the thread busy for %.3f s", (double)a->value / 1e6);
        clock_busy(a->value);
        break;
    case DO_BEHAVIOUR: sim.behaviours[a->who] = (behaviour)a->value; break;
    case DO_STORE: sim.guards[a->who].reliability = (reliability)a->value; break;
    case DO_PROVIDER: c->provider = (reliability)a->value; break;
    case DO_LIMITS: set_limits(owner, (uint32_t)a->value, 1 + (uint32_t)a->value2 / 3, (uint32_t)a->value2); break;
    case DO_SLEEP: clock_sleep(a->value); break;
    case DO_WALL: clock_set_wall(a->value); break;
    case DO_PROBE: probe(a->who, a->value != 0); break;
    case DO_FAULT:
        sim.memory_failed = sim.faults[a->value] = true;
        sim.faults[FAULT_TURN] = sim.faults[FAULT_TURN] || a->value == FAULT_MULTI;
        break;
    default: world_fail_allocation(a->value); break;
    }
}

void apply_queued(client *c)
{
    for (size_t i = 0; i < sim.queued_count;) {
        const action *a = sim.queued[i];

        if (a->by != c->number) {
            i++;
            continue;
        }
        memmove(&sim.queued[i], &sim.queued[i + 1], (--sim.queued_count - i) * sizeof(const action *));
        apply(a);
        i = 0; /* its action may have called back */
    }
}
