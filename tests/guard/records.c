/* What the tests of records share; see records.h. */
#include "records.h"
#include "../support/decoding.h"

#include <string.h>

lsync_guard_record record_new(int64_t now_us)
{
    lsync_guard_record r;

    lsync_guard_record_init(&r);
    lsync_guard_roll(&r, now_us / LSYNC_GUARD_CELL_US + 1);
    return r;
}

/* --- random records --- */

static int64_t some_time(uint64_t *seed)
{
    int64_t most_us = INT64_MAX / 4;
    uint64_t choice = t_random(seed) % 8;

    if (choice == 0)
        return LSYNC_GUARD_NEVER_US;
    if (choice == 1)
        return t_random(seed) % 2 == 0 ? most_us : -most_us;
    return (int64_t)(t_random(seed) % (2 * (uint64_t)most_us + 1)) - most_us;
}

/* One that is not never. */
static int64_t some_moment(uint64_t *seed)
{
    int64_t us;

    do
        us = some_time(seed);
    while (us == LSYNC_GUARD_NEVER_US);
    return us;
}

static int64_t some_hold(uint64_t *seed)
{
    return (int64_t)(t_random(seed) % ((uint64_t)LSYNC_GUARD_HOLD_MAX_US + 1));
}

static uint32_t some_count(uint64_t *seed, uint32_t most)
{
    return (uint32_t)(t_random(seed) % (most + UINT64_C(1)));
}

static void some_line(uint64_t *seed, lsync_guard_line *line, bool has_lease)
{
    line->over_us = some_time(seed);
    line->closed_until_us = some_time(seed);
    line->requests = some_count(seed, LSYNC_GUARD_REQUESTS_MAX);
    line->lease.slot = has_lease ? (int64_t)(t_random(seed) >> 1) : 0;
    line->lease.hold_us = some_hold(seed);
    line->lease.until_us = some_moment(seed);
}

lsync_guard_stored record_random(uint64_t *seed)
{
    lsync_guard_stored stored;
    lsync_guard_record *r = &stored.record;

    memset(&stored, 0, sizeof stored);
    for (size_t i = 0; i < sizeof stored.boot_id; i++)
        stored.boot_id[i] = (unsigned char)t_random(seed);
    for (size_t i = 0; i < sizeof r->lineage.source; i++)
        r->lineage.source[i] = (unsigned char)t_random(seed);
    stored.wall_us = some_moment(seed);
    r->version = t_random(seed);
    r->lineage.life = (int64_t)(t_random(seed) >> 1);
    r->lineage.born_us = some_moment(seed);
    r->closure = (lsync_guard_closure)some_count(seed, LSYNC_GUARD_LOSS);
    r->blocked_until_us = some_time(seed);
    r->longest_hold_us = some_hold(seed);
    r->refunds = some_count(seed, LSYNC_GUARD_REFUNDS_MAX);
    r->limited = some_count(seed, LSYNC_GUARD_LIMITED_MAX);
    for (int k = 0; k < LSYNC_GUARD_KINDS; k++)
        some_line(seed, &r->lines[k], k != LOCK_SYNC_REQUEST_OTHER);
    r->newest_cell = (int64_t)(t_random(seed) % UINT64_C(10000000000)) - INT64_C(5000000000);
    for (int i = 0; i < LSYNC_GUARD_CELLS; i++)
        r->cells[i] = some_count(seed, LSYNC_GUARD_COUNT_MAX);
    return stored;
}

/* --- comparing --- */

static bool is_same_line(const lsync_guard_line *a, const lsync_guard_line *b)
{
    return a->over_us == b->over_us && a->closed_until_us == b->closed_until_us && a->lease.slot == b->lease.slot &&
           a->lease.until_us == b->lease.until_us && a->lease.hold_us == b->lease.hold_us &&
           a->requests == b->requests;
}

bool record_is_same(const lsync_guard_record *a, const lsync_guard_record *b)
{
    bool same = a->version == b->version && a->lineage.life == b->lineage.life &&
                a->lineage.born_us == b->lineage.born_us && a->closure == b->closure &&
                a->blocked_until_us == b->blocked_until_us && a->longest_hold_us == b->longest_hold_us &&
                a->refunds == b->refunds && a->limited == b->limited && a->newest_cell == b->newest_cell &&
                memcmp(a->lineage.source, b->lineage.source, sizeof a->lineage.source) == 0 &&
                memcmp(a->cells, b->cells, sizeof a->cells) == 0;

    for (int k = 0; k < LSYNC_GUARD_KINDS; k++)
        same = same && is_same_line(&a->lines[k], &b->lines[k]);
    return same;
}

bool stored_is_same(const lsync_guard_stored *a, const lsync_guard_stored *b)
{
    return record_is_same(&a->record, &b->record) && memcmp(a->boot_id, b->boot_id, sizeof a->boot_id) == 0 &&
           a->wall_us == b->wall_us;
}
