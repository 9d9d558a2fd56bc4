/* Connects to a Redis server or a sentinel: by name, address or unix socket, with or without TLS. */
#ifndef LSYNC_REDIS_CONNECT_H
#define LSYNC_REDIS_CONNECT_H

#include "guard/redis/redis_url.h"
#include "guard/redis/stream.h"

#include <stdint.h>

/* Connects a closed stream to a place, with the URL's TLS, until *until_us. Moves *until_us by the time that the
   resolver takes, which has its own time-out. Returns what failed, and its *cause; NULL: nothing. */
const char *lsync_redis_connect(lsync_redis_stream *s, const lsync_redis_place *place, const lsync_redis_url *url,
                                int64_t *until_us, const char **cause);

#endif
