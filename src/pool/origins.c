/* The origins of a pool; see origins.h. */
#include "pool/origins.h"
#include "base/clock.h"
#include "client/settings.h"
#include "transport/connections.h"
#include "wire/url.h"

#include <string.h>

#define NAME_KNOWN_US ((int64_t)(LSYNC_NAME_KEPT_S - 1) * 1000000) /* libcurl counts whole seconds */
#define IN_TIME_US ((int64_t)5 * 1000000)                          /* after a slower response its origin is on trial */
#define UNUSED_US ((int64_t)60 * 1000000)                          /* after that an origin without jobs is freed */

/* --- the key --- */

/* The parts of a key. The user and password of a proxy are left out, so that no key is a secret. */
enum { SCHEME, NAME, PROXY_SCHEME, PROXY_NAME, CA_FILE, PARTS };

typedef struct origin_key {
    const char *texts[PARTS]; /* borrowed from the context; not NUL-terminated, and without a NUL */
    size_t sizes[PARTS];
    size_t size; /* of all parts, with a NUL after each */
} origin_key;

static void set_part(origin_key *key, int part, const char *text, size_t size)
{
    key->texts[part] = text;
    key->sizes[part] = size;
}

/* Sets the scheme of a URL and, as the next part, host name and port. `port` is the scheme's default, which is left
   out. The URL was checked when it was set. */
static void set_url(origin_key *key, int part, const char *url, const char *port)
{
    size_t port_size = strlen(port);
    lsync_url_parts parts;

    (void)lsync_url_split(url, &parts);
    if (parts.host_size > port_size && memcmp(parts.host + parts.host_size - port_size, port, port_size) == 0)
        parts.host_size -= port_size;
    set_part(key, part, url, parts.scheme_size);
    set_part(key, part + 1, parts.host, parts.host_size);
}

/* Makes a key of the settings by which libcurl distinguishes connections. No proxy is used for loopback, and no CA file
   without TLS. */
static origin_key key_of(const lock_sync_ctx *ctx)
{
    const lsync_route *route = &ctx->route;
    origin_key key = {.texts = {"", "", "", "", ""}};

    set_url(&key, SCHEME, lsync_ctx_base_url(ctx), route->https ? ":443" : ":80");
    if (route->proxy != NULL && !route->loopback)
        set_url(&key, PROXY_SCHEME, route->proxy, "");
    if (route->ca_file != NULL && route->https)
        set_part(&key, CA_FILE, route->ca_file, strlen(route->ca_file));
    for (int i = 0; i < PARTS; i++)
        key.size += key.sizes[i] + 1;
    return key;
}

/* Hashes only the host names of service and proxy, because most origins differ in one of them. has_key() compares all
   parts. */
static uint64_t hash_of(const origin_key *key)
{
    uint64_t hash = lsync_hash(LSYNC_HASH_START, key->texts[NAME], key->sizes[NAME]);

    return lsync_hash(hash, key->texts[PROXY_NAME], key->sizes[PROXY_NAME]);
}

static bool has_key(const lsync_origin *origin, const origin_key *key)
{
    const char *at = origin->key;
    bool same = origin->key_size == key->size;

    for (int i = 0; same && i < PARTS; at += key->sizes[i++] + 1)
        same = memcmp(at, key->texts[i], key->sizes[i]) == 0 && at[key->sizes[i]] == '\0';
    return same;
}

/* --- life cycle --- */

static lsync_origin *new_origin(lock_sync_pool *p, const lock_sync_ctx *ctx, const origin_key *key)
{
    size_t size;
    lsync_origin *origin = lsync_size_add(sizeof *origin, key->size, &size) ? lsync_alloc(&p->memory, size) : NULL;
    char *at;

    if (origin == NULL)
        return NULL;
    *origin = (lsync_origin){.on_trial = true, .https = ctx->route.https, .key_size = key->size};
    lsync_connections_init(&origin->connections, &p->memory, &p->loop.owner);
    lsync_queue_init(&origin->waiting);
    lsync_queue_init(&origin->with_slot);
    at = origin->key;
    for (int i = 0; i < PARTS; i++) {
        memcpy(at, key->texts[i], key->sizes[i]);
        at[key->sizes[i]] = '\0';
        if ((i == NAME || i == PROXY_NAME) && !lsync_host_is_address(at))
            origin->is_named = true;
        at += key->sizes[i] + 1;
    }
    return origin;
}

static void free_origin(lock_sync_pool *p, lsync_origin *origin)
{
    lsync_connections_release(&origin->connections);
    lsync_free(&p->memory, origin);
}

