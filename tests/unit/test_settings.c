/* The settings: what each setter takes and refuses, that a refused value leaves the old one, and what is told of it.
   URLs have a test of their own, test_url.c. */
#include "client/context.h"
#include "../support/decoding.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* After a refusal: status, a message with `names` and `why`. */
static void check_refused(const lock_sync_ctx *ctx, lock_sync_status status, const char *names, const char *why)
{
    CHECK_INT(status, LOCK_SYNC_E_INVALID_ARGUMENT);
    CHECK_INT(t_error_status(ctx), LOCK_SYNC_E_INVALID_ARGUMENT);
    CHECK_HOLDS(t_error_message(ctx), names);
    CHECK_HOLDS(t_error_message(ctx), why);
    CHECK_INT(lock_sync_error_http_status(lock_sync_last_error(ctx)), 0);
    CHECK_INT(lock_sync_error_retry_after_ms(lock_sync_last_error(ctx)), -1);
}

/* After a success: nothing is left of an error. */
static void check_taken(const lock_sync_ctx *ctx, lock_sync_status status)
{
    CHECK_OK(status);
    CHECK_OK(t_error_status(ctx));
    CHECK_TEXT(t_error_message(ctx), "");
}

/* The value of a header of a request for all locks. Copied to `value`. */
static const char *built_header(lock_sync_ctx *ctx, size_t i, char *value, size_t room)
{
    lock_sync_request *q;

    value[0] = '\0';
    if (CHECK_OK(lock_sync_request_build(ctx, NULL, 0, &q)))
        (void)snprintf(value, room, "%s", lock_sync_request_header_value(q, i));
    lock_sync_request_free(q);
    return value;
}

static lock_sync_status set_until(lock_sync_ctx *ctx, const char *jwt)
{
    return lock_sync_set_access_token_until(ctx, jwt, INT64_MAX);
}

TEST(credentials_are_visible_ascii)
{
    static const struct {
        const char *name;
        const char *text; /* NULL: `size` times 'k' */
        size_t size;
        const char *why; /* NULL: it is good */
    } table[] = {
        {"one byte", "k", 0, NULL},
        {"all of visible ASCII", "!\"#$%&'()*+,-./0189:;<=>?@AZ[\\]^_`az{|}~", 0, NULL},
        {"16384 bytes", NULL, 16384, NULL},
        {"16385 bytes", NULL, 16385, "16385 bytes, 16384"},
        {"empty", "", 0, "empty"},
        {"CR", "HIDE\rHIDE", 0, "byte 4"},
        {"LF", "HIDE\nX-Evil: 1", 0, "byte 4"},
        {"CR LF at the end", "HIDE\r\n", 0, "byte 4"},
        {"space inside", "HIDE HIDE", 0, "byte 4"},
        {"space before", " HIDE", 0, "byte 0"},
        {"tab", "HIDE\tHIDE", 0, "byte 4"},
        {"DEL", "HIDE\x7f", 0, "byte 4"},
        {"0x01", "\x01HIDE", 0, "byte 0"},
        {"0x1f", "HIDE\x1f", 0, "byte 4"},
        {"0x80", "HIDE\x80", 0, "byte 4"},
        {"0xff", "HIDE\xff", 0, "byte 4"},
        {"UTF-8", "HIDE\xc3\xa9HIDE", 0, "byte 4"},
    };
    static const struct {
        const char *name;
        lock_sync_status (*set)(lock_sync_ctx *ctx, const char *secret);
        const char *scheme;
    } setters[] = {
        {"personal key", lock_sync_set_personal_key, "PersonalKey "},
        {"access token", lock_sync_set_access_token, "Bearer "},
        {"access token", set_until, "Bearer "},
    };
    static char value[20000];
    static char want[20000];
    lock_sync_ctx *ctx = t_ctx();

    for (size_t i = 0; i < COUNT_OF(table) * COUNT_OF(setters); i++) {
        size_t k = i % COUNT_OF(table);
        size_t s = i / COUNT_OF(table);
        char *made = table[k].text == NULL ? t_repeat('k', table[k].size) : NULL;
        const char *text = made == NULL ? table[k].text : made;

        t_row("%s: %s", setters[s].name, table[k].name);
        CHECK_OK(setters[s].set(ctx, "old"));
        if (table[k].why == NULL) {
            check_taken(ctx, setters[s].set(ctx, text));
            (void)snprintf(want, sizeof want, "%s%s", setters[s].scheme, text);
        } else {
            check_refused(ctx, setters[s].set(ctx, text), setters[s].name, table[k].why);
            CHECK_LACKS(t_error_message(ctx), "HIDE");
            (void)snprintf(want, sizeof want, "%sold", setters[s].scheme);
        }
        CHECK_TEXT(built_header(ctx, 1, value, sizeof value), want);
        free(made);
    }
    lock_sync_ctx_free(ctx);
}

