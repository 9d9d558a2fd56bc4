/* The connections of transfers; see connections.h. */
#include "transport/connections.h"
#include "base/clock.h"
#include "base/memory.h"
#include "transport/quirks.h"
#include "transport/peer.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define RESPONSES_REMEMBERED 4000 /* at this count the counters are halved, so that older responses count less */
#define RESPONSES_FOR_A_STREAM 64 /* after so many responses on a connection one more stream is tried */

/* --- the list of connections --- */

void lsync_connections_init(lsync_connections *s, const lock_sync_allocator *memory, lsync_socket_owner *owner)
{
    *s = (lsync_connections){.memory = memory, .owner = owner, .presumed_streams = LSYNC_STREAMS_PRESUMED};
}

void lsync_connections_forget(lsync_connections *s)
{
    s->presumed_streams = LSYNC_STREAMS_PRESUMED;
    s->http2 = s->wants_http1 = false;
    s->responses = s->retries = 0;
}

static void count_sockets(const lsync_connections *s, int change)
{
    if (s->owner != NULL)
        s->owner->sockets += (uint32_t)change;
}

void lsync_connections_release(lsync_connections *s)
{
    count_sockets(s, -(int)s->count);
    while (s->count > 0)
        lsync_free(s->memory, s->listed[--s->count].connection);
    lsync_free(s->memory, s->listed);
    lsync_connections_init(s, s->memory, s->owner);
}

/* Returns the position of a socket in the list; s->count if it is not in the list. */
static size_t place_of(const lsync_connections *s, int fd)
{
    size_t i = 0;

    while (i < s->count && s->listed[i].connection->fd != fd)
        i++;
    return i;
}

static void drop(lsync_connections *s, size_t place)
{
    lsync_connection *c = s->listed[place].connection;

    s->open -= s->listed[place].key != 0;
    s->listed[place] = s->listed[--s->count];
    count_sockets(s, -1);
    c->fd = -1;
    if (c->active == 0)
        lsync_free(s->memory, c);
}

static bool reserve_entry(lsync_connections *s)
{
    size_t capacity = s->capacity == 0 ? 4 : s->capacity * 2;
    lsync_listed *listed;

    if (s->count < s->capacity)
        return true;
    listed = lsync_realloc(s->memory, s->listed, capacity * sizeof *listed);
    if (listed == NULL)
        return false;
    s->listed = listed;
    s->capacity = capacity;
    return true;
}

/* Adds a socket to the list. Without memory the connection stays unknown: it is not counted and its state is not
   checked. */
static void add(lsync_connections *s, int fd, const lsync_transfer *opener)
{
    lsync_connection *c = reserve_entry(s) ? lsync_alloc(s->memory, sizeof *c) : NULL;

    if (c == NULL) {
        s->is_miscounted = true;
        return;
    }
    *c = (lsync_connection){.fd = fd, .opener = opener, .streams = s->presumed_streams};
    s->listed[s->count++] = (lsync_listed){0, c};
    count_sockets(s, 1);
}

static int port_of(int fd)
{
    struct sockaddr_storage address;
    struct sockaddr_in in;
    socklen_t size = sizeof address;

    memset(&address, 0, sizeof address);
    if (getsockname(fd, (struct sockaddr *)(void *)&address, &size) != 0)
        return 0;
    memcpy(&in, &address, sizeof in); /* an IPv6 address has its port in the same place */
    return ntohs(in.sin_port);
}

/* Returns a key that distinguishes the connections to one origin. The address is part of it because connections to
   several addresses can share a local port. Never 0. */
static uint64_t key_of(const char *remote_ip, int local_port)
{
    uint64_t hash = UINT64_C(14695981039346656037); /* FNV-1a */

    for (; *remote_ip != '\0'; remote_ip++)
        hash = (hash ^ (unsigned char)*remote_ip) * UINT64_C(1099511628211);
    return hash << 16 | (uint16_t)local_port;
}

/* Returns the connection that libcurl is about to send on; NULL if it is not in the list. */
static lsync_connection *connection_at(lsync_connections *s, const char *remote_ip, int local_port)
{
    uint64_t key = key_of(remote_ip, local_port);

    for (size_t i = 0; i < s->count; i++)
        if (s->listed[i].key == key)
            return s->listed[i].connection;
    for (size_t i = 0; i < s->count; i++) {
        lsync_connection *c = s->listed[i].connection;

        if (s->listed[i].key == 0 && port_of(c->fd) == local_port) {
            s->listed[i].key = key;
            c->opener = NULL;
            s->open++;
            lsync_peer_limit_acknowledgement(c->fd);
            return c;
        }
    }
    return NULL;
}

/* Drops the sockets of a transfer that did not connect. libcurl 7.88 does not report that it closes such a socket, and
   its number may be reused by now; see quirks.h. */
static void forget_unconnected(lsync_connections *s, const lsync_transfer *opener)
{
    for (size_t i = s->count; i-- > 0;)
        if (s->listed[i].key == 0 && s->listed[i].connection->opener == opener)
            drop(s, i);
}

/* --- resends by libcurl --- */

