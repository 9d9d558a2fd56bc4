/* The line of each guard; see waiters.h. */
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
        if (LSYNC_OF(entry, lsync_job, waiting_first)->x.ctx->guard == guard)
            return LSYNC_OF(entry, lsync_job, waiting_first);
    return NULL;
}

static lsync_job *first_of(const lsync_job *job)
{
    return lsync_waiters_first(job->pool, job->x.ctx->guard);
}

/* What the first was told when it asked, with the waits that are left now. */
static lsync_guard_reservation told(const lsync_job *first)
{
    lsync_guard_reservation answer = first->x.reservation;
    int64_t left_ms = lsync_clock_ms_up(first->x.fetch.at_us - lsync_clock_boot_us());
    int64_t passed_ms;

    left_ms = left_ms < 0 ? 0 : left_ms;
    passed_ms = answer.soonest_ms - left_ms;
    answer.soonest_ms = left_ms;
    answer.wait_ms = answer.wait_ms > passed_ms ? answer.wait_ms - passed_ms : 0;
    return answer;
}

/* While the first is about to ask, or asks on the helper thread, nothing is known, and there is nothing to read. */
bool lsync_waiters_answers(lsync_job *job)
{
    const lsync_job *first = first_of(job);

    if (first == NULL || first == job)
        return false;
    job->x.reservation = first->state == LSYNC_JOB_ASLEEP ? told(first) : (lsync_guard_reservation){0};
    return true;
}

bool lsync_waiters_leads(lsync_job *job)
{
    const lsync_job *first = first_of(job);

    if (first == NULL) {
        lsync_queue_init(&job->behind);
        lsync_table_add(&job->pool->waiters, &job->waiting_first, hash_of(job->x.ctx->guard));
        job->is_first = true;
    }
    return job->is_first;
}

lsync_queue *lsync_waiters_behind(const lsync_job *job)
{
    return &first_of(job)->behind;
}

lsync_job *lsync_waiters_leave(lsync_job *job)
{
    lsync_link *link;
    lsync_job *next;

    job->is_first = false;
    lsync_table_remove(&job->pool->waiters, &job->waiting_first);
    link = lsync_queue_take(&job->behind);
    if (link == NULL)
        return NULL;
    next = LSYNC_OF(link, lsync_job, link);
    (void)lsync_waiters_leads(next);
    lsync_queue_move(&job->behind, &next->behind);
    return next;
}

lsync_job *lsync_waiters_hopeless(const lsync_job *first, lsync_link **at)
{
    while (*at != &first->behind.ends) {
        lsync_job *job = LSYNC_OF(*at, lsync_job, link);

        *at = (*at)->next;
        if (job->x.fetch.deadline_us <= first->x.fetch.at_us) {
            lsync_queue_remove(&job->link);
            return job;
        }
    }
    return NULL;
}
