/* A connection to a Redis server; see connection.h. */
#include "guard/redis/connection.h"
#include "base/clock.h"
#include "base/memory.h"
#include "guard/redis/redis_error.h"

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

#define TIMEOUT_US 1000000
#define RECEIVED_MAX ((size_t)64 * 1024) /* the longest reply, INFO's, has less than 10 KiB */
#define ELEMENTS_MAX 64
#define LEVELS_MAX 4 /* an array in an array is the most that a reply has */

void lsync_redis_explain(lsync_redis_connection *c, const char *what, const char *cause)
{
    bool caused = cause != NULL && cause[0] != '\0';

    (void)snprintf(c->why, sizeof c->why, "redis %.40s:%s: %s%s%s", c->url.host, c->url.port, what, caused ? ": " : "",
                   caused ? cause : "");
}

static bool fail(lsync_redis_connection *c, const char *what, const char *cause)
{
    lsync_redis_disconnect(c);
    lsync_redis_explain(c, what, cause);
    return false;
}

static bool is_own(const lsync_redis_connection *c)
{
    return c->opened_by == getpid();
}

/* In a forked child, closes only its copy of the descriptor; nothing is sent to the server. */
void lsync_redis_disconnect(lsync_redis_connection *c)
{
    int fd = c->fd;
    redisReader *reader = c->reader;

    /* cleared first: a child that is forked in between must not close or free them again */
    c->fd = -1;
    c->reader = NULL;
    if (fd >= 0)
        (void)close(fd);
    /* a reader that fork() copied in the middle of a change cannot be freed */
    if (reader != NULL && (is_own(c) || !atomic_load(&c->parsing)))
        redisReaderFree(reader);
}

bool lsync_redis_is_connected(const lsync_redis_connection *c)
{
    return c->fd >= 0 && is_own(c);
}

/* Waits until the socket is ready, at most until `until_us`. Called before each send and receive, so that a server that
   is always ready cannot keep the caller beyond its deadline. */
