/* Runs nginx; see nginx.h. nginx cannot report a free port that the kernel chose. So it gets a port that was free just
   before, and another if that port is in use. */
#include "nginx.h"
#include "child.h"
#include "kit.h"
#include "raw_server.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PROGRAM "/usr/sbin/nginx"
#define TRIES 10
#define CONNECTIONS_MAX 100000
#define HTTP2 "HTTP/2.0 " /* how a line of the log begins */

struct nginx {
    child *process;
    char *dir;
    uint16_t port;
    char url[64];
};

bool nginx_exists(void)
{
    return access(PROGRAM, X_OK) == 0;
}

static char *configuration(const char *dir, uint16_t port, const nginx_setup *setup)
{
    char *location = setup->upstream != 0
                         ? kit_text("proxy_pass http://up; proxy_http_version 1.1; proxy_set_header Connection \"\";")
                         : kit_text("default_type application/json; return 200 '%s';", setup->body);
    char *text = kit_text(
        "daemon off; master_process off; pid %s/pid; error_log %s/error.log;\n"
        "events { worker_connections 2048; }\n"
        "http {\n"
        "  client_body_temp_path %s/body; proxy_temp_path %s/proxy; fastcgi_temp_path %s/fastcgi;\n"
        "  uwsgi_temp_path %s/uwsgi; scgi_temp_path %s/scgi;\n"
        "  map $http_authorization $keyid { default 999999999; ~-(?<number>[0-9]+)$ $number; }\n"
        "  log_format kit '$server_protocol $connection $connection_requests $ssl_session_reused $status';\n"
        "  access_log %s/access.log kit;\n"
        "  upstream up { server 127.0.0.1:%u; keepalive 16; }\n"
        "  server {\n"
        "    listen 127.0.0.1:%u ssl %s;\n"
        "    ssl_certificate %s; ssl_certificate_key %s; ssl_session_cache builtin:100;\n"
        "    keepalive_timeout %d; keepalive_requests %u; http2_max_concurrent_streams %u;\n"
        "    location / { %s }\n"
        "  }\n"
        "}\n",
        dir, dir, dir, dir, dir, dir, dir, dir, setup->upstream != 0 ? setup->upstream : 1, port,
        setup->http1 ? "" : "http2", setup->cert, setup->key, setup->close_each ? 0 : 60,
        setup->requests_each != 0 ? setup->requests_each : 1000000, setup->streams != 0 ? setup->streams : 128,
        location);

    free(location);
    return text;
}

static bool has_listened_or_ended(void *user)
{
    nginx *n = user;
    char *path = kit_text("%s/pid", n->dir);
    char *pid = kit_read_file(path); /* written once it listens */
    bool done = strchr(pid, '\n') != NULL || !child_is_running(n->process);

    free(pid);
    free(path);
    return done;
}

/* Starts it on a port that is free now. False: another program took the port meanwhile. */
static bool try_to_start(nginx *n, const nginx_setup *setup)
{
    char *file = kit_text("%s/nginx.conf", n->dir);
    char *text;
    const char *const argv[] = {PROGRAM, "-p", n->dir, "-e", "/dev/null", "-c", file, NULL};
    bool running;

    n->port = raw_server_port();
    text = configuration(n->dir, n->port, setup);
    kit_write_file(file, text, strlen(text));
    n->process = child_start(argv, true);
    if (!kit_wait(has_listened_or_ended, n, KIT_PATIENCE_MS))
        kit_die("nginx did not start");
    running = child_is_running(n->process);
    if (!running)
        free(child_stop(n->process, 0, NULL));
    free(text);
    free(file);
    return running;
}

nginx *nginx_start(const nginx_setup *setup)
{
    nginx *n = kit_zeros(sizeof *n);
    int tries = 0;

    n->dir = kit_temp_dir();
    while (!try_to_start(n, setup))
        if (++tries == TRIES)
            kit_die("nginx does not start; see %s/error.log", n->dir);
    (void)snprintf(n->url, sizeof n->url, "https://127.0.0.1:%u", n->port);
    return n;
}

nginx *nginx_start_for_keys(const char *cert, const char *key, const char *body, unsigned requests_each)
{
    const nginx_setup setup = {.cert = cert, .key = key, .body = body, .requests_each = requests_each};

    return nginx_start(&setup);
}

const char *nginx_url(const nginx *n)
{
    return n->url;
}

uint16_t nginx_port(const nginx *n)
{
    return n->port;
}

typedef struct log_wait {
    char *path;
    char *text;
    size_t lines;
} log_wait;

static bool has_lines(void *user)
{
    log_wait *w = user;

    free(w->text);
    w->text = kit_read_file(w->path);
    return kit_count(w->text, "\n") >= w->lines;
}

char *nginx_log(const nginx *n, size_t lines)
{
    log_wait w = {kit_text("%s/access.log", n->dir), NULL, lines};

    (void)kit_wait(has_lines, &w, KIT_PATIENCE_MS);
    free(w.path);
    return w.text;
}

nginx_seen nginx_look(const nginx *n, size_t requests)
{
    char *path = kit_text("%s/access.log", n->dir);
    char *text = nginx_log(n, requests);
    bool *known = kit_zeros(CONNECTIONS_MAX);
    nginx_seen seen = {0};

    for (const char *at = text; *at != '\0'; at = strchr(at, '\n') + 1) {
        size_t connection = strtoul(strchr(at, ' '), NULL, 10) % CONNECTIONS_MAX;

        seen.requests++;
        seen.other_protocol += strncmp(at, HTTP2, strlen(HTTP2)) != 0;
        seen.connections += !known[connection];
        known[connection] = true;
    }
    if (truncate(path, 0) != 0) /* nginx appends */
        kit_die("cannot empty %s", path);
    free(known);
    free(text);
    free(path);
    return seen;
}

void nginx_pause(const nginx *n)
{
    child_pause(n->process);
}

void nginx_go_on(const nginx *n)
{
    child_signal(n->process, SIGCONT);
}

void nginx_stop(nginx *n)
{
    if (n == NULL)
        return;
    free(child_stop(n->process, SIGTERM, NULL));
    kit_remove_dir(n->dir);
    free(n);
}
