/* The times of HTTP: dates in their three forms, and Retry-After, which is seconds or such a date. */
#include "../support/decoding.h"
#include "wire/timestamp.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define NOW INT64_C(1790000000000) /* September 2026 */
#define T1994 INT64_C(784111777000)
#define BAD INT64_MIN

typedef struct row {
    const char *text;
    int64_t ms;
} row;

static int64_t parse(const char *text, int64_t now_ms)
{
    int64_t ms = -77;

    if (lsync_http_date_parse(text, now_ms, &ms))
        return ms;
    CHECK_INT(ms, -77);
    return BAD;
}

static void check_rows(const row *table, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        t_row("%s", table[i].text);
        CHECK_INT(parse(table[i].text, NOW), table[i].ms);
    }
}

TEST(dates_are_read_in_three_forms)
{
    static const row table[] = {
        {"Sun, 06 Nov 1994 08:49:37 GMT", T1994},
        {"Sunday, 06-Nov-94 08:49:37 GMT", T1994},
        {"Sun Nov  6 08:49:37 1994", T1994},
        {"Sat Nov 26 08:49:37 1994", T1994 + INT64_C(20) * 86400000},
        {"Thu, 01 Jan 1970 00:00:00 GMT", 0},
        {"Wed, 31 Dec 1969 23:59:59 GMT", -1000},
        {"Tue, 29 Feb 2000 00:00:00 GMT", INT64_C(951782400000)},
        {"Thu, 29 Feb 2024 23:59:59 GMT", INT64_C(1709251199000)},
        {"Fri, 31 Dec 9999 23:59:59 GMT", INT64_C(253402300799000)},
        {"Mon, 01 Jan 0001 00:00:00 GMT", INT64_C(-62135596800000)},
        {"Sat, 31 Dec 2016 23:59:60 GMT", INT64_C(1483228800000)}, /* HTTP allows leap seconds */
        {"Sun Feb 29 00:00:00 2004", INT64_C(1078012800000)},
    };

    check_rows(table, COUNT_OF(table));
}

TEST(other_texts_are_not_dates)
{
    static const char *const texts[] = {
        "",
        " ",
        "0",
        "soon",
        "06 Nov 1994 08:49:37 GMT",
        "Sun, 06 Nov 1994 08:49:37",
        "Sun, 06 Nov 1994 08:49:37 UTC",
        "Sun, 06 Nov 1994 08:49:37 +0000",
        "Sun, 06 Nov 1994 08:49:37 GMT ",
        "Sun, 06 Nov 1994 08:49:37 GMTx",
        " Sun, 06 Nov 1994 08:49:37 GMT",
        "Sun,06 Nov 1994 08:49:37 GMT",
        "Sun, 6 Nov 1994 08:49:37 GMT",
        "Sun, 06 November 1994 08:49:37 GMT",
        "Sun, 06 Nov 94 08:49:37 GMT",
        "Sun, 06-Nov-1994 08:49:37 GMT",
        "Xyz, 06 Nov 1994 08:49:37 GMT",
        "Sun, 06 Xyz 1994 08:49:37 GMT",
        "Sun, 00 Nov 1994 08:49:37 GMT",
        "Sun, 31 Nov 1994 08:49:37 GMT",
        "Sun, 29 Feb 1900 00:00:00 GMT",
        "Sun, 29 Feb 2100 00:00:00 GMT",
        "Sun, 29 Feb 2023 00:00:00 GMT",
        "Sun, 06 Nov 0000 08:49:37 GMT",
        "Sun, 06 Nov 1994 24:00:00 GMT",
        "Sun, 06 Nov 1994 08:60:00 GMT",
        "Sun, 06 Nov 1994 08:49:61 GMT",
        "Sun, 06 Nov 1994 8:49:37 GMT",
        "Sun Nov 6 08:49:37 1994",
        "Sun Nov  6 08:49:37 1994 GMT",
        "Sun Nov 06 08:49:37 94",
        "Sun Nov  26 08:49:37 1994",
        "Sun Nov  6  08:49:37 1994",
        "1994-11-06T08:49:37Z",
    };

    for (size_t i = 0; i < COUNT_OF(texts); i++)
        check_rows(&(row){texts[i], BAD}, 1);
}

TEST(each_form_cut_at_every_length_is_rejected)
{
    static const char *const forms[] = {"Sun, 06 Nov 1994 08:49:37 GMT", "Sunday, 06-Nov-94 08:49:37 GMT",
                                        "Sun Nov  6 08:49:37 1994"};

    for (size_t i = 0; i < COUNT_OF(forms); i++) {
        for (size_t size = 0; size < strlen(forms[i]); size++) {
            char *cut = strndup(forms[i], size); /* of exactly that size: a memory checker finds reads beyond it */

            MUST(cut != NULL);
            t_row("%s", cut);
            CHECK_INT(parse(cut, NOW), BAD);
            free(cut);
        }
    }
}

