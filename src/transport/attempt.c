/* One attempt to send a request, from its preparation to its result; see attempt.h. */
#include "transport/attempt.h"
#include "base/clock.h"
#include "transport/connections.h"
#include "transport/quirks.h"
#include "transport/status.h"

lock_sync_status lsync_transfer_prepare(lsync_transfer *t, const lock_sync_request *q, lock_sync_response *s,
                                        lsync_connections *connections, const lsync_attempts *before)
{
    lock_sync_status status = lsync_transfer_replace_handle(t);

    t->request = q;
    t->response = s;
    t->connections = connections;
    t->attempts = before != NULL ? *before : (lsync_attempts){.next = LSYNC_RETRY_NONE};
    t->events = (lsync_events){.sent_us = 0};
    /* only below the limit: at it, libcurl would wait until a connection is unused */
    if ((t->attempts.next == LSYNC_RETRY_NEW_CONNECTION || t->attempts.next == LSYNC_RETRY_HTTP1) &&
        lsync_connections_are_below_limit(connections))
        t->connecting = LSYNC_CONNECTS_ALWAYS;
    lsync_connections_end_closed(connections);
    s->failure[0] = '\0';
    t->stopped = LOCK_SYNC_OK;
    t->error_text[0] = '\0';
    for (size_t i = 0; i < LSYNC_REQUEST_HEADERS; i++)
        t->headers[i].data = (char *)(uintptr_t)q->headers[i].line; /* libcurl only reads it */
    return status == LOCK_SYNC_OK ? lsync_transfer_set(t, q) : status;
}

/* Returns whether no retry can follow: the request has its response, was cancelled, or ran out of time or memory. Nor
   can one follow a stop by one of the library's callbacks, unless it was for a resend by libcurl or an unusable
   connection. */
static bool is_final(const lsync_transfer *t, CURLcode code)
{
    bool is_stopped = t->stopped != LOCK_SYNC_OK && !t->events.aborted_resend && !t->events.unsent;

    return code == CURLE_OK || code == CURLE_OPERATION_TIMEDOUT || code == CURLE_OUT_OF_MEMORY || is_stopped ||
           lock_sync_request_is_cancelled(t->request);
}

lsync_retry lsync_transfer_retry(lsync_transfer *t, CURLcode code)
{
    lsync_connections *s = t->connections;
    const lsync_history history = {s->responses, s->retries, lsync_connections_are_below_limit(s)};
    bool is_dead = lsync_connection_is_dead(t);
    const lsync_attempt attempt = {
        .sends = t->attempts.sends,
        .unsent = t->events.unsent ? t->attempts.unsent + 1 : 0,
        .is_final = is_final(t, code),
        .has_response = t->events.has_response,
        .aborted_resend = t->events.aborted_resend,
        .is_dead = is_dead,
        .http2 = t->events.is_http2 || is_dead || lsync_quirk_is_goaway(code), /* the last two occur with HTTP/2 only */
        .no_free_stream = t->events.no_free_stream,
        .wants_http1 = t->events.wants_http1,
        .is_idempotent = true, /* a GET */
        .refused = lsync_quirk_is_goaway(code) ? LSYNC_REFUSED_UNKNOWN : t->events.refused,
    };

    t->attempts.unsent = attempt.unsent;
    t->attempts.next = lsync_retry_after(&attempt, &history);
    s->retries += t->attempts.next != LSYNC_RETRY_NONE && t->events.sent_us != 0;
    return t->attempts.next;
}

/* Records a response and its protocol if the header is complete, even if the body broke off. */
static void record_response(lsync_transfer *t)
{
    long version = 0;

    if (t->events.header_ended && curl_easy_getinfo(t->easy, CURLINFO_HTTP_VERSION, &version) == CURLE_OK)
        lsync_connections_record_response(t->connections, version == CURL_HTTP_VERSION_2_0);
}

static lock_sync_status read_status(lsync_transfer *t)
{
    long status = 0;

    if (!t->events.header_ended) { /* the connection was closed within the header, but libcurl reports success */
        t->stopped = LOCK_SYNC_E_NETWORK;
        return t->stopped;
    }
    if (curl_easy_getinfo(t->easy, CURLINFO_RESPONSE_CODE, &status) != CURLE_OK)
        return LOCK_SYNC_E_NETWORK;
    return lock_sync_response_set_status(t->response, (int32_t)status) == LOCK_SYNC_OK ? LOCK_SYNC_OK
                                                                                       : LOCK_SYNC_E_MALFORMED;
}

lock_sync_status lsync_transfer_finish(lsync_transfer *t, CURLcode code)
{
    lock_sync_status status = code == CURLE_OK ? read_status(t) : lsync_status_of_curl(t, code);

    if (status == LOCK_SYNC_E_TLS || status == LOCK_SYNC_E_NO_MEMORY)
        *t->tls_failed_us = lsync_clock_boot_us();
    record_response(t);
    t->response->counts_sends = true;
    t->response->sends = t->attempts.sends;
    t->connections->wants_http1 = t->connections->wants_http1 || t->events.wants_http1;
    /* the handle may keep state; see quirks.h */
    t->must_replace_handle = t->events.aborted_resend || status != LOCK_SYNC_OK;
    lsync_connection_leave(t, code == CURLE_OPERATION_TIMEDOUT);
    if (status != LOCK_SYNC_OK)
        lsync_describe_curl_failure(t, code);
    for (size_t i = 0; i < LSYNC_REQUEST_HEADERS; i++) /* they point into the request, which is wiped soon */
        t->headers[i].data = NULL;
    t->request = NULL;
    t->response = NULL;
    return status;
}
