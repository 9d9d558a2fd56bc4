/* A guard's view of its store; see view.h. */
#include "guard/view.h"
#include "guard/times.h"

#include <string.h>

/* A smaller difference of two clocks may be the delay of a response. Such a difference moves a record only forward, and
   does not move its cells. */
#define CLOCK_NOISE_US 2000000

#define EXPIRY_MARGIN_MS 60000

bool lsync_guard_decide_nothing(void *user, lsync_guard_record *r, const lsync_guard_limits *limits, int64_t now_us,
                                int64_t slot)
{
    (void)user, (void)r, (void)limits, (void)now_us, (void)slot;
    return false;
}

void lsync_guard_snapshot_set_source(lsync_guard_snapshot *snapshot,
                                     const unsigned char id[LOCK_SYNC_GUARD_SOURCE_SIZE], int64_t empty_since_us)
{
    static const unsigned char none[LOCK_SYNC_GUARD_SOURCE_SIZE];
    lsync_guard_source *source = &snapshot->source;

    source->is_known = memcmp(id, none, sizeof none) != 0;
    memcpy(source->id, id, sizeof source->id);
    source->empty_since_us = LSYNC_GUARD_NEVER_US;
    if (empty_since_us != INT64_MIN) /* limited to the clock's range: no record can contain other times */
        source->empty_since_us = lsync_time_later(0, lsync_time_earlier(empty_since_us, snapshot->now_us));
}

void lsync_guard_view_init(lsync_guard_view *v)
{
    memset(v, 0, sizeof *v);
}

void lsync_guard_view_after_fork(lsync_guard_view *v)
{
    v->kept_count = 0;
}

/* Copies the record that was seen last to *moved, on the clock that the store has now; NULL: none was seen. */
static const lsync_guard_record *seen_now(const lsync_guard_view *v, const lsync_guard_snapshot *snapshot,
                                          lsync_guard_record *moved)
{
    int64_t shift_us = snapshot->now_us - (v->seen_us + (snapshot->own_now_us - v->seen_own_us));

    if (!v->has_seen)
        return NULL;
    *moved = v->seen;
    if (shift_us <= -CLOCK_NOISE_US || shift_us > 0)
        lsync_guard_shift(moved, shift_us);
    if (shift_us > 0 && shift_us < CLOCK_NOISE_US)
        moved->newest_cell = v->seen.newest_cell;
    return moved;
}

bool lsync_guard_view_decide(const lsync_guard_view *v, lsync_guard_snapshot *snapshot,
                             const lsync_guard_decision *decision, int64_t slot,
                             unsigned char bytes[LSYNC_GUARD_RECORD_SIZE])
{
    unsigned char before[LSYNC_GUARD_RECORD_SIZE] = {0};
    lsync_guard_record *r = &snapshot->stored.record;
    lsync_guard_record moved;
    lsync_guard_witness witness = {seen_now(v, snapshot, &moved), decision->lease_us, slot};
    bool changed = snapshot->translated;

    if (snapshot->present)
        lsync_guard_pack(&snapshot->stored, before);
    changed |= lsync_guard_resolve(r, snapshot->present, &snapshot->source, &witness, decision->limits,
                                   snapshot->now_us);
    for (size_t i = 0; i < v->kept_count; i++) {
        lsync_guard_ending ending = v->kept[i].ending;

        /* not by the clock after the store's: the reply may be read late, and the request would seem older */
        ending.ago_us = lsync_time_later(0, snapshot->own_asked_us - v->kept[i].at_us);
        lsync_guard_settle(r, decision->limits, &ending, snapshot->now_us);
    }
    (void)decision->decide(decision->user, r, decision->limits, snapshot->now_us, slot);
    lsync_guard_pack(&snapshot->stored, bytes);
    changed = changed || memcmp(before, bytes, sizeof before) != 0;
    if (changed) {
        r->version++;
        lsync_guard_pack(&snapshot->stored, bytes);
    }
    return changed;
}

