/* What a guard object remembers of a store that others share: the record that it saw last, on whatever clock the store
   has now, and how slots ended that it could not write. Times are in us. */
#include "guard/view.h"
#include "../support/decoding.h"
#include "records.h"

#include <string.h>

#define S(seconds) ((seconds) * INT64_C(1000000))
#define CELL LSYNC_GUARD_CELL_US
#define NEVER LSYNC_GUARD_NEVER_US
#define NOW S(900000)   /* of the store's clock: a boundary of the grid */
#define OWN_NOW S(1000) /* of the object's */
#define SLOT 4711
#define DRAWN 77

static const lsync_guard_limits service = {{S(20), S(60), 0}, 600, 0};

/* What is decided, and what it was decided on. */
typedef struct decided {
    bool asks; /* for a slot */
    lsync_guard_record before;
    int64_t now_us;
    int64_t slot;
    lsync_guard_verdict verdict;
} decided;

static bool decide(void *user, lsync_guard_record *r, const lsync_guard_limits *limits, int64_t now_us, int64_t slot)
{
    decided *d = user;
    lsync_guard_request request = {LOCK_SYNC_REQUEST_SYNC, 0, slot};

    d->before = *r;
    d->now_us = now_us;
    d->slot = slot;
    if (d->asks)
        d->verdict = lsync_guard_reserve(r, limits, &request, now_us);
    return false;
}

/* A store that holds a record of life 5 and version 9. */
static lsync_guard_holding new_holding(void)
{
    lsync_guard_holding h;

    memset(&h, 0, sizeof h);
    h.present = true;
    h.stored.record = record_new(NOW);
    h.stored.record.lineage.life = 5;
    h.stored.record.version = 9;
    h.now_us = NOW;
    h.own_now_us = OWN_NOW;
    h.source.empty_since_us = NEVER;
    return h;
}

/* Has it decided, and checks that the bytes are the record. */
static bool decide_on(const lsync_guard_view *v, lsync_guard_holding *h, decided *d)
{
    const lsync_guard_decision decision = {decide, d, &service, S(40)};
    unsigned char bytes[LSYNC_GUARD_RECORD_SIZE];
    lsync_guard_stored stored;
    bool changed = lsync_guard_view_decide(v, h, &decision, DRAWN, bytes);

    CHECK(lsync_guard_unpack(bytes, sizeof bytes, &stored));
    CHECK(stored_is_same(&stored, &h->stored));
    CHECK_INT(d->now_us, h->now_us);
    CHECK_INT(d->slot, DRAWN);
    return changed;
}

TEST(a_record_is_written_if_it_changed)
{
    static const struct {
        const char *name;
        bool present, translated, asks, pulled;
        bool changed;
        uint64_t version;
    } rows[] = {
        {"nothing changed", true, false, false, false, false, 9},
        {"translated", true, true, false, false, true, 10},
        {"decided", true, false, true, false, true, 10},
        {"decided and translated", true, true, true, false, true, 10},
        {"denied, but pulled back", true, false, true, true, true, 10},
        {"new", false, false, false, false, true, 1},
        {"new, and decided", false, false, true, false, true, 1},
    };

    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        lsync_guard_view v;
        lsync_guard_holding h = new_holding();
        decided d = {.asks = rows[i].asks};

        t_row("%s", rows[i].name);
        lsync_guard_view_init(&v);
        h.present = rows[i].present;
        h.translated = rows[i].translated;
        if (rows[i].pulled)
            h.stored.record.lines[0].over_us = NOW + S(9000);
        CHECK_INT(decide_on(&v, &h, &d), rows[i].changed);
        CHECK_INT(h.stored.record.version, rows[i].version);
        CHECK_INT(h.stored.record.lineage.life, rows[i].present ? 5 : DRAWN);
        CHECK_INT(d.verdict.slot, rows[i].asks && !rows[i].pulled ? DRAWN : 0);
    }
}

