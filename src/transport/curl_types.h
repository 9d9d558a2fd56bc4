/* What transfers through libcurl consist of. Types only. */
#ifndef LSYNC_TRANSPORT_CURL_TYPES_H
#define LSYNC_TRANSPORT_CURL_TYPES_H

#include "wire/request.h"
#include "wire/response.h"

#include <curl/curl.h>

#define LSYNC_STREAMS_MAX 100 /* on an HTTP/2 connection at once; fewer where the server allows fewer */

/* The options that stand in the handle: to set one anew costs libcurl a copy. Texts are owned. */
typedef struct lsync_transfer_options {
    char *url;     /* NULL: nothing stands yet */
    char *ca_file; /* NULL: the system's trust */
    char *proxy;   /* "": none */
    bool https;
} lsync_transfer_options;

typedef struct lsync_sockets lsync_sockets;

/* What drives many transfers, as far as their connections are concerned: a member of the loop, which fills it. */
typedef struct lsync_socket_owner {
    /* A connection's socket was opened, or is about to be closed: counts it in the sockets. */
    void (*opened)(lsync_sockets *sockets, int fd);
    void (*closing)(lsync_sockets *sockets, int fd);
    uint32_t transfers; /* started, and not taken in or stopped */
    uint32_t per_host;  /* limit on connections */
} lsync_socket_owner;

/* The sockets that transfers opened which share connections, and what these turned out to be. */
struct lsync_sockets {
    lsync_socket_owner *owner; /* the pool's loop; NULL: a blocking fetch */
    bool http2;            /* by the last answer */
    uint32_t answers;      /* of late */
    uint32_t repeats;      /* of requests in that time, also of those that got no answer */
    uint32_t open;         /* now; counted by the loop */
    uint64_t closed_bytes; /* what the one that was closed last received in its life (0: the system does not tell) */
};

typedef struct lsync_transfer {
    const lock_sync_allocator *memory; /* must outlive the transfer */
    CURL *easy;                        /* owned */
    CURLU *url;                        /* owned; taken apart once, where libcurl would for each request */
    lsync_transfer_options set;
    struct curl_slist headers[LSYNC_REQUEST_HEADERS]; /* lead into the request's block; libcurl borrows them */
    const lock_sync_request *request; /* borrowed while the transfer runs, as the next */
    lock_sync_response *response;
    uint32_t sends;           /* how often libcurl began to send the request */
    bool repeated;            /* libcurl repeated the transfer before, or may have */
    bool encoded;             /* a Content-Encoding was seen in this response */
    bool header_ended;        /* the blank line behind this response's header was seen */
    lsync_sockets *sockets;   /* must outlive the connections, as the transfer itself */
    uint32_t opened;          /* sockets that it opened */
    int64_t *distrusted_us;   /* when TLS failed last for those that share its libcurl's cache, by the boot clock; 0: it
                                 never did; must outlive the transfer */
    lock_sync_status stopped; /* why a callback of ours ended the transfer; OK: it did not */
    char error_text[CURL_ERROR_SIZE];
} lsync_transfer;

#endif
