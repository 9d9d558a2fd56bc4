/* Runs the simulator; see sim.h. A few lines of HTTP call its control endpoints, not the library under test. */
#include "sim.h"
#include "child.h"
#include "kit.h"
#include "tcp.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define ARGUMENTS_MAX 32

struct sim {
    child *process;
    char url[64];
    uint16_t port;
};

sim *sim_start(const char *const *arguments)
{
    const char *argv[ARGUMENTS_MAX + 2] = {getenv("LOCKSYNC_SIM")};
    sim *s = kit_zeros(sizeof *s);
    char *line;

    if (argv[0] == NULL)
        kit_die("LOCKSYNC_SIM does not say where the simulator is");
    for (size_t i = 0; arguments != NULL && arguments[i] != NULL; i++) {
        if (i == ARGUMENTS_MAX)
            kit_die("too many arguments for the simulator");
        argv[i + 1] = arguments[i];
    }
    s->process = child_start(argv, false);
    line = child_line(s->process, "http", KIT_PATIENCE_MS);
    if (line == NULL || strrchr(line, ':') == NULL || strlen(line) >= sizeof s->url)
        kit_die("the simulator did not start");
    (void)snprintf(s->url, sizeof s->url, "%s", line);
    s->port = (uint16_t)strtoul(strrchr(line, ':') + 1, NULL, 10);
    free(line);
    return s;
}

const char *sim_url(const sim *s)
{
    return s->url;
}

uint16_t sim_port(const sim *s)
{
    return s->port;
}

char *sim_say(const sim *s, const char *method, const char *target, const char *header)
{
    char *request = kit_text("%s %s HTTP/1.1\r\nHost: sim\r\nContent-Length: 0\r\nConnection: close\r\n%s\r\n", method,
                             target, header);
    size_t room = 8192;
    char *response = kit_zeros(room);
    size_t size = 0;
    ssize_t n;
    int fd = tcp_connect(s->port);

    if (send(fd, request, strlen(request), MSG_NOSIGNAL) != (ssize_t)strlen(request))
        kit_die("the simulator cannot be asked: %s", strerror(errno));
    while ((n = recv(fd, response + size, room - 1 - size, 0)) > 0) {
        size += (size_t)n;
        if (size == room - 1)
            response = kit_resize(response, room *= 2);
    }
    response[size] = '\0';
    (void)close(fd);
    free(request);
    return response;
}

/* Does the same for a control endpoint. */
static char *ask(const sim *s, const char *method, const char *target)
{
    char *response = sim_say(s, method, target, "");

    if (strncmp(response, "HTTP/1.1 200 ", 13) != 0)
        kit_die("the simulator rejects %s %s: %.80s", method, target, response);
    return response;
}

static int64_t number(const char *json, const char *name)
{
    char key[64];
    const char *at;

    (void)snprintf(key, sizeof key, "\"%s\":", name);
    at = strstr(json, key);
    if (at == NULL)
        kit_die("the simulator's statistics lack %s: %s", name, json);
    return strtoll(at + strlen(key), NULL, 10);
}

static sim_stats parse_stats(char *json)
{
    sim_stats stats = {number(json, "requests"),
                       number(json, "syncs"),
                       number(json, "connections"),
                       number(json, "unauthorized"),
                       number(json, "interval_violations"),
                       number(json, "budget_violations"),
                       number(json, "window_violations"),
                       number(json, "closest_us"),
                       number(json, "directories"),
                       number(json, "directory_violations")};

    free(json);
    return stats;
}

sim_stats sim_ask_stats(const sim *s)
{
    return parse_stats(ask(s, "GET", "/_sim/stats"));
}

void sim_reset(const sim *s)
{
    free(ask(s, "POST", "/_sim/reset"));
}

void sim_fault(const sim *s, const char *name, unsigned every)
{
    char *target = kit_text("/_sim/fault?name=%s&every=%u", name, every);

    free(ask(s, "POST", target));
    free(target);
}

/* Writes "&name=NAME" with each byte as %XX; nothing for NULL. */
static char *name_argument(const char *name)
{
    static const char start[] = "&name=";
    size_t size = name != NULL ? strlen(name) : 0;
    char *text = kit_zeros(sizeof start + 3 * size);
    char *end = text;

    if (name != NULL)
        end = stpcpy(end, start);
    for (size_t i = 0; i < size; i++)
        end += sprintf(end, "%%%02X", (unsigned char)name[i]);
    return text;
}

/* Makes a change and returns the lock's id after it. */
static int64_t change(const sim *s, const char *change, int64_t id, const char *name)
{
    char *argument = name_argument(name);
    char *target = kit_text("/_sim/lock?change=%s&id=%lld%s", change, (long long)id, argument);
    char *response = ask(s, "POST", target);
    int64_t after = number(response, "id");

    free(response);
    free(target);
    free(argument);
    return after;
}

int64_t sim_add_lock(const sim *s, const char *name)
{
    return change(s, "add", 0, name);
}

int64_t sim_re_add_lock(const sim *s, int64_t id)
{
    return change(s, "re-add", id, NULL);
}

void sim_remove_lock(const sim *s, int64_t id)
{
    (void)change(s, "remove", id, NULL);
}

void sim_rename_lock(const sim *s, int64_t id, const char *name)
{
    (void)change(s, "rename", id, name);
}

char *sim_get(const sim *s, const char *target, const char *header)
{
    return sim_say(s, "GET", target, header);
}

void sim_stop(sim *s, sim_stats *last)
{
    int status;
    char *text;

    if (s == NULL)
        return;
    text = child_stop(s->process, SIGTERM, &status);
    free(s);
    if (status != 0)
        kit_die("the simulator ended with status %d", status);
    if (last != NULL)
        *last = parse_stats(text);
    else
        free(text);
}
