/* Mode CACHED: the last good answer of this context, when the guard refuses and the answer covers what is asked. */
#include "contexts.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define ALL NULL, 0

typedef struct question {
    int64_t ids[4];
    size_t n;
    int64_t single;
} question;

static lock_sync_status ask(lock_sync_ctx *ctx, const question *q, lock_sync_results **r)
{
    return q->single > 0 ? lock_sync_fetch_one(ctx, q->single, r) : lock_sync_fetch(ctx, q->n == 0 ? NULL : q->ids, q->n, r);
}

/* First one question, answered by the service; then another, for which the guard has no slot. */
TEST(what_an_answer_covers)
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
        {"all, then all", {{0}, 0, 0}, {{0}, 0, 0}, true, 3, 0},
        {"all, then some", {{0}, 0, 0}, {{3, 1}, 2, 0}, true, 2, 0},
        {"all, then some and one that is not there", {{0}, 0, 0}, {{3, 9}, 2, 0}, true, 1, 1},
        {"all, then only one that is not there", {{0}, 0, 0}, {{9}, 1, 0}, true, 0, 1},
        {"all, then one", {{0}, 0, 0}, {{0}, 0, 2}, true, 1, 0},
        {"all, then one that is not there", {{0}, 0, 0}, {{0}, 0, 9}, false, 0, 0},
        {"ids, then the same", {{1, 2}, 2, 0}, {{1, 2}, 2, 0}, true, 2, 0},
        {"ids, then in another order, twice", {{1, 2}, 2, 0}, {{2, 1, 2}, 3, 0}, true, 2, 0},
        {"ids, then fewer", {{1, 2, 9}, 3, 0}, {{2}, 1, 0}, true, 1, 0},
        {"ids, then the one that was missing", {{1, 2, 9}, 3, 0}, {{9}, 1, 0}, true, 0, 1},
        {"ids, then one of them", {{1, 2}, 2, 0}, {{0}, 0, 2}, true, 1, 0},
        {"ids, then another", {{1, 2}, 2, 0}, {{3}, 1, 0}, false, 0, 0},
        {"ids, then one more", {{1, 2}, 2, 0}, {{1, 2, 3}, 3, 0}, false, 0, 0},
        {"ids, then all", {{1, 2, 3}, 3, 0}, {{0}, 0, 0}, false, 0, 0},
        {"ids, then another one", {{1, 2}, 2, 0}, {{0}, 0, 3}, false, 0, 0},
        {"one, then it", {{0}, 0, 2}, {{0}, 0, 2}, true, 1, 0},
        {"one, then as ids", {{0}, 0, 2}, {{2}, 1, 0}, true, 1, 0},
        {"one, then another", {{0}, 0, 2}, {{0}, 0, 3}, false, 0, 0},
        {"one, then all", {{0}, 0, 2}, {{0}, 0, 0}, false, 0, 0},
    };

    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        t_fake fake = {.steps = rows[i].first.single > 0 ? &one : &answer_good, .step_count = 1};
        lock_sync_ctx *ctx = guarded_ctx(&fake, NULL, LOCK_SYNC_GUARD_CACHED);
        lock_sync_results *first = NULL;
        lock_sync_results *r = NULL;

        t_row("%s", rows[i].name);
        CHECK_OK(ask(ctx, &rows[i].first, &first));
        CHECK(!lock_sync_results_is_cached(first));
        (void)usleep(2000);
        CHECK_INT(ask(ctx, &rows[i].second, &r), rows[i].covered ? LOCK_SYNC_OK : LOCK_SYNC_E_TOO_SOON);
        CHECK_INT(t_error_status(ctx), rows[i].covered ? LOCK_SYNC_OK : LOCK_SYNC_E_TOO_SOON);
        CHECK((r != NULL) == rows[i].covered);
        if (r != NULL) {
            CHECK(lock_sync_results_is_cached(r));
            CHECK_INT(lock_sync_results_fetched_at_ms(r), lock_sync_results_fetched_at_ms(first));
            CHECK_INT(lock_sync_results_count(r), rows[i].locks);
            CHECK_INT(lock_sync_results_missing_count(r), rows[i].missing);
        } else {
            CHECK(retry_after(ctx) > 0);
        }
        CHECK_INT(fake.performed, 1);
        lock_sync_results_free(first);
        lock_sync_results_free(r);
        lock_sync_ctx_free(ctx);
    }
}

