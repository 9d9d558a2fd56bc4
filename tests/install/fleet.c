/* A program that uses the guard in Redis with the library. Prints "a URL is rejected: ...". */
#include <locksync/locksync.h>
#include <locksync/redis.h>

#include <stdio.h>

int main(void)
{
    lock_sync_redis *redis = NULL;
    lock_sync_guard *guard = NULL;

    if (lock_sync_redis_new("redis://127.0.0.1:1", &redis) != LOCK_SYNC_OK ||
        lock_sync_guard_open_redis(redis, "account", &guard) != LOCK_SYNC_OK)
        return 1;
    lock_sync_redis_free(redis);
    lock_sync_guard_unref(guard);
    printf("a URL is rejected: %s\n", lock_sync_redis_url_problem("http://x"));
    return 0;
}
