/* Builds requests: URL and headers from settings, credential and ids. Pure. */
#ifndef LSYNC_WIRE_REQUEST_H
#define LSYNC_WIRE_REQUEST_H

#include "base/error.h"
#include "base/memory.h"
#include "locksync/transport.h"
#include "wire/scope.h"

#include <stdatomic.h>

#define LSYNC_URL_MAX 2000
#define LSYNC_REQUEST_HEADERS 3
#define LSYNC_PAGE_LOCKS 100 /* of the directory: as many as other clients of the service ask for */

/* The settings that a transport needs in addition to the request. Borrowed from the context; must outlive the
   transfer. */
typedef struct lsync_route {
    const char *ca_file; /* NULL: the system's trust store */
    const char *proxy;   /* NULL: no proxy */
    int64_t max_idle_ms; /* how long a connection may be idle and still be used */
    bool https;
    bool loopback; /* the URL names a loopback host: no proxy is used, and http connects to loopback addresses only */
} lsync_route;

/* The locks, or the page of the directory, that a request asks for. */
typedef struct lsync_query {
    const int64_t *ids; /* checked by lsync_request_check_ids */
    size_t n;           /* 0: all locks */
    bool single;        /* use the endpoint for one lock; n is 1 */
    uint32_t page;      /* of the directory, from 1; 0: states */
} lsync_query;

/* The parts that a request is made from. All are borrowed for the call. */
typedef struct lsync_request_spec {
    const char *base_url; /* checked by lsync_base_url_parse, without a slash at its end */
    const char *api_version;
    const char *authorization; /* the header's value: scheme, a space, the secret */
    const char *user_agent;
    lsync_query query;
    int64_t timeout_ms;
    int64_t connect_timeout_ms;
} lsync_request_spec;

/* One block of memory that holds the struct, the scope and the texts. */
struct lock_sync_request {
    lock_sync_allocator memory;
    size_t block_size; /* to wipe the block */
    const char *url;
    struct {
        const char *name;
        const char *line;  /* "name: value", the form that libcurl needs */
        const char *value; /* inside the line */
    } headers[LSYNC_REQUEST_HEADERS];
    const char *secret; /* the credential inside the Authorization value */
    lsync_scope scope;  /* the response is filtered to this */
    bool single;
    uint32_t page; /* of the directory; 0: states */
    bool asks_all; /* the URL names no ids: none were given, or too many for a URL */
    int64_t timeout_ms;
    int64_t connect_timeout_ms;
    int64_t send_until_us;        /* boot clock; the request must not be sent after this time */
    const lsync_route *route;     /* NULL if the application built the request */
    const atomic_bool *cancelled; /* NULL in the same case */
};

/* Checks the ids. Returns OK, or E_INVALID_ARGUMENT with the error set. */
lock_sync_status lsync_request_check_ids(const int64_t *ids, size_t n, lock_sync_error *error);

/* Makes the request for checked ids; transferred to the caller. NULL: out of memory. */
lock_sync_request *lsync_request_new(const lock_sync_allocator *memory, const lsync_request_spec *spec);

#endif
