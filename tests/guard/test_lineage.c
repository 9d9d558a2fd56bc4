/* What is made of a store's record: is it the newest, older, of another life, or gone? And how two records are joined,
   and moved onto another clock. Times are in us. */
#include "../support/decoding.h"
#include "guard/lineage.h"
#include "records.h"

#include <string.h>

#define S(seconds) ((seconds) * INT64_C(1000000))
#define CELL LSYNC_GUARD_CELL_US
#define NEVER LSYNC_GUARD_NEVER_US
#define NOW S(900000) /* a boundary of the grid */
#define NEWEST (NOW / CELL + 1)

enum { SYNC = LOCK_SYNC_REQUEST_SYNC, DIRECTORY = LOCK_SYNC_REQUEST_DIRECTORY, OTHER = LOCK_SYNC_REQUEST_OTHER };

static const lsync_guard_limits service = {{S(20), S(60), 0}, 600, 0};

/* --- resolving --- */

/* A record, or none: {0}. Its source is one letter. */
typedef struct held {
    char source;
    int64_t life;
    uint64_t version;
    int64_t born;
    int64_t hold;
    int64_t over; /* of SYNC; 0: never */
} held;

typedef struct resolve_row {
    const char *name;
    held store;
    held seen;
    char source; /* what the store calls itself; 0: nothing */
    int64_t empty_since; /* 0: never */
    int64_t hold;
    int64_t granularity;
    bool written;
    /* the record then */
    held after;
    lsync_guard_closure closure;
    int64_t closed_for; /* SYNC, from now on; 0: not */
} resolve_row;

static lsync_guard_record record_of(const held *from)
{
    lsync_guard_record r = record_new(NOW);

    r.lineage.source[0] = (unsigned char)from->source;
    r.lineage.life = from->life;
    r.lineage.born_us = from->born;
    r.version = from->version;
    r.longest_hold_us = from->hold;
    if (from->over != 0)
        r.lines[SYNC].over_us = from->over;
    return r;
}

static void check_closed(const lsync_guard_record *r, int64_t sync_us)
{
    const int64_t later[LSYNC_GUARD_KINDS] = {0, S(40), -S(20)}; /* by the difference of the intervals */

    for (int k = 0; k < LSYNC_GUARD_KINDS; k++)
        CHECK_INT(r->lines[k].closed_until_us, sync_us == 0 ? NEVER : NOW + sync_us + later[k]);
}

static void check_resolve(const resolve_row *row)
{
    lsync_guard_limits limits = service;
    lsync_guard_record r = record_of(&row->store);
    lsync_guard_record seen = record_of(&row->seen);
    lsync_guard_source source = {row->source != 0, {(unsigned char)row->source},
                                 row->empty_since == 0 ? NEVER : row->empty_since};
    lsync_guard_witness witness = {row->seen.life == 0 ? NULL : &seen, row->hold, 77};

    limits.granularity_us = row->granularity;
    if (row->store.life == 0)
        memset(&r, 0xa5, sizeof r); /* anything */
    t_row("%s", row->name);
    CHECK_INT(lsync_guard_resolve(&r, row->store.life != 0, &source, &witness, &limits, NOW), row->written);
    CHECK_INT(r.lineage.source[0], row->after.source);
    CHECK_INT(r.lineage.life, row->after.life);
    CHECK_INT(r.version, row->after.version);
    CHECK_INT(r.lineage.born_us, row->after.born);
    CHECK_INT(r.longest_hold_us, row->after.hold);
    CHECK_INT(r.lines[SYNC].over_us, row->after.over == 0 ? NEVER : row->after.over);
    CHECK_INT(r.closure, row->closure);
    check_closed(&r, row->closed_for);
}

