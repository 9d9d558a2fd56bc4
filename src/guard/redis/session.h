/* A session with a Redis server: its connection, and the server's INFO. */
#ifndef LSYNC_REDIS_SESSION_H
#define LSYNC_REDIS_SESSION_H

#include "guard/redis/connection.h"
#include "guard/redis/redis_info.h"

typedef struct lsync_redis_session {
    lsync_redis_connection connection;
    uint64_t connections;  /* how many were opened so far: a new one may lead to another server */
    lsync_redis_info info; /* of this connection's server */
} lsync_redis_session;

/* Connects if necessary, and reads INFO. Does so for each connection, because it may lead to another server. Fails for
   a replica. */
bool lsync_redis_session_connect(lsync_redis_session *s);

/* Reads the reply to INFO replication again, because the replication id can change while a connection is open. All
   users must have the same id, or each would take the others' records for those of another lineage. Fails for a
   replica: it may lack records of its master, and may become a master before the swap. */
bool lsync_redis_session_read_role(lsync_redis_session *s, const redisReply *reply);

/* Records a failure, and its cause if `reply` is an error; NULL: no reply. Returns false. */
bool lsync_redis_session_fail(lsync_redis_session *s, const char *what, const redisReply *reply);

/* Reads a time: seconds and microseconds, as TIME sends them. */
bool lsync_redis_read_time(const redisReply *seconds, const redisReply *microseconds, int64_t *now_us);

/* Writes the warning about a server that can lose records; "": no warning. */
void lsync_redis_session_warn(const lsync_redis_session *s, char *text, size_t size);

#endif
