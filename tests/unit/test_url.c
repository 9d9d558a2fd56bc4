/* Base URLs and proxy URLs: each reason to reject one, which host names are loopback, and when plain http may be
   used. */
#include "client/context.h"
#include "../support/decoding.h"
#include "wire/url.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CODE "HIDE"

TEST_WITH_CTX(each_bad_base_url_is_rejected_with_its_reason)
{
    static const struct {
        const char *url;
        const char *base; /* how the URLs of requests begin; NULL: rejected */
        const char *why;
    } table[] = {
        {"https://api.tedee.com", "https://api.tedee.com", NULL},
        {"HTTPS://Api.Tedee.COM", "HTTPS://Api.Tedee.COM", NULL},
        {"https://h/", "https://h", NULL},
        {"https://h///", "https://h", NULL},
        {"https://h/a/", "https://h/a", NULL},
        {"https://h/a/b//", "https://h/a/b", NULL},
        {"https://h//a", "https://h//a", NULL},
        {"https://h/a%20b", "https://h/a%20b", NULL},
        {"https://h/-._~!$&'()*+,;=:@", "https://h/-._~!$&'()*+,;=:@", NULL},
        {"https://h:1", "https://h:1", NULL},
        {"https://h:65535/p", "https://h:65535/p", NULL},
        {"https://[::1]", "https://[::1]", NULL},
        {"https://[::1]:8443/p/", "https://[::1]:8443/p", NULL},
        {"https://[::ffff:1.2.3.4]", "https://[::ffff:1.2.3.4]", NULL},
        {"https://[::]", "https://[::]", NULL},
        {"https://[1::]", "https://[1::]", NULL},
        {"https://[1:2:3:4:5:6:7:8]", "https://[1:2:3:4:5:6:7:8]", NULL},
        {"https://[1:2:3:4:5:6:1.2.3.4]", "https://[1:2:3:4:5:6:1.2.3.4]", NULL},
        {"https://[1:2:3::5:6:7:8]", "https://[1:2:3::5:6:7:8]", NULL},
        {"https://a.b.", "https://a.b.", NULL},
        {"https://[1:2]", NULL, "IPv6"},
        {"https://[:::]", NULL, "IPv6"},
        {"https://[:1]", NULL, "IPv6"},
        {"https://[12345::]", NULL, "IPv6"},
        {"https://[g::]", NULL, "IPv6"},
        {"https://[1:]", NULL, "IPv6"},
        {"https://[1::2::3]", NULL, "IPv6"},
        {"https://[1:2:3:4:5:6:7]", NULL, "IPv6"},
        {"https://[1:2:3:4:5:6:7:8:9]", NULL, "IPv6"},
        {"https://[1:2:3:4::5:6:7:8]", NULL, "IPv6"},
        {"https://[::1.2.3]", NULL, "IPv6"},
        {"https://[::1.2.3.4:5]", NULL, "IPv6"},
        {"https://[1.2.3.4]", NULL, "IPv6"},
        {"https://[]", NULL, "IPv6"},
        {"https://-a", NULL, "no valid host name"},
        {"https://.", NULL, "no valid host name"},
        {"https://a..b", NULL, "no valid host name"},
        {"https://h/x@y", "https://h/x@y", NULL},

        {"", NULL, "neither"},
        {"https:", NULL, "neither"},
        {"h", NULL, "neither"},
        {" https://h", NULL, "neither"},
        {"ftp://h", NULL, "neither"},
        {"file:///etc/passwd", NULL, "neither"},
        {"https://", NULL, "no valid host name"},
        {"https:///p", NULL, "no valid host name"},
        {"https://:443", NULL, "no valid host name"},
        {"https://?x", NULL, "no valid host name"},
        {"https://\xc3\xa9.example", NULL, "no valid host name"},
        {"https://h:0", NULL, "port"},
        {"https://h:", NULL, "port"},
        {"https://h:/p", NULL, "port"},
        {"https://h:65536", NULL, "port"},
        {"https://h:99999999999999999999", NULL, "port"},
        {"https://h:+1", NULL, "port"},
        {"https://h:x", NULL, "port"},
        {"https://h:12x", NULL, "more than a port"},
        {"https://[::1", NULL, "IPv6"},
        {"https://[]", NULL, "IPv6"},
        {"https://[::1%25eth0]", NULL, "IPv6"},
        {"https://[::g]", NULL, "IPv6"},
        {"https://[::1]x", NULL, "more than a port"},
        {"https://::1", NULL, "no valid host name"},
        {"https://u@h", NULL, "user"},
        {"https://u:" CODE "@h", NULL, "user"},
        {"https://" CODE "@h", NULL, "user"},
        {"https://h?x=1", NULL, "query"},
        {"https://h/?", NULL, "query"},
        {"https://h#f", NULL, "fragment"},
        {"https://h?@x", NULL, "query"},
        {"https://h/%", NULL, "%"},
        {"https://h/%zz", NULL, "%"},
        {"https://h/%4g", NULL, "%"},
        {"https://h/a b", NULL, "percent-encoded"},
        {"https://h/a\r\nX: y", NULL, "percent-encoded"},
        {"https://h/\x7f", NULL, "percent-encoded"},
        {"https://h/\xc3\xa9", NULL, "percent-encoded"},
        {"https://h/a\\b", NULL, "percent-encoded"},
        {"https://h/\"", NULL, "percent-encoded"},
        {"https://h/{id}", NULL, "percent-encoded"},
        {"https://h\\@evil", NULL, "user"},
        {"https://h\\evil", NULL, "character"},
        {"https://h_x", NULL, "character"},
        {"https://h\r\n", NULL, "character"},
        {"https://h\xc3\xa9", NULL, "character"},
        {"https://h,i", NULL, "character"},
    };
    lock_sync_request *q;
    char want[1200];

    for (size_t i = 0; i < COUNT_OF(table); i++) {
        bool good = table[i].base != NULL;

        t_row("%s", table[i].url);
        CHECK_OK(lock_sync_set_base_url(ctx, "https://old.example/o"));
        CHECK_INT(lock_sync_set_base_url(ctx, table[i].url), good ? LOCK_SYNC_OK : LOCK_SYNC_E_INVALID_ARGUMENT);
        CHECK_INT(t_error_status(ctx), good ? LOCK_SYNC_OK : LOCK_SYNC_E_INVALID_ARGUMENT);
        if (!good) {
            CHECK_HOLDS(t_error_message(ctx), "base URL");
            CHECK_HOLDS(t_error_message(ctx), table[i].why);
            CHECK_LACKS(t_error_message(ctx), CODE);
        }
        (void)snprintf(want, sizeof want, "%s/api/v37/my/lock/sync", good ? table[i].base : "https://old.example/o");
        CHECK_OK(lock_sync_request_build(ctx, NULL, 0, &q));
        CHECK_TEXT(lock_sync_request_url(q), want);
        lock_sync_request_free(q);
    }
}

