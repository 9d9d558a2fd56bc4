/* Callbacks that submit, free their context, others or the pool, in each call that may call back; and which acts are
   rejected there. Acts that may crash run in a child process. */
#include "accounts.h"
#include "../support/t_heap.h"

#define ACCOUNTS 10
#define ACTOR 1 /* does the act in its callback; the callback of OTHER frees its own context */
#define OTHER 5

static account all[ACCOUNTS];
static lock_sync_pool *pool; /* NULL after it is freed */

/* --- what a callback does --- */

static void submit_own(account *a)
{
    if (a->calls < 3)
        (void)account_try(a, a->pool); /* rejected by a pool that is being freed */
}

static void submit_another(account *a)
{
    (void)account_try(&all[ACTOR + 1], a->pool);
}

static void free_own(account *a)
{
    lock_sync_ctx_free(a->ctx);
    a->ctx = NULL;
}

static void free_others(account *a)
{
    for (size_t i = 0; i < ACCOUNTS; i++)
        if (&all[i] != a) {
            all[i].then = NULL;
            account_free(&all[i]);
        }
}

static void free_pool(account *a)
{
    pool = NULL;
    lock_sync_pool_free(a->pool);
}

static void free_pool_and_own(account *a)
{
    free_pool(a);
    free_own(a);
}

static void dispatch(account *a)
{
    CHILD_MUST(lock_sync_pool_dispatch(a->pool) == LOCK_SYNC_E_BUSY);
    CHILD_MUST(lock_sync_pool_wait(a->pool, 0) == LOCK_SYNC_E_BUSY);
}

/* --- the calls that callbacks come in --- */

static void in_dispatch(void)
{
    while (pool != NULL && lock_sync_pool_pending(pool) > 0)
        (void)pool_wait(pool, 1000);
}

static void in_ctx_free(void)
{
    account_free(&all[ACTOR]);
}

static void in_pool_free(void)
{
    pool_end(pool);
    pool = NULL;
}

typedef struct row {
    const char *name;
    void (*act)(account *a);
    bool frees_pool;
    bool ends_all; /* the act ends the fetches of all accounts */
    void (*call)(void);
} row;

static const row rows[] = {
    {.name = "submits its own context", .act = submit_own},
    {.name = "submit another", .act = submit_another},
    {.name = "frees its own context", .act = free_own},
    {.name = "free others", .act = free_others, .ends_all = true},
    {.name = "frees the pool", .act = free_pool, .frees_pool = true, .ends_all = true},
    {.name = "frees pool and context", .act = free_pool_and_own, .frees_pool = true, .ends_all = true},
    {.name = "dispatch", .act = dispatch},
};

static void run(void *user)
{
    const row *r = user;
    t_heap pool_heap = {0};
    t_heap own_heap = {0};
    lock_sync_allocator memory = t_heap_allocator(&pool_heap);
    lock_sync_allocator own = t_heap_allocator(&own_heap);

    CHILD_MUST(lock_sync_pool_new_with_allocator(&memory, &pool) == LOCK_SYNC_OK);
    CHILD_MUST(lock_sync_pool_set_max_active(pool, 3) == LOCK_SYNC_OK);
    for (size_t i = 0; i < ACCOUNTS; i++) {
        all[i] = account_new_in("http://127.0.0.1:1", &own);
        CHILD_MUST(account_try(&all[i], pool) == LOCK_SYNC_OK);
    }
    all[ACTOR].then = r->act;
    all[OTHER].then = free_own;
    r->call();
    in_dispatch(); /* finish the rest */
    pool_end(pool);
    CHILD_MUST(pool_heap.blocks == 0);
    CHILD_MUST(all[ACCOUNTS - 1].status ==
               (r->ends_all || r->call == in_pool_free ? LOCK_SYNC_E_CANCELLED : LOCK_SYNC_E_CONNECT));
    for (size_t i = 0; i < ACCOUNTS; i++) {
        CHILD_MUST(all[i].calls > 0 && all[i].calls == all[i].submits);
        CHILD_MUST(all[i].ctx == NULL || lock_sync_set_timeout_ms(all[i].ctx, 1000) == LOCK_SYNC_OK);
    }
    accounts_free(all, ACCOUNTS);
    CHILD_MUST(own_heap.blocks == 0 && stray_callbacks() == 0);
}

static void check_acts(void (*call)(void))
{
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        row r = rows[i];

        if (r.frees_pool && call == in_pool_free)
            continue;
        t_row("%s", r.name);
        r.call = call;
        CHECK(survives(run, &r));
    }
}

TEST(a_callback_inside_dispatch_may_submit_and_free_and_not_dispatch)
{
    check_acts(in_dispatch);
}

TEST(a_callback_inside_ctx_free_may_submit_and_free_and_not_dispatch)
{
    check_acts(in_ctx_free);
}

TEST(a_callback_inside_pool_free_may_submit_and_free_and_not_dispatch)
{
    check_acts(in_pool_free);
}
