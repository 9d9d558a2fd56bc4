/* Replies without an end: the guard gives up within a second, and keeps little of them. */
#include "impostor.h"
#include "redis_server.h"

#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#define MANY_LINES "$1\r\nx\r\n$1\r\nx\r\n$1\r\nx\r\n$1\r\nx\r\n$1\r\nx\r\n$1\r\nx\r\n$1\r\nx\r\n$1\r\nx\r\n"

/* Returns the peak memory of this process in KiB. */
static long peak_kib(void)
{
    struct rusage usage;

    (void)getrusage(RUSAGE_SELF, &usage);
    return usage.ru_maxrss;
}

static void check_endless(impostor does, const char *login, const char *why)
{
    long before_kib = peak_kib();

    check_redis_fails(redis_user(impostor_url(impostor_here(does), login), 1), 1400, why);
    CHECK_BETWEEN(peak_kib() - before_kib, 0, 16 * 1024);
}

TEST(an_endless_reply_fails_early)
{
    static const struct {
        const char *says;
        const char *again;
        const char *why;
    } rows[] = {
        {"+", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", "longer than 64 KiB"},
        {"-", "ERR ERR ERR ERR ERR ERR ERR ERR ERR ERR ERR ERR ERR ERR ERR ERR", "longer than 64 KiB"},
        {":", "0000000000000000000000000000000000000000000000000000000000000000", "longer than 64 KiB"},
        {"$999999999\r\n", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", "longer than 64 KiB"},
        {"*100000000\r\n", MANY_LINES, "more than 64 elements"},
        {"*2147483647\r\n", MANY_LINES, "more than 64 elements"},
        {"*65\r\n", MANY_LINES, "more than 64 elements"},
        {"*64\r\n", "*64\r\n*64\r\n*1000\r\n", "more than 64 elements"},
        {"*1\r\n", "*1\r\n", "more than 4 levels"}, /* hiredis 1 would accept any number */
    };

    for (size_t k = 0; k < COUNT_OF(rows); k++) {
        impostor does = {.says = rows[k].says, .again = rows[k].again};

        t_row("%.8s %.8s", rows[k].says, rows[k].again);
        check_endless(does, "", rows[k].why);
        t_row("login: %.8s %.8s", rows[k].says, rows[k].again);
        check_endless(does, ":pw@", rows[k].why);
    }
}

/* The server sends each byte before a timeout for a single byte would end. */
TEST(a_trickle_of_bytes_fails_in_time)
{
    check_endless((impostor){.says = "+", .again = "a", .again_ms = 100}, "", "no reply");
}

/* The bounds: 64 elements, 4 levels, and nearly 64 KiB. */
TEST(a_reply_just_within_bounds_is_read)
{
    char *line = t_repeat('a', 60000);
    char *says = kit_text(
        "+%s\r\n*64\r\n" MANY_LINES MANY_LINES MANY_LINES MANY_LINES MANY_LINES MANY_LINES MANY_LINES MANY_LINES
        "*1\r\n*1\r\n*1\r\n*1\r\n+\r\n+\r\n",
        line);

    t_later(free, says);
    check_endless((impostor){.says = says, .keeps_reading = true}, "",
                  "INFO failed"); /* it was read, but is not a text */
    free(line);
}
