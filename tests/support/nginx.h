/* nginx with HTTP/2 over TLS on a free loopback port, in front of another server or with answers of its own. */
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
    const char *body;       /* without upstream: the answer to everything, JSON without ', in which $keyid stands for
                               the number at the end of the Authorization header */
    bool http1;             /* not HTTP/2 */
    unsigned streams;       /* http2_max_concurrent_streams; 0: nginx's own */
    unsigned requests_each; /* after so many a connection is closed, in HTTP/2 by GOAWAY; 0: never */
    bool close_each;        /* close each connection after its first request */
} nginx_setup;

/* Whether this machine has nginx. */
bool nginx_exists(void);
#define NO_NGINX "there is no nginx here"

nginx *nginx_start(const nginx_setup *setup);
/* The answers differ from key to key, so that one which goes to another account is noticed. */
nginx *nginx_start_for_keys(const char *cert, const char *key, const char *body, unsigned requests_each);
#define NGINX_ONE_LOCK "{\"result\":[{\"id\":$keyid}]}"
void nginx_stop(nginx *n); /* NULL is allowed */

const char *nginx_url(const nginx *n); /* "https://127.0.0.1:PORT" */
uint16_t nginx_port(const nginx *n);

/* One line for each request: protocol, connection number, how manieth request on it, "r" for a resumed TLS session or
   ".", status. Waits until there are `lines` of them; free() it. */
char *nginx_log(const nginx *n, size_t lines);

typedef struct nginx_seen {
    size_t requests;
    size_t connections;    /* that carried one */
    size_t other_protocol; /* requests that were not HTTP/2 */
} nginx_seen;

/* What its log says of the time since the last look, once it says something of that many requests. */
nginx_seen nginx_look(const nginx *n, size_t requests);

/* It answers nothing, and takes no connection, until it goes on. */
void nginx_pause(const nginx *n);
void nginx_go_on(const nginx *n);

#endif
