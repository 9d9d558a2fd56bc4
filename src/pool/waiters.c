/* The queues of each guard; see waiters.h. */
#include "pool/waiters.h"
#include "base/clock.h"

static uint64_t hash_of(const lock_sync_guard *guard, lock_sync_request_kind kind)
{
    const uintptr_t bytes = (uintptr_t)guard;

    return lsync_hash(lsync_hash(LSYNC_HASH_START, &bytes, sizeof bytes), &kind, sizeof kind);
}

lsync_job *lsync_waiters_head(lock_sync_pool *p, const lock_sync_guard *guard, lock_sync_request_kind kind)
{
    lsync_entry *entry = lsync_table_first(&p->waiters, hash_of(guard, kind));

    for (; entry != NULL; entry = lsync_table_next(entry)) {
        lsync_job *job = LSYNC_OF(entry, lsync_job, waiters_entry);

        if (job->x.ctx->guard == guard && lsync_run_kind(&job->x) == kind)
            return job;
    }
    return NULL;
}

static lsync_job *head_of(const lsync_job *job)
{
    return lsync_waiters_head(job->pool, job->x.ctx->guard, lsync_run_kind(&job->x));
}

/* Returns the guard's decision on the head, less the time that has passed since. */
static lsync_guard_reservation decision_on(const lsync_job *head)
{
    lsync_guard_reservation decision = head->x.reservation;
    int64_t left_ms = lsync_clock_ms_up(head->x.fetch.at_us - lsync_clock_boot_us());
    int64_t passed_ms;

    left_ms = left_ms < 0 ? 0 : left_ms;
    passed_ms = decision.soonest_ms - left_ms;
    decision.soonest_ms = left_ms;
    decision.wait_ms = decision.wait_ms > passed_ms ? decision.wait_ms - passed_ms : 0;
    return decision;
}

/* Copies only if the head is ASLEEP. Otherwise it is about to ask again, and the helper thread may be writing its
   reservation. */
bool lsync_waiters_copy_decision(lsync_job *job)
{
    const lsync_job *head = head_of(job);

    if (head == NULL || head == job)
        return false;
    job->x.reservation = head->state == LSYNC_JOB_ASLEEP ? decision_on(head) : (lsync_guard_reservation){0};
    return true;
}

bool lsync_waiters_become_head(lsync_job *job)
{
    const lsync_job *head = head_of(job);

    if (head == NULL) {
        lsync_queue_init(&job->others);
        lsync_table_add(&job->pool->waiters, &job->waiters_entry, hash_of(job->x.ctx->guard, lsync_run_kind(&job->x)));
        job->is_head = true;
    }
    return job->is_head;
}

lsync_queue *lsync_waiters_others(const lsync_job *job)
{
    return &head_of(job)->others;
}

lsync_job *lsync_waiters_leave(lsync_job *job)
{
    lsync_link *link;
    lsync_job *next;

    job->is_head = false;
    lsync_table_remove(&job->pool->waiters, &job->waiters_entry);
    link = lsync_queue_take(&job->others);
    if (link == NULL)
        return NULL;
    next = LSYNC_OF(link, lsync_job, link);
    (void)lsync_waiters_become_head(next);
    lsync_queue_move(&job->others, &next->others);
    return next;
}

lsync_job *lsync_waiters_take_late(const lsync_job *head, lsync_link **at)
{
    while (*at != &head->others.ends) {
        lsync_job *job = LSYNC_OF(*at, lsync_job, link);

        *at = (*at)->next;
        if (job->x.fetch.deadline_us <= head->x.fetch.at_us) {
            lsync_queue_remove(&job->link);
            return job;
        }
    }
    return NULL;
}
