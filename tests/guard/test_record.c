/* The record as bytes: unpacking restores all of it, its layout is the same on every machine, and a damaged record is
   rejected. */
#include "records.h"

#include <stdlib.h>
#include <string.h>

#define TIME_MAX (INT64_MAX / 4)
#define CELL_MAX (TIME_MAX / CELL)

/* --- the layout --- */

static const char layout[] =
    "6c6f636b73796e32"                         /* "locksyn2" */
    "0807060504030201"                         /* version */
    "a0a1a2a3a4a5a6a7a8a9aaabacadaeafb0b1b2b3" /* source */
    "0201000000000000"                         /* life 0x102 */
    "feffffffffffffff"                         /* born -2 */
    "000102030405060708090a0b0c0d0e0f"         /* boot id */
    "0100000000000000"                         /* wall 1 */
    "0000000000000080"                         /* blocked: never */
    "0300000000000000"                         /* longest lease 3 */
    "02000000"                                 /* closure: a loss */
    "03000000"                                 /* refunds */
    "07000000"                                 /* 429s */
    "0a00000000000000"
    "1400000000000000"
    "1e00000000000000"
    "2800000000000000"
    "3200000000000000"
    "05000000"
    "0b00000000000000"
    "1500000000000000"
    "1f00000000000000"
    "2900000000000000"
    "3300000000000000"
    "06000000"
    "0c00000000000000"
    "1600000000000000"
    "0000000000000000"
    "2a00000000000000"
    "3400000000000000"
    "07000000"
    "fdffffffffffffff" /* newest cell -3 */
    "01000000"
    "02000000"
    "03000000"
    "04000000"
    "05000000"
    "06000000"
    "07000000"
    "08000000"
    "09000000"
    "0a000000"
    "0b000000"
    "0c000000"
    "0d000000"
    "0e000000"
    "36c70ee1ef43fb35"; /* the checksum */

/* Returns the record with this layout. */
static lsync_guard_stored example(void)
{
    lsync_guard_stored stored = {.wall_us = 1};
    lsync_guard_record *r = &stored.record;

    *r = (lsync_guard_record){.version = UINT64_C(0x0102030405060708),
                              .lineage = {.life = 0x102, .born_us = -2},
                              .closure = LSYNC_GUARD_LOSS,
                              .blocked_until_us = NEVER,
                              .longest_lease_us = 3,
                              .refunds = 3,
                              .limited = 7,
                              .newest_cell = -3};
    for (size_t i = 0; i < sizeof r->lineage.source; i++)
        r->lineage.source[i] = (unsigned char)(0xa0 + i);
    for (size_t i = 0; i < sizeof stored.boot_id; i++)
        stored.boot_id[i] = (unsigned char)i;
    for (int k = 0; k < LSYNC_GUARD_KINDS; k++)
        r->entries[k] = (lsync_guard_entry){
            10 + k, 20 + k, {k == LOCK_SYNC_REQUEST_OTHER ? 0 : 30 + k, 40 + k, 50 + k}, (uint32_t)(5 + k)};
    for (int i = 0; i < LSYNC_GUARD_CELLS; i++)
        r->cells[i] = (uint32_t)i + 1;
    return stored;
}

static void check_layout(const lsync_guard_stored *stored)
{
    unsigned char bytes[LSYNC_GUARD_RECORD_SIZE];
    char text[2 * LSYNC_GUARD_RECORD_SIZE + 1] = "";

    lsync_guard_pack(stored, bytes);
    for (size_t i = 0; i < sizeof bytes; i++) {
        text[2 * i] = "0123456789abcdef"[bytes[i] >> 4];
        text[2 * i + 1] = "0123456789abcdef"[bytes[i] & 15];
    }
    CHECK_TEXT(text, layout);
}

TEST(the_layout_is_little_endian)
{
    lsync_guard_stored stored = example();
    lsync_guard_stored back;
    unsigned char room[LSYNC_GUARD_RECORD_SIZE + 1]; /* for an unaligned address */

    CHECK_INT(LSYNC_GUARD_RECORD_SIZE, 308);
    CHECK_INT(LOCK_SYNC_GUARD_RECORD_MAX, 512); /* the room in every store */
    CHECK_INT(LSYNC_GUARD_SOURCE_SIZE, LOCK_SYNC_GUARD_SOURCE_SIZE);
    check_layout(&stored);
    lsync_guard_pack(&stored, room + 1);
    memset(&back, 0xa5, sizeof back);
    CHECK(lsync_guard_unpack(room + 1, LSYNC_GUARD_RECORD_SIZE, &back));
    check_layout(&back); /* it is complete */
}

/* --- damage --- */

TEST(every_changed_byte_is_detected)
{
    unsigned char bytes[LSYNC_GUARD_RECORD_SIZE];
    lsync_guard_stored stored = example();
    size_t accepted = 0;

    lsync_guard_pack(&stored, bytes);
    for (size_t i = 0; i < sizeof bytes * 256; i++) {
        unsigned char change = (unsigned char)(i % 256);
        lsync_guard_stored back;

        bytes[i / 256] ^= change;
        accepted += change != 0 && lsync_guard_unpack(bytes, sizeof bytes, &back);
        bytes[i / 256] ^= change;
    }
    CHECK_INT(accepted, 0);
}

