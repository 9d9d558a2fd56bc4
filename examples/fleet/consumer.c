/* locksync-fleet-consumer GROUP NAME: prints the changes of a fleet as lines of JSON. All consumers of a group share
   the changes. If a consumer has not acknowledged a change within a minute, another consumer of the group gets it. So
   a change may be read twice. A consumer drops the second by its id. Environment: LOCKSYNC_REDIS_URL. */
#include "redis.h"
#include "scripts.h"
#include "share.h"

#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define BLOCK_MS "1000"
#define TIMEOUT_MS 3000
#define RETRY_S 1
#define CLAIM_MS "60000"
#define AT_ONCE "100"
#define SEEN (1 << 20) /* ids that are remembered, about */

typedef struct consumer {
    redisContext *redis;
    const char *group;
    const char *name;
    uint64_t seen[SEEN]; /* hashes of ids, each at its remainder */
} consumer;

static consumer c;
static volatile sig_atomic_t stopping;

static void stop(int signal_number)
{
    (void)signal_number;
    stopping = 1;
}

/* Reports a reply that is an error, or is missing. */
static bool is_good(const redisReply *reply)
{
    bool good = reply != NULL && reply->type != REDIS_REPLY_ERROR;

    if (!good)
        (void)fprintf(stderr, "fleet: Redis: %s\n", reply != NULL ? reply->str : c.redis->errstr);
    return good;
}

/* Returns whether the change was printed before. A program that may print nothing twice, even after a restart, keeps
   the ids where it keeps the changes. */
static bool is_double(const char *id)
{
    uint64_t hash = share_hash(id);
    uint64_t *slot = &c.seen[hash % SEEN];
    bool is_known = *slot == hash;

    *slot = hash;
    return is_known;
}

static const char *value(const redisReply *fields, const char *name)
{
    for (size_t i = 0; i + 1 < fields->elements; i += 2)
        if (strcmp(fields->element[i]->str, name) == 0)
            return fields->element[i + 1]->str;
    return "";
}

static const char *or_null(const char *text)
{
    return *text != '\0' ? text : "null";
}

/* Names of accounts and ids need no escape in JSON. */
static void print(const redisReply *fields)
{
    const char *id = value(fields, "id");

    if (is_double(id))
        return;
    (void)printf("{\"id\":\"%s\",\"account\":\"%s\",\"lock\":%s,\"number\":%s,\"at\":%s,", id, value(fields, "account"),
                 value(fields, "lock"), value(fields, "number"), value(fields, "at"));
    (void)printf("\"before\":%s,\"after\":%s,\"moved\":%s}\n", or_null(value(fields, "before")),
                 or_null(value(fields, "after")), or_null(value(fields, "moved")));
}

/* Prints entries of the stream, then acknowledges them. An entry that the stream no longer has is without fields. */
static bool take(const redisReply *entries)
{
    bool good = true;

    for (size_t i = 0; i < entries->elements; i++)
        if (entries->element[i]->elements == 2 && entries->element[i]->element[1]->type == REDIS_REPLY_ARRAY)
            print(entries->element[i]->element[1]);
    if (fflush(stdout) != 0) { /* the changes are another consumer's then */
        perror("fleet: the output");
        exit(EXIT_FAILURE);
    }
    for (size_t i = 0; i < entries->elements; i++)
        if (entries->element[i]->elements == 2)
            (void)redisAppendCommand(c.redis, "XACK " CHANGES_KEY " %s %s", c.group,
                                     entries->element[i]->element[0]->str);
    for (size_t i = 0; good && i < entries->elements; i++) {
        redisReply *reply = NULL;

        if (entries->element[i]->elements != 2)
            continue;
        (void)redisGetReply(c.redis, (void **)&reply);
        good = is_good(reply);
        freeReplyObject(reply);
    }
    return good;
}

/* Takes over changes of dead consumers. The reply is [next, entries, ...]. */
static bool claim(void)
{
    redisReply *reply = redisCommand(c.redis, "XAUTOCLAIM " CHANGES_KEY " %s %s " CLAIM_MS " 0-0 COUNT " AT_ONCE,
                                     c.group, c.name);
    bool good = is_good(reply) && reply->elements >= 2 && take(reply->element[1]);

    freeReplyObject(reply);
    return good;
}

/* Reads new changes. The reply is [[stream, entries]], or nil if nothing came. */
static bool read_new(void)
{
    redisReply *reply = redisCommand(
        c.redis, "XREADGROUP GROUP %s %s COUNT " AT_ONCE " BLOCK " BLOCK_MS " STREAMS " CHANGES_KEY " >", c.group,
        c.name);
    bool good = is_good(reply);

    if (good && reply->type == REDIS_REPLY_ARRAY && reply->elements == 1)
        good = take(reply->element[0]->element[1]);
    freeReplyObject(reply);
    return good;
}

/* Joins the group. One that exists is an error, and fine. */
static bool join(void)
{
    redisReply *reply;

    c.redis = redis_connect(getenv("LOCKSYNC_REDIS_URL"), TIMEOUT_MS);
    if (c.redis == NULL)
        return false;
    reply = redisCommand(c.redis, "XGROUP CREATE " CHANGES_KEY " %s 0 MKSTREAM", c.group);
    freeReplyObject(reply);
    return reply != NULL;
}

int main(int argc, char **argv)
{
    const struct sigaction on_end = {.sa_handler = stop};

    if (argc != 3 || getenv("LOCKSYNC_REDIS_URL") == NULL) {
        (void)fputs("usage: locksync-fleet-consumer GROUP NAME, with LOCKSYNC_REDIS_URL in the environment\n", stderr);
        return 2;
    }
    c.group = argv[1];
    c.name = argv[2];
    (void)signal(SIGPIPE, SIG_IGN);
    (void)sigaction(SIGTERM, &on_end, NULL);
    (void)sigaction(SIGINT, &on_end, NULL);
    while (!stopping) {
        if (c.redis == NULL && !join())
            (void)sleep(RETRY_S);
        if (c.redis == NULL || (claim() && read_new()))
            continue;
        redisFree(c.redis);
        c.redis = NULL;
        if (!stopping)
            (void)sleep(RETRY_S);
    }
    if (c.redis != NULL)
        redisFree(c.redis);
    return EXIT_SUCCESS;
}
