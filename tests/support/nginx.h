/* nginx with HTTP/2 over TLS on a free loopback port, in front of another server or with answers of its own. */
#ifndef KIT_NGINX_H
#define KIT_NGINX_H

#include <stdbool.h>
#include <stdint.h>

typedef struct nginx nginx;

typedef struct nginx_setup {
    const char *cert; /* PEM files */
    const char *key;
    uint16_t upstream; /* pass requests to this port of 127.0.0.1; 0: do not */
    const char *body;  /* without upstream: the answer to everything (JSON, without ' and $) */
    bool http1;        /* not HTTP/2 */
    unsigned streams;  /* http2_max_concurrent_streams; 0: nginx's own */
    bool close_each;   /* close each connection after its first request */
} nginx_setup;

/* Whether this machine has nginx. */
bool nginx_exists(void);

nginx *nginx_start(const nginx_setup *setup);
const char *nginx_url(const nginx *n); /* "https://127.0.0.1:PORT" */
uint16_t nginx_port(const nginx *n);

/* One line for each request: protocol, connection number, how manieth request on it, "r" for a resumed TLS session or
   ".", status. Waits until there are `lines` of them; free() it. */
char *nginx_log(const nginx *n, unsigned lines);

void nginx_stop(nginx *n); /* NULL is allowed */

#endif
