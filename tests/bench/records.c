/* See records.h. Times are parsed by hand: strptime and timegm would cost more than the parsers. */
#include "records.h"

#include <stdlib.h>

static bool take_digits(const char **at, int count, int *value)
{
    *value = 0;
    for (int i = 0; i < count; i++, ++*at) {
        if (**at < '0' || **at > '9')
            return false;
        *value = *value * 10 + (**at - '0');
    }
    return true;
}

static bool take_char(const char **at, char expected)
{
    if (**at != expected)
        return false;
    ++*at;
    return true;
}

static int64_t days_since_1970(int year, int month, int day)
{
    int y = month <= 2 ? year - 1 : year;

    return 365 * (int64_t)y + y / 4 - y / 100 + y / 400 + (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1 -
           719468;
}

/* Reads a time: UTC, with or without Z and fraction. */
static bool read_time(const char *at, size_t length, int64_t *unix_ms)
{
    const char *end = at + length;
    int year, month, day, hour, minute, second;
    int ms = 0;

    if (length < sizeof "0000-00-00T00:00:00" - 1)
        return false;
    if (!take_digits(&at, 4, &year) || !take_char(&at, '-') || !take_digits(&at, 2, &month) || !take_char(&at, '-') ||
        !take_digits(&at, 2, &day) || !take_char(&at, 'T') || !take_digits(&at, 2, &hour) || !take_char(&at, ':') ||
        !take_digits(&at, 2, &minute) || !take_char(&at, ':') || !take_digits(&at, 2, &second))
        return false;
    if (at < end && take_char(&at, '.'))
        for (int scale = 100; at < end && *at >= '0' && *at <= '9'; at++, scale /= 10)
            ms += scale * (*at - '0');
    if (at < end)
        (void)take_char(&at, 'Z');
    if (at != end)
        return false;
    *unix_ms = ((days_since_1970(year, month, day) * 24 + hour) * 60 + minute) * 60000 + second * 1000 + ms;
    return true;
}

void keep_time(lock_sync_lock *lock, const char *text, size_t length)
{
    if (read_time(text, length, &lock->last_state_changed_ms))
        lock->fields |= LOCK_SYNC_FIELD_LAST_STATE_CHANGED;
}

void keep_battery(lock_sync_lock *lock, int32_t level)
{
    if (level < 0 || level > 100)
        return;
    lock->battery_level = level;
    lock->fields |= LOCK_SYNC_FIELD_BATTERY_LEVEL;
}

bool make_room(records *out, size_t count)
{
    out->count = count;
    out->locks = calloc(count + 1, sizeof out->locks[0]);
    return out->locks != NULL;
}

uint64_t checksum(uint64_t sum, const lock_sync_lock *lock)
{
    const int64_t values[] = {
        lock->id,         lock->revision,      lock->last_state_changed_ms, lock->fields,       lock->state,
        lock->door_state, lock->battery_level, lock->state_change_result,   lock->is_connected, lock->is_charging};

    for (size_t i = 0; i < sizeof values / sizeof values[0]; i++)
        sum = (sum ^ (uint64_t)values[i]) * 0x100000001b3;
    return sum;
}
