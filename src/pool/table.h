/* An intrusive hash table: each entry is a member of an element. Adding cannot fail: a table that cannot grow becomes
   slower. */
#ifndef LSYNC_POOL_TABLE_H
#define LSYNC_POOL_TABLE_H

#include "base/memory.h"

#define LSYNC_TABLE_LEAST 16 /* buckets, inside the table */

typedef struct lsync_entry {
    struct lsync_entry *next; /* of the same bucket */
    uint64_t hash;
} lsync_entry;

typedef struct lsync_table {
    const lock_sync_allocator *memory; /* must outlive the table */
    lsync_entry **buckets;             /* owned; NULL: `least` is used */
    lsync_entry *least[LSYNC_TABLE_LEAST];
    size_t bucket_count; /* a power of two */
    size_t count;
} lsync_table;

void lsync_table_init(lsync_table *t, const lock_sync_allocator *memory);
/* Frees the buckets, not the entries. */
void lsync_table_release(lsync_table *t);

void lsync_table_add(lsync_table *t, lsync_entry *entry, uint64_t hash);
void lsync_table_remove(lsync_table *t, lsync_entry *entry); /* the entry must be in the table */

/* Return the first entry with a hash, and the next entry with the same hash; NULL: no more. */
lsync_entry *lsync_table_first(lsync_table *t, uint64_t hash);
lsync_entry *lsync_table_next(const lsync_entry *entry);

/* Takes out any entry, to empty the table; NULL: it is empty. *bucket must be 0 at first, and keeps the position. */
lsync_entry *lsync_table_take(lsync_table *t, size_t *bucket);

/* Continues a hash (FNV-1a, begun with LSYNC_HASH_START) with more bytes. */
#define LSYNC_HASH_START ((uint64_t)14695981039346656037U)
uint64_t lsync_hash(uint64_t hash, const void *bytes, size_t size);

#endif
