/* Moving the pool's jobs on, from one place where they stand to the next; see pool.h. Nothing here calls back. */
#include "base/clock.h"
#include "pool.h"
#include "watch.h"

#include <string.h>

static void set_due(lsync_job *job, int64_t due_us)
{
    lsync_heap_remove(&job->pool->timers, job);
    job->due_us = due_us < job->x.deadline_us ? due_us : job->x.deadline_us;
    lsync_heap_add(&job->pool->timers, job); /* there is room: submit made it */
}

/* A job that is over; what the context's error says was set before. */
static void finish(lsync_job *job, lock_sync_status status)
{
    job->status = status;
    job->state = LSYNC_JOB_DONE;
    lsync_heap_remove(&job->pool->timers, job);
    lsync_queue_append(&job->pool->done, &job->link);
}

/* Until its deadline. */
static void set_state(lsync_job *job, lsync_job_state state)
{
    job->state = state;
    set_due(job, job->x.deadline_us);
}

static void make_ready(lsync_job *job)
{
    lock_sync_pool *p = job->pool;

    set_state(job, LSYNC_JOB_READY);
    lsync_queue_append(job->admitted ? &p->admitted : &p->ready, &job->link);
}

void lsync_pool_sleep(lsync_job *job, int64_t until_us)
{
    job->state = LSYNC_JOB_ASLEEP;
    if (job->watch != NULL)
        job->x.deadline_us = LSYNC_NEVER_US;
    set_due(job, until_us);
}

/* --- errands to the guard --- */

static void end_of_settling(lsync_job *job);

/* Has an errand carried out: at once, or by the helper thread, from where the job comes back by
   lsync_pool_errand_done. */
static void send_errand(lsync_job *job, lsync_errand_kind kind)
{
    lsync_errand *e = &job->errand;
    lock_sync_status status;

    e->kind = kind;
    e->guard = lock_sync_guard_ref(job->x.ctx->guard);
    if (lsync_guard_may_block(e->guard)) {
        set_state(job, LSYNC_JOB_ASKING);
        status = lsync_helper_send(job); /* once it is sent, the errand is the thread's alone */
        if (status == LOCK_SYNC_OK)
            return;
        e->status = status;
        if (kind == LSYNC_ERRAND_SETTLE)
            lsync_guard_keep_outcome(e->guard, job->slot, &job->x.settlement);
    } else {
        lsync_errand_run(job);
    }
    lsync_pool_errand_done(job);
}

/* Settles the job's slot; goes on in end_of_settling. */
static void settle(lsync_job *job)
{
    job->admitted = false;
    if (job->slot == 0)
        end_of_settling(job);
    else
        send_errand(job, LSYNC_ERRAND_SETTLE);
}

static void give_back(lsync_job *job, lock_sync_status status)
{
    job->status = status;
    (void)lsync_errand_give_back(job);
    settle(job);
}

/* Lets a job that the guard refused wait for it; a watch always does. False: it does not. */
static bool wait_for_guard(lsync_job *job)
{
    int64_t soonest_us = lsync_clock_boot_us() + job->errand.answer.soonest_ms * 1000;
    bool waits = job->watch != NULL ||
                 (job->x.ctx->guard_mode == LOCK_SYNC_GUARD_WAIT && soonest_us < job->x.deadline_us);

    if (job->watch != NULL)
        lsync_watch_refused(job->watch, job->errand.answer.soonest_ms);
    if (waits)
        lsync_pool_sleep(job, soonest_us);
    return waits;
}

