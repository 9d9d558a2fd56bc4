/* Queues of links, and a heap of timers; see queue.h. */
#include "pool/queue.h"

void lsync_queue_init(lsync_queue *q)
{
    q->ends.next = q->ends.previous = &q->ends;
}

static void insert_after(lsync_link *before, lsync_link *link)
{
    link->previous = before;
    link->next = before->next;
    before->next->previous = link;
    before->next = link;
}

void lsync_queue_append(lsync_queue *q, lsync_link *link)
{
    insert_after(q->ends.previous, link);
}

void lsync_queue_prepend(lsync_queue *q, lsync_link *link)
{
    insert_after(&q->ends, link);
}

void lsync_queue_move(lsync_queue *from, lsync_queue *to)
{
    if (lsync_queue_first(from) == NULL)
        return;
    from->ends.next->previous = to->ends.previous;
    to->ends.previous->next = from->ends.next;
    from->ends.previous->next = &to->ends;
    to->ends.previous = from->ends.previous;
    lsync_queue_init(from);
}

void lsync_queue_remove(lsync_link *link)
{
    if (link->previous == NULL)
        return;
    link->previous->next = link->next;
    link->next->previous = link->previous;
    link->next = link->previous = NULL;
}

lsync_link *lsync_queue_first(const lsync_queue *q)
{
    return q->ends.next == &q->ends ? NULL : q->ends.next;
}

lsync_link *lsync_queue_take(lsync_queue *q)
{
    lsync_link *link = lsync_queue_first(q);

    if (link != NULL)
        lsync_queue_remove(link);
    return link;
}

bool lsync_is_queued(const lsync_link *link)
{
    return link->previous != NULL;
}

/* --- heap --- */

bool lsync_heap_reserve(lsync_heap *h, const lock_sync_allocator *memory, size_t count)
{
    size_t capacity = h->capacity == 0 ? 64 : h->capacity;
    lsync_timer **timers;
    size_t bytes;

    while (capacity < count)
        capacity *= 2;
    if (capacity == h->capacity)
        return true;
    timers = lsync_size_mul(capacity, sizeof(lsync_timer *), &bytes) ? lsync_realloc(memory, h->timers, bytes) : NULL;
    if (timers == NULL)
        return false;
    h->timers = timers;
    h->capacity = capacity;
    return true;
}

static void put(lsync_heap *h, size_t index, lsync_timer *timer)
{
    h->timers[index] = timer;
    timer->index = index;
}

/* Puts a timer in order, beginning at an index that is free: moves it up or down. */
static void put_in_order(lsync_heap *h, size_t index, lsync_timer *timer)
{
    while (index > 0 && h->timers[(index - 1) / 2]->due_us > timer->due_us) {
        put(h, index, h->timers[(index - 1) / 2]);
        index = (index - 1) / 2;
    }
    for (size_t child; (child = 2 * index + 1) < h->count; index = child) {
        if (child + 1 < h->count && h->timers[child + 1]->due_us < h->timers[child]->due_us)
            child++;
        if (h->timers[child]->due_us >= timer->due_us)
            break;
        put(h, index, h->timers[child]);
    }
    put(h, index, timer);
}

void lsync_heap_set(lsync_heap *h, lsync_timer *timer, int64_t due_us)
{
    bool is_new = timer->index == LSYNC_NOT_IN_HEAP;

    if (!is_new && timer->due_us == due_us) /* usual: a job keeps its deadline from state to state */
        return;
    timer->due_us = due_us;
    put_in_order(h, is_new ? h->count++ : timer->index, timer);
}

void lsync_heap_remove(lsync_heap *h, lsync_timer *timer)
{
    size_t index = timer->index;
    lsync_timer *last;

    if (index == LSYNC_NOT_IN_HEAP)
        return;
    timer->index = LSYNC_NOT_IN_HEAP;
    last = h->timers[--h->count];
    if (last != timer)
        put_in_order(h, index, last);
}

lsync_timer *lsync_heap_first(const lsync_heap *h)
{
    return h->count == 0 ? NULL : h->timers[0];
}
