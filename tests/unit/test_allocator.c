/* The application's allocator: its required functions. All memory is freed, and wiped if it had a credential. A call
   that runs out of memory changes nothing. tests/torture tests this for every call. */
#include "../support/fake.h"
#include "wire/request.h"
#include "wire/response.h"

#include <stdlib.h>
#include <string.h>

#define GOOD "{\"result\":[{\"id\":3},{\"id\":1,\"revision\":6},{\"id\":2},{\"id\":1,\"revision\":6}]}"
#define SECRET "eyJhbGciOi.J9.s1gnature_-x"

static const int64_t ids[] = {2, 1, 5};

TEST(an_allocator_has_all_of_its_functions)
{
    static const char *const names[] = {"all", "no allocate", "no reallocate", "no release"};

    for (size_t i = 0; i < COUNT_OF(names); i++) {
        t_heap heap = {0};
        lock_sync_allocator memory = t_heap_allocator(&heap);
        lock_sync_ctx *ctx = (lock_sync_ctx *)(void *)&heap;

        t_row("%s", names[i]);
        memory.allocate = i == 1 ? NULL : memory.allocate;
        memory.reallocate = i == 2 ? NULL : memory.reallocate;
        memory.release = i == 3 ? NULL : memory.release;
        CHECK_INT(lock_sync_ctx_new_with_allocator(&memory, &ctx),
                  i == 0 ? LOCK_SYNC_OK : LOCK_SYNC_E_INVALID_ARGUMENT);
        CHECK((ctx != NULL) == (i == 0));
        memset(&memory, 0x5a, sizeof memory); /* copied */
        if (ctx != NULL)
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

TEST(objects_may_be_freed_in_any_order)
{
    for (size_t order = 0; order < 8; order++) {
        t_heap heap = {0};
        lock_sync_allocator memory = t_heap_allocator(&heap);
        lock_sync_ctx *ctx = NULL;
        lock_sync_request *q = NULL;
        lock_sync_response *s = NULL;
        lock_sync_results *r = NULL;

        t_row("from %zu, %s", order % 4, order < 4 ? "forwards" : "backwards");
        CHECK_OK(lock_sync_ctx_new_with_allocator(&memory, &ctx));
        CHECK_OK(lock_sync_set_personal_key(ctx, "k"));
        CHECK_OK(lock_sync_request_build(ctx, NULL, 0, &q));
        CHECK_OK(lock_sync_response_new(ctx, &s));
        CHECK_OK(lock_sync_response_set_status(s, 200));
        CHECK_OK(lock_sync_response_append_body(s, GOOD, strlen(GOOD)));
        CHECK_OK(lock_sync_response_decode(ctx, q, s, &r));
        for (size_t k = 0; k < 4; k++) {
            size_t which = (order < 4 ? order + k : order - k) % 4;

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

/* --- memory runs out --- */

static lock_sync_status new_token(void *user, lock_sync_ctx *ctx, bool rejected)
{
    (void)user;
    return lock_sync_set_access_token(ctx, rejected ? SECRET "-second" : SECRET);
}

#define DO(call)                                                                                                       \
  do {                                                                                                                 \
    lock_sync_status done = call;                                                                                      \
                                                                                                                       \
    if (done != LOCK_SYNC_OK)                                                                                          \
      return done;                                                                                                     \
  } while (false)

/* Sets, replaces and wipes credentials, tries invalid ones, then fetches with two of them. */
static lock_sync_status live(lock_sync_ctx *ctx, const lock_sync_transport *transport)
{
    lock_sync_request *q;
    lock_sync_results *r;

    DO(lock_sync_set_personal_key(ctx, SECRET));
    DO(lock_sync_set_access_token(ctx, SECRET "x"));
    DO(lock_sync_set_access_token(ctx, NULL));
    DO(lock_sync_set_access_token_until(ctx, SECRET, INT64_MAX));
    CHECK(lock_sync_set_personal_key(ctx, SECRET " ") != LOCK_SYNC_OK);
    DO(lock_sync_set_proxy(ctx, "http://user:" SECRET "@proxy"));
    CHECK(lock_sync_set_proxy(ctx, "http://user:" SECRET "@proxy:0") != LOCK_SYNC_OK);
    DO(lock_sync_set_proxy(ctx, "http://user:" SECRET "@proxy2"));
    DO(lock_sync_request_build_one(ctx, 1, &q));
    lock_sync_request_free(q);
    DO(lock_sync_set_guard_mode(ctx, LOCK_SYNC_GUARD_OFF));
    DO(lock_sync_set_transport(ctx, transport));
    DO(lock_sync_set_token_provider(ctx, new_token, NULL));
    DO(lock_sync_set_access_token(ctx, NULL));
    DO(lock_sync_fetch(ctx, ids, COUNT_OF(ids), &r)); /* SECRET, 401, SECRET-second, 200 */
    lock_sync_results_free(r);
    return LOCK_SYNC_OK;
}

/* Uses a context whose memory request `n` fails, alone or with all later ones. False: there were fewer requests. */
static bool live_without(size_t n, bool fail_later_ones)
{
    static const t_step steps[] = {{.http = 401, .body = "{\"errorMessages\":[\"a\"]}"},
                                   {.http = 200, .body = GOOD, .headers = {"X-Correlation-ID", "c"}}};
    t_heap heap = {.secret = SECRET, .goes_on = fail_later_ones};
    lock_sync_allocator memory = t_heap_allocator(&heap);
    t_fake fake = {.steps = steps, .step_count = 2};
    lock_sync_transport transport = t_fake_transport(&fake);
    lock_sync_ctx *ctx = (lock_sync_ctx *)(void *)&heap;
    lock_sync_status status;

    t_row("request %zu%s", n, fail_later_ones ? " and all later ones" : "");
    t_heap_fail_in(&heap, n);
    status = lock_sync_ctx_new_with_allocator(&memory, &ctx);
    CHECK((ctx != NULL) == (status == LOCK_SYNC_OK));
    if (status == LOCK_SYNC_OK)
        status = live(ctx, &transport);
    if (heap.failed == 0)
        CHECK_OK(status);
    else if (status != LOCK_SYNC_OK) /* E_UNAUTHORIZED: no memory for the body of the 401 */
        CHECK(status == LOCK_SYNC_E_NO_MEMORY || status == LOCK_SYNC_E_UNAUTHORIZED);
    lock_sync_ctx_free(ctx);
    t_heap_check_empty(&heap);
    return heap.failed > 0;
}

TEST(all_memory_is_freed_and_wiped_wherever_it_runs_out)
{
    for (int fail_later_ones = 0; fail_later_ones <= 1; fail_later_ones++) {
        size_t n = 0;

        while (live_without(n, fail_later_ones != 0))
            n++;
        CHECK(n > 10);
    }
}

TEST(a_setting_without_memory_is_unchanged)
{
    static const struct {
        const char *name;
        lock_sync_status (*set)(lock_sync_ctx *ctx, const char *text);
        const char *text;
    } table[] = {
        {"personal key", lock_sync_set_personal_key, "new"}, {"access token", lock_sync_set_access_token, "new"},
        {"base URL", lock_sync_set_base_url, "https://new"}, {"API version", lock_sync_set_api_version, "v2"},
        {"CA file", lock_sync_set_ca_file, "/new"},          {"proxy", lock_sync_set_proxy, "http://new"},
        {"user agent", lock_sync_set_user_agent, "new"},
    };

    for (size_t i = 0; i < COUNT_OF(table); i++) {
        t_heap heap = {0};
        lock_sync_allocator memory = t_heap_allocator(&heap);
        lock_sync_request *q;
        lock_sync_ctx *ctx;

        t_row("%s", table[i].name);
        MUST_OK(lock_sync_ctx_new_with_allocator(&memory, &ctx));
        CHECK_OK(lock_sync_set_personal_key(ctx, "old"));
        CHECK_OK(lock_sync_set_base_url(ctx, "https://old"));
        t_heap_fail_in(&heap, 0);
        CHECK_INT(table[i].set(ctx, table[i].text), LOCK_SYNC_E_NO_MEMORY);
        CHECK_INT(t_error_status(ctx), LOCK_SYNC_E_NO_MEMORY);
        CHECK(t_error_message(ctx)[0] != '\0');
        MUST_OK(lock_sync_request_build(ctx, ids, 3, &q));
        CHECK_TEXT(lock_sync_request_url(q), "https://old/api/v37/my/lock/sync?id=2&id=1&id=5");
        CHECK_TEXT(lock_sync_request_header_value(q, 1), "PersonalKey old");
        CHECK_TEXT(lock_sync_request_header_value(q, 2), "libgetlock-sync/0.1.0");
        lock_sync_request_free(q);
        CHECK_OK(table[i].set(ctx, table[i].text));
        lock_sync_ctx_free(ctx);
        t_heap_check_empty(&heap);
    }
}

TEST(an_append_without_memory_stays_failed)
{
    for (size_t n = 0; n < 3; n++) { /* the body grows from 4 KiB to 8 and to 16 */
        t_heap heap = {0};
        lock_sync_allocator memory = t_heap_allocator(&heap);
        lock_sync_status status = LOCK_SYNC_OK;
        char body[100] = "";
        lock_sync_response s;

        t_row("growth %zu", n);
        lsync_response_init(&s, &memory, 20000, 1);
        t_heap_fail_in(&heap, n);
        for (size_t at = 0; at < 10000 && status == LOCK_SYNC_OK; at += sizeof body)
            status = lock_sync_response_append_body(&s, body, sizeof body);
        CHECK_INT(status, LOCK_SYNC_E_NO_MEMORY);
        CHECK_INT(lock_sync_response_append_body(&s, "x", 1), LOCK_SYNC_E_NO_MEMORY);
        CHECK_INT(s.failed, LOCK_SYNC_E_NO_MEMORY);
        lsync_response_release(&s);
        t_heap_check_empty(&heap);
    }
}

TEST(a_request_is_one_block)
{
    static const lsync_request_spec spec = {.base_url = "https://h",
                                            .api_version = "v1",
                                            .authorization = "Bearer x",
                                            .user_agent = "a",
                                            .query = {.ids = ids, .n = 3}};
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
