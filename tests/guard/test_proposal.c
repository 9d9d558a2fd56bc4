/* A decision that is proposed to a store. Each row says what happens at the store, and how many round trips the
   decision takes. */
#include "guard/proposal.h"
#include "guard/task.h"
#include "records.h"

#include <string.h>

#define OWN S(1000)          /* the guard's own clock is behind by this */
#define TRIP ((int64_t)1000) /* a round trip; the store acts in its middle */
#define LEASE_MS 30000

/* A store, and a guard that uses it. */
typedef struct scene {
    lsync_guard_view view;
    int64_t now_us; /* by the store's clock */
    unsigned char record[LSYNC_GUARD_RECORD_SIZE];
    size_t size;
    unsigned char source;
    int64_t next_slot;
    int trips;
    lsync_guard_task task;
    lsync_proposal p;
} scene;

/* An event at the store while the first swap is on its way. */
typedef enum event {
    NOTHING,
    OTHER_WRITES,
    OTHERS_WRITE_ALWAYS,
    CLOCK_JUMPS,
    CLOCK_STEPS_BACK,
    RESTARTS,
    LOSES_RECORD,
    REPLY_IS_LOST,
    FAILS,
    DAMAGES,
    NO_TIME
} event;

static scene new_scene(void)
{
    scene s;

    memset(&s, 0, sizeof s);
    memset(&s.p, 0xa5, sizeof s.p);
    lsync_guard_view_init(&s.view);
    s.now_us = NOW;
    s.source = 7;
    s.next_slot = 100;
    return s;
}

static lsync_proposal_input input_of(scene *s, lsync_guard_decision *decision)
{
    *decision = lsync_guard_task_decision(&s->task, &service);
    return (lsync_proposal_input){decision, s->now_us - OWN, s->next_slot++};
}

/* Counts a request in the record, as another user. */
static void write_as_other(scene *s)
{
    lsync_guard_stored stored;
    const lsync_guard_ending charge = {.retry_after_us = -1, .charges = 1};

    CHECK(lsync_guard_unpack(s->record, s->size, &stored));
    lsync_guard_settle(&stored.record, &service, &charge, s->now_us);
    stored.record.version++;
    lsync_guard_pack(&stored, s->record);
}

static void happen(scene *s, event e)
{
    switch (e) {
    case OTHER_WRITES: write_as_other(s); break;
    case OTHERS_WRITE_ALWAYS: write_as_other(s); break;
    case CLOCK_JUMPS: s->now_us += S(3); break;
    case CLOCK_STEPS_BACK: s->now_us -= S(3); break;
    case RESTARTS: s->source++; break;
    case LOSES_RECORD: s->size = 0; break;
    case DAMAGES: s->record[20] ^= 1; break;
    case NOTHING:
    case REPLY_IS_LOST:
    case FAILS:
    case NO_TIME:
    default: break;
    }
}

/* Carries out a swap, as a store must. */
static void carry_out(scene *s, event e)
{
    lock_sync_guard_swap *swap = &s->p.swap;
    unsigned char source[LOCK_SYNC_GUARD_SOURCE_SIZE];
    bool is_any;

    s->trips++;
    s->now_us += TRIP / 2;
    happen(s, e);
    memset(source, s->source, sizeof source);
    is_any = swap->expected_source[0] == 0;
    memcpy(swap->source, source, sizeof source);
    swap->now_us = e == NO_TIME ? 0 : s->now_us;
    swap->replaced = e != FAILS && swap->record_size > 0 && swap->expected_size == s->size &&
                     (s->size == 0 || memcmp(swap->expected, s->record, s->size) == 0) &&
                     s->now_us >= swap->not_before_us && s->now_us <= swap->not_after_us &&
                     (is_any || memcmp(swap->expected_source, source, sizeof source) == 0);
    if (swap->replaced) {
        memcpy(s->record, swap->record, swap->record_size);
        s->size = swap->record_size;
    } else {
        memcpy(swap->found, s->record, s->size);
        swap->found_size = s->size;
    }
    swap->status = e == FAILS || e == REPLY_IS_LOST ? LOCK_SYNC_E_GUARD : LOCK_SYNC_OK;
    swap->unknown = e == REPLY_IS_LOST;
    swap->done = true;
    s->now_us += TRIP / 2;
}

