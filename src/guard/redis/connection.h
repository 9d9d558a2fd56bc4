/* A connection to a Redis server. hiredis formats and parses; the library has its own socket, for time-outs and against
   SIGPIPE.

   With sentinels, each time it connects, it asks one after another for the master, until one is found.

   Only one thread at a time may call. After fork() the child's first call closes its copy of the connection, which does
   not affect the parent's, and opens another. */
#ifndef LSYNC_REDIS_CONNECTION_H
#define LSYNC_REDIS_CONNECTION_H

#include "guard/redis/redis_url.h"
#include "guard/redis/stream.h"

#include <hiredis/hiredis.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define LSYNC_REDIS_COMMANDS_MAX 4
#define LSYNC_REDIS_WORDS_MAX 12
#define LSYNC_REDIS_TIMEOUT_US 1000000
#define LSYNC_REDIS_RECEIVED_MAX ((size_t)64 * 1024) /* the longest reply, INFO's, has less than 10 KiB */

typedef struct lsync_redis_connection {
    lsync_redis_url url;
    char server[64]; /* "redis HOST:PORT", for messages */
    lsync_redis_stream stream;
    size_t sentinel;      /* the one to ask first */
    redisReader *reader;  /* NULL: not connected */
    pid_t opened_by;      /* the process whose connection it is */
    atomic_bool parsing;  /* the reader is being changed; a forked child sees whether it was */
    int64_t until_us;     /* the deadline of the call */
    size_t received;      /* bytes of the call's replies */
    const char *rejected; /* why a reply was rejected: too many elements or levels; NULL: not rejected */
    const redisReplyObjectFunctions *functions; /* hiredis' own */
    redisReplyObjectFunctions bounded;          /* the same with a bound on arrays; used by the reader */
    char why[192];                              /* why the last call failed; no secret */
} lsync_redis_connection;

/* One command: its words, which may contain any bytes. */
typedef struct lsync_redis_command {
    int words;
    const char *word[LSYNC_REDIS_WORDS_MAX];
    size_t size[LSYNC_REDIS_WORDS_MAX];
} lsync_redis_command;

void lsync_redis_command_add(lsync_redis_command *command, const char *word, size_t size);

/* Makes a command of strings; the last is NULL. */
lsync_redis_command lsync_redis_command_of(const char *word, ...);

/* Connects if necessary, sends commands and receives as many replies (free each with freeReplyObject), all within a
   second. If it connects, the second begins when the name is resolved. The replies have at most 64 KiB together; no
   array has more than 64 elements or 4 levels. False: there are no replies, `why` is set, the connection is closed, and
   it is unknown whether the server carried out the commands. */
bool lsync_redis_call(lsync_redis_connection *c, const lsync_redis_command *commands, size_t n, redisReply **replies);

/* Sets `server`, which messages name. */
void lsync_redis_name_server(lsync_redis_connection *c, const lsync_redis_place *place);
/* Passes bytes to the reader, which may already have some. *parsed remains NULL until a reply is complete. Returns
   NULL, or why the bytes are rejected. */
const char *lsync_redis_parse(lsync_redis_connection *c, const char *bytes, size_t size, void **parsed);

/* Sets `why`: the server, what failed, and the cause (NULL or "": no cause). */
void lsync_redis_explain(lsync_redis_connection *c, const char *what, const char *cause);

/* Returns whether this process is connected. Returns false in a forked child whose parent opened the connection. */
bool lsync_redis_is_connected(const lsync_redis_connection *c);
void lsync_redis_disconnect(lsync_redis_connection *c);

#endif
