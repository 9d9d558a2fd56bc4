/* Runs the fetches of the pool's jobs; see job.h. */
#include "base/clock.h"
#include "client/kept.h"
#include "client/settings.h"
#include "pool/channels.h"
#include "pool/helper.h"
#include "pool/job.h"
#include "pool/waiters.h"
#include "pool/origins.h"
#include "pool/transition.h"
#include "pool/schedule.h"

#include <assert.h>
#include <string.h>

/* Changes the job's state, with the fetch's deadline as its timer. */
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

void lsync_pool_begin_fetch(lsync_job *job, int64_t deadline_us)
{
    const lock_sync_ctx *ctx = job->x.ctx;

    if (job->watch != NULL)
        job->x.query = lsync_watch_query(job->watch);
    lsync_fetch_begin(&job->x.fetch, lsync_run_guard_mode(&job->x), job->watch != NULL, ctx->provider != NULL,
                      deadline_us);
    set_state(job, LSYNC_JOB_READY);
}

/* --- the steps of a fetch --- */

static void drive(lsync_job *job);

static void next_state(lsync_job *job, const lsync_fetch_input *input)
{
    lsync_fetch_next(&job->x.fetch, input);
    drive(job);
}

/* Reports the result of the current step to the state machine, and carries out the next step. */
static void finish_step(lsync_job *job, lock_sync_status status)
{
    const lsync_fetch_input input = {.status = status, .has_more = job->x.has_more};

    next_state(job, &input);
}

static bool may_wait(const lsync_job *job)
{
    return job->x.fetch.mode == LOCK_SYNC_GUARD_WAIT && !job->x.fetch.is_poll;
}

/* ASKING, EXTENDING, SETTLING: calls the guard here, or in a channel or on the helper thread if the guard may block.
   The result arrives in lsync_pool_guard_done. */
static void ask_guard(lsync_job *job)
{
    lsync_helper_request *r = &job->request;
    lsync_channel *channel;
    lock_sync_status status;

    if (job->x.fetch.state == LSYNC_FETCH_ASKING && may_wait(job) && lsync_waiters_copy_decision(job)) {
        const lsync_fetch_input denied = lsync_step_guard_done(&job->x, LOCK_SYNC_E_TOO_SOON);

        next_state(job, &denied);
        return;
    }
    r->guard = lock_sync_guard_ref(job->x.ctx->guard);
    if (!lsync_guard_may_block(r->guard)) {
        r->status = lsync_step_guard(&job->x, r->guard);
        lsync_pool_guard_done(job);
        return;
    }
    channel = lsync_channels_find(job->pool, r->guard);
    if (channel != NULL) {
        set_state(job, LSYNC_JOB_IN_CHANNEL);
        lsync_channels_send(job, channel);
        return;
    }
    set_state(job, LSYNC_JOB_IN_HELPER);
    status = lsync_helper_send(job); /* after this the thread owns job->request */
    if (status == LOCK_SYNC_OK)
        return;
    /* Only the start of the thread can fail. In EXTENDING and SETTLING the thread runs already, because the job got its
       slot there. So the state is ASKING. */
    assert(job->x.fetch.state == LSYNC_FETCH_ASKING);
    r->status = status;
    lsync_pool_guard_done(job);
}

/* DONE: ends the fetch. Another of the same poll may follow. A poll that the guard denied is not reported: the watch
   sleeps until the guard may allow it. */
static void end_fetch(lsync_job *job)
{
    switch (job->watch == NULL ? LSYNC_POLL_OVER : lsync_watch_fetched(job->watch, &job->x)) {
    case LSYNC_POLL_CONTINUES: lsync_pool_begin_fetch(job, job->x.fetch.deadline_us); break;
    case LSYNC_POLL_DENIED: lsync_pool_sleep(job, job->x.fetch.at_us); break;
    case LSYNC_POLL_OVER:
    default: set_state(job, LSYNC_JOB_DONE); break; /* the context's error is already set */
    }
}

/* WAITING: puts the job into its guard's queue. If the job is the head, some waiters fail at once: those whose
   deadline ends before the head may ask again. They would also fail if they asked the guard themselves. */
