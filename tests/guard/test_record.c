/* The record as bytes: all of it comes back, its layout is the same on every machine, and nothing that was damaged is
   taken for a record. */
#include "../unit/support.h"
#include "guard/record.h"

#include <stdlib.h>
#include <string.h>

static int64_t some_time(uint64_t *seed)
{
    return (int64_t)(t_random(seed) % UINT64_C(4000000000000000000)) / 4 - INT64_C(400000000000000000);
}

static lsync_guard_image some_image(uint64_t *seed)
{
    lsync_guard_image image;
    lsync_guard_record *r = &image.record;

    memset(&image, 0, sizeof image);
    image.version = t_random(seed);
    for (size_t i = 0; i < sizeof image.boot_id; i++)
        image.boot_id[i] = (unsigned char)t_random(seed);
    image.wall_us = some_time(seed);
    r->sequence = (int64_t)(t_random(seed) >> 2);
    r->last_us = some_time(seed);
    r->last_before_us = some_time(seed);
    r->hold_us = (int64_t)(t_random(seed) % ((uint64_t)LSYNC_GUARD_HOLD_MAX_US + 1));
    r->blocked_until_us = some_time(seed);
    r->overtaken = (int64_t)(t_random(seed) % (uint64_t)(r->sequence + 1));
    r->refunds = (uint32_t)(t_random(seed) % (LSYNC_GUARD_REFUNDS_MAX + 1));
    r->limited = (uint32_t)(t_random(seed) % 33);
    r->open = t_random(seed) % 2 == 0;
    for (size_t i = 0; i < LSYNC_GUARD_BUCKETS; i++) {
        r->buckets[i].start_us = some_time(seed);
        r->buckets[i].last_us = r->buckets[i].start_us + (int64_t)(t_random(seed) % 1000000);
        r->buckets[i].first = (int64_t)(t_random(seed) % (uint64_t)(r->sequence + 1));
        r->buckets[i].count = (uint32_t)(t_random(seed) % 1000);
    }
    return image;
}

/* Member by member: what lies between members is nobody's. */
static bool is_same(const lsync_guard_image *a, const lsync_guard_image *b)
{
    const lsync_guard_record *x = &a->record;
    const lsync_guard_record *y = &b->record;
    bool same = a->version == b->version && memcmp(a->boot_id, b->boot_id, sizeof a->boot_id) == 0 &&
                a->wall_us == b->wall_us && x->sequence == y->sequence && x->last_us == y->last_us &&
                x->last_before_us == y->last_before_us && x->hold_us == y->hold_us &&
                x->blocked_until_us == y->blocked_until_us && x->refunds == y->refunds && x->limited == y->limited &&
                x->overtaken == y->overtaken &&                 x->open == y->open;

    for (size_t i = 0; i < LSYNC_GUARD_BUCKETS; i++)
        same = same && x->buckets[i].start_us == y->buckets[i].start_us &&
               x->buckets[i].last_us == y->buckets[i].last_us && x->buckets[i].first == y->buckets[i].first &&
               x->buckets[i].count == y->buckets[i].count;
    return same;
}

TEST(random_records_come_back_whole)
{
    uint64_t seed = 1;

    for (int i = 0; i < 5000; i++) {
        unsigned char bytes[LSYNC_GUARD_RECORD_SIZE];
        lsync_guard_image image = some_image(&seed);
        lsync_guard_image back;

        memset(&back, 0xa5, sizeof back);
        lsync_guard_pack(&image, bytes);
        if (!CHECK(lsync_guard_unpack(bytes, sizeof bytes, &back)) || !CHECK(is_same(&image, &back)))
            break;
    }
}

TEST(a_record_at_an_odd_address)
{
    unsigned char room[LSYNC_GUARD_RECORD_SIZE + 1];
    uint64_t seed = 2;
    lsync_guard_image image = some_image(&seed);
    lsync_guard_image back;

    lsync_guard_pack(&image, room + 1);
    CHECK(lsync_guard_unpack(room + 1, LSYNC_GUARD_RECORD_SIZE, &back));
    CHECK(is_same(&image, &back));
}

TEST(every_flipped_bit_is_seen)
{
    unsigned char bytes[LSYNC_GUARD_RECORD_SIZE];
    uint64_t seed = 3;

    for (int round = 0; round < 3; round++) {
        lsync_guard_image image = some_image(&seed);
        size_t taken = 0;

        lsync_guard_pack(&image, bytes);
        for (size_t bit = 0; bit < sizeof bytes * 8; bit++) {
            lsync_guard_image back;

            bytes[bit / 8] ^= (unsigned char)(1u << (bit % 8));
            taken += lsync_guard_unpack(bytes, sizeof bytes, &back);
            bytes[bit / 8] ^= (unsigned char)(1u << (bit % 8));
        }
        CHECK_INT(taken, 0);
    }
}

