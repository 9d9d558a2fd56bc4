/* The record as bytes; see record.h. Little-endian whatever the machine, a checksum at the end. */
#include "guard/record.h"

#include <string.h>

#define MAGIC "locksyn1" /* the last byte is the format's version */
#define MAGIC_SIZE 8
#define CHECKSUM_SIZE 8
#define CHECKSUM_AT (LSYNC_GUARD_RECORD_SIZE - CHECKSUM_SIZE)
#define OPEN_FLAG 1u

/* Goes through the bytes of a record, each value in its turn, and writes or reads it. */
typedef struct cursor {
    unsigned char *to; /* NULL: it reads */
    const unsigned char *from;
    bool sound; /* all values are ones that a rule makes */
} cursor;

static void pass_bytes(cursor *c, void *bytes, size_t size)
{
    if (c->to != NULL) {
        memcpy(c->to, bytes, size);
        c->to += size;
    } else {
        memcpy(bytes, c->from, size);
        c->from += size;
    }
}

static uint64_t pass(cursor *c, uint64_t value, int bytes)
{
    unsigned char *to = c->to;
    const unsigned char *from = c->from;

    if (to != NULL) {
        for (int i = 0; i < bytes; i++)
            to[i] = (unsigned char)(value >> (8 * i));
        c->to = to + bytes;
    } else {
        value = 0;
        for (int i = bytes; i-- > 0;)
            value = value << 8 | from[i];
        c->from = from + bytes;
    }
    return value;
}

static void pass32(cursor *c, uint32_t *value)
{
    *value = (uint32_t)pass(c, *value, 4);
}

static void pass64(cursor *c, int64_t *value)
{
    *value = (int64_t)pass(c, (uint64_t)*value, 8);
}

static void pass_between(cursor *c, int64_t *us, int64_t least, int64_t most)
{
    pass64(c, us);
    c->sound = c->sound && *us >= least && *us <= most;
}

/* Times so far off that sums with them would overflow are no times. */
static void pass_time(cursor *c, int64_t *us)
{
    pass_between(c, us, INT64_MIN / 4, INT64_MAX / 4);
}

static void pass_hold(cursor *c, int64_t *us)
{
    pass_between(c, us, 0, LSYNC_GUARD_HOLD_MAX_US);
}

/* The format: all that stands between magic and checksum, but for spare bytes at the end. */
static void pass_image(cursor *c, lsync_guard_image *image)
{
    lsync_guard_record *r = &image->record;
    uint32_t flags = r->open ? OPEN_FLAG : 0;

    image->version = pass(c, image->version, 8);
    pass_bytes(c, image->boot_id, sizeof image->boot_id);
    pass_time(c, &image->wall_us);
    pass_between(c, &r->sequence, 0, INT64_MAX - 1);
    pass_time(c, &r->last_us);
    pass_time(c, &r->last_before_us);
    pass_hold(c, &r->hold_us);
    pass_time(c, &r->blocked_until_us);
    pass64(c, &r->overtaken);
    pass32(c, &r->refunds);
    pass32(c, &r->limited);
    pass32(c, &flags);
    for (size_t i = 0; i < LSYNC_GUARD_BUCKETS; i++) {
        pass_time(c, &r->buckets[i].start_us);
        pass_time(c, &r->buckets[i].last_us);
        pass64(c, &r->buckets[i].first);
        pass32(c, &r->buckets[i].count);
        c->sound = c->sound && r->buckets[i].count <= 1u << 24;
    }
    pass_time(c, &r->overtaken_until_us);
    pass_hold(c, &r->overtaken_hold_us);
    r->open = (flags & OPEN_FLAG) != 0;
    c->sound = c->sound && r->refunds <= LSYNC_GUARD_REFUNDS_MAX && r->limited <= LSYNC_GUARD_LIMITED_MAX;
}

/* FNV-1a: finds a torn or flipped write; it does not defend against an author. */
static uint64_t checksum(const unsigned char *bytes)
{
    uint64_t sum = 14695981039346656037u;

    for (size_t i = 0; i < CHECKSUM_AT; i++)
        sum = (sum ^ bytes[i]) * 1099511628211u;
    return sum;
}

void lsync_guard_pack(const lsync_guard_image *image, unsigned char bytes[LSYNC_GUARD_RECORD_SIZE])
{
    lsync_guard_image copy = *image;
    cursor c = {.to = bytes + MAGIC_SIZE};

    memset(bytes, 0, LSYNC_GUARD_RECORD_SIZE);
    memcpy(bytes, MAGIC, MAGIC_SIZE);
    pass_image(&c, &copy);
    c.to = bytes + CHECKSUM_AT;
    (void)pass(&c, checksum(bytes), CHECKSUM_SIZE);
}

bool lsync_guard_unpack(const void *bytes, size_t size, lsync_guard_image *image)
{
    const unsigned char *from = bytes;
    cursor sum;
    cursor c;

    if (size != LSYNC_GUARD_RECORD_SIZE || memcmp(from, MAGIC, MAGIC_SIZE) != 0)
        return false;
    sum = (cursor){.from = from + CHECKSUM_AT};
    c = (cursor){.from = from + MAGIC_SIZE, .sound = true};
    if (pass(&sum, 0, CHECKSUM_SIZE) != checksum(from))
        return false;
    memset(image, 0, sizeof *image);
    pass_image(&c, image);
    return c.sound;
}

bool lsync_guard_decide(lsync_guard_image *image, bool changed, const lsync_guard_decision *decision, int64_t now_us,
                        unsigned char bytes[LSYNC_GUARD_RECORD_SIZE])
{
    unsigned char before[LSYNC_GUARD_RECORD_SIZE];

    image->version++;
    lsync_guard_pack(image, before);
    decision->decide(decision->user, &image->record, now_us);
    lsync_guard_pack(image, bytes);
    changed = changed || memcmp(before, bytes, sizeof before) != 0;
    if (!changed)
        image->version--;
    return changed;
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
