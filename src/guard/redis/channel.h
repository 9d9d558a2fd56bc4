/* A channel to a Redis server: the swaps of many guards, pipelined over one connection. */
#ifndef LSYNC_REDIS_CHANNEL_H
#define LSYNC_REDIS_CHANNEL_H

#include "locksync/guard.h"

/* Their `user` is a lock_sync_redis. A channel has a reference to it. */
extern const lock_sync_guard_channel_ops lsync_redis_channel_ops;

#endif
