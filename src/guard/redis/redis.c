/* The Redis guard: a store of load and compare-and-swap, on one connection that the guards of a server share.

   A swap is WATCH, a look whether the record is still the one that was decided on, then MULTI, SET, EXEC. When the
   reply to EXEC is lost, nobody knows whether the slot was taken: it counts as taken. */
#include "locksync/redis.h"
#include "base/memory.h"
#include "guard/record.h"
#include "guard/redis/connection.h"
#include "guard/redis/fork_mutex.h"
#include "guard/redis/redis_error.h"

#include <inttypes.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define KEY_SIZE_MAX 512
#define RECENT_START_US ((int64_t)3600 * 1000000)
#define EXPIRY_MARGIN_MS 60000
#define SECONDS_MAX ((long long)1 << 40)

struct lock_sync_redis {
    lock_sync_allocator memory;
    atomic_size_t users;    /* the host, and each guard */
    lsync_fork_mutex mutex; /* of the connection, and of the stores' members */
    lsync_redis_connection connection;
};

typedef struct redis_store {
    lock_sync_redis *server; /* a share */
    size_t key_size;
    bool has_seen;
    unsigned char seen[LSYNC_GUARD_RECORD_SIZE]; /* the record that this guard saw last */
    char key[];
} redis_store;

static void give_up_share(lock_sync_redis *r)
{
    lock_sync_allocator memory;

    if (atomic_fetch_sub(&r->users, 1) > 1)
        return;
    memory = r->memory;
    lsync_redis_disconnect(&r->connection);
    lsync_fork_mutex_destroy(&r->mutex);
    lsync_wipe(r, sizeof *r);
    lsync_free(&memory, r);
}

/* --- replies --- */

static bool is_text(const redisReply *reply)
{
    return reply->type == REDIS_REPLY_STRING;
}

static bool fail(redis_store *s, const char *what, const redisReply *reply)
{
    char words[LSYNC_REDIS_ERROR_MAX] = "";

    if (reply != NULL && reply->type == REDIS_REPLY_ERROR)
        lsync_redis_error_words(reply->str, words, sizeof words);
    lsync_redis_explain(&s->server->connection, what, words);
    return false;
}

/* TIME's reply: seconds and microseconds as texts. */
static bool read_time(redis_store *s, const redisReply *reply, int64_t *now_us)
{
    long long seconds;
    long long microseconds;

    if (reply->type != REDIS_REPLY_ARRAY || reply->elements != 2 || !is_text(reply->element[0]) ||
        !is_text(reply->element[1]))
        return fail(s, "TIME failed", reply);
    seconds = strtoll(reply->element[0]->str, NULL, 10);
    microseconds = strtoll(reply->element[1]->str, NULL, 10);
    if (seconds < 1 || seconds > SECONDS_MAX || microseconds < 0 || microseconds > 999999)
        return fail(s, "TIME tells no time", NULL);
    *now_us = seconds * 1000000 + microseconds;
    return true;
}

/* Sends commands; once more on a fresh connection when a kept one has died and to send twice does no harm. */
static bool talk(redis_store *s, const lsync_redis_command *commands, size_t n, redisReply **replies, bool again)
{
    bool kept = lsync_redis_is_connected(&s->server->connection);

    if (lsync_redis_talk(&s->server->connection, commands, n, replies))
        return true;
    return kept && again && lsync_redis_talk(&s->server->connection, commands, n, replies);
}

static void free_replies(redisReply **replies, size_t n)
{
    for (size_t i = 0; i < n; i++)
        freeReplyObject(replies[i]);
}

static lsync_redis_command key_command(const redis_store *s, const char *word)
{
    lsync_redis_command command = lsync_redis_command_of(word, (char *)NULL);

    lsync_redis_command_add(&command, s->key, s->key_size);
    return command;
}

/* --- a key that is absent --- */

/* The uptime is a difference of whole seconds: the start may have been up to one later than it says. */
static int64_t latest_start_us(int64_t now_us, long long uptime_s)
{
    int64_t start_us = (now_us / 1000000 - uptime_s + 1) * 1000000;

    return uptime_s < 0 || uptime_s > now_us / 1000000 || start_us > now_us ? now_us : start_us;
}

