/* A guard object's view of a shared store: the record that it saw last, and the outcomes that it could not write. The
   record is moved onto the store's clock. NOW is a time of that clock. */
#include "guard/view.h"
#include "records.h"

#include <string.h>

#define OWN_NOW S(1000) /* a time of the object's clock */
#define SLOT 4711
#define DRAWN 77

/* An object, a store, and a decision on its record. */
typedef struct scene {
    lsync_guard_view v;
    lsync_guard_snapshot h;
    bool asks; /* for a slot */
    lsync_guard_record before;
    int64_t slot;
    lsync_guard_verdict verdict;
} scene;

/* Makes an object that has seen nothing, and a store with a record of life 5 and version 9. */
static scene new_scene(void)
{
    scene s;

    memset(&s, 0, sizeof s);
    memset(&s.v, 0xa5, sizeof s.v);
    lsync_guard_view_init(&s.v);
    s.h.present = true;
    s.h.stored.record = record_new();
    s.h.stored.record.lineage.life = 5;
    s.h.stored.record.version = 9;
    s.h.now_us = NOW;
    s.h.own_now_us = s.h.own_asked_us = OWN_NOW;
    s.h.source.empty_since_us = NEVER;
    return s;
}

static bool decide(void *user, lsync_guard_record *r, const lsync_guard_limits *limits, int64_t now_us, int64_t slot)
{
    scene *s = user;
    lsync_guard_request request = {LOCK_SYNC_REQUEST_SYNC, 0, slot};

    CHECK_INT(slot, DRAWN);
    CHECK_INT(now_us, s->h.now_us);
    s->before = *r;
    if (s->asks)
        s->verdict = lsync_guard_reserve(r, limits, &request, now_us);
    return false;
}

/* Decides, and checks that the bytes are the record. Returns whether the record must be written. */
static bool changes(scene *s)
{
    const lsync_guard_decision decision = {decide, s, &service, S(40)};
    unsigned char bytes[LSYNC_GUARD_RECORD_SIZE];
    unsigned char again[LSYNC_GUARD_RECORD_SIZE];
    bool changed = lsync_guard_view_decide(&s->v, &s->h, &decision, DRAWN, bytes);

    lsync_guard_pack(&s->h.stored, again);
    CHECK(memcmp(bytes, again, sizeof bytes) == 0);
    return changed;
}

TEST(a_record_is_written_if_it_changed)
{
    static const struct {
        const char *name;
        bool absent, translated, asks;
        int64_t over; /* of SYNC, from now on; 0: never */
        uint64_t version;
    } rows[] = {
        {"nothing changed", .version = 9},
        {"translated", .translated = true, .version = 10},
        {"decided", .asks = true, .version = 10},
        {"decided and translated", .asks = true, .translated = true, .version = 10},
        {"denied", .asks = true, .over = -S(1), .version = 9},
        {"denied, but pulled back", .asks = true, .over = S(9000), .version = 10},
        {"new", .absent = true, .version = 1},
        {"new, and decided", .absent = true, .asks = true, .version = 1},
    };

    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        scene s = new_scene();

        t_row("%s", rows[i].name);
        s.asks = rows[i].asks;
        s.h.present = !rows[i].absent;
        s.h.translated = rows[i].translated;
        if (rows[i].over != 0)
            s.h.stored.record.entries[0].over_us = NOW + rows[i].over;
        CHECK_INT(changes(&s), rows[i].version != 9);
        CHECK_INT(s.h.stored.record.version, rows[i].version);
        CHECK_INT(s.h.stored.record.lineage.life, rows[i].absent ? DRAWN : 5);
        CHECK_INT(s.verdict.slot, rows[i].asks && rows[i].over == 0 ? DRAWN : 0);
    }
}

TEST(a_requested_lease_closes_a_lost_record)
{
    scene s = new_scene();

    lsync_guard_view_see(&s.v, lsync_guard_view_mark_of(&s.v), &s.h);
    s.h.present = false;
    s.asks = true;
    CHECK(changes(&s));
    CHECK_INT(s.verdict.wait_us, S(60)); /* the decision's lease of 40 s and the interval */
    CHECK_INT(s.verdict.reason, LSYNC_GUARD_REASON_LOSS);
    CHECK_INT(s.h.stored.record.version, 10);
}

/* --- kept outcomes --- */

#define SENT(slot)                                                                                                     \
  {                                                                                                                    \
    slot, LOCK_SYNC_SLOT_SENT, -1, 0, 0                                                                                \
  }
#define NOT_SENT(slot)                                                                                                 \
  {                                                                                                                    \
    slot, LOCK_SYNC_SLOT_NOT_SENT, -1, 0, 0                                                                            \
  }
