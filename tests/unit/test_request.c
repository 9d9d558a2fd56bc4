/* The request: URL, ids, headers, the 2,000-byte limit, and the arguments that are rejected before anything is sent. */
#include "../support/decoding.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BASE "https://api.tedee.com/api/v37/my/lock/"
#define MAX_ID INT64_C(9223372036854775807)

static void check_url(lock_sync_ctx *ctx, const int64_t *ids, size_t n, const char *url)
{
    lock_sync_request *q;

    CHECK_OK(lock_sync_request_build(ctx, n == 0 ? NULL : ids, n, &q));
    CHECK_TEXT(lock_sync_request_url(q), url);
    CHECK_TEXT(lock_sync_request_method(q), "GET");
    lock_sync_request_free(q);
}

TEST_WITH_CTX(each_id_is_in_the_url_once_in_the_order_of_the_call)
{
    static const struct {
        const char *name;
        const char *url;
        int64_t ids[6];
        size_t n;
    } table[] = {
        {"all locks", BASE "sync", {0}, 0},
        {"one", BASE "sync?id=1", {1}, 1},
        {"two", BASE "sync?id=1&id=2", {1, 2}, 2},
        {"descending", BASE "sync?id=3&id=2&id=1", {3, 2, 1}, 3},
        {"mixed order", BASE "sync?id=5&id=9&id=1&id=7", {5, 9, 1, 7}, 4},
        {"one id six times", BASE "sync?id=8", {8, 8, 8, 8, 8, 8}, 6},
        {"duplicates apart", BASE "sync?id=2&id=1&id=3", {2, 1, 2, 3, 1, 2}, 6},
        {"duplicates, the rest ascends", BASE "sync?id=1&id=2&id=3", {1, 2, 1, 3}, 4},
        {"the greatest id and the least", BASE "sync?id=9223372036854775807&id=1", {MAX_ID, 1}, 2},
    };
    int64_t many[5000];

    for (size_t i = 0; i < COUNT_OF(table); i++) {
        t_row("%s", table[i].name);
        check_url(ctx, table[i].ids, table[i].n, table[i].url);
    }
    t_row("duplicates do not count against the limit");
    for (size_t i = 0; i < COUNT_OF(many); i++)
        many[i] = i % 2 == 0 ? 22 : 11;
    check_url(ctx, many, COUNT_OF(many), BASE "sync?id=22&id=11");
}

/* A list that is empty by chance must not become a request for all locks. */
TEST_WITH_CTX(an_empty_list_is_rejected_by_all_functions_with_ids)
{
    static const int64_t ids[1] = {7};
    lock_sync_request *q = (lock_sync_request *)(void *)ctx;
    lock_sync_results *r = (lock_sync_results *)(void *)ctx;
    lock_sync_watch *w = (lock_sync_watch *)(void *)ctx;

    CHECK_INT(lock_sync_request_build(ctx, ids, 0, &q), LOCK_SYNC_E_INVALID_ARGUMENT);
    CHECK_TEXT(t_error_message(ctx), "the list of ids is empty; NULL asks for all");
    CHECK(q == NULL);
    CHECK_INT(lock_sync_fetch(ctx, ids, 0, &r), LOCK_SYNC_E_INVALID_ARGUMENT);
    CHECK_TEXT(t_error_message(ctx), "the list of ids is empty; NULL asks for all");
    CHECK(r == NULL);
    CHECK_INT(lock_sync_watch_new(ctx, ids, 0, &w), LOCK_SYNC_E_INVALID_ARGUMENT);
    CHECK_TEXT(t_error_message(ctx), "the list of ids is empty; NULL asks for all");
    CHECK(w == NULL);
}

TEST_WITH_CTX(one_lock_has_a_separate_endpoint)
{
    lock_sync_request *q;

    CHECK_OK(lock_sync_request_build_one(ctx, 1, &q));
    CHECK_TEXT(lock_sync_request_url(q), BASE "1/sync");
    lock_sync_request_free(q);
    CHECK_OK(lock_sync_request_build_one(ctx, MAX_ID, &q));
    CHECK_TEXT(lock_sync_request_url(q), BASE "9223372036854775807/sync");
    lock_sync_request_free(q);
}

