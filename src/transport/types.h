/* The types of transfers through libcurl. */
#ifndef LSYNC_TRANSPORT_TYPES_H
#define LSYNC_TRANSPORT_TYPES_H

#include "transport/retry.h"
#include "wire/request.h"
#include "wire/response.h"

#include <curl/curl.h>

#define LSYNC_NAME_KEPT_S 5      /* how long libcurl caches the addresses of a name; only new connections use them */
#define LSYNC_STREAMS_MAX 100    /* on an HTTP/2 connection at once, unless the server allows fewer */
#define LSYNC_STREAMS_PRESUMED 8 /* before the first response: until then libcurl does not know the server's limit */

/* The options that are set in the handle. An option is set again only if its value changes, because libcurl copies a
   text each time. The texts are owned. */
typedef struct lsync_transfer_options {
    char *url;     /* NULL: no option is set yet */
    char *ca_file; /* NULL: the system's trust store */
    char *proxy;   /* "": no proxy */
    bool https;
} lsync_transfer_options;

typedef struct lsync_transfer lsync_transfer;

/* The part of a loop that connections use. A member of lsync_loop, which sets it. */
typedef struct lsync_socket_owner lsync_socket_owner;
struct lsync_socket_owner {
    /* Called after a connection's socket was opened, and before it is closed. May be NULL. */
    void (*opened)(lsync_socket_owner *owner, int fd);
    void (*closing)(lsync_socket_owner *owner, int fd);
    uint32_t passes;     /* passes of the loop so far */
    uint32_t transfers;  /* started and not stopped */
    uint32_t sockets;    /* of all connections, including those that are being made */
    uint32_t per_origin; /* limit on the connections to one origin */
};

/* A socket that a transfer opened. It becomes a connection when a request is about to be sent on it. */
typedef struct lsync_connection {
    int fd;                       /* -1: it is closed, and freed when no request refers to it */
    const lsync_transfer *opener; /* the transfer that opened it; NULL once it is a connection */
    uint32_t active;              /* requests that were sent on it and are not over */
    uint32_t responses;
    uint32_t streams;      /* limit on requests at once, as far as is known */
    int64_t idle_since_us; /* boot clock; 0: no request has ended on it */
    uint64_t received;     /* if it is closed: the bytes that it received in its life; see peer.h */
    bool is_ending;        /* it refused a stream, so libcurl does not use it for more requests */
    bool is_dead;          /* a request timed out on it in silence, and it was shut down */
} lsync_connection;

/* An entry in the list of an origin's connections. The key is here because each request searches the list by key. */
typedef struct lsync_listed {
    uint64_t key;                 /* from the remote address and the local port; 0: not a connection yet */
    lsync_connection *connection; /* owned */
} lsync_listed;

/* The connections to one origin, and what is known about the origin. */
typedef struct lsync_connections {
    const lock_sync_allocator *memory; /* must outlive this */
    lsync_socket_owner *owner;         /* the pool's loop; NULL: a blocking fetch */
    lsync_listed *listed;              /* owned */
    size_t count;
    size_t capacity;
    uint32_t open;             /* entries that are connections: their key is not 0 */
    uint32_t checked_pass;     /* the owner's pass in which lsync_connections_end_closed last checked them */
    uint32_t presumed_streams; /* streams on a connection before its first response */
    bool is_miscounted;        /* there was no memory to list a connection, which may still be open */
    bool http2;                /* the protocol of the last response */
    bool wants_http1;          /* the server required HTTP/1.1, over HTTP/2 */
    uint32_t responses;        /* recent ones; halved at a limit */
    uint32_t retries;          /* in the same time, including those of requests that got no response */
} lsync_connections;

/* Passed from each attempt of a request to the next. All members are zero before the first attempt. */
typedef struct lsync_attempts {
    uint32_t sends;
    uint32_t unsent; /* attempts in a row; see retry.h */
    lsync_retry next;
} lsync_attempts;

/* The events of one attempt. */
typedef struct lsync_events {
    int64_t sent_us;              /* boot clock; 0: nothing was sent yet */
    lsync_connection *connection; /* carries the request, which its `active` counts; NULL: unknown, or detached */
    uint64_t received;            /* the bytes that the connection had received when the request was sent */
    uint32_t opened;              /* sockets that were opened */
    bool is_new;                  /* the connection had no response yet when the request was sent */
    bool aborted_resend;          /* libcurl was about to retry the request; the library stopped that */
    bool unsent;                  /* the kept connection was unusable, and nothing was sent */
    bool no_free_stream;          /* no connection that it could share had a free stream */
    bool is_dead;                 /* if aborted_resend: the connection was dead */
    bool is_http2;                /* if aborted_resend: HTTP/2 is known or presumed */
    bool wants_http1;             /* if aborted_resend: the server requires HTTP/1.1 */
    lsync_refused refused;
    bool encoded;      /* this response has "Content-Encoding: gzip" */
    bool header_ended; /* the blank line after this response's header was received */
    bool has_response; /* a byte of a response was received */
} lsync_events;

/* Whether a transfer opens a new connection. */
typedef enum lsync_connecting {
    LSYNC_CONNECTS_IF_NEEDED,
    LSYNC_CONNECTS_ALWAYS, /* existing connections are not used */
    LSYNC_CONNECTS_NEVER   /* if no connection has a free stream, the attempt ends and nothing is sent */
} lsync_connecting;

struct lsync_transfer {
    const lock_sync_allocator *memory; /* must outlive the transfer */
    CURL *easy;                        /* owned */
    CURLU *url;                        /* owned; parsed once, so that libcurl does not parse it for each request */
    lsync_transfer_options set;
    /* The next two are constant; they are stored because curl_version_info() builds texts in each call. */
    long http_version;                                /* the newest that this libcurl supports */
    bool trusts_idle;                                 /* see quirks.h */
    struct curl_slist headers[LSYNC_REQUEST_HEADERS]; /* point into the request's block; libcurl borrows them */
    const lock_sync_request *request;                 /* borrowed while the transfer runs, like the next */
    lock_sync_response *response;
    lsync_attempts attempts; /* the earlier ones and this one */
    lsync_events events;
    lsync_connecting connecting;    /* the driver sets it before it prepares the transfer */
    bool must_replace_handle;       /* it keeps state of an earlier attempt; see quirks.h */
    lsync_connections *connections; /* must outlive the connections, like the transfer itself */
    int64_t *tls_failed_us;         /* see lsync_transfer_init; must outlive the transfer */
    lock_sync_status stopped;       /* why one of the library's callbacks ended the transfer; OK: none did */
    CURLcode code;                  /* of a transfer that lsync_loop_finished returns, like the next */
    lsync_transfer *next_over;
    char error_text[CURL_ERROR_SIZE];
};

#endif
