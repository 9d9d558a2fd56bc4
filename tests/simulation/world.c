/* Runs a scenario: time moves from one event to the next, and the rules are checked after each. */
#include "world.h"

#include "checks.h"
#include "network.h"

#include "../support/t_heap.h"

#include <string.h>

#define HEALED_US (90 * MINUTE_US) /* enough for watches: a block of an hour, and a poll */

world sim;
static t_heap memory;

/* --- small things --- */

lock_sync_allocator world_allocator(void)
{
    return t_heap_allocator(&memory);
}

void world_fail_allocation(int64_t after)
{
    memory.fail_at = memory.requests + (size_t)after;
    sim.memory_failed = true;
}

bool fault_happens(fault f)
{
    static const char *const names[] = {"libcurl runs out of memory", "libcurl cannot make another multi handle",
                                        "no handle can be made", "no thread can be started",
                                        "a transfer cannot be started"};
    bool strikes = sim.faults[f];

    sim.faults[f] = false;
    if (strikes)
        trace("%s", names[f]);
    return strikes;
}

app *app_of_loop(const lsync_loop *l)
{
    for (int32_t i = 0; i < POOLS_MAX; i++)
        if (sim.apps[i].loop == l)
            return &sim.apps[i];
    return NULL;
}

int32_t guard_key(const client *c)
{
    return c->plan->guard >= 0 ? c->plan->guard : KEY_OWN * (c->number + 1) + (int32_t)c->generation;
}

/* --- beginning and end --- */

static void begin(const scenario *s)
{
    memset(&sim, 0, sizeof sim);
    memset(&memory, 0, sizeof memory);
    clock_begin(s->creeps);
    dice_seed_library(s->seed);
    network_begin();
    server_begin();
    helper_begin();
    ledger_begin();
    sim.plan = s;
    sim.begun_us = clock_now_us();
    for (int32_t i = 0; i < POOLS_MAX; i++)
        sim.apps[i] = (app){.number = i, .ready_us = NEVER_US};
    for (int32_t i = 0; i < s->client_count; i++)
        sim.clients[i] = (client){.number = i, .plan = &s->clients[i]};
    guards_make();
}

static void end(void)
{
    dice d = dice_of(sim.plan->seed, 40, 0);
    bool pools_first = dice_one_in(&d, 2);

    sim.queued_count = 0;
    for (int32_t i = 0; i < POOLS_MAX && pools_first; i++)
        app_free(&sim.apps[i]);
    for (int32_t i = 0; i < sim.plan->client_count; i++)
        client_free(&sim.clients[i]);
    for (int32_t i = 0; i < POOLS_MAX && !pools_first; i++)
        app_free(&sim.apps[i]);
    guards_free();
    ledger_close();
    if (memory.blocks != 0)
        violation("%zu blocks of memory are not freed", (size_t)memory.blocks);
    if (transfers_alive() != 0)
        violation("%d transfers are not freed", transfers_alive());
}

/* --- the application's loop --- */

/* Returns when the application dispatches: some time after the descriptor became readable. */
static int64_t dispatch_us(app *owner)
{
    dice d = dice_of(sim.plan->seed, UINT64_C(7000) + (uint64_t)owner->number, owner->dispatches);
    int64_t ready_us;

    if (owner->pool == NULL)
        return NEVER_US;
    ready_us = loop_ready_us(owner->loop);
    if (ready_us <= clock_now_us()) {
        owner->ready_us = owner->ready_us < clock_now_us() ? owner->ready_us : clock_now_us();
        ready_us = owner->ready_us;
    } else {
        owner->ready_us = NEVER_US;
    }
    return ready_us == NEVER_US ? NEVER_US : ready_us + dice_between(&d, 0, sim.plan->late_us);
}