static void wait_for_guard(lsync_job *job)
{
    lsync_link *at;
    lsync_job *late;

    if (!lsync_waiters_become_head(job)) {
        set_state(job, LSYNC_JOB_QUEUED);
        return;
    }
    lsync_job_move(job, LSYNC_JOB_ASLEEP, job->x.fetch.at_us);
    at = job->others.ends.next;
    while ((late = lsync_waiters_take_late(job, &at)) != NULL)
        finish_step(late, LOCK_SYNC_OK); /* goes back to ASKING, copies the head's denial, and so fails */
}

/* Makes the heads of all the guard's queues ask again after a slot is settled, because the kinds share the hourly
   budget. */
static void wake_heads(lock_sync_pool *p, const lock_sync_guard *guard)
{
    for (lock_sync_request_kind kind = 0; kind < LSYNC_GUARD_KINDS; kind++) {
        lsync_job *head = lsync_waiters_head(p, guard, kind);

        if (head != NULL && head->state == LSYNC_JOB_ASLEEP)
            set_state(head, LSYNC_JOB_READY);
    }
}

/* Carries out the current step of the fetch, or makes the job wait until the step is possible. */
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
    case LSYNC_FETCH_KEPT: finish_step(job, lsync_kept_get(job->x.ctx, &job->x.query, &job->x.results)); break;
    case LSYNC_FETCH_RENEWING: finish_step(job, lsync_step_renew(&job->x)); break;
    case LSYNC_FETCH_DONE:
    default: end_fetch(job); break;
    }
}

/* Settles the slot of a job without a context. */
static bool settle_orphan(lsync_job *job)
{
    lsync_channel *channel = lsync_channels_find(job->pool, job->request.guard);

    if (channel != NULL)
        lsync_channels_send(job, channel);
    return channel != NULL || lsync_helper_send(job) == LOCK_SYNC_OK;
}

/* Ends a job whose context was freed while the guard was asked: settles its slot, and releases the guard. */
static void end_orphan(lsync_job *job)
{
    const lsync_fetch_input input = {.status = job->request.status};
    lock_sync_guard *guard = job->request.guard;

    if (guard != NULL) {
        lsync_fetch_next(&job->x.fetch, &input);
        if (job->x.fetch.state == LSYNC_FETCH_SETTLING && settle_orphan(job))
            return;
        wake_heads(job->pool, guard);
        if (lsync_guard_has_kept(guard) && lsync_helper_send(job) == LOCK_SYNC_OK) /* releasing it may block */
            return;
        lock_sync_guard_unref(guard);
    }
    lsync_free(&job->pool->memory, job);
}

void lsync_pool_guard_done(lsync_job *job)
{
    lsync_fetch_input input;

    if (job->x.ctx == NULL) {
        end_orphan(job);
        return;
    }
    input = lsync_step_guard_done(&job->x, job->request.status);
    if (job->x.fetch.state == LSYNC_FETCH_SETTLING)
        wake_heads(job->pool, job->request.guard);
    lock_sync_guard_unref(job->request.guard);
    job->request.guard = NULL;
    next_state(job, &input);
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
    if (lsync_transfer_init(&transfer->curl, &p->memory, &p->loop.tls_failed_us) != LOCK_SYNC_OK) {
        lsync_free(&p->memory, transfer);
        return NULL;
    }
    transfer->job = NULL;
    transfer->leader_link = (lsync_link){NULL, NULL};
    transfer->next_of_all = p->all_transfers;
    p->all_transfers = transfer;
    return transfer;
}

