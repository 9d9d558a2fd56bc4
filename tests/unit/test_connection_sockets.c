/* Options of the sockets of connections, and the bytes that were received on them. The connections are over TCP to this
   process; nothing is sent through libcurl. */
#include "base/memory.h"
#include "../support/decoding.h"
#include "transport/connections.h"
#include "transport/status.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

/* The connections of an origin, and a response. */
typedef struct scene {
    lock_sync_allocator memory;
    lsync_connections connections;
    lock_sync_response response;
} scene;

static void begin(scene *x)
{
    MUST(lsync_allocator_init(&x->memory, NULL));
    lsync_connections_init(&x->connections, &x->memory, NULL);
    lsync_response_init(&x->response, &x->memory, 1000, 1);
}

static void end(scene *x)
{
    lsync_connections_release(&x->connections);
    lsync_response_release(&x->response);
}

static const lsync_route route = {.https = true, .max_idle_ms = 60000};
static const lock_sync_request request = {.route = &route, .send_until_us = INT64_MAX};

/* A request, and the two ends of its connection. */
typedef struct stream {
    lsync_transfer t;
    int near; /* -1: closed */
    int far;
    int port;
} stream;

/* Connects the socket that a transfer opens. */
static void connect_stream(stream *s, scene *x)
{
    struct sockaddr_in in = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct sockaddr *any = (struct sockaddr *)(void *)&in;
    struct curl_sockaddr address = {.family = AF_INET, .socktype = SOCK_STREAM};
    socklen_t size = sizeof in;
    int listener = socket(AF_INET, SOCK_STREAM, 0);

    *s = (stream){.t = {.request = &request, .response = &x->response, .connections = &x->connections}};
    s->near = lsync_on_open_socket(&s->t, CURLSOCKTYPE_IPCXN, &address);
    MUST(s->near >= 0);
    MUST_INT(bind(listener, any, size), 0);
    MUST_INT(listen(listener, 1), 0);
    MUST_INT(getsockname(listener, any, &size), 0);
    MUST_INT(connect(s->near, any, size), 0);
    s->far = accept(listener, NULL, NULL);
    MUST(s->far >= 0);
    (void)close(listener);
    MUST_INT(getsockname(s->near, any, &size), 0);
    s->port = ntohs(in.sin_port);
}

static int send_on(stream *s)
{
    char ip[] = "127.0.0.1";

    return lsync_on_send(&s->t, ip, ip, 443, s->port);
}

/* Lets `size` bytes arrive. */
static void receive(const stream *s, size_t size)
{
    char bytes[1024] = "";

    for (size_t n; size > 0; size -= n) {
        n = size < sizeof bytes ? size : sizeof bytes;
        MUST_INT(send(s->far, bytes, n, MSG_NOSIGNAL), (ssize_t)n);
        MUST_INT(recv(s->near, bytes, n, MSG_WAITALL), (ssize_t)n);
    }
}

static void close_stream(stream *s, scene *x)
{
    lsync_connection_leave(&s->t, false);
    if (s->near >= 0)
        CHECK_INT(lsync_on_close_socket(&x->connections, s->near), 0);
    (void)close(s->far);
}

static int option_of(int fd, int level, int option)
{
    int value = -1;
    socklen_t size = sizeof value;

    MUST_INT(getsockopt(fd, level, option, &value, &size), 0);
    return value;
}

/* The kernel would end a connect after this time too, although a longer one was asked for. */
TEST(the_time_for_an_acknowledgement_is_limited_once_a_socket_is_connected)
{
    scene x;
    stream s;

    begin(&x);
    connect_stream(&s, &x);
    CHECK(option_of(s.near, SOL_SOCKET, SO_KEEPALIVE) != 0);
#ifdef TCP_USER_TIMEOUT
    CHECK_INT(option_of(s.near, IPPROTO_TCP, TCP_USER_TIMEOUT), 0);
    CHECK_INT(send_on(&s), CURL_PREREQFUNC_OK);
    CHECK_INT(option_of(s.near, IPPROTO_TCP, TCP_USER_TIMEOUT), 15000);
#endif
    close_stream(&s, &x);
    end(&x);
}

#ifdef __linux__
/* Returns whether the kernel, or what imitates it, counts the bytes of a socket. */
static bool counts_bytes(const stream *s)
{
    char info[256];
    socklen_t size = sizeof info;

    return getsockopt(s->near, IPPROTO_TCP, TCP_INFO, info, &size) == 0 && size > sizeof(int);
}

/* The time of sending is moved back by an hour: the machine was suspended, and the kernel did not count that time. */
TEST(a_connection_is_dead_if_nothing_came_after_the_request)
{
    static const struct {
        const char *name;
        size_t before;
        size_t after;
        bool out_of_time;
        bool dead;
    } table[] = {
        {"nothing ever came", 0, 0, true, true},
        {"something came before the request", 1, 0, true, true},
        {"something came after it", 1, 1, true, false},
        {"there is time left", 1, 0, false, false},
    };

    for (size_t i = 0; i < COUNT_OF(table); i++) {
        scene x;
        stream s;

        t_row("%s", table[i].name);
        begin(&x);
        connect_stream(&s, &x);
        t_need(counts_bytes(&s), "the system does not report the bytes of a socket");
        receive(&s, table[i].before);
        CHECK_INT(send_on(&s), CURL_PREREQFUNC_OK);
        s.t.events.sent_us -= INT64_C(3600000000);
        receive(&s, table[i].after);
        lsync_connection_leave(&s.t, table[i].out_of_time);
        CHECK_INT(x.connections.listed[0].connection->is_dead, table[i].dead);
        close_stream(&s, &x);
        end(&x);
    }
}

/* libcurl before 8.6 reports a header line that is too long as out of memory. Another connection of the origin may be
   closed in the same pass of the loop. */
TEST(the_bytes_of_a_closed_connection_distinguish_a_long_header_line_from_lack_of_memory)
{
    static const struct {
        const char *name;
        size_t before; /* the request */
        size_t after;
        lock_sync_status status;
    } table[] = {
        {"a long line", 0, 102400, LOCK_SYNC_E_TOO_LARGE},
        {"a shorter one", 0, 102399, LOCK_SYNC_E_NO_MEMORY},
        {"earlier responses were long", 102400, 10, LOCK_SYNC_E_NO_MEMORY},
    };

    for (size_t i = 0; i < COUNT_OF(table) * 2; i++) {
        scene x;
        stream s;
        stream other;

        t_row("%s, %zu", table[i / 2].name, i % 2);
        begin(&x);
        connect_stream(&s, &x);
        connect_stream(&other, &x);
        t_need(counts_bytes(&s), "the system does not report the bytes of a socket");
        CHECK_INT(send_on(&other), CURL_PREREQFUNC_OK);
        receive(&s, table[i / 2].before);
        CHECK_INT(send_on(&s), CURL_PREREQFUNC_OK);
        receive(&s, table[i / 2].after);
        receive(&other, i % 2 == 0 ? 0 : 204800);
        CHECK_INT(lsync_on_close_socket(&x.connections, s.near), 0);
        CHECK_INT(lsync_on_close_socket(&x.connections, other.near), 0);
        s.near = other.near = -1;
        CHECK_INT(lsync_status_of_curl(&s.t, CURLE_OUT_OF_MEMORY), table[i / 2].status);
        close_stream(&other, &x);
        close_stream(&s, &x);
        end(&x);
    }
}
#endif
