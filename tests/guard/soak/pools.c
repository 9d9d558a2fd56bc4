/* The processes of the soak that have a pool: contexts that wait for the guard, which decides on a channel. */
#include "shared.h"

#include "../../support/kit.h"

#include <locksync/locksync.h>
#include <unistd.h>

#define USERS 2
#define SPENT_MS 60000
#define PAUSE_US 5000

typedef struct user {
    board *board;
    lock_sync_ctx *ctx;
    int64_t submitted_us;
    int64_t retry_us; /* when to submit again */
    bool is_submitted;
} user;

static void must(lock_sync_status status)
{
    if (status != LOCK_SYNC_OK)
        kit_die("%s", lock_sync_status_name(status));
}

/* Notes a use whose request took an unknown time. */
static void note_use(user *w)
{
    unsigned i = atomic_fetch_add(&w->board->uses, 1);
    use *u = &w->board->use[i < USES_MAX ? i : USES_MAX - 1];

    u->pid = getpid();
    u->until_us = w->submitted_us + TIMEOUT_MS * 1000;
    u->is_untimed = true;
    atomic_store(&u->begin_us, kit_now_us());
    atomic_store(&u->end_us, kit_now_us());
}

static void ended(void *context, lock_sync_ctx *ctx, lock_sync_status status, lock_sync_results *results)
{
    user *w = context;
    board *b = w->board;
    int64_t none = 0;

    lock_sync_results_free(results);
    w->is_submitted = false;
    w->retry_us = status == LOCK_SYNC_OK ? 0 : kit_now_us() + PAUSE_US; /* another user has the slot */
    atomic_fetch_add(&b->ended[status], 1);
    if (status == LOCK_SYNC_OK || status == LOCK_SYNC_E_RATE_LIMITED)
        note_use(w);
    if (status == LOCK_SYNC_E_TOO_SOON && lock_sync_error_retry_after_ms(lock_sync_last_error(ctx)) > SPENT_MS)
        (void)atomic_compare_exchange_strong(&b->spent_us, &none, kit_now_us());
}

static void submit(lock_sync_pool *pool, user *w)
{
    w->is_submitted = true;
    w->submitted_us = kit_now_us();
    must(lock_sync_pool_submit(pool, w->ctx, NULL, 0, ended, w));
}

static lock_sync_ctx *new_ctx(const board *b, lock_sync_guard *guard)
{
    lock_sync_ctx *ctx;

    must(lock_sync_ctx_new(&ctx));
    must(lock_sync_set_base_url(ctx, b->url));
    must(lock_sync_set_personal_key(ctx, "demo-key"));
    must(lock_sync_set_timeout_ms(ctx, TIMEOUT_MS));
    must(lock_sync_set_guard(ctx, guard));
    must(lock_sync_set_guard_mode(ctx, LOCK_SYNC_GUARD_WAIT));
    return ctx;
}

int soak_pool(void *context)
{
    board *b = context;
    const guard_limits limits = {INTERVAL_MS, b->budget, BUDGET_RESERVE};
    lock_sync_guard *guards[USERS];
    user users[USERS] = {{.is_submitted = false}};
    lock_sync_pool *pool;

    must(lock_sync_pool_new(&pool));
    guards_at(&b->place, guards, USERS, &limits);
    for (size_t i = 0; i < USERS; i++)
        users[i] = (user){.board = b, .ctx = new_ctx(b, guards[i])};
    while (!atomic_load(&b->stop) || lock_sync_pool_pending(pool) > 0) {
        for (size_t i = 0; i < USERS; i++)
            if (!users[i].is_submitted && !atomic_load(&b->stop) && users[i].retry_us <= kit_now_us())
                submit(pool, &users[i]);
        must(lock_sync_pool_wait(pool, 5));
    }
    lock_sync_pool_free(pool);
    for (size_t i = 0; i < USERS; i++) {
        lock_sync_ctx_free(users[i].ctx);
        lock_sync_guard_unref(guards[i]);
    }
    return 0;
}
