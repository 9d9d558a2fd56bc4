/* When a request may be sent: the account's limits as pure functions of a record and the time. No clock, no I/O, no
   memory.

   The interval runs from the end of the last request, not from its start: connect times vary, and two requests that
   start one interval apart can arrive closer than that. A granted slot is therefore a lease: nobody else gets a slot of
   its kind until the lease is settled or runs out. The hour is counted in the cells of a fixed grid. A request counts
   until the end of its cell plus an hour, so the cap holds in any hour, whenever the service's own window begins. */
#ifndef LSYNC_GUARD_RULE_H
#define LSYNC_GUARD_RULE_H

#include "locksync/guard.h"

#include <stdbool.h>
#include <stdint.h>

#ifndef LSYNC_GUARD_HOUR_US /* tests/guard/model compiles the rule with smaller ones */
#  define LSYNC_GUARD_HOUR_US ((int64_t)3600 * 1000000)
#  define LSYNC_GUARD_CELL_US ((int64_t)300 * 1000000)
#  define LSYNC_GUARD_LOSS_LEASE_US ((int64_t)30 * 1000000) /* the default deadline of a fetch */
#endif
/* Those that began less than an hour ago, the one that has its end within the hour, and the next one, into which a
   request of kind OTHER may reach. */
#define LSYNC_GUARD_CELLS ((int)(LSYNC_GUARD_HOUR_US / LSYNC_GUARD_CELL_US) + 2)
#define LSYNC_GUARD_LEASE_MAX_US ((int64_t)86400 * 1000000)
#define LSYNC_GUARD_OTHER_LEASE_MAX_US LSYNC_GUARD_CELL_US
#define LSYNC_GUARD_LIMITED_MAX 32       /* 429s in a row that make a difference */
#define LSYNC_GUARD_REFUNDS_MAX 3        /* in a row; the next failed connect is counted, so that none is hammered */
#define LSYNC_GUARD_REQUESTS_MAX 16      /* of one lease: ten pages, and a retry after a 401 */
#define LSYNC_GUARD_COUNT_MAX (1u << 24) /* of a cell; far beyond any budget */
#define LSYNC_GUARD_KINDS 3              /* LOCK_SYNC_REQUEST_* */
#define LSYNC_GUARD_SOURCE_SIZE 20

/* "Never" among times. Any other value is a time, also a negative one: before the clock's zero. */
#define LSYNC_GUARD_NEVER_US INT64_MIN

typedef struct lsync_guard_limits {
    int64_t interval_us[LSYNC_GUARD_KINDS];
    uint32_t budget;        /* of requests in an hour, already less the reserve */
    int64_t granularity_us; /* how late the store's clock may show: times are noted this much later than it says */
} lsync_guard_limits;

/* A request that is on its way, or may be. */
typedef struct lsync_guard_lease {
    int64_t slot; /* 0: none */
    int64_t until_us;
    int64_t length_us; /* what was asked for: `until_us` lies no further ahead */
} lsync_guard_lease;

/* The requests of one kind. */
typedef struct lsync_guard_entry {
    int64_t over_us;         /* when the last request was over */
    int64_t closed_until_us; /* after a loss of records, or a merge */
    lsync_guard_lease lease; /* never of kind OTHER */
    uint32_t requests;       /* of the lease, or of the last one: the pages of a directory */
} lsync_guard_entry;

/* Which life of the store a record belongs to. Records of two lineages cannot be ordered by their versions. */
typedef struct lsync_guard_lineage {
    unsigned char source[LSYNC_GUARD_SOURCE_SIZE]; /* what the store calls itself; zeros: it does not */
    int64_t life;                                  /* random, drawn at birth */
    int64_t born_us;
} lsync_guard_lineage;

/* Why a line is closed. */
typedef enum lsync_guard_closure {
    LSYNC_GUARD_NOT_CLOSED,
    LSYNC_GUARD_FIRST_USE, /* of a store that cannot tell an absent record from a lost one */
    LSYNC_GUARD_LOSS       /* the store has lost records, or may have */
} lsync_guard_closure;

