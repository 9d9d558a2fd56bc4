/* Whose turn it is; see schedule.h. Each origin with jobs that wait stands in one queue, by what it has taken:

   idle, idle_on_trial   no transfer: all in such a queue are alike, so that its first speaks for all
   sharing               some: no more than there are transfers
   full                  no place for another, until something changes about this origin

   So the next turn is found without a look at all. */
#include "pool/schedule.h"
#include "base/clock.h"
#include "pool/origins.h"

#define LEADER_SLOW_US ((int64_t)1000000)
#define ROUND_HTTP1 16 /* transfers in a row on a connection that others want */
#define ROUND_HTTP2 LSYNC_STREAMS_MAX

void lsync_schedule_init(lock_sync_pool *p)
{
    lsync_queue *const queues[] = {&p->idle_on_trial, &p->idle, &p->sharing, &p->full, &p->unused, &p->leaders};

    for (size_t i = 0; i < sizeof queues / sizeof queues[0]; i++)
        lsync_queue_init(queues[i]);
}

/* --- filing --- */

static lsync_queue *queue_of(lock_sync_pool *p, const lsync_origin *origin)
{
    if (origin->jobs == 0)
        return &p->unused;
    if (lsync_queue_first(&origin->admitted) == NULL && lsync_queue_first(&origin->waiting) == NULL)
        return NULL;
    if (lsync_origin_is_full(origin))
        return &p->full;
    if (origin->active > 0)
        return &p->sharing;
    return origin->on_trial ? &p->idle_on_trial : &p->idle;
}

static bool is_round_over(const lsync_origin *origin)
{
    return origin->on_trial || origin->taken >= (lsync_origin_is_http1(origin) ? ROUND_HTTP1 : ROUND_HTTP2);
}

/* Whether an origin without a transfer goes on with its turn. It has a connection still, and another origin that came
   first could begin only after one was closed. */
static bool keeps_connection(const lock_sync_pool *p, const lsync_origin *origin)
{
    return origin->taken > 0 && !is_round_over(origin) && origin->sockets.open > 0 &&
           p->loop.owner.sockets >= p->connections.max;
}

void lsync_origin_file(lock_sync_pool *p, lsync_origin *origin)
{
    lsync_queue *place = queue_of(p, origin);

    if (place == origin->place)
        return;
    lsync_queue_remove(&origin->link);
    origin->place = place;
    if (place == &p->idle && keeps_connection(p, origin)) {
        lsync_queue_prepend(place, &origin->link);
        return;
    }
    if (place == &p->idle || place == &p->idle_on_trial)
        origin->taken = 0;
    if (place != NULL)
        lsync_queue_append(place, &origin->link);
}

void lsync_schedule_file_full(lock_sync_pool *p)
{
    lsync_queue full;
    lsync_link *link;

    lsync_queue_init(&full);
    lsync_queue_move(&p->full, &full);
    while ((link = lsync_queue_take(&full)) != NULL) {
        lsync_origin *origin = LSYNC_OF(link, lsync_origin, link);

        origin->place = NULL;
        lsync_origin_file(p, origin);
    }
}

/* --- turns --- */

/* Whether an origin that has a place of its own may take one more of what the pool has. While others wait for a
   connection, one that has some goes on with them only until its turn is over. */
static bool may_take(const lock_sync_pool *p, const lsync_origin *origin)
{
    if (!lsync_share_allows(&p->transfers, origin->active, origin->on_trial))
        return false;
    if (lsync_origin_opens(origin))
        return lsync_share_allows(&p->connections, origin->connections, origin->on_trial);
    return p->connections.used < p->connections.max || !is_round_over(origin) ||
           (lsync_queue_first(&p->idle) == NULL && lsync_queue_first(&p->idle_on_trial) == NULL);
}

static lsync_origin *first_of(const lock_sync_pool *p, const lsync_queue *idle)
{
    lsync_link *link = lsync_queue_first(idle);
    lsync_origin *origin = link == NULL ? NULL : LSYNC_OF(link, lsync_origin, link);

    return origin != NULL && may_take(p, origin) ? origin : NULL;
}

/* Time may have made it full: its name has to be looked up again. */
static lsync_origin *next_sharing(lock_sync_pool *p)
{
    lsync_link *next;

    for (lsync_link *link = p->sharing.ends.next; link != &p->sharing.ends; link = next) {
        lsync_origin *origin = LSYNC_OF(link, lsync_origin, link);

        next = link->next;
        if (lsync_origin_is_full(origin))
            lsync_origin_file(p, origin);
        else if (may_take(p, origin))
            return origin;
    }
    return NULL;
}

lsync_origin *lsync_schedule_next(lock_sync_pool *p)
{
    lsync_origin *origin;

    if (p->transfers.used >= p->transfers.max)
        return NULL;
    origin = first_of(p, &p->idle_on_trial); /* they have their half: the others are not kept waiting */
    if (origin == NULL)
        origin = first_of(p, &p->idle);
    return origin != NULL ? origin : next_sharing(p);
}

lsync_job *lsync_schedule_take(lsync_origin *origin)
{
    lsync_link *link = lsync_queue_take(&origin->admitted);

    if (link == NULL)
        link = lsync_queue_take(&origin->waiting);
    lsync_queue_remove(&origin->link);
    origin->place = NULL;
    return LSYNC_OF(link, lsync_job, link);
}

/* --- leaders --- */

void lsync_schedule_check_leaders(lock_sync_pool *p)
{
    int64_t slow_us = lsync_clock_boot_us() - LEADER_SLOW_US;
    lsync_link *next;

    for (lsync_link *link = p->leaders.ends.next; link != &p->leaders.ends; link = next) {
        lsync_pool_transfer *transfer = LSYNC_OF(link, lsync_pool_transfer, lead);
        lsync_origin *origin = transfer->job->origin;

        next = link->next;
        if (transfer->curl.saw.sent_us != 0)
            lsync_origin_sent(transfer);
        else if (origin->leader != transfer || transfer->led_us > slow_us)
            continue;
        if (origin->leader == transfer && transfer->led_us <= slow_us)
            origin->leader = NULL; /* it holds nobody any more */
        lsync_origin_file(p, origin);
    }
}

int64_t lsync_schedule_due_us(const lock_sync_pool *p)
{
    for (lsync_link *link = p->leaders.ends.next; link != &p->leaders.ends; link = link->next) {
        const lsync_pool_transfer *transfer = LSYNC_OF(link, lsync_pool_transfer, lead);

        if (transfer->job->origin->leader == transfer)
            return transfer->led_us + LEADER_SLOW_US;
    }
    return LSYNC_NEVER_US;
}
