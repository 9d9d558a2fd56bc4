/* The token provider in a pool: called inside dispatch, as often and with the same results as in a blocking fetch
   (tests/unit/test_provider.c). The guard is in memory, or has a store that may block. */
#include "stage.h"

#define UNAUTHORIZED "HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n"

static const raw_step rejected_once[] = {RAW_READ_REQUEST, RAW_SEND_TEXT(UNAUTHORIZED), RAW_READ_REQUEST, RAW_RESPOND,
                                         RAW_WAIT_FOR_CLOSE};
static const raw_step rejected_always[] = {
    RAW_READ_REQUEST, RAW_SEND_TEXT(UNAUTHORIZED), RAW_READ_REQUEST,  RAW_SEND_TEXT(UNAUTHORIZED),
    RAW_READ_REQUEST, RAW_SEND_TEXT(UNAUTHORIZED), RAW_WAIT_FOR_CLOSE};
static const raw_step good[] = {RAW_READ_REQUEST, RAW_RESPOND, RAW_READ_REQUEST, RAW_RESPOND, RAW_WAIT_FOR_CLOSE};

typedef struct row {
    const char *name;
    const raw_step *script;
    bool has_key;
    const char *tokens[2];    /* set by the provider on each call; NULL: it sets none */
    lock_sync_status returns; /* what it returns */
    lock_sync_status want;
    size_t asked;
    size_t rejected; /* calls of the provider after a rejected credential */
    size_t requests;
    uint32_t budget; /* 0: not limited */
} row;

static const row rows[] = {
    {.name = "no credential yet", .script = good, .tokens = {"new"}, .asked = 1, .requests = 1},
    {.name = "with a good key the provider is not called",
     .script = good,
     .has_key = true,
     .tokens = {"new"},
     .requests = 1},
    {.name = "none is set", .script = good, .want = LOCK_SYNC_E_NO_CREDENTIAL, .asked = 1},
    {.name = "it fails", .script = good, .returns = LOCK_SYNC_E_NETWORK, .want = LOCK_SYNC_E_NETWORK, .asked = 1},
    {.name = "it fails with 401, and is not called again",
     .script = good,
     .returns = LOCK_SYNC_E_UNAUTHORIZED,
     .want = LOCK_SYNC_E_UNAUTHORIZED,
     .asked = 1},
    {.name = "401, a new one",
     .script = rejected_once,
     .has_key = true,
     .tokens = {"new"},
     .asked = 1,
     .rejected = 1,
     .requests = 2},
    {.name = "401, none before, a new one",
     .script = rejected_once,
     .tokens = {"a", "b"},
     .asked = 2,
     .rejected = 1,
     .requests = 2},
    {.name = "401 twice",
     .script = rejected_always,
     .has_key = true,
     .tokens = {"new", "third"},
     .want = LOCK_SYNC_E_UNAUTHORIZED,
     .asked = 1,
     .rejected = 1,
     .requests = 2},
    {.name = "401, no other",
     .script = rejected_once,
     .has_key = true,
     .want = LOCK_SYNC_E_UNAUTHORIZED,
     .asked = 1,
     .rejected = 1,
     .requests = 1},
    {.name = "401, it fails",
     .script = rejected_once,
     .has_key = true,
     .returns = LOCK_SYNC_E_CONNECT,
     .want = LOCK_SYNC_E_CONNECT,
     .asked = 1,
     .rejected = 1,
     .requests = 1},
    {.name = "401, the hour is full",
     .script = rejected_once,
     .has_key = true,
     .tokens = {"new"},
     .want = LOCK_SYNC_E_UNAUTHORIZED,
     .asked = 1,
     .rejected = 1,
     .requests = 1,
     .budget = 1},
};

typedef struct provider {
    const row *of;
    size_t asked;
    size_t rejected;
} provider;

static lock_sync_status provide(void *user, lock_sync_ctx *ctx, bool rejected)
{
    provider *p = user;
    const char *token = p->asked < 2 ? p->of->tokens[p->asked] : NULL;

    p->asked++;
    p->rejected += rejected;
    if (!pool_may_call() || (token != NULL && lock_sync_set_access_token(ctx, token) != LOCK_SYNC_OK))
        kit_die("the provider may not set a token");
    return p->of->returns;
}

static void check_row(const row *r, lock_sync_guard *guard)
{
    raw_server *server = stage_server(&r->script, 1);
    lock_sync_pool *p = stage_pool();
    provider own = {.of = r};
    account *a = stage_account(raw_url(server));

    if (r->budget != 0)
        MUST_OK(lock_sync_guard_set_hourly_budget(guard, r->budget, 0));
    account_guard(a, guard, LOCK_SYNC_GUARD_FAIL);
    if (!r->has_key)
        MUST_OK(lock_sync_set_personal_key(a->ctx, NULL));
    MUST_OK(lock_sync_set_token_provider(a->ctx, provide, &own));
    expect_fetch(a, p, r->want);
    CHECK_INT(own.asked, r->asked);
    CHECK_INT(own.rejected, r->rejected);
    CHECK_INT(raw_requests(server), r->requests);
    (void)stage_clear(NULL);
}

TEST_ON_STAGE(a_provider_is_called_as_in_a_blocking_fetch)
{
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        t_row("%s", rows[i].name);
        check_row(&rows[i], stage_guard(60000));
        t_row("%s, with a store", rows[i].name);
        check_row(&rows[i], stage_store_guard(stage_store(), 60000));
    }
}

static lock_sync_status cancel_own(void *user, lock_sync_ctx *ctx, bool rejected)
{
    (void)user, (void)rejected;
    lock_sync_cancel(ctx);
    return lock_sync_set_personal_key(ctx, KEY);
}

TEST_ON_STAGE(a_cancel_inside_the_provider_ends_the_fetch)
{
    raw_server *server = stage_server(NULL, 0);
    lock_sync_pool *p = stage_pool();
    account *a = stage_account(raw_url(server));

    MUST_OK(lock_sync_set_personal_key(a->ctx, NULL));
    MUST_OK(lock_sync_set_token_provider(a->ctx, cancel_own, NULL));
    expect_fetch(a, p, LOCK_SYNC_E_CANCELLED);
    MUST_INT(raw_requests(server), 0);
}
