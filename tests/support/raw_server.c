/* A scripted TCP server; see raw_server.h. Each wait also watches the server's two event descriptors, so that
   raw_stop() and raw_release() take effect at once. */
#include "raw_server.h"
#include "kit.h"
#include "tcp.h"

#include <errno.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define BODY                                                                                                           \
  "{\"result\":[{\"id\":1001,\"isConnected\":true,\"deviceState\":{\"state\":6,\"batteryLevel\":80}},"                 \
  "{\"id\":1002,\"isConnected\":true,\"deviceState\":{\"state\":2}}]}"
#define BODY_ONE "{\"result\":{\"id\":1001,\"isConnected\":true,\"deviceState\":{\"state\":6}}}"
#define HEADER "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: "

const char raw_good_body[] = BODY;
const char raw_good_response[] = HEADER "144\r\n\r\n" BODY;
static const char good_response_for_one[] = HEADER "67\r\n\r\n" BODY_ONE;
_Static_assert(sizeof BODY - 1 == 144 && sizeof BODY_ONE - 1 == 67, "the Content-Length of the good responses");

static const char no_query[] = "HTTP/1.1 400 No Query\r\nContent-Length: 0\r\n\r\n";

#define PAGE_BEGIN "{\"result\":["
#define PAGE_RECORD "{\"id\":1001,\"name\":\"Hall\",\"serialNumber\":\"10-1001\",\"isConnected\":true},"
#define PAGE_END "{\"id\":1003,\"name\":\"Front door\",\"serialNumber\":\"10-1003\",\"isConnected\":false}]}"
#define PAGE_RECORDS 99 /* and that of the end: a full page */

typedef struct connection {
    tcp_connection tcp;
    const raw_step *script; /* NULL: only good responses */
    char *text;             /* all that the client sent; under the server's mutex */
    size_t size;
    size_t line; /* begin of the request read last */
    size_t seen; /* and its end */
    bool gone;   /* the client closed */
} connection;

struct raw_server {
    tcp_server tcp;
    int release; /* an event descriptor */
    atomic_bool two_pages;
    size_t requests;
    const raw_step *const *scripts;
    size_t script_count;
    char url[64];
};

static raw_server *server_of(const connection *c)
{
    return (raw_server *)c->tcp.server;
}

typedef enum waited { READY, RELEASED, ENDED, TIMED_OUT } waited;

/* Waits until `fd` is ready for `events`, or the server ends; with `releasable` also until raw_release(). */
static waited wait_for(const connection *c, int fd, short events, bool releasable, int ms)
{
    struct pollfd on[3] = {
        {c->tcp.server->stopping, POLLIN, 0}, {fd, events, 0}, {releasable ? server_of(c)->release : -1, POLLIN, 0}};

    for (;;) {
        int n = poll(on, 3, ms);

        if (n == 0)
            return TIMED_OUT;
        if (n > 0)
            return on[0].revents != 0 ? ENDED : on[2].revents != 0 ? RELEASED : READY;
    }
}

/* --- input --- */

static void keep(connection *c, const char *data, size_t size)
{
    raw_server *s = server_of(c);

    (void)pthread_mutex_lock(&s->tcp.mutex);
    c->text = kit_resize(c->text, c->size + size + 1);
    for (size_t i = 0; i < size; i++) {
        c->text[c->size++] = data[i];
        s->requests += c->size >= 4 && memcmp(c->text + c->size - 4, "\r\n\r\n", 4) == 0;
    }
    c->text[c->size] = '\0';
    (void)pthread_mutex_unlock(&s->tcp.mutex);
}

/* Reads once. False: the client has closed, or the server ends. */
static bool read_some(connection *c, bool releasable)
{
    char data[16384];
    ssize_t n;

    if (c->gone || wait_for(c, c->tcp.fd, POLLIN, releasable, -1) != READY)
        return false;
    n = recv(c->tcp.fd, data, sizeof data, 0);
    if (n > 0)
        keep(c, data, (size_t)n);
    c->gone = n <= 0;
    return !c->gone;
}

