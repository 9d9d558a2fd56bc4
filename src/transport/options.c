/* The options of a transfer in libcurl; see options.h. A comment gives the reason for an option where it is not
   obvious. */
#include "transport/options.h"
#include "base/ascii.h"
#include "base/clock.h"
#include "base/duration.h"
#include "base/memory.h"
#include "transport/connections.h"
#include "transport/quirks.h"

#include <pthread.h>
#include <string.h>

#define CA_AGE_S_MAX 86400 /* libcurl's default, 24 hours */
#define NO_RESUMPTION_S 10

lock_sync_status lsync_curl_global_init(void)
{
    static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
    static bool done; /* the library's only process-wide state: libcurl's global state is initialized */
    bool ready;

    (void)pthread_mutex_lock(&mutex);
    if (!done)
        done = curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK;
    ready = done;
    (void)pthread_mutex_unlock(&mutex);
    return ready ? LOCK_SYNC_OK : LOCK_SYNC_E_NO_MEMORY;
}

/* --- libcurl's callbacks --- */

static int stop(lsync_transfer *t, lock_sync_status why)
{
    t->stopped = why;
    return 0;
}

/* Allows one "Content-Encoding: gzip", or identity. A second layer could hide a decompression bomb, and no other coding
   was requested. */
static bool is_allowed_encoding(lsync_transfer *t, const char *value, size_t size)
{
    lsync_ascii_trim(&value, &size);
    if (lsync_ascii_equal(value, size, "identity"))
        return true;
    if (t->events.encoded || !lsync_ascii_equal(value, size, "gzip"))
        return false;
    t->events.encoded = true;
    return true;
}

/* Allows only codings that do not compress: a compressed transfer coding could hide another layer. */
static bool is_plain_transfer(const char *value, size_t size)
{
    lsync_ascii_trim(&value, &size);
    return lsync_ascii_equal(value, size, "chunked") || lsync_ascii_equal(value, size, "identity");
}

static bool is_status_line(const char *line, size_t size)
{
    return lsync_ascii_begins(line, size, "http/") && size > 5 && lsync_ascii_is_digit(line[5]);
}

/* Returns the number after the first space; 0 if there is no number. */
static int32_t status_of_line(const char *line, size_t size)
{
    const char *space = memchr(line, ' ', size);
    uint64_t status = 0;

    if (space != NULL)
        (void)lsync_ascii_digits(space + 1, (size_t)(line + size - space) - 1, 4, &status);
    return (int32_t)status;
}

static size_t on_header(char *line, size_t one, size_t size, void *user)
{
    lsync_transfer *t = user;
    const char *colon;

    (void)one; /* libcurl: always 1 */
    t->events.has_response = true;
    if (lsync_response_count_header(t->response, size) != LOCK_SYNC_OK)
        return 0;
    if (is_status_line(line, size)) { /* the first line of each response, interim ones included */
        lsync_response_restart(t->response);
        t->response->seen_status = status_of_line(line, size);
        t->events.encoded = false;
        t->events.header_ended = false;
        return size;
    }
    if (line[0] == '\r' || line[0] == '\n')
        t->events.header_ended = true;
    colon = memchr(line, ':', size);
    if (colon != NULL) {
        size_t name_size = (size_t)(colon - line);
        size_t value_size = size - name_size - 1;

        if ((lsync_ascii_equal(line, name_size, "content-encoding") &&
             !is_allowed_encoding(t, colon + 1, value_size)) ||
            (lsync_ascii_equal(line, name_size, "transfer-encoding") && !is_plain_transfer(colon + 1, value_size)))
            return (size_t)stop(t, LOCK_SYNC_E_MALFORMED);
        lsync_response_keep_header(t->response, line, name_size, colon + 1, value_size);
    }
    return size;
}

static size_t on_body(char *data, size_t one, size_t size, void *user)
{
    lsync_transfer *t = user;

    (void)one;
    return lock_sync_response_append_body(t->response, data, size) == LOCK_SYNC_OK ? size : 0;
}