TEST_WITH_CTX(urls_have_at_most_1024_bytes)
{
    char url[1100];

    for (size_t size = 1023; size <= 1025; size++) {
        char *padding = t_repeat('a', size - strlen("https://h/"));

        t_row("base URL of %zu bytes", size);
        (void)snprintf(url, sizeof url, "https://h/%s", padding);
        CHECK_INT(lock_sync_set_base_url(ctx, url), size <= 1024 ? LOCK_SYNC_OK : LOCK_SYNC_E_INVALID_ARGUMENT);
        CHECK_HOLDS(t_error_message(ctx), size <= 1024 ? "" : "1024");
        t_row("proxy of %zu bytes", size);
        (void)snprintf(url, sizeof url, "https://a%sh", padding);
        CHECK_INT(strlen(url), size);
        CHECK_INT(lock_sync_set_proxy(ctx, url), size <= 1024 ? LOCK_SYNC_OK : LOCK_SYNC_E_INVALID_ARGUMENT);
        CHECK_HOLDS(t_error_message(ctx), size <= 1024 ? "" : "1024");
        free(padding);
    }
}

/* Builds a request, because this checks whether plain http is allowed; setting the URL does not. */
static lock_sync_status build(lock_sync_ctx *ctx, const char *url, bool allow_http)
{
    lock_sync_request *q;
    lock_sync_status status;

    CHECK_OK(lock_sync_set_allow_http(ctx, allow_http));
    CHECK_OK(lock_sync_set_base_url(ctx, url));
    status = lock_sync_request_build(ctx, NULL, 0, &q);
    lock_sync_request_free(q);
    return status;
}

