/* Many accounts with libcurl's multi handle, with different drivers and options; see contestants.h. Bodies are not
   decoded. */
#include "contestants.h"
#include "event_loop.h"
#include "../client.h"
#include "../tools.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define POLL_MS 1000
#define HTTP2_CONNECTIONS_MAX 8L /* otherwise libcurl opens hundreds when the first one is full */

typedef struct by_hand by_hand;

typedef struct transfer {
    by_hand *owner;
    CURL *easy; /* NULL: a new one for each request */
    size_t account;
    size_t bytes; /* of the body so far */
    char error_text[CURL_ERROR_SIZE];
} transfer;

typedef struct style {
    bool has_event_loop;
    bool has_all_options;
    bool connects_each;
} style;

struct by_hand {
    const pool_setup *setup;
    const style *style;
    CURLM *multi;
    event_loop *loop; /* NULL: curl_multi_perform */
    char url[256];
    transfer *transfers;
    struct curl_slist **headers; /* of each account */
    idle_accounts idle;
    size_t to_start;
    size_t under_way;
};

/* --- options --- */

static size_t count_body(char *data, size_t one, size_t size, void *user)
{
    transfer *t = user;

    (void)data, (void)one;
    t->bytes += size;
    return size;
}

static size_t on_header(char *line, size_t one, size_t size, void *user)
{
    (void)line, (void)one, (void)user;
    return size;
}

static int on_send(void *user, char *remote_ip, char *local_ip, int remote_port, int local_port)
{
    (void)user, (void)remote_ip, (void)local_ip, (void)remote_port, (void)local_port;
    return CURL_PREREQFUNC_OK;
}

static curl_socket_t on_open_socket(void *user, curlsocktype purpose, struct curl_sockaddr *address)
{
    (void)user, (void)purpose;
    return socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
}

static int on_close_socket(void *user, curl_socket_t socket)
{
    (void)user;
    return close(socket);
}

