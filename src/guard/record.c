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

static void code_bytes(codec *c, void *bytes, size_t size)
{
    if (c->to != NULL) {
        memcpy(c->to, bytes, size);
        c->to += size;
    } else {
        memcpy(bytes, c->from, size);
        c->from += size;
    }
}

static uint64_t code_number(codec *c, uint64_t value, int bytes)
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

static void code_between(codec *c, int64_t *value, int64_t least, int64_t most)
{
    *value = (int64_t)code_number(c, (uint64_t)*value, 8);
    c->sound = c->sound && *value >= least && *value <= most;
}

static void code_time(codec *c, int64_t *us)
{
    *us = (int64_t)code_number(c, (uint64_t)*us, 8);
    c->sound = c->sound && (*us == LSYNC_GUARD_NEVER_US || (*us >= -TIME_MAX_US && *us <= TIME_MAX_US));
}

/* Codes a time that cannot be "never". */
static void code_moment(codec *c, int64_t *us)
{
    code_between(c, us, -TIME_MAX_US, TIME_MAX_US);
}

static void code_count(codec *c, uint32_t *count, uint32_t most)
{
    *count = (uint32_t)code_number(c, *count, 4);
    c->sound = c->sound && *count <= most;
}

static void code_lease(codec *c, int64_t *us)
{
    code_between(c, us, 0, LSYNC_GUARD_LEASE_MAX_US);
}

static void code_lineage(codec *c, lsync_guard_lineage *lineage)
{
    code_bytes(c, lineage->source, sizeof lineage->source);
    code_between(c, &lineage->life, 0, INT64_MAX);
    code_moment(c, &lineage->born_us);
}

static void code_entry(codec *c, lsync_guard_entry *entry, lock_sync_request_kind kind)
{
    code_time(c, &entry->over_us);
    code_time(c, &entry->closed_until_us);
    code_between(c, &entry->lease.slot, 0, kind == LOCK_SYNC_REQUEST_OTHER ? 0 : INT64_MAX);
    code_moment(c, &entry->lease.until_us);
    code_lease(c, &entry->lease.length_us);
    code_count(c, &entry->requests, LSYNC_GUARD_REQUESTS_MAX);
}

/* Codes what is between magic and checksum. */
static void code_stored(codec *c, lsync_guard_stored *stored)
{
    lsync_guard_record *r = &stored->record;
    uint32_t closure = (uint32_t)r->closure;

    r->version = code_number(c, r->version, 8);
    code_lineage(c, &r->lineage);
    code_bytes(c, stored->boot_id, sizeof stored->boot_id);
    code_moment(c, &stored->wall_us);
    code_time(c, &r->blocked_until_us);
    code_lease(c, &r->longest_lease_us);
    code_count(c, &closure, LSYNC_GUARD_LOSS);
    code_count(c, &r->refunds, LSYNC_GUARD_REFUNDS_MAX);
    code_count(c, &r->limited, LSYNC_GUARD_LIMITED_MAX);
    for (int k = 0; k < LSYNC_GUARD_KINDS; k++)
        code_entry(c, &r->entries[k], k);
    code_between(c, &r->newest_cell, -TIME_MAX_US / LSYNC_GUARD_CELL_US, TIME_MAX_US / LSYNC_GUARD_CELL_US);
    for (int i = 0; i < LSYNC_GUARD_CELLS; i++)
        code_count(c, &r->cells[i], LSYNC_GUARD_COUNT_MAX);
    r->closure = (lsync_guard_closure)closure;
}

/* Computes FNV-1a, which detects a torn write or flipped bits, not a forged record. */
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
    code_stored(&c, &copy);
    c.to = bytes + CHECKSUM_AT;
    (void)code_number(&c, checksum(bytes), CHECKSUM_SIZE);
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
    if (code_number(&sum, 0, CHECKSUM_SIZE) != checksum(from))
        return false;
    memset(stored, 0, sizeof *stored);
    code_stored(&c, stored);
    return c.sound;
}