TEST_WITH_CTX(only_loopback_by_its_text_may_use_plain_http)
{
    static const struct {
        const char *host;
        bool loopback;
    } table[] = {
        {"127.0.0.1", true},
        {"127.1.2.3", true},
        {"127.255.255.255", true},
        {"127.0.0.1:8080", true},
        {"127.0.0.1/p", true},
        {"localhost", true},
        {"LocalHost", true},
        {"localhost:1", true},
        {"[::1]", true},
        {"[::1]:8080/x", true},
        {"127.0.0.1.evil.com", false},
        {"127.0.0.1.", false},
        {"127.0.0.1-evil.com", false},
        {"127.0.0.256", false},
        {"127.0.0.1000", false},
        {"127.0.0", false},
        {"127.1", false},
        {"127", false},
        {"127.0.0.01", false},
        {"127.00.0.1", false},
        {"127.0.0.0x1", false},
        {"0127.0.0.1", false},
        {"0x7f.0.0.1", false},
        {"1127.0.0.1", false},
        {"128.0.0.1", false},
        {"126.255.255.255", false},
        {"0.0.0.0", false},
        {"localhost.evil", false},
        {"localhost.", false},
        {"xlocalhost", false},
        {"localhos", false},
        {"evil.localhost", false},
        {"[::2]", false},
        {"[1::1]", false},
        {"[::]", false},
        {"[::ffff:127.0.0.1]", false},
        {"api.tedee.com", false},
    };
    char url[200];

    for (size_t i = 0; i < COUNT_OF(table); i++) {
        lsync_base_url parsed;

        t_row("%s", table[i].host);
        (void)snprintf(url, sizeof url, "http://%s", table[i].host);
        CHECK(lsync_base_url_parse(url, &parsed) == NULL);
        CHECK_INT(parsed.loopback, table[i].loopback);
        CHECK(!parsed.https);
        CHECK_INT(build(ctx, url, false), table[i].loopback ? LOCK_SYNC_OK : LOCK_SYNC_E_INVALID_ARGUMENT);
        CHECK_HOLDS(t_error_message(ctx), table[i].loopback ? "" : "http");
        CHECK_OK(build(ctx, url, true));
        (void)snprintf(url, sizeof url, "https://%s", table[i].host); /* https may be sent anywhere */
        CHECK_OK(build(ctx, url, false));
    }
}

TEST_WITH_CTX(plain_http_never_goes_through_a_proxy)
{
    static const struct {
        const char *url;
        bool allow, proxy, good;
    } table[] = {
        {"http://h", false, false, false},       {"http://h", false, true, false},
        {"http://h", true, false, true},         {"http://h", true, true, false},
        {"http://127.0.0.1", false, true, true}, /* reached directly */
        {"http://127.0.0.1", true, true, true},  {"https://h", false, true, true},
        {"https://h", true, true, true},
    };

    for (size_t i = 0; i < COUNT_OF(table); i++) {
        t_row("%s allow=%d proxy=%d", table[i].url, table[i].allow, table[i].proxy);
        CHECK_OK(lock_sync_set_proxy(ctx, table[i].proxy ? "http://user:" CODE "@proxy:3128" : NULL));
        CHECK_INT(build(ctx, table[i].url, table[i].allow),
                  table[i].good ? LOCK_SYNC_OK : LOCK_SYNC_E_INVALID_ARGUMENT);
        CHECK_LACKS(t_error_message(ctx), CODE);
    }
}

