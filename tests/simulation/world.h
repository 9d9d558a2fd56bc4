/* The objects of a run and their state: pools, contexts, guards. */
#ifndef SIMULATION_WORLD_H
#define SIMULATION_WORLD_H

#include "clock.h"
#include "dice.h"
#include "report.h"
#include "scenario.h"

#include "pool/state.h"

#define TASKS_MAX 4096
#define LOCKS_MAX 3 /* of each client */

typedef struct client client;

/* One submitted fetch, or a watch in a pool: the `user` of its callback. */
typedef struct task {
    client *client; /* first, so that a job's `user` points to it */
    uint32_t number;
    bool is_watch;
    bool is_over;     /* it had its last callback, or gets none any more */
    bool has_started; /* its first transfer has started */
    bool in_callback; /* of a watch */
    bool asks_all;
    bool is_owed_retry;     /* the server sent no response to its HTTP/2 request */
    bool is_paused;         /* a watch that has reported that its context is stopped, and must not poll */
    bool reports_stop;      /* a watch whose last callback reported the stop */
    bool may_report;        /* a watch that may report E_CANCELLED, because it was just paused */
    int64_t polled_us;      /* when the last poll of a watch ended; 0: no poll ended yet */
    uint32_t last_response; /* number of the last good response; 0: no response yet */
    int32_t pool;
    int64_t begun_us;
    int64_t deadline_us; /* of a fetch */
    int64_t stop_us;     /* when it was cancelled or its context stopped, or NEVER_US */
    int64_t lost_us;     /* clock_lost_us() and helper_worked_us() when it began or was cancelled */
    int64_t helped_us;
} task;

struct client {
    int32_t number;
    const client_plan *plan;
    lock_sync_ctx *ctx;  /* NULL: not made yet, or freed */
    uint32_t generation; /* number of its context */
    bool is_stopped;     /* its context is */
    lock_sync_watch *watch;
    lock_sync_lock reported[LOCKS_MAX]; /* its locks, as its watch has reported them */
    task *task;                         /* the pending one, or NULL */
    reliability provider;
    uint32_t tokens;
    uint32_t requests; /* sent for it */
    bool keeps_all;    /* its context keeps a response for all locks, in mode CACHED */
    bool must_poll;    /* its watch must get a good response after the faults end */
};

/* A pool and the application's loop that drives it. */
typedef struct app {
    int32_t number;
    lock_sync_pool *pool; /* NULL: freed */
    lsync_loop *loop;
    uint32_t transfers, total; /* its limits */
    int64_t helped_us;         /* total time of the steps that its helper began */
    bool is_awake;             /* its loop was woken */
    int64_t ready_us;          /* when its descriptor became readable; NEVER_US: it is not */
    uint32_t dispatches;
} app;

typedef struct guard_state {
    const guard_plan *plan;
    lock_sync_guard *guards[POOLS_MAX]; /* of each pool; in memory: one for all */
    reliability reliability;
    unsigned char record[LOCK_SYNC_GUARD_RECORD_MAX]; /* the store's record */
    size_t record_size;
    uint32_t calls;
    int32_t users; /* guards that use the store */
} guard_state;

typedef struct world {
    const scenario *plan;
    int64_t begun_us;
    app apps[POOLS_MAX];
    guard_state guards[GUARDS_MAX];
    client clients[CLIENTS_MAX];
    behaviour behaviours[ORIGINS_MAX];
    size_t task_count;
    task tasks[TASKS_MAX];
    const action *queued[ACTIONS_MAX]; /* actions for the next callback of their client */
    size_t queued_count;
    int32_t calling;     /* calls under way that may call back */
    bool memory_failed;  /* an allocation or another fault made memory short */
    bool faults[FAULTS]; /* faults that happen once */
    int64_t healed_us;   /* when the faults ended */
    uint64_t steps;
} world;

extern world sim;

/* Returns the loop's owner; NULL while the pool is being made. */
app *app_of_loop(const lsync_loop *l);
/* Returns the key of the guard that counts a client's requests. A shared guard's key is its number. Keys from
   KEY_OWN on are of guards that belong to one context. */
int32_t guard_key(const client *c);
#define KEY_OWN 1000

/* Runs a scenario to its end. */
void world_run(const scenario *s);

/* --- the parts that world_run drives --- */

/* apply.c: does an action. */
void apply(const action *a);
void apply_queued(client *c); /* actions that wait for a callback of that client */
void app_make(app *owner);
void app_free(app *owner);
void client_free(client *c); /* its context and its watch */
void client_stop(client *c, bool on);

/* transfer.c */
int transfers_alive(void);

/* stores.c: make and free guards, and the stores of some. */
void guards_make(void);
void guards_free(void);
guard_state *guard_state_of(const lock_sync_guard *g); /* NULL: a context's own */

/* helper.c: return when the next request to a guard begins or ends, or NEVER_US; and handle it. */
int64_t helper_due_us(void);
void helper_run(void);
/* Returns how long a pool's helper has worked until now. */
int64_t helper_worked_us(int32_t pool);
void helper_begin(void);

/* Returns whether that fault is planned; it happens once. */
bool fault_happens(fault f);

/* Returns the allocator for the library's objects. */
lock_sync_allocator world_allocator(void);
void world_fail_allocation(int64_t after); /* the allocation after so many fails */

#endif
