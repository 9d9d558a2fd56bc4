/* Look and swap on a Redis server; see redis_store.h.

   A swap is WATCH, then GET to see whether the record is still the one that was decided on, then MULTI, SET, EXEC. If
   the reply to EXEC is lost, it is unknown whether the server carried it out. Then the slot is not used, and its lease
   runs out.

   An absent record was never written, has expired because it had no more effect, or was lost. A marker under a separate
   key, which never expires, distinguishes these: it says since when the server has lost nothing, under its present
   replication id. */
#include "guard/redis/redis_store.h"
#include "guard/redis/redis_error.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SECONDS_MAX ((long long)1 << 40)
#define KEY_ROOM (LSYNC_REDIS_KEY_MAX + sizeof LSYNC_REDIS_MARKER_SUFFIX)

static bool is_text(const redisReply *reply)
{
    return reply->type == REDIS_REPLY_STRING;
}

static bool is_error(const redisReply *reply)
{
    return reply->type == REDIS_REPLY_ERROR;
}

/* Records a failure, and its cause if `reply` is an error. Returns false. */
static bool fail(lock_sync_redis *r, const char *what, const redisReply *reply)
{
    char words[LSYNC_REDIS_ERROR_MAX] = "";

    if (reply != NULL && is_error(reply))
        lsync_redis_error_words(reply->str, words, sizeof words);
    lsync_redis_explain(&r->connection, what, words);
    return false;
}

static void free_replies(redisReply **replies, size_t n)
{
    for (size_t i = 0; i < n; i++)
        freeReplyObject(replies[i]);
}

static lsync_redis_command command_on(const char *word, const char *key, size_t key_size)
{
    lsync_redis_command command = lsync_redis_command_of(word, (char *)NULL);

    lsync_redis_command_add(&command, key, key_size);
    return command;
}

/* --- the server --- */

/* Whether a server rejects INFO, because of its ACL or because the command was renamed. Such a server can be used. */
static bool has_no_info(const redisReply *reply)
{
    return is_error(reply) &&
           (strncmp(reply->str, "NOPERM", 6) == 0 || strncmp(reply->str, "ERR unknown command", 19) == 0);
}

/* Reads a reply to INFO. */
static bool read_info(lock_sync_redis *r, const redisReply *reply)
{
    if (is_text(reply))
        lsync_redis_info_read(&r->info, reply->str);
    else if (!has_no_info(reply))
        return fail(r, "INFO failed", reply);
    return true;
}

/* Connects if necessary, and reads INFO. Does so for each connection, because it may lead to another server. */
static bool ensure_connected(lock_sync_redis *r)
{
    lsync_redis_command commands[4] = {lsync_redis_command_of("INFO", "replication", (char *)NULL),
                                       lsync_redis_command_of("INFO", "persistence", (char *)NULL),
                                       lsync_redis_command_of("INFO", "memory", (char *)NULL),
                                       lsync_redis_command_of("INFO", "stats", (char *)NULL)};
    redisReply *replies[4];
    bool good = true;

    if (lsync_redis_is_connected(&r->connection))
        return true;
    if (!lsync_redis_call(&r->connection, commands, 4, replies))
        return false;
    r->connections++;
    memset(&r->info, 0, sizeof r->info);
    for (size_t i = 0; i < 4; i++)
        good = good && read_info(r, replies[i]);
    free_replies(replies, 4);
    if (!good)
        lsync_redis_disconnect(&r->connection);
    return good;
}

/* Reads a reply to TIME: seconds and microseconds as texts. */
static bool read_time(lock_sync_redis *r, const redisReply *reply, int64_t *now_us)
{
    long long seconds;
    long long microseconds;

    if (reply->type != REDIS_REPLY_ARRAY || reply->elements != 2 || !is_text(reply->element[0]) ||
        !is_text(reply->element[1]))
        return fail(r, "TIME failed", reply);
    seconds = strtoll(reply->element[0]->str, NULL, 10);
    microseconds = strtoll(reply->element[1]->str, NULL, 10);
    if (seconds < 1 || seconds > SECONDS_MAX || microseconds < 0 || microseconds > 999999)
        return fail(r, "the reply to TIME is not a time", NULL);
    *now_us = seconds * 1000000 + microseconds;
    return true;
}

/* Reads the replication id again, because it can change while a connection is open. All users must have the same id, or
   each would take the others' records for those of another lineage. Fails for a replica: it may lack records of its
   master, and may become a master before the swap. Disconnects then, because the name or the sentinels may lead to a
   new master. */
static bool read_role(lock_sync_redis *r, const redisReply *reply)
{
    if (!read_info(r, reply))
        return false;
    if (!r->info.is_replica)
        return true;
    lsync_redis_disconnect(&r->connection);
    return fail(r, "this is a replica, which does not write", NULL);
}

