/* The system's knowledge of the peer of a socket. */
#include "../support/decoding.h"
#include "transport/peer.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

typedef struct pair {
    int near;
    int far;
} pair;

static pair connect_pair(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct sockaddr *any = (struct sockaddr *)(void *)&address;
    socklen_t size = sizeof address;
    int listener = socket(AF_INET, SOCK_STREAM, 0);
    pair p = {.near = socket(AF_INET, SOCK_STREAM, 0)};

    MUST_INT(bind(listener, any, size), 0);
    MUST_INT(listen(listener, 1), 0);
    MUST_INT(getsockname(listener, any, &size), 0);
    MUST_INT(connect(p.near, any, size), 0);
    p.far = accept(listener, NULL, NULL);
    MUST(p.far >= 0);
    (void)close(listener);
    return p;
}

static void close_pair(pair p)
{
    (void)close(p.near);
    (void)close(p.far);
}

static void wait_for(int fd)
{
    struct pollfd arrived = {.fd = fd, .events = POLLIN};

    MUST_INT(poll(&arrived, 1, 10000), 1);
}

TEST(a_peer_has_closed)
{
    static const struct {
        const char *name;
        const char *bytes; /* in hexadecimal */
        bool ends;
        bool tls;
        bool http2;
        bool closed;
    } table[] = {
        {"nothing came", "", false, true, false, false},
        {"its end", "", true, false, false, true},
        {"its end over HTTP/2", "", true, true, true, true},
        {"a byte over HTTP/1.1", "48", false, false, false, true},
        {"a plain alert", "1503030002", false, true, true, true},
        {"an encrypted alert", "1703030013", false, true, true, true},
        {"an HTTP/2 frame", "170303001a", false, true, true, false},
        {"a longer record", "1703030113", false, true, true, false},
        {"half a record's head", "1703", false, true, true, false},
        {"a frame before an alert", "1703030002aabb1703030013", false, true, true, true},
        {"a frame before another", "1703030002aabb170303001a", false, true, true, false},
        {"a frame without TLS", "1503030002", false, false, true, false},
        {"a frame, and the end", "170303001a", true, true, true, true},
    };

    for (size_t i = 0; i < COUNT_OF(table); i++) {
        unsigned char bytes[16];
        size_t size = strlen(table[i].bytes) / 2;
        pair p = connect_pair();

        t_row("%s", table[i].name);
        for (size_t at = 0; at < size; at++)
            CHECK_INT(sscanf(table[i].bytes + 2 * at, "%2hhx", &bytes[at]), 1);
        CHECK_INT(send(p.far, bytes, size, MSG_NOSIGNAL), (ssize_t)size);
        if (table[i].ends)
            (void)shutdown(p.far, SHUT_WR);
        if (size > 0 || table[i].ends)
            wait_for(p.near);
        CHECK_INT(lsync_peer_has_closed(p.near, table[i].tls, table[i].http2), table[i].closed);
        close_pair(p);
    }
}

TEST(a_shut_down_connection_ends_for_both_peers)
{
    pair p = connect_pair();
    char byte;

    lsync_peer_shut_down(p.near);
    CHECK_INT(recv(p.near, &byte, 1, 0), 0);
    CHECK_INT(recv(p.far, &byte, 1, 0), 0);
    close_pair(p);
}

#ifdef __linux__
/* Returns whether the kernel, or what imitates it, reports more of a socket than a number. */
static bool reports_sockets(int fd)
{
    char info[256];
    socklen_t size = sizeof info;

    return getsockopt(fd, IPPROTO_TCP, TCP_INFO, info, &size) == 0 && size > sizeof(int);
}

TEST(bytes_are_counted)
{
    pair p = connect_pair();
    uint64_t before = lsync_peer_bytes_received(p.near);

    t_need(reports_sockets(p.near), "the system does not report the bytes of a socket");
    CHECK_INT(send(p.far, "abc", 3, MSG_NOSIGNAL), 3);
    wait_for(p.near);
    CHECK_INT(lsync_peer_bytes_received(p.near) - before, 3);
    CHECK_INT(lsync_peer_bytes_received(-1), 0);
    close_pair(p);
}
#endif

TEST(a_watched_socket_has_keepalive_and_a_limited_one_a_user_timeout)
{
    pair p = connect_pair();
    int on = 0;
    socklen_t size = sizeof on;

    lsync_peer_watch(p.near);
    CHECK_INT(getsockopt(p.near, SOL_SOCKET, SO_KEEPALIVE, &on, &size), 0);
    CHECK(on != 0);
    lsync_peer_limit_acknowledgement(p.near);
#ifdef TCP_USER_TIMEOUT
    CHECK_INT(getsockopt(p.near, IPPROTO_TCP, TCP_USER_TIMEOUT, &on, &size), 0);
    CHECK_INT(on, 15000);
#endif
    close_pair(p);
}