#define NONE {0}
#define BORN_NOW(source_, version_, hold_, over_) {source_, 77, version_, NOW, hold_, over_}
#define UNCHANGED(...) .written = false, .after = __VA_ARGS__
#define WRITTEN(...) .written = true, .after = __VA_ARGS__
#define CLOSED(why, seconds) .closure = LSYNC_GUARD_##why, .closed_for = S(seconds)
#define OLD S(899000)

TEST(the_record_to_decide_on)
{
    static const resolve_row rows[] = {
        {.name = "what was seen last", .store = {'a', 5, 9, OLD, S(9), OLD}, .seen = {'a', 5, 9, OLD, S(9), OLD},
         .source = 'a', .hold = S(90), UNCHANGED({'a', 5, 9, OLD, S(9), OLD})},
        {.name = "newer than what was seen", .store = {'a', 5, 10, OLD, S(9), OLD},
         .seen = {'a', 5, 9, OLD, S(99), OLD + 1}, .source = 'a', UNCHANGED({'a', 5, 10, OLD, S(9), OLD})},
        {.name = "the first that is seen", .store = {'a', 5, 9, OLD, S(9), OLD}, .source = 'a',
         UNCHANGED({'a', 5, 9, OLD, S(9), OLD})},
        {.name = "the first that is seen, of a store without a name", .store = {0, 5, 9, OLD, S(9), OLD},
         .empty_since = OLD, UNCHANGED({0, 5, 9, OLD, S(9), OLD})},
        {.name = "a store that has lost its name", .store = {'a', 5, 9, OLD, S(9), OLD},
         .seen = {'a', 5, 9, OLD, S(9), OLD}, UNCHANGED({'a', 5, 9, OLD, S(9), OLD})},

        {.name = "none, and none can have been lost", .source = 'a', .hold = S(90), WRITTEN(BORN_NOW('a', 0, 0, 0))},
        {.name = "none, of a store without a name", WRITTEN(BORN_NOW(0, 0, 0, 0))},
        {.name = "none, on a coarse clock", .granularity = 999, WRITTEN({0, 77, 0, NOW + 999, 0, 0})},
        {.name = "none, at the first use: closed since the marker", .source = 'a', .empty_since = NOW - S(10),
         WRITTEN(BORN_NOW('a', 0, S(30), 0)), CLOSED(FIRST_USE, 40)},
        {.name = "none, at the first use, with a longer hold", .source = 'a', .empty_since = NOW - S(10), .hold = S(90),
         WRITTEN(BORN_NOW('a', 0, S(90), 0)), CLOSED(FIRST_USE, 100)},

        {.name = "gone: closed from now on, and nothing is forgotten", .seen = {'a', 5, 9, OLD, S(9), OLD},
         .source = 'a', WRITTEN(BORN_NOW('a', 9, S(30), OLD)), CLOSED(LOSS, 50)},
        {.name = "gone, whatever the store says of its age", .seen = {'a', 5, 9, OLD, S(9), OLD}, .source = 'a',
         .empty_since = OLD, WRITTEN(BORN_NOW('a', 9, S(30), OLD)), CLOSED(LOSS, 50)},
        {.name = "gone, and stale when it was seen: it has expired", .seen = {'a', 5, 9, OLD, S(9), NOW - S(7300)},
         .source = 'a', .empty_since = OLD, WRITTEN(BORN_NOW('a', 0, S(30), 0)), CLOSED(FIRST_USE, -950)},
        {.name = "gone, and stale, where nothing expires", .seen = {'a', 5, 9, OLD, S(9), NOW - S(7300)}, .source = 'a',
         WRITTEN(BORN_NOW('a', 9, S(30), NOW - S(7300))), CLOSED(LOSS, 50)},
        {.name = "gone: by the longest hold that was seen", .seen = {'a', 5, 9, OLD, S(99), OLD}, .hold = S(40),
         WRITTEN(BORN_NOW(0, 9, S(99), OLD)), CLOSED(LOSS, 119)},
        {.name = "gone: by the hold that is asked for", .seen = {'a', 5, 9, OLD, S(9), OLD}, .hold = S(40),
         WRITTEN(BORN_NOW(0, 9, S(40), OLD)), CLOSED(LOSS, 60)},

        {.name = "of another source, nothing seen", .store = {'a', 5, 9, OLD, S(9), OLD}, .source = 'b',
         WRITTEN(BORN_NOW('b', 9, S(30), OLD)), CLOSED(LOSS, 50)},
        {.name = "of another source: the longest hold of the record's", .store = {'a', 5, 9, OLD, S(99), OLD},
         .seen = {'a', 5, 9, OLD, S(9), OLD}, .source = 'b', WRITTEN(BORN_NOW('b', 9, S(99), OLD)), CLOSED(LOSS, 119)},
        {.name = "of another source, and seen was more", .store = {'a', 5, 9, OLD, S(9), OLD},
         .seen = {'a', 5, 12, OLD, S(9), OLD + S(1)}, .source = 'b', WRITTEN(BORN_NOW('b', 12, S(30), OLD + S(1))),
         CLOSED(LOSS, 50)},
        {.name = "of a store that had no name", .store = {0, 5, 9, OLD, S(9), OLD}, .source = 'b',
         WRITTEN(BORN_NOW('b', 9, S(30), OLD)), CLOSED(LOSS, 50)},

        {.name = "of another life: another has found the loss; closed since its birth",
         .store = {'b', 6, 2, NOW - S(15), S(9), 0}, .seen = {'a', 5, 9, OLD, S(9), OLD}, .source = 'b',
         WRITTEN({'b', 6, 9, NOW - S(15), S(30), OLD}), CLOSED(LOSS, 35)},
        {.name = "of another life, newer by its number", .store = {'b', 6, 12, NOW - S(15), S(9), NOW - S(2)},
         .seen = {'a', 5, 9, OLD, S(9), OLD}, .source = 'b', WRITTEN({'b', 6, 12, NOW - S(15), S(30), NOW - S(2)}),
         CLOSED(LOSS, 35)},
        {.name = "of another life, born long ago: the closure is over", .store = {0, 6, 2, OLD + S(1), S(9), 0},
         .seen = {0, 5, 9, OLD, S(9), OLD}, WRITTEN({0, 6, 9, OLD + S(1), S(30), OLD}), CLOSED(LOSS, -949)},
        {.name = "of an earlier life that has come back", .store = {0, 6, 2, OLD, S(9), 0},
         .seen = {0, 5, 9, OLD + S(1), S(9), OLD}, WRITTEN(BORN_NOW(0, 9, S(30), OLD)), CLOSED(LOSS, 50)},

        {.name = "older than what was seen", .store = {'a', 5, 8, OLD, S(9), 0}, .seen = {'a', 5, 9, OLD, S(9), OLD},
         .source = 'a', WRITTEN(BORN_NOW('a', 9, S(30), OLD)), CLOSED(LOSS, 50)},
        {.name = "older, of a store without a name, on a coarse clock", .store = {0, 5, 8, OLD, S(9), OLD + 1},
         .seen = {0, 5, 9, OLD, S(9), OLD}, .granularity = S(1), WRITTEN({0, 77, 9, NOW + S(1), S(30), OLD + 1}),
         CLOSED(LOSS, 51)},
    };

    for (size_t i = 0; i < COUNT_OF(rows); i++)
        check_resolve(&rows[i]);
}

