/* TCP, and servers with a thread for each connection; see tcp.h. */
#include "tcp.h"
#include "kit.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

int tcp_bind(const char *address, uint16_t *port)
{
    struct sockaddr_in in = {.sin_family = AF_INET, .sin_port = htons(*port)};
    struct sockaddr_in6 in6 = {.sin6_family = AF_INET6, .sin6_port = htons(*port)};
    bool is_6 = inet_pton(AF_INET6, address, &in6.sin6_addr) == 1;
    struct sockaddr *at = is_6 ? (struct sockaddr *)&in6 : (struct sockaddr *)&in;
    socklen_t size = is_6 ? sizeof in6 : sizeof in;
    int fd = socket(at->sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);

    if ((!is_6 && inet_pton(AF_INET, address, &in.sin_addr) != 1) || fd < 0 || bind(fd, at, size) != 0 ||
        getsockname(fd, at, &size) != 0)
        kit_die("cannot bind to %s: %s", address, strerror(errno));
    *port = ntohs(is_6 ? in6.sin6_port : in.sin_port);
    return fd;
}

int tcp_listen(const char *address, uint16_t *port)
{
    int fd = tcp_bind(address, port);

    if (listen(fd, 512) != 0)
        kit_die("cannot listen: %s", strerror(errno));
    return fd;
}

int tcp_connect(uint16_t port)
{
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(port)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (fd < 0 || connect(fd, (const struct sockaddr *)&to, sizeof to) != 0)
        kit_die("cannot connect to port %u: %s", port, strerror(errno));
    return fd;
}

void tcp_nodelay(int fd)
{
    const int on = 1;

    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
}

void tcp_reset_at_close(int fd)
{
    const struct linger at_once = {1, 0};

    (void)setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
}

/* --- servers --- */

static void *serve(void *user)
{
    tcp_connection *c = user;
    tcp_server *s = c->server;

    s->serve(c);
    (void)pthread_mutex_lock(&s->mutex);
    (void)close(c->fd);
    s->closed_count++;
    if (s->closed != NULL)
        s->closed(c);
    (void)pthread_mutex_unlock(&s->mutex);
    return NULL;
}

static void accept_one(tcp_server *s)
{
    int fd = accept4(s->listener, NULL, NULL, SOCK_CLOEXEC);
    tcp_connection *c = fd < 0 ? NULL : kit_zeros(s->connection_size);

    if (fd < 0)
        return;
    (void)pthread_mutex_lock(&s->mutex);
    s->connections = kit_resize(s->connections, (s->count + 1) * sizeof(tcp_connection *));
    *c = (tcp_connection){.server = s, .number = s->count, .fd = fd};
    s->begin(c);
    s->connections[s->count++] = c;
    if (pthread_create(&c->thread, NULL, serve, c) != 0)
        kit_die("no thread for a connection");
    (void)pthread_mutex_unlock(&s->mutex);
}

static void *accept_all(void *user)
{
    tcp_server *s = user;
    struct pollfd on[2] = {{s->stopping, POLLIN, 0}, {s->listener, POLLIN, 0}};

    while (poll(on, 2, -1) > 0 && on[0].revents == 0)
        accept_one(s);
    return NULL;
}

void tcp_start(tcp_server *s, const char *address, uint16_t port)
{
    s->port = port;
    s->listener = tcp_listen(address, &s->port);
    s->stopping = eventfd(0, EFD_CLOEXEC);
    if (s->stopping < 0 || pthread_mutex_init(&s->mutex, NULL) != 0 ||
        pthread_create(&s->thread, NULL, accept_all, s) != 0)
        kit_die("no thread for a server");
}

void tcp_stop(tcp_server *s, void (*release)(tcp_connection *c))
{
    (void)eventfd_write(s->stopping, 1);
    (void)pthread_join(s->thread, NULL);
    for (size_t i = 0; i < s->count; i++) {
        (void)pthread_join(s->connections[i]->thread, NULL);
        if (release != NULL)
            release(s->connections[i]);
        free(s->connections[i]);
    }
    free(s->connections);
    (void)close(s->listener);
    (void)close(s->stopping);
    (void)pthread_mutex_destroy(&s->mutex);
}

size_t tcp_look(tcp_server *s, const size_t *counter)
{
    size_t value;

    (void)pthread_mutex_lock(&s->mutex);
    value = *counter;
    (void)pthread_mutex_unlock(&s->mutex);
    return value;
}
