/* Guards whose records are rows of a table in PostgreSQL. A pool makes many decisions at a time over one connection.
 * Copy this folder; for another database, change session.c.
 *
 *     guard_libpq *db = guard_libpq_new("postgresql://db.example/locks?target_session_attrs=read-write");
 *     lock_sync_status status = guard_libpq_open(db, "account:17", &guard);
 */
#ifndef EXAMPLES_GUARD_LIBPQ_H
#define EXAMPLES_GUARD_LIBPQ_H

#include <locksync/locksync.h>

/* Create it at deployment. A record may be deleted once it has expired: then nobody needs it. */
#define GUARD_LIBPQ_TABLE                                                                                              \
  "CREATE TABLE IF NOT EXISTS locksync_guards (key bytea PRIMARY KEY, record bytea NOT NULL, "                         \
  "expires timestamptz NOT NULL) WITH (fillfactor = 50)"
#define GUARD_LIBPQ_CLEAN "DELETE FROM locksync_guards WHERE expires < now()"

/* A database. Any thread may use it. It must outlive its guards, and all pools that used them. It must not be used
 * after a fork: a child process makes its own. */
typedef struct guard_libpq guard_libpq;

/* Makes a store without connecting. `conninfo`: copied; see the chapter "Connection Strings" of libpq. NULL: no
   memory. */
guard_libpq *guard_libpq_new(const char *conninfo);
void guard_libpq_free(guard_libpq *db);

/* Makes a guard whose record has that key, which is copied. Returns LOCK_SYNC_OK or LOCK_SYNC_E_NO_MEMORY. */
lock_sync_status guard_libpq_open(guard_libpq *db, const char *key, lock_sync_guard **out);

#endif