TEST(null_wipes_the_credential_of_any_setter)
{
    lock_sync_status (*const setters[])(lock_sync_ctx *, const char *) = {lock_sync_set_personal_key,
                                                                          lock_sync_set_access_token, set_until};
    lock_sync_ctx *ctx = t_ctx();
    lock_sync_request *q;

    for (size_t i = 0; i < COUNT_OF(setters); i++) {
        t_row("setter %zu", i);
        CHECK_OK(lock_sync_set_personal_key(ctx, "k"));
        check_taken(ctx, setters[i](ctx, NULL));
        CHECK(ctx->authorization == NULL);
        CHECK_INT(lock_sync_request_build(ctx, NULL, 0, &q), LOCK_SYNC_E_NO_CREDENTIAL);
        check_taken(ctx, setters[i](ctx, NULL)); /* none is there to wipe */
    }
    t_row("until, NULL, whatever the time");
    check_taken(ctx, lock_sync_set_access_token_until(ctx, NULL, -5));
    lock_sync_ctx_free(ctx);
}

TEST(an_expiry_is_a_positive_unix_time)
{
    static const struct {
        int64_t until;
        bool good;
    } table[] = {{INT64_MIN, false}, {-1, false}, {0, false}, {1, true}, {INT64_MAX, true}};
    lock_sync_ctx *ctx = t_ctx();

    for (size_t i = 0; i < COUNT_OF(table); i++) {
        lock_sync_status status = lock_sync_set_access_token_until(ctx, "HIDE", table[i].until);

        t_row("%lld", (long long)table[i].until);
        if (table[i].good)
            check_taken(ctx, status);
        else
            check_refused(ctx, status, "access token", "expiry");
        CHECK_LACKS(t_error_message(ctx), "HIDE");
    }
    lock_sync_ctx_free(ctx);
}

