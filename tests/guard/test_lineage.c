/* Decides whether a store's record is the newest, older, of another life, or lost. Also joins two records, and moves
   one onto another clock. */
#include "guard/lineage.h"
#include "records.h"

#include <string.h>

#define NEWEST (NOW / CELL + 1)
#define OLD S(899000)
#define DRAWN 77 /* the life of a record that is born now */

enum { SYNC = LOCK_SYNC_REQUEST_SYNC, DIRECTORY = LOCK_SYNC_REQUEST_DIRECTORY, OTHER = LOCK_SYNC_REQUEST_OTHER };

/* --- resolving --- */

/* A record; {0}: no record. Its source is one letter. */
typedef struct held {
    char source;
    int64_t life;
    uint64_t version;
    int64_t born;
    int64_t lease;
    int64_t over; /* of SYNC; 0: never */
} held;

typedef struct resolve_row {
    const char *name;
    held store;
    held seen;
    char source;         /* of the store; 0: unknown */
    int64_t empty_since; /* 0: never */
    int64_t lease;
    int64_t granularity;
    /* the resulting record; {0}: it is unchanged, and not written */
    held after;
    lsync_guard_closure closure;
    int64_t closed_for; /* SYNC, from now on; 0: not closed */
} resolve_row;

static lsync_guard_record record_of(const held *from)
{
    lsync_guard_record r = record_new();

    r.lineage.source[0] = (unsigned char)from->source;
    r.lineage.life = from->life;
    r.lineage.born_us = from->born;
    r.version = from->version;
    r.longest_lease_us = from->lease;
    if (from->over != 0)
        r.entries[SYNC].over_us = from->over;
    return r;
}

static void check_closed(const lsync_guard_record *r, int64_t sync_us)
{
    const int64_t later[LSYNC_GUARD_KINDS] = {0, S(40), -S(20)}; /* the differences of the intervals */

    for (int k = 0; k < LSYNC_GUARD_KINDS; k++)
        CHECK_INT(r->entries[k].closed_until_us, sync_us == 0 ? NEVER : NOW + sync_us + later[k]);
}

static void check_resolve(const resolve_row *row)
{
    lsync_guard_limits limits = service;
    lsync_guard_record r = record_of(&row->store);
    lsync_guard_record seen = record_of(&row->seen);
    lsync_guard_source source = {
        row->source != 0, {(unsigned char)row->source}, row->empty_since == 0 ? NEVER : row->empty_since};
    lsync_guard_witness witness = {row->seen.life == 0 ? NULL : &seen, row->lease, DRAWN};
    bool is_written = row->after.life != 0;
    const held *after = is_written ? &row->after : &row->store;

    limits.granularity_us = row->granularity;
    if (row->store.life == 0)
        memset(&r, 0xa5, sizeof r); /* any content */
    t_row("%s", row->name);
    CHECK_INT(lsync_guard_resolve(&r, row->store.life != 0, &source, &witness, &limits, NOW), is_written);
    CHECK_INT(r.lineage.source[0], after->source);
    CHECK_INT(r.lineage.life, after->life);
    CHECK_INT(r.version, after->version);
    CHECK_INT(r.lineage.born_us, after->born);
    CHECK_INT(r.longest_lease_us, after->lease);
    CHECK_INT(r.entries[SYNC].over_us, after->over == 0 ? NEVER : after->over);
    CHECK_INT(r.closure, row->closure);
    check_closed(&r, row->closed_for);
}

#define USED(source, version, over)                                                                                    \
  {                                                                                                                    \
    source, 5, version, OLD, S(9), over                                                                                \
  }
#define BORN_NOW(source, version, lease, over)                                                                         \
  {                                                                                                                    \
    source, DRAWN, version, NOW, S(lease), over                                                                        \
  }
#define STORE(...) .store = __VA_ARGS__
#define SEEN(...) .seen = __VA_ARGS__
#define WRITTEN(...) .after = __VA_ARGS__
#define CLOSED(why, seconds) .closure = LSYNC_GUARD_##why, .closed_for = S(seconds)

