/* Reads a Redis server's replies to INFO, and the marker of a database. */
#include "../support/decoding.h"
#include "guard/redis/redis_info.h"

#include <inttypes.h>
#include <string.h>

#define ID "0123456789abcdef0123456789ABCDEF01234567"
#define ID_LOWER "0123456789abcdef0123456789abcdef01234567"

static const unsigned char id[] = {0x01, 0x23, 0x45, 0x67, 0x89, 0xab, 0xcd, 0xef, 0x01, 0x23,
                                   0x45, 0x67, 0x89, 0xab, 0xcd, 0xef, 0x01, 0x23, 0x45, 0x67};

TEST(the_source_is_the_replication_id)
{
    static const char *const good[] = {
        "# Replication\r\nrole:master\r\nmaster_replid:" ID "\r\nmaster_replid2:00\r\n",
        "master_replid:" ID_LOWER,
        "master_replid:" ID "\n",
    };
    static const char *const bad[] = {
        "",
        "master_replid",
        "master_replid:\r\n",
        "master_replid:0123\r\n",
        "master_replid:0123456789abcdef0123456789abcdef0123456\r\n7",
        "master_replid:0123456789abcdefg123456789abcdef01234567\r\n",
        "xmaster_replid:" ID "\r\n",
        "master_replid2:" ID "\r\n",
        "x:master_replid:" ID "\r\n",
    };

    for (size_t i = 0; i < COUNT_OF(good) + COUNT_OF(bad); i++) {
        bool is_good = i < COUNT_OF(good);
        const char *text = is_good ? good[i] : bad[i - COUNT_OF(good)];
        lsync_redis_info info = {0};

        t_row("%s", text);
        lsync_redis_info_read(&info, text);
        CHECK_INT(info.has_source, is_good);
        CHECK(!is_good || memcmp(info.source, id, sizeof id) == 0);
    }
}

TEST(a_replica_is_recognized_by_its_role)
{
    static const struct {
        const char *text;
        bool is_replica;
    } rows[] = {{"role:master\r\n", false}, {"# Replication\r\nrole:slave\r\nx:y\r\n", true},
                {"role:slaves\r\n", false}, {"role:slavx\r\n", false},
                {"role:", false},           {"", false}};

    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        lsync_redis_info info = {0};

        t_row("%s", rows[i].text);
        lsync_redis_info_read(&info, rows[i].text);
        CHECK_INT(info.is_replica, rows[i].is_replica);
    }
}

#define GOOD "master_replid:" ID "\r\n"
#define NO_AOF "it has no append-only file (appendonly yes), so a restart loses records"

TEST(settings_that_can_lose_records_give_a_warning)
{
    static const struct {
        const char *parts[4]; /* in any order, each a reply */
        const char *warning;
    } rows[] = {
        {{GOOD, "aof_enabled:1\r\n", "maxmemory:0\r\nmaxmemory_policy:noeviction\r\n", "evicted_keys:0\r\n"}, ""},
        {{"evicted_keys:0\r\n", "maxmemory:0\r\nmaxmemory_policy:allkeys-lru\r\n", "aof_enabled:1\r\n", GOOD}, ""},
        {{GOOD, "aof_enabled:1\r\n", "maxmemory:100\r\nmaxmemory_policy:noeviction\r\n", ""}, ""},
        {{GOOD, "aof_enabled:0\r\n", "maxmemory:0\r\nmaxmemory_policy:noeviction\r\n", ""}, NO_AOF},
        {{GOOD, "", "", ""}, NO_AOF},
        {{GOOD, "aof_enabled:1\r\n", "maxmemory:100\r\nmaxmemory_policy:volatile-lru\r\n", "evicted_keys:0\r\n"},
         "its memory policy (volatile-lru) can evict records"},
        {{GOOD, "aof_enabled:1\r\n", "maxmemory:0\r\nmaxmemory_policy:noeviction\r\n", "evicted_keys:3\r\n"},
         "its memory policy (noeviction) has evicted records"},
        {{GOOD, "aof_enabled:0\r\n", "maxmemory:1\r\nmaxmemory_policy:allkeys-lru\r\n", "evicted_keys:3\r\n"},
         NO_AOF "; its memory policy (allkeys-lru) has evicted records"},
        {{GOOD, "aof_enabled:0\r\n", "maxmemory:1\r\nmaxmemory_policy:a-policy-with-a-very-long-name\r\n", ""},
         NO_AOF "; its memory policy (a-policy-with-a-very-lo) can evict records"},
        {{GOOD, "aof_enabled:1\r\n", "maxmemory:x\r\nmaxmemory_policy:allkeys-lru\r\n", "evicted_keys:\r\n"}, ""},
        {{"", "aof_enabled:1\r\n", "", ""}, "it does not allow INFO, so nothing is known of it"},
    };

    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        lsync_redis_info info = {0};
        char text[160];

        t_row("%s %s", rows[i].parts[2], rows[i].parts[3]);
        for (size_t k = 0; k < 4; k++)
            lsync_redis_info_read(&info, rows[i].parts[k]);
        lsync_redis_info_warn(&info, text, sizeof text);
        CHECK_TEXT(text, rows[i].warning);
    }
}
