/* An exhaustive checker of the guard's rule. It runs the real rule and lineage code, compiled with an hour of a few
   units. It goes through every history of a small scope: a few users, one store, a few kinds of events. At each step it
   compares the rule's decision with the truth: which requests may have reached the service, and when.

   Histories are infinite, but states are not. All times in a state are relative to now, and older than an hour they
   are dropped. Users are interchangeable. Of names (slots, lives, versions) only equality and order matter. */
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
    LIVE_MAX = 2,  /* a user's requests on their way */
    KEPT_MAX = 2,  /* outcomes that a user could not write */
    PAST_MAX = 14, /* requests that ended within the hour */
    LOSSES_MAX = 2,
    NEVER = INT8_MIN /* among times of a state */
};

/* --- the state --- */

/* A record with its times relative to the clock that it uses. */
typedef struct packed {
    int8_t version, source, life, born, closure, block, longest, refunds, limited;
    struct {
        int8_t over, closed, slot, until, length, requests;
    } entries[KINDS];
    int8_t newest; /* relative to the clock's cell */
    int8_t cells[CELLS];
} packed;

/* The truth about a request: it may reach the service until `to`. */
typedef struct request {
    int8_t slot; /* 0: no user has its lease any more */
    int8_t kind;
    int8_t to;
    int8_t slack; /* by how much the store's clock was set forward since: the guard may open earlier by as much */
    int8_t pages; /* of its lease, including this one */
} request;

/* An outcome that could not be written. */
typedef struct kept {
    int8_t slot; /* 0: not used */
    int8_t outcome, retry, ago, charges;
} kept;

typedef struct user {
    int8_t has_seen;
    int8_t phase; /* of the clock of `seen` without later changes of the store's clock */
    packed seen;
    int8_t block; /* until when the user knows of a block, even if no record has it */
    request live[LIVE_MAX];
    kept kept[KEPT_MAX];
    int8_t name; /* for printing; not part of the state */
} user;

typedef struct world {
    int8_t phase; /* of the store's clock: its place in the cell */
    int8_t is_present;
    packed record;
    int8_t block; /* until when a block applies that was written to the record and not lost */
    int8_t source;
    int8_t has_marker, marker, marker_source; /* when a store with a source was first used, and that source */
    int8_t has_snapshot;
    packed snapshot; /* an earlier record that the store may restore */
    int8_t snapshot_block;
    int8_t is_behind;          /* a store without a source restored an older record: see operations.c */
    int8_t births_due;         /* losses that no user has noticed yet */
    int8_t refunds;            /* in a row */
    int8_t losses[LOSSES_MAX]; /* when records were lost, within an hour and a lease; otherwise NEVER */
    request past[PAST_MAX];    /* sorted; unused ones are zeros, with `to` NEVER */
    user users[USERS_MAX];     /* sorted */
} world;

/* --- events --- */

typedef enum what {
    PASS,      /* a: time units */
    ASK,       /* user, a: kind, b: lease, c: delivery */
    EXTEND,    /* user, a: live request, b: lease, c: delivery */
    SETTLE,    /* user, a: live request, b: ending, c: delivery */
    CRASH,     /* user */
    SET_CLOCK, /* a: by how much */
    REBOOT,    /* a: the offset of the new clock's zero from the grid */
    SNAPSHOT,  /* the record may be restored later */
    DELETE,    /* the record (and the marker) is deleted */
    RESTART,   /* a: 0 the record is intact, 1 it is the snapshot, 2 it is lost; the store has a new source */
    ROLL_BACK, /* to the snapshot, without a new source */
    EXPIRE     /* the record is stale, and the store drops it */
} what;

/* The delivery of a decision. */
enum { WRITTEN, REPLY_LOST, WRITE_LOST, UNREACHED };

/* The end of a request. */
enum { SENT, NOT_SENT, LIMITED, LIMITED_LONG, SENT_TWICE, ENDINGS };

