/* The HTTP server and its state, which the parts that make responses share. */
#ifndef LOCKSYNC_SIM_SERVER_H
#define LOCKSYNC_SIM_SERVER_H

#include "accounts.h"
#include "responses.h"
#include "faults.h"
#include "options.h"
#include "pauses.h"
#include "text.h"

#include <microhttpd.h>
#include <stdatomic.h>

struct broken;

struct server {
    const struct options *options;
    struct locks *locks;
    struct roster *roster;
    struct shape shape;
    struct responses *responses;
    struct accounts *accounts;
    struct faults faults;
    struct pauses *pauses;
    struct broken *broken;
    FILE *journal; /* NULL: none */
    struct MHD_Daemon *daemon;
    char url[48];
    char versions[64]; /* for API-Supported-Versions */
    atomic_bool quiet; /* errors of libmicrohttpd are no longer printed */
    atomic_uint_fast64_t requests;
    atomic_uint_fast64_t connections; /* with a request in this era */
    atomic_uint_fast64_t unauthorized;
    atomic_uint_fast64_t replies;
    atomic_uint era; /* 1 at first; each reset of the counters begins another */
};

/* A connection and its current request. The body's memory is reused by the next request, so that a busy connection
   stops allocating. */
struct request {
    struct server *server;
    struct MHD_Connection *connection;
    unsigned era;       /* the last era in which this connection was counted */
    int64_t arrived_us; /* when the request's headers had arrived */
    struct text body;
    unsigned status;
    struct MHD_Response *response; /* made, but not yet queued in libmicrohttpd */
    struct pause pause;
    struct text good; /* of a faulty response: the good response that it is made from; borrowed */
    bool has_paused;  /* of a slow response: the pause before the next byte is over */
};

/* Returns NULL, after an error on stderr, if it could not start. The options must outlive the server. */
struct server *server_start(const struct options *options);

/* Closes every connection. The counters do not change after it. */
void server_stop(struct server *server);
void server_free(struct server *server);

#endif
