/* nginx with HTTP/2 over TLS on a free loopback port, in front of another server or with a fixed response. */
#ifndef KIT_NGINX_H
#define KIT_NGINX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct nginx nginx;

typedef struct nginx_setup {
    const char *cert; /* PEM files */
    const char *key;
    uint16_t upstream;      /* pass requests to this port of 127.0.0.1; 0: do not */
    const char *body;       /* without upstream: the body of each response, JSON without '. $keyid is replaced by the
                               number at the end of the Authorization header */
    bool http1;             /* not HTTP/2 */
    unsigned streams;       /* http2_max_concurrent_streams; 0: nginx's default */
    unsigned requests_each; /* close a connection after this many requests, in HTTP/2 by GOAWAY; 0: never */
    bool close_each;        /* close each connection after its first request */
} nginx_setup;

/* Returns whether this machine has nginx. */
bool nginx_exists(void);
#define NO_NGINX "there is no nginx here"

nginx *nginx_start(const nginx_setup *setup);
/* Starts a server whose responses differ from key to key, so that the test notices one that reaches another account. */
nginx *nginx_start_for_keys(const char *cert, const char *key, const char *body, unsigned requests_each);
#define NGINX_ONE_LOCK "{\"result\":[{\"id\":$keyid}]}"
void nginx_stop(nginx *n); /* NULL is allowed */

const char *nginx_url(const nginx *n); /* "https://127.0.0.1:PORT" */
uint16_t nginx_port(const nginx *n);

/* Waits until the log has `lines` lines, and returns it; free() it. One line for each request: protocol, number of the
   connection, number of the request on it, "r" for a resumed TLS session or ".", status. */
char *nginx_log(const nginx *n, size_t lines);

typedef struct nginx_seen {
    size_t requests;
    size_t connections;    /* with a request */
    size_t other_protocol; /* requests that were not HTTP/2 */
} nginx_seen;

/* Waits until the log has `requests` requests since the last look, and counts them. */
nginx_seen nginx_look(const nginx *n, size_t requests);

/* Pauses the server, and continues it. While it is paused, it sends no response and accepts no connection. */
void nginx_pause(const nginx *n);
void nginx_go_on(const nginx *n);

#endif
