/* What libcurl is told about a transfer; see options.h. Each option stands here for a reason that its comment tells. */
#include "transport/options.h"
#include "base/ascii.h"
#include "base/clock.h"
#include "base/duration.h"
#include "base/memory.h"
#include "transport/connections.h"
#include "transport/quirks.h"

#include <pthread.h>
#include <string.h>

#define CA_AGE_S_MAX 86400 /* libcurl's own */
#define SESSIONS_DISTRUSTED_S 10

lock_sync_status lsync_curl_global_init(void)
{
    static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
    static bool done; /* the one process-wide fact: libcurl's own global state has been made */
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

/* "Content-Encoding: gzip" once, or identity: a second layer could hide a bomb, another coding was not asked for. */
static bool is_allowed_encoding(lsync_transfer *t, const char *value, size_t size)
{
    lsync_ascii_trim(&value, &size);
    if (lsync_ascii_equal(value, size, "identity"))
        return true;
    if (t->saw.encoded || !lsync_ascii_equal(value, size, "gzip"))
        return false;
    t->saw.encoded = true;
    return true;
}

/* A transfer coding could hide another layer. */
static bool is_plain_transfer(const char *value, size_t size)
{
    lsync_ascii_trim(&value, &size);
    return lsync_ascii_equal(value, size, "chunked") || lsync_ascii_equal(value, size, "identity");
}

static bool is_status_line(const char *line, size_t size)
{
    return lsync_ascii_begins(line, size, "http/") && size > 5 && lsync_ascii_is_digit(line[5]);
}

/* The number behind the first blank; 0: none. */
static int32_t status_of_line(const char *line, size_t size)
{
    const char *blank = memchr(line, ' ', size);
    uint64_t status = 0;

    if (blank != NULL)
        (void)lsync_ascii_digits(blank + 1, (size_t)(line + size - blank) - 1, 4, &status);
    return (int32_t)status;
}

static size_t on_header(char *line, size_t one, size_t size, void *user)
{
    lsync_transfer *t = user;
    const char *colon;

    (void)one; /* libcurl: always 1 */
    t->saw.has_response = true;
    if (lsync_response_count_header(t->response, size) != LOCK_SYNC_OK)
        return 0;
    if (is_status_line(line, size)) { /* of each response, interim ones included */
        lsync_response_restart(t->response);
        t->response->seen_status = status_of_line(line, size);
        t->saw.encoded = false;
        t->saw.header_ended = false;
        return size;
    }
    if (line[0] == '\r' || line[0] == '\n')
        t->saw.header_ended = true;
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

/* HTTP/2 where the server offers it, and libcurl speaks it. */
static long http_version(void)
{
    const curl_version_info_data *built = curl_version_info(CURLVERSION_NOW);

    return (built->features & CURL_VERSION_HTTP2) != 0 ? CURL_HTTP_VERSION_2TLS : CURL_HTTP_VERSION_1_1;
}

/* What is the same for every request. Cookies, HSTS and alt-svc are off unless their options are set. */
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
    SET(CURLOPT_NOPROXY, ""); /* else the environment's no_proxy is read */
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
    SET(CURLOPT_HTTPHEADER, t->headers); /* borrowed by libcurl; what it holds comes with each request */
    return code;
}

/* A CA file replaces all other trust: the directory that libcurl was built with would stay trusted beside it, and costs
   milliseconds on each new connection. The system's own trust is libcurl's bundle; its directory only where there is no
   bundle. */
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

/* Certificates that libcurl parsed before TLS failed last are parsed anew: where memory ran out, OpenSSL leaves some
   unfit for good. Other TLS libraries than OpenSSL lack the option, and keep none. For some seconds no session is resumed
   either: the one that was may be what failed, and libcurl 8.14 would try it again and again. */
static void set_trusted_age(const lsync_transfer *t)
{
    int64_t age_s;

    if (*t->distrusted_us == 0)
        return;
    age_s = (lsync_clock_boot_us() - *t->distrusted_us) / 1000000;
    (void)curl_easy_setopt(t->easy, CURLOPT_SSL_SESSIONID_CACHE, age_s < SESSIONS_DISTRUSTED_S ? 0L : 1L);
    (void)curl_easy_setopt(t->easy, CURLOPT_CA_CACHE_TIMEOUT, (long)(age_s < CA_AGE_S_MAX ? age_s : CA_AGE_S_MAX));
}

static bool is_same(const char *a, const char *b)
{
    return a == b || (a != NULL && b != NULL && strcmp(a, b) == 0);
}

/* Notes a text that is about to be set. *changed: it is another than the one that stands. */
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
    lsync_free_secret(t->memory, *place); /* a proxy's may hold a password */
    *place = copy;
    return CURLE_OK;
}

