/* The schedule; see schedule.h. Each origin with jobs that wait is in one of these queues:

   - idle, idle_on_trial: origins without a transfer. If the first origin of the queue may not start one, no other may.
   - sharing: origins with transfers. There are never more such origins than transfers.
   - full: origins that cannot use another transfer until they change.

   So the next origin is found without a search through all origins. */
#include "pool/schedule.h"
#include "base/clock.h"
#include "pool/origins.h"

#define LEADER_SLOW_US ((int64_t)1000000)
#define ROUND_HTTP1 16 /* transfers in a row while other origins wait for a connection */
#define ROUND_HTTP2 LSYNC_STREAMS_MAX

void lsync_schedule_init(lock_sync_pool *p)
{
    lsync_queue *const queues[] = {&p->idle_on_trial, &p->idle, &p->sharing, &p->full, &p->unused, &p->leaders};

    for (size_t i = 0; i < sizeof queues / sizeof queues[0]; i++)
        lsync_queue_init(queues[i]);
}

/* --- the queues --- */

static lsync_queue *queue_of(lock_sync_pool *p, const lsync_origin *origin)
{
    if (origin->jobs == 0)
        return &p->unused;
    if (lsync_queue_first(&origin->with_slot) == NULL && lsync_queue_first(&origin->waiting) == NULL)
        return NULL;
    if (lsync_origin_is_full(origin))
        return &p->full;
    if (origin->active > 0)
        return &p->sharing;
    return origin->on_trial ? &p->idle_on_trial : &p->idle;
}

static bool is_round_over(const lsync_origin *origin)
{
    return origin->on_trial || origin->begun_in_round >= (lsync_origin_is_http1(origin) ? ROUND_HTTP1 : ROUND_HTTP2);
}

/* Returns whether an origin without a transfer goes to the front of `idle`: its round is not over, and it still has a
   connection. If the pool cannot open another one, another origin could start only after this connection was closed. */
static bool keeps_connection(const lock_sync_pool *p, const lsync_origin *origin)
{
    return origin->begun_in_round > 0 && !is_round_over(origin) && origin->connections.open > 0 &&
           p->loop.owner.sockets >= p->connections.max;
}

void lsync_schedule_update(lock_sync_pool *p, lsync_origin *origin)
{
    lsync_queue *queue = queue_of(p, origin);

    if (queue == origin->queue)
        return;
    lsync_queue_remove(&origin->link);
    origin->queue = queue;
    if (queue == &p->idle && keeps_connection(p, origin)) {
        lsync_queue_prepend(queue, &origin->link);
        return;
    }
    if (queue == &p->idle || queue == &p->idle_on_trial)
        origin->begun_in_round = 0;
    if (queue != NULL)
        lsync_queue_append(queue, &origin->link);
}

void lsync_schedule_update_full(lock_sync_pool *p)
{
    lsync_queue full;
    lsync_link *link;

    lsync_queue_init(&full);
    lsync_queue_move(&p->full, &full);
    while ((link = lsync_queue_take(&full)) != NULL) {
        lsync_origin *origin = LSYNC_OF(link, lsync_origin, link);

        origin->queue = NULL;
        lsync_schedule_update(p, origin);
    }
}

/* --- the next origin --- */

/* Returns whether an origin that is not full may use one more of the pool's transfers. While all connections are in use
   and other origins wait for one, the origin may reuse its connections only until its round is over. */
static bool may_start(const lock_sync_pool *p, const lsync_origin *origin)
{
    if (!lsync_share_allows(&p->transfers, origin->active, origin->on_trial))
        return false;
    if (lsync_origin_opens(origin))
        return lsync_share_allows(&p->connections, origin->connections_used, origin->on_trial);
    return p->connections.used < p->connections.max || !is_round_over(origin) ||
           (lsync_queue_first(&p->idle) == NULL && lsync_queue_first(&p->idle_on_trial) == NULL);
}

static lsync_origin *first_of(const lock_sync_pool *p, const lsync_queue *idle)
{
    lsync_link *link = lsync_queue_first(idle);
    lsync_origin *origin = link == NULL ? NULL : LSYNC_OF(link, lsync_origin, link);

    return origin != NULL && may_start(p, origin) ? origin : NULL;
}

/* Returns the first origin of `sharing` that may start a transfer. Moves full origins out of the queue, because an
   origin becomes full without an update when its host name must be resolved again. */
static lsync_origin *next_sharing(lock_sync_pool *p)
{
    lsync_link *next;

    for (lsync_link *link = p->sharing.ends.next; link != &p->sharing.ends; link = next) {
        lsync_origin *origin = LSYNC_OF(link, lsync_origin, link);

        next = link->next;
        if (lsync_origin_is_full(origin))
            lsync_schedule_update(p, origin);
        else if (may_start(p, origin))
            return origin;
    }
    return NULL;
}

lsync_origin *lsync_schedule_next(lock_sync_pool *p)
{
    lsync_origin *origin;

    if (p->transfers.used >= p->transfers.max)
        return NULL;
    origin = first_of(p, &p->idle_on_trial); /* before `idle`, because they use at most half (share.h) */
    if (origin == NULL)
        origin = first_of(p, &p->idle);
    return origin != NULL ? origin : next_sharing(p);
}

lsync_job *lsync_schedule_take(lsync_origin *origin)
{
    lsync_link *link = lsync_queue_take(&origin->with_slot);

    if (link == NULL)
        link = lsync_queue_take(&origin->waiting);
    lsync_queue_remove(&origin->link);
    origin->queue = NULL;
    return LSYNC_OF(link, lsync_job, link);
}

/* --- leaders --- */

void lsync_schedule_check_leaders(lock_sync_pool *p)
{
    int64_t slow_us = lsync_clock_boot_us() - LEADER_SLOW_US;
    lsync_link *next;

    for (lsync_link *link = p->leaders.ends.next; link != &p->leaders.ends; link = next) {
        lsync_pool_transfer *transfer = LSYNC_OF(link, lsync_pool_transfer, leader_link);
        lsync_origin *origin = transfer->job->origin;

        next = link->next;
        if (transfer->curl.events.sent_us != 0)
            lsync_origin_leader_sent(transfer);
        else if (origin->leader != transfer || transfer->leading_since_us > slow_us)
            continue;
        if (origin->leader == transfer && transfer->leading_since_us <= slow_us)
            origin->leader = NULL; /* other jobs no longer wait for this transfer */
        lsync_schedule_update(p, origin);
    }
}

int64_t lsync_schedule_due_us(const lock_sync_pool *p)
{
    for (lsync_link *link = p->leaders.ends.next; link != &p->leaders.ends; link = link->next) {
        const lsync_pool_transfer *transfer = LSYNC_OF(link, lsync_pool_transfer, leader_link);

        if (transfer->job->origin->leader == transfer)
            return transfer->leading_since_us + LEADER_SLOW_US;
    }
    return LSYNC_NEVER_US;
}
