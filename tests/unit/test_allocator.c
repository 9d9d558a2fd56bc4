/* The host's allocator: what it must be, that all of it comes back, and that each allocation may fail: E_NO_MEMORY,
   nothing lost, and the context as good as before. */
#include "../support/fake.h"
#include "wire/request.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define GOOD "{\"result\":[{\"id\":3},{\"id\":1,\"revision\":6},{\"id\":2},{\"id\":1,\"revision\":6}]}"

TEST(which_allocators_are_taken)
{
    static const struct {
        const char *name;
        size_t size;
        int missing; /* 1: allocate, 2: reallocate, 3: release */
        bool good;
    } table[] = {
        {"ours", sizeof(lock_sync_allocator), 0, true},
        {"longer", sizeof(lock_sync_allocator) + 32, 0, true},
        {"one byte short", sizeof(lock_sync_allocator) - 1, 0, false},
        {"without release", offsetof(lock_sync_allocator, release), 0, false},
        {"zero", 0, 0, false},
        {"allocate NULL", sizeof(lock_sync_allocator), 1, false},
        {"reallocate NULL", sizeof(lock_sync_allocator), 2, false},
        {"release NULL", sizeof(lock_sync_allocator), 3, false},
    };

    for (size_t i = 0; i < COUNT_OF(table); i++) {
        t_heap heap = {0};
        lock_sync_allocator memory = t_heap_allocator(&heap);
        lock_sync_ctx *ctx = (lock_sync_ctx *)(void *)&heap;

        t_row("%s", table[i].name);
        memory.struct_size = table[i].size;
        memory.allocate = table[i].missing == 1 ? NULL : memory.allocate;
        memory.reallocate = table[i].missing == 2 ? NULL : memory.reallocate;
        memory.release = table[i].missing == 3 ? NULL : memory.release;
        CHECK_INT(lock_sync_ctx_new_with_allocator(&memory, &ctx),
                  table[i].good ? LOCK_SYNC_OK : LOCK_SYNC_E_INVALID_ARGUMENT);
        CHECK((ctx != NULL) == table[i].good);
        memset(&memory, 0x5a, sizeof memory); /* copied */
        if (table[i].good)
            CHECK_OK(lock_sync_set_personal_key(ctx, "k"));
        lock_sync_ctx_free(ctx);
        t_heap_check_empty(&heap);
    }
}

TEST(null_is_malloc)
{
    lock_sync_ctx *ctx;

    CHECK_OK(lock_sync_ctx_new_with_allocator(NULL, &ctx));
    lock_sync_ctx_free(ctx);
    CHECK_INT(lock_sync_ctx_new_with_allocator(NULL, NULL), LOCK_SYNC_E_INVALID_ARGUMENT);
    CHECK_INT(lock_sync_ctx_new(NULL), LOCK_SYNC_E_INVALID_ARGUMENT);
}

/* --- a whole life --- */

