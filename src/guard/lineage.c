/* Whether a store's record can be trusted; see lineage.h. */
#include "guard/lineage.h"
#include "guard/times.h"

#include <string.h>

/* --- another clock --- */

static void shift(int64_t *us, int64_t shift_us)
{
    if (*us != LSYNC_GUARD_NEVER_US)
        *us += shift_us;
}

void lsync_guard_shift(lsync_guard_record *r, int64_t shift_us)
{
    r->lineage.born_us += shift_us;
    shift(&r->blocked_until_us, shift_us);
    for (int k = 0; k < LSYNC_GUARD_KINDS; k++) {
        lsync_guard_entry *entry = &r->entries[k];

        shift(&entry->over_us, shift_us);
        shift(&entry->closed_until_us, shift_us);
        if (entry->lease.slot != 0)
            entry->lease.until_us += shift_us;
    }
    r->newest_cell += -lsync_time_cell(-shift_us, LSYNC_GUARD_CELL_US);
}

/* --- merging two records --- */

/* Returns whether lease a is kept rather than lease b, because it ends later. If both end together, the slot decides,
   so that their order does not matter. */
static bool is_kept_before(const lsync_guard_lease *a, const lsync_guard_lease *b)
{
    return a->until_us != b->until_us ? a->until_us > b->until_us : a->slot > b->slot;
}

/* Keeps one of two leases, and the time when the other one ends: no slot is granted until then. */
static void join_leases(lsync_guard_entry *entry, const lsync_guard_lease *other, int64_t interval_us)
{
    lsync_guard_lease *lease = &entry->lease;
    lsync_guard_lease second = *other;

    if (other->slot == 0)
        return;
    if (lease->slot == 0) {
        *lease = *other;
        return;
    }
    if (is_kept_before(other, lease)) {
        second = *lease;
        *lease = *other;
    }
    lease->length_us = lsync_time_later(lease->length_us, second.length_us);
    if (second.slot != lease->slot)
        entry->closed_until_us = lsync_time_later(entry->closed_until_us, second.until_us + interval_us);
}

static uint32_t larger(uint32_t a, uint32_t b)
{
    return a > b ? a : b;
}

void lsync_guard_join(lsync_guard_record *r, const lsync_guard_record *other, const lsync_guard_limits *limits,
                      int64_t now_us)
{
    lsync_guard_record o = *other;

    lsync_guard_advance(r, limits, now_us);
    lsync_guard_advance(&o, limits, now_us); /* now the cells of both have the same numbers */
    r->version = o.version > r->version ? o.version : r->version;
    r->closure = o.closure > r->closure ? o.closure : r->closure;
    r->blocked_until_us = lsync_time_later(r->blocked_until_us, o.blocked_until_us);
    r->longest_lease_us = lsync_time_later(r->longest_lease_us, o.longest_lease_us);
    r->refunds = larger(r->refunds, o.refunds);
    r->limited = larger(r->limited, o.limited);
    for (int k = 0; k < LSYNC_GUARD_KINDS; k++) {
        lsync_guard_entry *entry = &r->entries[k];

        entry->requests = larger(entry->requests, o.entries[k].requests);
        entry->over_us = lsync_time_later(entry->over_us, o.entries[k].over_us);
        entry->closed_until_us = lsync_time_later(entry->closed_until_us, o.entries[k].closed_until_us);
        join_leases(entry, &o.entries[k].lease, lsync_guard_interval_us(r, limits, k));
    }
    for (int i = 0; i < LSYNC_GUARD_CELLS; i++)
        r->cells[i] = larger(r->cells[i], o.cells[i]);
}

/* --- one lineage after another --- */

/* Grants no slot while requests of other users may be on their way: for a lease and an interval from `since_us` on. */
static void close_since(lsync_guard_record *r, const lsync_guard_limits *limits, int64_t since_us,
                        lsync_guard_closure why)
{
    r->closure = why;
    for (int k = 0; k < LSYNC_GUARD_KINDS; k++)
        r->entries[k].closed_until_us = lsync_time_later(
            r->entries[k].closed_until_us, since_us + r->longest_lease_us + lsync_guard_interval_us(r, limits, k));
}

/* Begins a new lineage. */
static void begin_life(lsync_guard_record *r, const lsync_guard_source *source, int64_t life, int64_t born_us)
{
    memcpy(r->lineage.source, source->id, sizeof r->lineage.source);
    r->lineage.life = life;
    r->lineage.born_us = born_us;
}

/* Raises the record's longest lease to the longest one that may be in use: seen, requested now, or the default. */
static void raise_longest_lease(lsync_guard_record *r, const lsync_guard_witness *witness)
{
    if (witness->seen != NULL)
        r->longest_lease_us = lsync_time_later(r->longest_lease_us, witness->seen->longest_lease_us);
    r->longest_lease_us = lsync_time_later(r->longest_lease_us, witness->lease_us);
    r->longest_lease_us = lsync_time_later(r->longest_lease_us, LSYNC_GUARD_LOSS_LEASE_US);
}

/* Returns the record that this guard saw last; NULL: no record, or it no longer matters. A store that knows whether it
   has lost records also drops stale ones. There it is no loss if a stale record is absent or another one has replaced
   it. */
static const lsync_guard_record *usable_seen(const lsync_guard_witness *witness, const lsync_guard_source *source,
                                             int64_t now_us)
{
    bool is_stale = witness->seen != NULL && lsync_guard_stale_at_us(witness->seen) <= now_us;

    return is_stale && source->empty_since_us != LSYNC_GUARD_NEVER_US ? NULL : witness->seen;
}

bool lsync_guard_resolve(lsync_guard_record *r, bool present, const lsync_guard_source *source,
                         const lsync_guard_witness *witness, const lsync_guard_limits *limits, int64_t now_us)
{
    const lsync_guard_record *seen = usable_seen(witness, source, now_us);
    int64_t noted_us = now_us + limits->granularity_us;
    bool is_moved;
    bool is_other;
    bool is_older;

    if (!present && seen == NULL) {
        lsync_guard_record_init(r);
        begin_life(r, source, witness->life, noted_us);
        if (source->empty_since_us != LSYNC_GUARD_NEVER_US) {
            raise_longest_lease(r, witness);
            close_since(r, limits, source->empty_since_us, LSYNC_GUARD_FIRST_USE);
        }
        return true;
    }
    if (!present)
        lsync_guard_record_init(r);
    is_moved = present && source->is_known && memcmp(r->lineage.source, source->id, sizeof source->id) != 0;
    is_other = present && seen != NULL && r->lineage.life != seen->lineage.life;
    if (is_other) /* is it an earlier lineage, restored from a backup? */
        is_older = lsync_time_earlier(r->lineage.born_us, noted_us) <= seen->lineage.born_us;
    else
        is_older = present && seen != NULL && r->version < seen->version;
    if (present && !is_moved && !is_other && !is_older)
        return false;
    if (seen != NULL)
        lsync_guard_join(r, seen, limits, now_us);
    raise_longest_lease(r, witness);
    if (!present || is_moved || is_older)
        begin_life(r, source, witness->life, noted_us);
    close_since(r, limits, r->lineage.born_us, LSYNC_GUARD_LOSS);
    return true;
}
