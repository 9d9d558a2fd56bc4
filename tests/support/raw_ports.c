/* Ports without a server: on one connecting never ends, on the other no program listens; see raw_server.h. */
#include "kit.h"
#include "raw_server.h"
#include "tcp.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int raw_dead_port(uint16_t *port)
{
    *port = 0;
    return tcp_bind("127.0.0.1", port);
}

#define FIRST_PORT 10000
#define OUTGOING_PORT 32768 /* the first port of outgoing connections, where the system does not say it */
#define PORT_TRIES 100

static bool is_free(uint16_t port)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK), .sin_port = htons(port)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    bool free = fd >= 0 && bind(fd, (const struct sockaddr *)&at, sizeof at) == 0;

    if (fd >= 0)
        (void)close(fd);
    return free;
}

uint16_t raw_server_port(void)
{
    char *range = kit_read_file("/proc/sys/net/ipv4/ip_local_port_range");
    long end = range[0] != '\0' ? strtol(range, NULL, 10) : OUTGOING_PORT;
    uint16_t port = 0;

    free(range);
    for (int i = 0; end > FIRST_PORT + PORT_TRIES && i < PORT_TRIES; i++) {
        uint32_t random;

        if (getentropy(&random, sizeof random) != 0)
            kit_die("no random number: %s", strerror(errno));
        port = (uint16_t)(FIRST_PORT + random % (uint32_t)(end - FIRST_PORT));
        if (is_free(port))
            return port;
    }
    (void)close(raw_dead_port(&port)); /* this system has no other ports */
    return port;
}

/* Returns whether a connection is made: on loopback at once or never. */
static bool connects(int fd, const struct sockaddr_in *at)
{
    struct pollfd wait_for = {fd, POLLOUT, 0};

    return connect(fd, (const struct sockaddr *)at, sizeof *at) == 0 || poll(&wait_for, 1, 100) > 0;
}

raw_full_port raw_full_port_open(void)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    raw_full_port p = {.count = 0};
    bool full = false;

    p.listener = tcp_bind("127.0.0.1", &p.port);
    at.sin_port = htons(p.port);
    if (listen(p.listener, 0) != 0)
        kit_die("cannot listen: %s", strerror(errno));
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

/* Looks in the kernel's table for a socket that waits for the port. The last filler waits for the port too. The table
   may list it twice, because sockets come and go while it is read. */
bool raw_full_port_is_tried(void *port)
{
    const raw_full_port *p = port;
    struct sockaddr_in own;
    socklen_t size = sizeof own;
    char *table = kit_read_file("/proc/net/tcp");
    char waits[32], filler[48];
    bool tried;

    if (getsockname(p->fillers[p->count - 1], (struct sockaddr *)&own, &size) != 0)
        kit_die("no address of a socket: %s", strerror(errno));
    (void)snprintf(waits, sizeof waits, "0100007F:%04X 02 ", p->port); /* 02: SYN sent */
    (void)snprintf(filler, sizeof filler, "0100007F:%04X %s", ntohs(own.sin_port), waits);
    tried = kit_count(table, waits) > kit_count(table, filler);
    free(table);
    return tried;
}