static void live(lock_sync_ctx *ctx)
{
    static const int64_t ids[] = {3, 1, 9, 1};
    static const t_step steps[] = {{.http = 200, .body = GOOD, .headers = {"X-Correlation-ID", "c"}},
                                   {.http = 500, .body = "{\"errorMessages\":[\"a\",\"b\"]}"}};
    t_fake fake = {.steps = steps, .step_count = 2};
    lock_sync_results *r[2];

    CHECK_OK(lock_sync_set_personal_key(ctx, "key"));
    CHECK_OK(lock_sync_set_access_token_until(ctx, "token", INT64_MAX));
    CHECK_OK(lock_sync_set_base_url(ctx, "https://h/p/"));
    CHECK_OK(lock_sync_set_base_url(ctx, "http://127.0.0.1:80"));
    CHECK_OK(lock_sync_set_api_version(ctx, "v38"));
    CHECK_OK(lock_sync_set_ca_file(ctx, "/x"));
    CHECK_OK(lock_sync_set_proxy(ctx, "http://p"));
    CHECK_OK(lock_sync_set_user_agent(ctx, "a/1"));
    CHECK_INT(lock_sync_set_user_agent(ctx, ""), LOCK_SYNC_E_INVALID_ARGUMENT);
    t_fake_use(ctx, &fake);
    CHECK_OK(t_decode(ctx, &(t_answer){.ids = ids, .n = 4, .body = GOOD}, &r[0]));
    CHECK_INT(t_decode(ctx,
                       &(t_answer){.http = 429, .body = "{\"errorMessages\":[\"x\",\"y\"]}",
                                   .headers = {"X-Correlation-ID", "c"}},
                       &r[1]),
              LOCK_SYNC_E_RATE_LIMITED);
    CHECK_INT(t_decode(ctx, &(t_answer){.body = "{\"result\":[{}]}"}, &r[1]), LOCK_SYNC_E_MALFORMED);
    lock_sync_results_free(r[0]);
    CHECK_OK(lock_sync_fetch(ctx, ids, 4, &r[0]));
    CHECK_INT(lock_sync_fetch_one(ctx, 1, &r[1]), LOCK_SYNC_E_SERVER);
    lock_sync_results_free(r[0]);
    CHECK_OK(lock_sync_set_transport(ctx, NULL)); /* `fake` ends here */
    CHECK_INT(fake.destroyed, 1);
}

TEST(all_memory_of_a_life_comes_back)
{
    t_heap heap = {0};
    lock_sync_allocator memory = t_heap_allocator(&heap);
    lock_sync_ctx *ctx;

    MUST_OK(lock_sync_ctx_new_with_allocator(&memory, &ctx));
    live(ctx);
    CHECK(heap.blocks > 0);
    lock_sync_ctx_free(ctx);
    t_heap_check_empty(&heap);
}

TEST(objects_may_be_freed_in_any_order)
{
    for (int order = 0; order < 24; order++) {
        t_heap heap = {0};
        lock_sync_allocator memory = t_heap_allocator(&heap);
        lock_sync_ctx *ctx = NULL;
        lock_sync_request *q = NULL;
        lock_sync_response *s = NULL;
        lock_sync_results *r = NULL;
        bool freed[4] = {false};

        t_row("order %d", order);
        CHECK_OK(lock_sync_ctx_new_with_allocator(&memory, &ctx));
        CHECK_OK(lock_sync_set_personal_key(ctx, "k"));
        CHECK_OK(lock_sync_request_build(ctx, NULL, 0, &q));
        CHECK_OK(lock_sync_response_new(ctx, &s));
        CHECK_OK(lock_sync_response_set_status(s, 200));
        CHECK_OK(lock_sync_response_append_body(s, GOOD, strlen(GOOD)));
        CHECK_OK(lock_sync_response_decode(ctx, q, s, &r));
        for (int left = 4, code = order; left > 0; code /= left, left--) {
            int pick = code % left;
            int which = 0;

            for (; freed[which] || pick > 0; which++)
                pick -= !freed[which];
            freed[which] = true;
            if (which == 0)
                lock_sync_ctx_free(ctx);
            else if (which == 1)
                lock_sync_request_free(q);
            else if (which == 2)
                lock_sync_response_free(s);
            else
                lock_sync_results_free(r);
        }
        t_heap_check_empty(&heap);
    }
}

/* --- each allocation fails --- */

/* One call: what it needs is made before, its outs are left to be freed. */
typedef struct scene {
    lock_sync_ctx *ctx;
    lock_sync_request *q, *made_q;
    lock_sync_response *s, *made_s;
    lock_sync_results *made_r;
} scene;

static const int64_t scene_ids[] = {2, 1, 5};

static lock_sync_status call_key(scene *x)
{
    return lock_sync_set_personal_key(x->ctx, "new");
}

static lock_sync_status call_token(scene *x)
{
    return lock_sync_set_access_token(x->ctx, "new");
}

static lock_sync_status call_token_until(scene *x)
{
    return lock_sync_set_access_token_until(x->ctx, "new", INT64_MAX);
}

