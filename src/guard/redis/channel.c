/* A channel to a Redis server; see channel.h.

   All swaps that wait when the channel proceeds are sent at once, as a batch. INFO is the last command of a batch. Its
   reply shows that the server is still the master with the same replication id. So none of these swaps was carried out
   by another server. Swaps are done when that reply has arrived. */
#include "guard/redis/channel.h"
#include "base/clock.h"
#include "guard/redis/redis_store.h"
#include "guard/redis/script.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#define BATCHES_MAX 16 /* on their way; more swaps wait, and become a larger batch */
#define PAUSE_MIN_US 50000
#define PAUSE_MAX_US 1000000
#define CHUNK_SIZE 16384

/* Swaps in the order in which they began. */
typedef struct swap_list {
    lock_sync_guard_swap *first;
    lock_sync_guard_swap *last;
} swap_list;

typedef struct batch {
    size_t swaps;  /* whose replies have not arrived */
    bool has_info; /* false: the server does not allow INFO */
} batch;

typedef struct channel {
    lock_sync_redis *server; /* a reference */
    lsync_redis_session session;
    lsync_redis_script script;
    bool is_ready;       /* the connection is open and can be used */
    bool has_failed;     /* to connect; the swaps that wait must fail first */
    bool out_of_memory;  /* why the connection was broken off */
    int64_t pause_us;    /* after the next failed connect: none after the first, and then longer with each */
    int64_t retry_at_us; /* when to connect again */
    char warning[256];   /* for the next swap that is done; "": none */
    swap_list again;     /* the server had not loaded the script */
    swap_list waiting;   /* these two are not sent yet */
    swap_list sent;
    swap_list replied; /* of the first batch, which is not complete */
    size_t first_batch;
    size_t batch_count;
    batch batches[BATCHES_MAX]; /* on their way: a ring */
    char *out;                  /* bytes to send; owned */
    size_t out_size;
    size_t out_room;
    size_t out_sent;
} channel;

/* --- lists --- */

static void append(swap_list *list, lock_sync_guard_swap *swap)
{
    swap->next = NULL;
    if (list->first == NULL)
        list->first = swap;
    else
        list->last->next = swap;
    list->last = swap;
}

static lock_sync_guard_swap *take(swap_list *list)
{
    lock_sync_guard_swap *swap = list->first;

    if (swap != NULL)
        list->first = swap->next;
    return swap;
}

/* --- the end of swaps --- */

static void end(channel *c, lock_sync_guard_swap *swap)
{
    memcpy(swap->warning, c->warning, sizeof swap->warning);
    c->warning[0] = '\0';
    swap->done = true;
}

static void fail(channel *c, lock_sync_guard_swap *swap, bool unknown)
{
    swap->status = c->out_of_memory ? LOCK_SYNC_E_NO_MEMORY : LOCK_SYNC_E_GUARD;
    swap->replaced = false;
    swap->unknown = unknown && swap->record_size > 0;
    (void)snprintf(swap->why, sizeof swap->why, "%s", c->session.connection.why);
    end(c, swap);
}

static void fail_all(channel *c, swap_list *list, bool unknown)
{
    lock_sync_guard_swap *swap;

    while ((swap = take(list)) != NULL)
        fail(c, swap, unknown);
}

/* Ends the connection, and all open swaps. connection.why has the cause. The descriptor stays open until the pool has
   forgotten it. */
static void break_off(channel *c)
{
    if (lsync_redis_is_connected(&c->session.connection)) /* not the connection of a forked process's parent */
        (void)shutdown(c->session.connection.stream.fd, SHUT_RDWR);
    c->is_ready = false;
    c->out_size = c->out_sent = c->batch_count = 0;
    fail_all(c, &c->replied, true);
    fail_all(c, &c->sent, true);
    fail_all(c, &c->again, false);
    fail_all(c, &c->waiting, false);
}

