/* A connected socket, with or without TLS. It is not blocking.

   After fork() the child must close its copy, which does not affect the parent's. */
#ifndef LSYNC_REDIS_STREAM_H
#define LSYNC_REDIS_STREAM_H

#include "guard/redis/tls.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

typedef struct lsync_redis_stream {
    int fd;               /* -1: closed */
    lsync_redis_tls tls;  /* zeros: no TLS */
    atomic_bool changing; /* the state of TLS is being changed; a forked child sees whether it was */
    short awaits;         /* after a transfer that must be tried again: POLLIN or POLLOUT; else 0 */
    const char *why;      /* why the last call failed; NULL: it did not. Valid until the next call */
} lsync_redis_stream;

/* Transfer some bytes. Return how many; 0: the peer closed the connection (only read); -1: it failed, or must be tried
   again when the socket is ready for `awaits` (`why` is NULL). With TLS, a read may await POLLOUT and a write POLLIN,
   and bytes may be decrypted already, which poll() does not report: read until -1. */
ssize_t lsync_redis_stream_read(lsync_redis_stream *s, void *bytes, size_t size);
ssize_t lsync_redis_stream_write(lsync_redis_stream *s, const void *bytes, size_t size);

/* Waits until the stream can be read (POLLIN) or written (POLLOUT), at most until `until_us`. Called before each
   transfer, so that a server that is always ready cannot keep the caller beyond its deadline. */
bool lsync_redis_stream_wait(lsync_redis_stream *s, short events, int64_t until_us);

/* Sets up TLS on the socket, until `until_us`. `host`: what the server's certificate must be for. False: `why`. */
bool lsync_redis_stream_secure(lsync_redis_stream *s, const lsync_redis_tls_files *files, const char *host,
                               int64_t until_us);

/* Closes the stream; sends nothing. `is_own`: this process opened it. */
void lsync_redis_stream_close(lsync_redis_stream *s, bool is_own);

#endif
