/* What the pool refuses, and its functions with NULL. No server is needed: what is sent goes to a port that nobody
   has. */
#include "accounts.h"

#include "../support/heap.h"

#include <string.h>

static const char dead_url[] = "http://127.0.0.1:1";

static void nobody(void *user, lock_sync_ctx *ctx, lock_sync_status status, lock_sync_results *results)
{
    (void)ctx, (void)status;
    lock_sync_results_free(results);
    ++*(size_t *)user;
}

TEST(null_pools_are_taken)
{
    MUST_INT(lock_sync_pool_new(NULL), LOCK_SYNC_E_INVALID_ARGUMENT);
    MUST_INT(lock_sync_pool_new_with_allocator(NULL, NULL), LOCK_SYNC_E_INVALID_ARGUMENT);
    MUST_INT(lock_sync_pool_fd(NULL), -1);
    MUST_INT(lock_sync_pool_pending(NULL), 0);
    MUST_INT(lock_sync_pool_dispatch(NULL), LOCK_SYNC_E_INVALID_ARGUMENT);
    MUST_INT(lock_sync_pool_wait(NULL, 0), LOCK_SYNC_E_INVALID_ARGUMENT);
    MUST_INT(lock_sync_pool_wait(NULL, -1), LOCK_SYNC_E_INVALID_ARGUMENT);
    MUST_INT(lock_sync_pool_set_max_active(NULL, 1), LOCK_SYNC_E_INVALID_ARGUMENT);
    MUST_INT(lock_sync_pool_set_max_connections(NULL, 1, 1), LOCK_SYNC_E_INVALID_ARGUMENT);
    lock_sync_pool_free(NULL);
}

TEST(an_allocator_that_is_not_complete_is_refused)
{
    heap h = {0};
    lock_sync_allocator memory = heap_allocator(&h);
    lock_sync_pool *p = (lock_sync_pool *)(uintptr_t)8;

    memory.release = NULL;
    MUST_INT(lock_sync_pool_new_with_allocator(&memory, &p), LOCK_SYNC_E_INVALID_ARGUMENT);
    MUST(p == NULL);
}

TEST(an_empty_list_is_refused)
{
    static const int64_t ids[1] = {7};
    lock_sync_pool *p = pool_make();
    account a = account_new(dead_url);
    size_t calls = 0;

    MUST_INT(lock_sync_pool_submit(p, a.ctx, ids, 0, nobody, &calls), LOCK_SYNC_E_INVALID_ARGUMENT);
    MUST_TEXT(lock_sync_error_message(lock_sync_last_error(a.ctx)), "an empty list; NULL asks for all");
    MUST_INT(lock_sync_pool_pending(p), 0);
    account_free(&a);
    pool_end(p);
    MUST_INT(calls, 0);
}

TEST(limits_out_of_range_are_refused)
{
    static const struct {
        uint32_t per_host;
        uint32_t total;
        bool good;
    } rows[] = {{0, 0, false}, {0, 1, false}, {2, 1, false},         {65536, 65536, false},
                {1, 65536, false}, {1, 1, true}, {65535, 65535, true}, {64, 256, true}};
    lock_sync_pool *p = pool_make();

    for (size_t i = 0; i < COUNT_OF(rows); i++)
        MUST_INT(lock_sync_pool_set_max_connections(p, rows[i].per_host, rows[i].total) == LOCK_SYNC_OK, rows[i].good);
    MUST_INT(lock_sync_pool_set_max_active(p, 0), LOCK_SYNC_E_INVALID_ARGUMENT);
    MUST_INT(lock_sync_pool_set_max_active(p, 65536), LOCK_SYNC_E_INVALID_ARGUMENT);
    MUST_OK(lock_sync_pool_set_max_active(p, 1));
    MUST_OK(lock_sync_pool_set_max_active(p, 65535));
    pool_end(p);
}

static lock_sync_status perform(void *user, const lock_sync_request *q, lock_sync_response *s)
{
    (void)user, (void)q, (void)s;
    return LOCK_SYNC_E_NETWORK;
}

