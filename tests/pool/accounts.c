/* Accounts for the pool's tests; see accounts.h. */
#include "accounts.h"

#include "../support/child.h"

#include <poll.h>
#include <stdio.h>
#include <string.h>

static _Thread_local size_t inside;
static size_t strays;
static size_t callbacks;

/* --- accounts --- */

account account_new_in(const char *url, const lock_sync_allocator *allocator)
{
    account a = {0};

    if (lock_sync_ctx_new_with_allocator(allocator, &a.ctx) != LOCK_SYNC_OK ||
        lock_sync_set_base_url(a.ctx, url) != LOCK_SYNC_OK || lock_sync_set_personal_key(a.ctx, KEY) != LOCK_SYNC_OK ||
        lock_sync_set_allow_http(a.ctx, true) != LOCK_SYNC_OK ||
        lock_sync_set_guard_mode(a.ctx, LOCK_SYNC_GUARD_OFF) != LOCK_SYNC_OK)
        kit_die("no context for %s", url);
    return a;
}

account account_new(const char *url)
{
    return account_new_in(url, NULL);
}

account account_with_key(const char *url, const char *key)
{
    account a = account_new(url);

    if (lock_sync_set_personal_key(a.ctx, key) != LOCK_SYNC_OK)
        kit_die("no key %s", key);
    return a;
}

void account_set_number(account *a, size_t number)
{
    char key[32];

    (void)snprintf(key, sizeof key, "key-%zu", number);
    MUST_OK(lock_sync_set_personal_key(a->ctx, key));
}

void account_free(account *a)
{
    inside++;
    lock_sync_ctx_free(a->ctx);
    inside--;
    a->ctx = NULL;
}

void accounts_make(account *all, size_t n, const char *url)
{
    for (size_t i = 0; i < n; i++)
        all[i] = account_new(url);
}

void accounts_free(account *all, size_t n)
{
    for (size_t i = 0; i < n; i++)
        account_free(&all[i]);
}

void account_guard(account *a, lock_sync_guard *guard, lock_sync_guard_mode mode)
{
    if (lock_sync_set_guard(a->ctx, guard) != LOCK_SYNC_OK || lock_sync_set_guard_mode(a->ctx, mode) != LOCK_SYNC_OK)
        kit_die("no guard");
}

static void note_call(account *a, const lock_sync_ctx *ctx, lock_sync_status status, bool has_results)
{
    const lock_sync_error *e = lock_sync_last_error(ctx);

    strays += inside == 0 || ctx != a->ctx || has_results != (status == LOCK_SYNC_OK);
    a->calls++;
    a->order = ++callbacks;
    a->ended_ms = kit_now_ms();
    a->status = status;
    a->reported = lock_sync_error_status(e);
    a->http_status = lock_sync_error_http_status(e);
    a->retry_after_ms = lock_sync_error_retry_after_ms(e);
    (void)snprintf(a->message, sizeof a->message, "%s", lock_sync_error_message(e));
}

static void on_done(void *user, lock_sync_ctx *ctx, lock_sync_status status, lock_sync_results *results)
{
    account *a = user;
    const lock_sync_lock *first = lock_sync_results_at(results, 0);

    note_call(a, ctx, status, results != NULL);
    a->cached = lock_sync_results_is_cached(results);
    a->locks = lock_sync_results_count(results);
    a->first_id = first == NULL ? 0 : first->id;
    if (a->keep != NULL)
        *a->keep = results;
    else
        lock_sync_results_free(results);
    if (a->then != NULL)
        a->then(a);
}

lock_sync_status account_try(account *a, lock_sync_pool *p)
{
    lock_sync_status status = lock_sync_pool_submit(p, a->ctx, NULL, 0, on_done, a);

    a->pool = p;
    a->submits += status == LOCK_SYNC_OK;
    return status;
}

static void on_directory(void *user, lock_sync_ctx *ctx, lock_sync_status status, lock_sync_directory *directory)
{
    account *a = user;
    const lock_sync_lock_info *first = lock_sync_directory_at(directory, 0);

    note_call(a, ctx, status, directory != NULL);
    a->cached = false;
    a->locks = lock_sync_directory_count(directory);
    a->first_id = first == NULL ? 0 : first->id;
    lock_sync_directory_free(directory);
    if (a->then != NULL)
        a->then(a);
}

void account_submit_directory(account *a, lock_sync_pool *p)
{
    MUST_OK(lock_sync_pool_submit_directory(p, a->ctx, on_directory, a));
    a->pool = p;
    a->submits++;
}

void account_submit(account *a, lock_sync_pool *p)
{
    MUST_OK(account_try(a, p));
}

void accounts_submit(account *all, size_t n, lock_sync_pool *p)
{
    for (size_t i = 0; i < n; i++)
        account_submit(&all[i], p);
}

