/* An exhaustive checker of the guard's rule. It drives the real rule and lineage code, compiled with an hour of a few
   units, through every history of a small scope: a few users, one store, a handful of things that may happen. At each
   step it compares what the rule allows with the truth: which requests may have reached the service, and when.

   Histories are infinite, states are not: all times in a state are relative to now, what is older than an hour is gone,
   users are interchangeable, and names (slots, lives, versions) matter only where they are equal or ordered. */
#ifndef GUARD_MODEL_H
#define GUARD_MODEL_H

#include "guard/lineage.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

enum {
    HOUR = LSYNC_GUARD_HOUR_US,
    CELL = LSYNC_GUARD_CELL_US,
    CELLS = LSYNC_GUARD_CELLS,
    KINDS = LSYNC_GUARD_KINDS,
    USERS_MAX = 3,
    LIVE_MAX = 2,  /* requests that a user has on their way */
    KEPT_MAX = 2,  /* outcomes that a user could not write */
    PAST_MAX = 14, /* requests that are over, within an hour */
    LOSSES_MAX = 2,
    NEVER = INT8_MIN /* among times of a state */
};

/* --- the state --- */

/* A record with its times relative to the clock that they were taken from. */
typedef struct packed {
    int8_t version, source, life, born, closure, block, longest, refunds, limited;
    struct {
        int8_t over, closed, slot, until, hold, requests;
    } entries[KINDS];
    int8_t newest; /* relative to the cell that the clock is in */
    int8_t cells[CELLS];
} packed;

/* The truth about a request: it may reach the service until `to`. */
typedef struct request {
    int8_t slot; /* 0: its lease is no longer anybody's */
    int8_t kind;
    int8_t to;
    int8_t slack; /* by how much the store's clock was set forward meanwhile: so much earlier the gate may open */
    int8_t pages; /* of its lease, up to this one */
} request;

/* An outcome that could not be written. */
typedef struct kept {
    int8_t slot; /* 0: none */
    int8_t outcome, retry, ago, charges;
} kept;

typedef struct user {
    int8_t has_seen;
    int8_t phase; /* of the clock of `seen`, as the user reckons it: the store's may have been set meanwhile */
    packed seen;
    int8_t block; /* until when the user knows of a block, whatever the records say */
    request live[LIVE_MAX];
    kept kept[KEPT_MAX];
    int8_t name; /* for printing; not part of the state */
} user;

typedef struct world {
    int8_t phase; /* of the store's clock: how far into a cell it is */
    int8_t is_present;
    packed record;
    int8_t block; /* until when a block is in force that the record was told of, and has not lost */
    int8_t source;
    int8_t has_marker, marker, marker_source; /* when and where a store was first used that can tell */
    int8_t has_snapshot;
    packed snapshot; /* an earlier record, to which the store may come back */
    int8_t snapshot_block;
    int8_t is_behind;          /* a store without a source of its own came back older: see operations.c */
    int8_t births_due;         /* lives of the store that nobody has noticed yet */
    int8_t refunds;            /* in a row */
    int8_t losses[LOSSES_MAX]; /* when records were lost, within an hour and a hold; else NEVER */
    request past[PAST_MAX];    /* sorted; unused ones are zeros, with `to` NEVER */
    user users[USERS_MAX];     /* sorted */
} world;

/* --- what may happen --- */

typedef enum what {
    PASS,      /* a: time units */
    ASK,       /* user, a: kind, b: hold, c: delivery */
    EXTEND,    /* user, a: live request, b: hold, c: delivery */
    SETTLE,    /* user, a: live request, b: ending, c: delivery */
    CRASH,     /* user */
    SET_CLOCK, /* a: by how much */
    REBOOT,    /* a: how far the new clock's zero is off the grid */
    SNAPSHOT,  /* the record may come back from now on */
    DELETE,    /* the record (and the marker) is gone */
    RESTART,   /* a: 0 the record is intact, 1 it is the snapshot, 2 it is gone; the store has a new source */
    ROLL_BACK, /* to the snapshot, without a new source */
    EXPIRE     /* the record is stale, and the store drops it */
} what;

