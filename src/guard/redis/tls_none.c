/* A build without TLS; see tls.h. No URL that needs TLS is accepted, so only the first function is ever called. */
#include "guard/redis/tls.h"

const char *lsync_redis_tls_problem(void)
{
    return "this build of liblocksync-redis has no TLS (redis_tls): run a TLS tunnel (stunnel, ghostunnel) to the "
           "server, and use the address of its local end";
}

/* GCOVR_EXCL_START: no URL leads here */
const char *lsync_redis_tls_init(lsync_redis_tls *tls, int fd, const lsync_redis_tls_files *files, const char *host)
{
    (void)tls;
    (void)fd;
    (void)files;
    (void)host;
    return lsync_redis_tls_problem();
}

int lsync_redis_tls_handshake(lsync_redis_tls *tls, short *awaits, const char **why)
{
    (void)tls;
    *awaits = 0;
    *why = lsync_redis_tls_problem();
    return -1;
}

ssize_t lsync_redis_tls_read(lsync_redis_tls *tls, void *bytes, size_t size, short *awaits, const char **why)
{
    (void)bytes;
    (void)size;
    return lsync_redis_tls_handshake(tls, awaits, why);
}

ssize_t lsync_redis_tls_write(lsync_redis_tls *tls, const void *bytes, size_t size, short *awaits, const char **why)
{
    (void)bytes;
    (void)size;
    return lsync_redis_tls_handshake(tls, awaits, why);
}

bool lsync_redis_tls_has_pending(const lsync_redis_tls *tls)
{
    (void)tls;
    return false;
}

void lsync_redis_tls_free(lsync_redis_tls *tls)
{
    (void)tls;
}
/* GCOVR_EXCL_STOP */
