/* Redis URLs: parses and checks them. Pure. */
#ifndef LSYNC_REDIS_REDIS_URL_H
#define LSYNC_REDIS_REDIS_URL_H

#define LSYNC_REDIS_URL_MAX 1024

typedef struct lsync_redis_url {
    char host[256];
    char port[6];
    char user[256];     /* "": no user */
    char password[512]; /* "": no password */
    char db[6];
} lsync_redis_url;

/* Parses a URL. Returns NULL, or what is wrong with the URL (static). The caller must wipe *out in any case: it may
   contain a password. */
const char *lsync_redis_url_parse(const char *url, lsync_redis_url *out);

#endif