/* When the server started, at the latest. */
static bool read_start(redis_store *s, int64_t now_us, int64_t *start_us)
{
    static const char key[] = "uptime_in_seconds:";
    lsync_redis_command info = lsync_redis_command_of("INFO", "server", (char *)NULL);
    redisReply *reply;
    const char *uptime;
    bool good;

    if (!talk(s, &info, 1, &reply, true))
        return false;
    uptime = is_text(reply) ? strstr(reply->str, key) : NULL;
    good = uptime != NULL;
    if (!good)
        (void)fail(s, "INFO tells no uptime", reply);
    else
        *start_us = latest_start_us(now_us, strtoll(uptime + strlen(key), NULL, 10));
    freeReplyObject(reply);
    return good;
}

/* How long the record matters, in ms, as text: the interval is at most an hour. */
static void write_expiry(const void *record, size_t size, int64_t now_us, char *text, size_t room)
{
    const lsync_guard_limits widest = {LSYNC_GUARD_HOUR_US, 1, 0};
    lsync_guard_image image;
    int64_t stale_us = now_us + LSYNC_GUARD_HOUR_US;

    if (lsync_guard_unpack(record, size, &image) && lsync_guard_stale_at_us(&image.record, &widest) > now_us)
        stale_us = lsync_guard_stale_at_us(&image.record, &widest);
    (void)snprintf(text, room, "%" PRId64, (stale_us - now_us) / 1000 + EXPIRY_MARGIN_MS);
}

static void see(redis_store *s, const void *record, size_t size)
{
    if (size == sizeof s->seen) {
        memcpy(s->seen, record, size);
        s->has_seen = true;
    }
}

/* What stands in for an absent key: what this guard saw last. If the server was started within the hour it may have
   lost what others wrote: then no slot opens before that start, what this guard last saw a slot held, and an interval.
   False in *needed: a key that was never there. */
static bool stand_in(redis_store *s, int64_t now_us, unsigned char *record, bool *needed)
{
    lsync_guard_image image;
    int64_t start_us = 0;

    memset(&image, 0, sizeof image);
    if (!read_start(s, now_us, &start_us))
        return false;
    if (s->has_seen && !lsync_guard_unpack(s->seen, sizeof s->seen, &image))
        return fail(s, "the record seen last is damaged", NULL);
    *needed = s->has_seen;
    if (now_us - start_us < RECENT_START_US && image.record.last_us < start_us + image.record.hold_us) {
        image.record.last_us = start_us + image.record.hold_us;
        image.record.open = image.record.last_us > now_us; /* else a time ahead would be taken for a clock's jump */
        *needed = true;
    }
    lsync_guard_pack(&image, record);
    return true;
}

/* Puts a record in the place of an absent key, unless another did meanwhile. */
static bool restore(redis_store *s, int64_t now_us)
{
    unsigned char record[LSYNC_GUARD_RECORD_SIZE];
    char expiry[32];
    lsync_redis_command set = key_command(s, "SET");
    redisReply *reply;
    bool needed;
    bool good;

    if (!stand_in(s, now_us, record, &needed))
        return false;
    if (!needed)
        return true;
    write_expiry(record, sizeof record, now_us, expiry, sizeof expiry);
    lsync_redis_command_add(&set, (const char *)record, sizeof record);
    lsync_redis_command_add(&set, "NX", 2);
    lsync_redis_command_add(&set, "PX", 2);
    lsync_redis_command_add(&set, expiry, strlen(expiry));
    if (!talk(s, &set, 1, &reply, true))
        return false;
    good = reply->type == REDIS_REPLY_STATUS || reply->type == REDIS_REPLY_NIL || fail(s, "writing failed", reply);
    freeReplyObject(reply);
    return good;
}

/* --- the store --- */

