/* The rule; see rule.h. */
#include "guard/rule.h"
#include "base/attributes.h"
#include "guard/times.h"

#include <string.h>

void lsync_guard_record_init(lsync_guard_record *r)
{
    *r = (lsync_guard_record){.blocked_until_us = LSYNC_GUARD_NEVER_US};
    for (int k = 0; k < LSYNC_GUARD_KINDS; k++)
        r->entries[k] = (lsync_guard_entry){.over_us = LSYNC_GUARD_NEVER_US, .closed_until_us = LSYNC_GUARD_NEVER_US};
}

/* --- the hour --- */

LSYNC_COLD void lsync_guard_roll(lsync_guard_record *r, int64_t newest)
{
    uint32_t old[LSYNC_GUARD_CELLS];
    int64_t oldest = newest - LSYNC_GUARD_CELLS + 1;
    int64_t old_oldest = r->newest_cell - LSYNC_GUARD_CELLS + 1;

    memcpy(old, r->cells, sizeof old);
    memset(r->cells, 0, sizeof r->cells);
    for (int i = 0; i < LSYNC_GUARD_CELLS; i++) {
        int64_t cell = lsync_time_earlier(old_oldest + i, newest);

        if (cell >= oldest)
            r->cells[cell - oldest] = lsync_count_add(r->cells[cell - oldest], old[i], LSYNC_GUARD_COUNT_MAX);
    }
    r->newest_cell = newest;
}

/* Counts requests that ended at a time. */
static void count(lsync_guard_record *r, int64_t over_us, uint32_t requests)
{
    int64_t oldest = r->newest_cell - LSYNC_GUARD_CELLS + 1;
    int64_t cell = lsync_time_earlier(lsync_time_cell(over_us, LSYNC_GUARD_CELL_US), r->newest_cell);

    if (cell >= oldest)
        r->cells[cell - oldest] = lsync_count_add(r->cells[cell - oldest], requests, LSYNC_GUARD_COUNT_MAX);
}

/* Returns how many requests count now: those in the cells, and those on their way. */
static uint32_t count_hour(const lsync_guard_record *r)
{
    uint32_t requests = 0;

    for (int i = 0; i < LSYNC_GUARD_CELLS; i++)
        requests += r->cells[i];
    for (int k = 0; k < LSYNC_GUARD_KINDS; k++)
        requests += r->entries[k].lease.slot != 0;
    return requests;
}

/* Returns the time from which the requests in a cell no longer count. */
static int64_t cell_ends_us(int64_t cell)
{
    return (cell + 1) * LSYNC_GUARD_CELL_US + LSYNC_GUARD_HOUR_US;
}

/* Returns the time at which the budget allows a request again. Assumes that each request on its way ends with its
   lease, or at `lease_ends_us` if that is earlier. */
LSYNC_COLD static int64_t hour_opens_us(const lsync_guard_record *r, const lsync_guard_limits *limits, int64_t now_us,
                                        int64_t lease_ends_us)
{
    int64_t ends[LSYNC_GUARD_KINDS];
    uint32_t requests = count_hour(r);
    int64_t oldest = r->newest_cell - LSYNC_GUARD_CELLS + 1;
    int64_t opens_us = now_us;

    for (int k = 0; k < LSYNC_GUARD_KINDS; k++) {
        const lsync_guard_lease *lease = &r->entries[k].lease;
        int64_t over_us = lsync_time_earlier(lease->until_us, lease_ends_us);

        ends[k] = lease->slot == 0 ? INT64_MAX : cell_ends_us(lsync_time_cell(over_us, LSYNC_GUARD_CELL_US));
    }
    while (requests >= limits->budget) {
        int64_t next_us = INT64_MAX;

        /* the next time at which requests no longer count: those of a cell, or one on its way */
        for (int i = 0; i < LSYNC_GUARD_CELLS; i++)
            if (r->cells[i] > 0 && cell_ends_us(oldest + i) > opens_us)
                next_us = lsync_time_earlier(next_us, cell_ends_us(oldest + i));
        for (int k = 0; k < LSYNC_GUARD_KINDS; k++)
            if (ends[k] > opens_us)
                next_us = lsync_time_earlier(next_us, ends[k]);
        opens_us = next_us;
        for (int i = 0; i < LSYNC_GUARD_CELLS; i++)
            requests -= cell_ends_us(oldest + i) == opens_us ? r->cells[i] : 0;
        for (int k = 0; k < LSYNC_GUARD_KINDS; k++)
            requests -= ends[k] == opens_us;
    }
    return opens_us;
}

