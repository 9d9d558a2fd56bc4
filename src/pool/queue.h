/* Intrusive containers: queues of links, and a heap of timers. */
#ifndef LSYNC_POOL_QUEUE_H
#define LSYNC_POOL_QUEUE_H

#include "base/memory.h"

/* --- a queue of links; each link is a member of an element --- */

typedef struct lsync_link {
    struct lsync_link *next;
    struct lsync_link *previous; /* NULL: in no queue */
} lsync_link;

typedef struct lsync_queue {
    lsync_link ends; /* ends.next is the first link, ends.previous the last; both are &ends if the queue is empty */
} lsync_queue;

void lsync_queue_init(lsync_queue *q);
void lsync_queue_append(lsync_queue *q, lsync_link *link);
void lsync_queue_prepend(lsync_queue *q, lsync_link *link);
void lsync_queue_move(lsync_queue *from, lsync_queue *to); /* appends all links of `from` to `to` */
void lsync_queue_remove(lsync_link *link);                 /* does nothing if the link is in no queue */
lsync_link *lsync_queue_first(const lsync_queue *q);       /* NULL: empty */
lsync_link *lsync_queue_take(lsync_queue *q);              /* removes the first link; NULL: empty */
bool lsync_is_queued(const lsync_link *link);

/* The element that a link is a member of. */
#define LSYNC_OF(link, type, member) ((type *)(void *)((char *)(link)-offsetof(type, member)))

/* --- a heap of timers; each timer is a member of an element --- */

typedef struct lsync_timer {
    int64_t due_us;
    size_t index; /* in the heap; LSYNC_NOT_IN_HEAP: in none */
} lsync_timer;

typedef struct lsync_heap {
    lsync_timer **timers;
    size_t count;
    size_t capacity;
} lsync_heap;

#define LSYNC_NOT_IN_HEAP SIZE_MAX

/* Allocates memory for `count` timers in total, so that adding them cannot fail. False: out of memory. */
bool lsync_heap_reserve(lsync_heap *h, const lock_sync_allocator *memory, size_t count);
void lsync_heap_set(lsync_heap *h, lsync_timer *timer, int64_t due_us); /* adds the timer, or changes its time */
void lsync_heap_remove(lsync_heap *h, lsync_timer *timer);              /* does nothing if it is in no heap */
lsync_timer *lsync_heap_first(const lsync_heap *h);                     /* the timer that is due first; NULL: empty */

#endif
