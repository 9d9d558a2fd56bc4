/* Checks base URLs and proxy URLs, and reads the parts that the library needs. */
#ifndef LSYNC_WIRE_URL_H
#define LSYNC_WIRE_URL_H

#include <stdbool.h>
#include <stddef.h>

#define LSYNC_BASE_URL_MAX 1024 /* of a proxy URL, too */

/* The parts of `scheme://[user@]host[:port]`, borrowed from a URL. */
typedef struct lsync_url_parts {
    size_t scheme_size; /* with the `://` */
    const char *user;   /* user[:password]; NULL: none */
    size_t user_size;
    const char *host; /* host[:port] */
    size_t host_size;
} lsync_url_parts;

typedef struct lsync_base_url {
    bool https;
    bool loopback; /* the host name in the URL is 127.0.0.0/8, ::1 or localhost; no name is resolved */
    size_t size;   /* bytes of the URL without the slashes at its end */
} lsync_base_url;

/* Splits a URL, without a check of its parts. Returns false if it has no `://`; then all parts are empty. */
bool lsync_url_split(const char *url, lsync_url_parts *parts);

/* Checks `scheme://host[:port][/path]`. Returns NULL if the URL is valid, else the reason (static text). */
const char *lsync_base_url_parse(const char *url, lsync_base_url *out);

/* Returns whether a checked host name is an IP address, which needs no look-up. A port or path may follow it. */
bool lsync_host_is_address(const char *host);

/* Returns whether two URLs have the same origin: scheme, host name and port. False if one is NULL. */
bool lsync_url_has_same_origin(const char *a, const char *b);

/* Checks the URL of a proxy: `scheme://[user:password@]host[:port][/]`. Returns NULL, or the reason (static text). */
const char *lsync_proxy_url_check(const char *url);

#endif
