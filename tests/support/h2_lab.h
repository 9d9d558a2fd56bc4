/* An HTTP/2 server over TLS that refuses requests in every way of HTTP/2, and counts. It listens on a free loopback
   port. Each connection has a thread and a plan: connection i has plan i, and later ones have the last plan.
   Requests beyond the steps of a plan get good responses.

       static const h2_step refuses_one[] = {{.act = H2_RST, .number = H2_REFUSED_STREAM}, {.act = H2_END}};
       static const h2_plan plans[] = {{.steps = refuses_one}, {0}};
       h2_lab *lab = h2_lab_start(pems->good, pems->key, plans, 2);
       ...a fetch from h2_lab_url(lab)...
       char *fates = h2_lab_fates(lab);    "refused\nresponded\n"  */
#ifndef KIT_H2_LAB_H
#define KIT_H2_LAB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct h2_lab h2_lab;

/* The server's reactions to a request. Each request takes one step, whose word is its fate. */
typedef enum h2_act {
    H2_END,          /* the end of the steps: later requests get responses */
    H2_RESPOND,      /* `responded`: 200 and raw_good_body */
    H2_HOLD,         /* `held`: a response at h2_lab_release() */
    H2_SILENCE,      /* `silent`: no response */
    H2_RST,          /* `refused`: RST_STREAM with the error `number` */
    H2_GOAWAY,       /* `refused`: GOAWAY with the error `number`; its last stream is the one before this request */
    H2_CLOSE,        /* `closed`: no response, and FIN without close_notify */
    H2_CLOSE_NOTIFY, /* `closed`: no response, and FIN after TLS's close_notify */
    H2_RESET,        /* `closed`: no response, and a TCP reset */
    H2_LAST,         /* `responded`, then GOAWAY with this stream as its last */
    /* The server takes these before the next step, which is for the same request: */
    H2_NOTICE,  /* the first phase of an orderly GOAWAY: last stream 2^31-1 */
    H2_WAIT,    /* waits `number` ms */
    H2_SETTINGS /* SETTINGS allow `number` streams at once */
} h2_act;

enum { /* errors of RFC 9113, section 7 */
       H2_NO_ERROR = 0,
       H2_INTERNAL_ERROR = 2,
       H2_REFUSED_STREAM = 7,
       H2_CANCELLED = 8,
       H2_ENHANCE_YOUR_CALM = 11,
       H2_HTTP_1_1_REQUIRED = 13
};

#define H2_ALWAYS UINT32_MAX

typedef struct h2_step {
    h2_act act;
    uint32_t number;
    uint32_t times; /* for this many requests; 0: one */
} h2_step;

typedef struct h2_plan {
    const h2_step *steps; /* NULL: good responses only */
    uint32_t streams;     /* limit of streams at once: further ones get REFUSED_STREAM; 0: no limit */
    bool late;            /* the SETTINGS with this limit are sent only at h2_lab_release() */
    bool http1;           /* the server chooses HTTP/1.1 even if HTTP/2 is offered; good responses only */
} h2_plan;

/* Starts a server. `plans` and what they point to must outlive it. No plan: good responses only. `cert` and `key`: PEM
   files. */
h2_lab *h2_lab_start(const char *cert, const char *key, const h2_plan *plans, size_t count);
/* Starts it on another IPv4 address than 127.0.0.1, and on `port`; 0: a free one. */
h2_lab *h2_lab_start_at(const char *address, uint16_t port, const char *cert, const char *key, const h2_plan *plans,
                        size_t count);
/* Closes all connections, ends all threads, frees the server. NULL is allowed. */
void h2_lab_stop(h2_lab *lab);

uint16_t h2_lab_port(const h2_lab *lab);
const char *h2_lab_url(const h2_lab *lab); /* "https://127.0.0.1:PORT", or its address */

/* Sends the responses that are held now, and late SETTINGS. */
void h2_lab_release(h2_lab *lab);

typedef enum h2_end {
    H2_END_CLOSE,        /* FIN, without close_notify */
    H2_END_CLOSE_NOTIFY, /* close_notify and FIN */
    H2_END_NOTIFY,       /* close_notify only; TCP stays open until the client closes it */
    H2_END_RESET,        /* TCP reset */
    H2_END_GOAWAY        /* GOAWAY with the last stream that arrived; TCP stays open until the client closes it */
} h2_end;

/* Ends all connections that exist, as `how` says. The server has done its part when the call returns. */
void h2_lab_end(h2_lab *lab, h2_end how);

typedef enum h2_sessions {
    H2_SESSIONS_RESUME, /* the default */
    H2_SESSIONS_FORGET, /* as after a restart of the server: full handshakes only */
    H2_SESSIONS_BREAK   /* the handshake fails if the client wants to resume a session */
} h2_sessions;

void h2_lab_sessions(h2_lab *lab, h2_sessions how);

typedef struct h2_counts {
    size_t connections; /* with a good handshake */
    size_t handshakes;  /* good, failed or under way */
    size_t resumed;     /* connections that resumed a TLS session */
    size_t open;        /* connections that neither the client nor a reset has closed */
    size_t requests;
    size_t http1; /* requests over HTTP/1.1 */
} h2_counts;

h2_counts h2_lab_counts(h2_lab *lab);
/* Counts the requests on connection i, counted from 0 in the order of arrival. */
size_t h2_lab_requests_on(h2_lab *lab, size_t i);
/* Counts the requests whose path begins with `path`. */
size_t h2_lab_requests_for(h2_lab *lab, const char *path);
/* Returns the fates of the requests in their order: a word and a line feed each; free() it. "late": the request arrived
   after the server had closed the connection. */
char *h2_lab_fates(h2_lab *lab);

#endif
