/* The rule, case by case: intervals, leases, outcomes, 429s and extensions. test_rule_hour.c has the hour and the
   clock. Unless a case sets others, the limits are the service's: 20 s, 60 s and 600 in an hour. */
#include "rule_cases.h"

TEST(the_interval_runs_from_the_end_of_the_last_request)
{
    static const rule_case cases[] = {
        {"not from its start",
         .steps = {ASK(0, S(30), 0), SENT(S(2), 1), DENIED(SYNC, S(21), S(30), S(1), S(1), INTERVAL),
                   ASK(S(22) - 1, S(30), 1), ASK(S(22), S(30), 0)}},
        {"OTHER has no interval",
         .steps = {ASK_OTHER(0, S(30), 0), ASK_OTHER(0, S(30), 0), ASK_OTHER(1, 0, 0), ASK_OTHER(1, 0, 0)}},
        {"an interval of OTHER runs from the end of the lease", .other_interval = S(5),
         .steps = {ASK_OTHER(0, S(1), 0), DENIED(OTHER, S(2), 0, S(4), S(4), INTERVAL), ASK_OTHER(S(6), 0, 0),
                   ASK_OTHER(S(6), 0, S(5))}},
        {"no kind waits for another",
         .steps = {ASK(0, S(30), 0), ASK_DIRECTORY(0, S(30), 0), ASK_OTHER(0, S(30), 0), ASK(1, 0, S(50) - 1),
                   ASK_DIRECTORY(1, 0, S(90) - 1), ASK_OTHER(1, 0, 0), SENT(S(1), 1), SENT(S(2), 2), ASK(S(21), 0, 0),
                   ASK_DIRECTORY(S(61), 0, S(1)), ASK_DIRECTORY(S(62), 0, 0)}},
    };

    CHECK_CASES(cases);
}

TEST(a_lease_denies_slots_of_its_kind)
{
    static const rule_case cases[] = {
        {"until it ends, and the interval",
         .steps = {ASK(0, S(30), 0), DENIED(SYNC, S(10), S(30), S(40), S(20), LEASE),
                   DENIED(SYNC, S(30), S(30), S(20), S(20), INTERVAL), ASK(S(50) - 1, S(1), 1), ASK(S(50), S(1), 0)}},
        {"settled twice: the first counts",
         .steps = {ASK(0, S(30), 0), SENT(S(2), 1), SENT(S(9), 1), NOT_SENT(S(9), 1), ASK(S(22), S(3), 0)}},
        {"slots that were never granted",
         .steps = {SENT(0, NEVER_GRANTED), NOT_SENT(0, NEVER_GRANTED), ASK(0, S(30), 0), SENT(S(1), NEVER_GRANTED),
                   NOT_SENT(S(1), NEVER_GRANTED), SENT(S(1), 0), NOT_SENT(S(1), 0), ASK(S(1), S(1), S(49))}},
        {"the longest lease",
         .steps = {ASK(0, LSYNC_GUARD_LEASE_MAX_US, 0), ASK(1, 1, S(86420) - 1), ASK(S(86420), 1, 0)}},
        {"a lease of 0 ends at once, and needs no settle",
         .steps = {ASK(0, 0, 0), SENT(S(5), 1), NOT_SENT(S(6), 1), DENIED(SYNC, S(6), 0, S(14), S(14), INTERVAL),
                   ASK(S(20), 0, 0)}},
        {"a slot of OTHER has no lease",
         .steps = {ASK_OTHER(0, S(300), 0), EXTEND(0, 1, S(9), NOT_LIVE), SENT(S(1), 1), ASK(S(1), 0, 0)}},
    };

    CHECK_CASES(cases);
}

