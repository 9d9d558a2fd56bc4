/* Times as the service and HTTP write them; see timestamp.h. */
#include "wire/timestamp.h"
#include "base/ascii.h"

#include <string.h>

typedef struct cursor {
    const char *at;
    const char *end;
} cursor;

typedef struct moment {
    int year, month, day, hour, minute, second;
} moment;

static const char months[] = "janfebmaraprmayjunjulaugsepoctnovdec";

/* Exactly `count` digits. */
static bool take_number(cursor *c, int count, int *value)
{
    *value = 0;
    if (c->end - c->at < count)
        return false;
    for (int i = 0; i < count; i++, c->at++) {
        if (!lsync_ascii_is_digit(*c->at))
            return false;
        *value = *value * 10 + (*c->at - '0');
    }
    return true;
}

static bool take(cursor *c, const char *lower_case)
{
    if (!lsync_ascii_begins(c->at, (size_t)(c->end - c->at), lower_case))
        return false;
    c->at += strlen(lower_case);
    return true;
}

static bool take_char(cursor *c, char exactly)
{
    if (c->at == c->end || *c->at != exactly)
        return false;
    c->at++;
    return true;
}

static bool take_clock(cursor *c, moment *m)
{
    return take_number(c, 2, &m->hour) && take_char(c, ':') && take_number(c, 2, &m->minute) && take_char(c, ':') &&
           take_number(c, 2, &m->second);
}

static bool take_month(cursor *c, int *month)
{
    char name[4] = "";

    for (*month = 1; *month <= 12; ++*month) {
        memcpy(name, months + (size_t)(*month - 1) * 3, 3);
        if (take(c, name))
            return true;
    }
    return false;
}

static bool is_leap(int year)
{
    return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
}

static bool is_valid(const moment *m, int last_second)
{
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};

    return m->year >= 1 && m->year <= 9999 && m->month >= 1 && m->month <= 12 && m->day >= 1 &&
           m->day <= days[m->month - 1] + (m->month == 2 && is_leap(m->year)) && m->hour <= 23 && m->minute <= 59 &&
           m->second <= last_second;
}

/* Days from 1970-01-01 in the Gregorian calendar; years begin in March here, so that the leap day comes last. */
static int64_t days_of(int year, int month, int day)
{
    int64_t y = month <= 2 ? year - 1 : year;
    int64_t day_of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;

    return 365 * y + y / 4 - y / 100 + y / 400 + day_of_year - 719468;
}

static int64_t unix_ms_of(const moment *m)
{
    return ((days_of(m->year, m->month, m->day) * 24 + m->hour) * 60 + m->minute) * 60000 + (int64_t)m->second * 1000;
}

/* The milliseconds of up to nine fraction digits. */
static bool take_fraction(cursor *c, int *ms)
{
    const char *start = c->at;
    int digits = 0;

    *ms = 0;
    for (; c->at < c->end && lsync_ascii_is_digit(*c->at); c->at++)
        if (digits < 3) {
            *ms = *ms * 10 + (*c->at - '0');
            digits++;
        }
    for (; digits < 3; digits++)
        *ms *= 10;
    return c->at > start && c->at - start <= 9;
}

/* Z, an offset or nothing; the offset in minutes. */
static bool take_zone(cursor *c, int *minutes)
{
    int hour;
    int minute = 0;
    int sign;

    *minutes = 0;
    if (c->at == c->end || take_char(c, 'Z'))
        return true;
    sign = *c->at == '-' ? -1 : 1;
    if (!take_char(c, '+') && !take_char(c, '-'))
        return false;
    if (!take_number(c, 2, &hour) || hour > 23)
        return false;
    if (take_char(c, ':') && (!take_number(c, 2, &minute) || minute > 59))
        return false;
    *minutes = sign * (hour * 60 + minute);
    return true;
}

