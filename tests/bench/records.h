/* The records that the readers of read.h make: the parts that are the same for all parsers. */
#ifndef BENCH_RECORDS_H
#define BENCH_RECORDS_H

#include <locksync/locksync.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct records {
    lock_sync_lock *locks; /* must be freed */
    size_t count;
} records;

/* Allocates `count` records, all zero. */
bool make_room(records *out, size_t count);

/* Stores the time and sets its bit, if the text is a time. The text needs no NUL. */
void keep_time(lock_sync_lock *lock, const char *text, size_t length);

/* Stores the level and sets its bit, if it is a percentage. */
void keep_battery(lock_sync_lock *lock, int32_t level);

/* Continues `sum` over all members of a record. */
uint64_t checksum(uint64_t sum, const lock_sync_lock *lock);

#ifdef __cplusplus
}
#endif

#endif