/* Two who have seen the same find the same loss: the second finds nothing to hold once more. */
TEST(a_loss_is_found_once)
{
    lsync_guard_source source = {true, {'b'}, NEVER};
    lsync_guard_record seen = record_of(&(held){'a', 5, 9, OLD, S(9), OLD});
    lsync_guard_witness first = {&seen, S(30), 77};
    lsync_guard_witness second = {&seen, S(30), 78};
    lsync_guard_record r;
    lsync_guard_record before;

    CHECK(lsync_guard_resolve(&r, false, &source, &first, &service, NOW));
    r.version++;
    CHECK(lsync_guard_resolve(&r, true, &source, &second, &service, NOW + S(10)));
    CHECK_INT(r.lineage.life, 77);
    CHECK_INT(r.lines[SYNC].closed_until_us, NOW + S(50));
    before = r;
    second.seen = &before; /* from now on it knows */
    CHECK(!lsync_guard_resolve(&r, true, &source, &second, &service, NOW + S(11)));
    CHECK(record_is_same(&r, &before));
}

/* --- joining --- */

/* One value of a record, and what it is after a join with another. */
#define FIELD(name_, member, a_, b_, after_) \
    {name_, offsetof(lsync_guard_record, member), sizeof(((lsync_guard_record *)0)->member), a_, b_, after_}

