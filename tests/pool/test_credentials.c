/* The token provider in a pool: asked inside dispatch, as often and with the same ends as in a blocking fetch. Each row
   runs both, against the same script. */
#include "accounts.h"
#include "store.h"

#include <stdlib.h>
#include <string.h>

#define REFUSAL "HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n"

static const raw_step refused_once[] = {RAW_READ_REQUEST, RAW_SEND_TEXT(REFUSAL), RAW_READ_REQUEST, RAW_ANSWER,
                                        RAW_WAIT_FOR_CLOSE};
static const raw_step refused_always[] = {RAW_READ_REQUEST, RAW_SEND_TEXT(REFUSAL), RAW_READ_REQUEST,
                                          RAW_SEND_TEXT(REFUSAL), RAW_READ_REQUEST, RAW_SEND_TEXT(REFUSAL),
                                          RAW_WAIT_FOR_CLOSE};
static const raw_step refused_then_limited[] = {
    RAW_READ_REQUEST, RAW_SEND_TEXT(REFUSAL), RAW_READ_REQUEST,
    RAW_SEND_TEXT("HTTP/1.1 429 Slow\r\nRetry-After: 100\r\nContent-Length: 0\r\n\r\n"), RAW_WAIT_FOR_CLOSE};
static const raw_step good[] = {RAW_READ_REQUEST, RAW_ANSWER, RAW_READ_REQUEST, RAW_ANSWER, RAW_WAIT_FOR_CLOSE};

/* What the provider does each time that it is asked. */
typedef struct act {
    lock_sync_status returns;
    const char *token;
    bool expired;
} act;

typedef struct row {
    const char *name;
    const raw_step *script;
    bool has_key;
    act acts[3];
    lock_sync_status want;
    size_t asked;
    size_t refused; /* of them */
    size_t requests;
    uint32_t budget; /* 0: not limited */
} row;

static const row rows[] = {
    {"no credential yet", good, false, {{0, "new", false}}, LOCK_SYNC_OK, 1, 0, 1, 0},
    {"a good key is not asked for", good, true, {{0, "new", false}}, LOCK_SYNC_OK, 0, 0, 1, 0},
    {"none is set", good, false, {{0, NULL, false}}, LOCK_SYNC_E_NO_CREDENTIAL, 1, 0, 0, 0},
    {"it fails", good, false, {{LOCK_SYNC_E_NETWORK, NULL, false}}, LOCK_SYNC_E_NETWORK, 1, 0, 0, 0},
    {"it fails with 401", good, false, {{LOCK_SYNC_E_UNAUTHORIZED, NULL, false}, {0, "new", false}},
     LOCK_SYNC_E_UNAUTHORIZED, 1, 0, 0, 0},
    {"it fails with nonsense", good, false, {{12345, NULL, false}}, LOCK_SYNC_E_NO_CREDENTIAL, 1, 0, 0, 0},
    {"it sets an expired one", good, false, {{0, "old", true}, {0, "new", false}}, LOCK_SYNC_E_NO_CREDENTIAL, 1, 0, 0,
     0},
    {"401, a new one", refused_once, true, {{0, "new", false}}, LOCK_SYNC_OK, 1, 1, 2, 0},
    {"401, none before, a new one", refused_once, false, {{0, "a", false}, {0, "b", false}}, LOCK_SYNC_OK, 2, 1, 2, 0},
    {"401 twice", refused_always, true, {{0, "new", false}, {0, "third", false}}, LOCK_SYNC_E_UNAUTHORIZED, 1, 1, 2,
     0},
    {"401, no other", refused_once, true, {{0, NULL, false}}, LOCK_SYNC_E_UNAUTHORIZED, 1, 1, 1, 0},
    {"401, it fails", refused_once, true, {{LOCK_SYNC_E_CONNECT, NULL, false}}, LOCK_SYNC_E_CONNECT, 1, 1, 1, 0},
    {"401, then 429", refused_then_limited, true, {{0, "new", false}}, LOCK_SYNC_E_RATE_LIMITED, 1, 1, 2, 0},
    {"401, the hour is full", refused_once, true, {{0, "new", false}}, LOCK_SYNC_E_UNAUTHORIZED, 1, 1, 1, 1},
};

typedef struct provider {
    const row *of;
    size_t asked;
    size_t refused;
} provider;

static lock_sync_status provide(void *user, lock_sync_ctx *ctx, bool refused)
{
    provider *p = user;
    const act *a = &p->of->acts[p->asked < 2 ? p->asked : 2];

    p->asked++;
    p->refused += refused;
    if (a->token != NULL &&
        lock_sync_set_access_token_until(ctx, a->token, a->expired ? 1 : INT64_C(4102444800000)) != LOCK_SYNC_OK)
        kit_die("the provider may not set a token");
    return a->returns;
}

typedef enum driver { BLOCKING, BLOCKING_AND_STORE, POOL, POOL_AND_STORE, DRIVERS } driver;

