/* A TCP relay; see relay.h. One thread waits for all connections; commands change them under the mutex and wake it. */
#include "relay.h"
#include "kit.h"
#include "tcp.h"

#include <errno.h>
#include <linux/filter.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#define NEVER INT64_MAX

/* Bytes that arrived together. */
typedef struct chunk {
    struct chunk *next;
    int64_t came_ms;
    size_t size;
    size_t sent;
    char data[];
} chunk;

/* One direction of a connection. */
typedef struct flow {
    int from;
    int to;
    chunk *first;
    chunk *last;
    int64_t sent_ms; /* when the last byte was sent */
    bool ended;      /* `from` has closed */
} flow;

typedef struct connection {
    flow flows[2]; /* from the client, from the server */
    relay_action action;
    unsigned number;
    bool closed;
} connection;

struct relay {
    int listener;
    int wake;
    uint16_t target;
    char url[64];
    pthread_t thread;
    pthread_mutex_t mutex;
    bool ended;
    connection **connections;
    size_t count;
    relay_action later;
    unsigned later_number;
};

/* --- one connection --- */

static void close_connection(connection *c, bool reset)
{
    if (c->closed)
        return;
    c->closed = true;
    if (reset)
        tcp_reset_at_close(c->flows[0].from);
    (void)close(c->flows[0].from);
    (void)close(c->flows[1].from);
    for (int i = 0; i < 2; i++)
        for (chunk *next, *at = c->flows[i].first; at != NULL; at = next) {
            next = at->next;
            free(at);
        }
}

/* Attaches a packet filter that drops every packet before TCP sees it, so that nothing is acknowledged. */
static bool filter_all(int fd)
{
    struct sock_filter none[] = {BPF_STMT(BPF_RET | BPF_K, 0)};
    const struct sock_fprog program = {1, none};

    return setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof program) == 0;
}

static void command(connection *c, relay_action action, unsigned number)
{
    if (c->closed)
        return;
    c->action = action;
    c->number = number;
    if (action == RELAY_FORGET && !filter_all(c->flows[0].from))
        kit_die("a relay cannot forget: %s", strerror(errno));
    if (action == RELAY_CLOSE || action == RELAY_RESET)
        close_connection(c, action == RELAY_RESET);
}

/* Returns when the first waiting byte may be forwarded. */
static int64_t due_ms(const connection *c, const flow *f)
{
    if (f->first == NULL || c->action == RELAY_HOLD || c->action == RELAY_FORGET)
        return NEVER;
    if (c->action == RELAY_DELAY)
        return f->first->came_ms + c->number;
    if (c->action == RELAY_TRICKLE && f == &c->flows[1])
        return f->sent_ms + c->number;
    return 0;
}

static void take_in(flow *f)
{
    char data[16384];
    ssize_t n = recv(f->from, data, sizeof data, MSG_DONTWAIT);
    chunk *c;

    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (n <= 0) {
        f->ended = true;
        return;
    }
    c = kit_zeros(sizeof *c + (size_t)n);
    *c = (chunk){.came_ms = kit_now_ms(), .size = (size_t)n};
    memcpy(c->data, data, (size_t)n);
    if (f->first == NULL)
        f->first = c;
    else
        f->last->next = c;
    f->last = c;
}

/* Sends the bytes that are due. False: the receiver is gone. */
static bool send_on(connection *c, flow *f)
{
    while (due_ms(c, f) <= kit_now_ms()) {
        chunk *at = f->first;
        bool single = c->action == RELAY_TRICKLE && f == &c->flows[1];
        ssize_t n = send(f->to, at->data + at->sent, single ? 1 : at->size - at->sent, MSG_NOSIGNAL | MSG_DONTWAIT);

        if (n < 0)
            return errno == EAGAIN || errno == EINTR;
        at->sent += (size_t)n;
        f->sent_ms = kit_now_ms();
        if (at->sent == at->size) {
            f->first = at->next;
            free(at);
        }
    }
    return true;
}

/* Moves bytes in both directions. Closes both sides at once if the client has closed, and after the last byte if the
   server has. */
static void serve(connection *c)
{
    for (int i = 0; i < 2 && !c->closed; i++) {
        flow *f = &c->flows[i];
        bool whole = send_on(c, f);
        bool stuck = c->action == RELAY_HOLD || c->action == RELAY_FORGET;

        if (!whole || (f->ended && (i == 0 || (!stuck && f->first == NULL))))
            close_connection(c, false);
    }
}

/* --- the loop --- */

static void accept_one(relay *r)
{
    int fd = accept4(r->listener, NULL, NULL, SOCK_CLOEXEC);
    connection *c = fd < 0 ? NULL : kit_zeros(sizeof *c);
    int up;

    if (fd < 0)
        return;
    r->connections = kit_resize(r->connections, (r->count + 1) * sizeof(connection *));
    up = tcp_connect(r->target);
    tcp_nodelay(fd);
    tcp_nodelay(up);
    c->flows[0] = (flow){.from = fd, .to = up};
    c->flows[1] = (flow){.from = up, .to = fd};
    r->connections[r->count++] = c;
    command(c, r->later, r->later_number);
}

/* Makes the poll entries: two of the relay, then two for each connection. *ms: how long to wait. */
static struct pollfd *waits(const relay *r, int *ms)
{
    struct pollfd *on = kit_zeros((2 + 2 * r->count) * sizeof *on);
    int64_t now = kit_now_ms();
    int64_t first = NEVER;