/* The guard's answer to a first question. */
static void on_answer(lsync_job *job)
{
    lock_sync_ctx *ctx = job->x.ctx;
    const lsync_errand *e = &job->errand;
    lock_sync_status status = e->status;

    if (atomic_load(&ctx->cancelled)) {
        give_back(job, lsync_ctx_cancelled(ctx));
    } else if (status == LOCK_SYNC_OK) {
        job->admitted = true;
        make_ready(job);
    } else if (status == LOCK_SYNC_E_TIMEOUT) {
        finish(job, lsync_ctx_timed_out(ctx));
    } else if (status != LOCK_SYNC_E_TOO_SOON || !wait_for_guard(job)) {
        status = lsync_not_admitted(ctx, status, &e->answer);
        if (status == LOCK_SYNC_E_TOO_SOON && ctx->guard_mode == LOCK_SYNC_GUARD_CACHED)
            status = lsync_cached_answer(ctx, job->x.ids, job->x.n, false, &job->x.results);
        finish(job, status);
    }
}

/* Nothing stands against the retry. */
static void retry(lsync_job *job)
{
    lsync_error_clear(&job->refusal);
    job->admitted = true;
    make_ready(job);
}

/* The guard's answer to the question after a 401. */
static void on_retry_answer(lsync_job *job)
{
    if (job->errand.status == LOCK_SYNC_OK) {
        retry(job);
        return;
    }
    job->status = lsync_exchange_not_repeated(&job->x, &job->refusal, job->errand.status);
    settle(job);
}

/* After a 401: with another credential, if the provider sets one, once more, in the same slot. */
static void try_again(lsync_job *job)
{
    job->retrying = true;
    job->admitted = false;
    job->status = lsync_exchange_refused(&job->x, &job->refusal);
    if (job->status != LOCK_SYNC_OK)
        settle(job);
    else if (job->slot == 0)
        retry(job);
    else
        send_errand(job, LSYNC_ERRAND_EXTEND);
}

static void end_of_settling(lsync_job *job)
{
    job->slot = 0;
    finish(job, job->status);
}

/* A job whose context was freed while the helper thread had it: its slot, if it got one, is given back. */
static void bury(lsync_job *job)
{
    if (lsync_errand_give_back(job) && lsync_helper_send(job) == LOCK_SYNC_OK)
        return;
    lock_sync_guard_unref(job->errand.guard);
    lsync_free(&job->pool->memory, job);
}

void lsync_pool_errand_done(lsync_job *job)
{
    lsync_errand *e = &job->errand;

    if (job->x.ctx == NULL) {
        bury(job);
        return;
    }
    if (e->kind == LSYNC_ERRAND_SETTLE && e->status != LOCK_SYNC_OK)
        lsync_log_not_settled(job->x.ctx, e->status);
    lsync_log_guard_warning(job->x.ctx);
    lock_sync_guard_unref(e->guard);
    e->guard = NULL;
    lsync_heap_remove(&job->pool->timers, job);
    if (e->kind == LSYNC_ERRAND_SETTLE)
        end_of_settling(job);
    else if (e->kind == LSYNC_ERRAND_EXTEND)
        on_retry_answer(job);
    else
        on_answer(job);
}

/* --- seats --- */

static lsync_seat *take_seat(lock_sync_pool *p)
{
    lsync_seat *seat = p->free_seats;

    if (seat != NULL) {
        p->free_seats = seat->next;
        return seat;
    }
    seat = lsync_alloc(&p->memory, sizeof *seat);
    if (seat == NULL)
        return NULL;
    if (lsync_transfer_init(&seat->transfer, &p->memory, &p->loop.distrusted_us) != LOCK_SYNC_OK) {
        lsync_free(&p->memory, seat);
        return NULL;
    }
    seat->spares = (lsync_spares){.memory = &p->memory};
    seat->job = NULL;
    seat->next_of_all = p->seats;
    p->seats = seat;
    return seat;
}

static void leave_seat(lsync_seat *seat)
{
    lock_sync_pool *p = seat->job->pool;

    seat->job->host->active--;
    seat->job->seat = NULL;
    seat->job = NULL;
    seat->next = p->free_seats;
    p->free_seats = seat;
    p->active--;
}

