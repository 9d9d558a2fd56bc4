/* The rule, case by case: what was asked and settled when, and what came of it. Times are in ms; limits, unless a case
   has its own, the service's: 20 s and 600 in an hour. */
#include "../unit/support.h"
#include "guard/rule.h"

#define STEPS_MAX 16
#define S(seconds) ((seconds) * INT64_C(1000))
#define HOUR S(3600)

typedef enum action { END, ASK, REPEAT, SENT, NOT_SENT, LIMITED, CHARGE } action;

typedef struct step {
    action action;
    int64_t at;
    int64_t value; /* ASK, REPEAT: the hold; SENT, NOT_SENT, LIMITED: the slot */
    int64_t more;  /* ASK, REPEAT: the wait that is expected, 0: allowed; LIMITED: Retry-After */
} step;

typedef struct rule_case {
    const char *name;
    int64_t interval; /* 0: 20 s */
    uint32_t budget;  /* 0: 600 */
    step steps[STEPS_MAX];
} rule_case;

static void run_step(lsync_guard_record *r, const lsync_guard_limits *limits, const step *s, int i)
{
    int64_t at_us = S(1000000) * 1000 + s->at * 1000;
    int64_t before = r->sequence;
    int64_t slot = -1;
    int64_t wait_us = -1;
    int64_t soonest_us = -1;
    bool allowed;

    switch (s->action) {
    case ASK:
    case REPEAT:
        allowed = lsync_guard_reserve(r, limits, s->action == ASK ? LSYNC_GUARD_FIRST : LSYNC_GUARD_REPEAT, at_us,
                                      s->value * 1000, &slot, &wait_us, &soonest_us);
        if (wait_us != s->more * 1000)
            print_error("step %d at %lld ms:\n", i, (long long)s->at);
        CHECK_INT(wait_us, s->more * 1000);
        CHECK_INT(allowed, s->more == 0);
        CHECK(soonest_us <= wait_us && (soonest_us > 0) == (wait_us > 0));
        CHECK_INT(slot, allowed ? before + 1 : 0);
        break;
    case SENT:
        lsync_guard_sent(r, limits, s->value, at_us);
        break;
    case NOT_SENT:
        lsync_guard_not_sent(r, limits, s->value, at_us);
        break;
    case LIMITED:
        lsync_guard_limited(r, limits, s->value, at_us, s->more < 0 ? -1 : s->more * 1000);
        break;
    case CHARGE:
        lsync_guard_charge(r, limits, at_us);
        break;
    case END:
        break;
    }
}

static void check_cases(const rule_case *cases, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        const rule_case *c = &cases[i];
        const lsync_guard_limits limits = {(c->interval == 0 ? S(20) : c->interval) * 1000,
                                           c->budget == 0 ? 600 : c->budget, 0};
        lsync_guard_record r = {0};

        t_row("%s", c->name);
        for (int k = 0; k < STEPS_MAX && c->steps[k].action != END; k++)
            run_step(&r, &limits, &c->steps[k], k);
    }
}

#define CHECK_CASES(cases) check_cases(cases, T_COUNT(cases))

