/* Decides at the end of each attempt whether the request is retried, and how. Pure. */
#ifndef LSYNC_TRANSPORT_RETRY_H
#define LSYNC_TRANSPORT_RETRY_H

#include <stdbool.h>
#include <stdint.h>

typedef enum lsync_retry {
    LSYNC_RETRY_NONE,
    LSYNC_RETRY_ANYWHERE,       /* on any connection with a free stream */
    LSYNC_RETRY_NEW_CONNECTION, /* on a new connection */
    LSYNC_RETRY_HTTP1           /* over HTTP/1.1, on a new connection */
} lsync_retry;

/* Whether the server refused the request without processing it. libcurl often does not report it. */
typedef enum lsync_refused { LSYNC_REFUSED_NO, LSYNC_REFUSED_YES, LSYNC_REFUSED_UNKNOWN } lsync_refused;

/* The events of one attempt. */
typedef struct lsync_attempt {
    uint32_t sends;  /* of the request, in this attempt and those before it */
    uint32_t unsent; /* attempts in a row, this one included, whose kept connection was unusable; nothing was sent */
    bool no_free_stream; /* it had to share a connection, and none had a free stream; nothing was sent */
    bool is_final;       /* it has its response, was cancelled, or ran out of time or memory */
    bool has_response;   /* a byte of a response arrived */
    bool aborted_resend; /* libcurl was about to retry the request; the library stopped that */
    bool is_dead;        /* its connection was ended because another request on it timed out in silence */
    bool http2;          /* known or presumed */
    bool wants_http1;    /* the server said that it wants HTTP/1.1 */
    bool is_idempotent;
    lsync_refused refused;
} lsync_attempt;

/* The recent behaviour of the connections to the origin. */
typedef struct lsync_history {
    uint32_t responses;
    uint32_t retries;
    bool is_below_limit; /* another connection may be opened */
} lsync_history;

lsync_retry lsync_retry_after(const lsync_attempt *a, const lsync_history *h);

#endif
