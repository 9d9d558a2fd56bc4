/* Which connections are opened: plain http to this machine opens no socket to another, wherever the name of its host
   leads; and a repeat opens one of its own where another would soon be closed. Nothing is sent here. */
#include "base/memory.h"
#include "support.h"
#include "transport/curl_loop.h"
#include "transport/curl_sockets.h"

#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static bool has_family(int family)
{
    int fd = socket(family, SOCK_STREAM, 0);

    if (fd >= 0)
        (void)close(fd);
    return fd >= 0;
}

/* Whether a request to localhost opens a socket when the name leads to `address`, or to a path of this system. */
static bool opens_socket(const char *address)
{
    const lsync_route route = {.loopback = true};
    lock_sync_request request = {.url = "http://localhost:9/", .route = &route, .timeout_ms = 1000,
                                 .connect_timeout_ms = 1000};
    char entry[80];
    struct curl_slist hosts = {entry, NULL};
    lsync_sockets sockets = {.owner = NULL};
    int64_t distrusted_us = 0;
    lock_sync_allocator memory;
    lock_sync_response response;
    lsync_transfer t;
    CURLcode set;

    (void)snprintf(entry, sizeof entry, "localhost:9:%s", address);
    for (size_t i = 0; i < LSYNC_REQUEST_HEADERS; i++)
        request.headers[i].line = "Accept: */*";
    assert_true(lsync_allocator_init(&memory, NULL));
    lsync_response_init(&response, &memory, 1000, 1);
    assert_int_equal(lsync_curl_global_init(), LOCK_SYNC_OK);
    assert_int_equal(lsync_transfer_init(&t, &memory, &distrusted_us), LOCK_SYNC_OK);
    assert_int_equal(lsync_transfer_prepare(&t, &request, &response, &sockets), LOCK_SYNC_OK);
    set = address[0] == '/' ? curl_easy_setopt(t.easy, CURLOPT_UNIX_SOCKET_PATH, address)
                            : curl_easy_setopt(t.easy, CURLOPT_RESOLVE, &hosts);
    assert_int_equal(set, CURLE_OK);
    assert_int_equal(curl_easy_setopt(t.easy, CURLOPT_CONNECT_ONLY, 1L), CURLE_OK);
    (void)curl_easy_perform(t.easy);
    lsync_transfer_release(&t);
    lsync_response_release(&response);
    return t.opened > 0;
}

TEST(a_name_of_this_machine_leads_nowhere_else)
{
    static const struct {
        const char *address;
        bool opens;
    } table[] = {
        {"127.0.0.1", true},  {"127.255.255.254", true}, {"126.255.255.255", false},   {"128.0.0.1", false},
        {"192.0.2.1", false}, {"[::2]", false},          {"[::ffff:192.0.2.1]", false}, {"[2001:db8::1]", false},
        {"/nowhere", false},
    };

    for (size_t i = 0; i < T_COUNT(table); i++) {
        t_row("%s", table[i].address);
        CHECK_INT(opens_socket(table[i].address), table[i].opens);
    }
    if (has_family(AF_INET6))
        CHECK(opens_socket("[::1]"));
}

TEST(a_repeat_goes_alone_where_connections_end_early_and_there_is_room)
{
    static const struct {
        const char *name;
        uint32_t answers;
        uint32_t repeats;
        bool http2;
        uint32_t per_host; /* 0: a blocking fetch */
        uint32_t transfers;
        bool alone;
    } table[] = {
        {"nothing is known", 0, 0, false, 64, 1, true},
        {"HTTP/1.1", 1, 0, false, 64, 1, false},
        {"HTTP/2, of which little is known", 399, 0, true, 64, 1, true},
        {"no repeats", 400, 0, true, 64, 1, false},
        {"one in eight", 400, 50, true, 64, 1, false},
        {"more than one in eight", 400, 51, true, 64, 1, true},
        {"the same in a blocking fetch", 400, 51, true, 0, 0, true},
        {"one connection for all", 400, 51, true, 1, 1, false},
        {"two, one of which is shared", 400, 51, true, 2, 99, true},
        {"two, both of which are shared", 400, 51, true, 2, 100, false},
        {"all are shared", 400, 51, true, 64, 6300, false},
    };

    for (size_t i = 0; i < T_COUNT(table); i++) {
        lsync_socket_owner owner = {.per_host = table[i].per_host, .transfers = table[i].transfers};
        const lsync_sockets sockets = {.owner = table[i].per_host == 0 ? NULL : &owner, .http2 = table[i].http2,
                                       .answers = table[i].answers, .repeats = table[i].repeats};

        t_row("%s", table[i].name);
        CHECK_INT(lsync_repeats_alone(&sockets), table[i].alone);
    }
}

/* What was noted of the transfer before does not stand for its repeat. */
TEST(a_repeat_is_once_and_within_the_time)
{
    static const struct {
        const char *name;
        CURLcode code;
        uint32_t sends;
        int64_t timeout_ms;
        bool again;
    } table[] = {
        {"refused as the last of a connection", CURLE_HTTP2, 1, 1000, true},
        {"never sent", CURLE_HTTP2, 0, 1000, false},
        {"repeated before", CURLE_HTTP2, 2, 1000, false},
        {"no time is left", CURLE_HTTP2, 1, 0, false},
        {"another failure", CURLE_RECV_ERROR, 1, 1000, false},
        {"an answer", CURLE_OK, 1, 1000, false},
    };

    for (size_t i = 0; i < T_COUNT(table); i++) {
        lock_sync_request request = {.timeout_ms = table[i].timeout_ms};
        lsync_sockets sockets = {.closed_bytes = 200000};
        int64_t distrusted_us = 0;
        lock_sync_allocator memory;
        lsync_transfer t;

        t_row("%s", table[i].name);
        assert_true(lsync_allocator_init(&memory, NULL));
        assert_int_equal(lsync_curl_global_init(), LOCK_SYNC_OK);
        assert_int_equal(lsync_transfer_init(&t, &memory, &distrusted_us), LOCK_SYNC_OK);
        t.request = &request;
        t.sockets = &sockets;
        t.sends = table[i].sends;
        (void)snprintf(t.error_text, sizeof t.error_text, "%s", "before");
        CHECK_INT(lsync_transfer_again(&t, table[i].code), table[i].again);
        CHECK_INT(sockets.closed_bytes, table[i].again ? 0 : 200000);
        CHECK_INT(sockets.http2, table[i].again);
        CHECK_TEXT(t.error_text, table[i].again ? "" : "before");
        lsync_transfer_release(&t);
    }
}

TEST(old_answers_count_less)
{
    lsync_sockets sockets = {.answers = 3998, .repeats = 1000};

    lsync_sockets_learn(&sockets, true);
    CHECK_INT(sockets.answers, 3999);
    CHECK_INT(sockets.repeats, 1000);
    CHECK(sockets.http2);
    lsync_sockets_learn(&sockets, false);
    CHECK_INT(sockets.answers, 2000);
    CHECK_INT(sockets.repeats, 500);
    CHECK(!sockets.http2);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        T(a_name_of_this_machine_leads_nowhere_else),
        T(a_repeat_goes_alone_where_connections_end_early_and_there_is_room),
        T(a_repeat_is_once_and_within_the_time),
        T(old_answers_count_less),
    };

    return T_MAIN(tests);
}
