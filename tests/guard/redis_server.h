/* Runs a real redis-server for a test, on a free loopback port, with its files in a temporary folder. It is ended by
   its process id. LOCKSYNC_REDIS_SERVER names another program: valkey-server. */
#ifndef GUARD_REDIS_SERVER_H
#define GUARD_REDIS_SERVER_H

#include "../support/kit.h"
#include "../support/decoding.h"
#include "../support/pems.h"

#include <hiredis/hiredis.h>
#include <locksync/redis.h>

typedef struct redis_server redis_server;

/* Returns the program, a name to find in PATH. */
const char *redis_server_program(void);
/* Returns whether this machine has it. */
bool redis_server_is_there(void);
#define NO_REDIS "there is no redis-server here"

/* Starts it and waits until it replies. `options` are pairs of its command line ("--appendonly", "yes") that end with
   NULL; may be NULL. By default it keeps nothing on disk. */
redis_server *redis_server_new(const char *const *options);
/* Starts a replica of `master`, and waits until it is up to date. */
redis_server *redis_server_new_replica(const redis_server *master);
/* Disconnects a replica from its master; makes it a master. */
void redis_server_cut_off(redis_server *replica, const redis_server *master);
void redis_server_promote(redis_server *replica);
/* Ends it with SIGKILL and removes its files. */
void redis_server_free(redis_server *s);

void redis_server_kill(redis_server *s);
/* Starts it again after a kill, on the same port with the same files. */
void redis_server_start(redis_server *s);
void redis_server_restart(redis_server *s);
/* Ends `dead`, and lets `s` listen on the port of `dead`. False: this server cannot change its port. */
bool redis_server_replace(redis_server *s, redis_server *dead);
/* Stops and continues the process (SIGSTOP, SIGCONT). */
void redis_server_pause(redis_server *s, bool stopped);

const char *redis_server_url(const redis_server *s); /* redis://127.0.0.1:PORT */
int redis_server_port(const redis_server *s);

/* Sends one command over a separate connection, and returns the reply; freeReplyObject() it. Ends the test on
   failure. */
redisReply *redis_server_ask(const redis_server *s, const char *format, ...);
/* Do the same, but return the number of the reply, or -1; or ignore the reply. */
long long redis_server_number(const redis_server *s, const char *command);
bool redis_server_is_master(const redis_server *s);
void redis_server_do(const redis_server *s, const char *command);

/* Makes the database look used for a day, so that the first slot of an absent `key` is granted at once. */
void redis_server_settle_in(const redis_server *s, const char *key);
/* Makes the record look written `ms` earlier, without any use since. */
void redis_server_age(const redis_server *s, const char *key, int64_t ms);

/* --- for a test, which releases all this at its end --- */

/* Starts a server, or skips the test if this machine has no redis-server. Starts a replica. */
redis_server *redis_here(const char *const *options);
redis_server *redis_replica_here(const redis_server *master);

/* A server with a second port, for TLS. `asks_clients`: "yes" or "no", whether clients need a certificate. */
typedef struct redis_tls_server {
    redis_server *server;
    uint16_t port;
} redis_tls_server;

redis_tls_server redis_tls_here(const char *certificate, const char *asks_clients);

/* Makes a server object, and a guard on `key`. */
lock_sync_redis *redis_of(const char *url);
lock_sync_guard *redis_guard(lock_sync_redis *r, const char *key, int64_t interval_ms);

/* Makes a guard on "k" with a separate server object. */
lock_sync_guard *redis_user(const char *url, int64_t interval_ms);

/* A server after redis_server_settle_in(), a server object, and a guard on "k". */
typedef struct redis_rig {
    redis_server *server;
    lock_sync_redis *redis;
    lock_sync_guard *guard;
} redis_rig;

redis_rig redis_rig_new(const char *const *options, int64_t interval_ms);

/* Asks until there is a slot, for at most `ms`. Returns the slot; 0: none. */
int64_t redis_slot(lock_sync_guard *g, int64_t lease_ms, int64_t ms);

#define WINDOW_MS (200 * kit_slack()) /* by which a decision's window may make a wait longer */

/* Asks once, and returns the wait of the denial. -1, with a failed check: it was not denied. */
int64_t redis_wait_ms(lock_sync_guard *g);

/* Expects E_GUARD without a slot within `ms`, and a cause that contains `why`. */
void check_redis_fails(lock_sync_guard *g, int64_t ms, const char *why);

#endif