TEST(every_other_size_is_refused)
{
    /* in a block of just that size, for the tools that watch memory */
    uint64_t seed = 4;
    lsync_guard_image image = some_image(&seed);
    lsync_guard_image back;
    unsigned char bytes[LSYNC_GUARD_RECORD_SIZE];
    size_t taken = 0;

    lsync_guard_pack(&image, bytes);
    for (size_t size = 0; size < 2 * sizeof bytes; size++) {
        unsigned char *block = calloc(1, size == 0 ? 1 : size);

        assert_non_null(block);
        memcpy(block, bytes, size < sizeof bytes ? size : sizeof bytes);
        taken += size != sizeof bytes && lsync_guard_unpack(block, size, &back);
        free(block);
    }
    CHECK_INT(taken, 0);
}

TEST(what_is_no_record)
{
    unsigned char bytes[LSYNC_GUARD_RECORD_SIZE];
    lsync_guard_image back;

    memset(bytes, 0, sizeof bytes);
    CHECK(!lsync_guard_unpack(bytes, sizeof bytes, &back));
    memset(bytes, 0xff, sizeof bytes);
    CHECK(!lsync_guard_unpack(bytes, sizeof bytes, &back));
    memset(bytes, ' ', sizeof bytes);
    CHECK(!lsync_guard_unpack(bytes, sizeof bytes, &back));
}

/* The fields that a crafted record with a good checksum might hold, and that no rule makes. */
TEST(values_out_of_sense_are_refused)
{
    static const struct {
        const char *name;
        bool sound;
        size_t offset;
        int64_t value;
        size_t size;
    } rows[] = {
        {"sequence 0", true, offsetof(lsync_guard_image, record.sequence), 0, 8},
        {"sequence -1", false, offsetof(lsync_guard_image, record.sequence), -1, 8},
        {"sequence at its end", false, offsetof(lsync_guard_image, record.sequence), INT64_MAX, 8},
        {"hold -1", false, offsetof(lsync_guard_image, record.hold_us), -1, 8},
        {"longest hold", true, offsetof(lsync_guard_image, record.hold_us), LSYNC_GUARD_HOLD_MAX_US, 8},
        {"longer hold", false, offsetof(lsync_guard_image, record.hold_us), LSYNC_GUARD_HOLD_MAX_US + 1, 8},
        {"last far ahead", false, offsetof(lsync_guard_image, record.last_us), INT64_MAX, 8},
        {"last far behind", false, offsetof(lsync_guard_image, record.last_us), INT64_MIN, 8},
        {"last before far ahead", false, offsetof(lsync_guard_image, record.last_before_us), INT64_MAX, 8},
        {"last before far behind", false, offsetof(lsync_guard_image, record.last_before_us), INT64_MIN, 8},
        {"blocked far ahead", false, offsetof(lsync_guard_image, record.blocked_until_us), INT64_MAX, 8},
        {"blocked far behind", false, offsetof(lsync_guard_image, record.blocked_until_us), INT64_MIN, 8},
        {"wall far ahead", false, offsetof(lsync_guard_image, wall_us), INT64_MAX, 8},
        {"wall far behind", false, offsetof(lsync_guard_image, wall_us), INT64_MIN, 8},
        {"bucket far ahead", false, offsetof(lsync_guard_image, record.buckets[0].start_us), INT64_MAX, 8},
        {"bucket far behind", false, offsetof(lsync_guard_image, record.buckets[12].start_us), INT64_MIN, 8},
        {"bucket's last far ahead", false, offsetof(lsync_guard_image, record.buckets[12].last_us), INT64_MAX, 8},
        {"bucket's last far behind", false, offsetof(lsync_guard_image, record.buckets[5].last_us), INT64_MIN, 8},
        {"bucket of too many", false, offsetof(lsync_guard_image, record.buckets[7].count), UINT32_MAX, 4},
        {"refunds at their end", true, offsetof(lsync_guard_image, record.refunds), LSYNC_GUARD_REFUNDS_MAX, 4},
        {"refunds beyond it: no fourth would ever keep its slot", false, offsetof(lsync_guard_image, record.refunds),
         LSYNC_GUARD_REFUNDS_MAX + 1, 4},
        {"429s at their end", true, offsetof(lsync_guard_image, record.limited), 32, 4},
    };

    for (size_t i = 0; i < T_COUNT(rows); i++) {
        unsigned char bytes[LSYNC_GUARD_RECORD_SIZE];
        uint64_t seed = 5;
        lsync_guard_image image = some_image(&seed);
        lsync_guard_image back;
        uint32_t small = (uint32_t)rows[i].value;

        t_row("%s", rows[i].name);
        memcpy((char *)&image + rows[i].offset, rows[i].size == 4 ? (const void *)&small : (const void *)&rows[i].value,
               rows[i].size);
        lsync_guard_pack(&image, bytes);
        CHECK_INT(lsync_guard_unpack(bytes, sizeof bytes, &back), rows[i].sound);
    }
}

