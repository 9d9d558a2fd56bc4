/* A fake Redis server; see impostor.h. */
#include "impostor.h"
#include "../support/checks.h"
#include "../support/kit.h"

#include <arpa/inet.h>
#include <hiredis/hiredis.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* Returns whether the client closed within `ms`. */
static bool hung_up(int fd, int ms)
{
    struct pollfd poller = {fd, POLLRDHUP, 0};

    return poll(&poller, 1, ms) > 0;
}

static void serve(const impostor *i, int fd)
{
    char received[512];

    if (recv(fd, received, sizeof received, 0) > 0 && i->says != NULL)
        (void)send(fd, i->says, strlen(i->says), MSG_NOSIGNAL);
    while (i->again != NULL && !hung_up(fd, i->again_ms) && send(fd, i->again, strlen(i->again), MSG_NOSIGNAL) > 0)
        continue;
    while ((i->keeps_reading || i->says == NULL) && recv(fd, received, sizeof received, 0) > 0)
        continue;
    (void)close(fd);
}

/* Returns the size of the reply at the beginning of a text; 0: the text is empty. */
static size_t reply_size(const char *text)
{
    size_t line = strcspn(text, "\n") + 1;
    long n = text[0] == '\0' ? 0 : strtol(text + 1, NULL, 10);

    if (text[0] == '\0')
        return 0;
    if (text[0] == '$' && n >= 0)
        return line + (size_t)n + 2;
    for (; text[0] == '*' && n > 0; n--)
        line += reply_size(text + line);
    return line;
}

/* Sends one reply of the script for each command. A redisReader can read the commands, because they have the format of
   replies. */
static void play(int fd, const char *script)
{
    redisReader *reader = redisReaderCreate();
    char bytes[1024];
    ssize_t got;
    size_t size = 1;

    while (size > 0 && (got = recv(fd, bytes, sizeof bytes, 0)) > 0) {
        void *command = NULL;

        (void)redisReaderFeed(reader, bytes, (size_t)got);
        while (size > 0 && redisReaderGetReply(reader, &command) == REDIS_OK && command != NULL) {
            freeReplyObject(command);
            size = reply_size(script);
            (void)send(fd, script, size, MSG_NOSIGNAL);
            script += size;
        }
    }
    redisReaderFree(reader);
    (void)close(fd);
}

static void *play_all(void *user)
{
    impostor *i = user;
    int fd;

    for (char **script = i->copies; *script != NULL; script++) {
        if ((fd = accept(i->listener, NULL, NULL)) < 0)
            break;
        atomic_fetch_add(&i->connections, 1);
        play(fd, *script);
    }
    (void)shutdown(i->listener, SHUT_RDWR);
    return NULL;
}

static void *serve_all(void *user)
{
    const impostor *i = user;
    int fd;

    while ((fd = accept(i->listener, NULL, NULL)) >= 0)
        serve(i, fd);
    return NULL;
}

static void end(void *user)
{
    impostor *i = user;

    (void)shutdown(i->listener, SHUT_RDWR);
    (void)pthread_join(i->thread, NULL);
    (void)close(i->listener);
    for (char **copy = i->copies; copy != NULL && *copy != NULL; copy++)
        free(*copy);
    free(i->copies);
    free(i);
}

/* Copies the scripts, because the test's are gone before this server is. */
static char **copies_of(const char *const *scripts)
{
    char **copies;
    size_t n = 0;

    while (scripts[n] != NULL)
        n++;
    copies = kit_zeros((n + 1) * sizeof *copies);
    for (size_t k = 0; k < n; k++)
        copies[k] = kit_text("%s", scripts[k]);
    return copies;
}

impostor *impostor_here(impostor does)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof at;
    impostor *i = malloc(sizeof *i);

    if (i == NULL)
        kit_die("out of memory");
    *i = does;
    i->copies = i->scripts != NULL ? copies_of(i->scripts) : NULL;
    i->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (bind(i->listener, (const struct sockaddr *)&at, size) != 0 || listen(i->listener, 16) != 0 ||
        getsockname(i->listener, (struct sockaddr *)&at, &size) != 0)
        kit_die("cannot listen");
    i->port = ntohs(at.sin_port);
    if (pthread_create(&i->thread, NULL, i->scripts != NULL ? play_all : serve_all, i) != 0)
        kit_die("no thread");
    return t_later(end, i);
}

const char *impostor_url(const impostor *i, const char *login)
{
    return t_later(free, kit_text("redis://%s127.0.0.1:%d", login, i->port));
}
