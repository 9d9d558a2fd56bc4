/* The rest of the table: faults that need ports, certificates or compressed bodies made for this run; see faults.h. */
#include "faults.h"

#include "../support/certs.h"
#include "../support/decoding.h"
#include "../support/gzip.h"
#include "../support/interpose.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define BOMB_SIZE (16 << 20)
#define DEADLINE_MS ((int32_t)(250 * kit_slack()))
#define PACKED OK_LINE "Connection: close\r\nContent-Encoding: gzip\r\n\r\n"

static certs *pems;
static sim *secure;  /* trusted through the CA file */
static sim *unknown; /* trusted only by the system */
static raw_full_port full_port;
static int dead_port;
static char *dead_url;
static char *redirects[4];
static char *gzip;
static char *bad_sum;
static char *bad_block;
static char *bomb;
static size_t gzip_size;
static size_t bomb_size;
static fault_list lists[FAULT_LISTS];

static const fault *keep(const fault *rows, size_t size)
{
    fault *kept = kit_zeros(size);

    memcpy(kept, rows, size);
    return kept;
}

#define KEEP(title, rows) ((fault_list){(title), keep((rows), sizeof(rows)), COUNT_OF(rows)})

/* --- too slow --- */

#define SLOW(title, ...)                                                                                               \
  {                                                                                                                    \
    .name = (title), .want = LOCK_SYNC_E_TIMEOUT, .timeout_ms = DEADLINE_MS, .steps = { __VA_ARGS__ }                  \
  }
#define TLS(title, status, ...)                                                                                        \
  {                                                                                                                    \
    .name = (title), .want = (status), .kind = FAULT_TLS, .steps = { __VA_ARGS__ }                                     \
  }
#define ELSEWHERE(title, status, at, ...)                                                                              \
  {                                                                                                                    \
    .name = (title), .want = (status), .kind = FAULT_ELSEWHERE, .url = (at), __VA_ARGS__                               \
  }

static fault_list make_slow(void)
{
    const fault rows[] = {
        ELSEWHERE("nobody accepts the connection", LOCK_SYNC_E_TIMEOUT, full_port.url,
                  .connect_timeout_ms = DEADLINE_MS),
        ELSEWHERE("nobody accepts the connection until the deadline", LOCK_SYNC_E_TIMEOUT, full_port.url,
                  .timeout_ms = DEADLINE_MS),
        SLOW("silent after the connection", RAW_WAIT_FOR_CLOSE),
        SLOW("silent after the request", RAW_READ_REQUEST, RAW_WAIT_FOR_CLOSE),
        SLOW("a slow status line", RAW_READ_REQUEST, RAW_SEND_SLOWLY(raw_good_response, 17, 60), RAW_WAIT_FOR_CLOSE),
        SLOW("a slow header", RAW_READ_REQUEST, RAW_SEND(raw_good_response, 40),
             RAW_SEND_SLOWLY(raw_good_response + 40, 40, 60), RAW_WAIT_FOR_CLOSE),
        SLOW("a slow body", RAW_READ_REQUEST, RAW_SEND(raw_good_response, 100),
             RAW_SEND_SLOWLY(raw_good_response + 100, 100, 60), RAW_WAIT_FOR_CLOSE),
        {.name = "a byte a second",
         .want = LOCK_SYNC_E_TIMEOUT,
         .timeout_ms = 1500,
         .steps = {RAW_READ_REQUEST, RAW_SEND_SLOWLY(raw_good_response, 100, 1000), RAW_WAIT_FOR_CLOSE}},
        {.name = "a handshake that stalls",
         .want = LOCK_SYNC_E_TIMEOUT,
         .kind = FAULT_TLS,
         .connect_timeout_ms = DEADLINE_MS,
         .steps = {RAW_WAIT_FOR_CLOSE}},
    };

    return KEEP("slow", rows);
}

/* --- no connection, and TLS --- */

static fault_list make_unreachable(void)
{
    const uint16_t port = sim_port(secure);
    const fault rows[] = {
        ELSEWHERE("refused", LOCK_SYNC_E_CONNECT, dead_url, .timeout_ms = 0),
        ELSEWHERE("refused, IPv6", LOCK_SYNC_E_CONNECT, "http://[::1]:1", .timeout_ms = 0),
        ELSEWHERE("a server that only the system trusts", LOCK_SYNC_E_TLS, sim_url(unknown), .timeout_ms = 0),
        TLS("TLS closed at once", BROKEN_HANDSHAKE, RAW_END),
        TLS("no TLS", LOCK_SYNC_E_TLS, RAW_SEND_TEXT("HTTP/1.1 400 Bad Request\r\n\r\n"), RAW_WAIT_FOR_CLOSE),
        TLS("an alert", LOCK_SYNC_E_TLS, RAW_SEND_TEXT("\x15\x03\x03\x00\x02\x02\x28"), RAW_WAIT_FOR_CLOSE),
        TLS("TLS closed in mid-handshake", BROKEN_HANDSHAKE, RAW_RELAY_SOME(port, 60), RAW_END),
        TLS("TLS reset in mid-handshake", BROKEN_HANDSHAKE, RAW_RELAY_SOME(port, 60), RAW_RESET),
    };

    return KEEP("unreachable", rows);
}

