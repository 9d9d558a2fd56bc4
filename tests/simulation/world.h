/* What there is in a run: pools, contexts, guards, and what they are at. */
#ifndef SIMULATION_WORLD_H
#define SIMULATION_WORLD_H

#include "clock.h"
#include "dice.h"
#include "report.h"
#include "scenario.h"

#include "pool/state.h"

#define TASKS_MAX 4096
#define LOCKS_MAX 3 /* of a client */

typedef struct client client;

/* One submitted fetch, or a watch in a pool: the `user` of its callback. */
typedef struct task {
    client *client; /* first: all that has a job's `user` finds it here */
    uint32_t number;
    bool is_watch;
    bool is_over;     /* it had its last callback, or may have none any more */
    bool has_started; /* its first transfer did */
    bool in_callback; /* of a watch */
    bool asks_all;
    bool is_owed_retry; /* the server left its request over HTTP/2 without a response */
    int64_t polled_us;  /* when the last poll of a watch ended; 0: none did */
    uint32_t answered;  /* the last good answer that it got; 0: none */
    int32_t pool;
    int64_t begun_us;
    int64_t deadline_us; /* of a fetch */
    int64_t stop_us;     /* when it was cancelled; NEVER_US: not */
    int64_t lost_us;     /* by the pool's thread, and by the helper, before it began, or was cancelled */
    int64_t helped_us;
} task;

struct client {
    int32_t number;
    const client_plan *plan;
    lock_sync_ctx *ctx;  /* NULL: not made yet, or freed */
    uint32_t generation; /* of its context */
    lock_sync_watch *watch;
    lock_sync_lock told[LOCKS_MAX]; /* its locks, as its watch has told them */
    task *task;                     /* the pending one */
    temper provider;
    uint32_t tokens;
    uint32_t requests; /* sent for it */
    bool keeps_all;    /* its context keeps a response for all locks, in mode CACHED */
    bool must_poll;    /* its watch must have a good response once all is well */
};

/* A pool, with the application's loop around it. */
typedef struct host {
    int32_t number;
    lock_sync_pool *pool; /* NULL: none now */
    lsync_loop *loop;
    uint32_t transfers, total; /* its limits */
    int64_t helped_us;         /* how long the steps take that its helper began */
    bool is_awake;             /* somebody woke its loop */
    int64_t ready_us;          /* since when its descriptor is readable; NEVER_US: it is not */
    uint32_t dispatches;
} host;

typedef struct guard_state {
    const guard_plan *plan;
    lock_sync_guard *guards[POOLS_MAX]; /* of each pool; of memory: one for all */
    temper temper;
    unsigned char record[LOCK_SYNC_GUARD_RECORD_MAX]; /* the store's */
    size_t record_size;
    uint32_t calls;
    int32_t users; /* guards that have the store */
} guard_state;

typedef struct world {
    const scenario *plan;
    int64_t begun_us;
    host hosts[POOLS_MAX];
    guard_state guards[GUARDS_MAX];
    client clients[CLIENTS_MAX];
    weather weathers[ORIGINS_MAX];
    size_t task_count;
    task tasks[TASKS_MAX];
    const action *queued[ACTIONS_MAX]; /* for the next callback of their client */
    size_t queued_count;
    int32_t calling;     /* calls of the library under way that may call back */
    bool memory_failed;  /* an allocation was made to fail, or one of these is */
    bool faults[FAULTS]; /* that strike once */
    int64_t healed_us;   /* since when there are no more faults */
    uint64_t steps;
} world;

extern world sim;

/* Only while a pool is being made its host does not know its loop; NULL then. */
host *host_of_loop(const lsync_loop *l);
/* Returns the key of the guard that counts a client's requests: the number of a shared guard, or from KEY_OWN on the
   number of a guard that belongs to one context. */
int32_t guard_key(const client *c);
#define KEY_OWN 1000

/* Runs a scenario to its end. */
void world_run(const scenario *s);

/* --- the parts that world_run drives --- */

/* apply.c: does what an action says. */
void apply(const action *a);
void apply_queued(client *c); /* what waits for a callback of that client */
void host_make(host *h);
void host_free(host *h);
void client_free(client *c); /* its context, and its watch with it */

/* transfer.c */
int transfers_alive(void);

/* stores.c: guards, and the stores of some. */
void guards_make(void);
void guards_free(void);
guard_state *guard_state_of(const lock_sync_guard *g); /* NULL: a context's own */

/* helper.c: when the next step at a guard begins or ends; NEVER_US: none. And what is due. */
int64_t helper_due_us(void);
void helper_run(void);
/* How long a pool's helper worked until now. */
int64_t helper_worked_us(int32_t pool);
void helper_begin(void);

/* Whether that fault is planned; then it is over. */
bool fault_strikes(fault f);

/* The heap of the library's objects. */
lock_sync_allocator world_allocator(void);
void world_fail_allocation(int64_t after); /* the one after so many */

#endif
