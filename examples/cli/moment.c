#include "moment.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#define YEAR_1_MS INT64_C(-62135596800000) /* 0001-01-01T00:00:00Z */
#define DAY_MS INT64_C(86400000)

int64_t unix_now_ms(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

bool moment_of(const lock_sync_lock *lock, int64_t *unix_ms)
{
    *unix_ms = lock->last_state_changed_ms;
    /* a day of margin: the default date may have an offset */
    return (lock->fields & LOCK_SYNC_FIELD_LAST_STATE_CHANGED) != 0 && *unix_ms >= YEAR_1_MS + DAY_MS;
}

/* Splits a time, also before 1970, into the second and the milliseconds, which it returns. */
static int split(int64_t unix_ms, time_t *second)
{
    int64_t ms = unix_ms % 1000;

    if (ms < 0)
        ms += 1000;
    *second = (time_t)((unix_ms - ms) / 1000);
    return (int)ms;
}

/* Writes the year with four digits: strftime() writes the year 999 with three. */
static bool write_date(const struct tm *parts, const char *rest, char text[MOMENT_SIZE])
{
    int year = parts->tm_year + 1900;

    if (year < 0 || year > 9999)
        return false;
    (void)snprintf(text, MOMENT_SIZE, "%04d", year);
    return strftime(text + 4, MOMENT_SIZE - 4, rest, parts) != 0;
}

bool moment_utc(int64_t unix_ms, char text[MOMENT_SIZE])
{
    time_t second;
    int ms = split(unix_ms, &second);
    struct tm parts;

    text[0] = '\0';
    if (gmtime_r(&second, &parts) == NULL || !write_date(&parts, "-%m-%dT%H:%M:%S", text))
        return false;
    (void)snprintf(text + strlen(text), MOMENT_SIZE - strlen(text), ".%03dZ", ms);
    return true;
}

/* Splits a time into the parts of its local date and time. */
static bool local_parts(int64_t unix_ms, struct tm *parts)
{
    time_t second;

    (void)split(unix_ms, &second);
    return localtime_r(&second, parts) != NULL;
}

bool moment_local(int64_t unix_ms, char text[MOMENT_SIZE])
{
    struct tm parts;

    text[0] = '\0';
    return local_parts(unix_ms, &parts) && write_date(&parts, "-%m-%d %H:%M:%S", text);
}

bool moment_clock(int64_t unix_ms, int64_t now_ms, char text[MOMENT_SIZE])
{
    struct tm parts;
    struct tm today;

    if (!local_parts(unix_ms, &parts) || !local_parts(now_ms, &today) || parts.tm_year != today.tm_year ||
        parts.tm_yday != today.tm_yday)
        return moment_local(unix_ms, text);
    return strftime(text, MOMENT_SIZE, "%H:%M:%S", &parts) != 0;
}

bool moment_zone(int64_t unix_ms, char text[MOMENT_SIZE])
{
    struct tm parts;

    text[0] = '\0';
    return local_parts(unix_ms, &parts) && strftime(text, MOMENT_SIZE, "%Z", &parts) != 0;
}

void moment_span(int64_t ms, char text[MOMENT_SIZE])
{
    int64_t s = ms <= 0 ? 0 : ms / 1000 + (ms % 1000 > 0);
    int64_t minutes = s / 60 + (s % 60 > 0);

    if (s < 60)
        (void)snprintf(text, MOMENT_SIZE, "%" PRId64 " s", s);
    else if (s < 3600)
        (void)snprintf(text, MOMENT_SIZE, "%" PRId64 " min %" PRId64 " s", s / 60, s % 60);
    else
        (void)snprintf(text, MOMENT_SIZE, "%" PRId64 " h %" PRId64 " min", minutes / 60, minutes % 60);
}
