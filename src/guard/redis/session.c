/* A session with a Redis server; see session.h. */
#include "guard/redis/session.h"
#include "guard/redis/redis_error.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SECONDS_MAX ((long long)1 << 40)

bool lsync_redis_session_fail(lsync_redis_session *s, const char *what, const redisReply *reply)
{
    char words[LSYNC_REDIS_ERROR_MAX] = "";

    if (reply != NULL && reply->type == REDIS_REPLY_ERROR)
        lsync_redis_error_words(reply->str, words, sizeof words);
    lsync_redis_explain(&s->connection, what, words);
    return false;
}

/* Returns whether a server rejects INFO, because of its ACL or because the command was renamed. Such a server can be
   used. */
static bool has_no_info(const redisReply *reply)
{
    return reply->type == REDIS_REPLY_ERROR &&
           (strncmp(reply->str, "NOPERM", 6) == 0 || strncmp(reply->str, "ERR unknown command", 19) == 0);
}

/* Reads a reply to INFO. */
static bool read_info(lsync_redis_session *s, const redisReply *reply)
{
    if (reply->type == REDIS_REPLY_STRING)
        lsync_redis_info_read(&s->info, reply->str);
    else if (!has_no_info(reply))
        return lsync_redis_session_fail(s, "INFO failed", reply);
    return true;
}

static bool check_role(lsync_redis_session *s)
{
    return !s->info.is_replica || lsync_redis_session_fail(s, "this is a replica, which does not write", NULL);
}

bool lsync_redis_session_connect(lsync_redis_session *s)
{
    lsync_redis_command commands[4] = {lsync_redis_command_of("INFO", "replication", (char *)NULL),
                                       lsync_redis_command_of("INFO", "persistence", (char *)NULL),
                                       lsync_redis_command_of("INFO", "memory", (char *)NULL),
                                       lsync_redis_command_of("INFO", "stats", (char *)NULL)};
    redisReply *replies[4];
    bool good = true;

    if (lsync_redis_is_connected(&s->connection))
        return true;
    if (!lsync_redis_call(&s->connection, commands, 4, replies))
        return false;
    s->connections++;
    memset(&s->info, 0, sizeof s->info);
    for (size_t i = 0; i < 4; i++) {
        good = good && read_info(s, replies[i]);
        freeReplyObject(replies[i]);
    }
    good = good && check_role(s); /* or each decision would connect, only to find that out */
    if (!good)
        lsync_redis_disconnect(&s->connection);
    return good;
}

bool lsync_redis_session_read_role(lsync_redis_session *s, const redisReply *reply)
{
    return read_info(s, reply) && check_role(s);
}

bool lsync_redis_read_time(const redisReply *seconds, const redisReply *microseconds, int64_t *now_us)
{
    long long s;
    long long us;

    if (seconds->type != REDIS_REPLY_STRING || microseconds->type != REDIS_REPLY_STRING)
        return false;
    s = strtoll(seconds->str, NULL, 10);
    us = strtoll(microseconds->str, NULL, 10);
    if (s < 1 || s > SECONDS_MAX || us < 0 || us > 999999)
        return false;
    *now_us = s * 1000000 + us;
    return true;
}

void lsync_redis_session_warn(const lsync_redis_session *s, char *text, size_t size)
{
    char why[160];

    text[0] = '\0';
    lsync_redis_info_warn(&s->info, why, sizeof why);
    if (why[0] != '\0')
        (void)snprintf(text, size, "%s can lose what the guard writes: %.140s", s->connection.server, why);
}
