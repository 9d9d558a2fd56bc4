/**
 * @file
 * A guard that keeps its record in a Redis server: for several machines that use one account.
 *
 * These functions are in a separate library, liblocksync-redis. locksync.h does not include this header.
 */
#ifndef LOCKSYNC_REDIS_H
#define LOCKSYNC_REDIS_H

#include "common.h"
#include "guard.h"

#ifdef __cplusplus
extern "C" {
#endif

/** A handle of a Redis server. All guards that are opened on a handle share a connection, and one more in each pool. */
typedef struct lock_sync_redis lock_sync_redis;

/**
 * Checks a Redis URL:
 *
 * - `redis://[[user]:password@]host[:port][/db]`: a server; default port 6379 and db 0.
 * - `rediss://[[user]:password@]host[:port][/db][?parameters]`: a server with TLS, if the library was built with it.
 *   The parameters are those of redis-py: `ssl_ca_certs` is a file of certificates to trust in place of the system's.
 *   `ssl_certfile` and `ssl_keyfile` are this client's certificate and key (by default in one file).
 * - `unix://[[user]:password@]/path[?db=N]`, or `redis+unix://`: a server on this machine, by its unix socket.
 * - `redis+sentinel://[[user]:password@]host[:port][,...]/master[/db][?parameters]`: the master of that name, found by
 *   up to 8 sentinels with a comma between them; default port 26379. User and password are the server's. The
 *   parameters `sentinel_username` and `sentinel_password` are for the sentinels. `rediss+sentinel://` uses TLS for
 *   both.
 *
 * User, password, path, name and parameters may be percent-encoded. An `@` needs a password before it, because without
 * a password the server would use its default user. A server's certificate and its host name are always verified.
 *
 * @param url At most 1024 bytes. Borrowed for the call.
 * @return NULL if lock_sync_redis_new() accepts `url`; otherwise the reason, a static string.
 * @par Threads Any.
 * @since 0.1.0
 */
LOCK_SYNC_API const char *lock_sync_redis_url_problem(const char *url);

/**
 * Creates a handle of a Redis server. It connects when a guard first needs it, and reconnects if the connection is
 * lost.
 *
 * Configure the server with `maxmemory-policy noeviction`, and with `appendfsync always` if it may be restarted. Use
 * TLS for a server that is neither on this machine nor on a trusted network. Its files are read for each connection.
 *
 * After fork() both processes can use the handle: the child opens a new connection and does not touch the parent's.
 *
 * @param url See lock_sync_redis_url_problem(). Copied. The password is wiped when the handle, its guards and the pools
 *        that used them are freed; no message contains it.
 * @param[out] out The handle, transferred; free with lock_sync_redis_free().
 * @return LOCK_SYNC_OK; LOCK_SYNC_E_INVALID_ARGUMENT (NULL, or a URL with a problem); LOCK_SYNC_E_NO_MEMORY.
 * @par Threads Any.
 * @since 0.1.0
 */
LOCK_SYNC_NODISCARD_API lock_sync_status lock_sync_redis_new(const char *url, lock_sync_redis **out);

/**
 * Frees a handle. Guards that are open on it keep their connection, and so do the pools that used them.
 *
 * @param redis Transferred; NULL is allowed.
 * @par Threads Any.
 * @since 0.1.0
 */
LOCK_SYNC_API void lock_sync_redis_free(lock_sync_redis *redis);

/**
 * Prepares a Redis database for guards, at deployment, so that the first slot of a new account needs no wait.
 *
 * Without this call, the first use of the database prepares it. New accounts then get no slot until one lease (at least
 * 30 s) plus one interval have passed since that use. The function writes a marker that does not expire. The marker's
 * key is the part of `key` before its last colon (without a colon, all of it), followed by `:locksync`. Calling the
 * function again is harmless.
 *
 * @param redis The handle.
 * @param key The key of any account, 1..512 bytes, as for lock_sync_guard_open_redis(). Borrowed for the call.
 * @return LOCK_SYNC_OK; LOCK_SYNC_E_INVALID_ARGUMENT; LOCK_SYNC_E_GUARD (see lock_sync_redis_error_message()).
 * @par Threads Any. It may block, like the calls of a guard; see lock_sync_guard_open_redis().
 * @since 0.1.0
 */
LOCK_SYNC_API lock_sync_status lock_sync_redis_prepare(lock_sync_redis *redis, const char *key);

/**
 * Returns the cause of the last failed command to the server. The message contains no secret.
 *
 * A pool has its own connection. lock_sync_guard_error_message() has the cause of its failures.
 *
 * @param redis The handle, or NULL.
 * @param[out] text The message is written here; "" if no command failed. May be NULL if `size` is 0.
 * @param size Size of `text` in bytes, with the NUL.
 * @return The length of the complete message; it was truncated if this is not less than `size`.
 * @par Threads Any.
 * @since 0.1.0
 */
LOCK_SYNC_API size_t lock_sync_redis_error_message(lock_sync_redis *redis, char *text, size_t size);

/**
 * Creates a guard that keeps its record under a key of a Redis server.
 *
 * The guard uses the server's clock. The key expires when the record no longer matters.
 *
 * A call that reserves or settles a slot takes one round trip. It takes two if another user has changed the record, or
 * the guard saw it last more than 5 minutes ago. A new connection adds one (TLS and sentinels more), the first decision
 * of a guard one, the first connection one. In a pool many decisions are on their way at once. A round trip may take
 * at most one second and return at most 64 KiB. Beyond that, and if the server cannot be reached, the call returns
 * LOCK_SYNC_E_GUARD and grants no slot. If a host name has several addresses, they are tried one after another, within
 * one second in all. So are the sentinels and the master. Resolving a name has no limit: put addresses into the URL to
 * avoid that.
 *
 * lock_sync_guard_error_message() says in words what is wrong, for example "the server is still loading its data
 * (LOADING)". It contains nothing else that the server sent.
 *
 * Records may be lost when the server restarts or a replica is promoted. The guard notices this by the server's
 * replication id, which also changes when a server gets its first replica. After such a change, or if a record is
 * missing, the guard grants no slot for the longest known lease plus one interval. It also merges the record that it
 * saw last into the new one. A record that never existed counts as lost, unless the database was used before; see
 * lock_sync_redis_prepare().
 *
 * The Redis user needs GET, SET, TIME, INFO, EVAL, EVALSHA and SCRIPT LOAD, and SELECT for a db other than 0. A
 * sentinel's user needs SENTINEL. A replica is rejected with LOCK_SYNC_E_GUARD, and so is a cluster's node.
 *
 * @param redis The handle; the guard adds a reference.
 * @param key One per account, 1..512 bytes, not ending in `:locksync`. It must not be a secret. Copied.
 * @param[out] out The guard with one reference, transferred; release it with lock_sync_guard_unref().
 * @return LOCK_SYNC_OK; LOCK_SYNC_E_INVALID_ARGUMENT; LOCK_SYNC_E_NO_MEMORY.
 * @par Threads Any. The guards of one handle share its connection, so their calls wait for each other.
 * @since 0.1.0
 */
LOCK_SYNC_NODISCARD_API lock_sync_status lock_sync_guard_open_redis(lock_sync_redis *redis, const char *key,
                                                                    lock_sync_guard **out);

#ifdef __cplusplus
}
#endif
#endif
