/* The helper thread on virtual time: replaces pool/helper.c. Requests to guards begin in order, and take as long as
   their store. Their effect on the store comes when they begin, or when they end. */
#include "pool/helper.h"

#include "world.h"

#include <string.h>

#define STEPS_MAX 4

/* A request that a worker has. */
typedef struct step {
    lsync_job *job; /* NULL: the worker is free */
    int64_t ends_us;
    bool is_done; /* done at the store; the pool does not know yet */
} step;

static struct {
    step steps[POOLS_MAX][STEPS_MAX];
    lock_sync_pool *pools[POOLS_MAX];
    uint64_t begun;
} helpers;

void helper_begin(void)
{
    memset(&helpers, 0, sizeof helpers);
}

/* --- steps --- */

static void carry_out(step *s)
{
    if (s->is_done)
        return;
    s->is_done = true;
    lsync_job_make_request(s->job);
}

static int64_t time_of_step(const lsync_job *job, dice *d)
{
    const guard_state *g = guard_state_of(job->request.guard);

    if (g != NULL && g->reliability == WORKS_SLOW && !dice_one_in(d, 4))
        return dice_between(d, 100000, 8 * SECOND_US);
    return dice_between(d, 50, 5000);
}

static void begin_step(app *owner, step *s, lsync_job *job)
{
    dice d = dice_of(sim.plan->seed, 30, ++helpers.begun);
    int64_t us = time_of_step(job, &d);

    *s = (step){.job = job, .ends_us = clock_now_us() + us};
    job->request.waiting = false;
    owner->helped_us += us;
    trace("the helper of pool %d begins a step that takes %.3f s", (int)owner->number, (double)us / 1e6);
    if (dice_one_in(&d, 2))
        carry_out(s);
}

static void end_step(lock_sync_pool *p, step *s)
{
    carry_out(s);
    trace("the helper ends a step: %s", lock_sync_status_name(s->job->request.status));
    lsync_queue_append(&p->helper.done, &s->job->link);
    s->job = NULL;
    lsync_loop_wake(&p->loop);
}

/* Gives waiting requests to a pool's free workers. */
static void begin_steps(app *owner)
{
    lock_sync_pool *p = helpers.pools[owner->number];

    for (int32_t i = 0; p != NULL && i < sim.plan->workers; i++) {
        step *s = &helpers.steps[owner->number][i];
        lsync_link *link = s->job == NULL ? lsync_queue_take(&p->helper.requests) : NULL;

        if (link != NULL)
            begin_step(owner, s, LSYNC_OF(link, lsync_job, link));
    }
}

/* --- time --- */

/* Returns the step that ends first, or NULL. */
static step *first_of(int32_t *pool)
{
    step *first = NULL;

    for (int32_t n = 0; n < POOLS_MAX; n++)
        for (int32_t i = 0; i < STEPS_MAX; i++) {
            step *s = &helpers.steps[n][i];

            if (s->job == NULL || (first != NULL && first->ends_us <= s->ends_us))
                continue;
            first = s;
            *pool = n;
        }
    return first;
}

int64_t helper_due_us(void)
{
    int32_t pool;
    const step *first = first_of(&pool);

    return first == NULL ? NEVER_US : first->ends_us;
}

void helper_run(void)
{
    int32_t pool;
    step *first;

    while ((first = first_of(&pool)) != NULL && first->ends_us <= clock_now_us()) {
        end_step(helpers.pools[pool], first);
        begin_steps(&sim.apps[pool]);
    }
}

int64_t helper_worked_us(int32_t pool)
{
    int64_t us = sim.apps[pool].helped_us;

    for (int32_t i = 0; i < STEPS_MAX; i++) {
        const step *s = &helpers.steps[pool][i];

        us -= s->job != NULL && s->ends_us > clock_now_us() ? s->ends_us - clock_now_us() : 0;
    }
    return us;
}

/* --- pool/helper.h --- */

lock_sync_status lsync_helper_send(lsync_job *job)
{
    lock_sync_pool *p = job->pool;
    app *owner = app_of_loop(&p->loop);

    if (!p->helper.runs && fault_happens(FAULT_THREAD))
        return LOCK_SYNC_E_NO_MEMORY;
    if (!p->helper.runs) {
        lsync_queue_init(&p->helper.requests);
        lsync_queue_init(&p->helper.done);
        p->helper.runs = true;
        helpers.pools[owner->number] = p;
    }
    job->request.waiting = true;
    lsync_queue_append(&p->helper.requests, &job->link);
    begin_steps(owner);
    return LOCK_SYNC_OK;
}

bool lsync_helper_withdraw(lsync_job *job)
{
    if (!job->request.waiting || job->x.fetch.state == LSYNC_FETCH_SETTLING)
        return false;
    job->request.waiting = false;
    lsync_queue_remove(&job->link);
    return true;
}

lsync_job *lsync_helper_receive(lock_sync_pool *p)
{
    lsync_link *link = p->helper.runs ? lsync_queue_take(&p->helper.done) : NULL;

    return link == NULL ? NULL : LSYNC_OF(link, lsync_job, link);
}

void lsync_helper_stop(lock_sync_pool *p)
{
    app *owner = app_of_loop(&p->loop);
    lsync_link *link;

    if (!p->helper.runs)
        return;
    for (int32_t i = 0; i < STEPS_MAX; i++) {
        step *s = &helpers.steps[owner->number][i];

        if (s->job == NULL)
            continue;
        if (s->ends_us > clock_now_us()) /* lsync_helper_stop() waits for it */
            clock_busy(s->ends_us - clock_now_us());
        end_step(p, s);
    }
    helpers.pools[owner->number] = NULL;
    while ((link = lsync_queue_take(&p->helper.requests)) != NULL) {
        lsync_job_make_request(LSYNC_OF(link, lsync_job, link));
        lsync_queue_append(&p->helper.done, link);
    }
}

/* Does nothing, because no store of the simulation has a channel. */
bool lsync_helper_connect(lock_sync_pool *p, lsync_channel *channel)
{
    (void)p, (void)channel;
    return false;
}

lsync_channel *lsync_helper_connected(lock_sync_pool *p)
{
    (void)p;
    return NULL;
}