/* Returns whether the connection is known or presumed to speak HTTP/2. Only HTTP/2 carries several requests at once.
   Only with HTTP/2 does libcurl retry a request that it sent on a new connection. */
static bool is_http2(const lsync_transfer *t)
{
    const lsync_connection *c = t->events.connection;

    return t->request->route->https && (t->connections->http2 || t->events.is_new || (c != NULL && c->active > 1));
}

bool lsync_connection_is_dead(const lsync_transfer *t)
{
    return t->events.is_dead || (t->events.connection != NULL && t->events.connection->is_dead);
}

static int stop(lsync_transfer *t, lock_sync_status why)
{
    t->stopped = why;
    return CURL_PREREQFUNC_ABORT;
}

/* Detaches the request from its connection. */
static void leave_connection(lsync_transfer *t)
{
    lsync_connection *c = t->events.connection;

    t->events.connection = NULL;
    if (c == NULL || --c->active > 0)
        return;
    c->idle_since_us = lsync_clock_boot_us();
    if (c->fd < 0)
        lsync_free(t->connections->memory, c);
}

/* Ends an attempt because libcurl is about to retry the request. If the connection is still open, the server has
   refused the request's stream. If that happens before the first response, there were too many streams on the
   connection. Then fewer are presumed for new connections. */
static int abort_resend(lsync_transfer *t)
{
    lsync_connections *s = t->connections;
    lsync_connection *c = t->events.connection;
    bool is_open = c != NULL && c->fd >= 0;

    t->events.aborted_resend = true;
    t->events.is_dead = c != NULL && c->is_dead;
    t->events.wants_http1 = !t->events.is_dead && lsync_quirk_wants_http1(t->error_text, t->events.is_new);
    t->events.is_http2 = is_http2(t);
    t->events.refused = LSYNC_REFUSED_UNKNOWN;
    if (is_open && t->events.is_http2 && !t->events.wants_http1 && !lsync_peer_has_closed(c->fd, true, true))
        t->events.refused = LSYNC_REFUSED_YES;
    if (t->events.refused == LSYNC_REFUSED_YES) {
        c->is_ending = true;
        if (c->responses == 0 && c->active > 1 && c->active <= s->presumed_streams)
            s->presumed_streams = c->active - 1;
    }
    leave_connection(t);
    return stop(t, LOCK_SYNC_E_NETWORK);
}

/* --- opening and closing --- */

