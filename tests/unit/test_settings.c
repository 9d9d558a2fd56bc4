/* The settings: what each setter accepts and rejects, and the message. A rejected value leaves the old one. URLs are
   tested in test_url.c. */
#include "client/context.h"
#include "../support/decoding.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Checks, after a rejected value, the status, and a message with `names` and `why`. */
static void check_rejected(const lock_sync_ctx *ctx, lock_sync_status status, const char *names, const char *why)
{
    CHECK_INT(status, LOCK_SYNC_E_INVALID_ARGUMENT);
    CHECK_INT(t_error_status(ctx), LOCK_SYNC_E_INVALID_ARGUMENT);
    CHECK_HOLDS(t_error_message(ctx), names);
    CHECK_HOLDS(t_error_message(ctx), why);
    CHECK_LACKS(t_error_message(ctx), "HIDE");
    CHECK_INT(lock_sync_error_http_status(lock_sync_last_error(ctx)), 0);
    CHECK_INT(lock_sync_error_retry_after_ms(lock_sync_last_error(ctx)), -1);
}

/* Checks that no error is left after a success. */
static void check_accepted(const lock_sync_ctx *ctx, lock_sync_status status)
{
    CHECK_OK(status);
    CHECK_OK(t_error_status(ctx));
    CHECK_TEXT(t_error_message(ctx), "");
}

static lock_sync_status set_until(lock_sync_ctx *ctx, const char *token)
{
    return lock_sync_set_access_token_until(ctx, token, INT64_MAX);
}

/* --- settings that are texts --- */

/* A setter of a text, and the place of the text in a request. */
typedef struct setter {
    const char *name; /* in messages */
    lock_sync_status (*set)(lock_sync_ctx *ctx, const char *text);
    const char *before; /* the texts around it in the request */
    const char *after;
    int header; /* -1: the URL */
} setter;

static const setter personal_key = {"personal key", lock_sync_set_personal_key, "PersonalKey ", "", 1};
static const setter access_token = {"access token", lock_sync_set_access_token, "Bearer ", "", 1};
static const setter access_token_until = {"access token", set_until, "Bearer ", "", 1};
static const setter user_agent = {"user agent", lock_sync_set_user_agent, "", " libgetlock-sync/0.1.0", 2};
static const setter api_version = {"API version", lock_sync_set_api_version, "https://api.tedee.com/api/",
                                   "/my/lock/sync", -1};

typedef struct text_row {
    const char *name;
    const char *text; /* NULL: `size` digits */
    size_t size;
    const char *why; /* NULL: it is good */
} text_row;

static void check_in_request(lock_sync_ctx *ctx, const setter *s, const char *text)
{
    char want[17000];
    lock_sync_request *q;

    (void)snprintf(want, sizeof want, "%s%s%s", s->before, text, s->after);
    CHECK_OK(lock_sync_request_build(ctx, NULL, 0, &q));
    CHECK_TEXT(s->header < 0 ? lock_sync_request_url(q) : lock_sync_request_header_value(q, (size_t)s->header), want);
    lock_sync_request_free(q);
}

/* Checks that a good text is sent, and after a bad one the old one. */
static void check_texts(const setter *s, const text_row *table, size_t n)
{
    lock_sync_ctx *ctx = t_ctx();

    for (size_t i = 0; i < n; i++) {
        char *made = t_repeat('9', table[i].size);
        const char *text = table[i].text == NULL ? made : table[i].text;

        t_row("%s: %s", s->name, table[i].name);
        CHECK_OK(s->set(ctx, "old"));
        if (table[i].why == NULL)
            check_accepted(ctx, s->set(ctx, text));
        else
            check_rejected(ctx, s->set(ctx, text), s->name, table[i].why);
        check_in_request(ctx, s, table[i].why == NULL ? text : "old");
        free(made);
    }
    lock_sync_ctx_free(ctx);
}

TEST(credentials_are_visible_ascii)
{
    static const text_row table[] = {
        {"one byte", "k", 0, NULL},
        {"all of visible ASCII", "!\"#$%&'()*+,-./0189:;<=>?@AZ[\\]^_`az{|}~", 0, NULL},
        {"16384 bytes", NULL, 16384, NULL},
        {"16385 bytes", NULL, 16385, "16385 bytes, and at most 16384"},
        {"empty", "", 0, "empty"},
        {"CR", "HIDE\rHIDE", 0, "byte 4"},
        {"LF", "HIDE\nX-Evil: 1", 0, "byte 4"},
        {"space inside", "HIDE HIDE", 0, "byte 4"},
        {"space before", " HIDE", 0, "byte 0"},
        {"DEL", "HIDE\x7f", 0, "byte 4"},
        {"0x1f", "HIDE\x1f", 0, "byte 4"},
        {"0x80", "HIDE\x80", 0, "byte 4"},
        {"UTF-8", "HIDE\xc3\xa9HIDE", 0, "byte 4"},
    };

    check_texts(&personal_key, table, COUNT_OF(table));
    check_texts(&access_token, table, COUNT_OF(table));
    check_texts(&access_token_until, table, COUNT_OF(table));
}