static void call(app *owner, int64_t wait_ms)
{
    lock_sync_status status;

    owner->ready_us = NEVER_US;
    sim.calling++;
    status = wait_ms > 0 ? lock_sync_pool_wait(owner->pool, wait_ms) : lock_sync_pool_dispatch(owner->pool);
    sim.calling--;
    if (status != LOCK_SYNC_OK && (status != LOCK_SYNC_E_NO_MEMORY || !sim.memory_failed))
        violation("pool %d: dispatch returns %s", (int)owner->number, lock_sync_status_name(status));
}

/* Dispatches. Sometimes waits inside the pool after that, until something else is due. */
static void dispatch(app *owner, int64_t until_us)
{
    dice d = dice_of(sim.plan->seed, UINT64_C(8000) + (uint64_t)owner->number, owner->dispatches++);

    call(owner, 0);
    if (owner->pool != NULL && until_us != NEVER_US && until_us - clock_now_us() > 1000 && dice_one_in(&d, 4))
        call(owner, (until_us - clock_now_us()) / 1000);
}

/* --- time --- */

static int64_t earlier(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

/* Moves to the next event and handles it. Returns false if no event is before until_us. */
static bool step(const action *next, int64_t until_us)
{
    int64_t action_us = next == NULL ? until_us : sim.begun_us + next->at_us;
    int64_t others_us = earlier(server_due_us(), helper_due_us());
    int64_t due_us = earlier(action_us, others_us);

    for (int32_t i = 0; i < POOLS_MAX; i++)
        due_us = earlier(due_us, dispatch_us(&sim.apps[i]));
    if (next == NULL && due_us >= until_us)
        return false;
    check_next(due_us);
    clock_go_to(due_us);
    server_run();
    helper_run();
    for (int32_t i = 0; i < POOLS_MAX; i++)
        if (dispatch_us(&sim.apps[i]) <= clock_now_us())
            dispatch(&sim.apps[i], sim.plan->pool_count == 1 ? earlier(action_us, until_us) : NEVER_US);
    check_step();
    return true;
}

/* Returns whether fetches, or watches, are pending. */
static bool has_tasks(bool is_watch)
{
    for (int32_t i = 0; i < sim.plan->client_count; i++)
        if (sim.clients[i].task != NULL && sim.clients[i].task->is_watch == is_watch)
            return true;
    return false;
}

/* Returns whether the client's timeouts are long enough for the network. */
static bool has_time(const client_plan *c)
{
    int64_t needed_ms = 1000 + 8 * sim.plan->delay_us / 1000;

    return c->timeout_ms > needed_ms && c->connect_timeout_ms > needed_ms / 2;
}

/* Ends all faults. A watch that is due within an hour must have a good response after that. */
static void heal(void)
{
    trace("all faults end");
    memset(sim.behaviours, 0, sizeof sim.behaviours);
    memory.fail_at = 0;
    memset(sim.faults, 0, sizeof sim.faults);
    sim.healed_us = clock_now_us();
    for (int32_t i = 0; i < sim.plan->guard_count; i++)
        sim.guards[i].reliability = WORKS_WELL;
    for (int32_t i = 0; i < sim.plan->client_count; i++) {
        client *c = &sim.clients[i];

        c->provider = WORKS_WELL;
        client_stop(c, false);
        c->must_poll = c->watch != NULL && lock_sync_watch_due_in_ms(c->watch) < 600000 && has_time(c->plan);
    }
}

void world_run(const scenario *s)
{
    size_t at = 0;
    int64_t until_us;

    begin(s);
    while (at < s->action_count) {
        const action *next = &s->actions[at];

        if (sim.begun_us + next->at_us > clock_now_us()) {
            (void)step(next, NEVER_US);
            continue;
        }
        at++;
        if (next->in_callback)
            sim.queued[sim.queued_count++] = next;
        else
            apply(next);
        check_step();
    }
    heal();
    until_us = clock_now_us() + HEALED_US;
    while (has_tasks(false) || has_tasks(true)) /* a fetch ends by its deadline, or that is a violation */
        if (!step(NULL, has_tasks(true) ? until_us : NEVER_US))
            break;
    if (clock_now_us() >= until_us - MINUTE_US)
        check_healed();
    end();
}
