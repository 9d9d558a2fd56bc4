/* Accounts for the pool's tests: a context, and all that its callback was told. And the pool's calls in a wrapping that
   notes whether a callback comes inside of one of them. */
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
    size_t submits;       /* that were OK */
    size_t calls;
    size_t order; /* of the last call among all; from 1 */
    int64_t ended_ms;
    lock_sync_status status;
    lock_sync_status told; /* by last_error, inside the callback, as the next */
    int32_t http_status;
    int64_t retry_after_ms;
    char message[300];
    bool cached;
    size_t locks;
    int64_t first_id;
    void (*then)(account *a); /* the callback's last act; may free the context and set it to NULL */
    lock_sync_results **keep; /* where the results go, instead of being freed */
    void *user;
};

/* A context for that URL with KEY; the guard is off, plain http allowed. */
account account_new(const char *url);
account account_new_in(const char *url, const lock_sync_allocator *allocator);
/* The same with a key of its own. */
account account_with_key(const char *url, const char *key);
void account_set_number(account *a, size_t number); /* its key is "key-NUMBER": see support/nginx.h */
void account_free(account *a);                      /* ends a fetch that is pending */
void accounts_make(account *all, size_t n, const char *url);
void accounts_free(account *all, size_t n);
void account_guard(account *a, lock_sync_guard *guard, lock_sync_guard_mode mode);

/* Submits for all locks; account_submit ends the test unless that is OK. */
lock_sync_status account_try(account *a, lock_sync_pool *p);
void account_submit(account *a, lock_sync_pool *p);
void accounts_submit(account *all, size_t n, lock_sync_pool *p);

/* Fetches all locks; NULL: it blocks. */
lock_sync_status account_fetch(account *a, lock_sync_pool *p);
/* Submits each, runs the pool until it had its callback, and looks as expect_end() does. */
#define expect_fetch(a, p, want) check_fetches((a), 1, (p), (want), __FILE__, __LINE__)
#define expect_fetches(all, n, p, want) check_fetches((all), (n), (p), (want), __FILE__, __LINE__)
void check_fetches(account *all, size_t n, lock_sync_pool *p, lock_sync_status want, const char *file, int line);

/* That each submit had its callback, and the last one that status, and said so by last_error. */
#define expect_end(a, want) check_end((a), (want), __FILE__, __LINE__)
#define expect_ends(all, n, want) check_ends((all), (n), (want), __FILE__, __LINE__)
void check_end(const account *a, lock_sync_status want, const char *file, int line);
void check_ends(const account *all, size_t n, lock_sync_status want, const char *file, int line);
/* That no callback came yet. */
#define expect_pending(a) MUST_INT((a)->calls + 1, (a)->submits)

lock_sync_pool *pool_make(void);
lock_sync_status pool_dispatch(lock_sync_pool *p);
lock_sync_status pool_wait(lock_sync_pool *p, int64_t ms);
void pool_end(lock_sync_pool *p);

/* Waits for something to happen and handles it, as a host does by the descriptor, or, where the system has none, by
   pool_wait, for some milliseconds. Whether anything did, as far as that can be told. */
bool pool_step(lock_sync_pool *p, int64_t ms);

/* Steps until `met` says true; whether it did in time. */
bool pool_run(lock_sync_pool *p, bool (*met)(void *user), void *user, int64_t ms);
/* The same; ends the test unless it did. */
void pool_run_until(lock_sync_pool *p, bool (*met)(void *user), void *user);
/* Until an account has had all its callbacks, or all accounts of the pool; ends the test when that does not come. */
void pool_run_account(account *a);
void pool_run_all(lock_sync_pool *p);
/* For that long, whatever comes. How many steps did something. */
size_t pool_run_for(lock_sync_pool *p, int64_t ms);
bool pool_is_readable(const lock_sync_pool *p, int ms);

/* How many callbacks came outside of all calls that may call back; must stay 0. */
size_t stray_callbacks(void);
/* Whether one of those calls is running. */
bool pool_may_call(void);

/* Runs what may crash in a process of its own. Whether it ended by itself, with _exit(0). `run` must not use cmocka,
   and tells failures by _exit(n). No thread may be running. */
bool survives(void (*run)(void *user), void *user);

#endif