static void release_transfer(lsync_pool_transfer *transfer)
{
    lock_sync_pool *p = transfer->job->pool;

    lsync_origin_remove_transfer(transfer);
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

/* Decodes the response of a transfer that has ended, and continues the job's fetch. */
static void conclude(lsync_pool_transfer *transfer, lock_sync_status performed)
{
    lsync_job *job = transfer->job;
    lock_sync_status status;

    job->attempts = (lsync_attempts){.next = LSYNC_RETRY_NONE};
    status = lsync_step_conclude(&job->x, performed);
    lsync_origin_record_end(transfer, status);
    release_transfer(transfer);
    finish_step(job, status);
}

/* Retries the request of a transfer: releases the transfer, and makes the job wait for a free one. */
static void retry(lsync_pool_transfer *transfer)
{
    lsync_job *job = transfer->job;

    job->attempts = transfer->curl.attempts;
    lsync_step_retry(&job->x);
    lsync_origin_record_end(transfer, LOCK_SYNC_E_CANCELLED);
    release_transfer(transfer);
    set_state(job, LSYNC_JOB_READY);
}

void lsync_pool_transfer_over(lsync_pool_transfer *transfer, CURLcode code)
{
    bool again = lsync_transfer_retry(&transfer->curl, code) != LSYNC_RETRY_NONE;
    lock_sync_status performed = lsync_transfer_finish(&transfer->curl, code);

    if (again)
        retry(transfer);
    else
        conclude(transfer, performed);
}

/* Stops the transfer of an ACTIVE job. */
static void abort_transfer(lsync_job *job, CURLcode code, lock_sync_status status)
{
    lsync_loop_stop(&job->pool->loop, &job->transfer->curl);
    (void)lsync_transfer_finish(&job->transfer->curl, code);
    conclude(job->transfer, status);
}

void lsync_pool_abort_transfers(lock_sync_pool *p)
{
    for (const lsync_pool_transfer *transfer = p->all_transfers; transfer != NULL; transfer = transfer->next_of_all)
        if (transfer->job != NULL)
            abort_transfer(transfer->job, CURLE_OUT_OF_MEMORY, LOCK_SYNC_E_NO_MEMORY);
    lsync_loop_replace_multi(&p->loop);
}

/* Starts a transfer, and first makes the loop's multi handle if that failed before. */
static lock_sync_status start_transfer(lock_sync_pool *p, lsync_transfer *transfer)
{
    if (p->loop.multi == NULL)
        lsync_loop_replace_multi(&p->loop);
    return p->loop.multi == NULL ? LOCK_SYNC_E_NO_MEMORY : lsync_loop_start(&p->loop, transfer);
}

/* SENDING: starts a transfer for the job's request. */
static void send_request(lsync_job *job)
{
    lock_sync_pool *p = job->pool;
    lsync_pool_transfer *transfer = take_transfer(p);
    lock_sync_status status;

    if (transfer == NULL) {
        finish_step(job, lsync_error_no_memory(&job->x.ctx->error));
        return;
    }
    transfer->job = job;
    job->transfer = transfer;
    lsync_origin_add_transfer(transfer);
    job->x.s = &transfer->response;
    status = lsync_step_prepare(&job->x);
    if (status != LOCK_SYNC_OK) {
        release_transfer(transfer);
        finish_step(job, status);
        return;
    }
    set_state(job, LSYNC_JOB_ACTIVE);
    status = lsync_transfer_prepare(&transfer->curl, job->x.q, &transfer->response, &job->origin->connections,
                                    &job->attempts);
    if (status == LOCK_SYNC_OK)
        status = start_transfer(p, &transfer->curl);
    if (status != LOCK_SYNC_OK) {
        (void)lsync_transfer_finish(&transfer->curl, CURLE_OUT_OF_MEMORY);
        conclude(transfer, status);
    }
}

/* --- starting jobs --- */

/* CREDENTIAL: gets a credential. SENDING follows if there is one. */
static void get_credential_and_send(lsync_job *job)
{
    lsync_fetch_input input;

    if (job->x.fetch.state == LSYNC_FETCH_CREDENTIAL) {
        input = (lsync_fetch_input){.status = lsync_step_credential(&job->x)};
        lsync_fetch_next(&job->x.fetch, &input);
    }
    if (job->x.fetch.state == LSYNC_FETCH_SENDING)
        send_request(job);
    else
        drive(job);
}

/* CHECK: checks the job, then begins the next step at once. */
static void check(lsync_job *job)
{
    const lsync_fetch_input input = {.status = lsync_step_check(&job->x)};

    lsync_fetch_next(&job->x.fetch, &input);
    if (job->x.fetch.state == LSYNC_FETCH_CREDENTIAL) /* mode OFF */
        get_credential_and_send(job);
    else
        drive(job);
}

/* Continues a job that was taken out of its origin's queue. Also sends the request if the job gets its slot at once. */
static void run_job(lsync_job *job)
{
    if (lsync_job_has_slot(job)) {
        get_credential_and_send(job);
        return;
    }
    if (job->x.fetch.state == LSYNC_FETCH_CHECK)
        check(job);
    else
        finish_step(job, LOCK_SYNC_OK); /* WAITING: asks the guard again */
    if (job->state == LSYNC_JOB_READY && lsync_job_has_slot(job)) {
        lsync_queue_remove(&job->link);
        get_credential_and_send(job);
    }
}

/* Moves new jobs from the pool's `ready` to the queues of their origins. */
static void find_origins(lock_sync_pool *p)
{
    lsync_link *link;

    while ((link = lsync_queue_take(&p->ready)) != NULL) {
        lsync_job *job = LSYNC_OF(link, lsync_job, link);

        if (lsync_origin_find(job))
            set_state(job, LSYNC_JOB_READY);
        else
            finish_step(job, lsync_error_no_memory(&job->x.ctx->error));
    }
}

/* --- stopping --- */

/* Withdraws the job's step from the helper thread or the channel, if it has not begun. */
static bool withdraw(lsync_job *job)
{
    if (job->state == LSYNC_JOB_IN_CHANNEL ? !lsync_channels_withdraw(job) : !lsync_helper_withdraw(job))
        return false;
    lock_sync_guard_unref(job->request.guard);
    job->request.guard = NULL;
    lsync_error_clear(&job->x.unauthorized);
    return true;
}

/* Stops a fetch in any state. If the guard has begun a step of the fetch, the fetch continues with SETTLING or DONE
   after that step, otherwise at once. */
static void stop(lsync_job *job, lock_sync_status status)
{
    lsync_fetch_input input = lsync_step_stop(&job->x, status);

    assert(job->state != LSYNC_JOB_DONE && job->state != LSYNC_JOB_IN_CALLBACK);
    input.has_not_begun = job->state == LSYNC_JOB_READY;
    lsync_fetch_next(&job->x.fetch, &input);
    if (job->state == LSYNC_JOB_ACTIVE) {
        abort_transfer(job, status == LOCK_SYNC_E_TIMEOUT ? CURLE_OPERATION_TIMEDOUT : CURLE_ABORTED_BY_CALLBACK,
                       status);
    } else if (job->state == LSYNC_JOB_IN_HELPER || job->state == LSYNC_JOB_IN_CHANNEL) {
        if (withdraw(job))
            finish_step(job, status);
    } else {
        lsync_queue_remove(&job->link);
        drive(job);
    }
}

void lsync_pool_abort(lsync_job *job)
{
    /* a watch between two polls */
    if (job->state == LSYNC_JOB_ASLEEP && job->x.fetch.state == LSYNC_FETCH_DONE) {
        job->x.fetch.status = lsync_ctx_cancelled(job->x.ctx);
        job->x.fetch.is_denied = false;
        job->cancelled_between_polls = true;
        set_state(job, LSYNC_JOB_DONE);
        return;
    }
    if (job->state != LSYNC_JOB_DONE && job->state != LSYNC_JOB_IN_CALLBACK)
        stop(job, LOCK_SYNC_E_CANCELLED);
}

/* --- timers --- */

/* Handles a timer that has run out: starts the next poll, asks the guard again, or ends the fetch at its deadline. */
static void wake(lsync_job *job, int64_t now_us)
{
    bool sleeps = job->state == LSYNC_JOB_ASLEEP;

    if (sleeps && job->x.fetch.state == LSYNC_FETCH_DONE) {
        lsync_watch_begin(job->watch);
        lsync_pool_begin_fetch(job, lsync_deadline_us(job->x.ctx));
    } else if (sleeps && now_us < job->x.fetch.deadline_us) {
        set_state(job, LSYNC_JOB_READY); /* to ask the guard again */
    } else {
        stop(job, LOCK_SYNC_E_TIMEOUT);
    }
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
    find_origins(p);
    while ((origin = lsync_schedule_next(p)) != NULL)
        run_job(lsync_schedule_take(origin));
}

int64_t lsync_pool_due_us(lock_sync_pool *p)
{
    const lsync_timer *first = lsync_heap_first(&p->timers);
    int64_t due_us = lsync_schedule_due_us(p);
    int64_t channels_us = lsync_channels_due_us(p);

    due_us = channels_us < due_us ? channels_us : due_us;
    if (lsync_queue_first(&p->ready) != NULL || lsync_queue_first(&p->done) != NULL || lsync_schedule_next(p) != NULL)
        return 0;
    return first != NULL && first->due_us < due_us ? first->due_us : due_us;
}