TEST_WITH_CTX(each_bad_proxy_is_rejected_with_its_reason)
{
    static const struct {
        const char *url;
        const char *why; /* NULL: good */
    } table[] = {
        {"http://p", NULL},
        {"https://p:3128", NULL},
        {"socks4://p", NULL},
        {"socks5://p:65535", NULL},
        {"socks5h://p:1080/", NULL},
        {"SOCKS5H://P", NULL},
        {"http://[::1]:8080", NULL},
        {"http://user@p", NULL},
        {"http://user:" CODE "@p:3128", NULL},
        {"http://user:p%40ss@p", NULL},
        {"http://:@p", NULL},
        {"http://u%7e:p%2f@p", NULL},
        {"http://us%00er:" CODE "@p", "printable"},
        {"http://u:" CODE "%7F@p", "printable"},
        {"socks5://u:" CODE "%1f@p", "printable"},
        {"http://u:" CODE "%4@p", "printable"},
        {"http://u:" CODE "@[1:2]:1", "IPv6"},
        {"", "must begin with"},
        {"p:3128", "must begin with"},
        {"socks://p", "must begin with"},
        {"ftp://p", "must begin with"},
        {"http://", "no valid host name"},
        {"http://user:" CODE "@", "no valid host name"},
        {"http://p:0", "port"},
        {"http://p:", "port"},
        {"http://u:" CODE "@p:0", "port"},
        {"http://p/path", "more than a port"},
        {"http://p?x", "more than a port"},
        {"http://p#x", "more than a port"},
        {"http://u:" CODE "@p@q", "more than a port"},
        {"http://[::1", "IPv6"},
        /* libcurl's host name would be evil.com, that of the library's check p: all parsers must find the same one */
        {"http://evil.com/@p", ""},
        {"http://evil.com/x:" CODE "@p", ""},
        {"http://evil.com?@p", ""},
        {"http://evil.com#@p", ""},
        {"http://p p", "space"},
        {"http://u:" CODE "\n@p", "space"},
        {"http://p\x7f", "space"},
        {"http://u:" CODE "\xc3\xa9@p", "ASCII"},
    };

    for (size_t i = 0; i < COUNT_OF(table); i++) {
        bool good = table[i].why == NULL;

        t_row("%s", table[i].url);
        CHECK_OK(lock_sync_set_proxy(ctx, "http://old"));
        CHECK_INT(lock_sync_set_proxy(ctx, table[i].url), good ? LOCK_SYNC_OK : LOCK_SYNC_E_INVALID_ARGUMENT);
        CHECK_INT(t_error_status(ctx), good ? LOCK_SYNC_OK : LOCK_SYNC_E_INVALID_ARGUMENT);
        CHECK_HOLDS(t_error_message(ctx), good ? "" : table[i].why);
        CHECK_HOLDS(t_error_message(ctx), good ? "" : "proxy");
        CHECK_LACKS(t_error_message(ctx), CODE);
        CHECK_TEXT(ctx->route.proxy, good ? table[i].url : "http://old");
    }
}

/* A pool looks up only names that are not addresses. */
TEST(a_host_name_is_an_address_or_a_name)
{
    static const struct {
        const char *host;
        bool address;
    } table[] = {
        {"127.0.0.1:80", true}, {"10.1.2.3", true}, {"10.1.2.3/x", true},
        {"[::1]", true},        {"a.b", false},     {"1.2.3.com/", false},
    };

    for (size_t i = 0; i < COUNT_OF(table); i++) {
        t_row("%s", table[i].host);
        CHECK_INT(lsync_host_is_address(table[i].host), table[i].address);
    }
}

TEST(an_origin_is_scheme_host_name_and_port)
{
    static const struct {
        const char *a;
        const char *b;
        bool same;
    } table[] = {
        {"https://h", "https://h", true},
        {"https://h/a", "https://h/b", true},
        {"https://h/a", "https://h", true},
        {"https://h:8001/a", "https://h:8001/b", true},
        {"https://h:8001/a", "https://h:8002/a", false},
        {"https://h", "https://i", false},
        {"https://h", "http://h", false},
        {"https://h", "https://h:8001", false},
        {"https://h", NULL, false},
        {NULL, "https://h", false},
        {NULL, NULL, false},
        {"h", "h", false},
    };

    for (size_t i = 0; i < COUNT_OF(table); i++) {
        t_row("%zu", i);
        CHECK_INT(lsync_url_has_same_origin(table[i].a, table[i].b), table[i].same);
    }
}