TEST(the_interval_runs_from_the_answer)
{
    static const rule_case cases[] = {
        {"the first is allowed at once", 0, 0, {{ASK, 0, S(30), 0}}},
        {"not from the reservation", 0, 0, {{ASK, 0, S(30), 0}, {SENT, S(2), 1, 0}, {ASK, S(21), S(30), S(1)},
                                            {ASK, S(22) - 1, S(30), 1}, {ASK, S(22), S(30), 0}}},
        {"while a slot is held none is given", 0, 0, {{ASK, 0, S(30), 0}, {ASK, S(10), S(30), S(40)},
                                                      {ASK, S(30), S(30), S(20)}}},
        {"a killed holder costs its hold and the interval", 0, 0, {{ASK, 0, S(30), 0}, {ASK, S(50) - 1, S(1), 1},
                                                                   {ASK, S(50), S(1), 0}}},
        {"without a hold from the question", 0, 0, {{ASK, 0, 0, 0}, {ASK, S(20) - 1, 0, 1}, {ASK, S(20), 0, 0}}},
        {"without a hold there is nothing to settle", 0, 0, {{ASK, 0, 0, 0}, {SENT, S(5), 1, 0}, {NOT_SENT, S(6), 1, 0},
                                                             {ASK, S(6), 0, S(14)}, {ASK, S(20), 0, 0}}},
        {"settled after its hold, nobody in between", 0, 0, {{ASK, 0, S(3), 0}, {SENT, S(9), 1, 0},
                                                             {ASK, S(28), S(1), S(1)}, {ASK, S(29), S(1), 0}}},
        {"settled when another has the slot", 0, 0, {{ASK, 0, S(3), 0}, {ASK, S(23), S(3), 0}, {SENT, S(24), 1, 0},
                                                     {ASK, S(24), S(3), S(22)}, {SENT, S(25), 2, 0},
                                                     {ASK, S(44), S(3), S(1)}, {ASK, S(45), S(3), 0}}},
        {"settled twice", 0, 0, {{ASK, 0, S(30), 0}, {SENT, S(2), 1, 0}, {SENT, S(9), 1, 0}, {ASK, S(22), S(3), 0}}},
        {"given back after it was answered", 0, 0, {{ASK, 0, S(30), 0}, {SENT, S(2), 1, 0}, {NOT_SENT, S(3), 1, 0},
                                                    {ASK, S(3), S(3), S(19)}}},
        {"slots that never were", 0, 0, {{SENT, 0, 5, 0}, {NOT_SENT, 0, 5, 0}, {ASK, 0, S(30), 0}, {SENT, S(1), 2, 0},
                                         {NOT_SENT, S(1), 2, 0}, {NOT_SENT, S(1), 0, 0}, {NOT_SENT, S(1), -1, 0},
                                         {ASK, S(1), S(1), S(49)}}},
        {"the longest hold", 0, 0, {{ASK, 0, S(86400), 0}, {ASK, 1, 1, S(86420) - 1}, {ASK, S(86420), 1, 0}}},
    };

    CHECK_CASES(cases);
}

TEST(what_was_not_sent_is_given_back)
{
    static const rule_case cases[] = {
        {"at once", 0, 0, {{ASK, 0, S(30), 0}, {NOT_SENT, S(1), 1, 0}, {ASK, S(1), S(30), 0}}},
        {"up to the answer before", 0, 0, {{ASK, 0, S(30), 0}, {SENT, S(5), 1, 0}, {ASK, S(30), S(30), 0},
                                           {NOT_SENT, S(31), 2, 0}, {ASK, S(31), S(30), 0}}},
        {"up to a killed holder before", 0, 0, {{ASK, 0, S(30), 0}, {ASK, S(50), S(9), 0}, {NOT_SENT, S(51), 2, 0},
                                                {ASK, S(51), S(9), 0}}},
        {"three in a row, not the fourth", 0, 0, {{ASK, 0, S(9), 0}, {NOT_SENT, 1, 1, 0}, {ASK, 1, S(9), 0},
                                                  {NOT_SENT, 2, 2, 0}, {ASK, 2, S(9), 0}, {NOT_SENT, 3, 3, 0},
                                                  {ASK, 3, S(9), 0}, {NOT_SENT, 4, 4, 0}, {ASK, 4, S(9), S(20)},
                                                  {ASK, S(20) + 4, S(9), 0}, {NOT_SENT, S(21), 5, 0},
                                                  {ASK, S(21), S(9), 0}}},
        {"an answer begins the row anew", 1, 0, {{ASK, 0, S(9), 0}, {NOT_SENT, 1, 1, 0}, {ASK, 1, S(9), 0},
                                                 {NOT_SENT, 2, 2, 0}, {ASK, 2, S(9), 0}, {SENT, 3, 3, 0},
                                                 {ASK, 4, S(9), 0}, {NOT_SENT, 5, 4, 0}, {ASK, 5, S(9), 0},
                                                 {NOT_SENT, 6, 5, 0}, {ASK, 6, S(9), 0}, {NOT_SENT, 7, 6, 0},
                                                 {ASK, 7, S(9), 0}}},
        {"in the hour too", 1, 2, {{ASK, 0, S(9), 0}, {NOT_SENT, 1, 1, 0}, {ASK, 1, S(9), 0}, {SENT, 2, 2, 0},
                                   {ASK, 3, S(9), 0}, {SENT, 4, 3, 0}, {ASK, 5, S(9), HOUR - 1}}},
        {"the fourth counts in the hour", 1, 1, {{ASK, 0, S(9), 0}, {NOT_SENT, 1, 1, 0}, {ASK, 1, S(9), 0},
                                                 {NOT_SENT, 2, 2, 0}, {ASK, 2, S(9), 0}, {NOT_SENT, 3, 3, 0},
                                                 {ASK, 3, S(9), 0}, {NOT_SENT, 4, 4, 0}, {ASK, 5, S(9), HOUR - 1}}},
        {"an older slot only in the hour", 1, 2, {{ASK, 0, 5, 0}, {ASK, 6, 5, 0}, {NOT_SENT, 7, 1, 0},
                                                  {ASK, 7, 5, 5}, {SENT, 8, 2, 0}, {ASK, 9, 5, 0}, {SENT, 10, 3, 0},
                                                  {ASK, 11, 5, HOUR - 1}}},
        {"an older slot once", 1, 2, {{ASK, 0, 5, 0}, {ASK, 6, 5, 0}, {NOT_SENT, 7, 1, 0}, {NOT_SENT, 7, 1, 0},
                                      {SENT, 8, 2, 0}, {NOT_SENT, 8, 2, 0}, {ASK, 9, 5, 0}, {SENT, 10, 3, 0},
                                      {NOT_SENT, 10, 2, 0}, {ASK, 11, 5, HOUR - 1}}},
        {"an older slot that was answered is not", 1, 2, {{ASK, 0, 5, 0}, {ASK, 6, 5, 0}, {SENT, 7, 1, 0},
                                                          {NOT_SENT, 7, 1, 0}, {SENT, 8, 2, 0},
                                                          {ASK, 9, 5, HOUR - 1}}},
    };

    CHECK_CASES(cases);
}

