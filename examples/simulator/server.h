/* The HTTP server, and what the parts that make answers need to know of it. */
#ifndef LOCKSYNC_SIM_SERVER_H
#define LOCKSYNC_SIM_SERVER_H

#include "accounts.h"
#include "answer.h"
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
    struct answers *answers;
    struct accounts *accounts;
    struct faults faults;
    struct pauses *pauses;
    struct broken *broken;
    struct MHD_Daemon *daemon;
    char url[48];
    char version_number[32]; /* "37", for API-Supported-Versions */
    atomic_bool quiet;       /* libmicrohttpd's complaints are not shown any more */
    atomic_uint_fast64_t requests;
    atomic_uint_fast64_t connections; /* that have carried a request in this era */
    atomic_uint_fast64_t unauthorized;
    atomic_uint_fast64_t answered;
    atomic_uint era; /* begins with 1; each reset of the counters begins another */
};

/* One connection and the request it carries at the moment. Its body is kept from request to request, so that a busy
   connection stops allocating. */
struct visit {
    struct server *server;
    struct MHD_Connection *connection;
    unsigned era;       /* the last one whose connections this one was counted in */
    int64_t arrived_us; /* when the request's headers had arrived */
    struct text body;
    unsigned status;
    struct MHD_Response *response; /* made, and not yet given to libmicrohttpd */
    struct pause pause;
    struct text good; /* a broken answer: the good one that it is made from; borrowed */
    bool rested;      /* a slow answer: the pause before the next byte is over */
};

/* NULL: it could not start; why has been said on stderr. The options must outlive the server. */
struct server *server_start(const struct options *options);

/* Closes every connection; afterwards nothing changes any more. */
void server_stop(struct server *server);
void server_free(struct server *server);

#endif
