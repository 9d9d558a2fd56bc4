/* HTTP/2 over TLS: nginx in front of the simulator. TLS sessions are resumed if a connection cannot be kept. */
#include "client.h"

#include "../support/curl_flavour.h"
#include "../support/nginx.h"
#include "../support/pems.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FETCHES 10
#define ANY -1 /* any HTTP status */

static sim *target;

static int begin(void **user)
{
    if (!nginx_exists())
        return 0;
    target = sim_start_usual();
    return pems_make(user);
}

static int end(void **user)
{
    sim_stop(target, NULL);
    return pems_free(user);
}

/* nginx, and a client for it. */
typedef struct scene {
    nginx *nginx;
    client c;
} scene;

/* Makes a scene. `setup` must not have the certificate: it is set here. */
static scene scene_make(nginx_setup setup)
{
    scene s;

    setup.cert = pems->good;
    setup.key = pems->key;
    s.nginx = nginx_start(&setup);
    s.c = client_trusting(nginx_url(s.nginx), pems->ca);
    return s;
}

static void scene_end(scene *s)
{
    client_free(&s->c);
    nginx_stop(s->nginx);
}

typedef struct line {
    char protocol[16];
    unsigned connection;
    unsigned request;
    char session[4];
    unsigned status;
} line;

/* Waits for `count` lines in the server's log, and reads them. */
static void read_log(const scene *s, line *lines, unsigned count)
{
    char *log = nginx_log(s->nginx, count);
    const char *at = log;

    MUST_INT(kit_count(log, "\n"), count);
    for (unsigned i = 0; i < count; i++, at = strchr(at, '\n') + 1)
        MUST_INT(sscanf(at, "%15s %u %u %3s %u", lines[i].protocol, &lines[i].connection, &lines[i].request,
                        lines[i].session, &lines[i].status),
                 5);
    free(log);
}

TEST(many_fetches_go_over_one_http2_connection)
{
    line lines[FETCHES];
    scene s;

    t_need(nginx_exists(), NO_NGINX);
    s = scene_make((nginx_setup){.upstream = sim_port(target)});
    for (int i = 0; i < FETCHES; i++)
        expect_fetch(&s.c, LOCK_SYNC_OK);
    read_log(&s, lines, FETCHES);
    for (unsigned i = 0; i < FETCHES; i++) {
        CHECK_TEXT(lines[i].protocol, "HTTP/2.0");
        CHECK_INT(lines[i].connection, lines[0].connection);
        CHECK_INT(lines[i].request, i + 1);
        CHECK_INT(lines[i].status, 200);
    }
    scene_end(&s);
}

TEST(failures_over_http2_are_reported_like_others)
{
    static const struct {
        const char *fault;
        lock_sync_status status;
        int32_t http_status;
    } rows[] = {
        {"429", LOCK_SYNC_E_RATE_LIMITED, 429},
        {"truncated", LOCK_SYNC_E_NETWORK, 0},
        {"huge", LOCK_SYNC_E_TOO_LARGE, ANY},
        {"bad-json", LOCK_SYNC_E_MALFORMED, 200},
    };
    scene s;

    t_need(nginx_exists(), NO_NGINX);
    s = scene_make((nginx_setup){.upstream = sim_port(target)});
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        sim_fault(target, rows[i].fault, 1);
        expect_fetch_in_row(&s.c, rows[i].status, rows[i].fault);
        if (rows[i].http_status != ANY)
            CHECK_INT(error_http_status(&s.c), rows[i].http_status);
        sim_fault(target, rows[i].fault, 0);
        expect_fetch_in_row(&s.c, LOCK_SYNC_OK, rows[i].fault);
    }
    scene_end(&s);
}

TEST(a_tls_session_is_resumed_on_a_new_connection)
{
    line lines[3];
    scene s;

    t_need(nginx_exists(), NO_NGINX);
    t_need(!curl_has_gnutls(), "libcurl with GnuTLS resumes no session if the lowest TLS version is set");
    s = scene_make((nginx_setup){.body = raw_good_body, .http1 = true, .close_each = true});
    for (int i = 0; i < 3; i++)
        expect_fetch(&s.c, LOCK_SYNC_OK);
    read_log(&s, lines, 3);
    for (unsigned i = 0; i < 3; i++) {
        CHECK_TEXT(lines[i].protocol, "HTTP/1.1");
        CHECK(i == 0 || lines[i].connection != lines[i - 1].connection);
        CHECK_TEXT(lines[i].session, i == 0 ? "." : "r");
    }
    scene_end(&s);
}

int main(void)
{
    return t_run_all_in(begin, end);
}
