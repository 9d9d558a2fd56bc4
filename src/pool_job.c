/* Moving the pool's jobs on, from one place where they stand to the next; see pool.h. Nothing here calls back. */
#include "base/clock.h"
#include "pool.h"
#include "wire/url.h"

#include <string.h>

#define NAME_KNOWN_US ((int64_t)50 * 1000000) /* a little less than libcurl keeps a name */

static void set_due(lsync_job *job, int64_t due_us)
{
    lsync_heap_remove(&job->pool->timers, job);
    job->due_us = due_us < job->deadline_us ? due_us : job->deadline_us;
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

static void make_ready(lsync_job *job, bool first)
{
    job->state = LSYNC_JOB_READY;
    set_due(job, job->deadline_us);
    if (first)
        lsync_queue_prepend(&job->pool->ready, &job->link);
    else
        lsync_queue_append(&job->pool->ready, &job->link);
}

static lsync_exchange exchange_of(lsync_job *job)
{
    return (lsync_exchange){.ctx = job->ctx, .ids = job->ids, .n = job->n, .deadline_us = job->deadline_us};
}

/* --- errands to the guard --- */

static void end_of_settling(lsync_job *job);

/* Has an errand carried out: at once, or by the helper thread, from where the job comes back by lsync_pool_errand_done. */
static void send_errand(lsync_job *job, lsync_errand_kind kind)
{
    lsync_errand *e = &job->errand;

    e->kind = kind;
    e->guard = lock_sync_guard_ref(job->ctx->guard);
    e->hold_ms = (job->deadline_us - lsync_clock_boot_us() + 999) / 1000;
    e->slot = job->slot;
    if (e->hold_ms <= 0 && kind != LSYNC_ERRAND_SETTLE) {
        e->status = LOCK_SYNC_E_TIMEOUT;
        e->answer = (lsync_guard_answer){0};
    } else if (lsync_guard_may_block(e->guard)) {
        job->state = LSYNC_JOB_ASKING;
        lsync_heap_remove(&job->pool->timers, job); /* the deadline is looked at when it is back */
        e->status = lsync_helper_send(job);
        if (e->status == LOCK_SYNC_OK)
            return;
    } else {
        lsync_errand_run(e);
    }
    lsync_pool_errand_done(job);
}

/* Settles the job's slot; goes on in end_of_settling. */
static void settle(lsync_job *job, const lsync_settlement *settlement)
{
    job->admitted = false;
    if (job->slot == 0) {
        end_of_settling(job);
        return;
    }
    job->errand.settlement = *settlement;
    send_errand(job, LSYNC_ERRAND_SETTLE);
}

static void give_back(lsync_job *job, lock_sync_status status)
{
    static const lsync_settlement not_sent = {LOCK_SYNC_SLOT_NOT_SENT, -1, 0};

    job->status = status;
    settle(job, &not_sent);
}

/* The guard's answer to a first question. */
static void on_answer(lsync_job *job)
{
    lock_sync_ctx *ctx = job->ctx;
    const lsync_errand *e = &job->errand;
    int64_t now_us = lsync_clock_boot_us();
    int64_t soonest_us = now_us + e->answer.soonest_ms * 1000;
    lsync_exchange x = exchange_of(job);

    if (e->status == LOCK_SYNC_OK) {
        job->admitted = true;
        job->slot = e->answer.slot;
        make_ready(job, true);
    } else if (atomic_load(&ctx->cancelled)) {
        finish(job, lsync_exchange_cancelled(&x));
    } else if (e->status == LOCK_SYNC_E_TIMEOUT) {
        finish(job, lsync_exchange_timed_out(&x));
    } else if (e->status == LOCK_SYNC_E_TOO_SOON && ctx->guard_mode == LOCK_SYNC_GUARD_WAIT &&
               soonest_us < job->deadline_us) {
        job->state = LSYNC_JOB_ASLEEP;
        set_due(job, soonest_us);
    } else {
        lock_sync_status status = lsync_not_admitted(ctx, e->status, &e->answer);

        if (status == LOCK_SYNC_E_TOO_SOON && ctx->guard_mode == LOCK_SYNC_GUARD_CACHED)
            status = lsync_cached_answer(ctx, job->ids, job->n, false, &job->results);
        finish(job, status);
    }
}

/* The guard's answer to the question after a 401. */
static void on_repeat_answer(lsync_job *job)
{
    lsync_exchange x = exchange_of(job);

    if (job->errand.status != LOCK_SYNC_OK) {
        finish(job, lsync_exchange_not_repeated(&x, &job->refusal, job->errand.status));
        return;
    }
    lsync_error_clear(&job->refusal);
    job->admitted = true;
    job->slot = job->errand.answer.slot;
    make_ready(job, true);
}

/* After a 401: with another credential, if the provider sets one, once more. */
static void try_again(lsync_job *job)
{
    lsync_exchange x = exchange_of(job);
    lock_sync_status status = lsync_exchange_refused(&x, &job->refusal);

    job->repeating = true;
    if (status != LOCK_SYNC_OK) {
        finish(job, status);
    } else if (job->ctx->guard_mode == LOCK_SYNC_GUARD_OFF) {
        lsync_error_clear(&job->refusal);
        job->admitted = true;
        make_ready(job, true);
    } else {
        send_errand(job, LSYNC_ERRAND_REPEAT);
    }
}

static void end_of_settling(lsync_job *job)
{
    bool again = job->status == LOCK_SYNC_E_UNAUTHORIZED && job->ctx->provider != NULL && !job->repeating;

    job->slot = 0;
    if (again)
        try_again(job);
    else
        finish(job, job->status);
}

/* A job whose context was freed while the helper thread had it: its slot, if it got one, is given back. */
static void bury(lsync_job *job)
{
    lsync_errand *e = &job->errand;

    if (e->kind != LSYNC_ERRAND_SETTLE && e->status == LOCK_SYNC_OK) {
        e->kind = LSYNC_ERRAND_SETTLE;
        e->slot = e->answer.slot;
        e->settlement = (lsync_settlement){LOCK_SYNC_SLOT_NOT_SENT, -1, 0};
        if (lsync_helper_send(job) == LOCK_SYNC_OK)
            return;
    }
    lock_sync_guard_unref(e->guard);
    lsync_free(&job->pool->memory, job);
}

void lsync_pool_errand_done(lsync_job *job)
{
    lsync_errand *e = &job->errand;

    if (job->ctx == NULL) {
        bury(job);
        return;
    }
    if (e->kind == LSYNC_ERRAND_SETTLE && e->status != LOCK_SYNC_OK)
        lsync_log_not_settled(job->ctx, e->status);
    lock_sync_guard_unref(e->guard);
    e->guard = NULL;
    if (e->kind == LSYNC_ERRAND_SETTLE)
        end_of_settling(job);
    else if (e->kind == LSYNC_ERRAND_REPEAT)
        on_repeat_answer(job);
    else
        on_answer(job);
}

/* --- hosts --- */

/* The host of a context; NULL when its name is no name, or memory is out: then nothing is held. */
static lsync_host *host_of(lock_sync_pool *p, const lock_sync_ctx *ctx)
{
    const char *base_url = ctx->base_url == NULL ? "" : ctx->base_url;
    size_t size = strlen(base_url);
    lsync_host *host = p->hosts;

    if (lsync_base_url_has_address(base_url))
        return NULL;
    while (host != NULL && strcmp(host->base_url, base_url) != 0)
        host = host->next;
    if (host == NULL) {
        host = lsync_alloc(&p->memory, sizeof *host + size + 1);
        if (host == NULL)
            return NULL;
        *host = (lsync_host){.next = p->hosts};
        lsync_queue_init(&host->held);
        memcpy(host->base_url, base_url, size + 1);
        p->hosts = host;
    }
    return host;
}

static void let_go(lsync_host *host)
{
    lsync_link *link;

    host->pioneer = NULL;
    while ((link = host->held.ends.previous) != &host->held.ends) { /* the last first: each goes to the front */
        lsync_queue_remove(link);
        make_ready(LSYNC_OF(link, lsync_job, link), true);
    }
}

/* Whether a job must wait for another that looks up the name. */
static bool is_held(lsync_job *job)
{
    lock_sync_pool *p = job->pool;

    if (job->host == NULL)
        job->host = host_of(p, job->ctx);
    if (job->host == NULL || lsync_clock_boot_us() < job->host->known_until_us || job->host->pioneer == NULL)
        return false; /* known, or this one goes ahead */
    job->state = LSYNC_JOB_HELD;
    set_due(job, job->deadline_us);
    lsync_queue_append(&job->host->held, &job->link);
    return true;
}

static void mark_known(lsync_host *host)
{
    host->known_until_us = lsync_clock_boot_us() + NAME_KNOWN_US;
    let_go(host);
}

void lsync_pool_check_hosts(lock_sync_pool *p)
{
    for (lsync_host *host = p->hosts; host != NULL; host = host->next)
        if (host->pioneer != NULL && host->pioneer->seat != NULL && host->pioneer->seat->transfer.sends > 0)
            mark_known(host);
}

/* The one that went ahead is over: what it found out about the name. */
static void pioneer_over(lsync_job *job, lock_sync_status status)
{
    lsync_host *host = job->host;

    if (host == NULL || host->pioneer != job)
        return;
    if (status == LOCK_SYNC_E_RESOLVE || status == LOCK_SYNC_E_TIMEOUT || status == LOCK_SYNC_E_CANCELLED ||
        status == LOCK_SYNC_E_NO_MEMORY)
        let_go(host); /* nothing: the next goes ahead */
    else
        mark_known(host);
}

void lsync_pool_free_hosts(lock_sync_pool *p)
{
    lsync_host *next;

    for (; p->hosts != NULL; p->hosts = next) {
        next = p->hosts->next;
        lsync_free(&p->memory, p->hosts);
    }
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
    if (lsync_transfer_init(&seat->transfer, &p->memory) != LOCK_SYNC_OK ||
        curl_easy_setopt(seat->transfer.easy, CURLOPT_PIPEWAIT, 1L) != CURLE_OK) {
        if (seat->transfer.easy != NULL)
            lsync_transfer_release(&seat->transfer);
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
    lsync_settlement settlement;

    job->status = lsync_exchange_conclude(&seat->exchange, performed, &seat->spares);
    job->results = job->status == LOCK_SYNC_OK ? seat->exchange.results : NULL;
    settlement = seat->exchange.settlement;
    leave_seat(seat);
    pioneer_over(job, job->status);
    settle(job, &settlement);
}

void lsync_pool_transfer_over(lsync_seat *seat, CURLcode code)
{
    conclude(seat, lsync_transfer_finish(&seat->transfer, code));
}

/* Puts an admitted job into a seat and starts its transfer. */
static void start(lsync_job *job)
{
    lock_sync_pool *p = job->pool;
    lsync_seat *seat = take_seat(p);
    lock_sync_status status;

    if (seat == NULL) {
        give_back(job, lsync_error_no_memory(&job->ctx->error));
        return;
    }
    seat->job = job;
    job->seat = seat;
    p->active++;
    seat->exchange = exchange_of(job);
    seat->exchange.s = &seat->response;
    status = lsync_exchange_prepare(&seat->exchange, &seat->spares);
    if (status != LOCK_SYNC_OK) {
        leave_seat(seat);
        give_back(job, status);
        return;
    }
    job->state = LSYNC_JOB_ACTIVE;
    lsync_heap_remove(&p->timers, job); /* libcurl keeps its deadline now */
    if (job->host != NULL && job->host->pioneer == NULL && lsync_clock_boot_us() >= job->host->known_until_us)
        job->host->pioneer = job;
    status = lsync_transfer_prepare(&seat->transfer, seat->exchange.q, &seat->response);
    if (status == LOCK_SYNC_OK)
        status = lsync_loop_start(&p->loop, &seat->transfer, seat);
    if (status != LOCK_SYNC_OK) {
        (void)lsync_transfer_finish(&seat->transfer, CURLE_OUT_OF_MEMORY);
        conclude(seat, status);
    }
}

/* --- moving on --- */

/* A ready job whose turn it is. */
static void take_turn(lsync_job *job)
{
    lsync_exchange x = exchange_of(job);
    lock_sync_status status;

    if (is_held(job))
        return;
    if (!job->admitted && job->ctx->guard_mode != LOCK_SYNC_GUARD_OFF) {
        status = lsync_need_guard(job->ctx);
        if (status != LOCK_SYNC_OK)
            finish(job, status);
        else
            send_errand(job, LSYNC_ERRAND_ASK);
        return;
    }
    job->admitted = true;
    status = lsync_exchange_credential(&x);
    if (status != LOCK_SYNC_OK)
        give_back(job, status);
    else
        start(job);
}

static void wake_due(lock_sync_pool *p)
{
    int64_t now_us = lsync_clock_boot_us();
    lsync_job *job;

    while ((job = lsync_heap_first(&p->timers)) != NULL && job->due_us <= now_us) {
        lsync_exchange x = exchange_of(job);

        lsync_heap_remove(&p->timers, job);
        lsync_queue_remove(&job->link);
        if (now_us < job->deadline_us)
            make_ready(job, false);
        else
            give_back(job, lsync_exchange_timed_out(&x));
    }
}

void lsync_pool_advance(lock_sync_pool *p)
{
    lsync_link *link;

    wake_due(p);
    while (p->active < p->max_active && (link = lsync_queue_first(&p->ready)) != NULL) {
        lsync_queue_remove(link);
        take_turn(LSYNC_OF(link, lsync_job, link));
    }
}

int64_t lsync_pool_due_us(const lock_sync_pool *p)
{
    const lsync_job *first = lsync_heap_first(&p->timers);

    if (!(lsync_queue_first(&p->ready) == NULL || p->active >= p->max_active) || lsync_queue_first(&p->done) != NULL)
        return 0;
    return first == NULL ? LSYNC_NEVER_US : first->due_us;
}

void lsync_pool_abort(lsync_job *job)
{
    lsync_exchange x = exchange_of(job);

    switch (job->state) {
    case LSYNC_JOB_ACTIVE:
        lsync_loop_stop(&job->pool->loop, &job->seat->transfer);
        (void)lsync_transfer_finish(&job->seat->transfer, CURLE_ABORTED_BY_CALLBACK);
        conclude(job->seat, LOCK_SYNC_E_CANCELLED);
        break;
    case LSYNC_JOB_ASKING: /* comes back by itself; then it sees that it was cancelled */
    case LSYNC_JOB_DONE:
        break;
    case LSYNC_JOB_READY:
    case LSYNC_JOB_ASLEEP:
    case LSYNC_JOB_HELD:
    default:
        lsync_queue_remove(&job->link);
        give_back(job, lsync_exchange_cancelled(&x));
        break;
    }
}