static lsync_origin *find(lock_sync_pool *p, const origin_key *key, uint64_t hash)
{
    lsync_entry *entry = lsync_table_first(&p->origins, hash);

    for (; entry != NULL; entry = lsync_table_next(entry))
        if (has_key(LSYNC_OF(entry, lsync_origin, entry), key))
            return LSYNC_OF(entry, lsync_origin, entry);
    return NULL;
}

bool lsync_origin_find(lsync_job *job)
{
    lock_sync_pool *p = job->pool;
    origin_key key = key_of(job->x.ctx);
    uint64_t hash = hash_of(&key);

    job->origin = find(p, &key, hash);
    if (job->origin == NULL) {
        job->origin = new_origin(p, job->x.ctx, &key);
        if (job->origin == NULL)
            return false;
        lsync_table_add(&p->origins, &job->origin->entry, hash);
    }
    job->origin->jobs++;
    return true;
}

void lsync_origin_release(lsync_job *job)
{
    lsync_origin *origin = job->origin;

    job->origin = NULL;
    if (--origin->jobs == 0)
        origin->unused_since_us = lsync_clock_boot_us();
}

/* Keeps an origin with open connections, because closing a connection changes the origin's count. */
void lsync_pool_drop_origins(lock_sync_pool *p, int64_t now_us)
{
    lsync_link *link;

    while ((link = lsync_queue_first(&p->unused)) != NULL) {
        lsync_origin *origin = LSYNC_OF(link, lsync_origin, link);

        if (now_us - origin->unused_since_us < UNUSED_US)
            break;
        lsync_queue_remove(link);
        if (origin->connections.open > 0 || origin->connections.is_miscounted) {
            origin->unused_since_us = now_us;
            lsync_queue_append(&p->unused, link);
        } else {
            lsync_table_remove(&p->origins, &origin->entry);
            free_origin(p, origin);
        }
    }
}

void lsync_pool_free_origins(lock_sync_pool *p)
{
    size_t bucket = 0;
    lsync_entry *entry;

    while ((entry = lsync_table_take(&p->origins, &bucket)) != NULL)
        free_origin(p, LSYNC_OF(entry, lsync_origin, entry));
    lsync_table_release(&p->origins);
}

/* --- the connections of an origin --- */

static bool must_resolve(const lsync_origin *origin)
{
    return origin->is_named && lsync_clock_boot_us() >= origin->known_until_us;
}

/* Assumes HTTP/2 for https before the first response. */
bool lsync_origin_is_http1(const lsync_origin *origin)
{
    return !origin->https || (origin->connections.responses > 0 && !origin->connections.http2);
}

/* Returns whether a connection has a free HTTP/2 stream. Returns false without an active transfer: after a pause the
   connections may already be closed. */
static bool has_stream(const lsync_origin *origin)
{
    if (origin->failed)
        return origin->active < LSYNC_STREAMS_MAX;
    return origin->active > 0 && origin->active < lsync_connections_streams(&origin->connections);
}

bool lsync_origin_needs_leader(const lsync_origin *origin)
{
    return must_resolve(origin) || (!lsync_origin_is_http1(origin) && !has_stream(origin));
}

bool lsync_origin_opens(const lsync_origin *origin)
{
    return lsync_origin_is_http1(origin) || !has_stream(origin);
}

/* Returns the number of open connections, or of leaders if that is larger: each leader may be opening one. */
static uint32_t count_connections(const lsync_origin *origin)
{
    return origin->connections.open > origin->leaders ? origin->connections.open : origin->leaders;
}

bool lsync_origin_is_full(const lsync_origin *origin)
{
    uint32_t max = origin->connections.owner->per_origin;

    if (origin->leader != NULL && lsync_origin_needs_leader(origin))
        return true;
    if (lsync_origin_is_http1(origin))
        return origin->active >= max;
    /* beyond the limit a transfer would wait inside libcurl, until another one ends */
    return origin->active > 0 && count_connections(origin) >= max && !has_stream(origin);
}

static void mark_known(lsync_origin *origin, bool failed)
{
    origin->failed = failed;
    origin->known_until_us = lsync_clock_boot_us() + NAME_KNOWN_US;
}

/* --- the transfers of an origin --- */

/* Updates the estimate of how many connections the origin uses. */
static void recount(lock_sync_pool *p, lsync_origin *origin)
{
    uint32_t connections = count_connections(origin);

    if (lsync_origin_is_http1(origin) || connections > origin->active)
        connections = origin->active;
    else if (connections == 0 && origin->active > 0)
        connections = 1;
    p->connections.used += connections - origin->connections_used;
    origin->connections_used = connections;
}