typedef struct field_row {
    const char *name;
    size_t offset;
    size_t size;
    int64_t a;
    int64_t b;
    int64_t after;
} field_row;

static void set_field(lsync_guard_record *r, const field_row *row, int64_t value)
{
    uint32_t small = (uint32_t)value;

    memcpy((char *)r + row->offset, row->size == sizeof small ? (const void *)&small : (const void *)&value, row->size);
}

static int64_t get_field(const lsync_guard_record *r, const field_row *row)
{
    uint32_t small = 0;
    int64_t value = 0;

    memcpy(row->size == sizeof small ? (void *)&small : (void *)&value, (const char *)r + row->offset, row->size);
    return row->size == sizeof small ? (int64_t)small : value;
}

TEST(the_later_time_and_the_larger_count_are_kept)
{
    static const field_row rows[] = {
        FIELD("version", version, 4, 9, 9),
        FIELD("closure", closure, LSYNC_GUARD_FIRST_USE, LSYNC_GUARD_LOSS, LSYNC_GUARD_LOSS),
        FIELD("block", blocked_until_us, NOW + 4, NOW + 9, NOW + 9),
        FIELD("block, never before", blocked_until_us, NEVER, NOW - S(9000), NOW - S(9000)),
        FIELD("longest hold", longest_hold_us, 4, 9, 9),
        FIELD("refunds", refunds, 1, 3, 3),
        FIELD("429s", limited, 0, 32, 32),
        FIELD("over", lines[SYNC].over_us, NOW - 9, NOW - 4, NOW - 4),
        FIELD("over, never before", lines[DIRECTORY].over_us, NEVER, -S(4), -S(4)),
        FIELD("closed", lines[OTHER].closed_until_us, NEVER, NOW + 4, NOW + 4),
        FIELD("pages", lines[DIRECTORY].requests, 2, 7, 7),
        FIELD("oldest cell", cells[0], 4, 9, 9),
        FIELD("newest cell", cells[LSYNC_GUARD_CELLS - 1], 0, 9, 9),
        FIELD("beyond reason: pulled back", lines[SYNC].over_us, NOW - 9, NOW + S(1), NOW),
    };

    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        lsync_guard_record a = record_new(NOW);
        lsync_guard_record b = record_new(NOW);
        lsync_guard_record other_way;
        lsync_guard_record once;

        t_row("%s", rows[i].name);
        set_field(&a, &rows[i], rows[i].a);
        set_field(&b, &rows[i], rows[i].b);
        other_way = b;
        lsync_guard_join(&other_way, &a, &service, NOW);
        lsync_guard_join(&a, &b, &service, NOW);
        CHECK_INT(get_field(&a, &rows[i]), rows[i].after);
        CHECK_INT(get_field(&other_way, &rows[i]), rows[i].after);
        once = a;
        lsync_guard_join(&a, &b, &service, NOW);
        CHECK(record_is_same(&a, &once));
    }
}

