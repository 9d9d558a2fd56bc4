/* All settings with any text and number, and the resulting request. An accepted URL must lead where libcurl's parser
   says. No accepted setting may break a header, or send a credential to another server.

   Input: settings, each a letter and a text up to a NUL; `-` before the letter sets the default. */
#include "client/context.h"
#include "fuzz.h"

#include "../support/t_heap.h"
#include "wire/url.h"

#include <arpa/inet.h>
#include <curl/curl.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define URL_BYTES_MAX 2000

static int64_t number_of(const char *text)
{
    return strtoll(text, NULL, 0);
}

/* Checks that the error for a rejected secret contains no byte of it: with other visible bytes the text must be the
   same. */
static void check_rejection(lock_sync_ctx *ctx, lock_sync_status (*set)(lock_sync_ctx *, const char *),
                            const char *text)
{
    char *masked = strdup(text);
    char *message = strdup(lock_sync_error_message(lock_sync_last_error(ctx)));

    if (masked == NULL || message == NULL)
        abort();
    for (char *c = masked; *c != '\0'; c++)
        if (*c > ' ' && *c <= '~')
            *c = 'x';
    FUZZ_CHECK(set(ctx, masked) == LOCK_SYNC_E_INVALID_ARGUMENT);
    FUZZ_CHECK(strcmp(lock_sync_error_message(lock_sync_last_error(ctx)), message) == 0);
    free(masked);
    free(message);
}

static lock_sync_status set_until(lock_sync_ctx *ctx, const char *text)
{
    return lock_sync_set_access_token_until(ctx, text, INT64_MAX);
}

/* Checks that the library accepts an IPv6 address if and only if the C library does. */
static void check_address(const char *url, lock_sync_status status)
{
    const char *begin = strchr(url, '[');
    size_t size = begin == NULL ? 0 : strcspn(begin + 1, "]");
    char address[100] = "";
    struct in6_addr a6;

    if (begin == NULL || begin[size + 1] == '\0' || begin[size + 2] != '\0' || size >= sizeof address)
        return; /* not closed, or not complete */
    if (strncasecmp(url, "http://[", 8) != 0 && strncasecmp(url, "https://[", 9) != 0)
        return;
    memcpy(address, begin + 1, size);
    FUZZ_CHECK((inet_pton(AF_INET6, address, &a6) == 1) == (status == LOCK_SYNC_OK));
}

static lock_sync_status in_range(lock_sync_status status, int64_t number, int64_t least, int64_t most)
{
    FUZZ_CHECK((status == LOCK_SYNC_OK) == (number >= least && number <= most));
    return status;
}

static lock_sync_status no_transport(void *user, const lock_sync_request *request, lock_sync_response *response)
{
    (void)user, (void)request, (void)response;
    return LOCK_SYNC_E_NETWORK;
}

/* Sets a transport of an application whose header may be of another version: the last bytes are not there then. */
static lock_sync_status set_transport(lock_sync_ctx *ctx, int64_t size)
{
    lock_sync_transport whole = {.struct_size = (size_t)size, .perform = no_transport};
    size_t there = (uint64_t)size < sizeof whole ? (size_t)size : sizeof whole;
    void *given = malloc(there < sizeof whole.struct_size ? sizeof whole.struct_size : there);
    lock_sync_status status;

    if (given == NULL)
        abort();
    memcpy(given, &whole, there < sizeof whole.struct_size ? sizeof whole.struct_size : there);
    status = lock_sync_set_transport(ctx, given);
    free(given);
    FUZZ_CHECK((status == LOCK_SYNC_OK) == ((uint64_t)size >= offsetof(lock_sync_transport, cancel)));
    return status;
}