TEST(a_slot_is_always_used)
{
    t_fake fake = {.steps = &answer_good, .step_count = 1};
    lock_sync_guard *g = memory_guard(5);
    lock_sync_ctx *ctx = guarded_ctx(&fake, g, LOCK_SYNC_GUARD_CACHED);
    lock_sync_results *r;

    CHECK_OK(fetch_all(ctx));
    (void)usleep(6000);
    CHECK_OK(lock_sync_fetch(ctx, ALL, &r));
    CHECK(!lock_sync_results_is_cached(r));
    CHECK_INT(fake.performed, 2);
    lock_sync_results_free(r);
    lock_sync_ctx_free(ctx);
    lock_sync_guard_unref(g);
}

/* The cache is for the guard's refusals, not for failures; these leave it. */
TEST(failures_are_failures)
{
    const t_step steps[] = {answer_good, answer_500};
    t_fake fake = {.steps = steps, .step_count = 2};
    lock_sync_guard *g = memory_guard(5);
    lock_sync_ctx *ctx = guarded_ctx(&fake, g, LOCK_SYNC_GUARD_CACHED);
    lock_sync_results *r;

    CHECK_OK(fetch_all(ctx));
    (void)usleep(6000);
    CHECK_OK(lock_sync_guard_set_min_interval_ms(g, 3600000 / 2)); /* from now on */
    CHECK_OK(lock_sync_fetch(ctx, ALL, &r));
    CHECK(lock_sync_results_is_cached(r));
    lock_sync_results_free(r);
    CHECK_OK(lock_sync_guard_set_min_interval_ms(g, 1));
    CHECK_INT(fetch_all(ctx), LOCK_SYNC_E_SERVER);
    CHECK_OK(lock_sync_guard_set_min_interval_ms(g, 3600000 / 2));
    CHECK_OK(lock_sync_fetch(ctx, ALL, &r));
    CHECK(lock_sync_results_is_cached(r));
    CHECK_INT(lock_sync_results_count(r), 3);
    lock_sync_results_free(r);
    lock_sync_ctx_free(ctx);
    lock_sync_guard_unref(g);
}

TEST(the_results_are_copies)
{
    t_fake fake = {.steps = &answer_good, .step_count = 1};
    lock_sync_ctx *ctx = guarded_ctx(&fake, NULL, LOCK_SYNC_GUARD_CACHED);
    lock_sync_results *a;
    lock_sync_results *b;

    CHECK_OK(fetch_all(ctx));
    CHECK_OK(lock_sync_fetch(ctx, ALL, &a));
    CHECK_OK(lock_sync_fetch(ctx, ALL, &b));
    CHECK(a != b);
    lock_sync_ctx_free(ctx);
    CHECK_INT(lock_sync_results_at(a, 2)->id, 3); /* they outlive the context */
    lock_sync_results_free(a);
    CHECK_INT(lock_sync_results_at(b, 2)->id, 3);
    lock_sync_results_free(b);
}

typedef lock_sync_status (*change_fn)(lock_sync_ctx *ctx);

static lock_sync_status new_key(lock_sync_ctx *ctx)
{
    return lock_sync_set_personal_key(ctx, "another-key");
}

static lock_sync_status same_key(lock_sync_ctx *ctx)
{
    return lock_sync_set_personal_key(ctx, T_SECRET);
}

static lock_sync_status new_token(lock_sync_ctx *ctx)
{
    return lock_sync_set_access_token(ctx, "another-token");
}

static lock_sync_status new_token_until(lock_sync_ctx *ctx)
{
    return lock_sync_set_access_token_until(ctx, "another-token", INT64_C(32503680000000));
}

static lock_sync_status new_url(lock_sync_ctx *ctx)
{
    return lock_sync_set_base_url(ctx, "https://other.example");
}

static lock_sync_status default_url(lock_sync_ctx *ctx)
{
    return lock_sync_set_base_url(ctx, NULL);
}

static lock_sync_status new_version(lock_sync_ctx *ctx)
{
    return lock_sync_set_api_version(ctx, "v36");
}

