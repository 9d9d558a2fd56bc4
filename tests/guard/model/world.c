/* The state: its compact form, and how time passes in it. */
#include "model.h"
#include "guard/times.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

/* Earlier times make no difference: these are beyond an hour and the changes of the clock. */
enum { LONG_AGO = HOUR + 2 * CELL, BORN_LONG_AGO = 100 };

int8_t small(int64_t value)
{
    if (value <= INT8_MIN || value > INT8_MAX) {
        fprintf(stderr, "a value does not fit into a state\n");
        abort();
    }
    return (int8_t)value;
}

/* --- records --- */

static int8_t pack_time(int64_t us, int64_t clock)
{
    return us == LSYNC_GUARD_NEVER_US || us - clock < -LONG_AGO ? (int8_t)NEVER : small(us - clock);
}

static int64_t unpack_time(int8_t t, int64_t clock)
{
    return t == NEVER ? LSYNC_GUARD_NEVER_US : t + clock;
}

/* Sets values that make no difference to the same value. */
static void packed_canonical(packed *p)
{
    bool is_empty = true;

    for (int k = 0; k < KINDS; k++) {
        if (p->entries[k].slot != 0 && p->entries[k].until == NEVER)
            p->entries[k].slot = 0;
        if (p->entries[k].slot == 0)
            p->entries[k].until = p->entries[k].length = 0;
    }
    for (int i = 0; i < CELLS; i++) {
        if (p->newest + i - CELLS + 1 < -CELLS)
            p->cells[i] = 0;
        is_empty &= p->cells[i] == 0;
    }
    if (is_empty)
        p->newest = 0;
}

packed pack(const lsync_guard_record *r, int64_t clock)
{
    packed p = {.version = small((int64_t)r->version),
                .source = (int8_t)r->lineage.source[0],
                .life = small(r->lineage.life),
                .closure = (int8_t)r->closure,
                .block = pack_time(r->blocked_until_us, clock),
                .longest = small(r->longest_lease_us),
                .refunds = small(r->refunds),
                .limited = small(lsync_time_earlier(r->limited, 4)),
                .newest = small(lsync_time_later(r->newest_cell - lsync_time_cell(clock, CELL), -100))};

    p.born = small(lsync_time_later(r->lineage.born_us - clock, -BORN_LONG_AGO));
    for (int k = 0; k < KINDS; k++) {
        const lsync_guard_entry *entry = &r->entries[k];

        p.entries[k].over = pack_time(entry->over_us, clock);
        p.entries[k].closed = pack_time(entry->closed_until_us, clock);
        p.entries[k].slot = small(entry->lease.slot);
        p.entries[k].until = entry->lease.slot == 0 ? 0 : pack_time(entry->lease.until_us, clock);
        p.entries[k].length = small(entry->lease.length_us);
        p.entries[k].requests = small(entry->requests);
    }
    for (int i = 0; i < CELLS; i++)
        p.cells[i] = small(r->cells[i]);
    packed_canonical(&p);
    return p;
}

lsync_guard_record unpack(const packed *p, int64_t clock)
{
    lsync_guard_record r = {.version = (uint64_t)p->version,
                            .closure = (lsync_guard_closure)p->closure,
                            .blocked_until_us = unpack_time(p->block, clock),
                            .longest_lease_us = p->longest,
                            .refunds = (uint32_t)p->refunds,
                            .limited = (uint32_t)p->limited,
                            .newest_cell = p->newest + lsync_time_cell(clock, CELL)};

    r.lineage.source[0] = (unsigned char)p->source;
    r.lineage.life = p->life;
    r.lineage.born_us = p->born + clock;
    for (int k = 0; k < KINDS; k++)
        r.entries[k] = (lsync_guard_entry){
            unpack_time(p->entries[k].over, clock),
            unpack_time(p->entries[k].closed, clock),
            {p->entries[k].slot, p->entries[k].slot == 0 ? 0 : p->entries[k].until + clock, p->entries[k].length},
            (uint32_t)p->entries[k].requests};
    for (int i = 0; i < CELLS; i++)
        r.cells[i] = (uint32_t)p->cells[i];
    return r;
}

static void age(int8_t *t, int units, int long_ago)
{
    if (*t != NEVER)
        *t = *t - units < -long_ago ? (int8_t)NEVER : small(*t - units);
}

void packed_pass(packed *p, int units, int phase)
{
    p->born = small(lsync_time_later(p->born - units, -BORN_LONG_AGO));
    age(&p->block, units, LONG_AGO);
    for (int k = 0; k < KINDS; k++) {
        age(&p->entries[k].over, units, LONG_AGO);
        age(&p->entries[k].closed, units, LONG_AGO);
        if (p->entries[k].slot != 0)
            age(&p->entries[k].until, units, LONG_AGO);
    }
    p->newest = small(lsync_time_later(p->newest - lsync_time_cell(phase + units, CELL), -100));
    packed_canonical(p);
}

/* --- requests --- */

void past_add(world *w, const request *q, int to)
{
    for (int i = 0; i < PAST_MAX; i++)
        if (w->past[i].to == NEVER || w->past[i].to <= -HOUR) {
            w->past[i] = *q;
            w->past[i].to = small(to);
            w->past[i].slack = 0;
            return;
        }
    fprintf(stderr, "a state has no room for another request\n");
    abort();
}

void lease_forget(world *w, int slot)
{
    for (int i = 0; i < PAST_MAX; i++)
        if (w->past[i].slot == slot)
            w->past[i].slot = 0;
}

void live_end(world *w, request *q)
{
    request ended = *q;

    *q = (request){0};
    lease_forget(w, ended.slot);
    ended.slot = 0;
    past_add(w, &ended, ended.to - ended.slack);
}

