/* The decisions of users: with records, as the stores make them, and what they mean in truth. */
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

/* --- one decision, as a store makes it --- */

typedef struct decision {
    lsync_guard_limits limits;
    lsync_guard_record r;
    packed loaded; /* to see whether anything changed */
    bool must_write;
    int64_t clock; /* the store's */
    int64_t now;   /* what it shows: a coarse one is rounded down to a multiple of two */
    int8_t slot;   /* for a grant */
    int8_t block;  /* the world's, before it was known what this user knows */
} decision;

static lsync_guard_source source_of(const scope *s, world *w)
{
    lsync_guard_source source = {.is_known = s->has_source, .empty_since_us = LSYNC_GUARD_NEVER_US};

    if (!s->has_source)
        return source;
    if (!w->has_marker || w->marker_source != w->source) {
        w->has_marker = 1; /* a marker of another life of the store is as good as none */
        w->marker = 0;
        w->marker_source = w->source;
    }
    source.id[0] = (unsigned char)w->source;
    source.empty_since_us = w->marker + w->phase;
    return source;
}

/* A number by itself would name another's slot after a loss: the guard draws them at random. */
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

/* The kept outcomes are written; from now on their charges are known to all. */
static void drop_kept(world *w, user *u)
{
    for (int i = 0; i < KEPT_MAX; i++)
        if (u->kept[i].slot != 0 && u->kept[i].charges > 0)
            past_add(w, &(request){.kind = LOCK_SYNC_REQUEST_OTHER}, -u->kept[i].ago);
    memset(u->kept, 0, sizeof u->kept);
}

static decision begin(const scope *s, world *w, user *u, int hold)
{
    decision d = {.limits = limits_of(s), .clock = w->phase, .block = w->block};
    lsync_guard_record seen;
    lsync_guard_source source = source_of(s, w);
    lsync_guard_witness witness = {.lease_us = hold, .life = fresh_life(w)};

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

/* Writes, or does not, and keeps what the user now knows. Returns whether the user learns the decision. */
static bool end(const scope *s, world *w, user *u, decision *d, int delivery)
{
    packed p = pack(&d->r, d->clock);
    bool writes = d->must_write || memcmp(&p, &d->loaded, sizeof p) != 0;

    if (writes) {
        check_record(s, &d->r, d->now);
        p.version = small(p.version + 1);
    }
    if (delivery == WRITE_LOST)
        w->block = d->block; /* what this user knows of a block holds for all only once it is written */
    if (writes && delivery == WRITE_LOST)
        w->births_due++; /* the user has seen what never was */
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

static void trace_verdict(const user *u, const char *verb, int kind, int hold, const lsync_guard_verdict *v,
                          int delivery)
{
    if (!tracing)
        return;
    printf("  %c %s %s, hold %d", u->name, verb, kind_names[kind], hold);
    if (v->slot != 0)
        printf(": slot %d%s\n", (int)v->slot, delivery_names[delivery]);
    else
        printf(": refused, wait %d, soonest %d, reason %d%s\n", (int)v->wait_us, (int)v->soonest_us, (int)v->reason,
               delivery_names[delivery]);
}

lsync_guard_verdict ask(const scope *s, world *w, int index, int kind, int hold, int delivery)
{
    user *u = &w->users[index];
    decision d = begin(s, w, u, hold);
    const lsync_guard_request question = {kind, hold, d.slot};
    lsync_guard_verdict v;

    v = lsync_guard_reserve(&d.r, &d.limits, &question, d.now);
    if (s->is_coarse) { /* waits are told in what the clock counts, rounded up */
        v.wait_us += v.wait_us % 2;
        v.soonest_us += v.soonest_us % 2;
    }
    trace_verdict(u, "asks for", kind, hold, &v, delivery);
    if (end(s, w, u, &d, delivery) && v.slot != 0) {
        request q = {small(v.slot), small(kind), small(hold), 0, 1};

        check_grant(s, w, u, kind, 0);
        if (hold > 0)
            *free_live(s, u) = q;
        else
            past_add(w, &(request){.kind = q.kind, .pages = 1}, 0);
    }
    return v;
}

void ask_and_look(const scope *s, world *w, int index, int kind, int hold, int delivery)
{
    lsync_guard_verdict v = ask(s, w, index, kind, hold, delivery);

    if (v.slot == 0 && delivery == WRITTEN)
        check_refusal(s, w, index, kind, hold, &v);
}

void extend(const scope *s, world *w, user *u, request *q, int hold, int delivery)
{
    decision d = begin(s, w, u, hold);
    const lsync_guard_request question = {q->kind, hold, q->slot};
    lsync_guard_verdict v;

    v = lsync_guard_extend(&d.r, &d.limits, &question, d.now);
    trace_verdict(u, "extends its", q->kind, hold, &v, delivery);
    if (!end(s, w, u, &d, delivery)) { /* the first is over, and there is no second */
        q->to = small(lsync_time_earlier(q->to, 0));
    } else if (v.slot != 0) {
        request first = *q;

        *q = (request){0};
        past_add(w, &first, 0);
        check_grant(s, w, u, first.kind, first.slot);
        *q = (request){first.slot, first.kind, small(hold), 0, small(first.pages + 1)};
    }
}

/* The user knows of a block from its own 429 on, whether that is written or not. */
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

/* Is it the fourth in a row that was not sent? That one counts as if it had been. */
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

    if (!s->keeps_seen) /* a row is lost with a record */
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

/* Its requests may still arrive; what it knew is gone. Another user takes its place. */
void crash(world *w, user *u)
{
    for (int i = 0; i < LIVE_MAX; i++)
        if (u->live[i].slot != 0)
            live_end(w, &u->live[i]);
    *u = (user){.name = u->name};
}