static void run_row(const row *r, driver by)
{
    static const char *const names[] = {"blocking", "blocking with a store", "pool", "pool with a store"};
    raw_server *server = raw_start(AF_INET, &r->script, 1);
    lock_sync_pool *p = pool_make();
    store *s = store_new();
    lock_sync_guard *g = NULL;
    provider own = {.of = r};
    account a = account_new(raw_url(server));
    lock_sync_status status;
    lock_sync_results *results = NULL;

    if (by == POOL_AND_STORE || by == BLOCKING_AND_STORE)
        g = store_guard(s, 60000);
    else
        MUST_OK(lock_sync_guard_new(&g));
    if (r->budget != 0)
        MUST_OK(lock_sync_guard_set_hourly_budget(g, r->budget, 0));
    account_guard(&a, g, LOCK_SYNC_GUARD_FAIL);
    if (!r->has_key)
        MUST_OK(lock_sync_set_personal_key(a.ctx, NULL));
    MUST_OK(lock_sync_set_token_provider(a.ctx, provide, &own));
    if (by < POOL) {
        status = lock_sync_fetch(a.ctx, NULL, 0, &results);
        lock_sync_results_free(results);
    } else {
        account_submit(&a, p);
        pool_run_all(p);
        status = a.status;
        expect_end(&a, status);
    }
    if (status != r->want || own.asked != r->asked || own.refused != r->refused || raw_requests(server) != r->requests)
        fail_msg("%s, %s: %s instead of %s, asked %zu times (%zu after a refusal) instead of %zu (%zu), %zu requests "
                 "instead of %zu",
                 r->name, names[by], lock_sync_status_name(status), lock_sync_status_name(r->want), own.asked,
                 own.refused, r->asked, r->refused, raw_requests(server), r->requests);
    account_free(&a);
    lock_sync_guard_unref(g);
    pool_end(p);
    store_free(s);
    raw_stop(server);
}

TEST(a_provider_is_asked_as_in_a_blocking_fetch)
{
    for (driver by = 0; by < DRIVERS; by++)
        for (size_t i = 0; i < COUNT_OF(rows); i++)
            if (strcmp(rows[i].name, "it fails with 401") != 0)
                run_row(&rows[i], by);
}

TEST(a_provider_that_fails_with_401_is_not_asked_again)
{
    for (driver by = 0; by < DRIVERS; by++)
        for (size_t i = 0; i < COUNT_OF(rows); i++)
            if (strcmp(rows[i].name, "it fails with 401") == 0)
                run_row(&rows[i], by);
}

/* The repeat is refused by the hour; the new credential is there for the next fetch. */
TEST(a_repeat_that_is_refused_keeps_the_new_credential)
{
    static const raw_step *const script = refused_once;
    raw_server *server = raw_start(AF_INET, &script, 1);
    lock_sync_pool *p = pool_make();
    const row r = {.acts = {{0, "brand-new", false}}};
    provider own = {.of = &r};
    account a = account_new(raw_url(server));
    lock_sync_guard *g;
    char *text;

    MUST_OK(lock_sync_guard_new(&g));
    MUST_OK(lock_sync_guard_set_hourly_budget(g, 1, 0));
    account_guard(&a, g, LOCK_SYNC_GUARD_FAIL);
    MUST_OK(lock_sync_set_token_provider(a.ctx, provide, &own));
    account_submit(&a, p);
    pool_run_all(p);
    expect_end(&a, LOCK_SYNC_E_UNAUTHORIZED);
    MUST_INT(a.http_status, 401);
    MUST(strstr(a.message, "A new one is set") != NULL);
    account_guard(&a, NULL, LOCK_SYNC_GUARD_OFF);
    account_submit(&a, p);
    pool_run_all(p);
    expect_end(&a, LOCK_SYNC_OK);
    text = raw_received(server, 0);
    MUST_INT(kit_count(text, "Bearer brand-new"), 1);
    MUST_INT(kit_count(text, "PersonalKey " KEY), 1);
    MUST_INT(own.asked, 1);
    free(text);
    account_free(&a);
    lock_sync_guard_unref(g);
    pool_end(p);
    raw_stop(server);
}

/* The repeat counts in the hour. */
TEST(a_repeat_is_counted)
{
    static const raw_step *const script = refused_once;
    raw_server *server = raw_start(AF_INET, &script, 1);
    lock_sync_pool *p = pool_make();
    const row r = {.acts = {{0, "brand-new", false}}};
    provider own = {.of = &r};
    account a = account_new(raw_url(server));
    lock_sync_guard *g;

    MUST_OK(lock_sync_guard_new(&g));
    MUST_OK(lock_sync_guard_set_min_interval_ms(g, 1));
    MUST_OK(lock_sync_guard_set_hourly_budget(g, 2, 0));
    account_guard(&a, g, LOCK_SYNC_GUARD_FAIL);
    MUST_OK(lock_sync_set_token_provider(a.ctx, provide, &own));
    account_submit(&a, p);
    pool_run_all(p);
    expect_end(&a, LOCK_SYNC_OK);
    (void)pool_run_for(p, 5);
    account_submit(&a, p);
    pool_run_all(p);
    expect_end(&a, LOCK_SYNC_E_TOO_SOON);
    account_free(&a);
    lock_sync_guard_unref(g);
    pool_end(p);
    raw_stop(server);
}

static lock_sync_status cancel_own(void *user, lock_sync_ctx *ctx, bool refused)
{
    (void)user, (void)refused;
    lock_sync_cancel(ctx);
    return lock_sync_set_personal_key(ctx, KEY);
}

TEST(a_cancel_inside_the_provider_ends_the_fetch)
{
    raw_server *server = raw_start(AF_INET, NULL, 0);
    lock_sync_pool *p = pool_make();
    account a = account_new(raw_url(server));

    MUST_OK(lock_sync_set_personal_key(a.ctx, NULL));
    MUST_OK(lock_sync_set_token_provider(a.ctx, cancel_own, NULL));
    account_submit(&a, p);
    pool_run_all(p);
    expect_end(&a, LOCK_SYNC_E_CANCELLED);
    MUST_INT(raw_requests(server), 0);
    account_free(&a);
    pool_end(p);
    raw_stop(server);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(a_provider_is_asked_as_in_a_blocking_fetch),
        T(a_provider_that_fails_with_401_is_not_asked_again),
        T(a_repeat_that_is_refused_keeps_the_new_credential),
        T(a_repeat_is_counted),
        T(a_cancel_inside_the_provider_ends_the_fetch),
    };

    return T_MAIN(tests);
}
