/* A sentinel's reply; see sentinel.h. */
#include "guard/redis/sentinel.h"
#include "guard/redis/redis_info.h"

#include <stdio.h>
#include <string.h>

const char *lsync_redis_sentinel_read(const redisReply *reply, lsync_redis_place *master)
{
    char text[sizeof *master + 4];
    const redisReply *host;
    const redisReply *port;
    bool is_ipv6;

    if (reply->type == REDIS_REPLY_NIL)
        return "this sentinel knows no master of that name";
    if (reply->type == REDIS_REPLY_ERROR)
        return "asking the sentinel failed";
    if (reply->type != REDIS_REPLY_ARRAY || reply->elements != 2 || reply->element[0]->type != REDIS_REPLY_STRING ||
        reply->element[1]->type != REDIS_REPLY_STRING)
        return "the sentinel's reply is no address";
    host = reply->element[0];
    port = reply->element[1];
    is_ipv6 = strchr(host->str, ':') != NULL;
    if (host->len + port->len >= sizeof *master)
        return "the sentinel's reply is no address";
    (void)snprintf(text, sizeof text, "%s%s%s:%s", is_ipv6 ? "[" : "", host->str, is_ipv6 ? "]" : "", port->str);
    return lsync_redis_url_parse_place(text, strlen(text), "", master) == NULL ? NULL
                                                                               : "the sentinel's reply is no address";
}

const char *lsync_redis_sentinel_check(const redisReply *info)
{
    lsync_redis_info read = {.has_source = false};

    if (info->type != REDIS_REPLY_STRING)
        return "INFO failed, which shows whether this is the master";
    lsync_redis_info_read(&read, info->str);
    return read.has_source && !read.is_replica ? NULL : "the sentinel names this server, but it is not the master";
}
