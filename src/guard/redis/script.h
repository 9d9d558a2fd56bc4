/* The script that carries out a swap on the server, in one step. */
#ifndef LSYNC_REDIS_SCRIPT_H
#define LSYNC_REDIS_SCRIPT_H

#include "guard/redis/session.h"
#include "locksync/guard.h"

#define LSYNC_REDIS_SHA_SIZE 41 /* with the NUL */
#define LSYNC_REDIS_KEY_MAX 512
#define LSYNC_REDIS_MARKER_SUFFIX ":locksync"
#define LSYNC_REDIS_MARKER_KEY_MAX (LSYNC_REDIS_KEY_MAX + sizeof LSYNC_REDIS_MARKER_SUFFIX)

/* The script's place in the server's cache of scripts. */
typedef struct lsync_redis_script {
    char sha[LSYNC_REDIS_SHA_SIZE]; /* the script's name there; "": not known yet */
    bool is_missing;                /* the next swap must bring the script along */
} lsync_redis_script;

/* Makes the marker's key: the account's key up to the last colon, and a suffix. An ACL for the prefix covers it. */
size_t lsync_redis_marker_key(const char *key, size_t key_size, char name[LSYNC_REDIS_MARKER_KEY_MAX]);

/* Loads the script. Blocks. False: connection.why has the cause. */
bool lsync_redis_script_load(lsync_redis_script *script, lsync_redis_session *s);

/* Returns whether a swap expects another server than the one with this INFO. Then the guard must decide again. */
bool lsync_redis_expects_another(const lsync_redis_info *info, const lock_sync_guard_swap *swap);

/* Makes the command that carries out a swap on a server with this INFO. Free the bytes with
   redisFreeCommand(). Returns their size; 0: out of memory. */
size_t lsync_redis_script_format(lsync_redis_script *script, const lsync_redis_info *info,
                                 const lock_sync_guard_swap *swap, char **bytes);

typedef enum lsync_redis_swapped {
    LSYNC_REDIS_SWAPPED,     /* the swap has its result */
    LSYNC_REDIS_NO_SCRIPT,   /* the swap must be sent again */
    LSYNC_REDIS_NOT_SWAPPED, /* connection.why has the cause */
    LSYNC_REDIS_READ_ONLY    /* as NOT_SWAPPED; there may be another master, so the connection must be closed */
} lsync_redis_swapped;

/* Reads the reply to that command. */
lsync_redis_swapped lsync_redis_script_read(lsync_redis_script *script, lsync_redis_session *s, const redisReply *reply,
                                            lock_sync_guard_swap *swap);

/* Connects if necessary, and carries out a swap. Blocks. False: connection.why has the cause. */
bool lsync_redis_script_run(lsync_redis_script *script, lsync_redis_session *s, lock_sync_guard_swap *swap);

#endif
