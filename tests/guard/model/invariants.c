/* The invariants. */
#include "model.h"
#include "guard/times.h"

#include <string.h>

const char *violation;

void violated(const char *text)
{
    if (violation == NULL)
        violation = text;
}

/* --- a grant --- */

typedef struct past {
    int kind, slot; /* of the granted request */
    uint32_t in_hour;
} past;

/* Checks against an earlier request, which may have reached the service until `to`. */
static void check_against(past *p, const request *q, int to)
{
    int interval = intervals[p->kind] * (p->kind == LOCK_SYNC_REQUEST_DIRECTORY ? q->pages : 1);

    p->in_hour += to > -HOUR;
    if (q->kind == p->kind && (p->slot == 0 || q->slot != p->slot) && to + interval > 0 && interval > 0)
        violated("a request less than an interval after another of its kind");
}

void check_grant(const scope *s, const world *w, const user *u, int kind, int slot)
{
    past p = {kind, slot, 1};
    uint32_t budgets = 1;

    for (int i = 0; i < PAST_MAX; i++)
        if (w->past[i].to != NEVER)
            check_against(&p, &w->past[i], w->past[i].to);
    for (int v = 0; v < USERS_MAX; v++)
        for (int i = 0; i < LIVE_MAX; i++)
            if (w->users[v].live[i].slot != 0)
                check_against(&p, &w->users[v].live[i], w->users[v].live[i].to - w->users[v].live[i].slack);
    for (int i = 0; i < LOSSES_MAX; i++)
        budgets += w->losses[i] != NEVER;
    if (p.in_hour > s->budget * budgets)
        violated("more requests in an hour than the budget");
    if (u->block > 0)
        violated("a request within a block that its user knows of");
    if (w->block > 0)
        violated("a request within a block that was written");
}

/* --- a denial --- */

static bool is_lease_live(const packed *p)
{
    return p->entries[0].slot != 0 || p->entries[1].slot != 0 || p->entries[2].slot != 0;
}

static int longest_lease(const scope *s)
{
    int longest = LSYNC_GUARD_LOSS_LEASE_US;

    for (int lease = longest; lease < 8; lease++)
        if ((s->leases >> lease & 1) != 0)
            longest = lease;
    return longest;
}

static bool is_within_limit(const scope *s, int kind, const lsync_guard_verdict *v)
{
    int interval = intervals[kind] * (kind == LOCK_SYNC_REQUEST_DIRECTORY ? s->pages : 1);
    int lease = longest_lease(s) + 2 * s->is_coarse;

    interval += 2 * s->is_coarse;
    switch (v->reason) {
    case LSYNC_GUARD_REASON_INTERVAL: return v->wait_us <= interval;
    case LSYNC_GUARD_REASON_LEASE:
    case LSYNC_GUARD_REASON_FIRST_USE:
    case LSYNC_GUARD_REASON_LOSS: return v->wait_us <= lease + interval;
    case LSYNC_GUARD_REASON_BLOCK: return v->wait_us <= HOUR;
    case LSYNC_GUARD_REASON_HOUR: return v->wait_us <= HOUR + 2 * CELL + lease;
    default: return false;
    }
}

static lsync_guard_verdict ask_after(const scope *s, world *w, int u, int kind, int lease, int64_t wait)
{
    world_pass(s, w, (int)wait);
    return ask(s, w, u, kind, lease, WRITTEN);
}

/* Asks again after `soonest` until there is a grant or the wait is over. */
static void follow_soonest(const scope *s, world w, int u, int kind, int lease, lsync_guard_verdict v)
{
    int64_t rest = v.wait_us;

    while (v.slot == 0 && v.soonest_us > 0 && v.soonest_us <= rest) {
        rest -= v.soonest_us;
        v = ask_after(s, &w, u, kind, lease, v.soonest_us);
    }
    if (v.slot == 0)
        violated("no grant after asking again at the soonest times");
}

void check_denial(const scope *s, const world *w, int u, int kind, int lease, const lsync_guard_verdict *v)
{
    bool traced = tracing;
    world later = *w;

    if (violation != NULL)
        return;
    tracing = false;
    if (v->wait_us <= 0 || v->soonest_us <= 0 || v->soonest_us > v->wait_us)
        violated("a denial without a wait, or with a soonest time after the wait");
    else if (!is_within_limit(s, kind, v))
        violated("a wait beyond its limit");
    else {
        follow_soonest(s, *w, u, kind, lease, *v);
        if (ask_after(s, &later, u, kind, lease, v->wait_us).slot == 0)
            violated("the reported wait is too short");
        later = *w;
        if (v->wait_us > 1 && !s->is_coarse && !is_lease_live(&w->record) &&
            ask_after(s, &later, u, kind, lease, v->wait_us - 1).slot != 0)
            violated("the reported wait is too long");
    }
    tracing = traced;
}

