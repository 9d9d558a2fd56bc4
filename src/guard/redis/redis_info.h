/* Reads a Redis server's INFO. Pure. */
#ifndef LSYNC_REDIS_INFO_H
#define LSYNC_REDIS_INFO_H

#include "locksync/guard.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define LSYNC_REDIS_SOURCE_SIZE (2 * LOCK_SYNC_GUARD_SOURCE_SIZE + 1) /* in hexadecimal, with the NUL */

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
void lsync_redis_info_write_source(const lsync_redis_info *info, char text[LSYNC_REDIS_SOURCE_SIZE]);

#endif
