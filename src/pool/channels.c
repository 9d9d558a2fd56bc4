/* The pool's channels; see channels.h. */
#include "pool/channels.h"
#include "base/clock.h"
#include "pool/helper.h"

#include <string.h>

#define FREED "the pool was freed"

/* The decisions of one guard: one is made now, the others wait. */
typedef struct lsync_decision {
    lsync_entry entry; /* in pool->decisions */
    lsync_link link;   /* in the channel's `waiting` or `open` */
    lsync_channel *channel;
    lock_sync_guard *guard; /* of the job, or of one that waits */
    lsync_job *job;         /* whose step it is */
    lsync_queue settling;   /* jobs that wait */
    lsync_queue asking;
    lsync_channel_task task;
} lsync_decision;

/* --- channels --- */

lsync_channel *lsync_channels_find(lock_sync_pool *p, const lock_sync_guard *guard)
{
    const lsync_guard_channel *to = lsync_guard_channel_of(guard);
    lsync_channel *channel = p->channels;

    if (to->ops == NULL)
        return NULL;
    while (channel != NULL && (channel->ops != to->ops || channel->user != to->user))
        channel = channel->next;
    if (channel != NULL || p->channels_closed || p->loop.guest_count == LSYNC_GUESTS_MAX)
        return channel;
    channel = lsync_alloc(&p->memory, sizeof *channel);
    if (channel == NULL)
        return NULL;
    *channel = (lsync_channel){.ops = to->ops, .user = to->user, .next = p->channels, .due_us = LSYNC_NEVER_US};
    if (channel->ops->open(channel->user, &channel->state) != LOCK_SYNC_OK) {
        lsync_free(&p->memory, channel);
        return NULL;
    }
    lsync_queue_init(&channel->waiting);
    lsync_queue_init(&channel->open);
    lsync_loop_add_guest(&p->loop, &channel->guest);
    p->channels = channel;
    return channel;
}

/* Watches the channel's descriptor for what the channel wants. */
static void watch(lock_sync_pool *p, lsync_channel *channel)
{
    int64_t now_us = lsync_clock_boot_us();
    int fd = channel->ops->fd(channel->state);
    uint32_t wants = channel->ops->wants(channel->state, now_us, &channel->due_us);
    bool writes = (wants & LOCK_SYNC_CHANNEL_WRITE) != 0;

    if (fd != channel->guest.fd || writes != channel->guest.writes)
        lsync_loop_watch(&p->loop, &channel->guest, fd, writes);
}

/* --- decisions --- */

static uint64_t hash_of(const lock_sync_guard *guard)
{
    const uintptr_t bytes = (uintptr_t)guard;

    return lsync_hash(LSYNC_HASH_START, &bytes, sizeof bytes);
}

static lsync_decision *decision_of(lock_sync_pool *p, const lock_sync_guard *guard)
{
    lsync_entry *entry = lsync_table_first(&p->decisions, hash_of(guard));

    for (; entry != NULL; entry = lsync_table_next(entry)) {
        lsync_decision *d = LSYNC_OF(entry, lsync_decision, entry);

        if (d->guard == guard)
            return d;
    }
    return NULL;
}

static bool is_settling(const lsync_job *job)
{
    return job->x.fetch.state == LSYNC_FETCH_SETTLING;
}

/* Ends the job's step. */
static void end_step(lsync_job *job, lock_sync_status status)
{
    job->request.status = status;
    job->request.waiting = false;
    lsync_queue_append(&job->pool->decided, &job->link);
}

/* Ends a step that was not carried out. Its outcome is kept, if it settles a slot. */
static void abandon(lsync_job *job, lock_sync_status status, const char *why)
{
    lsync_guard_task task;
    lock_sync_status made = lsync_step_guard_task(&job->x, &task);

    if (made == LOCK_SYNC_OK)
        lsync_guard_abandon(job->request.guard, &task, status, why);
    end_step(job, made == LOCK_SYNC_OK ? status : made);
}

/* Begins with the next job of a guard, or forgets the guard. */
static void next_job(lock_sync_pool *p, lsync_decision *d)
{
    lsync_link *link = lsync_queue_take(&d->settling);

    if (link == NULL)
        link = lsync_queue_take(&d->asking);
    if (link == NULL) {
        lsync_table_remove(&p->decisions, &d->entry);
        lsync_free(&p->memory, d);
        return;
    }
    d->job = LSYNC_OF(link, lsync_job, link);
    d->guard = d->job->request.guard;
    lsync_queue_append(&d->channel->waiting, &d->link);
}

void lsync_channels_send(lsync_job *job, lsync_channel *channel)
{
    lock_sync_pool *p = job->pool;
    lsync_decision *d = decision_of(p, job->request.guard);

    job->request.waiting = true;
    if (d != NULL) {
        lsync_queue_append(is_settling(job) ? &d->settling : &d->asking, &job->link);
        return;
    }
    d = p->channels_closed ? NULL : lsync_alloc(&p->memory, sizeof *d);
    if (d == NULL) {
        abandon(job, p->channels_closed ? LOCK_SYNC_E_GUARD : LOCK_SYNC_E_NO_MEMORY,
                p->channels_closed ? FREED : "out of memory");
        return;
    }
    memset(&d->link, 0, sizeof d->link);
    d->channel = channel;
    d->guard = job->request.guard;
    d->job = job;
    lsync_queue_init(&d->settling);
    lsync_queue_init(&d->asking);
    lsync_table_add(&p->decisions, &d->entry, hash_of(d->guard));
    lsync_queue_append(&channel->waiting, &d->link);
}

