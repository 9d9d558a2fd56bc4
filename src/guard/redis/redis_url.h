/* Redis URLs: what is allowed in them, and their parts. Pure. */
#ifndef LSYNC_REDIS_REDIS_URL_H
#define LSYNC_REDIS_REDIS_URL_H

#define LSYNC_REDIS_URL_MAX 1024

typedef struct lsync_redis_url {
    char host[256];
    char port[6];
    char user[256];     /* "": none */
    char password[512]; /* "": none */
    char db[6];
} lsync_redis_url;

/* NULL when the URL is good, else why it is not (static text). What *out held of a password is the caller's to wipe. */
const char *lsync_redis_url_parse(const char *url, lsync_redis_url *out);

#endif