bool lsync_timestamp_parse(const char *text, size_t size, int64_t *unix_ms)
{
    cursor c = {text, text + size};
    moment m;
    int ms = 0;
    int offset;

    if (!take_number(&c, 4, &m.year) || !take_char(&c, '-') || !take_number(&c, 2, &m.month) || !take_char(&c, '-') ||
        !take_number(&c, 2, &m.day) || !take_char(&c, 'T') || !take_clock(&c, &m))
        return false;
    if (take_char(&c, '.') && !take_fraction(&c, &ms))
        return false;
    if (!take_zone(&c, &offset) || c.at != c.end || !is_valid(&m, 59))
        return false;
    *unix_ms = unix_ms_of(&m) + ms - (int64_t)offset * 60000;
    return true;
}

/* A day's name, cut to three letters or whole. */
static bool take_day_name(cursor *c)
{
    static const char *const names[] = {"monday", "tuesday",  "wednesday", "thursday", "friday", "saturday", "sunday",
                                        "mon",    "tue",      "wed",       "thu",      "fri",    "sat",      "sun"};

    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (take(c, names[i]))
            return true;
    return false;
}

/* "06 Nov 1994 08:49:37 GMT" */
static bool take_fixdate(cursor c, moment *m)
{
    return take_number(&c, 2, &m->day) && take_char(&c, ' ') && take_month(&c, &m->month) && take_char(&c, ' ') &&
           take_number(&c, 4, &m->year) && take_char(&c, ' ') && take_clock(&c, m) && take(&c, " gmt") && c.at == c.end;
}

/* "06-Nov-94 08:49:37 GMT": a year that seems to be more than 50 years ahead is the one with these digits before. */
static bool take_rfc850(cursor c, int64_t now_ms, moment *m)
{
    int this_year = 1970 + (int)(now_ms / 31556952000);

    if (!take_number(&c, 2, &m->day) || !take_char(&c, '-') || !take_month(&c, &m->month) || !take_char(&c, '-') ||
        !take_number(&c, 2, &m->year) || !take_char(&c, ' ') || !take_clock(&c, m) || !take(&c, " gmt") ||
        c.at != c.end)
        return false;
    m->year += this_year - this_year % 100;
    if (m->year > this_year + 50)
        m->year -= 100;
    return true;
}

/* "Nov  6 08:49:37 1994" */
static bool take_asctime(cursor c, moment *m)
{
    if (!take_month(&c, &m->month) || !take_char(&c, ' '))
        return false;
    return take_number(&c, take_char(&c, ' ') ? 1 : 2, &m->day) && take_char(&c, ' ') && take_clock(&c, m) &&
           take_char(&c, ' ') && take_number(&c, 4, &m->year) && c.at == c.end;
}

bool lsync_http_date_parse(const char *text, int64_t now_ms, int64_t *unix_ms)
{
    cursor c = {text, text + strlen(text)};
    moment m;

    if (!take_day_name(&c))
        return false;
    if (take(&c, ", ")) {
        if (!take_fixdate(c, &m) && !take_rfc850(c, now_ms, &m))
            return false;
    } else if (!take_char(&c, ' ') || !take_asctime(c, &m)) {
        return false;
    }
    if (!is_valid(&m, 60))
        return false;
    *unix_ms = unix_ms_of(&m);
    return true;
}

int64_t lsync_retry_after_ms(const char *value, const char *date, int64_t received_at_ms)
{
    size_t digits = strspn(value, "0123456789");
    int64_t seconds = 0;
    int64_t until;
    int64_t from;

    if (digits > 0 && value[digits] == '\0') {
        if (digits > 10) /* three centuries: no wait that anyone means */
            return -1;
        for (const char *c = value; *c != '\0'; c++)
            seconds = seconds * 10 + (*c - '0');
        return seconds * 1000;
    }
    if (!lsync_http_date_parse(value, received_at_ms, &until))
        return -1;
    if (!lsync_http_date_parse(date, received_at_ms, &from))
        from = received_at_ms;
    return until > from ? until - from : 0;
}
