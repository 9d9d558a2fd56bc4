/* The record as bytes: all of it comes back, its layout is the same on every machine, and nothing that was damaged is
   taken for a record. */
#include "guard/record.h"
#include "../support/decoding.h"
#include "records.h"

#include <stdlib.h>
#include <string.h>

#define TIME_MAX (INT64_MAX / 4)
#define CELL_MAX (TIME_MAX / LSYNC_GUARD_CELL_US)
#define NEVER LSYNC_GUARD_NEVER_US

TEST(a_record_fits_into_the_room_of_any_store)
{
    CHECK_INT(LSYNC_GUARD_RECORD_SIZE, 308);
    CHECK(LSYNC_GUARD_RECORD_SIZE <= LOCK_SYNC_GUARD_RECORD_MAX);
    CHECK_INT(LOCK_SYNC_GUARD_RECORD_MAX, 512);
    CHECK_INT(LSYNC_GUARD_SOURCE_SIZE, LOCK_SYNC_GUARD_SOURCE_SIZE);
}

TEST(random_records_come_back_whole)
{
    uint64_t seed = 1;

    for (int i = 0; i < 5000; i++) {
        unsigned char bytes[LSYNC_GUARD_RECORD_SIZE];
        lsync_guard_stored stored = record_random(&seed);
        lsync_guard_stored back;

        memset(&back, 0xa5, sizeof back);
        lsync_guard_pack(&stored, bytes);
        if (!CHECK(lsync_guard_unpack(bytes, sizeof bytes, &back)) || !CHECK(stored_is_same(&stored, &back)))
            break;
    }
}

TEST(a_new_record_comes_back_whole)
{
    unsigned char bytes[LSYNC_GUARD_RECORD_SIZE];
    lsync_guard_stored stored = {.record = record_new(0)};
    lsync_guard_stored back;

    lsync_guard_pack(&stored, bytes);
    CHECK(lsync_guard_unpack(bytes, sizeof bytes, &back));
    CHECK(stored_is_same(&stored, &back));
}

TEST(a_record_at_an_odd_address)
{
    unsigned char room[LSYNC_GUARD_RECORD_SIZE + 1];
    uint64_t seed = 2;
    lsync_guard_stored stored = record_random(&seed);
    lsync_guard_stored back;

    lsync_guard_pack(&stored, room + 1);
    CHECK(lsync_guard_unpack(room + 1, LSYNC_GUARD_RECORD_SIZE, &back));
    CHECK(stored_is_same(&stored, &back));
}

TEST(every_flipped_bit_and_every_changed_byte_is_seen)
{
    unsigned char bytes[LSYNC_GUARD_RECORD_SIZE];
    uint64_t seed = 3;

    for (int round = 0; round < 3; round++) {
        lsync_guard_stored stored = record_random(&seed);
        size_t taken = 0;

        lsync_guard_pack(&stored, bytes);
        for (size_t i = 0; i < sizeof bytes * 256; i++) {
            unsigned char change = (unsigned char)(i % 256);
            lsync_guard_stored back;

            bytes[i / 256] ^= change;
            taken += change != 0 && lsync_guard_unpack(bytes, sizeof bytes, &back);
            bytes[i / 256] ^= change;
        }
        CHECK_INT(taken, 0);
    }
}

TEST(every_other_size_is_refused)
{
    /* in a block of just that size, for the tools that watch memory */
    uint64_t seed = 4;
    lsync_guard_stored stored = record_random(&seed);
    lsync_guard_stored back;
    unsigned char bytes[LSYNC_GUARD_RECORD_SIZE];
    size_t taken = 0;

    lsync_guard_pack(&stored, bytes);
    for (size_t size = 0; size < 2 * sizeof bytes; size++) {
        unsigned char *block = calloc(1, size == 0 ? 1 : size);

        MUST(block != NULL);
        memcpy(block, bytes, size < sizeof bytes ? size : sizeof bytes);
        taken += size != sizeof bytes && lsync_guard_unpack(block, size, &back);
        free(block);
    }
    CHECK_INT(taken, 0);
}

TEST(what_is_no_record)
{
    unsigned char bytes[LSYNC_GUARD_RECORD_SIZE];
    lsync_guard_stored back;

    memset(bytes, 0, sizeof bytes);
    CHECK(!lsync_guard_unpack(bytes, sizeof bytes, &back));
    memset(bytes, 0xff, sizeof bytes);
    CHECK(!lsync_guard_unpack(bytes, sizeof bytes, &back));
    memset(bytes, ' ', sizeof bytes);
    CHECK(!lsync_guard_unpack(bytes, sizeof bytes, &back));
}

