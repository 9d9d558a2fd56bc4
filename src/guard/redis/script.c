/* The script that carries out a swap, swap.lua; see script.h.

   KEYS: the record's, the marker's. ARGV: the record that is expected, the new one ("": only look), the window, the
   expiry in ms, the replication id ("": unknown). Returns 1 and the time, or 0, the time, the record, and since when
   the server has lost nothing.

   An absent record was never written, has expired because it had no more effect, or was lost. A marker under a separate
   key, which never expires, distinguishes these: it says since when the server has lost nothing, under its present
   replication id. */
#include "guard/redis/script.h"
#include "base/clock.h"
#include "swap_lua.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NUMBER_SIZE 24

size_t lsync_redis_marker_key(const char *key, size_t key_size, char name[LSYNC_REDIS_MARKER_KEY_MAX])
{
    size_t prefix = key_size;

    while (prefix > 0 && key[prefix - 1] != ':')
        prefix--;
    prefix = prefix == 0 ? key_size : prefix - 1;
    return (size_t)snprintf(name, LSYNC_REDIS_MARKER_KEY_MAX, "%.*s%s", (int)prefix, key, LSYNC_REDIS_MARKER_SUFFIX);
}

/* Reads the reply to SCRIPT LOAD. */
static bool read_sha(lsync_redis_script *script, const redisReply *reply)
{
    if (reply->type != REDIS_REPLY_STRING || reply->len != sizeof script->sha - 1)
        return false;
    memcpy(script->sha, reply->str, sizeof script->sha);
    return true;
}

bool lsync_redis_script_load(lsync_redis_script *script, lsync_redis_session *s)
{
    lsync_redis_command command = lsync_redis_command_of("SCRIPT", "LOAD", text, (char *)NULL);
    redisReply *reply;
    bool good;

    if (!lsync_redis_call(&s->connection, &command, 1, &reply))
        return false;
    good = read_sha(script, reply) || lsync_redis_session_fail(s, "loading the script failed", reply);
    freeReplyObject(reply);
    script->is_missing = false;
    return good;
}

static void add_number(lsync_redis_command *command, char number[NUMBER_SIZE], int64_t value)
{
    int size = snprintf(number, NUMBER_SIZE, "%" PRId64, value);

    lsync_redis_command_add(command, number, (size_t)size);
}

bool lsync_redis_expects_another(const lsync_redis_info *info, const lock_sync_guard_swap *swap)
{
    static const unsigned char any[LOCK_SYNC_GUARD_SOURCE_SIZE];

    return memcmp(swap->expected_source, any, sizeof any) != 0 &&
           (!info->has_source || memcmp(swap->expected_source, info->source, sizeof info->source) != 0);
}

/* A command, and the texts that it points to. */
typedef struct swap_command {
    lsync_redis_command command;
    char marker[LSYNC_REDIS_MARKER_KEY_MAX];
    char source[LSYNC_REDIS_SOURCE_SIZE];
    char numbers[3][NUMBER_SIZE];
} swap_command;

/* Makes the command that carries out a swap on a server with this INFO. */
static void make_command(swap_command *c, const lsync_redis_script *script, const lsync_redis_info *info,
                         const lock_sync_guard_swap *swap)
{
    lsync_redis_command *command = &c->command;

    *command = script->is_missing ? lsync_redis_command_of("EVAL", text, "2", (char *)NULL)
                                  : lsync_redis_command_of("EVALSHA", script->sha, "2", (char *)NULL);
    c->source[0] = '\0';
    if (info->has_source)
        lsync_redis_info_write_source(info, c->source);
    lsync_redis_command_add(command, swap->key, swap->key_size);
    lsync_redis_command_add(command, c->marker, lsync_redis_marker_key(swap->key, swap->key_size, c->marker));
    lsync_redis_command_add(command, swap->expected, swap->expected_size);
    lsync_redis_command_add(command, swap->record, lsync_redis_expects_another(info, swap) ? 0 : swap->record_size);
    add_number(command, c->numbers[0], swap->not_before_us);
    add_number(command, c->numbers[1], swap->not_after_us);
    add_number(command, c->numbers[2], swap->expires_in_ms);
    lsync_redis_command_add(command, c->source, strlen(c->source));
}

size_t lsync_redis_script_format(lsync_redis_script *script, const lsync_redis_info *info,
                                 const lock_sync_guard_swap *swap, char **bytes)
{
    swap_command c;
    long long size;

    make_command(&c, script, info, swap);
    size = redisFormatCommandArgv(bytes, c.command.words, (const char **)(uintptr_t)c.command.word, c.command.size);
    script->is_missing = script->is_missing && size <= 0;
    return size <= 0 ? 0 : (size_t)size;
}

/* --- the reply --- */

