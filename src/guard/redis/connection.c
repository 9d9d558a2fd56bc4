/* A connection to a Redis server; see connection.h. */
#include "guard/redis/connection.h"
#include "base/clock.h"
#include "base/memory.h"
#include "guard/redis/connect.h"
#include "guard/redis/redis_error.h"
#include "guard/redis/sentinel.h"

#include <poll.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define ELEMENTS_MAX 64
#define LEVELS_MAX 4 /* an array in an array is the most that a reply has */

void lsync_redis_explain(lsync_redis_connection *c, const char *what, const char *cause)
{
    bool caused = cause != NULL && cause[0] != '\0';

    (void)snprintf(c->why, sizeof c->why, "%s: %s%s%s", c->server, what, caused ? ": " : "", caused ? cause : "");
}

void lsync_redis_name_server(lsync_redis_connection *c, const lsync_redis_place *place)
{
    (void)snprintf(c->server, sizeof c->server, "redis %.50s%s%s", place->host, place->port[0] == '\0' ? "" : ":",
                   place->port);
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

/* Closes only the descriptor's copy in a forked child, and sends nothing to the server. */
void lsync_redis_disconnect(lsync_redis_connection *c)
{
    redisReader *reader = c->reader;

    c->reader = NULL; /* cleared first: a child that is forked in between must not free it again */
    lsync_redis_stream_close(&c->stream, is_own(c));
    /* a reader that fork() copied in the middle of a change cannot be freed */
    if (reader != NULL && (is_own(c) || !atomic_load(&c->parsing)))
        redisReaderFree(reader);
}

bool lsync_redis_is_connected(const lsync_redis_connection *c)
{
    return c->stream.fd >= 0 && is_own(c);
}

static bool send_all(lsync_redis_connection *c, const char *bytes, size_t size)
{
    while (size > 0) {
        ssize_t sent = -1;

        if (lsync_redis_stream_wait(&c->stream, POLLOUT, c->until_us))
            sent = lsync_redis_stream_write(&c->stream, bytes, size);
        if (c->stream.why != NULL)
            return fail(c, "sending failed", c->stream.why);
        if (sent > 0) {
            bytes += sent;
            size -= (size_t)sent;
        }
    }
    return true;
}

const char *lsync_redis_parse(lsync_redis_connection *c, const char *bytes, size_t size, void **parsed)
{
    bool good;

    atomic_store(&c->parsing, true);
    good = redisReaderFeed(c->reader, bytes, size) == REDIS_OK && redisReaderGetReply(c->reader, parsed) == REDIS_OK;
    atomic_store(&c->parsing, false);
    if (good)
        return NULL;
    return c->rejected != NULL ? c->rejected : "the reply is not understood";
}

static bool parse(lsync_redis_connection *c, const char *bytes, size_t size, void **parsed)
{
    const char *why = lsync_redis_parse(c, bytes, size, parsed);

    return why == NULL || fail(c, why, NULL);
}

/* Receives and parses the bytes that are available. */
static bool receive_some(lsync_redis_connection *c, void **parsed)
{
    char bytes[4096];
    size_t room = LSYNC_REDIS_RECEIVED_MAX - c->received;
    ssize_t got = -1;

    if (room > sizeof bytes)
        room = sizeof bytes;
    if (room == 0)
        return fail(c, "the reply is longer than 64 KiB", NULL);
    if (lsync_redis_stream_wait(&c->stream, POLLIN, c->until_us))
        got = lsync_redis_stream_read(&c->stream, bytes, room);
    if (c->stream.why != NULL)
        return fail(c, "no reply", c->stream.why);
    if (got == 0)
        return fail(c, "the server closed the connection", NULL);
    if (got < 0)
        return true; /* nothing yet */
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

/* --- connecting --- */

/* Sends one command on a new connection. NULL: there is no reply. */
static redisReply *ask(lsync_redis_connection *c, const lsync_redis_command *command)
{
    redisReply *reply = NULL;

    (void)round_trip(c, command, 1, &reply);
    return reply;
}

/* Frees a reply of ask(), which may be NULL. `failed`: what is wrong with it; NULL: nothing. */
static bool accept_reply(lsync_redis_connection *c, redisReply *reply, const char *failed)
{
    char words[LSYNC_REDIS_ERROR_MAX] = "";
    bool good = reply != NULL && failed == NULL;

    if (reply != NULL && reply->type == REDIS_REPLY_ERROR)
        lsync_redis_error_words(reply->str, words, sizeof words);
    if (reply != NULL && !good)
        (void)fail(c, failed, words);
    freeReplyObject(reply);
    return good;
}

/* Sends AUTH or SELECT. `failed`: the message if the reply is an error. */
static bool set_up(lsync_redis_connection *c, const lsync_redis_command *command, const char *failed)
{
    redisReply *reply = ask(c, command);

    return accept_reply(c, reply, reply != NULL && reply->type == REDIS_REPLY_ERROR ? failed : NULL);
}

/* Connects to a place and logs in. */
static bool open_at(lsync_redis_connection *c, const lsync_redis_place *place, const lsync_redis_login *login)
{
    lsync_redis_command auth = login->user[0] != '\0'
                                   ? lsync_redis_command_of("AUTH", login->user, login->password, (char *)NULL)
                                   : lsync_redis_command_of("AUTH", login->password, (char *)NULL);
    const char *cause = NULL;
    const char *failed;

    lsync_redis_disconnect(c); /* in a forked child: the parent's connection */
    c->opened_by = getpid();
    lsync_redis_name_server(c, place);
    failed = lsync_redis_connect(&c->stream, place, &c->url, &c->until_us, &cause);
    if (failed != NULL)
        return fail(c, failed, cause);
    return make_reader(c) && (login->password[0] == '\0' || set_up(c, &auth, "login failed"));
}

/* Connects to the server, and selects the db. */
static bool open_server(lsync_redis_connection *c, const lsync_redis_place *place)
{
    lsync_redis_command select = lsync_redis_command_of("SELECT", c->url.db, (char *)NULL);

    return open_at(c, place, &c->url.login) &&
           (strcmp(c->url.db, "0") == 0 || set_up(c, &select, "selecting the db failed"));
}

/* --- sentinels --- */

/* Asks a sentinel where the master is. */
static bool ask_sentinel(lsync_redis_connection *c, const lsync_redis_place *sentinel, lsync_redis_place *master)
{
    lsync_redis_command where = lsync_redis_command_of("SENTINEL", "GET-MASTER-ADDR-BY-NAME", c->url.master,
                                                       (char *)NULL);
    redisReply *reply;

    if (!open_at(c, sentinel, &c->url.sentinel_login))
        return false;
    reply = ask(c, &where);
    return accept_reply(c, reply, reply == NULL ? NULL : lsync_redis_sentinel_read(reply, master));
}

/* Connects to the server that a sentinel named, if it is a master. */
static bool open_master(lsync_redis_connection *c, const lsync_redis_place *master)
{
    lsync_redis_command info = lsync_redis_command_of("INFO", "replication", (char *)NULL);
    redisReply *reply;

    if (!open_server(c, master))
        return false;
    reply = ask(c, &info);
    return accept_reply(c, reply, reply == NULL ? NULL : lsync_redis_sentinel_check(reply));
}

/* Begins a step that may take one of `shares` equal shares of the time that is left. */
static void begin_step(lsync_redis_connection *c, int64_t *left_us, size_t shares)
{
    int64_t share_us = *left_us / (int64_t)shares;

    c->until_us = lsync_clock_boot_us() + share_us;
    *left_us -= share_us;
}

/* Ends a step: what is left of its share is for the next ones. */
static void end_step(const lsync_redis_connection *c, int64_t *left_us)
{
    *left_us += c->until_us - lsync_clock_boot_us();
}

/* Finds the master, and connects to it. Begins with the sentinel that was right last. */
static bool open_by_sentinels(lsync_redis_connection *c)
{
    lsync_redis_place master;
    int64_t left_us = LSYNC_REDIS_TIMEOUT_US;
    bool found = false;

    for (size_t sentinels = c->url.place_count; sentinels > 0 && !found; sentinels--) {
        begin_step(c, &left_us, sentinels + 1);
        found = ask_sentinel(c, &c->url.places[c->sentinel], &master);
        end_step(c, &left_us);
        if (found) {
            begin_step(c, &left_us, sentinels);
            found = open_master(c, &master);
            end_step(c, &left_us);
        }
        if (!found)
            c->sentinel = (c->sentinel + 1) % c->url.place_count;
    }
    c->until_us = lsync_clock_boot_us() + left_us;
    return found;
}

static bool open_connection(lsync_redis_connection *c)
{
    return c->url.master[0] != '\0' ? open_by_sentinels(c) : open_server(c, &c->url.places[0]);
}

bool lsync_redis_call(lsync_redis_connection *c, const lsync_redis_command *commands, size_t n, redisReply **replies)
{
    c->until_us = lsync_clock_boot_us() + LSYNC_REDIS_TIMEOUT_US;
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