/* What the key holds. *size 0: nothing. */
static bool get(redis_store *s, void *record, size_t *size, int64_t *now_us)
{
    lsync_redis_command commands[2] = {key_command(s, "GET"), lsync_redis_command_of("TIME", (char *)NULL)};
    lsync_guard_image image;
    redisReply *replies[2];
    bool good;

    if (!talk(s, commands, 2, replies, true))
        return false;
    *size = 0;
    good = replies[0]->type == REDIS_REPLY_ERROR ? fail(s, "reading failed", replies[0])
                                                 : read_time(s, replies[1], now_us);
    if (good && replies[0]->type != REDIS_REPLY_NIL) {
        good = (is_text(replies[0]) && lsync_guard_unpack(replies[0]->str, replies[0]->len, &image)) ||
               fail(s, "the key holds no record, or a damaged one", NULL);
        if (good) {
            *size = replies[0]->len;
            memcpy(record, replies[0]->str, *size);
            see(s, record, *size);
        }
    }
    free_replies(replies, 2);
    return good;
}

static bool load_locked(redis_store *s, void *record, size_t *size, int64_t *now_us)
{
    if (!get(s, record, size, now_us))
        return false;
    return *size > 0 || (restore(s, *now_us) && get(s, record, size, now_us));
}

static lock_sync_status load(void *user, void *record, size_t *size, int64_t *now_ms)
{
    redis_store *s = user;
    int64_t now_us = 0;
    bool good;

    lsync_fork_mutex_lock(&s->server->mutex);
    good = load_locked(s, record, size, &now_us);
    lsync_fork_mutex_unlock(&s->server->mutex);
    *now_ms = now_us / 1000;
    return good ? LOCK_SYNC_OK : LOCK_SYNC_E_GUARD;
}

/* Whether the key still holds what was decided on. */
static bool is_unchanged(const redisReply *reply, const void *old_record, size_t old_size)
{
    if (reply->type == REDIS_REPLY_NIL)
        return old_size == 0;
    return is_text(reply) && reply->len == old_size && memcmp(reply->str, old_record, old_size) == 0;
}

/* MULTI, SET, EXEC. */
static bool swap(redis_store *s, const void *record, size_t size, int64_t now_us, bool *replaced)
{
    char expiry[32];
    lsync_redis_command commands[3] = {lsync_redis_command_of("MULTI", (char *)NULL), key_command(s, "SET"),
                                       lsync_redis_command_of("EXEC", (char *)NULL)};
    redisReply *replies[3];
    bool good;

    write_expiry(record, size, now_us, expiry, sizeof expiry);
    lsync_redis_command_add(&commands[1], record, size);
    lsync_redis_command_add(&commands[1], "PX", 2);
    lsync_redis_command_add(&commands[1], expiry, strlen(expiry));
    if (!talk(s, commands, 3, replies, false)) {
        see(s, record, size); /* it may have been carried out: it counts as taken */
        return false;
    }
    *replaced = replies[2]->type == REDIS_REPLY_ARRAY && replies[2]->elements == 1 &&
                replies[2]->element[0]->type == REDIS_REPLY_STATUS;
    good = *replaced || replies[2]->type == REDIS_REPLY_NIL;
    if (*replaced)
        see(s, record, size);
    if (!good) { /* the server refuses to write: its memory or its disk is full, or it is a replica */
        (void)fail(s, "writing failed", replies[1]->type == REDIS_REPLY_ERROR ? replies[1] : replies[2]);
        lsync_redis_disconnect(&s->server->connection);
    }
    free_replies(replies, 3);
    return good;
}

static bool replace_locked(redis_store *s, const void *old_record, size_t old_size, const void *new_record,
                           size_t new_size, bool *replaced)
{
    lsync_redis_command unwatch = lsync_redis_command_of("UNWATCH", (char *)NULL);
    lsync_redis_command commands[3] = {key_command(s, "WATCH"), key_command(s, "GET"),
                                       lsync_redis_command_of("TIME", (char *)NULL)};
    redisReply *replies[3];
    int64_t now_us = 0;
    bool unchanged;
    bool good;

    *replaced = false;
    if (!talk(s, commands, 3, replies, true))
        return false;
    good = read_time(s, replies[2], &now_us);
    unchanged = is_unchanged(replies[1], old_record, old_size);
    free_replies(replies, 3);
    if (good && unchanged)
        return swap(s, new_record, new_size, now_us, replaced);
    if (talk(s, &unwatch, 1, replies, false))
        free_replies(replies, 1);
    return good;
}

