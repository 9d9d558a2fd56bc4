/* The events of a scope. */
#include "model.h"
#include "guard/times.h"

#include <stddef.h>
#include <string.h>

/* --- the store --- */

/* Allows the guard to open earlier by `jump`, after the clock was set forward by as much. */
static void excuse(world *w, int jump)
{
    w->block = small(lsync_time_later(w->block - jump, 0));
    w->snapshot_block = small(lsync_time_later(w->snapshot_block - jump, 0));
    for (int i = 0; i < PAST_MAX; i++)
        if (w->past[i].to != NEVER)
            w->past[i].to = small(lsync_time_later(w->past[i].to - jump, -HOUR));
    for (int u = 0; u < USERS_MAX; u++) {
        user *v = &w->users[u];

        v->block = small(v->block < 0 ? v->block : lsync_time_later(v->block - jump, 0));
        for (int i = 0; i < LIVE_MAX; i++)
            if (v->live[i].slot != 0)
                v->live[i].slack = small(lsync_time_earlier(v->live[i].slack + jump, 2 * HOUR));
    }
}

static void set_clock(world *w, int by)
{
    if (w->is_present)
        packed_pass(&w->record, by, w->phase);
    if (w->has_snapshot)
        packed_pass(&w->snapshot, by, w->phase);
    if (w->has_marker)
        w->marker = small(w->marker - by);
    w->phase = (int8_t)(((w->phase + by) % CELL + CELL) % CELL);
    if (by > 0)
        excuse(w, by);
}

/* Sets a new zero of the clock, moves the record onto it, and replaces all users. */
static void reboot(world *w, int off)
{
    if (w->is_present) {
        lsync_guard_record r = unpack(&w->record, w->phase);

        lsync_guard_shift(&r, off);
        w->record = pack(&r, w->phase + off);
    }
    w->phase = (int8_t)((w->phase + off) % CELL);
    w->has_snapshot = 0;
    for (int u = 0; u < USERS_MAX; u++)
        if (w->users[u].block >= 0)
            crash(w, &w->users[u]);
}

static void snapshot(world *w)
{
    w->has_snapshot = w->is_present;
    w->snapshot = w->record;
    w->snapshot_block = w->block;
}

static void lose(const scope *s, world *w)
{
    w->births_due++;
    for (int i = 0; i < s->losses; i++)
        if (w->losses[i] == NEVER) {
            w->losses[i] = 0;
            break;
        }
    /* the number of pages of a directory may be lost: one interval stays */
    for (int i = 0; i < PAST_MAX; i++)
        w->past[i].pages = w->past[i].pages > 1 ? 1 : w->past[i].pages;
    for (int u = 0; u < USERS_MAX; u++)
        for (int i = 0; i < LIVE_MAX; i++)
            w->users[u].live[i].pages = w->users[u].live[i].slot != 0;
}

static void remove_record(const scope *s, world *w)
{
    w->is_present = 0;
    w->record = (packed){0};
    w->block = 0;
    lose(s, w);
}

static void restore(const scope *s, world *w)
{
    w->is_present = 1;
    w->record = w->snapshot;
    w->block = w->snapshot_block;
    lose(s, w);
}

/* Returns whether a user notices a loss in a store without a source (a file). A user that saw no more than the store
   has now notices nothing, and is excluded until one that saw more has decided. This excludes one case: a file is
   deleted, or replaced by an old copy, while no program runs that used the newer file. It resets the limits. */
static bool notices(const world *w, const user *u)
{
    if (!w->is_behind)
        return true;
    if (!u->has_seen)
        return false;
    if (!w->is_present)
        return true;
    return u->seen.life == w->record.life ? u->seen.version > w->record.version : u->seen.born >= w->record.born;
}

/* --- the possible events --- */

typedef struct list {
    operation *out;
    int n, room;
} list;

static void add(list *l, what type, int index, int a, int b, int c)
{
    if (l->n < l->room)
        l->out[l->n++] = (operation){(uint8_t)type, (uint8_t)index, (uint8_t)a, (uint8_t)b, (uint8_t)c};
}

static bool has(unsigned bits, int bit)
{
    return (bits >> bit & 1) != 0;
}

static void list_asking(const scope *s, list *l, what type, int u, int a)
{
    for (int lease = 0; lease < 8; lease++)
        for (int c = WRITTEN; c < UNREACHED; c++)
            if (has(s->leases, lease) && has(s->deliveries, c) && (type == ASK || lease > 0))
                add(l, type, u, a, lease, c);
}

