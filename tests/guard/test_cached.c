/* Mode CACHED: if the guard denies a slot, the last good response of this context is used if it covers the request. */
#include "contexts.h"

#include <string.h>
#include <unistd.h>

#define ALL NULL, 0

typedef struct scope {
    size_t n;
    int64_t ids[3];
    int64_t single;
} scope;

#define IDS(...)                                                                                                       \
  {                                                                                                                    \
    sizeof((const int64_t[]){__VA_ARGS__}) / sizeof(int64_t), {__VA_ARGS__}, 0                                         \
  }
#define ONE(id)                                                                                                        \
  {                                                                                                                    \
    0, {0}, id                                                                                                         \
  }
#define EVERY                                                                                                          \
  {                                                                                                                    \
    0, {0}, 0                                                                                                          \
  }

static lock_sync_status ask(lock_sync_ctx *ctx, const scope *q, lock_sync_results **r)
{
    return q->single > 0 ? lock_sync_fetch_one(ctx, q->single, r)
                         : lock_sync_fetch(ctx, q->n == 0 ? NULL : q->ids, q->n, r);
}

#define COVERED(locks, missing) true, locks, missing
#define NOT_COVERED false, 0, 0

/* First a fetch with a slot, then another, for which the guard denies a slot. */
TEST(a_response_covers_requests_for_the_same_or_fewer_locks)
{
    static const t_step one = {.http = 200, .body = "{\"result\":{\"id\":2}}"};
    static const struct {
        const char *name;
        scope first;
        scope second;
        bool covered;
        size_t locks;
        size_t missing;
    } rows[] = {
        {"all, then all", EVERY, EVERY, COVERED(3, 0)},
        {"all, then some", EVERY, IDS(3, 1), COVERED(2, 0)},
        {"all, then some and a missing one", EVERY, IDS(3, 9), COVERED(1, 1)},
        {"all, then only a missing one", EVERY, IDS(9), COVERED(0, 1)},
        {"all, then one", EVERY, ONE(2), COVERED(1, 0)},
        {"all, then a missing one alone", EVERY, ONE(9), NOT_COVERED},
        {"ids, then the same", IDS(1, 2), IDS(1, 2), COVERED(2, 0)},
        {"ids, then in another order, twice", IDS(1, 2), IDS(2, 1, 2), COVERED(2, 0)},
        {"ids, then fewer", IDS(1, 2, 9), IDS(2), COVERED(1, 0)},
        {"ids, then the one that was missing", IDS(1, 2, 9), IDS(9), COVERED(0, 1)},
        {"ids, then one of them", IDS(1, 2), ONE(2), COVERED(1, 0)},
        {"ids, then another", IDS(1, 2), IDS(3), NOT_COVERED},
        {"ids, then one more", IDS(1, 2), IDS(1, 2, 3), NOT_COVERED},
        {"ids, then all", IDS(1, 2, 3), EVERY, NOT_COVERED},
        {"ids, then another one", IDS(1, 2), ONE(3), NOT_COVERED},
        {"one, then the same", ONE(2), ONE(2), COVERED(1, 0)},
        {"one, then as ids", ONE(2), IDS(2), COVERED(1, 0)},
        {"one, then another", ONE(2), ONE(3), NOT_COVERED},
        {"one, then all", ONE(2), EVERY, NOT_COVERED},
    };

    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        guarded *c = GUARDED(NULL, CACHED, rows[i].first.single > 0 ? one : response_good);
        lock_sync_status status = rows[i].covered ? LOCK_SYNC_OK : LOCK_SYNC_E_TOO_SOON;
        lock_sync_results *first = NULL;
        lock_sync_results *r = NULL;

        t_row("%s", rows[i].name);
        CHECK_OK(ask(c->ctx, &rows[i].first, &first));
        CHECK(!lock_sync_results_is_cached(first));
        (void)usleep(2000);
        CHECK_INT(ask(c->ctx, &rows[i].second, &r), status);
        CHECK_INT(t_error_status(c->ctx), status);
        CHECK((r != NULL) == rows[i].covered);
        if (r != NULL) {
            CHECK(lock_sync_results_is_cached(r));
            CHECK_INT(lock_sync_results_fetched_at_ms(r), lock_sync_results_fetched_at_ms(first));
            CHECK_INT(lock_sync_results_count(r), rows[i].locks);
            CHECK_INT(lock_sync_results_missing_count(r), rows[i].missing);
        } else {
            CHECK(retry_after(c->ctx) > 0);
        }
        CHECK_INT(c->fake.performed, 1);
        lock_sync_results_free(first);
        lock_sync_results_free(r);
    }
}

