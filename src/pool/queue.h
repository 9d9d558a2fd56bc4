/* Containers of what has a place in them itself: queues of links, and a heap of timers. */
#ifndef LSYNC_POOL_QUEUE_H
#define LSYNC_POOL_QUEUE_H

#include "base/memory.h"

/* --- a queue of links, each inside what it links --- */

typedef struct lsync_link {
    struct lsync_link *next;
    struct lsync_link *previous; /* NULL: in no queue */
} lsync_link;

typedef struct lsync_queue {
    lsync_link ends; /* ends.next is the first, ends.previous the last; itself when empty */
} lsync_queue;

void lsync_queue_init(lsync_queue *q);
void lsync_queue_append(lsync_queue *q, lsync_link *link);
void lsync_queue_prepend(lsync_queue *q, lsync_link *link);
void lsync_queue_move(lsync_queue *from, lsync_queue *to); /* all of it, to the end of `to` */
void lsync_queue_remove(lsync_link *link);                 /* also of one that is in no queue */
lsync_link *lsync_queue_first(const lsync_queue *q);       /* NULL: empty */
lsync_link *lsync_queue_take(lsync_queue *q);              /* as first, and removes it */
bool lsync_is_queued(const lsync_link *link);

/* What a link is in. */
#define LSYNC_OF(link, type, member) ((type *)(void *)((char *)(link)-offsetof(type, member)))

/* --- a heap of timers, each inside what it wakes --- */

typedef struct lsync_timer {
    int64_t due_us;
    size_t place; /* in the heap; LSYNC_NOT_IN_HEAP: in none */
} lsync_timer;

typedef struct lsync_heap {
    lsync_timer **timers;
    size_t count;
    size_t capacity;
} lsync_heap;

#define LSYNC_NOT_IN_HEAP SIZE_MAX

/* Room for one more timer; false when memory is out. Adding then cannot fail. */
bool lsync_heap_reserve(lsync_heap *h, const lock_sync_allocator *memory, size_t count);
void lsync_heap_set(lsync_heap *h, lsync_timer *timer, int64_t due_us); /* also of one that is in it */
void lsync_heap_remove(lsync_heap *h, lsync_timer *timer);              /* also of one that is not in it */
lsync_timer *lsync_heap_first(const lsync_heap *h);                     /* the one that is due first; NULL: empty */

#endif
