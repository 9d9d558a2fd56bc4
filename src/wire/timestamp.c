/* Times in the service's format; see timestamp.h. */
#include "wire/timestamp.h"
#include "base/ascii.h"

#include <limits.h>

/* Parses `count` digits. Returns UINT_MAX, which no valid time contains, if one of them is not a digit. */
static unsigned number(const char *at, size_t count)
{
    uint64_t value;

    return lsync_ascii_digits(at, count, count, &value) == count ? (unsigned)value : UINT_MAX;
}

static bool is_leap(unsigned year)
{
    return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
}

static bool is_valid(const lsync_moment *m, unsigned last_second)
{
    static const unsigned char days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};

    return m->year >= 1 && m->year <= 9999 && m->month >= 1 && m->month <= 12 && m->day >= 1 &&
           m->day <= days[m->month - 1] + (m->month == 2 && is_leap(m->year) ? 1u : 0u) && m->hour <= 23 &&
           m->minute <= 59 && m->second <= last_second;
}

/* Returns the days since 1970-01-01 in the Gregorian calendar. Years begin in March here: the leap day is last then. */
static int64_t days_of(unsigned year, unsigned month, unsigned day)
{
    unsigned y = month <= 2 ? year - 1 : year;
    unsigned day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;

    return (int64_t)(365 * y + y / 4 - y / 100 + y / 400 + day_of_year) - 719468;
}

bool lsync_moment_unix_ms(const lsync_moment *m, unsigned last_second, int64_t *unix_ms)
{
    int64_t days;

    if (!is_valid(m, last_second))
        return false;
    days = days_of(m->year, m->month, m->day);
    *unix_ms = ((days * 24 + m->hour) * 60 + m->minute) * 60000 + (int64_t)m->second * 1000;
    return true;
}

/* Parses the time zone: Z, an offset or nothing. *minutes becomes the offset in minutes. */
static bool parse_zone(const char *at, size_t size, int *minutes)
{
    unsigned hour;
    unsigned minute = 0;

    *minutes = 0;
    if (size == 0 || (size == 1 && *at == 'Z'))
        return true;
    if ((*at != '+' && *at != '-') || (size != 3 && (size != 6 || at[3] != ':')))
        return false;
    hour = number(at + 1, 2);
    if (size == 6)
        minute = number(at + 4, 2);
    if (hour > 23 || minute > 59)
        return false;
    *minutes = (int)(hour * 60 + minute);
    if (*at == '-')
        *minutes = -*minutes;
    return true;
}

bool lsync_timestamp_parse(const char *text, size_t size, int64_t *unix_ms)
{
    const size_t whole = sizeof "YYYY-MM-DDThh:mm:ss" - 1;
    const char *end = text + size;
    const char *at;
    int ms = 0;
    int offset;
    lsync_moment m;

    if (size < whole || text[4] != '-' || text[7] != '-' || text[10] != 'T' || text[13] != ':' || text[16] != ':')
        return false;
    m = (lsync_moment){number(text, 4),      number(text + 5, 2),  number(text + 8, 2),
                       number(text + 11, 2), number(text + 14, 2), number(text + 17, 2)};
    at = text + whole;
    if (at < end && *at == '.') {
        const char *fraction = ++at;

        for (int unit = 100; at < end && lsync_ascii_is_digit(*at); at++, unit /= 10)
            ms += unit * (*at - '0');
        if (at == fraction || at - fraction > 9)
            return false;
    }
    if (!parse_zone(at, (size_t)(end - at), &offset) || !lsync_moment_unix_ms(&m, 59, unix_ms))
        return false;
    *unix_ms += ms - (int64_t)offset * 60000;
    return true;
}
