/* Many accounts with this library's pool; see contestants.h. */
#include "contestants.h"
#include "../tools.h"

#include <locksync/locksync.h>

#include <stdlib.h>

typedef struct library library;

typedef struct account {
    library *owner;
    lock_sync_ctx *ctx;
} account;

struct library {
    const pool_setup *setup;
    lock_sync_pool *pool;
    account *accounts;
    idle_accounts idle;
    size_t to_start;
};

static void start_one(library *o);

static void check(const library *o, const account *a, lock_sync_status status, const lock_sync_results *results)
{
    const lock_sync_lock *last = lock_sync_results_at(results, o->setup->locks - 1);

    if (status != LOCK_SYNC_OK)
        die("liblocksync: %s", lock_sync_error_message(lock_sync_last_error(a->ctx)));
    if (lock_sync_results_count(results) != o->setup->locks)
        die("liblocksync: the number of locks is wrong");
    if (o->setup->has_key_as_id && last->id != FIRST_KEY + (a - o->accounts))
        die("liblocksync: an account got another one's response");
}

static void on_done(void *user, lock_sync_ctx *ctx, lock_sync_status status, lock_sync_results *results)
{
    account *a = user;
    library *o = a->owner;

    (void)ctx;
    check(o, a, status, results);
    lock_sync_results_free(results);
    idle_put(&o->idle, (size_t)(a - o->accounts));
    start_one(o);
}

static void start_one(library *o)
{
    account *a;

    if (o->to_start == 0)
        return;
    o->to_start--;
    a = &o->accounts[idle_take(&o->idle)];
    if (lock_sync_pool_submit(o->pool, a->ctx, NULL, 0, on_done, a) != LOCK_SYNC_OK)
        die("liblocksync: %s", lock_sync_error_message(lock_sync_last_error(a->ctx)));
}

static account new_account(library *o, size_t number)
{
    account a = {.owner = o};
    char key[KEY_MAX];

    write_key(key, number);
    if (lock_sync_ctx_new(&a.ctx) != LOCK_SYNC_OK ||
        lock_sync_set_base_url(a.ctx, o->setup->base_url) != LOCK_SYNC_OK ||
        lock_sync_set_personal_key(a.ctx, key) != LOCK_SYNC_OK ||
        lock_sync_set_ca_file(a.ctx, o->setup->ca_file) != LOCK_SYNC_OK ||
        lock_sync_set_guard_mode(a.ctx, LOCK_SYNC_GUARD_OFF) != LOCK_SYNC_OK)
        die("no context");
    return a;
}

/* Opens a pool. Over HTTP/2 it has as many transfers as requests under way, and the eighth more that a pool reserves
   for other origins. Over HTTP/1.1 it has its defaults, which are fewer connections. */
static void *open_library(const pool_setup *setup, const void *style)
{
    library *o = allocate(sizeof *o);

    (void)style;
    *o = (library){.setup = setup, .accounts = allocate(setup->accounts * sizeof(account))};
    if (lock_sync_pool_new(&o->pool) != LOCK_SYNC_OK)
        die("no pool");
    if (setup->ca_file != NULL &&
        lock_sync_pool_set_max_active(o->pool, (uint32_t)(setup->at_once + setup->at_once / 8)) != LOCK_SYNC_OK)
        die("the pool does not accept so many transfers");
    for (size_t i = 0; i < setup->accounts; i++)
        o->accounts[i] = new_account(o, i);
    idle_init(&o->idle, setup->accounts);
    return o;
}

static void serve(void *self, size_t requests)
{
    library *o = self;

    o->to_start = requests;
    for (size_t i = 0; i < o->setup->at_once; i++)
        start_one(o);
    while (lock_sync_pool_pending(o->pool) > 0)
        if (lock_sync_pool_wait(o->pool, -1) != LOCK_SYNC_OK)
            die("the pool cannot continue");
}

static void close_library(void *self)
{
    library *o = self;

    for (size_t i = 0; i < o->setup->accounts; i++)
        lock_sync_ctx_free(o->accounts[i].ctx);
    lock_sync_pool_free(o->pool);
    free(o->accounts);
    free(o->idle.accounts);
    free(o);
}

const pool_contestant library_pool = {"liblocksync", NULL, open_library, serve, close_library, 8000};