TEST(api_versions)
{
    static const struct {
        const char *name;
        const char *text; /* NULL: `size` times '9' */
        size_t size;
        const char *why;
    } table[] = {
        {"v1.36", "v1.36", 0, NULL},
        {"v37", "v37", 0, NULL},
        {"one digit", "1", 0, NULL},
        {"all kinds of character", "A-z_0.9", 0, NULL},
        {"dots behind", "v..", 0, NULL},
        {"64 bytes", NULL, 64, NULL},
        {"65 bytes", NULL, 65, "65 bytes, 64"},
        {"empty", "", 0, "empty"},
        {"dot first", ".v", 0, "letters"},
        {"dots alone", "..", 0, "letters"},
        {"dash first", "-1", 0, "letters"},
        {"underscore first", "_1", 0, "letters"},
        {"slash", "v1/v2", 0, "letters"},
        {"up a folder", "../x", 0, "letters"},
        {"percent", "v%2f", 0, "letters"},
        {"query", "v1?x=1", 0, "letters"},
        {"fragment", "v1#", 0, "letters"},
        {"colon", "v1:2", 0, "letters"},
        {"at", "v@1", 0, "letters"},
        {"space", "v 1", 0, "byte 1"},
        {"LF", "v1\n", 0, "byte 2"},
        {"DEL", "v\x7f", 0, "byte 1"},
        {"UTF-8", "v\xc3\xa9", 0, "byte 1"},
    };
    lock_sync_ctx *ctx = t_ctx();
    lock_sync_request *q;
    char want[200];

    for (size_t i = 0; i < COUNT_OF(table); i++) {
        char *made = table[i].text == NULL ? t_repeat('9', table[i].size) : NULL;
        const char *text = made == NULL ? table[i].text : made;

        t_row("%s", table[i].name);
        CHECK_OK(lock_sync_set_api_version(ctx, "old"));
        if (table[i].why == NULL)
            check_taken(ctx, lock_sync_set_api_version(ctx, text));
        else
            check_refused(ctx, lock_sync_set_api_version(ctx, text), "API version", table[i].why);
        (void)snprintf(want, sizeof want, "https://api.tedee.com/api/%s/my/lock/sync",
                       table[i].why == NULL ? text : "old");
        if (CHECK_OK(lock_sync_request_build(ctx, NULL, 0, &q)))
            CHECK_TEXT(lock_sync_request_url(q), want);
        lock_sync_request_free(q);
        free(made);
    }
    lock_sync_ctx_free(ctx);
}

TEST(user_agents_are_printable_and_stand_before_our_own)
{
    static const struct {
        const char *name;
        const char *text; /* NULL: `size` times 'p' */
        size_t size;
        const char *why;
    } table[] = {
        {"product", "acme-hub/2.1", 0, NULL},
        {"with comment", "acme-hub/2.1 (door 3; \"x\")", 0, NULL},
        {"256 bytes", NULL, 256, NULL},
        {"257 bytes", NULL, 257, "257 bytes, 256"},
        {"empty", "", 0, "empty"},
        {"CR", "a\rb", 0, "byte 1"},
        {"LF and a header", "a\nX-Evil: 1", 0, "byte 1"},
        {"tab", "a\tb", 0, "byte 1"},
        {"DEL", "ab\x7f", 0, "byte 2"},
        {"UTF-8", "\xc3\xa9", 0, "byte 0"},
        {"0xff", "a\xff", 0, "byte 1"},
    };
    lock_sync_ctx *ctx = t_ctx();
    char want[400];
    char got[400];

    for (size_t i = 0; i < COUNT_OF(table); i++) {
        char *made = table[i].text == NULL ? t_repeat('p', table[i].size) : NULL;
        const char *text = made == NULL ? table[i].text : made;

        t_row("%s", table[i].name);
        CHECK_OK(lock_sync_set_user_agent(ctx, "old"));
        if (table[i].why == NULL)
            check_taken(ctx, lock_sync_set_user_agent(ctx, text));
        else
            check_refused(ctx, lock_sync_set_user_agent(ctx, text), "user agent", table[i].why);
        (void)snprintf(want, sizeof want, "%s libgetlock-sync/0.1.0", table[i].why == NULL ? text : "old");
        CHECK_TEXT(built_header(ctx, 2, got, sizeof got), want);
        free(made);
    }
    lock_sync_ctx_free(ctx);
}

