/* The memory that the processes of a storm share: commands, and a log of their requests. Times are of
   CLOCK_MONOTONIC in us. */
#ifndef STORM_STORM_H
#define STORM_STORM_H

#include "../shared_guard.h"

#include <stdatomic.h>
#include <sys/types.h>

#define PROCESSES 8
#define POOL_USERS 3 /* of each pool */
#define INTERVAL_MS 100
#define LEASE_MS 200
#define REQUEST_MS_MAX 40
#define USES_MAX 65536
#define LOSSES_MAX 32

enum { IN_POOL, BLOCKING, WAYS }; /* how a guard is asked */

/* A slot and its request. */
typedef struct use {
    unsigned user;
    bool is_pooled;
    int64_t asked_us; /* before the slot was requested */
    int64_t until_us; /* the lease ends earlier: afterwards nothing is sent, whatever later times say */
    int64_t begin_us; /* the request's begin; 0: not sent */
    int64_t end_us;
    lock_sync_guard_outcome outcome;
    bool settled;           /* at the first try, as far as is known */
    int64_t retry_after_us; /* of LIMITED */
    /* LIMITED: known_us[n] is the end of the first decision of its user that reached the store after n losses; 0: none
       yet */
    _Atomic int64_t known_us[LOSSES_MAX + 1];
} use;

typedef struct board {
    atomic_bool stop;
    guard_place place;
    atomic_uint users;
    atomic_uint losses;
    int64_t lost_us[LOSSES_MAX]; /* when each loss was complete */
    int64_t back_us[LOSSES_MAX]; /* when the store was back: the replica was promoted, for example */
    /* the end of the first decision after that many losses */
    _Atomic int64_t decided_us[WAYS][LOSSES_MAX + 1];
    atomic_int limit_next_ms; /* the next request gets a 429 of this length; 0: by chance */
    atomic_bool is_limited;   /* a request got a 429 */
    atomic_uint failures;     /* calls that did not reach the store */
    atomic_uint uses;
    use use[USES_MAX];
} board;

/* Processes of the storm: they reserve, send and settle until board->stop. The one calls the guard; the other has a
   pool with POOL_USERS users, each with a guard of its own. */
int storm_work(void *board);
int storm_pool(void *board);

/* --- what both share --- */

#define OWN_MAX 64 /* 429s of a user that still apply */

/* A user: one object of a guard. */
typedef struct storm_user {
    board *board;
    unsigned number;
    int way;
    lock_sync_guard *guard;
    uint64_t seed;
    use *own[OWN_MAX]; /* the 429s that it received */
    size_t own_count;
} storm_user;

extern const guard_limits storm_limits;

storm_user storm_new_user(board *b, int way, lock_sync_guard *guard);
use *storm_new_use(storm_user *user);
bool storm_happens(uint64_t *seed, unsigned percent);

/* Records that a decision after this many losses has reached the store: now the store knows this user's 429s. */
void storm_note_decision(storm_user *user, unsigned losses);
void storm_note_429(storm_user *user, use *u, int64_t retry_after_us);

/* --- the service that pools ask --- */

/* The port of a service in a thread of this process, which logs each request for /NUMBER/... in use NUMBER. It responds
   with a 429 as the board demands or by chance, and sometimes never. */
typedef struct service service;
service *service_start(board *b, uint64_t seed);
int service_port(const service *s);
void service_stop(service *s);

/* --- the judge --- */

typedef struct verdict {
    unsigned slots;
    unsigned requests;
    unsigned of_pools;     /* of these */
    unsigned too_close;    /* requests that began less than the interval after the end of another */
    int64_t closest_us;    /* the least time between an end and the next begin */
    unsigned limited;      /* 429s */
    unsigned unwritten;    /* 429s whose settle failed */
    unsigned broken_own;   /* requests during a 429 of the same user */
    unsigned broken_other; /* requests during a 429 of another user, after that user's next decision */
    unsigned after_losses; /* requests after the first loss */
    /* From a store's return after a loss to the next decision, and to the next request: the longest, the shortest and
       the longest time. 0: none. */
    int64_t decided_after_us[WAYS];
    int64_t sent_after_us[2];
} verdict;

verdict storm_judge(const board *b);

#endif
