/* A blocking connection to the Redis server of the fleet, with hiredis. Each reply is limited in time, by
   redis_connect(). */
#ifndef FLEET_REDIS_H
#define FLEET_REDIS_H

#include <hiredis/hiredis.h>
#include <stdint.h>

/* Connects, authenticates and selects the database. The URL is one of lock_sync_redis_url_problem(), `redis://` only.
   Returns NULL, after a line on stderr, if that fails. Free with redisFree(). */
redisContext *redis_connect(const char *url, int64_t timeout_ms);

#endif