TEST(a_429_blocks)
{
    static const rule_case cases[] = {
        {"for what it says", 0, 0, {{ASK, 0, S(9), 0}, {LIMITED, S(1), 1, S(60)}, {ASK, S(1), S(9), S(60)},
                                    {ASK, S(61) - 1, S(9), 1}, {ASK, S(61), S(9), 0}}},
        {"at least for the interval: 0", 0, 0, {{ASK, 0, S(9), 0}, {LIMITED, S(1), 1, 0}, {ASK, S(1), S(9), S(20)}}},
        {"at least for the interval: 5", 0, 0, {{ASK, 0, S(9), 0}, {LIMITED, S(1), 1, S(5)}, {ASK, S(1), S(9), S(20)}}},
        {"at most for an hour", 0, 0, {{ASK, 0, S(9), 0}, {LIMITED, S(1), 1, S(7200)}, {ASK, S(1), S(9), HOUR}}},
        {"doubling when it does not say", 0, 0, {{ASK, 0, S(9), 0}, {LIMITED, 0, 1, -1}, {ASK, 0, S(9), S(40)},
                                                 {ASK, S(40), S(9), 0}, {LIMITED, S(40), 2, -1}, {ASK, S(40), S(9), S(80)},
                                                 {ASK, S(120), S(9), 0}, {LIMITED, S(120), 3, -1},
                                                 {ASK, S(120), S(9), S(160)}}},
        {"doubling up to an hour", S(900), 0, {{ASK, 0, S(9), 0}, {LIMITED, 0, 1, -1}, {ASK, 0, S(9), S(1800)},
                                               {ASK, S(1800), S(9), 0}, {LIMITED, S(1800), 2, -1},
                                               {ASK, S(1800), S(9), S(3600)}, {ASK, S(5400), S(9), 0},
                                               {LIMITED, S(5400), 3, -1}, {ASK, S(5400), S(9), S(3600)}}},
        {"those that say count in the row", 0, 0, {{ASK, 0, S(9), 0}, {LIMITED, 0, 1, S(30)}, {ASK, S(30), S(9), 0},
                                                   {LIMITED, S(30), 2, -1}, {ASK, S(30), S(9), S(80)}}},
        {"an answer ends the row", 0, 0, {{ASK, 0, S(9), 0}, {LIMITED, 0, 1, -1}, {ASK, S(40), S(9), 0},
                                          {SENT, S(40), 2, 0}, {ASK, S(60), S(9), 0}, {LIMITED, S(60), 3, -1},
                                          {ASK, S(60), S(9), S(40)}}},
        {"not less than before", 0, 0, {{ASK, 0, 1, 0}, {LIMITED, 0, 1, S(900)}, {REPEAT, 0, S(9), S(900)},
                                        {LIMITED, S(1), 1, S(20)}, {ASK, S(1), S(9), S(899)}}},
        {"also from one who had settled", 0, 0, {{ASK, 0, 0, 0}, {LIMITED, S(1), 1, S(60)}, {ASK, S(20), S(9), S(41)}}},
        {"also from one whose hold is over", 0, 0, {{ASK, 0, 1, 0}, {ASK, S(21), S(9), 0}, {LIMITED, S(22), 1, S(60)},
                                                    {SENT, S(23), 2, 0}, {ASK, S(50), S(9), S(32)}}},
        {"a repeat too", 0, 0, {{ASK, 0, S(9), 0}, {SENT, S(1), 1, 0}, {LIMITED, S(1), 1, S(60)},
                                {REPEAT, S(2), S(9), S(59)}, {REPEAT, S(61), S(9), 0}}},
    };

    CHECK_CASES(cases);
}