static void list_user(const scope *s, const world *w, list *l, int index)
{
    user u = w->users[index];

    if (notices(w, &u) && free_live(s, &u) != NULL)
        for (int kind = 0; kind < KINDS; kind++)
            if (has(s->kinds, kind))
                list_asking(s, l, ASK, index, kind);
    for (int i = 0; i < s->live; i++) {
        const request *q = &u.live[i];

        if (q->slot == 0)
            continue;
        for (int how = 0; how < ENDINGS; how++)
            for (int c = WRITTEN; c <= UNREACHED; c++)
                if (has(s->endings, how) && has(s->deliveries, c) && (c == UNREACHED || notices(w, &u)) &&
                    (c == WRITTEN || u.kept[KEPT_MAX - 1].slot == 0))
                    add(l, SETTLE, index, i, how, c);
        if (q->pages < s->pages && notices(w, &u) && q->kind != LOCK_SYNC_REQUEST_OTHER && q->to > 0)
            list_asking(s, l, EXTEND, index, i);
    }
    if (s->crashes && (u.has_seen || u.live[0].slot != 0 || u.live[LIVE_MAX - 1].slot != 0 || u.kept[0].slot != 0))
        add(l, CRASH, index, 0, 0, 0);
}

static bool is_stale(const world *w)
{
    const lsync_guard_record r = unpack(&w->record, w->phase);

    return lsync_guard_stale_at_us(&r) <= w->phase;
}

static void list_store(const scope *s, const world *w, list *l)
{
    bool has_older = w->has_snapshot && memcmp(&w->snapshot, &w->record, sizeof w->record) != 0;
    bool may_lose = false;

    for (int i = 0; i < s->losses; i++)
        may_lose |= w->losses[i] == NEVER;
    for (int by = -s->jump; by <= s->jump; by++)
        if (by != 0 && (by == 1 || by == -1 || by == s->jump || by == -s->jump))
            add(l, SET_CLOCK, 0, by + 100, 0, 0);
    for (int off = 0; s->reboots && off < CELL; off++)
        add(l, REBOOT, 0, off, 0, 0);
    if (s->losses > 0 && w->is_present && !w->is_behind && (has_older || !w->has_snapshot))
        add(l, SNAPSHOT, 0, 0, 0, 0);
    if (s->has_source && w->is_present && is_stale(w))
        add(l, EXPIRE, 0, 0, 0, 0);
    if (may_lose && w->is_present)
        add(l, DELETE, 0, 0, 0, 0);
    if (s->restarts && w->is_present)
        add(l, RESTART, 0, 0, 0, 0);
    if (s->restarts && may_lose && has_older)
        add(l, RESTART, 0, 1, 0, 0);
    if (s->restarts && may_lose && w->is_present)
        add(l, RESTART, 0, 2, 0, 0);
    if (!s->has_source && may_lose && has_older)
        add(l, ROLL_BACK, 0, 0, 0, 0);
}

int list_operations(const scope *s, const world *w, operation *out, int room)
{
    list l = {out, 0, room};

    for (int d = 1; d < 32; d++)
        if (has(s->passes, d))
            add(&l, PASS, 0, d, 0, 0);
    for (int u = 0; u < USERS_MAX; u++)
        if (w->users[u].block >= 0 && (u == 0 || memcmp(&w->users[u], &w->users[u - 1], offsetof(user, name)) != 0))
            list_user(s, w, &l, u);
    list_store(s, w, &l);
    return l.n;
}

/* --- an event --- */

static void trace_store(const scope *s, const operation *o)
{
    static const char *const restarts[] = {"intact", "at the snapshot", "empty"};

    if (!tracing)
        return;
    switch ((what)o->what) {
    case PASS: printf("  time passes: %d\n", o->a); break;
    case CRASH: printf("  a user crashes\n"); break;
    case SET_CLOCK: printf("  the store's clock is set by %+d\n", o->a - 100); break;
    case REBOOT: printf("  the machine restarts; its clock's zero is off by %d\n", o->a); break;
    case SNAPSHOT: printf("  the store takes a snapshot\n"); break;
    case DELETE: printf("  the record is deleted%s\n", s->has_source ? ", and the marker" : ""); break;
    case RESTART: printf("  the store restarts with a new source, %s\n", restarts[o->a]); break;
    case EXPIRE: printf("  the record expires\n"); break;
    case ROLL_BACK: printf("  the snapshot is put in the record's place\n"); break;
    default: break;
    }
}

void apply(const scope *s, world *w, const operation *o)
{
    user *u = &w->users[o->user];

    trace_store(s, o);
    switch ((what)o->what) {
    case PASS: world_pass(s, w, o->a); break;
    case ASK: ask_and_check(s, w, o->user, o->a, o->b, o->c); break;
    case EXTEND: extend(s, w, u, &u->live[o->a], o->b, o->c); break;
    case SETTLE: settle(s, w, u, &u->live[o->a], o->b, o->c); break;
    case CRASH: crash(w, u); break;
    case SET_CLOCK: set_clock(w, o->a - 100); break;
    case REBOOT: reboot(w, o->a); break;
    case SNAPSHOT: snapshot(w); break;
    case DELETE:
        remove_record(s, w);
        w->has_marker = 0;
        w->is_behind = !s->has_source;
        break;
    case RESTART:
        w->source = fresh_source(w);
        if (o->a == 0)
            w->births_due++;
        if (o->a == 1)
            restore(s, w);
        else if (o->a == 2)
            remove_record(s, w);
        break;
    case EXPIRE:
        w->is_present = 0;
        w->record = (packed){0};
        break;
    case ROLL_BACK:
        restore(s, w);
        w->is_behind = 1;
        break;
    }
    world_canonical(w);
}