TEST(settling_late_changes_nothing)
{
    static const rule_case cases[] = {
        {"after the lease has ended",
         .steps = {ASK(0, S(3), 0), SENT(S(9), 1), NOT_SENT(S(9), 1), ASK(S(22), S(1), S(1)), ASK(S(23), S(1), 0)}},
        {"while another has a lease",
         .steps = {ASK(0, S(3), 0), ASK(S(23), S(3), 0), SENT(S(24), 1), NOT_SENT(S(24), 1), ASK(S(24), S(3), S(22)),
                   SENT(S(25), 2), ASK(S(44), S(3), S(1)), ASK(S(45), S(3), 0)}},
        {"written late, but it ended in time: its end counts",
         .steps = {ASK(0, S(300), 0), LATE_SENT(S(100), 1, S(90)), ASK(S(20), 0, S(10)), ASK(S(30), 0, 0)}},
        {"written late, not sent", .steps = {ASK(0, S(300), 0), LATE_NOT_SENT(S(100), 1, S(90)), ASK(S(100), 0, 0)}},
        {"with an earlier end than the last one: the later end counts",
         .steps = {ASK(0, S(300), 0), EXTEND(S(21), 1, S(300), 0), LATE_SENT(S(22), 1, S(10)), ASK(S(22), 0, S(19)),
                   ASK(S(41), 0, 0)}},
    };

    CHECK_CASES(cases);
}

TEST(a_request_that_was_not_sent_is_refunded)
{
    static const rule_case cases[] = {
        {"at once", .steps = {ASK(0, 1, 0), NOT_SENT(0, 1), ASK(0, S(30), 0), NOT_SENT(S(1), 2), ASK(S(1), S(30), 0)}},
        {"but not the response before", .steps = {ASK(0, S(1), 0), ASK(S(21), S(30), 0), NOT_SENT(S(22), 2),
                                                  ASK(S(22), S(1), 0), SENT(S(22), 3), ASK(S(22), 0, S(20))}},
        {"three in a row, not the fourth",
         .steps = {ASK(0, S(9), 0), NOT_SENT(1, 1), ASK(1, S(9), 0), NOT_SENT(2, 2), ASK(2, S(9), 0), NOT_SENT(3, 3),
                   ASK(3, S(9), 0), NOT_SENT(4, 4), ASK(4, S(9), S(20)), ASK(S(20) + 4, S(9), 0), NOT_SENT(S(21), 5),
                   ASK(S(21), S(9), 0)}},
        {"the row is of all kinds",
         .steps = {ASK(0, S(9), 0), NOT_SENT(1, 1), ASK_DIRECTORY(1, S(9), 0), NOT_SENT(2, 2), ASK(2, S(9), 0),
                   NOT_SENT(3, 3), ASK_DIRECTORY(3, S(9), 0), NOT_SENT(4, 4), ASK(4, S(9), 0),
                   ASK_DIRECTORY(4, S(9), S(60))}},
        {"a response begins a new row", .interval = 1,
         .steps = {ASK(0, S(9), 0), NOT_SENT(1, 1), ASK(1, S(9), 0), NOT_SENT(2, 2), ASK(2, S(9), 0), SENT(3, 3),
                   ASK(4, S(9), 0), NOT_SENT(5, 4), ASK(5, S(9), 0), NOT_SENT(6, 5), ASK(6, S(9), 0), NOT_SENT(7, 6),
                   ASK(7, S(9), 0)}},
        {"a lease that ended does not", .interval = 1,
         .steps = {ASK(0, S(9), 0), NOT_SENT(1, 1), ASK(1, S(9), 0), NOT_SENT(2, 2), ASK(2, S(9), 0), NOT_SENT(3, 3),
                   ASK(3, 1, 0), ASK(5, S(9), 0), NOT_SENT(6, 5), ASK(6, S(9), 1)}},
        {"three in the hour too, not the fourth", .interval = 1, .budget = 1,
         .steps = {ASK(0, S(9), 0), NOT_SENT(1, 1), ASK(1, S(9), 0), NOT_SENT(2, 2), ASK(2, S(9), 0), NOT_SENT(3, 3),
                   ASK(3, S(9), 0), NOT_SENT(4, 4), ASK(5, S(9), OUT(0) - 5)}},
        {"never for OTHER, which does not count in the row", .interval = 1, .budget = 6,
         .steps = {ASK_OTHER(0, S(9), 0), NOT_SENT(1, 1), ASK_OTHER(1, S(9), 0), NOT_SENT(1, 2), ASK_OTHER(1, S(9), 0),
                   NOT_SENT(1, 3), ASK_OTHER(1, S(9), 0), NOT_SENT(1, 4), ASK(1, S(9), 0), NOT_SENT(2, 5),
                   ASK(2, S(9), 0), SENT(3, 6), ASK_OTHER(4, 0, 0), ASK_OTHER(4, 0, OUT(0) - 4)}},
    };

    CHECK_CASES(cases);
}

