/* The service's times (ISO 8601): tables of good and bad texts, each truncation, and a comparison with timegm(). */
#include "../support/decoding.h"
#include "wire/timestamp.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#define UNTOUCHED INT64_C(-77)
#define BAD INT64_MIN

static int64_t parse(const char *text, size_t size)
{
    int64_t ms = UNTOUCHED;

    if (lsync_timestamp_parse(text, size, &ms))
        return ms;
    CHECK_INT(ms, UNTOUCHED);
    return BAD;
}

typedef struct row {
    const char *text;
    int64_t ms; /* BAD: rejected */
} row;

static void check_rows(const row *table, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        t_row("%s", table[i].text);
        CHECK_INT(parse(table[i].text, strlen(table[i].text)), table[i].ms);
    }
}

static void check_bad(const char *const *texts, size_t n)
{
    for (size_t i = 0; i < n; i++)
        check_rows(&(row){texts[i], BAD}, 1);
}

TEST(good_texts_are_parsed)
{
    static const row table[] = {
        {"1970-01-01T00:00:00Z", 0},
        {"1970-01-01T00:00:00", 0}, /* UTC if no offset is given */
        {"1969-12-31T23:59:59Z", -1000},
        {"1969-12-31T23:59:59.999Z", -1},
        {"2021-04-26T06:02:04.197Z", INT64_C(1619416924197)},
        {"2022-06-23T15:56:31.44", INT64_C(1655999791440)}, /* as seen: no Z, a trailing zero trimmed */
        {"2038-01-19T03:14:07Z", INT64_C(2147483647000)},
        {"2038-01-19T03:14:08Z", INT64_C(2147483648000)},
        {"0001-01-01T00:00:00Z", INT64_C(-62135596800000)},
        {"0001-01-01T00:00:00+23:59", INT64_C(-62135683140000)},
        {"9999-12-31T23:59:59.999Z", INT64_C(253402300799999)},
        {"9999-12-31T23:59:59.999-23:59", INT64_C(253402387139999)},
        {"2000-02-29T12:00:00Z", INT64_C(951825600000)},
        {"2000-03-01T00:00:00Z", INT64_C(951868800000)},
    };

    check_rows(table, COUNT_OF(table));
}

TEST(fractions_are_cut_to_milliseconds)
{
    static const row table[] = {
        {"1970-01-01T00:00:00.0Z", 0},           {"1970-01-01T00:00:00.1Z", 100},
        {"1970-01-01T00:00:00.12Z", 120},        {"1970-01-01T00:00:00.123Z", 123},
        {"1970-01-01T00:00:00.999999999Z", 999}, {"1970-01-01T00:00:00.12399Z", 123},
        {"1970-01-01T00:00:00.001Z", 1},         {"1970-01-01T00:00:00.0009Z", 0},
        {"1970-01-01T00:00:00.5", 500},          {"1970-01-01T00:00:00.1234567+00:00", 123},
        {"1969-12-31T23:59:59.5Z", -500},        {"1970-01-01T00:00:00.5+01:00", -3599500},
        {"1970-01-01T00:00:00.Z", BAD},          {"1970-01-01T00:00:00.", BAD},
        {"1970-01-01T00:00:00.+00:00", BAD},     {"1970-01-01T00:00:00.0000000000Z", BAD}, /* ten digits */
        {"1970-01-01T00:00:00.1234567890", BAD}, {"1970-01-01T00:00:00,5Z", BAD},
        {"1970-01-01T00:00:00.-5Z", BAD},        {"1970-01-01T00:00:00. 5Z", BAD},
        {"1970-01-01T00:00:00.5.5Z", BAD},
    };

    check_rows(table, COUNT_OF(table));
}

