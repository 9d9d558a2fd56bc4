/* The envelope of the records: HTTP statuses, success, statusCode, errorMessages, Retry-After and the correlation
   id. */
#include "../support/decoding.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define DATE "Sun, 06 Nov 1994 08:49:37 GMT"

/* Maps a status as the design says: the table, written a second time. */
static lock_sync_status status_of(int32_t http)
{
    return http / 100 == 5   ? LOCK_SYNC_E_SERVER
           : http == 401     ? LOCK_SYNC_E_UNAUTHORIZED
           : http == 403     ? LOCK_SYNC_E_FORBIDDEN
           : http == 404     ? LOCK_SYNC_E_NOT_FOUND
           : http == 429     ? LOCK_SYNC_E_RATE_LIMITED
           : http / 100 != 2 ? LOCK_SYNC_E_HTTP
                             : LOCK_SYNC_OK;
}

TEST_WITH_CTX(every_http_status_other_than_2xx_decides_for_every_body)
{
    static const struct {
        const char *body;
        size_t messages;
    } bodies[] = {
        {NULL, 0},
        {"<!DOCTYPE html><html><body>{\"errorMessages\":[\"x\"]}</body></html>", 0},
        {"{\"success\":false,\"errorMessages\":[\"no\"],\"statusCode\":418}", 1},
        {"{\"result\":[{\"id\":1}],\"success\":true}", 0},
        {"{\"errorMessages\":[\"cut", 0},
        {"[\"errorMessages\"]", 0},
    };
    const lock_sync_error *e = lock_sync_last_error(ctx);

    for (int32_t http = 100; http <= 999; http++) {
        lock_sync_status want = status_of(http);

        for (size_t i = 0; i < COUNT_OF(bodies) && want != LOCK_SYNC_OK; i++) {
            t_response a = {.http = http, .body = bodies[i].body, .headers = {"X-Correlation-ID", "c-1"}};

            t_row("%" PRId32 " with body %zu", http, i);
            CHECK_INT(t_decode_status(ctx, &a), want);
            CHECK_INT(lock_sync_error_status(e), want);
            CHECK_INT(lock_sync_error_http_status(e), http);
            CHECK_INT(lock_sync_error_api_message_count(e), bodies[i].messages);
            CHECK_TEXT(lock_sync_error_correlation_id(e), "c-1");
            CHECK_INT(lock_sync_error_retry_after_ms(e), -1);
            CHECK_INT(lock_sync_error_byte_offset(e), -1);
            CHECK(strlen(lock_sync_error_message(e)) > 10);
            if (bodies[i].messages > 0)
                CHECK_HOLDS(lock_sync_error_message(e), "no");
        }
    }
}

TEST_WITH_CTX(every_2xx_is_read_like_200)
{
    for (int32_t http = 200; http <= 299; http++) {
        t_row("%" PRId32, http);
        CHECK_OK(t_decode_status(ctx, &(t_response){.http = http, .body = "{\"result\":[{\"id\":1}]}"}));
        CHECK_INT(t_decode_status(ctx, &(t_response){.http = http}), LOCK_SYNC_E_MALFORMED); /* 204 too */
        CHECK_INT(t_error_offset(ctx), 0);
        CHECK_INT(lock_sync_error_http_status(lock_sync_last_error(ctx)), http);
    }
}

TEST_WITH_CTX(http_statuses_out_of_range_are_rejected)
{
    static const int32_t bad[] = {INT32_MIN, -200, -1, 0, 1, 99, 1000, INT32_MAX};
    lock_sync_response *s;

    CHECK_OK(lock_sync_response_new(ctx, &s));
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        t_row("%" PRId32, bad[i]);
        CHECK_INT(lock_sync_response_set_status(s, bad[i]), LOCK_SYNC_E_INVALID_ARGUMENT);
    }
    lock_sync_response_free(s);
}

