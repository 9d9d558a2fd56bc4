/* The rule's promises over random histories: more than a million decisions, the same in each run. */
#include "../support/decoding.h"
#include "history.h"

#include <string.h>

#define SECOND INT64_C(1000000)

#define LIFE .killed = 60, .not_sent = 120, .limited = 25, .kept = 100
#define ALL_KINDS .directories = 200, .others = 250
/* The intervals of directories and of OTHER are the service's. */
#define LIMITS(interval, budget, granularity) {{interval, 60 * SECOND, 0}, budget, granularity}

static size_t operations;

static void add(history_result *sum, const history_result *r)
{
    operations += r->operations;
    sum->granted += r->granted;
    sum->extended += r->extended;
    sum->denied += r->denied;
    sum->too_close += r->too_close;
    sum->over_budget += r->over_budget;
    sum->blocked += r->blocked;
    sum->wrong_wait += r->wrong_wait;
    sum->wrong_soonest += r->wrong_soonest;
    sum->endless += r->endless;
    sum->stale += r->stale;
    if (r->first[0] != '\0' && sum->first[0] == '\0')
        memcpy(sum->first, r->first, sizeof r->first);
}

/* Runs a plan with many seeds. */
static void check_plan(history_plan plan, size_t seeds, size_t steps)
{
    history_result sum = {0};

    plan.steps = steps;
    for (plan.seed = 1; plan.seed <= seeds; plan.seed++) {
        history_result r = history_run(&plan);

        add(&sum, &r);
    }
    t_row("%s", plan.name);
    if (!CHECK_TEXT(sum.first, ""))
        print_message("%s: %zu granted, %zu denied\n", plan.name, sum.granted, sum.denied);
    CHECK_INT(sum.too_close, 0);
    CHECK_INT(sum.over_budget, 0);
    CHECK_INT(sum.blocked, 0);
    CHECK_INT(sum.wrong_wait, 0);
    CHECK_INT(sum.wrong_soonest, 0);
    CHECK_INT(sum.endless, 0);
    CHECK_INT(sum.stale, 0);
    CHECK(sum.granted > seeds * steps / 100); /* not by denying everything */
    CHECK(sum.denied > seeds * steps / 100);
    CHECK(plan.extends == 0 || sum.extended > seeds * steps / 200);
}

TEST(a_steady_clock)
{
    check_plan((history_plan){.name = "the service's limits", .limits = LIMITS(20 * SECOND, 600, 0),
                              .hold_max_us = 30 * SECOND, .clients = 4, LIFE}, 16, 10000);
    check_plan((history_plan){.name = "one client, no hold to speak of", .limits = LIMITS(20 * SECOND, 600, 0),
                              .hold_max_us = 1, .clients = 1, LIFE}, 16, 5000);
    check_plan((history_plan){.name = "holds of an hour", .limits = LIMITS(20 * SECOND, 20, 0),
                              .hold_max_us = 3600 * SECOND, .clients = 3, LIFE}, 16, 5000);
    check_plan((history_plan){.name = "everybody is killed", .limits = LIMITS(SECOND, 100, 0),
                              .hold_max_us = 9 * SECOND, .clients = 3, .killed = 950}, 16, 5000);
    check_plan((history_plan){.name = "an interval of an hour", .limits = LIMITS(3600 * SECOND, 5, 0),
                              .hold_max_us = 30 * SECOND, .clients = 2, LIFE}, 16, 5000);
}

TEST(the_budget_binds)
{
    check_plan((history_plan){.name = "a small budget", .limits = LIMITS(SECOND / 5, 40, 0), .hold_max_us = SECOND / 2,
                              .clients = 8, LIFE}, 16, 10000);
    check_plan((history_plan){.name = "a budget of one", .limits = LIMITS(SECOND, 1, 0), .hold_max_us = 3 * SECOND,
                              .clients = 2, LIFE}, 16, 5000);
    check_plan((history_plan){.name = "some requests are sent twice", .limits = LIMITS(9 * SECOND, 200, 0),
                              .hold_max_us = SECOND, .clients = 4, .charges = 300, .killed = 20}, 4, 10000);
    check_plan((history_plan){.name = "sent twice, and long holds", .limits = LIMITS(20 * SECOND, 6, 0),
                              .hold_max_us = 900 * SECOND, .clients = 4, .charges = 300, LIFE}, 16, 10000);
}