/* Sets a base URL "https://h/aaa..." so long that the URL of a request for all locks has `size` bytes. */
static void set_url_size(lock_sync_ctx *ctx, size_t size)
{
    size_t padding = size - strlen("https://h/") - strlen("/api/v37/my/lock/sync");
    char *path = t_repeat('a', padding);
    char url[1100];

    (void)snprintf(url, sizeof url, "https://h/%s", path);
    free(path);
    CHECK_OK(lock_sync_set_base_url(ctx, url));
}

TEST_WITH_CTX(ids_that_would_exceed_2000_bytes_become_a_request_for_all_locks)
{
    static const struct {
        const char *name;
        size_t path;  /* bytes before the ids */
        size_t n;     /* ids of nine digits: 13 bytes each */
        int64_t last; /* one more id; 0: none */
        size_t size;  /* of the URL */
    } table[] = {
        {"exactly 2,000 bytes", 700, 100, 0, 2000},
        {"one beyond", 701, 100, 0, 701},
        {"one id of one digit fits", 695, 100, 7, 2000},
        {"one id of one digit does not fit", 696, 100, 7, 696},
        {"one id of two digits does not fit", 695, 100, 77, 695},
        {"exactly, with the longest id", 677, 100, MAX_ID, 2000},
        {"one beyond, with the longest id", 678, 100, MAX_ID, 678},
        {"far beyond", 700, 140, MAX_ID, 700},
        {"well below", 100, 100, 0, 1400},
    };
    int64_t ids[141];

    for (size_t i = 0; i < COUNT_OF(table); i++) {
        size_t n = table[i].n;
        lock_sync_request *q;
        const char *url;

        t_row("%s", table[i].name);
        for (size_t k = 0; k < n; k++)
            ids[k] = 999999999 - (int64_t)k;
        if (table[i].last != 0)
            ids[n++] = table[i].last;
        set_url_size(ctx, table[i].path);
        CHECK_OK(lock_sync_request_build(ctx, ids, n, &q));
        url = lock_sync_request_url(q);
        CHECK_INT(strlen(url), table[i].size);
        CHECK((strchr(url, '?') != NULL) == (table[i].size > table[i].path));
        lock_sync_request_free(q);
    }
}

TEST_WITH_CTX(a_response_for_all_locks_is_filtered_if_the_url_was_too_long)
{
    lock_sync_results *r;
    int64_t ids[200];

    for (size_t i = 0; i < COUNT_OF(ids); i++)
        ids[i] = 100000000 + (int64_t)i;
    CHECK_OK(t_decode(ctx,
                      &(t_response){.ids = ids,
                                    .n = COUNT_OF(ids),
                                    .body = "{\"result\":[{\"id\":5},{\"id\":100000199},{\"id\":100000000}]}"},
                      &r));
    CHECK_INT(lock_sync_results_count(r), 2);
    CHECK_INT(lock_sync_results_missing_count(r), 198);
    CHECK(lock_sync_results_find(r, 5) == NULL);
    lock_sync_results_free(r);
}

TEST_WITH_CTX(bad_ids_are_rejected_with_their_index)
{
    static const struct {
        const char *says;
        int64_t ids[4];
        size_t n;
    } table[] = {
        {"ids[0] is 0", {0}, 1},
        {"ids[0] is -1", {-1}, 1},
        {"ids[0] is -9223372036854775808", {INT64_MIN}, 1},
        {"ids[2] is 0", {1, 2, 0, 3}, 4},
        {"ids[3] is -7", {1, 2, 3, -7}, 4},
        {"ids[1] is -2", {1, -2, -3, 0}, 4},
    };

    for (size_t i = 0; i < COUNT_OF(table); i++) {
        lock_sync_request *q = (lock_sync_request *)(void *)ctx;
        lock_sync_request *one = (lock_sync_request *)(void *)ctx;

        t_row("%s", table[i].says);
        CHECK_INT(lock_sync_request_build(ctx, table[i].ids, table[i].n, &q), LOCK_SYNC_E_INVALID_ARGUMENT);
        CHECK(q == NULL);
        CHECK_INT(t_error_status(ctx), LOCK_SYNC_E_INVALID_ARGUMENT);
        CHECK_HOLDS(t_error_message(ctx), table[i].says);
        if (table[i].n > 1)
            continue;
        CHECK_INT(lock_sync_request_build_one(ctx, table[i].ids[0], &one), LOCK_SYNC_E_INVALID_ARGUMENT);
        CHECK(one == NULL);
    }
}

