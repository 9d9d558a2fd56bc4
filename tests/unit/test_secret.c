/* No credential leaves the library but in the Authorization header: not in a log line, an error, a URL, or memory given
   back, even when the service echoes it. */
#include "../support/fake.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define JWT "eyJhbGciOi.J9.s1gnature_-x"

/* Everything that the last error says, searched for `secret`. */
static void check_error_lacks(const lock_sync_ctx *ctx, const char *secret)
{
    const lock_sync_error *e = lock_sync_last_error(ctx);

    CHECK_LACKS(lock_sync_error_message(e), secret);
    CHECK_LACKS(lock_sync_error_correlation_id(e), secret);
    for (size_t i = 0; i < lock_sync_error_api_message_count(e); i++)
        CHECK_LACKS(lock_sync_error_api_message_at(e, i), secret);
}

TEST(an_echoed_credential_is_struck_out_of_the_error)
{
    static const struct {
        const char *name;
        const char *message; /* in errorMessages */
        const char *id;      /* the correlation id */
        const char *want_message, *want_id;
    } table[] = {
        {"alone", JWT, JWT, "***", "***"},
        {"inside", "bad token " JWT "!", "id-" JWT "-x", "bad token ***!", "id-***-x"},
        {"with its scheme", "Bearer " JWT, "Bearer " JWT, "Bearer ***", "Bearer ***"},
        {"twice", JWT " " JWT, JWT "," JWT, "*** ***", "***,***"},
        {"side by side", JWT JWT, JWT JWT, "******", "******"},
        {"not at all", "nothing", "id-1", "nothing", "id-1"},
        {"all but the last byte stays", "eyJhbGciOi.J9.s1gnature_-", "i", "eyJhbGciOi.J9.s1gnature_-", "i"},
        {"begun twice", "eyJhbGciOi.J9." JWT, "i", "eyJhbGciOi.J9.***", "i"},
    };
    lock_sync_ctx *ctx = t_ctx();

    CHECK_OK(lock_sync_set_access_token(ctx, JWT));
    for (size_t i = 0; i < COUNT_OF(table); i++) {
        static const int32_t statuses[] = {200, 401, 403, 500};

        for (size_t k = 0; k < COUNT_OF(statuses); k++) {
            char body[300];
            lock_sync_results *r;

            t_row("%s, HTTP %d", table[i].name, (int)statuses[k]);
            (void)snprintf(body, sizeof body, "{\"success\":false,\"errorMessages\":[\"%s\",\"x\"]}", table[i].message);
            CHECK(t_decode(ctx,
                           &(t_answer){.http = statuses[k], .body = body,
                                       .headers = {"X-Correlation-ID", table[i].id}},
                           &r) != LOCK_SYNC_OK);
            CHECK_TEXT(lock_sync_error_api_message_at(lock_sync_last_error(ctx), 0), table[i].want_message);
            CHECK_TEXT(lock_sync_error_correlation_id(lock_sync_last_error(ctx)), table[i].want_id);
            CHECK_HOLDS(t_error_message(ctx), table[i].want_message);
            check_error_lacks(ctx, JWT);
        }
    }
    lock_sync_ctx_free(ctx);
}

TEST(an_echoed_credential_is_struck_out_however_json_spells_it)
{
    lock_sync_ctx *ctx = t_ctx();
    lock_sync_results *r;

    CHECK_OK(lock_sync_set_personal_key(ctx, "a/b+c"));
    CHECK_INT(t_decode(ctx,
                       &(t_answer){.http = 401,
                                   .body = "{\"ErrorMessages\":[\"a\\/b+c\",\"\\u0061\\u002fb\\u002bc\",\"xa/b+cx\"]}"},
                       &r),
              LOCK_SYNC_E_UNAUTHORIZED);
    for (size_t i = 0; i < 3; i++)
        CHECK_HOLDS(lock_sync_error_api_message_at(lock_sync_last_error(ctx), i), "***");
    check_error_lacks(ctx, "a/b+c");
    lock_sync_ctx_free(ctx);
}

/* The place for an id has an end; a credential that reaches over it must not be left in part. */
TEST(a_credential_longer_than_the_place_for_an_id_is_struck_out_too)
{
    static const size_t sizes[] = {100, 126, 127, 128, 129, 500, 16384};
    lock_sync_ctx *ctx = t_ctx();

    for (size_t i = 0; i < COUNT_OF(sizes); i++) {
        char *token = t_repeat('t', sizes[i]);
        lock_sync_results *r;
        const char *id;

        t_row("token of %zu bytes", sizes[i]);
        CHECK_OK(lock_sync_set_access_token(ctx, token));
        CHECK_INT(t_decode(ctx, &(t_answer){.http = 401, .headers = {"X-Correlation-ID", token}}, &r),
                  LOCK_SYNC_E_UNAUTHORIZED);
        id = lock_sync_error_correlation_id(lock_sync_last_error(ctx));
        CHECK_LACKS(id, "tttttttt");
        free(token);
    }
    lock_sync_ctx_free(ctx);
}

