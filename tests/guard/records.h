/* For the tests of records: new records, and whether two are equal. Times are in us. */
#ifndef GUARD_RECORDS_H
#define GUARD_RECORDS_H

#include "../support/decoding.h"
#include "guard/record.h"

#define S(seconds) ((seconds)*INT64_C(1000000))
#define CELL LSYNC_GUARD_CELL_US
#define NEVER LSYNC_GUARD_NEVER_US
#define NOW S(900000) /* a boundary of the grid of cells */

/* The service's limits. */
extern const lsync_guard_limits service;

/* Makes the record of an account without requests, whose newest cell is that of NOW. */
lsync_guard_record record_new(void);

/* Returns whether a store would have the same bytes for both. The padding between members does not count. */
bool record_is_same(const lsync_guard_record *a, const lsync_guard_record *b);

#endif
