/* Redis URLs, and the arguments_are_checked of the functions that make a server object and its guards. No server is
   needed. */
#include "redis_server.h"

#include <stdlib.h>

/* Checks what becomes of a URL. `why`: part of the expected problem; NULL: the URL is good. The problem must not quote
   the URL, which may have a password. */
static void check_url(const char *url, const char *why)
{
    lock_sync_redis *r = (lock_sync_redis *)(uintptr_t)8;
    const char *problem = lock_sync_redis_url_problem(url);

    CHECK((problem == NULL) == (why == NULL));
    if (problem != NULL && why != NULL) {
        CHECK_HOLDS(problem, why);
        CHECK_LACKS(problem, "s3cret");
    }
    CHECK_INT(lock_sync_redis_new(url, &r), why == NULL ? LOCK_SYNC_OK : LOCK_SYNC_E_INVALID_ARGUMENT);
    CHECK((r != NULL) == (why == NULL));
    lock_sync_redis_free(r);
}

#if WITH_REDIS_TLS
#  define NO_TLS NULL
#else
#  define NO_TLS "no TLS"
#endif

TEST(each_bad_url_is_rejected_with_its_problem)
{
    static const struct {
        const char *why;
        const char *urls[18];
    } rows[] = {
        {NULL,
         {"redis://localhost", "redis://127.0.0.1:6379", "redis://127.0.0.1:1/0", "redis://h:65535/15", "redis://h/",
          "redis://h:6379/", "redis://a-b_c.example.org", "redis://[::1]", "redis://[::1]:6380/2", "REDIS://h",
          "redis://:s3cret@h", "redis://user:s3cret@h:7000/3", "redis://user:p%40ss%2Fw%25rd@h", "redis://:%c3%a9@h",
          "redis://:p@ss@h", "redis://:p?ss@h"}}, /* the last @ counts */
        {NULL,
         {"unix:///tmp/redis.sock", "unix:///r", "redis+unix:///tmp/a%20b", "unix:///tmp/r?db=3",
          "unix://:s3cret@/tmp/r", "redis+unix://user:s3cret@/tmp/r@2?db=0"}},
        {NULL,
         {"redis+sentinel://h/m", "redis+sentinel://a,b:1,[::1]:2/mymaster/15", "redis+sentinel://:s3cret@h/m/",
          "redis+sentinel://user:s3cret@h:26379/m%2F1/0", "redis+sentinel://h/m?sentinel_password=s3cret",
          "redis+sentinel://h/m/1?sentinel_username=u&sentinel_password=%26", "redis+sentinel://1,2,3,4,5,6,7,8/m"}},
        {NO_TLS,
         {"rediss://h", "rediss://:s3cret@h:1/2", "REDISS://h", "rediss://h?ssl_ca_certs=/etc/ca.pem",
          "rediss://h/1?ssl_certfile=a&ssl_keyfile=b", "rediss://h/?ssl_certfile=/a%20b", "rediss+sentinel://a,b/m",
          "rediss+sentinel://a/m?sentinel_password=s3cret&ssl_ca_certs=x"}},
        {"redis://", {"", "s3cret", "http://h", "redis:/h", "redis:h", " redis://h", "unix:/tmp/redis.sock"}},
        {"host",
         {"redis://", "redis:///1", "redis://:6379", "redis://:s3cret@", "redis://:x@:6379", "redis://[]",
          "redis+sentinel://", "redis+sentinel:///m", "redis+sentinel://a,/m", "redis+sentinel://,a/m"}},
        {"password",
         {"redis://s3cret@h", "redis://@h", "redis://s3cret:@h", "redis://:@h", "redis://:@", "redis://user:@h:7000/3",
          "unix://s3cret@/tmp/r", "redis+sentinel://h/m?sentinel_username=u"}},
        {"hexadecimal",
         {"redis://:s3cret%4@h", "redis://:s3cret%@h", "redis://:%zz@h", "redis://:a%00b@h", /* no NUL */
          "unix:///tmp/%", "redis+sentinel://h/m?sentinel_password=s3cret%1", "rediss://h?ssl_ca_certs=%00"}},
        {"port",
         {"redis://h:", "redis://h:0", "redis://h:00001", "redis://h:65536", "redis://h:99999999999999999999",
          "redis://h:+1", "redis://h:1x", "redis://:s3cret@h:x", "redis://[::1]x", "redis+sentinel://h:1x/m"}},
        {"", {"redis://h h", "redis://h\r\nFLUSHALL", "redis://h#1", "redis://h\\x"}},
        {"IPv6", {"redis://[::1"}},
        {"path", {"unix://", "unix://tmp/r", "redis+unix://?db=1"}},
        {"master", {"redis+sentinel://h", "redis+sentinel://a,b/", "redis+sentinel://a//0", "redis+sentinel://a?m"}},
        {"8 sentinels", {"redis+sentinel://1,2,3,4,5,6,7,8,9/m"}},
        {"db",
         {"redis://h/x", "redis://:s3cret@h/x", "redis://h/-1", "redis://h/1/2", "redis://h/65536", "redis://h/123456",
          "unix:///r?db=x", "unix:///r?db=65536", "redis+sentinel://h/m/x", "redis+sentinel://h/m/1/2"}},
        {"a parameter",
         {"redis://h?db=1", "redis://h/1?x", "redis://h?", "redis://h?ssl_ca_certs=a", "unix:///r?db",
          "unix:///r?db=", "unix:///r?db=1&", "unix:///r?DB=1", "unix:///r?ssl_ca_certs=a", "unix:///r?password=s3cret",
          "unix:///r?db=123456", "redis+sentinel://h/m?db=1", "redis+sentinel://h/m?ssl_ca_certs=a",
          "rediss://h?sentinel_password=s3cret", "rediss://h?ssl_cert_reqs=none", "rediss://h?ssl_ca_certs",
          "unix:///r?db=1&db=1"}},
        {"ssl_certfile", {"rediss://h?ssl_keyfile=a"}},
    };

    check_url(NULL, "NULL");
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        for (const char *const *url = rows[i].urls; *url != NULL; url++) {
            t_row("%s", *url);
            check_url(*url, rows[i].why);
        }
    }
}

