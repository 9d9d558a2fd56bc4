/* The line of times above the live table, and the texts of times. */
#include "moment.h"
#include "status.h"

#include <stdlib.h>
#include <time.h>

#include "../support/checks.h"

#define DAY_MS INT64_C(86400000)
#define NOON INT64_C(1791028800000) /* 2026-10-03T12:00:00Z */
#define S INT64_C(1000)

static void use_zone(const char *zone)
{
    MUST_INT(setenv("TZ", zone, 1), 0);
    tzset();
}

TEST(the_times_of_response_and_next_poll)
{
    static const struct {
        status status;
        int64_t now_ms;
        const char *expected;
        bool is_stale;
    } cases[] = {
        {{false, 20 * S, 0, NOON + 14 * S}, NOON, "response none yet, next poll 12:00:14 UTC, in 14 s", false},
        {{true, 20 * S, 0, NOON + 14 * S}, NOON, "response none yet, next poll 12:00:14 UTC, in 14 s", false},
        {{false, 20 * S, NOON, NOON + 20 * S},
         NOON + 5500,
         "response 12:00:00, next poll 12:00:20 UTC, in 15 s",
         false},
        {{true, 20 * S, NOON, NOON + 20 * S}, NOON + 5500, "response 6 s ago, next poll 12:00:20 UTC, in 15 s", false},
        {{false, 20 * S, NOON, NOON + 20 * S},
         NOON + 60 * S,
         "response 12:00:00, next poll 12:00:20 UTC, in 0 s",
         false},
        {{false, 20 * S, NOON, NOON + 124 * S},
         NOON + 61 * S,
         "response 12:00:00, 1 min 1 s ago, next poll 12:02:04 UTC, in 1 min 3 s",
         true},
        {{true, 20 * S, NOON, NOON + 20 * S},
         NOON + 61 * S,
         "response 1 min 1 s ago, next poll 12:00:20 UTC, in 0 s",
         true},
        {{false, 100, NOON, NOON + 100}, NOON + 5 * S, "response 12:00:00, next poll 12:00:00 UTC, in 0 s", false},
        {{false, 100, NOON, NOON + 100},
         NOON + 5001,
         "response 12:00:00, 6 s ago, next poll 12:00:00 UTC, in 0 s",
         true},
        /* yesterday, and tomorrow */
        {{false, 3600 * S, NOON - DAY_MS, NOON + DAY_MS},
         NOON,
         "response 2026-10-02 12:00:00, 24 h 0 min ago, next poll 2026-10-04 12:00:00 UTC, in 24 h 0 min",
         true},
        /* the clock was set back */
        {{true, 20 * S, NOON, NOON + 20 * S},
         NOON - 10 * S,
         "response 0 s ago, next poll 12:00:20 UTC, in 30 s",
         false},
    };

    use_zone("UTC");
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        char text[STATUS_SIZE];

        t_row("case %zu", i);
        status_write(&cases[i].status, cases[i].now_ms, text);
        CHECK_TEXT(text, cases[i].expected);
        CHECK_INT(status_is_stale(&cases[i].status, cases[i].now_ms), cases[i].is_stale);
    }
}

TEST(a_day_is_a_day_of_the_local_zone)
{
    static const struct {
        const char *zone;
        int64_t at_ms;
        const char *expected;
        const char *name;
    } cases[] = {
        {"UTC", NOON + 12 * 3600 * S - 1, "23:59:59", "UTC"},
        {"UTC", NOON + 12 * 3600 * S, "2026-10-04 00:00:00", "UTC"},
        {"XYZ-2", NOON + 10 * 3600 * S - 1, "23:59:59", "XYZ"},
        {"XYZ-2", NOON + 10 * 3600 * S, "2026-10-04 00:00:00", "XYZ"},
        {"UTC", NOON + 365 * DAY_MS, "2027-10-03 12:00:00", "UTC"}, /* the same day of another year */
        {"CET-1CEST,M3.5.0,M10.5.0/3", NOON, "14:00:00", "CEST"},
        {"CET-1CEST,M3.5.0,M10.5.0/3", NOON + 30 * DAY_MS, "2026-11-02 13:00:00", "CET"},
        {"<-03>3", NOON, "09:00:00", "-03"},
    };

    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        char text[MOMENT_SIZE];

        t_row("%s, case %zu", cases[i].zone, i);
        use_zone(cases[i].zone);
        CHECK(moment_clock(cases[i].at_ms, NOON, text));
        CHECK_TEXT(text, cases[i].expected);
        CHECK(moment_zone(cases[i].at_ms, text));
        CHECK_TEXT(text, cases[i].name);
    }
}