typedef struct operation {
    uint8_t what, user, a, b, c;
} operation;

/* The events of a scope, and the depth of its search. */
typedef struct scope {
    const char *name;
    const char *about;
    int depth; /* in CI */
    int deep;  /* on demand */
    int users;
    uint32_t budget;
    unsigned kinds;      /* bits: 1 << kind */
    unsigned leases;     /* bits: 1 << units */
    unsigned passes;     /* bits: 1 << units */
    unsigned endings;    /* bits: 1 << ending */
    unsigned deliveries; /* bits: 1 << delivery */
    int live;            /* requests of a user at once */
    int pages;           /* of a lease; 1: no extending */
    int late;            /* a user may settle this many units after its lease */
    int jump;            /* the clock is set back and forward by this, and by one */
    int losses;          /* of records */
    bool crashes, reboots, keeps_seen, restarts, has_source, is_coarse;
} scope;

/* --- world.c --- */

void world_init(const scope *s, world *w);
void world_canonical(world *w);
void world_pass(const scope *s, world *w, int units);
packed pack(const lsync_guard_record *r, int64_t clock);
lsync_guard_record unpack(const packed *p, int64_t clock);
void packed_pass(packed *p, int units, int phase); /* `phase`: before `units` pass */
void past_add(world *w, const request *q, int to);
void live_end(world *w, request *q);   /* no user settles it any more */
void lease_forget(world *w, int slot); /* its requests so far count like those of other leases */
int8_t fresh_slot(const world *w);
int8_t fresh_life(const world *w);
int8_t fresh_source(const world *w);
int8_t small(int64_t value); /* aborts if it does not fit */

/* --- decisions.c --- */

extern bool tracing; /* print the events */
extern const int8_t intervals[KINDS];

lsync_guard_limits limits_of(const scope *s);
request *free_live(const scope *s, user *u); /* NULL: all are used */
lsync_guard_verdict ask(const scope *s, world *w, int index, int kind, int lease, int delivery);
void ask_and_check(const scope *s, world *w, int index, int kind, int lease, int delivery); /* checks a denial too */
void extend(const scope *s, world *w, user *u, request *q, int lease, int delivery);
void settle(const scope *s, world *w, user *u, request *live, int how, int delivery);
void crash(world *w, user *u);

/* --- operations.c --- */

int list_operations(const scope *s, const world *w, operation *out, int room);
void apply(const scope *s, world *w, const operation *o);

/* --- invariants.c --- */

extern const char *violation; /* the invariant that is violated; NULL: none so far */

void violated(const char *text);
/* Checks, before the request is recorded, that a request of `kind` may be sent now. `slot`: the lease that it extends,
   or 0. */
void check_grant(const scope *s, const world *w, const user *u, int kind, int slot);
/* Checks after a denial that the wait is long enough, not longer than needed, and within its limit. */
void check_denial(const scope *s, const world *w, int u, int kind, int lease, const lsync_guard_verdict *v);
/* Checks that an expired record does not count as lost if the record that the user saw is stale too. */
void check_absence(const scope *s, const world *w, const lsync_guard_record *r, const lsync_guard_witness *witness);
/* Checks that a new life begins only after a loss. */
void check_birth(const scope *s, world *w, const lsync_guard_record *r, const lsync_guard_witness *witness);
void check_record(const scope *s, const lsync_guard_record *r, int64_t now);
void check_join(const scope *s, const lsync_guard_record *a, const lsync_guard_record *b, int64_t now);
void check_resolve(const scope *s, const lsync_guard_record *resolved, const lsync_guard_source *source,
                   const lsync_guard_witness *witness, int64_t now);

/* --- search.c --- */

/* Searches a scope, prints the result, and returns whether all invariants hold. */
bool search_scope(const scope *s, int depth);

/* --- scopes.c --- */

extern const scope scopes[];
extern const int scopes_count;

#endif