TEST(times_and_caps_have_bounds)
{
    static const struct {
        int64_t ms;
        bool good;
    } times[] = {{INT64_MIN, false}, {-1, false},      {0, false},        {1, true},
                 {10000, true},      {86400000, true}, {86400001, false}, {INT64_MAX, false}};
    static const struct {
        uint64_t bytes;
        bool good;
    } caps[] = {{0, false}, {1, true}, {8 << 20, true}, {UINT64_C(1) << 40, true}, {(UINT64_C(1) << 40) + 1, false},
                {UINT64_MAX, false}};
    lock_sync_ctx *ctx = t_ctx();

    CHECK_INT(ctx->timeout_ms, 30000); /* the defaults */
    CHECK_INT(ctx->connect_timeout_ms, 10000);
    CHECK_INT(ctx->route.max_idle_ms, 60000);
    CHECK_INT(ctx->max_response_bytes, 8 << 20);
    for (size_t i = 0; i < COUNT_OF(times); i++) {
        lock_sync_status (*const setters[])(lock_sync_ctx *, int64_t) = {lock_sync_set_timeout_ms,
                                                                         lock_sync_set_connect_timeout_ms,
                                                                         lock_sync_set_max_idle_ms};
        const int64_t *const places[] = {&ctx->timeout_ms, &ctx->connect_timeout_ms, &ctx->route.max_idle_ms};
        const char *const names[] = {"the timeout", "connect timeout", "limit on idle connections"};

        for (size_t s = 0; s < COUNT_OF(setters); s++) {
            t_row("%s %lld", names[s], (long long)times[i].ms);
            CHECK_OK(setters[s](ctx, 77));
            if (times[i].good)
                check_taken(ctx, setters[s](ctx, times[i].ms));
            else
                check_refused(ctx, setters[s](ctx, times[i].ms), names[s], "86400000");
            CHECK_INT(*places[s], times[i].good ? times[i].ms : 77);
        }
    }
    for (size_t i = 0; i < COUNT_OF(caps) && SIZE_MAX > UINT32_MAX; i++) {
        t_row("cap %llu", (unsigned long long)caps[i].bytes);
        CHECK_OK(lock_sync_set_max_response_bytes(ctx, 77));
        if (caps[i].good)
            check_taken(ctx, lock_sync_set_max_response_bytes(ctx, caps[i].bytes));
        else
            check_refused(ctx, lock_sync_set_max_response_bytes(ctx, caps[i].bytes), "response", "2^40");
        CHECK_INT(ctx->max_response_bytes, caps[i].good ? caps[i].bytes : 77);
    }
    lock_sync_ctx_free(ctx);
}

TEST(ca_files_are_kept_by_path)
{
    lock_sync_ctx *ctx = t_ctx();
    char *longest = t_repeat('/', 4096);
    char *too_long = t_repeat('/', 4097);

    check_taken(ctx, lock_sync_set_ca_file(ctx, "/etc/no such file.pem")); /* read later, not here */
    CHECK_TEXT(ctx->route.ca_file, "/etc/no such file.pem");
    check_refused(ctx, lock_sync_set_ca_file(ctx, ""), "CA file", "empty");
    check_refused(ctx, lock_sync_set_ca_file(ctx, too_long), "CA file", "4096");
    CHECK_TEXT(ctx->route.ca_file, "/etc/no such file.pem");
    check_taken(ctx, lock_sync_set_ca_file(ctx, longest));
    CHECK_TEXT(ctx->route.ca_file, longest);
    check_taken(ctx, lock_sync_set_ca_file(ctx, NULL));
    CHECK(ctx->route.ca_file == NULL);
    free(too_long);
    free(longest);
    lock_sync_ctx_free(ctx);
}

static lock_sync_status no_provider(void *user, lock_sync_ctx *ctx, bool refused)
{
    (void)user, (void)ctx, (void)refused;
    return LOCK_SYNC_E_NO_CREDENTIAL;
}

static void no_log(void *user, lock_sync_log_level level, const char *message)
{
    (void)user, (void)level, (void)message;
}

