/* Mode CACHED: the last good response of this context, when the guard denies and the response covers what is asked. */
#include "contexts.h"

#include <string.h>
#include <unistd.h>

#define ALL NULL, 0

typedef struct question {
    size_t n;
    int64_t ids[3];
    int64_t single;
} question;

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

static lock_sync_status ask(lock_sync_ctx *ctx, const question *q, lock_sync_results **r)
{
    return q->single > 0 ? lock_sync_fetch_one(ctx, q->single, r)
                         : lock_sync_fetch(ctx, q->n == 0 ? NULL : q->ids, q->n, r);
}

#define COVERED(locks, missing) true, locks, missing
#define NOT_COVERED false, 0, 0

/* First one question, answered by the service; then another, for which the guard has no slot. */
TEST(what_a_response_covers)
{
    static const t_step one = {.http = 200, .body = "{\"result\":{\"id\":2}}"};
    static const struct {
        const char *name;
        question first;
        question second;
        bool covered;
        size_t locks;
        size_t missing;
    } rows[] = {
        {"all, then all", EVERY, EVERY, COVERED(3, 0)},
        {"all, then some", EVERY, IDS(3, 1), COVERED(2, 0)},
        {"all, then some and one that is not there", EVERY, IDS(3, 9), COVERED(1, 1)},
        {"all, then only one that is not there", EVERY, IDS(9), COVERED(0, 1)},
        {"all, then one", EVERY, ONE(2), COVERED(1, 0)},
        {"all, then one that is not there", EVERY, ONE(9), NOT_COVERED},
        {"ids, then the same", IDS(1, 2), IDS(1, 2), COVERED(2, 0)},
        {"ids, then in another order, twice", IDS(1, 2), IDS(2, 1, 2), COVERED(2, 0)},
        {"ids, then fewer", IDS(1, 2, 9), IDS(2), COVERED(1, 0)},
        {"ids, then the one that was missing", IDS(1, 2, 9), IDS(9), COVERED(0, 1)},
        {"ids, then one of them", IDS(1, 2), ONE(2), COVERED(1, 0)},
        {"ids, then another", IDS(1, 2), IDS(3), NOT_COVERED},
        {"ids, then one more", IDS(1, 2), IDS(1, 2, 3), NOT_COVERED},
        {"ids, then all", IDS(1, 2, 3), EVERY, NOT_COVERED},
        {"ids, then another one", IDS(1, 2), ONE(3), NOT_COVERED},
        {"one, then it", ONE(2), ONE(2), COVERED(1, 0)},
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

/* It is for the guard's denials, not for failures, and a slot is always used; failures leave it. */
TEST(failures_are_failures)
{
    guarded *c = GUARDED(test_guard(5), CACHED, response_good, response_good, response_500);

    check_cached(c->ctx, false, 3);
    (void)usleep(6000);
    check_cached(c->ctx, false, 3);
    CHECK_OK(lock_sync_guard_set_min_interval_ms(c->guard, 1800000)); /* from now on */
    check_cached(c->ctx, true, 3);
    CHECK_OK(lock_sync_guard_set_min_interval_ms(c->guard, 1));
    (void)usleep(2000);
    CHECK_INT(fetch_all(c->ctx), LOCK_SYNC_E_SERVER);
    CHECK_OK(lock_sync_guard_set_min_interval_ms(c->guard, 1800000));
    check_cached(c->ctx, true, 3);
}

TEST(the_results_are_copies)
{
    guarded *c = GUARDED(NULL, CACHED, response_good);
    lock_sync_results *a;
    lock_sync_results *b;

    CHECK_OK(fetch_all(c->ctx));
    CHECK_OK(lock_sync_fetch(c->ctx, ALL, &a));
    CHECK_OK(lock_sync_fetch(c->ctx, ALL, &b));
    CHECK(a != b);
    t_release();
    CHECK_INT(lock_sync_results_at(a, 2)->id, 3); /* they outlive the context */
    lock_sync_results_free(a);
    CHECK_INT(lock_sync_results_at(b, 2)->id, 3);
    lock_sync_results_free(b);
}

/* Makes a call on a context that keeps a response, `ctx`, and checks whether the response is still there. */
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
#define CHECK_REFUSED(call) CHECK_AFTER(call, LOCK_SYNC_E_INVALID_ARGUMENT, true)

static lock_sync_status set_mode_to_and_fro(lock_sync_ctx *ctx)
{
    CHECK_OK(lock_sync_set_guard_mode(ctx, LOCK_SYNC_GUARD_FAIL));
    return lock_sync_set_guard_mode(ctx, LOCK_SYNC_GUARD_CACHED);
}

TEST(what_drops_the_response)
{
    CHECK_DROPS(lock_sync_set_personal_key(ctx, "another-key"));
    CHECK_DROPS(lock_sync_set_personal_key(ctx, T_SECRET)); /* the same */
    CHECK_DROPS(lock_sync_set_access_token(ctx, "another-token"));
    CHECK_DROPS(lock_sync_set_access_token_until(ctx, "another-token", INT64_C(32503680000000)));
    CHECK_DROPS(lock_sync_set_base_url(ctx, "https://other.example"));
    CHECK_DROPS(lock_sync_set_base_url(ctx, NULL));
    CHECK_DROPS(lock_sync_set_api_version(ctx, "v36"));
    CHECK_DROPS(set_mode_to_and_fro(ctx));
    CHECK_KEEPS(lock_sync_set_guard_mode(ctx, LOCK_SYNC_GUARD_CACHED));
    CHECK_KEEPS(lock_sync_set_timeout_ms(ctx, 9000));
    CHECK_KEEPS(lock_sync_set_user_agent(ctx, "product/1"));
    CHECK_REFUSED(lock_sync_set_personal_key(ctx, "bad\nkey"));
    CHECK_REFUSED(lock_sync_set_base_url(ctx, "ftp://x"));
    CHECK_REFUSED(lock_sync_set_api_version(ctx, "/"));
}

static lock_sync_status give_token(void *user, lock_sync_ctx *ctx, bool refused)
{
    (void)refused;
    ++*(int *)user;
    return lock_sync_set_access_token(ctx, "token-of-the-provider");
}

/* A provider renews a token of the same account: its response stays. */
TEST(a_providers_token_drops_nothing)
{
    guarded *c = GUARDED(test_guard(5), CACHED, response_good, response_401, response_500);
    int asked = 0;

    CHECK_OK(lock_sync_set_token_provider(c->ctx, give_token, &asked));
    CHECK_OK(fetch_all(c->ctx));
    (void)usleep(6000);
    CHECK_INT(fetch_all(c->ctx), LOCK_SYNC_E_SERVER); /* 401, another token, 500 */
    CHECK_INT(asked, 1);
    CHECK_INT(c->fake.performed, 3);
    CHECK_OK(lock_sync_guard_set_min_interval_ms(c->guard, 3600000));
    check_cached(c->ctx, true, 3);
    CHECK_INT(c->fake.performed, 3);
}

/* With too many ids for a URL all locks are asked for: that response is kept as wide as it was. */
TEST(a_response_wider_than_the_question_is_kept_whole)
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

/* When each allocation in turn fails. What is kept is found again without memory: see tests/torture. */
TEST(a_response_that_cannot_be_kept_is_not_given)
{
    static const int64_t two[] = {1, 3};
    size_t failed = 0;
    size_t refused = 1;

    for (size_t n = 0; refused > 0; n++) {
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
        refused = heap.failed;
        lock_sync_results_free(r);
        lock_sync_ctx_free(ctx);
        t_heap_check_empty(&heap);
    }
    CHECK(failed >= 3); /* the request, the body, what is cut from the response */
}
