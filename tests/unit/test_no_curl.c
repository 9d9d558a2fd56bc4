/* A build without libcurl has no built-in transport and no pool. All else works. */
#include "../support/fake.h"

static void no_word(void *user, lock_sync_ctx *ctx, lock_sync_status status, lock_sync_results *results)
{
    (void)user, (void)ctx, (void)status, (void)results;
    fail_msg("called back");
}

static void no_directory(void *user, lock_sync_ctx *ctx, lock_sync_status status, lock_sync_directory *directory)
{
    (void)user, (void)ctx, (void)status, (void)directory;
    fail_msg("called back");
}

static void no_change(void *user, lock_sync_watch *w, lock_sync_status status, const lock_sync_changes *changes)
{
    (void)user, (void)w, (void)status, (void)changes;
    fail_msg("called back");
}

TEST_WITH_CTX(a_fetch_needs_a_transport_of_the_application)
{
    static const t_step good = {.http = 200, .body = "{\"result\":[{\"id\":7}]}"};
    t_fake fake = {.steps = &good, .step_count = 1};
    lock_sync_results *r = NULL;

    CHECK_INT(lock_sync_fetch(ctx, NULL, 0, &r), LOCK_SYNC_E_NO_TRANSPORT);
    CHECK_INT(t_error_status(ctx), LOCK_SYNC_E_NO_TRANSPORT);
    CHECK(r == NULL);
    t_fake_use(ctx, &fake);
    CHECK_OK(lock_sync_fetch(ctx, NULL, 0, &r)); /* the failed fetch used no slot */
    CHECK_INT(lock_sync_results_count(r), 1);
    lock_sync_results_free(r);
    CHECK_OK(lock_sync_set_transport(ctx, NULL));
    CHECK_INT(lock_sync_fetch_one(ctx, 7, &r), LOCK_SYNC_E_NO_TRANSPORT);
}

TEST_WITH_CTX(there_is_no_pool)
{
    lock_sync_pool *p = (lock_sync_pool *)(void *)ctx;
    lock_sync_watch *w;

    CHECK_INT(lock_sync_pool_new(NULL), LOCK_SYNC_E_INVALID_ARGUMENT);
    CHECK_INT(lock_sync_pool_new_with_allocator(NULL, NULL), LOCK_SYNC_E_INVALID_ARGUMENT);
    CHECK_INT(lock_sync_pool_new(&p), LOCK_SYNC_E_NO_TRANSPORT);
    CHECK(p == NULL);
    CHECK_OK(lock_sync_watch_new(ctx, NULL, 0, &w));
    CHECK_INT(lock_sync_pool_submit(p, ctx, NULL, 0, no_word, NULL), LOCK_SYNC_E_INVALID_ARGUMENT);
    CHECK_INT(lock_sync_pool_submit_directory(p, ctx, no_directory, NULL), LOCK_SYNC_E_INVALID_ARGUMENT);
    CHECK_INT(lock_sync_pool_watch(p, w, no_change, NULL), LOCK_SYNC_E_INVALID_ARGUMENT);
    CHECK_INT(lock_sync_pool_set_max_connections(p, 1, 1), LOCK_SYNC_E_INVALID_ARGUMENT);
    CHECK_INT(lock_sync_pool_set_max_active(p, 1), LOCK_SYNC_E_INVALID_ARGUMENT);
    CHECK_INT(lock_sync_pool_dispatch(p), LOCK_SYNC_E_INVALID_ARGUMENT);
    CHECK_INT(lock_sync_pool_wait(p, 0), LOCK_SYNC_E_INVALID_ARGUMENT);
    CHECK_INT(lock_sync_pool_fd(p), -1);
    CHECK_INT(lock_sync_pool_pending(p), 0);
    lock_sync_pool_free(p);
    lock_sync_watch_free(w);
}