static lock_sync_status mode_to_and_fro(lock_sync_ctx *ctx)
{
    lock_sync_status status = lock_sync_set_guard_mode(ctx, LOCK_SYNC_GUARD_FAIL);

    return status == LOCK_SYNC_OK ? lock_sync_set_guard_mode(ctx, LOCK_SYNC_GUARD_CACHED) : status;
}

static lock_sync_status same_mode(lock_sync_ctx *ctx)
{
    return lock_sync_set_guard_mode(ctx, LOCK_SYNC_GUARD_CACHED);
}

static lock_sync_status other_settings(lock_sync_ctx *ctx)
{
    lock_sync_status status = lock_sync_set_timeout_ms(ctx, 9000);

    return status == LOCK_SYNC_OK ? lock_sync_set_user_agent(ctx, "product/1") : status;
}

static lock_sync_status refused_settings(lock_sync_ctx *ctx)
{
    return lock_sync_set_personal_key(ctx, "bad\nkey") == LOCK_SYNC_E_INVALID_ARGUMENT &&
                   lock_sync_set_base_url(ctx, "ftp://x") == LOCK_SYNC_E_INVALID_ARGUMENT &&
                   lock_sync_set_api_version(ctx, "/") == LOCK_SYNC_E_INVALID_ARGUMENT
               ? LOCK_SYNC_OK
               : LOCK_SYNC_E_MALFORMED;
}

TEST(what_drops_the_answer)
{
    static const struct {
        const char *name;
        change_fn change;
        bool drops;
    } rows[] = {{"another key", new_key, true},          {"the same key", same_key, true},
                {"a token", new_token, true},            {"a token with its end", new_token_until, true},
                {"another base URL", new_url, true},     {"the default base URL", default_url, true},
                {"another version", new_version, true},  {"another mode", mode_to_and_fro, true},
                {"the same mode", same_mode, false},     {"other settings", other_settings, false},
                {"refused settings", refused_settings, false}};

    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        t_fake fake = {.steps = &answer_good, .step_count = 1};
        lock_sync_ctx *ctx = guarded_ctx(&fake, NULL, LOCK_SYNC_GUARD_CACHED);

        t_row("%s", rows[i].name);
        CHECK_OK(fetch_all(ctx));
        CHECK_OK(rows[i].change(ctx));
        CHECK_INT(fetch_all(ctx), rows[i].drops ? LOCK_SYNC_E_TOO_SOON : LOCK_SYNC_OK);
        lock_sync_ctx_free(ctx);
    }
}

static lock_sync_status give_token(void *user, lock_sync_ctx *ctx, bool refused)
{
    (void)refused;
    ++*(int *)user;
    return lock_sync_set_access_token(ctx, "token-of-the-provider");
}

/* A provider renews a token of the same account: its answer stays. */
TEST(a_providers_token_drops_nothing)
{
    const t_step steps[] = {answer_good, answer_401, answer_500};
    t_fake fake = {.steps = steps, .step_count = 3};
    int asked = 0;
    lock_sync_guard *g = memory_guard(5);
    lock_sync_ctx *ctx = guarded_ctx(&fake, g, LOCK_SYNC_GUARD_CACHED);

    CHECK_OK(lock_sync_set_token_provider(ctx, give_token, &asked));
    CHECK_OK(fetch_all(ctx));
    (void)usleep(6000);
    CHECK_INT(fetch_all(ctx), LOCK_SYNC_E_SERVER); /* 401, another token, 500 */
    CHECK_INT(asked, 1);
    CHECK_INT(fake.performed, 3);
    CHECK_OK(lock_sync_guard_set_min_interval_ms(g, 3600000));
    CHECK_OK(fetch_all(ctx));
    CHECK_INT(fake.performed, 3);
    lock_sync_ctx_free(ctx);
    lock_sync_guard_unref(g);
}

