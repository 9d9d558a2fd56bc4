/* The pause of a watch between two polls: after a good response, after errors in a row, and after a Retry-After. */
#include "../support/decoding.h"
#include "watch/poll.h"

#define HOUR_MS INT64_C(3600000)
#define DAY_MS INT64_C(86400000)

TEST(each_pause_is_between_a_shortest_and_a_longest_one)
{
    static const struct {
        int64_t interval, retry_after;
        uint32_t failures;
        int64_t shortest, longest;
    } table[] = {
        /* a good response, and the first error */
        {20000, -1, 0, 20000, 22000},
        {20000, -1, 1, 20000, 22000},
        {1, -1, 0, 1, 1},
        {30, -1, 1, 30, 33},
        {DAY_MS, -1, 0, DAY_MS, DAY_MS + DAY_MS / 10},
        /* errors in a row */
        {20000, -1, 2, 36000, 40000},
        {20000, -1, 3, 72000, 80000},
        {20000, -1, 4, 144000, 160000},
        {20000, -1, 5, 288000, 320000},
        {20000, -1, 6, 540000, 600000},
        {20000, -1, 7, 540000, 600000},
        {20000, -1, 33, 540000, 600000},
        {20000, -1, 65, 540000, 600000},
        {20000, -1, UINT32_MAX, 540000, 600000},
        {1, -1, 6, 27, 30},
        {DAY_MS, -1, 9, 27 * DAY_MS, 30 * DAY_MS},
        /* Retry-After applies if it is longer, up to an hour */
        {20000, 0, 1, 20000, 22000},
        {20000, 5000, 1, 20000, 22000},
        {20000, 60000, 1, 60000, 62000},
        {20000, HOUR_MS, 1, HOUR_MS, HOUR_MS + 2000},
        {20000, HOUR_MS + 1, 1, HOUR_MS, HOUR_MS + 2000},
        {20000, INT64_MAX, 1, HOUR_MS, HOUR_MS + 2000},
        {20000, 60000, 5, 288000, 320000},
        {20000, 60000, 0, 60000, 62000},
        {DAY_MS, INT64_MAX, UINT32_MAX, 27 * DAY_MS, 30 * DAY_MS},
        {20000, INT64_MIN, 0, 20000, 22000},
    };

    for (size_t i = 0; i < COUNT_OF(table); i++) {
        int64_t at[2];

        t_row("interval %d, %u failures, Retry-After %d", (int)table[i].interval, table[i].failures,
              (int)table[i].retry_after);
        at[0] = lsync_poll_pause_ms(table[i].interval, table[i].failures, table[i].retry_after, 0);
        at[1] = lsync_poll_pause_ms(table[i].interval, table[i].failures, table[i].retry_after, UINT32_MAX);
        CHECK_INT(at[0] < at[1] ? at[0] : at[1], table[i].shortest);
        CHECK_INT(at[0] < at[1] ? at[1] : at[0], table[i].longest);
    }
}
