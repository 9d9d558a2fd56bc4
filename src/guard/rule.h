/* The rule: when a request may be sent, as pure functions of the account's record and the time. No clock, no I/O, no
   allocation.

   The interval runs from the end of the last request, not from its start. Connect times vary, so two requests that
   start one interval apart can arrive closer together. Therefore a granted slot is a lease: no other user gets a slot
   of its kind until the lease is settled or runs out.

   Requests are counted in cells of 5 minutes. A request counts until an hour after the end of its cell. So the budget
   holds in any hour, no matter when the service's own window begins. */
#ifndef LSYNC_GUARD_RULE_H
#define LSYNC_GUARD_RULE_H

#include "locksync/guard.h"

#include <stdbool.h>
#include <stdint.h>

#ifndef LSYNC_GUARD_HOUR_US /* tests/guard/model compiles the rule with smaller values */
#  define LSYNC_GUARD_HOUR_US ((int64_t)3600 * 1000000)
#  define LSYNC_GUARD_CELL_US ((int64_t)300 * 1000000)
#  define LSYNC_GUARD_LOSS_LEASE_US ((int64_t)30 * 1000000) /* the default deadline of a fetch */
#endif
/* The cells that began within the last hour, the one that only ended within it, and the next one. A lease of kind OTHER
   may end in the next one. */
#define LSYNC_GUARD_CELLS ((int)(LSYNC_GUARD_HOUR_US / LSYNC_GUARD_CELL_US) + 2)
#define LSYNC_GUARD_LEASE_MAX_US ((int64_t)86400 * 1000000)
#define LSYNC_GUARD_OTHER_LEASE_MAX_US LSYNC_GUARD_CELL_US
#define LSYNC_GUARD_LIMITED_MAX 32       /* counted 429s in a row; more would not lengthen the block */
#define LSYNC_GUARD_REFUNDS_MAX 3        /* in a row; the next failed connect is counted, to limit connect attempts */
#define LSYNC_GUARD_REQUESTS_MAX 16      /* in one lease; more than ten pages and a retry after a 401 need */
#define LSYNC_GUARD_COUNT_MAX (1u << 24) /* in a cell; far beyond any budget */
#define LSYNC_GUARD_KINDS 3              /* LOCK_SYNC_REQUEST_* */
#define LSYNC_GUARD_SOURCE_SIZE 20

/* "Never". Any other value is a time; a negative one is before the clock's zero. */
#define LSYNC_GUARD_NEVER_US INT64_MIN

typedef struct lsync_guard_limits {
    int64_t interval_us[LSYNC_GUARD_KINDS];
    uint32_t budget;        /* requests in an hour, without the unused part */
    int64_t granularity_us; /* how much the store's clock may be behind; it is added to each time that is recorded */
} lsync_guard_limits;

/* The lease of a slot: its request may be on its way until `until_us`. */
typedef struct lsync_guard_lease {
    int64_t slot; /* 0: no lease */
    int64_t until_us;
    int64_t length_us; /* the lease that was requested: `until_us` is never further ahead */
} lsync_guard_lease;

/* The requests of one kind. */
typedef struct lsync_guard_entry {
    int64_t over_us;         /* when the last request ended */
    int64_t closed_until_us; /* no slot until then, after a loss of records or a merge */
    lsync_guard_lease lease; /* none for kind OTHER */
    uint32_t requests;       /* in this lease, or in the last one: the pages of a directory */
} lsync_guard_entry;

/* Where a record comes from. A store that loses its record begins a new lineage. Versions order only the records of one
   lineage. */
typedef struct lsync_guard_lineage {
    unsigned char source[LSYNC_GUARD_SOURCE_SIZE]; /* the store's name for itself; zeros: no name */
    int64_t life;                                  /* the lineage's random number */
    int64_t born_us;                               /* when it began */
} lsync_guard_lineage;

/* Why no slots are granted until `closed_until_us`. */
typedef enum lsync_guard_closure {
    LSYNC_GUARD_NOT_CLOSED,
    LSYNC_GUARD_FIRST_USE, /* the store does not know whether an absent record was lost */
    LSYNC_GUARD_LOSS       /* the store has lost records, or may have */
} lsync_guard_closure;

