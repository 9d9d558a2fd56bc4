/* When a request may be sent: the account's limits as pure functions of a record and the time. No clock, no I/O, no
   memory.

   Spacing counts from the answer, not from the moment of reservation: connect times vary, and two requests reserved one
   interval apart can arrive closer than that. A slot therefore holds the gate shut until it is settled, or its hold
   ends. The hour is counted in small buckets that are dropped only when all of a bucket is an hour old, so that the cap
   holds in any hour, whenever the service's own window starts. */
#ifndef LSYNC_GUARD_RULE_H
#define LSYNC_GUARD_RULE_H

#include <stdbool.h>
#include <stdint.h>

#define LSYNC_GUARD_BUCKETS 13
#define LSYNC_GUARD_BUCKET_US ((int64_t)300 * 1000000)
#define LSYNC_GUARD_HOUR_US ((int64_t)3600 * 1000000)
#define LSYNC_GUARD_HOLD_MAX_US ((int64_t)86400 * 1000000)
#define LSYNC_GUARD_LIMITED_MAX 32 /* 429s in a row that are told apart */
#define LSYNC_GUARD_REFUNDS_MAX 3 /* in a row; the next failed connect keeps its slot, so that none is hammered */

typedef struct lsync_guard_limits {
    int64_t interval_us;
    uint32_t budget; /* of requests in an hour, already less the reserve */
    int64_t granularity_us; /* how late the store's clock may show: times are noted this much later than it says */
} lsync_guard_limits;

/* Requests of five minutes. Unused: count 0. */
typedef struct lsync_guard_bucket {
    int64_t start_us;
    int64_t last_us; /* when the newest of its requests is sure to have arrived */
    int64_t first;   /* its first slot */
    uint32_t count;
} lsync_guard_bucket;

/* All that the account's users share. Zeroed: an account that was never used. */
typedef struct lsync_guard_record {
    int64_t sequence;         /* the newest slot; 0: none yet */
    int64_t last_us;          /* the interval runs from here; in the future while a slot is held */
    int64_t last_before_us;   /* what last_us was before the newest slot */
    int64_t hold_us;          /* of the newest slot */
    int64_t blocked_until_us; /* after a 429 */
    uint32_t refunds;         /* in a row */
    uint32_t limited;         /* 429s in a row */
    bool open;                /* the newest slot is not settled */
    int64_t overtaken;        /* a slot that another was given before it was settled: its hold was over, or the other is
                                 a repeat, which waits for nobody; 0: none, or one that is not known any more */
    int64_t overtaken_until_us; /* when it is sure to be over */
    int64_t overtaken_hold_us;
    lsync_guard_bucket buckets[LSYNC_GUARD_BUCKETS];
} lsync_guard_record;

typedef enum lsync_guard_kind {
    LSYNC_GUARD_FIRST, /* waits for the interval, the block and the hour */
    LSYNC_GUARD_REPEAT /* the repeat after a 401: part of the same fetch, so it does not wait for the interval */
} lsync_guard_kind;

/* Decides on a request. Allowed: true, and *slot. Refused: false, and *wait_us, how long until it is sure to be allowed
   if nobody else comes; *soonest_us, how long if the slot that is held is settled at once. The record may change in
   both cases (times that a clock's jump has put beyond reason are pulled back); a store keeps the change, or the gate
   might never open. hold_us: 0 .. LSYNC_GUARD_HOLD_MAX_US; 0: it is not settled. */
bool lsync_guard_reserve(lsync_guard_record *r, const lsync_guard_limits *limits, lsync_guard_kind kind, int64_t now_us,
                         int64_t hold_us, int64_t *slot, int64_t *wait_us, int64_t *soonest_us);

/* The request was sent and is answered, or was given up. */
void lsync_guard_sent(lsync_guard_record *r, const lsync_guard_limits *limits, int64_t slot, int64_t now_us);

/* Certainly no byte of it left: gives the slot back. */
void lsync_guard_not_sent(lsync_guard_record *r, const lsync_guard_limits *limits, int64_t slot, int64_t now_us);

/* The service answered 429. retry_after_us < 0: it did not say for how long. */
void lsync_guard_limited(lsync_guard_record *r, const lsync_guard_limits *limits, int64_t slot, int64_t now_us,
                         int64_t retry_after_us);

/* Counts one more request in the hour: one that was sent twice. */
void lsync_guard_charge(lsync_guard_record *r, const lsync_guard_limits *limits, int64_t now_us);

/* When nothing of the record matters any more, for a store that lets records expire. */
int64_t lsync_guard_stale_at_us(const lsync_guard_record *r, const lsync_guard_limits *limits);

#endif
