/* The guard's record: bytes of any kind are taken or refused; whatever is taken comes back from packing as it was, and
   the rule works on it without overflow and opens the gate in finite time.

   Input: a byte for how the record is made (see make_image), 496 bytes of it, the limits, the clocks, operations. */
#include "fuzz.h"
#include "guard/record.h"

#include <string.h>

#define SPARE_AT 480
#define OPEN_AT 96
#define CHECKSUM_AT (LSYNC_GUARD_RECORD_SIZE - 8)
#define NOW_MAX_US ((int64_t)1 << 52)

typedef struct history {
    lsync_guard_image image;
    lsync_guard_limits limits;
    int64_t now_us;
    int64_t slots[2]; /* the last two that were given */
    bool plausible;   /* its values are not at the edge of what is taken: it stays a sound record */
} history;

static int64_t min64(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static void set_checksum(unsigned char *bytes)
{
    uint64_t sum = 14695981039346656037u;

    for (size_t i = 0; i < CHECKSUM_AT; i++)
        sum = (sum ^ bytes[i]) * 1099511628211u;
    for (size_t i = 0; i < 8; i++)
        bytes[CHECKSUM_AT + i] = (unsigned char)(sum >> (8 * i));
}

/* What packing leaves of a record's bytes. */
static void make_canonical(unsigned char *bytes)
{
    bytes[OPEN_AT] &= 1;
    memset(bytes + OPEN_AT + 1, 0, 3);
    memset(bytes + SPARE_AT, 0, CHECKSUM_AT - SPARE_AT);
    set_checksum(bytes);
}

/* A time near `around`: up to four hours before or after, or 0. */
static int64_t near(fuzz_input *in, int64_t around)
{
    int64_t offset = (int64_t)(uint32_t)fuzz_number(in, 4) * 8;

    return offset == 0 ? 0 : around + offset - ((int64_t)1 << 34);
}

static int64_t any_hold(fuzz_input *in)
{
    return (int64_t)(fuzz_number(in, 5) % (uint64_t)(LSYNC_GUARD_HOLD_MAX_US + 1));
}

/* A record as the rule could have made it, or nearly. */
static void make_near(fuzz_input *in, int64_t now_us, lsync_guard_image *image)
{
    lsync_guard_record *r = &image->record;

    memset(image, 0, sizeof *image);
    image->version = fuzz_number(in, 2);
    image->wall_us = (int64_t)fuzz_number(in, 6);
    r->sequence = (int64_t)fuzz_number(in, 3);
    r->last_us = near(in, now_us);
    r->last_before_us = near(in, now_us);
    r->hold_us = any_hold(in);
    r->blocked_until_us = near(in, now_us);
    r->overtaken = (int64_t)fuzz_number(in, 3);
    r->refunds = (uint32_t)fuzz_number(in, 1) % (LSYNC_GUARD_REFUNDS_MAX + 1);
    r->limited = (uint32_t)fuzz_number(in, 1) % (LSYNC_GUARD_LIMITED_MAX + 1);
    r->open = (fuzz_number(in, 1) & 1) != 0;
    for (size_t i = 0; i < LSYNC_GUARD_BUCKETS; i++) {
        r->buckets[i].start_us = near(in, now_us);
        r->buckets[i].last_us = near(in, now_us);
        r->buckets[i].first = (int64_t)fuzz_number(in, 3);
        r->buckets[i].count = (uint32_t)fuzz_number(in, 2);
    }
    r->overtaken_until_us = near(in, now_us);
    r->overtaken_hold_us = any_hold(in);
}

/* 0: the bytes as they are; 1: with format and checksum put right; 2: a record of plausible values. */
static bool make_image(unsigned kind, const unsigned char *raw, int64_t now_us, lsync_guard_image *image)
{
    unsigned char bytes[LSYNC_GUARD_RECORD_SIZE];
    unsigned char packed[LSYNC_GUARD_RECORD_SIZE];
    fuzz_input in = {raw, LSYNC_GUARD_RECORD_SIZE};

    memcpy(bytes, raw, sizeof bytes);
    if (kind == 1) {
        memcpy(bytes, "locksyn1", 8);
        set_checksum(bytes);
    } else if (kind == 2) {
        make_near(&in, now_us, image);
        lsync_guard_pack(image, bytes);
    }
    if (!lsync_guard_unpack(bytes, sizeof bytes, image))
        return false;
    lsync_guard_pack(image, packed);
    make_canonical(bytes);
    FUZZ_CHECK(memcmp(packed, bytes, sizeof bytes) == 0);
    FUZZ_CHECK(!lsync_guard_unpack(bytes, sizeof bytes - 1, image));
    return lsync_guard_unpack(packed, sizeof packed, image);
}

static bool is_small(int64_t us)
{
    return us > -((int64_t)1 << 59) && us < (int64_t)1 << 59;
}

static bool is_plausible(const lsync_guard_image *image)
{
    const lsync_guard_record *r = &image->record;
    uint64_t count = 0;
    bool good = r->sequence < INT64_MAX / 2 && is_small(image->wall_us) && is_small(r->last_us) &&
                is_small(r->last_before_us) && is_small(r->blocked_until_us) && is_small(r->overtaken_until_us);

    for (size_t i = 0; i < LSYNC_GUARD_BUCKETS; i++) {
        good = good && is_small(r->buckets[i].start_us) && is_small(r->buckets[i].last_us);
        count += r->buckets[i].count;
    }
    return good && count <= 1u << 23;
}

static uint64_t count_hour(const lsync_guard_record *r, int64_t now_us)
{
    uint64_t count = 0;

    for (size_t i = 0; i < LSYNC_GUARD_BUCKETS; i++)
        if (now_us - r->buckets[i].last_us < LSYNC_GUARD_HOUR_US)
            count += r->buckets[i].count;
    return count;
}

/* As the rule makes buckets: none is older than its start. */
static bool is_ordered(const lsync_guard_record *r)
{
    for (size_t i = 0; i < LSYNC_GUARD_BUCKETS; i++)
        if (r->buckets[i].count > 0 && r->buckets[i].start_us > r->buckets[i].last_us)
            return false;
    return true;
}

static bool reserve(history *h, lsync_guard_kind kind, int64_t hold_us, int64_t *wait_us)
{
    lsync_guard_record *r = &h->image.record;
    int64_t sequence = r->sequence;
    uint64_t count = count_hour(r, h->now_us);
    bool ordered = is_ordered(r);
    int64_t slot;
    int64_t soonest_us;
    bool granted = lsync_guard_reserve(r, &h->limits, kind, h->now_us, hold_us, &slot, wait_us, &soonest_us);

    FUZZ_CHECK(granted == (*wait_us <= 0));
    FUZZ_CHECK(soonest_us <= *wait_us);
    if (!granted) {
        FUZZ_CHECK(*wait_us <= LSYNC_GUARD_HOUR_US + LSYNC_GUARD_HOLD_MAX_US + h->limits.granularity_us);
        FUZZ_CHECK(slot == 0 && r->sequence == sequence);
        return false;
    }
    FUZZ_CHECK(slot == sequence + 1 && r->sequence == slot);
    FUZZ_CHECK(count < h->limits.budget);
    FUZZ_CHECK(count_hour(r, h->now_us) > count);
    FUZZ_CHECK(!ordered || count_hour(r, h->now_us) <= h->limits.budget);
    FUZZ_CHECK(r->last_us >= h->now_us + hold_us && r->open == (hold_us > 0));
    h->slots[1] = h->slots[0];
    h->slots[0] = slot;
    return true;
}

/* What a file store does between two decisions. */
static void keep_and_read(history *h)
{
    unsigned char bytes[LSYNC_GUARD_RECORD_SIZE];
    lsync_guard_image image;
    bool sound;

    h->image.version++;
    lsync_guard_pack(&h->image, bytes);
    sound = lsync_guard_unpack(bytes, sizeof bytes, &image);
    FUZZ_CHECK(sound || !h->plausible);
    if (sound)
        h->image = image;
}

/* After the wait that a refusal tells, the gate is open. */
static void check_opens(history *h)
{
    int64_t wait_us;

    if (reserve(h, LSYNC_GUARD_FIRST, 0, &wait_us))
        return;
    h->now_us += wait_us;
    FUZZ_CHECK(reserve(h, LSYNC_GUARD_FIRST, 0, &wait_us));
}

static void operate(history *h, fuzz_input *in)
{
    lsync_guard_record *r = &h->image.record;
    unsigned operation = fuzz_byte(in);
    int64_t argument = (int64_t)(uint32_t)fuzz_number(in, 4);
    int64_t slot = operation & 0x10 ? h->slots[1] : operation & 0x20 ? argument : h->slots[0];
    bool ordered = is_ordered(r);
    int64_t wait_us;

    switch (operation % 16) {
    case 0:
    case 1:
    case 2:
        (void)reserve(h, LSYNC_GUARD_FIRST, min64(argument * 100, LSYNC_GUARD_HOLD_MAX_US), &wait_us);
        break;
    case 3:
        (void)reserve(h, LSYNC_GUARD_REPEAT, min64(argument * 100, LSYNC_GUARD_HOLD_MAX_US), &wait_us);
        break;
    case 4:
        lsync_guard_sent(r, &h->limits, slot, h->now_us);
        break;
    case 5:
        lsync_guard_not_sent(r, &h->limits, slot, h->now_us);
        break;
    case 6:
        lsync_guard_limited(r, &h->limits, slot, h->now_us, argument - 1);
        break;
    case 7:
        lsync_guard_limited(r, &h->limits, slot, h->now_us, INT64_MAX - argument);
        break;
    case 8:
        lsync_guard_charge(r, &h->limits, h->now_us);
        break;
    case 9: /* the clock goes back */
        h->now_us = h->now_us > argument * 10 ? h->now_us - argument * 10 : 0;
        break;
    case 10:
        keep_and_read(h);
        break;
    case 11: /* another boot: the clock begins anew */
        if (h->plausible)
            lsync_guard_shift(r, argument - h->now_us);
        h->now_us = argument;
        break;
    case 12:
        check_opens(h);
        break;
    default:
        h->now_us = min64(h->now_us + argument * 10, NOW_MAX_US);
        break;
    }
    FUZZ_CHECK(!ordered || is_ordered(r));
    (void)lsync_guard_stale_at_us(r, &h->limits);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fuzz_input in = {data, size};
    unsigned kind = fuzz_byte(&in);
    unsigned char raw[LSYNC_GUARD_RECORD_SIZE] = {0};
    size_t given = in.left < sizeof raw ? in.left : sizeof raw;
    int64_t wall_us;
    history h;

    if (given > 0)
        memcpy(raw, in.at, given);
    in.at += given;
    in.left -= given;
    memset(&h, 0, sizeof h);
    h.limits.interval_us = 1000 + (int64_t)(fuzz_number(&in, 4) % 3600000000u);
    h.limits.budget = 1 + (uint32_t)(fuzz_number(&in, 3) % 1000000);
    h.limits.granularity_us = kind & 0x10 ? 1000000 : 0;
    h.now_us = (int64_t)(fuzz_number(&in, 7) % (uint64_t)NOW_MAX_US);
    if (!make_image((kind & 15) % 3, raw, h.now_us, &h.image))
        return 0;
    h.plausible = is_plausible(&h.image);
    wall_us = (int64_t)(fuzz_number(&in, 7) % ((uint64_t)1 << 56));
    if (kind & 0x20) { /* as the file store takes over the record of another boot */
        lsync_guard_shift(&h.image.record, h.image.wall_us - wall_us);
        h.image.wall_us = wall_us;
    }
    if (h.image.record.sequence < INT64_MAX - 100000) {
        while (in.left > 0)
            operate(&h, &in);
        check_opens(&h);
    }
    return 0;
}
