/* Base URLs and proxy URLs: what is allowed in them, and where they lead. */
#ifndef LSYNC_WIRE_URL_H
#define LSYNC_WIRE_URL_H

#include <stdbool.h>
#include <stddef.h>

#define LSYNC_BASE_URL_MAX 1024

typedef struct lsync_base_url {
    bool https;
    bool loopback; /* the host is 127.0.0.0/8, ::1 or localhost, as text */
    size_t size;   /* bytes of the URL without slashes at its end */
} lsync_base_url;

/* Checks `scheme://host[:port][/path]`. NULL when it is good, else why it is not (static text). */
const char *lsync_base_url_parse(const char *url, lsync_base_url *out);

/* Whether a checked host, perhaps with a port or path behind it, is an address, and no name to look up. */
bool lsync_host_is_address(const char *host);

/* Whether two URLs (NULL: none) name one origin: scheme, host and port. */
bool lsync_url_has_same_origin(const char *a, const char *b);

/* Checks `scheme://[user:password@]host[:port][/]` for a proxy. NULL, or why not (static text). */
const char *lsync_proxy_url_check(const char *url);

#endif