/* --- the clock --- */

/* Corrects times that are too far ahead, because the clock was set back. */
static void correct_times(lsync_guard_record *r, const lsync_guard_limits *limits, int64_t now_us)
{
    int64_t noted_us = now_us + limits->granularity_us;
    int64_t loss_us = lsync_time_later(r->longest_lease_us, LSYNC_GUARD_LOSS_LEASE_US);

    for (int k = 0; k < LSYNC_GUARD_KINDS; k++) {
        lsync_guard_entry *entry = &r->entries[k];
        int64_t over_us = noted_us + (k == LOCK_SYNC_REQUEST_OTHER ? LSYNC_GUARD_OTHER_LEASE_MAX_US : 0);

        entry->over_us = lsync_time_earlier(entry->over_us, over_us);
        if (entry->lease.slot != 0)
            entry->lease.until_us = lsync_time_earlier(entry->lease.until_us, noted_us + entry->lease.length_us);
        entry->closed_until_us = lsync_time_earlier(entry->closed_until_us,
                                                    noted_us + loss_us + lsync_guard_interval_us(r, limits, k));
    }
    r->blocked_until_us = lsync_time_earlier(r->blocked_until_us, noted_us + LSYNC_GUARD_HOUR_US);
    r->lineage.born_us = lsync_time_earlier(r->lineage.born_us, noted_us);
}

void lsync_guard_advance(lsync_guard_record *r, const lsync_guard_limits *limits, int64_t now_us)
{
    int64_t newest;

    correct_times(r, limits, now_us);
    newest = lsync_time_cell(now_us, LSYNC_GUARD_CELL_US) + 1;
    if (newest != r->newest_cell)
        lsync_guard_roll(r, newest);
    for (int k = 0; k < LSYNC_GUARD_KINDS; k++) {
        lsync_guard_entry *entry = &r->entries[k];

        if (entry->lease.slot == 0 || entry->lease.until_us > now_us)
            continue;
        entry->over_us = lsync_time_later(entry->over_us, entry->lease.until_us);
        count(r, entry->lease.until_us, 1);
        entry->lease = (lsync_guard_lease){0};
    }
}

/* --- requests for a slot --- */

int64_t lsync_guard_interval_us(const lsync_guard_record *r, const lsync_guard_limits *limits,
                                lock_sync_request_kind kind)
{
    uint32_t requests = kind == LOCK_SYNC_REQUEST_DIRECTORY ? r->entries[kind].requests : 1;

    return limits->interval_us[kind] * (requests > 1 ? requests : 1);
}

/* When a slot can be granted, and why not earlier. */
typedef struct opening {
    int64_t at_us;
    lsync_guard_reason reason;
} opening;

static opening not_before(opening o, int64_t at_us, lsync_guard_reason reason)
{
    return at_us > o.at_us ? (opening){at_us, reason} : o;
}

static int64_t never_or_after(int64_t us, int64_t interval_us)
{
    return us == LSYNC_GUARD_NEVER_US || interval_us == 0 ? LSYNC_GUARD_NEVER_US : us + interval_us;
}

/* Returns when a request of kind OTHER fits into the cells. It counts in the cell in which its lease ends. If the clock
   has whole milliseconds and times are recorded late, that may be after the newest cell. Then it must wait for the next
   cell. */
static int64_t other_fits_us(const lsync_guard_request *request, const lsync_guard_limits *limits, int64_t now_us)
{
    int64_t cell = lsync_time_cell(now_us + limits->granularity_us + request->lease_us, LSYNC_GUARD_CELL_US);

    return request->kind == LOCK_SYNC_REQUEST_OTHER ? (cell - 1) * LSYNC_GUARD_CELL_US : LSYNC_GUARD_NEVER_US;
}

/* Returns the time at which the earlier requests of the same kind, which have ended, allow another one. */
static opening entry_opens(const lsync_guard_record *r, const lsync_guard_limits *limits,
                           const lsync_guard_request *request, int64_t now_us)
{
    const lsync_guard_entry *entry = &r->entries[request->kind];
    int64_t interval_us = lsync_guard_interval_us(r, limits, request->kind);
    opening o = {now_us, LSYNC_GUARD_REASON_NONE};

    o = not_before(o, other_fits_us(request, limits, now_us), LSYNC_GUARD_REASON_HOUR);
    o = not_before(o, never_or_after(entry->over_us, interval_us), LSYNC_GUARD_REASON_INTERVAL);
    return not_before(o, entry->closed_until_us,
                      r->closure == LSYNC_GUARD_FIRST_USE ? LSYNC_GUARD_REASON_FIRST_USE : LSYNC_GUARD_REASON_LOSS);
}