#define LIMITED(slot, retry_after)                                                                                     \
  {                                                                                                                    \
    slot, LOCK_SYNC_SLOT_LIMITED, retry_after, 0, 0                                                                    \
  }

TEST(a_kept_outcome_is_settled_before_a_request_for_a_slot)
{
    static const struct {
        const char *name;
        lsync_guard_ending ending;
        int64_t kept_before;
        int64_t wait; /* of a request for a slot */
        lsync_guard_reason reason;
    } rows[] = {
        {"sent just now", SENT(SLOT), 0, S(20), LSYNC_GUARD_REASON_INTERVAL},
        {"sent some time ago", SENT(SLOT), S(15), S(5), LSYNC_GUARD_REASON_INTERVAL},
        {"sent an interval ago", SENT(SLOT), S(20), 0, LSYNC_GUARD_REASON_NONE},
        {"not sent", NOT_SENT(SLOT), S(15), 0, LSYNC_GUARD_REASON_NONE},
        {"a 429", LIMITED(SLOT, S(60)), S(15), S(45), LSYNC_GUARD_REASON_BLOCK},
        {"a 429 of an ended lease", LIMITED(SLOT + 1, S(900)), S(15), S(885), LSYNC_GUARD_REASON_BLOCK},
        {"sent, of an ended lease", SENT(SLOT + 1), S(15), S(120), LSYNC_GUARD_REASON_LEASE},
        {"the object's clock was set back: just now", SENT(SLOT), -S(9), S(20), LSYNC_GUARD_REASON_INTERVAL},
    };

    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        scene s = new_scene();

        t_row("%s", rows[i].name);
        s.asks = true;
        s.h.stored.record.entries[0].lease = (lsync_guard_lease){SLOT, NOW + S(100), S(300)};
        lsync_guard_view_keep(&s.v, &rows[i].ending, OWN_NOW - rows[i].kept_before);
        CHECK_INT(changes(&s), rows[i].reason != LSYNC_GUARD_REASON_LEASE); /* late: changes nothing */
        CHECK_INT(s.verdict.wait_us, rows[i].wait);
        CHECK_INT(s.verdict.reason, rows[i].reason);
        CHECK_INT(s.v.kept_count, 1); /* until the record is written */
        lsync_guard_view_see(&s.v, lsync_guard_view_mark_of(&s.v), &s.h);
        CHECK_INT(s.v.kept_count, 0);
        CHECK(s.v.has_seen && record_is_same(&s.v.seen, &s.h.stored.record));
    }
}

TEST(a_kept_outcome_is_not_older_if_the_reply_is_read_late)
{
    static const lsync_guard_ending sent = SENT(SLOT);
    scene s = new_scene();

    s.asks = true;
    s.h.own_asked_us = OWN_NOW - S(3);
    s.h.stored.record.entries[0].lease = (lsync_guard_lease){SLOT, NOW + S(100), S(300)};
    lsync_guard_view_keep(&s.v, &sent, OWN_NOW - S(15));
    CHECK(changes(&s));
    CHECK_INT(s.verdict.wait_us, S(8)); /* the store may have shown NOW already 3 s ago, when 12 s had passed */
}

TEST(kept_outcomes_are_settled_in_their_order)
{
    const lsync_guard_ending limited = {SLOT, LOCK_SYNC_SLOT_LIMITED, -1, 0, .charges = 2};
    const lsync_guard_ending sent = {SLOT + 1, LOCK_SYNC_SLOT_SENT, -1, 0, .charges = 1};
    scene s = new_scene();

    s.h.stored.record.entries[0].lease = (lsync_guard_lease){SLOT, NOW + S(100), S(300)};
    s.h.stored.record.entries[1].lease = (lsync_guard_lease){SLOT + 1, NOW + S(100), S(300)};
    lsync_guard_view_keep(&s.v, &limited, OWN_NOW - S(10));
    lsync_guard_view_keep(&s.v, &sent, OWN_NOW - S(5));
    CHECK(changes(&s));
    CHECK_INT(s.before.limited, 0); /* the response came last */
    CHECK_INT(s.before.blocked_until_us, NOW + S(30));
    CHECK_INT(s.before.entries[0].over_us, NOW - S(10));
    CHECK_INT(s.before.entries[1].over_us, NOW - S(5));
    CHECK_INT(s.before.cells[LSYNC_GUARD_CELLS - 3], 5); /* two requests and three charges, before NOW's cell */
}

