/* Drives the fetches of the pool's jobs; see job.h. */
#include "base/clock.h"
#include "client/kept.h"
#include "client/settings.h"
#include "pool/helper.h"
#include "pool/job.h"
#include "pool/waiters.h"
#include "pool/origins.h"
#include "pool/places.h"
#include "pool/schedule.h"

#include <assert.h>
#include <string.h>

/* Until its deadline. */
static void set_state(lsync_job *job, lsync_job_state state)
{
    lsync_job_move(job, state, job->x.fetch.deadline_us);
}

void lsync_pool_sleep(lsync_job *job, int64_t until_us)
{
    assert(job->watch != NULL);
    job->x.fetch.state = LSYNC_FETCH_DONE; /* no poll is under way */
    lsync_job_move(job, LSYNC_JOB_ASLEEP, until_us);
}

void lsync_pool_begin_fetch(lsync_job *job, int64_t now_us)
{
    const lock_sync_ctx *ctx = job->x.ctx;

    lsync_fetch_begin(&job->x.fetch, ctx->guard_mode, job->watch != NULL, ctx->provider != NULL,
                      now_us + ctx->timeout_ms * 1000);
    set_state(job, LSYNC_JOB_READY);
}

/* --- driving the machine --- */

static void drive(lsync_job *job);

static void go_on(lsync_job *job, const lsync_fetch_input *input)
{
    lsync_fetch_next(&job->x.fetch, input);
    drive(job);
}

/* Reports the result of the state's step. */
static void report(lsync_job *job, lock_sync_status status)
{
    const lsync_fetch_input input = {.status = status};

    go_on(job, &input);
}

static bool waits_in_line(const lsync_job *job)
{
    return job->x.fetch.mode == LOCK_SYNC_GUARD_WAIT && !job->x.fetch.is_poll;
}

/* ASKING, EXTENDING, SETTLING: at once, or by the helper thread, from where the job comes back by
   lsync_pool_reserved. */
static void ask_guard(lsync_job *job)
{
    lsync_helper_request *r = &job->request;
    lock_sync_status status;

    if (job->x.fetch.state == LSYNC_FETCH_ASKING && waits_in_line(job) && lsync_waiters_answers(job)) {
        const lsync_fetch_input denied = lsync_step_guard_done(&job->x, LOCK_SYNC_E_TOO_SOON);

        go_on(job, &denied);
        return;
    }
    r->guard = lock_sync_guard_ref(job->x.ctx->guard);
    if (!lsync_guard_may_block(r->guard)) {
        r->status = lsync_step_guard(&job->x, r->guard);
        lsync_pool_reserved(job);
        return;
    }
    set_state(job, LSYNC_JOB_ASKING);
    status = lsync_helper_send(job); /* once it is sent, the request is the thread's alone */
    if (status == LOCK_SYNC_OK)
        return;
    assert(job->x.fetch.state == LSYNC_FETCH_ASKING); /* a slot was got by the thread, which runs */
    r->status = status;
    lsync_pool_reserved(job);
}

/* The end of a poll that the guard denied is no end: the watch sleeps until it may be allowed. */
static void end(lsync_job *job)
{
    if (job->x.fetch.is_denied) {
        lsync_watch_denied(job->watch, job->x.reservation.soonest_ms);
        lsync_pool_sleep(job, job->x.fetch.at_us);
    } else {
        set_state(job, LSYNC_JOB_DONE); /* what its error says was set before */
    }
}

/* WAITING: in the line of the guard. The time that its first was told may be too late for some behind it: they end at
   once, as they would if each had asked. */
static void wait_for_guard(lsync_job *job)
{
    lsync_link *at;
    lsync_job *late;

    if (!lsync_waiters_leads(job)) {
        set_state(job, LSYNC_JOB_BEHIND);
        return;
    }
    lsync_job_move(job, LSYNC_JOB_ASLEEP, job->x.fetch.at_us);
    at = job->behind.ends.next;
    while ((late = lsync_waiters_hopeless(job, &at)) != NULL)
        report(late, LOCK_SYNC_OK); /* it asks, and gets the answer of the first */
}

/* A slot of the guard has ended: the first in its line asks again. */
static void wake_line(lock_sync_pool *p, const lock_sync_guard *guard)
{
    lsync_job *first = lsync_waiters_first(p, guard);

    if (first != NULL && first->state == LSYNC_JOB_ASLEEP)
        set_state(first, LSYNC_JOB_READY);
}

