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

lock_sync_redis *lsync_redis_ref(lock_sync_redis *r)
{
    (void)atomic_fetch_add(&r->users, 1);
    return r;
}

void lsync_redis_unref(lock_sync_redis *r)
{
    lock_sync_allocator memory;

    if (atomic_fetch_sub(&r->users, 1) > 1)
        return;
    memory = r->memory;
    lsync_redis_disconnect(&r->session.connection);
    lsync_fork_mutex_destroy(&r->mutex);
    lsync_wipe(r, sizeof *r);
    lsync_free(&memory, r);
}

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
    return lsync_redis_session_fail(&r->session, what, reply);
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

static bool read_time(lock_sync_redis *r, const redisReply *reply, int64_t *now_us)
{
    if (reply->type != REDIS_REPLY_ARRAY || reply->elements != 2 || !is_text(reply->element[0]) ||
        !is_text(reply->element[1]))
        return fail(r, "TIME failed", reply);
    return lsync_redis_read_time(reply->element[0], reply->element[1], now_us) ||
           fail(r, "the reply to TIME is not a time", NULL);
}

/* Gets the value of a key, and the server's time. *reply: the value, to be freed by the caller; NULL: no such key. */
static bool get(lock_sync_redis *r, const char *key, size_t key_size, redisReply **reply, int64_t *now_us)
{
    lsync_redis_command commands[3] = {command_on("GET", key, key_size), lsync_redis_command_of("TIME", (char *)NULL),
                                       lsync_redis_command_of("INFO", "replication", (char *)NULL)};
    size_t n = r->session.info.has_source ? 3 : 2; /* an INFO that is rejected would only fill the server's ACL log */
    redisReply *replies[3];
    bool good;

    *reply = NULL;
    if (!lsync_redis_call(&r->session.connection, commands, n, replies))
        return false;
    good = read_time(r, replies[1], now_us);
    if (good && n == 3 && !lsync_redis_session_read_role(&r->session, replies[2])) {
        lsync_redis_disconnect(&r->session.connection); /* its name or the sentinels may lead to a new master */
        good = false;
    }
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

size_t lsync_redis_marker_key(const char *key, size_t key_size, char name[LSYNC_REDIS_MARKER_KEY_MAX])
{
    size_t prefix = key_size;

    while (prefix > 0 && key[prefix - 1] != ':')
        prefix--;
    prefix = prefix == 0 ? key_size : prefix - 1;
    return (size_t)snprintf(name, LSYNC_REDIS_MARKER_KEY_MAX, "%.*s%s", (int)prefix, key, LSYNC_REDIS_MARKER_SUFFIX);
}

/* Writes a marker with the present time. Overwrites one with another replication id. If there was no marker and another
   user was faster, keeps that user's, which is as new. */
static bool write_marker(lock_sync_redis *r, const char *name, size_t name_size, bool is_absent, int64_t now_us)
{
    char text[LSYNC_REDIS_MARKER_SIZE];
    lsync_redis_command set = command_on("SET", name, name_size);
    redisReply *reply;
    bool good;

    lsync_redis_marker_write(&r->session.info, now_us, text);
    lsync_redis_command_add(&set, text, strlen(text));
    if (is_absent)
        lsync_redis_command_add(&set, "NX", 2);
    if (!lsync_redis_call(&r->session.connection, &set, 1, &reply))
        return false;
    good = !is_error(reply) || fail(r, "writing failed", reply);
    freeReplyObject(reply);
    return good;
}

/* Finds out since when the server has lost nothing, under its present replication id. Writes a marker if necessary. */
static bool find_marker(lock_sync_redis *r, const char *key, size_t key_size, int64_t *since_us)
{
    char name[LSYNC_REDIS_MARKER_KEY_MAX];
    size_t name_size = lsync_redis_marker_key(key, key_size, name);
    redisReply *marker;
    int64_t now_us = 0;
    bool good = true;

    if (!get(r, name, name_size, &marker, &now_us))
        return false;
    if (!r->session.info.has_source) /* then an absent record counts as lost */
        *since_us = now_us;
    else if (marker == NULL || !lsync_redis_marker_read(&r->session.info, marker->str, marker->len, since_us)) {
        *since_us = now_us;
        good = write_marker(r, name, name_size, marker == NULL, now_us);
    }
    freeReplyObject(marker);
    return good;
}

/* Whether a call failed on a connection that was already open: the caller retries on a new connection. */
static bool has_died(const lock_sync_redis *r, bool was_connected, bool good)
{
    return !good && was_connected && !lsync_redis_is_connected(&r->session.connection);
}

bool lsync_redis_prepare(lock_sync_redis *r, const char *key, size_t key_size)
{
    bool was_connected = lsync_redis_is_connected(&r->session.connection);
    int64_t since_us;
    bool good = lsync_redis_session_connect(&r->session) && find_marker(r, key, key_size, &since_us);

    if (has_died(r, was_connected, good))
        good = lsync_redis_session_connect(&r->session) && find_marker(r, key, key_size, &since_us);
    if (good && !r->session.info.has_source)
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

    if (!lsync_redis_session_connect(&r->session) || !get(r, s->key, s->key_size, &record, &look->now_us))
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
    if (r->has_warned)
        return;
    lsync_redis_session_warn(&r->session, warning, size);
    r->has_warned = warning[0] != '\0';
}

lock_sync_status lsync_redis_look(void *user, lock_sync_guard_look *look)
{
    lsync_redis_store *s = user;
    lock_sync_redis *r = s->server;
    bool was_connected;
    bool good;

    lsync_fork_mutex_lock(&r->mutex);
    was_connected = lsync_redis_is_connected(&r->session.connection);
    good = look_once(s, look);
    if (has_died(r, was_connected, good))
        good = look_once(s, look);
    if (good) {
        s->looked = r->session.connections;
        if (r->session.info.has_source)
            memcpy(look->source, r->session.info.source, sizeof look->source);
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
    if (!lsync_redis_call(&s->server->session.connection, commands, 3, replies))
        return false;
    *replaced = replies[2]->type == REDIS_REPLY_ARRAY && replies[2]->elements == 1 &&
                replies[2]->element[0]->type == REDIS_REPLY_STATUS;
    good = *replaced || replies[2]->type == REDIS_REPLY_NIL;
    if (!good) { /* the server does not write: its memory or disk is full, or it is a replica */
        (void)fail(s->server, "writing failed", first_error(replies, 3));
        lsync_redis_disconnect(&s->server->session.connection);
    }
    free_replies(replies, 3);
    return good;
}

static bool swap(lsync_redis_store *s, const void *old_record, size_t old_size, const void *new_record, size_t new_size,
                 int64_t expires_in_ms, bool *replaced)
{
    lsync_redis_connection *c = &s->server->session.connection;
    lsync_redis_command unwatch = lsync_redis_command_of("UNWATCH", (char *)NULL);
    lsync_redis_command commands[2] = {command_on("WATCH", s->key, s->key_size),
                                       command_on("GET", s->key, s->key_size)};
    redisReply *replies[2];
    bool unchanged;
    bool good;

    /* a new connection may lead to another server: the guard must look again */
    if (!lsync_redis_is_connected(c) || s->looked != s->server->session.connections)
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