static lock_sync_status call_base_url(scene *x)
{
    return lock_sync_set_base_url(x->ctx, "https://new");
}

static lock_sync_status call_version(scene *x)
{
    return lock_sync_set_api_version(x->ctx, "v2");
}

static lock_sync_status call_ca_file(scene *x)
{
    return lock_sync_set_ca_file(x->ctx, "/new");
}

static lock_sync_status call_proxy(scene *x)
{
    return lock_sync_set_proxy(x->ctx, "http://new");
}

static lock_sync_status call_agent(scene *x)
{
    return lock_sync_set_user_agent(x->ctx, "new");
}

static lock_sync_status call_bad_url(scene *x)
{
    return lock_sync_set_base_url(x->ctx, "ftp://x");
}

static lock_sync_status call_build(scene *x)
{
    return lock_sync_request_build(x->ctx, scene_ids, 3, &x->made_q);
}

static lock_sync_status call_build_one(scene *x)
{
    return lock_sync_request_build_one(x->ctx, 1, &x->made_q);
}

static lock_sync_status call_response(scene *x)
{
    return lock_sync_response_new(x->ctx, &x->made_s);
}

static lock_sync_status call_decode(scene *x)
{
    return lock_sync_response_decode(x->ctx, x->q, x->s, &x->made_r);
}

static const struct {
    const char *name;
    lock_sync_status (*call)(scene *x);
    lock_sync_status want;
    bool may_do_without; /* a failure's own detail is left out when there is no memory for it */
    int32_t http;
    const char *body;
} calls[] = {
    {"set_personal_key", call_key, LOCK_SYNC_OK, false, 0, NULL},
    {"set_access_token", call_token, LOCK_SYNC_OK, false, 0, NULL},
    {"set_access_token_until", call_token_until, LOCK_SYNC_OK, false, 0, NULL},
    {"set_base_url", call_base_url, LOCK_SYNC_OK, false, 0, NULL},
    {"set_api_version", call_version, LOCK_SYNC_OK, false, 0, NULL},
    {"set_ca_file", call_ca_file, LOCK_SYNC_OK, false, 0, NULL},
    {"set_proxy", call_proxy, LOCK_SYNC_OK, false, 0, NULL},
    {"set_user_agent", call_agent, LOCK_SYNC_OK, false, 0, NULL},
    {"a refused setting", call_bad_url, LOCK_SYNC_E_INVALID_ARGUMENT, true, 0, NULL},
    {"request_build", call_build, LOCK_SYNC_OK, false, 0, NULL},
    {"request_build_one", call_build_one, LOCK_SYNC_OK, false, 0, NULL},
    {"response_new", call_response, LOCK_SYNC_OK, false, 0, NULL},
    {"decode", call_decode, LOCK_SYNC_OK, false, 200, GOOD},
    {"decode, empty result", call_decode, LOCK_SYNC_OK, false, 200, "{\"result\":[]}"},
    {"decode, malformed", call_decode, LOCK_SYNC_E_MALFORMED, true, 200, "{\"result\":"},
    {"decode, record without id", call_decode, LOCK_SYNC_E_MALFORMED, true, 200, "{\"result\":[{\"id\":1},{}]}"},
    {"decode, 401", call_decode, LOCK_SYNC_E_UNAUTHORIZED, true, 401, "{\"errorMessages\":[\"a\",\"b\",\"c\"]}"},
    {"decode, success false", call_decode, LOCK_SYNC_E_API, true, 200, "{\"success\":false,\"errorMessages\":[\"a\"]}"},
    {"decode, no result", call_decode, LOCK_SYNC_E_MALFORMED, true, 200, "{}"},
};

