/* When a request is sent once more: one decision, asked at the end of each attempt. Pure. */
#ifndef LSYNC_TRANSPORT_RETRY_H
#define LSYNC_TRANSPORT_RETRY_H

#include <stdbool.h>
#include <stdint.h>

typedef enum lsync_retry {
    LSYNC_RETRY_NONE,
    LSYNC_RETRY_ANYWHERE, /* on whichever connection has room */
    LSYNC_RETRY_ALONE,    /* on a connection of its own */
    LSYNC_RETRY_HTTP1     /* over HTTP/1.1, on a connection of its own */
} lsync_retry;

/* Whether the server refused the request unprocessed. libcurl often does not say. */
typedef enum lsync_refused { LSYNC_REFUSED_NO, LSYNC_REFUSED_YES, LSYNC_REFUSED_UNKNOWN } lsync_refused;

/* What one attempt saw. */
typedef struct lsync_attempt {
    uint32_t sends;    /* of the request, in this attempt and those before it */
    uint32_t unsent;   /* attempts in a row, this one included, that found a kept connection unfit before sending */
    bool has_no_room;  /* it was to share a connection, and none took it; nothing was sent */
    bool is_final;     /* it has its response, or was cancelled, is out of time or of memory */
    bool has_response; /* a byte of one came */
    bool is_vetoed;    /* libcurl was about to send it again by itself */
    bool is_dead;      /* its connection gave no sign of life to another request, and was ended */
    bool http2;        /* known or presumed */
    bool wants_http1;  /* the server said that it wants HTTP/1.1 */
    bool is_idempotent;
    lsync_refused refused;
} lsync_attempt;

/* What the connections of its origin did of late. */
typedef struct lsync_history {
    uint32_t responses;
    uint32_t retries;
    bool has_room; /* for a connection of its own */
} lsync_history;

lsync_retry lsync_retry_after(const lsync_attempt *a, const lsync_history *h);

#endif