static void break_because(channel *c, const char *what, const char *cause)
{
    lsync_redis_explain(&c->session.connection, what, cause);
    break_off(c);
}

/* --- sending --- */

static bool write_bytes(channel *c, const char *bytes, size_t size)
{
    char *out;
    size_t room = c->out_room == 0 ? CHUNK_SIZE : c->out_room;

    /* what was sent makes room, or the buffer would grow for as long as some bytes are left to send */
    if (c->out_size + size > c->out_room && c->out_sent > c->out_size / 2) {
        /* GCOVR_EXCL_START: a socket that is full */
        c->out_size -= c->out_sent;
        memmove(c->out, c->out + c->out_sent, c->out_size);
        c->out_sent = 0;
        /* GCOVR_EXCL_STOP */
    }
    while (room < c->out_size + size)
        room *= 2;
    if (room > c->out_room) {
        out = lsync_realloc(&c->server->memory, c->out, room);
        if (out == NULL)
            return false;
        c->out = out;
        c->out_room = room;
    }
    memcpy(c->out + c->out_size, bytes, size);
    c->out_size += size;
    return true;
}

static bool write_swap(channel *c, const lock_sync_guard_swap *swap)
{
    char *bytes = NULL;
    size_t size = lsync_redis_script_format(&c->script, &c->session.info, swap, &bytes);
    bool good = size > 0 && write_bytes(c, bytes, size);

    redisFreeCommand(bytes);
    return good;
}

static bool write_list(channel *c, swap_list *list, size_t *count)
{
    lock_sync_guard_swap *swap;

    while ((swap = take(list)) != NULL) {
        append(&c->sent, swap);
        ++*count;
        if (!write_swap(c, swap))
            return false;
    }
    return true;
}

/* Writes all swaps that wait as a batch. */
static bool write_batch(channel *c)
{
    static const char info[] = "*2\r\n$4\r\nINFO\r\n$11\r\nreplication\r\n";
    batch *b = &c->batches[(c->first_batch + c->batch_count) % BATCHES_MAX];

    if ((c->again.first == NULL && c->waiting.first == NULL) || c->batch_count == BATCHES_MAX)
        return true;
    *b = (batch){0, c->session.info.has_source}; /* an INFO that is rejected would only fill the server's ACL log */
    c->batch_count++;
    return write_list(c, &c->again, &b->swaps) && write_list(c, &c->waiting, &b->swaps) &&
           (!b->has_info || write_bytes(c, info, sizeof info - 1));
}

static void send_bytes(channel *c)
{
    lsync_redis_stream *stream = &c->session.connection.stream;
    ssize_t sent = 0;

    while (sent >= 0 && c->out_sent < c->out_size) {
        sent = lsync_redis_stream_write(stream, c->out + c->out_sent, c->out_size - c->out_sent);
        if (sent > 0)
            c->out_sent += (size_t)sent;
    }
    if (sent < 0 && stream->why != NULL)
        break_because(c, "sending failed", stream->why);
    if (c->out_sent == c->out_size)
        c->out_size = c->out_sent = 0;
}

/* --- receiving --- */

/* Ends the swaps of the first batch. */
static void end_batch(channel *c)
{
    const lsync_redis_info *info = &c->session.info;
    lock_sync_guard_swap *swap;

    while ((swap = take(&c->replied)) != NULL) {
        if (info->has_source)
            memcpy(swap->source, info->source, sizeof swap->source);
        if (swap->replaced && lsync_redis_expects_another(info, swap)) {
            lsync_redis_explain(&c->session.connection, "the server was restarted or replaced", NULL);
            fail(c, swap, true);
        } else {
            end(c, swap);
        }
    }
    c->first_batch = (c->first_batch + 1) % BATCHES_MAX;
    c->batch_count--;
    c->pause_us = 0;
}

