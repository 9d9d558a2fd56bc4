/* The host's allocator sees every allocation of the library: this program is linked so that each call of malloc and
   its kin from inside the library comes here, and a whole life makes none. (libcurl's and jansson's calls are their
   own.) */
#include <locksync/locksync.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define GOOD "{\"result\":[{\"id\":3},{\"id\":1,\"deviceState\":{\"state\":6}}]}"

void *__real_malloc(size_t size);
void *__real_realloc(void *block, size_t size);
void __real_free(void *block);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_realloc(void *block, size_t size);
void __wrap_free(void *block);

static int past_the_host; /* calls that did not go through the host's functions */
static int through_the_host;

void *__wrap_malloc(size_t size)
{
    past_the_host++;
    return __real_malloc(size);
}

void *__wrap_calloc(size_t n, size_t size)
{
    void *block = __wrap_malloc(n * size);

    if (block != NULL)
        memset(block, 0, n * size);
    return block;
}

void *__wrap_realloc(void *block, size_t size)
{
    past_the_host++;
    return __real_realloc(block, size);
}

void __wrap_free(void *block)
{
    past_the_host++;
    __real_free(block);
}

static void *allocate(void *user, size_t size)
{
    (void)user;
    through_the_host++;
    return __real_malloc(size);
}

static void *reallocate(void *user, void *block, size_t size)
{
    (void)user;
    through_the_host++;
    return __real_realloc(block, size);
}

static void release(void *user, void *block)
{
    (void)user;
    __real_free(block);
}

static const lock_sync_allocator host = {sizeof host, NULL, allocate, reallocate, release};

static lock_sync_status answer(void *user, const lock_sync_request *request, lock_sync_response *response)
{
    const char *body = user;

    (void)request;
    (void)lock_sync_response_set_status(response, 200);
    (void)lock_sync_response_add_header(response, "X-Correlation-ID", "c-1");
    return lock_sync_response_append_body(response, body, strlen(body));
}

static lock_sync_ctx *context(const char *body)
{
    lock_sync_transport transport = {sizeof transport, (char *)(uintptr_t)body, answer, NULL, NULL};
    lock_sync_ctx *ctx;

    assert_int_equal(lock_sync_ctx_new_with_allocator(&host, &ctx), LOCK_SYNC_OK);
    assert_int_equal(lock_sync_set_personal_key(ctx, "key"), LOCK_SYNC_OK);
    assert_int_equal(lock_sync_set_base_url(ctx, "http://127.0.0.1:1"), LOCK_SYNC_OK);
    if (body != NULL)
        assert_int_equal(lock_sync_set_transport(ctx, &transport), LOCK_SYNC_OK);
    return ctx;
}

static void check_only_the_host_was_asked(void)
{
    assert_true(through_the_host > 0);
    assert_int_equal(past_the_host, 0);
}

static int forget(void **user)
{
    (void)user;
    past_the_host = through_the_host = 0;
    return 0;
}

static void fetches_and_their_errors(void **user)
{
    static const int64_t ids[] = {3, 9};
    static const struct {
        const char *body; /* NULL: the built-in transport, which meets a closed port */
        lock_sync_status want;
    } table[] = {{GOOD, LOCK_SYNC_OK},
                 {"{\"result\":[{}]}", LOCK_SYNC_E_MALFORMED},
                 {"{\"success\":false,\"errorMessages\":[\"a\",\"b\"]}", LOCK_SYNC_E_API},
#ifdef HAS_CURL
                 {NULL, LOCK_SYNC_E_CONNECT}
#endif
    };

    (void)user;
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        lock_sync_ctx *ctx = context(table[i].body);
        lock_sync_results *results;

        assert_int_equal(lock_sync_set_guard_mode(ctx, LOCK_SYNC_GUARD_CACHED), LOCK_SYNC_OK);
        assert_int_equal(lock_sync_fetch(ctx, ids, 2, &results), table[i].want);
        lock_sync_results_free(results);
        (void)lock_sync_fetch(ctx, ids, 1, &results); /* from the cache, where the first was good */
        lock_sync_results_free(results);
        lock_sync_ctx_free(ctx);
    }
    check_only_the_host_was_asked();
}

