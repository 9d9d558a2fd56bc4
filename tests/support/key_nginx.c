/* nginx that answers with the number of the key; see key_nginx.h. */
#include "key_nginx.h"

#include "child.h"
#include "kit.h"
#include "raw_server.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define TRIES 10
#define CONNECTIONS_MAX 100000
#define HTTP2 "HTTP/2.0 " /* how a line begins */

struct key_nginx {
    child *process;
    char *dir;
    char url[64];
};

static bool has_listened_or_ended(void *user)
{
    key_nginx *n = user;
    char *path = kit_text("%s/pid", n->dir);
    char *pid = kit_read_file(path);
    bool done = strchr(pid, '\n') != NULL || !child_is_running(n->process);

    free(pid);
    free(path);
    return done;
}

static bool try_to_start(key_nginx *n, const char *cert, const char *key, const char *body,
                         unsigned requests_each)
{
    uint16_t port;
    int keeper = raw_dead_port(&port);
    char *file = kit_text("%s/nginx.conf", n->dir);
    char *text = kit_text(
        "daemon off; master_process off; pid %s/pid; error_log %s/error.log;\n"
        "events { worker_connections 2048; }\n"
        "http {\n"
        "  client_body_temp_path %s/body; proxy_temp_path %s/proxy; fastcgi_temp_path %s/fastcgi;\n"
        "  uwsgi_temp_path %s/uwsgi; scgi_temp_path %s/scgi;\n"
        "  map $http_authorization $keyid { default 999999999; ~-(?<number>[0-9]+)$ $number; }\n"
        "  log_format kit '$server_protocol $connection';\n"
        "  access_log %s/access.log kit;\n"
        "  server {\n"
        "    listen 127.0.0.1:%u ssl http2;\n"
        "    ssl_certificate %s; ssl_certificate_key %s;\n"
        "    keepalive_requests %u; default_type application/json;\n"
        "    location / { return 200 '%s'; }\n"
        "  }\n"
        "}\n",
        n->dir, n->dir, n->dir, n->dir, n->dir, n->dir, n->dir, n->dir, port, cert, key,
        requests_each, body);
    const char *const argv[] = {"/usr/sbin/nginx", "-p", n->dir, "-e", "/dev/null", "-c", file, NULL};
    bool running;

    kit_write_file(file, text, strlen(text));
    (void)close(keeper);
    n->process = child_start(argv, true);
    if (!kit_wait(has_listened_or_ended, n, KIT_PATIENCE_MS))
        kit_die("nginx did not start");
    running = child_is_running(n->process);
    if (!running)
        free(child_stop(n->process, 0, NULL));
    (void)snprintf(n->url, sizeof n->url, "https://127.0.0.1:%u", port);
    free(text);
    free(file);
    return running;
}

key_nginx *key_nginx_start(const char *cert, const char *key, const char *body, unsigned requests_each)
{
    key_nginx *n = calloc(1, sizeof *n);
    int tries = 0;

    if (n == NULL)
        kit_die("out of memory");
    n->dir = kit_temp_dir();
    while (!try_to_start(n, cert, key, body, requests_each))
        if (++tries == TRIES)
            kit_die("nginx does not start; see %s/error.log", n->dir);
    return n;
}

const char *key_nginx_url(const key_nginx *n)
{
    return n->url;
}

typedef struct reading {
    char *path;
    char *text;
    size_t lines;
} reading;

static bool has_lines(void *user)
{
    reading *r = user;

    free(r->text);
    r->text = kit_read_file(r->path);
    return kit_count(r->text, "\n") >= r->lines;
}

key_nginx_seen key_nginx_look(const key_nginx *n, size_t requests)
{
    reading r = {kit_text("%s/access.log", n->dir), NULL, requests};
    bool *known = calloc(CONNECTIONS_MAX, 1);
    key_nginx_seen seen = {0};

    if (known == NULL)
        kit_die("out of memory");
    (void)kit_wait(has_lines, &r, KIT_PATIENCE_MS);
    for (const char *at = r.text; *at != '\0'; at = strchr(at, '\n') + 1) {
        bool is_http2 = strncmp(at, HTTP2, sizeof HTTP2 - 1) == 0;
        size_t connection = strtoul(strchr(at, ' '), NULL, 10) % CONNECTIONS_MAX;

        seen.requests++;
        seen.other_protocol += !is_http2;
        seen.connections += !known[connection];
        known[connection] = true;
    }
    if (truncate(r.path, 0) != 0) /* nginx appends */
        kit_die("cannot empty %s", r.path);
    free(known);
    free(r.text);
    free(r.path);
    return seen;
}

void key_nginx_pause(const key_nginx *n)
{
    child_pause(n->process);
}

void key_nginx_go_on(const key_nginx *n)
{
    child_signal(n->process, SIGCONT);
}

void key_nginx_stop(key_nginx *n)
{
    if (n == NULL)
        return;
    free(child_stop(n->process, SIGTERM, NULL));
    kit_remove_dir(n->dir);
    free(n);
}