static void take_reply(channel *c, const redisReply *reply)
{
    batch *b = &c->batches[c->first_batch];
    lock_sync_guard_swap *swap;

    if (c->batch_count == 0) {
        break_because(c, "a reply without a command", NULL);
        return;
    }
    if (b->swaps == 0) { /* the reply to INFO */
        if (lsync_redis_session_read_role(&c->session, reply))
            end_batch(c);
        else
            break_off(c);
        return;
    }
    swap = take(&c->sent);
    switch (lsync_redis_script_read(&c->script, &c->session, reply, swap)) {
    case LSYNC_REDIS_NO_SCRIPT: append(&c->again, swap); break;
    case LSYNC_REDIS_NOT_SWAPPED: fail(c, swap, false); break;
    case LSYNC_REDIS_READ_ONLY:
        fail(c, swap, false);
        break_off(c);
        return;
    case LSYNC_REDIS_SWAPPED:
    default: append(&c->replied, swap); break;
    }
    b->swaps--;
    if (b->swaps == 0 && !b->has_info)
        end_batch(c);
}

/* Takes the replies that are complete. */
static void parse(channel *c, const char *bytes, size_t size)
{
    lsync_redis_connection *connection = &c->session.connection;
    const char *why;
    void *reply;

    connection->received += size;
    do {
        reply = NULL;
        why = lsync_redis_parse(connection, bytes, size, &reply);
        bytes = NULL;
        size = 0;
        if (reply != NULL) {
            connection->received = 0;
            take_reply(c, reply);
            freeReplyObject(reply);
        }
    } while (c->is_ready && reply != NULL);
    if (c->is_ready && why == NULL && connection->received > LSYNC_REDIS_RECEIVED_MAX)
        why = "the reply is longer than 64 KiB";
    if (c->is_ready && why != NULL)
        break_because(c, why, NULL);
}

/* Reads all that has arrived. A read that fills the buffer may leave bytes in the socket. With TLS each read may,
   because it returns one record. */
static void receive(channel *c)
{
    lsync_redis_stream *stream = &c->session.connection.stream;
    ssize_t more = stream->tls.ssl != NULL ? 1 : CHUNK_SIZE;
    char bytes[CHUNK_SIZE];
    ssize_t got;

    do {
        got = lsync_redis_stream_read(stream, bytes, sizeof bytes);
        if (got > 0)
            parse(c, bytes, (size_t)got);
        else if (got == 0)
            break_because(c, "the server closed the connection", NULL);
        else if (stream->why != NULL)
            break_because(c, "no reply", stream->why);
    } while (c->is_ready && got >= more);
}

/* --- the functions of a channel --- */

static lock_sync_status open_channel(void *user, void **out)
{
    lock_sync_redis *server = user;
    channel *c = lsync_alloc(&server->memory, sizeof *c);

    if (c == NULL)
        return LOCK_SYNC_E_NO_MEMORY;
    memset(c, 0, sizeof *c);
    c->server = lsync_redis_ref(server);
    c->session.connection.stream.fd = -1;
    c->session.connection.url = server->session.connection.url; /* never changes */
    lsync_redis_name_server(&c->session.connection, &c->session.connection.url.places[0]);
    lsync_redis_explain(&c->session.connection, "no connection was tried", NULL); /* if the pool has no thread for it */
    *out = c;
    return LOCK_SYNC_OK;
}

static void warn_once(channel *c)
{
    lsync_fork_mutex_lock(&c->server->mutex);
    if (!c->server->has_warned) {
        lsync_redis_session_warn(&c->session, c->warning, sizeof c->warning);
        c->server->has_warned = c->warning[0] != '\0';
    }
    lsync_fork_mutex_unlock(&c->server->mutex);
}

