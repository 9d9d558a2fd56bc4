/* The decisions of users: with records, as the stores make them, and with their effects on the truth. */
#include "model.h"
#include "guard/times.h"

#include <stddef.h>
#include <string.h>

enum { RETRY_LONG = 6, UNSAID = -1 };

bool tracing;
const int8_t intervals[KINDS] = {2, 3, 0};

lsync_guard_limits limits_of(const scope *s)
{
    return (lsync_guard_limits){{intervals[0], intervals[1], intervals[2]}, s->budget, s->is_coarse};
}

/* --- a decision, as a store makes it --- */

typedef struct decision {
    lsync_guard_limits limits;
    lsync_guard_record r;
    packed loaded; /* to see whether anything changed */
    bool must_write;
    int64_t clock; /* the store's */
    int64_t now;   /* the clock's reading: a coarse clock rounds down to a multiple of two */
    int8_t slot;   /* for a grant */
    int8_t block;  /* the world's, before the user's was added */
} decision;

static lsync_guard_source source_of(const scope *s, world *w)
{
    lsync_guard_source source = {.is_known = s->has_source, .empty_since_us = LSYNC_GUARD_NEVER_US};

    if (!s->has_source)
        return source;
    if (!w->has_marker || w->marker_source != w->source) {
        w->has_marker = 1; /* a marker of another source does not count */
        w->marker = 0;
        w->marker_source = w->source;
    }
    source.id[0] = (unsigned char)w->source;
    source.empty_since_us = w->marker + w->phase;
    return source;
}

/* Numbers in sequence could repeat a slot after a loss, so the guard draws them at random. */
static int8_t draw_slot(const world *w, const decision *d)
{
#ifdef MODEL_SLOTS_IN_SEQUENCE /* one of the faults of ./bite */
    (void)w;
    return small((int64_t)d->r.version + 1);
#else
    (void)d;
    return fresh_slot(w);
#endif
}

static void apply_kept(const user *u, decision *d)
{
    for (int i = 0; i < KEPT_MAX; i++) {
        const kept *k = &u->kept[i];
        const lsync_guard_ending ending = {k->slot, k->outcome, k->retry, k->ago, (uint32_t)k->charges};

        if (k->slot == 0)
            continue;
        lsync_guard_settle(&d->r, &d->limits, &ending, d->now);
    }
}

/* Drops the kept outcomes after they were written. From now on all users know their charges. */
static void drop_kept(world *w, user *u)
{
    for (int i = 0; i < KEPT_MAX; i++)
        if (u->kept[i].slot != 0 && u->kept[i].charges > 0)
            past_add(w, &(request){.kind = LOCK_SYNC_REQUEST_OTHER}, -u->kept[i].ago);
    memset(u->kept, 0, sizeof u->kept);
}

static decision begin(const scope *s, world *w, user *u, int lease)
{
    decision d = {.limits = limits_of(s), .clock = w->phase, .block = w->block};
    lsync_guard_record seen;
    lsync_guard_source source = source_of(s, w);
    lsync_guard_witness witness = {.lease_us = lease, .life = fresh_life(w)};

    d.now = d.clock - (s->is_coarse ? d.clock % 2 : 0);
    if (u->has_seen) {
        seen = unpack(&u->seen, u->phase);
        lsync_guard_shift(&seen, w->phase - u->phase);
        witness.seen = &seen;
    }
    if (w->is_present) {
        d.r = unpack(&w->record, d.clock);
        d.loaded = w->record;
        if (u->has_seen)
            check_join(s, &d.r, &seen, d.now);
    }
    d.must_write = lsync_guard_resolve(&d.r, w->is_present, &source, &witness, &d.limits, d.now);
    if (d.must_write)
        check_resolve(s, &d.r, &source, &witness, d.now);
    if (w->is_present)
        check_birth(s, w, &d.r, &witness);
    else
        check_absence(s, w, &d.r, &witness);
    apply_kept(u, &d);
    d.slot = draw_slot(w, &d);
    u->block = w->block = small(lsync_time_later(u->block, w->block));
    return d;
}

