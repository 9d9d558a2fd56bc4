/* Redis URLs: parses and checks them. Pure. */
#ifndef LSYNC_REDIS_REDIS_URL_H
#define LSYNC_REDIS_REDIS_URL_H

#include <stdbool.h>
#include <stddef.h>

#define LSYNC_REDIS_URL_MAX 1024

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
    lsync_redis_place place;
    lsync_redis_login login;
    char db[6];
    bool is_tls;
    char ca_file[256];          /* "": the system's certificates */
    char certificate_file[256]; /* of this client; "": none */
    char key_file[256];         /* "": the certificate's file has the key */
} lsync_redis_url;

/* Parses a URL. Returns NULL, or what is wrong with the URL (static). The caller must wipe *out in any case: it may
   contain a password. */
const char *lsync_redis_url_parse(const char *url, lsync_redis_url *out);

#endif
