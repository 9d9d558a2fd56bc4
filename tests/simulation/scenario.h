/* The events of one run: made from a seed as an explicit list, so that leaving out actions makes a failing one
   smaller. Has no side effects. */
#ifndef SIMULATION_SCENARIO_H
#define SIMULATION_SCENARIO_H

#include <locksync/locksync.h>

#define ORIGINS_MAX 4
#define GUARDS_MAX 4
#define POOLS_MAX 2
#define CLIENTS_MAX 64
#define ACTIONS_MAX 400

typedef enum behaviour {
    BEHAVES_WELL,     /* responds within 0.2 s */
    BEHAVES_SLOW,     /* responds late, or too late */
    BEHAVES_SILENT,   /* accepts requests, and never responds */
    BEHAVES_REFUSING, /* refuses connections */
    BEHAVES_LOST,     /* connections never complete */
    BEHAVES_NAMELESS, /* its name is not found */
    BEHAVES_UNTRUSTED,
    BEHAVES_RESETTING, /* ends connections during requests and while idle */
    BEHAVES_HALVING,   /* responses break off, or stop halfway */
    BEHAVES_REJECTING, /* over HTTP/2: refuses streams, and sends GOAWAY */
    BEHAVES_UNAUTHORIZED,
    BEHAVES_LIMITED, /* 429 */
    BEHAVES_BROKEN,  /* bodies and headers that cannot be used */
    BEHAVES_FAILING, /* 5xx, 403, 404, a redirect */
    BEHAVES_MIXED,   /* any of these */
    BEHAVIOURS
} behaviour;

/* How a store or a token provider works. */
typedef enum reliability { WORKS_WELL, WORKS_SLOW, WORKS_FAILS, WORKS_FAILS_TO_WRITE, RELIABILITIES } reliability;

/* Failures for want of memory that happen once, beside a failing allocation of the library. */
typedef enum fault { FAULT_TURN, FAULT_MULTI, FAULT_HANDLE, FAULT_THREAD, FAULT_START, FAULTS } fault;

typedef enum action_kind {
    DO_SUBMIT,
    DO_WATCH,
    DO_CANCEL,
    DO_FREE_CTX,
    DO_FREE_WATCH,
    DO_FREE_POOL,
    DO_BUSY,            /* the application keeps the pool's thread busy */
    ACTIONS_OF_CLIENTS, /* those before are actions of a client, also possible inside its callback */
    DO_BEHAVIOUR = ACTIONS_OF_CLIENTS,
    DO_STORE,
    DO_PROVIDER,
    DO_LIMITS,
    DO_SLEEP,
    DO_WALL,
    DO_PROBE, /* another user of the account asks for a slot and settles it */
    DO_FAULT,
    DO_FAIL_ALLOCATION,
    ACTION_KINDS
} action_kind;

typedef struct action {
    int64_t at_us; /* since the beginning */
    action_kind kind;
    int32_t who;      /* the client, origin, guard or pool */
    bool in_callback; /* inside the next callback of a client, if there is one */
    int32_t by;       /* in_callback: the client */
    int64_t value;
    int64_t value2;
} action;

typedef struct origin_plan {
    bool https;
    bool http2;
    bool is_steady;   /* it always works well */
    uint32_t streams; /* on each connection */
} origin_plan;

typedef struct guard_plan {
    bool is_store;      /* otherwise in memory */
    bool has_own_clock; /* its store's clock counts microseconds */
    uint32_t budget;
    int64_t interval_ms;
} guard_plan;

typedef struct client_plan {
    int32_t origin;
    int32_t guard; /* < 0: the context's own */
    int32_t pool;
    lock_sync_guard_mode mode;
    bool has_provider;
    int64_t timeout_ms;
    int64_t connect_timeout_ms;
    int64_t interval_ms; /* of its watch */
} client_plan;

typedef struct scenario {
    uint64_t seed;
    bool creeps;        /* a look at the clock takes time */
    bool is_crowd;      /* many clients, most of them at an origin that does not respond */
    int64_t late_us;    /* the longest delay before the application dispatches */
    int64_t delay_us;   /* the network's longest delay in one direction */
    int32_t workers;    /* requests to guards that the helper works on at once */
    uint32_t transfers; /* of each pool at the beginning; 0: the default */
    int32_t origin_count, guard_count, pool_count, client_count;
    origin_plan origins[ORIGINS_MAX];
    guard_plan guards[GUARDS_MAX];
    client_plan clients[CLIENTS_MAX];
    size_t action_count;
    action actions[ACTIONS_MAX];
} scenario;

void scenario_make(scenario *s, uint64_t seed);
/* Removes `count` actions from `first` on. */
void scenario_cut(scenario *s, size_t first, size_t count);
void scenario_print(const scenario *s);
/* Writes an action as text. */
const char *action_text(const action *a, char *text, size_t size);

#endif