/* Delivers a decision, and keeps the record that the user has seen. Returns whether the user learns the decision. */
static bool end(const scope *s, world *w, user *u, decision *d, int delivery)
{
    packed p = pack(&d->r, d->clock);
    bool writes = d->must_write || memcmp(&p, &d->loaded, sizeof p) != 0;

    if (writes) {
        check_record(s, &d->r, d->now);
        p.version = small(p.version + 1);
    }
    if (delivery == WRITE_LOST)
        w->block = d->block; /* the user's block applies to all only once it is written */
    if (writes && delivery == WRITE_LOST)
        w->births_due++; /* the user has seen a record that was never written */
    if (writes && delivery != WRITE_LOST) {
        if (w->births_due > 0 && (!w->is_present || p.life != w->record.life))
            w->births_due--;
        w->record = p;
        w->is_present = 1;
        w->is_behind = 0;
    }
    if (s->keeps_seen || delivery == WRITE_LOST) {
        u->has_seen = 1;
        u->seen = p;
        u->phase = w->phase;
    }
    if (writes && delivery != WRITTEN)
        return false;
    drop_kept(w, u);
    return true;
}

/* --- users --- */

request *free_live(const scope *s, user *u)
{
    for (int i = 0; i < s->live; i++)
        if (u->live[i].slot == 0)
            return &u->live[i];
    return NULL;
}

static const char *const kind_names[] = {"SYNC", "DIRECTORY", "OTHER"};
static const char *const delivery_names[] = {"", ", the reply is lost", ", the write and its reply are lost",
                                             ", the store is not reached"};
static const char *const ending_names[] = {"SENT", "NOT_SENT", "LIMITED", "LIMITED with a long Retry-After",
                                           "SENT twice"};

static void trace_verdict(const user *u, const char *verb, int kind, int lease, const lsync_guard_verdict *v,
                          int delivery)
{
    if (!tracing)
        return;
    printf("  %c %s %s, lease %d", u->name, verb, kind_names[kind], lease);
    if (v->slot != 0)
        printf(": slot %d%s\n", (int)v->slot, delivery_names[delivery]);
    else
        printf(": denied, wait %d, soonest %d, reason %d%s\n", (int)v->wait_us, (int)v->soonest_us, (int)v->reason,
               delivery_names[delivery]);
}

lsync_guard_verdict ask(const scope *s, world *w, int index, int kind, int lease, int delivery)
{
    user *u = &w->users[index];
    decision d = begin(s, w, u, lease);
    const lsync_guard_request wanted = {kind, lease, d.slot};
    lsync_guard_verdict v;

    v = lsync_guard_reserve(&d.r, &d.limits, &wanted, d.now);
    if (s->is_coarse) { /* waits are rounded up to the clock's step */
        v.wait_us += v.wait_us % 2;
        v.soonest_us += v.soonest_us % 2;
    }
    trace_verdict(u, "asks for", kind, lease, &v, delivery);
    if (end(s, w, u, &d, delivery) && v.slot != 0) {
        request q = {small(v.slot), small(kind), small(lease), 0, 1};

        check_grant(s, w, u, kind, 0);
        if (lease > 0)
            *free_live(s, u) = q;
        else
            past_add(w, &(request){.kind = q.kind, .pages = 1}, 0);
    }
    return v;
}

void ask_and_check(const scope *s, world *w, int index, int kind, int lease, int delivery)
{
    lsync_guard_verdict v = ask(s, w, index, kind, lease, delivery);

    if (v.slot == 0 && delivery == WRITTEN)
        check_denial(s, w, index, kind, lease, &v);
}