TEST(the_hour_is_any_hour)
{
    static const rule_case cases[] = {
        {"in one bucket: an hour after its newest", 1, 3, {{ASK, 0, 0, 0}, {ASK, S(2), 0, 0}, {ASK, S(4), 0, 0},
                                                           {ASK, S(6), 0, HOUR - S(2)}, {ASK, HOUR + S(4) - 1, 0, 1},
                                                           {ASK, HOUR + S(4), 0, 0}}},
        {"in several: an hour after the oldest", 1, 3, {{ASK, 0, 0, 0}, {ASK, S(400), 0, 0}, {ASK, S(800), 0, 0},
                                                        {ASK, S(900), 0, HOUR - S(900)}, {ASK, HOUR, 0, 0},
                                                        {ASK, HOUR + 1, 0, S(400) - 1}, {ASK, HOUR + S(400), 0, 0}}},
        {"a held slot from the end of its hold", 1, 1, {{ASK, 0, S(30), 0}, {ASK, S(1), 0, HOUR + S(29)},
                                                        {SENT, S(2), 1, 0}, {ASK, S(3), 0, HOUR - S(1)}}},
        {"sent twice: two", 1, 3, {{ASK, 0, S(9), 0}, {SENT, 1, 1, 0}, {CHARGE, 1, 0, 0}, {ASK, S(2), 0, 0},
                                   {ASK, S(4), 0, HOUR - S(2)}}},
        {"a charge may go beyond the budget", 1, 1, {{ASK, 0, S(9), 0}, {SENT, 1, 1, 0}, {CHARGE, S(400), 0, 0},
                                                     {ASK, S(401), 0, HOUR - S(1)}, {ASK, HOUR + S(400), 0, 0}}},
        {"a repeat counts, and is refused", 1, 2, {{ASK, 0, S(9), 0}, {SENT, 1, 1, 0}, {REPEAT, 1, S(9), 0},
                                                   {SENT, 2, 2, 0}, {REPEAT, 2, S(9), HOUR}}},
    };

    CHECK_CASES(cases);
}

TEST(a_repeat_does_not_wait)
{
    static const rule_case cases[] = {
        {"and restarts the interval", 0, 0, {{ASK, 0, S(9), 0}, {SENT, S(1), 1, 0}, {REPEAT, S(1), S(9), 0},
                                             {ASK, S(2), S(9), S(28)}, {SENT, S(3), 2, 0}, {ASK, S(3), S(9), S(20)},
                                             {ASK, S(23), S(9), 0}}},
        {"another's hold goes on after it", 0, 0, {{ASK, 0, S(30), 0}, {SENT, S(1), 1, 0}, {ASK, S(21), S(30), 0},
                                                   {REPEAT, S(22), S(5), 0}, {SENT, S(23), 3, 0},
                                                   {ASK, S(24), S(9), S(47)}, {ASK, S(44), S(9), S(27)}}},
        {"another's hold goes on while it is held", 0, 0, {{ASK, 0, S(30), 0}, {SENT, S(1), 1, 0}, {ASK, S(21), S(30), 0},
                                                           {REPEAT, S(22), S(5), 0}, {ASK, S(23), S(9), S(48)}}},
    };

    CHECK_CASES(cases);
}

/* A repeat may fall into another's hold. That other's answer counts like any: nobody comes within the interval after
   it. */