/* Whose life it is stays. */
TEST(the_lineage_is_not_joined)
{
    lsync_guard_record a = record_of(&(held){'a', 5, 2, OLD, 0, 0});
    lsync_guard_record b = record_of(&(held){'b', 6, 3, OLD + 1, 0, 0});

    lsync_guard_join(&a, &b, &service, NOW);
    CHECK_INT(a.lineage.source[0], 'a');
    CHECK_INT(a.lineage.life, 5);
    CHECK_INT(a.lineage.born_us, OLD);
}

TEST(of_two_leases_one_stays)
{
    static const struct {
        const char *name;
        lsync_guard_lease a, b, after;
        uint32_t pages;
        int64_t closed; /* of DIRECTORY */
        int64_t over;
    } rows[] = {
        {"none", {0}, {0}, {0}, 1, NEVER, NEVER},
        {"one and none", {1, NOW + S(5), S(9)}, {0}, {1, NOW + S(5), S(9)}, 1, NEVER, NEVER},
        {"the same", {1, NOW + S(5), S(9)}, {1, NOW + S(5), S(9)}, {1, NOW + S(5), S(9)}, 1, NEVER, NEVER},
        {"the same, extended", {1, NOW + S(5), S(90)}, {1, NOW + S(7), S(9)}, {1, NOW + S(7), S(90)}, 1, NEVER, NEVER},
        {"two: the later stays, the other's end closes", {1, NOW + S(5), S(9)}, {2, NOW + S(7), S(8)},
         {2, NOW + S(7), S(9)}, 1, NOW + S(65), NEVER},
        {"two that end together", {1, NOW + S(5), S(9)}, {2, NOW + S(5), S(8)}, {2, NOW + S(5), S(9)}, 1, NOW + S(65),
         NEVER},
        {"two, after pages", {1, NOW + S(5), S(9)}, {2, NOW + S(7), S(9)}, {2, NOW + S(7), S(9)}, 3, NOW + S(185),
         NEVER},
        {"one that ran out and none", {1, NOW - S(1), S(9)}, {0}, {0}, 1, NEVER, NOW - S(1)},
        {"one that ran out and one that is live", {1, NOW - S(1), S(9)}, {2, NOW + S(5), S(9)},
         {2, NOW + S(5), S(9)}, 1, NEVER, NOW - S(1)},
        {"one beyond reason", {1, NOW + S(500), S(9)}, {2, NOW + S(10), S(10)}, {2, NOW + S(10), S(10)}, 1,
         NOW + S(69), NEVER},
    };

    for (size_t i = 0; i < 2 * COUNT_OF(rows); i++) { /* each in both directions */
        const lsync_guard_lease *after = &rows[i / 2].after;
        lsync_guard_record a = record_new(NOW);
        lsync_guard_record b = record_new(NOW);
        lsync_guard_line *line = &a.lines[DIRECTORY];
        lsync_guard_record once;

        t_row("%s, direction %zu", rows[i / 2].name, i % 2);
        line->lease = i % 2 == 0 ? rows[i / 2].a : rows[i / 2].b;
        line->requests = 1;
        b.lines[DIRECTORY].lease = i % 2 == 0 ? rows[i / 2].b : rows[i / 2].a;
        b.lines[DIRECTORY].requests = rows[i / 2].pages;
        lsync_guard_join(&a, &b, &service, NOW);
        CHECK_INT(line->lease.slot, after->slot);
        CHECK_INT(line->lease.until_us, after->until_us);
        CHECK_INT(line->lease.hold_us, after->hold_us);
        CHECK_INT(line->closed_until_us, rows[i / 2].closed);
        CHECK_INT(line->over_us, rows[i / 2].over);
        once = a;
        lsync_guard_join(&a, &b, &service, NOW);
        CHECK(record_is_same(&a, &once));
    }
}

