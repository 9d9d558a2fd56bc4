/* Reads what a sentinel replies. Pure. */
#ifndef LSYNC_REDIS_SENTINEL_H
#define LSYNC_REDIS_SENTINEL_H

#include "guard/redis/redis_url.h"

#include <hiredis/hiredis.h>

/* Reads a reply to SENTINEL GET-MASTER-ADDR-BY-NAME. Returns what is wrong; NULL: *master is the place. */
const char *lsync_redis_sentinel_read(const redisReply *reply, lsync_redis_place *master);

/* Checks a reply to INFO replication: whether the server that a sentinel named is a master. During a failover it may
   not be one yet, or no longer. Returns what is wrong; NULL: it is a master. */
const char *lsync_redis_sentinel_check(const redisReply *info);

#endif
