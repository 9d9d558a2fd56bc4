/* The system's knowledge of the other end of a connected socket; see peer.h. */
#include "transport/peer.h"

#include <poll.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <netinet/in.h>
#ifdef __linux__
#  if defined(__GLIBC__)
#    include <linux/tcp.h> /* netinet/tcp.h of glibc lacks newer members */
#  else
#    include <netinet/tcp.h>
#  endif
#else
#  include <netinet/tcp.h>
#endif

/* docs/transports.md has these numbers too. */
#define KEEPALIVE_IDLE_S 15
#define KEEPALIVE_INTERVAL_S 5
#define KEEPALIVE_PROBES 3 /* without a response; Linux ignores this number once there is a user timeout */
#define UNACKNOWLEDGED_MS 15000

#define TLS_ALERT 21
#define TLS_DATA 23
#define TLS_HEADER 5
#define TLS13_ALERT_SIZE 19 /* two bytes, the type and the tag; an HTTP/2 frame needs more */

#ifdef __linux__
uint64_t lsync_peer_bytes_received(int socket)
{
    struct tcp_info info;
    socklen_t size = sizeof info;

    memset(&info, 0, sizeof info); /* Linux before 4.1 fills less of it */
    return getsockopt(socket, IPPROTO_TCP, TCP_INFO, &info, &size) == 0 ? info.tcpi_bytes_received : 0;
}
#else
uint64_t lsync_peer_bytes_received(int socket)
{
    (void)socket;
    return 0;
}
#endif

/* Returns whether one of the pending TLS records is an alert, plain or encrypted. */
static bool has_alert(const unsigned char *bytes, size_t size)
{
    size_t at = 0;

    while (at + TLS_HEADER <= size) {
        const unsigned char *record = bytes + at;
        size_t record_size = (size_t)record[3] << 8 | record[4];

        if (record[0] == TLS_ALERT || (record[0] == TLS_DATA && record_size == TLS13_ALERT_SIZE))
            return true;
        at += TLS_HEADER + record_size;
    }
    return false;
}

bool lsync_peer_has_closed(int socket, bool tls, bool http2)
{
    struct pollfd p = {.fd = socket, .events = POLLIN};
    unsigned char bytes[1024]; /* data after the last response: few and short frames */
    ssize_t size;

#ifdef POLLRDHUP
    p.events |= POLLRDHUP;
#endif
    if (poll(&p, 1, 0) <= 0)
        return false;
    if ((p.revents & ~POLLIN) != 0 || !http2)
        return true;
    size = recv(socket, bytes, sizeof bytes, MSG_PEEK | MSG_DONTWAIT);
    return size == 0 || (tls && size > 0 && has_alert(bytes, (size_t)size));
}

void lsync_peer_shut_down(int socket)
{
    (void)shutdown(socket, SHUT_RDWR);
}

static void set(int socket, int level, int option, int value)
{
    (void)setsockopt(socket, level, option, &value, sizeof value);
}

void lsync_peer_watch(int socket)
{
    set(socket, SOL_SOCKET, SO_KEEPALIVE, 1);
#ifdef TCP_KEEPIDLE
    set(socket, IPPROTO_TCP, TCP_KEEPIDLE, KEEPALIVE_IDLE_S);
    set(socket, IPPROTO_TCP, TCP_KEEPINTVL, KEEPALIVE_INTERVAL_S);
    set(socket, IPPROTO_TCP, TCP_KEEPCNT, KEEPALIVE_PROBES);
#endif
}

void lsync_peer_limit_acknowledgement(int socket)
{
#ifdef TCP_USER_TIMEOUT
    set(socket, IPPROTO_TCP, TCP_USER_TIMEOUT, UNACKNOWLEDGED_MS);
#else
    (void)socket;
#endif
}
