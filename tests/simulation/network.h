/* The virtual network and libcurl: connections, transfers on them, and the server behind them. */
#ifndef SIMULATION_NETWORK_H
#define SIMULATION_NETWORK_H

#include "world.h"

#include "transport/attempt.h"

typedef struct multi multi; /* replaces libcurl's multi handle */
typedef struct easy easy;   /* replaces libcurl's easy handle */

typedef enum stage {
    STAGE_IDLE,
    STAGE_NEW,
    STAGE_NAMING,  /* its name will not be found */
    STAGE_WAITING, /* for a connection */
    STAGE_CONNECTING,
    STAGE_SENT,
    STAGE_HEADER, /* the header arrived */
    STAGE_OVER
} stage;

/* Outcome of a request. */
typedef enum fate {
    FATE_RESPOND,
    FATE_SILENCE,
    FATE_RESET,
    FATE_REJECT, /* over HTTP/2: the stream is refused */
    FATE_GOAWAY, /* the stream is refused, and the connection accepts no more */
    FATE_HALF,   /* the body breaks off */
    FATE_STALL,  /* the body stops */
    FATE_HEADER_BREAKS
} fate;

typedef struct connection {
    struct connection *next;
    multi *m;
    lsync_connections *list;
    uint32_t number;
    int fd; /* the library's socket, without a peer */
    int port;
    int32_t origin;
    bool http2;
    bool is_ready;
    bool is_shut; /* it broke, or the library ended it */
    bool sent_goaway;
    bool is_counted; /* the library counts it: a request was about to be sent on it */
    bool is_suspect; /* it was silent until a request's deadline */
    uint32_t users;
    uint32_t responses;
    int64_t closes_us; /* when the server closes it if it stays idle */
    int64_t heard_us;  /* when something last arrived */
    int64_t used_us;
    uint64_t bytes;
} connection;

/* How a server responds to a request. */
typedef struct reply {
    fate fate;
    int32_t status;
    int64_t retry_after_s; /* < 0: no Retry-After */
    int64_t think_us;
    int64_t body_us; /* after the header */
    int32_t body;    /* which of the broken bodies */
} reply;

struct easy {
    easy *next; /* in the multi's list */
    lsync_transfer *t;
    multi *m;
    client *client; /* of its request, like the next field */
    task *task;
    int64_t slot;
    stage stage;
    connection *c;
    bool is_reused;
    bool http2;
    bool is_counted; /* sent, and not ended yet */
    int64_t sent_us;
    int64_t left_us, connect_left_us;       /* when it was prepared */
    int64_t timeout_us, connect_timeout_us; /* on the monotonic clock */
    int64_t event_us;                       /* when something happens for it */
    uint32_t request;                       /* number among its client's requests */
    reply reply;
    bool fails; /* connecting will fail */
    CURLcode code;
    uint64_t over; /* its place in the order of ends */
    bool saw_429;
};

struct multi {
    lsync_loop *loop;
    easy *easies; /* started ones */
    connection *connections;
};

void network_begin(void);

/* loop.c */
multi *multi_of(const lsync_loop *l);
int64_t loop_ready_us(const lsync_loop *l); /* when its descriptor is readable, or NEVER_US */

/* network.c */
void network_turn(multi *m);              /* handles what has arrived for its transfers */
void network_time_out(multi *m);          /* ends transfers at their deadline */
int64_t network_timer_us(const multi *m); /* when libcurl must be called, on the boot clock */
int64_t network_event_us(const multi *m); /* when something arrives */
void network_start(multi *m, easy *e);
void network_remove(easy *e); /* stopped, or finished */

/* connections.c */
void connection_begin(void);
connection *connection_of(int fd);    /* or NULL */
connection *connection_open(easy *e); /* NULL: the library refuses to open it */
void connection_close(connection *c);
void connection_close_all(multi *m);
connection *connection_find(const easy *e); /* one that its request may use now, or NULL */
bool connection_is_dead(const connection *c);
bool connection_is_being_made(const easy *e);            /* to its origin */
bool connection_has_room(const multi *m, const easy *e); /* for another one */
void connection_make_room(const multi *m, const easy *e);

/* server.c: handle requests on their way. */
void server_begin(void);
void server_send(easy *e);
int64_t server_due_us(void);
void server_run(void);             /* handles what arrives now */
void server_forget(const easy *e); /* nobody waits for its reply any more */
/* Returns the result of a connection attempt, and how long it takes. */
CURLcode server_connect(const client *c, uint32_t attempt, int64_t *us);
void server_head(easy *e); /* its header arrives */
void server_body(easy *e, bool whole);

#endif
