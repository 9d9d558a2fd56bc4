/* A connection to a Redis server: hiredis formats and parses, the socket is ours, with time-outs and without
   SIGPIPE.

   The calls are for one thread at a time. After fork() the child's first call drops its copy of the connection, which
   leaves the parent's as it is, and opens one of its own. */
#ifndef LSYNC_REDIS_CONNECTION_H
#define LSYNC_REDIS_CONNECTION_H

#include "guard/redis/redis_url.h"

#include <hiredis/hiredis.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define LSYNC_REDIS_COMMANDS_MAX 4

typedef struct lsync_redis_connection {
    lsync_redis_url url;
    int fd;              /* -1: not connected */
    redisReader *reader; /* NULL: not connected */
    pid_t opened_by;     /* the process whose connection it is */
    atomic_bool parsing; /* the reader is being changed; a forked child sees whether it was */
    int64_t until_us;    /* when the exchange must be over */
    size_t received;     /* bytes of the exchange's replies */
    const char *refused; /* why a reply is not taken though hiredis would: its elements or levels; NULL */
    const redisReplyObjectFunctions *makers; /* hiredis' own */
    redisReplyObjectFunctions bounded;       /* the same with a bound on arrays; the reader's */
    char why[128];                           /* why the last call failed; no secret */
} lsync_redis_connection;

/* One command: its words, of which any may hold any bytes. */
typedef struct lsync_redis_command {
    int words;
    const char *word[8];
    size_t size[8];
} lsync_redis_command;

void lsync_redis_command_add(lsync_redis_command *command, const char *word, size_t size);

/* Makes a command of texts; the last is NULL. */
lsync_redis_command lsync_redis_command_of(const char *word, ...);

/* Connects where needed, sends commands and receives as many replies (each with freeReplyObject), all within a second.
   If it connects, the second begins when the name is resolved. The replies have at most 64 KiB together, and no array
   has more than 64 elements or 4 levels. False: nothing is received, `why` is set, the connection is closed; whether the commands
   were carried out is unknown. */
bool lsync_redis_talk(lsync_redis_connection *c, const lsync_redis_command *commands, size_t n, redisReply **replies);

/* Sets `why`: the server, what failed, and the cause. NULL or "": there is nothing to say of it. */
void lsync_redis_explain(lsync_redis_connection *c, const char *what, const char *cause);

/* Whether this process is connected: a connection that the parent of a fork opened does not count. */
bool lsync_redis_is_connected(const lsync_redis_connection *c);
void lsync_redis_disconnect(lsync_redis_connection *c);

#endif
