/* What one would write instead of this library's decoder: a general parser, and the same records out of its tree. */
#ifndef BENCH_READ_H
#define BENCH_READ_H

#include <locksync/locksync.h>

typedef struct records {
    lock_sync_lock *locks; /* to be freed */
    size_t count;
} records;

/* False for a body that is not the documented answer; then there is nothing to free. */
bool read_with_jansson(const char *body, size_t size, records *out);
bool read_with_cjson(const char *body, size_t size, records *out);

/* Goes on with `sum` over all members of a record. */
uint64_t checksum(uint64_t sum, const lock_sync_lock *lock);

#endif
