/* The queue of each guard; see waiters.h. */
#include "pool/waiters.h"
#include "base/clock.h"

static uint64_t hash_of(const lock_sync_guard *guard)
{
    const uintptr_t bytes = (uintptr_t)guard;

    return lsync_hash(LSYNC_HASH_START, &bytes, sizeof bytes);
}

lsync_job *lsync_waiters_first(lock_sync_pool *p, const lock_sync_guard *guard)
{
    lsync_entry *entry = lsync_table_first(&p->waiters, hash_of(guard));

    for (; entry != NULL; entry = lsync_table_next(entry))
        if (LSYNC_OF(entry, lsync_job, waiters_entry)->x.ctx->guard == guard)
            return LSYNC_OF(entry, lsync_job, waiters_entry);
    return NULL;
}

static lsync_job *first_of(const lsync_job *job)
{
    return lsync_waiters_first(job->pool, job->x.ctx->guard);
}

/* Returns the guard's decision on the first job, less the time that has passed since. */
static lsync_guard_reservation decision_on(const lsync_job *first)
{
    lsync_guard_reservation decision = first->x.reservation;
    int64_t left_ms = lsync_clock_ms_up(first->x.fetch.at_us - lsync_clock_boot_us());
    int64_t passed_ms;

    left_ms = left_ms < 0 ? 0 : left_ms;
    passed_ms = decision.soonest_ms - left_ms;
    decision.soonest_ms = left_ms;
    decision.wait_ms = decision.wait_ms > passed_ms ? decision.wait_ms - passed_ms : 0;
    return decision;
}

/* Unless the first is ASLEEP it is about to ask again, and the helper thread may be writing its reservation. */
bool lsync_waiters_copy_decision(lsync_job *job)
{
    const lsync_job *first = first_of(job);

    if (first == NULL || first == job)
        return false;
    job->x.reservation = first->state == LSYNC_JOB_ASLEEP ? decision_on(first) : (lsync_guard_reservation){0};
    return true;
}

bool lsync_waiters_become_first(lsync_job *job)
{
    const lsync_job *first = first_of(job);

    if (first == NULL) {
        lsync_queue_init(&job->followers);
        lsync_table_add(&job->pool->waiters, &job->waiters_entry, hash_of(job->x.ctx->guard));
        job->is_first = true;
    }
    return job->is_first;
}

lsync_queue *lsync_waiters_followers(const lsync_job *job)
{
    return &first_of(job)->followers;
}

lsync_job *lsync_waiters_leave(lsync_job *job)
{
    lsync_link *link;
    lsync_job *next;

    job->is_first = false;
    lsync_table_remove(&job->pool->waiters, &job->waiters_entry);
    link = lsync_queue_take(&job->followers);
    if (link == NULL)
        return NULL;
    next = LSYNC_OF(link, lsync_job, link);
    (void)lsync_waiters_become_first(next);
    lsync_queue_move(&job->followers, &next->followers);
    return next;
}

lsync_job *lsync_waiters_take_late(const lsync_job *first, lsync_link **at)
{
    while (*at != &first->followers.ends) {
        lsync_job *job = LSYNC_OF(*at, lsync_job, link);

        *at = (*at)->next;
        if (job->x.fetch.deadline_us <= first->x.fetch.at_us) {
            lsync_queue_remove(&job->link);
            return job;
        }
    }
    return NULL;
}
