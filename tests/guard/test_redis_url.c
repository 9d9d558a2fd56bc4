/* Redis URLs, and the arguments of the functions that make a server object and its guards. No server. */
#include "redis_server.h"

#include <stdlib.h>
#include <string.h>

TEST(urls)
{
    static const struct {
        const char *url;
        const char *why; /* part of what is wrong; NULL: nothing */
    } rows[] = {
        {"redis://localhost", NULL},
        {"redis://127.0.0.1:6379", NULL},
        {"redis://127.0.0.1:1/0", NULL},
        {"redis://h:65535/15", NULL},
        {"redis://h/", NULL},
        {"redis://h:6379/", NULL},
        {"redis://a-b_c.example.org", NULL},
        {"redis://[::1]", NULL},
        {"redis://[::1]:6380/2", NULL},
        {"REDIS://h", NULL},
        {"redis://:password@h", NULL},
        {"redis://user:password@h:7000/3", NULL},
        {"redis://user:p%40ss%2Fw%25rd@h", NULL},
        {"redis://:p@ss@h", NULL}, /* the last @ counts */
        {"redis://:%c3%a9@h", NULL},
        {NULL, "NULL"},
        {"", "redis://"},
        {"h", "redis://"},
        {"http://h", "redis://"},
        {"redis:/h", "redis://"},
        {"redis:h", "redis://"},
        {" redis://h", "redis://"},
        {"unix:///tmp/redis.sock", "redis://"},
        {"rediss://h", "tunnel"},
        {"REDISS://:x@h", "tunnel"},
        {"redis://", "host"},
        {"redis:///1", "host"},
        {"redis://:6379", "host"},
        {"redis://:x@", "host"},
        {"redis://:x@:6379", "host"},
        {"redis://user@h", "password"},
        {"redis://@h", "password"},
        {"redis://user:@h", "password"},
        {"redis://:@h", "password"},
        {"redis://:@", "password"},
        {"redis://user:@h:7000/3", "password"},
        {"redis://:%4@h", "hexadecimal"},
        {"redis://:%@h", "hexadecimal"},
        {"redis://:%zz@h", "hexadecimal"},
        {"redis://:a%00b@h", "hexadecimal"}, /* a NUL is no part of a password */
        {"redis://h:", "port"},
        {"redis://h:0", "port"},
        {"redis://h:00001", "port"},
        {"redis://h:65536", "port"},
        {"redis://h:99999999999999999999", "port"},
        {"redis://h:+1", "port"},
        {"redis://h:1x", "port"},
        {"redis://h h", ""},
        {"redis://h\r\nFLUSHALL", ""},
        {"redis://h?db=1", ""},
        {"redis://h#1", ""},
        {"redis://h\\x", ""},
        {"redis://[::1", "IPv6"},
        {"redis://[]", "host"},
        {"redis://[::1]x", "port"},
        {"redis://h/x", "db"},
        {"redis://h/-1", "db"},
        {"redis://h/1/2", "db"},
        {"redis://h/1?x", "db"},
        {"redis://h/65536", "db"},
        {"redis://h/123456", "db"},
    };

    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        lock_sync_redis *r = (lock_sync_redis *)(uintptr_t)8;
        const char *why = lock_sync_redis_url_problem(rows[i].url);

        t_row("%s", rows[i].url == NULL ? "NULL" : rows[i].url);
        CHECK((why == NULL) == (rows[i].why == NULL));
        if (why != NULL && rows[i].why != NULL)
            CHECK_HOLDS(why, rows[i].why);
        CHECK_INT(lock_sync_redis_new(rows[i].url, &r), rows[i].why == NULL ? LOCK_SYNC_OK : LOCK_SYNC_E_INVALID_ARGUMENT);
        CHECK((r != NULL) == (rows[i].why == NULL));
        lock_sync_redis_free(r);
    }
}