TEST_WITH_CTX(success_false_takes_its_status_from_the_envelope)
{
    static const struct {
        const char *code; /* the member */
        lock_sync_status want;
        const char *says;
    } table[] = {
        {"\"statusCode\":401", LOCK_SYNC_E_UNAUTHORIZED, ""},
        {"\"statusCode\":403", LOCK_SYNC_E_FORBIDDEN, ""},
        {"\"statusCode\":404", LOCK_SYNC_E_NOT_FOUND, ""},
        {"\"statusCode\":429", LOCK_SYNC_E_RATE_LIMITED, ""},
        {"\"statusCode\":500", LOCK_SYNC_E_SERVER, ""},
        {"\"statusCode\":304", LOCK_SYNC_E_API, "304"},
        {"\"statusCode\":200", LOCK_SYNC_E_API, "200"},
        {"\"statusCode\":400", LOCK_SYNC_E_API, "400"},
        {"\"statusCode\":600", LOCK_SYNC_E_API, ""},
        {"\"statusCode\":401.0", LOCK_SYNC_E_UNAUTHORIZED, ""},
        {"\"statusCode\":401.5", LOCK_SYNC_E_API, ""},
        {"\"statusCode\":404.0000001", LOCK_SYNC_E_API, ""},
        {"\"statusCode\":0", LOCK_SYNC_E_API, ""},
        {"\"statusCode\":-401", LOCK_SYNC_E_API, ""},
        {"\"statusCode\":4294967697", LOCK_SYNC_E_API, ""}, /* 2^32 + 401 */
        {"\"statusCode\":\"401\"", LOCK_SYNC_E_API, ""},
        {"\"statusCode\":null", LOCK_SYNC_E_API, ""},
        {"\"_\":0", LOCK_SYNC_E_API, ""},
        {"\"StatusCode\":401", LOCK_SYNC_E_UNAUTHORIZED, ""},
        {"\"STATUSCODE\":401", LOCK_SYNC_E_UNAUTHORIZED, ""},
        {"\"StatusCode\":403,\"statusCode\":401", LOCK_SYNC_E_UNAUTHORIZED, ""}, /* the documented case wins */
        {"\"x\":{\"statusCode\":401}", LOCK_SYNC_E_API, ""},
        {"\"result\":[{\"id\":1}],\"statusCode\":401", LOCK_SYNC_E_UNAUTHORIZED, ""}, /* a result changes nothing */
    };
    const lock_sync_error *e = lock_sync_last_error(ctx);

    for (size_t i = 0; i < COUNT_OF(table); i++) {
        char body[200];

        t_row("%s", table[i].code);
        (void)snprintf(body, sizeof body, "{\"success\":false,\"errorMessages\":[\"why\",\"more\"],%s}", table[i].code);
        CHECK_INT(t_decode_status(ctx, &(t_response){.body = body}), table[i].want);
        CHECK_INT(lock_sync_error_status(e), table[i].want);
        CHECK_INT(lock_sync_error_http_status(e), 200);
        CHECK_INT(lock_sync_error_byte_offset(e), -1);
        CHECK_HOLDS(lock_sync_error_message(e), table[i].says);
        CHECK_HOLDS(lock_sync_error_message(e), "why");
        CHECK_INT(lock_sync_error_api_message_count(e), 2);
        CHECK_TEXT(lock_sync_error_api_message_at(e, 1), "more");
        CHECK(lock_sync_error_api_message_at(e, 2) == NULL);
    }
}

TEST_WITH_CTX(only_false_and_0_are_not_success)
{
    static const struct {
        const char *member;
        lock_sync_status want;
    } table[] = {
        {"\"success\":true", LOCK_SYNC_OK},
        {"\"success\":1", LOCK_SYNC_OK},
        {"\"success\":1.0", LOCK_SYNC_OK},
        {"\"success\":null", LOCK_SYNC_OK},
        {"\"success\":\"false\"", LOCK_SYNC_OK}, /* of the wrong type: counts as absent */
        {"\"success\":{}", LOCK_SYNC_OK},
        {"\"success\":2", LOCK_SYNC_OK},
        {"\"success\":0.5", LOCK_SYNC_OK},
        {"\"success\":false", LOCK_SYNC_E_API},
        {"\"success\":0", LOCK_SYNC_E_API},
        {"\"success\":0.0", LOCK_SYNC_E_API},
        {"\"success\":-0", LOCK_SYNC_E_API},
        {"\"Success\":false", LOCK_SYNC_E_API},
        {"\"SUCCESS\":0", LOCK_SYNC_E_API},
        {"\"Success\":false,\"success\":true", LOCK_SYNC_OK},
        {"\"success\":false,\"success\":true", LOCK_SYNC_E_MALFORMED},
        {"\"success\":true,\"success\":true", LOCK_SYNC_E_MALFORMED},
        {"\"errorMessages\":[],\"errorMessages\":[]", LOCK_SYNC_E_MALFORMED},
        {"\"statusCode\":200,\"statusCode\":200", LOCK_SYNC_E_MALFORMED},
        {"\"x\":{\"success\":false}", LOCK_SYNC_OK},
        {"\"success\":true,\"statusCode\":500", LOCK_SYNC_OK},
        {"\"statusCode\":500", LOCK_SYNC_OK},
        {"\"errorMessages\":[\"x\"]", LOCK_SYNC_OK},
        {"\"errorMessages\":null,\"statusCode\":null", LOCK_SYNC_OK},
    };

    for (size_t i = 0; i < COUNT_OF(table); i++) {
        char body[200];

        t_row("%s", table[i].member);
        (void)snprintf(body, sizeof body, "{\"result\":[{\"id\":1}],%s}", table[i].member);
        CHECK_INT(t_decode_status(ctx, &(t_response){.body = body}), table[i].want);
        CHECK_INT(t_error_status(ctx), table[i].want);
    }
}