/* A refused submit leaves the context free, tells why, and never calls back. */
static void expect_refused(lock_sync_pool *p, account *a, const int64_t *ids, size_t n, bool callback, const char *why)
{
    size_t calls = 0;

    MUST_INT(lock_sync_pool_submit(p, a->ctx, ids, n, callback ? nobody : NULL, &calls), LOCK_SYNC_E_INVALID_ARGUMENT);
    MUST_INT(lock_sync_error_status(lock_sync_last_error(a->ctx)), LOCK_SYNC_E_INVALID_ARGUMENT);
    if (strstr(lock_sync_error_message(lock_sync_last_error(a->ctx)), why) == NULL)
        fail_msg("\"%s\" does not tell of %s", lock_sync_error_message(lock_sync_last_error(a->ctx)), why);
    MUST_INT(lock_sync_pool_pending(p), 0);
    if (p != NULL)
        (void)pool_run_for(p, 5);
    MUST_INT(calls, 0);
    MUST_OK(lock_sync_set_timeout_ms(a->ctx, 30000));
}

TEST(bad_submits_are_refused_and_never_called_back)
{
    static const int64_t zero[] = {1, 0};
    static const int64_t negative[] = {-5};
    const lock_sync_transport own = {.struct_size = sizeof own, .perform = perform};
    lock_sync_pool *p = pool_make();
    account a = account_new(dead_url);

    MUST_INT(lock_sync_pool_submit(p, NULL, NULL, 0, nobody, NULL), LOCK_SYNC_E_INVALID_ARGUMENT);
    expect_refused(NULL, &a, NULL, 0, true, "pool");
    expect_refused(p, &a, NULL, 0, false, "done");
    expect_refused(p, &a, NULL, 1, true, "ids");
    expect_refused(p, &a, zero, 2, true, "ids[1]");
    expect_refused(p, &a, negative, 1, true, "-5");
    expect_refused(p, &a, zero, SIZE_MAX, true, "ids");
    MUST_OK(lock_sync_set_allow_http(a.ctx, false));
    MUST_OK(lock_sync_set_base_url(a.ctx, "http://service.test"));
    expect_refused(p, &a, NULL, 0, true, "http");
    MUST_OK(lock_sync_set_base_url(a.ctx, dead_url));
    MUST_OK(lock_sync_set_transport(a.ctx, &own));
    expect_refused(p, &a, NULL, 0, true, "lock_sync_request_build");
    expect_refused(p, &a, NULL, 0, true, "lock_sync_response_decode");
    MUST_OK(lock_sync_set_transport(a.ctx, NULL));
    account_submit(&a, p);
    pool_run_all(p);
    expect_end(&a, LOCK_SYNC_E_CONNECT);
    account_free(&a);
    pool_end(p);
}

static lock_sync_status no_token(void *user, lock_sync_ctx *ctx, bool refused)
{
    (void)user, (void)ctx, (void)refused;
    return LOCK_SYNC_OK;
}

static void nobody_logs(void *user, lock_sync_log_level level, const char *message)
{
    (void)user, (void)level, (void)message;
}

static void expect_busy(lock_sync_ctx *ctx, lock_sync_pool *p)
{
    lock_sync_results *r = (lock_sync_results *)(uintptr_t)8;
    lock_sync_request *q = (lock_sync_request *)(uintptr_t)8;
    lock_sync_response *s = (lock_sync_response *)(uintptr_t)8;
    size_t calls = 0;
    const lock_sync_status got[] = {
        lock_sync_set_personal_key(ctx, "x"),
        lock_sync_set_access_token(ctx, "x"),
        lock_sync_set_access_token_until(ctx, "x", 1),
        lock_sync_set_token_provider(ctx, no_token, NULL),
        lock_sync_set_base_url(ctx, dead_url),
        lock_sync_set_api_version(ctx, "v1"),
        lock_sync_set_connect_timeout_ms(ctx, 1),
        lock_sync_set_timeout_ms(ctx, 1),
        lock_sync_set_max_response_bytes(ctx, 1),
        lock_sync_set_allow_http(ctx, true),
        lock_sync_set_ca_file(ctx, NULL),
        lock_sync_set_proxy(ctx, NULL),
        lock_sync_set_user_agent(ctx, NULL),
        lock_sync_set_logger(ctx, nobody_logs, NULL),
        lock_sync_set_transport(ctx, NULL),
        lock_sync_set_guard(ctx, NULL),
        lock_sync_set_guard_mode(ctx, LOCK_SYNC_GUARD_OFF),
        lock_sync_fetch(ctx, NULL, 0, &r),
        lock_sync_request_build(ctx, NULL, 0, &q),
        lock_sync_response_new(ctx, &s),
        lock_sync_response_decode(ctx, NULL, NULL, &r),
        lock_sync_pool_submit(p, ctx, NULL, 0, nobody, &calls),
    };

    for (size_t i = 0; i < COUNT_OF(got); i++)
        if (got[i] != LOCK_SYNC_E_BUSY)
            fail_msg("call %zu of a pending context: %s", i, lock_sync_status_name(got[i]));
    MUST(r == NULL && q == NULL && s == NULL);
    MUST_INT(calls, 0);
}