TEST(offsets_from_utc_are_applied)
{
    static const row table[] = {
        {"1970-01-01T00:00:00+00:00", 0},
        {"1970-01-01T00:00:00-00:00", 0},
        {"1970-01-01T02:00:00+02:00", 0},
        {"1970-01-01T02:00:00+02", 0},
        {"1970-01-01T00:00:00-05:30", 19800000},
        {"1970-01-01T00:00:00+05:45", -20700000},
        {"1970-01-01T00:00:00-12", 43200000},
        {"1970-01-01T00:00:00+14:00", -50400000},
        {"1970-01-01T00:00:00+23:59", -86340000},
        {"1970-01-01T00:00:00-23:59", 86340000},
        {"2020-03-01T00:30:00+01:00", INT64_C(1583019000000)}, /* back into February 29 */
        {"1970-01-01T00:00:00+24:00", BAD},
        {"1970-01-01T00:00:00+00:60", BAD},
        {"1970-01-01T00:00:00+0", BAD},
        {"1970-01-01T00:00:00+", BAD},
        {"1970-01-01T00:00:00-", BAD},
        {"1970-01-01T00:00:00+00:", BAD},
        {"1970-01-01T00:00:00+00:0", BAD},
        {"1970-01-01T00:00:00+0:00", BAD},
        {"1970-01-01T00:00:00+00:00:00", BAD},
        {"1970-01-01T00:00:00+0000", BAD},
        {"1970-01-01T00:00:00 +00:00", BAD},
        {"1970-01-01T00:00:00Z+00:00", BAD},
        {"1970-01-01T00:00:00+00:00Z", BAD},
        {"1970-01-01T00:00:00++00:00", BAD},
        {"1970-01-01T00:00:00z", BAD},
        {"1970-01-01T00:00:00GMT", BAD},
        {"1970-01-01T00:00:00 Z", BAD},
        {"1970-01-01T00:00:00ZZ", BAD},
    };

    check_rows(table, COUNT_OF(table));
}

TEST(dates_and_times_that_do_not_exist_are_rejected)
{
    static const char *const texts[] = {
        "0000-01-01T00:00:00Z", "0000-12-31T23:59:59Z", "2021-00-01T00:00:00Z", "2021-13-01T00:00:00Z",
        "2021-99-01T00:00:00Z", "2021-01-00T00:00:00Z", "2021-01-32T00:00:00Z", "2021-04-31T00:00:00Z",
        "2200-02-29T00:00:00Z", "2300-02-29T00:00:00Z", "2021-01-01T24:00:00Z", "2021-01-01T25:00:00Z",
        "2021-01-01T00:60:00Z", "2021-01-01T00:00:60Z", "2016-12-31T23:59:60Z", "2021-01-01T99:99:99Z",
    };

    check_bad(texts, COUNT_OF(texts));
}

TEST(texts_that_are_not_a_timestamp_are_rejected)
{
    static const char *const texts[] = {
        "",
        " ",
        "Z",
        "null",
        "1619416924",
        "2021-04-26",
        "2021-04-26T06:02Z",
        "2021-04-26 06:02:04Z",
        "2021-04-26t06:02:04Z",
        "2021/04/26T06:02:04Z",
        "2021-4-26T06:02:04Z",
        "2021-04-6T06:02:04Z",
        "21-04-26T06:02:04Z",
        "02021-04-26T06:02:04Z",
        "-2021-04-26T06:02:04Z",
        "+2021-04-26T06:02:04Z",
        "20210426T060204Z",
        "2021-W17-1T06:02:04Z",
        "2021-116T06:02:04Z",
        "2021-04-26T6:02:04Z",
        "2021-04-26T06:2:04Z",
        "2021-04-26T06:02:4Z",
        "2021-04-26T-6:02:04Z",
        "2021-04-26T 6:02:04Z",
        " 2021-04-26T06:02:04Z",
        "2021-04-26T06:02:04Z ",
        "2021-04-26T06:02:04x",
        "2021-04-26T06:02:04\n",
        "2O21-04-26T06:02:04Z",
        "2021-04-26T06:02:04[Europe/Warsaw]",
        "2021-04-2\xef\xbc\x96T06:02:04Z",
        "Mon, 26 Apr 2021 06:02:04 GMT",
        "string", /* Swagger's placeholder */
    };

    check_bad(texts, COUNT_OF(texts));
    t_row("a NUL after a good text");
    CHECK_INT(parse("1970-01-01T00:00:00Z\0", 21), BAD);
    t_row("a NUL inside");
    CHECK_INT(parse("1970-01-01T\0"
                    "00:00:00Z",
                    21),
              BAD);
}

