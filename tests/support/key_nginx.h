/* nginx with HTTP/2 over TLS that answers each request with the number at the end of its Authorization header, as the
   id of a lock: whoever gets another's answer sees it. */
#ifndef KIT_KEY_NGINX_H
#define KIT_KEY_NGINX_H

#include <stddef.h>
#include <stdint.h>

typedef struct key_nginx key_nginx;

typedef struct key_nginx_seen {
    size_t requests;
    size_t connections; /* that carried one */
    size_t other_protocol; /* requests that were not HTTP/2 */
} key_nginx_seen;

#define KEY_NGINX_ONE_LOCK "{\"result\":[{\"id\":$keyid}]}"

/* `body`: the answer, without ', in which $keyid stands for the number. `requests_each`: after so many a connection is
   closed (GOAWAY). */
key_nginx *key_nginx_start(const char *cert, const char *key, const char *body, unsigned requests_each);
const char *key_nginx_url(const key_nginx *n); /* "https://127.0.0.1:PORT" */
/* What its log tells of the time since the last look, once it tells of that many requests. */
key_nginx_seen key_nginx_look(const key_nginx *n, size_t requests);
/* It answers nothing, and takes no connection, until it goes on. */
void key_nginx_pause(const key_nginx *n);
void key_nginx_go_on(const key_nginx *n);
void key_nginx_stop(key_nginx *n);

#endif