TEST(what_is_asked_for_closes_a_record_that_is_gone)
{
    lsync_guard_view v;
    lsync_guard_holding h = new_holding();
    decided d = {.asks = true};

    lsync_guard_view_init(&v);
    lsync_guard_view_see(&v, &h);
    h.present = false;
    CHECK(decide_on(&v, &h, &d));
    CHECK_INT(d.verdict.slot, 0);
    CHECK_INT(d.verdict.wait_us, S(60)); /* the decision's hold of 40 s and the interval */
    CHECK_INT(d.verdict.reason, LSYNC_GUARD_REASON_LOSS);
    CHECK_INT(h.stored.record.version, 10);
}

/* --- kept outcomes --- */

TEST(a_kept_outcome_is_settled_before_the_question)
{
    static const struct {
        const char *name;
        lsync_guard_ending ending;
        int64_t kept_before;
        int64_t wait; /* of a question */
        lsync_guard_reason reason;
    } rows[] = {
        {"sent just now", {SLOT, LOCK_SYNC_SLOT_SENT, -1, 0, 0}, 0, S(20), LSYNC_GUARD_REASON_INTERVAL},
        {"sent some time ago", {SLOT, LOCK_SYNC_SLOT_SENT, -1, 0, 0}, S(15), S(5), LSYNC_GUARD_REASON_INTERVAL},
        {"sent an interval ago", {SLOT, LOCK_SYNC_SLOT_SENT, -1, 0, 0}, S(20), 0, LSYNC_GUARD_REASON_NONE},
        {"not sent", {SLOT, LOCK_SYNC_SLOT_NOT_SENT, -1, 0, 0}, S(15), 0, LSYNC_GUARD_REASON_NONE},
        {"a 429", {SLOT, LOCK_SYNC_SLOT_LIMITED, S(60), 0, 0}, S(15), S(45), LSYNC_GUARD_REASON_BLOCK},
        {"a 429 of a lease that is over", {SLOT + 1, LOCK_SYNC_SLOT_LIMITED, S(900), 0, 0}, S(15), S(885),
         LSYNC_GUARD_REASON_BLOCK},
        {"sent, of a lease that is over", {SLOT + 1, LOCK_SYNC_SLOT_SENT, -1, 0, 0}, S(15), S(120),
         LSYNC_GUARD_REASON_LEASE},
        {"an own clock that went back: just now", {SLOT, LOCK_SYNC_SLOT_SENT, -1, 0, 0}, -S(9), S(20),
         LSYNC_GUARD_REASON_INTERVAL},
    };

    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        lsync_guard_view v;
        lsync_guard_holding h = new_holding();
        decided d = {.asks = true};

        t_row("%s", rows[i].name);
        lsync_guard_view_init(&v);
        h.stored.record.lines[0].lease = (lsync_guard_lease){SLOT, NOW + S(100), S(300)};
        lsync_guard_view_keep(&v, &rows[i].ending, OWN_NOW - rows[i].kept_before);
        CHECK_INT(decide_on(&v, &h, &d), rows[i].reason != LSYNC_GUARD_REASON_LEASE); /* late: changes nothing */
        CHECK_INT(d.verdict.wait_us, rows[i].wait);
        CHECK_INT(d.verdict.reason, rows[i].reason);
        CHECK_INT(v.kept_count, 1); /* until the record is written */
        lsync_guard_view_see(&v, &h);
        CHECK_INT(v.kept_count, 0);
        CHECK(v.has_seen && record_is_same(&v.seen, &h.stored.record));
    }
}

TEST(kept_outcomes_are_settled_in_their_order)
{
    const lsync_guard_ending limited = {SLOT, LOCK_SYNC_SLOT_LIMITED, -1, 0, 2};
    const lsync_guard_ending sent = {SLOT + 1, LOCK_SYNC_SLOT_SENT, -1, 0, 1};
    lsync_guard_view v;
    lsync_guard_holding h = new_holding();
    decided d = {0};

    lsync_guard_view_init(&v);
    h.stored.record.lines[0].lease = (lsync_guard_lease){SLOT, NOW + S(100), S(300)};
    h.stored.record.lines[1].lease = (lsync_guard_lease){SLOT + 1, NOW + S(100), S(300)};
    lsync_guard_view_keep(&v, &limited, OWN_NOW - S(10));
    lsync_guard_view_keep(&v, &sent, OWN_NOW - S(5));
    CHECK(decide_on(&v, &h, &d));
    CHECK_INT(d.before.limited, 0); /* the answer came last */
    CHECK_INT(d.before.blocked_until_us, NOW + S(30));
    CHECK_INT(d.before.lines[0].over_us, NOW - S(10));
    CHECK_INT(d.before.lines[1].over_us, NOW - S(5));
    CHECK_INT(d.before.cells[LSYNC_GUARD_CELLS - 3], 5); /* two requests and three charges, before NOW's cell */
}