/* Adds the limits that apply to all kinds: the block after a 429, and the budget. For `lease_ends_us` see
   hour_opens_us(). */
static opening all_open(const lsync_guard_record *r, const lsync_guard_limits *limits, int64_t now_us, opening o,
                        int64_t lease_ends_us)
{
    o = not_before(o, r->blocked_until_us, LSYNC_GUARD_REASON_BLOCK);
    if (count_hour(r) < limits->budget) /* the usual case */
        return o;
    return not_before(o, hour_opens_us(r, limits, now_us, lease_ends_us), LSYNC_GUARD_REASON_HOUR);
}

static lsync_guard_verdict denied(opening sure, opening soonest, int64_t now_us)
{
    return (lsync_guard_verdict){0, sure.at_us - now_us, soonest.at_us - now_us, sure.reason};
}

static void grant(lsync_guard_record *r, const lsync_guard_request *request, int64_t noted_us)
{
    lsync_guard_entry *entry = &r->entries[request->kind];

    entry->requests = 1;
    if (request->lease_us > r->longest_lease_us)
        r->longest_lease_us = request->lease_us;
    if (request->kind != LOCK_SYNC_REQUEST_OTHER && request->lease_us > 0) {
        entry->lease = (lsync_guard_lease){request->slot, noted_us + request->lease_us, request->lease_us};
    } else {
        entry->over_us = lsync_time_later(entry->over_us, noted_us + request->lease_us);
        count(r, noted_us + request->lease_us, 1);
    }
}

lsync_guard_verdict lsync_guard_reserve(lsync_guard_record *r, const lsync_guard_limits *limits,
                                        const lsync_guard_request *request, int64_t now_us)
{
    const lsync_guard_lease *lease = &r->entries[request->kind].lease;
    int64_t noted_us = now_us + limits->granularity_us;
    int64_t interval_us;
    opening sure;
    opening soonest;

    lsync_guard_advance(r, limits, now_us);
    sure = soonest = entry_opens(r, limits, request, now_us);
    if (lease->slot != 0) {
        interval_us = lsync_guard_interval_us(r, limits, request->kind);
        sure = not_before(sure, lease->until_us + interval_us, LSYNC_GUARD_REASON_LEASE);
        soonest = not_before(soonest, now_us + interval_us, LSYNC_GUARD_REASON_LEASE);
    }
    sure = all_open(r, limits, now_us, sure, INT64_MAX);
    if (sure.at_us > now_us) {
        /* whether the end of a request on its way can end the wait */
        bool ends = lease->slot != 0 || sure.reason == LSYNC_GUARD_REASON_HOUR;

        return denied(sure, ends ? all_open(r, limits, now_us, soonest, noted_us) : sure, now_us);
    }
    grant(r, request, noted_us);
    return (lsync_guard_verdict){.slot = request->slot};
}

/* Returns the entry that has a slot's lease; NULL: the lease has ended. */
static lsync_guard_entry *entry_of(lsync_guard_record *r, int64_t slot)
{
    for (int k = 0; k < LSYNC_GUARD_KINDS; k++)
        if (r->entries[k].lease.slot == slot && slot != 0)
            return &r->entries[k];
    return NULL;
}

/* Counts the request of a lease, which has ended. */
static void end_request(lsync_guard_record *r, lsync_guard_entry *entry, int64_t over_us)
{
    entry->over_us = lsync_time_later(entry->over_us, over_us);
    count(r, over_us, 1);
}