/* With too many ids for a URL all locks are asked for: that answer is kept as wide as it was. */
TEST(an_answer_wider_than_the_question_is_kept_whole)
{
    enum { MANY = 600 };
    t_fake fake = {.steps = &answer_good, .step_count = 1};
    lock_sync_ctx *ctx = guarded_ctx(&fake, NULL, LOCK_SYNC_GUARD_CACHED);
    int64_t ids[MANY];
    lock_sync_results *r;

    for (size_t i = 0; i < MANY; i++)
        ids[i] = INT64_C(1000000) + (int64_t)i;
    ids[7] = 2;
    CHECK_OK(lock_sync_fetch(ctx, ids, MANY, &r));
    CHECK(strchr(fake.url[0], '?') == NULL);
    CHECK_INT(lock_sync_results_count(r), 1);
    CHECK_INT(lock_sync_results_missing_count(r), MANY - 1);
    lock_sync_results_free(r);
    CHECK_OK(lock_sync_fetch(ctx, ALL, &r));
    CHECK(lock_sync_results_is_cached(r));
    CHECK_INT(lock_sync_results_count(r), 3);
    lock_sync_results_free(r);
    CHECK_INT(fake.performed, 1);
    lock_sync_ctx_free(ctx);
}

TEST(an_answer_that_cannot_be_kept_is_not_given)
{
    static const int64_t two[] = {1, 3};
    t_fake fake = {.steps = &answer_good, .step_count = 1};
    size_t failed = 0;
    size_t refused = 1;

    for (size_t n = 0; refused > 0; n++) {
        t_heap heap = {0};
        lock_sync_allocator memory = t_heap_allocator(&heap);
        lock_sync_transport transport = t_fake_transport(&fake);
        lock_sync_ctx *ctx;
        lock_sync_results *r;
        lock_sync_status status;

        t_row("allocation %zu", n);
        MUST_OK(lock_sync_ctx_new_with_allocator(&memory, &ctx));
        CHECK_OK(lock_sync_set_personal_key(ctx, T_SECRET));
        CHECK_OK(lock_sync_set_transport(ctx, &transport));
        CHECK_OK(lock_sync_set_guard_mode(ctx, LOCK_SYNC_GUARD_CACHED));
        t_heap_fail_in(&heap, n);
        status = lock_sync_fetch(ctx, two, 2, &r);
        CHECK(status == LOCK_SYNC_OK || (status == LOCK_SYNC_E_NO_MEMORY && heap.refused == 1));
        CHECK((r != NULL) == (status == LOCK_SYNC_OK));
        failed += status != LOCK_SYNC_OK;
        refused = heap.refused;
        lock_sync_results_free(r);
        lock_sync_ctx_free(ctx);
        t_heap_check_empty(&heap);
    }
    CHECK(failed >= 3); /* the request, the body, what is cut from the answer */
}

TEST(without_memory_there_is_no_cached_answer)
{
    t_fake fake = {.steps = &answer_good, .step_count = 1};
    t_heap heap = {0};
    lock_sync_allocator memory = t_heap_allocator(&heap);
    lock_sync_transport transport = t_fake_transport(&fake);
    lock_sync_ctx *ctx;

    MUST_OK(lock_sync_ctx_new_with_allocator(&memory, &ctx));
    CHECK_OK(lock_sync_set_personal_key(ctx, T_SECRET));
    CHECK_OK(lock_sync_set_transport(ctx, &transport));
    CHECK_OK(lock_sync_set_guard_mode(ctx, LOCK_SYNC_GUARD_CACHED));
    CHECK_OK(fetch_all(ctx));
    for (size_t n = 0; n < 6; n++) {
        lock_sync_status status;
        size_t refused = heap.refused;

        t_heap_fail_in(&heap, n);
        status = fetch_all(ctx);
        CHECK(status == LOCK_SYNC_OK || heap.refused > refused);
        heap.fail_at = 0;
        CHECK_OK(fetch_all(ctx)); /* still there */
    }
    lock_sync_ctx_free(ctx);
    t_heap_check_empty(&heap);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        T(what_an_answer_covers),
        T(a_slot_is_always_used),
        T(failures_are_failures),
        T(the_results_are_copies),
        T(what_drops_the_answer),
        T(a_providers_token_drops_nothing),
        T(an_answer_wider_than_the_question_is_kept_whole),
        T(an_answer_that_cannot_be_kept_is_not_given),
        T(without_memory_there_is_no_cached_answer),
    };

    return T_MAIN(tests);
}