/* Carries out a task. The event happens during its first round trip. */
static lsync_proposal_state run(scene *s, const lsync_guard_task *task, event e)
{
    lsync_guard_decision decision;
    lsync_proposal_input input;
    lsync_proposal_state state = LSYNC_PROPOSAL_OPEN;

    s->task = *task;
    s->trips = 0;
    input = input_of(s, &decision);
    lsync_proposal_begin(&s->p, &s->view, &input);
    while (state == LSYNC_PROPOSAL_OPEN) {
        carry_out(s, s->trips == 0 || e == OTHERS_WRITE_ALWAYS ? e : NOTHING);
        input = input_of(s, &decision);
        state = lsync_proposal_continue(&s->p, &s->view, &input);
    }
    return state;
}

static lsync_proposal_state ask(scene *s, event e)
{
    const lsync_guard_task task = lsync_guard_task_ask(LOCK_SYNC_REQUEST_SYNC, LEASE_MS);

    return run(s, &task, e);
}

static lsync_proposal_state settle(scene *s, int64_t slot, event e)
{
    const lsync_settlement sent = {LOCK_SYNC_SLOT_SENT, -1, 1};
    const lsync_guard_task task = lsync_guard_task_settle(slot, &sent);

    return run(s, &task, e);
}

TEST(a_decision_takes_one_round_trip_unless_another_user_interferes)
{
    static const struct {
        const char *name;
        event event;
        int64_t later; /* how long after the guard has seen the record */
        int trips;
        lsync_proposal_state state;
        bool granted;
    } rows[] = {
        {"nothing happens", NOTHING, S(25), 1, LSYNC_PROPOSAL_DONE, true},
        {"the interval is not over", NOTHING, S(10), 1, LSYNC_PROPOSAL_DONE, false},
        {"the record was seen too long ago", NOTHING, S(400), 2, LSYNC_PROPOSAL_DONE, true},
        {"another user writes", OTHER_WRITES, S(25), 2, LSYNC_PROPOSAL_DONE, true},
        {"other users write again and again", OTHERS_WRITE_ALWAYS, S(25), 32, LSYNC_PROPOSAL_FAILED, false},
        {"the store's clock jumps", CLOCK_JUMPS, S(25), 2, LSYNC_PROPOSAL_DONE, true},
        {"the store's clock steps back", CLOCK_STEPS_BACK, S(25), 2, LSYNC_PROPOSAL_DONE, true},
        {"the store restarts", RESTARTS, S(25), 2, LSYNC_PROPOSAL_DONE, false},
        {"the store loses the record", LOSES_RECORD, S(25), 2, LSYNC_PROPOSAL_DONE, false},
        {"the store fails", FAILS, S(25), 1, LSYNC_PROPOSAL_FAILED, false},
        {"the response is lost", REPLY_IS_LOST, S(25), 1, LSYNC_PROPOSAL_FAILED, false},
        {"the record is damaged", DAMAGES, S(25), 1, LSYNC_PROPOSAL_FAILED, false},
        {"the time is not usable", NO_TIME, S(25), 1, LSYNC_PROPOSAL_FAILED, false},
    };

    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        scene s = new_scene();

        t_row("%s", rows[i].name);
        CHECK_INT(ask(&s, NOTHING), LSYNC_PROPOSAL_DONE); /* the first use: a look, and a swap */
        CHECK_INT(s.trips, 2);
        CHECK(s.task.reservation.slot != 0);
        CHECK_INT(settle(&s, s.task.reservation.slot, NOTHING), LSYNC_PROPOSAL_DONE);
        CHECK_INT(s.trips, 1);
        s.now_us += rows[i].later;
        CHECK_INT(ask(&s, rows[i].event), rows[i].state);
        CHECK_INT(s.trips, rows[i].trips);
        CHECK((s.p.swap.why[0] != '\0') == (rows[i].state == LSYNC_PROPOSAL_FAILED));
        if (rows[i].state == LSYNC_PROPOSAL_DONE)
            CHECK(rows[i].granted == (s.task.reservation.slot != 0));
    }
}