/* Without records a statusCode other than 2xx decides, even against `success`. */
TEST_WITH_CTX(an_empty_response_with_a_status_code_has_that_status)
{
    static const struct {
        const char *body;
        lock_sync_status want;
        size_t messages;
    } table[] = {
        {"{\"result\":[],\"statusCode\":403,\"errorMessages\":[\"no\"]}", LOCK_SYNC_E_FORBIDDEN, 1},
        {"{\"result\":[],\"success\":true,\"statusCode\":503}", LOCK_SYNC_E_SERVER, 0},
        {"{\"result\":[],\"success\":null,\"statusCode\":401}", LOCK_SYNC_E_UNAUTHORIZED, 0},
        {"{\"result\":[],\"StatusCode\":404}", LOCK_SYNC_E_NOT_FOUND, 0},
        {"{\"result\":[],\"statusCode\":304}", LOCK_SYNC_E_API, 0},
        {"{\"result\":[],\"statusCode\":300}", LOCK_SYNC_E_API, 0},
        {"{\"result\":[],\"statusCode\":-403}", LOCK_SYNC_E_API, 0},
        {"{\"result\":[],\"statusCode\":\"403\"}", LOCK_SYNC_E_API, 0},
        {"{\"result\":[],\"statusCode\":403.5}", LOCK_SYNC_E_API, 0},
        {"{\"result\":null,\"statusCode\":429}", LOCK_SYNC_E_RATE_LIMITED, 0},
        {"{\"statusCode\":500}", LOCK_SYNC_E_SERVER, 0},
        {"{\"result\":[],\"statusCode\":200}", LOCK_SYNC_OK, 0},
        {"{\"result\":[],\"statusCode\":299}", LOCK_SYNC_OK, 0},
        {"{\"result\":[],\"statusCode\":0}", LOCK_SYNC_OK, 0},
        {"{\"result\":[],\"statusCode\":null}", LOCK_SYNC_OK, 0},
        {"{\"result\":[]}", LOCK_SYNC_OK, 0},
        {"{\"result\":[{\"id\":1}],\"statusCode\":403}", LOCK_SYNC_OK, 0}, /* records decide */
        {"{\"result\":0,\"statusCode\":403}", LOCK_SYNC_E_MALFORMED, 0},
    };

    for (size_t i = 0; i < COUNT_OF(table); i++) {
        t_row("%s", table[i].body);
        CHECK_INT(t_decode_status(ctx, &(t_response){.body = table[i].body}), table[i].want);
        CHECK_INT(lock_sync_error_api_message_count(lock_sync_last_error(ctx)), table[i].messages);
    }
}

/* The body does not change another HTTP status. A body that is not sound JSON has no messages. */
TEST_WITH_CTX(an_unsound_body_of_another_status_has_no_messages)
{
    static const struct {
        const char *body;
        size_t size;
    } table[] = {
        {"{\"errorMessages\":[\"a\"]}\0", 25},
        {"{\"errorMessages\":[\"a\"],\"errorMessages\":[\"b\"]}", 0},
        {"{\"errorMessages\":[\"a\"],\"x\":{\"y\":1,\"y\":1}}", 0},
        {"{\"errorMessages\":[\"a\"]} x", 0},
        {"{\"errorMessages\":[\"a\"],\"x\":1e999}", 0},
    };

    for (size_t i = 0; i < COUNT_OF(table); i++) {
        t_row("%s", table[i].body);
        CHECK_INT(t_decode_status(ctx, &(t_response){.http = 403, .body = table[i].body, .size = table[i].size}),
                  LOCK_SYNC_E_FORBIDDEN);
        CHECK_INT(lock_sync_error_api_message_count(lock_sync_last_error(ctx)), 0);
        CHECK_INT(t_error_offset(ctx), -1);
    }
}

