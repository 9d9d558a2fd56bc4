/* What a Redis server says of itself, and the marker that tells an absent record from a lost one. Pure. */
#ifndef LSYNC_REDIS_INFO_H
#define LSYNC_REDIS_INFO_H

#include "locksync/guard.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define LSYNC_REDIS_MARKER_SIZE 64

typedef struct lsync_redis_info {
    bool has_source; /* false: the server does not say, or is not allowed to */
    /* Its replication id: another after a restart or a promotion, and once it gets its first replica. */
    unsigned char source[LOCK_SYNC_GUARD_SOURCE_SIZE];
    bool is_replica; /* it may lack what its master has, and may become a master under another replication id */
    bool has_aof;
    bool can_evict;
    bool has_evicted;
    char policy[24]; /* of its memory */
} lsync_redis_info;

/* Adds what a reply to INFO says. */
void lsync_redis_info_read(lsync_redis_info *info, const char *text);

/* Writes why the server can lose records, as part of a sentence; "" if nothing is known against it. */
void lsync_redis_info_warn(const lsync_redis_info *info, char *text, size_t size);

/* The marker: when it was made, by the server's clock, and by which life of the server. */
void lsync_redis_marker_write(const lsync_redis_info *info, int64_t now_us, char text[LSYNC_REDIS_MARKER_SIZE]);

/* Returns false if the text is no marker, or one of another life. */
bool lsync_redis_marker_read(const lsync_redis_info *info, const char *text, size_t size, int64_t *made_us);

#endif