/* Does what the state of the fetch says, or has it wait for that. */
static void drive(lsync_job *job)
{
    switch (job->x.fetch.state) {
    case LSYNC_FETCH_CHECK:
    case LSYNC_FETCH_CREDENTIAL:
    case LSYNC_FETCH_SENDING: set_state(job, LSYNC_JOB_READY); break;
    case LSYNC_FETCH_ASKING:
    case LSYNC_FETCH_EXTENDING:
    case LSYNC_FETCH_SETTLING: ask_guard(job); break;
    case LSYNC_FETCH_WAITING: wait_for_guard(job); break;
    case LSYNC_FETCH_KEPT: report(job, lsync_kept_get(job->x.ctx, job->x.ids, job->x.n, false, &job->x.results)); break;
    case LSYNC_FETCH_RENEWING: report(job, lsync_step_renew(&job->x)); break;
    case LSYNC_FETCH_DONE:
    default: end(job); break;
    }
}

/* Of a job whose context was freed while the helper thread had it only the slot is left, to be settled. */
static void end_orphan(lsync_job *job)
{
    const lsync_fetch_input input = {.status = job->request.status};

    lsync_fetch_next(&job->x.fetch, &input);
    if (job->x.fetch.state == LSYNC_FETCH_SETTLING && lsync_helper_send(job) == LOCK_SYNC_OK)
        return;
    wake_line(job->pool, job->request.guard);
    lock_sync_guard_unref(job->request.guard);
    lsync_free(&job->pool->memory, job);
}

void lsync_pool_reserved(lsync_job *job)
{
    lsync_fetch_input input;

    if (job->x.ctx == NULL) {
        end_orphan(job);
        return;
    }
    input = lsync_step_guard_done(&job->x, job->request.status);
    if (job->x.fetch.state == LSYNC_FETCH_SETTLING)
        wake_line(job->pool, job->request.guard);
    lock_sync_guard_unref(job->request.guard);
    job->request.guard = NULL;
    go_on(job, &input);
}

/* --- transfers --- */

static lsync_pool_transfer *take_transfer(lock_sync_pool *p)
{
    lsync_pool_transfer *transfer = p->free_transfers;

    if (transfer != NULL) {
        p->free_transfers = transfer->next;
        return transfer;
    }
    transfer = lsync_alloc(&p->memory, sizeof *transfer);
    if (transfer == NULL)
        return NULL;
    if (lsync_transfer_init(&transfer->curl, &p->memory, &p->loop.distrusted_us) != LOCK_SYNC_OK) {
        lsync_free(&p->memory, transfer);
        return NULL;
    }
    transfer->job = NULL;
    transfer->lead = (lsync_link){NULL, NULL};
    transfer->next_of_all = p->all_transfers;
    p->all_transfers = transfer;
    return transfer;
}

static void leave_transfer(lsync_pool_transfer *transfer)
{
    lock_sync_pool *p = transfer->job->pool;

    lsync_origin_leave(transfer);
    transfer->job->transfer = NULL;
    transfer->job = NULL;
    transfer->next = p->free_transfers;
    p->free_transfers = transfer;
}

void lsync_pool_free_transfers(lock_sync_pool *p)
{
    lsync_pool_transfer *next;

    for (; p->all_transfers != NULL; p->all_transfers = next) {
        next = p->all_transfers->next_of_all;
        lsync_free(&p->memory, p->all_transfers);
    }
    p->free_transfers = NULL;
}

/* The transfer of a transfer is over, and stopped: what its response is, and what comes then. */
static void conclude(lsync_pool_transfer *transfer, lock_sync_status performed)
{
    lsync_job *job = transfer->job;
    lock_sync_status status;

    job->attempts = (lsync_attempts){.next = LSYNC_RETRY_NONE};
    status = lsync_step_conclude(&job->x, performed);
    lsync_origin_learn(transfer, status);
    leave_transfer(transfer);
    report(job, status);
}

/* The request of a transfer is to be sent once more: it gets a transfer in its turn, which need not be this one. */
static void send_again(lsync_pool_transfer *transfer)
{
    lsync_job *job = transfer->job;

    job->attempts = transfer->curl.attempts;
    lsync_step_retry(&job->x);
    lsync_origin_learn(transfer, LOCK_SYNC_E_CANCELLED);
    leave_transfer(transfer);
    set_state(job, LSYNC_JOB_READY);
}

