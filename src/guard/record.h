/* The record as bytes: what a store keeps. Pure. */
#ifndef LSYNC_GUARD_RECORD_H
#define LSYNC_GUARD_RECORD_H

#include "guard/store.h"

#include <stddef.h>

#define LSYNC_GUARD_BOOT_ID_SIZE 16
#define LSYNC_GUARD_RECORD_SIZE 496 /* of which the last bytes before the checksum are spare */

/* A record and the clock that its times are of. */
typedef struct lsync_guard_image {
    lsync_guard_record record;
    uint64_t version; /* rises with each write: the newer of two is the right one */
    unsigned char boot_id[LSYNC_GUARD_BOOT_ID_SIZE]; /* zeros: the clock is not one of a boot */
    int64_t wall_us; /* the wall clock when the clock stood at 0; for another boot to translate the times */
} lsync_guard_image;

void lsync_guard_pack(const lsync_guard_image *image, unsigned char bytes[LSYNC_GUARD_RECORD_SIZE]);

/* False when the bytes are no record: wrong size, format, checksum, or values that no rule makes. */
bool lsync_guard_unpack(const void *bytes, size_t size, lsync_guard_image *image);

/* Has a decision made on an image; `changed`: it was changed before. bytes: what is to be written then, newer than what
   stood there. False: nothing changed (a refusal, mostly), and nothing is to be written. */
bool lsync_guard_decide(lsync_guard_image *image, bool changed, const lsync_guard_decision *decision, int64_t now_us,
                        unsigned char bytes[LSYNC_GUARD_RECORD_SIZE]);

/* Moves all times of a record by `shift`, onto another clock. */
void lsync_guard_shift(lsync_guard_record *r, int64_t shift_us);

#endif