void lsync_pool_free_seats(lock_sync_pool *p)
{
    lsync_seat *next;

    for (; p->seats != NULL; p->seats = next) {
        next = p->seats->next_of_all;
        lsync_spares_release(&p->seats->spares);
        lsync_free(&p->memory, p->seats);
    }
    p->free_seats = NULL;
}

/* The transfer of a seat is over, and stopped: its answer, the settling of its slot, and what comes then. */
static void conclude(lsync_seat *seat, lock_sync_status performed)
{
    lsync_job *job = seat->job;

    lsync_heap_remove(&job->pool->timers, job);
    job->status = lsync_exchange_conclude(&job->x, performed, &seat->spares);
    lsync_host_learn(seat, job->status);
    leave_seat(seat);
    if (job->status == LOCK_SYNC_E_UNAUTHORIZED && job->x.ctx->provider != NULL && !job->retrying)
        try_again(job);
    else
        settle(job);
}

void lsync_pool_transfer_over(lsync_seat *seat, CURLcode code)
{
    conclude(seat, lsync_transfer_finish(&seat->transfer, code));
}

/* Ends the transfer of an active job early. */
static void cut_short(lsync_job *job, CURLcode code, lock_sync_status status)
{
    lsync_loop_stop(&job->pool->loop, &job->seat->transfer);
    (void)lsync_transfer_finish(&job->seat->transfer, code);
    conclude(job->seat, status);
}

void lsync_pool_begin_anew(lock_sync_pool *p)
{
    for (const lsync_seat *seat = p->seats; seat != NULL; seat = seat->next_of_all)
        if (seat->job != NULL)
            cut_short(seat->job, CURLE_OUT_OF_MEMORY, LOCK_SYNC_E_NO_MEMORY);
    lsync_loop_renew(&p->loop);
}

/* Puts an admitted job into a seat and starts its transfer. */
static void start(lsync_job *job)
{
    lock_sync_pool *p = job->pool;
    lsync_host *host = job->host;
    lsync_seat *seat = take_seat(p);
    lock_sync_status status;
    bool goes_ahead;

    if (seat == NULL) {
        give_back(job, lsync_error_no_memory(&job->x.ctx->error));
        return;
    }
    goes_ahead = host->pioneer == NULL && lsync_host_needs_pioneer(host);
    seat->job = job;
    job->seat = seat;
    p->active++;
    host->active++;
    job->x.s = &seat->response;
    status = lsync_exchange_prepare(&job->x, &seat->spares);
    if (status != LOCK_SYNC_OK) {
        leave_seat(seat);
        give_back(job, status);
        return;
    }
    set_state(job, LSYNC_JOB_ACTIVE);
    if (goes_ahead)
        host->pioneer = job;
    status = lsync_transfer_prepare(&seat->transfer, job->x.q, &seat->response, &host->sockets);
    if (status == LOCK_SYNC_OK && curl_easy_setopt(seat->transfer.easy, CURLOPT_PIPEWAIT,
                                                   job->x.ctx->route.https ? 1L : 0L) != CURLE_OK)
        status = LOCK_SYNC_E_NO_TRANSPORT;
    if (status == LOCK_SYNC_OK)
        status = lsync_loop_start(&p->loop, &seat->transfer);
    if (status != LOCK_SYNC_OK) {
        (void)lsync_transfer_finish(&seat->transfer, CURLE_OUT_OF_MEMORY);
        conclude(seat, status);
    }
}

/* --- moving on --- */

/* The next that has a place: those that have their slots first, then those that were held. */
static lsync_link *next_ready(const lock_sync_pool *p)
{
    lsync_link *link = lsync_queue_first(&p->admitted);

    if (link == NULL)
        link = lsync_pool_next_held(p);
    return link != NULL ? link : lsync_queue_first(&p->ready);
}

static void hold(lsync_job *job)
{
    set_state(job, LSYNC_JOB_HELD);
    job->turn = job->pool->turns++;
    lsync_queue_append(&job->host->held, &job->link);
}