#define ROW(name_, sound_, member, value_) \
    {name_, sound_, offsetof(lsync_guard_stored, member), value_, sizeof(((lsync_guard_stored *)0)->member)}

/* The values that a crafted record with a good checksum might hold, and that no rule makes. */
TEST(values_beyond_their_bounds_are_refused)
{
    static const struct {
        const char *name;
        bool sound;
        size_t offset;
        int64_t value;
        size_t size;
    } rows[] = {
        ROW("the largest version", true, record.version, -1),
        ROW("life 0", true, record.lineage.life, 0),
        ROW("life -1", false, record.lineage.life, -1),
        ROW("never born", false, record.lineage.born_us, NEVER),
        ROW("born far ahead", false, record.lineage.born_us, TIME_MAX + 1),
        ROW("wall far ahead", false, wall_us, TIME_MAX + 1),
        ROW("wall far behind", false, wall_us, -TIME_MAX - 1),
        ROW("no wall", false, wall_us, NEVER),
        ROW("blocked until the last time", true, record.blocked_until_us, TIME_MAX),
        ROW("blocked far ahead", false, record.blocked_until_us, TIME_MAX + 1),
        ROW("blocked until the first time", true, record.blocked_until_us, -TIME_MAX),
        ROW("blocked far behind", false, record.blocked_until_us, -TIME_MAX - 1),
        ROW("the longest of longest holds", true, record.longest_hold_us, LSYNC_GUARD_HOLD_MAX_US),
        ROW("a longer one", false, record.longest_hold_us, LSYNC_GUARD_HOLD_MAX_US + 1),
        ROW("a longest hold of -1", false, record.longest_hold_us, -1),
        ROW("the last closure", true, record.closure, LSYNC_GUARD_LOSS),
        ROW("no closure", false, record.closure, LSYNC_GUARD_LOSS + 1),
        ROW("refunds at their end", true, record.refunds, LSYNC_GUARD_REFUNDS_MAX),
        ROW("beyond it: no fourth would ever keep its slot", false, record.refunds, LSYNC_GUARD_REFUNDS_MAX + 1),
        ROW("429s at their end", true, record.limited, LSYNC_GUARD_LIMITED_MAX),
        ROW("429s beyond it", false, record.limited, LSYNC_GUARD_LIMITED_MAX + 1),
        ROW("over never", true, record.lines[0].over_us, NEVER),
        ROW("over far ahead", false, record.lines[0].over_us, TIME_MAX + 1),
        ROW("over far behind", false, record.lines[2].over_us, -TIME_MAX - 1),
        ROW("closed never", true, record.lines[1].closed_until_us, NEVER),
        ROW("closed far ahead", false, record.lines[1].closed_until_us, TIME_MAX + 1),
        ROW("a lease's largest slot", true, record.lines[1].lease.slot, INT64_MAX),
        ROW("a lease's slot -1", false, record.lines[0].lease.slot, -1),
        ROW("a lease of OTHER", false, record.lines[2].lease.slot, 1),
        ROW("a lease until never", false, record.lines[0].lease.until_us, NEVER),
        ROW("a lease until never, of none", false, record.lines[2].lease.until_us, NEVER),
        ROW("a lease until the last time", true, record.lines[1].lease.until_us, TIME_MAX),
        ROW("a lease until beyond it", false, record.lines[1].lease.until_us, TIME_MAX + 1),
        ROW("a lease's longest hold", true, record.lines[0].lease.hold_us, LSYNC_GUARD_HOLD_MAX_US),
        ROW("a lease's longer hold", false, record.lines[0].lease.hold_us, LSYNC_GUARD_HOLD_MAX_US + 1),
        ROW("a lease's hold of -1", false, record.lines[1].lease.hold_us, -1),
        ROW("requests at their end", true, record.lines[1].requests, LSYNC_GUARD_REQUESTS_MAX),
        ROW("requests beyond it", false, record.lines[1].requests, LSYNC_GUARD_REQUESTS_MAX + 1),
        ROW("the last cell", true, record.newest_cell, CELL_MAX),
        ROW("a cell far ahead", false, record.newest_cell, CELL_MAX + 1),
        ROW("the first cell", true, record.newest_cell, -CELL_MAX),
        ROW("a cell far behind", false, record.newest_cell, -CELL_MAX - 1),
        ROW("a full cell", true, record.cells[13], LSYNC_GUARD_COUNT_MAX),
        ROW("a cell of too many", false, record.cells[0], LSYNC_GUARD_COUNT_MAX + 1),
        ROW("a cell of far too many", false, record.cells[13], UINT32_MAX),
    };

    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        unsigned char bytes[LSYNC_GUARD_RECORD_SIZE];
        uint64_t seed = 5;
        lsync_guard_stored stored = record_random(&seed);
        lsync_guard_stored back;
        uint32_t small = (uint32_t)rows[i].value;

        t_row("%s", rows[i].name);
        memcpy((char *)&stored + rows[i].offset,
               rows[i].size == sizeof small ? (const void *)&small : (const void *)&rows[i].value, rows[i].size);
        lsync_guard_pack(&stored, bytes);
        CHECK_INT(lsync_guard_unpack(bytes, sizeof bytes, &back), rows[i].sound);
    }
}