TEST(every_other_size_is_rejected)
{
    lsync_guard_stored stored = example();
    lsync_guard_stored back;
    unsigned char bytes[LSYNC_GUARD_RECORD_SIZE];
    size_t accepted = 0;

    lsync_guard_pack(&stored, bytes);
    for (size_t size = 0; size < 2 * sizeof bytes; size++) {
        unsigned char *block = calloc(1, size == 0 ? 1 : size); /* of exactly that size, for memory checkers */

        MUST(block != NULL);
        memcpy(block, bytes, size < sizeof bytes ? size : sizeof bytes);
        accepted += size != sizeof bytes && lsync_guard_unpack(block, size, &back);
        free(block);
    }
    CHECK_INT(accepted, 0);
}

/* --- values in a crafted record with a good checksum, which the rule never makes --- */

typedef struct bound_row {
    const char *name;
    size_t offset;
    size_t size;
    int64_t good;
    int64_t bad;
} bound_row;

#define ROW(name_, member, good_, bad_)                                                                                \
  {                                                                                                                    \
    name_, offsetof(lsync_guard_stored, member), sizeof(((lsync_guard_stored *)0)->member), good_, bad_                \
  }

/* Returns whether the example is accepted with one value replaced. */
static bool is_accepted(const bound_row *row, int64_t value)
{
    unsigned char bytes[LSYNC_GUARD_RECORD_SIZE];
    lsync_guard_stored stored = example();
    lsync_guard_stored back;
    uint32_t small = (uint32_t)value;

    memcpy((char *)&stored + row->offset, row->size == sizeof small ? (const void *)&small : (const void *)&value,
           row->size);
    lsync_guard_pack(&stored, bytes);
    return lsync_guard_unpack(bytes, sizeof bytes, &back) &&
           CHECK(memcmp((char *)&back + row->offset, (char *)&stored + row->offset, row->size) == 0);
}

TEST(values_beyond_their_bounds_are_rejected)
{
    static const bound_row rows[] = {
        ROW("life", record.lineage.life, 0, -1),
        ROW("born", record.lineage.born_us, -TIME_MAX, NEVER),
        ROW("wall", wall_us, -TIME_MAX, -TIME_MAX - 1),
        ROW("blocked", record.blocked_until_us, TIME_MAX, TIME_MAX + 1),
        ROW("the longest lease", record.longest_lease_us, LSYNC_GUARD_LEASE_MAX_US, LSYNC_GUARD_LEASE_MAX_US + 1),
        ROW("the longest lease is 0", record.longest_lease_us, 0, -1),
        ROW("the last closure", record.closure, LSYNC_GUARD_LOSS, LSYNC_GUARD_LOSS + 1),
        ROW("refunds, because the fourth keeps its slot", record.refunds, LSYNC_GUARD_REFUNDS_MAX,
            LSYNC_GUARD_REFUNDS_MAX + 1),
        ROW("429s", record.limited, LSYNC_GUARD_LIMITED_MAX, LSYNC_GUARD_LIMITED_MAX + 1),
        ROW("over, of SYNC", record.entries[0].over_us, NEVER, TIME_MAX + 1),
        ROW("over, of OTHER", record.entries[2].over_us, -TIME_MAX, -TIME_MAX - 1),
        ROW("closed", record.entries[1].closed_until_us, NEVER, TIME_MAX + 1),
        ROW("a lease's slot", record.entries[1].lease.slot, INT64_MAX, -1),
        ROW("OTHER has no lease", record.entries[2].lease.slot, 0, 1),
        ROW("a lease until never", record.entries[0].lease.until_us, 0, NEVER),
        ROW("no lease, until never", record.entries[2].lease.until_us, 0, NEVER),
        ROW("a lease until the last time", record.entries[1].lease.until_us, TIME_MAX, TIME_MAX + 1),
        ROW("the longest length of a lease", record.entries[0].lease.length_us, LSYNC_GUARD_LEASE_MAX_US,
            LSYNC_GUARD_LEASE_MAX_US + 1),
        ROW("the shortest length of a lease", record.entries[1].lease.length_us, 0, -1),
        ROW("requests", record.entries[1].requests, LSYNC_GUARD_REQUESTS_MAX, LSYNC_GUARD_REQUESTS_MAX + 1),
        ROW("the last cell", record.newest_cell, CELL_MAX, CELL_MAX + 1),
        ROW("the first cell", record.newest_cell, -CELL_MAX, -CELL_MAX - 1),
        ROW("a full cell", record.cells[0], LSYNC_GUARD_COUNT_MAX, LSYNC_GUARD_COUNT_MAX + 1),
    };
    static const bound_row version = ROW("version", record.version, 0, 0);

    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        t_row("%s", rows[i].name);
        CHECK(is_accepted(&rows[i], rows[i].good));
        CHECK(!is_accepted(&rows[i], rows[i].bad));
    }
    CHECK(is_accepted(&version, -1)); /* all are good */
}
