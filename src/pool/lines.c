/* The line of each guard; see lines.h. */
#include "pool/lines.h"
#include "base/clock.h"

static uint64_t hash_of(const lock_sync_guard *guard)
{
    const uintptr_t bytes = (uintptr_t)guard;

    return lsync_hash(LSYNC_HASH_START, &bytes, sizeof bytes);
}

lsync_job *lsync_line_first(lock_sync_pool *p, const lock_sync_guard *guard)
{
    lsync_entry *entry = lsync_table_first(&p->lines, hash_of(guard));

    for (; entry != NULL; entry = lsync_table_next(entry))
        if (LSYNC_OF(entry, lsync_job, line)->x.ctx->guard == guard)
            return LSYNC_OF(entry, lsync_job, line);
    return NULL;
}

static lsync_job *first_of(const lsync_job *job)
{
    return lsync_line_first(job->pool, job->x.ctx->guard);
}

/* What the first was told when it asked, with the waits that are left now. */
static lsync_guard_answer told(const lsync_job *first)
{
    lsync_guard_answer answer = first->x.answer;
    int64_t left_ms = lsync_clock_ms_up(first->x.fetch.at_us - lsync_clock_boot_us());
    int64_t passed_ms;

    left_ms = left_ms < 0 ? 0 : left_ms;
    passed_ms = answer.soonest_ms - left_ms;
    answer.soonest_ms = left_ms;
    answer.wait_ms = answer.wait_ms > passed_ms ? answer.wait_ms - passed_ms : 0;
    return answer;
}

/* While the first is about to ask, or asks on the helper thread, nothing is known, and there is nothing to read. */
bool lsync_line_answers(lsync_job *job)
{
    const lsync_job *first = first_of(job);

    if (first == NULL || first == job)
        return false;
    job->x.answer = first->state == LSYNC_JOB_ASLEEP ? told(first) : (lsync_guard_answer){0};
    return true;
}

bool lsync_line_leads(lsync_job *job)
{
    const lsync_job *first = first_of(job);

    if (first == NULL) {
        lsync_queue_init(&job->behind);
        lsync_table_add(&job->pool->lines, &job->line, hash_of(job->x.ctx->guard));
        job->is_first = true;
    }
    return job->is_first;
}

lsync_queue *lsync_line_behind(const lsync_job *job)
{
    return &first_of(job)->behind;
}

lsync_job *lsync_line_leave(lsync_job *job)
{
    lsync_link *link;
    lsync_job *next;

    job->is_first = false;
    lsync_table_remove(&job->pool->lines, &job->line);
    link = lsync_queue_take(&job->behind);
    if (link == NULL)
        return NULL;
    next = LSYNC_OF(link, lsync_job, link);
    (void)lsync_line_leads(next);
    lsync_queue_move(&job->behind, &next->behind);
    return next;
}

lsync_job *lsync_line_hopeless(const lsync_job *first, lsync_link **at)
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