bool lsync_channels_withdraw(lsync_job *job)
{
    lsync_decision *d = decision_of(job->pool, job->request.guard);

    if (!job->request.waiting || is_settling(job))
        return false;
    job->request.waiting = false;
    if (d->job == job) {
        lsync_queue_remove(&d->link);
        next_job(job->pool, d);
    } else {
        lsync_queue_remove(&job->link);
    }
    return true;
}

/* --- on their way --- */

/* Begins the swaps that wait. */
static bool begin_all(lock_sync_pool *p, lsync_channel *channel)
{
    bool begun = false;
    lsync_link *link;

    while ((link = lsync_queue_take(&channel->waiting)) != NULL) {
        lsync_decision *d = LSYNC_OF(link, lsync_decision, link);
        lsync_job *job = d->job;
        lock_sync_status status = lsync_step_guard_task(&job->x, &d->task.task);

        if (status != LOCK_SYNC_OK) { /* no time is left */
            end_step(job, status);
            next_job(p, d);
            continue;
        }
        job->request.waiting = false;
        lsync_guard_begin(d->guard, &d->task);
        lsync_queue_append(&channel->open, link);
        channel->ops->begin(channel->state, &d->task.proposal.swap);
        begun = true;
    }
    return begun;
}

/* Continues the decisions whose swaps are done. Returns whether there are new swaps. */
static bool continue_all(lock_sync_pool *p, lsync_channel *channel)
{
    bool begun = false;
    lsync_link *next;

    for (lsync_link *link = channel->open.ends.next; link != &channel->open.ends; link = next) {
        lsync_decision *d = LSYNC_OF(link, lsync_decision, link);

        next = link->next;
        if (!d->task.proposal.swap.done)
            continue;
        if (lsync_guard_continue(d->guard, &d->task)) {
            if (!p->channels_closed) {
                channel->ops->begin(channel->state, &d->task.proposal.swap);
                begun = true;
                continue;
            }
            /* GCOVR_EXCL_START: an application's channel that ends a swap well while it closes */
            d->task.status = LOCK_SYNC_E_GUARD;
            lsync_guard_abandon(d->guard, &d->task.task, d->task.status, FREED);
            /* GCOVR_EXCL_STOP */
        }
        lsync_queue_remove(link);
        lsync_step_guard_result(&d->job->x, &d->task.task, d->task.status);
        end_step(d->job, d->task.status);
        next_job(p, d);
    }
    return begun;
}

/* Makes the helper thread connect the channel, if it must. */
static bool connects(lock_sync_pool *p, lsync_channel *channel)
{
    int64_t due_us;

    if ((channel->ops->wants(channel->state, lsync_clock_boot_us(), &due_us) & LOCK_SYNC_CHANNEL_CONNECT) == 0)
        return false;
    watch(p, channel); /* forgets the old descriptor, before `connect` closes it */
    channel->is_connecting = lsync_helper_connect(p, channel);
    return channel->is_connecting;
}

static void proceed(lock_sync_pool *p, lsync_channel *channel)
{
    int64_t now_us = lsync_clock_boot_us();
    bool must = channel->guest.readable || channel->guest.writable || channel->due_us <= now_us;

    for (;;) {
        if (lsync_queue_first(&channel->waiting) != NULL) {
            if (connects(p, channel))
                return;
            must = begin_all(p, channel) || must;
        }
        if (!must)
            break;
        channel->ops->proceed(channel->state, channel->guest.readable, channel->guest.writable, now_us);
        channel->guest.readable = channel->guest.writable = false;
        must = continue_all(p, channel);
    }
    watch(p, channel);
}

void lsync_channels_proceed(lock_sync_pool *p)
{
    lsync_channel *connected;

    while ((connected = lsync_helper_connected(p)) != NULL)
        connected->is_connecting = false;
    for (lsync_channel *channel = p->channels; channel != NULL; channel = channel->next)
        if (!channel->is_connecting)
            proceed(p, channel);
}

lsync_job *lsync_channels_receive(lock_sync_pool *p)
{
    lsync_link *link = lsync_queue_take(&p->decided);

    return link == NULL ? NULL : LSYNC_OF(link, lsync_job, link);
}

int64_t lsync_channels_due_us(const lock_sync_pool *p)
{
    int64_t due_us = lsync_queue_first(&p->decided) != NULL ? 0 : LSYNC_NEVER_US;

    for (const lsync_channel *channel = p->channels; channel != NULL; channel = channel->next) {
        int64_t own_us;

        if (channel->is_connecting)
            continue;
        own_us = lsync_queue_first(&channel->waiting) != NULL ? 0 : channel->due_us;
        due_us = own_us < due_us ? own_us : due_us;
    }
    return due_us;
}

bool lsync_channels_are_busy(const lock_sync_pool *p)
{
    return p->decisions.count > 0 || lsync_queue_first(&p->decided) != NULL;
}

void lsync_channels_close(lock_sync_pool *p)
{
    lsync_channel *channel;

    p->channels_closed = true;
    while ((channel = p->channels) != NULL) {
        lsync_link *link;

        p->channels = channel->next;
        lsync_loop_watch(&p->loop, &channel->guest, -1, false);
        lsync_loop_remove_guest(&p->loop, &channel->guest);
        channel->ops->close(channel->state);
        (void)continue_all(p, channel);
        while ((link = lsync_queue_take(&channel->waiting)) != NULL) {
            /* GCOVR_EXCL_START: a channel that connects for longer than the pool waits */
            lsync_decision *d = LSYNC_OF(link, lsync_decision, link);

            abandon(d->job, LOCK_SYNC_E_GUARD, FREED);
            next_job(p, d);
            /* GCOVR_EXCL_STOP */
        }
        lsync_free(&p->memory, channel);
    }
}
