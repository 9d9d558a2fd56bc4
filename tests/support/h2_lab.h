/* An HTTP/2 server over TLS that refuses in every way that HTTP/2 knows, as its plans say, and counts what it saw. It
   listens on a free loopback port; each connection has a thread, and the plan of its number; the last plan is for all
   that follow, too. Requests beyond the steps of a plan get good answers.

       static const h2_step refuses_one[] = {{.act = H2_RST, .number = H2_REFUSED_STREAM}, {.act = H2_END}};
       static const h2_plan plans[] = {{.steps = refuses_one}, {0}};
       h2_lab *lab = h2_lab_start(pems->good, pems->key, plans, 2);
       ...a fetch from h2_lab_url(lab)...
       char *fates = h2_lab_fates(lab);    "refused\nanswered\n"  */
#ifndef KIT_H2_LAB_H
#define KIT_H2_LAB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct h2_lab h2_lab;

/* What is done with a request. Each request takes a step, which is logged by the word behind it. */
typedef enum h2_act {
    H2_END,          /* of the steps: later requests are answered */
    H2_RESPOND,      /* answered: 200 and raw_good_body */
    H2_HOLD,         /* held: answered at h2_lab_release() */
    H2_SILENCE,      /* silent: never answered */
    H2_RST,          /* refused: RST_STREAM with the error `number` */
    H2_GOAWAY,       /* refused: GOAWAY with the error `number`, whose last stream is the one before it */
    H2_CLOSE,        /* closed: without an answer and without a word of TLS */
    H2_CLOSE_NOTIFY, /* closed: after TLS's close_notify */
    H2_RESET,        /* closed: with a TCP reset */
    H2_LAST,         /* answered, and GOAWAY behind it, whose last stream it is */
    /* These are done before the next step, which is for the same request: */
    H2_NOTICE,  /* the first phase of an orderly GOAWAY: last stream 2^31-1 */
    H2_WAIT,    /* nothing for `number` ms */
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
    uint32_t times; /* for so many requests; 0: one */
} h2_step;

typedef struct h2_plan {
    const h2_step *steps; /* NULL: good answers only */
    uint32_t streams;     /* so many at once are allowed, and those beyond refused by REFUSED_STREAM; 0: any */
    bool late;            /* which the SETTINGS tell only at h2_lab_release() */
    bool http1;           /* the server chooses HTTP/1.1, though HTTP/2 was offered; good answers only */
} h2_plan;

/* `plans` and what they point to must outlive the server; none: good answers only. `cert` and `key` are PEM files. */
h2_lab *h2_lab_start(const char *cert, const char *key, const h2_plan *plans, size_t count);
/* The same on another IPv4 address than 127.0.0.1, and on that port; 0: a free one. */
h2_lab *h2_lab_start_at(const char *address, uint16_t port, const char *cert, const char *key, const h2_plan *plans,
                        size_t count);
/* Closes all connections, ends all threads, frees it. NULL is allowed. */
void h2_lab_stop(h2_lab *lab);

uint16_t h2_lab_port(const h2_lab *lab);
const char *h2_lab_url(const h2_lab *lab); /* "https://127.0.0.1:PORT", or its address */

/* All that is held now is answered, and late SETTINGS are sent. */
void h2_lab_release(h2_lab *lab);

typedef enum h2_end {
    H2_END_CLOSE,        /* FIN, without a word of TLS */
    H2_END_CLOSE_NOTIFY, /* close_notify and FIN */
    H2_END_NOTIFY,       /* close_notify alone; TCP stays open until the client closes */
    H2_END_RESET,        /* TCP reset */
    H2_END_GOAWAY        /* GOAWAY, whose last stream is the last one that came; open until the client closes */
} h2_end;

/* Ends all connections that exist, so. Done when the call returns, as far as the server is concerned. */
void h2_lab_end(h2_lab *lab, h2_end how);

typedef enum h2_sessions {
    H2_SESSIONS_RESUME, /* the default */
    H2_SESSIONS_FORGET, /* as if the server had been restarted: a full handshake instead */
    H2_SESSIONS_BREAK   /* the handshake of a client that wants to resume one fails */
} h2_sessions;

void h2_lab_sessions(h2_lab *lab, h2_sessions how);

typedef struct h2_counts {
    size_t connections; /* whose handshake was good */
    size_t handshakes;  /* good or not, or under way */
    size_t resumed;     /* of the connections, those that resumed a TLS session */
    size_t open;        /* of the connections, those that the client has not closed, nor a reset */
    size_t requests;
    size_t answered;
    size_t refused;
    size_t http1; /* of the requests, those of HTTP/1.1 */
} h2_counts;

h2_counts h2_lab_counts(h2_lab *lab);
/* How many requests have come on connection i, from 0 in the order of their coming. */
size_t h2_lab_requests_on(h2_lab *lab, size_t i);
/* How many requests' paths begin so. */
size_t h2_lab_requests_for(h2_lab *lab, const char *path);
/* What became of the requests, in their order: a word and a line feed each; free() it. "late": the request came after
   the server had closed the connection. */
char *h2_lab_fates(h2_lab *lab);

#endif
