/* Times in the formats of HTTP; see timestamp.h. */
#include "wire/timestamp.h"
#include "base/ascii.h"

#include <string.h>

#define LAST_SECOND 60               /* HTTP allows leap seconds */
#define YEAR_MS INT64_C(31556952000) /* the mean year: 146,097 days in 400 years */
#define YEAR_MAX 9999
#define SECONDS_DIGITS_MAX 10 /* in Retry-After: more than three centuries are not meant as a wait */

typedef struct cursor {
    const char *at;
    const char *end;
} cursor;

/* Takes exactly `count` digits. */
static bool take_number(cursor *c, size_t count, unsigned *value)
{
    uint64_t number;
    size_t digits = lsync_ascii_digits(c->at, (size_t)(c->end - c->at), count, &number);

    *value = (unsigned)number;
    c->at += digits;
    return digits == count;
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

static bool take_clock(cursor *c, lsync_moment *m)
{
    return take_number(c, 2, &m->hour) && take_char(c, ':') && take_number(c, 2, &m->minute) && take_char(c, ':') &&
           take_number(c, 2, &m->second);
}

static bool take_month(cursor *c, unsigned *month)
{
    static const char *const names[] = {"jan", "feb", "mar", "apr", "may", "jun",
                                        "jul", "aug", "sep", "oct", "nov", "dec"};

    for (*month = 1; *month <= 12; ++*month)
        if (take(c, names[*month - 1]))
            return true;
    return false;
}

/* Takes the name of a day, complete or its first three letters. */
static bool take_day_name(cursor *c)
{
    static const char *const names[] = {"monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"};

    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        const char cut[] = {names[i][0], names[i][1], names[i][2], '\0'};

        if (take(c, names[i]) || take(c, cut))
            return true;
    }
    return false;
}

/* Takes "06 Nov 1994 08:49:37 GMT" or "06-Nov-94 08:49:37 GMT". */
static bool take_date(cursor c, char separator, size_t year_digits, lsync_moment *m)
{
    return take_number(&c, 2, &m->day) && take_char(&c, separator) && take_month(&c, &m->month) &&
           take_char(&c, separator) && take_number(&c, year_digits, &m->year) && take_char(&c, ' ') &&
           take_clock(&c, m) && take(&c, " gmt") && c.at == c.end;
}

/* Takes a date whose year has two digits. Of the years that end in these digits, the latest one counts that is at most
   50 years after `now_ms` (RFC 9110, section 5.6.7). */
static bool take_rfc850(cursor c, int64_t now_ms, lsync_moment *m)
{
    int64_t latest_ms = now_ms > INT64_MAX - 50 * YEAR_MS ? INT64_MAX : now_ms + 50 * YEAR_MS;
    int64_t latest_year = 1970 + latest_ms / YEAR_MS + 1; /* up to two years too late: YEAR_MS is a mean */
    int64_t year;
    int64_t unix_ms;

    if (!take_date(c, '-', 2, m))
        return false;
    year = latest_year - (latest_year + 100 - m->year) % 100;
    if (year < 101 || year > YEAR_MAX)
        return false;
    m->year = (unsigned)year;
    if (lsync_moment_unix_ms(m, LAST_SECOND, &unix_ms) && unix_ms > latest_ms)
        m->year -= 100;
    return true;
}

/* Takes "Nov  6 08:49:37 1994". */
static bool take_asctime(cursor c, lsync_moment *m)
{
    if (!take_month(&c, &m->month) || !take_char(&c, ' '))
        return false;
    return take_number(&c, take_char(&c, ' ') ? 1 : 2, &m->day) && take_char(&c, ' ') && take_clock(&c, m) &&
           take_char(&c, ' ') && take_number(&c, 4, &m->year) && c.at == c.end;
}

bool lsync_http_date_parse(const char *text, int64_t now_ms, int64_t *unix_ms)
{
    cursor c = {text, text + strlen(text)};
    lsync_moment m;

    if (!take_day_name(&c))
        return false;
    if (take(&c, ", ")) {
        if (!take_date(c, ' ', 4, &m) && !take_rfc850(c, now_ms, &m))
            return false;
    } else if (!take_char(&c, ' ') || !take_asctime(c, &m)) {
        return false;
    }
    return lsync_moment_unix_ms(&m, LAST_SECOND, unix_ms);
}

int64_t lsync_retry_after_ms(const char *value, const char *date, int64_t received_at_ms)
{
    uint64_t seconds;
    size_t digits = lsync_ascii_digits(value, strlen(value), SECONDS_DIGITS_MAX, &seconds);
    int64_t until;
    int64_t from;

    if (digits > 0 && value[digits] == '\0')
        return (int64_t)seconds * 1000;
    if (!lsync_http_date_parse(value, received_at_ms, &until))
        return -1;
    if (!lsync_http_date_parse(date, received_at_ms, &from))
        from = received_at_ms;
    return until > from ? until - from : 0;
}
