/* The guard's record: bytes of any kind are accepted or rejected. An accepted record is unchanged when it is packed
   again. The rule handles it without overflow, and grants a slot in finite time.

   Input: a byte for how the record is made (see make_stored), 308 bytes of it, the limits, the clocks, operations. */
#include "fuzz.h"
#include "guard/lineage.h"
#include "guard/record.h"

#include <string.h>

#define CHECKSUM_AT (LSYNC_GUARD_RECORD_SIZE - 8)
#define NOW_MAX_US ((int64_t)1 << 52)

typedef struct history {
    lsync_guard_stored stored;
    lsync_guard_limits limits;
    int64_t now_us;
    int64_t next_slot;
    int64_t slots[2]; /* the last two granted slots */
    bool plausible;   /* its values are not at the limit of what is accepted, so that it stays valid */
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

/* Returns a time near `around`: up to four hours before or after, or never. */
static int64_t near(fuzz_input *in, int64_t around)
{
    int64_t offset = (int64_t)(uint32_t)fuzz_number(in, 4) * 8;

    return offset == 0 ? LSYNC_GUARD_NEVER_US : around + offset - ((int64_t)1 << 34);
}

/* Does the same, but never returns never. */
static int64_t moment(fuzz_input *in, int64_t around)
{
    int64_t us = near(in, around);

    return us == LSYNC_GUARD_NEVER_US ? around : us;
}

static int64_t any_lease(fuzz_input *in)
{
    return (int64_t)(fuzz_number(in, 5) % (uint64_t)(LSYNC_GUARD_LEASE_MAX_US + 1));
}

static void make_entry(fuzz_input *in, int64_t now_us, lsync_guard_entry *entry, bool has_lease)
{
    entry->over_us = near(in, now_us);
    entry->closed_until_us = near(in, now_us);
    entry->requests = (uint32_t)fuzz_number(in, 1) % (LSYNC_GUARD_REQUESTS_MAX + 1);
    entry->lease.slot = has_lease ? (int64_t)fuzz_number(in, 2) : 0;
    entry->lease.length_us = any_lease(in);
    entry->lease.until_us = moment(in, now_us);
}

/* Makes a record that the rule could have made, or nearly. */
static void make_near(fuzz_input *in, int64_t now_us, lsync_guard_record *r)
{
    memset(r, 0, sizeof *r);
    r->version = fuzz_number(in, 2);
    r->lineage.source[0] = fuzz_byte(in) % 2;
    r->lineage.life = fuzz_byte(in) % 4;
    r->lineage.born_us = moment(in, now_us);
    r->closure = (lsync_guard_closure)(fuzz_byte(in) % (LSYNC_GUARD_LOSS + 1));
    r->blocked_until_us = near(in, now_us);
    r->longest_lease_us = any_lease(in);
    r->refunds = (uint32_t)fuzz_number(in, 1) % (LSYNC_GUARD_REFUNDS_MAX + 1);
    r->limited = (uint32_t)fuzz_number(in, 1) % (LSYNC_GUARD_LIMITED_MAX + 1);
    for (int k = 0; k < LSYNC_GUARD_KINDS; k++)
        make_entry(in, now_us, &r->entries[k], k != LOCK_SYNC_REQUEST_OTHER);
    r->newest_cell = now_us / LSYNC_GUARD_CELL_US + fuzz_byte(in) % 32 - 16;
    for (int i = 0; i < LSYNC_GUARD_CELLS; i++)
        r->cells[i] = (uint32_t)fuzz_number(in, 2);
}

/* Makes a stored record. Kind 0: the bytes as they are; 1: with a correct format and checksum; 2: a record of plausible
   values. */
static bool make_stored(unsigned kind, const unsigned char *raw, int64_t now_us, lsync_guard_stored *stored)
{
    unsigned char bytes[LSYNC_GUARD_RECORD_SIZE];
    unsigned char packed[LSYNC_GUARD_RECORD_SIZE];
    fuzz_input in = {raw, LSYNC_GUARD_RECORD_SIZE};

    memcpy(bytes, raw, sizeof bytes);
    if (kind == 1) {
        memcpy(bytes, "locksyn2", 8);
        set_checksum(bytes);
    } else if (kind == 2) {
        memset(stored, 0, sizeof *stored);
        stored->wall_us = (int64_t)fuzz_number(&in, 6);
        make_near(&in, now_us, &stored->record);
        lsync_guard_pack(stored, bytes);
    }
    if (!lsync_guard_unpack(bytes, sizeof bytes, stored))
        return false;
    lsync_guard_pack(stored, packed);
    FUZZ_CHECK(memcmp(packed, bytes, sizeof bytes) == 0);
    FUZZ_CHECK(!lsync_guard_unpack(bytes, sizeof bytes - 1, stored));
    return lsync_guard_unpack(packed, sizeof packed, stored);
}

static bool is_small(int64_t us)
{
    return us == LSYNC_GUARD_NEVER_US || (us > -((int64_t)1 << 59) && us < (int64_t)1 << 59);
}

static bool is_plausible(const lsync_guard_stored *stored)
{
    const lsync_guard_record *r = &stored->record;
    bool good = is_small(stored->wall_us) && is_small(r->blocked_until_us) && is_small(r->lineage.born_us) &&
                is_small(r->newest_cell * LSYNC_GUARD_CELL_US);

    for (int k = 0; k < LSYNC_GUARD_KINDS; k++)
        good = good && is_small(r->entries[k].over_us) && is_small(r->entries[k].closed_until_us) &&
               is_small(r->entries[k].lease.until_us);
    return good;
}

/* Returns whether no lease is longer than the longest lease. The rule makes only such records. */
static bool knows_leases(const lsync_guard_record *r)
{
    for (int k = 0; k < LSYNC_GUARD_KINDS; k++)
        if (r->entries[k].lease.length_us > r->longest_lease_us)
            return false;
    return true;
}

static bool same(const lsync_guard_record *a, const lsync_guard_record *b)
{
    unsigned char one[LSYNC_GUARD_RECORD_SIZE];
    unsigned char other[LSYNC_GUARD_RECORD_SIZE];
    lsync_guard_stored stored;

    memset(&stored, 0, sizeof stored);
    stored.record = *a;
    lsync_guard_pack(&stored, one);
    stored.record = *b;
    lsync_guard_pack(&stored, other);
    return memcmp(one, other, sizeof one) == 0;
}

static uint64_t count_hour(const lsync_guard_record *r)
{
    uint64_t count = 0;

    for (int i = 0; i < LSYNC_GUARD_CELLS; i++)
        count += r->cells[i];
    for (int k = 0; k < LSYNC_GUARD_KINDS; k++)
        count += r->entries[k].lease.slot != 0;
    return count;
}

static void check_verdict(const history *h, const lsync_guard_verdict *v, int64_t slot)
{
    const int64_t most_us = LSYNC_GUARD_LEASE_MAX_US + LSYNC_GUARD_REQUESTS_MAX * LSYNC_GUARD_HOUR_US;

    FUZZ_CHECK(v->slot == 0 || (v->slot == slot && v->wait_us == 0));
    FUZZ_CHECK((v->slot != 0) == (v->reason == LSYNC_GUARD_REASON_NONE));
    FUZZ_CHECK(v->soonest_us <= v->wait_us && (v->soonest_us > 0) == (v->wait_us > 0));
    FUZZ_CHECK(v->wait_us <= most_us + h->limits.granularity_us);
}

static lsync_guard_verdict reserve(history *h, lock_sync_request_kind kind, int64_t lease_us)
{
    const int64_t lease_max_us = kind == LOCK_SYNC_REQUEST_OTHER ? LSYNC_GUARD_OTHER_LEASE_MAX_US
                                                                 : LSYNC_GUARD_LEASE_MAX_US;
    const lsync_guard_request request = {kind, min64(lease_us, lease_max_us), ++h->next_slot};
    lsync_guard_record *r = &h->stored.record;
    lsync_guard_record before = *r;
    lsync_guard_verdict v;

    lsync_guard_advance(&before, &h->limits, h->now_us);
    v = lsync_guard_reserve(r, &h->limits, &request, h->now_us);
    check_verdict(h, &v, request.slot);
    if (v.slot == 0) {
        FUZZ_CHECK(v.wait_us > 0 && same(r, &before));
        return v;
    }
    FUZZ_CHECK(count_hour(&before) < h->limits.budget && count_hour(r) == count_hour(&before) + 1);
    FUZZ_CHECK(r->longest_lease_us >= request.lease_us && r->blocked_until_us <= h->now_us);
    FUZZ_CHECK((r->entries[kind].lease.slot == v.slot) == (kind != LOCK_SYNC_REQUEST_OTHER && request.lease_us > 0));
    h->slots[1] = h->slots[0];
    h->slots[0] = v.slot;
    return v;
}

static void extend(history *h, int64_t slot, int64_t lease_us)
{
    const lsync_guard_request request = {LOCK_SYNC_REQUEST_SYNC, min64(lease_us, LSYNC_GUARD_LEASE_MAX_US), slot};
    lsync_guard_record *r = &h->stored.record;
    lsync_guard_record before = *r;
    lsync_guard_verdict v;

    lsync_guard_advance(&before, &h->limits, h->now_us);
    v = lsync_guard_extend(r, &h->limits, &request, h->now_us);
    check_verdict(h, &v, slot);
    FUZZ_CHECK(v.slot != 0 || same(r, &before));
    FUZZ_CHECK(v.slot == 0 || (slot != 0 && count_hour(r) <= h->limits.budget));
}

/* Does what a file store does between two decisions. */
static void keep_and_read(history *h)
{
    unsigned char bytes[LSYNC_GUARD_RECORD_SIZE];
    lsync_guard_stored stored;
    bool sound;

    h->stored.record.version++;
    lsync_guard_pack(&h->stored, bytes);
    sound = lsync_guard_unpack(bytes, sizeof bytes, &stored);
    FUZZ_CHECK(sound || !h->plausible);
    if (sound)
        h->stored = stored;
}

/* Joins another record, from which this one learns. A second time must change nothing. */
static void join(history *h, fuzz_input *in)
{
    lsync_guard_record *r = &h->stored.record;
    lsync_guard_record other;
    lsync_guard_record once;

    make_near(in, h->now_us, &other);
    other.longest_lease_us = LSYNC_GUARD_LEASE_MAX_US;
    lsync_guard_join(r, &other, &h->limits, h->now_us);
    FUZZ_CHECK(knows_leases(r));
    once = *r;
    lsync_guard_join(r, &other, &h->limits, h->now_us);
    FUZZ_CHECK(same(r, &once));
}

/* Resolves a record, which may be older than what was seen, of another life, or gone. A loss must be found only
   once. */
static void resolve(history *h, fuzz_input *in)
{
    lsync_guard_record *r = &h->stored.record;
    unsigned flags = fuzz_byte(in);
    const lsync_guard_source source = {(flags & 1) != 0, {flags >> 1 & 1}, near(in, h->now_us)};
    lsync_guard_record seen;
    lsync_guard_witness witness = {(flags & 4) != 0 ? &seen : NULL, any_lease(in), ++h->next_slot};

    make_near(in, h->now_us, &seen);
    (void)lsync_guard_resolve(r, (flags & 8) == 0, &source, &witness, &h->limits, h->now_us);
    seen = *r;
    witness.seen = &seen;
    FUZZ_CHECK(!lsync_guard_resolve(r, true, &source, &witness, &h->limits, h->now_us));
}

/* Checks that the guard grants a slot after the wait that a denial reports. */
static void check_opens(history *h, lock_sync_request_kind kind)
{
    lsync_guard_verdict v = reserve(h, kind, 0);

    if (v.slot != 0)
        return;
    h->now_us += v.wait_us;
    v = reserve(h, kind, 0);
    FUZZ_CHECK(v.slot != 0);
}

static void settle(history *h, fuzz_input *in, int64_t slot, lock_sync_guard_outcome outcome, int64_t retry_after_us)
{
    unsigned flags = fuzz_byte(in);
    const lsync_guard_ending ending = {slot, outcome, retry_after_us, flags & 1 ? (int64_t)fuzz_number(in, 4) * 4 : 0,
                                       flags & 2 ? (uint32_t)fuzz_number(in, 4) : 0};

    lsync_guard_settle(&h->stored.record, &h->limits, &ending, h->now_us);
}

/* Begins another boot, with a clock that begins again. */
static void reboot(history *h, int64_t now_us)
{
    if (h->plausible)
        lsync_guard_shift(&h->stored.record, now_us - h->now_us);
    h->now_us = now_us;
}

static void operate(history *h, fuzz_input *in)
{
    unsigned operation = fuzz_byte(in);
    int64_t argument = (int64_t)(uint32_t)fuzz_number(in, 4);
    int64_t slot = operation & 0x10 ? h->slots[1] : operation & 0x20 ? argument : h->slots[0];
    lock_sync_request_kind kind = (lock_sync_request_kind)((operation >> 6) % LSYNC_GUARD_KINDS);

    switch (operation % 16) {
    case 0:
    case 1: (void)reserve(h, kind, argument * 100); break;
    case 2: (void)reserve(h, kind, 0); break;
    case 3: extend(h, slot, argument * 100); break;
    case 4:
    case 5: settle(h, in, slot, operation % 16 == 4 ? LOCK_SYNC_SLOT_SENT : LOCK_SYNC_SLOT_NOT_SENT, -1); break;
    case 6:
    case 7:
        settle(h, in, slot, LOCK_SYNC_SLOT_LIMITED, operation % 16 == 6 ? argument - 1 : INT64_MAX - argument);
        break;
    case 8: join(h, in); break;
    case 9: /* the clock goes back */ h->now_us = h->now_us > argument * 10 ? h->now_us - argument * 10 : 0; break;
    case 10: keep_and_read(h); break;
    case 11: reboot(h, argument); break;
    case 12: check_opens(h, kind); break;
    case 13: resolve(h, in); break;
    default: h->now_us = min64(h->now_us + argument * 10, NOW_MAX_US); break;
    }
    (void)lsync_guard_stale_at_us(&h->stored.record);
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
    h.next_slot = (int64_t)1 << 40;
    for (int k = 0; k < LSYNC_GUARD_KINDS; k++)
        h.limits.interval_us[k] = (k == LOCK_SYNC_REQUEST_OTHER ? 0 : 1000) +
                                  (int64_t)(fuzz_number(&in, 4) % 3600000000u);
    h.limits.budget = 1 + (uint32_t)(fuzz_number(&in, 3) % 1000000);
    h.limits.granularity_us = kind & 0x10 ? 1000000 : 0;
    h.now_us = (int64_t)(fuzz_number(&in, 7) % (uint64_t)NOW_MAX_US);
    if (!make_stored((kind & 15) % 3, raw, h.now_us, &h.stored))
        return 0;
    h.plausible = is_plausible(&h.stored);
    wall_us = (int64_t)(fuzz_number(&in, 7) % ((uint64_t)1 << 56));
    if (kind & 0x20) { /* like the file store with the record of another boot */
        lsync_guard_shift(&h.stored.record, h.stored.wall_us - wall_us);
        h.stored.wall_us = wall_us;
    }
    while (in.left > 0)
        operate(&h, &in);
    check_opens(&h, LOCK_SYNC_REQUEST_SYNC);
    return 0;
}