TEST(a_store_and_the_last_record_give_the_record_to_decide_on)
{
    static const resolve_row rows[] = {
        {"the record that was seen last", STORE(USED('a', 9, OLD)), SEEN(USED('a', 9, OLD)), .source = 'a',
         .lease = S(90)},
        {"newer than the one seen", STORE(USED('a', 10, OLD)), SEEN(USED('a', 9, OLD + 1)), .source = 'a'},
        {"the first that is seen", STORE(USED('a', 9, OLD)), .source = 'a'},
        {"the first, of a store without a source", STORE(USED(0, 9, OLD)), .empty_since = OLD},
        {"a store that has lost its source", STORE(USED('a', 9, OLD)), SEEN(USED('a', 9, OLD))},

        {"no record, and none can be lost", .source = 'a', .lease = S(90), WRITTEN(BORN_NOW('a', 0, 0, 0))},
        {"no record, on a coarse clock", .granularity = 999, WRITTEN({0, DRAWN, 0, NOW + 999, 0, 0})},
        {"no record, at the first use: closed since the marker", .source = 'a', .empty_since = NOW - S(10),
         WRITTEN(BORN_NOW('a', 0, 30, 0)), CLOSED(FIRST_USE, 40)},

        {"lost: closed from now on, with the record seen", SEEN(USED('a', 9, OLD)), .source = 'a',
         WRITTEN(BORN_NOW('a', 9, 30, OLD)), CLOSED(LOSS, 50)},
        {"lost, in an old store", SEEN(USED('a', 9, OLD)), .source = 'a', .empty_since = OLD,
         WRITTEN(BORN_NOW('a', 9, 30, OLD)), CLOSED(LOSS, 50)},
        {"lost, and stale when it was seen: it has expired", SEEN(USED('a', 9, NOW - S(7300))), .source = 'a',
         .empty_since = OLD, WRITTEN(BORN_NOW('a', 0, 30, 0)), CLOSED(FIRST_USE, -950)},
        {"lost, and stale, in a store without expiry", SEEN(USED('a', 9, NOW - S(7300))), .source = 'a',
         WRITTEN(BORN_NOW('a', 9, 30, NOW - S(7300))), CLOSED(LOSS, 50)},
        {"lost: by the longest lease that was seen", SEEN({0, 5, 9, OLD, S(99), OLD}), .lease = S(40),
         WRITTEN(BORN_NOW(0, 9, 99, OLD)), CLOSED(LOSS, 119)},
        {"lost: by the requested lease", SEEN(USED(0, 9, OLD)), .lease = S(40), WRITTEN(BORN_NOW(0, 9, 40, OLD)),
         CLOSED(LOSS, 60)},

        {"of another source, nothing seen", STORE(USED('a', 9, OLD)), .source = 'b', WRITTEN(BORN_NOW('b', 9, 30, OLD)),
         CLOSED(LOSS, 50)},
        {"of another source: the record's longest lease", STORE({'a', 5, 9, OLD, S(99), OLD}), SEEN(USED('a', 9, OLD)),
         .source = 'b', WRITTEN(BORN_NOW('b', 9, 99, OLD)), CLOSED(LOSS, 119)},

        {"of another life, whose first user has found the loss: closed since its birth",
         STORE({'b', 6, 2, NOW - S(15), S(9), 0}), SEEN(USED('a', 9, OLD)), .source = 'b',
         WRITTEN({'b', 6, 9, NOW - S(15), S(30), OLD}), CLOSED(LOSS, 35)},
        {"of another life, born long ago: the closure is over", STORE({0, 6, 2, OLD + S(1), S(9), 0}),
         SEEN(USED(0, 9, OLD)), WRITTEN({0, 6, 9, OLD + S(1), S(30), OLD}), CLOSED(LOSS, -949)},
        {"of an earlier life that was restored", STORE({0, 6, 2, OLD, S(9), 0}), SEEN({0, 5, 9, OLD + S(1), S(9), OLD}),
         WRITTEN(BORN_NOW(0, 9, 30, OLD)), CLOSED(LOSS, 50)},

        {"older than the one seen", STORE(USED('a', 8, 0)), SEEN(USED('a', 9, OLD)), .source = 'a',
         WRITTEN(BORN_NOW('a', 9, 30, OLD)), CLOSED(LOSS, 50)},
        {"older, on a coarse clock", STORE(USED(0, 8, OLD + 1)), SEEN(USED(0, 9, OLD)), .granularity = S(1),
         WRITTEN({0, DRAWN, 9, NOW + S(1), S(30), OLD + 1}), CLOSED(LOSS, 51)},
    };

    for (size_t i = 0; i < COUNT_OF(rows); i++)
        check_resolve(&rows[i]);
}

