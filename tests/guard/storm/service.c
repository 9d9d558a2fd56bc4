/* The service that pools ask; see storm.h. It serves one request after another, because no two may be on their way. */
#include "storm.h"

#include "../../support/kit.h"
#include "../../support/decoding.h"
#include "../../support/raw_server.h"

#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define CONNECTIONS_MAX 32
#define REQUEST_MAX 4096

struct service {
    board *board;
    uint64_t seed;
    int port;
    pthread_t thread;
    atomic_bool stop;
    nfds_t count;
    struct pollfd sockets[1 + CONNECTIONS_MAX]; /* the first one listens */
};

/* Receives a request. Returns its use; NULL: the connection was closed. */
static use *receive(const service *s, int fd)
{
    char text[REQUEST_MAX + 1] = "";
    size_t size = 0;
    unsigned long number;

    while (strstr(text, "\r\n\r\n") == NULL) {
        ssize_t got = recv(fd, text + size, REQUEST_MAX - size, 0);

        if (got <= 0)
            return NULL;
        size += (size_t)got;
        text[size] = '\0';
    }
    if (strncmp(text, "GET /", 5) != 0)
        kit_die("not a request: %s", text);
    number = strtoul(text + 5, NULL, 10);
    return number < USES_MAX ? &s->board->use[number] : NULL;
}

/* Returns how many seconds the next request is limited for; 0: it is not. */
static int limit_s(service *s)
{
    int limit_ms = atomic_exchange(&s->board->limit_next_ms, 0);

    return limit_ms > 0 ? limit_ms / 1000 : (int)storm_happens(&s->seed, 3);
}

static bool serve(service *s, int fd)
{
    char limited[128];
    const char *response = raw_good_response;
    use *u = receive(s, fd);
    int seconds;

    if (u == NULL)
        return false;
    u->begin_us = u->end_us = kit_now_us();
    if (storm_happens(&s->seed, 3))
        return true; /* no response */
    seconds = limit_s(s);
    (void)usleep((useconds_t)(t_random(&s->seed) % (REQUEST_MS_MAX * 1000)));
    if (seconds > 0) {
        (void)snprintf(limited, sizeof limited,
                       "HTTP/1.1 429 Too Many Requests\r\nRetry-After: %d\r\nContent-Length: 0\r\n\r\n", seconds);
        response = limited;
        atomic_store(&s->board->is_limited, true);
    }
    u->end_us = kit_now_us();
    return send(fd, response, strlen(response), MSG_NOSIGNAL) >= 0;
}

static void *serve_all(void *user)
{
    service *s = user;

    while (!atomic_load(&s->stop)) {
        (void)poll(s->sockets, s->count, 20);
        for (nfds_t i = s->count - 1; i > 0; i--) {
            if (s->sockets[i].revents == 0 || serve(s, s->sockets[i].fd))
                continue;
            (void)close(s->sockets[i].fd);
            s->sockets[i] = s->sockets[--s->count];
        }
        if (s->sockets[0].revents != 0 && s->count < 1 + CONNECTIONS_MAX)
            s->sockets[s->count++] = (struct pollfd){accept(s->sockets[0].fd, NULL, NULL), POLLIN, 0};
    }
    return NULL;
}

service *service_start(board *b, uint64_t seed)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof at;
    service *s = kit_zeros(sizeof *s);

    s->board = b;
    s->seed = seed;
    s->count = 1;
    s->sockets[0] = (struct pollfd){socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), POLLIN, 0};
    if (bind(s->sockets[0].fd, (const struct sockaddr *)&at, size) != 0 || listen(s->sockets[0].fd, 16) != 0 ||
        getsockname(s->sockets[0].fd, (struct sockaddr *)&at, &size) != 0)
        kit_die("cannot listen");
    s->port = ntohs(at.sin_port);
    if (pthread_create(&s->thread, NULL, serve_all, s) != 0)
        kit_die("no thread");
    return s;
}

int service_port(const service *s)
{
    return s->port;
}

void service_stop(service *s)
{
    atomic_store(&s->stop, true);
    (void)pthread_join(s->thread, NULL);
    for (nfds_t i = 0; i < s->count; i++)
        (void)close(s->sockets[i].fd);
    free(s);
}