/* What is kept, as a row says it: block 0: sent. */
typedef struct kept_row {
    int64_t slot;
    int64_t block; /* < 0: a 429 that did not say */
    uint32_t charges;
} kept_row;

TEST(of_too_many_the_one_that_matters_least_is_dropped)
{
    static const struct {
        const char *name;
        kept_row comes[LSYNC_GUARD_KEPT_MAX + 1];
        int64_t dropped;
        int64_t charged; /* who has the charges of the one that is dropped */
    } rows[] = {
        {"all sent: the oldest", {{1, 0, 3}, {2, 0, 0}, {3, 0, 0}, {4, 0, 0}, {5, 0, 0}, {6, 0, 0}, {7, 0, 0},
         {8, 0, 0}, {9, 0, 1}}, 1, 9},
        {"the oldest that is no block", {{1, S(9), 0}, {2, S(9), 0}, {3, 0, 3}, {4, S(9), 0}, {5, 0, 0}, {6, 0, 0},
         {7, 0, 0}, {8, 0, 0}, {9, S(9), 1}}, 3, 9},
        {"the one after the oldest", {{1, S(9), 0}, {2, 0, 3}, {3, 0, 0}, {4, 0, 0}, {5, 0, 0}, {6, 0, 0}, {7, 0, 0},
         {8, 0, 0}, {9, 0, 1}}, 2, 9},
        {"the newest, if it is the only one", {{1, S(9), 0}, {2, S(9), 0}, {3, S(9), 0}, {4, S(9), 0}, {5, S(9), 0},
         {6, S(9), 0}, {7, S(9), 0}, {8, S(9), 1}, {9, 0, 3}}, 9, 8},
        {"all blocks: the one that ends first", {{1, S(99), 0}, {2, S(98), 0}, {3, S(97), 0}, {4, S(80), 0},
         {5, S(20), 3}, {6, S(60), 0}, {7, S(40), 0}, {8, S(40), 0}, {9, S(900), 1}}, 5, 9},
        {"all blocks: the one that did not say for how long", {{1, S(99), 0}, {2, S(98), 0}, {3, S(97), 0},
         {4, S(80), 0}, {5, -1, 3}, {6, S(60), 0}, {7, S(40), 0}, {8, S(40), 0}, {9, S(900), 1}}, 5, 9},
        {"blocks that end by when they came", {{1, S(99), 3}, {2, S(99), 0}, {3, S(99), 0}, {4, S(99), 0},
         {5, S(99), 0}, {6, S(99), 0}, {7, S(99), 0}, {8, S(99), 0}, {9, S(99), 1}}, 1, 9},
    };

    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        lsync_guard_view v;
        int64_t at = 0;

        t_row("%s", rows[i].name);
        lsync_guard_view_init(&v);
        for (size_t k = 0; k <= LSYNC_GUARD_KEPT_MAX; k++) {
            const kept_row *r = &rows[i].comes[k];
            const lsync_guard_ending ending = {r->slot, r->block == 0 ? LOCK_SYNC_SLOT_SENT : LOCK_SYNC_SLOT_LIMITED,
                                               r->block, 0, r->charges};

            CHECK_INT(v.kept_count, k);
            lsync_guard_view_keep(&v, &ending, S((int64_t)k));
        }
        CHECK_INT(v.kept_count, LSYNC_GUARD_KEPT_MAX);
        for (size_t k = 0; k < v.kept_count; k++) {
            at += at + 1 == rows[i].dropped ? 2 : 1; /* in their order */
            CHECK_INT(v.kept[k].ending.slot, at);
            CHECK_INT(v.kept[k].at_us, S(at - 1));
            CHECK_INT(v.kept[k].ending.charges, at == rows[i].charged ? 4 : 0);
        }
    }
}