/* --- a record --- */

static bool are_equal(const lsync_guard_record *a, const lsync_guard_record *b, int64_t now)
{
    packed p = pack(a, now);
    packed q = pack(b, now);

    return memcmp(&p, &q, sizeof p) == 0;
}

void check_record(const scope *s, const lsync_guard_record *r, int64_t now)
{
    const lsync_guard_limits limits = limits_of(s);
    int64_t stale_at = lsync_time_later(lsync_guard_stale_at_us(r), now);
    lsync_guard_record once = *r;
    lsync_guard_record twice;
    lsync_guard_record stale;

    lsync_guard_advance(&once, &limits, now);
    twice = once;
    lsync_guard_advance(&twice, &limits, now);
    if (!are_equal(&once, &twice, now))
        violated("advancing a record twice changes it again");
    for (int k = 0; k < KINDS; k++) {
        const lsync_guard_request wanted = {k, 0, 1};

        stale = *r;
        for (uint32_t i = 0; i < (k == LOCK_SYNC_REQUEST_OTHER ? s->budget : 1); i++)
            if (lsync_guard_reserve(&stale, &limits, &wanted, stale_at).slot == 0)
                violated("a record that is stale allows less than an empty one");
    }
}

void check_birth(const scope *s, world *w, const lsync_guard_record *r, const lsync_guard_witness *witness)
{
    bool is_tie = witness->seen != NULL && w->record.born + w->phase == witness->seen->lineage.born_us;

    /* two births at the same time look equal, and after a clock was set forward a birth looks earlier */
    if (r->lineage.life != w->record.life && w->births_due == 0 && !is_tie && s->jump == 0)
        violated("a life begins without a loss");
}

void check_absence(const scope *s, const world *w, const lsync_guard_record *r, const lsync_guard_witness *witness)
{
    bool is_stale = witness->seen != NULL && lsync_guard_stale_at_us(witness->seen) <= w->phase;

    if (s->has_source && is_stale && w->births_due == 0 && r->closure == LSYNC_GUARD_LOSS)
        violated("an expired record counts as lost");
}

/* Returns the wait for a kind after the lease `slot` was settled as not sent (0: no settling), without the hourly
   budget. */
static int64_t wait_of(const scope *s, lsync_guard_record r, int kind, int64_t slot, int64_t now)
{
    lsync_guard_limits limits = limits_of(s);
    const lsync_guard_request wanted = {kind, 0, 1};
    const lsync_guard_ending ending = {slot, LOCK_SYNC_SLOT_NOT_SENT, -1, 0, 0};

    limits.budget = 100;
    if (slot != 0)
        lsync_guard_settle(&r, &limits, &ending, now);
    return lsync_guard_reserve(&r, &limits, &wanted, now).wait_us;
}

/* Checks that a joined record does not allow more than one of the two. */
static void check_strictness(const scope *s, const lsync_guard_record *both, const lsync_guard_record *one, int64_t now)
{
    for (int k = 0; k < LOCK_SYNC_REQUEST_OTHER; k++) {
        int64_t slot = both->entries[k].lease.slot;

        if (wait_of(s, *both, k, 0, now) < wait_of(s, *one, k, 0, now) ||
            (slot != 0 && one->entries[k].lease.slot != 0 &&
             wait_of(s, *both, k, slot, now) < wait_of(s, *one, k, slot, now)))
            violated("a join allows more than one of the two");
    }
}

void check_join(const scope *s, const lsync_guard_record *a, const lsync_guard_record *b, int64_t now)
{
    const lsync_guard_limits limits = limits_of(s);
    lsync_guard_record ab = *a;
    lsync_guard_record ba = *b;
    lsync_guard_record abb;

    lsync_guard_join(&ab, b, &limits, now);
    lsync_guard_join(&ba, a, &limits, now);
    abb = ab;
    lsync_guard_join(&abb, b, &limits, now);
    if (!are_equal(&ab, &abb, now))
        violated("joining the same record twice changes it again");
    ba.lineage = ab.lineage;
    if (!are_equal(&ab, &ba, now))
        violated("a join depends on the order");
    check_strictness(s, &ab, a, now);
    check_strictness(s, &ab, b, now);
}

void check_resolve(const scope *s, const lsync_guard_record *resolved, const lsync_guard_source *source,
                   const lsync_guard_witness *witness, int64_t now)
{
    const lsync_guard_limits limits = limits_of(s);
    lsync_guard_record again = *resolved;

    (void)lsync_guard_resolve(&again, true, source, witness, &limits, now);
    if (!are_equal(resolved, &again, now))
        violated("resolving a record twice changes it again");
}
