/* The statuses, written a second time from the design: number, name, whether a retry makes sense. And the getters of an
   error without an error. */
#include "../support/decoding.h"

#include <ctype.h>
#include <inttypes.h>
#include <string.h>

typedef struct row {
    int32_t number;
    lock_sync_status constant;
    const char *name;
    bool retryable;
} row;

static const row table[] = {
    {0, LOCK_SYNC_OK, "LOCK_SYNC_OK", false},
    {1, LOCK_SYNC_E_INVALID_ARGUMENT, "LOCK_SYNC_E_INVALID_ARGUMENT", false},
    {2, LOCK_SYNC_E_NO_MEMORY, "LOCK_SYNC_E_NO_MEMORY", true},
    {3, LOCK_SYNC_E_NO_CREDENTIAL, "LOCK_SYNC_E_NO_CREDENTIAL", false},
    {4, LOCK_SYNC_E_CANCELLED, "LOCK_SYNC_E_CANCELLED", false},
    {5, LOCK_SYNC_E_TIMEOUT, "LOCK_SYNC_E_TIMEOUT", true},
    {6, LOCK_SYNC_E_RESOLVE, "LOCK_SYNC_E_RESOLVE", true},
    {7, LOCK_SYNC_E_CONNECT, "LOCK_SYNC_E_CONNECT", true},
    {8, LOCK_SYNC_E_TLS, "LOCK_SYNC_E_TLS", false},
    {9, LOCK_SYNC_E_NETWORK, "LOCK_SYNC_E_NETWORK", true},
    {10, LOCK_SYNC_E_TOO_LARGE, "LOCK_SYNC_E_TOO_LARGE", false},
    {11, LOCK_SYNC_E_MALFORMED, "LOCK_SYNC_E_MALFORMED", false},
    {12, LOCK_SYNC_E_TOO_SOON, "LOCK_SYNC_E_TOO_SOON", true},
    {13, LOCK_SYNC_E_RATE_LIMITED, "LOCK_SYNC_E_RATE_LIMITED", true},
    {14, LOCK_SYNC_E_UNAUTHORIZED, "LOCK_SYNC_E_UNAUTHORIZED", false},
    {15, LOCK_SYNC_E_FORBIDDEN, "LOCK_SYNC_E_FORBIDDEN", false},
    {16, LOCK_SYNC_E_NOT_FOUND, "LOCK_SYNC_E_NOT_FOUND", false},
    {17, LOCK_SYNC_E_SERVER, "LOCK_SYNC_E_SERVER", true},
    {18, LOCK_SYNC_E_HTTP, "LOCK_SYNC_E_HTTP", false},
    {19, LOCK_SYNC_E_API, "LOCK_SYNC_E_API", false},
    {20, LOCK_SYNC_E_GUARD, "LOCK_SYNC_E_GUARD", true},
    {21, LOCK_SYNC_E_NO_TRANSPORT, "LOCK_SYNC_E_NO_TRANSPORT", false},
    {22, LOCK_SYNC_E_BUSY, "LOCK_SYNC_E_BUSY", false},
};

TEST(each_status_has_its_number_name_and_retryability)
{
    CHECK_INT(COUNT_OF(table), 23);
    for (size_t i = 0; i < COUNT_OF(table); i++) {
        t_row("%s", table[i].name);
        CHECK_INT(table[i].number, i);
        CHECK_INT(table[i].constant, table[i].number);
        CHECK_TEXT(lock_sync_status_name(table[i].number), table[i].name);
        CHECK_INT(lock_sync_status_is_retryable(table[i].number), table[i].retryable);
    }
}

TEST(messages_are_one_plain_sentence_each)
{
    for (size_t i = 0; i < COUNT_OF(table); i++) {
        const char *message = lock_sync_status_message(table[i].number);
        size_t size = strlen(message);

        t_row("%s: %s", table[i].name, message);
        CHECK(size > 4 && message[size - 1] == '.');
        CHECK(isupper((unsigned char)message[0]));
        CHECK_LACKS(message, "LOCK_SYNC_");
        CHECK(strpbrk(message, "\r\n%") == NULL);
        for (size_t k = 0; k < i; k++)
            CHECK(strcmp(message, lock_sync_status_message(table[k].number)) != 0);
    }
}

