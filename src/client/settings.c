/* The settings. Each setter checks its argument, rejects values that could do harm later, and copies the others. */
#include "base/ascii.h"
#include "base/clock.h"
#include "base/memory.h"
#include "client/settings.h"
#include "locksync/guard.h"
#include "wire/url.h"

#include <inttypes.h>
#include <string.h>

#define DEFAULT_BASE_URL "https://api.tedee.com"
#define DEFAULT_API_VERSION "v37"
#define DEFAULT_CONNECT_TIMEOUT_MS 10000
#define DEFAULT_TIMEOUT_MS 30000
#define DEFAULT_MAX_IDLE_MS 60000
#define DEFAULT_MAX_RESPONSE_BYTES ((size_t)8 << 20)

#define TIMEOUT_MS_MAX 86400000 /* 24 hours; fits libcurl's type, a long that may have 32 bits */
#define RESPONSE_BYTES_MAX ((uint64_t)1 << 40)
#define CREDENTIAL_BYTES_MAX 16384
#define API_VERSION_BYTES_MAX 64
#define USER_AGENT_BYTES_MAX 256
#define PATH_BYTES_MAX 4096
#define NEVER_MS INT64_MAX

#define PRODUCT_TOKEN "libgetlock-sync/" LSYNC_VERSION

void lsync_settings_init(lock_sync_ctx *ctx)
{
    ctx->connect_timeout_ms = DEFAULT_CONNECT_TIMEOUT_MS;
    ctx->timeout_ms = DEFAULT_TIMEOUT_MS;
    ctx->route.max_idle_ms = DEFAULT_MAX_IDLE_MS;
    ctx->max_response_bytes = DEFAULT_MAX_RESPONSE_BYTES;
    ctx->route.https = true;
}

void lsync_settings_release(lock_sync_ctx *ctx)
{
    lsync_free(&ctx->memory, ctx->base_url);
    lsync_free(&ctx->memory, ctx->api_version);
    lsync_free(&ctx->memory, ctx->user_agent);
    lsync_free(&ctx->memory, ctx->ca_file);
    lsync_free_secret(&ctx->memory, ctx->proxy);
    lsync_free_secret(&ctx->memory, ctx->authorization);
}

static lock_sync_status reject(lock_sync_ctx *ctx, const char *setting, const char *why)
{
    return lsync_error_set(&ctx->error, LOCK_SYNC_E_INVALID_ARGUMENT, "the %s is rejected: %s", setting, why);
}

/* Replaces the text in `place` by `head` and `tail`, or by the default (NULL) if one of them is NULL. Wipes the old
   text, because some texts are secret. The sizes must have been checked. */
static lock_sync_status replace_text(lock_sync_ctx *ctx, char **place, const char *head, const char *tail)
{
    char *text = NULL;

    if (head != NULL && tail != NULL) {
        size_t head_size = strlen(head);
        size_t tail_size = strlen(tail);

        text = lsync_alloc(&ctx->memory, head_size + tail_size + 1);
        if (text == NULL)
            return lsync_error_no_memory(&ctx->error);
        memcpy(text, head, head_size);
        memcpy(text + head_size, tail, tail_size + 1);
    }
    lsync_free_secret(&ctx->memory, *place);
    *place = text;
    return lsync_ctx_end(ctx, LOCK_SYNC_OK);
}

/* Returns OK for NULL and for a text of 1 to `max` bytes. */
static lock_sync_status check_size(lock_sync_ctx *ctx, const char *setting, const char *text, size_t max)
{
    size_t size = text == NULL ? 1 : strlen(text);

    if (size == 0)
        return reject(ctx, setting, "it is empty");
    if (size > max)
        return lsync_error_set(&ctx->error, LOCK_SYNC_E_INVALID_ARGUMENT,
                               "the %s is rejected: it has %zu bytes, and at most %zu are allowed", setting, size, max);
    return LOCK_SYNC_OK;
}

/* Checks the size, and that all bytes are in first..'~'. The message names a wrong byte by its position, because the
   byte may be part of a secret. */
static lock_sync_status check_bytes(lock_sync_ctx *ctx, const char *setting, const char *text, size_t max, char first)
{
    lock_sync_status status = check_size(ctx, setting, text, max);

    if (status != LOCK_SYNC_OK || text == NULL)
        return status;
    for (size_t i = 0; text[i] != '\0'; i++)
        if (text[i] < first || text[i] > '~')
            return lsync_error_set(&ctx->error, LOCK_SYNC_E_INVALID_ARGUMENT,
                                   "the %s is rejected: its byte %zu is not %s ASCII", setting, i,
                                   first == ' ' ? "printable" : "visible");
    return LOCK_SYNC_OK;
}

