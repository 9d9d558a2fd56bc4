/* Which connections are opened, and what the library records about them. Plain http to loopback never opens a socket to
   another machine, even if the host name resolves to one. Nothing is sent here. */
#include "base/memory.h"
#include "../support/decoding.h"
#include "transport/connections.h"
#include "transport/attempt.h"
#include "transport/status.h"

#include <arpa/inet.h>
#include <netinet/in.h>
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

/* A transfer with its connections and its response. */
typedef struct scene {
    lock_sync_allocator memory;
    lsync_connections connections;
    lock_sync_response response;
    int64_t tls_failed_us;
    lsync_transfer t;
} scene;

static void begin(scene *x)
{
    memset(x, 0, sizeof *x);
    MUST(lsync_allocator_init(&x->memory, NULL));
    lsync_connections_init(&x->connections, &x->memory, NULL);
    lsync_response_init(&x->response, &x->memory, 1000, 1);
    MUST_OK(lsync_curl_global_init());
    MUST_OK(lsync_transfer_init(&x->t, &x->memory, &x->tls_failed_us));
}

static void end(scene *x)
{
    lsync_transfer_release(&x->t);
    lsync_connections_release(&x->connections);
    lsync_response_release(&x->response);
}

/* Sets all options for a request to this loopback URL. */
static void prepare(scene *x, const char *url)
{
    static const lsync_route route = {.loopback = true};
    static lock_sync_request request;

    request = (lock_sync_request){
        .url = url, .route = &route, .timeout_ms = 1000, .connect_timeout_ms = 1000, .send_until_us = INT64_MAX};
    for (size_t i = 0; i < LSYNC_REQUEST_HEADERS; i++)
        request.headers[i].line = "Accept: */*";
    MUST_OK(lsync_transfer_prepare(&x->t, &request, &x->response, &x->connections, NULL));
}

/* Returns whether a request to localhost opens a socket if the name resolves to `address`, or is a path of a local
   socket. */
static bool opens_socket(const char *address)
{
    char entry[80];
    struct curl_slist names = {entry, NULL};
    bool opened;
    scene x;
    CURLcode set;

    (void)snprintf(entry, sizeof entry, "localhost:9:%s", address);
    begin(&x);
    prepare(&x, "http://localhost:9/");
    set = address[0] == '/' ? curl_easy_setopt(x.t.easy, CURLOPT_UNIX_SOCKET_PATH, address)
                            : curl_easy_setopt(x.t.easy, CURLOPT_RESOLVE, &names);
    MUST_INT(set, CURLE_OK);
    MUST_INT(curl_easy_setopt(x.t.easy, CURLOPT_CONNECT_ONLY, 1L), CURLE_OK);
    (void)curl_easy_perform(x.t.easy);
    opened = x.t.events.opened > 0;
    end(&x);
    return opened;
}

TEST(a_loopback_name_opens_no_socket_to_another_machine)
{
    static const struct {
        const char *address;
        bool opens;
    } table[] = {
        {"127.0.0.1", true},           {"127.255.255.254", true}, {"126.255.255.255", false},
        {"128.0.0.1", false},          {"192.0.2.1", false},      {"[::2]", false},
        {"[::ffff:192.0.2.1]", false}, {"[2001:db8::1]", false},  {"/nowhere", false},
    };

    for (size_t i = 0; i < COUNT_OF(table); i++) {
        t_row("%s", table[i].address);
        CHECK_INT(opens_socket(table[i].address), table[i].opens);
    }
    if (has_family(AF_INET6))
        CHECK(opens_socket("[::1]"));
}

TEST(a_finished_transfer_opens_no_socket)
{
    struct curl_sockaddr address = {.family = AF_INET, .socktype = SOCK_STREAM};
    lsync_transfer t = {.request = NULL};

    CHECK_INT(lsync_on_open_socket(&t, CURLSOCKTYPE_IPCXN, &address), CURL_SOCKET_BAD);
}

TEST(old_responses_count_less)
{
    lsync_connections connections = {.responses = 3998, .retries = 1000};

    lsync_connections_record_response(&connections, true);
    CHECK_INT(connections.responses, 3999);
    CHECK_INT(connections.retries, 1000);
    CHECK(connections.http2);
    lsync_connections_record_response(&connections, false);
    CHECK_INT(connections.responses, 2000);
    CHECK_INT(connections.retries, 500);
    CHECK(!connections.http2);
}

