/* A Redis guard and a cluster, which it does not support: each refusal has the server's word, and what to do. */
#include "../support/raw_server.h"
#include "redis_server.h"

#include <stdlib.h>
#include <string.h>

#define REMEDY "use a server without cluster mode"
#define OF_KEY "7629" /* the hash slot of the key "k" */

static redis_server *node_here(void)
{
    char *text = t_later(free, kit_text("%u", raw_server_port()));

    return redis_here((const char *const[]){"--cluster-enabled", "yes", "--cluster-port", text, NULL});
}

static bool is_complete(void *node)
{
    redisReply *reply = redis_server_ask(node, "CLUSTER INFO");
    bool met = strstr(reply->str, "cluster_state:ok") != NULL;

    freeReplyObject(reply);
    return met;
}

/* Makes a cluster of two nodes. The first holds the key "k". */
static void join(redis_server *a, redis_server *b)
{
    redisReply *bus = redis_server_ask(b, "CONFIG GET cluster-port");

    redis_server_do(a, "CLUSTER ADDSLOTSRANGE 0 8191");
    redis_server_do(b, "CLUSTER ADDSLOTSRANGE 8192 16383");
    freeReplyObject(redis_server_ask(a, "CLUSTER MEET 127.0.0.1 %d %s", redis_server_port(b), bus->element[1]->str));
    freeReplyObject(bus);
    MUST(kit_wait(is_complete, a, KIT_PATIENCE_MS) && kit_wait(is_complete, b, KIT_PATIENCE_MS));
}

static void check_fails(const redis_server *s, const char *more, const char *why)
{
    char *url = t_later(free, kit_text("%s%s", redis_server_url(s), more));

    check_redis_fails(redis_user(url, 1), 1000, why);
}

TEST(a_clusters_refusals_are_explained)
{
    redis_server *a = node_here();
    redis_server *b = node_here();

    check_fails(a, "", "the script failed: the cluster is down: " REMEDY " (CLUSTERDOWN)");
    check_fails(a, "/1", "selecting the db failed: a cluster has no db but 0 (ERR)");
    join(a, b);
    check_fails(a, "", "the script failed: different nodes of the cluster have the keys: " REMEDY " (CROSSSLOT)");
}
