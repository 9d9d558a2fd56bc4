/* A guard's record under a key of a Redis server: look and swap. The guards of a server share one connection. */
#ifndef LSYNC_REDIS_STORE_H
#define LSYNC_REDIS_STORE_H

#include "base/memory.h"
#include "guard/redis/fork_mutex.h"
#include "guard/redis/session.h"
#include "locksync/redis.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define LSYNC_REDIS_KEY_MAX 512
#define LSYNC_REDIS_MARKER_SUFFIX ":locksync"
#define LSYNC_REDIS_MARKER_KEY_MAX (LSYNC_REDIS_KEY_MAX + sizeof LSYNC_REDIS_MARKER_SUFFIX)

struct lock_sync_redis {
    lock_sync_allocator memory;
    atomic_size_t users;         /* references: of the application, of guards and of channels */
    lsync_fork_mutex mutex;      /* of all members below, and of the stores' members */
    lsync_redis_session session; /* of all blocking calls */
    bool has_warned;
};

typedef struct lsync_redis_store {
    lock_sync_redis *server; /* a reference */
    uint64_t looked;         /* which connection the last look used */
    size_t key_size;
    char key[];
} lsync_redis_store;

lock_sync_redis *lsync_redis_ref(lock_sync_redis *r);
void lsync_redis_unref(lock_sync_redis *r);

/* lock_sync_guard_store::look and swap; `user` is an lsync_redis_store. */
lock_sync_status lsync_redis_look(void *user, lock_sync_guard_look *look);
lock_sync_status lsync_redis_swap(void *user, const void *old_record, size_t old_size, const void *new_record,
                                  size_t new_size, int64_t expires_in_ms, bool *replaced);

/* Makes the marker's key: the account's key up to the last colon, and a suffix. An ACL for the prefix covers it. */
size_t lsync_redis_marker_key(const char *key, size_t key_size, char name[LSYNC_REDIS_MARKER_KEY_MAX]);

/* Writes the marker of a key, if it is missing. The caller must hold the mutex. False: the session's connection
   has the cause. */
bool lsync_redis_prepare(lock_sync_redis *r, const char *key, size_t key_size);

#endif