    on[0] = (struct pollfd){r->wake, POLLIN, 0};
    on[1] = (struct pollfd){r->listener, POLLIN, 0};
    for (size_t i = 0; i < 2 * r->count; i++) {
        const connection *c = r->connections[i / 2];
        const flow *f = &c->flows[i % 2];
        const flow *other = &c->flows[1 - i % 2];
        int64_t due = c->closed ? NEVER : due_ms(c, f);
        bool blocked = !c->closed && due_ms(c, other) <= now; /* it was due but not sent: `from` is full */
        short events = (short)((c->closed || f->ended ? 0 : POLLIN) | (blocked ? POLLOUT : 0));

        on[2 + i] = (struct pollfd){events == 0 ? -1 : f->from, events, 0};
        if (due > now && due < first)
            first = due;
    }
    *ms = first == NEVER ? -1 : (int)(first - now);
    return on;
}

static void *run(void *user)
{
    relay *r = user;

    (void)pthread_mutex_lock(&r->mutex);
    while (!r->ended) {
        int ms;
        size_t count = r->count;
        struct pollfd *on = waits(r, &ms);
        eventfd_t value;

        (void)pthread_mutex_unlock(&r->mutex);
        (void)poll(on, 2 + 2 * count, ms);
        (void)pthread_mutex_lock(&r->mutex);
        if (on[0].revents != 0)
            (void)eventfd_read(r->wake, &value);
        for (size_t i = 0; i < count; i++) {
            connection *c = r->connections[i];

            for (size_t j = 0; j < 2 && !c->closed; j++)
                if ((on[2 + 2 * i + j].revents & ~POLLOUT) != 0)
                    take_in(&c->flows[j]);
            serve(c);
        }
        if (on[1].revents != 0)
            accept_one(r);
        free(on);
    }
    (void)pthread_mutex_unlock(&r->mutex);
    return NULL;
}

/* --- life cycle --- */

relay *relay_start(uint16_t target)
{
    relay *r = kit_zeros(sizeof *r);
    uint16_t port = 0; /* any that is free */

    r->target = target;
    r->listener = tcp_listen("127.0.0.1", &port);
    r->wake = eventfd(0, EFD_CLOEXEC);
    (void)snprintf(r->url, sizeof r->url, "https://127.0.0.1:%u", port);
    if (r->wake < 0 || pthread_mutex_init(&r->mutex, NULL) != 0 || pthread_create(&r->thread, NULL, run, r) != 0)
        kit_die("no thread for a relay");
    return r;
}

void relay_stop(relay *r)
{
    if (r == NULL)
        return;
    (void)pthread_mutex_lock(&r->mutex);
    r->ended = true;
    (void)pthread_mutex_unlock(&r->mutex);
    (void)eventfd_write(r->wake, 1);
    (void)pthread_join(r->thread, NULL);
    for (size_t i = 0; i < r->count; i++) {
        close_connection(r->connections[i], r->connections[i]->action == RELAY_FORGET);
        free(r->connections[i]);
    }
    free(r->connections);
    (void)close(r->listener);
    (void)close(r->wake);
    (void)pthread_mutex_destroy(&r->mutex);
    free(r);
}

const char *relay_url(const relay *r)
{
    return r->url;
}

/* --- commands --- */

static void command_from(relay *r, size_t begin, size_t end, relay_action action, unsigned number)
{
    (void)pthread_mutex_lock(&r->mutex);
    for (size_t i = begin; i < end && i < r->count; i++)
        command(r->connections[i], action, number);
    (void)pthread_mutex_unlock(&r->mutex);
    (void)eventfd_write(r->wake, 1);
}

void relay_do(relay *r, relay_action action, unsigned number)
{
    command_from(r, 0, SIZE_MAX, action, number);
}

void relay_do_one(relay *r, size_t i, relay_action action, unsigned number)
{
    if (i >= relay_connections(r))
        kit_die("a relay has no connection %zu", i);
    command_from(r, i, i + 1, action, number);
}

void relay_do_later(relay *r, relay_action action, unsigned number)
{
    (void)pthread_mutex_lock(&r->mutex);
    r->later = action;
    r->later_number = number;
    (void)pthread_mutex_unlock(&r->mutex);
}

bool relay_can_forget(void)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    bool can = fd >= 0 && filter_all(fd);

    if (fd >= 0)
        (void)close(fd);
    return can;
}

/* --- what was seen --- */

size_t relay_connections(relay *r)
{
    size_t count;

    (void)pthread_mutex_lock(&r->mutex);
    count = r->count;
    (void)pthread_mutex_unlock(&r->mutex);
    return count;
}

size_t relay_open_connections(relay *r)
{
    size_t count = 0;

    (void)pthread_mutex_lock(&r->mutex);
    for (size_t i = 0; i < r->count; i++)
        count += !r->connections[i]->closed;
    (void)pthread_mutex_unlock(&r->mutex);
    return count;
}

typedef struct expectation {
    relay *relay;
    size_t count;
} expectation;

static bool has_open_connections(void *user)
{
    const expectation *e = user;

    return relay_open_connections(e->relay) == e->count;
}

void relay_wait_open_connections(relay *r, size_t count)
{
    expectation e = {r, count};

    if (!kit_wait(has_open_connections, &e, KIT_PATIENCE_MS))
        kit_die("a relay has %zu open connections instead of %zu", relay_open_connections(r), count);
}
