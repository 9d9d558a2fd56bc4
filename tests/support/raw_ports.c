/* Ports that do not serve: one on which connecting never ends, and one on which nobody listens; see raw_server.h. */
#include "kit.h"
#include "raw_server.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int bound_socket(struct sockaddr_in *at)
{
    socklen_t size = sizeof *at;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    *at = (struct sockaddr_in){.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    if (fd < 0 || bind(fd, (const struct sockaddr *)at, size) != 0 ||
        getsockname(fd, (struct sockaddr *)at, &size) != 0)
        kit_die("cannot bind: %s", strerror(errno));
    return fd;
}

int raw_dead_port(uint16_t *port)
{
    struct sockaddr_in at;
    int fd = bound_socket(&at);

    *port = ntohs(at.sin_port);
    return fd;
}

/* Whether a connection comes about: at once, on loopback, or never. */
static bool connects(int fd, const struct sockaddr_in *at)
{
    struct pollfd wait_for = {fd, POLLOUT, 0};

    return connect(fd, (const struct sockaddr *)at, sizeof *at) == 0 || poll(&wait_for, 1, 100) > 0;
}

raw_full_port raw_full_port_open(void)
{
    struct sockaddr_in at;
    raw_full_port p = {.listener = bound_socket(&at)};
    bool full = false;

    if (listen(p.listener, 0) != 0)
        kit_die("cannot listen: %s", strerror(errno));
    p.port = ntohs(at.sin_port);
    (void)snprintf(p.url, sizeof p.url, "http://127.0.0.1:%u", p.port);
    while (!full) {
        if (p.count == sizeof p.fillers / sizeof *p.fillers)
            kit_die("a listening queue does not fill");
        p.fillers[p.count] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        full = !connects(p.fillers[p.count++], &at);
    }
    return p;
}

void raw_full_port_close(raw_full_port *p)
{
    for (size_t i = 0; i < p->count; i++)
        (void)close(p->fillers[i]);
    (void)close(p->listener);
}

bool raw_full_port_is_tried(void *port)
{
    const raw_full_port *p = port;
    char *table = kit_read_file("/proc/net/tcp");
    char remote[32];
    bool tried;

    (void)snprintf(remote, sizeof remote, "0100007F:%04X 02 ", p->port); /* 02: SYN sent */
    tried = kit_count(table, remote) > 1;                                /* the last filler, and another */
    free(table);
    return tried;
}
