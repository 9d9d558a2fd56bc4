/* Builds requests; see request.h. */
#include "wire/request.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define ID_TEXT_MAX sizeof "&id=9223372036854775807"
#define DIRECTORY_QUERY "?ItemsPerPage=%d&Page=%" PRIu32
#define DIRECTORY_QUERY_MAX sizeof "?ItemsPerPage=100&Page=4294967295"
#define HEADER_NAMES_MAX sizeof "Accept: application/json\nAuthorization: \nUser-Agent: \n" /* each \n is a NUL */

/* Offsets of the parts of a request's block. */
typedef struct layout {
    size_t scope;
    size_t url;
    size_t headers;
    size_t end;
} layout;

/* Returns the room for the longest URL and one more id. */
static size_t url_room(const lsync_request_spec *spec)
{
    size_t path = strlen(spec->base_url) + strlen(spec->api_version) + sizeof "/api//my/lock//sync" +
                  DIRECTORY_QUERY_MAX;
    size_t ids = spec->query.n > LSYNC_URL_MAX ? LSYNC_URL_MAX : spec->query.n; /* each id takes over one byte */
    size_t room = path + (ids + 1) * ID_TEXT_MAX;

    return room < LSYNC_URL_MAX + ID_TEXT_MAX ? room : LSYNC_URL_MAX + ID_TEXT_MAX;
}

static bool lay_out(const lsync_request_spec *spec, layout *l)
{
    l->end = sizeof(lock_sync_request);
    return lsync_add_part(&l->end, spec->query.n, LSYNC_SCOPE_ROOM, &l->scope) &&
           lsync_add_part(&l->end, url_room(spec), 1, &l->url) &&
           lsync_add_part(&l->end, HEADER_NAMES_MAX + strlen(spec->authorization) + strlen(spec->user_agent), 1,
                          &l->headers);
}

/* Adds a text and its NUL. Returns the position of the NUL. */
static char *add(char *at, const char *text)
{
    size_t size = strlen(text);

    memcpy(at, text, size + 1);
    return at + size;
}

/* Writes the URL. If the ids would make it too long, it requests all locks; the response is filtered in any case. */
static void write_url(lock_sync_request *q, const lsync_request_spec *spec, char *url)
{
    const char *end = url + url_room(spec);
    char *path = add(add(add(add(url, spec->base_url), "/api/"), spec->api_version), "/my/lock");
    char *at;

    if (q->page > 0) {
        (void)snprintf(path, (size_t)(end - path), DIRECTORY_QUERY, LSYNC_PAGE_LOCKS, q->page);
        return;
    }
    if (q->single) {
        (void)snprintf(path, (size_t)(end - path), "/%" PRId64 "/sync", q->scope.ids[0]);
        return;
    }
    at = path = add(path, "/sync");
    q->asks_all = q->scope.count == 0;
    for (size_t i = 0; i < q->scope.count; i++) {
        at += snprintf(at, (size_t)(end - at), "%cid=%" PRId64, i == 0 ? '?' : '&', q->scope.ids[i]);
        if (at - url > LSYNC_URL_MAX) {
            *path = '\0';
            q->asks_all = true;
            return;
        }
    }
}

static char *write_header(lock_sync_request *q, size_t i, const char *name, const char *value, char *at)
{
    q->headers[i].name = name;
    q->headers[i].line = at;
    at = add(add(at, name), ": ");
    q->headers[i].value = at;
    return add(at, value) + 1;
}

static void write_headers(lock_sync_request *q, const lsync_request_spec *spec, char *at)
{
    at = write_header(q, 0, "Accept", "application/json", at);
    at = write_header(q, 1, "Authorization", spec->authorization, at);
    (void)write_header(q, 2, "User-Agent", spec->user_agent, at);
    q->secret = q->headers[1].value + strcspn(q->headers[1].value, " ");
    q->secret += *q->secret == ' ';
}

lock_sync_status lsync_request_check_ids(const int64_t *ids, size_t n, lock_sync_error *error)
{
    if (n > LSYNC_ORDER_MAX)
        return lsync_error_set(error, LOCK_SYNC_E_INVALID_ARGUMENT, "%zu ids are too many", n);
    if (n == 0 && ids != NULL) /* a list that is empty by mistake must not become a request for all locks */
        return lsync_error_set(error, LOCK_SYNC_E_INVALID_ARGUMENT, "the list of ids is empty; NULL asks for all");
    if (n > 0 && ids == NULL)
        return lsync_error_set(error, LOCK_SYNC_E_INVALID_ARGUMENT, "ids is NULL, but n is %zu", n);
    for (size_t i = 0; i < n; i++)
        if (ids[i] <= 0)
            return lsync_error_set(error, LOCK_SYNC_E_INVALID_ARGUMENT,
                                   "ids[%zu] is %" PRId64 "; a lock's id must be greater than 0", i, ids[i]);
    return LOCK_SYNC_OK;
}

lock_sync_request *lsync_request_new(const lock_sync_allocator *memory, const lsync_request_spec *spec)
{
    lock_sync_request *q;
    layout l;
    char *block = lay_out(spec, &l) ? lsync_alloc(memory, l.end) : NULL;

    if (block == NULL)
        return NULL;
    q = (lock_sync_request *)(void *)block;
    *q = (lock_sync_request){
        .memory = *memory,
        .block_size = l.end,
        .url = block + l.url,
        .single = spec->query.single,
        .page = spec->query.page,
        .timeout_ms = spec->timeout_ms,
        .connect_timeout_ms = spec->connect_timeout_ms,
    };
    write_headers(q, spec, block + l.headers);
    lsync_scope_init(&q->scope, spec->query.ids, spec->query.n, block + l.scope);
    write_url(q, spec, block + l.url);
    return q;
}

void lock_sync_request_free(lock_sync_request *request)
{
    lock_sync_allocator memory;

    if (request == NULL)
        return;
    memory = request->memory;
    lsync_wipe(request, request->block_size);
    lsync_free(&memory, request);
}

const char *lock_sync_request_method(const lock_sync_request *request)
{
    return request == NULL ? "" : "GET";
}

const char *lock_sync_request_url(const lock_sync_request *request)
{
    return request == NULL ? "" : request->url;
}

size_t lock_sync_request_header_count(const lock_sync_request *request)
{
    return request == NULL ? 0 : LSYNC_REQUEST_HEADERS;
}

const char *lock_sync_request_header_name(const lock_sync_request *request, size_t index)
{
    return index < lock_sync_request_header_count(request) ? request->headers[index].name : NULL;
}

const char *lock_sync_request_header_value(const lock_sync_request *request, size_t index)
{
    return index < lock_sync_request_header_count(request) ? request->headers[index].value : NULL;
}

int64_t lock_sync_request_timeout_ms(const lock_sync_request *request)
{
    return request == NULL ? 0 : request->timeout_ms;
}

int64_t lock_sync_request_connect_timeout_ms(const lock_sync_request *request)
{
    return request == NULL ? 0 : request->connect_timeout_ms;
}

bool lock_sync_request_is_cancelled(const lock_sync_request *request)
{
    return request != NULL && request->cancelled != NULL && atomic_load(request->cancelled);
}
