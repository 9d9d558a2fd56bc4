/* See client.h. */
#include "client.h"
#include "read.h"
#include "tools.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BODY_MAX 65536
#define GUARD_STEP_MS 21000 /* one request in this time keeps within every limit */

/* A guard's record, with a clock that jumps ahead: the guard is asked for each fetch, and never denies. */
typedef struct store {
    char record[LOCK_SYNC_GUARD_RECORD_MAX];
    size_t size;
    int64_t now_ms;
} store;

struct client {
    const char *base_url;
    char url[256];
    struct curl_slist *headers;
    lock_sync_ctx *ctx;
    lock_sync_ctx *guarded;
    lock_sync_guard *guard;
    store store;
    CURL *bare;
    CURL *decoding;
    char body[BODY_MAX]; /* of the last response that libcurl got by hand */
    size_t size;
    size_t bytes; /* of each response; 0: no response yet */
    size_t locks;
};

/* --- the library --- */

static lock_sync_status load(void *user, void *record, size_t *size, int64_t *now_ms)
{
    const store *s = user;

    memcpy(record, s->record, s->size);
    *size = s->size;
    *now_ms = s->now_ms;
    return LOCK_SYNC_OK;
}

static lock_sync_status replace(void *user, const void *old_record, size_t old_size, const void *new_record,
                                size_t new_size, bool *replaced)
{
    store *s = user;

    *replaced = old_size == s->size && memcmp(old_record, s->record, old_size) == 0;
    if (*replaced) {
        memcpy(s->record, new_record, new_size);
        s->size = new_size;
    }
    return LOCK_SYNC_OK;
}

static lock_sync_ctx *new_context(const client *c, const lock_sync_allocator *allocator)
{
    lock_sync_ctx *ctx;

    if (lock_sync_ctx_new_with_allocator(allocator, &ctx) != LOCK_SYNC_OK ||
        lock_sync_set_base_url(ctx, c->base_url) != LOCK_SYNC_OK ||
        lock_sync_set_personal_key(ctx, KEY) != LOCK_SYNC_OK)
        die("no context");
    return ctx;
}

static void open_contexts(client *c, const lock_sync_allocator *allocator)
{
    const lock_sync_guard_store guard_store = {
        .struct_size = sizeof guard_store, .user = &c->store, .load = load, .replace = replace};

    c->store.now_ms = GUARD_STEP_MS;
    c->ctx = new_context(c, allocator);
    c->guarded = new_context(c, allocator);
    if (lock_sync_set_guard_mode(c->ctx, LOCK_SYNC_GUARD_OFF) != LOCK_SYNC_OK ||
        lock_sync_guard_new_with_store(&guard_store, &c->guard) != LOCK_SYNC_OK ||
        lock_sync_set_guard(c->guarded, c->guard) != LOCK_SYNC_OK)
        die("no guard");
}

static void fetch_with(const client *c, lock_sync_ctx *ctx)
{
    lock_sync_results *results;

    if (lock_sync_fetch(ctx, NULL, 0, &results) != LOCK_SYNC_OK)
        die("liblocksync: %s", lock_sync_error_message(lock_sync_last_error(ctx)));
    if (lock_sync_results_count(results) != c->locks)
        die("liblocksync: the number of locks is wrong");
    lock_sync_results_free(results);
}

static void fetch_plain(client *c)
{
    fetch_with(c, c->ctx);
}

static void fetch_guarded(client *c)
{
    c->store.now_ms += GUARD_STEP_MS;
    fetch_with(c, c->guarded);
}

/* --- libcurl by hand --- */

static size_t keep_body(char *data, size_t one, size_t size, void *user)
{
    client *c = user;

    (void)one;
    if (size > sizeof c->body - c->size)
        return 0;
    memcpy(c->body + c->size, data, size);
    c->size += size;
    return size;
}

struct curl_slist *new_headers(const char *authorization)
{
    const char *const lines[] = {"Accept: application/json", authorization, "User-Agent: libgetlock-sync/0.1.0"};
    struct curl_slist *headers = NULL;

    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
        headers = curl_slist_append(headers, lines[i]);
        if (headers == NULL)
            die("out of memory");
    }
    return headers;
}

