/* The inside of the pool: its jobs, where each of them stands, and who drives it.

   A job is one submitted fetch, or the polls of a watch. Its machine (client/fetch.h) says what is to be done; where it
   waits for that is the job's state. It waits in `ready` for its turn, or in `admitted` if it has its slot; its guard is
   asked on the helper thread if that may block; it may be held until its origin has room; it sends in a seat, which is a
   transfer with its buffers; and ends in `done`, from where dispatch calls back. */
#ifndef LSYNC_POOL_POOL_H
#define LSYNC_POOL_POOL_H

#include "client/steps.h"
#include "guard/guard.h"
#include "locksync/pool.h"
#include "pool/queue.h"
#include "watch/watch.h"
#include "transport/curl_loop.h"

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
    int64_t due_us; /* when the timer heap hands the job back: to wake it, or its deadline */
    size_t heap_place;
    lsync_job_state state;
    bool slept;  /* a watch's: it was cancelled between two polls */
    lsync_run x; /* its context NULL: it was freed while the helper thread had the job; DONE: a watch's, between two
                    polls */
    lsync_helper_request request;
    lsync_link notice; /* in the list of the cancelled */
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
    lsync_spares spares;
    lsync_transfer transfer;
    lock_sync_response response;
};

/* A host by scheme, name and port of its base URL. It gets as many transfers at once as its connections carry: what
   waits inside libcurl costs more than what waits here. Until its name is known one transfer goes ahead, lest each look
   it up; likewise over HTTP/2 until there is a connection, and when those there are have no room for another stream,
   lest each open one of its own. */
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
    lsync_heap timers; /* of all jobs that are not done */
    lsync_queue ready;
    lsync_queue admitted; /* ready with their slots: they go first */
    lsync_queue done;
    bool busy;        /* inside dispatch or free: a callback may be running */
    bool free_wanted; /* by a callback */
    bool freeing;     /* nothing is submitted any more */
    uint32_t max_active;
    uint32_t active;
    size_t pending;
    uint64_t turns; /* given to those that were held */
    lsync_seat *free_seats;
    lsync_seat *seats;
    lsync_host *hosts;
    lsync_loop loop;
    pthread_mutex_t mutex; /* of what other threads reach */
    lsync_queue cancelled; /* notices from any thread, under the mutex */
    lsync_helper helper;
};

/* --- pool.c --- */

/* Makes the job of a context and of its ids, with the context marked as running. `missing` says which argument is NULL;
   NULL: none. After a failure *out is NULL and the error is set, unless it is E_BUSY or there is no context. */
lock_sync_status lsync_pool_enter(lock_sync_pool *p, lock_sync_ctx *ctx, const int64_t *ids, size_t n,
                                  const char *missing, lsync_job **out);
/* Forgets that a job was cancelled; whoever calls sees to it that nobody cancels it any more. */
void lsync_pool_forget_notice(lsync_job *job);
/* Takes a job's context out of the pool: from here on nobody cancels it through the job. */
void lsync_pool_detach(lsync_job *job);
/* Takes a job out, wherever it stands, without a callback; with the context still marked as running. */
void lsync_pool_take_out(lsync_job *job);
/* The first of a queue that is under the pool's mutex, taken out; NULL: none. */
lsync_link *lsync_pool_take(lock_sync_pool *p, lsync_queue *q);
/* Sees to it that dispatch is called soon, unless it is at work and will see by itself what is to be done. */
void lsync_pool_nudge(lock_sync_pool *p);

/* --- watches.c: the polls of a watch --- */

/* Tells the end of a poll, if there is something to tell, and waits for the next; or ends it all when the pool is
   freed. */
void lsync_pool_poll_over(lsync_job *job);

/* --- job.c: driving the fetches of jobs --- */

/* Moves ready jobs on while there are seats, and wakes those whose time has come. */
void lsync_pool_advance(lock_sync_pool *p);
/* Begins a job's fetch, in mode and with the timeout that its context has now. */
void lsync_pool_begin_fetch(lsync_job *job, int64_t now_us);
/* Lets the job of a watch sleep until its next poll. */
void lsync_pool_sleep(lsync_job *job, int64_t until_us);
/* Takes in a transfer that is over. */
void lsync_pool_transfer_over(lsync_seat *seat, CURLcode code);
/* Ends all transfers, and closes all connections: libcurl cannot go on with them. */
void lsync_pool_begin_anew(lock_sync_pool *p);
/* Takes in what a guard has answered. */
void lsync_pool_answered(lsync_job *job);
/* Ends a job early, wherever it stands; it is then done, or freed when the helper thread comes back. */
void lsync_pool_abort(lsync_job *job);
/* When the pool itself wants to be called; LSYNC_NEVER_US: not. */
int64_t lsync_pool_due_us(const lock_sync_pool *p);
void lsync_pool_free_seats(lock_sync_pool *p);

/* --- origins.c --- */

/* The host of a context; NULL when memory is out. */
lsync_host *lsync_pool_host_of(lock_sync_pool *p, const lock_sync_ctx *ctx);
/* Whether the next transfer has something to find out, or opens a connection that others will share. */
bool lsync_host_needs_pioneer(const lsync_host *host);
/* Whether the host has no place for another transfer now. */
bool lsync_host_is_full(const lsync_host *host);
/* The first of those that were held and have a place now; NULL: none. */
lsync_link *lsync_pool_next_held(const lock_sync_pool *p);
/* What the end of a transfer, still in its seat, tells of its host. */
void lsync_host_learn(const lsync_seat *seat, lock_sync_status status);
/* Sees which of the transfers that went ahead have found their hosts. */
void lsync_pool_check_hosts(lock_sync_pool *p);
void lsync_pool_free_hosts(lock_sync_pool *p);

/* --- helper.c: guards whose stores may block --- */

/* Hands a job's step at the guard to the helper thread, starting it if need be. OK or E_NO_MEMORY. */
lock_sync_status lsync_helper_send(lsync_job *job);
/* Takes a question back that the thread has not begun. */
bool lsync_helper_withdraw(lsync_job *job);
/* The next job whose step is done; NULL: none. */
lsync_job *lsync_helper_receive(lock_sync_pool *p);
/* Ends the thread, after the step it is at; then what it had is received. */
void lsync_helper_stop(lock_sync_pool *p);

#endif
