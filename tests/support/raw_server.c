/* A scripted TCP server; see raw_server.h. Each wait watches the server's two event descriptors too, so that raw_stop()
   and raw_release() take effect at once. */
#include "raw_server.h"
#include "kit.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define BODY                                                                                                           \
    "{\"result\":[{\"id\":1001,\"isConnected\":true,\"deviceState\":{\"state\":6,\"batteryLevel\":80}},"               \
    "{\"id\":1002,\"isConnected\":true,\"deviceState\":{\"state\":2}}]}"
#define BODY_ONE "{\"result\":{\"id\":1001,\"isConnected\":true,\"deviceState\":{\"state\":6}}}"
#define HEADER "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: "

const char raw_good_body[] = BODY;
const char raw_good_answer[] = HEADER "144\r\n\r\n" BODY;
static const char good_answer_for_one[] = HEADER "67\r\n\r\n" BODY_ONE;
_Static_assert(sizeof BODY - 1 == 144 && sizeof BODY_ONE - 1 == 67, "the Content-Length of the good answers");

typedef struct connection {
    raw_server *server;
    pthread_t thread;
    int fd;
    const raw_step *script; /* NULL: good answers for ever */
    char *text;             /* what came in; under the server's mutex */
    size_t size;
    size_t line; /* where the request read last begins, */
    size_t seen; /* and where it ends */
    bool gone;   /* the client closed */
} connection;

struct raw_server {
    int listener;
    int end; /* event descriptors */
    int release;
    pthread_t thread;
    pthread_mutex_t mutex;
    connection **connections;
    size_t count;
    size_t requests;
    size_t closed;
    const raw_step *const *scripts;
    size_t script_count;
    uint16_t port;
    char url[64];
};

typedef enum waited { READY, RELEASED, ENDED, TIMED_OUT } waited;

/* Until `fd` is ready for `events`, or the server ends; with `releasable` also until raw_release(). */
static waited wait_for(const connection *c, int fd, short events, bool releasable, int ms)
{
    struct pollfd on[3] = {
        {c->server->end, POLLIN, 0}, {fd, events, 0}, {releasable ? c->server->release : -1, POLLIN, 0}};

    for (;;) {
        int n = poll(on, 3, ms);

        if (n == 0)
            return TIMED_OUT;
        if (n > 0)
            return on[0].revents != 0 ? ENDED : on[2].revents != 0 ? RELEASED : READY;
    }
}

/* --- what comes in --- */

static void keep(connection *c, const char *data, size_t size)
{
    raw_server *s = c->server;

    (void)pthread_mutex_lock(&s->mutex);
    c->text = realloc(c->text, c->size + size + 1);
    if (c->text == NULL)
        kit_die("out of memory");
    for (size_t i = 0; i < size; i++) {
        c->text[c->size++] = data[i];
        s->requests += c->size >= 4 && memcmp(c->text + c->size - 4, "\r\n\r\n", 4) == 0;
    }
    c->text[c->size] = '\0';
    (void)pthread_mutex_unlock(&s->mutex);
}

/* Reads once. False when the client has closed, or the server ends. */
static bool read_some(connection *c, bool releasable)
{
    char data[16384];
    ssize_t n;

    if (c->gone || wait_for(c, c->fd, POLLIN, releasable, -1) != READY)
        return false;
    n = recv(c->fd, data, sizeof data, 0);
    if (n > 0)
        keep(c, data, (size_t)n);
    c->gone = n <= 0;
    return !c->gone;
}

/* The end of the header that follows the last one, or NULL. Only the connection's own thread changes the text. */
static const char *header_end(const connection *c)
{
    return c->text == NULL ? NULL : memmem(c->text + c->seen, c->size - c->seen, "\r\n\r\n", 4);
}

static bool read_request(connection *c)
{
    while (header_end(c) == NULL)
        if (!read_some(c, false))
            return false;
    c->line = c->seen;
    c->seen = (size_t)(header_end(c) - c->text) + 4;
    return true;
}

/* --- what goes out --- */

