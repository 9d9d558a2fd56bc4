/* Which request: URL and headers from settings, credential and ids. Pure. */
#ifndef LSYNC_WIRE_REQUEST_H
#define LSYNC_WIRE_REQUEST_H

#include "base/error.h"
#include "base/memory.h"
#include "locksync/transport.h"
#include "wire/scope.h"

#include <stdatomic.h>

#define LSYNC_URL_MAX 2000
#define LSYNC_REQUEST_HEADERS 3

/* How a request may travel: what a transport must know beside the request itself. Borrowed from the context; must
   outlive the transfer. */
typedef struct lsync_route {
    const char *ca_file; /* NULL: the system's trust */
    const char *proxy;   /* NULL: none */
    int64_t max_idle_ms; /* of a connection that is used again */
    bool https;
    bool loopback; /* the host is loopback by its text: no proxy, and for http no other address */
} lsync_route;

/* What a request is made from; all borrowed for the call. */
typedef struct lsync_request_spec {
    const char *base_url; /* checked by lsync_base_url_parse, without a slash at its end */
    const char *api_version;
    const char *authorization; /* the header's value: scheme, a space, the secret */
    const char *user_agent;
    const int64_t *ids; /* passed by lsync_request_check_ids */
    size_t id_count;    /* 0: all */
    bool single;        /* the endpoint for one lock; id_count is 1 */
    int64_t timeout_ms;
    int64_t connect_timeout_ms;
} lsync_request_spec;

/* One block of memory: the struct, the scope, the texts. */
struct lock_sync_request {
    lock_sync_allocator memory;
    size_t block_size; /* of the whole, to wipe it */
    const char *url;
    struct {
        const char *name;
        const char *line;  /* "name: value", as libcurl takes it */
        const char *value; /* inside the line */
    } headers[LSYNC_REQUEST_HEADERS];
    const char *secret; /* the credential inside the Authorization value */
    lsync_scope scope;  /* what the answer is filtered to */
    bool single;
    bool asks_all; /* the URL names no ids: none were given, or too many for a URL */
    int64_t timeout_ms;
    int64_t connect_timeout_ms;
    int64_t send_until_us;        /* boot clock; nothing of the request is sent after that */
    const lsync_route *route;     /* NULL for a request that the host asked to build */
    const atomic_bool *cancelled; /* likewise */
};

/* OK, or E_INVALID_ARGUMENT with the error set: NULL, an id <= 0, too many. */
lock_sync_status lsync_request_check_ids(const int64_t *ids, size_t n, lock_sync_error *error);

/* The request for checked ids, transferred. NULL: out of memory. */
lock_sync_request *lsync_request_new(const lock_sync_allocator *memory, const lsync_request_spec *spec);

#endif