TEST_WITH_CTX(arguments_are_checked)
{
    static const int64_t ids[] = {1};
    lock_sync_request *q = (lock_sync_request *)(void *)ctx;
    lock_sync_request *one = (lock_sync_request *)(void *)ctx;

    CHECK_INT(lock_sync_request_build(ctx, NULL, 3, &q), LOCK_SYNC_E_INVALID_ARGUMENT);
    CHECK_HOLDS(t_error_message(ctx), "ids is NULL");
    CHECK_HOLDS(t_error_message(ctx), "3");
    if (SIZE_MAX > UINT32_MAX) {
        CHECK_INT(lock_sync_request_build(ctx, ids, SIZE_MAX, &q), LOCK_SYNC_E_INVALID_ARGUMENT);
        CHECK_HOLDS(t_error_message(ctx), "too many");
    }
    CHECK_INT(lock_sync_request_build(ctx, NULL, 0, NULL), LOCK_SYNC_E_INVALID_ARGUMENT);
    CHECK_HOLDS(t_error_message(ctx), "out");
    CHECK_INT(lock_sync_request_build_one(ctx, 1, NULL), LOCK_SYNC_E_INVALID_ARGUMENT);
    CHECK_INT(lock_sync_request_build(NULL, NULL, 0, &q), LOCK_SYNC_E_INVALID_ARGUMENT);
    CHECK_INT(lock_sync_request_build_one(NULL, 1, &one), LOCK_SYNC_E_INVALID_ARGUMENT);
    CHECK(q == NULL && one == NULL);
}

static const char *header(const lock_sync_request *q, const char *name)
{
    const char *value = NULL;

    for (size_t i = 0; i < lock_sync_request_header_count(q); i++) {
        if (strcmp(lock_sync_request_header_name(q, i), name) == 0) {
            CHECK(value == NULL); /* each once */
            value = lock_sync_request_header_value(q, i);
        }
    }
    return value;
}

TEST_WITH_CTX(a_request_has_three_headers)
{
    lock_sync_request *q;

    CHECK_OK(lock_sync_set_access_token(ctx, "abc.DEF-123"));
    CHECK_OK(lock_sync_request_build(ctx, NULL, 0, &q));
    CHECK_TEXT(header(q, "Authorization"), "Bearer abc.DEF-123");
    CHECK_TEXT(header(q, "Accept"), "application/json");
    CHECK_TEXT(header(q, "User-Agent"), "libgetlock-sync/0.1.0");
    CHECK_INT(lock_sync_request_header_count(q), 3);
    CHECK_LACKS(lock_sync_request_url(q), "abc.DEF-123");
    CHECK(lock_sync_request_header_name(q, 3) == NULL);
    CHECK(lock_sync_request_header_value(q, 3) == NULL);
    CHECK(lock_sync_request_header_name(q, SIZE_MAX) == NULL);
    CHECK(!lock_sync_request_is_cancelled(q));
    lock_sync_request_free(q);
}