TEST(a_429_blocks)
{
    static const rule_case cases[] = {
        {"for its Retry-After",
         .steps = {ASK(0, S(9), 0), LIMITED(S(1), 1, S(60)), DENIED(SYNC, S(1), S(9), S(60), S(60), BLOCK),
                   ASK(S(61) - 1, S(9), 1), ASK(S(61), S(9), 0)}},
        {"all kinds",
         .steps = {ASK(0, S(9), 0), LIMITED(S(1), 1, S(60)), DENIED(SYNC, S(2), S(9), S(59), S(59), BLOCK),
                   DENIED(DIRECTORY, S(2), S(9), S(59), S(59), BLOCK), DENIED(OTHER, S(2), S(9), S(59), S(59), BLOCK)}},
        {"of a directory: at least for SYNC's interval",
         .steps = {ASK_DIRECTORY(0, S(9), 0), LIMITED(S(1), 1, S(5)), ASK(S(1), S(9), S(20)),
                   ASK_DIRECTORY(S(1), S(9), S(60))}},
        {"at least for the interval", .steps = {ASK(0, S(9), 0), LIMITED(S(1), 1, 0), ASK_OTHER(S(1), S(9), S(20))}},
        {"at most for an hour", .steps = {ASK(0, S(9), 0), LIMITED(S(1), 1, INT64_MAX), ASK(S(1), S(9), HOUR)}},
        {"doubling without a Retry-After",
         .steps = {ASK(0, S(9), 0), LIMITED(0, 1, -1), ASK(0, S(9), S(40)), ASK(S(40), S(9), 0), LIMITED(S(40), 2, -1),
                   ASK(S(40), S(9), S(80)), ASK(S(120), S(9), 0), LIMITED(S(120), 3, -1), ASK(S(120), S(9), S(160))}},
        {"doubling up to an hour", .interval = S(900),
         .steps = {LIMITED(0, NEVER_GRANTED, -1), ASK(0, S(9), S(1800)), LIMITED(S(1800), NEVER_GRANTED, -1),
                   ASK(S(1800), S(9), HOUR), LIMITED(S(5400), NEVER_GRANTED, -1), ASK(S(5400), S(9), HOUR)}},
        {"those with a Retry-After count in the row",
         .steps = {ASK(0, S(9), 0), LIMITED(0, 1, S(30)), ASK(S(30), S(9), 0), LIMITED(S(30), 2, -1),
                   ASK(S(30), S(9), S(80))}},
        {"not less than before",
         .steps = {LIMITED(0, NEVER_GRANTED, S(900)), LIMITED(S(1), NEVER_GRANTED, S(20)), ASK(S(1), S(9), S(899))}},
        {"one during a block does not count in the row",
         .steps = {ASK(0, S(9), 0), ASK_DIRECTORY(0, S(9), 0), LIMITED(0, 1, -1), LIMITED(S(1), 2, -1),
                   ASK(S(1), S(9), S(40)), ASK(S(41), S(9), 0)}},
        {"one at the end of a block does",
         .steps = {LIMITED(0, NEVER_GRANTED, -1), LIMITED(S(40), NEVER_GRANTED, -1), ASK(S(40), 0, S(80))}},
        {"also late, while another has a lease", .steps = {ASK(0, 1, 0), ASK(S(21), S(9), 0), LIMITED(S(22), 1, S(60)),
                                                           SENT(S(23), 2), ASK(S(50), S(9), S(32))}},
        {"written late: it counts from its arrival", .steps = {ASK(0, S(9), 0), LATE_LIMITED(S(100), 1, S(90), S(30)),
                                                               DENIED(SYNC, S(100), 0, S(60), S(60), BLOCK)}},
        {"written late: its block may be over",
         .steps = {ASK(0, S(9), 0), LATE_LIMITED(S(100), 1, S(60), S(95)), ASK(S(100), 0, 0)}},
    };

    CHECK_CASES(cases);
}