/* Gets the value of a key, and the server's time. *reply: the value, to be freed by the caller; NULL: no such key. */
static bool get(lock_sync_redis *r, const char *key, size_t key_size, redisReply **reply, int64_t *now_us)
{
    lsync_redis_command commands[3] = {command_on("GET", key, key_size), lsync_redis_command_of("TIME", (char *)NULL),
                                       lsync_redis_command_of("INFO", "replication", (char *)NULL)};
    size_t n = r->info.has_source ? 3 : 2; /* an INFO that is rejected would only fill the server's ACL log */
    redisReply *replies[3];
    bool good;

    *reply = NULL;
    if (!lsync_redis_call(&r->connection, commands, n, replies))
        return false;
    good = read_time(r, replies[1], now_us) && (n == 2 || read_role(r, replies[2]));
    if (good && !is_text(replies[0]) && replies[0]->type != REDIS_REPLY_NIL)
        good = fail(r, "reading failed", replies[0]);
    if (good && is_text(replies[0])) {
        *reply = replies[0];
        replies[0] = NULL;
    }
    free_replies(replies, n);
    return good;
}

/* --- the marker --- */

/* Makes the marker's key: the account's key up to the last colon, and a suffix. An ACL for the prefix covers it. */
static size_t marker_key(const char *key, size_t key_size, char name[KEY_ROOM])
{
    size_t prefix = key_size;

    while (prefix > 0 && key[prefix - 1] != ':')
        prefix--;
    prefix = prefix == 0 ? key_size : prefix - 1;
    return (size_t)snprintf(name, KEY_ROOM, "%.*s%s", (int)prefix, key, LSYNC_REDIS_MARKER_SUFFIX);
}

/* Writes a marker with the present time. Overwrites one with another replication id. If there was no marker and another
   user was faster, keeps that user's, which is as new. */
static bool write_marker(lock_sync_redis *r, const char *name, size_t name_size, bool is_absent, int64_t now_us)
{
    char text[LSYNC_REDIS_MARKER_SIZE];
    lsync_redis_command set = command_on("SET", name, name_size);
    redisReply *reply;
    bool good;

    lsync_redis_marker_write(&r->info, now_us, text);
    lsync_redis_command_add(&set, text, strlen(text));
    if (is_absent)
        lsync_redis_command_add(&set, "NX", 2);
    if (!lsync_redis_call(&r->connection, &set, 1, &reply))
        return false;
    good = !is_error(reply) || fail(r, "writing failed", reply);
    freeReplyObject(reply);
    return good;
}

/* Finds out since when the server has lost nothing, under its present replication id. Writes a marker if necessary. */
static bool find_marker(lock_sync_redis *r, const char *key, size_t key_size, int64_t *since_us)
{
    char name[KEY_ROOM];
    size_t name_size = marker_key(key, key_size, name);
    redisReply *marker;
    int64_t now_us = 0;
    bool good = true;

    if (!get(r, name, name_size, &marker, &now_us))
        return false;
    if (!r->info.has_source) /* then an absent record counts as lost */
        *since_us = now_us;
    else if (marker == NULL || !lsync_redis_marker_read(&r->info, marker->str, marker->len, since_us)) {
        *since_us = now_us;
        good = write_marker(r, name, name_size, marker == NULL, now_us);
    }
    freeReplyObject(marker);
    return good;
}

/* Whether a call failed on a connection that was already open: the caller retries on a new connection. */
static bool has_died(const lock_sync_redis *r, bool was_connected, bool good)
{
    return !good && was_connected && !lsync_redis_is_connected(&r->connection);
}

bool lsync_redis_prepare(lock_sync_redis *r, const char *key, size_t key_size)
{
    bool was_connected = lsync_redis_is_connected(&r->connection);
    int64_t since_us;
    bool good = ensure_connected(r) && find_marker(r, key, key_size, &since_us);

    if (has_died(r, was_connected, good))
        good = ensure_connected(r) && find_marker(r, key, key_size, &since_us);
    if (good && !r->info.has_source)
        return fail(r, "it does not allow INFO, so an absent record counts as lost", NULL);
    return good;
}

/* --- look --- */

static bool look_once(lsync_redis_store *s, lock_sync_guard_look *look)
{
    lock_sync_redis *r = s->server;
    size_t room = look->size;
    redisReply *record;
    bool good;

    if (!ensure_connected(r) || !get(r, s->key, s->key_size, &record, &look->now_us))
        return false;
    if (record == NULL) {
        look->size = 0;
        return find_marker(r, s->key, s->key_size, &look->empty_since_us);
    }
    good = record->len > 0 && record->len <= room;
    if (good) {
        memcpy(look->record, record->str, record->len);
        look->size = record->len;
    } else {
        (void)fail(r, "the key's value is not a record", NULL);
    }
    freeReplyObject(record);
    return good;
}