static void the_pure_middle(void **user)
{
    lock_sync_ctx *ctx = context(NULL);
    lock_sync_request *q;
    lock_sync_response *s;
    lock_sync_results *r;

    (void)user;
    assert_int_equal(lock_sync_request_build(ctx, NULL, 0, &q), LOCK_SYNC_OK);
    assert_int_equal(lock_sync_response_new(ctx, &s), LOCK_SYNC_OK);
    assert_int_equal(lock_sync_response_set_status(s, 200), LOCK_SYNC_OK);
    assert_int_equal(lock_sync_response_append_body(s, GOOD, strlen(GOOD)), LOCK_SYNC_OK);
    assert_int_equal(lock_sync_response_decode(ctx, q, s, &r), LOCK_SYNC_OK);
    lock_sync_results_free(r);
    lock_sync_response_free(s);
    lock_sync_request_free(q);
    lock_sync_ctx_free(ctx);
    check_only_the_host_was_asked();
}

static void a_watch_and_its_changes(void **user)
{
    lock_sync_ctx *ctx = context(GOOD);
    lock_sync_watch *watch;
    lock_sync_changes *changes;

    (void)user;
    assert_int_equal(lock_sync_watch_new(ctx, NULL, 0, &watch), LOCK_SYNC_OK);
    assert_int_equal(lock_sync_watch_next(watch, 0, &changes), LOCK_SYNC_OK);
    assert_int_equal(lock_sync_changes_count(changes), 2);
    lock_sync_changes_free(changes);
    lock_sync_watch_free(watch);
    lock_sync_ctx_free(ctx);
    check_only_the_host_was_asked();
}

static void a_guard_in_memory(void **user)
{
    lock_sync_guard *guard;

    (void)user;
    assert_int_equal(lock_sync_guard_new_with_allocator(&host, &guard), LOCK_SYNC_OK);
    assert_int_equal(lock_sync_guard_reserve(guard, 0, NULL, NULL), LOCK_SYNC_OK);
    lock_sync_guard_unref(guard);
    check_only_the_host_was_asked();
}

#ifdef HAS_POOL
static void done(void *user, lock_sync_ctx *ctx, lock_sync_status status, lock_sync_results *results)
{
    (void)ctx;
    lock_sync_results_free(results);
    assert_int_equal(status, LOCK_SYNC_E_CONNECT);
    ++*(int *)user;
}

static void a_pool(void **user)
{
    lock_sync_ctx *ctx = context(NULL);
    lock_sync_pool *pool;
    int ended = 0;

    (void)user;
    assert_int_equal(lock_sync_pool_new_with_allocator(&host, &pool), LOCK_SYNC_OK);
    assert_int_equal(lock_sync_pool_submit(pool, ctx, NULL, 0, done, &ended), LOCK_SYNC_OK);
    while (lock_sync_pool_pending(pool) > 0)
        assert_int_equal(lock_sync_pool_wait(pool, -1), LOCK_SYNC_OK);
    assert_int_equal(ended, 1);
    lock_sync_pool_free(pool);
    lock_sync_ctx_free(ctx);
    check_only_the_host_was_asked();
}
#endif

/* What has no allocator of the host's uses malloc's: else the checks above could not fail. */
static void without_one_it_is_malloc(void **user)
{
    lock_sync_ctx *ctx;

    (void)user;
    assert_int_equal(lock_sync_ctx_new(&ctx), LOCK_SYNC_OK);
    lock_sync_ctx_free(ctx);
    assert_true(past_the_host > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(fetches_and_their_errors, forget),
        cmocka_unit_test_setup(the_pure_middle, forget),
        cmocka_unit_test_setup(a_watch_and_its_changes, forget),
        cmocka_unit_test_setup(a_guard_in_memory, forget),
#ifdef HAS_POOL
        cmocka_unit_test_setup(a_pool, forget),
#endif
        cmocka_unit_test_setup(without_one_it_is_malloc, forget),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
