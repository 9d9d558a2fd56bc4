/* Connections of transfers: which are opened, what may be sent on them, and how often; see curl_sockets.h. */
#include "transport/curl_sockets.h"
#include "base/clock.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#ifdef __linux__
#  include <linux/tcp.h>
#endif

#define ANSWERS_TELLING 400     /* fewer do not tell how a server treats its connections */
#define ANSWERS_REMEMBERED 4000 /* older ones count less and less */
#define REPEATS_FEW 8           /* one in so many answers */

/* Bytes that a socket has received in its life; 0 where the system does not tell. */
static uint64_t bytes_received(curl_socket_t socket)
{
#ifdef __linux__
    struct tcp_info info;
    socklen_t size = sizeof info;

    memset(&info, 0, sizeof info);
    return getsockopt(socket, IPPROTO_TCP, TCP_INFO, &info, &size) == 0 ? info.tcpi_bytes_received : 0;
#else
    (void)socket;
    return 0;
#endif
}

/* Tells a header line beyond libcurl's limit from a lack of memory: both end a transfer with one code, and the
   socket. */
int lsync_on_close_socket(void *user, curl_socket_t socket)
{
    lsync_sockets *sockets = user;

    sockets->closed_bytes = bytes_received(socket);
    if (sockets->owner != NULL)
        sockets->owner->closing(sockets, socket);
    return close(socket);
}

bool lsync_repeats_alone(const lsync_sockets *s)
{
    bool early = s->answers < ANSWERS_TELLING || s->repeats > s->answers / REPEATS_FEW;
    bool room = s->owner == NULL || s->owner->transfers / LSYNC_STREAMS_MAX + 1 < s->owner->per_host;

    return room && early && (s->http2 || s->answers == 0);
}

/* One slot, one request: on a reused connection that was closed unanswered libcurl sends again, unasked. Over HTTP/2,
   where a server refuses what it has not looked at, that is allowed once, and is counted. */
int lsync_on_send(void *user, char *remote_ip, char *local_ip, int remote_port, int local_port)
{
    lsync_transfer *t = user;

    (void)remote_ip, (void)local_ip, (void)remote_port, (void)local_port;
    if (lsync_clock_boot_us() > t->request->send_until_us) { /* stopped, or asleep: others count on the slot's end */
        t->stopped = LOCK_SYNC_E_TIMEOUT;
        return CURL_PREREQFUNC_ABORT;
    }
    if (++t->sends == 1) {
        if (lsync_repeats_alone(t->sockets))
            (void)curl_easy_setopt(t->easy, CURLOPT_FRESH_CONNECT, 1L);
        return CURL_PREREQFUNC_OK;
    }
    if (t->sends == 2 && t->sockets->http2)
        return CURL_PREREQFUNC_OK;
    t->sends--; /* this one is not sent */
    t->stopped = LOCK_SYNC_E_NETWORK;
    return CURL_PREREQFUNC_ABORT;
}

static bool is_loopback_address(const struct sockaddr *address)
{
    if (address->sa_family == AF_INET) {
        struct sockaddr_in in;

        memcpy(&in, address, sizeof in);
        return ntohl(in.sin_addr.s_addr) >> 24 == 127;
    }
    if (address->sa_family == AF_INET6) {
        struct sockaddr_in6 in6;

        memcpy(&in6, address, sizeof in6);
        return IN6_IS_ADDR_LOOPBACK(&in6.sin6_addr);
    }
    return false;
}

/* TLS will open the CA file beside the socket: without a descriptor left it would say that the file is bad. */
static bool has_spare_descriptor(curl_socket_t socket)
{
    int spare = fcntl(socket, F_DUPFD_CLOEXEC, 0);

    if (spare >= 0)
        (void)close(spare);
    return spare >= 0;
}

/* "localhost" is trusted with plain http because it is this machine: an address elsewhere (a changed hosts file, a name
   server's answer) is refused. Sockets do not leak into child processes. */
curl_socket_t lsync_on_open_socket(void *user, curlsocktype purpose, struct curl_sockaddr *address)
{
    lsync_transfer *t = user;
    const lsync_route *route = t->request == NULL ? NULL : t->request->route;
    curl_socket_t made;

    (void)purpose;
    if (route != NULL && !route->https && route->loopback && !is_loopback_address(&address->addr))
        return CURL_SOCKET_BAD;
    made = socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
    if (made >= 0 && route != NULL && route->https && !has_spare_descriptor(made)) {
        (void)close(made);
        made = CURL_SOCKET_BAD;
    }
    if (made >= 0) {
        t->opened++;
        if (t->sockets->owner != NULL)
            t->sockets->owner->opened(t->sockets, made);
    }
    return made;
}

void lsync_sockets_learn(lsync_sockets *sockets, bool http2)
{
    sockets->http2 = http2;
    if (++sockets->answers == ANSWERS_REMEMBERED) {
        sockets->answers /= 2;
        sockets->repeats /= 2;
    }
}