TEST(a_short_credential_is_struck_out_and_the_rest_stays)
{
    static const struct {
        const char *key, *message, *begins, *ends;
    } table[] = {
        {"s", "s", "*", "*"},           {"s", "sss", "*", "*"},           {"s", "abc", "abc", "abc"},
        {"X", "aXbXc", "a*", "*c"},     {"XY", "aXYbXYXYc", "a*", "*c"},  {"XY", "aXYb", "a*", "*b"},
        {"aba", "abab", "*", "*b"},     {"abcd", "abc", "abc", "abc"},    {"abc", "xabcabcx", "x***", "***x"},
        {"abcd", "abcd abcd", "*** ", " ***"},
    };
    lock_sync_ctx *ctx = t_ctx();

    for (size_t i = 0; i < COUNT_OF(table); i++) {
        const char *got;
        char body[100];
        lock_sync_results *r;

        t_row("%s without %s", table[i].message, table[i].key);
        CHECK_OK(lock_sync_set_personal_key(ctx, table[i].key));
        (void)snprintf(body, sizeof body, "{\"errorMessages\":[\"%s\"]}", table[i].message);
        CHECK_INT(t_decode(ctx, &(t_answer){.http = 403, .body = body}, &r), LOCK_SYNC_E_FORBIDDEN);
        got = lock_sync_error_api_message_at(lock_sync_last_error(ctx), 0);
        if (!CHECK(got != NULL && strlen(got) >= strlen(table[i].ends)))
            continue;
        CHECK_LACKS(got, table[i].key);
        CHECK(strncmp(got, table[i].begins, strlen(table[i].begins)) == 0);
        CHECK_TEXT(got + strlen(got) - strlen(table[i].ends), table[i].ends);
    }
    lock_sync_ctx_free(ctx);
}

/* A fetch with a logger, over each kind of end, the service echoing all it was given. */
static void fetch_and_search(const t_step *step, const char *what)
{
    t_fake fake = {.steps = step, .step_count = 1};
    t_log log = {0};
    lock_sync_ctx *ctx = t_ctx();
    lock_sync_results *r;

    t_row("%s", what);
    t_fake_use(ctx, &fake);
    CHECK_OK(lock_sync_set_access_token(ctx, JWT));
    CHECK_OK(lock_sync_set_proxy(ctx, "http://user:HIDDEN@proxy:3128"));
    CHECK_OK(lock_sync_set_logger(ctx, t_log_line, &log));
    (void)lock_sync_fetch(ctx, NULL, 0, &r);
    lock_sync_results_free(r);
    CHECK(log.lines >= 1);
    CHECK_LACKS(log.text, JWT);
    CHECK_LACKS(log.text, "HIDDEN");
    CHECK_LACKS(fake.url[0], JWT);
    CHECK_TEXT(fake.authorization[0], "Bearer " JWT);
    check_error_lacks(ctx, JWT);
    check_error_lacks(ctx, "HIDDEN");
    lock_sync_ctx_free(ctx);
}

#define ECHO "{\"success\":false,\"errorMessages\":[\"Bearer " JWT "\"],\"x\":\"" JWT "\"}"

TEST(no_log_line_of_a_failed_fetch_holds_a_credential)
{
    static const struct {
        const char *name;
        t_step step;
    } table[] = {
        {"401", {.http = 401, .body = ECHO, .headers = {"X-Correlation-ID", "x" JWT}}},
        {"500", {.http = 500, .body = ECHO, .headers = {"X-Correlation-ID", JWT}}},
        {"302 to a URL with the token", {.http = 302, .headers = {"Location", "https://h/?t=" JWT}}},
        {"success false", {.http = 200, .body = ECHO, .headers = {"X-Correlation-ID", JWT}}},
        {"malformed", {.http = 200, .body = JWT, .headers = {"X-Correlation-ID", JWT}}},
        {"record without id",
         {.http = 200, .body = "{\"result\":[\"" JWT "\"]}", .headers = {"X-Correlation-ID", JWT}}},
        {"broken off", {.http = 200, .body = ECHO, .headers = {"X-Correlation-ID", JWT}, .returns = 9}},
        {"no answer", {.returns = LOCK_SYNC_E_CONNECT}},
        {"no status", {.body = JWT}},
    };

    for (size_t i = 0; i < COUNT_OF(table); i++)
        fetch_and_search(&table[i].step, table[i].name);
}