static void check_cached(lock_sync_ctx *ctx, bool cached, size_t locks)
{
    lock_sync_results *r = NULL;

    CHECK_OK(lock_sync_fetch(ctx, ALL, &r));
    CHECK_INT(lock_sync_results_is_cached(r), cached);
    CHECK_INT(lock_sync_results_count(r), locks);
    lock_sync_results_free(r);
}

/* It is used after the guard's denials, not after failures. A slot is always used. A failure keeps the response. */
TEST(a_failure_is_reported_and_keeps_the_response)
{
    guarded *c = GUARDED(test_guard(5), CACHED, response_good, response_good, response_500);

    check_cached(c->ctx, false, 3);
    (void)usleep(6000);
    check_cached(c->ctx, false, 3);
    CHECK_OK(lock_sync_guard_set_min_interval_ms(c->guard, 1800000));
    check_cached(c->ctx, true, 3);
    CHECK_OK(lock_sync_guard_set_min_interval_ms(c->guard, 1));
    (void)usleep(2000);
    CHECK_INT(fetch_all(c->ctx), LOCK_SYNC_E_SERVER);
    CHECK_OK(lock_sync_guard_set_min_interval_ms(c->guard, 1800000));
    check_cached(c->ctx, true, 3);
}

TEST(the_results_outlive_the_context)
{
    guarded *c = GUARDED(NULL, CACHED, response_good);
    lock_sync_results *a;
    lock_sync_results *b;

    CHECK_OK(fetch_all(c->ctx));
    CHECK_OK(lock_sync_fetch(c->ctx, ALL, &a));
    CHECK_OK(lock_sync_fetch(c->ctx, ALL, &b));
    CHECK(a != b);
    t_release();
    CHECK_INT(lock_sync_results_at(a, 2)->id, 3);
    lock_sync_results_free(a);
    CHECK_INT(lock_sync_results_at(b, 2)->id, 3);
    lock_sync_results_free(b);
}

/* Makes a call on a context with a kept response, `ctx`, and checks whether it still has the response. */
#define CHECK_AFTER(call, status, is_kept)                                                                             \
  do {                                                                                                                 \
    lock_sync_ctx *ctx = GUARDED(NULL, CACHED, response_good)->ctx;                                                    \
                                                                                                                       \
    CHECK_OK(fetch_all(ctx));                                                                                          \
    CHECK_INT(call, status);                                                                                           \
    CHECK((fetch_all(ctx) == LOCK_SYNC_OK) == (is_kept));                                                              \
  } while (0)
#define CHECK_DROPS(call) CHECK_AFTER(call, LOCK_SYNC_OK, false)
#define CHECK_KEEPS(call) CHECK_AFTER(call, LOCK_SYNC_OK, true)
#define CHECK_REJECTED(call) CHECK_AFTER(call, LOCK_SYNC_E_INVALID_ARGUMENT, true)

static lock_sync_status change_mode_twice(lock_sync_ctx *ctx)
{
    CHECK_OK(lock_sync_set_guard_mode(ctx, LOCK_SYNC_GUARD_FAIL));
    return lock_sync_set_guard_mode(ctx, LOCK_SYNC_GUARD_CACHED);
}