TEST(a_pending_context_is_busy_for_everything)
{
    lock_sync_pool *p = pool_make();
    lock_sync_pool *second = pool_make();
    account a = account_new(dead_url);

    account_submit(&a, p);
    MUST_OK(lock_sync_error_status(lock_sync_last_error(a.ctx)));
    expect_busy(a.ctx, p);
    expect_busy(a.ctx, second);
    MUST_INT(lock_sync_pool_pending(p), 1);
    MUST_INT(lock_sync_pool_pending(second), 0);
    pool_run_all(p);
    expect_end(&a, LOCK_SYNC_E_CONNECT);
    MUST_OK(lock_sync_set_personal_key(a.ctx, KEY));
    account_free(&a);
    pool_end(second);
    pool_end(p);
}

TEST(ids_are_copied)
{
    lock_sync_pool *p = pool_make();
    account a = account_new(dead_url);
    int64_t ids[] = {1, 2};
    size_t calls = 0;

    MUST_OK(lock_sync_pool_submit(p, a.ctx, ids, 2, nobody, &calls));
    memset(ids, 0xff, sizeof ids);
    pool_run_all(p);
    MUST_INT(calls, 1);
    MUST_INT(lock_sync_error_status(lock_sync_last_error(a.ctx)), LOCK_SYNC_E_CONNECT);
    account_free(&a);
    pool_end(p);
}

/* As in a blocking fetch: what can be told before is told before the guard is asked. */
TEST(a_missing_credential_is_told_by_callback_and_takes_no_slot)
{
    lock_sync_pool *p = pool_make();
    account a = account_new(dead_url);
    lock_sync_guard *g;
    int64_t slot;

    MUST_OK(lock_sync_guard_new(&g));
    account_guard(&a, g, LOCK_SYNC_GUARD_FAIL);
    MUST_OK(lock_sync_set_personal_key(a.ctx, NULL));
    for (int i = 0; i < 6; i++) {
        account_submit(&a, p);
        expect_pending(&a);
        pool_run_all(p);
        expect_end(&a, LOCK_SYNC_E_NO_CREDENTIAL);
    }
    MUST_OK(lock_sync_guard_reserve(g, 0, NULL, &slot));
    MUST(slot > 0);
    account_submit(&a, p); /* the guard is shut now */
    pool_run_all(p);
    expect_end(&a, LOCK_SYNC_E_NO_CREDENTIAL);
    account_free(&a);
    lock_sync_guard_unref(g);
    pool_end(p);
}

TEST(pending_counts_what_has_no_callback_yet)
{
    lock_sync_pool *p = pool_make();
    account all[5];

    accounts_make(all, 5, dead_url);
    for (size_t i = 0; i < 5; i++) {
        account_submit(&all[i], p);
        MUST_INT(lock_sync_pool_pending(p), i + 1);
    }
    account_free(&all[0]);
    MUST_INT(all[0].calls, 1);
    MUST_INT(lock_sync_pool_pending(p), 4);
    pool_run_all(p);
    for (size_t i = 1; i < 5; i++)
        expect_end(&all[i], LOCK_SYNC_E_CONNECT);
    accounts_free(all, 5);
    pool_end(p);
    MUST_INT(stray_callbacks(), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(null_pools_are_taken),
        T(an_allocator_that_is_not_complete_is_refused),
        T(an_empty_list_is_refused),
        T(limits_out_of_range_are_refused),
        T(bad_submits_are_refused_and_never_called_back),
        T(a_pending_context_is_busy_for_everything),
        T(ids_are_copied),
        T(a_missing_credential_is_told_by_callback_and_takes_no_slot),
        T(pending_counts_what_has_no_callback_yet),
    };

    return T_MAIN(tests);
}