/* Sets a guard with these limits for the context. */
static lock_sync_status set_guard(lock_sync_ctx *ctx, int64_t interval_ms, const char *budget)
{
    const char *comma = budget == NULL ? NULL : strchr(budget, ',');
    uint32_t requests = (uint32_t)interval_ms;
    uint32_t unused = comma == NULL ? 0 : (uint32_t)number_of(comma + 1);
    lock_sync_guard *guard;
    lock_sync_status status;

    FUZZ_CHECK(lock_sync_guard_new_with_allocator(&ctx->memory, &guard) == LOCK_SYNC_OK);
    status = in_range(lock_sync_guard_set_min_interval_ms(guard, interval_ms), interval_ms, 1, 3600000);
    FUZZ_CHECK((lock_sync_guard_set_hourly_budget(guard, requests, unused) == LOCK_SYNC_OK) ==
               (requests <= 1000000 && unused < requests));
    FUZZ_CHECK(lock_sync_set_guard(ctx, status == LOCK_SYNC_OK ? guard : NULL) == LOCK_SYNC_OK);
    lock_sync_guard_unref(guard);
    return LOCK_SYNC_OK;
}

/* Applies a setting that is a number; for "-" the number is 0. */
static lock_sync_status apply_number(lock_sync_ctx *ctx, char letter, int64_t number, const char *text)
{
    switch (letter) {
    case 'm': return in_range(lock_sync_set_max_response_bytes(ctx, (uint64_t)number), number, 1, INT64_C(1) << 40);
    case 'w': return in_range(lock_sync_set_timeout_ms(ctx, number), number, 1, 86400000);
    case 'x': return in_range(lock_sync_set_connect_timeout_ms(ctx, number), number, 1, 86400000);
    case 'q': return in_range(lock_sync_set_max_idle_ms(ctx, number), number, 1, 86400000);
    case 'f': return in_range(lock_sync_set_access_token_until(ctx, "eyJ.x.y", number), number, 1, INT64_MAX);
    case 'g': return in_range(lock_sync_set_guard_mode(ctx, (int32_t)number), (int32_t)number, 0, 3);
    case 'i': return set_guard(ctx, number, text);
    case 's': return text == NULL ? lock_sync_set_transport(ctx, NULL) : set_transport(ctx, number);
    case 'o': return lock_sync_set_token_provider(ctx, NULL, ctx);
    default: return lock_sync_set_logger(ctx, NULL, NULL);
    }
}

static lock_sync_status apply(lock_sync_ctx *ctx, char letter, const char *text)
{
    static const struct {
        char letter;
        lock_sync_status (*set)(lock_sync_ctx *ctx, const char *text);
        bool is_secret;
    } texts[] = {
        {'u', lock_sync_set_base_url, false},    {'v', lock_sync_set_api_version, false},
        {'p', lock_sync_set_proxy, false},       {'c', lock_sync_set_ca_file, false},
        {'a', lock_sync_set_user_agent, false},  {'k', lock_sync_set_personal_key, true},
        {'t', lock_sync_set_access_token, true}, {'e', set_until, true},
    };
    lock_sync_status status;

    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        if (texts[i].letter != letter)
            continue;
        status = texts[i].set(ctx, text);
        if (status != LOCK_SYNC_OK && texts[i].is_secret)
            check_rejection(ctx, texts[i].set, text);
        if (letter == 'u' && text != NULL)
            check_address(text, status);
        return status;
    }
    if (letter == 'h')
        return lock_sync_set_allow_http(ctx, text == NULL || text[0] == '1');
    return apply_number(ctx, letter, text == NULL ? 0 : number_of(text), text);
}

/* Returns whether both mean the same host name or address: libcurl writes 127.1 as 127.0.0.1. */
static bool same_host(const char *accepted, const char *parsed)
{
    struct in_addr a4, b4;

    if (strcasecmp(accepted, parsed) == 0)
        return true;
    if (accepted[0] == '[') {
        struct in6_addr a6, b6;
        char address[64] = "";
        char other[64] = "";

        if (strlen(accepted) >= sizeof address || strlen(parsed) >= sizeof other)
            return false;
        memcpy(address, accepted + 1, strlen(accepted) - 2);
        memcpy(other, parsed + 1, strlen(parsed) - 2);
        return inet_pton(AF_INET6, address, &a6) == 1 && inet_pton(AF_INET6, other, &b6) == 1 &&
               memcmp(&a6, &b6, sizeof a6) == 0;
    }
    return inet_aton(accepted, &a4) != 0 && inet_aton(parsed, &b4) != 0 && a4.s_addr == b4.s_addr;
}

