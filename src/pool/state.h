/* The pool's data: jobs and their states, transfers, origins, the helper thread.

   A job is one submitted fetch, or a watch with all its polls. Its fetch (client/fetch.h) decides which step is next.
   The job's state says in which queue or on which thread it waits for that step:

   - `ready`, until its origin is found;
   - its origin's `waiting`, or `with_slot` once it has a slot of its guard, until a transfer is free (schedule.h);
   - a channel, if the store of its guard has one (channels.h);
   - otherwise the helper thread, if its guard may block (helper.h);
   - a queue of its guard, in mode WAIT, until the guard may grant a slot (waiters.h);
   - a transfer, while its request is sent;
   - `done`, from where dispatch calls back. */
#ifndef LSYNC_POOL_STATE_H
#define LSYNC_POOL_STATE_H

#include "client/steps.h"
#include "guard/guard.h"
#include "locksync/pool.h"
#include "pool/queue.h"
#include "pool/share.h"
#include "pool/table.h"
#include "transport/loop.h"
#include "watch/fetches.h"

#include <pthread.h>

typedef struct lsync_pool_transfer lsync_pool_transfer;
typedef struct lsync_origin lsync_origin;

/* The states of a job. Capitals in the comments are the state of the job's fetch. The transition function is
   lsync_job_move (transition.h). */
typedef enum lsync_job_state {
    LSYNC_JOB_READY,      /* in pool->ready until its origin is found; then in the origin's `waiting` or `with_slot` */
    LSYNC_JOB_IN_HELPER,  /* ASKING, EXTENDING or SETTLING, on the helper thread */
    LSYNC_JOB_IN_CHANNEL, /* ASKING, EXTENDING or SETTLING, in a channel */
    LSYNC_JOB_ASLEEP, /* WAITING until due_us, as the head of its guard's queue. Or DONE: a watch between two polls */
    LSYNC_JOB_QUEUED, /* WAITING, in the `others` of the head of its guard's queue */
    LSYNC_JOB_ACTIVE, /* SENDING, in a transfer */
    LSYNC_JOB_DONE,   /* DONE, in pool->done */
    LSYNC_JOB_IN_CALLBACK /* DONE, in the callback of its watch */
} lsync_job_state;

/* A step of the fetch that needs the guard, on the helper thread or in a channel. */
typedef struct lsync_helper_request {
    lock_sync_status status; /* the result */
    lock_sync_guard *guard;  /* a reference; NULL: it was released on the helper thread */
    bool waiting;            /* not begun; on the helper thread, under the pool's mutex */
} lsync_helper_request;

/* The application's callback of a job: one of the three functions, the others are NULL. */
typedef struct lsync_callback {
    lock_sync_done_fn done;
    lock_sync_directory_fn directory;
    lock_sync_watch_fn changed;
    void *user;
} lsync_callback;

typedef struct lsync_job lsync_job;

/* While a job is on the helper thread, that thread owns what lsync_step_guard changes, and reads the fetch's state and
   deadline. */
struct lsync_job {
    lsync_owner owner;             /* called when the context is cancelled or freed */
    lsync_watch_owner watch_owner; /* called when `watch` is freed */
    lsync_link link;               /* in the queue of the job's state */
    lock_sync_pool *pool;
    lock_sync_watch *watch; /* NULL: the job is one fetch */
    lsync_origin *origin;   /* NULL: not found yet, or released */
    lsync_pool_transfer *transfer;
    bool is_head;              /* of its guard's queue */
    lsync_entry waiters_entry; /* in pool->waiters, if is_head */
    lsync_queue others;        /* if is_head: the other jobs of the guard's queue, in order */
    lsync_timer timer;         /* wakes the job, or ends its fetch at the deadline */
    lsync_job_state state;
    bool cancelled_between_polls; /* a watch's job: it was cancelled while it was asleep */
    bool is_paused;               /* a watch's job: it sleeps until its context is no longer stopped */
    lsync_run x;                  /* its context is NULL if that was freed while the guard was asked */
    lsync_attempts attempts;      /* the request's earlier attempts */
    lsync_helper_request request;
    lsync_link notice;              /* in pool->notices */
    void (*finish)(lsync_job *job); /* calls back; then frees the job, or puts a watch's job to sleep */
    lsync_callback callback;
    int64_t ids[];
};

/* A transfer: a libcurl handle with its buffers. There are as many as were needed at the same time. */
struct lsync_pool_transfer {
    lsync_job *job;            /* NULL: free */
    lsync_pool_transfer *next; /* in pool->free_transfers */
    lsync_pool_transfer *next_of_all;
    lsync_link leader_link;   /* in pool->leaders */
    int64_t leading_since_us; /* by the boot clock */
    bool on_trial;            /* its origin was on trial when the transfer began */
    bool opens;               /* it began on a connection that no other transfer used */
    lsync_transfer curl;
    lock_sync_response response;
};

