/* The inside of the pool: its jobs, where each of them stands, and who drives it.

   A job is one submitted fetch, or the polls of a watch. Its machine (client/fetch.h) says what is to be done, and the
   job's state where it waits for that. It comes in through `ready`, and waits for its turn at its origin: in `waiting`,
   or in `admitted` if it has its slot. Its guard is asked on the helper thread if that may block. In mode WAIT it stands
   in the line of its guard. It sends in a transfer, which is a transfer with its buffers. It ends in `done`, from where
   dispatch calls back. */
#ifndef LSYNC_POOL_STATE_H
#define LSYNC_POOL_STATE_H

#include "client/steps.h"
#include "guard/guard.h"
#include "locksync/pool.h"
#include "pool/queue.h"
#include "pool/share.h"
#include "pool/table.h"
#include "transport/loop.h"
#include "watch/watch.h"

#include <pthread.h>

typedef struct lsync_pool_transfer lsync_pool_transfer;
typedef struct lsync_origin lsync_origin;

typedef enum lsync_job_state {
    LSYNC_JOB_READY,  /* in pool->ready until its origin is found; then in origin->waiting, or with its slot in
                         origin->admitted */
    LSYNC_JOB_ASKING, /* ASKING, EXTENDING or SETTLING, with the helper thread */
    LSYNC_JOB_ASLEEP, /* WAITING, first in its guard's line, until due_us; or DONE: a watch's, until its next poll */
    LSYNC_JOB_BEHIND, /* WAITING, in first->behind */
    LSYNC_JOB_ACTIVE, /* SENDING, in a transfer */
    LSYNC_JOB_DONE,   /* in pool->done */
    LSYNC_JOB_IN_CALLBACK /* a watch's, inside its callback */
} lsync_job_state;

/* What the helper thread is asked: a step of the fetch at the guard. */
typedef struct lsync_helper_request {
    lock_sync_status status; /* what came of it */
    lock_sync_guard *guard;  /* a reference */
    bool waiting;            /* the helper thread has not begun it; under the pool's mutex */
} lsync_helper_request;

typedef struct lsync_job lsync_job;

/* While the helper thread has a job, it reads the state and the deadline of its fetch, and what else lsync_step_guard
   touches is the thread's. */
struct lsync_job {
    lsync_owner owner;             /* of the context's fetch */
    lsync_watch_owner watch_owner; /* of `watch` */
    lsync_link link;               /* in one of the queues */
    lock_sync_pool *pool;
    lock_sync_watch *watch;     /* whose polls these are; NULL: it is one fetch */
    lock_sync_watch_fn changed; /* of the watch, as `user` */
    lsync_origin *origin;       /* of the fetch; NULL: not found yet, or no more */
    lsync_pool_transfer *transfer;
    lsync_entry waiting_first; /* of its guard, in pool->lines, as long as the job is the first of it, */
    bool is_first;
    lsync_queue behind; /* and those behind it */
    lsync_timer timer;  /* when the job is handed back: to wake it, or its deadline */
    lsync_job_state state;
    bool slept;  /* a watch's: it was cancelled between two polls */
    lsync_run x; /* its context NULL: it was freed while the helper thread had the job; DONE: a watch's, between two
                    polls */
    lsync_attempts attempts; /* of the request, that are over */
    lsync_helper_request request;
    lsync_link notice;            /* in the list of the cancelled */
    void (*over)(lsync_job *job); /* calls back, and frees the job or lets it sleep */
    lock_sync_done_fn done;
    void *user;
    int64_t ids[];
};

/* A transfer with its buffers: as many as run at once. */
struct lsync_pool_transfer {
    lsync_job *job;            /* NULL: free */
    lsync_pool_transfer *next; /* of the free */
    lsync_pool_transfer *next_of_all;
    lsync_link lead; /* in pool->leaders */
    int64_t led_us;  /* since when, by the boot clock */
    bool on_trial;   /* its origin was when the transfer began */
    bool opens;      /* it took a connection that no other uses */
    lsync_transfer curl;
    lock_sync_response response;
};

