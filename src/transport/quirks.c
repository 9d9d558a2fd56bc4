/* Differences between versions of libcurl; see quirks.h. */
#include "transport/quirks.h"
#include "wire/url.h"

#include <string.h>

#define HEADER_LINE_MAX ((uint64_t)100 * 1024) /* libcurl's limit on a header line */

/* Options that older headers do not define. Older libraries reject them and do not need them. */
#define MULTI_RESOLVE_THREADS_MAX ((CURLMoption)20)
#define MULTI_QUICK_EXIT ((CURLMoption)21)

void lsync_quirk_set_resolver(CURLM *multi)
{
    (void)curl_multi_setopt(multi, MULTI_QUICK_EXIT, 1L);
    (void)curl_multi_setopt(multi, MULTI_RESOLVE_THREADS_MAX, (long)INT32_MAX);
}

bool lsync_quirk_wants_http1(const char *error_text, bool is_new)
{
    return strstr(error_text, "HTTP_1_1_REQUIRED") != NULL || (is_new && strstr(error_text, "Empty reply") != NULL);
}

bool lsync_quirk_is_goaway(CURLcode code)
{
    return code == CURLE_HTTP2 && curl_version_info(CURLVERSION_NOW)->version_num < 0x080000;
}

CURLcode lsync_quirk_replace_handle(lsync_transfer *t, CURLcode (*set_rules)(lsync_transfer *t))
{
    CURL *fresh;

    if (!t->must_replace_handle)
        return CURLE_OK;
    fresh = curl_easy_init(); /* curl_easy_reset() does not report that memory ran out */
    if (fresh == NULL)
        return CURLE_OUT_OF_MEMORY;
    curl_easy_cleanup(t->easy); /* connections stay open: they belong to the multi handle */
    t->easy = fresh;
    return set_rules(t);
}

bool lsync_quirk_trusts_idle(void)
{
    return curl_version_info(CURLVERSION_NOW)->version_num >= 0x081600;
}

void lsync_quirk_end_connection(CURL *easy)
{
    (void)curl_easy_setopt(easy, CURLOPT_FORBID_REUSE, 1L);
}

CURLcode lsync_quirk_set_url(CURL *easy, CURLU *parsed, const char *text)
{
    lsync_url_parts parts;
    CURLcode code = curl_easy_setopt(easy, CURLOPT_CURLU, parsed);

    (void)lsync_url_split(text, &parts);
    if (code == CURLE_OK)
        code = curl_easy_setopt(easy, CURLOPT_URL, text);
    if (code == CURLE_OK)
        code = curl_easy_setopt(easy, CURLOPT_REQUEST_TARGET, parts.host + parts.host_size);
    return code;
}

CURLcode lsync_quirk_set_folder(CURL *easy, CURLoption option, const char *folder)
{
    CURLcode code = curl_easy_setopt(easy, option, folder);

    return folder == NULL && (code == CURLE_NOT_BUILT_IN || code == CURLE_UNKNOWN_OPTION) ? CURLE_OK : code;
}

CURLcode lsync_quirk_code(const lsync_transfer *t, CURLcode code)
{
    const lsync_connection *c = t->events.connection;

    if (code == CURLE_OUT_OF_MEMORY && !t->events.header_ended && c != NULL && c->fd < 0 &&
        c->received - t->events.received >= HEADER_LINE_MAX)
        return LSYNC_CURLE_TOO_LARGE;
    if (code == CURLE_URL_MALFORMAT && strstr(t->error_text, "No URL set") != NULL)
        return CURLE_OUT_OF_MEMORY;
    return code;
}