/* Returns the end of the next request's header; NULL: not complete. Only this connection's thread changes the text. */
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

/* --- output --- */

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
        if (!send_all(c, c->tcp.fd, step->data, step->size))
            return false;
    return true;
}

static bool send_slowly(connection *c, const raw_step *step)
{
    const char *data = step->data;

    for (size_t i = 0; i < step->size; i++)
        if (!send_all(c, c->tcp.fd, data + i, 1) || wait_for(c, -1, 0, false, (int)step->number) != TIMED_OUT)
            return false;
    return true;
}

/* Sends it at once: many small pieces would wait for each other in the kernel. */
static bool send_full_page(connection *c)
{
    const size_t size = sizeof PAGE_BEGIN PAGE_END - 1 + PAGE_RECORDS * (sizeof PAGE_RECORD - 1);
    char *text = kit_zeros(sizeof HEADER + 32 + size);
    char *at = text + sprintf(text, HEADER "%zu\r\n\r\n" PAGE_BEGIN, size);
    bool sent;

    for (size_t i = 0; i < PAGE_RECORDS; i++, at += sizeof PAGE_RECORD - 1)
        memcpy(at, PAGE_RECORD, sizeof PAGE_RECORD - 1);
    memcpy(at, PAGE_END, sizeof PAGE_END - 1);
    sent = send_all(c, c->tcp.fd, text, (size_t)(at - text) + sizeof PAGE_END - 1);
    free(text);
    return sent;
}

static bool path_has(const char *line, const char *part)
{
    return memmem(line, strcspn(line, "?\r"), part, strlen(part)) != NULL;
}

static bool respond(connection *c)
{
    const char *line = c->text == NULL ? "" : c->text + c->line;

    if (path_has(line, "/lock/") && !path_has(line, "/lock/sync"))
        return send_all(c, c->tcp.fd, good_response_for_one, sizeof good_response_for_one - 1);
    if (server_of(c)->two_pages && path_has(line, "/my/lock") && !path_has(line, "/lock/sync") &&
        line[strcspn(line, "?\r")] != '?')
        return send_all(c, c->tcp.fd, no_query, sizeof no_query - 1);
    if (server_of(c)->two_pages && memmem(line, strcspn(line, "\r"), "&Page=1 ", strlen("&Page=1 ")) != NULL)
        return send_full_page(c);
    return send_all(c, c->tcp.fd, raw_good_response, strlen(raw_good_response));
}

/* --- longer steps --- */

/* Moves at most `most` bytes from one side to the other. Returns their number; 0: the end. */
static size_t move(connection *c, int from, int to, size_t most)
{
    char data[16384];
    ssize_t n = recv(from, data, most < sizeof data ? most : sizeof data, 0);

    return n > 0 && send_all(c, to, data, (size_t)n) ? (size_t)n : 0;
}

static void relay(connection *c, const raw_step *step)
{
    int up = tcp_connect((uint16_t)step->number);
    struct pollfd on[4] = {{c->tcp.server->stopping, POLLIN, 0},
                           {server_of(c)->release, POLLIN, 0},
                           {c->tcp.fd, POLLIN, 0},
                           {up, POLLIN, 0}};
    size_t left = step->size == 0 ? SIZE_MAX : step->size;
    bool open = true;

    while (open && left > 0 && poll(on, 4, -1) > 0 && on[0].revents == 0 && on[1].revents == 0) {
        if (on[2].revents != 0)
            open = move(c, c->tcp.fd, up, SIZE_MAX) > 0;
        if (on[3].revents != 0 && open) {
            size_t n = move(c, up, c->tcp.fd, left);

            open = n > 0;
            left -= n;
        }
    }
    (void)close(up);
}