/* --- the credential --- */

static lock_sync_status set_credential(lock_sync_ctx *ctx, const char *setting, const char *scheme, const char *secret,
                                       int64_t until_ms)
{
    lock_sync_status status = LOCK_SYNC_OK;

    if (ctx == NULL)
        return LOCK_SYNC_E_INVALID_ARGUMENT;
    if (!ctx->in_provider) /* a token provider sets the credential during a fetch */
        status = lsync_ctx_check(ctx);
    if (status != LOCK_SYNC_OK)
        return status;
    if (secret != NULL && until_ms <= 0)
        return lsync_error_set(&ctx->error, LOCK_SYNC_E_INVALID_ARGUMENT,
                               "the %s is rejected: its expiry %" PRId64 " is not a Unix time in ms", setting,
                               until_ms);
    status = check_bytes(ctx, setting, secret, CREDENTIAL_BYTES_MAX, '!');
    if (status == LOCK_SYNC_OK)
        status = replace_text(ctx, &ctx->authorization, scheme, secret);
    if (status != LOCK_SYNC_OK)
        return status;
    ctx->credential_until_ms = until_ms;
    ctx->credential_version++;
    if (!ctx->in_provider) /* the application may have set the credential of another account */
        lsync_ctx_drop_cache(ctx);
    return LOCK_SYNC_OK;
}

lock_sync_status lock_sync_set_personal_key(lock_sync_ctx *ctx, const char *key)
{
    return set_credential(ctx, "personal key", "PersonalKey ", key, NEVER_MS);
}

lock_sync_status lock_sync_set_access_token(lock_sync_ctx *ctx, const char *token)
{
    return lock_sync_set_access_token_until(ctx, token, NEVER_MS);
}

lock_sync_status lock_sync_set_access_token_until(lock_sync_ctx *ctx, const char *token, int64_t expires_at_ms)
{
    return set_credential(ctx, "access token", "Bearer ", token, expires_at_ms);
}

lock_sync_status lock_sync_set_token_provider(lock_sync_ctx *ctx, lock_sync_token_fn provider, void *user)
{
    lock_sync_status status = lsync_ctx_check(ctx);

    if (status == LOCK_SYNC_OK) {
        ctx->provider = provider;
        ctx->provider_user = user;
    }
    return lsync_ctx_end(ctx, status);
}

/* --- where the request goes --- */

lock_sync_status lock_sync_set_base_url(lock_sync_ctx *ctx, const char *url)
{
    lock_sync_status status = lsync_ctx_check(ctx);
    lsync_base_url parsed = {.https = true};

    if (status != LOCK_SYNC_OK)
        return status;
    if (url != NULL) {
        const char *why = lsync_base_url_parse(url, &parsed);

        if (why != NULL)
            return reject(ctx, "base URL", why);
    }
    status = replace_text(ctx, &ctx->base_url, url, "");
    if (status == LOCK_SYNC_OK) {
        if (url != NULL)
            ctx->base_url[parsed.size] = '\0'; /* removes the slashes at its end */
        ctx->route.https = parsed.https;
        ctx->route.loopback = parsed.loopback;
        lsync_ctx_drop_cache(ctx);
    }
    return status;
}

lock_sync_status lock_sync_set_api_version(lock_sync_ctx *ctx, const char *version)
{
    lock_sync_status status = lsync_ctx_check(ctx);

    if (status == LOCK_SYNC_OK)
        status = check_bytes(ctx, "API version", version, API_VERSION_BYTES_MAX, '!');
    if (status != LOCK_SYNC_OK)
        return status;
    for (const char *c = version; c != NULL && *c != '\0'; c++)
        if (!lsync_ascii_is_alnum(*c) && (c == version || strchr("._-", *c) == NULL))
            return reject(ctx, "API version",
                          "use letters, digits, '.', '_' and '-', and begin with a letter or digit");
    status = replace_text(ctx, &ctx->api_version, version, "");
    if (status == LOCK_SYNC_OK)
        lsync_ctx_drop_cache(ctx);
    return status;
}

lock_sync_status lock_sync_set_ca_file(lock_sync_ctx *ctx, const char *path)
{
    lock_sync_status status = lsync_ctx_check(ctx);

    if (status == LOCK_SYNC_OK)
        status = check_size(ctx, "CA file's path", path, PATH_BYTES_MAX);
    if (status != LOCK_SYNC_OK)
        return status;
    status = replace_text(ctx, &ctx->ca_file, path, "");
    ctx->route.ca_file = ctx->ca_file;
    return status;
}