#define SET(option, value)                                                                                             \
  do {                                                                                                                 \
    if (curl_easy_setopt(easy, option, value) != CURLE_OK)                                                             \
      die("libcurl rejects " #option);                                                                                 \
  } while (0)

/* Sets only what the request needs. */
static void set_needed(by_hand *h, transfer *t, CURL *easy)
{
    SET(CURLOPT_URL, h->url);
    SET(CURLOPT_PRIVATE, t);
    SET(CURLOPT_ACCEPT_ENCODING, "gzip"); /* so that all send the same */
    SET(CURLOPT_WRITEFUNCTION, count_body);
    SET(CURLOPT_WRITEDATA, t);
    if (h->setup->ca_file == NULL)
        return;
    SET(CURLOPT_CAINFO, h->setup->ca_file);
    SET(CURLOPT_CAPATH, NULL);
    SET(CURLOPT_PIPEWAIT, h->style->connects_each ? 0L : 1L);
    SET(CURLOPT_FRESH_CONNECT, h->style->connects_each ? 1L : 0L);
    SET(CURLOPT_FORBID_REUSE, h->style->connects_each ? 1L : 0L);
}

/* Sets what the library sets; callbacks do nothing where the library's have work to do. */
static void set_all(by_hand *h, transfer *t, CURL *easy)
{
    SET(CURLOPT_NOSIGNAL, 1L);
    SET(CURLOPT_ERRORBUFFER, t->error_text);
    SET(CURLOPT_HEADERFUNCTION, on_header);
    SET(CURLOPT_HEADERDATA, t);
    SET(CURLOPT_PREREQFUNCTION, on_send);
    SET(CURLOPT_PREREQDATA, t);
    SET(CURLOPT_OPENSOCKETFUNCTION, on_open_socket);
    SET(CURLOPT_CLOSESOCKETFUNCTION, on_close_socket);
    SET(CURLOPT_QUICK_EXIT, 1L);
    SET(CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_2TLS);
    SET(CURLOPT_HTTP09_ALLOWED, 0L);
    SET(CURLOPT_FOLLOWLOCATION, 0L);
    SET(CURLOPT_NETRC, (long)CURL_NETRC_IGNORED);
    SET(CURLOPT_DISALLOW_USERNAME_IN_URL, 1L);
    SET(CURLOPT_PATH_AS_IS, 1L);
    SET(CURLOPT_HEADEROPT, (long)CURLHEADER_SEPARATE);
    SET(CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
    SET(CURLOPT_NOPROXY, "");
    SET(CURLOPT_PROXY, "");
    SET(CURLOPT_PROTOCOLS_STR, h->setup->ca_file == NULL ? "http" : "https");
    SET(CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
    SET(CURLOPT_SSL_VERIFYPEER, 1L);
    SET(CURLOPT_SSL_VERIFYHOST, 2L);
    SET(CURLOPT_PROXY_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
    SET(CURLOPT_PROXY_SSL_VERIFYPEER, 1L);
    SET(CURLOPT_PROXY_SSL_VERIFYHOST, 2L);
}

static CURL *new_handle(by_hand *h, transfer *t)
{
    CURL *easy = curl_easy_init();

    if (easy == NULL)
        die("no libcurl handle");
    set_needed(h, t, easy);
    if (h->style->has_all_options)
        set_all(h, t, easy);
    return easy;
}

/* --- requests --- */

static void start_one(by_hand *h, transfer *t)
{
    CURL *easy = t->easy != NULL ? t->easy : new_handle(h, t);

    h->to_start--;
    h->under_way++;
    t->account = idle_take(&h->idle);
    t->bytes = 0;
    SET(CURLOPT_HTTPHEADER, h->headers[t->account]);
    if (h->style->has_all_options) {
        SET(CURLOPT_CONNECTTIMEOUT_MS, 10000L);
        SET(CURLOPT_TIMEOUT_MS, 30000L);
    }
    if (curl_multi_add_handle(h->multi, easy) != CURLM_OK)
        die("libcurl cannot start a transfer");
}

/* Handles the response to one request, and starts the next request. */
static void take_in(by_hand *h, CURL *easy, CURLcode code)
{
    transfer *t;
    long status = 0;

    (void)curl_easy_getinfo(easy, CURLINFO_PRIVATE, (char **)&t);
    if (code != CURLE_OK)
        die("libcurl: %s", curl_easy_strerror(code));
    if (curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status) != CURLE_OK || status != 200)
        die("libcurl: status %ld", status);
    if (t->bytes != h->setup->bytes)
        die("libcurl: %zu bytes, not %zu", t->bytes, h->setup->bytes);
    (void)curl_multi_remove_handle(h->multi, easy);
    if (t->easy == NULL)
        curl_easy_cleanup(easy);
    idle_put(&h->idle, t->account);
    h->under_way--;
    if (h->to_start > 0)
        start_one(h, t);
}

static void take_in_all(by_hand *h)
{
    CURLMsg *message;
    int queued;

    while ((message = curl_multi_info_read(h->multi, &queued)) != NULL)
        take_in(h, message->easy_handle, message->data.result);
}

static void serve(void *self, size_t requests)
{
    by_hand *h = self;
    int running;

    h->to_start = requests;
    for (size_t i = 0; i < h->setup->at_once && h->to_start > 0; i++)
        start_one(h, &h->transfers[i]);
    for (;;) {
        if (h->loop != NULL)
            event_loop_turn(h->loop);
        else if (curl_multi_perform(h->multi, &running) != CURLM_OK)
            die("libcurl cannot continue");
        take_in_all(h);
        if (h->under_way == 0)
            break;
        if (h->loop == NULL && curl_multi_poll(h->multi, NULL, 0, POLL_MS, NULL) != CURLM_OK)
            die("libcurl cannot continue");
    }
}

/* --- life cycle --- */

static struct curl_slist *headers_of(size_t account)
{
    char authorization[KEY_MAX + sizeof PERSONAL_KEY] = PERSONAL_KEY;

    write_key(authorization + strlen(PERSONAL_KEY), account);
    return new_headers(authorization);
}

static void *open_by_hand(const pool_setup *setup, const void *user)
{
    const style *how = user;
    by_hand *h = allocate(sizeof *h);

    *h = (by_hand){.setup = setup, .style = how, .multi = curl_multi_init()};
    (void)snprintf(h->url, sizeof h->url, "%s" SYNC_PATH, setup->base_url);
    if (setup->ca_file != NULL && !how->connects_each &&
        curl_multi_setopt(h->multi, CURLMOPT_MAX_HOST_CONNECTIONS, HTTP2_CONNECTIONS_MAX) != CURLM_OK)
        die("libcurl rejects a limit of connections");
    h->loop = how->has_event_loop ? event_loop_new(h->multi) : NULL;
    h->headers = allocate(setup->accounts * sizeof(struct curl_slist *));
    for (size_t i = 0; i < setup->accounts; i++)
        h->headers[i] = headers_of(i);
    h->transfers = allocate(setup->at_once * sizeof(transfer));
    for (size_t i = 0; i < setup->at_once; i++) {
        h->transfers[i] = (transfer){.owner = h};
        if (!how->connects_each)
            h->transfers[i].easy = new_handle(h, &h->transfers[i]);
    }
    idle_init(&h->idle, setup->accounts);
    return h;
}

static void close_by_hand(void *self)
{
    by_hand *h = self;

    for (size_t i = 0; i < h->setup->at_once; i++)
        curl_easy_cleanup(h->transfers[i].easy);
    (void)curl_multi_cleanup(h->multi);
    event_loop_free(h->loop);
    for (size_t i = 0; i < h->setup->accounts; i++)
        curl_slist_free_all(h->headers[i]);
    free(h->transfers);
    free(h->headers);
    free(h->idle.accounts);
    free(h);
}

static const style plain = {0};
static const style with_options = {.has_event_loop = true, .has_all_options = true};
static const style connection_each = {.connects_each = true};

const pool_contestant multi_by_hand = {"libcurl, curl_multi_perform", &plain, open_by_hand, serve, close_by_hand, 8000};
const pool_contestant multi_with_options = {
    "libcurl, socket_action, same options", &with_options, open_by_hand, serve, close_by_hand, 8000};
const pool_contestant multi_with_a_connection_each = {
    "libcurl, a connection each", &connection_each, open_by_hand, serve, close_by_hand, 300};