/* Sets the timeouts that a program should always have. */
static CURL *new_handle(client *c, struct curl_slist *headers)
{
    CURL *curl = curl_easy_init();

    if (curl == NULL || curl_easy_setopt(curl, CURLOPT_URL, c->url) != CURLE_OK ||
        curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers) != CURLE_OK ||
        curl_easy_setopt(curl, CURLOPT_ACCEPT_ENCODING, "gzip") != CURLE_OK ||
        curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L) != CURLE_OK ||
        curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS, 10000L) != CURLE_OK ||
        curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, 30000L) != CURLE_OK ||
        curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, keep_body) != CURLE_OK ||
        curl_easy_setopt(curl, CURLOPT_WRITEDATA, c) != CURLE_OK)
        die("no libcurl handle");
    return curl;
}

static void get(client *c, CURL *curl)
{
    long status = 0;
    CURLcode code;

    c->size = 0;
    code = curl_easy_perform(curl);
    if (code != CURLE_OK)
        die("libcurl: %s", curl_easy_strerror(code));
    if (curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status) != CURLE_OK || status != 200)
        die("libcurl: status %ld", status);
    if (c->bytes != 0 && c->size != c->bytes)
        die("libcurl: the length of the response is wrong");
}

static void check_records(const client *c, bool read, records *r)
{
    if (!read || r->count != c->locks)
        die("by hand: the number of locks is wrong");
    free(r->locks);
}

static void fetch_bare(client *c)
{
    get(c, c->bare);
}

static void fetch_jansson(client *c)
{
    records r;

    get(c, c->decoding);
    check_records(c, read_with_jansson(c->body, c->size, &r), &r);
}

static void fetch_cjson(client *c)
{
    struct curl_slist *headers = new_headers(PERSONAL_KEY KEY);
    CURL *curl = new_handle(c, headers);
    records r;

    get(c, curl);
    check_records(c, read_with_cjson(c->body, c->size, &r), &r);
    curl_easy_cleanup(curl);
    curl_slist_free_all(headers);
}

const contestant contestants[CONTESTANTS] = {
    [PLAIN] = {"liblocksync", fetch_plain},
    [GUARDED] = {"liblocksync, guard asked", fetch_guarded},
    [BARE] = {"libcurl, handle reused, not decoded", fetch_bare},
    [REUSED_JANSSON] = {"libcurl, handle reused, jansson", fetch_jansson},
    [FRESH_CJSON] = {"libcurl, fresh handle, cJSON", fetch_cjson},
};

/* --- the client --- */

client *client_new(const char *base_url, const lock_sync_allocator *allocator)
{
    client *c = allocate(sizeof *c);
    records r;

    memset(c, 0, sizeof *c);
    c->base_url = base_url;
    (void)snprintf(c->url, sizeof c->url, "%s" SYNC_PATH, base_url);
    c->headers = new_headers(PERSONAL_KEY KEY);
    c->bare = new_handle(c, c->headers);
    c->decoding = new_handle(c, c->headers);
    open_contexts(c, allocator);
    get(c, c->bare);
    if (!read_with_jansson(c->body, c->size, &r))
        die("the server's response is not the documented one");
    c->bytes = c->size;
    c->locks = r.count;
    free(r.locks);
    for (size_t i = 0; i < CONTESTANTS; i++)
        contestants[i].fetch(c);
    return c;
}

void client_free(client *c)
{
    lock_sync_ctx_free(c->ctx);
    lock_sync_ctx_free(c->guarded);
    lock_sync_guard_unref(c->guard);
    curl_easy_cleanup(c->bare);
    curl_easy_cleanup(c->decoding);
    curl_slist_free_all(c->headers);
    free(c);
}

size_t client_locks(const client *c)
{
    return c->locks;
}

size_t client_bytes(const client *c)
{
    return c->bytes;
}