static bool is_loopback(const char *host)
{
    struct in_addr a4;

    return strcasecmp(host, "localhost") == 0 || strcmp(host, "[::1]") == 0 ||
           (inet_pton(AF_INET, host, &a4) == 1 && ntohl(a4.s_addr) >> 24 == 127);
}

static char *part(CURLU *u, CURLUPart what)
{
    char *text = NULL;

    return curl_url_get(u, what, &text, 0) == CURLUE_OK ? text : NULL;
}

/* Returns the host name of an accepted URL. */
static char *host_of(const char *url)
{
    const char *host = strstr(url, "://") + 3;
    size_t size = host[0] == '[' ? strcspn(host, "]") + 1 : strcspn(host, ":/");

    return strndup(host, size);
}

static void check_url(const lock_sync_ctx *ctx, const char *url)
{
    CURLU *u = curl_url();
    char *accepted = host_of(url);
    char *scheme;
    char *host;
    char *path;
    char *query;

    if (u == NULL || accepted == NULL)
        abort();
    FUZZ_CHECK(curl_url_set(u, CURLUPART_URL, url, CURLU_PATH_AS_IS) == CURLUE_OK);
    scheme = part(u, CURLUPART_SCHEME);
    host = part(u, CURLUPART_HOST);
    path = part(u, CURLUPART_PATH);
    query = part(u, CURLUPART_QUERY);
    FUZZ_CHECK(scheme != NULL && strcmp(scheme, ctx->route.https ? "https" : "http") == 0);
    FUZZ_CHECK(host != NULL && same_host(accepted, host));
    FUZZ_CHECK(part(u, CURLUPART_USER) == NULL && part(u, CURLUPART_PASSWORD) == NULL);
    FUZZ_CHECK(part(u, CURLUPART_FRAGMENT) == NULL);
    FUZZ_CHECK(query == NULL || strncmp(query, "id=", 3) == 0);
    FUZZ_CHECK(path != NULL && strstr(path, "/api/") != NULL && strstr(path, "/my/lock") != NULL);
    FUZZ_CHECK(!ctx->route.loopback || is_loopback(host));
    FUZZ_CHECK(ctx->route.loopback || !is_loopback(host) || strcasecmp(host, accepted) != 0);
    FUZZ_CHECK(ctx->route.https || ctx->allow_http || is_loopback(host));
    FUZZ_CHECK(ctx->route.https || is_loopback(host) || ctx->proxy == NULL);
    curl_free(scheme);
    curl_free(host);
    curl_free(path);
    curl_free(query);
    free(accepted);
    curl_url_cleanup(u);
}

static void check_proxy(const char *proxy)
{
    CURLU *u = curl_url();
    const char *begin = strstr(proxy, "://") + 3;
    const char *at = strrchr(begin, '@');
    size_t size;
    char *host;
    char *accepted;

    if (u == NULL)
        abort();
    begin = at == NULL ? begin : at + 1;
    size = begin[0] == '[' ? strcspn(begin, "]") + 1 : strcspn(begin, ":/");
    FUZZ_CHECK(curl_url_set(u, CURLUPART_URL, proxy, CURLU_NON_SUPPORT_SCHEME | CURLU_PATH_AS_IS) == CURLUE_OK);
    host = part(u, CURLUPART_HOST);
    accepted = strndup(begin, size);
    FUZZ_CHECK(accepted != NULL && host != NULL && same_host(accepted, host));
    curl_free(host);
    free(accepted);
    curl_url_cleanup(u);
}