TEST(an_answer_that_a_repeat_overtook_counts)
{
    const lsync_guard_limits limits = {S(20) * 1000, 600, 0};
    lsync_guard_record r = {0};
    int64_t other;
    int64_t slot;
    int64_t wait_us;
    int64_t soonest_us;

    CHECK(lsync_guard_reserve(&r, &limits, LSYNC_GUARD_FIRST, S(21) * 1000, S(30) * 1000, &other, &wait_us, &soonest_us));
    CHECK(lsync_guard_reserve(&r, &limits, LSYNC_GUARD_REPEAT, S(22) * 1000, S(5) * 1000, &slot, &wait_us, &soonest_us));
    lsync_guard_sent(&r, &limits, slot, S(23) * 1000);
    CHECK(!lsync_guard_reserve(&r, &limits, LSYNC_GUARD_FIRST, S(24) * 1000, S(9) * 1000, &slot, &wait_us, &soonest_us));
    lsync_guard_sent(&r, &limits, other, S(50) * 1000);
    CHECK(!lsync_guard_reserve(&r, &limits, LSYNC_GUARD_FIRST, S(50) * 1000, S(9) * 1000, &slot, &wait_us, &soonest_us));
    CHECK(wait_us >= S(20) * 1000);
}

/* Whatever the clock does, the gate opens again: at the latest the hold and an hour after the first question. */
TEST(a_clock_that_went_back_opens_late_not_never)
{
    static const int64_t jumps_s[] = {1, 19, 21, 3599, 3601, 86400, INT64_C(86400) * 365 * 60};
    const lsync_guard_limits limits = {S(20) * 1000, 600, 0};

    for (size_t i = 0; i < T_COUNT(jumps_s); i++) {
        lsync_guard_record r = {0};
        int64_t then_us = INT64_C(2000000000000000);
        int64_t now_us = then_us - jumps_s[i] * 1000000;
        int64_t slot;
        int64_t wait_us;
        int64_t soonest_us;

        t_row("back by %lld s", (long long)jumps_s[i]);
        CHECK(lsync_guard_reserve(&r, &limits, LSYNC_GUARD_FIRST, then_us, S(30) * 1000, &slot, &wait_us, &soonest_us));
        lsync_guard_sent(&r, &limits, slot, then_us);
        CHECK(!lsync_guard_reserve(&r, &limits, LSYNC_GUARD_FIRST, now_us, 0, &slot, &wait_us, &soonest_us));
        CHECK_INT(wait_us, S(20) * 1000);
        CHECK(lsync_guard_reserve(&r, &limits, LSYNC_GUARD_FIRST, now_us + wait_us, 0, &slot, &wait_us, &soonest_us));
        lsync_guard_limited(&r, &limits, slot, then_us, LSYNC_GUARD_HOUR_US);
        CHECK(!lsync_guard_reserve(&r, &limits, LSYNC_GUARD_FIRST, now_us, 0, &slot, &wait_us, &soonest_us));
        CHECK_INT(wait_us, LSYNC_GUARD_HOUR_US);
    }
}

/* A clock of whole milliseconds may show 999 us less than it is: what is noted is later by that. */
TEST(a_coarse_clock_costs_its_grain)
{
    const lsync_guard_limits limits = {S(20) * 1000, 600, 999};
    lsync_guard_record r = {0};
    int64_t slot;
    int64_t wait_us;
    int64_t soonest_us;

    CHECK(lsync_guard_reserve(&r, &limits, LSYNC_GUARD_FIRST, S(5) * 1000, S(9) * 1000, &slot, &wait_us, &soonest_us));
    lsync_guard_sent(&r, &limits, slot, S(6) * 1000);
    CHECK(!lsync_guard_reserve(&r, &limits, LSYNC_GUARD_FIRST, S(26) * 1000, 0, &slot, &wait_us, &soonest_us));
    CHECK_INT(wait_us, 999);
    CHECK(lsync_guard_reserve(&r, &limits, LSYNC_GUARD_FIRST, S(26) * 1000 + 1000, 0, &slot, &wait_us, &soonest_us));
}

