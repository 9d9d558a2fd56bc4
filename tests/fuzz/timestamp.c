/* Times: an ISO timestamp, an HTTP date, Retry-After. An accepted text must mean what the C library makes of it.

   Input: a byte for the time at which the response arrived; a text; after a line end, the Date header of the
   response. */
#include "fuzz.h"
#include "wire/timestamp.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

static const int64_t arrivals_ms[] = {
    0, 1, 1700000000000, 784111777000, 946684799999, 4102444800000, 32503680000000, 253402300799999, INT64_MAX,
};

static int64_t ms_of(struct tm *tm)
{
    return (int64_t)timegm(tm) * 1000;
}

/* Returns the number of `count` digits. */
static int digits(const char *text, int count)
{
    int value = 0;

    for (int i = 0; i < count; i++) {
        FUZZ_CHECK(text[i] >= '0' && text[i] <= '9');
        value = value * 10 + (text[i] - '0');
    }
    return value;
}

/* Returns the time of an accepted ISO timestamp, by the fixed places of its digits. */
static int64_t meant_by_iso(const char *text, size_t size)
{
    struct tm tm = {0};
    char fraction[4] = "000";
    size_t at = 19;
    int offset = 0;

    FUZZ_CHECK(size >= 19 && text[4] == '-' && text[7] == '-' && text[10] == 'T' && text[13] == ':' && text[16] == ':');
    tm.tm_year = digits(text, 4) - 1900;
    tm.tm_mon = digits(text + 5, 2) - 1;
    tm.tm_mday = digits(text + 8, 2);
    tm.tm_hour = digits(text + 11, 2);
    tm.tm_min = digits(text + 14, 2);
    tm.tm_sec = digits(text + 17, 2);
    FUZZ_CHECK(tm.tm_year > -1900 && tm.tm_hour < 24 && tm.tm_min < 60 && tm.tm_sec < 60);
    if (at < size && text[at] == '.') {
        for (at++; at < size && text[at] >= '0' && text[at] <= '9'; at++)
            if (at - 20 < 3)
                fraction[at - 20] = text[at];
        FUZZ_CHECK(at - 20 >= 1 && at - 20 <= 9);
    }
    if (at < size && text[at] == 'Z') {
        FUZZ_CHECK(size - at == 1);
    } else if (at < size) {
        int hours = digits(text + at + 1, 2);
        int minutes = size - at == 6 ? digits(text + at + 4, 2) : 0;

        FUZZ_CHECK((text[at] == '+' || text[at] == '-') && hours < 24 && minutes < 60);
        FUZZ_CHECK(size - at == 3 || (size - at == 6 && text[at + 3] == ':'));
        offset = (hours * 60 + minutes) * (text[at] == '-' ? -1 : 1);
    }
    {
        struct tm normal = tm;
        int64_t ms = ms_of(&normal);

        FUZZ_CHECK(normal.tm_mday == tm.tm_mday && normal.tm_mon == tm.tm_mon); /* an existing day */
        return ms + digits(fraction, 3) - (int64_t)offset * 60000;
    }
}

static void check_iso(const char *text, size_t size)
{
    char *exact = malloc(size == 0 ? 1 : size); /* no NUL after it */
    int64_t ms = -7;
    bool good;

    if (exact == NULL)
        abort();
    memcpy(exact, text, size);
    good = lsync_timestamp_parse(exact, size, &ms);
    free(exact);
    if (!good) {
        FUZZ_CHECK(ms == -7);
        return;
    }
    FUZZ_CHECK(ms == meant_by_iso(text, size));
}

/* Returns what the C library makes of an accepted HTTP date. Years of two digits are those of the library, because
   the C library chooses the century differently. */
static int64_t meant_by_http_date(const char *text, int64_t got_ms)
{
    static const char *const forms[] = {"%a, %d %b %Y %T GMT", "%a, %d-%b-%y %T GMT", "%a %b %e %T %Y"};

    char upper[64]; /* strptime() accepts names in any case, but not GMT */
    size_t size = strlen(text);

    FUZZ_CHECK(size < sizeof upper);
    for (size_t i = 0; i <= size; i++)
        upper[i] = text[i] >= 'a' && text[i] <= 'z' ? (char)(text[i] - 'a' + 'A') : text[i];
    for (size_t i = 0; i < sizeof forms / sizeof forms[0]; i++) {
        struct tm tm = {0};
        const char *end = strptime(upper, forms[i], &tm);

        if (end == NULL || *end != '\0')
            continue;
        if (i == 1) {
            time_t seconds = (time_t)(got_ms / 1000 - (tm.tm_sec == 60)); /* a leap second may end a year */
            struct tm got;

            FUZZ_CHECK(gmtime_r(&seconds, &got) != NULL && (got.tm_year - tm.tm_year) % 100 == 0);
            tm.tm_year = got.tm_year;
        }
        return ms_of(&tm);
    }
    fuzz_fail(__FILE__, __LINE__, "one of the forms");
}

static bool check_http_date(const char *text, int64_t now_ms, int64_t *ms)
{
    const int64_t year_ms = 31556952000;

    *ms = -7;
    if (!lsync_http_date_parse(text, now_ms, ms)) {
        FUZZ_CHECK(*ms == -7);
        return false;
    }
    FUZZ_CHECK(*ms == meant_by_http_date(text, *ms));
    if (strchr(text, '-') != NULL) /* the form with a year of two digits */
        FUZZ_CHECK(*ms - now_ms <= 50 * year_ms && now_ms - *ms <= 51 * year_ms);
    return true;
}

static void check_retry_after(const char *text, const char *date, int64_t arrived_ms)
{
    int64_t got_ms = lsync_retry_after_ms(text, date, arrived_ms);
    size_t count = strspn(text, "0123456789");
    int64_t until_ms;
    int64_t from_ms;

    if (count > 0 && text[count] == '\0') {
        FUZZ_CHECK(got_ms == (count > 10 ? -1 : strtoll(text, NULL, 10) * 1000));
    } else if (!check_http_date(text, arrived_ms, &until_ms)) {
        FUZZ_CHECK(got_ms == -1);
    } else {
        if (!check_http_date(date, arrived_ms, &from_ms))
            from_ms = arrived_ms;
        FUZZ_CHECK(got_ms == (until_ms > from_ms ? until_ms - from_ms : 0));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fuzz_input in = {data, size};
    int64_t arrived_ms = arrivals_ms[fuzz_byte(&in) % (sizeof arrivals_ms / sizeof arrivals_ms[0])];
    size_t text_size;
    size_t date_size;
    char *text = fuzz_text_to(&in, '\n', &text_size);
    char *date = fuzz_text_to(&in, '\n', &date_size);

    check_iso(text, text_size);
    check_retry_after(text, date, arrived_ms);
    free(text);
    free(date);
    return 0;
}