TEST(numbers_without_a_name_have_default_texts)
{
    static const int32_t numbers[] = {INT32_MIN, INT32_MIN + 1, -1000, -22, -1, 23, 24, 255, 256, 65536, INT32_MAX};

    for (size_t i = 0; i < COUNT_OF(numbers); i++) {
        t_row("%" PRId32, numbers[i]);
        CHECK_TEXT(lock_sync_status_name(numbers[i]), "LOCK_SYNC_E_?");
        CHECK(strlen(lock_sync_status_message(numbers[i])) > 4);
        CHECK(!lock_sync_status_is_retryable(numbers[i]));
    }
}

TEST(getters_of_an_error_accept_null)
{
    CHECK(lock_sync_last_error(NULL) == NULL);
    CHECK_INT(lock_sync_error_status(NULL), LOCK_SYNC_E_INVALID_ARGUMENT);
    CHECK_INT(lock_sync_error_http_status(NULL), 0);
    CHECK_INT(lock_sync_error_retry_after_ms(NULL), -1);
    CHECK(lock_sync_error_message(NULL) != NULL);
    CHECK(lock_sync_error_correlation_id(NULL) == NULL);
    CHECK_INT(lock_sync_error_api_message_count(NULL), 0);
    CHECK(lock_sync_error_api_message_at(NULL, 0) == NULL);
    CHECK_INT(lock_sync_error_byte_offset(NULL), -1);
}

static void check_is_ok(const lock_sync_error *e)
{
    CHECK_OK(lock_sync_error_status(e));
    CHECK_TEXT(lock_sync_error_message(e), "");
    CHECK_INT(lock_sync_error_http_status(e), 0);
    CHECK_INT(lock_sync_error_retry_after_ms(e), -1);
    CHECK_INT(lock_sync_error_byte_offset(e), -1);
    CHECK(lock_sync_error_correlation_id(e) == NULL);
    CHECK_INT(lock_sync_error_api_message_count(e), 0);
    CHECK(lock_sync_error_api_message_at(e, 0) == NULL);
}

TEST_WITH_CTX(a_success_clears_the_error_before)
{
    static const t_response limited = {.http = 429,
                                       .body = "{\"errorMessages\":[\"a\",\"b\"]}",
                                       .headers = {"Retry-After", "3", "X-Correlation-ID", "c"}};
    const lock_sync_error *e = lock_sync_last_error(ctx);

    MUST(e != NULL);
    check_is_ok(e);
    CHECK_INT(t_decode_status(ctx, &limited), LOCK_SYNC_E_RATE_LIMITED);
    CHECK_INT(lock_sync_error_retry_after_ms(e), 3000);
    CHECK_INT(lock_sync_error_api_message_count(e), 2);
    CHECK_OK(lock_sync_set_timeout_ms(ctx, 5));
    CHECK(e == lock_sync_last_error(ctx));
    check_is_ok(e);
}

TEST_WITH_CTX(an_error_replaces_all_parts_of_the_error_before)
{
    const lock_sync_error *e = lock_sync_last_error(ctx);

    CHECK_INT(t_decode_status(ctx, &(t_response){.body = "{\"result\":[1"}), LOCK_SYNC_E_MALFORMED);
    CHECK_INT(lock_sync_error_byte_offset(e), 12);
    CHECK_INT(t_decode_status(ctx, &(t_response){.http = 401, .headers = {"X-Correlation-ID", "c"}}),
              LOCK_SYNC_E_UNAUTHORIZED);
    CHECK_INT(lock_sync_error_byte_offset(e), -1);
    CHECK_INT(lock_sync_set_timeout_ms(ctx, 0), LOCK_SYNC_E_INVALID_ARGUMENT);
    CHECK_INT(lock_sync_error_http_status(e), 0);
    CHECK(lock_sync_error_correlation_id(e) == NULL);
}

TEST(the_version_is_that_of_the_headers)
{
    CHECK_TEXT(lock_sync_version(), "0.1.0");
    CHECK_INT(LOCK_SYNC_VERSION_MAJOR * 10000 + LOCK_SYNC_VERSION_MINOR * 100 + LOCK_SYNC_VERSION_PATCH, 100);
}