static bool take_step(connection *c, const raw_step *step)
{
    switch (step->action) {
    case RAW_DO_READ: return read_request(c);
    case RAW_DO_SEND: return send_times(c, step);
    case RAW_DO_SEND_SLOWLY: return send_slowly(c, step);
    case RAW_DO_RESPOND: return respond(c);
    case RAW_DO_SERVE:
        while (read_request(c) && respond(c))
            continue;
        return false;
    case RAW_DO_WAIT:
        while (read_some(c, false))
            continue;
        return false;
    case RAW_DO_HOLD: return wait_for(c, -1, 0, true, -1) == RELEASED;
    case RAW_DO_RELAY: relay(c, step); return true;
    case RAW_DO_CALL: step->call(step->user); return true;
    case RAW_DO_RESET: tcp_reset_at_close(c->tcp.fd); return false;
    case RAW_DO_END:
    default: return false;
    }
}

static void begin(tcp_connection *t)
{
    const raw_server *s = (const raw_server *)t->server;

    ((connection *)t)->script = t->number < s->script_count ? s->scripts[t->number] : NULL;
}

static void serve(tcp_connection *t)
{
    static const raw_step good[] = {RAW_SERVE};
    connection *c = (connection *)t;

    for (const raw_step *step = c->script == NULL ? good : c->script; take_step(c, step); step++)
        continue;
}

static void release(tcp_connection *t)
{
    free(((connection *)t)->text);
}

raw_server *raw_start(int family, const raw_step *const *scripts, size_t count)
{
    raw_server *s = kit_zeros(sizeof *s);

    s->tcp = (tcp_server){.connection_size = sizeof(connection), .begin = begin, .serve = serve};
    s->scripts = scripts;
    s->script_count = count;
    s->release = eventfd(0, EFD_CLOEXEC);
    tcp_start(&s->tcp, family == AF_INET ? "127.0.0.1" : "::1", 0);
    (void)snprintf(s->url, sizeof s->url, "http://%s:%u", family == AF_INET ? "127.0.0.1" : "[::1]", s->tcp.port);
    return s;
}

void raw_stop(raw_server *s)
{
    if (s == NULL)
        return;
    tcp_stop(&s->tcp, release);
    (void)close(s->release);
    free(s);
}

void raw_use_two_pages(raw_server *s)
{
    s->two_pages = true;
}

void raw_release(raw_server *s)
{
    (void)eventfd_write(s->release, 1);
}

uint16_t raw_port(const raw_server *s)
{
    return s->tcp.port;
}

const char *raw_url(const raw_server *s)
{
    return s->url;
}

/* --- what was seen --- */

size_t raw_connections(raw_server *s)
{
    return tcp_look(&s->tcp, &s->tcp.count);
}

size_t raw_requests(raw_server *s)
{
    return tcp_look(&s->tcp, &s->requests);
}

char *raw_received(raw_server *s, size_t i)
{
    const connection *c;
    char *text;

    (void)pthread_mutex_lock(&s->tcp.mutex);
    c = i < s->tcp.count ? (const connection *)s->tcp.connections[i] : NULL;
    text = kit_text("%s", c != NULL && c->text != NULL ? c->text : "");
    (void)pthread_mutex_unlock(&s->tcp.mutex);
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

    return tcp_look(&e->server->tcp, e->counter) >= e->count;
}

static void wait_until_seen(raw_server *s, const size_t *counter, size_t count, const char *what)
{
    expectation e = {s, counter, count};

    if (!kit_wait(is_met, &e, KIT_PATIENCE_MS))
        kit_die("%zu %s came instead of %zu", tcp_look(&s->tcp, counter), what, count);
}

void raw_wait_requests(raw_server *s, size_t count)
{
    wait_until_seen(s, &s->requests, count, "requests");
}

void raw_wait_closed(raw_server *s, size_t count)
{
    wait_until_seen(s, &s->tcp.closed_count, count, "closed connections");
}