static lock_sync_status replace(void *user, const void *old_record, size_t old_size, const void *new_record,
                                size_t new_size, bool *replaced)
{
    redis_store *s = user;
    bool good;

    lsync_fork_mutex_lock(&s->server->mutex);
    good = replace_locked(s, old_record, old_size, new_record, new_size, replaced);
    lsync_fork_mutex_unlock(&s->server->mutex);
    return good ? LOCK_SYNC_OK : LOCK_SYNC_E_GUARD;
}

static void describe(void *user, char *text, size_t size)
{
    redis_store *s = user;

    lsync_fork_mutex_lock(&s->server->mutex);
    (void)snprintf(text, size, "%s", s->server->connection.why);
    lsync_fork_mutex_unlock(&s->server->mutex);
}

static void destroy(void *user)
{
    redis_store *s = user;
    lock_sync_redis *server = s->server;

    lsync_free(&server->memory, s);
    give_up_share(server);
}

/* --- the public functions --- */

const char *lock_sync_redis_url_problem(const char *url)
{
    lsync_redis_url parsed;
    const char *why = url == NULL ? "it is NULL" : lsync_redis_url_parse(url, &parsed);

    lsync_wipe(&parsed, sizeof parsed);
    return why;
}

lock_sync_status lock_sync_redis_new(const char *url, lock_sync_redis **out)
{
    lock_sync_allocator memory;
    lock_sync_redis *r;

    if (out == NULL)
        return LOCK_SYNC_E_INVALID_ARGUMENT;
    *out = NULL;
    if (lock_sync_redis_url_problem(url) != NULL)
        return LOCK_SYNC_E_INVALID_ARGUMENT;
    (void)lsync_allocator_init(&memory, NULL);
    r = lsync_alloc(&memory, sizeof *r);
    if (r == NULL)
        return LOCK_SYNC_E_NO_MEMORY;
    memset(r, 0, sizeof *r);
    r->memory = memory;
    r->connection.fd = -1;
    if (!lsync_fork_mutex_init(&r->mutex)) {
        lsync_free(&memory, r);
        return LOCK_SYNC_E_NO_MEMORY;
    }
    (void)lsync_redis_url_parse(url, &r->connection.url);
    atomic_init(&r->users, 1);
    *out = r;
    return LOCK_SYNC_OK;
}

void lock_sync_redis_free(lock_sync_redis *r)
{
    if (r != NULL)
        give_up_share(r);
}

lock_sync_status lock_sync_guard_open_redis(lock_sync_redis *r, const char *key, lock_sync_guard **out)
{
    lock_sync_guard_store store = {sizeof store, NULL, load, replace, destroy, describe};
    size_t key_size = key == NULL ? 0 : strlen(key);
    lock_sync_status status;
    redis_store *s;

    if (out == NULL)
        return LOCK_SYNC_E_INVALID_ARGUMENT;
    *out = NULL;
    if (r == NULL || key_size == 0 || key_size > KEY_SIZE_MAX)
        return LOCK_SYNC_E_INVALID_ARGUMENT;
    s = lsync_alloc(&r->memory, sizeof *s + key_size + 1);
    if (s == NULL)
        return LOCK_SYNC_E_NO_MEMORY;
    memset(s, 0, sizeof *s);
    s->server = r;
    s->key_size = key_size;
    memcpy(s->key, key, key_size + 1);
    store.user = s;
    status = lock_sync_guard_new_with_store(&store, out);
    if (status == LOCK_SYNC_OK)
        (void)atomic_fetch_add(&r->users, 1);
    else
        lsync_free(&r->memory, s);
    return status;
}
