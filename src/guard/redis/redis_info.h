/* Reads a Redis server's INFO, and the marker that distinguishes an absent record from a lost one. Pure. */
#ifndef LSYNC_REDIS_INFO_H
#define LSYNC_REDIS_INFO_H

#include "locksync/guard.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define LSYNC_REDIS_MARKER_SIZE 64

typedef struct lsync_redis_info {
    bool has_source; /* false: the server does not report it, or its ACL forbids INFO */
    /* The replication id. It changes after a restart or a promotion, and with the first replica. */
    unsigned char source[LOCK_SYNC_GUARD_SOURCE_SIZE];
    bool is_replica; /* may lack records of its master, and may become a master with another replication id */
    bool has_aof;
    bool can_evict;
    bool has_evicted;
    char policy[24]; /* maxmemory_policy */
} lsync_redis_info;

/* Adds the values of a reply to INFO. */
void lsync_redis_info_read(lsync_redis_info *info, const char *text);

/* Writes why the server can lose records, as part of a sentence; "": no reason is known. */
void lsync_redis_info_warn(const lsync_redis_info *info, char *text, size_t size);

/* Writes the replication id, in hexadecimal. */
void lsync_redis_info_write_source(const lsync_redis_info *info, char text[LSYNC_REDIS_MARKER_SIZE]);

/* Writes a marker: the server's replication id, and when the marker is made, by the server's clock. */
void lsync_redis_marker_write(const lsync_redis_info *info, int64_t now_us, char text[LSYNC_REDIS_MARKER_SIZE]);

/* Returns false if the text is no marker, or has another replication id. */
bool lsync_redis_marker_read(const lsync_redis_info *info, const char *text, size_t size, int64_t *made_us);

#endif