static void connect_channel(void *user)
{
    channel *c = user;

    lsync_redis_disconnect(&c->session.connection);
    c->out_of_memory = false;
    c->is_ready = lsync_redis_session_connect(&c->session) && lsync_redis_script_load(&c->script, &c->session);
    c->session.connection.received = 0;
    if (c->is_ready) {
        warn_once(c);
        return;
    }
    c->has_failed = true;
    c->retry_at_us = lsync_clock_boot_us() + c->pause_us;
    c->pause_us = c->pause_us == 0 ? PAUSE_MIN_US : c->pause_us * 2;
    c->pause_us = c->pause_us > PAUSE_MAX_US ? PAUSE_MAX_US : c->pause_us;
}

static void begin(void *user, lock_sync_guard_swap *swap)
{
    channel *c = user;

    swap->begun_us = lsync_clock_boot_us();
    append(&c->waiting, swap);
}

/* Returns when the first open swap began; INT64_MAX: there is no open swap. */
static int64_t oldest_us(const channel *c)
{
    const swap_list *const lists[] = {&c->replied, &c->sent, &c->again, &c->waiting};
    int64_t oldest = INT64_MAX;

    for (size_t i = 0; i < sizeof lists / sizeof lists[0]; i++)
        if (lists[i]->first != NULL && lists[i]->first->begun_us < oldest)
            oldest = lists[i]->first->begun_us;
    return oldest;
}

/* Returns whether the first open swap has been open for too long. */
static bool is_late(const channel *c, int64_t now_us)
{
    int64_t oldest = oldest_us(c);

    return oldest != INT64_MAX && now_us - oldest >= LSYNC_REDIS_TIMEOUT_US;
}

static void proceed(void *user, bool readable, bool writable, int64_t now_us)
{
    channel *c = user;

    if (c->is_ready && !lsync_redis_is_connected(&c->session.connection))
        break_because(c, "the process was forked", NULL);
    /* with TLS, a read may have to send first; if this thread was late, replies may have arrived in time */
    if (c->is_ready && (readable || (writable && c->out_size == 0) || is_late(c, now_us)))
        receive(c);
    if (c->is_ready && !write_batch(c)) {
        c->out_of_memory = true;
        break_because(c, "out of memory", NULL);
    }
    if (c->is_ready)
        send_bytes(c);
    if (c->is_ready && is_late(c, now_us))
        break_because(c, "no reply", strerror(ETIMEDOUT));
    if (!c->is_ready) {
        fail_all(c, &c->waiting, false);
        c->has_failed = false;
    }
}

static int fd(void *user)
{
    const channel *c = user;

    return c->is_ready ? c->session.connection.stream.fd : -1;
}

static uint32_t wants(void *user, int64_t now_us, int64_t *due_us)
{
    const channel *c = user;
    int64_t oldest = oldest_us(c);

    *due_us = INT64_MAX;
    if (!c->is_ready && (c->has_failed || oldest != INT64_MAX))
        *due_us = now_us;
    else if (oldest != INT64_MAX)
        *due_us = oldest + LSYNC_REDIS_TIMEOUT_US;
    if (!c->is_ready)
        return !c->has_failed && now_us >= c->retry_at_us ? LOCK_SYNC_CHANNEL_CONNECT : 0;
    return LOCK_SYNC_CHANNEL_READ | (c->session.connection.stream.awaits == POLLOUT ? LOCK_SYNC_CHANNEL_WRITE : 0);
}

static void close_channel(void *user)
{
    channel *c = user;
    lock_sync_redis *server = c->server;

    lsync_redis_explain(&c->session.connection, "the pool was freed", NULL);
    break_off(c);
    lsync_redis_disconnect(&c->session.connection);
    lsync_free(&server->memory, c->out);
    lsync_wipe(c, sizeof *c);
    lsync_free(&server->memory, c);
    lsync_redis_unref(server);
}

const lock_sync_guard_channel_ops lsync_redis_channel_ops = {
    .struct_size = sizeof lsync_redis_channel_ops,
    .open = open_channel,
    .connect = connect_channel,
    .begin = begin,
    .proceed = proceed,
    .fd = fd,
    .wants = wants,
    .close = close_channel,
};
