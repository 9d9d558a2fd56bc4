/* The libcurl transport of a blocking fetch: one transfer on a multi handle of the context. The multi handle keeps
   connection, resolved name and TLS session, and lock_sync_cancel() can wake it at once. */
#include "base/clock.h"
#include "base/memory.h"
#include "transport/quirks.h"
#include "transport/connections.h"
#include "transport/status.h"
#include "transport/attempt.h"
#include "transport/transport.h"
#include "wire/url.h"

#define POLL_MS_MAX 60000

typedef struct blocking {
    lock_sync_allocator memory;
    CURLM *multi; /* owned */
    lsync_connections connections;
    int64_t tls_failed_us;
    lsync_transfer transfer;
} blocking;

/* Runs the transfer until libcurl is done. Returns OK and libcurl's result in *code, or the reason why the transfer
   could not run. Checks the deadline too, because libcurl's timeout restarts when libcurl retries. */
static lock_sync_status wait_for_end(blocking *c, const lock_sync_request *q, CURLcode *code)
{
    const CURLMsg *message;
    int64_t left_ms;
    int running;
    int queued;

    for (;;) {
        if (curl_multi_perform(c->multi, &running) != CURLM_OK)
            return LOCK_SYNC_E_NO_MEMORY;
        if (running == 0)
            break;
        if (lock_sync_request_is_cancelled(q))
            return LOCK_SYNC_E_CANCELLED;
        left_ms = lsync_clock_ms_up(q->send_until_us - lsync_clock_boot_us());
        if (left_ms <= 0)
            return LOCK_SYNC_E_TIMEOUT;
        if (curl_multi_poll(c->multi, NULL, 0, left_ms < POLL_MS_MAX ? (int)left_ms : POLL_MS_MAX, NULL) != CURLM_OK)
            return LOCK_SYNC_E_NO_MEMORY;
    }
    message = curl_multi_info_read(c->multi, &queued);
    if (message == NULL || message->msg != CURLMSG_DONE)
        return LOCK_SYNC_E_NETWORK; /* done without a message: libcurl promises that this does not happen */
    *code = message->data.result;
    return LOCK_SYNC_OK;
}

static lock_sync_status drive(blocking *c, const lock_sync_request *q, CURLcode *code)
{
    lock_sync_status status;

    if (curl_multi_add_handle(c->multi, c->transfer.easy) != CURLM_OK)
        return LOCK_SYNC_E_NO_MEMORY;
    status = wait_for_end(c, q, code);
    if (curl_multi_remove_handle(c->multi, c->transfer.easy) != CURLM_OK && status == LOCK_SYNC_OK)
        status = LOCK_SYNC_E_NETWORK;
    return status;
}

/* Makes one attempt. *attempts describes the earlier ones; if a retry follows, this attempt is added. */
static lock_sync_status attempt(blocking *c, const lock_sync_request *q, lock_sync_response *s,
                                lsync_attempts *attempts)
{
    CURLcode code = CURLE_OK;
    lock_sync_status status;
    lock_sync_status finished;

    c->transfer.connecting = LSYNC_CONNECTS_IF_NEEDED;
    status = lsync_transfer_prepare(&c->transfer, q, s, &c->connections, attempts);
    if (status == LOCK_SYNC_OK)
        status = drive(c, q, &code);
    if (status != LOCK_SYNC_OK)
        code = status == LOCK_SYNC_E_TIMEOUT ? CURLE_OPERATION_TIMEDOUT : CURLE_ABORTED_BY_CALLBACK;
    attempts->next = status == LOCK_SYNC_OK ? lsync_transfer_retry(&c->transfer, code) : LSYNC_RETRY_NONE;
    finished = lsync_transfer_finish(&c->transfer, code);
    if (attempts->next != LSYNC_RETRY_NONE)
        *attempts = c->transfer.attempts;
    return status == LOCK_SYNC_OK ? finished : status;
}

static lock_sync_status perform(void *user, const lock_sync_request *q, lock_sync_response *s)
{
    blocking *c = user;
    lsync_attempts attempts = {.next = LSYNC_RETRY_NONE};
    lock_sync_status status;

    if (!lsync_url_has_same_origin(c->transfer.set.url, q->url))
        lsync_connections_forget(&c->connections);
    do {
        status = attempt(c, q, s, &attempts);
    } while (attempts.next != LSYNC_RETRY_NONE);
    return status;
}

static void cancel(void *user)
{
    blocking *c = user;

    (void)curl_multi_wakeup(c->multi); /* fails only if an earlier wake-up is pending */
}

static void destroy(void *user)
{
    blocking *c = user;
    lock_sync_allocator memory = c->memory;

    if (c->transfer.easy != NULL)
        lsync_transfer_release(&c->transfer);
    (void)curl_multi_cleanup(c->multi); /* fails only for an invalid handle */
    lsync_connections_release(&c->connections);
    lsync_free(&memory, c);
}

lock_sync_status lsync_transport_new(const lock_sync_allocator *memory, lock_sync_transport *out)
{
    lock_sync_status status = lsync_curl_global_init();
    blocking *c = status == LOCK_SYNC_OK ? lsync_alloc(memory, sizeof *c) : NULL;

    if (c == NULL)
        return LOCK_SYNC_E_NO_MEMORY;
    *c = (blocking){.memory = *memory};
    lsync_connections_init(&c->connections, &c->memory, NULL);
    c->multi = curl_multi_init();
    if (c->multi == NULL) {
        status = lsync_status_of_no_handle(); /* libcurl needs two descriptors for the handle */
    } else {
        lsync_quirk_set_resolver(c->multi);
        status = lsync_transfer_init(&c->transfer, &c->memory, &c->tls_failed_us);
    }
    /* one connection is enough: a connection to an earlier base URL need not be kept */
    if (status == LOCK_SYNC_OK && curl_multi_setopt(c->multi, CURLMOPT_MAXCONNECTS, 1L) != CURLM_OK)
        status = LOCK_SYNC_E_NO_MEMORY;
    if (status != LOCK_SYNC_OK) {
        destroy(c);
        return status;
    }
    *out = (lock_sync_transport){sizeof *out, c, perform, cancel, destroy};
    return LOCK_SYNC_OK;
}
