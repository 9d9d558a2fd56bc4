/* Pools, accounts, servers and guards that are released when a test ends: accounts, pools, guards and then all else,
   in each group the last first. A test that uses them is a TEST_ON_STAGE(name). */
#ifndef POOL_STAGE_H
#define POOL_STAGE_H

#include "accounts.h"
#include "store.h"

#include "../support/nginx.h"

#define TEST_ON_STAGE(name) TEST_IN(name, NULL, stage_clear)

#define DEAD_URL "http://127.0.0.1:1" /* nobody listens on that port */

/* Releases all; also called between the rows of a table, with NULL. Fails if a callback was called where none may
   be. */
int stage_clear(void **unused);
void stage_later(void (*release)(void *what), void *what);

lock_sync_pool *stage_pool(void);
/* Accounts like those of account_new(); the secure ones trust the authority of `pems`. */
account *stage_account(const char *url);
account *stage_accounts(size_t n, const char *url);
account *stage_secure_account(const char *url);
account *stage_secure_accounts(size_t n, const char *url);

raw_server *stage_server(const raw_step *const *scripts, size_t count); /* static: they must outlive the test */
/* Sends no response on the first connections, at most 64, and good responses on later ones. */
raw_server *stage_silent_server(size_t connections);
/* Returns whether a raw server has a request; for pool_run(). */
bool server_is_asked(void *server);
sim *stage_sim(const char *const *arguments);
nginx *stage_nginx(const nginx_setup *setup); /* skips the test if nginx is not installed */

lock_sync_guard *stage_guard(int64_t interval_ms);      /* in memory */
lock_sync_guard *stage_used_guard(int64_t interval_ms); /* its next slot is an interval away */
store *stage_store(void);
lock_sync_guard *stage_store_guard(store *s, int64_t interval_ms);
/* Gives each account a separate guard over that store. */
void stage_guard_each(account *all, size_t n, store *s, int64_t interval_ms, lock_sync_guard_mode mode);

char *stage_text(const char *format, ...) __attribute__((format(printf, 1, 2)));
char *stage_dir(void); /* like kit_temp_dir() */

#endif
