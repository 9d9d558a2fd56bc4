/* The rule, case by case: the hour in its cells, clocks that jump, the time to ask again, and stale records. A case
   begins at the start of a cell. */
#include "rule_cases.h"

TEST(a_request_counts_until_its_cell_is_an_hour_old)
{
    static const rule_case cases[] = {
        {"at the cell's start", .interval = 1, .budget = 1,
         .steps = {ASK(0, 0, 0), DENIED(SYNC, 1, 0, OUT(0) - 1, OUT(0) - 1, HOUR), ASK(OUT(0) - 1, 0, 1),
                   ASK(OUT(0), 0, 0)}},
        {"at its end", .interval = 1, .budget = 1,
         .steps = {ASK(CELL - 1, 0, 0), ASK(CELL, 0, OUT(0) - CELL), ASK(OUT(0), 0, 0)}},
        {"each cell for itself", .interval = 1, .budget = 3,
         .steps = {ASK(0, 0, 0), ASK(S(400), 0, 0), ASK(S(800), 0, 0), ASK(S(900), 0, OUT(0) - S(900)),
                   ASK(OUT(0), 0, 0), ASK(OUT(0) + 1, 0, CELL - 1), ASK(OUT(1), 0, 0)}},
        {"all kinds together", .budget = 3,
         .steps = {ASK(0, S(9), 0), ASK_DIRECTORY(0, S(9), 0), ASK_OTHER(0, S(9), 0), ASK_OTHER(1, 0, OUT(0) - 1)}},
        {"around the clock's zero", .interval = 1, .budget = 1, .is_after_boot = true,
         .steps = {ASK(-S(700), 0, 0), DENIED(SYNC, -S(600), 0, OUT(-3) + S(600), OUT(-3) + S(600), HOUR),
                   ASK(S(100), 0, OUT(-3) - S(100)), ASK(OUT(-3), 0, 0), ASK(OUT(-3) + 1, 0, OUT(10) - OUT(-3) - 1)}},
    };

    CHECK_CASES(cases);
}

TEST(a_lease_counts_apart_and_enters_the_cell_of_its_end)
{
    static const rule_case cases[] = {
        {"as if it lasted to its end; at the soonest as if it ended now", .budget = 1,
         .steps = {ASK(0, S(400), 0), DENIED(OTHER, S(1), 0, OUT(1) - S(1), OUT(0) - S(1), HOUR)}},
        {"when it is settled in another cell", .budget = 1,
         .steps = {ASK(0, S(400), 0), SENT(S(302), 1), ASK_OTHER(S(303), 0, OUT(1) - S(303))}},
        {"written late: in the cell in which it ended", .budget = 1,
         .steps = {ASK(0, S(900), 0), LATE_SENT(S(700), 1, S(699)), ASK_OTHER(S(700), 0, OUT(0) - S(700))}},
        {"of two, the end of the first makes room", .budget = 2,
         .steps = {ASK(0, S(400), 0), ASK_DIRECTORY(0, S(30), 0),
                   DENIED(OTHER, S(1), 0, OUT(0) - S(1), OUT(0) - S(1), HOUR)}},
        {"a long one, after all cells", .budget = 2,
         .steps = {ASK_OTHER(0, 0, 0), ASK(0, S(86400), 0), ASK_OTHER(S(1), 0, OUT(0) - S(1)), ASK_OTHER(OUT(0), 0, 0),
                   ASK_OTHER(OUT(0), 0, CELL + HOUR), DENIED(SYNC, S(4000), 0, S(82420), OUT(13) - S(4000), LEASE)}},
        {"leases alone fill an hour", .budget = 1,
         .steps = {ASK(0, S(86400), 0), DENIED(OTHER, 0, 0, OUT(288), OUT(0), HOUR)}},
        {"a charge in the next cell counts longer", .granularity = 999, .budget = 1,
         .steps = {ASK(0, CELL - 1099, 0), CHARGED(CELL - 500, 0, 1), ASK_OTHER(CELL - 500, 0, OUT(1) - CELL + 500)}},
    };

    CHECK_CASES(cases);
}

