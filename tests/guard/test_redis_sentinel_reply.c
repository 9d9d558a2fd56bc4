/* A sentinel's replies, and those of the server that it names. No server. */
#include "../support/decoding.h"
#include "../support/kit.h"
#include "guard/redis/sentinel.h"

#include <stdlib.h>
#include <string.h>

/* Parses a reply as it is sent. */
static redisReply *parse(const char *text)
{
    redisReader *reader = redisReaderCreate();
    void *reply = NULL;

    MUST(reader != NULL && redisReaderFeed(reader, text, strlen(text)) == REDIS_OK &&
         redisReaderGetReply(reader, &reply) == REDIS_OK && reply != NULL);
    redisReaderFree(reader);
    return reply;
}

TEST(an_address_is_read)
{
    static const struct {
        const char *reply;
        const char *host; /* NULL: it is no address */
        const char *port;
    } rows[] = {
        {"*2\r\n$9\r\n127.0.0.1\r\n$4\r\n6379\r\n", "127.0.0.1", "6379"},
        {"*2\r\n$3\r\n::1\r\n$5\r\n65535\r\n", "::1", "65535"},
        {"*2\r\n$9\r\nredis-1.a\r\n$1\r\n1\r\n", "redis-1.a", "1"},
        {"*2\r\n$0\r\n\r\n$4\r\n6379\r\n", NULL, NULL},
        {"*2\r\n$1\r\na\r\n$0\r\n\r\n", NULL, NULL},
        {"*2\r\n$1\r\na\r\n$1\r\n0\r\n", NULL, NULL},
        {"*2\r\n$1\r\na\r\n$5\r\n65536\r\n", NULL, NULL},
        {"*2\r\n$1\r\na\r\n$1000\r\n", NULL, NULL},
        {"*2\r\n$3\r\na/b\r\n$4\r\n6379\r\n", NULL, NULL},
        {"*2\r\n$3\r\na b\r\n$4\r\n6379\r\n", NULL, NULL},
        {"*2\r\n$3\r\n\x1b[2\r\n$4\r\n6379\r\n", NULL, NULL},
        {"*2\r\n$1\r\na\r\n:6379\r\n", NULL, NULL},
        {"*1\r\n$1\r\na\r\n", NULL, NULL},
        {"*3\r\n$1\r\na\r\n$1\r\n1\r\n$1\r\n1\r\n", NULL, NULL},
        {"*0\r\n", NULL, NULL},
        {"$1\r\na\r\n", NULL, NULL},
        {":1\r\n", NULL, NULL},
        {"+OK\r\n", NULL, NULL},
    };

    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        char *filled = strstr(rows[i].reply, "$1000") == NULL ? NULL : t_repeat('1', 1000);
        char *text = filled == NULL ? kit_text("%s", rows[i].reply) : kit_text("%s%s\r\n", rows[i].reply, filled);
        redisReply *reply = parse(text);
        lsync_redis_place place;
        const char *why = lsync_redis_sentinel_read(reply, &place);

        t_row("%zu", i);
        CHECK((why == NULL) == (rows[i].host != NULL));
        if (why == NULL && rows[i].host != NULL) {
            CHECK_TEXT(place.host, rows[i].host);
            CHECK_TEXT(place.port, rows[i].port);
        } else if (why != NULL) {
            CHECK_TEXT(why, "the sentinel's reply is no address");
        }
        freeReplyObject(reply);
        free(text);
        free(filled);
    }
}

TEST(other_replies_have_their_words)
{
    static const struct {
        const char *reply;
        const char *why;
    } rows[] = {
        {"$-1\r\n", "this sentinel knows no master of that name"},
        {"*-1\r\n", "this sentinel knows no master of that name"},
        {"-NOAUTH Authentication required.\r\n", "asking the sentinel failed"},
    };

    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        redisReply *reply = parse(rows[i].reply);
        lsync_redis_place place;

        t_row("%zu", i);
        CHECK_TEXT(lsync_redis_sentinel_read(reply, &place), rows[i].why);
        freeReplyObject(reply);
    }
}

#define REPLID "master_replid:0123456789abcdef0123456789abcdef01234567\r\n"

TEST(only_a_master_is_accepted)
{
    static const struct {
        const char *reply;
        const char *why; /* NULL: it is a master */
    } rows[] = {
        {"$69\r\nrole:master\r\n" REPLID "\r\n", NULL},
        {"$68\r\nrole:slave\r\n" REPLID "\r\n", "the sentinel names this server, but it is not the master"},
        {"$0\r\n\r\n", "the sentinel names this server, but it is not the master"},
        {"-NOPERM\r\n", "INFO failed, which shows whether this is the master"},
        {"+OK\r\n", "INFO failed, which shows whether this is the master"},
        {"$-1\r\n", "INFO failed, which shows whether this is the master"},
    };

    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        redisReply *reply = parse(rows[i].reply);
        const char *why = lsync_redis_sentinel_check(reply);

        t_row("%zu", i);
        CHECK((why == NULL) == (rows[i].why == NULL));
        if (why != NULL && rows[i].why != NULL)
            CHECK_TEXT(why, rows[i].why);
        freeReplyObject(reply);
    }
}