/* A ready job whose turn it is. */
static void take_turn(lsync_job *job)
{
    lock_sync_status status;

    if (job->host == NULL)
        job->host = lsync_pool_host_of(job->pool, job->x.ctx);
    if (job->host == NULL) {
        give_back(job, lsync_error_no_memory(&job->x.ctx->error));
        return;
    }
    if (lsync_host_is_full(job->host)) {
        hold(job);
        return;
    }
    if (!job->admitted && job->x.ctx->guard_mode != LOCK_SYNC_GUARD_OFF) {
        status = lsync_exchange_check(&job->x); /* nothing is asked of the guard for a fetch that cannot be sent */
        if (status == LOCK_SYNC_OK)
            status = lsync_need_guard(job->x.ctx);
        if (status != LOCK_SYNC_OK)
            finish(job, status);
        else
            send_errand(job, LSYNC_ERRAND_ASK);
        return;
    }
    job->admitted = true;
    status = lsync_exchange_credential(&job->x);
    if (status != LOCK_SYNC_OK)
        give_back(job, status);
    else
        start(job);
}

/* Takes a job out of its queue; and back what was asked, if the helper thread has not begun with it. False: it has, and
   the job comes back by itself. */
static bool withdraw(lsync_job *job)
{
    if (job->state != LSYNC_JOB_ASKING) {
        lsync_queue_remove(&job->link);
        return true;
    }
    if (!lsync_helper_withdraw(job))
        return false;
    lock_sync_guard_unref(job->errand.guard);
    job->errand.guard = NULL;
    lsync_error_clear(&job->refusal);
    return true;
}

static void wake_due(lock_sync_pool *p)
{
    int64_t now_us = lsync_clock_boot_us();
    lsync_job *job;

    while ((job = lsync_heap_first(&p->timers)) != NULL && job->due_us <= now_us) {
        lsync_heap_remove(&p->timers, job);
        if (!withdraw(job))
            continue;
        if (job->state == LSYNC_JOB_ASLEEP && job->watch != NULL)
            job->x.deadline_us = now_us + job->x.ctx->timeout_ms * 1000;
        if (job->state == LSYNC_JOB_ACTIVE) /* libcurl does not keep the deadline of one that waits for a connection */
            cut_short(job, CURLE_OPERATION_TIMEDOUT, LOCK_SYNC_E_TIMEOUT);
        else if (now_us < job->x.deadline_us)
            make_ready(job);
        else
            give_back(job, lsync_ctx_timed_out(job->x.ctx));
    }
}

void lsync_pool_advance(lock_sync_pool *p)
{
    lsync_link *link;

    wake_due(p);
    while (p->active < p->max_active && (link = next_ready(p)) != NULL) {
        lsync_queue_remove(link);
        take_turn(LSYNC_OF(link, lsync_job, link));
    }
}

int64_t lsync_pool_due_us(const lock_sync_pool *p)
{
    const lsync_job *first = lsync_heap_first(&p->timers);

    if ((p->active < p->max_active && next_ready(p) != NULL) || lsync_queue_first(&p->done) != NULL)
        return 0;
    return first == NULL ? LSYNC_NEVER_US : first->due_us;
}

void lsync_pool_abort(lsync_job *job)
{
    switch (job->state) {
    case LSYNC_JOB_ACTIVE:
        cut_short(job, CURLE_ABORTED_BY_CALLBACK, LOCK_SYNC_E_CANCELLED);
        break;
    case LSYNC_JOB_DONE:
    case LSYNC_JOB_TOLD:
        break;
    case LSYNC_JOB_READY:
    case LSYNC_JOB_ASKING:
    case LSYNC_JOB_ASLEEP:
    case LSYNC_JOB_HELD:
    default:
        if (withdraw(job)) /* else it sees that it was cancelled when it comes back */
            give_back(job, lsync_ctx_cancelled(job->x.ctx));
        break;
    }
}