static const char literal[] =
    "6c6f636b73796e31" /* "locksyn1" */
    "0807060504030201" /* version */
    "000102030405060708090a0b0c0d0e0f"
    "0100000000000000" /* wall 1 */
    "0201000000000000" /* sequence 0x102 */
    "feffffffffffffff" /* last -2 */
    "0300000000000000" /* last before 3 */
    "0400000000000000" /* hold 4 */
    "0500000000000000" /* blocked until 5 */
    "0600000000000000" /* overtaken 6 */
    "02000000"         /* refunds */
    "07000000"         /* limited */
    "01000000";        /* open */

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
    lsync_guard_image image = {.version = UINT64_C(0x0102030405060708), .wall_us = 1};
    unsigned char bytes[LSYNC_GUARD_RECORD_SIZE];
    char text[2 * LSYNC_GUARD_RECORD_SIZE + 1];

    for (size_t i = 0; i < sizeof image.boot_id; i++)
        image.boot_id[i] = (unsigned char)i;
    image.record = (lsync_guard_record){.sequence = 0x102, .last_us = -2, .last_before_us = 3, .hold_us = 4,
                                        .blocked_until_us = 5, .overtaken = 6, .refunds = 2, .limited = 7, .open = true};
    for (size_t i = 0; i < LSYNC_GUARD_BUCKETS; i++)
        image.record.buckets[i] = (lsync_guard_bucket){10 + (int64_t)i, 20 + (int64_t)i, 30 + (int64_t)i, 40 + (uint32_t)i};
    lsync_guard_pack(&image, bytes);
    CHECK_INT(sizeof bytes, 496);
    write_hex(text, bytes, 100);
    CHECK_TEXT(text, literal);
    write_hex(text, bytes + 100, 28);
    CHECK_TEXT(text, "0a000000000000001400000000000000" "1e00000000000000" "28000000");
    write_hex(text, bytes + 100 + 12 * 28, 28);
    CHECK_TEXT(text, "16000000000000002000000000000000" "2a00000000000000" "34000000");
    write_hex(text, bytes + 100 + 13 * 28, 24);
    CHECK_TEXT(text, "000000000000000000000000000000000000000000000000"); /* spare */
    write_hex(text, bytes + 488, 8);
    CHECK_TEXT(text, "629eece3810610c1");
}

TEST(moving_to_another_clock)
{
    lsync_guard_record r = {.last_us = 100, .buckets = {{.start_us = 50, .last_us = 60, .count = 1}}};

    lsync_guard_shift(&r, -1000);
    CHECK_INT(r.last_us, -900);
    CHECK_INT(r.last_before_us, 0); /* never used: stays so */
    CHECK_INT(r.blocked_until_us, 0);
    CHECK_INT(r.buckets[0].start_us, -950);
    CHECK_INT(r.buckets[0].last_us, -940);
    r = (lsync_guard_record){.last_before_us = 90, .blocked_until_us = 200, .overtaken_until_us = 300};
    lsync_guard_shift(&r, 1000);
    CHECK_INT(r.last_us, 0);
    CHECK_INT(r.last_before_us, 1090);
    CHECK_INT(r.blocked_until_us, 1200);
    CHECK_INT(r.overtaken_until_us, 1300);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        T(random_records_come_back_whole),
        T(a_record_at_an_odd_address),
        T(every_flipped_bit_is_seen),
        T(every_other_size_is_refused),
        T(what_is_no_record),
        T(values_out_of_sense_are_refused),
        T(the_layout_is_little_endian),
        T(moving_to_another_clock),
    };

    return T_MAIN(tests);
}