static void check_request(const lock_sync_ctx *ctx, const lock_sync_request *q, size_t n)
{
    const char *url = lock_sync_request_url(q);
    const char *base = ctx->base_url == NULL ? "https://api.tedee.com" : ctx->base_url;

    FUZZ_CHECK(strlen(url) <= URL_BYTES_MAX);
    FUZZ_CHECK(strncmp(url, base, strlen(base)) == 0 && strncmp(url + strlen(base), "/api/", 5) == 0);
    FUZZ_CHECK((strchr(url, '?') != NULL) == (n > 0 && !q->asks_all && !q->single));
    FUZZ_CHECK(lock_sync_request_header_count(q) == 3);
    for (size_t i = 0; i < 3; i++) {
        const char *value = lock_sync_request_header_value(q, i);

        FUZZ_CHECK(value[0] != '\0');
        for (const unsigned char *c = (const unsigned char *)value; *c != '\0'; c++)
            FUZZ_CHECK(*c >= 0x20 && *c <= 0x7e);
    }
    FUZZ_CHECK(strcmp(lock_sync_request_header_value(q, 1), ctx->authorization) == 0);
    FUZZ_CHECK(lock_sync_request_timeout_ms(q) >= 1 && lock_sync_request_connect_timeout_ms(q) >= 1);
    check_url(ctx, url);
}

/* Builds requests for all locks, a few, more than fit a URL, and one. */
static void build(lock_sync_ctx *ctx)
{
    static const size_t counts[] = {0, 2, 90, 1};
    int64_t ids[90];

    for (size_t i = 0; i < 90; i++)
        ids[i] = i == 89 ? INT64_MAX : (int64_t)(i + 1) * 1000000007;
    for (size_t i = 0; i < sizeof counts / sizeof counts[0]; i++) {
        lock_sync_request *q;
        lock_sync_status status = i == 3 ? lock_sync_request_build_one(ctx, ids[89], &q)
                                         : lock_sync_request_build(ctx, i == 0 ? NULL : ids, counts[i], &q);

        FUZZ_CHECK(status == LOCK_SYNC_OK || status == LOCK_SYNC_E_NO_CREDENTIAL ||
                   (status == LOCK_SYNC_E_INVALID_ARGUMENT && !ctx->route.https && !ctx->route.loopback));
        FUZZ_CHECK((status == LOCK_SYNC_OK) == (q != NULL));
        if (q != NULL)
            check_request(ctx, q, counts[i]);
        lock_sync_request_free(q);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fuzz_input in = {data, size};
    t_heap heap = {0};
    lock_sync_allocator memory = t_heap_allocator(&heap);
    lock_sync_ctx *ctx;

    FUZZ_CHECK(lock_sync_ctx_new_with_allocator(&memory, &ctx) == LOCK_SYNC_OK);
    FUZZ_CHECK(lock_sync_set_personal_key(ctx, "sEcReT-4711") == LOCK_SYNC_OK);
    while (in.left > 0) {
        size_t text_size;
        char letter = (char)fuzz_byte(&in);
        bool none = letter == '-';
        char *text;
        lock_sync_status status;

        if (none)
            letter = (char)fuzz_byte(&in);
        text = fuzz_text_to(&in, 0, &text_size);
        status = apply(ctx, letter, none ? NULL : text);
        FUZZ_CHECK(status == LOCK_SYNC_OK || status == LOCK_SYNC_E_INVALID_ARGUMENT);
        FUZZ_CHECK(lock_sync_error_status(lock_sync_last_error(ctx)) == status);
        FUZZ_CHECK(!none || status == LOCK_SYNC_OK || strchr("mwxqf", letter) != NULL);
        free(text);
    }
    if (ctx->proxy != NULL)
        check_proxy(ctx->proxy);
    build(ctx);
    lock_sync_ctx_free(ctx);
    FUZZ_CHECK(heap.blocks == 0);
    return 0;
}
