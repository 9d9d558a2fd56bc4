/* Maps libcurl's result codes to statuses; see status.h. */
#include "transport/status.h"
#include "base/log.h"
#include "base/memory.h"
#include "transport/quirks.h"
#include "wire/url.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* Returns whether the process has run out of file descriptors. libcurl and the resolver need two; without them they
   report other errors. */
static bool out_of_descriptors(void)
{
    int pair[2];

    if (pipe2(pair, O_CLOEXEC) != 0)
        return errno == EMFILE || errno == ENFILE;
    (void)close(pair[0]);
    (void)close(pair[1]);
    return false;
}

lock_sync_status lsync_status_of_no_handle(void)
{
    return out_of_descriptors() ? LOCK_SYNC_E_CONNECT : LOCK_SYNC_E_NO_MEMORY;
}

/* Returns whether a proxy rejected the CONNECT request. */
static bool rejected_by_proxy(const lsync_transfer *t)
{
    long status = 0;

    return curl_easy_getinfo(t->easy, CURLINFO_HTTP_CONNECTCODE, &status) == CURLE_OK && status >= 300;
}

static lock_sync_status status_of_code(CURLcode code)
{
    switch (code) {
    case CURLE_OUT_OF_MEMORY: return LOCK_SYNC_E_NO_MEMORY;
    case CURLE_COULDNT_RESOLVE_HOST:
    case CURLE_COULDNT_RESOLVE_PROXY: return LOCK_SYNC_E_RESOLVE;
    case CURLE_COULDNT_CONNECT:
    case CURLE_PROXY: return LOCK_SYNC_E_CONNECT;
    case CURLE_OPERATION_TIMEDOUT: return LOCK_SYNC_E_TIMEOUT;
    case CURLE_SSL_CONNECT_ERROR:
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_SSL_CERTPROBLEM:
    case CURLE_SSL_CIPHER:
    case CURLE_SSL_ENGINE_NOTFOUND:
    case CURLE_SSL_ENGINE_SETFAILED:
    case CURLE_SSL_ENGINE_INITFAILED:
    case CURLE_SSL_CRL_BADFILE:
    case CURLE_SSL_ISSUER_ERROR:
    case CURLE_SSL_PINNEDPUBKEYNOTMATCH:
    case CURLE_SSL_INVALIDCERTSTATUS:
    case CURLE_SSL_CLIENTCERT:
    case CURLE_USE_SSL_FAILED: return LOCK_SYNC_E_TLS;
    case CURLE_BAD_CONTENT_ENCODING:
    case CURLE_WEIRD_SERVER_REPLY:
    case CURLE_UNSUPPORTED_PROTOCOL: /* HTTP/0.9; the scheme was checked before */ return LOCK_SYNC_E_MALFORMED;
    case CURLE_URL_MALFORMAT: return LOCK_SYNC_E_INVALID_ARGUMENT;
    case CURLE_FAILED_INIT:
    case CURLE_NOT_BUILT_IN:
    case CURLE_UNKNOWN_OPTION: return LOCK_SYNC_E_NO_TRANSPORT; /* this libcurl lacks a required feature */
    default: return LOCK_SYNC_E_NETWORK;
    }
}

lock_sync_status lsync_status_of_curl(const lsync_transfer *t, CURLcode code)
{
    lock_sync_status status;

    code = lsync_quirk_code(t, code);
    if (t->response->failed != LOCK_SYNC_OK)
        return t->response->failed;
    if (t->stopped != LOCK_SYNC_OK)
        return t->stopped;
    status = status_of_code(code);
    if (status == LOCK_SYNC_E_NETWORK && rejected_by_proxy(t))
        return LOCK_SYNC_E_CONNECT;
    if (code == LSYNC_CURLE_TOO_LARGE)
        return lsync_response_count_header(t->response, LSYNC_RESPONSE_HEADER_BYTES_MAX + 1);
    if ((status == LOCK_SYNC_E_RESOLVE || status == LOCK_SYNC_E_NO_MEMORY || status == LOCK_SYNC_E_TLS) &&
        out_of_descriptors())
        return LOCK_SYNC_E_CONNECT;
    return status;
}

/* Redacts credentials: libcurl's error texts may quote the proxy's URL, or data from the server. */
static void redact_secrets(lsync_transfer *t)
{
    const char *proxy = t->request->route->proxy;
    lsync_url_parts parts;
    char secret[LSYNC_BASE_URL_MAX + 1];

    lsync_redact(t->response->failure, t->request->secret);
    if (proxy == NULL || !lsync_url_split(proxy, &parts) || parts.user == NULL)
        return;
    (void)snprintf(secret, sizeof secret, "%.*s", (int)parts.user_size, parts.user);
    lsync_redact(t->response->failure, secret);
    lsync_wipe(secret, sizeof secret);
}

void lsync_describe_curl_failure(lsync_transfer *t, CURLcode code)
{
    const char *text = t->error_text[0] != '\0' ? t->error_text : curl_easy_strerror(code);

    if (t->stopped == LOCK_SYNC_E_MALFORMED)
        text = "the response has a Content-Encoding or Transfer-Encoding that is not allowed";
    else if (t->stopped == LOCK_SYNC_E_TIMEOUT)
        text = "the deadline passed before the request could be sent";
    else if (t->stopped == LOCK_SYNC_E_NETWORK && code == CURLE_OK)
        text = "the connection broke within the header of the response";
    else if (t->attempts.sends > 1)
        text = "the request was sent twice and got no response";
    else if (t->events.aborted_resend)
        text = "a kept connection was closed without a response; the request is not retried";
    else if (t->events.unsent)
        text = "kept connections were closed before the request could be sent";
    (void)snprintf(t->response->failure, sizeof t->response->failure, "%s", text);
    redact_secrets(t);
    lsync_one_line(t->response->failure);
}