/* Records of other times stand in the same cells when they are joined. */
TEST(cells_are_joined_where_they_stand_in_time)
{
    lsync_guard_record a = record_new(NOW);
    lsync_guard_record b = record_new(NOW);

    a.newest_cell = NEWEST - 2;
    a.cells[LSYNC_GUARD_CELLS - 1] = 5; /* NEWEST - 2 */
    b.newest_cell = NEWEST - 1;
    b.cells[LSYNC_GUARD_CELLS - 2] = 3; /* NEWEST - 2 */
    b.cells[LSYNC_GUARD_CELLS - 1] = 2;
    lsync_guard_join(&a, &b, &service, NOW);
    CHECK_INT(a.newest_cell, NEWEST);
    CHECK_INT(a.cells[LSYNC_GUARD_CELLS - 1], 0);
    CHECK_INT(a.cells[LSYNC_GUARD_CELLS - 2], 2);
    CHECK_INT(a.cells[LSYNC_GUARD_CELLS - 3], 5);
}

/* --- another clock --- */

TEST(cells_move_by_whole_cells_rounded_up)
{
    static const struct {
        int64_t shift;
        int64_t cells;
    } rows[] = {{0, 0},        {1, 1},       {CELL - 1, 1}, {CELL, 1},          {CELL + 1, 2},
                {-1, 0},       {1 - CELL, 0}, {-CELL, -1},   {-CELL - 1, -1},    {-1000 * CELL, -1000},
                {S(4500), 15}, {S(4501), 16}, {-S(4501), -15}};

    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        lsync_guard_record r = record_new(NOW);

        t_row("by %lld us", (long long)rows[i].shift);
        lsync_guard_shift(&r, rows[i].shift);
        CHECK_INT(r.newest_cell, NEWEST + rows[i].cells);
    }
}

TEST(times_move_and_never_stays)
{
    static const int64_t shifts[] = {S(1), -S(1), -S(4000000), S(400000000)};

    for (size_t i = 0; i < COUNT_OF(shifts); i++) {
        lsync_guard_record used = record_of(&(held){'a', 5, 9, OLD, S(9), NOW});
        lsync_guard_record fresh = record_new(NOW);

        t_row("by %lld us", (long long)shifts[i]);
        used.blocked_until_us = 0; /* a time like any other */
        used.lines[DIRECTORY].closed_until_us = NOW + S(9);
        used.lines[DIRECTORY].lease = (lsync_guard_lease){1, NOW + S(5), S(9)};
        lsync_guard_shift(&used, shifts[i]);
        CHECK_INT(used.lineage.born_us, OLD + shifts[i]);
        CHECK_INT(used.blocked_until_us, shifts[i]);
        CHECK_INT(used.longest_hold_us, S(9));
        CHECK_INT(used.lines[SYNC].over_us, NOW + shifts[i]);
        CHECK_INT(used.lines[SYNC].closed_until_us, NEVER);
        CHECK_INT(used.lines[SYNC].lease.until_us, 0);
        CHECK_INT(used.lines[DIRECTORY].over_us, NEVER);
        CHECK_INT(used.lines[DIRECTORY].closed_until_us, NOW + S(9) + shifts[i]);
        CHECK_INT(used.lines[DIRECTORY].lease.until_us, NOW + S(5) + shifts[i]);
        CHECK_INT(used.lines[DIRECTORY].lease.hold_us, S(9));
        lsync_guard_shift(&fresh, shifts[i]);
        CHECK_INT(fresh.blocked_until_us, NEVER);
        CHECK_INT(fresh.lines[OTHER].over_us, NEVER);
        CHECK_INT(fresh.lines[OTHER].closed_until_us, NEVER);
    }
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        T(the_record_to_decide_on),
        T(a_loss_is_found_once),
        T(the_later_time_and_the_larger_count_are_kept),
        T(the_lineage_is_not_joined),
        T(of_two_leases_one_stays),
        T(cells_are_joined_where_they_stand_in_time),
        T(cells_move_by_whole_cells_rounded_up),
        T(times_move_and_never_stays),
    };

    return T_MAIN(tests);
}