/* What becomes of a decision. */
enum { WRITTEN, REPLY_LOST, WRITE_LOST, UNREACHED };

/* How a request ends. */
enum { SENT, NOT_SENT, LIMITED, LIMITED_LONG, SENT_TWICE, ENDINGS };

typedef struct operation {
    uint8_t what, user, a, b, c;
} operation;

/* What may happen in a scope, and how far it is searched. */
typedef struct scope {
    const char *name;
    const char *about;
    int depth; /* in CI */
    int deep;  /* on demand */
    int users;
    uint32_t budget;
    unsigned kinds;      /* bits: 1 << kind */
    unsigned holds;      /* bits: 1 << units */
    unsigned passes;     /* bits: 1 << units */
    unsigned endings;    /* bits: 1 << ending */
    unsigned deliveries; /* bits: 1 << delivery */
    int live;            /* requests of a user at once */
    int pages;           /* of a lease; 1: no extending */
    int late;            /* how many units after its lease a user may still settle */
    int jump;            /* the clock is set back and forward by so much, and by one */
    int losses;          /* of records */
    bool crashes, reboots, keeps_seen, restarts, has_source, is_coarse;
} scope;

/* --- world.c --- */

void world_init(const scope *s, world *w);
void world_canonical(world *w);
void world_pass(const scope *s, world *w, int units);
packed pack(const lsync_guard_record *r, int64_t clock);
lsync_guard_record unpack(const packed *p, int64_t clock);
void packed_pass(packed *p, int units, int phase); /* `phase`: before */
void past_add(world *w, const request *q, int to);
void live_end(world *w, request *q);   /* nobody settles it any more */
void lease_forget(world *w, int slot); /* its requests so far are like those of others */
int8_t fresh_slot(const world *w);
int8_t fresh_life(const world *w);
int8_t fresh_source(const world *w);
int8_t small(int64_t value); /* aborts if it does not fit */

/* --- decisions.c --- */

extern bool tracing; /* print what happens */
extern const int8_t intervals[KINDS];

lsync_guard_limits limits_of(const scope *s);
request *free_live(const scope *s, user *u); /* NULL: none */
lsync_guard_verdict ask(const scope *s, world *w, int index, int kind, int hold, int delivery);
void ask_and_look(const scope *s, world *w, int index, int kind, int hold, int delivery); /* checks a refusal too */
void extend(const scope *s, world *w, user *u, request *q, int hold, int delivery);
void settle(const scope *s, world *w, user *u, request *live, int how, int delivery);
void crash(world *w, user *u);

/* --- operations.c --- */

int list_operations(const scope *s, const world *w, operation *out, int room);
void apply(const scope *s, world *w, const operation *o);

/* --- invariants.c --- */

extern const char *violation; /* what does not hold; NULL: nothing was found */

void violated(const char *text);
/* Before it is noted: is a request of `kind` right now? `slot`: the lease that it extends, or 0. */
void check_grant(const scope *s, const world *w, const user *u, int kind, int slot);
/* After a refusal: is the wait enough, no longer than needed, and within reason? */
void check_refusal(const scope *s, const world *w, int u, int kind, int hold, const lsync_guard_verdict *v);
/* A record that has expired is not taken for one that was lost, once what the user saw of it is stale too. */
void check_absence(const scope *s, const world *w, const lsync_guard_record *r, const lsync_guard_witness *witness);
/* A new life is begun only if something has happened: nothing is held twice. */
void check_birth(const scope *s, world *w, const lsync_guard_record *r, const lsync_guard_witness *witness);
void check_record(const scope *s, const lsync_guard_record *r, int64_t now);
void check_join(const scope *s, const lsync_guard_record *a, const lsync_guard_record *b, int64_t now);
void check_resolve(const scope *s, const lsync_guard_record *resolved, const lsync_guard_source *source,
                   const lsync_guard_witness *witness, int64_t now);

/* --- search.c --- */

/* Searches a scope; prints what came of it; returns whether all invariants hold. */
bool search_scope(const scope *s, int depth);

/* --- scopes.c --- */

extern const scope scopes[];
extern const int scopes_count;

#endif