TEST(a_slot_of_other_counts_from_its_grant_in_the_cell_of_its_end)
{
    static const rule_case cases[] = {
        {"in the next cell", .budget = 1,
         .steps = {ASK_OTHER(S(299), S(2), 0), DENIED(SYNC, S(300), 0, OUT(1) - S(300), OUT(1) - S(300), HOUR)}},
        {"in this cell, if it ends in it", .budget = 1,
         .steps = {ASK_OTHER(S(297), S(2), 0), ASK(S(298), 0, OUT(0) - S(298))}},
        {"the longest lease", .budget = 1,
         .steps = {ASK_OTHER(0, CELL, 0), ASK(0, 0, OUT(1)), SENT(S(1), 1), NOT_SENT(S(1), 1),
                   ASK(S(1), 0, OUT(1) - S(1))}},
        {"beyond the newest cell it waits for the next", .granularity = 999,
         .steps = {DENIED(OTHER, CELL - 500, CELL, 500, 500, HOUR), ASK_OTHER(CELL - 999, CELL, 999),
                   ASK_OTHER(CELL - 1000, CELL, 0), ASK_OTHER(CELL - 500, CELL - 500, 0), ASK_OTHER(CELL, CELL, 0)}},
        {"no other kind does", .granularity = 999, .steps = {ASK(CELL - 500, CELL, 0)}},
    };

    CHECK_CASES(cases);
}

TEST(a_request_that_was_sent_more_than_once_is_charged)
{
    static const rule_case cases[] = {
        {"with its slot", .interval = 1, .budget = 3,
         .steps = {ASK(0, S(9), 0), CHARGED(1, 1, 1), ASK(S(2), 0, 0), ASK(S(4), 0, OUT(0) - S(4))}},
        {"beyond the budget too", .interval = 1, .budget = 1,
         .steps = {ASK(0, S(9), 0), CHARGED(1, 1, 1), CHARGED(S(400), 1, 2), ASK(S(401), 0, OUT(1) - S(401))}},
        {"without a slot", .budget = 1, .steps = {CHARGED(0, 0, 1), ASK(0, 0, OUT(0))}},
        {"of a request that was not sent", .budget = 1,
         .steps = {ASK(0, S(9), 0), SETTLE(0, 1, NOT_SENT, -1, 0, 1), ASK(0, 0, OUT(0))}},
        {"written as late as possible", .budget = 1, .steps = {LATE_CHARGED(HOUR, 0, HOUR, 1), ASK(HOUR, 0, CELL)}},
        {"written later than that", .budget = 1, .steps = {LATE_CHARGED(HOUR, 0, HOUR + 1, 1), ASK(HOUR, 0, 0)}},
        {"an impossible number", .budget = 1000000,
         .steps = {CHARGED(0, 0, UINT32_MAX), CHARGED(0, 0, UINT32_MAX), CHARGED(CELL, 0, UINT32_MAX),
                   ASK(CELL, 0, OUT(1) - CELL)}},
    };

    CHECK_CASES(cases);
}

TEST(cells_roll_with_the_clock)
{
    static const struct {
        const char *name;
        int64_t by;
        uint32_t after[LSYNC_GUARD_CELLS]; /* of 1 to 14; the newest last */
    } rows[] = {
        {"by none", 0, {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14}},
        {"by one", 1, {2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 0}},
        {"by all but one", 13, {14}},
        {"by all", 14, {0}},
        {"far forward", 1000000, {0}},
        {"back by one: later ones count in the newest", -1, {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 27}},
        {"far back: all do", -1000000, {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 105}},
    };

    CHECK_INT(LSYNC_GUARD_CELLS, 14);
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        lsync_guard_record r;

        t_row("%s", rows[i].name);
        lsync_guard_record_init(&r);
        r.newest_cell = -3;
        for (uint32_t k = 0; k < LSYNC_GUARD_CELLS; k++)
            r.cells[k] = k + 1;
        lsync_guard_roll(&r, -3 + rows[i].by);
        CHECK_INT(r.newest_cell, -3 + rows[i].by);
        for (int k = 0; k < LSYNC_GUARD_CELLS; k++)
            CHECK_INT(r.cells[k], rows[i].after[k]);
    }
}