void lsync_pool_transfer_over(lsync_pool_transfer *transfer, CURLcode code)
{
    bool again = lsync_transfer_retry(&transfer->curl, code) != LSYNC_RETRY_NONE;
    lock_sync_status performed = lsync_transfer_finish(&transfer->curl, code);

    if (again)
        send_again(transfer);
    else
        conclude(transfer, performed);
}

/* Ends the transfer of an active job early. */
static void cut_short(lsync_job *job, CURLcode code, lock_sync_status status)
{
    lsync_loop_stop(&job->pool->loop, &job->transfer->curl);
    (void)lsync_transfer_finish(&job->transfer->curl, code);
    conclude(job->transfer, status);
}

void lsync_pool_begin_anew(lock_sync_pool *p)
{
    for (const lsync_pool_transfer *transfer = p->all_transfers; transfer != NULL; transfer = transfer->next_of_all)
        if (transfer->job != NULL)
            cut_short(transfer->job, CURLE_OUT_OF_MEMORY, LOCK_SYNC_E_NO_MEMORY);
    lsync_loop_renew(&p->loop);
}

/* Starts a transfer, in a loop that libcurl can go on with. */
static lock_sync_status start_in_loop(lock_sync_pool *p, lsync_transfer *transfer)
{
    if (p->loop.multi == NULL) /* there was no memory to renew it */
        lsync_loop_renew(&p->loop);
    return p->loop.multi == NULL ? LOCK_SYNC_E_NO_MEMORY : lsync_loop_start(&p->loop, transfer);
}

/* SENDING: puts a job into a transfer and starts its transfer. */
static void start(lsync_job *job)
{
    lock_sync_pool *p = job->pool;
    lsync_pool_transfer *transfer = take_transfer(p);
    lock_sync_status status;

    if (transfer == NULL) {
        report(job, lsync_error_no_memory(&job->x.ctx->error));
        return;
    }
    transfer->job = job;
    job->transfer = transfer;
    lsync_origin_enter(transfer);
    job->x.s = &transfer->response;
    status = lsync_step_prepare(&job->x);
    if (status != LOCK_SYNC_OK) {
        leave_transfer(transfer);
        report(job, status);
        return;
    }
    set_state(job, LSYNC_JOB_ACTIVE);
    status = lsync_transfer_prepare(&transfer->curl, job->x.q, &transfer->response, &job->origin->sockets,
                                    &job->attempts);
    if (status == LOCK_SYNC_OK)
        status = start_in_loop(p, &transfer->curl);
    if (status != LOCK_SYNC_OK) {
        (void)lsync_transfer_finish(&transfer->curl, CURLE_OUT_OF_MEMORY);
        conclude(transfer, status);
    }
}

/* --- turns --- */

/* CREDENTIAL, and SENDING where that goes well. */
static void take_transfer_or_wait(lsync_job *job)
{
    lsync_fetch_input input;

    if (job->x.fetch.state == LSYNC_FETCH_CREDENTIAL) {
        input = (lsync_fetch_input){.status = lsync_step_credential(&job->x)};
        lsync_fetch_next(&job->x.fetch, &input);
    }
    if (job->x.fetch.state == LSYNC_FETCH_SENDING)
        start(job);
    else
        drive(job);
}

/* CHECK, and what follows from it at once. */
static void check(lsync_job *job)
{
    const lsync_fetch_input input = {.status = lsync_step_check(&job->x)};

    lsync_fetch_next(&job->x.fetch, &input);
    if (job->x.fetch.state == LSYNC_FETCH_CREDENTIAL) /* no guard is asked */
        take_transfer_or_wait(job);
    else
        drive(job);
}

/* A job whose turn it is, taken out of its queue. If it gets its slot at once, it sends in the same turn. */
static void start_next(lsync_job *job)
{
    if (lsync_job_has_slot(job)) {
        take_transfer_or_wait(job);
        return;
    }
    if (job->x.fetch.state == LSYNC_FETCH_CHECK)
        check(job);
    else
        report(job, LOCK_SYNC_OK); /* WAITING: it asks the guard again */
    if (job->state == LSYNC_JOB_READY && lsync_job_has_slot(job)) {
        lsync_queue_remove(&job->link);
        take_transfer_or_wait(job);
    }
}

