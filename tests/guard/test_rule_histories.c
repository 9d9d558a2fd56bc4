/* The rule's promises over random histories: more than a million decisions, the same in each run. */
#include "../unit/support.h"
#include "history.h"

#include <string.h>

#define SECOND INT64_C(1000000)

#define NO_CLOCK_JUMPS .back = 0, .forward = 0
#define LIFE .killed = 60, .not_sent = 120, .limited = 25

static size_t operations;

/* Runs a plan with many seeds. */
static void check_plan(history_plan plan, size_t seeds, size_t steps)
{
    history_result sum = {0};

    for (uint64_t seed = 1; seed <= seeds; seed++) {
        history_result r;

        plan.seed = seed;
        plan.steps = steps;
        r = history_run(&plan);
        operations += r.operations;
        sum.granted += r.granted;
        sum.refused += r.refused;
        sum.too_close += r.too_close;
        sum.over_budget += r.over_budget;
        sum.blocked += r.blocked;
        sum.wrong_wait += r.wrong_wait;
        sum.endless += r.endless;
        sum.stale += r.stale;
        if (r.first[0] != '\0' && sum.first[0] == '\0')
            memcpy(sum.first, r.first, sizeof r.first);
    }
    t_row("%s", plan.name);
    if (!CHECK_TEXT(sum.first, ""))
        print_message("%s: %zu granted, %zu refused\n", plan.name, sum.granted, sum.refused);
    CHECK_INT(sum.too_close, 0);
    CHECK_INT(sum.over_budget, 0);
    CHECK_INT(sum.blocked, 0);
    CHECK_INT(sum.wrong_wait, 0);
    CHECK_INT(sum.endless, 0);
    CHECK_INT(sum.stale, 0);
    CHECK(sum.granted > seeds * steps / 100); /* not by refusing everything */
    CHECK(sum.refused > seeds * steps / 100);
}

TEST(a_steady_clock)
{
    check_plan((history_plan){.name = "the service's limits", .limits = {20 * SECOND, 600, 0}, .hold_max_us = 30 * SECOND,
                              .clients = 4, LIFE}, 8, 10000);
    check_plan((history_plan){.name = "one client, no hold to speak of", .limits = {20 * SECOND, 600, 0}, .hold_max_us = 1,
                              .clients = 1, LIFE}, 8, 5000);
    check_plan((history_plan){.name = "holds of an hour", .limits = {20 * SECOND, 20, 0}, .hold_max_us = 3600 * SECOND,
                              .clients = 3, LIFE}, 8, 5000);
    check_plan((history_plan){.name = "everybody is killed", .limits = {SECOND, 100, 0}, .hold_max_us = 9 * SECOND,
                              .clients = 3, .killed = 950}, 8, 5000);
    check_plan((history_plan){.name = "an interval of an hour", .limits = {3600 * SECOND, 5, 0}, .hold_max_us = 30 * SECOND,
                              .clients = 2, LIFE}, 8, 5000);
}

TEST(the_budget_binds)
{
    check_plan((history_plan){.name = "a small budget", .limits = {SECOND / 5, 40, 0}, .hold_max_us = SECOND / 2,
                              .clients = 8, LIFE}, 8, 10000);
    check_plan((history_plan){.name = "a budget of one", .limits = {SECOND, 1, 0}, .hold_max_us = 3 * SECOND, .clients = 2,
                              LIFE}, 8, 5000);
    check_plan((history_plan){.name = "some requests are sent twice", .limits = {9 * SECOND, 200, 0}, .hold_max_us = SECOND,
                              .clients = 4, .charges = 300, .killed = 20}, 4, 10000);
}

TEST(a_clock_that_shows_whole_milliseconds)
{
    check_plan((history_plan){.name = "cut to ms", .limits = {SECOND / 5, 300, 999}, .hold_max_us = SECOND / 2,
                              .clients = 8, LIFE}, 8, 10000);
    check_plan((history_plan){.name = "cut to ms, an interval of one", .limits = {1000, 300, 999}, .hold_max_us = 5000,
                              .clients = 8, LIFE}, 8, 5000);
    check_plan((history_plan){.name = "cut to ms, jumps", .limits = {SECOND / 5, 300, 999}, .hold_max_us = SECOND / 2,
                              .clients = 8, .back = 10, .forward = 10, .jump_max_us = 7200 * SECOND, LIFE}, 8, 5000);
}

TEST(a_clock_that_jumps_backward)
{
    check_plan((history_plan){.name = "back by minutes", .limits = {20 * SECOND, 600, 0}, .hold_max_us = 30 * SECOND,
                              .clients = 4, .back = 20, .jump_max_us = 600 * SECOND, LIFE}, 8, 10000);
    check_plan((history_plan){.name = "back by days", .limits = {SECOND, 60, 0}, .hold_max_us = 5 * SECOND, .clients = 4,
                              .back = 5, .jump_max_us = 400000 * SECOND, LIFE}, 8, 10000);
    check_plan((history_plan){.name = "back again and again", .limits = {2 * SECOND, 100, 0}, .hold_max_us = 5 * SECOND,
                              .clients = 4, .back = 300, .jump_max_us = 20 * SECOND, LIFE}, 8, 10000);
}

TEST(a_clock_that_jumps_forward)
{
    check_plan((history_plan){.name = "forward by minutes", .limits = {20 * SECOND, 600, 0}, .hold_max_us = 30 * SECOND,
                              .clients = 4, .forward = 20, .jump_max_us = 600 * SECOND, LIFE}, 8, 10000);
    check_plan((history_plan){.name = "forward and back", .limits = {5 * SECOND, 60, 0}, .hold_max_us = 9 * SECOND,
                              .clients = 4, .back = 20, .forward = 20, .jump_max_us = 4000 * SECOND, LIFE}, 8, 10000);
}

TEST(repeats_after_a_401)
{
    check_plan((history_plan){.name = "one client that repeats", .limits = {20 * SECOND, 600, 0}, .hold_max_us = 30 * SECOND,
                              .clients = 1, .repeats = 300, LIFE}, 8, 10000);
    check_plan((history_plan){.name = "many clients that repeat", .limits = {20 * SECOND, 600, 0}, .hold_max_us = 30 * SECOND,
                              .clients = 4, .repeats = 300, LIFE}, 8, 10000);
    check_plan((history_plan){.name = "many repeat on a small budget", .limits = {SECOND, 40, 0}, .hold_max_us = 9 * SECOND,
                              .clients = 8, .repeats = 300, LIFE}, 8, 10000);
    check_plan((history_plan){.name = "many repeat, the clock jumps", .limits = {20 * SECOND, 600, 0},
                              .hold_max_us = 30 * SECOND, .clients = 4, .repeats = 300, .back = 10, .forward = 10,
                              .jump_max_us = 4000 * SECOND, LIFE}, 8, 10000);
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
        T(a_clock_that_shows_whole_milliseconds),
        T(a_clock_that_jumps_backward),
        T(a_clock_that_jumps_forward),
        T(repeats_after_a_401),
        T(there_were_a_million_decisions),
    };

    return T_MAIN(tests);
}