/* A count never overflows to a small number. */
TEST(the_count_of_a_cell_is_bounded)
{
    const lsync_guard_ending ending = {.retry_after_us = -1, .charges = LSYNC_GUARD_COUNT_MAX - 1};
    const lsync_guard_limits limits = {.budget = 600};
    lsync_guard_record r;

    lsync_guard_record_init(&r);
    for (int i = 0; i < 2; i++)
        lsync_guard_settle(&r, &limits, &ending, RULE_START_US);
    CHECK_INT(r.cells[LSYNC_GUARD_CELLS - 2], LSYNC_GUARD_COUNT_MAX);
    r.cells[LSYNC_GUARD_CELLS - 1] = 1;
    lsync_guard_roll(&r, r.newest_cell - 1);
    CHECK_INT(r.cells[LSYNC_GUARD_CELLS - 1], LSYNC_GUARD_COUNT_MAX);
}

TEST(a_clock_that_jumps_never_opens_early)
{
    static const rule_case cases[] = {
        {"back: the interval from now", .steps = {ASK(0, 0, 0), ASK(-S(1000), 0, S(20)), ASK(-S(980), 0, 0)}},
        {"back: the lease from now",
         .steps = {ASK(0, S(30), 0), DENIED(SYNC, -S(1000), 0, S(50), S(20), LEASE), ASK(-S(970), 0, S(20))}},
        {"back: a lease by its length, after an extension",
         .steps = {ASK(0, S(300), 0), EXTEND(S(1), 1, S(9), 0), ASK(-S(1000), 0, S(29))}},
        {"back: the block from now, at most an hour",
         .steps = {LIMITED(0, NEVER_GRANTED, HOUR), DENIED(SYNC, -S(9), 0, HOUR, HOUR, BLOCK),
                   ASK(-S(8), 0, HOUR - S(1))}},
        {"back: a short block is unchanged if it ends within an hour",
         .steps = {LIMITED(0, NEVER_GRANTED, S(60)), ASK(-S(9), 0, S(69)), ASK(-S(9000), 0, HOUR)}},
        {"back: OTHER's interval from its longest lease", .other_interval = S(5),
         .steps = {ASK_OTHER(0, S(9), 0), ASK_OTHER(-S(100), 0, S(114)), ASK_OTHER(-S(1000), 0, S(305))}},
        {"back: all count in the newest cell", .interval = 1, .budget = 1,
         .steps = {ASK(0, 0, 0), ASK(-S(9000), 0, OUT(-29) + S(9000))}},
        {"back by less than a cell: nothing moves", .interval = 1, .budget = 1,
         .steps = {ASK(S(10), 0, 0), ASK(0, 0, OUT(0)), ASK(S(20), 0, OUT(0) - S(20))}},
        {"back and forth: stays pulled back",
         .steps = {LIMITED(0, NEVER_GRANTED, HOUR), ASK(-S(9000), 0, HOUR), ASK(-S(5400), 0, 0)}},
    };

    CHECK_CASES(cases);
}