TEST_WITH_CTX(the_longest_settings_fit)
{
    lock_sync_request *q;
    char *version = t_repeat('9', 64);
    char *key = t_repeat('k', 16384);
    char *product = t_repeat('p', 256);

    set_url_size(ctx, 1024 + strlen("/api/v37/my/lock/sync"));
    CHECK_OK(lock_sync_set_api_version(ctx, version));
    CHECK_OK(lock_sync_set_personal_key(ctx, key));
    CHECK_OK(lock_sync_set_user_agent(ctx, product));
    CHECK_OK(lock_sync_request_build_one(ctx, MAX_ID, &q));
    CHECK_INT(strlen(lock_sync_request_url(q)),
              1024 + strlen("/api/") + 64 + strlen("/my/lock/") + 19 + strlen("/sync"));
    CHECK_INT(strlen(header(q, "Authorization")), strlen("PersonalKey ") + 16384);
    CHECK_INT(strlen(header(q, "User-Agent")), 256 + strlen(" libgetlock-sync/0.1.0"));
    lock_sync_request_free(q);
    free(product);
    free(key);
    free(version);
}

TEST_WITH_CTX(no_request_is_made_without_a_usable_credential)
{
    static const struct {
        const char *name;
        const char *token; /* NULL: none */
        int64_t until_ms;
        lock_sync_status want;
        const char *says;
    } table[] = {
        {"none", NULL, 1, LOCK_SYNC_E_NO_CREDENTIAL, "No usable"},
        {"expired in 2020", "tok-EN", INT64_C(1577836800000), LOCK_SYNC_E_NO_CREDENTIAL, "expired"},
        {"good until 2100", "tok-EN", INT64_C(4102444800000), LOCK_SYNC_OK, ""},
    };
    lock_sync_request *q;

    for (size_t i = 0; i < COUNT_OF(table); i++) {
        t_row("%s", table[i].name);
        CHECK_OK(lock_sync_set_access_token_until(ctx, table[i].token, table[i].until_ms));
        CHECK_INT(lock_sync_request_build(ctx, NULL, 0, &q), table[i].want);
        CHECK((q == NULL) == (table[i].want != LOCK_SYNC_OK));
        CHECK_INT(t_error_status(ctx), table[i].want);
        CHECK_HOLDS(t_error_message(ctx), table[i].says);
        CHECK_LACKS(t_error_message(ctx), "tok-EN");
        lock_sync_request_free(q);
    }
}

TEST(a_request_outlives_its_context_and_later_settings)
{
    lock_sync_ctx *ctx = t_ctx();
    lock_sync_request *q;
    int64_t id = 42;

    CHECK_OK(lock_sync_set_timeout_ms(ctx, 1234));
    CHECK_OK(lock_sync_set_connect_timeout_ms(ctx, 567));
    CHECK_OK(lock_sync_request_build(ctx, &id, 1, &q));
    id = 43; /* copied */
    CHECK_OK(lock_sync_set_personal_key(ctx, "other"));
    CHECK_OK(lock_sync_set_timeout_ms(ctx, 1));
    CHECK_OK(lock_sync_set_base_url(ctx, "https://other.example"));
    lock_sync_ctx_free(ctx);
    CHECK_TEXT(lock_sync_request_url(q), BASE "sync?id=42");
    CHECK_TEXT(header(q, "Authorization"), "PersonalKey " T_SECRET);
    CHECK_INT(lock_sync_request_timeout_ms(q), 1234);
    CHECK_INT(lock_sync_request_connect_timeout_ms(q), 567);
    lock_sync_request_free(q);
}

TEST(getters_of_a_request_accept_null)
{
    CHECK_TEXT(lock_sync_request_method(NULL), "");
    CHECK_TEXT(lock_sync_request_url(NULL), "");
    CHECK_INT(lock_sync_request_header_count(NULL), 0);
    CHECK(lock_sync_request_header_name(NULL, 0) == NULL);
    CHECK(lock_sync_request_header_value(NULL, 0) == NULL);
    CHECK_INT(lock_sync_request_timeout_ms(NULL), 0);
    CHECK_INT(lock_sync_request_connect_timeout_ms(NULL), 0);
    CHECK(!lock_sync_request_is_cancelled(NULL));
    lock_sync_request_free(NULL);
}
