/* The record of an account under a key of a Redis server: look and swap, on one connection that the guards of a server
   share. */
#ifndef LSYNC_REDIS_STORE_H
#define LSYNC_REDIS_STORE_H

#include "base/memory.h"
#include "guard/redis/connection.h"
#include "guard/redis/fork_mutex.h"
#include "guard/redis/redis_info.h"
#include "locksync/redis.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define LSYNC_REDIS_KEY_MAX 512
#define LSYNC_REDIS_MARKER_SUFFIX ":locksync"

struct lock_sync_redis {
    lock_sync_allocator memory;
    atomic_size_t users;    /* the application, and each guard */
    lsync_fork_mutex mutex; /* of all below, and of the stores' members */
    lsync_redis_connection connection;
    uint64_t connections;  /* how many there were: another may lead to another server */
    lsync_redis_info info; /* of this connection's server */
    bool has_warned;
};

typedef struct lsync_redis_store {
    lock_sync_redis *server; /* a share */
    uint64_t looked;         /* the connection of the last look */
    size_t key_size;
    char key[];
} lsync_redis_store;

/* As lock_sync_guard_store::look and swap; `user` is a lsync_redis_store. */
lock_sync_status lsync_redis_look(void *user, lock_sync_guard_look *look);
lock_sync_status lsync_redis_swap(void *user, const void *old_record, size_t old_size, const void *new_record,
                                  size_t new_size, int64_t expires_in_ms, bool *replaced);

/* Makes the marker of a key, unless it is there. The mutex is held. False: the connection says why. */
bool lsync_redis_prepare(lock_sync_redis *r, const char *key, size_t key_size);

#endif
