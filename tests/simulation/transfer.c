/* Handles of transfers, and other calls to libcurl and sockets: replaces transport/options.c, quirks.c, peer.c and
   blocking.c. transport/attempt.c, connections.c, retry.c and status.c are the library's. */
#include "network.h"

#include "base/clock.h"
#include "transport/options.h"
#include "transport/peer.h"
#include "transport/quirks.h"
#include "transport/transport.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

static int alive;

int transfers_alive(void)
{
    return alive;
}

/* --- options.h --- */

lock_sync_status lsync_curl_global_init(void)
{
    return LOCK_SYNC_OK;
}

lock_sync_status lsync_transfer_init(lsync_transfer *t, const lock_sync_allocator *memory, int64_t *tls_failed_us)
{
    easy *e;

    if (fault_happens(FAULT_HANDLE))
        return LOCK_SYNC_E_NO_MEMORY;
    e = calloc(1, sizeof *e);
    if (e == NULL)
        abort();
    alive++;
    e->t = t;
    memset(t, 0, sizeof *t);
    t->memory = memory;
    t->tls_failed_us = tls_failed_us;
    t->trusts_idle = sim.plan->seed % 2 == 0;
    t->easy = (CURL *)e;
    return LOCK_SYNC_OK;
}

void lsync_transfer_release(lsync_transfer *t)
{
    const easy *e = t->easy;

    if (e->stage != STAGE_IDLE)
        violation("a transfer is freed while it runs");
    alive--;
    free(t->easy);
    t->easy = NULL;
}

lock_sync_status lsync_transfer_replace_handle(lsync_transfer *t)
{
    t->must_replace_handle = false;
    return LOCK_SYNC_OK;
}

lock_sync_status lsync_transfer_set(lsync_transfer *t, const lock_sync_request *q)
{
    int64_t left_ms = (q->send_until_us - lsync_clock_boot_us()) / 1000;
    easy *e = t->easy;

    left_ms = left_ms < q->timeout_ms ? left_ms : q->timeout_ms;
    left_ms = left_ms < 1 ? 1 : left_ms;
    e->left_us = left_ms * 1000;
    e->connect_left_us = (left_ms < q->connect_timeout_ms ? left_ms : q->connect_timeout_ms) * 1000;
    return LOCK_SYNC_OK;
}

/* --- transport.h --- */

lock_sync_status lsync_transport_new(const lock_sync_allocator *memory, lock_sync_transport *out)
{
    (void)memory, (void)out;
    return LOCK_SYNC_E_NO_TRANSPORT; /* nothing here blocks */
}

/* --- peer.h --- */

uint64_t lsync_peer_bytes_received(int socket)
{
    const connection *c = connection_of(socket);

    return c == NULL ? 0 : c->bytes;
}

bool lsync_peer_has_closed(int socket, bool tls, bool http2)
{
    const connection *c = connection_of(socket);

    (void)tls, (void)http2;
    return c != NULL && (c->is_shut || c->closes_us <= clock_now_us());
}

void lsync_peer_shut_down(int socket)
{
    connection *c = connection_of(socket);

    if (c != NULL)
        c->is_shut = true;
}

void lsync_peer_watch(int socket)
{
    (void)socket;
}

void lsync_peer_limit_acknowledgement(int socket)
{
    (void)socket;
}

/* --- quirks.h --- */

bool lsync_quirk_wants_http1(const char *error_text, bool is_new)
{
    (void)is_new;
    return strstr(error_text, "HTTP_1_1_REQUIRED") != NULL;
}

bool lsync_quirk_is_goaway(CURLcode code)
{
    return code == CURLE_HTTP2;
}

void lsync_quirk_end_connection(CURL *curl)
{
    (void)curl; /* here a connection that is shut down is noticed as dead */
}

CURLcode lsync_quirk_code(const lsync_transfer *t, CURLcode code)
{
    (void)t;
    return code;
}

/* --- libcurl --- */

#undef curl_easy_getinfo
CURLcode curl_easy_getinfo(CURL *curl, CURLINFO info, ...)
{
    const easy *e = curl;
    va_list values;
    long *out;

    va_start(values, info);
    out = va_arg(values, long *);
    va_end(values);
    *out = 0;
    if (info == CURLINFO_RESPONSE_CODE)
        *out = e->reply.status;
    else if (info == CURLINFO_HTTP_VERSION)
        *out = e->http2 ? CURL_HTTP_VERSION_2_0 : CURL_HTTP_VERSION_1_1;
    return CURLE_OK;
}

const char *curl_easy_strerror(CURLcode code)
{
    (void)code;
    return "libcurl's error text";
}
