/* The pool: life cycle, limits and dispatch. */
#include "base/clock.h"
#include "pool/channels.h"
#include "pool/helper.h"
#include "pool/job.h"
#include "pool/notices.h"
#include "pool/origins.h"
#include "pool/schedule.h"

#include <limits.h>
#include <string.h>

#define DEFAULT_MAX_ACTIVE 144 /* of which one origin takes up to 128 */
#define DEFAULT_PER_ORIGIN 64
#define DEFAULT_TOTAL 256
#define LIMIT_MAX 65535
#define DRAIN_US 1000000
#define PASSES_MAX 16 /* in one dispatch, so that it ends under any load */

/* --- life cycle --- */

lock_sync_status lock_sync_pool_new(lock_sync_pool **out)
{
    return lock_sync_pool_new_with_allocator(NULL, out);
}

lock_sync_status lock_sync_pool_new_with_allocator(const lock_sync_allocator *allocator, lock_sync_pool **out)
{
    lock_sync_allocator memory;
    lock_sync_status status = LOCK_SYNC_E_NO_MEMORY;
    lock_sync_pool *pool;

    if (out == NULL)
        return LOCK_SYNC_E_INVALID_ARGUMENT;
    *out = NULL;
    if (!lsync_allocator_init(&memory, allocator))
        return LOCK_SYNC_E_INVALID_ARGUMENT;
    pool = lsync_alloc(&memory, sizeof *pool);
    if (pool == NULL)
        return status;
    memset(pool, 0, sizeof *pool);
    pool->memory = memory;
    pool->transfers.max = DEFAULT_MAX_ACTIVE;
    pool->connections.max = DEFAULT_TOTAL;
    lsync_table_init(&pool->origins, &pool->memory);
    lsync_table_init(&pool->waiters, &pool->memory);
    lsync_table_init(&pool->decisions, &pool->memory);
    lsync_queue_init(&pool->decided);
    lsync_schedule_init(pool);
    lsync_queue_init(&pool->ready);
    lsync_queue_init(&pool->done);
    lsync_queue_init(&pool->notices);
    if (pthread_mutex_init(&pool->mutex, NULL) == 0) {
        status = lsync_loop_init(&pool->loop, &pool->memory);
        if (status == LOCK_SYNC_OK) {
            status = lsync_loop_limit(&pool->loop, DEFAULT_PER_ORIGIN, DEFAULT_TOTAL);
            if (status == LOCK_SYNC_OK) {
                *out = pool;
                return status;
            }
            lsync_loop_release(&pool->loop);
        }
        (void)pthread_mutex_destroy(&pool->mutex);
    }
    lsync_free(&memory, pool);
    return status;
}

/* Lets jobs that waited start after a limit was changed. */
static void limit_changed(lock_sync_pool *p)
{
    lsync_schedule_update_full(p);
    if (!p->busy)
        lsync_loop_arm(&p->loop, lsync_pool_due_us(p));
}

lock_sync_status lock_sync_pool_set_max_connections(lock_sync_pool *pool, uint32_t per_origin, uint32_t total)
{
    lock_sync_status status;

    if (pool == NULL || per_origin < 1 || per_origin > total || total > LIMIT_MAX)
        return LOCK_SYNC_E_INVALID_ARGUMENT;
    status = lsync_loop_limit(&pool->loop, per_origin, total);
    pool->connections.max = total;
    limit_changed(pool);
    return status;
}

lock_sync_status lock_sync_pool_set_max_active(lock_sync_pool *pool, uint32_t transfers)
{
    if (pool == NULL || transfers < 1 || transfers > LIMIT_MAX)
        return LOCK_SYNC_E_INVALID_ARGUMENT;
    pool->transfers.max = transfers;
    limit_changed(pool);
    return LOCK_SYNC_OK;
}

int lock_sync_pool_fd(const lock_sync_pool *pool)
{
    return pool == NULL ? -1 : pool->loop.epoll_fd;
}

size_t lock_sync_pool_pending(const lock_sync_pool *pool)
{
    return pool == NULL ? 0 : pool->pending;
}

/* --- dispatching --- */

static void call_back(lsync_job *job)
{
    lsync_queue_remove(&job->link);
    job->finish(job);
}

/* Calls back for the jobs that are DONE now. Jobs that a callback adds are left for the next pass. */
static void call_back_all(lock_sync_pool *p)
{
    const lsync_link *last = p->done.ends.previous;
    lsync_link *link;

    for (bool more = true; more && (link = lsync_queue_first(&p->done)) != NULL;) { /* it may free other contexts */
        more = link != last;
        call_back(LSYNC_OF(link, lsync_job, link));
    }
}

/* Waits for events up to timeout_ms, then does everything that is possible without waiting. Calls back before it starts
   jobs, so that a fetch that a callback submits can continue the round of its origin. */
static lock_sync_status pass(lock_sync_pool *p, int timeout_ms)
{
    lock_sync_status status = lsync_loop_pass(&p->loop, timeout_ms);
    lsync_job *job;

    lsync_pool_heed_notices(p);
    while ((job = lsync_helper_receive(p)) != NULL)
        lsync_pool_guard_done(job);
    lsync_channels_proceed(p);
    while ((job = lsync_channels_receive(p)) != NULL)
        lsync_pool_guard_done(job);
    lsync_schedule_check_leaders(p);
    for (lsync_transfer *t = lsync_loop_finished(&p->loop), *next; t != NULL; t = next) {
        next = t->next_over;
        lsync_pool_transfer_over(LSYNC_OF(t, lsync_pool_transfer, curl), t->code);
    }
    if (status != LOCK_SYNC_OK)
        lsync_pool_abort_transfers(p);
    call_back_all(p);
    lsync_pool_advance(p);
    call_back_all(p);          /* for jobs that ended without a request */
    lsync_channels_proceed(p); /* all decisions of this pass at once */
    return status;
}