TEST(the_store_s_texts_are_one_line_each)
{
    scene s = new_scene();
    lsync_guard_decision decision;
    lsync_proposal_input input;

    s.task = lsync_guard_task_ask(LOCK_SYNC_REQUEST_SYNC, LEASE_MS);
    input = input_of(&s, &decision);
    lsync_proposal_begin(&s.p, &s.view, &input);
    s.p.swap.status = LOCK_SYNC_E_GUARD;
    memset(s.p.swap.why, '\n', sizeof s.p.swap.why);
    memset(s.p.swap.warning, '\n', sizeof s.p.swap.warning);
    CHECK_INT(lsync_proposal_continue(&s.p, &s.view, &input), LSYNC_PROPOSAL_FAILED);
    CHECK_INT(strspn(s.p.swap.why, " "), sizeof s.p.swap.why - 1);
    CHECK_INT(strspn(s.view.warning, " "), sizeof s.view.warning - 1);
}

TEST(times_are_those_of_the_end_of_the_window_and_openings_those_of_its_beginning)
{
    scene s = new_scene();
    const lsync_guard_entry *entry = &s.view.seen.entries[LOCK_SYNC_REQUEST_SYNC];
    int64_t slot;
    int64_t settled_us;

    CHECK_INT(ask(&s, NOTHING), LSYNC_PROPOSAL_DONE);
    slot = s.task.reservation.slot;
    CHECK(entry->lease.until_us >= s.now_us - TRIP / 2 + LEASE_MS * 1000);
    s.now_us += S(1);
    CHECK_INT(settle(&s, slot, NOTHING), LSYNC_PROPOSAL_DONE);
    settled_us = s.now_us - TRIP / 2;
    CHECK(entry->over_us >= settled_us);
    CHECK(entry->over_us <= settled_us + 20000); /* the window: 2 ms of drift, four round trips, and a pause of 5 ms */
    s.now_us = entry->over_us + S(20) - TRIP;    /* too soon, by the time at the beginning of the window */
    CHECK_INT(ask(&s, NOTHING), LSYNC_PROPOSAL_DONE);
    CHECK_INT(s.task.reservation.slot, 0);
    s.now_us += lsync_proposal_wait_ms(s.task.reservation.wait_ms) * 1000;
    CHECK_INT(ask(&s, NOTHING), LSYNC_PROPOSAL_DONE); /* the wait was enough, and needed no look */
    CHECK(s.task.reservation.slot != 0);
    CHECK_INT(s.trips, 1);
}

TEST(a_slow_store_gets_a_longer_window)
{
    scene s = new_scene();
    int64_t length;

    CHECK_INT(ask(&s, NOTHING), LSYNC_PROPOSAL_DONE);
    length = s.p.swap.not_after_us - s.p.swap.not_before_us;
    s.view.trip_us = 50000;
    CHECK_INT(settle(&s, s.task.reservation.slot, NOTHING), LSYNC_PROPOSAL_DONE);
    CHECK(s.p.swap.not_after_us - s.p.swap.not_before_us >= length + 4 * 49000);
    s.view.trip_us = S(100);
    s.now_us += S(25);
    CHECK_INT(ask(&s, NOTHING), LSYNC_PROPOSAL_DONE);
    CHECK_INT(s.p.swap.not_after_us - s.p.swap.not_before_us, S(1));
}