/* prefix, so many of c, suffix */
static void check_long(const char *prefix, char c, size_t n, const char *suffix, bool good)
{
    char *middle = t_repeat(c, n);
    char *url = kit_text("%s%s%s", prefix, middle, suffix);
    lock_sync_redis *r = NULL;

    t_row("%s %zu %s", prefix, n, suffix);
    CHECK_INT(lock_sync_redis_new(url, &r), good ? LOCK_SYNC_OK : LOCK_SYNC_E_INVALID_ARGUMENT);
    CHECK((lock_sync_redis_url_problem(url) == NULL) == good);
    lock_sync_redis_free(r);
    free(middle);
    free(url);
}

TEST(long_parts)
{
    check_long("redis://", 'h', 255, "", true);
    check_long("redis://", 'h', 256, "", false);
    check_long("redis://[", ':', 255, "]", true);
    check_long("redis://[", ':', 256, "]", false);
    check_long("redis://:", 'p', 511, "@h", true);
    check_long("redis://:", 'p', 512, "@h", false);
    check_long("redis://", 'u', 255, ":p@h", true);
    check_long("redis://", 'u', 256, ":p@h", false);
    check_long("redis://:", 'p', 1100, "@h", false);
    check_long("redis://h/", '1', 1100, "", false);
}

/* Told is what is wrong, not what was written: it may be a password. */
TEST(no_part_of_a_url_is_told)
{
    static const char *const urls[] = {"redis://:s3cret%@h", "redis://s3cret@h", "redis://s3cret:@h",
                                       "redis://:s3cret@", "s3cret", "rediss://:s3cret@h",
                                       "redis://:s3cret@h:x", "redis://:s3cret@h/x"};

    for (size_t i = 0; i < COUNT_OF(urls); i++)
        CHECK_LACKS(lock_sync_redis_url_problem(urls[i]), "s3cret");
}

TEST(arguments)
{
    lock_sync_redis *r = redis_of("redis://127.0.0.1:1");
    lock_sync_guard *g = (lock_sync_guard *)(uintptr_t)8;
    char *key = t_repeat('k', 513);

    CHECK_INT(lock_sync_redis_new("redis://h", NULL), LOCK_SYNC_E_INVALID_ARGUMENT);
    CHECK_INT(lock_sync_guard_open_redis(r, "k", NULL), LOCK_SYNC_E_INVALID_ARGUMENT);
    CHECK_INT(lock_sync_guard_open_redis(NULL, "k", &g), LOCK_SYNC_E_INVALID_ARGUMENT);
    CHECK(g == NULL);
    CHECK_INT(lock_sync_guard_open_redis(r, NULL, &g), LOCK_SYNC_E_INVALID_ARGUMENT);
    CHECK_INT(lock_sync_guard_open_redis(r, "", &g), LOCK_SYNC_E_INVALID_ARGUMENT);
    CHECK_INT(lock_sync_guard_open_redis(r, ":locksync", &g), LOCK_SYNC_E_INVALID_ARGUMENT); /* the marker's key */
    CHECK_INT(lock_sync_guard_open_redis(r, "a:b:locksync", &g), LOCK_SYNC_E_INVALID_ARGUMENT);
    CHECK_INT(lock_sync_guard_open_redis(r, key, &g), LOCK_SYNC_E_INVALID_ARGUMENT);
    CHECK(g == NULL);
    CHECK_OK(lock_sync_guard_open_redis(r, key + 1, &g)); /* nothing is connected yet */
    lock_sync_redis_free(r);
    lock_sync_redis_free(NULL);
    CHECK_INT(lock_sync_guard_reserve(g, 1, NULL, NULL), LOCK_SYNC_E_GUARD); /* the guard keeps what it needs */
    lock_sync_guard_unref(g);
    free(key);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {T(urls), T(long_parts), T(no_part_of_a_url_is_told), T(arguments)};

    return T_MAIN(tests);
}
