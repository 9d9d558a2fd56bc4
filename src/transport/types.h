/* What transfers through libcurl consist of. Types only. */
#ifndef LSYNC_TRANSPORT_TYPES_H
#define LSYNC_TRANSPORT_TYPES_H

#include "transport/retry.h"
#include "wire/request.h"
#include "wire/response.h"

#include <curl/curl.h>

#define LSYNC_NAME_KEPT_S 5      /* the addresses of a name, by libcurl: only new connections ask for them */
#define LSYNC_STREAMS_MAX 100    /* on an HTTP/2 connection at once; fewer where the server allows fewer */
#define LSYNC_STREAMS_PRESUMED 8 /* until its first response: only then libcurl knows how many the server allows */

/* The options that stand in the handle: to set one anew costs libcurl a copy. Texts are owned. */
typedef struct lsync_transfer_options {
    char *url;     /* NULL: nothing stands yet */
    char *ca_file; /* NULL: the system's trust */
    char *proxy;   /* "": none */
    bool https;
} lsync_transfer_options;

typedef struct lsync_transfer lsync_transfer;

/* What drives many transfers, as far as their connections are concerned: a member of the loop, which fills it. */
typedef struct lsync_socket_owner lsync_socket_owner;
struct lsync_socket_owner {
    /* A connection's socket was opened, or is about to be closed; NULL: it does not matter. */
    void (*opened)(lsync_socket_owner *owner, int fd);
    void (*closing)(lsync_socket_owner *owner, int fd);
    uint32_t turns;     /* how often it looked at its sockets */
    uint32_t transfers; /* started, and not taken in or stopped */
    uint32_t sockets;   /* of all connections, those included that are being made */
    uint32_t per_host;  /* limit on connections */
};

/* A socket that a transfer opened. It is a connection once a request is sent on it. */
typedef struct lsync_connection {
    int fd;                       /* -1: it is closed, and freed when no request knows it any more */
    const lsync_transfer *opener; /* until then */
    uint32_t active;              /* requests that were sent on it and are not over */
    uint32_t responses;
    uint32_t streams;      /* at once, as far as is known */
    int64_t idle_since_us; /* boot clock; 0: no request has ended on it */
    bool is_ending;        /* libcurl puts nothing more on it: it refused a stream */
    bool is_dead;          /* it gave no sign of life until a request was out of time, and was shut down */
} lsync_connection;

/* Its place among its origin's: the key stands here because each request looks through all of them for one. */
typedef struct lsync_listed {
    uint64_t key;                 /* made of what libcurl tells of the connection; 0: nothing was sent on it yet */
    lsync_connection *connection; /* owned */
} lsync_listed;

/* The connections to one origin, and what these turned out to be. */
typedef struct lsync_sockets {
    const lock_sync_allocator *memory; /* must outlive it */
    lsync_socket_owner *owner;         /* the pool's loop; NULL: a blocking fetch */
    lsync_listed *listed;              /* owned */
    size_t count;
    size_t capacity;
    uint32_t open;             /* of them, those that carried a request */
    uint32_t looked;           /* the owner's turn in which they were looked at */
    uint32_t presumed_streams; /* streams on a connection until its first response */
    bool is_miscounted;        /* there was no memory to list one, which may be open still */
    bool http2;                /* by the last response */
    bool wants_http1;          /* the server said so, over HTTP/2 */
    uint32_t responses;        /* of late */
    uint32_t retries;          /* of requests in that time, also of those that got no response */
    uint64_t closed_bytes; /* what the one that was closed last received in its life (0: the system does not tell) */
} lsync_sockets;

/* What stays of a request's attempts from one to the next. All zero: there was none. */
typedef struct lsync_attempts {
    uint32_t sends;
    uint32_t unsent; /* in a row, see retry.h */
    lsync_retry next;
} lsync_attempts;

/* What happened in this attempt. */
typedef struct lsync_events {
    int64_t sent_us;              /* boot clock; 0: nothing was sent yet */
    lsync_connection *connection; /* that it was sent on, counted in its `active`; NULL: not known, or not any more */
    uint32_t opened;              /* sockets */
    bool is_new;                  /* no response had come on the connection that it was sent on */
    bool vetoed;                  /* libcurl was about to send by itself what it had sent */
    bool unsent;                  /* the kept connection turned out unfit before anything was sent */
    bool has_no_room;             /* libcurl found none on the connections that it was to share */
    bool is_dead;                 /* the connection of a request that libcurl gave up was */
    bool is_http2;                /* known or presumed, of a request that libcurl gave up */
    bool wants_http1;
    lsync_refused refused;
    bool encoded;      /* a Content-Encoding was seen in this response */
    bool header_ended; /* the blank line behind this response's header was seen */
    bool has_response; /* a byte of one came */
} lsync_events;

/* Whether a transfer opens a connection of its own. */
typedef enum lsync_connecting {
    LSYNC_CONNECTS_IF_NEEDED,
    LSYNC_CONNECTS_ALWAYS, /* those that there are have no room */
    LSYNC_CONNECTS_NEVER   /* if none has room, the attempt ends unsent */
} lsync_connecting;

struct lsync_transfer {
    const lock_sync_allocator *memory; /* must outlive the transfer */
    CURL *easy;                        /* owned */
    CURLU *url;                        /* owned; taken apart once, where libcurl would for each request */
    lsync_transfer_options set;
    long http_version; /* the newest that this libcurl speaks */
    bool trusts_idle;  /* see quirks.h; as the one before asked once, as libcurl puts texts together for it */
    struct curl_slist headers[LSYNC_REQUEST_HEADERS]; /* lead into the request's block; libcurl borrows them */
    const lock_sync_request *request;                 /* borrowed while the transfer runs, as the next */
    lock_sync_response *response;
    lsync_attempts attempts; /* those before, and this one */
    lsync_events saw;
    lsync_connecting connecting; /* set by the driver, before it is prepared */
    bool is_worn;                /* libcurl keeps something of the attempt before in the handle; see quirks.h */
    lsync_sockets *sockets;      /* must outlive the connections, as the transfer itself */
    int64_t *distrusted_us;   /* when TLS failed last for those that share its libcurl's cache, by the boot clock; 0: it
                                 never did; must outlive the transfer */
    lock_sync_status stopped; /* why a callback of ours ended the transfer; OK: it did not */
    CURLcode code;            /* of one that the loop found over, as the next */
    lsync_transfer *next_over;
    char error_text[CURL_ERROR_SIZE];
};

#endif