TEST(all_kinds)
{
    check_plan((history_plan){.name = "the service's limits", .limits = LIMITS(20 * SECOND, 600, 0),
                              .hold_max_us = 30 * SECOND, .clients = 6, ALL_KINDS, LIFE}, 16, 10000);
    check_plan((history_plan){.name = "a small budget", .limits = LIMITS(SECOND, 30, 0), .hold_max_us = 9 * SECOND,
                              .clients = 6, .charges = 50, ALL_KINDS, LIFE}, 16, 10000);
    check_plan((history_plan){.name = "OTHER waits too", .limits = {{SECOND, 9 * SECOND, 5 * SECOND}, 300, 0},
                              .hold_max_us = 9 * SECOND, .clients = 6, .extends = 300, ALL_KINDS, LIFE}, 16, 10000);
    check_plan((history_plan){.name = "long holds, pages and charges", .limits = LIMITS(20 * SECOND, 12, 0),
                              .hold_max_us = 900 * SECOND, .clients = 6, .extends = 500, .charges = 100, ALL_KINDS,
                              LIFE}, 16, 10000);
    check_plan((history_plan){.name = "whole milliseconds, jumps", .limits = LIMITS(20 * SECOND, 60, 999),
                              .hold_max_us = 400 * SECOND, .clients = 6, .extends = 300, .charges = 50, .back = 10,
                              .forward = 10, .jump_max_us = 7200 * SECOND, ALL_KINDS, LIFE}, 16, 10000);
}

TEST(a_clock_that_shows_whole_milliseconds)
{
    check_plan((history_plan){.name = "cut to ms", .limits = LIMITS(SECOND / 5, 300, 999), .hold_max_us = SECOND / 2,
                              .clients = 8, LIFE}, 16, 10000);
    check_plan((history_plan){.name = "cut to ms, an interval of one", .limits = LIMITS(1000, 300, 999),
                              .hold_max_us = 5000, .clients = 8, LIFE}, 16, 5000);
    check_plan((history_plan){.name = "cut to ms, jumps", .limits = LIMITS(SECOND / 5, 300, 999),
                              .hold_max_us = SECOND / 2, .clients = 8, .back = 10, .forward = 10,
                              .jump_max_us = 7200 * SECOND, LIFE}, 16, 5000);
}

TEST(a_clock_that_jumps_backward)
{
    check_plan((history_plan){.name = "back by minutes", .limits = LIMITS(20 * SECOND, 600, 0),
                              .hold_max_us = 30 * SECOND, .clients = 4, .back = 20, .jump_max_us = 600 * SECOND, LIFE},
               16, 10000);
    check_plan((history_plan){.name = "back by days", .limits = LIMITS(SECOND, 60, 0), .hold_max_us = 5 * SECOND,
                              .clients = 4, .back = 5, .jump_max_us = 400000 * SECOND, LIFE}, 16, 10000);
    check_plan((history_plan){.name = "back again and again", .limits = LIMITS(2 * SECOND, 100, 0),
                              .hold_max_us = 5 * SECOND, .clients = 4, .back = 300, .jump_max_us = 20 * SECOND, LIFE},
               16, 10000);
}

TEST(a_clock_that_jumps_forward)
{
    check_plan((history_plan){.name = "forward by minutes", .limits = LIMITS(20 * SECOND, 600, 0),
                              .hold_max_us = 30 * SECOND, .clients = 4, .forward = 20, .jump_max_us = 600 * SECOND,
                              LIFE}, 16, 10000);
    check_plan((history_plan){.name = "forward and back", .limits = LIMITS(5 * SECOND, 60, 0),
                              .hold_max_us = 9 * SECOND, .clients = 4, .back = 20, .forward = 20,
                              .jump_max_us = 4000 * SECOND, LIFE}, 16, 10000);
}

TEST(leases_are_extended)
{
    check_plan((history_plan){.name = "one client", .limits = LIMITS(20 * SECOND, 600, 0), .hold_max_us = 30 * SECOND,
                              .clients = 1, .extends = 300, LIFE}, 16, 10000);
    check_plan((history_plan){.name = "many clients", .limits = LIMITS(20 * SECOND, 600, 0),
                              .hold_max_us = 30 * SECOND, .clients = 4, .extends = 300, LIFE}, 16, 10000);
    check_plan((history_plan){.name = "on a small budget", .limits = LIMITS(SECOND, 40, 0), .hold_max_us = 9 * SECOND,
                              .clients = 8, .extends = 300, LIFE}, 16, 10000);
    check_plan((history_plan){.name = "with long holds, on a tiny budget", .limits = LIMITS(20 * SECOND, 6, 0),
                              .hold_max_us = 900 * SECOND, .clients = 4, .extends = 500, LIFE}, 16, 10000);
    check_plan((history_plan){.name = "the clock jumps", .limits = LIMITS(20 * SECOND, 600, 0),
                              .hold_max_us = 30 * SECOND, .clients = 4, .extends = 300, .back = 10, .forward = 10,
                              .jump_max_us = 4000 * SECOND, LIFE}, 16, 10000);
}

TEST(there_were_a_million_decisions)
{
    print_message("%zu decisions\n", operations);
    CHECK(operations > 1000000);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        T(a_steady_clock),
        T(the_budget_binds),
        T(all_kinds),
        T(a_clock_that_shows_whole_milliseconds),
        T(a_clock_that_jumps_backward),
        T(a_clock_that_jumps_forward),
        T(leases_are_extended),
        T(there_were_a_million_decisions),
    };

    return T_MAIN(tests);
}
