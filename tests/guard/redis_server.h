/* A real redis-server for a test: on a free loopback port, with its files in a temporary folder, ended by its process
   id. */
#ifndef GUARD_REDIS_SERVER_H
#define GUARD_REDIS_SERVER_H

#include "../support/kit.h"
#include "../support/decoding.h"

#include <hiredis/hiredis.h>
#include <locksync/redis.h>

typedef struct redis_server redis_server;

/* Whether there is one to start. */
bool redis_server_is_there(void);
#define NO_REDIS "there is no redis-server here"

/* Starts it and waits until it answers. `options` are pairs of its command line ("--appendonly", "yes"), end with NULL,
   and may be NULL. Nothing is kept on disk unless they say so. */
redis_server *redis_server_new(const char *const *options);
/* A replica of `master`, up to date with it. */
redis_server *redis_server_new_replica(const redis_server *master);
/* Cuts a replica off, so that it gets no more from its master; and makes it a master then. */
void redis_server_cut_off(redis_server *replica, const redis_server *master);
void redis_server_promote(redis_server *replica);
/* Ends it with SIGKILL and removes its files. */
void redis_server_free(redis_server *s);

void redis_server_kill(redis_server *s);
/* After a kill: on the same port, with the files that are there. */
void redis_server_start(redis_server *s);
void redis_server_restart(redis_server *s);
/* Ends `dead`, and has `s` listen on its port instead of its own. False: this server cannot change its port. */
bool redis_server_replace(redis_server *s, redis_server *dead);
/* Stops and continues the process (SIGSTOP, SIGCONT). */
void redis_server_pause(redis_server *s, bool stopped);

const char *redis_server_url(const redis_server *s); /* redis://127.0.0.1:PORT */
int redis_server_port(const redis_server *s);

/* One command by a connection of its own; the reply is the caller's. Ends the test when there is none. */
redisReply *redis_server_ask(const redis_server *s, const char *format, ...);
/* The same for the number that it replies, -1 for none; and for commands whose reply does not matter. */
long long redis_server_number(const redis_server *s, const char *command);
void redis_server_do(const redis_server *s, const char *command);

/* As if the database had been in use for a day: what lets the first slot of an absent `key` open at once. */
void redis_server_settle_in(const redis_server *s, const char *key);
/* As if the record had been written that much earlier, and nobody had come since. */
void redis_server_age(const redis_server *s, const char *key, int64_t ms);

/* --- in a test: all that follows is released after it --- */

/* A server; the test is skipped where there is none to start. And a replica of it. */
redis_server *redis_here(const char *const *options);
redis_server *redis_replica_here(const redis_server *master);

/* A server object, and a guard on `key`. */
lock_sync_redis *redis_of(const char *url);
lock_sync_guard *redis_guard(lock_sync_redis *r, const char *key, int64_t interval_ms);

/* A guard on "k" over a connection of its own. */
lock_sync_guard *redis_user(const char *url, int64_t interval_ms);

/* The same with its server object and a server, whose database is settled in. */
typedef struct redis_rig {
    redis_server *server;
    lock_sync_redis *redis;
    lock_sync_guard *guard;
} redis_rig;

redis_rig redis_rig_new(const char *const *options, int64_t interval_ms);

/* Asks until there is a slot, for at most `ms`; 0 when none came. */
int64_t redis_slot(lock_sync_guard *g, int64_t lease_ms, int64_t ms);

/* Asks once; the wait that a denial reports, -1 (and a failed check) if it is none. */
int64_t redis_wait_ms(lock_sync_guard *g);

/* That asking gives E_GUARD and no slot, within `ms`, with a cause that holds `why`. */
void check_redis_fails(lock_sync_guard *g, int64_t ms, const char *why);

#endif