/* All that the account's users share. */
typedef struct lsync_guard_record {
    uint64_t version; /* rises with each write */
    lsync_guard_lineage lineage;
    lsync_guard_closure closure;
    int64_t blocked_until_us; /* after a 429 */
    int64_t longest_lease_us;
    uint32_t refunds; /* in a row */
    uint32_t limited; /* 429s in a row */
    lsync_guard_entry entries[LSYNC_GUARD_KINDS];
    int64_t newest_cell; /* its number in the grid; it stands last */
    uint32_t cells[LSYNC_GUARD_CELLS];
} lsync_guard_record;

/* What keeps a request from being sent. */
typedef enum lsync_guard_reason {
    LSYNC_GUARD_REASON_NONE,
    LSYNC_GUARD_REASON_INTERVAL,
    LSYNC_GUARD_REASON_LEASE, /* another request is on its way, or is no longer known to be */
    LSYNC_GUARD_REASON_FIRST_USE,
    LSYNC_GUARD_REASON_LOSS,
    LSYNC_GUARD_REASON_BLOCK,
    LSYNC_GUARD_REASON_HOUR
} lsync_guard_reason;

typedef struct lsync_guard_verdict {
    int64_t slot;    /* 0: denied */
    int64_t wait_us; /* how long until it is sure to be granted, if nobody else comes */
    int64_t
        soonest_us; /* how long until it may be, if the request that is on its way ends at once: when to ask again */
    lsync_guard_reason reason; /* for wait_us */
} lsync_guard_verdict;

/* What is asked for. */
typedef struct lsync_guard_request {
    lock_sync_request_kind kind;
    int64_t lease_us; /* 0 .. the most of its kind; 0: it leaves no lease */
    int64_t slot;     /* the number that a granted slot gets: random; to extend: the lease's */
} lsync_guard_request;

/* How a slot ended. */
typedef struct lsync_guard_ending {
    int64_t slot;
    lock_sync_guard_outcome outcome;
    int64_t retry_after_us; /* with LIMITED; < 0: the service did not say */
    int64_t ago_us;         /* how long ago it ended: an outcome that could not be written at once */
    uint32_t charges;       /* requests beside the slot's own: what was sent more than once */
} lsync_guard_ending;

/* Makes the record of an account that was never used. */
void lsync_guard_record_init(lsync_guard_record *r);

/* Decides on a request. The record may change also if it is denied: times that lie beyond reason because the clock
   jumped are pulled back, and a store must keep that, or the gate might never open. */
lsync_guard_verdict lsync_guard_reserve(lsync_guard_record *r, const lsync_guard_limits *limits,
                                        const lsync_guard_request *request, int64_t now_us);

/* Decides on another request in a live lease: the retry after a 401, the next page of a directory. Granted: the one
   before is noted as over and counted, and the lease runs anew. Denied: the lease stays as it is; both waits are 0 if it
   is no longer live, because no wait helps. */
lsync_guard_verdict lsync_guard_extend(lsync_guard_record *r, const lsync_guard_limits *limits,
                                       const lsync_guard_request *request, int64_t now_us);

/* Notes how a slot ended. If its lease is no longer live, only LIMITED and charges count. */
void lsync_guard_settle(lsync_guard_record *r, const lsync_guard_limits *limits, const lsync_guard_ending *ending,
                        int64_t now_us);

/* Brings a record to `now`: pulls times back that lie beyond reason, and ends the leases that have run out. */
void lsync_guard_advance(lsync_guard_record *r, const lsync_guard_limits *limits, int64_t now_us);

/* Returns how long after a slot of this kind the next may follow. */
int64_t lsync_guard_interval_us(const lsync_guard_record *r, const lsync_guard_limits *limits,
                                lock_sync_request_kind kind);

/* Returns when nothing of the record matters any more, whatever the limits of its users are. */
int64_t lsync_guard_stale_at_us(const lsync_guard_record *r);

/* Makes cell `newest` the last one: older ones drop out, counts of later ones move into it. */
void lsync_guard_roll(lsync_guard_record *r, int64_t newest);

#endif
