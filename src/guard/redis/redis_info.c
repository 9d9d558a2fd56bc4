/* A Redis server's INFO, and the marker; see redis_info.h. */
#include "guard/redis/redis_info.h"
#include "base/ascii.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HEX_SIZE (2 * (size_t)LOCK_SYNC_GUARD_SOURCE_SIZE)

/* --- INFO --- */

/* Returns the value of a line `key:value`; NULL: no such line. */
static const char *value_of(const char *text, const char *key, size_t *size)
{
    size_t key_size = strlen(key);

    while (text != NULL) {
        if (strncmp(text, key, key_size) == 0 && text[key_size] == ':') {
            text += key_size + 1;
            *size = strcspn(text, "\r\n");
            return text;
        }
        text = strchr(text, '\n');
        text = text == NULL ? NULL : text + 1;
    }
    return NULL;
}

/* Returns whether there is a value, and it is a number above 0. */
static bool is_positive(const char *text, const char *key)
{
    size_t size;
    const char *value = value_of(text, key, &size);

    return value != NULL && strtoll(value, NULL, 10) > 0;
}

static bool read_hex(const char *text, size_t size, unsigned char source[LOCK_SYNC_GUARD_SOURCE_SIZE])
{
    if (size < HEX_SIZE)
        return false;
    for (size_t i = 0; i < HEX_SIZE; i++) {
        int digit = lsync_ascii_hex(text[i]);

        if (digit < 0)
            return false;
        source[i / 2] = (unsigned char)(source[i / 2] << 4 | digit);
    }
    return true;
}

void lsync_redis_info_read(lsync_redis_info *info, const char *text)
{
    size_t size = 0;
    const char *id = value_of(text, "master_replid", &size);
    const char *role;
    const char *policy;

    if (id != NULL)
        info->has_source = read_hex(id, size, info->source);
    role = value_of(text, "role", &size);
    if (role != NULL)
        info->is_replica = size == 5 && memcmp(role, "slave", 5) == 0;
    info->has_aof = info->has_aof || is_positive(text, "aof_enabled");
    info->has_evicted = info->has_evicted || is_positive(text, "evicted_keys");
    policy = value_of(text, "maxmemory_policy", &size);
    if (policy == NULL)
        return;
    (void)snprintf(info->policy, sizeof info->policy, "%.*s", (int)size, policy);
    info->can_evict = is_positive(text, "maxmemory") && strcmp(info->policy, "noeviction") != 0;
}

void lsync_redis_info_warn(const lsync_redis_info *info, char *text, size_t size)
{
    const char *separator = info->has_aof ? "" : "; ";

    text[0] = '\0';
    if (!info->has_source) {
        (void)snprintf(text, size, "it does not allow INFO, so nothing is known of it");
        return;
    }
    if (!info->has_aof)
        (void)snprintf(text, size, "it has no append-only file (appendonly yes), so a restart loses records");
    if (info->can_evict || info->has_evicted) {
        size_t used = strlen(text);

        (void)snprintf(text + used, size - used, "%sits memory policy (%.23s) %s records", separator, info->policy,
                       info->has_evicted ? "has evicted" : "can evict");
    }
}

/* --- the replication id --- */

void lsync_redis_info_write_source(const lsync_redis_info *info, char text[LSYNC_REDIS_SOURCE_SIZE])
{
    static const char digits[] = "0123456789abcdef";

    for (size_t i = 0; i < LOCK_SYNC_GUARD_SOURCE_SIZE; i++) {
        text[2 * i] = digits[info->source[i] >> 4];
        text[2 * i + 1] = digits[info->source[i] & 15];
    }
    text[HEX_SIZE] = '\0';
}