TEST_WITH_CTX(messages_of_the_service_are_in_the_error)
{
    static const struct {
        const char *name;
        const char *messages; /* the member's name and value */
        size_t count;
        const char *first;
    } table[] = {
        {"none", "\"errorMessages\":[]", 0, NULL},
        {"one", "\"errorMessages\":[\"List version is up to date.\"]", 1, "List version is up to date."},
        {"PascalCase", "\"ErrorMessages\":[\"a\",\"b\"]", 2, "a"},
        {"not an array: object", "\"errorMessages\":{\"0\":\"a\"}", 0, NULL},
        {"not an array: null", "\"errorMessages\":null", 0, NULL},
        {"not an array in the documented case", "\"errorMessages\":null,\"ErrorMessages\":[\"a\"]", 0, NULL},
        {"values other than texts are left out", "\"errorMessages\":[null,1,true,[\"x\"],{\"y\":\"z\"},\"a\"]", 1, "a"},
        {"empty text", "\"errorMessages\":[\"\"]", 1, ""},
        {"UTF-8", "\"errorMessages\":[\"Dost\xc4\x99p \\u20ac\"]", 1, "Dost\xc4\x99p \xe2\x82\xac"},
        {"as sent, with a line feed", "\"errorMessages\":[\"a\\nb\"]", 1, "a\nb"},
    };
    const lock_sync_error *e = lock_sync_last_error(ctx);

    for (size_t i = 0; i < COUNT_OF(table); i++) {
        char body[200];

        t_row("%s", table[i].name);
        (void)snprintf(body, sizeof body, "{%s,\"Success\":false,\"StatusCode\":403}", table[i].messages);
        CHECK_INT(t_decode_status(ctx, &(t_response){.http = i % 2 == 0 ? 200 : 403, .body = body}),
                  LOCK_SYNC_E_FORBIDDEN);
        CHECK_INT(lock_sync_error_api_message_count(e), table[i].count);
        CHECK_TEXT(lock_sync_error_api_message_at(e, 0), table[i].first);
        CHECK(lock_sync_error_api_message_at(e, table[i].count) == NULL);
        CHECK(strchr(t_error_message(ctx), '\n') == NULL);
    }
}

TEST_WITH_CTX(at_most_16_messages_are_kept)
{
    const lock_sync_error *e = lock_sync_last_error(ctx);

    for (size_t n = 15; n <= 18; n++) {
        size_t kept = n < 16 ? n : 16;
        char body[400] = "{\"success\":false,\"errorMessages\":[";
        char last[8];

        t_row("%zu", n);
        for (size_t i = 0; i < n; i++)
            (void)snprintf(body + strlen(body), sizeof body - strlen(body), "%s\"m%zu\"", i == 0 ? "" : ",", i);
        (void)snprintf(body + strlen(body), sizeof body - strlen(body), "]}");
        (void)snprintf(last, sizeof last, "m%zu", kept - 1);
        CHECK_INT(t_decode_status(ctx, &(t_response){.body = body}), LOCK_SYNC_E_API);
        CHECK_INT(lock_sync_error_api_message_count(e), kept);
        CHECK_TEXT(lock_sync_error_api_message_at(e, kept - 1), last);
        CHECK(lock_sync_error_api_message_at(e, kept) == NULL);
        CHECK(lock_sync_error_api_message_at(e, SIZE_MAX) == NULL);
    }
}

