/* A connection to a Redis server; see connection.h. */
#include "guard/redis/connection.h"
#include "base/clock.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define PATIENCE_US 1000000

static bool fail(lsync_redis_connection *c, const char *what, const char *cause)
{
    lsync_redis_disconnect(c);
    (void)snprintf(c->why, sizeof c->why, "redis %.60s:%s: %s%s%s", c->url.host, c->url.port, what,
                   cause == NULL ? "" : ": ", cause == NULL ? "" : cause);
    return false;
}

void lsync_redis_disconnect(lsync_redis_connection *c)
{
    if (c->fd >= 0)
        (void)close(c->fd);
    c->fd = -1;
    if (c->reader != NULL)
        redisReaderFree(c->reader);
    c->reader = NULL;
}

bool lsync_redis_is_connected(const lsync_redis_connection *c)
{
    return c->fd >= 0;
}

/* Waits until the socket is ready, not beyond `until`. */
static bool wait_for(const lsync_redis_connection *c, short events, int64_t until_us)
{
    for (;;) {
        struct pollfd poller = {c->fd, events, 0};
        int64_t left_us = until_us - lsync_clock_boot_us();
        int ready = left_us <= 0 ? 0 : poll(&poller, 1, (int)((left_us + 999) / 1000));

        if (ready > 0)
            return true;
        if (ready == 0) {
            errno = ETIMEDOUT;
            return false;
        }
        if (errno != EINTR)
            return false;
    }
}

static bool send_all(lsync_redis_connection *c, const char *bytes, size_t size, int64_t until_us)
{
    while (size > 0) {
        ssize_t sent = send(c->fd, bytes, size, MSG_NOSIGNAL);

        if (sent >= 0) {
            bytes += sent;
            size -= (size_t)sent;
        } else if (errno != EINTR && (errno != EAGAIN || !wait_for(c, POLLOUT, until_us))) {
            return fail(c, "sending failed", strerror(errno));
        }
    }
    return true;
}

static bool receive(lsync_redis_connection *c, redisReply **reply, int64_t until_us)
{
    char bytes[4096];
    void *parsed = NULL;

    while (redisReaderGetReply(c->reader, &parsed) == REDIS_OK && parsed == NULL) {
        ssize_t got = recv(c->fd, bytes, sizeof bytes, 0);

        if (got == 0)
            return fail(c, "the server closed the connection", NULL);
        if (got < 0 && errno != EINTR && (errno != EAGAIN || !wait_for(c, POLLIN, until_us)))
            return fail(c, "no answer", strerror(errno));
        if (got > 0 && redisReaderFeed(c->reader, bytes, (size_t)got) != REDIS_OK)
            return fail(c, "the answer is not understood", NULL);
    }
    if (parsed == NULL)
        return fail(c, "the answer is not understood", NULL);
    *reply = parsed;
    return true;
}

/* --- connecting --- */

static bool connect_to(lsync_redis_connection *c, const struct addrinfo *address, int64_t until_us)
{
    int error = 0;
    socklen_t size = sizeof error;
    int one = 1;

    c->fd = socket(address->ai_family, address->ai_socktype | SOCK_CLOEXEC | SOCK_NONBLOCK, address->ai_protocol);
    if (c->fd < 0)
        return fail(c, "no socket", strerror(errno));
    (void)setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    if (connect(c->fd, address->ai_addr, address->ai_addrlen) != 0 &&
        (errno != EINPROGRESS || !wait_for(c, POLLOUT, until_us)))
        return fail(c, "connecting failed", strerror(errno));
    if (getsockopt(c->fd, SOL_SOCKET, SO_ERROR, &error, &size) != 0 || error != 0)
        return fail(c, "connecting failed", strerror(error != 0 ? error : errno));
    return true;
}

static bool connect_any(lsync_redis_connection *c, int64_t until_us)
{
    const struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM};
    struct addrinfo *addresses = NULL;
    bool connected = false;
    int error = getaddrinfo(c->url.host, c->url.port, &hints, &addresses);

    if (error != 0)
        return fail(c, "its name does not resolve", gai_strerror(error));
    for (const struct addrinfo *a = addresses; a != NULL && !connected; a = a->ai_next)
        connected = connect_to(c, a, until_us);
    freeaddrinfo(addresses);
    return connected;
}

static bool exchange(lsync_redis_connection *c, const lsync_redis_command *commands, size_t n, redisReply **replies,
                     int64_t until_us)
{
    bool good = true;

    for (size_t i = 0; i < n && good; i++) {
        char *bytes = NULL;
        long long size = redisFormatCommandArgv(&bytes, commands[i].words, (const char **)(uintptr_t)commands[i].word,
                                                commands[i].size);

        good = size > 0 ? send_all(c, bytes, (size_t)size, until_us) : fail(c, "out of memory", NULL);
        if (size > 0) {
            volatile char *wipe = bytes; /* an AUTH holds the password */

            for (long long at = 0; at < size; at++)
                wipe[at] = 0;
            redisFreeCommand(bytes);
        }
    }
    for (size_t i = 0; i < n; i++)
        replies[i] = NULL;
    for (size_t i = 0; i < n && good; i++)
        good = receive(c, &replies[i], until_us);
    for (size_t i = 0; i < n && !good; i++) {
        freeReplyObject(replies[i]);
        replies[i] = NULL;
    }
    return good;
}

/* A command whose reply must be no error. Its text is not told: it could repeat what was sent. */
static bool greet(lsync_redis_connection *c, const lsync_redis_command *command, const char *refused, int64_t until_us)
{
    redisReply *reply;
    bool good;

    if (!exchange(c, command, 1, &reply, until_us))
        return false;
    /* NOLINTNEXTLINE(clang-analyzer-core.NullDereference): it does not see that fail() is always false */
    good = reply->type != REDIS_REPLY_ERROR;
    freeReplyObject(reply);
    return good || fail(c, refused, NULL);
}

static bool open_connection(lsync_redis_connection *c, int64_t until_us)
{
    lsync_redis_command auth = c->url.user[0] != '\0'
                                   ? lsync_redis_command_of("AUTH", c->url.user, c->url.password, (char *)NULL)
                                   : lsync_redis_command_of("AUTH", c->url.password, (char *)NULL);
    lsync_redis_command select = lsync_redis_command_of("SELECT", c->url.db, (char *)NULL);

    if (!connect_any(c, until_us))
        return false;
    c->reader = redisReaderCreate();
    if (c->reader == NULL)
        return fail(c, "out of memory", NULL);
    if (c->url.password[0] != '\0' && !greet(c, &auth, "the password was refused", until_us))
        return false;
    return strcmp(c->url.db, "0") == 0 || greet(c, &select, "the db was refused", until_us);
}

bool lsync_redis_talk(lsync_redis_connection *c, const lsync_redis_command *commands, size_t n, redisReply **replies)
{
    int64_t until_us = lsync_clock_boot_us() + PATIENCE_US;

    if (!lsync_redis_is_connected(c) && !open_connection(c, until_us))
        return false;
    return exchange(c, commands, n, replies, until_us);
}

/* --- commands --- */

void lsync_redis_command_add(lsync_redis_command *command, const char *word, size_t size)
{
    command->word[command->words] = word;
    command->size[command->words] = size;
    command->words++;
}

lsync_redis_command lsync_redis_command_of(const char *word, ...)
{
    lsync_redis_command command = {0};
    va_list words;

    va_start(words, word);
    for (; word != NULL; word = va_arg(words, const char *))
        lsync_redis_command_add(&command, word, strlen(word));
    va_end(words);
    return command;
}