static scene set_scene(const lock_sync_allocator *memory, int32_t http, const char *body)
{
    scene x = {0};

    MUST_OK(lock_sync_ctx_new_with_allocator(memory, &x.ctx));
    CHECK_OK(lock_sync_set_personal_key(x.ctx, "old"));
    CHECK_OK(lock_sync_set_base_url(x.ctx, "https://old"));
    CHECK_OK(lock_sync_set_ca_file(x.ctx, "/old"));
    CHECK_OK(lock_sync_request_build(x.ctx, scene_ids, 3, &x.q));
    CHECK_OK(lock_sync_response_new(x.ctx, &x.s));
    if (http != 0) {
        CHECK_OK(lock_sync_response_set_status(x.s, http));
        CHECK_OK(lock_sync_response_add_header(x.s, "X-Correlation-ID", "c-1"));
        CHECK_OK(lock_sync_response_append_body(x.s, body, strlen(body)));
    }
    return x;
}

static void clear_scene(scene *x)
{
    lock_sync_results_free(x->made_r);
    lock_sync_response_free(x->made_s);
    lock_sync_request_free(x->made_q);
    lock_sync_response_free(x->s);
    lock_sync_request_free(x->q);
    lock_sync_ctx_free(x->ctx);
}

/* After a call that failed for want of memory: what the context was, and the same call again. */
static void check_still_usable(scene *x, size_t row)
{
    CHECK(x->made_q == NULL && x->made_s == NULL && x->made_r == NULL);
    CHECK(t_error_message(x->ctx)[0] != '\0');
    if (t_error_status(x->ctx) == LOCK_SYNC_E_NO_MEMORY && CHECK_OK(call_build(x))) {
        CHECK_TEXT(lock_sync_request_url(x->made_q), "https://old/api/v37/my/lock/sync?id=2&id=1&id=5");
        CHECK_TEXT(lock_sync_request_header_value(x->made_q, 1), "PersonalKey old");
        CHECK_TEXT(lock_sync_request_header_value(x->made_q, 2), "libgetlock-sync/0.1.0");
    }
    lock_sync_request_free(x->made_q);
    x->made_q = NULL;
    CHECK_INT(calls[row].call(x), calls[row].want);
}

/* One call with its allocation `n` failing, alone or with all after it. False when it does not allocate so often. */
static bool call_without_memory(size_t row, size_t n, bool goes_on)
{
    t_heap heap = {0};
    lock_sync_allocator memory = t_heap_allocator(&heap);
    scene x = set_scene(&memory, calls[row].http, calls[row].body);
    lock_sync_status status;
    bool refused;

    t_row("%s, allocation %zu%s", calls[row].name, n, goes_on ? " and all after it" : "");
    heap.goes_on = goes_on;
    t_heap_fail_in(&heap, n);
    status = calls[row].call(&x);
    heap.fail_at = 0;
    refused = heap.refused > 0;
    if (!refused) {
        CHECK_INT(status, calls[row].want);
    } else if (status != calls[row].want) {
        CHECK_INT(status, LOCK_SYNC_E_NO_MEMORY);
    } else if (!calls[row].may_do_without) {
        CHECK(!goes_on); /* one failure may be made up for by another way to the same end */
    }
    CHECK_INT(t_error_status(x.ctx), status);
    if (status == LOCK_SYNC_E_NO_MEMORY)
        check_still_usable(&x, row);
    clear_scene(&x);
    t_heap_check_empty(&heap);
    return refused;
}

TEST(each_allocation_of_each_call_may_fail)
{
    for (size_t i = 0; i < COUNT_OF(calls); i++) {
        for (int goes_on = 0; goes_on <= 1; goes_on++) {
            size_t n = 0;

            while (call_without_memory(i, n, goes_on != 0))
                n++;
            CHECK(n > 0);
        }
    }
}

TEST(a_context_that_cannot_be_made)
{
    t_heap heap = {0};
    lock_sync_allocator memory = t_heap_allocator(&heap);
    lock_sync_ctx *ctx = (lock_sync_ctx *)(void *)&heap;

    t_heap_fail_in(&heap, 0);
    CHECK_INT(lock_sync_ctx_new_with_allocator(&memory, &ctx), LOCK_SYNC_E_NO_MEMORY);
    CHECK(ctx == NULL);
    t_heap_check_empty(&heap);
}