/* --- joining --- */

/* Joins two records twice, and checks that the second time changes nothing. */
static void join(lsync_guard_record *a, const lsync_guard_record *b)
{
    lsync_guard_record once;

    lsync_guard_join(a, b, &service, NOW);
    once = *a;
    lsync_guard_join(a, b, &service, NOW);
    CHECK(record_is_same(a, &once));
}

/* A value in two records, and after their join. */
typedef struct field_row {
    const char *name;
    size_t offset;
    size_t size;
    int64_t a;
    int64_t b;
    int64_t after;
} field_row;

#define FIELD(name_, member, a_, b_, after_)                                                                           \
  {                                                                                                                    \
    name_, offsetof(lsync_guard_record, member), sizeof(((lsync_guard_record *)0)->member), a_, b_, after_             \
  }

static lsync_guard_record record_with(const field_row *row, int64_t value)
{
    lsync_guard_record r = record_new();
    uint32_t small = (uint32_t)value;

    memcpy((char *)&r + row->offset, row->size == sizeof small ? (const void *)&small : (const void *)&value,
           row->size);
    return r;
}

TEST(the_later_time_and_the_larger_count_are_kept)
{
    static const field_row rows[] = {
        FIELD("version", version, 4, 9, 9),
        FIELD("closure", closure, LSYNC_GUARD_FIRST_USE, LSYNC_GUARD_LOSS, LSYNC_GUARD_LOSS),
        FIELD("block", blocked_until_us, NOW + 4, NOW + 9, NOW + 9),
        FIELD("block, never before", blocked_until_us, NEVER, NOW - S(9000), NOW - S(9000)),
        FIELD("longest lease", longest_lease_us, 4, 9, 9),
        FIELD("refunds", refunds, 1, 3, 3),
        FIELD("429s", limited, 0, 32, 32),
        FIELD("over", entries[SYNC].over_us, NOW - 9, NOW - 4, NOW - 4),
        FIELD("over, never before", entries[DIRECTORY].over_us, NEVER, -S(4), -S(4)),
        FIELD("closed", entries[OTHER].closed_until_us, NEVER, NOW + 4, NOW + 4),
        FIELD("pages", entries[DIRECTORY].requests, 2, 7, 7),
        FIELD("oldest cell", cells[0], 4, 9, 9),
        FIELD("newest cell", cells[LSYNC_GUARD_CELLS - 1], 0, 9, 9),
        FIELD("beyond its limit: pulled back", entries[SYNC].over_us, NOW - 9, NOW + S(1), NOW),
        FIELD("life: not joined", lineage.life, 5, 6, 5),
        FIELD("birth: not joined", lineage.born_us, OLD, OLD + 1, OLD),
        FIELD("birth beyond its limit: pulled back", lineage.born_us, NOW + S(1), OLD, NOW),
    };

    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        lsync_guard_record a = record_with(&rows[i], rows[i].a);
        lsync_guard_record b = record_with(&rows[i], rows[i].b);
        lsync_guard_record after = record_with(&rows[i], rows[i].after);
        lsync_guard_record other_way = b;

        t_row("%s", rows[i].name);
        join(&other_way, &a);
        join(&a, &b);
        CHECK(record_is_same(&a, &after));
        other_way.lineage = a.lineage;
        CHECK(record_is_same(&other_way, &after));
    }
}

