/* A Redis server, and the guards that are opened on it. */
#include "guard/redis/channel.h"
#include "guard/redis/redis_store.h"

#include <stdio.h>
#include <string.h>

static void destroy(void *user)
{
    lsync_redis_store *s = user;
    lock_sync_redis *server = s->server;

    lsync_free(&server->memory, s);
    lsync_redis_unref(server);
}

/* Returns whether a key may be used for an account. A key with the suffix of markers may not. */
static bool is_key(const char *key, size_t *size)
{
    static const size_t suffix = sizeof LSYNC_REDIS_MARKER_SUFFIX - 1;

    *size = key == NULL ? 0 : strlen(key);
    return *size > 0 && *size <= LSYNC_REDIS_KEY_MAX &&
           (*size < suffix || strcmp(key + *size - suffix, LSYNC_REDIS_MARKER_SUFFIX) != 0);
}

/* --- the public functions --- */

const char *lock_sync_redis_url_problem(const char *url)
{
    lsync_redis_url parsed;
    const char *why = url == NULL ? "it is NULL" : lsync_redis_url_parse(url, &parsed);

    if (url != NULL && why == NULL && parsed.is_tls)
        why = lsync_redis_tls_problem();
    lsync_wipe(&parsed, sizeof parsed);
    return why;
}

lock_sync_status lock_sync_redis_new(const char *url, lock_sync_redis **out)
{
    lock_sync_allocator memory;
    lock_sync_redis *redis;

    if (out == NULL)
        return LOCK_SYNC_E_INVALID_ARGUMENT;
    *out = NULL;
    if (lock_sync_redis_url_problem(url) != NULL)
        return LOCK_SYNC_E_INVALID_ARGUMENT;
    (void)lsync_allocator_init(&memory, NULL);
    redis = lsync_alloc(&memory, sizeof *redis);
    if (redis == NULL)
        return LOCK_SYNC_E_NO_MEMORY;
    memset(redis, 0, sizeof *redis);
    redis->memory = memory;
    redis->session.connection.stream.fd = -1;
    if (!lsync_fork_mutex_init(&redis->mutex)) {
        lsync_free(&memory, redis);
        return LOCK_SYNC_E_NO_MEMORY;
    }
    (void)lsync_redis_url_parse(url, &redis->session.connection.url);
    lsync_redis_name_server(&redis->session.connection, &redis->session.connection.url.places[0]);
    atomic_init(&redis->users, 1);
    *out = redis;
    return LOCK_SYNC_OK;
}

void lock_sync_redis_free(lock_sync_redis *redis)
{
    if (redis != NULL)
        lsync_redis_unref(redis);
}

lock_sync_status lock_sync_redis_prepare(lock_sync_redis *redis, const char *key)
{
    size_t key_size;
    bool good;

    if (redis == NULL || !is_key(key, &key_size))
        return LOCK_SYNC_E_INVALID_ARGUMENT;
    lsync_fork_mutex_lock(&redis->mutex);
    good = lsync_redis_prepare(redis, key, key_size);
    lsync_fork_mutex_unlock(&redis->mutex);
    return good ? LOCK_SYNC_OK : LOCK_SYNC_E_GUARD;
}

size_t lock_sync_redis_error_message(lock_sync_redis *redis, char *text, size_t size)
{
    int length;

    if (redis == NULL) {
        if (size > 0)
            text[0] = '\0';
        return 0;
    }
    lsync_fork_mutex_lock(&redis->mutex);
    length = snprintf(text, size, "%s", redis->session.connection.why);
    lsync_fork_mutex_unlock(&redis->mutex);
    return length < 0 ? 0 : (size_t)length;
}

lock_sync_status lock_sync_guard_open_redis(lock_sync_redis *redis, const char *key, lock_sync_guard **out)
{
    lock_sync_guard_store store = {.struct_size = sizeof store,
                                   .destroy = destroy,
                                   .carry_out = lsync_redis_carry_out,
                                   .channel_ops = &lsync_redis_channel_ops,
                                   .channel_user = redis};
    size_t key_size;
    lock_sync_status status;
    lsync_redis_store *s;

    if (out == NULL)
        return LOCK_SYNC_E_INVALID_ARGUMENT;
    *out = NULL;
    if (redis == NULL || !is_key(key, &key_size))
        return LOCK_SYNC_E_INVALID_ARGUMENT;
    s = lsync_alloc(&redis->memory, sizeof *s + key_size + 1);
    if (s == NULL)
        return LOCK_SYNC_E_NO_MEMORY;
    memset(s, 0, sizeof *s);
    s->key_size = key_size;
    memcpy(s->key, key, key_size + 1);
    store.user = s;
    store.key = s->key;
    store.key_size = key_size;
    status = lock_sync_guard_new_with_store(&store, out);
    if (status == LOCK_SYNC_OK)
        s->server = lsync_redis_ref(redis);
    else
        lsync_free(&redis->memory, s);
    return status;
}