static bool wait_for(const lsync_redis_connection *c, short events, int64_t until_us)
{
    for (;;) {
        struct pollfd poller = {c->fd, events, 0};
        int64_t left_us = until_us - lsync_clock_boot_us();
        int ready = left_us <= 0 ? 0 : poll(&poller, 1, (int)lsync_clock_ms_up(left_us));

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

static bool is_transient(int error)
{
    return error == EINTR || error == EAGAIN;
}

static bool send_all(lsync_redis_connection *c, const char *bytes, size_t size)
{
    while (size > 0) {
        ssize_t sent;

        if (!wait_for(c, POLLOUT, c->until_us))
            return fail(c, "sending failed", strerror(errno));
        sent = send(c->fd, bytes, size, MSG_NOSIGNAL);
        if (sent < 0 && !is_transient(errno))
            return fail(c, "sending failed", strerror(errno));
        if (sent > 0) {
            bytes += sent;
            size -= (size_t)sent;
        }
    }
    return true;
}

/* Passes bytes to the reader, which may already have some. *parsed remains NULL until a reply is complete. */
static bool parse(lsync_redis_connection *c, const char *bytes, size_t size, void **parsed)
{
    bool good;

    atomic_store(&c->parsing, true);
    good = redisReaderFeed(c->reader, bytes, size) == REDIS_OK && redisReaderGetReply(c->reader, parsed) == REDIS_OK;
    atomic_store(&c->parsing, false);
    return good || fail(c, c->rejected != NULL ? c->rejected : "the reply is not understood", NULL);
}

/* Receives and parses the bytes that are available. */
static bool receive_some(lsync_redis_connection *c, void **parsed)
{
    char bytes[4096];
    size_t room = RECEIVED_MAX - c->received < sizeof bytes ? RECEIVED_MAX - c->received : sizeof bytes;
    ssize_t got;

    if (room == 0)
        return fail(c, "the reply is longer than 64 KiB", NULL);
    if (!wait_for(c, POLLIN, c->until_us))
        return fail(c, "no reply", strerror(errno));
    got = recv(c->fd, bytes, room, 0);
    if (got == 0)
        return fail(c, "the server closed the connection", NULL);
    if (got < 0)
        return is_transient(errno) || fail(c, "no reply", strerror(errno));
    c->received += (size_t)got;
    return parse(c, bytes, (size_t)got, parsed);
}

static bool receive(lsync_redis_connection *c, redisReply **reply)
{
    void *parsed = NULL;
    bool good = parse(c, NULL, 0, &parsed); /* it may have arrived with the previous reply */

    while (good && parsed == NULL)
        good = receive_some(c, &parsed);
    *reply = parsed;
    return good;
}

/* --- replies --- */

#if HIREDIS_MAJOR >= 1
typedef size_t element_count;
#else
typedef int element_count;
#endif

/* Rejects arrays that are too large or too deep. hiredis allocates all elements of an array as soon as it has read
   their number, however large. Since 1.0 it also accepts any number of levels and frees them by recursion, for which a
   thread's stack may be too small. */
static void *make_array(const redisReadTask *task, element_count n)
{
    lsync_redis_connection *c = task->privdata;
    int levels = 0;

    for (const redisReadTask *t = task; t != NULL; t = t->parent)
        levels++;
    if (n > ELEMENTS_MAX)
        c->rejected = "the reply has more than 64 elements";
    else if (levels > LEVELS_MAX)
        c->rejected = "the reply has more than 4 levels";
    return c->rejected == NULL ? c->functions->createArray(task, n) : NULL;
}

static bool make_reader(lsync_redis_connection *c)
{
    c->reader = redisReaderCreate();
    if (c->reader == NULL)
        return fail(c, "out of memory", NULL);
    c->functions = c->reader->fn;
    c->bounded = *c->functions;
    c->bounded.createArray = make_array;
    c->reader->fn = &c->bounded;
    c->reader->privdata = c;
    c->rejected = NULL;
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

/* Tries all addresses of the host name. Each gets an equal share of the time that is left. */
static bool connect_any(lsync_redis_connection *c)
{
    const struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM};
    struct addrinfo *addresses = NULL;
    bool connected = false;
    int64_t left = 0;
    int error = getaddrinfo(c->url.host, c->url.port, &hints, &addresses);

    if (error != 0)
        return fail(c, "the host name cannot be resolved", gai_strerror(error));
    c->until_us = lsync_clock_boot_us() + TIMEOUT_US; /* the resolver has its own time-out */
    for (const struct addrinfo *a = addresses; a != NULL; a = a->ai_next)
        left++;
    for (const struct addrinfo *a = addresses; a != NULL && !connected; a = a->ai_next, left--) {
        int64_t now_us = lsync_clock_boot_us();

        connected = connect_to(c, a, now_us + (c->until_us - now_us) / left);
    }
    freeaddrinfo(addresses);
    return connected;
}

/* Sends one command, and wipes its bytes: those of an AUTH contain the password. */
static bool send_command(lsync_redis_connection *c, const lsync_redis_command *command)
{
    char *bytes = NULL;
    long long size = redisFormatCommandArgv(&bytes, command->words, (const char **)(uintptr_t)command->word,
                                            command->size);
    bool good;

    if (size <= 0)
        return fail(c, "out of memory", NULL);
    good = send_all(c, bytes, (size_t)size);
    lsync_wipe(bytes, (size_t)size);
    redisFreeCommand(bytes);
    return good;
}

static bool round_trip(lsync_redis_connection *c, const lsync_redis_command *commands, size_t n, redisReply **replies)
{
    bool good = true;

    c->received = 0;
    for (size_t i = 0; i < n && good; i++)
        good = send_command(c, &commands[i]);
    for (size_t i = 0; i < n; i++)
        replies[i] = NULL;
    for (size_t i = 0; i < n && good; i++)
        good = receive(c, &replies[i]);
    for (size_t i = 0; i < n && !good; i++) {
        freeReplyObject(replies[i]);
        replies[i] = NULL;
    }
    return good;
}

/* Sends AUTH or SELECT on a new connection. `failed`: the message if the reply is an error. */
static bool set_up(lsync_redis_connection *c, const lsync_redis_command *command, const char *failed)
{
    char words[LSYNC_REDIS_ERROR_MAX] = "";
    redisReply *reply;
    bool good;

    if (!round_trip(c, command, 1, &reply))
        return false;
    /* NOLINTNEXTLINE(clang-analyzer-core.NullDereference): it does not see that fail() is always false */
    good = reply->type != REDIS_REPLY_ERROR;
    if (!good)
        lsync_redis_error_words(reply->str, words, sizeof words);
    freeReplyObject(reply);
    return good || fail(c, failed, words);
}

static bool open_connection(lsync_redis_connection *c)
{
    lsync_redis_command auth = c->url.user[0] != '\0'
                                   ? lsync_redis_command_of("AUTH", c->url.user, c->url.password, (char *)NULL)
                                   : lsync_redis_command_of("AUTH", c->url.password, (char *)NULL);
    lsync_redis_command select = lsync_redis_command_of("SELECT", c->url.db, (char *)NULL);

    lsync_redis_disconnect(c); /* in a forked child: the parent's connection */
    c->opened_by = getpid();
    if (!connect_any(c) || !make_reader(c))
        return false;
    if (c->url.password[0] != '\0' && !set_up(c, &auth, "login failed"))
        return false;
    return strcmp(c->url.db, "0") == 0 || set_up(c, &select, "selecting the db failed");
}

bool lsync_redis_call(lsync_redis_connection *c, const lsync_redis_command *commands, size_t n, redisReply **replies)
{
    c->until_us = lsync_clock_boot_us() + TIMEOUT_US;
    return (lsync_redis_is_connected(c) || open_connection(c)) && round_trip(c, commands, n, replies);
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