lsync_guard_verdict lsync_guard_extend(lsync_guard_record *r, const lsync_guard_limits *limits,
                                       const lsync_guard_request *request, int64_t now_us)
{
    const opening now = {now_us, LSYNC_GUARD_REASON_NONE};
    int64_t noted_us = now_us + limits->granularity_us;
    lsync_guard_entry *entry;
    opening sure;

    lsync_guard_advance(r, limits, now_us);
    entry = entry_of(r, request->slot);
    if (entry == NULL)
        return (lsync_guard_verdict){.reason = LSYNC_GUARD_REASON_LEASE};
    sure = all_open(r, limits, now_us, now, INT64_MAX);
    if (sure.reason != LSYNC_GUARD_REASON_NONE)
        return denied(sure, all_open(r, limits, now_us, now, noted_us), now_us);
    end_request(r, entry, noted_us);
    entry->lease = (lsync_guard_lease){request->slot, noted_us + request->lease_us, request->lease_us};
    entry->requests += entry->requests < LSYNC_GUARD_REQUESTS_MAX;
    if (request->lease_us > r->longest_lease_us)
        r->longest_lease_us = request->lease_us;
    return (lsync_guard_verdict){.slot = request->slot};
}

/* --- settling --- */

/* Blocks all kinds after a 429. A 429 during a block is counted only if it is the first of a row. */
static void block(lsync_guard_record *r, const lsync_guard_limits *limits, int64_t noted_us, int64_t retry_after_us)
{
    int64_t least_us = limits->interval_us[LOCK_SYNC_REQUEST_SYNC];
    int64_t wait_us = retry_after_us;

    if (noted_us >= r->blocked_until_us || r->limited == 0)
        r->limited += r->limited < LSYNC_GUARD_LIMITED_MAX;
    if (wait_us < 0) {
        wait_us = least_us;
        for (uint32_t k = 0; k < r->limited && wait_us < LSYNC_GUARD_HOUR_US; k++)
            wait_us *= 2;
    }
    wait_us = lsync_time_earlier(lsync_time_later(wait_us, least_us), LSYNC_GUARD_HOUR_US);
    r->blocked_until_us = lsync_time_later(r->blocked_until_us, noted_us + wait_us);
}

/* Ends a lease as its slot was settled. */
static void end_lease(lsync_guard_record *r, lsync_guard_entry *entry, const lsync_guard_ending *ending,
                      int64_t noted_us)
{
    bool refunds = ending->outcome == LOCK_SYNC_SLOT_NOT_SENT && r->refunds < LSYNC_GUARD_REFUNDS_MAX;

    entry->lease = (lsync_guard_lease){0};
    if (refunds) {
        r->refunds++;
        entry->requests -= entry->requests > 1;
        return;
    }
    r->refunds = 0;
    if (ending->outcome == LOCK_SYNC_SLOT_SENT)
        r->limited = 0;
    end_request(r, entry, noted_us);
}

void lsync_guard_settle(lsync_guard_record *r, const lsync_guard_limits *limits, const lsync_guard_ending *ending,
                        int64_t now_us)
{
    int64_t noted_us = now_us + limits->granularity_us - ending->ago_us;
    lsync_guard_entry *entry;

    lsync_guard_advance(r, limits, now_us);
    entry = entry_of(r, ending->slot);
    if (entry != NULL)
        end_lease(r, entry, ending, noted_us);
    if (ending->outcome == LOCK_SYNC_SLOT_LIMITED)
        block(r, limits, noted_us, ending->retry_after_us);
    if (ending->charges > 0)
        count(r, noted_us, ending->charges);
}

/* --- the record's end --- */

int64_t lsync_guard_stale_at_us(const lsync_guard_record *r)
{
    const lsync_guard_limits widest = {{LSYNC_GUARD_HOUR_US, LSYNC_GUARD_HOUR_US, LSYNC_GUARD_HOUR_US}, 1, 0};
    int64_t at_us = r->blocked_until_us;

    for (int k = 0; k < LSYNC_GUARD_KINDS; k++) {
        const lsync_guard_entry *entry = &r->entries[k];
        int64_t interval_us = lsync_guard_interval_us(r, &widest, k);

        at_us = lsync_time_later(at_us, never_or_after(entry->over_us, interval_us));
        at_us = lsync_time_later(at_us, entry->closed_until_us);
        if (entry->lease.slot != 0) {
            int64_t cell = lsync_time_cell(entry->lease.until_us, LSYNC_GUARD_CELL_US);

            at_us = lsync_time_later(at_us, entry->lease.until_us + interval_us);
            at_us = lsync_time_later(at_us, cell_ends_us(cell));
        }
    }
    for (int i = 0; i < LSYNC_GUARD_CELLS; i++)
        if (r->cells[i] > 0)
            at_us = lsync_time_later(at_us, cell_ends_us(r->newest_cell - LSYNC_GUARD_CELLS + 1 + i));
    return at_us;
}
