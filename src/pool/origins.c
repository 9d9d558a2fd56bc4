/* What the pool knows of the hosts it speaks to, and how many transfers each has a place for; see origins.h. */
#include "base/clock.h"
#include "pool/origins.h"
#include "transport/curl_sockets.h"
#include "wire/url.h"

#include <string.h>

#define NAME_KNOWN_US ((int64_t)50 * 1000000) /* a little less than libcurl keeps a name */

lsync_host *lsync_pool_host_of(lock_sync_pool *p, const lock_sync_ctx *ctx)
{
    const char *base_url = ctx->base_url == NULL ? "" : ctx->base_url;
    size_t size = lsync_url_origin_size(base_url);
    lsync_host *host = p->hosts;

    while (host != NULL && (strncmp(host->origin, base_url, size) != 0 || host->origin[size] != '\0'))
        host = host->next;
    if (host == NULL) {
        host = lsync_alloc(&p->memory, sizeof *host + size + 1);
        if (host == NULL)
            return NULL;
        *host = (lsync_host){.next = p->hosts, .https = ctx->route.https};
        lsync_sockets_init(&host->sockets, &p->memory, &p->loop.owner);
        host->is_named = !lsync_base_url_has_address(base_url);
        lsync_queue_init(&host->held);
        memcpy(host->origin, base_url, size);
        host->origin[size] = '\0';
        p->hosts = host;
    }
    return host;
}

static bool is_unnamed(const lsync_host *host)
{
    return host->is_named && lsync_clock_boot_us() >= host->known_until_us;
}

/* Whether a connection carries one transfer at a time. Until an answer tells, HTTP/2 is presumed of https. */
static bool is_http1(const lsync_host *host)
{
    return !host->https || (host->sockets.responses > 0 && !host->sockets.http2);
}

/* Whether there is room for another HTTP/2 stream. After a pause the connections may be closed already: the first
   transfer finds out. */
static bool has_stream(const lsync_host *host)
{
    if (host->failed)
        return host->active < LSYNC_STREAMS_MAX;
    return host->active > 0 && host->active < lsync_sockets_streams(&host->sockets);
}

bool lsync_host_needs_pioneer(const lsync_host *host)
{
    return is_unnamed(host) || (!is_http1(host) && !has_stream(host));
}

bool lsync_host_is_full(const lsync_host *host)
{
    if (is_http1(host))
        return (host->pioneer != NULL && is_unnamed(host)) || host->active >= host->sockets.owner->per_host;
    if (host->pioneer != NULL)
        return lsync_host_needs_pioneer(host);
    return host->active > 0 && !has_stream(host) &&
           (lsync_sockets_await_response(&host->sockets) || !lsync_sockets_have_room(&host->sockets));
}

lsync_connecting lsync_host_connecting(const lsync_host *host, bool goes_ahead)
{
    if (is_http1(host) || host->failed)
        return LSYNC_CONNECTS_IF_NEEDED;
    if (!goes_ahead)
        return LSYNC_CONNECTS_NEVER;
    return host->active > 0 && !has_stream(host) ? LSYNC_CONNECTS_ALWAYS : LSYNC_CONNECTS_IF_NEEDED;
}

static void mark_known(lsync_host *host, bool failed)
{
    host->pioneer = NULL;
    host->failed = failed;
    host->known_until_us = lsync_clock_boot_us() + NAME_KNOWN_US;
}

void lsync_pool_check_hosts(lock_sync_pool *p)
{
    for (lsync_host *host = p->hosts; host != NULL; host = host->next)
        if (host->pioneer != NULL && host->pioneer->seat->transfer.attempts.sends > 0)
            mark_known(host, false);
}

void lsync_host_learn(const lsync_seat *seat, lock_sync_status status)
{
    lsync_host *host = seat->job->host;

    if (status != LOCK_SYNC_E_CANCELLED && seat->response.http_status != 0)
        host->failed = false;
    if (host->pioneer != seat->job)
        return;
    if (seat->transfer.saw.sent_us != 0) { /* it was sent, and over at once */
        mark_known(host, false);
        return;
    }
    /* it went ahead, and was not sent; what it found out: */
    if (status == LOCK_SYNC_E_RESOLVE || status == LOCK_SYNC_E_TIMEOUT || status == LOCK_SYNC_E_CANCELLED ||
        status == LOCK_SYNC_E_NO_MEMORY)
        host->pioneer = NULL; /* nothing: the next goes ahead */
    else
        mark_known(host, true);
}

lsync_link *lsync_pool_next_held(const lock_sync_pool *p)
{
    lsync_job *next = NULL;

    for (const lsync_host *host = p->hosts; host != NULL; host = host->next) {
        lsync_link *link = lsync_queue_first(&host->held);
        lsync_job *first = link == NULL ? NULL : LSYNC_OF(link, lsync_job, link);

        if (first != NULL && (next == NULL || first->turn < next->turn) && !lsync_host_is_full(host))
            next = first;
    }
    return next == NULL ? NULL : &next->link;
}

void lsync_pool_free_hosts(lock_sync_pool *p)
{
    lsync_host *next;

    for (; p->hosts != NULL; p->hosts = next) {
        next = p->hosts->next;
        lsync_sockets_release(&p->hosts->sockets);
        lsync_free(&p->memory, p->hosts);
    }
}
