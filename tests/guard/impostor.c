/* Stands in for a Redis server; see impostor.h. */
#include "impostor.h"
#include "../support/kit.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* Whether the other closed while nothing was said for so long. */
static bool hung_up(int fd, int ms)
{
    struct pollfd poller = {fd, POLLRDHUP, 0};

    return poll(&poller, 1, ms) > 0;
}

static void serve(const impostor *i, int fd)
{
    char asked[512];

    if (recv(fd, asked, sizeof asked, 0) > 0 && i->says != NULL)
        (void)send(fd, i->says, strlen(i->says), MSG_NOSIGNAL);
    if (i->once)
        (void)shutdown(i->listener, SHUT_RDWR);
    while (i->again != NULL && !hung_up(fd, i->again_ms) && send(fd, i->again, strlen(i->again), MSG_NOSIGNAL) > 0)
        continue;
    while ((i->listens_on || i->says == NULL) && recv(fd, asked, sizeof asked, 0) > 0)
        continue;
    (void)close(fd);
}

static void *serve_all(void *user)
{
    const impostor *i = user;
    int fd;

    while ((fd = accept(i->listener, NULL, NULL)) >= 0)
        serve(i, fd);
    return NULL;
}

void impostor_begin(impostor *i)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof at;

    i->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (bind(i->listener, (const struct sockaddr *)&at, size) != 0 || listen(i->listener, 16) != 0 ||
        getsockname(i->listener, (struct sockaddr *)&at, &size) != 0)
        kit_die("cannot listen");
    i->port = ntohs(at.sin_port);
    if (pthread_create(&i->thread, NULL, serve_all, i) != 0)
        kit_die("no thread");
}

void impostor_end(impostor *i)
{
    (void)shutdown(i->listener, SHUT_RDWR);
    (void)pthread_join(i->thread, NULL);
    (void)close(i->listener);
}

char *impostor_url(const impostor *i, const char *login)
{
    return kit_text("redis://%s127.0.0.1:%d", login, i->port);
}
