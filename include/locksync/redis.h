/**
 * @file
 * A guard whose record lives in a Redis server: for the machines of a fleet that use one account.
 *
 * In a library of its own, liblocksync-redis; not included by locksync.h.
 */
#ifndef LOCKSYNC_REDIS_H
#define LOCKSYNC_REDIS_H

#include "common.h"
#include "guard.h"

#ifdef __cplusplus
extern "C" {
#endif

/** A Redis server. One connection serves all guards that are opened on it. */
typedef struct lock_sync_redis lock_sync_redis;

/**
 * What is wrong with a Redis URL.
 *
 * @param url `redis://[[user]:password@]host[:port][/db]`, at most 1024 bytes; port 6379 and db 0 where they are not
 *            given; a percent sign and two hex digits stand for a byte in user and password. An `@` needs a password
 *            before it: without one a server would use its default user. Borrowed for the call.
 * @return Static text that tells why lock_sync_redis_new() refuses `url`; NULL when it does not.
 * @par Threads Any.
 * @since 0.1.0
 */
LOCK_SYNC_API const char *lock_sync_redis_url_problem(const char *url);

/**
 * Names a Redis server. Nothing is connected before a guard needs it; a lost connection is made anew. After fork()
 * both processes can go on: the child opens a connection of its own and leaves the parent's as it is.
 *
 * The server's memory policy must be `noeviction`, and `appendfsync always` if it may be restarted. TLS is not spoken:
 * for a server that is not on this machine or a trusted network use a TLS tunnel (stunnel, ghostunnel).
 *
 * @param url See lock_sync_redis_url_problem(). Copied; the password is wiped when the last user is gone, and never
 *        told.
 * @param[out] out The server, transferred; free with lock_sync_redis_free().
 * @return LOCK_SYNC_OK; LOCK_SYNC_E_INVALID_ARGUMENT (NULL, or a URL with a problem); LOCK_SYNC_E_NO_MEMORY.
 * @par Threads Any.
 * @since 0.1.0
 */
LOCK_SYNC_API lock_sync_status lock_sync_redis_new(const char *url, lock_sync_redis **out);

/**
 * Frees a server; guards that are open on it keep what they need alive.
 *
 * @param redis Transferred; NULL is allowed.
 * @par Threads Any.
 * @since 0.1.0
 */
LOCK_SYNC_API void lock_sync_redis_free(lock_sync_redis *redis);

/**
 * Prepares a Redis database for guards, at deployment: the first slot of a new account then waits for nothing.
 *
 * Without it the first decision prepares the database, and the slots of new accounts open one hold and one interval
 * later. The marker that it leaves has no expiry; its key is `key` up to the last colon and `:locksync`. To call it
 * again does no harm.
 *
 * @param redis The server.
 * @param key The key of any account, 1..512 bytes, as for lock_sync_guard_open_redis(). Borrowed for the call.
 * @return LOCK_SYNC_OK; LOCK_SYNC_E_INVALID_ARGUMENT; LOCK_SYNC_E_GUARD (see lock_sync_redis_error_message()).
 * @par Threads Any. It may block as a decision does.
 * @since 0.1.0
 */
LOCK_SYNC_API lock_sync_status lock_sync_redis_prepare(lock_sync_redis *redis, const char *key);

/**
 * Why an exchange with the server failed last. It holds no secret.
 *
 * @param redis The server, or NULL.
 * @param[out] text Where to write; "" if none failed. May be NULL when `size` is 0.
 * @param size Room in `text`, with the NUL.
 * @return The length of the whole message; it was cut when this is not less than `size`.
 * @par Threads Any.
 * @since 0.1.0
 */
LOCK_SYNC_API size_t lock_sync_redis_error_message(lock_sync_redis *redis, char *text, size_t size);

/**
 * Makes a guard whose record lives under a key of a Redis server.
 *
 * The clock is the server's. The key expires when it no longer matters. A server that cannot be reached within a
 * second, does not complete its answer within one, or answers with more than 64 KiB gives LOCK_SYNC_E_GUARD, never a
 * slot. A decision is three such exchanges, or two if it changes nothing. A new connection adds one, a new account one,
 * the first use of a database two. The addresses of a host name share the second of connecting; a name
 * that resolves slowly comes on top, so name the server by its address. lock_sync_guard_error_message() says in words
 * what is wrong, for example "the server is still loading its data (LOADING)"; it repeats nothing else of what the
 * server said.
 *
 * Each time that the server is another than before (a restart, a promotion: its replication id says so, which also its
 * first replica changes), or the record is gone, no slot is given for the longest hold known and one interval; what
 * this guard saw last is merged into the record.
 * A record that was never there cannot be told from a lost one, unless the database was used before: see
 * lock_sync_redis_prepare(). The user of the server needs GET, SET, WATCH, UNWATCH, MULTI, EXEC, TIME and INFO, and
 * SELECT for a db but 0. A replica gives LOCK_SYNC_E_GUARD.
 *
 * @param redis The server; the guard takes a share of it.
 * @param key One per account, 1..512 bytes, not ending in `:locksync`; no account's secret. Copied.
 * @param[out] out The guard with one reference, transferred; give it back with lock_sync_guard_unref().
 * @return LOCK_SYNC_OK; LOCK_SYNC_E_INVALID_ARGUMENT; LOCK_SYNC_E_NO_MEMORY.
 * @par Threads Any; one connection serves all, so decisions on one server wait for each other.
 * @since 0.1.0
 */
LOCK_SYNC_API lock_sync_status lock_sync_guard_open_redis(lock_sync_redis *redis, const char *key,
                                                          lock_sync_guard **out);

#ifdef __cplusplus
}
#endif
#endif
