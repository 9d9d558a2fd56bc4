#include "redis.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#define SCHEME "redis://"

/* The parts of a URL, which point into one copied text. */
struct parts {
    char *user;     /* "": the default user */
    char *password; /* NULL: no AUTH */
    char *host_name;
    const char *port;
    const char *db;
};

static void decode_percent(char *text)
{
    char *out = text;

    for (; *text != '\0'; text++)
        if (*text == '%' && strlen(text) > 2) {
            const char digits[3] = {text[1], text[2], '\0'};

            *out++ = (char)strtol(digits, NULL, 16);
            text += 2;
        } else {
            *out++ = *text;
        }
    *out = '\0';
}

/* Cuts the text at the first of `separators`; returns what follows, or NULL. */
static char *cut(char *text, const char *separators)
{
    char *at = strpbrk(text, separators);

    if (at != NULL)
        *at++ = '\0';
    return at;
}

/* Splits [[user]:password@]host[:port][/db]. */
static struct parts split(char *rest)
{
    char *at = strrchr(rest, '@');
    struct parts parts = {.host_name = rest, .port = "6379", .db = "0"};
    char *db, *port;

    if (at != NULL) {
        *at = '\0';
        parts.user = rest;
        parts.password = cut(rest, ":");
        parts.host_name = at + 1;
        decode_percent(parts.user);
        if (parts.password != NULL)
            decode_percent(parts.password);
    }
    db = cut(parts.host_name, "/");
    if (db != NULL && *db != '\0')
        parts.db = db;
    if (parts.host_name[0] == '[') { /* an IPv6 address */
        parts.host_name++;
        port = cut(parts.host_name, "]");
        port = port != NULL ? cut(port, ":") : NULL;
    } else {
        port = cut(parts.host_name, ":");
    }
    if (port != NULL)
        parts.port = port;
    return parts;
}

/* Returns -1 if no address of the name accepts a connection. Each is tried for the time of `limit`. */
static int open_socket(const struct parts *parts, struct timeval limit)
{
    const struct addrinfo hints = {.ai_socktype = SOCK_STREAM};
    const int on = 1;
    struct addrinfo *addresses = NULL;
    int fd = -1;

    if (getaddrinfo(parts->host_name, parts->port, &hints, &addresses) != 0) {
        errno = EHOSTUNREACH;
        return -1;
    }
    for (const struct addrinfo *a = addresses; fd < 0 && a != NULL; a = a->ai_next) {
        fd = socket(a->ai_family, a->ai_socktype | SOCK_CLOEXEC, a->ai_protocol);
        if (fd >= 0 && (setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit) != 0 ||
                        setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit) != 0 ||
                        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on) != 0 ||
                        connect(fd, a->ai_addr, a->ai_addrlen) != 0)) {
            (void)close(fd);
            fd = -1;
        }
    }
    freeaddrinfo(addresses);
    return fd;
}

static bool succeeds(redisReply *reply)
{
    bool good = reply != NULL && reply->type != REDIS_REPLY_ERROR;

    if (reply != NULL)
        freeReplyObject(reply);
    return good;
}

static bool log_in(redisContext *redis, const struct parts *parts)
{
    redisReply *reply = NULL;

    if (parts->password != NULL && parts->user[0] != '\0')
        reply = redisCommand(redis, "AUTH %s %s", parts->user, parts->password);
    else if (parts->password != NULL)
        reply = redisCommand(redis, "AUTH %s", parts->password);
    /* a connection begins with db 0, and the user may not be allowed to select one */
    return (parts->password == NULL || succeeds(reply)) &&
           (strcmp(parts->db, "0") == 0 || succeeds(redisCommand(redis, "SELECT %s", parts->db)));
}

/* Connects. The socket has its own timeouts, because hiredis may be built with another size of time_t. */
static redisContext *connect_to(const struct parts *parts, int64_t timeout_ms)
{
    const struct timeval limit = {.tv_sec = timeout_ms / 1000, .tv_usec = timeout_ms % 1000 * 1000};
    int fd = open_socket(parts, limit);
    redisContext *redis = fd >= 0 ? redisConnectFd(fd) : NULL;

    if (redis == NULL && fd >= 0)
        (void)close(fd);
    if (redis != NULL && log_in(redis, parts))
        return redis;
    (void)fprintf(stderr, "fleet: no connection to Redis: %s\n",
                  redis == NULL     ? strerror(errno)
                  : redis->err != 0 ? redis->errstr
                                    : "it rejected user, password or database");
    if (redis != NULL)
        redisFree(redis);
    return NULL;
}

redisContext *redis_connect(const char *url, int64_t timeout_ms)
{
    char *copy = strncmp(url, SCHEME, strlen(SCHEME)) == 0 ? strdup(url + strlen(SCHEME)) : NULL;
    size_t size = copy != NULL ? strlen(copy) : 0;
    struct parts parts;
    redisContext *redis;

    if (copy == NULL) {
        (void)fprintf(stderr, "fleet: the URL of Redis does not begin with " SCHEME "\n");
        return NULL;
    }
    parts = split(copy);
    redis = connect_to(&parts, timeout_ms);
    explicit_bzero(copy, size);
    free(copy);
    return redis;
}