TEST(an_append_without_memory_is_remembered)
{
    for (size_t n = 0; n < 3; n++) { /* the body grows from 4 KiB to 8 and to 16 */
        t_heap heap = {0};
        lock_sync_allocator memory = t_heap_allocator(&heap);
        scene x = set_scene(&memory, 0, NULL);
        char *body = t_repeat(' ', 10000);
        lock_sync_status status = LOCK_SYNC_OK;

        t_row("growth %zu", n);
        t_heap_fail_in(&heap, n);
        for (size_t at = 0; at < 10000 && status == LOCK_SYNC_OK; at += 100)
            status = lock_sync_response_append_body(x.s, body + at, 100);
        CHECK_INT(status, LOCK_SYNC_E_NO_MEMORY);
        heap.fail_at = 0;
        CHECK_INT(lock_sync_response_append_body(x.s, "x", 1), LOCK_SYNC_E_NO_MEMORY);
        CHECK_OK(lock_sync_response_set_status(x.s, 200));
        CHECK_INT(call_decode(&x), LOCK_SYNC_E_NO_MEMORY);
        CHECK_INT(t_error_status(x.ctx), LOCK_SYNC_E_NO_MEMORY);
        free(body);
        clear_scene(&x);
        t_heap_check_empty(&heap);
    }
}

TEST(each_allocation_of_a_fetch_may_fail)
{
    static const t_step step = {.http = 200, .body = GOOD, .headers = {"X-Correlation-ID", "c"}};
    size_t n = 0;

    for (bool refused = true; refused; n++) {
        t_heap heap = {0};
        lock_sync_allocator memory = t_heap_allocator(&heap);
        t_fake fake = {.steps = &step, .step_count = 1};
        lock_sync_status status;
        lock_sync_ctx *ctx;
        lock_sync_results *r;

        t_row("allocation %zu and all after it", n);
        MUST_OK(lock_sync_ctx_new_with_allocator(&memory, &ctx));
        CHECK_OK(lock_sync_set_personal_key(ctx, "k"));
        t_fake_use(ctx, &fake);
        heap.goes_on = true;
        t_heap_fail_in(&heap, n);
        status = lock_sync_fetch(ctx, scene_ids, 3, &r);
        refused = heap.refused > 0;
        CHECK_INT(status, refused ? LOCK_SYNC_E_NO_MEMORY : LOCK_SYNC_OK);
        heap.fail_at = 0;
        lock_sync_results_free(r);
        CHECK_OK(lock_sync_fetch(ctx, scene_ids, 3, &r));
        lock_sync_results_free(r);
        lock_sync_ctx_free(ctx);
        t_heap_check_empty(&heap);
    }
    CHECK(n > 1);
}

TEST(a_request_is_one_block)
{
    static const lsync_request_spec spec = {.base_url = "https://h", .api_version = "v1", .authorization = "Bearer x",
                                            .user_agent = "a", .ids = scene_ids, .id_count = 3};
    t_heap heap = {.secret = "Bearer x"};
    lock_sync_allocator memory = t_heap_allocator(&heap);
    lock_sync_request *q = lsync_request_new(&memory, &spec);

    CHECK_TEXT(lock_sync_request_url(q), "https://h/api/v1/my/lock/sync?id=2&id=1&id=5");
    CHECK_INT(heap.blocks, 1);
    lock_sync_request_free(q);
    t_heap_fail_in(&heap, 0);
    CHECK(lsync_request_new(&memory, &spec) == NULL);
    t_heap_check_empty(&heap);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        T(which_allocators_are_taken),
        T(null_is_malloc),
        T(all_memory_of_a_life_comes_back),
        T(objects_may_be_freed_in_any_order),
        T(each_allocation_of_each_call_may_fail),
        T(a_context_that_cannot_be_made),
        T(an_append_without_memory_is_remembered),
        T(each_allocation_of_a_fetch_may_fail),
        T(a_request_is_one_block),
    };

    return T_MAIN(tests);
}
