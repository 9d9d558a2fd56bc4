/* Connecting; see connect.h. */
#include "guard/redis/connect.h"
#include "base/clock.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

/* Connects to one address. False: s->why has the cause. */
static bool connect_to(lsync_redis_stream *s, const struct addrinfo *address, int64_t until_us)
{
    int error = 0;
    socklen_t size = sizeof error;
    int one = 1;
    bool waits;

    s->why = NULL;
    s->fd = socket(address->ai_family, address->ai_socktype | SOCK_CLOEXEC | SOCK_NONBLOCK, address->ai_protocol);
    if (s->fd >= 0 && address->ai_family != AF_UNIX)
        (void)setsockopt(s->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    waits = s->fd >= 0 && connect(s->fd, address->ai_addr, address->ai_addrlen) != 0;
    if (s->fd < 0 || (waits && errno != EINPROGRESS))
        s->why = strerror(errno);
    else if ((!waits || lsync_redis_stream_wait(s, POLLOUT, until_us)) &&
             (getsockopt(s->fd, SOL_SOCKET, SO_ERROR, &error, &size) != 0 || error != 0))
        s->why = strerror(error != 0 ? error : errno);
    if (s->why != NULL)
        lsync_redis_stream_close(s, true);
    return s->why == NULL;
}

/* Tries all addresses of a host name. Each gets an equal share of the time that is left. */
static const char *connect_any(lsync_redis_stream *s, const lsync_redis_place *place, int64_t *until_us,
                               const char **cause)
{
    const struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM};
    struct addrinfo *addresses = NULL;
    bool connected = false;
    int64_t left = 0;
    int64_t before_us = lsync_clock_boot_us();
    int error = getaddrinfo(place->host, place->port, &hints, &addresses);

    *until_us += lsync_clock_boot_us() - before_us;
    if (error != 0) {
        *cause = gai_strerror(error);
        return "the host name cannot be resolved";
    }
    for (const struct addrinfo *a = addresses; a != NULL; a = a->ai_next)
        left++;
    for (const struct addrinfo *a = addresses; a != NULL && !connected; a = a->ai_next, left--) {
        int64_t now_us = lsync_clock_boot_us();

        connected = connect_to(s, a, now_us + (*until_us - now_us) / left);
    }
    freeaddrinfo(addresses);
    *cause = s->why;
    return connected ? NULL : "connecting failed";
}

static const char *connect_socket(lsync_redis_stream *s, const char *path, int64_t until_us, const char **cause)
{
    struct sockaddr_un name = {.sun_family = AF_UNIX};
    const struct addrinfo address = {.ai_family = AF_UNIX,
                                     .ai_socktype = SOCK_STREAM,
                                     .ai_addr = (struct sockaddr *)&name,
                                     .ai_addrlen = sizeof name};

    memcpy(name.sun_path, path, strlen(path) + 1); /* the URL's parser has checked the length */
    *cause = connect_to(s, &address, until_us) ? NULL : s->why;
    return *cause == NULL ? NULL : "connecting failed";
}

const char *lsync_redis_connect(lsync_redis_stream *s, const lsync_redis_place *place, const lsync_redis_url *url,
                                int64_t *until_us, const char **cause)
{
    const lsync_redis_tls_files files = {url->ca_file, url->certificate_file, url->key_file};
    const char *failed = place->port[0] == '\0' ? connect_socket(s, place->host, *until_us, cause)
                                                : connect_any(s, place, until_us, cause);

    if (failed != NULL || !url->is_tls || lsync_redis_stream_secure(s, &files, place->host, *until_us))
        return failed;
    *cause = s->why;
    return "TLS failed";
}