int64_t lsync_guard_expires_in_ms(const lsync_guard_snapshot *snapshot)
{
    /* the record may be stale already, even never have had an effect */
    int64_t stale_at_us = lsync_time_later(lsync_guard_stale_at_us(&snapshot->stored.record), snapshot->now_us);

    return (stale_at_us - snapshot->now_us) / 1000 + EXPIRY_MARGIN_MS;
}

lsync_guard_view_mark lsync_guard_view_mark_of(const lsync_guard_view *v)
{
    return (lsync_guard_view_mark){v->sights, v->keeps};
}

/* Returns whether a record that was decided on at `mark` is as new as the one in the view. Two decisions at the same
   time may end in any order. */
static bool is_newer(const lsync_guard_view *v, lsync_guard_view_mark mark, const lsync_guard_record *r)
{
    if (!v->has_seen || v->sights == mark.sights)
        return true;
    if (r->lineage.life == v->seen.lineage.life)
        return r->version >= v->seen.version;
    return r->lineage.born_us >= v->seen.lineage.born_us;
}

static void forget_kept(lsync_guard_view *v, uint64_t keeps)
{
    size_t first = 0;

    while (first < v->kept_count && v->kept[first].number <= keeps)
        first++;
    v->kept_count -= first;
    memmove(&v->kept[0], &v->kept[first], v->kept_count * sizeof v->kept[0]);
}

void lsync_guard_view_see(lsync_guard_view *v, lsync_guard_view_mark mark, const lsync_guard_snapshot *snapshot)
{
    forget_kept(v, mark.keeps);
    if (!is_newer(v, mark, &snapshot->stored.record))
        return;
    v->has_seen = true;
    v->seen = snapshot->stored.record;
    v->seen_source = snapshot->source;
    v->seen_us = snapshot->now_us;
    v->seen_own_us = snapshot->own_now_us;
    v->seen_asked_us = snapshot->own_asked_us;
    v->sights++;
}

void lsync_guard_view_merge(lsync_guard_view *v, lsync_guard_view_mark mark, const lsync_guard_view *copy)
{
    lsync_guard_snapshot seen;

    if (copy->warning[0] != '\0')
        memcpy(v->warning, copy->warning, sizeof v->warning);
    v->trip_us = copy->trip_us;
    if (copy->sights == mark.sights)
        return;
    memset(&seen, 0, sizeof seen);
    seen.stored.record = copy->seen;
    seen.source = copy->seen_source;
    seen.now_us = copy->seen_us;
    seen.own_now_us = copy->seen_own_us;
    seen.own_asked_us = copy->seen_asked_us;
    lsync_guard_view_see(v, mark, &seen);
}

/* Returns the earliest time at which the block of an outcome ends; NEVER: the outcome has no block. */
static int64_t block_ends_us(const lsync_guard_kept *kept)
{
    if (kept->ending.outcome != LOCK_SYNC_SLOT_LIMITED)
        return LSYNC_GUARD_NEVER_US;
    return kept->at_us + lsync_time_later(kept->ending.retry_after_us, 0);
}

/* Drops the outcome that matters least. Adds its charges to the newest one, because with an older one they would
   count for a shorter time. */
static void drop_one(lsync_guard_view *v)
{
    size_t least = 0;
    uint32_t charges;

    for (size_t i = 1; i < v->kept_count; i++)
        if (block_ends_us(&v->kept[i]) < block_ends_us(&v->kept[least]))
            least = i;
    charges = v->kept[least].ending.charges;
    v->kept_count--;
    memmove(&v->kept[least], &v->kept[least + 1], (v->kept_count - least) * sizeof v->kept[0]);
    v->kept[v->kept_count - 1].ending.charges += charges;
}

void lsync_guard_view_keep(lsync_guard_view *v, const lsync_guard_ending *ending, int64_t own_now_us)
{
    v->kept[v->kept_count++] = (lsync_guard_kept){*ending, own_now_us, ++v->keeps};
    if (v->kept_count > LSYNC_GUARD_KEPT_MAX)
        drop_one(v);
}