TEST(an_api_version_has_letters_digits_and_three_signs)
{
    static const text_row table[] = {
        {"v1.36", "v1.36", 0, NULL},
        {"all kinds of character", "A-z_0.9", 0, NULL},
        {"dots last", "v..", 0, NULL},
        {"64 bytes", NULL, 64, NULL},
        {"65 bytes", NULL, 65, "65 bytes, and at most 64"},
        {"empty", "", 0, "empty"},
        {"dot first", ".v", 0, "letters"},
        {"dash first", "-1", 0, "letters"},
        {"slash", "v1/v2", 0, "letters"},
        {"percent", "v%2f", 0, "letters"},
        {"query", "v1?x=1", 0, "letters"},
        {"colon", "v1:2", 0, "letters"},
        {"space", "v 1", 0, "byte 1"},
        {"UTF-8", "v\xc3\xa9", 0, "byte 1"},
    };

    check_texts(&api_version, table, COUNT_OF(table));
}

TEST(user_agents_are_printable_and_precede_that_of_the_library)
{
    static const text_row table[] = {
        {"product", "acme-hub/2.1", 0, NULL},
        {"with comment", "acme-hub/2.1 (door 3; \"x\")", 0, NULL},
        {"256 bytes", NULL, 256, NULL},
        {"257 bytes", NULL, 257, "257 bytes, and at most 256"},
        {"empty", "", 0, "empty"},
        {"CR", "a\rb", 0, "byte 1"},
        {"LF and a header", "a\nX-Evil: 1", 0, "byte 1"},
        {"DEL", "ab\x7f", 0, "byte 2"},
        {"UTF-8", "\xc3\xa9", 0, "byte 0"},
    };

    check_texts(&user_agent, table, COUNT_OF(table));
}

TEST_WITH_CTX(null_wipes_the_credential_of_any_setter)
{
    const setter *const setters[] = {&personal_key, &access_token, &access_token_until};
    lock_sync_request *q;

    for (size_t i = 0; i < COUNT_OF(setters); i++) {
        t_row("setter %zu", i);
        CHECK_OK(lock_sync_set_personal_key(ctx, "k"));
        check_accepted(ctx, setters[i]->set(ctx, NULL));
        CHECK(ctx->authorization == NULL);
        CHECK_INT(lock_sync_request_build(ctx, NULL, 0, &q), LOCK_SYNC_E_NO_CREDENTIAL);
        check_accepted(ctx, setters[i]->set(ctx, NULL)); /* without a credential too */
    }
    check_accepted(ctx, lock_sync_set_access_token_until(ctx, NULL, -5)); /* the time is ignored */
}

TEST_WITH_CTX(an_expiry_is_a_positive_unix_time)
{
    static const struct {
        int64_t until;
        bool good;
    } table[] = {{INT64_MIN, false}, {-1, false}, {0, false}, {1, true}, {INT64_MAX, true}};

    for (size_t i = 0; i < COUNT_OF(table); i++) {
        lock_sync_status status = lock_sync_set_access_token_until(ctx, "HIDE", table[i].until);

        t_row("%lld", (long long)table[i].until);
        if (table[i].good)
            check_accepted(ctx, status);
        else
            check_rejected(ctx, status, "access token", "expiry");
    }
}