lock_sync_status lock_sync_set_proxy(lock_sync_ctx *ctx, const char *url)
{
    lock_sync_status status = lsync_ctx_check(ctx);
    const char *why = status != LOCK_SYNC_OK || url == NULL ? NULL : lsync_proxy_url_check(url);

    if (status != LOCK_SYNC_OK)
        return status;
    if (why != NULL)
        return reject(ctx, "proxy", why);
    status = replace_text(ctx, &ctx->proxy, url, "");
    ctx->route.proxy = ctx->proxy;
    return status;
}

lock_sync_status lock_sync_set_allow_http(lock_sync_ctx *ctx, bool allow)
{
    lock_sync_status status = lsync_ctx_check(ctx);

    if (status == LOCK_SYNC_OK)
        ctx->allow_http = allow;
    return lsync_ctx_end(ctx, status);
}

/* --- limits --- */

/* Returns OK if the timeout may be set. */
static lock_sync_status check_timeout(lock_sync_ctx *ctx, const char *setting, int64_t ms)
{
    lock_sync_status status = lsync_ctx_check(ctx);

    if (status != LOCK_SYNC_OK)
        return status;
    if (ms < 1 || ms > TIMEOUT_MS_MAX)
        return lsync_error_set(&ctx->error, LOCK_SYNC_E_INVALID_ARGUMENT,
                               "the %s is rejected: %" PRId64 " ms is not between 1 ms and %d hours", setting, ms,
                               TIMEOUT_MS_MAX / 3600000);
    return lsync_ctx_end(ctx, LOCK_SYNC_OK);
}

lock_sync_status lock_sync_set_connect_timeout_ms(lock_sync_ctx *ctx, int64_t timeout_ms)
{
    lock_sync_status status = check_timeout(ctx, "connect timeout", timeout_ms);

    if (status == LOCK_SYNC_OK)
        ctx->connect_timeout_ms = timeout_ms;
    return status;
}

lock_sync_status lock_sync_set_timeout_ms(lock_sync_ctx *ctx, int64_t timeout_ms)
{
    lock_sync_status status = check_timeout(ctx, "timeout", timeout_ms);

    if (status == LOCK_SYNC_OK)
        ctx->timeout_ms = timeout_ms;
    return status;
}

lock_sync_status lock_sync_set_max_idle_ms(lock_sync_ctx *ctx, int64_t max_idle_ms)
{
    lock_sync_status status = check_timeout(ctx, "limit on idle connections", max_idle_ms);

    if (status == LOCK_SYNC_OK)
        ctx->route.max_idle_ms = max_idle_ms;
    return status;
}

lock_sync_status lock_sync_set_max_response_bytes(lock_sync_ctx *ctx, uint64_t bytes)
{
    lock_sync_status status = lsync_ctx_check(ctx);

    if (status != LOCK_SYNC_OK)
        return status;
    if (bytes < 1 || bytes > RESPONSE_BYTES_MAX || bytes > SIZE_MAX / 2)
        return lsync_error_set(&ctx->error, LOCK_SYNC_E_INVALID_ARGUMENT,
                               "the limit on a response is rejected: %" PRIu64 " is not between 1 and 2^40 bytes",
                               bytes);
    ctx->max_response_bytes = (size_t)bytes;
    return lsync_ctx_end(ctx, LOCK_SYNC_OK);
}

/* --- the user agent and the logger --- */

lock_sync_status lock_sync_set_user_agent(lock_sync_ctx *ctx, const char *product)
{
    lock_sync_status status = lsync_ctx_check(ctx);

    if (status == LOCK_SYNC_OK)
        status = check_bytes(ctx, "user agent", product, USER_AGENT_BYTES_MAX, ' ');
    return status == LOCK_SYNC_OK ? replace_text(ctx, &ctx->user_agent, product, " " PRODUCT_TOKEN) : status;
}

lock_sync_status lock_sync_set_logger(lock_sync_ctx *ctx, lock_sync_log_fn log, void *user)
{
    lock_sync_status status = lsync_ctx_check(ctx);

    if (status == LOCK_SYNC_OK)
        ctx->logger = (lsync_logger){log, user};
    return lsync_ctx_end(ctx, status);
}

/* --- what follows from the settings --- */

bool lsync_ctx_has_credential(const lock_sync_ctx *ctx)
{
    return ctx->authorization != NULL && lsync_clock_unix_ms() < ctx->credential_until_ms;
}

lock_sync_status lsync_ctx_check_credential(lock_sync_ctx *ctx)
{
    if (lsync_ctx_has_credential(ctx))
        return LOCK_SYNC_OK;
    if (ctx->authorization == NULL)
        return lsync_ctx_fail(ctx, LOCK_SYNC_E_NO_CREDENTIAL);
    return lsync_error_set(&ctx->error, LOCK_SYNC_E_NO_CREDENTIAL,
                           "The access token has expired, and no other credential is set.");
}