TEST(in_a_child_nothing_is_kept)
{
    const lsync_guard_ending sent = {SLOT, LOCK_SYNC_SLOT_SENT, -1, 0, 0};
    lsync_guard_view v;
    lsync_guard_holding h = new_holding();

    lsync_guard_view_init(&v);
    lsync_guard_view_see(&v, &h);
    lsync_guard_view_keep(&v, &sent, OWN_NOW);
    lsync_guard_view_after_fork(&v);
    CHECK_INT(v.kept_count, 0);
    CHECK(v.has_seen); /* what both have seen is still true */
}

TEST(a_view_begins_with_nothing)
{
    lsync_guard_view v;

    memset(&v, 0xa5, sizeof v);
    lsync_guard_view_init(&v);
    CHECK(!v.has_seen);
    CHECK_INT(v.kept_count, 0);
    CHECK_TEXT(v.warning, "");
}

/* --- what was seen --- */

/* Which cell holds the only count; -1: none. */
static int64_t counted_cell(const lsync_guard_record *r)
{
    for (int i = 0; i < LSYNC_GUARD_CELLS; i++)
        if (r->cells[i] != 0)
            return r->newest_cell - LSYNC_GUARD_CELLS + 1 + i;
    return -1;
}

TEST(what_was_seen_is_moved_onto_the_clock_of_now)
{
    static const struct {
        const char *name;
        int64_t store_passed; /* since it was seen, by the store's clock */
        int64_t own_passed;
        int64_t moved;
        int64_t cells;
    } rows[] = {
        {"the same clock", 0, 0, 0, 0},
        {"the same clock, later", S(1000), S(1000), 0, 0},
        {"a little ahead: noise, times move", S(100) + 1, S(100), 1, 0},
        {"the most of noise ahead", S(102) - 1, S(100), S(2) - 1, 0},
        {"ahead", S(102), S(100), S(2), 1},
        {"far ahead: a cell more, rounded up", S(501), S(100), S(401), 2},
        {"ahead by whole cells", S(700), S(100), S(600), 2},
        {"a little behind: noise, nothing moves", S(100) - 1, S(100), 0, 0},
        {"the most of noise behind", S(98) + 1, S(100), 0, 0},
        {"behind: times move, cells not by less than one", S(98), S(100), -S(2), 0},
        {"behind by more than a cell", -S(301), S(100), -S(401), -1},
    };

    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        lsync_guard_view v;
        lsync_guard_holding h = new_holding();
        lsync_guard_record *r = &h.stored.record;
        decided d = {0};

        t_row("%s", rows[i].name);
        lsync_guard_view_init(&v);
        r->lines[0].over_us = NOW - S(1000);
        r->cells[LSYNC_GUARD_CELLS - 6] = 1;
        lsync_guard_view_see(&v, &h);
        h.present = false;
        h.now_us = NOW + rows[i].store_passed;
        h.own_now_us = OWN_NOW + rows[i].own_passed;
        CHECK(decide_on(&v, &h, &d));
        CHECK_INT(r->lines[0].over_us, NOW - S(1000) + rows[i].moved);
        CHECK_INT(counted_cell(r), NOW / CELL + 1 - 5 + rows[i].cells);
    }
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        T(a_record_is_written_if_it_changed),
        T(what_is_asked_for_closes_a_record_that_is_gone),
        T(a_kept_outcome_is_settled_before_the_question),
        T(kept_outcomes_are_settled_in_their_order),
        T(of_too_many_the_one_that_matters_least_is_dropped),
        T(in_a_child_nothing_is_kept),
        T(a_view_begins_with_nothing),
        T(what_was_seen_is_moved_onto_the_clock_of_now),
    };

    return T_MAIN(tests);
}
