/* Calls that the pool rejects, and its functions with NULL. No server is needed: requests go to a port without a
   listener. */
#include "stage.h"

#include "../support/t_heap.h"

#include <string.h>

static void never_called(void *user, lock_sync_ctx *ctx, lock_sync_status status, lock_sync_results *results)
{
    (void)ctx, (void)status;
    lock_sync_results_free(results);
    ++*(size_t *)user;
}

TEST(null_pools_are_allowed)
{
    CHECK_INT(lock_sync_pool_new(NULL), LOCK_SYNC_E_INVALID_ARGUMENT);
    CHECK_INT(lock_sync_pool_new_with_allocator(NULL, NULL), LOCK_SYNC_E_INVALID_ARGUMENT);
    CHECK_INT(lock_sync_pool_fd(NULL), -1);
    CHECK_INT(lock_sync_pool_pending(NULL), 0);
    CHECK_INT(lock_sync_pool_dispatch(NULL), LOCK_SYNC_E_INVALID_ARGUMENT);
    CHECK_INT(lock_sync_pool_wait(NULL, 0), LOCK_SYNC_E_INVALID_ARGUMENT);
    CHECK_INT(lock_sync_pool_wait(NULL, -1), LOCK_SYNC_E_INVALID_ARGUMENT);
    CHECK_INT(lock_sync_pool_set_max_active(NULL, 1), LOCK_SYNC_E_INVALID_ARGUMENT);
    CHECK_INT(lock_sync_pool_set_max_connections(NULL, 1, 1), LOCK_SYNC_E_INVALID_ARGUMENT);
    lock_sync_pool_free(NULL);
}

TEST(an_incomplete_allocator_is_rejected)
{
    t_heap h = {0};
    lock_sync_allocator memory = t_heap_allocator(&h);
    lock_sync_pool *p = (lock_sync_pool *)(uintptr_t)8;

    memory.release = NULL;
    MUST_INT(lock_sync_pool_new_with_allocator(&memory, &p), LOCK_SYNC_E_INVALID_ARGUMENT);
    MUST(p == NULL);
}

TEST_ON_STAGE(limits_out_of_range_are_rejected)
{
    static const struct {
        uint32_t per_origin;
        uint32_t total;
        bool good;
    } rows[] = {{0, 0, false},     {0, 1, false}, {2, 1, false},        {65536, 65536, false},
                {1, 65536, false}, {1, 1, true},  {65535, 65535, true}, {64, 256, true}};
    lock_sync_pool *p = stage_pool();

    for (size_t i = 0; i < COUNT_OF(rows); i++)
        CHECK_INT(lock_sync_pool_set_max_connections(p, rows[i].per_origin, rows[i].total) == LOCK_SYNC_OK,
                  rows[i].good);
    CHECK_INT(lock_sync_pool_set_max_active(p, 0), LOCK_SYNC_E_INVALID_ARGUMENT);
    CHECK_INT(lock_sync_pool_set_max_active(p, 65536), LOCK_SYNC_E_INVALID_ARGUMENT);
    CHECK_OK(lock_sync_pool_set_max_active(p, 1));
    CHECK_OK(lock_sync_pool_set_max_active(p, 65535));
}

/* --- submits --- */

/* Expects that a rejected submit leaves the context free, says why, and never calls back. */
static void expect_rejected(lock_sync_pool *p, account *a, const int64_t *ids, size_t n, const char *why)
{
    size_t calls = 0;

    t_row("%s", why);
    CHECK_INT(lock_sync_pool_submit(p, a->ctx, ids, n, never_called, &calls), LOCK_SYNC_E_INVALID_ARGUMENT);
    CHECK_INT(lock_sync_error_status(lock_sync_last_error(a->ctx)), LOCK_SYNC_E_INVALID_ARGUMENT);
    CHECK_HOLDS(lock_sync_error_message(lock_sync_last_error(a->ctx)), why);
    CHECK_INT(lock_sync_pool_pending(p), 0);
    if (p != NULL)
        (void)pool_run_for(p, 5);
    CHECK_INT(calls, 0);
    CHECK_OK(lock_sync_set_timeout_ms(a->ctx, 30000));
}