TEST(only_the_response_of_a_live_lease_ends_a_row_of_429s)
{
    static const rule_case cases[] = {
        {"a response", .steps = {ASK(0, S(9), 0), LIMITED(0, 1, -1), ASK(S(40), S(9), 0), SENT(S(40), 2),
                                 ASK(S(60), S(9), 0), LIMITED(S(60), 3, -1), ASK(S(60), S(9), S(40))}},
        {"a late response does not", .steps = {ASK(0, S(9), 0), LIMITED(0, 1, -1), ASK(S(40), S(1), 0), SENT(S(50), 2),
                                               ASK(S(61), S(9), 0), LIMITED(S(61), 3, -1), ASK(S(61), S(9), S(80))}},
        {"a request that was not sent does not",
         .steps = {ASK(0, S(9), 0), LIMITED(0, 1, -1), ASK(S(40), S(1), 0), NOT_SENT(S(40), 2), ASK(S(40), S(9), 0),
                   LIMITED(S(40), 3, -1), ASK(S(40), S(9), S(80))}},
        {"a response during a block: the next 429 begins a row",
         .steps = {ASK(0, S(9), 0), ASK_DIRECTORY(0, S(9), 0), LIMITED(0, 1, -1), SENT(S(1), 2),
                   LIMITED(S(30), NEVER_GRANTED, -1), ASK(S(30), 0, S(40))}},
        {"a 429 ends a row of refunds",
         .steps = {ASK(0, S(9), 0), NOT_SENT(1, 1), ASK(1, S(9), 0), NOT_SENT(2, 2), ASK(2, S(9), 0), NOT_SENT(3, 3),
                   ASK(3, S(9), 0), LIMITED(4, 4, S(20)), ASK(S(20) + 4, S(9), 0), NOT_SENT(S(21), 5),
                   ASK(S(21), S(9), 0)}},
    };

    CHECK_CASES(cases);
}

/* With the shortest interval: a row of any length blocks for at most an hour, and its count is bounded. */
TEST(a_long_row_of_429s_is_bounded)
{
    const lsync_guard_limits limits = {{1, 1, 0}, 1000, 0};
    const lsync_guard_ending ending = {rule_slot(1), LOCK_SYNC_SLOT_LIMITED, -1, 0, 0};
    lsync_guard_record r;
    int64_t now_us = RULE_START_US;

    lsync_guard_record_init(&r);
    for (int i = 1; i <= 40; i++) {
        t_row("429 number %d", i);
        lsync_guard_settle(&r, &limits, &ending, now_us);
        CHECK_INT(r.limited, i < LSYNC_GUARD_LIMITED_MAX ? i : LSYNC_GUARD_LIMITED_MAX);
        CHECK_INT(r.blocked_until_us - now_us, i < 32 ? INT64_C(1) << i : HOUR);
        now_us = r.blocked_until_us;
    }
}

TEST(a_live_lease_is_extended)
{
    static const rule_case cases[] = {
        {"without a wait, and the lease begins again",
         .steps = {ASK(0, S(30), 0), EXTEND(S(29), 1, S(30), 0), DENIED(SYNC, S(30), 0, S(49), S(20), LEASE),
                   SENT(S(40), 1), DENIED(SYNC, S(40), 0, S(20), S(20), INTERVAL)}},
        {"and may end earlier than before",
         .steps = {ASK(0, S(300), 0), EXTEND(S(1), 1, S(1), 0), ASK(S(2), 0, S(20)), ASK(S(22), 0, 0)}},
        {"the first request has ended and is counted", .budget = 2,
         .steps = {ASK(0, S(30), 0), EXTEND(S(1), 1, S(30), 0), ASK_OTHER(S(2), 0, OUT(0) - S(2)), NOT_SENT(S(3), 1),
                   ASK(S(3), 0, S(18)), ASK_OTHER(S(3), 0, 0), ASK_OTHER(S(3), 0, OUT(0) - S(3))}},
        {"denied while blocked: the lease is unchanged",
         .steps = {ASK(0, S(90), 0), LIMITED(S(1), NEVER_GRANTED, S(60)),
                   EXTEND_DENIED(S(2), 1, S(9), S(59), S(59), BLOCK), ASK(S(2), 0, S(108)), EXTEND(S(61), 1, S(9), 0),
                   SENT(S(62), 1), ASK(S(81), 0, S(1))}},
        {"denied while the hour is full: the lease is unchanged", .budget = 1,
         .steps = {ASK(0, S(30), 0), EXTEND_DENIED(S(1), 1, S(9), OUT(0) - S(1), OUT(0) - S(1), HOUR),
                   ASK(S(2), 0, OUT(0) - S(2)), NOT_SENT(S(3), 1), ASK(S(3), 0, 0)}},
        {"not one that has ended", .steps = {ASK(0, S(30), 0), EXTEND(S(30) - 1, 1, S(30), 0),
                                             EXTEND(S(60) - 1, 1, S(9), NOT_LIVE), ASK(S(80) - 2, 0, 1)}},
        {"not one that has ended, while another is live",
         .steps = {ASK(0, S(1), 0), ASK(S(21), S(30), 0), EXTEND(S(22), 1, S(9), NOT_LIVE), ASK(S(22), 0, S(49))}},
        {"not one that was never granted",
         .steps = {EXTEND(0, NEVER_GRANTED, S(9), NOT_LIVE), EXTEND(0, 0, S(9), NOT_LIVE), ASK(0, S(30), 0),
                   EXTEND(0, NEVER_GRANTED, S(9), NOT_LIVE), EXTEND(0, 0, S(9), NOT_LIVE)}},
        {"with a lease of 0: it ends at once, and two are counted", .budget = 3,
         .steps = {ASK(0, S(30), 0), EXTEND(S(1), 1, 0, 0), EXTEND(S(1), 1, 0, NOT_LIVE), ASK(S(1), 0, S(20)),
                   ASK_OTHER(S(1), 0, 0), ASK_OTHER(S(1), 0, OUT(0) - S(1))}},
        {"a longer lease is known from then on",
         .steps = {ASK(0, S(9), 0), EXTEND(S(1), 1, S(90), 0), CLOSE(DIRECTORY, S(10000), LOSS),
                   DENIED(DIRECTORY, S(1), 0, S(150), S(150), LOSS)}},
    };

    CHECK_CASES(cases);
}