TEST(null_restores_each_default)
{
    lock_sync_ctx *ctx = t_ctx();
    lock_sync_request *q;
    char got[100];

    CHECK_OK(lock_sync_set_base_url(ctx, "http://127.0.0.1:8080/x"));
    CHECK_OK(lock_sync_set_api_version(ctx, "v1"));
    CHECK_OK(lock_sync_set_user_agent(ctx, "a/1"));
    CHECK_OK(lock_sync_set_proxy(ctx, "http://proxy:3128"));
    CHECK_OK(lock_sync_set_token_provider(ctx, no_provider, ctx));
    CHECK_OK(lock_sync_set_logger(ctx, no_log, ctx));
    check_taken(ctx, lock_sync_set_base_url(ctx, NULL));
    check_taken(ctx, lock_sync_set_api_version(ctx, NULL));
    check_taken(ctx, lock_sync_set_user_agent(ctx, NULL));
    check_taken(ctx, lock_sync_set_proxy(ctx, NULL));
    check_taken(ctx, lock_sync_set_token_provider(ctx, NULL, NULL));
    check_taken(ctx, lock_sync_set_logger(ctx, NULL, NULL));
    check_taken(ctx, lock_sync_set_transport(ctx, NULL));
    CHECK_OK(lock_sync_request_build(ctx, NULL, 0, &q));
    CHECK_TEXT(lock_sync_request_url(q), "https://api.tedee.com/api/v37/my/lock/sync");
    lock_sync_request_free(q);
    CHECK_TEXT(built_header(ctx, 2, got, sizeof got), "libgetlock-sync/0.1.0");
    CHECK(ctx->route.proxy == NULL && ctx->route.https && !ctx->route.loopback);
    CHECK(ctx->provider == NULL && ctx->logger.log == NULL);
    lock_sync_ctx_free(ctx);
}

TEST(setters_refuse_a_null_context)
{
    CHECK_INT(lock_sync_set_personal_key(NULL, "k"), LOCK_SYNC_E_INVALID_ARGUMENT);
    CHECK_INT(lock_sync_set_access_token(NULL, "k"), LOCK_SYNC_E_INVALID_ARGUMENT);
    CHECK_INT(lock_sync_set_access_token_until(NULL, "k", 1), LOCK_SYNC_E_INVALID_ARGUMENT);
    CHECK_INT(lock_sync_set_token_provider(NULL, no_provider, NULL), LOCK_SYNC_E_INVALID_ARGUMENT);
    CHECK_INT(lock_sync_set_base_url(NULL, "https://h"), LOCK_SYNC_E_INVALID_ARGUMENT);
    CHECK_INT(lock_sync_set_api_version(NULL, "v1"), LOCK_SYNC_E_INVALID_ARGUMENT);
    CHECK_INT(lock_sync_set_connect_timeout_ms(NULL, 1), LOCK_SYNC_E_INVALID_ARGUMENT);
    CHECK_INT(lock_sync_set_max_idle_ms(NULL, 1), LOCK_SYNC_E_INVALID_ARGUMENT);
    CHECK_INT(lock_sync_set_timeout_ms(NULL, 1), LOCK_SYNC_E_INVALID_ARGUMENT);
    CHECK_INT(lock_sync_set_max_response_bytes(NULL, 1), LOCK_SYNC_E_INVALID_ARGUMENT);
    CHECK_INT(lock_sync_set_allow_http(NULL, true), LOCK_SYNC_E_INVALID_ARGUMENT);
    CHECK_INT(lock_sync_set_ca_file(NULL, "/x"), LOCK_SYNC_E_INVALID_ARGUMENT);
    CHECK_INT(lock_sync_set_proxy(NULL, "http://p"), LOCK_SYNC_E_INVALID_ARGUMENT);
    CHECK_INT(lock_sync_set_user_agent(NULL, "a"), LOCK_SYNC_E_INVALID_ARGUMENT);
    CHECK_INT(lock_sync_set_logger(NULL, no_log, NULL), LOCK_SYNC_E_INVALID_ARGUMENT);
    CHECK_INT(lock_sync_set_transport(NULL, NULL), LOCK_SYNC_E_INVALID_ARGUMENT);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        T(credentials_are_visible_ascii),
        T(null_wipes_the_credential_of_any_setter),
        T(an_expiry_is_a_positive_unix_time),
        T(api_versions),
        T(user_agents_are_printable_and_stand_before_our_own),
        T(times_and_caps_have_bounds),
        T(ca_files_are_kept_by_path),
        T(null_restores_each_default),
        T(setters_refuse_a_null_context),
    };

    return T_MAIN(tests);
}