/* Who waits while another holds the slot asks again when it may be free: an interval after it is settled at once. */
TEST(a_held_slot_may_open_sooner)
{
    const lsync_guard_limits limits = {S(20) * 1000, 600, 0};
    lsync_guard_record r = {0};
    int64_t slot;
    int64_t wait_us;
    int64_t soonest_us;

    CHECK(lsync_guard_reserve(&r, &limits, LSYNC_GUARD_FIRST, S(100) * 1000, S(30) * 1000, &slot, &wait_us, &soonest_us));
    CHECK_INT(soonest_us, 0);
    CHECK(!lsync_guard_reserve(&r, &limits, LSYNC_GUARD_FIRST, S(101) * 1000, 1, &slot, &wait_us, &soonest_us));
    CHECK_INT(wait_us, S(49) * 1000);
    CHECK_INT(soonest_us, S(20) * 1000);
    lsync_guard_sent(&r, &limits, 1, S(101) * 1000);
    CHECK(!lsync_guard_reserve(&r, &limits, LSYNC_GUARD_FIRST, S(102) * 1000, 1, &slot, &wait_us, &soonest_us));
    CHECK_INT(wait_us, S(19) * 1000);
    CHECK_INT(soonest_us, S(19) * 1000);
    lsync_guard_limited(&r, &limits, 1, S(102) * 1000, S(60) * 1000);
    CHECK(!lsync_guard_reserve(&r, &limits, LSYNC_GUARD_FIRST, S(103) * 1000, 1, &slot, &wait_us, &soonest_us));
    CHECK_INT(soonest_us, S(59) * 1000);
}

TEST(a_record_is_stale_when_nothing_of_it_matters)
{
    const lsync_guard_limits limits = {S(20) * 1000, 600, 0};
    lsync_guard_record r = {0};
    int64_t now_us = S(1000) * 1000;
    int64_t slot;
    int64_t wait_us;
    int64_t soonest_us;

    CHECK(lsync_guard_reserve(&r, &limits, LSYNC_GUARD_FIRST, now_us, S(30) * 1000, &slot, &wait_us, &soonest_us));
    CHECK_INT(lsync_guard_stale_at_us(&r, &limits), now_us + S(30) * 1000 + LSYNC_GUARD_HOUR_US);
    lsync_guard_not_sent(&r, &limits, slot, now_us + 1);
    CHECK(lsync_guard_stale_at_us(&r, &limits) <= now_us);
    CHECK(lsync_guard_reserve(&r, &limits, LSYNC_GUARD_FIRST, now_us, 0, &slot, &wait_us, &soonest_us));
    CHECK_INT(lsync_guard_stale_at_us(&r, &limits), now_us + LSYNC_GUARD_HOUR_US);
    lsync_guard_limited(&r, &limits, slot, now_us + S(9) * 1000, LSYNC_GUARD_HOUR_US);
    CHECK_INT(lsync_guard_stale_at_us(&r, &limits), now_us + S(9) * 1000 + LSYNC_GUARD_HOUR_US);
}

/* That all buckets are live and none is of now does not happen by the rule; a record may say so. */
TEST(where_no_bucket_is_free_the_newest_counts)
{
    const lsync_guard_limits limits = {S(20) * 1000, 600, 0};
    lsync_guard_record r = {0};
    int64_t now_us = S(10000) * 1000;
    int64_t slot;
    int64_t wait_us;
    int64_t soonest_us;

    for (size_t i = 0; i < LSYNC_GUARD_BUCKETS; i++)
        r.buckets[i] = (lsync_guard_bucket){.start_us = now_us - S(600 + 60 * ((int64_t)i % 5)) * 1000,
                                            .last_us = now_us - S(500) * 1000, .count = 2};
    CHECK(lsync_guard_reserve(&r, &limits, LSYNC_GUARD_FIRST, now_us, 0, &slot, &wait_us, &soonest_us));
    CHECK_INT(r.buckets[0].count, 3);
    CHECK_INT(r.buckets[0].last_us, now_us);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        T(the_interval_runs_from_the_answer),
        T(what_was_not_sent_is_given_back),
        T(a_429_blocks),
        T(the_hour_is_any_hour),
        T(a_repeat_does_not_wait),
        T(an_answer_that_a_repeat_overtook_counts),
        T(a_clock_that_went_back_opens_late_not_never),
        T(a_coarse_clock_costs_its_grain),
        T(a_held_slot_may_open_sooner),
        T(a_record_is_stale_when_nothing_of_it_matters),
        T(where_no_bucket_is_free_the_newest_counts),
    };

    return T_MAIN(tests);
}