/* Finds the origins of the fetches that have begun. */
static void let_in(lock_sync_pool *p)
{
    lsync_link *link;

    while ((link = lsync_queue_take(&p->ready)) != NULL) {
        lsync_job *job = LSYNC_OF(link, lsync_job, link);

        if (lsync_origin_find(job))
            set_state(job, LSYNC_JOB_READY);
        else
            report(job, lsync_error_no_memory(&job->x.ctx->error));
    }
}

/* --- stopping --- */

/* Takes what was asked of the guard back, if the helper thread has not begun with it. */
static bool withdraw(lsync_job *job)
{
    if (!lsync_helper_withdraw(job))
        return false;
    lock_sync_guard_unref(job->request.guard);
    job->request.guard = NULL;
    lsync_error_clear(&job->x.unauthorized);
    return true;
}

/* Stops a fetch, wherever it stands. It goes on to its end, or does so when the helper thread is done with it. */
static void stop(lsync_job *job, lock_sync_status status)
{
    lsync_fetch_input input = lsync_step_stop(&job->x, status);
    lsync_fetch_state before = job->x.fetch.state;

    assert(job->state != LSYNC_JOB_DONE && job->state != LSYNC_JOB_IN_CALLBACK);
    lsync_fetch_next(&job->x.fetch, &input);
    if (job->state == LSYNC_JOB_ACTIVE) {
        cut_short(job, status == LOCK_SYNC_E_TIMEOUT ? CURLE_OPERATION_TIMEDOUT : CURLE_ABORTED_BY_CALLBACK, status);
    } else if (job->state == LSYNC_JOB_ASKING) {
        if (withdraw(job))
            report(job, status);
    } else {
        lsync_queue_remove(&job->link);
        if (before == LSYNC_FETCH_SENDING) /* it had not begun */
            report(job, status);
        else
            drive(job);
    }
}

void lsync_pool_abort(lsync_job *job)
{
    if (job->state == LSYNC_JOB_ASLEEP && job->x.fetch.state == LSYNC_FETCH_DONE) { /* a watch's, between two polls */
        job->x.fetch.status = lsync_ctx_cancelled(job->x.ctx);
        job->x.fetch.is_denied = false;
        job->slept = true;
        set_state(job, LSYNC_JOB_DONE);
        return;
    }
    if (job->state != LSYNC_JOB_DONE && job->state != LSYNC_JOB_IN_CALLBACK)
        stop(job, LOCK_SYNC_E_CANCELLED);
}

/* --- moving on --- */

/* A job whose time has come: its deadline, or what it slept for. */
static void wake(lsync_job *job, int64_t now_us)
{
    bool sleeps = job->state == LSYNC_JOB_ASLEEP;

    if (sleeps && job->x.fetch.state == LSYNC_FETCH_DONE)
        lsync_pool_begin_fetch(job, now_us);
    else if (sleeps && now_us < job->x.fetch.deadline_us)
        set_state(job, LSYNC_JOB_READY); /* to ask the guard again in its turn */
    else
        stop(job, LOCK_SYNC_E_TIMEOUT);
}

static void wake_due(lock_sync_pool *p)
{
    int64_t now_us = lsync_clock_boot_us();
    lsync_timer *timer;

    lsync_pool_drop_origins(p, now_us);
    while ((timer = lsync_heap_first(&p->timers)) != NULL && timer->due_us <= now_us) {
        lsync_heap_remove(&p->timers, timer);
        wake(LSYNC_OF(timer, lsync_job, timer), now_us);
    }
}

void lsync_pool_advance(lock_sync_pool *p)
{
    lsync_origin *origin;

    wake_due(p);
    let_in(p);
    while ((origin = lsync_schedule_next(p)) != NULL)
        start_next(lsync_schedule_take(origin));
}

int64_t lsync_pool_due_us(lock_sync_pool *p)
{
    const lsync_timer *first = lsync_heap_first(&p->timers);
    int64_t due_us = lsync_schedule_due_us(p);

    if (lsync_queue_first(&p->ready) != NULL || lsync_queue_first(&p->done) != NULL || lsync_schedule_next(p) != NULL)
        return 0;
    return first != NULL && first->due_us < due_us ? first->due_us : due_us;
}