/* Puts a request on a connection without a response yet. libcurl has given the request up and is about to retry it. */
static void refuse_stream(lsync_transfer *t, lsync_connections *connections, lsync_connection *c)
{
    static const lsync_route route = {.https = true};
    static const lock_sync_request request = {.route = &route};
    char ip[] = "192.0.2.1";

    *t = (lsync_transfer){.connections = connections, .request = &request, .events = {.sent_us = 1, .connection = c}};
    CHECK_INT(lsync_on_send(t, ip, ip, 443, 50000), CURL_PREREQFUNC_ABORT);
    CHECK_INT(t->events.refused, LSYNC_REFUSED_YES);
}

TEST(each_refused_stream_leaves_its_connection_at_once)
{
    int ends[2];
    lsync_connection c = {.active = 5};
    lsync_connections connections = {.presumed_streams = 8, .http2 = true};
    lsync_transfer first;
    lsync_transfer second;

    MUST_INT(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
    c.fd = ends[0];
    refuse_stream(&first, &connections, &c);
    CHECK_INT(c.active, 4);
    CHECK_INT(connections.presumed_streams, 4);
    refuse_stream(&second, &connections, &c);
    CHECK_INT(c.active, 3);
    CHECK_INT(connections.presumed_streams, 3);
    CHECK(c.is_ending);
    lsync_connection_leave(&first, false); /* no change: it has left before */
    CHECK_INT(c.active, 3);
    (void)close(ends[0]);
    (void)close(ends[1]);
}

#define UNKNOWN LSYNC_REFUSED_UNKNOWN

/* A connection that is found closed before a request is sent does not show how long the server keeps connections in
   use. */
TEST(the_end_of_an_attempt_decides_about_a_retry)
{
    static const struct {
        const char *name;
        lsync_events events;
        uint32_t sends;
        CURLcode code;
        lock_sync_status stopped;
        bool cancelled;
        lsync_retry next;
        uint32_t retries;
    } table[] = {
        {"found closed", {.unsent = true}, 0, CURLE_RECV_ERROR, LOCK_SYNC_OK, false, LSYNC_RETRY_NEW_CONNECTION, 0},
        {"sent, and given up",
         {.sent_us = 1, .aborted_resend = true, .is_http2 = true},
         1,
         CURLE_RECV_ERROR,
         LOCK_SYNC_OK,
         false,
         LSYNC_RETRY_NEW_CONNECTION,
         1},
        {"sent, and failed", {.sent_us = 1}, 1, CURLE_RECV_ERROR, LOCK_SYNC_OK, false, LSYNC_RETRY_NONE, 0},
        {"given up",
         {.sent_us = 1, .is_http2 = true, .refused = UNKNOWN},
         1,
         CURLE_RECV_ERROR,
         LOCK_SYNC_OK,
         false,
         LSYNC_RETRY_NEW_CONNECTION,
         1},
        {"a response",
         {.sent_us = 1, .is_http2 = true, .refused = UNKNOWN},
         1,
         CURLE_OK,
         LOCK_SYNC_OK,
         false,
         LSYNC_RETRY_NONE,
         0},
        {"out of time",
         {.sent_us = 1, .is_http2 = true, .refused = UNKNOWN},
         1,
         CURLE_OPERATION_TIMEDOUT,
         LOCK_SYNC_OK,
         false,
         LSYNC_RETRY_NONE,
         0},
        {"out of memory",
         {.sent_us = 1, .is_http2 = true, .refused = UNKNOWN},
         1,
         CURLE_OUT_OF_MEMORY,
         LOCK_SYNC_OK,
         false,
         LSYNC_RETRY_NONE,
         0},
        {"stopped by a callback",
         {.sent_us = 1, .is_http2 = true, .refused = UNKNOWN},
         1,
         CURLE_ABORTED_BY_CALLBACK,
         LOCK_SYNC_E_TIMEOUT,
         false,
         LSYNC_RETRY_NONE,
         0},
        {"cancelled",
         {.sent_us = 1, .is_http2 = true, .refused = UNKNOWN},
         1,
         CURLE_RECV_ERROR,
         LOCK_SYNC_OK,
         true,
         LSYNC_RETRY_NONE,
         0},
    };

    for (size_t i = 0; i < COUNT_OF(table); i++) {
        atomic_bool cancelled = table[i].cancelled;
        const lock_sync_request request = {.timeout_ms = 1000, .cancelled = &cancelled};
        lsync_connections connections = {.responses = 0};
        lsync_transfer t = {.request = &request,
                            .connections = &connections,
                            .stopped = table[i].stopped,
                            .events = table[i].events,
                            .attempts = {.sends = table[i].sends}};

        t_row("%s", table[i].name);
        CHECK_INT(lsync_transfer_retry(&t, table[i].code), table[i].next);
        CHECK_INT(connections.retries, table[i].retries);
    }
}

TEST(a_connection_is_new_until_its_first_response)
{
    static const struct {
        uint32_t opened;
        uint32_t responses;
        bool is_new;
    } table[] = {{0, 0, true}, {0, 1, false}, {0, 2, false}, {1, 1, true}};
    static const lsync_route route = {.https = true};
    static const lock_sync_request request = {.route = &route, .send_until_us = INT64_MAX};
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;
    lsync_connection c = {.fd = socket(AF_INET, SOCK_STREAM, 0)};
    lsync_listed list[] = {{0, &c}};
    char ip[] = "127.0.0.1";

    MUST_INT(bind(c.fd, (struct sockaddr *)(void *)&address, size), 0);
    MUST_INT(getsockname(c.fd, (struct sockaddr *)(void *)&address, &size), 0);
    for (size_t i = 0; i < COUNT_OF(table); i++) {
        lsync_connections connections = {.listed = list, .count = 1};
        lsync_transfer t = {.request = &request, .connections = &connections, .events = {.opened = table[i].opened}};

        t_row("%u opened, %u responses", table[i].opened, table[i].responses);
        list[0].key = 0;
        c.active = 1; /* another request's: the connection is not checked */
        c.responses = table[i].responses;
        CHECK_INT(lsync_on_send(&t, ip, ip, 443, ntohs(address.sin_port)), CURL_PREREQFUNC_OK);
        CHECK(t.events.connection == &c);
        CHECK_INT(c.active, 2);
        CHECK_INT(t.events.is_new, table[i].is_new);
    }
    (void)close(c.fd);
}

/* In a pool many requests begin in one pass of the loop, and each would search. */
TEST(closed_connections_are_looked_for_once_a_pass)
{
    static const unsigned char alert[] = {21, 3, 3, 0, 2, 1, 0};
    lsync_socket_owner owner = {.passes = 1};
    lsync_connection in_use = {.fd = -1, .active = 1};
    lsync_connection c = {.fd = -1};
    lsync_listed list[] = {{1, &in_use}, {2, &c}};
    lsync_connections connections = {.owner = &owner, .listed = list, .count = COUNT_OF(list), .http2 = true};
    int ends[2];
    char byte;

    MUST_INT(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
    c.fd = ends[0];
    lsync_connections_end_closed(&connections);
    MUST_INT(write(ends[1], alert, sizeof alert), sizeof alert);
    lsync_connections_end_closed(&connections);
    CHECK_INT(recv(ends[1], &byte, 1, MSG_DONTWAIT), -1); /* still open */
    owner.passes++;
    lsync_connections_end_closed(&connections);
    CHECK_INT(recv(ends[1], &byte, 1, MSG_DONTWAIT), 0);
    (void)close(ends[0]);
    (void)close(ends[1]);
}

/* Each text differs from the one before in its last byte. */
TEST(a_changed_text_is_set_again)
{
    static const char *const urls[] = {"http://127.0.0.1:9/b", "http://127.0.0.1:9/a", "http://127.0.0.1:9/b"};
    scene x;

    begin(&x);
    for (size_t i = 0; i < COUNT_OF(urls); i++) {
        t_row("%s", urls[i]);
        prepare(&x, urls[i]);
        CHECK_TEXT(x.t.set.url, urls[i]);
    }
    end(&x);
}

/* Lets a transfer open a socket, binds it, and returns its port. */
static int open_connection(lsync_transfer *t, int *fd)
{
    struct sockaddr_in in = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct curl_sockaddr address = {.family = AF_INET, .socktype = SOCK_DGRAM};
    socklen_t size = sizeof in;

    *fd = lsync_on_open_socket(t, CURLSOCKTYPE_IPCXN, &address);
    MUST(*fd >= 0);
    MUST_INT(bind(*fd, (struct sockaddr *)(void *)&in, sizeof in), 0);
    MUST_INT(getsockname(*fd, (struct sockaddr *)(void *)&in, &size), 0);
    return ntohs(in.sin_port);
}

static int send_from(lsync_transfer *t, int port)
{
    char there[] = "192.0.2.1";
    char here[] = "127.0.0.1";

    return lsync_on_send(t, there, here, 443, port);
}

/* The machine was suspended during the connect. libcurl keeps an HTTP/2 connection whose request was stopped, and
   uses the list when it closes the connection. So an open connection counts, and the list is not freed. */
TEST(a_connection_that_was_too_late_counts_until_it_is_closed)
{
    const lsync_route route = {.https = true};
    const lock_sync_request request = {.route = &route, .send_until_us = 0};
    scene x;
    lsync_transfer t = {.request = &request, .connections = &x.connections};
    lsync_socket_owner owner = {.per_origin = 1};
    int fd;
    int port;

    begin(&x);
    x.connections.owner = &owner;
    port = open_connection(&t, &fd);
    CHECK_INT(send_from(&t, port), CURL_PREREQFUNC_ABORT);
    CHECK_INT(t.stopped, LOCK_SYNC_E_TIMEOUT);
    lsync_connection_leave(&t, false);
    CHECK_INT(x.connections.open, 1);
    CHECK_INT(owner.sockets, 1);
    CHECK_INT(lsync_on_close_socket(&x.connections, fd), 0);
    CHECK_INT(x.connections.open, 0);
    CHECK_INT(owner.sockets, 0);
    end(&x);
}

/* libcurl puts all requests that wait for a connection on it at once, before it knows the server's limit of streams. */
TEST(a_new_connection_takes_only_as_many_waiting_requests_as_is_safe)
{
    enum { SHARING = LSYNC_STREAMS_PRESUMED + 1 };
    const lsync_route route = {.https = true, .max_idle_ms = 60000};
    const lock_sync_request request = {.route = &route, .send_until_us = INT64_MAX};
    scene x;
    lsync_transfer opener = {.request = &request, .connections = &x.connections};
    lsync_transfer sharing[SHARING];
    int fd;
    int port;

    begin(&x);
    port = open_connection(&opener, &fd);
    CHECK_INT(send_from(&opener, port), CURL_PREREQFUNC_OK);
    for (int i = 0; i < SHARING; i++) {
        bool fits = i < LSYNC_STREAMS_PRESUMED - 1; /* one stream is the opener's */

        sharing[i] = opener;
        sharing[i].connecting = LSYNC_CONNECTS_NEVER;
        sharing[i].events = (lsync_events){.sent_us = 0};
        t_row("%d", i);
        if (i == SHARING - 1)
            x.connections.listed[0].connection->responses = 1; /* now libcurl knows the limit */
        fits = fits || i == SHARING - 1;
        CHECK_INT(send_from(&sharing[i], port), fits ? CURL_PREREQFUNC_OK : CURL_PREREQFUNC_ABORT);
        CHECK(sharing[i].events.no_free_stream != fits);
        CHECK((sharing[i].events.sent_us != 0) == fits);
    }
    for (int i = 0; i < SHARING; i++)
        lsync_connection_leave(&sharing[i], false);
    lsync_connection_leave(&opener, false);
    CHECK_INT(lsync_on_close_socket(&x.connections, fd), 0);
    end(&x);
}

TEST(only_a_request_that_was_sent_twice_is_reported_as_such)
{
    static const lsync_route route = {.https = true};
    static const lock_sync_request request = {.route = &route};
    scene x;

    begin(&x);
    for (uint32_t sends = 0; sends < 3; sends++) {
        lsync_transfer t = {.request = &request, .response = &x.response, .attempts = {.sends = sends}};

        t_row("%u", sends);
        lsync_describe_curl_failure(&t, CURLE_RECV_ERROR);
        CHECK_INT(strstr(x.response.failure, "sent twice") != NULL, sends == 2);
    }
    end(&x);
}