void check_end(const account *a, lock_sync_status want, const char *file, int line)
{
    if (a->calls == a->submits && a->status == want && a->reported == want && (a->message[0] == '\0') == (want == 0))
        return;
    print_error("%zu of %zu callbacks; %s (last_error: %s) instead of %s: %s\n", a->calls, a->submits,
                lock_sync_status_name(a->status), lock_sync_status_name(a->reported), lock_sync_status_name(want),
                a->message);
    _fail(file, line);
}

void check_ends(const account *all, size_t n, lock_sync_status want, const char *file, int line)
{
    for (size_t i = 0; i < n; i++)
        check_end(&all[i], want, file, line);
}

lock_sync_status account_fetch(account *a, lock_sync_pool *p)
{
    lock_sync_results *results = NULL;

    if (p != NULL) {
        account_submit(a, p);
        pool_run_account(a);
        return a->status;
    }
    a->status = lock_sync_fetch(a->ctx, NULL, 0, &results);
    a->locks = lock_sync_results_count(results);
    lock_sync_results_free(results);
    return a->status;
}

void check_fetches(account *all, size_t n, lock_sync_pool *p, lock_sync_status want, const char *file, int line)
{
    accounts_submit(all, n, p);
    for (size_t i = 0; i < n; i++)
        pool_run_account(&all[i]);
    check_ends(all, n, want, file, line);
}

/* --- the pool --- */

lock_sync_pool *pool_make(void)
{
    lock_sync_pool *p = NULL;

    if (lock_sync_pool_new(&p) != LOCK_SYNC_OK)
        kit_die("no pool");
    return p;
}

lock_sync_status pool_dispatch(lock_sync_pool *p)
{
    lock_sync_status status;

    inside++;
    status = lock_sync_pool_dispatch(p);
    inside--;
    return status;
}

lock_sync_status pool_wait(lock_sync_pool *p, int64_t ms)
{
    lock_sync_status status;

    inside++;
    status = lock_sync_pool_wait(p, ms);
    inside--;
    return status;
}

void pool_end(lock_sync_pool *p)
{
    inside++;
    lock_sync_pool_free(p);
    inside--;
}

bool pool_is_readable(const lock_sync_pool *p, int ms)
{
    struct pollfd on = {lock_sync_pool_fd(p), POLLIN, 0};

    return poll(&on, 1, ms) == 1;
}

bool pool_step(lock_sync_pool *p, int64_t ms)
{
    bool descriptor = lock_sync_pool_fd(p) >= 0;

    if (descriptor && !pool_is_readable(p, (int)ms))
        return false;
    if ((descriptor ? pool_dispatch(p) : pool_wait(p, ms < 5 ? ms : 5)) != LOCK_SYNC_OK)
        kit_die("dispatch failed");
    return true;
}

bool pool_run(lock_sync_pool *p, bool (*met)(void *user), void *user, int64_t ms)
{
    int64_t until = kit_now_ms() + ms;

    while (!met(user)) {
        if (kit_now_ms() >= until)
            return false;
        (void)pool_step(p, 5);
    }
    return true;
}

void pool_run_until(lock_sync_pool *p, bool (*met)(void *user), void *user)
{
    if (!pool_run(p, met, user, KIT_PATIENCE_MS))
        fail_msg("the expected event did not happen");
}

static bool account_is_over(void *user)
{
    const account *a = user;

    return a->calls == a->submits;
}

void pool_run_account(account *a)
{
    if (!pool_run(a->pool, account_is_over, a, KIT_PATIENCE_MS))
        fail_msg("a callback was not called");
}

static bool pool_is_over(void *user)
{
    return lock_sync_pool_pending(user) == 0;
}

void pool_run_all(lock_sync_pool *p)
{
    if (!pool_run(p, pool_is_over, p, 2 * KIT_PATIENCE_MS))
        fail_msg("%zu callbacks were not called", lock_sync_pool_pending(p));
}

size_t pool_run_for(lock_sync_pool *p, int64_t ms)
{
    int64_t until = kit_now_ms() + ms;
    size_t readable = 0;

    while (kit_now_ms() < until)
        readable += pool_step(p, until - kit_now_ms());
    return readable;
}

size_t stray_callbacks(void)
{
    return strays;
}

bool pool_may_call(void)
{
    return inside > 0;
}

typedef struct trial {
    void (*run)(void *user);
    void *user;
} trial;

static int run_trial(void *user)
{
    const trial *t = user;

    t->run(t->user);
    return 0;
}

bool survives(void (*run)(void *user), void *user)
{
    trial t = {run, user};
    int status = in_child(run_trial, &t);

    if (status != 0)
        print_error("ended with %d\n", status);
    return status == 0;
}