void extend(const scope *s, world *w, user *u, request *q, int lease, int delivery)
{
    decision d = begin(s, w, u, lease);
    const lsync_guard_request wanted = {q->kind, lease, q->slot};
    lsync_guard_verdict v;

    v = lsync_guard_extend(&d.r, &d.limits, &wanted, d.now);
    trace_verdict(u, "extends its", q->kind, lease, &v, delivery);
    if (!end(s, w, u, &d, delivery)) { /* the first request has ended, and there is no second */
        q->to = small(lsync_time_earlier(q->to, 0));
    } else if (v.slot != 0) {
        request first = *q;

        *q = (request){0};
        past_add(w, &first, 0);
        check_grant(s, w, u, first.kind, first.slot);
        *q = (request){first.slot, first.kind, small(lease), 0, small(first.pages + 1)};
    }
}

/* Makes the user know of a block since its 429, even if that is not written. */
static void learn_block(user *u, int retry)
{
    int wait = retry >= 0 ? retry : 2 * intervals[LOCK_SYNC_REQUEST_SYNC];

    wait = wait > HOUR ? HOUR : wait;
    u->block = small(lsync_time_later(u->block, wait));
}

static void keep(user *u, const kept *k)
{
    for (int i = 0; i < KEPT_MAX; i++)
        if (u->kept[i].slot == 0) {
            u->kept[i] = *k;
            return;
        }
}

/* Returns whether this is the fourth request in a row that was not sent. It counts as sent. */
static bool is_fourth(world *w, const request *q, int how)
{
    if (q->to - q->slack <= 0)
        return false; /* the lease has run out */
    w->refunds = how == NOT_SENT && w->refunds < LSYNC_GUARD_REFUNDS_MAX ? (int8_t)(w->refunds + 1) : 0;
    return how == NOT_SENT && w->refunds == 0;
}

static void end_in_truth(const scope *s, world *w, const request *q, int how)
{
    request ended = *q;

    bool counts = how != NOT_SENT;

    if (!s->keeps_seen) /* the number in a row is lost with a record */
        counts |= is_fourth(w, q, how);
    lease_forget(w, q->slot);
    ended.slot = 0;
    if (counts)
        past_add(w, &ended, ended.to - ended.slack < 0 ? ended.to - ended.slack : 0);
}

void settle(const scope *s, world *w, user *u, request *live, int how, int delivery)
{
    static const int8_t outcomes[] = {LOCK_SYNC_SLOT_SENT, LOCK_SYNC_SLOT_NOT_SENT, LOCK_SYNC_SLOT_LIMITED,
                                      LOCK_SYNC_SLOT_LIMITED, LOCK_SYNC_SLOT_SENT};
    request q = *live;
    kept k = {q.slot, outcomes[how], how == LIMITED_LONG ? RETRY_LONG : UNSAID, 0, how == SENT_TWICE};
    const lsync_guard_ending ending = {k.slot, k.outcome, k.retry, 0, (uint32_t)k.charges};

    if (tracing)
        printf("  %c settles its %s (slot %d): %s%s\n", u->name, kind_names[q.kind], q.slot, ending_names[how],
               delivery_names[delivery]);
    *live = (request){0};
    end_in_truth(s, w, &q, how);
    if (k.outcome == LOCK_SYNC_SLOT_LIMITED)
        learn_block(u, k.retry);
    if (delivery == UNREACHED) {
        keep(u, &k);
        return;
    }
    decision d = begin(s, w, u, 0);
    lsync_guard_settle(&d.r, &d.limits, &ending, d.now);
    if (!end(s, w, u, &d, delivery))
        keep(u, &k);
    else if (k.charges > 0)
        past_add(w, &(request){.kind = LOCK_SYNC_REQUEST_OTHER}, 0);
}

/* Replaces the user. Its requests may still arrive, but its knowledge is lost. */
void crash(world *w, user *u)
{
    for (int i = 0; i < LIVE_MAX; i++)
        if (u->live[i].slot != 0)
            live_end(w, &u->live[i]);
    *u = (user){.name = u->name};
}