/* An origin: scheme, host name and port of a base URL, with its proxy and CA file. libcurl shares a connection only if
   all of these are equal.

   An origin gets only as many transfers at once as its connections can carry. A job that waits inside libcurl would
   cost more than one in a queue. Until the host name is resolved, one transfer is the leader and the others wait, so
   that the name is resolved only once.
   Over HTTP/2 there is also a leader while no connection has a free stream, so that only one connection is opened.
   If a leader takes longer than a second, another leader starts beside it. */
struct lsync_origin {
    lsync_entry entry;  /* in pool->origins */
    lsync_link link;    /* in `queue` */
    lsync_queue *queue; /* one of the pool's queues; NULL: no job of the origin waits */
    lsync_queue waiting;
    lsync_queue with_slot;     /* jobs that have a slot; they go before `waiting` */
    size_t jobs;               /* with this origin */
    uint32_t active;           /* transfers */
    uint32_t connections_used; /* estimate of how many connections the transfers use */
    uint32_t begun_in_round;   /* transfers, since the origin last joined the end of `idle` or `idle_on_trial` */
    bool on_trial;             /* no response yet, or the last one failed or was slow */
    bool https;
    bool is_named;               /* its host name or its proxy's is not an address, and must be resolved */
    bool failed;                 /* its last leader got no connection: now many may try at once */
    lsync_pool_transfer *leader; /* the transfer that the others wait for; NULL: none */
    uint32_t leaders;            /* including those that were too slow */
    lsync_connections connections;
    int64_t known_until_us;  /* until then libcurl has the host name's address */
    int64_t unused_since_us; /* without a job */
    size_t key_size;
    char key[]; /* see origins.c; contains no secret */
};

/* A channel to a store. */
typedef struct lsync_channel {
    struct lsync_channel *next;
    const lock_sync_guard_channel_ops *ops;
    void *user;  /* the guards' `channel_user` */
    void *state; /* the channel itself, for `ops` */
    lsync_guest guest;
    int64_t due_us;      /* when it wants to proceed */
    bool is_connecting;  /* on the helper thread, which owns `state` meanwhile */
    lsync_link link;     /* in the helper's `connecting` or `connected` */
    lsync_queue waiting; /* decisions whose next swap has not begun */
    lsync_queue open;    /* decisions whose swap is on its way */
} lsync_channel;

typedef struct lsync_helper {
    bool runs;              /* from the first request on */
    bool stop;              /* this and the queues: under the pool's mutex */
    lsync_queue requests;   /* jobs by their `link` */
    lsync_queue done;       /* the same */
    lsync_queue connecting; /* channels by their `link` */
    lsync_queue connected;
    pthread_cond_t work;
    pthread_t thread;
} lsync_helper;

struct lock_sync_pool {
    lock_sync_allocator memory;
    lsync_loop loop;
    lsync_table origins;
    lsync_queue idle_on_trial; /* this and the next three: origins with jobs that wait; see schedule.c */
    lsync_queue idle;
    lsync_queue sharing;
    lsync_queue full;
    lsync_queue unused;  /* origins without jobs */
    lsync_queue leaders; /* transfers by their `leader_link`, the oldest first */
    lsync_table waiters; /* the heads of each guard's queues */
    lsync_pool_transfer *all_transfers;
    lsync_pool_transfer *free_transfers;
    lsync_budget transfers;
    lsync_budget connections;
    size_t pending;
    lsync_heap timers; /* of all jobs that are neither DONE nor IN_CALLBACK */
    lsync_queue ready;
    lsync_queue done;
    bool busy;             /* inside dispatch or free: a callback may be running */
    bool free_wanted;      /* a callback called lock_sync_pool_free */
    bool freeing;          /* submit fails now */
    pthread_mutex_t mutex; /* of what other threads use */
    lsync_queue notices;   /* jobs by their `notice`, appended by any thread; under the mutex */
    lsync_helper helper;
    lsync_channel *channels;
    bool channels_closed;
    lsync_table decisions; /* of the guards that use channels; see channels.c */
    lsync_queue decided;   /* jobs whose step in a channel is done */
};

/* Sets which job lock_sync_cancel() and lock_sync_set_stopped() notify; NULL: none. */
void lsync_pool_set_owner(lock_sync_ctx *ctx, lsync_owner *owner);
/* Removes a job from pool->notices. The caller makes sure that the job is not cancelled again. */
void lsync_pool_forget_notice(lsync_job *job);
/* Takes a job's context out of the pool: lock_sync_cancel() no longer reaches the job. */
void lsync_pool_detach(lsync_job *job);
/* Takes the first link out of a queue that is under the pool's mutex; NULL: the queue is empty. */
lsync_link *lsync_pool_take(lock_sync_pool *p, lsync_queue *q);
/* Makes the job's request to its guard. Or releases the guard, if the fetch is DONE: the last reference writes the kept
   outcomes. May block. */
void lsync_job_make_request(lsync_job *job);
/* Makes the loop run soon. Does nothing while dispatch runs, because dispatch looks at all queues before it returns. */
void lsync_pool_wake(lock_sync_pool *p);

#endif
