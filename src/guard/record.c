/* The record as bytes; see record.h. Little-endian whatever the machine, a checksum at the end. */
#include "guard/record.h"

#include <string.h>

#define MAGIC "locksyn1" /* the last byte is the format's version */
#define MAGIC_SIZE 8
#define CHECKSUM_SIZE 8
#define OPEN_FLAG 1u

typedef struct writer {
    unsigned char *at;
} writer;

typedef struct reader {
    const unsigned char *at;
} reader;

static void put(writer *w, uint64_t value, int bytes)
{
    for (int i = 0; i < bytes; i++)
        *w->at++ = (unsigned char)(value >> (8 * i));
}

static uint64_t get(reader *r, int bytes)
{
    uint64_t value = 0;

    for (int i = 0; i < bytes; i++)
        value |= (uint64_t)*r->at++ << (8 * i);
    return value;
}

static int64_t get_time(reader *r)
{
    return (int64_t)get(r, 8);
}

/* FNV-1a: finds a torn or flipped write; it does not defend against an author. */
static uint64_t checksum(const unsigned char *bytes, size_t size)
{
    uint64_t sum = 14695981039346656037u;

    for (size_t i = 0; i < size; i++)
        sum = (sum ^ bytes[i]) * 1099511628211u;
    return sum;
}

void lsync_guard_pack(const lsync_guard_image *image, unsigned char bytes[LSYNC_GUARD_RECORD_SIZE])
{
    const lsync_guard_record *r = &image->record;
    writer w = {bytes};

    memset(bytes, 0, LSYNC_GUARD_RECORD_SIZE);
    memcpy(w.at, MAGIC, MAGIC_SIZE);
    w.at += MAGIC_SIZE;
    put(&w, image->version, 8);
    memcpy(w.at, image->boot_id, LSYNC_GUARD_BOOT_ID_SIZE);
    w.at += LSYNC_GUARD_BOOT_ID_SIZE;
    put(&w, (uint64_t)image->wall_us, 8);
    put(&w, (uint64_t)r->sequence, 8);
    put(&w, (uint64_t)r->last_us, 8);
    put(&w, (uint64_t)r->last_before_us, 8);
    put(&w, (uint64_t)r->hold_us, 8);
    put(&w, (uint64_t)r->blocked_until_us, 8);
    put(&w, (uint64_t)r->overtaken, 8);
    put(&w, r->refunds, 4);
    put(&w, r->limited, 4);
    put(&w, r->open ? OPEN_FLAG : 0, 4);
    for (size_t i = 0; i < LSYNC_GUARD_BUCKETS; i++) {
        put(&w, (uint64_t)r->buckets[i].start_us, 8);
        put(&w, (uint64_t)r->buckets[i].last_us, 8);
        put(&w, (uint64_t)r->buckets[i].first, 8);
        put(&w, r->buckets[i].count, 4);
    }
    put(&w, (uint64_t)r->overtaken_until_us, 8);
    put(&w, (uint64_t)r->overtaken_hold_us, 8);
    w.at = bytes + LSYNC_GUARD_RECORD_SIZE - CHECKSUM_SIZE;
    put(&w, checksum(bytes, LSYNC_GUARD_RECORD_SIZE - CHECKSUM_SIZE), CHECKSUM_SIZE);
}

/* Times so far off that sums with them would overflow are no times. */
static bool is_time(int64_t us)
{
    return us > INT64_MIN / 4 && us < INT64_MAX / 4;
}

static bool is_sound(const lsync_guard_image *image)
{
    const lsync_guard_record *r = &image->record;

    if (r->sequence < 0 || r->sequence == INT64_MAX || r->hold_us < 0 || r->hold_us > LSYNC_GUARD_HOLD_MAX_US)
        return false;
    if (!is_time(image->wall_us) || !is_time(r->last_us) || !is_time(r->last_before_us) ||
        !is_time(r->blocked_until_us) || !is_time(r->overtaken_until_us))
        return false;
    if (r->overtaken_hold_us < 0 || r->overtaken_hold_us > LSYNC_GUARD_HOLD_MAX_US ||
        r->refunds > LSYNC_GUARD_REFUNDS_MAX || r->limited > LSYNC_GUARD_LIMITED_MAX)
        return false;
    for (size_t i = 0; i < LSYNC_GUARD_BUCKETS; i++)
        if (!is_time(r->buckets[i].start_us) || !is_time(r->buckets[i].last_us) || r->buckets[i].count > 1u << 24)
            return false;
    return true;
}

bool lsync_guard_unpack(const void *bytes, size_t size, lsync_guard_image *image)
{
    reader in = {bytes};
    reader sum = {(const unsigned char *)bytes + LSYNC_GUARD_RECORD_SIZE - CHECKSUM_SIZE};
    lsync_guard_record *r = &image->record;

    if (size != LSYNC_GUARD_RECORD_SIZE || memcmp(in.at, MAGIC, MAGIC_SIZE) != 0 ||
        get(&sum, CHECKSUM_SIZE) != checksum(bytes, LSYNC_GUARD_RECORD_SIZE - CHECKSUM_SIZE))
        return false;
    in.at += MAGIC_SIZE;
    image->version = get(&in, 8);
    memcpy(image->boot_id, in.at, LSYNC_GUARD_BOOT_ID_SIZE);
    in.at += LSYNC_GUARD_BOOT_ID_SIZE;
    image->wall_us = get_time(&in);
    r->sequence = get_time(&in);
    r->last_us = get_time(&in);
    r->last_before_us = get_time(&in);
    r->hold_us = get_time(&in);
    r->blocked_until_us = get_time(&in);
    r->overtaken = get_time(&in);
    r->refunds = (uint32_t)get(&in, 4);
    r->limited = (uint32_t)get(&in, 4);
    r->open = (get(&in, 4) & OPEN_FLAG) != 0;
    for (size_t i = 0; i < LSYNC_GUARD_BUCKETS; i++) {
        r->buckets[i].start_us = get_time(&in);
        r->buckets[i].last_us = get_time(&in);
        r->buckets[i].first = get_time(&in);
        r->buckets[i].count = (uint32_t)get(&in, 4);
    }
    r->overtaken_until_us = get_time(&in);
    r->overtaken_hold_us = get_time(&in);
    return is_sound(image);
}

void lsync_guard_shift(lsync_guard_record *r, int64_t shift_us)
{
    if (r->last_us != 0) /* 0: no request yet */
        r->last_us += shift_us;
    if (r->last_before_us != 0)
        r->last_before_us += shift_us;
    if (r->overtaken_until_us != 0)
        r->overtaken_until_us += shift_us;
    if (r->blocked_until_us != 0)
        r->blocked_until_us += shift_us;
    for (size_t i = 0; i < LSYNC_GUARD_BUCKETS; i++) {
        r->buckets[i].start_us += shift_us;
        r->buckets[i].last_us += shift_us;
    }
}