/* RFC 9110, section 5.6.7: a date that seems to be more than 50 years ahead is in the century before. */
TEST(a_year_of_two_digits_is_at_most_50_years_ahead)
{
    static const struct {
        const char *text;
        const char *now; /* in a form with the whole year */
        const char *meant;
    } table[] = {
        {"Thursday, 01-Jan-26 00:00:00 GMT", "Mon, 21 Sep 2026 14:13:20 GMT", "Thu, 01 Jan 2026 00:00:00 GMT"},
        {"Wednesday, 01-Jan-70 00:00:00 GMT", "Mon, 21 Sep 2026 14:13:20 GMT", "Wed, 01 Jan 2070 00:00:00 GMT"},
        {"Sunday, 20-Sep-76 00:00:00 GMT", "Mon, 21 Sep 2026 14:13:20 GMT", "Sun, 20 Sep 2076 00:00:00 GMT"},
        {"Thursday, 23-Sep-76 00:00:00 GMT", "Mon, 21 Sep 2026 14:13:20 GMT", "Thu, 23 Sep 1976 00:00:00 GMT"},
        {"Friday, 01-Jan-99 00:00:00 GMT", "Mon, 21 Sep 2026 14:13:20 GMT", "Fri, 01 Jan 1999 00:00:00 GMT"},
        {"Saturday, 01-Jan-00 00:00:00 GMT", "Mon, 21 Sep 2026 14:13:20 GMT", "Sat, 01 Jan 2000 00:00:00 GMT"},
        {"Friday, 01-Jan-21 00:00:00 GMT", "Thu, 01 Jan 1970 00:00:00 GMT", "Sat, 01 Jan 1921 00:00:00 GMT"},
        {"Friday, 01-Jan-00 00:00:30 GMT", "Wed, 30 Dec 2099 00:00:00 GMT", "Fri, 01 Jan 2100 00:00:30 GMT"},
        {"Thursday, 31-Dec-99 23:59:59 GMT", "Thu, 31 Dec 2099 23:59:00 GMT", "Thu, 31 Dec 2099 23:59:59 GMT"},
        {"Friday, 01-Jan-00 00:00:30 GMT", "Fri, 01 Jan 2100 00:00:00 GMT", "Fri, 01 Jan 2100 00:00:30 GMT"},
        {"Thursday, 31-Dec-99 23:59:59 GMT", "Fri, 01 Jan 2100 00:00:00 GMT", "Thu, 31 Dec 2099 23:59:59 GMT"},
        {"Saturday, 02-Jan-00 00:00:00 GMT", "Fri, 01 Jan 2100 23:59:59 GMT", "Sat, 02 Jan 2100 00:00:00 GMT"},
        {"Sunday, 29-Dec-49 00:00:00 GMT", "Thu, 31 Dec 2099 00:00:00 GMT", "Wed, 29 Dec 2149 00:00:00 GMT"},
        {"Sunday, 03-Jan-50 00:00:00 GMT", "Thu, 31 Dec 2099 00:00:00 GMT", "Mon, 03 Jan 2050 00:00:00 GMT"},
        {"Monday, 01-Jan-01 00:00:00 GMT", "Mon, 01 Jan 0052 00:00:00 GMT", "Mon, 01 Jan 0101 00:00:00 GMT"},
        {"Monday, 29-Feb-00 00:00:00 GMT", "Tue, 29 Feb 2000 00:00:00 GMT", "Tue, 29 Feb 2000 00:00:00 GMT"},
    };

    for (size_t i = 0; i < COUNT_OF(table); i++) {
        t_row("%s at %s", table[i].text, table[i].now);
        CHECK_INT(parse(table[i].text, parse(table[i].now, NOW)), parse(table[i].meant, NOW));
    }
}

TEST(a_date_outside_the_calendar_is_rejected)
{
    CHECK_INT(parse("Monday, 29-Feb-00 00:00:00 GMT", INT64_C(4102444800000)), BAD);   /* 2100 has no such day */
    CHECK_INT(parse("Monday, 01-Jan-00 00:00:00 GMT", INT64_C(253402300799999)), BAD); /* 10000 */
    CHECK_INT(parse("Monday, 01-Jan-00 00:00:00 GMT", INT64_C(-62135596800000)), BAD); /* 0 */
    CHECK_INT(parse("Monday, 01-Jan-00 00:00:00 GMT", INT64_MIN), BAD);
    CHECK_INT(parse("Monday, 01-Jan-00 00:00:00 GMT", INT64_MAX), BAD);
}