/* An origin: scheme, name and port of a base URL, and the proxy and the CAs that lead there; what libcurl tells
   connections apart by. It gets as many transfers at once as its connections carry: what waits inside libcurl costs
   more than what waits here. Until its name is known one transfer is the leader, so that only one looks it up. Over
   HTTP/2 one leads too while there is no connection, or none with room for another stream: only that one opens a
   connection. A leader that is slow holds nobody: after a second another leads beside it. */
struct lsync_origin {
    lsync_entry entry;  /* in pool->origins */
    lsync_link link;    /* in `place` */
    lsync_queue *place; /* of the pool's; NULL: no job of it waits */
    lsync_queue waiting;
    lsync_queue admitted; /* they go first */
    size_t jobs;          /* that have this origin */
    uint32_t active;      /* transfers */
    uint32_t connections; /* that the transfers use, as far as is known */
    uint32_t taken;       /* transfers begun in this turn on a connection that others want */
    bool on_trial;        /* it has not responded yet, or not in time the last time */
    bool https;
    bool is_named;               /* a name is looked up, its own or its proxy's */
    bool failed;                 /* its last leader got no connection: many may find that out at once */
    lsync_pool_transfer *leader; /* that holds the others; NULL: none */
    uint32_t leaders;            /* those that were too slow included */
    lsync_sockets sockets;
    int64_t known_until_us;  /* its name */
    int64_t unused_since_us; /* without a job */
    size_t key_size;
    char key[]; /* see origins.c; holds no secret */
};

/* The helper thread, and the jobs it has. */
typedef struct lsync_helper {
    bool runs;            /* from the first request on */
    bool stop;            /* under the pool's mutex, as the next */
    lsync_queue requests; /* jobs by their `link`, as the next */
    lsync_queue done;
    pthread_cond_t work;
    pthread_t thread;
} lsync_helper;

struct lock_sync_pool {
    lock_sync_allocator memory;
    lsync_loop loop;
    lsync_table origins;
    lsync_queue idle_on_trial; /* origins with jobs that wait: without a transfer, as the next */
    lsync_queue idle;
    lsync_queue sharing; /* with transfers */
    lsync_queue full;    /* with no place for another */
    lsync_queue unused;  /* origins without jobs */
    lsync_queue leaders; /* transfers by their `lead`, the oldest first */
    lsync_table waiters; /* of guards: the first job of each by its `line` */
    lsync_pool_transfer *all_transfers;
    lsync_pool_transfer *free_transfers;
    lsync_budget transfers;
    lsync_budget connections;
    size_t pending;
    lsync_heap timers; /* of all jobs that are not done */
    lsync_queue ready;
    lsync_queue done;
    bool busy;             /* inside dispatch or free: a callback may be running */
    bool free_wanted;      /* by a callback */
    bool freeing;          /* nothing is submitted any more */
    pthread_mutex_t mutex; /* of what other threads reach */
    lsync_queue cancelled; /* notices from any thread, under the mutex */
    lsync_helper helper;
};

/* Whom lock_sync_cancel() speaks to. */
void lsync_pool_set_owner(lock_sync_ctx *ctx, lsync_owner *owner);
/* Forgets that a job was cancelled. The caller sees to it that it is not cancelled again. */
void lsync_pool_forget_notice(lsync_job *job);
/* Takes a job's context out of the pool: from here on nobody cancels it through the job. */
void lsync_pool_detach(lsync_job *job);
/* The first of a queue that is under the pool's mutex, taken out; NULL: none. */
lsync_link *lsync_pool_take(lock_sync_pool *p, lsync_queue *q);
/* Sees to it that dispatch is called soon, unless it is at work and will see by itself what is to be done. */
void lsync_pool_wake(lock_sync_pool *p);

#endif
