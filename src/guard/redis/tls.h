/* TLS on a socket. The server's certificate and name are always verified. */
#ifndef LSYNC_REDIS_TLS_H
#define LSYNC_REDIS_TLS_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

typedef struct lsync_redis_tls {
    struct ssl_st *ssl;            /* NULL: no TLS */
    struct bio_method_st *methods; /* how it uses the socket */
} lsync_redis_tls;

/* Files in the format PEM. */
typedef struct lsync_redis_tls_files {
    const char *ca;          /* "": the system's certificates */
    const char *certificate; /* of this client; "": none */
    const char *key;         /* "": the certificate's file has the key */
} lsync_redis_tls_files;

/* Returns why this library has no TLS (static); NULL: it has. */
const char *lsync_redis_tls_problem(void);

/* Prepares TLS on a connected socket, which must outlive it. `host`: a name or an address, which the server's
   certificate must be for. Returns why it failed; NULL: it did not. */
const char *lsync_redis_tls_init(lsync_redis_tls *tls, int fd, const lsync_redis_tls_files *files, const char *host);

/* Transfer some bytes; the first ones do nothing but the handshake. Return how many (the handshake: 1); 0: the server
   closed the connection; -1: it must be tried again when the socket is ready for *awaits, or if that is 0, it failed
   for the reason *why. */
int lsync_redis_tls_handshake(lsync_redis_tls *tls, short *awaits, const char **why);
ssize_t lsync_redis_tls_read(lsync_redis_tls *tls, void *bytes, size_t size, short *awaits, const char **why);
ssize_t lsync_redis_tls_write(lsync_redis_tls *tls, const void *bytes, size_t size, short *awaits, const char **why);

/* Returns whether bytes have been decrypted and not yet read. */
bool lsync_redis_tls_has_pending(const lsync_redis_tls *tls);

/* Frees it; sends nothing. */
void lsync_redis_tls_free(lsync_redis_tls *tls);

#endif