/* Nothing counts as set: all is set anew for the next request. */
static void forget_options(lsync_transfer *t)
{
    lsync_free_secret(t->memory, t->set.url);
    lsync_free_secret(t->memory, t->set.ca_file);
    lsync_free_secret(t->memory, t->set.proxy);
    memset(&t->set, 0, sizeof t->set);
}

/* A sixth of what a transfer costs libcurl is to take its URL apart and put it together again: it gets it in parts. The
   text goes along for what reads that (a request that libcurl repeats, the words for a URL that it refuses). */
static CURLcode set_url(lsync_transfer *t, const char *url)
{
    CURLUcode parsed = curl_url_set(t->url, CURLUPART_URL, url, CURLU_PATH_AS_IS | CURLU_DISALLOW_USER);
    CURLcode code = parsed == CURLUE_OUT_OF_MEMORY ? CURLE_OUT_OF_MEMORY : CURLE_OK;

    return code == CURLE_OK ? lsync_quirk_set_url(t->easy, parsed == CURLUE_OK ? t->url : NULL, url) : code;
}

/* As lsync_quirk_renew has it: nothing stands in the fresh handle. */
static CURLcode set_rules_anew(lsync_transfer *t)
{
    forget_options(t);
    return set_rules(t);
}

/* Where the request goes and how: set only where it differs from what stands. */
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
        SET(CURLOPT_PROXY, proxy); /* never NULL: the environment would be asked */
    if (code == CURLE_OK)
        code = note(t, &t->set.url, q->url, &changed); /* last: without it nothing counts as set */
    if (code == CURLE_OK && changed)
        code = set_url(t, q->url);
    return code;
}

/* Of the request's time, what is left for this attempt; at least 1: 0 would be no limit. */
static int64_t time_left_ms(const lock_sync_request *q)
{
    int64_t left_ms = (q->send_until_us - lsync_clock_boot_us()) / 1000;

    left_ms = left_ms < q->timeout_ms ? left_ms : q->timeout_ms;
    return left_ms < 1 ? 1 : left_ms;
}

/* What differs from request to request. */
static CURLcode set_request(lsync_transfer *t, const lock_sync_request *q)
{
    int64_t left_ms = time_left_ms(q);
    CURL *easy = t->easy;
    CURLcode code = set_route(t, q);

    if (code != CURLE_OK)
        forget_options(t);
    SET(CURLOPT_FORBID_REUSE, 0L); /* see lsync_quirk_end_connection */
    SET(CURLOPT_FRESH_CONNECT, t->connecting == LSYNC_CONNECTS_ALWAYS ? 1L : 0L);
    SET(CURLOPT_HTTP_VERSION, t->sockets->wants_http1 ? (long)CURL_HTTP_VERSION_1_1 : t->http_version);
    SET(CURLOPT_CLOSESOCKETDATA, t->sockets);
    SET(CURLOPT_CONNECTTIMEOUT_MS, (long)(left_ms < q->connect_timeout_ms ? left_ms : q->connect_timeout_ms));
    SET(CURLOPT_TIMEOUT_MS, (long)left_ms);
    SET(CURLOPT_MAXAGE_CONN, (long)lsync_duration_up(q->route->max_idle_ms, 1000));
    set_trusted_age(t);
    return code;
}

/* --- life cycle --- */

/* An option that is refused is one that this libcurl lacks. */
static lock_sync_status status_of_setting(CURLcode code)
{
    if (code == CURLE_OK)
        return LOCK_SYNC_OK;
    return code == CURLE_OUT_OF_MEMORY ? LOCK_SYNC_E_NO_MEMORY : LOCK_SYNC_E_NO_TRANSPORT;
}

lock_sync_status lsync_transfer_init(lsync_transfer *t, const lock_sync_allocator *memory, int64_t *distrusted_us)
{
    CURLcode code;

    memset(t, 0, sizeof *t);
    t->memory = memory;
    t->distrusted_us = distrusted_us;
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

lock_sync_status lsync_transfer_renew(lsync_transfer *t)
{
    return status_of_setting(lsync_quirk_renew(t, set_rules_anew));
}
