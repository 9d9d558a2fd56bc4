/* Virtual connections, and which of them a request may use; see network.h. Each has a socket without a peer, which
   the library opens and closes. */
#include "network.h"

#include "transport/connections.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

static struct {
    uint32_t opened; /* number of connections so far */
    connection *of_fd[FD_SETSIZE];
} sockets;

void connection_begin(void)
{
    memset(&sockets, 0, sizeof sockets);
}

connection *connection_of(int fd)
{
    return fd >= 0 && fd < FD_SETSIZE ? sockets.of_fd[fd] : NULL;
}

/* Checks the library's count of open connections. When memory was short it may miss some. */
static void check_count(const multi *m, const lsync_connections *s)
{
    uint32_t count = 0;

    for (const connection *c = m->connections; c != NULL; c = c->next)
        count += c->list == s && c->is_counted;
    if (s->open != count && !sim.memory_failed)
        violation("%u connections are open, but the library counts %u", (unsigned)count, (unsigned)s->open);
}

void connection_close(connection *c)
{
    connection **place = &c->m->connections;

    if (c->users != 0)
        violation("connection %u is closed while it is used", (unsigned)c->number);
    while (*place != c)
        place = &(*place)->next;
    *place = c->next;
    (void)lsync_on_close_socket(c->list, c->fd);
    check_count(c->m, c->list);
    sockets.of_fd[c->fd] = NULL;
    trace("connection %u is closed", (unsigned)c->number);
    free(c);
}

void connection_close_all(multi *m)
{
    while (m->connections != NULL)
        connection_close(m->connections);
}

/* Makes the library open a socket. Its port identifies it. The other end is virtual. */
connection *connection_open(easy *e)
{
    struct sockaddr_in in = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct curl_sockaddr address = {.family = AF_INET, .socktype = SOCK_DGRAM, .addrlen = sizeof in};
    socklen_t size = sizeof in;
    connection *c;
    int fd;

    memcpy(&address.addr, &in, sizeof in);
    fd = lsync_on_open_socket(e->t, CURLSOCKTYPE_IPCXN, &address);
    if (fd == CURL_SOCKET_BAD)
        return NULL;
    c = calloc(1, sizeof *c);
    if (c == NULL || fd >= FD_SETSIZE || bind(fd, (struct sockaddr *)(void *)&in, sizeof in) != 0 ||
        getsockname(fd, (struct sockaddr *)(void *)&in, &size) != 0)
        abort();
    c->number = ++sockets.opened;
    c->m = e->m;
    c->list = e->t->connections;
    c->fd = fd;
    c->port = ntohs(in.sin_port);
    c->origin = e->client->plan->origin;
    c->http2 = sim.plan->origins[c->origin].http2 && !c->list->wants_http1;
    c->closes_us = NEVER_US;
    c->next = e->m->connections;
    e->m->connections = c;
    sockets.of_fd[fd] = c;
    return c;
}

static uint32_t streams_of(const connection *c)
{
    if (!c->http2)
        return 1;
    return c->responses == 0 ? LSYNC_STREAMS_MAX : sim.plan->origins[c->origin].streams;
}

bool connection_is_dead(const connection *c)
{
    return c->is_shut || c->closes_us <= clock_now_us();
}

/* Returns whether libcurl notices that the connection is dead. It uses some dead ones with TLS, and some that it
   trusts. */
static bool is_found_dead(const easy *e, const connection *c)
{
    dice d = dice_of(sim.plan->seed, 20, (uint64_t)c->number * 100 + c->responses);
    bool looks = !e->t->request->route->https && !e->t->trusts_idle;

    return c->is_shut || (connection_is_dead(c) && (looks || dice_one_in(&d, 2))) ||
           clock_monotonic_us() - c->used_us > e->t->request->route->max_idle_ms * 1000;
}

static connection *check_trust(connection *c)
{
    if (c->is_suspect && !sim.memory_failed) /* when memory was short the library may not know it */
        violation("connection %u was silent until a deadline, and is used again", (unsigned)c->number);
    return c;
}

/* Returns one that the request may use now, or NULL. */
connection *connection_find(const easy *e)
{
    connection *next;

    for (connection *c = e->m->connections; c != NULL; c = next) {
        next = c->next;
        if (c->list != e->t->connections || !c->is_ready)
            continue;
        if (c->users == 0 && is_found_dead(e, c))
            connection_close(c);
        else if (!c->is_shut && !c->sent_goaway && c->users < streams_of(c))
            return check_trust(c);
    }
    return NULL;
}

/* Counts the connections to the origin of a request, or all. */
static uint32_t count_connections(const multi *m, const lsync_connections *only)
{
    uint32_t count = 0;

    for (const connection *c = m->connections; c != NULL; c = c->next)
        count += only == NULL || c->list == only;
    return count;
}

bool connection_has_room(const multi *m, const easy *e)
{
    return count_connections(m, e->t->connections) < m->loop->owner.per_origin &&
           count_connections(m, NULL) < m->loop->total;
}

/* Closes an idle connection to make room, as libcurl does; one of the same origin if that has too many. */
void connection_make_room(const multi *m, const easy *e)
{
    connection *oldest = NULL;
    uint32_t own = count_connections(m, e->t->connections);

    for (connection *c = m->connections; c != NULL; c = c->next)
        if (c->users == 0 && (c->list == e->t->connections || own < m->loop->owner.per_origin) &&
            (oldest == NULL || c->used_us < oldest->used_us))
            oldest = c;
    if (oldest != NULL)
        connection_close(oldest);
}

bool connection_is_being_made(const easy *e)
{
    for (const connection *c = e->m->connections; c != NULL; c = c->next)
        if (c->list == e->t->connections && !c->is_ready)
            return true;
    return false;
}