#define PAGE EXTEND(0, 1, S(30), 0)
#define PAGES_17 PAGE, PAGE, PAGE, PAGE, PAGE, PAGE, PAGE, PAGE, PAGE, PAGE, PAGE, PAGE, PAGE, PAGE, PAGE, PAGE, PAGE

TEST(one_lease_covers_all_pages_of_a_directory)
{
    static const rule_case cases[] = {
        {"the next waits for each page",
         .steps = {ASK_DIRECTORY(0, S(30), 0), EXTEND(S(1), 1, S(30), 0), EXTEND(S(2), 1, S(30), 0),
                   DENIED(DIRECTORY, S(2), 0, S(210), S(180), LEASE), SENT(S(3), 1),
                   DENIED(DIRECTORY, S(3), 0, S(180), S(180), INTERVAL), ASK_DIRECTORY(S(183), 0, 0),
                   ASK_DIRECTORY(S(183), 0, S(60))}},
        {"each counts in the hour", .budget = 3,
         .steps = {ASK_DIRECTORY(0, S(30), 0), EXTEND(S(1), 1, S(30), 0), EXTEND(S(2), 1, S(30), 0),
                   EXTEND(S(3), 1, S(30), OUT(0) - S(3)), SENT(S(3), 1), ASK(S(3), 0, OUT(0) - S(3))}},
        {"also if the lease ends",
         .steps = {ASK_DIRECTORY(0, S(30), 0), EXTEND(S(1), 1, S(30), 0), ASK_DIRECTORY(S(31), 0, S(120))}},
        {"a page that was not sent does not count", .steps = {ASK_DIRECTORY(0, S(30), 0), EXTEND(S(1), 1, S(30), 0),
                                                              NOT_SENT(S(2), 1), ASK_DIRECTORY(S(2), 0, S(59))}},
        {"a 429 on a page", .steps = {ASK_DIRECTORY(0, S(30), 0), EXTEND(S(1), 1, S(30), 0), LIMITED(S(2), 1, S(30)),
                                      DENIED(DIRECTORY, S(2), 0, S(120), S(120), INTERVAL), ASK(S(2), 0, S(30))}},
        {"the wait is bounded",
         .steps = {ASK_DIRECTORY(0, S(30), 0), PAGES_17, SENT(0, 1), ASK_DIRECTORY(0, 0, S(960))}},
        {"the count is not", .budget = 19,
         .steps = {ASK_DIRECTORY(0, S(30), 0), PAGES_17, ASK_OTHER(0, 0, 0), SENT(0, 1), ASK_OTHER(0, 0, OUT(0))}},
        {"a retry of SYNC does not double its interval",
         .steps = {ASK(0, S(30), 0), EXTEND(S(1), 1, S(30), 0), SENT(S(2), 1), ASK(S(2), 0, S(20))}},
    };

    CHECK_CASES(cases);
}
