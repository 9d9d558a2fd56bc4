/* Accounts for the pool's tests: a context, and what its last callback got. Wrappers of the pool's calls notice a
   callback outside of them. */
#ifndef POOL_ACCOUNTS_H
#define POOL_ACCOUNTS_H

#include "../support/checks.h"

#include "../support/kit.h"
#include "../support/raw_server.h"
#include "../support/sim.h"

#include <locksync/locksync.h>

#define KEY "demo-key"

typedef struct account account;

struct account {
    lock_sync_ctx *ctx;
    lock_sync_pool *pool; /* of the last submit */
    size_t submits;       /* successful ones */
    size_t calls;
    size_t order; /* of the last call among those of all accounts, from 1 */
    int64_t ended_ms;
    lock_sync_status status;
    lock_sync_status reported; /* by last_error inside the callback, like the fields below */
    int32_t http_status;
    int64_t retry_after_ms;
    char message[300];
    bool cached;
    size_t locks;
    int64_t first_id;
    void (*then)(account *a); /* the last thing that the callback does; may free the context and set it to NULL */
    lock_sync_results **keep; /* gets the results, which are freed otherwise */
    void *user;
};

/* Makes a context for `url` with KEY; the guard is off and plain http is allowed. */
account account_new(const char *url);
account account_new_in(const char *url, const lock_sync_allocator *allocator);
/* Makes one with another key. */
account account_with_key(const char *url, const char *key);
void account_set_number(account *a, size_t number); /* sets "key-NUMBER": see support/nginx.h */
void account_free(account *a);                      /* ends a fetch that is pending */
void accounts_make(account *all, size_t n, const char *url);
void accounts_free(account *all, size_t n);
void account_guard(account *a, lock_sync_guard *guard, lock_sync_guard_mode mode);

/* Submits for the states of all locks; account_submit ends the test unless it returns OK. */
lock_sync_status account_try(account *a, lock_sync_pool *p);
void account_submit(account *a, lock_sync_pool *p);
void accounts_submit(account *all, size_t n, lock_sync_pool *p);
/* Submits for the directory; ends the test unless that returns OK. */
void account_submit_directory(account *a, lock_sync_pool *p);

/* Fetches all locks; if the pool is NULL, blocking. */
lock_sync_status account_fetch(account *a, lock_sync_pool *p);
/* Submits each account, runs the pool until its callback was called, and checks as expect_end() does. */
#define expect_fetch(a, p, want) check_fetches((a), 1, (p), (want), __FILE__, __LINE__)
#define expect_fetches(all, n, p, want) check_fetches((all), (n), (p), (want), __FILE__, __LINE__)
void check_fetches(account *all, size_t n, lock_sync_pool *p, lock_sync_status want, const char *file, int line);

/* Checks that each submit had its callback, and that the last one and last_error reported that status. */
#define expect_end(a, want) check_end((a), (want), __FILE__, __LINE__)
#define expect_ends(all, n, want) check_ends((all), (n), (want), __FILE__, __LINE__)
void check_end(const account *a, lock_sync_status want, const char *file, int line);
void check_ends(const account *all, size_t n, lock_sync_status want, const char *file, int line);
/* Checks that the last submit had no callback yet. */
#define expect_pending(a) MUST_INT((a)->calls + 1, (a)->submits)

lock_sync_pool *pool_make(void);
lock_sync_status pool_dispatch(lock_sync_pool *p);
lock_sync_status pool_wait(lock_sync_pool *p, int64_t ms);
void pool_end(lock_sync_pool *p);

/* Waits up to `ms` for something to happen and handles it. Uses the descriptor as an application does, or pool_wait
   on systems without one. Returns whether anything happened, as far as it can know. */
bool pool_step(lock_sync_pool *p, int64_t ms);

/* Steps until `met` returns true; returns whether that happened in time. */
bool pool_run(lock_sync_pool *p, bool (*met)(void *user), void *user, int64_t ms);
/* Does the same; ends the test if `met` does not become true. */
void pool_run_until(lock_sync_pool *p, bool (*met)(void *user), void *user);
/* Runs until an account, or each account of the pool, had all its callbacks; ends the test after KIT_PATIENCE_MS. */
void pool_run_account(account *a);
void pool_run_all(lock_sync_pool *p);
/* Runs the pool for `ms`. Returns how many steps did something. */
size_t pool_run_for(lock_sync_pool *p, int64_t ms);
bool pool_is_readable(const lock_sync_pool *p, int ms);

/* Returns how many callbacks were called outside of the calls that may call back; must stay 0. */
size_t stray_callbacks(void);
/* Returns whether one of those calls is running. */
bool pool_may_call(void);

/* Runs a function that may crash in a child process. Returns whether it ended with _exit(0). `run` must not use
   cmocka, and reports failures by _exit(n). No other thread may be running. */
bool survives(void (*run)(void *user), void *user);

#endif