/* Only `size` bytes are read: the text continues after them without a NUL. */
TEST(a_cut_text_is_good_only_at_the_end_of_a_part)
{
    static const struct {
        const char *text;
        const char *good; /* '+' where the text up to and with this byte is good */
    } table[] = {
        {"2021-04-26T06:02:04.197456789Z", "------------------+-++++++++++"},
        {"2021-04-26T06:02:04.19+02:30", "------------------+-++--+--+"},
        {"2021-04-26T06:02:04-02:30", "------------------+--+--+"},
    };

    for (size_t i = 0; i < COUNT_OF(table); i++) {
        MUST_INT(strlen(table[i].text), strlen(table[i].good));
        for (size_t size = 0; size <= strlen(table[i].text); size++) {
            t_row("%.*s", (int)size, table[i].text);
            CHECK_INT(parse(table[i].text, size) != BAD, size > 0 && table[i].good[size - 1] == '+');
        }
    }
}

/* The calendar of the C library also has no leap seconds. */
TEST(agrees_with_timegm_on_random_moments)
{
    uint64_t seed = 20210426;
    char text[64];

    for (int i = 0; i < 20000; i++) {
        int64_t span = INT64_C(253402300800) + INT64_C(62135596800); /* years 1 to 9999 */
        time_t moment = (time_t)((int64_t)(t_random(&seed) % (uint64_t)span) - INT64_C(62135596800));
        int offset = (int)(t_random(&seed) % 2879) - 1439;
        int ms = (int)(t_random(&seed) % 1000);
        int64_t want = (int64_t)moment * 1000 + ms - (int64_t)offset * 60000;
        struct tm tm;

        MUST(gmtime_r(&moment, &tm) != NULL);
        MUST(timegm(&tm) == moment);
        (void)snprintf(text, sizeof text, "%04d-%02d-%02dT%02d:%02d:%02d.%03d%c%02d:%02d", tm.tm_year + 1900,
                       tm.tm_mon + 1, tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec, ms, offset < 0 ? '-' : '+',
                       offset < 0 ? -offset / 60 : offset / 60, offset < 0 ? -offset % 60 : offset % 60);
        if (parse(text, strlen(text)) != want) {
            t_row("%s", text);
            CHECK_INT(parse(text, strlen(text)), want);
        }
    }
}

/* Each day from 1890 to 2110, and the day after the last one of each month, which does not exist. */
TEST(every_day_of_two_centuries_is_one_day_after_the_last)
{
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    int64_t last = parse("1889-12-31T00:00:00Z", 20);
    char text[64];

    for (int year = 1890; year <= 2110; year++) {
        for (int month = 1; month <= 12; month++) {
            int leap = month == 2 && year % 4 == 0 && year != 1900 && year != 2100;

            for (int day = 1; day <= days[month - 1] + leap + 1; day++) {
                int64_t want = day <= days[month - 1] + leap ? last + 86400000 : BAD;
                int64_t got;

                (void)snprintf(text, sizeof text, "%04d-%02d-%02dT00:00:00Z", year, month, day);
                got = parse(text, 20);
                if (got != want) {
                    t_row("%s", text);
                    CHECK_INT(got, want);
                }
                last = got == BAD ? last : got;
            }
        }
    }
    CHECK_INT(last, parse("2110-12-31T00:00:00Z", 20));
}