static void warn(lock_sync_redis *r, char *warning, size_t size)
{
    char text[160];

    if (r->has_warned)
        return;
    lsync_redis_info_warn(&r->info, text, sizeof text);
    r->has_warned = text[0] != '\0';
    if (r->has_warned)
        (void)snprintf(warning, size, "%s can lose what the guard writes: %s", r->connection.server, text);
}

lock_sync_status lsync_redis_look(void *user, lock_sync_guard_look *look)
{
    lsync_redis_store *s = user;
    lock_sync_redis *r = s->server;
    bool was_connected;
    bool good;

    lsync_fork_mutex_lock(&r->mutex);
    was_connected = lsync_redis_is_connected(&r->connection);
    good = look_once(s, look);
    if (has_died(r, was_connected, good))
        good = look_once(s, look);
    if (good) {
        s->looked = r->connections;
        if (r->info.has_source)
            memcpy(look->source, r->info.source, sizeof look->source);
        warn(r, look->warning, sizeof look->warning);
    }
    lsync_fork_mutex_unlock(&r->mutex);
    return good ? LOCK_SYNC_OK : LOCK_SYNC_E_GUARD;
}

/* --- swap --- */

/* Whether the record is still the one that was decided on. */
static bool is_unchanged(const redisReply *reply, const void *old_record, size_t old_size)
{
    if (reply->type == REDIS_REPLY_NIL)
        return old_size == 0;
    return is_text(reply) && reply->len == old_size && memcmp(reply->str, old_record, old_size) == 0;
}

/* Returns the first reply that is an error, because later ones follow from it; the last reply if there is no error. */
static const redisReply *first_error(redisReply *const *replies, size_t n)
{
    size_t i = 0;

    while (i + 1 < n && !is_error(replies[i]))
        i++;
    return replies[i];
}

/* MULTI, SET, EXEC. */
static bool write_watched(lsync_redis_store *s, const void *record, size_t size, int64_t expires_in_ms, bool *replaced)
{
    char expiry[32];
    lsync_redis_command commands[3] = {lsync_redis_command_of("MULTI", (char *)NULL),
                                       command_on("SET", s->key, s->key_size),
                                       lsync_redis_command_of("EXEC", (char *)NULL)};
    redisReply *replies[3];
    bool good;

    (void)snprintf(expiry, sizeof expiry, "%" PRId64, expires_in_ms);
    lsync_redis_command_add(&commands[1], record, size);
    lsync_redis_command_add(&commands[1], "PX", 2);
    lsync_redis_command_add(&commands[1], expiry, strlen(expiry));
    if (!lsync_redis_call(&s->server->connection, commands, 3, replies))
        return false;
    *replaced = replies[2]->type == REDIS_REPLY_ARRAY && replies[2]->elements == 1 &&
                replies[2]->element[0]->type == REDIS_REPLY_STATUS;
    good = *replaced || replies[2]->type == REDIS_REPLY_NIL;
    if (!good) { /* the server does not write: its memory or disk is full, or it is a replica */
        (void)fail(s->server, "writing failed", first_error(replies, 3));
        lsync_redis_disconnect(&s->server->connection);
    }
    free_replies(replies, 3);
    return good;
}

static bool swap(lsync_redis_store *s, const void *old_record, size_t old_size, const void *new_record, size_t new_size,
                 int64_t expires_in_ms, bool *replaced)
{
    lsync_redis_connection *c = &s->server->connection;
    lsync_redis_command unwatch = lsync_redis_command_of("UNWATCH", (char *)NULL);
    lsync_redis_command commands[2] = {command_on("WATCH", s->key, s->key_size),
                                       command_on("GET", s->key, s->key_size)};
    redisReply *replies[2];
    bool unchanged;
    bool good;

    /* a new connection may lead to another server: the guard must look again */
    if (!lsync_redis_is_connected(c) || s->looked != s->server->connections)
        return true;
    if (!lsync_redis_call(c, commands, 2, replies))
        return false;
    unchanged = is_unchanged(replies[1], old_record, old_size);
    good = !is_error(replies[0]) || fail(s->server, "watching failed", replies[0]);
    free_replies(replies, 2);
    if (!good)
        return false;
    if (unchanged)
        return write_watched(s, new_record, new_size, expires_in_ms, replaced);
    if (lsync_redis_call(c, &unwatch, 1, replies))
        free_replies(replies, 1);
    return true;
}

lock_sync_status lsync_redis_swap(void *user, const void *old_record, size_t old_size, const void *new_record,
                                  size_t new_size, int64_t expires_in_ms, bool *replaced)
{
    lsync_redis_store *s = user;
    bool good;

    *replaced = false;
    lsync_fork_mutex_lock(&s->server->mutex);
    good = swap(s, old_record, old_size, new_record, new_size, expires_in_ms, replaced);
    lsync_fork_mutex_unlock(&s->server->mutex);
    return good ? LOCK_SYNC_OK : LOCK_SYNC_E_GUARD;
}
