/* The inside of the pool: its jobs, where each of them stands, and who drives it.

   A job is one submitted fetch, or the polls of a watch. Its machine (client/fetch.h) says what is to be done, and the
   job's state where it waits for that. It waits in `ready` for its turn, or in `admitted` if it has its slot. Its guard
   is asked on the helper thread if that may block. It may be held until its origin has room. It sends in a seat, which
   is a transfer with its buffers. It ends in `done`, from where dispatch calls back. */
#ifndef LSYNC_POOL_STATE_H
#define LSYNC_POOL_STATE_H

#include "client/steps.h"
#include "guard/guard.h"
#include "locksync/pool.h"
#include "pool/queue.h"
#include "transport/curl_loop.h"
#include "watch/watch.h"

#include <pthread.h>

typedef struct lsync_seat lsync_seat;
typedef struct lsync_host lsync_host;

typedef enum lsync_job_state {
    LSYNC_JOB_READY,  /* in pool->ready, or with its slot in pool->admitted */
    LSYNC_JOB_ASKING, /* ASKING, EXTENDING or SETTLING, with the helper thread */
    LSYNC_JOB_ASLEEP, /* WAITING, until due_us; or DONE: a watch's, until its next poll is due */
    LSYNC_JOB_HELD,   /* in host->held */
    LSYNC_JOB_ACTIVE, /* SENDING, in a seat */
    LSYNC_JOB_DONE,   /* in pool->done */
    LSYNC_JOB_TOLD    /* a watch's, inside its callback */
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
    lsync_host *host;
    lsync_seat *seat;
    lsync_timer timer; /* when the job is handed back: to wake it, or its deadline */
    lsync_job_state state;
    bool slept;  /* a watch's: it was cancelled between two polls */
    lsync_run x; /* its context NULL: it was freed while the helper thread had the job; DONE: a watch's, between two
                    polls */
    lsync_attempts attempts; /* of the request, that are over */
    lsync_helper_request request;
    lsync_link notice; /* in the list of the cancelled */
    void (*over)(lsync_job *job); /* calls back, and frees the job or lets it sleep */
    lock_sync_done_fn done;
    void *user;
    uint64_t turn; /* among all that are held */
    int64_t ids[];
};

/* A transfer with its buffers: as many as run at once. */
struct lsync_seat {
    lsync_job *job;   /* NULL: free */
    lsync_seat *next; /* of the free */
    lsync_seat *next_of_all;
    lsync_transfer transfer;
    lock_sync_response response;
};

/* A host by scheme, name and port of its base URL. It gets as many transfers at once as its connections carry: what
   waits inside libcurl costs more than what waits here. Until its name is known one transfer goes ahead, so that only
   one looks it up. Over HTTP/2 one goes ahead too while there is no connection, or none with room for another stream:
   only that one opens a connection. */
struct lsync_host {
    lsync_host *next;
    int64_t known_until_us;
    lsync_job *pioneer; /* the transfer that went ahead; NULL: none */
    lsync_sockets sockets;
    bool https;
    bool is_named;      /* its name is looked up */
    bool failed;        /* the last one that went ahead got no connection: many may find that out at once */
    uint32_t active;    /* transfers */
    lsync_queue held;
    char origin[]; /* "": the default's */
};

/* The helper thread, and the jobs it has. */
typedef struct lsync_helper {
    bool runs; /* from the first request on */
    bool stop; /* under the pool's mutex, as the next */
    lsync_queue requests; /* jobs by their `link`, as the next */
    lsync_queue done;
    pthread_cond_t work;
    pthread_t thread;
} lsync_helper;

struct lock_sync_pool {
    lock_sync_allocator memory;
    lsync_loop loop;
    lsync_host *hosts;
    lsync_seat *seats;
    lsync_seat *free_seats;
    uint32_t max_active;
    uint32_t active;
    size_t pending;
    lsync_heap timers; /* of all jobs that are not done */
    lsync_queue ready;
    lsync_queue admitted; /* ready with their slots: they go first */
    lsync_queue done;
    uint64_t turns;   /* given to those that were held */
    bool busy;        /* inside dispatch or free: a callback may be running */
    bool free_wanted; /* by a callback */
    bool freeing;     /* nothing is submitted any more */
    pthread_mutex_t mutex; /* of what other threads reach */
    lsync_queue cancelled; /* notices from any thread, under the mutex */
    lsync_helper helper;
};

/* Moves a job that was taken out of its queue to a state: into the queue of that state, and into the heap of timers
   until due_us, where the state has them. */
void lsync_job_move(lsync_job *job, lsync_job_state state, int64_t due_us);

/* Whom lock_sync_cancel() speaks to. */
void lsync_pool_set_owner(lock_sync_ctx *ctx, lsync_owner *owner);
/* Forgets that a job was cancelled. The caller sees to it that it is not cancelled again. */
void lsync_pool_forget_notice(lsync_job *job);
/* Takes a job's context out of the pool: from here on nobody cancels it through the job. */
void lsync_pool_detach(lsync_job *job);
/* The first of a queue that is under the pool's mutex, taken out; NULL: none. */
lsync_link *lsync_pool_take(lock_sync_pool *p, lsync_queue *q);
/* Sees to it that dispatch is called soon, unless it is at work and will see by itself what is to be done. */
void lsync_pool_nudge(lock_sync_pool *p);

#endif