/* test_http_date.c tests the values of the header. */
TEST_WITH_CTX(retry_after_is_reported_for_429_and_503)
{
    static const char too_many[] = "{\"success\":false,\"statusCode\":429}";
    static const struct {
        const char *name;
        t_response response;
        lock_sync_status want;
        int64_t ms;
    } table[] = {
        {"429", {.http = 429, .headers = {"Retry-After", "120"}}, LOCK_SYNC_E_RATE_LIMITED, 120000},
        {"429 in the envelope", {.body = too_many, .headers = {"Retry-After", "5"}}, LOCK_SYNC_E_RATE_LIMITED, 5000},
        {"503", {.http = 503, .headers = {"Retry-After", "7"}}, LOCK_SYNC_E_SERVER, 7000},
        {"401", {.http = 401, .headers = {"Retry-After", "120"}}, LOCK_SYNC_E_UNAUTHORIZED, -1},
        {"302", {.http = 302, .headers = {"Retry-After", "120"}}, LOCK_SYNC_E_HTTP, -1},
        {"404", {.http = 404, .headers = {"Retry-After", "120"}}, LOCK_SYNC_E_NOT_FOUND, -1},
        {"small letters", {.http = 429, .headers = {"retry-after", "120"}}, LOCK_SYNC_E_RATE_LIMITED, 120000},
        {"capitals, blanks", {.http = 429, .headers = {"RETRY-AFTER", " 120\t"}}, LOCK_SYNC_E_RATE_LIMITED, 120000},
        {"not a number", {.http = 429, .headers = {"Retry-After", "soon"}}, LOCK_SYNC_E_RATE_LIMITED, -1},
        {"empty", {.http = 429, .headers = {"Retry-After", ""}}, LOCK_SYNC_E_RATE_LIMITED, -1},
        {"a shorter name", {.http = 429, .headers = {"Retry-Afte", "120"}}, LOCK_SYNC_E_RATE_LIMITED, -1},
        {"a longer name", {.http = 429, .headers = {"Retry-After2", "120"}}, LOCK_SYNC_E_RATE_LIMITED, -1},
        {"of two the first",
         {.http = 429, .headers = {"Retry-After", "5", "retry-after", "9"}},
         LOCK_SYNC_E_RATE_LIMITED,
         5000},
        {"a date",
         {.http = 429, .headers = {"Date", DATE, "Retry-After", "Sun, 06 Nov 1994 08:50:07 GMT"}},
         LOCK_SYNC_E_RATE_LIMITED,
         30000},
        {"a date of 503",
         {.http = 503, .headers = {"Date", DATE, "Retry-After", "Sunday, 06-Nov-94 08:50:07 GMT"}},
         LOCK_SYNC_E_SERVER,
         30000},
        {"a date without a Date counts from the receipt",
         {.http = 429,
          .received_at_ms = INT64_C(784111777250),
          .headers = {"Retry-After", "Sun, 06 Nov 1994 08:50:37 GMT"}},
         LOCK_SYNC_E_RATE_LIMITED,
         59750},
    };

    for (size_t i = 0; i < COUNT_OF(table); i++) {
        t_row("%s", table[i].name);
        CHECK_INT(t_decode_status(ctx, &table[i].response), table[i].want);
        CHECK_INT(lock_sync_error_retry_after_ms(lock_sync_last_error(ctx)), table[i].ms);
    }
}

TEST_WITH_CTX(the_correlation_id_is_in_the_error)
{
    static const struct {
        const char *name, *value, *want;
    } table[] = {
        {"X-Correlation-ID", "abc-1", "abc-1"},
        {"x-correlation-id", "abc-1", "abc-1"},
        {"X-CORRELATION-ID", "  abc-1 \t", "abc-1"},
        {"X-Correlation-ID", "a\tb", "a b"}, /* the only control character that a header may contain */
        {"X-Correlation-ID", "", NULL},
        {"X-Correlation-ID", " \t ", NULL},
        {"X-Correlation-IDs", "abc-1", NULL},
        {"Correlation-ID", "abc-1", NULL},
        {"X-Correlation-ID", "caf\xc3\xa9", "caf??"},
        {"X-Correlation-ID", "%s%n", "%s%n"},
    };
    static const char *const bodies[] = {"", "{\"success\":false}", "{\"result\":[{}]}", "{}"};
    const lock_sync_error *e = lock_sync_last_error(ctx);

    for (size_t i = 0; i < COUNT_OF(table); i++) {
        for (size_t k = 0; k < COUNT_OF(bodies); k++) {
            t_response a = {.body = bodies[k], .headers = {table[i].name, table[i].value}};

            t_row("%s: %s, body %zu", table[i].name, table[i].value, k);
            CHECK(t_decode_status(ctx, &a) != LOCK_SYNC_OK);
            CHECK_TEXT(lock_sync_error_correlation_id(e), table[i].want);
        }
    }
    CHECK_OK(t_decode_status(ctx, &(t_response){.body = "{\"result\":[]}", .headers = {"X-Correlation-ID", "x"}}));
    CHECK(lock_sync_error_correlation_id(e) == NULL); /* a success clears it */
}