static bool has_more(const lock_sync_pool *p, int64_t due_us)
{
    int64_t now_us = lsync_clock_boot_us();

    return p->loop.more || p->loop.curl_due_us <= now_us || due_us <= now_us;
}

static lock_sync_status run(lock_sync_pool *p, int timeout_ms)
{
    lock_sync_status status;
    int64_t due_us;
    int passes = 0;

    if (p == NULL)
        return LOCK_SYNC_E_INVALID_ARGUMENT;
    if (p->busy)
        return LOCK_SYNC_E_BUSY;
    p->busy = true;
    do {
        status = pass(p, timeout_ms);
        due_us = lsync_pool_due_us(p);
        timeout_ms = 0;
    } while (status == LOCK_SYNC_OK && !p->free_wanted && passes++ < PASSES_MAX && has_more(p, due_us));
    lsync_loop_arm(&p->loop, due_us);
    p->busy = false;
    if (p->free_wanted)
        lock_sync_pool_free(p);
    return status;
}

lock_sync_status lock_sync_pool_dispatch(lock_sync_pool *pool)
{
    return run(pool, 0);
}

lock_sync_status lock_sync_pool_wait(lock_sync_pool *pool, int64_t timeout_ms)
{
    return run(pool, timeout_ms < 0 ? -1 : timeout_ms > INT_MAX ? INT_MAX : (int)timeout_ms);
}

/* --- the end --- */

/* Calls back for a job that is neither on the helper thread nor in a transfer. */
static void end_job(lsync_job *job)
{
    lsync_run_release(&job->x);
    job->x.fetch.status = lsync_error_set(&job->x.ctx->error, LOCK_SYNC_E_CANCELLED, "the pool was freed");
    call_back(job);
}

/* Ends a stopped job whose step at the guard is over. */
static void end_step(lsync_job *job)
{
    lock_sync_pool *p = job->pool;

    lock_sync_guard_unref(job->request.guard);
    if (job->x.ctx != NULL) {
        lsync_error_clear(&job->x.unauthorized);
        end_job(job);
    } else {
        lsync_free(&p->memory, job);
    }
}

/* Settles the slot of a stopped job, if it has one, now that the helper thread has ended. */
static void end_steps(lsync_job *job)
{
    lsync_fetch_input input = {.status = job->request.status};

    for (lsync_fetch_next(&job->x.fetch, &input); job->x.fetch.state == LSYNC_FETCH_SETTLING;
         lsync_fetch_next(&job->x.fetch, &input))
        input.status = lsync_step_guard(&job->x, job->request.guard);
    end_step(job);
}

static void end_requests(lock_sync_pool *p)
{
    lsync_job *job;

    lsync_helper_stop(p);
    while ((job = lsync_helper_receive(p)) != NULL)
        end_steps(job);
}

/* Ends the stopped jobs whose steps in channels are done, or settles their slots. */
static void end_decided(lock_sync_pool *p)
{
    lsync_job *job;

    while ((job = lsync_channels_receive(p)) != NULL) {
        const lsync_fetch_input input = {.status = job->request.status};

        lsync_fetch_next(&job->x.fetch, &input);
        if (job->x.fetch.state == LSYNC_FETCH_SETTLING)
            lsync_channels_send(job, lsync_channels_find(p, job->request.guard));
        else
            end_step(job);
    }
}

/* Drives the channels until all decisions are made, at most for a second. Then their slots' leases run out. */
static void drain_channels(lock_sync_pool *p)
{
    int64_t until_us = lsync_clock_boot_us() + DRAIN_US;
    int64_t left_us = DRAIN_US;

    while (lsync_channels_are_busy(p) && left_us > 0) {
        lsync_channels_proceed(p);
        end_decided(p);
        lsync_channels_proceed(p);
        left_us = until_us - lsync_clock_boot_us();
        if (lsync_channels_are_busy(p) && lsync_channels_due_us(p) > 0 && left_us > 0)
            (void)lsync_loop_pass(&p->loop, (int)lsync_clock_ms_up(left_us));
    }
}

void lock_sync_pool_free(lock_sync_pool *pool)
{
    lock_sync_allocator memory;
    lsync_link *link;
    lsync_timer *timer;

    if (pool == NULL)
        return;
    if (pool->busy) { /* in a callback */
        pool->free_wanted = true;
        return;
    }
    pool->busy = pool->freeing = true;
    while ((timer = lsync_heap_first(&pool->timers)) != NULL) {
        lsync_heap_remove(&pool->timers, timer); /* jobs whose guard is being asked are ended below */
        lsync_pool_abort(LSYNC_OF(timer, lsync_job, timer));
    }
    drain_channels(pool);
    end_requests(pool);
    lsync_channels_close(pool);
    end_decided(pool);
    while ((link = lsync_queue_first(&pool->done)) != NULL)
        end_job(LSYNC_OF(link, lsync_job, link));
    memory = pool->memory;
    for (lsync_pool_transfer *transfer = pool->all_transfers; transfer != NULL; transfer = transfer->next_of_all)
        lsync_transfer_release(&transfer->curl);
    lsync_loop_release(&pool->loop);
    lsync_pool_free_transfers(pool);
    lsync_pool_free_origins(pool);
    lsync_table_release(&pool->waiters);
    lsync_table_release(&pool->decisions);
    lsync_free(&memory, pool->timers.timers);
    (void)pthread_mutex_destroy(&pool->mutex);
    lsync_free(&memory, pool);
}