/* Returns whether a transfer may or must open a connection. Over HTTP/2 only a leader may; any other transfer shares a
   connection, or fails and is retried. A leader must open a connection if no other has a free stream. It need not if
   each has had a response: then libcurl knows their limits, and opens a connection itself. */
static lsync_connecting connecting(const lsync_origin *origin, bool leads)
{
    if (lsync_origin_is_http1(origin) || origin->failed)
        return LSYNC_CONNECTS_IF_NEEDED;
    if (!leads)
        return LSYNC_CONNECTS_NEVER;
    return origin->active == 0 || has_stream(origin) || lsync_connections_are_confirmed(&origin->connections)
               ? LSYNC_CONNECTS_IF_NEEDED
               : LSYNC_CONNECTS_ALWAYS;
}

static void start_leading(lsync_pool_transfer *transfer)
{
    lsync_origin *origin = transfer->job->origin;

    transfer->leading_since_us = lsync_clock_boot_us();
    lsync_queue_append(&transfer->job->pool->leaders, &transfer->leader_link);
    origin->leader = transfer;
    origin->leaders++;
}

static void stop_leading(lsync_pool_transfer *transfer)
{
    lsync_origin *origin = transfer->job->origin;

    if (!lsync_is_queued(&transfer->leader_link))
        return;
    lsync_queue_remove(&transfer->leader_link);
    origin->leaders--;
    if (origin->leader == transfer)
        origin->leader = NULL;
}

/* Lets the leader lead until the first response on a new HTTP/2 connection, whose limit on streams is unknown until
   then. */
void lsync_origin_leader_sent(lsync_pool_transfer *transfer)
{
    const lsync_origin *origin = transfer->job->origin;

    mark_known(transfer->job->origin, false);
    if (!transfer->curl.events.is_new || transfer->curl.events.has_response || lsync_origin_is_http1(origin))
        stop_leading(transfer);
}

void lsync_origin_add_transfer(lsync_pool_transfer *transfer)
{
    lock_sync_pool *p = transfer->job->pool;
    lsync_origin *origin = transfer->job->origin;
    bool leads = origin->leader == NULL && lsync_origin_needs_leader(origin);

    transfer->on_trial = origin->on_trial;
    transfer->opens = lsync_origin_opens(origin);
    transfer->curl.connecting = connecting(origin, leads);
    p->transfers.used++;
    p->transfers.trial += transfer->on_trial;
    p->connections.trial += transfer->on_trial && transfer->opens;
    origin->active++;
    origin->begun_in_round++;
    if (leads)
        start_leading(transfer);
    recount(p, origin);
}

void lsync_origin_remove_transfer(lsync_pool_transfer *transfer)
{
    lock_sync_pool *p = transfer->job->pool;
    lsync_origin *origin = transfer->job->origin;

    stop_leading(transfer);
    p->transfers.used--;
    p->transfers.trial -= transfer->on_trial;
    p->connections.trial -= transfer->on_trial && transfer->opens;
    origin->active--;
    recount(p, origin);
}

/* Begins or ends the trial of an origin. A response in time ends the trial. A late response or no response begins it,
   except if the fetch was cancelled or memory ran out. */
static void judge(const lsync_pool_transfer *transfer, lock_sync_status status)
{
    lsync_origin *origin = transfer->job->origin;

    if (status == LOCK_SYNC_E_CANCELLED || status == LOCK_SYNC_E_NO_MEMORY)
        return;
    if (transfer->response.seen_status == 0) {
        origin->on_trial = true;
        return;
    }
    origin->on_trial = lsync_clock_boot_us() - transfer->job->x.started_us > IN_TIME_US;
    origin->failed = false;
}

/* Decides by the status of a leader that sent nothing whether the next transfer must be a leader too. After E_RESOLVE,
   E_TIMEOUT, E_CANCELLED and E_NO_MEMORY it must, because these show nothing about the origin. A timeout shows only
   that this attempt hung. */
void lsync_origin_record_end(lsync_pool_transfer *transfer, lock_sync_status status)
{
    judge(transfer, status);
    if (!lsync_is_queued(&transfer->leader_link))
        return;
    stop_leading(transfer);
    if (transfer->curl.events.sent_us != 0) {
        mark_known(transfer->job->origin, false);
        return;
    }
    if (status != LOCK_SYNC_E_RESOLVE && status != LOCK_SYNC_E_TIMEOUT && status != LOCK_SYNC_E_CANCELLED &&
        status != LOCK_SYNC_E_NO_MEMORY)
        mark_known(transfer->job->origin, true);
}
