/* A hash table of entries; see table.h. */
#include "pool/table.h"

#include <string.h>

void lsync_table_init(lsync_table *t, const lock_sync_allocator *memory)
{
    *t = (lsync_table){.memory = memory, .bucket_count = LSYNC_TABLE_LEAST};
}

void lsync_table_release(lsync_table *t)
{
    lsync_free(t->memory, t->buckets);
    lsync_table_init(t, t->memory);
}

static lsync_entry **buckets_of(lsync_table *t)
{
    return t->buckets != NULL ? t->buckets : t->least;
}

static lsync_entry **bucket_of(lsync_table *t, uint64_t hash)
{
    return &buckets_of(t)[(hash ^ hash >> 32) & (t->bucket_count - 1)];
}

static void put(lsync_table *t, lsync_entry *entry)
{
    lsync_entry **bucket = bucket_of(t, entry->hash);

    entry->next = *bucket;
    *bucket = entry;
}

static void grow(lsync_table *t)
{
    lsync_table larger = {.memory = t->memory, .bucket_count = t->bucket_count * 2};
    size_t size;
    lsync_entry *entry;
    size_t bucket = 0;

    if (lsync_size_mul(larger.bucket_count, sizeof(lsync_entry *), &size))
        larger.buckets = lsync_alloc(t->memory, size);
    if (larger.buckets == NULL)
        return;
    memset(larger.buckets, 0, size);
    while ((entry = lsync_table_take(t, &bucket)) != NULL) {
        put(&larger, entry);
        larger.count++;
    }
    lsync_free(t->memory, t->buckets);
    *t = larger;
}

void lsync_table_add(lsync_table *t, lsync_entry *entry, uint64_t hash)
{
    if (t->count >= t->bucket_count)
        grow(t);
    entry->hash = hash;
    put(t, entry);
    t->count++;
}

void lsync_table_remove(lsync_table *t, lsync_entry *entry)
{
    lsync_entry **at = bucket_of(t, entry->hash);

    while (*at != entry)
        at = &(*at)->next;
    *at = entry->next;
    t->count--;
}

lsync_entry *lsync_table_first(lsync_table *t, uint64_t hash)
{
    const lsync_entry before = {*bucket_of(t, hash), hash};

    return lsync_table_next(&before);
}

lsync_entry *lsync_table_next(const lsync_entry *entry)
{
    lsync_entry *next = entry->next;

    while (next != NULL && next->hash != entry->hash)
        next = next->next;
    return next;
}

lsync_entry *lsync_table_take(lsync_table *t, size_t *bucket)
{
    lsync_entry **buckets = buckets_of(t);
    lsync_entry *entry;

    while (*bucket < t->bucket_count && buckets[*bucket] == NULL)
        ++*bucket;
    if (*bucket == t->bucket_count)
        return NULL;
    entry = buckets[*bucket];
    buckets[*bucket] = entry->next;
    t->count--;
    return entry;
}

uint64_t lsync_hash(uint64_t hash, const void *bytes, size_t size)
{
    const unsigned char *at = bytes;

    for (size_t i = 0; i < size; i++)
        hash = (hash ^ at[i]) * 1099511628211U;
    return hash;
}
