/* When a request may be sent; see rule.h. */
#include "guard/rule.h"

#include <stddef.h>

static int64_t min64(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static int64_t max64(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

static bool is_live(const lsync_guard_bucket *b, int64_t now_us)
{
    return b->count > 0 && now_us - b->last_us < LSYNC_GUARD_HOUR_US;
}

/* The bucket that a request at `now` belongs to, made where there is none. Live buckets begin at least one bucket
   apart, all but the oldest within the last hour: so at most 13 are live, and when none holds `now` there is a free
   one. Should there be none after all, the newest serves: its requests then count for longer, never for less. */
static lsync_guard_bucket *bucket_at(lsync_guard_record *r, int64_t now_us)
{
    lsync_guard_bucket *unused = NULL;
    lsync_guard_bucket *newest = &r->buckets[0];

    for (size_t i = 0; i < LSYNC_GUARD_BUCKETS; i++) {
        lsync_guard_bucket *b = &r->buckets[i];

        if (b->count > 0 && b->start_us <= now_us && now_us - b->start_us < LSYNC_GUARD_BUCKET_US)
            return b;
        if (!is_live(b, now_us))
            unused = b;
        if (b->start_us > newest->start_us)
            newest = b;
    }
    if (unused == NULL)
        return newest;
    *unused = (lsync_guard_bucket){.start_us = now_us, .last_us = now_us, .first = r->sequence};
    return unused;
}

/* The bucket that counts a slot; NULL when it is an hour gone. */
static lsync_guard_bucket *bucket_of(lsync_guard_record *r, int64_t slot)
{
    lsync_guard_bucket *found = NULL;

    for (size_t i = 0; i < LSYNC_GUARD_BUCKETS; i++) {
        lsync_guard_bucket *b = &r->buckets[i];

        if (b->count > 0 && b->first <= slot && (found == NULL || b->first > found->first))
            found = b;
    }
    return found;
}

/* A bucket from the future (the clock went back) is counted as of now: never earlier, so the gate opens no sooner. */
static void pull_back_buckets(lsync_guard_record *r, int64_t now_us, int64_t latest_us)
{
    uint32_t count = 0;
    int64_t first = INT64_MAX;

    for (size_t i = 0; i < LSYNC_GUARD_BUCKETS; i++) {
        lsync_guard_bucket *b = &r->buckets[i];

        b->last_us = min64(b->last_us, latest_us);
        if (b->count > 0 && b->start_us > now_us) {
            count += b->count;
            first = min64(first, b->first);
            b->count = 0;
        }
    }
    if (count > 0) {
        lsync_guard_bucket *b = bucket_at(r, now_us);

        b->first = b->count == 0 ? first : min64(b->first, first);
        b->count += count;
        b->last_us = latest_us;
    }
}

/* No stored time may lie further ahead than it could have been set at `now`. */
static void pull_back(lsync_guard_record *r, const lsync_guard_limits *limits, int64_t now_us)
{
    int64_t noted_us = now_us + limits->granularity_us;
    int64_t latest_us = noted_us + (r->open ? r->hold_us : 0);

    r->last_us = min64(r->last_us, latest_us);
    r->last_before_us = min64(r->last_before_us, noted_us);
    r->overtaken_until_us = min64(r->overtaken_until_us, noted_us + r->overtaken_hold_us);
    r->blocked_until_us = min64(r->blocked_until_us, noted_us + LSYNC_GUARD_HOUR_US);
    pull_back_buckets(r, now_us, latest_us);
}

static uint32_t count_hour(const lsync_guard_record *r, int64_t now_us)
{
    uint32_t count = 0;

    for (size_t i = 0; i < LSYNC_GUARD_BUCKETS; i++)
        if (is_live(&r->buckets[i], now_us))
            count += r->buckets[i].count;
    return count;
}

/* When the hour has room again: the first of the moments at which a bucket drops out that leaves it below the
   budget. */
static int64_t hour_opens_us(const lsync_guard_record *r, const lsync_guard_limits *limits, int64_t now_us)
{
    int64_t opens_us = INT64_MAX;

    if (count_hour(r, now_us) < limits->budget)
        return now_us;
    for (size_t i = 0; i < LSYNC_GUARD_BUCKETS; i++) {
        const lsync_guard_bucket *b = &r->buckets[i];
        int64_t at_us = b->last_us + LSYNC_GUARD_HOUR_US;

        if (is_live(b, now_us) && at_us < opens_us && count_hour(r, at_us) < limits->budget)
            opens_us = at_us;
    }
    return opens_us;
}

static void count_one(lsync_guard_record *r, int64_t now_us, int64_t arrived_us)
{
    lsync_guard_bucket *b = bucket_at(r, now_us);

    b->count++;
    b->last_us = max64(b->last_us, arrived_us);
}

/* Remembers the newest slot, which is not settled, before another takes its place. Of two that may still send only the
   later end is kept, and none of them can be told by its number any more. */
static void overtake(lsync_guard_record *r, int64_t now_us)
{
    bool another = r->overtaken_until_us > now_us;

    r->overtaken = another ? 0 : r->sequence;
    r->overtaken_until_us = max64(r->overtaken_until_us, r->last_us);
    r->overtaken_hold_us = another ? max64(r->overtaken_hold_us, r->hold_us) : r->hold_us;
}

/* Ends a slot that was overtaken. False: it is none. */
static bool close_overtaken(lsync_guard_record *r, const lsync_guard_limits *limits, int64_t slot, int64_t now_us)
{
    if (slot != r->overtaken || slot == 0)
        return false;
    r->overtaken = 0;
    r->overtaken_until_us = min64(r->overtaken_until_us, now_us + limits->granularity_us);
    return true;
}

bool lsync_guard_reserve(lsync_guard_record *r, const lsync_guard_limits *limits, lsync_guard_kind kind, int64_t now_us,
                         int64_t hold_us, int64_t *slot, int64_t *wait_us, int64_t *soonest_us)
{
    int64_t last_us;
    int64_t opens_us;
    int64_t soonest_opens_us;

    pull_back(r, limits, now_us);
    last_us = max64(r->last_us, r->overtaken_until_us);
    opens_us = max64(now_us, max64(r->blocked_until_us, hour_opens_us(r, limits, now_us)));
    soonest_opens_us = opens_us;
    if (kind == LSYNC_GUARD_FIRST && last_us != 0) { /* 0: there was no request yet */
        bool held = last_us > now_us + limits->granularity_us;

        opens_us = max64(opens_us, last_us + limits->interval_us);
        soonest_opens_us = held ? max64(soonest_opens_us, now_us + limits->interval_us) : opens_us;
    }
    *wait_us = opens_us - now_us;
    *soonest_us = soonest_opens_us - now_us;
    *slot = 0;
    if (opens_us > now_us)
        return false;
    if (r->open)
        overtake(r, now_us);
    *slot = ++r->sequence;
    r->last_before_us = min64(r->last_us, now_us + limits->granularity_us);
    r->last_us = now_us + limits->granularity_us + hold_us;
    r->hold_us = hold_us;
    r->open = hold_us > 0;
    count_one(r, now_us, r->last_us);
    return true;
}

/* Ends the newest slot: what it held in the future becomes now. False: it is another, or was settled before. */
static bool close_slot(lsync_guard_record *r, const lsync_guard_limits *limits, int64_t slot, int64_t now_us)
{
    int64_t noted_us = now_us + limits->granularity_us;
    lsync_guard_bucket *b;

    if (slot != r->sequence || !r->open)
        return false;
    pull_back(r, limits, now_us);
    b = bucket_of(r, slot);
    if (b != NULL)
        b->last_us = min64(b->last_us, noted_us);
    r->last_us = noted_us;
    r->open = false;
    return true;
}

void lsync_guard_sent(lsync_guard_record *r, const lsync_guard_limits *limits, int64_t slot, int64_t now_us)
{
    (void)close_overtaken(r, limits, slot, now_us);
    if (!close_slot(r, limits, slot, now_us))
        return;
    r->refunds = 0;
    r->limited = 0;
}

void lsync_guard_not_sent(lsync_guard_record *r, const lsync_guard_limits *limits, int64_t slot, int64_t now_us)
{
    bool closed = close_slot(r, limits, slot, now_us);
    lsync_guard_bucket *b = bucket_of(r, slot);

    if (!closed && !close_overtaken(r, limits, slot, now_us))
        return; /* none of ours, or settled before */
    if (r->refunds == LSYNC_GUARD_REFUNDS_MAX) {
        r->refunds = 0;
        return;
    }
    r->refunds++;
    if (b != NULL)
        b->count--;
    if (closed)
        r->last_us = r->last_before_us;
}

void lsync_guard_limited(lsync_guard_record *r, const lsync_guard_limits *limits, int64_t slot, int64_t now_us,
                         int64_t retry_after_us)
{
    int64_t wait_us = retry_after_us;

    (void)close_overtaken(r, limits, slot, now_us);
    if (close_slot(r, limits, slot, now_us))
        r->refunds = 0;
    r->limited += r->limited < LSYNC_GUARD_LIMITED_MAX;
    if (wait_us < 0) {
        wait_us = limits->interval_us;
        for (uint32_t k = 0; k < r->limited && wait_us < LSYNC_GUARD_HOUR_US; k++)
            wait_us *= 2;
    }
    wait_us = min64(max64(wait_us, limits->interval_us), LSYNC_GUARD_HOUR_US);
    r->blocked_until_us = max64(r->blocked_until_us, now_us + limits->granularity_us + wait_us);
}

void lsync_guard_charge(lsync_guard_record *r, const lsync_guard_limits *limits, int64_t now_us)
{
    pull_back(r, limits, now_us);
    count_one(r, now_us, now_us + limits->granularity_us);
}

int64_t lsync_guard_stale_at_us(const lsync_guard_record *r, const lsync_guard_limits *limits)
{
    int64_t at_us = max64(r->blocked_until_us, max64(r->last_us, r->overtaken_until_us) + limits->interval_us);

    for (size_t i = 0; i < LSYNC_GUARD_BUCKETS; i++)
        if (r->buckets[i].count > 0)
            at_us = max64(at_us, r->buckets[i].last_us + LSYNC_GUARD_HOUR_US);
    return at_us;
}