/* --- options --- */

#define SET(option, value)                                                                                             \
  do {                                                                                                                 \
    if (code == CURLE_OK)                                                                                              \
      code = curl_easy_setopt(easy, option, value);                                                                    \
  } while (0)

/* Returns HTTP/2 (used if the server offers it) if this libcurl supports it, else HTTP/1.1. */
static long http_version(void)
{
    const curl_version_info_data *built = curl_version_info(CURLVERSION_NOW);

    return (built->features & CURL_VERSION_HTTP2) != 0 ? CURL_HTTP_VERSION_2TLS : CURL_HTTP_VERSION_1_1;
}

/* Sets the options that are the same for every request. Cookies, HSTS and alt-svc are off by default. */
static CURLcode set_rules(lsync_transfer *t)
{
    CURL *easy = t->easy;
    CURLcode code = CURLE_OK;

    SET(CURLOPT_NOSIGNAL, 1L);
    SET(CURLOPT_QUICK_EXIT, 1L); /* a stalled resolver does not outlast the timeout */
    SET(CURLOPT_DNS_CACHE_TIMEOUT, (long)LSYNC_NAME_KEPT_S);
    SET(CURLOPT_HTTP09_ALLOWED, 0L);
    SET(CURLOPT_FOLLOWLOCATION, 0L); /* a redirect would carry the credential elsewhere */
    SET(CURLOPT_NETRC, (long)CURL_NETRC_IGNORED);
    SET(CURLOPT_DISALLOW_USERNAME_IN_URL, 1L);
    SET(CURLOPT_PATH_AS_IS, 1L);
    SET(CURLOPT_HEADEROPT, (long)CURLHEADER_SEPARATE); /* a proxy does not get the service's headers */
    SET(CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
    SET(CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
    SET(CURLOPT_SSL_VERIFYPEER, 1L);
    SET(CURLOPT_SSL_VERIFYHOST, 2L);
    SET(CURLOPT_PROXY_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
    SET(CURLOPT_PROXY_SSL_VERIFYPEER, 1L);
    SET(CURLOPT_PROXY_SSL_VERIFYHOST, 2L);
    SET(CURLOPT_ACCEPT_ENCODING, "gzip");
    SET(CURLOPT_NOPROXY, ""); /* without it libcurl reads no_proxy from the environment */
    SET(CURLOPT_ERRORBUFFER, t->error_text);
    SET(CURLOPT_WRITEFUNCTION, on_body);
    SET(CURLOPT_WRITEDATA, t);
    SET(CURLOPT_HEADERFUNCTION, on_header);
    SET(CURLOPT_HEADERDATA, t);
    SET(CURLOPT_PREREQFUNCTION, lsync_on_send);
    SET(CURLOPT_PREREQDATA, t);
    SET(CURLOPT_OPENSOCKETFUNCTION, lsync_on_open_socket);
    SET(CURLOPT_OPENSOCKETDATA, t);
    SET(CURLOPT_CLOSESOCKETFUNCTION, lsync_on_close_socket);
    for (size_t i = 0; i + 1 < LSYNC_REQUEST_HEADERS; i++)
        t->headers[i].next = &t->headers[i + 1];
    SET(CURLOPT_HTTPHEADER, t->headers); /* borrowed by libcurl; lsync_transfer_prepare sets the lines */
    return code;
}

/* Sets the trust store. A CA file replaces it completely. Otherwise the certificate directory that libcurl was built
   with would remain trusted, and cost milliseconds for each new connection. The system's trust store is libcurl's
   bundle, or its directory if there is no bundle. */
static CURLcode set_trust(CURL *easy, const char *ca_file)
{
    CURLcode code = CURLE_OK;
    const curl_version_info_data *built = curl_version_info(CURLVERSION_NOW);
    const char *bundle = ca_file != NULL ? ca_file : built->cainfo;
    const char *folder = bundle != NULL ? NULL : built->capath;

    SET(CURLOPT_CAINFO, bundle);
    SET(CURLOPT_PROXY_CAINFO, bundle);
    if (code == CURLE_OK)
        code = lsync_quirk_set_folder(easy, CURLOPT_CAPATH, folder);
    if (code == CURLE_OK)
        code = lsync_quirk_set_folder(easy, CURLOPT_PROXY_CAPATH, folder);
    return code;
}

/* Makes libcurl parse the CA certificates again if it parsed them before the last failure of TLS. If memory runs out,
   OpenSSL leaves some of them permanently unusable. Other TLS libraries lack the option and cache no certificates.

   For some seconds after the failure no TLS session is resumed. The resumed session may be the cause, and libcurl 8.14
   would try it repeatedly; see quirks.h. */
static void limit_tls_caches(const lsync_transfer *t)
{
    int64_t age_s;

    if (*t->tls_failed_us == 0)
        return;
    age_s = (lsync_clock_boot_us() - *t->tls_failed_us) / 1000000;
    (void)curl_easy_setopt(t->easy, CURLOPT_SSL_SESSIONID_CACHE, age_s < NO_RESUMPTION_S ? 0L : 1L);
    (void)curl_easy_setopt(t->easy, CURLOPT_CA_CACHE_TIMEOUT, (long)(age_s < CA_AGE_S_MAX ? age_s : CA_AGE_S_MAX));
}

static bool is_same(const char *a, const char *b)
{
    return a == b || (a != NULL && b != NULL && strcmp(a, b) == 0);
}

/* Stores a copy of a text that is about to be set. Sets *changed to whether the text differs from the one before. */
static CURLcode note(lsync_transfer *t, char **place, const char *text, bool *changed)
{
    char *copy = NULL;

    *changed = t->set.url == NULL || !is_same(*place, text);
    if (!*changed)
        return CURLE_OK;
    if (text != NULL) {
        copy = lsync_strndup(t->memory, text, strlen(text));
        if (copy == NULL)
            return CURLE_OUT_OF_MEMORY;
    }
    lsync_free_secret(t->memory, *place); /* the URL of a proxy may contain a password */
    *place = copy;
    return CURLE_OK;
}

/* Marks all options as not set, so that the next request sets them all. */
static void forget_options(lsync_transfer *t)
{
    lsync_free_secret(t->memory, t->set.url);
    lsync_free_secret(t->memory, t->set.ca_file);
    lsync_free_secret(t->memory, t->set.proxy);
    memset(&t->set, 0, sizeof t->set);
}

/* Sets the URL, parsed in advance: parsing and rebuilding it is a sixth of what a transfer costs in libcurl. The text
   is set too because some code reads it: a retry by libcurl, and the error message for a URL that libcurl rejects. */
static CURLcode set_url(lsync_transfer *t, const char *url)
{
    CURLUcode parsed = curl_url_set(t->url, CURLUPART_URL, url, CURLU_PATH_AS_IS | CURLU_DISALLOW_USER);
    CURLcode code = parsed == CURLUE_OUT_OF_MEMORY ? CURLE_OUT_OF_MEMORY : CURLE_OK;

    return code == CURLE_OK ? lsync_quirk_set_url(t->easy, parsed == CURLUE_OK ? t->url : NULL, url) : code;
}

/* Sets the rules in a fresh handle, in which no option is set. For lsync_quirk_replace_handle. */
static CURLcode set_rules_anew(lsync_transfer *t)
{
    forget_options(t);
    return set_rules(t);
}

/* Sets the options for URL, proxy and trust store that differ from those that are set. */
static CURLcode set_route(lsync_transfer *t, const lock_sync_request *q)
{
    CURL *easy = t->easy;
    const lsync_route *route = q->route;
    const char *proxy = route->loopback || route->proxy == NULL ? "" : route->proxy;
    bool changed = false;
    CURLcode code = note(t, &t->set.ca_file, route->ca_file, &changed);

    if (code == CURLE_OK && changed)
        code = set_trust(easy, route->ca_file);
    if (t->set.url == NULL || t->set.https != route->https)
        SET(CURLOPT_PROTOCOLS_STR, route->https ? "https" : "http");
    t->set.https = route->https;
    if (code == CURLE_OK)
        code = note(t, &t->set.proxy, proxy, &changed);
    if (changed)
        SET(CURLOPT_PROXY, proxy); /* never NULL: libcurl would read the environment */
    if (code == CURLE_OK)
        code = note(t, &t->set.url, q->url, &changed); /* last, because no option counts as set while it is NULL */
    if (code == CURLE_OK && changed)
        code = set_url(t, q->url);
    return code;
}

/* Returns the time left for this attempt, at least 1 ms: for libcurl 0 means no limit. */
static int64_t time_left_ms(const lock_sync_request *q)
{
    int64_t left_ms = (q->send_until_us - lsync_clock_boot_us()) / 1000;

    left_ms = left_ms < q->timeout_ms ? left_ms : q->timeout_ms;
    return left_ms < 1 ? 1 : left_ms;
}

/* Sets the options that differ from request to request. */
static CURLcode set_request(lsync_transfer *t, const lock_sync_request *q)
{
    int64_t left_ms = time_left_ms(q);
    CURL *easy = t->easy;
    CURLcode code = set_route(t, q);

    if (code != CURLE_OK)
        forget_options(t);
    SET(CURLOPT_FORBID_REUSE, 0L); /* see lsync_quirk_end_connection */
    SET(CURLOPT_FRESH_CONNECT, t->connecting == LSYNC_CONNECTS_ALWAYS ? 1L : 0L);
    SET(CURLOPT_HTTP_VERSION, t->connections->wants_http1 ? (long)CURL_HTTP_VERSION_1_1 : t->http_version);
    SET(CURLOPT_CLOSESOCKETDATA, t->connections);
    SET(CURLOPT_CONNECTTIMEOUT_MS, (long)(left_ms < q->connect_timeout_ms ? left_ms : q->connect_timeout_ms));
    SET(CURLOPT_TIMEOUT_MS, (long)left_ms);
    SET(CURLOPT_MAXAGE_CONN, (long)lsync_duration_up(q->route->max_idle_ms, 1000));
    limit_tls_caches(t);
    return code;
}

/* --- life cycle --- */

/* Returns the status for a result of curl_easy_setopt(). libcurl rejects an option that it does not have. */
static lock_sync_status status_of_setting(CURLcode code)
{
    if (code == CURLE_OK)
        return LOCK_SYNC_OK;
    return code == CURLE_OUT_OF_MEMORY ? LOCK_SYNC_E_NO_MEMORY : LOCK_SYNC_E_NO_TRANSPORT;
}

lock_sync_status lsync_transfer_init(lsync_transfer *t, const lock_sync_allocator *memory, int64_t *tls_failed_us)
{
    CURLcode code;

    memset(t, 0, sizeof *t);
    t->memory = memory;
    t->tls_failed_us = tls_failed_us;
    t->http_version = http_version();
    t->trusts_idle = lsync_quirk_trusts_idle();
    t->easy = curl_easy_init();
    t->url = curl_url();
    code = t->easy != NULL && t->url != NULL ? set_rules(t) : CURLE_OUT_OF_MEMORY;
    if (code != CURLE_OK)
        lsync_transfer_release(t);
    return status_of_setting(code);
}

void lsync_transfer_release(lsync_transfer *t)
{
    curl_easy_cleanup(t->easy);
    curl_url_cleanup(t->url);
    t->easy = NULL;
    t->url = NULL;
    forget_options(t);
}

lock_sync_status lsync_transfer_set(lsync_transfer *t, const lock_sync_request *q)
{
    return status_of_setting(set_request(t, q));
}

lock_sync_status lsync_transfer_replace_handle(lsync_transfer *t)
{
    return status_of_setting(lsync_quirk_replace_handle(t, set_rules_anew));
}