TEST(a_kept_outcome_is_written_with_the_next_decision_once)
{
    const lsync_settlement limited = {LOCK_SYNC_SLOT_LIMITED, 60000, 1};
    scene s = new_scene();
    lsync_guard_task task;

    CHECK_INT(ask(&s, NOTHING), LSYNC_PROPOSAL_DONE);
    task = lsync_guard_task_settle(s.task.reservation.slot, &limited);
    CHECK_INT(run(&s, &task, REPLY_IS_LOST), LSYNC_PROPOSAL_FAILED);
    lsync_guard_view_keep(&s.view, &task.ending, s.now_us - OWN);
    s.now_us += S(25);
    CHECK_INT(ask(&s, NOTHING), LSYNC_PROPOSAL_DONE);
    CHECK_INT(s.task.reservation.slot, 0);
    CHECK_INT(s.task.reservation.reason, LSYNC_GUARD_REASON_BLOCK);
    CHECK_INT(s.view.kept_count, 0);
    CHECK_INT(s.view.seen.limited, 1);
}

TEST(a_kept_outcome_is_not_older_if_the_last_reply_was_read_late)
{
    const lsync_settlement sent = {LOCK_SYNC_SLOT_SENT, -1, 1};
    scene s = new_scene();
    const lsync_guard_entry *entry = &s.view.seen.entries[LOCK_SYNC_REQUEST_SYNC];
    lsync_guard_task task;
    int64_t ended_us;

    CHECK_INT(ask(&s, NOTHING), LSYNC_PROPOSAL_DONE);
    task = lsync_guard_task_settle(s.task.reservation.slot, &sent);
    s.now_us += S(1); /* while the process did not run */
    s.view.seen_own_us = s.now_us - OWN;
    ended_us = s.now_us;
    lsync_guard_view_keep(&s.view, &task.ending, s.now_us - OWN);
    s.now_us += 1000;
    CHECK_INT(ask(&s, NOTHING), LSYNC_PROPOSAL_DONE);
    CHECK_INT(s.task.reservation.reason, LSYNC_GUARD_REASON_INTERVAL);
    CHECK_INT(s.view.kept_count, 0);
    CHECK_BETWEEN(entry->over_us, ended_us, ended_us + 20000);
}

/* The record of the later lineage stays, whatever its version. */
TEST(of_two_lineages_the_later_one_is_remembered)
{
    for (int later = 0; later < 2; later++) {
        scene s = new_scene();
        lsync_guard_view other;
        lsync_guard_view_mark mark;

        t_row("later %d", later);
        CHECK_INT(ask(&s, NOTHING), LSYNC_PROPOSAL_DONE);
        mark = lsync_guard_view_mark_of(&s.view);
        other = s.view;
        other.sights++;
        other.seen.version = 0;
        other.seen.lineage.life++;
        other.seen.lineage.born_us += later ? 1 : -1;
        s.view.sights++; /* another decision ended meanwhile */
        lsync_guard_view_merge(&s.view, mark, &other);
        CHECK_INT(s.view.seen.version == 0, later);
    }
}

TEST(two_decisions_of_one_guard_may_end_in_any_order)
{
    static const bool rows[] = {false, true}; /* whether the later decision ends first */

    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        const lsync_guard_ending charge = {.retry_after_us = -1, .charges = 1};
        scene s = new_scene();
        lsync_guard_view first;
        lsync_guard_view second;
        lsync_guard_view_mark mark;

        t_row("the later one ends %s", rows[i] ? "first" : "last");
        CHECK_INT(ask(&s, NOTHING), LSYNC_PROPOSAL_DONE);
        lsync_guard_view_keep(&s.view, &charge, 0);
        mark = lsync_guard_view_mark_of(&s.view);
        first = second = s.view;
        lsync_guard_view_keep(&s.view, &charge, 0); /* after both decisions */
        first.seen.version = 50;
        second.seen.version = 51;
        first.sights++;
        second.sights++;
        lsync_guard_view_merge(&s.view, mark, rows[i] ? &second : &first);
        CHECK_INT(s.view.kept_count, 1);
        lsync_guard_view_merge(&s.view, mark, rows[i] ? &first : &second);
        CHECK_INT(s.view.seen.version, 51);
        CHECK_INT(s.view.kept_count, 1);
    }
}