static bool is_text(const redisReply *reply)
{
    return reply->type == REDIS_REPLY_STRING;
}

/* Reads the record that the server has, and since when it has lost nothing. */
static bool read_found(const redisReply *reply, lock_sync_guard_swap *swap)
{
    const redisReply *found = reply->element[3];
    const redisReply *since = reply->element[4];

    if (found->type == REDIS_REPLY_NIL && is_text(since)) {
        swap->empty_since_us = strtoll(since->str, NULL, 10);
        return true;
    }
    if (!is_text(found) || found->len == 0 || found->len > sizeof swap->found)
        return false;
    memcpy(swap->found, found->str, found->len);
    swap->found_size = found->len;
    return true;
}

/* Returns whether the server is a replica. Redis 6 begins its reply with its own words about the script. */
static bool is_read_only(const redisReply *reply)
{
    return reply->type == REDIS_REPLY_ERROR &&
           (strncmp(reply->str, "READONLY", 8) == 0 || strncmp(reply->str, "MASTERDOWN", 10) == 0 ||
            strstr(reply->str, " -READONLY ") != NULL);
}

lsync_redis_swapped lsync_redis_script_read(lsync_redis_script *script, lsync_redis_session *s, const redisReply *reply,
                                            lock_sync_guard_swap *swap)
{
    bool good;

    swap->found_size = 0; /* it may have been sent before, to another server */
    if (reply->type == REDIS_REPLY_ERROR && strncmp(reply->str, "NOSCRIPT", 8) == 0) {
        (void)lsync_redis_session_fail(s, "the script failed", reply);
        script->is_missing = true;
        return LSYNC_REDIS_NO_SCRIPT;
    }
    good = reply->type == REDIS_REPLY_ARRAY && (reply->elements == 3 || reply->elements == 5) &&
           reply->element[0]->type == REDIS_REPLY_INTEGER &&
           lsync_redis_read_time(reply->element[1], reply->element[2], &swap->now_us);
    if (!good) {
        (void)lsync_redis_session_fail(s, "the script failed", reply);
        return is_read_only(reply) ? LSYNC_REDIS_READ_ONLY : LSYNC_REDIS_NOT_SWAPPED;
    }
    swap->replaced = reply->elements == 3;
    if (!swap->replaced && !read_found(reply, swap)) {
        (void)lsync_redis_session_fail(s, "the key's value is not a record", NULL);
        return LSYNC_REDIS_NOT_SWAPPED;
    }
    return LSYNC_REDIS_SWAPPED;
}

/* --- blocking --- */

/* Sends a swap and INFO, whose reply shows that the server is still the master with the same replication id. So the
   swap was not carried out by another server. */
static lsync_redis_swapped run_once(lsync_redis_script *script, lsync_redis_session *s, lock_sync_guard_swap *swap)
{
    lsync_redis_command commands[2] = {{0}, lsync_redis_command_of("INFO", "replication", (char *)NULL)};
    size_t n = s->info.has_source ? 2 : 1; /* an INFO that is rejected would only fill the server's ACL log */
    redisReply *replies[2] = {NULL, NULL};
    lsync_redis_swapped swapped;
    swap_command c;

    make_command(&c, script, &s->info, swap);
    commands[0] = c.command;
    swap->begun_us = lsync_clock_boot_us();
    if (!lsync_redis_call(&s->connection, commands, n, replies))
        return LSYNC_REDIS_NOT_SWAPPED;
    script->is_missing = false;
    swapped = lsync_redis_script_read(script, s, replies[0], swap);
    if (n == 2 && !lsync_redis_session_read_role(s, replies[1]))
        swapped = LSYNC_REDIS_READ_ONLY;
    freeReplyObject(replies[0]);
    freeReplyObject(replies[1]);
    return swapped;
}

bool lsync_redis_script_run(lsync_redis_script *script, lsync_redis_session *s, lock_sync_guard_swap *swap)
{
    lsync_redis_swapped swapped = LSYNC_REDIS_NO_SCRIPT;

    if (!lsync_redis_session_connect(s) || (script->sha[0] == '\0' && !lsync_redis_script_load(script, s)))
        return false;
    for (int tries = 0; swapped == LSYNC_REDIS_NO_SCRIPT && tries < 2; tries++)
        swapped = run_once(script, s, swap);
    if (swapped == LSYNC_REDIS_READ_ONLY)
        lsync_redis_disconnect(&s->connection); /* its name or the sentinels may lead to a new master */
    if (swapped != LSYNC_REDIS_SWAPPED)
        return false;
    if (s->info.has_source)
        memcpy(swap->source, s->info.source, sizeof swap->source);
    return !swap->replaced || !lsync_redis_expects_another(&s->info, swap) ||
           lsync_redis_session_fail(s, "the server was restarted or replaced", NULL);
}
