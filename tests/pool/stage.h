/* What a test has on its stage: pools, accounts, servers and guards that are released when the test is over:
   accounts, pools, guards and then all else, the last first. A test that uses it is a TEST_ON_STAGE(name). */
#ifndef POOL_STAGE_H
#define POOL_STAGE_H

#include "accounts.h"
#include "store.h"

#include "../support/nginx.h"

#define TEST_ON_STAGE(name) TEST_IN(name, NULL, stage_clear)

#define DEAD_URL "http://127.0.0.1:1" /* nobody listens there */

/* Releases all, between the rows of a table too: there `unused` is NULL. Fails if a callback came where none may. */
int stage_clear(void **unused);
void stage_later(void (*release)(void *what), void *what);

lock_sync_pool *stage_pool(void);
/* Accounts as those of account_new(); the secure ones trust the authority of `pems`. */
account *stage_account(const char *url);
account *stage_accounts(size_t n, const char *url);
account *stage_secure_account(const char *url);
account *stage_secure_accounts(size_t n, const char *url);

raw_server *stage_server(const raw_step *const *scripts, size_t count); /* static: they outlive the test */
/* The first connections, at most 64, get no answer; those that follow get good ones. */
raw_server *stage_silent_server(size_t connections);
/* Whether a raw server has a request: for pool_run(). */
bool server_is_asked(void *server);
sim *stage_sim(const char *const *arguments);
nginx *stage_nginx(const nginx_setup *setup); /* skips the test where there is none */

lock_sync_guard *stage_guard(int64_t interval_ms);      /* in memory */
lock_sync_guard *stage_used_guard(int64_t interval_ms); /* its next slot is an interval away */
store *stage_store(void);
lock_sync_guard *stage_store_guard(store *s, int64_t interval_ms);
/* Gives each account a guard of its own over that store. */
void stage_guard_each(account *all, size_t n, store *s, int64_t interval_ms, lock_sync_guard_mode mode);

char *stage_text(const char *format, ...) __attribute__((format(printf, 1, 2)));
char *stage_dir(void); /* as kit_temp_dir() */

#endif