TEST(no_log_line_of_a_good_fetch_holds_a_credential)
{
    static const t_step step = {.http = 200, .body = "{\"result\":[]}", .headers = {"X-Correlation-ID", "id " JWT}};

    fetch_and_search(&step, "200");
}

/* --- memory --- */

static lock_sync_status new_token(void *user, lock_sync_ctx *ctx, bool refused)
{
    (void)user;
    return lock_sync_set_access_token(ctx, refused ? JWT "-second" : JWT);
}

TEST(credentials_are_wiped_before_their_memory_is_given_back)
{
    static const t_step steps[] = {{.http = 401}, {.http = 200, .body = "{\"result\":[{\"id\":1}]}"}};
    t_heap heap = {.secret = JWT};
    lock_sync_allocator memory = t_heap_allocator(&heap);
    t_fake fake = {.steps = steps, .step_count = 2};
    lock_sync_transport transport = t_fake_transport(&fake);
    lock_sync_request *q[2];
    lock_sync_results *r;
    lock_sync_ctx *ctx;

    MUST_OK(lock_sync_ctx_new_with_allocator(&memory, &ctx));
    CHECK_OK(lock_sync_set_personal_key(ctx, JWT));
    CHECK_OK(lock_sync_set_access_token(ctx, JWT "x")); /* replaced */
    CHECK_OK(lock_sync_set_access_token(ctx, NULL));    /* wiped */
    CHECK_OK(lock_sync_set_access_token_until(ctx, JWT, INT64_MAX));
    CHECK_INT(lock_sync_set_personal_key(ctx, JWT " "), LOCK_SYNC_E_INVALID_ARGUMENT);
    CHECK_OK(lock_sync_set_proxy(ctx, "http://user:" JWT "@proxy"));
    CHECK_INT(lock_sync_set_proxy(ctx, "http://user:" JWT "@proxy:0"), LOCK_SYNC_E_INVALID_ARGUMENT);
    CHECK_OK(lock_sync_set_proxy(ctx, "http://user:" JWT "@proxy2"));
    CHECK_OK(lock_sync_request_build(ctx, NULL, 0, &q[0]));
    CHECK_OK(lock_sync_request_build_one(ctx, 1, &q[1]));
    lock_sync_request_free(q[0]);
    CHECK_OK(lock_sync_set_transport(ctx, &transport));
    CHECK_OK(lock_sync_set_token_provider(ctx, new_token, NULL));
    CHECK_OK(lock_sync_set_access_token(ctx, NULL));
    CHECK_OK(lock_sync_fetch(ctx, NULL, 0, &r)); /* JWT, 401, JWT-second, 200 */
    CHECK_TEXT(fake.authorization[1], "Bearer " JWT "-second");
    lock_sync_results_free(r);
    lock_sync_ctx_free(ctx);
    CHECK_INT(heap.leaked_secrets, 0);
    lock_sync_request_free(q[1]);
    t_heap_check_empty(&heap);
}

TEST(credentials_are_wiped_when_memory_runs_out_on_the_way)
{
    for (size_t n = 0; n < 12; n++) {
        t_heap heap = {.secret = JWT};
        lock_sync_allocator memory = t_heap_allocator(&heap);
        lock_sync_request *q = NULL;
        lock_sync_ctx *ctx;

        t_row("allocation %zu fails", n);
        t_heap_fail_in(&heap, n);
        if (lock_sync_ctx_new_with_allocator(&memory, &ctx) == LOCK_SYNC_OK) {
            (void)lock_sync_set_personal_key(ctx, JWT);
            (void)lock_sync_set_access_token(ctx, JWT);
            (void)lock_sync_set_proxy(ctx, "http://user:" JWT "@proxy");
            (void)lock_sync_request_build(ctx, NULL, 0, &q);
            lock_sync_request_free(q);
        }
        lock_sync_ctx_free(ctx);
        t_heap_check_empty(&heap);
    }
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        T(an_echoed_credential_is_struck_out_of_the_error),
        T(an_echoed_credential_is_struck_out_however_json_spells_it),
        T(a_credential_longer_than_the_place_for_an_id_is_struck_out_too),
        T(a_short_credential_is_struck_out_and_the_rest_stays),
        T(no_log_line_of_a_failed_fetch_holds_a_credential),
        T(no_log_line_of_a_good_fetch_holds_a_credential),
        T(credentials_are_wiped_before_their_memory_is_given_back),
        T(credentials_are_wiped_when_memory_runs_out_on_the_way),
    };

    return T_MAIN(tests);
}