static bool send_all(connection *c, int fd, const char *data, size_t size)
{
    while (size > 0) {
        ssize_t n;

        if (wait_for(c, fd, POLLOUT, false, -1) != READY)
            return false;
        n = send(fd, data, size, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (n < 0 && errno != EAGAIN)
            return false;
        data += n > 0 ? n : 0;
        size -= n > 0 ? (size_t)n : 0;
    }
    return true;
}

static bool send_times(connection *c, const raw_step *step)
{
    for (unsigned i = 0; i < step->number; i++)
        if (!send_all(c, c->fd, step->data, step->size))
            return false;
    return true;
}

static bool send_slowly(connection *c, const raw_step *step)
{
    const char *data = step->data;

    for (size_t i = 0; i < step->size; i++)
        if (!send_all(c, c->fd, data + i, 1) || wait_for(c, -1, 0, false, (int)step->number) != TIMED_OUT)
            return false;
    return true;
}

static bool answer(connection *c)
{
    const char *line = c->text == NULL ? "" : c->text + c->line;

    if (memmem(line, strcspn(line, "?\r"), "/lock/sync", strlen("/lock/sync")) == NULL)
        return send_all(c, c->fd, good_answer_for_one, sizeof good_answer_for_one - 1);
    return send_all(c, c->fd, raw_good_answer, strlen(raw_good_answer));
}

/* --- longer steps --- */

static int connect_to(uint16_t port)
{
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(port)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (fd < 0 || connect(fd, (const struct sockaddr *)&to, sizeof to) != 0)
        kit_die("relay to port %u: %s", port, strerror(errno));
    return fd;
}

/* Moves what has come on one side to the other, but `most` bytes. Their number; 0 at the end. */
static size_t move(connection *c, int from, int to, size_t most)
{
    char data[16384];
    ssize_t n = recv(from, data, most < sizeof data ? most : sizeof data, 0);

    return n > 0 && send_all(c, to, data, (size_t)n) ? (size_t)n : 0;
}

static void relay(connection *c, const raw_step *step)
{
    int up = connect_to((uint16_t)step->number);
    struct pollfd on[4] = {
        {c->server->end, POLLIN, 0}, {c->server->release, POLLIN, 0}, {c->fd, POLLIN, 0}, {up, POLLIN, 0}};
    size_t left = step->size == 0 ? SIZE_MAX : step->size;
    bool open = true;

    while (open && left > 0 && poll(on, 4, -1) > 0 && on[0].revents == 0 && on[1].revents == 0) {
        if (on[2].revents != 0)
            open = move(c, c->fd, up, SIZE_MAX) > 0;
        if (on[3].revents != 0 && open) {
            size_t n = move(c, up, c->fd, left);

            open = n > 0;
            left -= n;
        }
    }
    (void)close(up);
}

static void reset(const connection *c)
{
    const struct linger at_once = {1, 0};

    (void)setsockopt(c->fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
}

static bool take_step(connection *c, const raw_step *step)
{
    switch (step->action) {
    case RAW_DO_READ:
        return read_request(c);
    case RAW_DO_SEND:
        return send_times(c, step);
    case RAW_DO_SEND_SLOWLY:
        return send_slowly(c, step);
    case RAW_DO_ANSWER:
        return answer(c);
    case RAW_DO_SERVE:
        while (read_request(c) && answer(c))
            continue;
        return false;
    case RAW_DO_WAIT:
        while (read_some(c, false))
            continue;
        return false;
    case RAW_DO_HOLD:
        return wait_for(c, -1, 0, true, -1) == RELEASED;
    case RAW_DO_RELAY:
        relay(c, step);
        return true;
    case RAW_DO_CALL:
        step->call(step->user);
        return true;
    case RAW_DO_RESET:
        reset(c);
        return false;
    case RAW_DO_END:
    default:
        return false;
    }
}

static void *serve(void *user)
{
    static const raw_step good[] = {RAW_SERVE};
    connection *c = user;

    for (const raw_step *step = c->script == NULL ? good : c->script; take_step(c, step); step++)
        continue;
    (void)pthread_mutex_lock(&c->server->mutex);
    (void)close(c->fd);
    c->server->closed++;
    (void)pthread_mutex_unlock(&c->server->mutex);
    return NULL;
}

/* --- life cycle --- */

static void *accept_all(void *user)
{
    raw_server *s = user;
    struct pollfd on[2] = {{s->end, POLLIN, 0}, {s->listener, POLLIN, 0}};

    while (poll(on, 2, -1) > 0 && on[0].revents == 0) {
        int fd = accept4(s->listener, NULL, NULL, SOCK_CLOEXEC);
        connection *c = fd < 0 ? NULL : calloc(1, sizeof *c);

        if (fd < 0)
            continue;
        (void)pthread_mutex_lock(&s->mutex);
        s->connections = realloc(s->connections, (s->count + 1) * sizeof(connection *));
        if (c == NULL || s->connections == NULL)
            kit_die("out of memory");
        c->server = s;
        c->fd = fd;
        c->script = s->count < s->script_count ? s->scripts[s->count] : NULL;
        s->connections[s->count++] = c;
        if (pthread_create(&c->thread, NULL, serve, c) != 0)
            kit_die("no thread for a connection");
        (void)pthread_mutex_unlock(&s->mutex);
    }
    return NULL;
}

raw_server *raw_start(int family, const raw_step *const *scripts, size_t count)
{
    struct sockaddr_in in = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct sockaddr_in6 in6 = {.sin6_family = AF_INET6, .sin6_addr = in6addr_loopback};
    const struct sockaddr *at = family == AF_INET ? (const struct sockaddr *)&in : (const struct sockaddr *)&in6;
    socklen_t size = family == AF_INET ? sizeof in : sizeof in6;
    raw_server *s = calloc(1, sizeof *s);

    if (s == NULL)
        kit_die("out of memory");
    s->scripts = scripts;
    s->script_count = count;
    s->end = eventfd(0, EFD_CLOEXEC);
    s->release = eventfd(0, EFD_CLOEXEC);
    s->listener = socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (s->end < 0 || s->release < 0 || s->listener < 0 || bind(s->listener, at, size) != 0 ||
        listen(s->listener, 64) != 0)
        kit_die("cannot listen: %s", strerror(errno));
    if (family == AF_INET) {
        (void)getsockname(s->listener, (struct sockaddr *)&in, &size);
        s->port = ntohs(in.sin_port);
    } else {
        (void)getsockname(s->listener, (struct sockaddr *)&in6, &size);
        s->port = ntohs(in6.sin6_port);
    }
    (void)snprintf(s->url, sizeof s->url, "http://%s:%u", family == AF_INET ? "127.0.0.1" : "[::1]", s->port);
    if (pthread_mutex_init(&s->mutex, NULL) != 0 || pthread_create(&s->thread, NULL, accept_all, s) != 0)
        kit_die("no thread for a server");
    return s;
}

void raw_stop(raw_server *s)
{
    if (s == NULL)
        return;
    (void)eventfd_write(s->end, 1);
    (void)pthread_join(s->thread, NULL);
    for (size_t i = 0; i < s->count; i++) {
        (void)pthread_join(s->connections[i]->thread, NULL);
        free(s->connections[i]->text);
        free(s->connections[i]);
    }
    free(s->connections);
    (void)close(s->listener);
    (void)close(s->end);
    (void)close(s->release);
    (void)pthread_mutex_destroy(&s->mutex);
    free(s);
}

void raw_release(raw_server *s)
{
    (void)eventfd_write(s->release, 1);
}

uint16_t raw_port(const raw_server *s)
{
    return s->port;
}

const char *raw_url(const raw_server *s)
{
    return s->url;
}

/* --- what was seen --- */

static size_t look(raw_server *s, const size_t *counter)
{
    size_t value;

    (void)pthread_mutex_lock(&s->mutex);
    value = *counter;
    (void)pthread_mutex_unlock(&s->mutex);
    return value;
}

size_t raw_connections(raw_server *s)
{
    return look(s, &s->count);
}

size_t raw_requests(raw_server *s)
{
    return look(s, &s->requests);
}

char *raw_received(raw_server *s, size_t i)
{
    char *text;

    (void)pthread_mutex_lock(&s->mutex);
    text = kit_text("%s", i < s->count && s->connections[i]->text != NULL ? s->connections[i]->text : "");
    (void)pthread_mutex_unlock(&s->mutex);
    return text;
}

typedef struct expectation {
    raw_server *server;
    const size_t *counter;
    size_t count;
} expectation;

static bool is_met(void *user)
{
    const expectation *e = user;

    return look(e->server, e->counter) >= e->count;
}

static void wait_until_seen(raw_server *s, const size_t *counter, size_t count, const char *what)
{
    expectation e = {s, counter, count};

    if (!kit_wait(is_met, &e, KIT_PATIENCE_MS))
        kit_die("%zu %s came instead of %zu", look(s, counter), what, count);
}

void raw_wait_connections(raw_server *s, size_t count)
{
    wait_until_seen(s, &s->count, count, "connections");
}

void raw_wait_requests(raw_server *s, size_t count)
{
    wait_until_seen(s, &s->requests, count, "requests");
}

void raw_wait_closed(raw_server *s, size_t count)
{
    wait_until_seen(s, &s->closed, count, "closed connections");
}