TEST(agrees_with_strftime_on_random_moments)
{
    static const char *const forms[] = {"%a, %d %b %Y %H:%M:%S GMT", "%A, %d-%b-%y %H:%M:%S GMT",
                                        "%a %b %e %H:%M:%S %Y"};
    uint64_t seed = 19941106;
    char text[64];

    for (int i = 0; i < 6000; i++) { /* 49 years around NOW, where two digits suffice; the locale is "C" */
        time_t moment = (time_t)(INT64_C(243709312) + (int64_t)(t_random(&seed) % UINT64_C(3092581376)));
        struct tm tm;

        MUST(gmtime_r(&moment, &tm) != NULL);
#if defined(__GNUC__)
#  pragma GCC diagnostic push
#  pragma GCC diagnostic ignored "-Wformat-nonliteral"
#  pragma GCC diagnostic ignored "-Wformat-y2k"
#endif
        MUST(strftime(text, sizeof text, forms[i % 3], &tm) > 0);
#if defined(__GNUC__)
#  pragma GCC diagnostic pop
#endif
        if (parse(text, NOW) != (int64_t)moment * 1000) {
            t_row("%s", text);
            CHECK_INT(parse(text, NOW), (int64_t)moment * 1000);
        }
    }
}

TEST(a_retry_after_is_seconds_or_a_date)
{
    static const struct {
        const char *value;
        const char *date; /* of the response */
        int64_t ms;
    } table[] = {
        {"0", "", 0},
        {"1", "", 1000},
        {"120", "", 120000},
        {"3600", "Sun, 06 Nov 1994 08:49:37 GMT", 3600000},
        {"9999999999", "", INT64_C(9999999999000)},
        {"10000000000", "", -1},
        {"", "", -1},
        {" ", "", -1},
        {"-1", "", -1},
        {"1.5", "", -1},
        {"0x10", "", -1},
        {"120 ", "", -1},
        {"soon", "", -1},
        {"\xd9\xa1", "", -1}, /* a digit of another script */
        /* a date counts from the response's Date */
        {"Sun, 06 Nov 1994 08:50:37 GMT", "Sun, 06 Nov 1994 08:49:37 GMT", 60000},
        {"Sunday, 06-Nov-94 08:50:37 GMT", "Sun, 06 Nov 1994 08:49:37 GMT", 60000},
        {"Sun Nov  6 08:50:37 1994", "Sun, 06 Nov 1994 08:49:37 GMT", 60000},
        {"Sun, 06 Nov 1994 08:49:37 GMT", "Sun, 06 Nov 1994 08:49:37 GMT", 0},
        {"Sun, 06 Nov 1994 08:49:36 GMT", "Sun, 06 Nov 1994 08:49:37 GMT", 0}, /* has passed */
        {"Fri, 31 Dec 9999 23:59:59 GMT", "Mon, 01 Jan 0001 00:00:00 GMT", INT64_C(315537897599000)},
        /* and without a usable Date from the receipt of the response: NOW */
        {"Mon, 21 Sep 2026 14:13:50 GMT", "", 30000},
        {"Mon, 21 Sep 2026 14:13:50 GMT", "nonsense", 30000},
        {"Sun, 06 Nov 1994 08:49:37 GMT", "", 0},
        {"Sun, 31 Nov 2026 00:00:00 GMT", "", -1},
    };

    for (size_t i = 0; i < COUNT_OF(table); i++) {
        t_row("\"%s\", Date \"%s\"", table[i].value, table[i].date);
        CHECK_INT(lsync_retry_after_ms(table[i].value, table[i].date, NOW), table[i].ms);
    }
}

/* Any time of receipt may be set. For the greatest ones a sanitizer finds an overflow. */
TEST(a_receipt_at_the_end_of_time_causes_no_overflow)
{
    static const int64_t moments[] = {0, 1, INT64_C(253402300799999), INT64_MAX - 1, INT64_MAX};
    char text[64];

    for (size_t i = 0; i < COUNT_OF(moments); i++) {
        for (int year = 0; year <= 99; year++) {
            (void)snprintf(text, sizeof text, "Monday, 31-Dec-%02d 23:59:59 GMT", year);
            t_row("%s at %lld", text, (long long)moments[i]);
            CHECK(lsync_retry_after_ms(text, "", moments[i]) >= -1);
        }
    }
}