TEST(parts_of_a_url_have_bounds)
{
    static const struct {
        const char *prefix;
        char c;
        size_t n; /* how often `c` is repeated */
        const char *suffix;
        bool good;
    } rows[] = {
        {"redis://", 'h', 255, "", true},
        {"redis://", 'h', 256, "", false},
        {"redis://[", ':', 255, "]", true},
        {"redis://[", ':', 256, "]", false},
        {"redis://:", 'p', 511, "@h", true},
        {"redis://:", 'p', 512, "@h", false},
        {"redis://", 'u', 255, ":p@h", true},
        {"redis://", 'u', 256, ":p@h", false},
        {"redis://:", 'p', 1100, "@h", false},
        {"redis://h/", '1', 1100, "", false},
        {"unix:///", 'p', 106, "", true},
        {"unix:///", 'p', 107, "", false},
        {"redis+sentinel://h/", 'm', 127, "", true},
        {"redis+sentinel://h/", 'm', 128, "", false},
        {"redis+sentinel://h/m?sentinel_password=", 'p', 511, "", true},
        {"redis+sentinel://h/m?sentinel_password=", 'p', 512, "", false},
    };

    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        char *middle = t_repeat(rows[i].c, rows[i].n);
        char *url = kit_text("%s%s%s", rows[i].prefix, middle, rows[i].suffix);

        t_row("%s %zu %s", rows[i].prefix, rows[i].n, rows[i].suffix);
        check_url(url, rows[i].good ? NULL : "");
        free(middle);
        free(url);
    }
}

TEST(arguments_are_checked)
{
    char *longest = t_later(free, t_repeat('k', 513));
    const char *const bad[] = {NULL, "", longest, ":locksync", "a:b:locksync"}; /* the last two: the marker's key */
    lock_sync_guard *g = (lock_sync_guard *)(uintptr_t)8;
    lock_sync_redis *r;

    CHECK_INT(lock_sync_redis_new("redis://h", NULL), LOCK_SYNC_E_INVALID_ARGUMENT);
    CHECK_INT(lock_sync_guard_open_redis(NULL, "k", &g), LOCK_SYNC_E_INVALID_ARGUMENT);
    CHECK(g == NULL);
    MUST_OK(lock_sync_redis_new("redis://127.0.0.1:1", &r));
    CHECK_INT(lock_sync_guard_open_redis(r, "k", NULL), LOCK_SYNC_E_INVALID_ARGUMENT);
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        CHECK_INT(lock_sync_guard_open_redis(r, bad[i], &g), LOCK_SYNC_E_INVALID_ARGUMENT);
        CHECK(g == NULL);
    }
    CHECK_OK(lock_sync_guard_open_redis(r, longest + 1, &g)); /* nothing is connected yet */
    lock_sync_redis_free(r);
    lock_sync_redis_free(NULL);
    CHECK_INT(lock_sync_guard_reserve(g, 1, NULL, NULL), LOCK_SYNC_E_GUARD); /* the guard has a reference */
    lock_sync_guard_unref(g);
}