/* Rejects a route that would send the credential in plain text, unless the application allowed it. */
lock_sync_status lsync_ctx_check_route(lock_sync_ctx *ctx)
{
    if (ctx->route.https || ctx->route.loopback)
        return LOCK_SYNC_OK;
    if (!ctx->allow_http)
        return reject(ctx, "base URL", "plain http is allowed for loopback only: use https, or allow http");
    if (ctx->proxy != NULL)
        return reject(ctx, "base URL",
                      "plain http must not go through a proxy, which would see the credential: use https");
    return LOCK_SYNC_OK;
}

const char *lsync_ctx_base_url(const lock_sync_ctx *ctx)
{
    return ctx->base_url == NULL ? DEFAULT_BASE_URL : ctx->base_url;
}

lock_sync_status lsync_ctx_request(lock_sync_ctx *ctx, const lsync_query *query, lock_sync_request **out)
{
    lock_sync_status status = lsync_ctx_check_route(ctx);
    lsync_request_spec spec = {
        .base_url = lsync_ctx_base_url(ctx),
        .api_version = ctx->api_version == NULL ? DEFAULT_API_VERSION : ctx->api_version,
        .authorization = ctx->authorization,
        .user_agent = ctx->user_agent == NULL ? PRODUCT_TOKEN : ctx->user_agent,
        .query = *query,
        .timeout_ms = ctx->timeout_ms,
        .connect_timeout_ms = ctx->connect_timeout_ms,
    };

    if (status == LOCK_SYNC_OK)
        status = lsync_ctx_check_credential(ctx);
    if (status != LOCK_SYNC_OK)
        return status;
    *out = lsync_request_new(&ctx->memory, &spec);
    return *out == NULL ? lsync_error_no_memory(&ctx->error) : LOCK_SYNC_OK;
}

/* --- the transport --- */

lock_sync_status lock_sync_set_transport(lock_sync_ctx *ctx, const lock_sync_transport *transport)
{
    lock_sync_status status = lsync_ctx_check(ctx);
    lock_sync_transport copy = {0};

    if (status != LOCK_SYNC_OK)
        return status;
    if (atomic_load(&ctx->lent)) /* a pool's watch needs the built-in transport */
        return LOCK_SYNC_E_BUSY;
    if (transport != NULL) {
        /* an application that was built with an older header passes a shorter struct; members it lacks become NULL */
        if (transport->struct_size < offsetof(lock_sync_transport, cancel))
            return lsync_ctx_reject(ctx, "the struct_size of the transport is too small");
        if (transport->perform == NULL)
            return lsync_ctx_reject(ctx, "the function `perform` of the transport is NULL");
        lsync_copy_struct(&copy, sizeof copy, transport, transport->struct_size);
    }
    lsync_ctx_drop_transport(ctx);
    ctx->transport = copy;
    ctx->has_own_transport = transport != NULL;
    return lsync_ctx_end(ctx, LOCK_SYNC_OK);
}

/* --- the guard --- */

lock_sync_status lock_sync_set_guard(lock_sync_ctx *ctx, lock_sync_guard *guard)
{
    lock_sync_status status = lsync_ctx_check(ctx);

    if (status != LOCK_SYNC_OK)
        return status;
    (void)lock_sync_guard_ref(guard); /* before the old guard is released, because both may be the same */
    lock_sync_guard_unref(ctx->guard);
    ctx->guard = guard;
    return lsync_ctx_end(ctx, LOCK_SYNC_OK);
}

lock_sync_status lock_sync_set_guard_mode(lock_sync_ctx *ctx, lock_sync_guard_mode mode)
{
    lock_sync_status status = lsync_ctx_check(ctx);

    if (status != LOCK_SYNC_OK)
        return status;
    if (mode < LOCK_SYNC_GUARD_FAIL || mode > LOCK_SYNC_GUARD_OFF)
        return lsync_error_set(&ctx->error, LOCK_SYNC_E_INVALID_ARGUMENT, "%" PRId32 " is not a guard mode", mode);
    ctx->guard_mode = mode;
    if (mode != LOCK_SYNC_GUARD_CACHED)
        lsync_ctx_drop_cache(ctx);
    return lsync_ctx_end(ctx, LOCK_SYNC_OK);
}

lock_sync_status lsync_need_guard(lock_sync_ctx *ctx)
{
    lock_sync_status status = LOCK_SYNC_OK;

    if (ctx->guard == NULL)
        status = lock_sync_guard_new_with_allocator(&ctx->memory, &ctx->guard);
    return status == LOCK_SYNC_OK ? status : lsync_error_no_memory(&ctx->error);
}