static const char layout[] =
    "6c6f636b73796e32"                         /* "locksyn2" */
    "0807060504030201"                         /* version */
    "a0a1a2a3a4a5a6a7a8a9aaabacadaeafb0b1b2b3" /* source */
    "0201000000000000"                         /* life 0x102 */
    "feffffffffffffff"                         /* born -2 */
    "000102030405060708090a0b0c0d0e0f"         /* boot id */
    "0100000000000000"                         /* wall 1 */
    "0000000000000080"                         /* blocked: never */
    "0300000000000000"                         /* longest hold 3 */
    "02000000"                                 /* closure: a loss */
    "03000000"                                 /* refunds */
    "07000000"                                 /* 429s */
    "0a00000000000000" "1400000000000000" "1e00000000000000" "2800000000000000" "3200000000000000" "05000000"
    "0b00000000000000" "1500000000000000" "1f00000000000000" "2900000000000000" "3300000000000000" "06000000"
    "0c00000000000000" "1600000000000000" "0000000000000000" "2a00000000000000" "3400000000000000" "07000000"
    "fdffffffffffffff" /* newest cell -3 */
    "01000000" "02000000" "03000000" "04000000" "05000000" "06000000" "07000000"
    "08000000" "09000000" "0a000000" "0b000000" "0c000000" "0d000000" "0e000000";

static void write_hex(char *place, const unsigned char *bytes, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        place[2 * i] = "0123456789abcdef"[bytes[i] >> 4];
        place[2 * i + 1] = "0123456789abcdef"[bytes[i] & 15];
    }
    place[2 * size] = '\0';
}

TEST(the_layout_is_little_endian)
{
    lsync_guard_stored stored = {.wall_us = 1};
    lsync_guard_record *r = &stored.record;
    unsigned char bytes[LSYNC_GUARD_RECORD_SIZE];
    char text[2 * LSYNC_GUARD_RECORD_SIZE + 1];

    *r = (lsync_guard_record){.version = UINT64_C(0x0102030405060708), .lineage = {.life = 0x102, .born_us = -2},
                              .closure = LSYNC_GUARD_LOSS, .blocked_until_us = NEVER, .longest_hold_us = 3,
                              .refunds = 3, .limited = 7, .newest_cell = -3};
    for (size_t i = 0; i < sizeof r->lineage.source; i++)
        r->lineage.source[i] = (unsigned char)(0xa0 + i);
    for (size_t i = 0; i < sizeof stored.boot_id; i++)
        stored.boot_id[i] = (unsigned char)i;
    for (int k = 0; k < LSYNC_GUARD_KINDS; k++)
        r->lines[k] = (lsync_guard_line){10 + k, 20 + k, {k == LOCK_SYNC_REQUEST_OTHER ? 0 : 30 + k, 40 + k, 50 + k},
                                         (uint32_t)(5 + k)};
    for (int i = 0; i < LSYNC_GUARD_CELLS; i++)
        r->cells[i] = (uint32_t)i + 1;
    lsync_guard_pack(&stored, bytes);
    write_hex(text, bytes, 300);
    CHECK_TEXT(text, layout);
    write_hex(text, bytes + 300, 8);
    CHECK_TEXT(text, "36c70ee1ef43fb35"); /* the checksum */
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        T(a_record_fits_into_the_room_of_any_store),
        T(random_records_come_back_whole),
        T(a_new_record_comes_back_whole),
        T(a_record_at_an_odd_address),
        T(every_flipped_bit_and_every_changed_byte_is_seen),
        T(every_other_size_is_refused),
        T(what_is_no_record),
        T(values_beyond_their_bounds_are_refused),
        T(the_layout_is_little_endian),
    };

    return T_MAIN(tests);
}
