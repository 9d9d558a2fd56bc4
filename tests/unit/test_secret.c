/* A credential leaves the library only in the Authorization header. It is not in a log line, an error or a URL, even
   if the service echoes it. test_allocator.c searches freed memory for it. */
#include "../support/fake.h"

#include <stdio.h>
#include <stdlib.h>

#define JWT "eyJhbGciOi.J9.s1gnature_-x"

/* Searches all texts of the last error for `secret`. */
static void check_error_lacks(const lock_sync_ctx *ctx, const char *secret)
{
    const lock_sync_error *e = lock_sync_last_error(ctx);

    CHECK_LACKS(lock_sync_error_message(e), secret);
    CHECK_LACKS(lock_sync_error_correlation_id(e), secret);
    for (size_t i = 0; i < lock_sync_error_api_message_count(e); i++)
        CHECK_LACKS(lock_sync_error_api_message_at(e, i), secret);
}

TEST_WITH_CTX(an_echoed_credential_is_redacted_in_the_error)
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
        {"absent", "nothing", "id-1", "nothing", "id-1"},
        {"all but the last byte stays", "eyJhbGciOi.J9.s1gnature_-", "i", "eyJhbGciOi.J9.s1gnature_-", "i"},
        {"begun twice", "eyJhbGciOi.J9." JWT, "i", "eyJhbGciOi.J9.***", "i"},
    };

    CHECK_OK(lock_sync_set_access_token(ctx, JWT));
    for (size_t i = 0; i < COUNT_OF(table); i++) {
        static const int32_t statuses[] = {200, 401, 403, 500};

        for (size_t k = 0; k < COUNT_OF(statuses); k++) {
            char body[300];

            t_row("%s, HTTP %d", table[i].name, (int)statuses[k]);
            (void)snprintf(body, sizeof body, "{\"success\":false,\"errorMessages\":[\"%s\",\"x\"]}", table[i].message);
            CHECK(t_decode_status(ctx, &(t_response){.http = statuses[k],
                                                     .body = body,
                                                     .headers = {"X-Correlation-ID", table[i].id}}) != LOCK_SYNC_OK);
            CHECK_TEXT(lock_sync_error_api_message_at(lock_sync_last_error(ctx), 0), table[i].want_message);
            CHECK_TEXT(lock_sync_error_correlation_id(lock_sync_last_error(ctx)), table[i].want_id);
            CHECK_HOLDS(t_error_message(ctx), table[i].want_message);
            check_error_lacks(ctx, JWT);
        }
    }
}

TEST_WITH_CTX(an_echoed_credential_is_redacted_in_every_json_spelling)
{
    static const char body[] = "{\"ErrorMessages\":[\"a\\/b+c\",\"\\u0061\\u002fb\\u002bc\",\"xa/b+cx\"]}";

    CHECK_OK(lock_sync_set_personal_key(ctx, "a/b+c"));
    CHECK_INT(t_decode_status(ctx, &(t_response){.http = 401, .body = body}), LOCK_SYNC_E_UNAUTHORIZED);
    for (size_t i = 0; i < 3; i++)
        CHECK_HOLDS(lock_sync_error_api_message_at(lock_sync_last_error(ctx), i), "***");
    check_error_lacks(ctx, "a/b+c");
}

/* The buffer for an id cuts it. A credential that is cut must be redacted too. */
TEST_WITH_CTX(a_credential_longer_than_the_buffer_for_an_id_is_redacted_too)
{
    static const size_t sizes[] = {100, 126, 127, 128, 129, 500, 16384};

    for (size_t i = 0; i < COUNT_OF(sizes); i++) {
        char *token = t_repeat('t', sizes[i]);

        t_row("token of %zu bytes", sizes[i]);
        CHECK_OK(lock_sync_set_access_token(ctx, token));
        CHECK_INT(t_decode_status(ctx, &(t_response){.http = 401, .headers = {"X-Correlation-ID", token}}),
                  LOCK_SYNC_E_UNAUTHORIZED);
        CHECK_LACKS(lock_sync_error_correlation_id(lock_sync_last_error(ctx)), "tttttttt");
        free(token);
    }
}

#define ECHO "{\"success\":false,\"errorMessages\":[\"Bearer " JWT "\"],\"x\":\"" JWT "\"}"

/* The service echoes all that it received. */
TEST(no_log_line_of_a_fetch_contains_a_credential)
{
    static const struct {
        const char *name;
        t_step step;
    } table[] = {
        {"200", {.http = 200, .body = "{\"result\":[]}", .headers = {"X-Correlation-ID", "id " JWT}}},
        {"401", {.http = 401, .body = ECHO, .headers = {"X-Correlation-ID", "x" JWT}}},
        {"500", {.http = 500, .body = ECHO, .headers = {"X-Correlation-ID", JWT}}},
        {"302 to a URL with the token", {.http = 302, .headers = {"Location", "https://h/?t=" JWT}}},
        {"success false", {.http = 200, .body = ECHO, .headers = {"X-Correlation-ID", JWT}}},
        {"malformed", {.http = 200, .body = JWT, .headers = {"X-Correlation-ID", JWT}}},
        {"record without id",
         {.http = 200, .body = "{\"result\":[\"" JWT "\"]}", .headers = {"X-Correlation-ID", JWT}}},
        {"broken off", {.http = 200, .body = ECHO, .headers = {"X-Correlation-ID", JWT}, .returns = 9}},
        {"no response", {.returns = LOCK_SYNC_E_CONNECT}},
        {"no status", {.body = JWT}},
    };

    for (size_t i = 0; i < COUNT_OF(table); i++) {
        t_fake fake = {.steps = &table[i].step, .step_count = 1};
        t_log log = {0};
        lock_sync_ctx *ctx = t_ctx();

        t_row("%s", table[i].name);
        t_fake_use(ctx, &fake);
        CHECK_OK(lock_sync_set_access_token(ctx, JWT));
        CHECK_OK(lock_sync_set_proxy(ctx, "http://user:HIDDEN@proxy:3128"));
        CHECK_OK(lock_sync_set_logger(ctx, t_log_line, &log));
        (void)t_fetch_status(ctx);
        CHECK(log.lines >= 1);
        CHECK_LACKS(log.text, JWT);
        CHECK_LACKS(log.text, "HIDDEN");
        CHECK_LACKS(fake.url[0], JWT);
        CHECK_TEXT(fake.authorization[0], "Bearer " JWT);
        check_error_lacks(ctx, JWT);
        check_error_lacks(ctx, "HIDDEN");
        lock_sync_ctx_free(ctx);
    }
}
