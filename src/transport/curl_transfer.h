/* One transfer through libcurl: an easy handle with all that the library's safety rules ask for. Shared by whoever
   drives it: a blocking fetch through a multi handle of its own, many accounts through the pool's. */
#ifndef LSYNC_TRANSPORT_CURL_TRANSFER_H
#define LSYNC_TRANSPORT_CURL_TRANSFER_H

#include "wire/request.h"
#include "wire/response.h"

#include <curl/curl.h>

/* The options that stand in the handle: to set one anew costs libcurl a copy. Texts are owned. */
typedef struct lsync_transfer_options {
    char *url;     /* NULL: nothing stands yet */
    char *ca_file; /* NULL: the system's trust */
    char *proxy;   /* "": none */
    bool https;
} lsync_transfer_options;

/* The sockets that transfers opened which share connections, and what these turned out to be. */
typedef struct lsync_loop lsync_loop;

typedef struct lsync_sockets {
    lsync_loop *loop;      /* the pool's; NULL: a blocking fetch */
    bool http2;            /* by the last answer */
    uint32_t answers;      /* of late */
    uint32_t repeats;      /* of requests in that time, also of those that got no answer */
    uint32_t open;         /* now; counted by the loop */
    uint64_t closed_bytes; /* what the one that was closed last received in its life (0: the system does not tell) */
} lsync_sockets;

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

/* curl_global_init, once for the process, under a lock. OK or E_NO_MEMORY. */
lock_sync_status lsync_curl_global_init(void);

/* Makes the easy handle. OK, E_NO_MEMORY, or E_NO_TRANSPORT (this libcurl lacks what is needed); after a failure there
   is nothing to release. */
lock_sync_status lsync_transfer_init(lsync_transfer *t, const lock_sync_allocator *memory, int64_t *distrusted_us);
void lsync_transfer_release(lsync_transfer *t);

/* Readies the handle for a request: OK, or as lsync_transfer_init. The next step is the driver's: run the handle to its
   end. */
lock_sync_status lsync_transfer_prepare(lsync_transfer *t, const lock_sync_request *q, lock_sync_response *s,
                                        lsync_sockets *sockets);

/* Whether the transfer, over with that code, is to run once more; it is ready for that. The one repeat that HTTP/2 has,
   where libcurl does not make it. */
bool lsync_transfer_again(lsync_transfer *t, CURLcode code);

/* What the transfer's end means, with status and detail put into the response. The request is let go of. */
lock_sync_status lsync_transfer_finish(lsync_transfer *t, CURLcode code);

#endif