TEST(a_closure_beyond_its_limit_is_pulled_back)
{
    static const rule_case cases[] = {
        {"by the default deadline and the interval",
         .steps = {CLOSE(SYNC, S(30000), LOSS), CLOSE(DIRECTORY, S(30000), LOSS), CLOSE(OTHER, S(30000), LOSS),
                   DENIED(SYNC, 0, 0, S(50), S(50), LOSS), ASK_DIRECTORY(0, 0, S(90)), ASK_OTHER(0, 0, S(30))}},
        {"by the longest known lease",
         .steps = {ASK(0, S(300), 0), NOT_SENT(0, 1), CLOSE(SYNC, S(30000), LOSS), ASK(0, 0, S(320))}},
        {"a coarse clock", .granularity = 999, .steps = {CLOSE(SYNC, S(30000), LOSS), ASK(0, 0, S(50) + 999)}},
    };

    CHECK_CASES(cases);
}

/* A clock of whole milliseconds may show up to 999 us less than the time, so the record has times later by as much. */
TEST(a_coarse_clock_adds_its_step)
{
    static const rule_case cases[] = {
        {"after a response", .granularity = 999,
         .steps = {ASK(0, S(9), 0), SENT(S(1), 1), DENIED(SYNC, S(21), 0, 999, 999, INTERVAL),
                   ASK(S(21) + MS(1), 0, 0)}},
        {"after a lease", .granularity = 999,
         .steps = {ASK(0, S(9), 0), ASK(0, 0, S(29) + 999), ASK(S(9), 0, S(20) + 999), ASK(S(29) + MS(1), 0, 0)}},
        {"after an extension", .granularity = 999,
         .steps = {ASK(0, S(9), 0), EXTEND(S(1), 1, S(9), 0), ASK(S(1), 0, S(29) + 999), NOT_SENT(S(2), 1),
                   ASK(S(2), 0, S(19) + 999)}},
        {"after a 429", .granularity = 999,
         .steps = {LIMITED(0, NEVER_GRANTED, S(60)), ASK(0, 0, S(60) + 999), ASK(S(60) + MS(1), 0, 0)}},
        {"after a 429 that is pulled back", .granularity = 999,
         .steps = {LIMITED(0, NEVER_GRANTED, HOUR), ASK(-S(9), 0, HOUR + 999)}},
        {"in the hour: it may be in the next cell", .granularity = 999, .budget = 1,
         .steps = {ASK(CELL - 500, 0, 0), ASK_OTHER(CELL, 0, OUT(1) - CELL)}},
        {"in the hour at the soonest, too", .granularity = 999, .budget = 1,
         .steps = {ASK(0, CELL, 0), DENIED(OTHER, CELL - 500, 0, OUT(1) - CELL + 500, OUT(1) - CELL + 500, HOUR)}},
    };

    CHECK_CASES(cases);
}

/* After a reboot, a request that is older than the uptime has a negative time, and counts. */
TEST(times_before_the_boot_count)
{
    static const rule_case cases[] = {
        {"for the interval", .is_after_boot = true,
         .steps = {ASK(S(5), 0, 0), SHIFT(-S(13)), DENIED(SYNC, S(2), 0, S(10), S(10), INTERVAL), ASK(S(12), 0, 0)}},
        {"for the hour, rounded up to cells", .is_after_boot = true, .budget = 1,
         .steps = {ASK(S(5), 0, 0), SHIFT(-S(700)), ASK(0, 0, OUT(-2)), ASK(S(20), 0, OUT(-2) - S(20))}},
        {"at the clock's zero itself", .is_after_boot = true,
         .steps = {ASK(0, 0, 0), ASK(S(1), 0, S(19)), SHIFT(-S(1)), ASK(0, 0, S(19))}},
        {"never stays never", .is_after_boot = true,
         .steps = {SHIFT(-S(100)), ASK(0, 0, 0), SHIFT(S(1000)), ASK_DIRECTORY(S(1000), 0, 0), ASK(S(1000), 0, S(20))}},
    };

    CHECK_CASES(cases);
}