TEST_WITH_CTX(times_and_caps_have_bounds)
{
    static const struct {
        int64_t ms;
        bool good;
    } times[] = {{INT64_MIN, false}, {-1, false},      {0, false},        {1, true},
                 {10000, true},      {86400000, true}, {86400001, false}, {INT64_MAX, false}};
    static const struct {
        uint64_t bytes;
        bool good;
    } caps[] = {
        {0, false},         {1, true}, {8 << 20, true}, {UINT64_C(1) << 40, true}, {(UINT64_C(1) << 40) + 1, false},
        {UINT64_MAX, false}};

    CHECK_INT(ctx->timeout_ms, 30000); /* the defaults */
    CHECK_INT(ctx->connect_timeout_ms, 10000);
    CHECK_INT(ctx->route.max_idle_ms, 60000);
    CHECK_INT(ctx->max_response_bytes, 8 << 20);
    for (size_t i = 0; i < COUNT_OF(times); i++) {
        const struct {
            const char *name;
            lock_sync_status (*set)(lock_sync_ctx *ctx, int64_t ms);
            const int64_t *place;
        } setters[] = {{"the timeout", lock_sync_set_timeout_ms, &ctx->timeout_ms},
                       {"connect timeout", lock_sync_set_connect_timeout_ms, &ctx->connect_timeout_ms},
                       {"limit on idle connections", lock_sync_set_max_idle_ms, &ctx->route.max_idle_ms}};

        for (size_t s = 0; s < COUNT_OF(setters); s++) {
            t_row("%s %lld", setters[s].name, (long long)times[i].ms);
            CHECK_OK(setters[s].set(ctx, 77));
            if (times[i].good)
                check_accepted(ctx, setters[s].set(ctx, times[i].ms));
            else
                check_rejected(ctx, setters[s].set(ctx, times[i].ms), setters[s].name, "24 hours");
            CHECK_INT(*setters[s].place, times[i].good ? times[i].ms : 77);
        }
    }
    for (size_t i = 0; i < COUNT_OF(caps) && SIZE_MAX > UINT32_MAX; i++) {
        t_row("cap %llu", (unsigned long long)caps[i].bytes);
        CHECK_OK(lock_sync_set_max_response_bytes(ctx, 77));
        if (caps[i].good)
            check_accepted(ctx, lock_sync_set_max_response_bytes(ctx, caps[i].bytes));
        else
            check_rejected(ctx, lock_sync_set_max_response_bytes(ctx, caps[i].bytes), "response", "2^40");
        CHECK_INT(ctx->max_response_bytes, caps[i].good ? caps[i].bytes : 77);
    }
}

TEST_WITH_CTX(ca_files_are_kept_by_path)
{
    char *longest = t_repeat('/', 4096);
    char *too_long = t_repeat('/', 4097);

    check_accepted(ctx, lock_sync_set_ca_file(ctx, "/etc/no such file.pem")); /* the file is read later */
    CHECK_TEXT(ctx->route.ca_file, "/etc/no such file.pem");
    check_rejected(ctx, lock_sync_set_ca_file(ctx, ""), "CA file", "empty");
    check_rejected(ctx, lock_sync_set_ca_file(ctx, too_long), "CA file", "4096");
    CHECK_TEXT(ctx->route.ca_file, "/etc/no such file.pem");
    check_accepted(ctx, lock_sync_set_ca_file(ctx, longest));
    CHECK_TEXT(ctx->route.ca_file, longest);
    check_accepted(ctx, lock_sync_set_ca_file(ctx, NULL));
    CHECK(ctx->route.ca_file == NULL);
    free(too_long);
    free(longest);
}

static lock_sync_status no_provider(void *user, lock_sync_ctx *ctx, bool rejected)
{
    (void)user, (void)ctx, (void)rejected;
    return LOCK_SYNC_E_NO_CREDENTIAL;
}

static void no_log(void *user, lock_sync_log_level level, const char *message)
{
    (void)user, (void)level, (void)message;
}

TEST_WITH_CTX(null_restores_each_default)
{
    CHECK_OK(lock_sync_set_base_url(ctx, "http://127.0.0.1:8080/x"));
    CHECK_OK(lock_sync_set_api_version(ctx, "v1"));
    CHECK_OK(lock_sync_set_user_agent(ctx, "a/1"));
    CHECK_OK(lock_sync_set_proxy(ctx, "http://proxy:3128"));
    CHECK_OK(lock_sync_set_token_provider(ctx, no_provider, ctx));
    CHECK_OK(lock_sync_set_logger(ctx, no_log, ctx));
    check_accepted(ctx, lock_sync_set_base_url(ctx, NULL));
    check_accepted(ctx, lock_sync_set_api_version(ctx, NULL));
    check_accepted(ctx, lock_sync_set_user_agent(ctx, NULL));
    check_accepted(ctx, lock_sync_set_proxy(ctx, NULL));
    check_accepted(ctx, lock_sync_set_token_provider(ctx, NULL, NULL));
    check_accepted(ctx, lock_sync_set_logger(ctx, NULL, NULL));
    check_accepted(ctx, lock_sync_set_transport(ctx, NULL));
    check_in_request(ctx, &api_version, "v37");
    check_in_request(ctx, &(setter){.before = "libgetlock-sync/0.1.0", .after = "", .header = 2}, "");
    CHECK(ctx->route.proxy == NULL && ctx->route.https && !ctx->route.loopback);
    CHECK(ctx->provider == NULL && ctx->logger.log == NULL);
}

TEST(setters_reject_a_null_context)
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
