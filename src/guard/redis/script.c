/* The script that carries out a swap; see script.h.

   KEYS: the record's, the marker's. ARGV: the record that is expected, the new one ("": only look), the window, the
   expiry in ms, the replication id ("": unknown). Returns 1 and the time, or 0, the time, the record, and since when
   the server has lost nothing if there is no record. */
#include "guard/redis/script.h"
#include "guard/redis/redis_store.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NUMBER_SIZE 24

#define LINE(code) code "\n"

// clang-format off
static const char text[] =
    LINE("local time = redis.call('TIME')")
    LINE("local now = time[1] * 1000000 + time[2]")
    LINE("local found = redis.call('GET', KEYS[1])")
    LINE("if ARGV[2] ~= '' and (found or '') == ARGV[1] and now >= tonumber(ARGV[3]) and now <= tonumber(ARGV[4]) then")
    LINE("  redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[5])")
    LINE("  return {1, time[1], time[2]}")
    LINE("end")
    LINE("local since = ''")
    LINE("if not found then")
    LINE("  since = string.format('%.0f', now)")
    LINE("  local marker = ARGV[6] ~= '' and redis.call('GET', KEYS[2])")
    LINE("  if marker and string.match(marker, '^' .. ARGV[6] .. ' %d+$') then")
    LINE("    since = string.sub(marker, #ARGV[6] + 2)")
    LINE("  elseif ARGV[6] ~= '' then")
    LINE("    redis.call('SET', KEYS[2], ARGV[6] .. ' ' .. since)")
    LINE("  end")
    LINE("end")
    LINE("return {0, time[1], time[2], found, since}");
// clang-format on

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

size_t lsync_redis_script_format(lsync_redis_script *script, const lsync_redis_info *info,
                                 const lock_sync_guard_swap *swap, char **bytes)
{
    lsync_redis_command command = script->is_missing
                                      ? lsync_redis_command_of("EVAL", text, "2", (char *)NULL)
                                      : lsync_redis_command_of("EVALSHA", script->sha, "2", (char *)NULL);
    char marker[LSYNC_REDIS_MARKER_KEY_MAX];
    char source[LSYNC_REDIS_MARKER_SIZE] = "";
    char numbers[3][NUMBER_SIZE];
    long long size;

    if (info->has_source)
        lsync_redis_info_write_source(info, source);
    lsync_redis_command_add(&command, swap->key, swap->key_size);
    lsync_redis_command_add(&command, marker, lsync_redis_marker_key(swap->key, swap->key_size, marker));
    lsync_redis_command_add(&command, swap->expected, swap->expected_size);
    lsync_redis_command_add(&command, swap->record, lsync_redis_expects_another(info, swap) ? 0 : swap->record_size);
    add_number(&command, numbers[0], swap->not_before_us);
    add_number(&command, numbers[1], swap->not_after_us);
    add_number(&command, numbers[2], swap->expires_in_ms);
    lsync_redis_command_add(&command, source, strlen(source));
    size = redisFormatCommandArgv(bytes, command.words, (const char **)(uintptr_t)command.word, command.size);
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

lsync_redis_swapped lsync_redis_script_read(lsync_redis_script *script, lsync_redis_session *s, const redisReply *reply,
                                            lock_sync_guard_swap *swap)
{
    bool good;

    if (reply->type == REDIS_REPLY_ERROR && strncmp(reply->str, "NOSCRIPT", 8) == 0) {
        script->is_missing = true;
        return LSYNC_REDIS_NO_SCRIPT;
    }
    good = reply->type == REDIS_REPLY_ARRAY && (reply->elements == 3 || reply->elements == 5) &&
           reply->element[0]->type == REDIS_REPLY_INTEGER &&
           lsync_redis_read_time(reply->element[1], reply->element[2], &swap->now_us);
    if (!good) {
        (void)lsync_redis_session_fail(s, "the script failed", reply);
        return LSYNC_REDIS_NOT_SWAPPED;
    }
    swap->replaced = reply->elements == 3;
    if (!swap->replaced && !read_found(reply, swap)) {
        (void)lsync_redis_session_fail(s, "the key's value is not a record", NULL);
        return LSYNC_REDIS_NOT_SWAPPED;
    }
    return LSYNC_REDIS_SWAPPED;
}