TEST_ON_STAGE(bad_submits_are_rejected_without_a_callback)
{
    static const int64_t zero[] = {1, 0};
    static const int64_t negative[] = {-5};
    lock_sync_pool *p = stage_pool();
    account *a = stage_account(DEAD_URL);

    CHECK_INT(lock_sync_pool_submit(p, NULL, NULL, 0, never_called, NULL), LOCK_SYNC_E_INVALID_ARGUMENT);
    CHECK_INT(lock_sync_pool_submit(p, a->ctx, NULL, 0, NULL, NULL), LOCK_SYNC_E_INVALID_ARGUMENT);
    CHECK_HOLDS(lock_sync_error_message(lock_sync_last_error(a->ctx)), "done");
    expect_rejected(NULL, a, NULL, 0, "pool");
    expect_rejected(p, a, NULL, 1, "ids");
    expect_rejected(p, a, zero, 0, "the list of ids is empty; NULL asks for all");
    expect_rejected(p, a, zero, 2, "ids[1]");
    expect_rejected(p, a, negative, 1, "-5");
    expect_rejected(p, a, zero, SIZE_MAX, "ids");
    MUST_OK(lock_sync_set_allow_http(a->ctx, false));
    MUST_OK(lock_sync_set_base_url(a->ctx, "http://service.test"));
    expect_rejected(p, a, NULL, 0, "http");
    MUST_OK(lock_sync_set_base_url(a->ctx, DEAD_URL));
    expect_fetch(a, p, LOCK_SYNC_E_CONNECT);
}

static lock_sync_status perform(void *user, const lock_sync_request *q, lock_sync_response *s)
{
    (void)user, (void)q, (void)s;
    return LOCK_SYNC_E_NETWORK;
}

TEST_ON_STAGE(a_context_with_its_own_transport_is_rejected)
{
    const lock_sync_transport own = {.struct_size = sizeof own, .perform = perform};
    lock_sync_pool *p = stage_pool();
    account *a = stage_account(DEAD_URL);

    MUST_OK(lock_sync_set_transport(a->ctx, &own));
    expect_rejected(p, a, NULL, 0, "lock_sync_request_build");
    expect_rejected(p, a, NULL, 0, "lock_sync_response_decode");
    MUST_OK(lock_sync_set_transport(a->ctx, NULL));
    expect_fetch(a, p, LOCK_SYNC_E_CONNECT);
}

/* For what each function returns with a busy context see tests/unit/test_busy.c. */
TEST_ON_STAGE(a_pending_context_is_busy)
{
    lock_sync_pool *pools[] = {stage_pool(), stage_pool()};
    account *a = stage_account(DEAD_URL);
    lock_sync_results *r = (lock_sync_results *)(uintptr_t)8;
    lock_sync_request *q = (lock_sync_request *)(uintptr_t)8;
    size_t calls = 0;

    account_submit(a, pools[0]);
    CHECK_OK(lock_sync_error_status(lock_sync_last_error(a->ctx)));
    for (size_t i = 0; i < 2; i++) {
        CHECK_INT(lock_sync_pool_submit(pools[i], a->ctx, NULL, 0, never_called, &calls), LOCK_SYNC_E_BUSY);
        CHECK_INT(lock_sync_pool_pending(pools[i]), i == 0 ? 1 : 0);
    }
    CHECK_INT(lock_sync_set_personal_key(a->ctx, "x"), LOCK_SYNC_E_BUSY);
    CHECK_INT(lock_sync_set_guard(a->ctx, NULL), LOCK_SYNC_E_BUSY);
    CHECK_INT(lock_sync_fetch(a->ctx, NULL, 0, &r), LOCK_SYNC_E_BUSY);
    CHECK_INT(lock_sync_request_build(a->ctx, NULL, 0, &q), LOCK_SYNC_E_BUSY);
    CHECK(r == NULL && q == NULL);
    pool_run_all(pools[0]);
    expect_end(a, LOCK_SYNC_E_CONNECT);
    CHECK_OK(lock_sync_set_personal_key(a->ctx, KEY));
    CHECK_INT(calls, 0);
}

TEST_ON_STAGE(ids_are_copied)
{
    lock_sync_pool *p = stage_pool();
    account *a = stage_account(DEAD_URL);
    int64_t ids[] = {1, 2};
    size_t calls = 0;

    MUST_OK(lock_sync_pool_submit(p, a->ctx, ids, 2, never_called, &calls));
    memset(ids, 0xff, sizeof ids);
    pool_run_all(p);
    MUST_INT(calls, 1);
    MUST_INT(lock_sync_error_status(lock_sync_last_error(a->ctx)), LOCK_SYNC_E_CONNECT);
}