TEST(of_too_many_outcomes_the_least_important_is_dropped)
{
    enum { COME = LSYNC_GUARD_KEPT_MAX + 1 };
    static const struct {
        const char *name;
        int blocks[COME]; /* the outcomes of slots 1 to 9: a 429 for this many seconds; -1: without a time; 0: sent */
        int64_t dropped;
    } rows[] = {
        {"all sent: the oldest", {0, 0, 0, 0, 0, 0, 0, 0, 0}, 1},
        {"the one after the oldest", {9, 0, 0, 0, 0, 0, 0, 0, 0}, 2},
        {"the oldest that does not block", {9, 9, 0, 9, 0, 0, 0, 0, 9}, 3},
        {"the newest, if it is the only one", {9, 9, 9, 9, 9, 9, 9, 9, 0}, 9},
        {"all blocks: the one that ends first", {99, 98, 97, 80, 20, 60, 40, 40, 900}, 5},
        {"all blocks: the one without a time", {99, 98, 97, 80, -1, 60, 40, 40, 900}, 5},
        {"blocks that end in their order", {99, 99, 99, 99, 99, 99, 99, 99, 99}, 1},
    };

    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        lsync_guard_view v;
        int64_t slot = 0;

        t_row("%s", rows[i].name);
        lsync_guard_view_init(&v);
        for (int k = 0; k < COME; k++) {
            int block = rows[i].blocks[k];
            const lsync_guard_ending ending = {k + 1, block == 0 ? LOCK_SYNC_SLOT_SENT : LOCK_SYNC_SLOT_LIMITED,
                                               block < 0 ? -1 : S(block), 0, k + 1 == rows[i].dropped ? 3 : 1};

            CHECK_INT(v.kept_count, k);
            lsync_guard_view_keep(&v, &ending, S(k));
        }
        CHECK_INT(v.kept_count, LSYNC_GUARD_KEPT_MAX);
        for (size_t k = 0; k < v.kept_count; k++) {
            slot += slot + 1 == rows[i].dropped ? 2 : 1; /* in their order */
            CHECK_INT(v.kept[k].ending.slot, slot);
            CHECK_INT(v.kept[k].at_us, S(slot - 1));
            CHECK_INT(v.kept[k].ending.charges,
                      k + 1 < v.kept_count ? 1 : 4); /* the newest has those of the dropped one */
        }
    }
}

TEST(a_child_keeps_no_outcome)
{
    const lsync_guard_ending sent = SENT(SLOT);
    scene s = new_scene();

    CHECK(!s.v.has_seen && s.v.kept_count == 0 && s.v.warning[0] == '\0');
    lsync_guard_view_see(&s.v, lsync_guard_view_mark_of(&s.v), &s.h);
    lsync_guard_view_keep(&s.v, &sent, OWN_NOW);
    lsync_guard_view_after_fork(&s.v);
    CHECK_INT(s.v.kept_count, 0);
    CHECK(s.v.has_seen); /* the record that was seen still applies */
}

/* --- the record that was seen --- */

/* Returns the cell with the only count; -1: none. */
static int64_t counted_cell(const lsync_guard_record *r)
{
    for (int i = 0; i < LSYNC_GUARD_CELLS; i++)
        if (r->cells[i] != 0)
            return r->newest_cell - LSYNC_GUARD_CELLS + 1 + i;
    return -1;
}

TEST(the_record_that_was_seen_is_moved_onto_the_stores_clock)
{
    static const struct {
        const char *name;
        int64_t store_passed; /* since it was seen, by the store's clock */
        int64_t own_passed;
        int64_t moved;
        int64_t cells;
    } rows[] = {
        {"the same clock, later", S(1000), S(1000), 0, 0},
        {"a little ahead: noise, times move", S(100) + 1, S(100), 1, 0},
        {"the most of noise ahead", S(102) - 1, S(100), S(2) - 1, 0},
        {"ahead", S(102), S(100), S(2), 1},
        {"far ahead: a cell more, rounded up", S(501), S(100), S(401), 2},
        {"a little behind: noise, nothing moves", S(100) - 1, S(100), 0, 0},
        {"the most of noise behind", S(98) + 1, S(100), 0, 0},
        {"behind: times move, cells not by less than one", S(98), S(100), -S(2), 0},
        {"behind by more than a cell", -S(301), S(100), -S(401), -1},
    };

    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        scene s = new_scene();
        lsync_guard_record *r = &s.h.stored.record;

        t_row("%s", rows[i].name);
        r->entries[0].over_us = NOW - S(1000);
        r->cells[LSYNC_GUARD_CELLS - 6] = 1;
        lsync_guard_view_see(&s.v, lsync_guard_view_mark_of(&s.v), &s.h);
        s.h.present = false;
        s.h.now_us = NOW + rows[i].store_passed;
        s.h.own_now_us = OWN_NOW + rows[i].own_passed;
        CHECK(changes(&s));
        CHECK_INT(r->entries[0].over_us, NOW - S(1000) + rows[i].moved);
        CHECK_INT(counted_cell(r), NOW / CELL + 1 - 5 + rows[i].cells);
    }
}