/* --- redirects --- */

static fault_list make_redirects(const char *bystander)
{
    static const int statuses[] = {301, 302, 307, 308};
    fault rows[COUNT_OF(statuses)];

    for (size_t i = 0; i < COUNT_OF(statuses); i++) {
        redirects[i] = kit_text("HTTP/1.1 %d Elsewhere\r\nConnection: close\r\nLocation: %s/?key=" KEY
                                "\r\nContent-Length: 0\r\n\r\n",
                                statuses[i], bystander);
        rows[i] = (fault)FAULT("a redirect", HTTP, RAW_READ_REQUEST, RAW_SEND(redirects[i], strlen(redirects[i])),
                               RAW_WAIT_FOR_CLOSE);
    }
    return KEEP("redirects", rows);
}

/* --- gzip --- */

static char *altered(size_t at)
{
    char *copy = kit_zeros(gzip_size);

    memcpy(copy, gzip, gzip_size);
    copy[at] = (char)(copy[at] ^ 1);
    return copy;
}

#define SENDS_GZIP(title, status, data, size)                                                                          \
  FAULT(title, status, RAW_READ_REQUEST, RAW_SEND_TEXT(PACKED), RAW_SEND(data, size), RAW_END)

static fault_list make_packed(void)
{
    char *spaces = t_repeat(' ', BOMB_SIZE);

    bomb = gzip_packed(spaces, BOMB_SIZE, &bomb_size);
    free(spaces);
    MUST(bomb_size * 900 < BOMB_SIZE);
    gzip = gzip_stored(raw_good_body, strlen(raw_good_body), &gzip_size);
    bad_sum = altered(gzip_size - 8);
    bad_block = altered(11);
    {
        const fault rows[] = {
            SENDS_GZIP("gzip of nothing", MALFORMED, "", 0),
            SENDS_GZIP("gzip cut in its header", MALFORMED, gzip, 5),
            SENDS_GZIP("gzip cut in the body", MALFORMED, gzip, gzip_size / 2),
            SENDS_GZIP("gzip without its magic number", MALFORMED, gzip + 1, gzip_size - 1),
            SENDS_GZIP("gzip with a wrong checksum", MALFORMED, bad_sum, gzip_size),
            SENDS_GZIP("gzip with a wrong block length", MALFORMED, bad_block, gzip_size),
            SENDS_GZIP("a gzip bomb of 1:1000", TOO_LARGE, bomb, bomb_size),
        };

        return KEEP("packed", rows);
    }
}

/* --- the table --- */

const fault_list *faults_begin(const char *bystander)
{
    uint16_t port;

    pems = certs_make();
    secure = sim_start_tls(pems->good, pems->key);
    unknown = sim_start_tls(pems->unknown, pems->key);
    trust_replace_defaults(pems->other_ca, pems->hashed_dir);
    full_port = raw_full_port_open();
    dead_port = raw_dead_port(&port);
    dead_url = kit_text("http://127.0.0.1:%u", port);
    lists[0] = faults_broken_off;
    lists[1] = faults_not_http;
    lists[2] = faults_too_large;
    lists[3] = faults_echoing;
    lists[4] = make_slow();
    lists[5] = make_unreachable();
    lists[6] = make_redirects(bystander);
    lists[7] = make_packed();
    return lists;
}

/* Expects no request, because no fault of the table gets that far. */
static void expect_no_request(sim *s)
{
    sim_stats stats;

    sim_stop(s, &stats);
    if (stats.requests != 0)
        kit_die("a server that must not be trusted got a request");
}

void faults_end(void)
{
    for (size_t i = 4; i < FAULT_LISTS; i++)
        free((void *)(uintptr_t)lists[i].rows);
    for (size_t i = 0; i < COUNT_OF(redirects); i++)
        free(redirects[i]);
    free(dead_url);
    free(gzip);
    free(bad_sum);
    free(bad_block);
    free(bomb);
    (void)close(dead_port);
    raw_full_port_close(&full_port);
    trust_replace_defaults(NULL, NULL);
    expect_no_request(secure);
    expect_no_request(unknown);
    certs_free(pems);
}

const char *faults_ca_file(void)
{
    return pems->ca;
}