int lsync_on_close_socket(void *user, curl_socket_t socket)
{
    lsync_connections *s = user;
    size_t place = place_of(s, socket);

    if (s->owner != NULL && s->owner->closing != NULL)
        s->owner->closing(s->owner, socket);
    if (place < s->count) {
        s->listed[place].connection->received = lsync_peer_bytes_received(socket);
        drop(s, place);
    }
    return close(socket);
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

/* Returns whether a descriptor is left. TLS opens the CA file while the socket is open; without a descriptor it would
   report that the file is bad. */
static bool has_free_descriptor(curl_socket_t socket)
{
    int copy = fcntl(socket, F_DUPFD_CLOEXEC, 0);

    if (copy >= 0)
        (void)close(copy);
    return copy >= 0;
}

/* Records that no connection has a free stream now. */
static void record_no_free_stream(lsync_transfer *t)
{
    lsync_connections *s = t->connections;

    t->events.no_free_stream = true;
    for (size_t i = 0; i < s->count; i++) {
        lsync_connection *c = s->listed[i].connection;

        c->streams = c->streams > c->active ? c->active : c->streams;
    }
}

/* Opens a socket, unless the request must not connect. Plain http is allowed for "localhost" because it is this
   machine. Any other address, which a changed configuration or a name server may return, is rejected. Child processes
   do not inherit the socket. */
curl_socket_t lsync_on_open_socket(void *user, curlsocktype purpose, struct curl_sockaddr *address)
{
    lsync_transfer *t = user;
    const lsync_route *route;
    curl_socket_t made;

    (void)purpose;
    if (t->request == NULL) /* the attempt is over */
        return CURL_SOCKET_BAD;
    route = t->request->route;
    if (t->events.sent_us != 0) {
        (void)abort_resend(t);
        return CURL_SOCKET_BAD;
    }
    if (t->connecting == LSYNC_CONNECTS_NEVER) { /* libcurl wants to open another connection */
        record_no_free_stream(t);
        return CURL_SOCKET_BAD;
    }
    if (!route->https && route->loopback && !is_loopback_address(&address->addr))
        return CURL_SOCKET_BAD;
    made = socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
    if (made >= 0 && route->https && !has_free_descriptor(made)) {
        (void)close(made);
        made = CURL_SOCKET_BAD;
    }
    if (made >= 0) {
        t->events.opened++;
        lsync_peer_watch(made);
        if (t->connections->owner != NULL && t->connections->owner->opened != NULL)
            t->connections->owner->opened(t->connections->owner, made);
        add(t->connections, made, t);
    }
    return made;
}

/* --- sending --- */

void lsync_connections_end_closed(lsync_connections *s)
{
    if (!s->http2 || (s->owner != NULL && s->owner->passes == s->checked_pass))
        return;
    if (s->owner != NULL)
        s->checked_pass = s->owner->passes;
    for (size_t i = 0; i < s->count; i++) {
        const lsync_connection *c = s->listed[i].connection;

        if (s->listed[i].key != 0 && c->active == 0 && lsync_peer_has_closed(c->fd, true, true))
            lsync_peer_shut_down(c->fd);
    }
}

/* Returns whether a kept connection must not be used: it is dead, was idle for too long, or is closed. libcurl checks
   the idle time too, but in whole seconds, and with a clock that stops while the machine is suspended. */
static bool is_unusable(const lsync_transfer *t, const lsync_connection *c, int64_t now_us)
{
    const lsync_route *route = t->request->route;

    if (t->events.opened > 0 || c->active > 0)
        return c->is_dead;
    if (c->idle_since_us != 0 && now_us - c->idle_since_us > route->max_idle_ms * 1000)
        return true;
    return (route->https || t->trusts_idle) && lsync_peer_has_closed(c->fd, route->https, t->connections->http2);
}

/* Returns whether a new connection carries as many requests as it is presumed to allow. libcurl lets requests that must
   share a connection wait for one that is being made, and then puts all of them on it at once. They may be too many for
   a connection whose limit on streams is not known yet. */
static bool is_crowded(const lsync_transfer *t, const lsync_connection *c)
{
    return t->connecting == LSYNC_CONNECTS_NEVER && c->responses == 0 && c->active >= t->connections->presumed_streams;
}

/* Lets libcurl send the request once, because one slot allows one request. If libcurl is about to retry it, ends the
   attempt; then retry.h decides. */
int lsync_on_send(void *user, char *remote_ip, char *local_ip, int remote_port, int local_port)
{
    lsync_transfer *t = user;
    lsync_connections *s = t->connections;
    lsync_connection *c;
    int64_t now_us = lsync_clock_boot_us();

    (void)local_ip, (void)remote_port;
    if (t->events.sent_us != 0)
        return abort_resend(t);
    c = connection_at(s, remote_ip, local_port); /* now connected: libcurl keeps it even if nothing is sent */
    if (now_us > t->request->send_until_us)      /* after a pause of the process the slot's lease may be over */
        return stop(t, LOCK_SYNC_E_TIMEOUT);
    if (c != NULL && is_unusable(t, c, now_us)) {
        t->events.unsent = true;
        lsync_peer_shut_down(c->fd); /* libcurl would keep an HTTP/2 connection */
        lsync_quirk_end_connection(t->easy);
        return stop(t, LOCK_SYNC_E_NETWORK);
    }
    if (c != NULL && is_crowded(t, c)) {
        record_no_free_stream(t);
        return CURL_PREREQFUNC_ABORT;
    }
    if (c != NULL) {
        c->active++;
        t->events.connection = c;
        t->events.received = lsync_peer_bytes_received(c->fd);
    }
    t->events.sent_us = now_us;
    t->events.is_new = t->events.opened > 0 || (c != NULL && c->responses == 0);
    t->attempts.sends++;
    return CURL_PREREQFUNC_OK;
}

/* --- responses and limits --- */

bool lsync_connections_are_below_limit(const lsync_connections *s)
{
    return s->owner == NULL || s->open < s->owner->per_origin;
}

void lsync_connections_record_response(lsync_connections *s, bool http2)
{
    s->http2 = http2;
    if (++s->responses == RESPONSES_REMEMBERED) {
        s->responses /= 2;
        s->retries /= 2;
    }
}

/* Counts a response. After the first one libcurl knows the server's limit on streams, and the presumed limit no longer
   applies. record_no_free_stream() may lower the number later. Then it is raised slowly, because the shortage may have
   been temporary. */
static void count_response(lsync_connection *c)
{
    if (c->responses++ == 0)
        c->streams = LSYNC_STREAMS_MAX;
    else if (c->responses % RESPONSES_FOR_A_STREAM == 0 && c->streams < LSYNC_STREAMS_MAX)
        c->streams++;
}

static bool takes_streams(const lsync_listed *listed)
{
    return listed->key != 0 && !listed->connection->is_ending && !listed->connection->is_dead;
}

bool lsync_connections_are_confirmed(const lsync_connections *s)
{
    for (size_t i = 0; i < s->count; i++)
        if (s->listed[i].connection->responses == 0)
            return false;
    return s->count > 0;
}

uint32_t lsync_connections_streams(const lsync_connections *s)
{
    uint32_t streams = 0;

    for (size_t i = 0; i < s->count; i++)
        streams += takes_streams(&s->listed[i]) ? s->listed[i].connection->streams : 0;
    return streams;
}

void lsync_connection_leave(lsync_transfer *t, bool out_of_time)
{
    lsync_connection *c = t->events.connection;

    if (c != NULL && c->fd >= 0) {
        if (t->events.has_response)
            count_response(c);
        if (out_of_time && lsync_peer_bytes_received(c->fd) == t->events.received) {
            c->is_dead = true;
            lsync_peer_shut_down(c->fd);
        }
    }
    leave_connection(t);
    if (t->events.opened > 0)
        forget_unconnected(t->connections, t);
}