TEST(changed_settings_drop_the_response)
{
    CHECK_DROPS(lock_sync_set_personal_key(ctx, "another-key"));
    CHECK_DROPS(lock_sync_set_personal_key(ctx, T_SECRET)); /* the same */
    CHECK_DROPS(lock_sync_set_access_token(ctx, "another-token"));
    CHECK_DROPS(lock_sync_set_access_token_until(ctx, "another-token", INT64_C(32503680000000)));
    CHECK_DROPS(lock_sync_set_base_url(ctx, "https://other.example"));
    CHECK_DROPS(lock_sync_set_base_url(ctx, NULL));
    CHECK_DROPS(lock_sync_set_api_version(ctx, "v36"));
    CHECK_DROPS(change_mode_twice(ctx));
    CHECK_KEEPS(lock_sync_set_guard_mode(ctx, LOCK_SYNC_GUARD_CACHED));
    CHECK_KEEPS(lock_sync_set_timeout_ms(ctx, 9000));
    CHECK_KEEPS(lock_sync_set_user_agent(ctx, "product/1"));
    CHECK_REJECTED(lock_sync_set_personal_key(ctx, "bad\nkey"));
    CHECK_REJECTED(lock_sync_set_base_url(ctx, "ftp://x"));
    CHECK_REJECTED(lock_sync_set_api_version(ctx, "/"));
}

static lock_sync_status set_token(void *user, lock_sync_ctx *ctx, bool rejected)
{
    (void)rejected;
    ++*(int *)user;
    return lock_sync_set_access_token(ctx, "token-of-the-provider");
}

/* A provider renews the token of the same account, so the response stays. */
TEST(a_providers_token_keeps_the_response)
{
    guarded *c = GUARDED(test_guard(5), CACHED, response_good, response_401, response_500);
    int calls = 0;

    CHECK_OK(lock_sync_set_token_provider(c->ctx, set_token, &calls));
    CHECK_OK(fetch_all(c->ctx));
    (void)usleep(6000);
    CHECK_INT(fetch_all(c->ctx), LOCK_SYNC_E_SERVER); /* 401, another token, 500 */
    CHECK_INT(calls, 1);
    CHECK_INT(c->fake.performed, 3);
    CHECK_OK(lock_sync_guard_set_min_interval_ms(c->guard, 3600000));
    check_cached(c->ctx, true, 3);
    CHECK_INT(c->fake.performed, 3);
}

/* With too many ids for a URL the request is for all locks. That whole response is kept. */
TEST(a_response_with_more_locks_than_requested_is_kept_whole)
{
    enum { MANY = 600 };
    guarded *c = GUARDED(NULL, CACHED, response_good);
    int64_t ids[MANY];
    lock_sync_results *r;

    for (size_t i = 0; i < MANY; i++)
        ids[i] = INT64_C(1000000) + (int64_t)i;
    ids[7] = 2;
    CHECK_OK(lock_sync_fetch(c->ctx, ids, MANY, &r));
    CHECK(strchr(c->fake.url[0], '?') == NULL);
    CHECK_INT(lock_sync_results_count(r), 1);
    CHECK_INT(lock_sync_results_missing_count(r), MANY - 1);
    lock_sync_results_free(r);
    check_cached(c->ctx, true, 3);
    CHECK_INT(c->fake.performed, 1);
}

/* Each allocation fails once. tests/torture tests that a kept response is used without memory. */
TEST(a_response_that_cannot_be_kept_is_not_returned)
{
    static const int64_t two[] = {1, 3};
    size_t failed = 0;
    size_t denied = 1;

    for (size_t n = 0; denied > 0; n++) {
        t_heap heap = {0};
        t_fake fake;
        lock_sync_ctx *ctx = ctx_in_heap(&heap, &fake);
        lock_sync_results *r;
        lock_sync_status status;

        t_row("allocation %zu", n);
        CHECK_OK(lock_sync_set_guard_mode(ctx, LOCK_SYNC_GUARD_CACHED));
        t_heap_fail_in(&heap, n);
        status = lock_sync_fetch(ctx, two, 2, &r);
        CHECK(status == LOCK_SYNC_OK || (status == LOCK_SYNC_E_NO_MEMORY && heap.failed == 1));
        CHECK((r != NULL) == (status == LOCK_SYNC_OK));
        failed += status != LOCK_SYNC_OK;
        denied = heap.failed;
        lock_sync_results_free(r);
        lock_sync_ctx_free(ctx);
        t_heap_check_empty(&heap);
    }
    CHECK(failed >= 3); /* the request, the body, the part of the response */
}
