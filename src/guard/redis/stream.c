/* A connected socket, with or without TLS; see stream.h. */
#include "guard/redis/stream.h"
#include "base/clock.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* Sets `awaits` or `why` after a call of the system's. */
static ssize_t result(lsync_redis_stream *s, ssize_t n, short events)
{
    bool is_transient = n < 0 && (errno == EINTR || errno == EAGAIN);

    s->awaits = 0;
    if (is_transient)
        s->awaits = events;
    s->why = n < 0 && !is_transient ? strerror(errno) : NULL;
    return n;
}

ssize_t lsync_redis_stream_read(lsync_redis_stream *s, void *bytes, size_t size)
{
    ssize_t got;

    if (s->tls.ssl == NULL)
        return result(s, recv(s->fd, bytes, size, 0), POLLIN);
    atomic_store(&s->changing, true);
    got = lsync_redis_tls_read(&s->tls, bytes, size, &s->awaits, &s->why);
    atomic_store(&s->changing, false);
    return got;
}

ssize_t lsync_redis_stream_write(lsync_redis_stream *s, const void *bytes, size_t size)
{
    ssize_t sent;

    if (s->tls.ssl == NULL)
        return result(s, send(s->fd, bytes, size, MSG_NOSIGNAL), POLLOUT);
    atomic_store(&s->changing, true);
    sent = lsync_redis_tls_write(&s->tls, bytes, size, &s->awaits, &s->why);
    atomic_store(&s->changing, false);
    s->why = sent == 0 ? "the server closed the connection" : s->why;
    return sent == 0 ? -1 : sent;
}

bool lsync_redis_stream_wait(lsync_redis_stream *s, short events, int64_t until_us)
{
    bool pending = events == POLLIN && s->awaits == 0 && lsync_redis_tls_has_pending(&s->tls);

    s->why = NULL;
    if (s->awaits != 0)
        events = s->awaits;
    for (;;) {
        struct pollfd poller = {s->fd, events, 0};
        int64_t left_us = until_us - lsync_clock_boot_us();
        int ready = 0;

        if (left_us > 0)
            ready = pending ? 1 : poll(&poller, 1, (int)lsync_clock_ms_up(left_us));
        if (ready > 0)
            return true;
        if (ready == 0)
            errno = ETIMEDOUT;
        if (errno != EINTR) {
            s->why = strerror(errno);
            return false;
        }
    }
}

static bool shake_hands(lsync_redis_stream *s, int64_t until_us)
{
    int done;

    do {
        atomic_store(&s->changing, true);
        done = lsync_redis_tls_handshake(&s->tls, &s->awaits, &s->why);
        atomic_store(&s->changing, false);
    } while (done < 0 && s->why == NULL && lsync_redis_stream_wait(s, POLLIN, until_us));
    s->why = done == 0 ? "the server closed the connection" : s->why;
    return done > 0;
}

bool lsync_redis_stream_secure(lsync_redis_stream *s, const lsync_redis_tls_files *files, const char *host,
                               int64_t until_us)
{
    atomic_store(&s->changing, true);
    s->why = lsync_redis_tls_init(&s->tls, s->fd, files, host);
    atomic_store(&s->changing, false);
    return s->why == NULL && shake_hands(s, until_us);
}

void lsync_redis_stream_close(lsync_redis_stream *s, bool is_own)
{
    int fd = s->fd;
    lsync_redis_tls tls = s->tls;

    /* cleared first: a child that is forked in between must not close or free them again */
    s->fd = -1;
    s->tls = (lsync_redis_tls){0};
    s->awaits = 0;
    if (fd >= 0)
        (void)close(fd);
    /* what fork() copied in the middle of a change cannot be freed */
    if (tls.ssl != NULL && (is_own || !atomic_load(&s->changing)))
        lsync_redis_tls_free(&tls);
    atomic_store(&s->changing, false);
}
