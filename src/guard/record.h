/* The format of a record in a store. Pure. */
#ifndef LSYNC_GUARD_RECORD_H
#define LSYNC_GUARD_RECORD_H

#include "guard/rule.h"

#include <stdbool.h>
#include <stddef.h>

#define LSYNC_GUARD_BOOT_ID_SIZE 16
#define LSYNC_GUARD_RECORD_SIZE 308

/* A record, and which clock its times are on. */
typedef struct lsync_guard_stored {
    lsync_guard_record record;
    unsigned char boot_id[LSYNC_GUARD_BOOT_ID_SIZE]; /* zeros: the clock does not belong to a boot */
    int64_t wall_us; /* the wall clock's time at the clock's 0, to translate the times after another boot */
} lsync_guard_stored;

void lsync_guard_pack(const lsync_guard_stored *stored, unsigned char bytes[LSYNC_GUARD_RECORD_SIZE]);

/* Returns false if the bytes are no record: wrong size, format or checksum, or values that the rule never makes. */
bool lsync_guard_unpack(const void *bytes, size_t size, lsync_guard_stored *stored);

#endif