TEST(each_denial_has_its_reason_and_wait)
{
    static const rule_case cases[] = {
        {"the first use of a store",
         .steps = {CLOSE(SYNC, S(50), FIRST_USE), DENIED(SYNC, 0, 0, S(50), S(50), FIRST_USE), ASK_DIRECTORY(0, 0, 0),
                   ASK(S(50), 0, 0)}},
        {"a loss", .steps = {CLOSE(OTHER, S(30), LOSS), DENIED(OTHER, 0, 0, S(30), S(30), LOSS), ASK(0, 0, 0)}},
        {"a closure over an interval",
         .steps = {ASK(0, 0, 0), CLOSE(SYNC, S(25), LOSS), DENIED(SYNC, S(1), 0, S(24), S(24), LOSS)}},
        {"an interval over a closure",
         .steps = {ASK(0, 0, 0), CLOSE(SYNC, S(15), LOSS), DENIED(SYNC, S(1), 0, S(19), S(19), INTERVAL)}},
        {"a lease over a closure, whose end is the time to ask again",
         .steps = {ASK(0, S(30), 0), CLOSE(SYNC, S(45), LOSS), DENIED(SYNC, S(1), 0, S(49), S(44), LEASE)}},
        {"a block over a lease",
         .steps = {ASK(0, S(30), 0), LIMITED(S(1), NEVER_GRANTED, S(60)), DENIED(SYNC, S(1), 0, S(60), S(60), BLOCK)}},
        {"a lease over a block", .steps = {ASK(0, S(300), 0), LIMITED(S(1), NEVER_GRANTED, S(60)),
                                           DENIED(SYNC, S(1), 0, S(319), S(60), LEASE)}},
        {"the hour over a block", .budget = 1,
         .steps = {ASK(0, 0, 0), LIMITED(S(1), NEVER_GRANTED, S(60)),
                   DENIED(SYNC, S(1), 0, OUT(0) - S(1), OUT(0) - S(1), HOUR)}},
        {"a block over the hour", .budget = 1,
         .steps = {ASK(0, 0, 0), LIMITED(S(3000), NEVER_GRANTED, HOUR), DENIED(SYNC, S(3000), 0, HOUR, HOUR, BLOCK)}},
        {"an extension: the hour, earlier if another lease ends", .budget = 2,
         .steps = {ASK(0, S(400), 0), ASK_DIRECTORY(0, S(900), 0),
                   EXTEND_DENIED(S(1), 1, S(9), OUT(1) - S(1), OUT(0) - S(1), HOUR)}},
    };

    CHECK_CASES(cases);
}

TEST(a_record_is_stale_when_it_limits_nothing)
{
    static const rule_case cases[] = {
        {"never used", .steps = {STALE(NEVER)}},
        {"a request, for the longest interval", .steps = {ASK(CELL - 1, 0, 0), STALE(CELL - 1 + HOUR + 1)}},
        {"its cell, if that is the oldest", .budget = 1,
         .steps = {ASK(0, 0, 0), ASK_OTHER(OUT(0) - 1, 0, 1), STALE(OUT(0))}},
        {"a lease that ends in another cell", .steps = {ASK(0, S(400), 0), STALE(OUT(1))}},
        {"a lease that is refunded", .steps = {ASK(0, S(400), 0), NOT_SENT(1, 1), STALE(NEVER)}},
        {"the pages of a directory, by the longest interval",
         .steps = {ASK_DIRECTORY(0, S(30), 0), EXTEND(0, 1, S(30), 0), EXTEND(0, 1, S(30), 0), STALE(S(30) + 3 * HOUR),
                   SENT(S(1), 1), STALE(S(1) + 3 * HOUR)}},
        {"a slot of OTHER", .steps = {ASK_OTHER(0, CELL, 0), STALE(OUT(1))}},
        {"a block", .steps = {LIMITED(S(9), NEVER_GRANTED, HOUR), STALE(S(9) + HOUR)}},
        {"a closure", .steps = {CLOSE(DIRECTORY, S(9000), LOSS), STALE(S(9000))}},
    };

    CHECK_CASES(cases);
}
