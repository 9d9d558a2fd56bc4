/* What the tests of records share: records to begin with, and whether two are the same. */
#ifndef GUARD_RECORDS_H
#define GUARD_RECORDS_H

#include "guard/record.h"

/* A record of an account that was never used, which stands in the cells of `now_us`. */
lsync_guard_record record_new(int64_t now_us);

/* Any record that can be read back; what lies between its members is not set. */
lsync_guard_stored record_random(uint64_t *seed);

/* Compares member by member: what lies between members is nobody's. */
bool record_is_same(const lsync_guard_record *a, const lsync_guard_record *b);
bool stored_is_same(const lsync_guard_stored *a, const lsync_guard_stored *b);

#endif
