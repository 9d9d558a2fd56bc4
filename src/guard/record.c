/* The format of a record; see record.h. Little-endian on every machine, with a checksum at the end. */
#include "guard/record.h"

#include <string.h>

#define MAGIC "locksyn2" /* the last byte is the format's version */
#define MAGIC_SIZE 8
#define CHECKSUM_SIZE 8
#define CHECKSUM_AT (LSYNC_GUARD_RECORD_SIZE - CHECKSUM_SIZE)
#define TIME_MAX_US (INT64_MAX / 4) /* sums of times beyond it could overflow */

/* Writes or reads the values of a record, one after another. */
typedef struct codec {
    unsigned char *to; /* NULL: reads */
    const unsigned char *from;
    bool sound; /* the rule can make all values that were read */
} codec;

static void pass_bytes(codec *c, void *bytes, size_t size)
{
    if (c->to != NULL) {
        memcpy(c->to, bytes, size);
        c->to += size;
    } else {
        memcpy(bytes, c->from, size);
        c->from += size;
    }
}

static uint64_t pass(codec *c, uint64_t value, int bytes)
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

static void pass_between(codec *c, int64_t *value, int64_t least, int64_t most)
{
    *value = (int64_t)pass(c, (uint64_t)*value, 8);
    c->sound = c->sound && *value >= least && *value <= most;
}

static void pass_time(codec *c, int64_t *us)
{
    *us = (int64_t)pass(c, (uint64_t)*us, 8);
    c->sound = c->sound && (*us == LSYNC_GUARD_NEVER_US || (*us >= -TIME_MAX_US && *us <= TIME_MAX_US));
}

/* A time that cannot be "never". */
static void pass_moment(codec *c, int64_t *us)
{
    pass_between(c, us, -TIME_MAX_US, TIME_MAX_US);
}

static void pass_count(codec *c, uint32_t *count, uint32_t most)
{
    *count = (uint32_t)pass(c, *count, 4);
    c->sound = c->sound && *count <= most;
}

static void pass_lease(codec *c, int64_t *us)
{
    pass_between(c, us, 0, LSYNC_GUARD_LEASE_MAX_US);
}

static void pass_lineage(codec *c, lsync_guard_lineage *lineage)
{
    pass_bytes(c, lineage->source, sizeof lineage->source);
    pass_between(c, &lineage->life, 0, INT64_MAX);
    pass_moment(c, &lineage->born_us);
}

static void pass_entry(codec *c, lsync_guard_entry *entry, lock_sync_request_kind kind)
{
    pass_time(c, &entry->over_us);
    pass_time(c, &entry->closed_until_us);
    pass_between(c, &entry->lease.slot, 0, kind == LOCK_SYNC_REQUEST_OTHER ? 0 : INT64_MAX);
    pass_moment(c, &entry->lease.until_us);
    pass_lease(c, &entry->lease.length_us);
    pass_count(c, &entry->requests, LSYNC_GUARD_REQUESTS_MAX);
}

/* The format between magic and checksum. */
static void pass_stored(codec *c, lsync_guard_stored *stored)
{
    lsync_guard_record *r = &stored->record;
    uint32_t closure = (uint32_t)r->closure;

    r->version = pass(c, r->version, 8);
    pass_lineage(c, &r->lineage);
    pass_bytes(c, stored->boot_id, sizeof stored->boot_id);
    pass_moment(c, &stored->wall_us);
    pass_time(c, &r->blocked_until_us);
    pass_lease(c, &r->longest_lease_us);
    pass_count(c, &closure, LSYNC_GUARD_LOSS);
    pass_count(c, &r->refunds, LSYNC_GUARD_REFUNDS_MAX);
    pass_count(c, &r->limited, LSYNC_GUARD_LIMITED_MAX);
    for (int k = 0; k < LSYNC_GUARD_KINDS; k++)
        pass_entry(c, &r->entries[k], k);
    pass_between(c, &r->newest_cell, -TIME_MAX_US / LSYNC_GUARD_CELL_US, TIME_MAX_US / LSYNC_GUARD_CELL_US);
    for (int i = 0; i < LSYNC_GUARD_CELLS; i++)
        pass_count(c, &r->cells[i], LSYNC_GUARD_COUNT_MAX);
    r->closure = (lsync_guard_closure)closure;
}

/* FNV-1a: detects a torn write or flipped bits, not a forged record. */
static uint64_t checksum(const unsigned char *bytes)
{
    uint64_t sum = 14695981039346656037u;

    for (size_t i = 0; i < CHECKSUM_AT; i++)
        sum = (sum ^ bytes[i]) * 1099511628211u;
    return sum;
}

void lsync_guard_pack(const lsync_guard_stored *stored, unsigned char bytes[LSYNC_GUARD_RECORD_SIZE])
{
    lsync_guard_stored copy = *stored;
    codec c = {.to = bytes + MAGIC_SIZE};

    memset(bytes, 0, LSYNC_GUARD_RECORD_SIZE);
    memcpy(bytes, MAGIC, MAGIC_SIZE);
    pass_stored(&c, &copy);
    c.to = bytes + CHECKSUM_AT;
    (void)pass(&c, checksum(bytes), CHECKSUM_SIZE);
}

bool lsync_guard_unpack(const void *bytes, size_t size, lsync_guard_stored *stored)
{
    const unsigned char *from = bytes;
    codec sum;
    codec c;

    if (size != LSYNC_GUARD_RECORD_SIZE || memcmp(from, MAGIC, MAGIC_SIZE) != 0)
        return false;
    sum = (codec){.from = from + CHECKSUM_AT};
    c = (codec){.from = from + MAGIC_SIZE, .sound = true};
    if (pass(&sum, 0, CHECKSUM_SIZE) != checksum(from))
        return false;
    memset(stored, 0, sizeof *stored);
    pass_stored(&c, stored);
    return c.sound;
}
