/* A guard's record under a key of a Redis server. All blocking calls of a server share one connection. */
#ifndef LSYNC_REDIS_STORE_H
#define LSYNC_REDIS_STORE_H

#include "base/memory.h"
#include "guard/redis/fork_mutex.h"
#include "guard/redis/script.h"
#include "locksync/redis.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct lock_sync_redis {
    lock_sync_allocator memory;
    atomic_size_t users;         /* references: of the application, of guards and of channels */
    lsync_fork_mutex mutex;      /* of all members below */
    lsync_redis_session session; /* of all blocking calls */
    lsync_redis_script script;
    int64_t silent_until_us; /* swaps fail until then, because the server did not reply */
    bool has_warned;
};

typedef struct lsync_redis_store {
    lock_sync_redis *server; /* a reference */
    size_t key_size;
    char key[];
} lsync_redis_store;

lock_sync_redis *lsync_redis_ref(lock_sync_redis *r);
void lsync_redis_unref(lock_sync_redis *r);

/* Implements lock_sync_guard_store::carry_out; `user` is an lsync_redis_store. */
void lsync_redis_carry_out(void *user, lock_sync_guard_swap *swap);

/* Writes the marker of a key, if it is missing. The caller must hold the mutex. False: the session's connection
   has the cause. */
bool lsync_redis_prepare(lock_sync_redis *r, const char *key, size_t key_size);

#endif
