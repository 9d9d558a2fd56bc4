/* Redis URLs: parses and checks them. Pure. */
#ifndef LSYNC_REDIS_REDIS_URL_H
#define LSYNC_REDIS_REDIS_URL_H

#include <stdbool.h>
#include <stddef.h>

#define LSYNC_REDIS_URL_MAX 1024
#define LSYNC_REDIS_SENTINELS_MAX 8

/* Where a server listens. */
typedef struct lsync_redis_place {
    char host[256]; /* or the path of a unix socket */
    char port[6];   /* "": it is a unix socket */
} lsync_redis_place;

typedef struct lsync_redis_login {
    char user[256];     /* "": no user */
    char password[512]; /* "": no password */
} lsync_redis_login;

typedef struct lsync_redis_url {
    lsync_redis_place places[LSYNC_REDIS_SENTINELS_MAX]; /* the server; if there is a master's name, the sentinels */
    size_t place_count;
    char master[128]; /* the name that the sentinels give it; "": there are no sentinels */
    lsync_redis_login login;
    lsync_redis_login sentinel_login;
    char db[6];
    bool is_tls;
    char ca_file[256];          /* "": the system's certificates */
    char certificate_file[256]; /* of this client; "": none */
    char key_file[256];         /* "": the certificate's file has the key */
} lsync_redis_url;

/* Parses a URL. Returns NULL, or what is wrong with the URL (static). The caller must wipe *out in any case: it may
   contain a password. */
const char *lsync_redis_url_parse(const char *url, lsync_redis_url *out);

/* Parses a host name, or an IPv6 address in brackets, and a port, which may be missing. Returns what is wrong; NULL:
   nothing. */
const char *lsync_redis_url_parse_place(const char *text, size_t size, const char *default_port,
                                        lsync_redis_place *out);

#endif
