/* What happens in one run: made of a seed, and then an explicit list, so that a failing one is made smaller by leaving
   actions out. Pure. */
#ifndef SIMULATION_SCENARIO_H
#define SIMULATION_SCENARIO_H

#include <locksync/locksync.h>

#define ORIGINS_MAX 4
#define GUARDS_MAX 4
#define POOLS_MAX 2
#define CLIENTS_MAX 64
#define ACTIONS_MAX 400

typedef enum weather {
    WEATHER_CLEAR,    /* answers within 0.2 s */
    WEATHER_SLOW,     /* answers late, or too late */
    WEATHER_SILENT,   /* takes requests, and never answers */
    WEATHER_REFUSING, /* refuses connections */
    WEATHER_LOST,     /* connections are never made */
    WEATHER_NAMELESS, /* its name is not found */
    WEATHER_UNTRUSTED,
    WEATHER_RESETTING, /* ends connections under requests, and while they wait */
    WEATHER_HALVING,   /* answers break off, or stop halfway */
    WEATHER_REJECTING, /* over HTTP/2: refuses streams, and says goodbye */
    WEATHER_UNAUTHORIZED,
    WEATHER_LIMITED, /* 429 */
    WEATHER_BROKEN,  /* bodies and headers that say nothing */
    WEATHER_FAILING, /* 5xx, 403, 404, a redirect */
    WEATHER_STORM,   /* any of these */
    WEATHERS
} weather;

/* How a store, or a provider of credentials, works. */
typedef enum temper { TEMPER_GOOD, TEMPER_SLOW, TEMPER_FAILS, TEMPER_FAILS_TO_WRITE, TEMPERS } temper;

/* What can fail once for want of memory, beside an allocation of the library's. */
typedef enum fault { FAULT_TURN, FAULT_MULTI, FAULT_HANDLE, FAULT_THREAD, FAULT_START, FAULTS } fault;

typedef enum action_kind {
    DO_SUBMIT,
    DO_WATCH,
    DO_CANCEL,
    DO_FREE_CTX,
    DO_FREE_WATCH,
    DO_FREE_POOL,
    DO_DWELL,           /* the application keeps the pool's thread busy */
    ACTIONS_OF_CLIENTS, /* those before: of a client, and possible inside its callback */
    DO_WEATHER = ACTIONS_OF_CLIENTS,
    DO_STORE,
    DO_PROVIDER,
    DO_LIMITS,
    DO_SLEEP,
    DO_WALL,
    DO_PROBE, /* another user of the account asks for a slot, and gives it back */
    DO_FAULT,
    DO_FAIL_ALLOCATION,
    ACTION_KINDS
} action_kind;

typedef struct action {
    int64_t at_us; /* since the beginning */
    action_kind kind;
    int32_t who;      /* the client, origin, guard or pool */
    bool in_callback; /* inside the next callback of that client, if it comes at all */
    int32_t by;       /* in_callback: whose callback */
    int64_t value;
    int64_t value2;
} action;

typedef struct origin_plan {
    bool https;
    bool http2;
    bool is_steady;   /* its weather is always clear */
    uint32_t streams; /* of a connection */
} origin_plan;

typedef struct guard_plan {
    bool is_store;      /* else in memory */
    bool has_own_clock; /* its store looks in microseconds */
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
    bool creeps;        /* looks at the clock take time */
    bool is_crowd;      /* many clients, most of them at an origin that does not respond */
    int64_t late_us;    /* how late the application dispatches at most */
    int64_t delay_us;   /* of the network, one way, at most */
    int32_t workers;    /* steps at guards that the helper does at once */
    uint32_t transfers; /* of each pool, at first; 0: the default */
    int32_t origin_count, guard_count, pool_count, client_count;
    origin_plan origins[ORIGINS_MAX];
    guard_plan guards[GUARDS_MAX];
    client_plan clients[CLIENTS_MAX];
    size_t action_count;
    action actions[ACTIONS_MAX];
} scenario;

void scenario_make(scenario *s, uint64_t seed);
/* Leaves out the actions from `first` on, `count` of them. */
void scenario_cut(scenario *s, size_t first, size_t count);
void scenario_print(const scenario *s);
/* An action in words. */
const char *action_text(const action *a, char *text, size_t size);

#endif