/* The state that all users of the account share. */
typedef struct lsync_guard_record {
    uint64_t version; /* increased by each write */
    lsync_guard_lineage lineage;
    lsync_guard_closure closure;
    int64_t blocked_until_us; /* after a 429 */
    int64_t longest_lease_us;
    uint32_t refunds; /* in a row */
    uint32_t limited; /* 429s in a row */
    lsync_guard_entry entries[LSYNC_GUARD_KINDS];
    int64_t newest_cell; /* the number of the last element of `cells` */
    uint32_t cells[LSYNC_GUARD_CELLS];
} lsync_guard_record;

/* Why a slot is denied. */
typedef enum lsync_guard_reason {
    LSYNC_GUARD_REASON_NONE,
    LSYNC_GUARD_REASON_INTERVAL,
    LSYNC_GUARD_REASON_LEASE, /* another request is on its way; to extend: the lease has run out */
    LSYNC_GUARD_REASON_FIRST_USE,
    LSYNC_GUARD_REASON_LOSS,
    LSYNC_GUARD_REASON_BLOCK,
    LSYNC_GUARD_REASON_HOUR
} lsync_guard_reason;

typedef struct lsync_guard_verdict {
    int64_t slot;       /* 0: denied */
    int64_t wait_us;    /* until a slot is certain to be granted, if no other user asks */
    int64_t soonest_us; /* until a slot may be granted, if the request on its way ends at once: when to ask again */
    lsync_guard_reason reason; /* for wait_us */
} lsync_guard_verdict;

/* A request for a slot. */
typedef struct lsync_guard_request {
    lock_sync_request_kind kind;
    int64_t lease_us; /* up to the maximum of its kind; 0: no lease */
    int64_t slot;     /* the number for the slot, random; to extend: that of the lease */
} lsync_guard_request;

/* How a slot ended. */
typedef struct lsync_guard_ending {
    int64_t slot;
    lock_sync_guard_outcome outcome;
    int64_t retry_after_us; /* for LIMITED; < 0: the service sent none */
    int64_t ago_us;         /* how long ago it ended, if the outcome could not be written at once */
    uint32_t charges;       /* how often its request was sent, less one */
} lsync_guard_ending;

/* Makes the record of an account that was never used. */
void lsync_guard_record_init(lsync_guard_record *r);

/* Decides on a request. The record may change even if it is denied: times that are too far ahead because the clock was
   set back are corrected. The store must write that, or the guard might never grant a slot. */
lsync_guard_verdict lsync_guard_reserve(lsync_guard_record *r, const lsync_guard_limits *limits,
                                        const lsync_guard_request *request, int64_t now_us);

/* Decides on another request in a lease that has not ended: the retry after a 401, the next page of a directory. If it
   is granted, the request before is counted as ended, and the lease starts again. If it is denied, the lease stays as
   it is; both waits are 0 if the lease has ended, because waiting does not help. */
lsync_guard_verdict lsync_guard_extend(lsync_guard_record *r, const lsync_guard_limits *limits,
                                       const lsync_guard_request *request, int64_t now_us);

/* Records how a slot ended. If its lease has ended before, only LIMITED and charges have an effect. */
void lsync_guard_settle(lsync_guard_record *r, const lsync_guard_limits *limits, const lsync_guard_ending *ending,
                        int64_t now_us);

/* Brings a record up to date: corrects times that are too far ahead, and ends the leases that have run out. */
void lsync_guard_advance(lsync_guard_record *r, const lsync_guard_limits *limits, int64_t now_us);

/* Returns how long after the last request of this kind the next one may be sent. */
int64_t lsync_guard_interval_us(const lsync_guard_record *r, const lsync_guard_limits *limits,
                                lock_sync_request_kind kind);

/* Returns the time from which the record has no effect on decisions, whatever limits its users have set. */
int64_t lsync_guard_stale_at_us(const lsync_guard_record *r);

/* Makes cell `newest` the last one. Drops cells that are too old, and adds the counts of later cells to `newest`. */
void lsync_guard_roll(lsync_guard_record *r, int64_t newest);

#endif