TEST(of_two_leases_the_later_one_stays)
{
    static const struct {
        const char *name;
        lsync_guard_lease a, b, after;
        uint32_t pages;
        int64_t closed; /* of DIRECTORY */
        int64_t over;
    } rows[] = {
        {"none", {0}, {0}, {0}, 1, NEVER, NEVER},
        {"one lease", {1, NOW + S(5), S(9)}, {0}, {1, NOW + S(5), S(9)}, 1, NEVER, NEVER},
        {"the same, extended", {1, NOW + S(5), S(90)}, {1, NOW + S(7), S(9)}, {1, NOW + S(7), S(90)}, 1, NEVER, NEVER},
        {"two: the later stays, the end of the other closes",
         {1, NOW + S(5), S(9)},
         {2, NOW + S(7), S(8)},
         {2, NOW + S(7), S(9)},
         1,
         NOW + S(65),
         NEVER},
        {"two that end together",
         {1, NOW + S(5), S(9)},
         {2, NOW + S(5), S(8)},
         {2, NOW + S(5), S(9)},
         1,
         NOW + S(65),
         NEVER},
        {"two, after pages",
         {1, NOW + S(5), S(9)},
         {2, NOW + S(7), S(9)},
         {2, NOW + S(7), S(9)},
         3,
         NOW + S(185),
         NEVER},
        {"one that ended and one that is live",
         {1, NOW - S(1), S(9)},
         {2, NOW + S(5), S(9)},
         {2, NOW + S(5), S(9)},
         1,
         NEVER,
         NOW - S(1)},
        {"one beyond its limit",
         {1, NOW + S(500), S(9)},
         {2, NOW + S(10), S(10)},
         {2, NOW + S(10), S(10)},
         1,
         NOW + S(69),
         NEVER},
    };

    for (size_t i = 0; i < 2 * COUNT_OF(rows); i++) { /* each in both directions */
        const lsync_guard_lease *after = &rows[i / 2].after;
        lsync_guard_record a = record_new();
        lsync_guard_record b = record_new();
        lsync_guard_entry *entry = &a.entries[DIRECTORY];

        t_row("%s, direction %zu", rows[i / 2].name, i % 2);
        entry->lease = i % 2 == 0 ? rows[i / 2].a : rows[i / 2].b;
        entry->requests = 1;
        b.entries[DIRECTORY].lease = i % 2 == 0 ? rows[i / 2].b : rows[i / 2].a;
        b.entries[DIRECTORY].requests = rows[i / 2].pages;
        join(&a, &b);
        CHECK_INT(entry->lease.slot, after->slot);
        CHECK_INT(entry->lease.until_us, after->until_us);
        CHECK_INT(entry->lease.length_us, after->length_us);
        CHECK_INT(entry->closed_until_us, rows[i / 2].closed);
        CHECK_INT(entry->over_us, rows[i / 2].over);
    }
}

/* --- another clock --- */

TEST(cells_move_by_whole_cells_rounded_up)
{
    static const struct {
        int64_t shift;
        int64_t cells;
    } rows[] = {{0, 0},  {1, 1},        {CELL - 1, 1}, {CELL, 1},       {CELL + 1, 2},
                {-1, 0}, {1 - CELL, 0}, {-CELL, -1},   {-CELL - 1, -1}, {-1000 * CELL, -1000}};

    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        lsync_guard_record r = record_new();

        t_row("by %lld us", (long long)rows[i].shift);
        lsync_guard_shift(&r, rows[i].shift);
        CHECK_INT(r.newest_cell, NEWEST + rows[i].cells);
    }
}

TEST(times_move_and_never_stays)
{
    static const int64_t shifts[] = {S(1), -S(4000000), S(400000000)};

    for (size_t i = 0; i < COUNT_OF(shifts); i++) {
        int64_t shift = shifts[i];
        lsync_guard_record r = record_of(&(held){'a', 5, 9, OLD, S(9), NOW});
        lsync_guard_record moved = r;

        t_row("by %lld us", (long long)shift);
        r.blocked_until_us = 0; /* a time like any other */
        r.entries[DIRECTORY].closed_until_us = NOW + S(9);
        r.entries[DIRECTORY].lease = (lsync_guard_lease){1, NOW + S(5), S(9)};
        lsync_guard_shift(&r, shift);
        moved.lineage.born_us = OLD + shift;
        moved.blocked_until_us = shift;
        moved.entries[SYNC].over_us = NOW + shift;
        moved.entries[DIRECTORY].closed_until_us = NOW + S(9) + shift;
        moved.entries[DIRECTORY].lease = (lsync_guard_lease){1, NOW + S(5) + shift, S(9)};
        moved.newest_cell = r.newest_cell;
        CHECK(record_is_same(&r, &moved));
    }
}