/* --- time --- */

static void user_pass(const scope *s, world *w, user *u, int units)
{
    if (u->block < 0)
        return;
    if (u->has_seen) {
        packed_pass(&u->seen, units, u->phase);
        u->phase = (int8_t)((u->phase + units) % CELL);
    }
    u->block = small(lsync_time_later(u->block - units, 0));
    for (int i = 0; i < LIVE_MAX; i++) {
        if (u->live[i].slot == 0)
            continue;
        u->live[i].to = small(u->live[i].to - units);
        if (u->live[i].to <= 0 && u->live[i].to + s->late <= 0)
            live_end(w, &u->live[i]);
    }
    for (int i = 0; i < KEPT_MAX; i++)
        if (u->kept[i].slot != 0)
            u->kept[i].ago = small(lsync_time_earlier(u->kept[i].ago + units, LONG_AGO));
}

void world_pass(const scope *s, world *w, int units)
{
    for (int u = 0; u < USERS_MAX; u++)
        user_pass(s, w, &w->users[u], units);
    if (w->is_present)
        packed_pass(&w->record, units, w->phase);
    if (w->has_snapshot)
        packed_pass(&w->snapshot, units, w->phase);
    w->phase = (int8_t)((w->phase + units) % CELL);
    if (w->has_marker)
        w->marker = small(lsync_time_later(w->marker - units, -BORN_LONG_AGO));
    w->block = small(lsync_time_later(w->block - units, 0));
    w->snapshot_block = small(lsync_time_later(w->snapshot_block - units, 0));
    for (int i = 0; i < LOSSES_MAX; i++)
        age(&w->losses[i], units, LONG_AGO);
    for (int i = 0; i < PAST_MAX; i++)
        if (w->past[i].to != NEVER)
            w->past[i].to = small(w->past[i].to - units);
}

/* --- one form for all equivalent states --- */

static int compare_users(const void *a, const void *b)
{
    return memcmp(a, b, offsetof(user, name));
}

static int compare_times(const void *a, const void *b)
{
    return *(const int8_t *)a - *(const int8_t *)b;
}

/* Compares requests. Unused ones are last. */
static int compare_requests(const void *a, const void *b)
{
    return memcmp(b, a, sizeof(request));
}

/* Lowers all versions, because only their order matters. */
static void lower_versions(world *w)
{
    int8_t *versions[USERS_MAX + 2];
    int8_t lowest = INT8_MAX;
    int n = 0;

    if (w->is_present)
        versions[n++] = &w->record.version;
    if (w->has_snapshot)
        versions[n++] = &w->snapshot.version;
    for (int u = 0; u < USERS_MAX; u++)
        if (w->users[u].has_seen)
            versions[n++] = &w->users[u].seen.version;
    for (int i = 0; i < n; i++)
        lowest = *versions[i] < lowest ? *versions[i] : lowest;
    for (int i = 0; i < n; i++)
        *versions[i] = (int8_t)(*versions[i] - lowest);
}

void world_canonical(world *w)
{
#ifndef MODEL_SLOTS_IN_SEQUENCE /* because then slots depend on versions */
    lower_versions(w);
#endif
    for (int i = 0; i < PAST_MAX; i++)
        if (w->past[i].to != NEVER && w->past[i].to <= -HOUR)
            w->past[i] = (request){.to = NEVER};
    qsort(w->losses, LOSSES_MAX, sizeof w->losses[0], compare_times);
    qsort(w->past, PAST_MAX, sizeof w->past[0], compare_requests);
    for (int u = 0; u < USERS_MAX; u++)
        qsort(w->users[u].live, LIVE_MAX, sizeof w->users[u].live[0], compare_requests);
    qsort(w->users, USERS_MAX, sizeof w->users[0], compare_users);
}

void world_init(const scope *s, world *w)
{
    memset(w, 0, sizeof *w);
    w->source = 1;
    for (int i = 0; i < LOSSES_MAX; i++)
        w->losses[i] = NEVER;
    for (int i = 0; i < PAST_MAX; i++)
        w->past[i].to = NEVER;
    for (int u = 0; u < USERS_MAX; u++)
        w->users[u].name = (int8_t)('A' + u);
    for (int u = s->users; u < USERS_MAX; u++)
        w->users[u].block = -1; /* not used */
    world_canonical(w);
}

/* --- names --- */

static bool packed_names(const packed *p, int slot, int life)
{
    for (int k = 0; k < KINDS; k++)
        if (p->entries[k].slot == slot)
            return true;
    return p->life == life;
}

static bool is_used(const world *w, int slot, int life)
{
    bool found = (w->is_present && packed_names(&w->record, slot, life)) ||
                 (w->has_snapshot && packed_names(&w->snapshot, slot, life));

    for (int u = 0; u < USERS_MAX; u++) {
        const user *v = &w->users[u];

        found |= v->has_seen && packed_names(&v->seen, slot, life);
        for (int i = 0; i < LIVE_MAX; i++)
            found |= v->live[i].slot == slot;
        for (int i = 0; i < KEPT_MAX; i++)
            found |= v->kept[i].slot == slot;
    }
    return found;
}

/* Returns a number that no record and no user has. It replaces a random one. */
int8_t fresh_slot(const world *w)
{
    int8_t slot = 1;

    while (is_used(w, slot, -1))
        slot++;
    return slot;
}

int8_t fresh_life(const world *w)
{
    int8_t life = 1;

    while (is_used(w, -1, life))
        life++;
    return life;
}

int8_t fresh_source(const world *w)
{
    int8_t source = 1;

    while (source == w->source || source == w->record.source || source == w->snapshot.source ||
           source == w->marker_source)
        source++;
    return source;
}
