/* Which fetches a poll has: each step, each result, and what the next step depends on. */
#include "../support/decoding.h"
#include "watch/poll.h"

enum { OK = LOCK_SYNC_OK, FAILS = LOCK_SYNC_E_SERVER, DENIED = LOCK_SYNC_E_TOO_SOON, STOPS = LOCK_SYNC_E_CANCELLED };
enum { REFUSED = LOCK_SYNC_E_FORBIDDEN, NO_PATH = LOCK_SYNC_E_NOT_FOUND, BAD = LOCK_SYNC_E_MALFORMED };
enum { KEY = LOCK_SYNC_E_UNAUTHORIZED, LIMIT = LOCK_SYNC_E_RATE_LIMITED, LATE = LOCK_SYNC_E_TIMEOUT };
enum { IDS = 1, HAS = 2, NEEDS = 4, MAY = 8, ALL_FACTS = 15 };
enum { NONE = LSYNC_POLL_NONE, START = LSYNC_POLL_START, STATES = LSYNC_POLL_STATES, NAMES = LSYNC_POLL_NAMES };

static lsync_poll_step next(lsync_poll_step step, lock_sync_status status, uint32_t facts)
{
    const lsync_poll_facts f = {(facts & IDS) != 0, (facts & HAS) != 0, (facts & NEEDS) != 0, (facts & MAY) != 0};

    return lsync_poll_next(step, status, &f);
}

TEST(each_step_has_a_next_one)
{
    static const struct {
        uint32_t from, status, facts, to;
    } table[] = {
        /* a poll begins: with the directory, if nothing is known and it may be fetched */
        {NONE, OK, IDS, STATES},
        {NONE, OK, IDS | NEEDS, STATES},
        {NONE, OK, IDS | NEEDS | MAY, START},
        {NONE, OK, IDS | NEEDS | MAY | HAS, STATES},
        {NONE, OK, IDS | HAS, STATES},
        /* without ids there is nothing else to fetch */
        {NONE, OK, NEEDS, START},
        {NONE, OK, HAS | MAY, START},
        /* the directory's states are the response; the states are fetched if only the directory was refused */
        {START, OK, IDS | MAY, NONE},
        {START, OK, 0, NONE},
        {START, DENIED, IDS | NEEDS, STATES},
        {START, REFUSED, IDS | NEEDS, STATES},
        {START, NO_PATH, IDS | NEEDS, STATES},
        {START, BAD, IDS | NEEDS, STATES},
        {START, LOCK_SYNC_E_TOO_LARGE, IDS | NEEDS, STATES},
        {START, FAILS, IDS | NEEDS, NONE},
        {START, KEY, IDS | NEEDS, NONE},
        {START, LIMIT, IDS | NEEDS, NONE},
        {START, LATE, IDS | NEEDS, NONE},
        {START, LOCK_SYNC_E_NETWORK, IDS | NEEDS, NONE},
        {START, REFUSED, NEEDS, NONE},
        {START, DENIED, NEEDS, NONE},
        {START, STOPS, IDS | NEEDS, NONE},
        /* good states may need a newer directory */
        {STATES, OK, IDS | HAS | MAY, NONE},
        {STATES, OK, IDS | HAS | NEEDS, NONE},
        {STATES, OK, IDS | HAS | NEEDS | MAY, NAMES},
        {STATES, FAILS, IDS | HAS | NEEDS | MAY, NONE},
        {STATES, DENIED, IDS | HAS | NEEDS | MAY, NONE},
        {STATES, STOPS, IDS | HAS | NEEDS | MAY, NONE},
    };

    for (size_t i = 0; i < COUNT_OF(table); i++) {
        t_row("%u, status %u, facts %u", table[i].from, table[i].status, table[i].facts);
        CHECK_INT(next((lsync_poll_step)table[i].from, (lock_sync_status)table[i].status, table[i].facts), table[i].to);
    }
}

/* So a poll has at most three fetches. */
TEST(no_step_goes_back)
{
    static const lock_sync_status statuses[] = {LOCK_SYNC_OK, LOCK_SYNC_E_SERVER, LOCK_SYNC_E_TOO_SOON,
                                                LOCK_SYNC_E_CANCELLED};

    for (uint32_t step = START; step <= NAMES; step++)
        for (uint32_t facts = 0; facts <= ALL_FACTS; facts++)
            for (size_t i = 0; i < COUNT_OF(statuses); i++) {
                lsync_poll_step to = next((lsync_poll_step)step, statuses[i], facts);

                CHECK(to == LSYNC_POLL_NONE || to > step);
            }
}
