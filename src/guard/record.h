/* The record as bytes: what a store keeps. Pure. */
#ifndef LSYNC_GUARD_RECORD_H
#define LSYNC_GUARD_RECORD_H

#include "guard/rule.h"

#include <stdbool.h>
#include <stddef.h>

#define LSYNC_GUARD_BOOT_ID_SIZE 16
#define LSYNC_GUARD_RECORD_SIZE 308

/* A record and the clock that its times are of. */
typedef struct lsync_guard_stored {
    lsync_guard_record record;
    unsigned char boot_id[LSYNC_GUARD_BOOT_ID_SIZE]; /* zeros: the clock is not one of a boot */
    int64_t wall_us; /* the wall clock when the clock stood at 0; for another boot to translate the times */
} lsync_guard_stored;

void lsync_guard_pack(const lsync_guard_stored *stored, unsigned char bytes[LSYNC_GUARD_RECORD_SIZE]);

/* Returns false if the bytes are no record: wrong size, format, checksum, or values that no rule makes. */
bool lsync_guard_unpack(const void *bytes, size_t size, lsync_guard_stored *stored);

#endif
