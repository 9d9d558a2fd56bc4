#include "redis.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SCHEME "redis://"

/* The parts of a URL, which point into one copied text. */
struct parts {
    char *user;     /* "": the default user */
    char *password; /* NULL: no AUTH */
    char *host_name;
    int port;
    const char *db;
};

static void decode_percent(char *text)
{
    char *out = text;

    for (; *text != '\0'; text++)
        if (*text == '%' && strlen(text) > 2) {
            const char digits[3] = {text[1], text[2], '\0'};

            *out++ = (char)strtol(digits, NULL, 16);
            text += 2;
        } else {
            *out++ = *text;
        }
    *out = '\0';
}

/* Cuts the text at the first of `separators`; returns what follows, or NULL. */
static char *cut(char *text, const char *separators)
{
    char *at = strpbrk(text, separators);

    if (at != NULL)
        *at++ = '\0';
    return at;
}

/* [[user]:password@]host[:port][/db] */
static struct parts split(char *rest)
{
    char *at = strrchr(rest, '@');
    struct parts parts = {.host_name = rest, .port = 6379, .db = "0"};
    char *db, *port;

    if (at != NULL) {
        *at = '\0';
        parts.user = rest;
        parts.password = cut(rest, ":");
        parts.host_name = at + 1;
        decode_percent(parts.user);
        if (parts.password != NULL)
            decode_percent(parts.password);
    }
    db = cut(parts.host_name, "/");
    if (db != NULL && *db != '\0')
        parts.db = db;
    if (parts.host_name[0] == '[') { /* an IPv6 address */
        parts.host_name++;
        port = cut(parts.host_name, "]");
        port = port != NULL ? cut(port, ":") : NULL;
    } else {
        port = cut(parts.host_name, ":");
    }
    if (port != NULL)
        parts.port = atoi(port);
    return parts;
}

static bool succeeds(redisReply *reply)
{
    bool good = reply != NULL && reply->type != REDIS_REPLY_ERROR;

    if (reply != NULL)
        freeReplyObject(reply);
    return good;
}

static bool log_in(redisContext *redis, const struct parts *parts)
{
    redisReply *reply = NULL;

    if (parts->password != NULL && parts->user[0] != '\0')
        reply = redisCommand(redis, "AUTH %s %s", parts->user, parts->password);
    else if (parts->password != NULL)
        reply = redisCommand(redis, "AUTH %s", parts->password);
    return (parts->password == NULL || succeeds(reply)) && succeeds(redisCommand(redis, "SELECT %s", parts->db));
}

redisContext *redis_connect(const char *url, int64_t timeout_ms)
{
    const struct timeval limit = {.tv_sec = timeout_ms / 1000, .tv_usec = timeout_ms % 1000 * 1000};
    char *copy = strncmp(url, SCHEME, strlen(SCHEME)) == 0 ? strdup(url + strlen(SCHEME)) : NULL;
    size_t size = copy != NULL ? strlen(copy) : 0;
    struct parts parts;
    redisContext *redis;

    if (copy == NULL) {
        (void)fprintf(stderr, "fleet: the URL of Redis does not begin with " SCHEME "\n");
        return NULL;
    }
    parts = split(copy);
    redis = redisConnectWithTimeout(parts.host_name, parts.port, limit);
    if (redis == NULL || redis->err != 0 || redisSetTimeout(redis, limit) != REDIS_OK || !log_in(redis, &parts)) {
        (void)fprintf(stderr, "fleet: no connection to Redis: %s\n",
                      redis != NULL && redis->err != 0 ? redis->errstr : "it refused the login");
        if (redis != NULL)
            redisFree(redis);
        redis = NULL;
    }
    explicit_bzero(copy, size);
    free(copy);
    return redis;
}
