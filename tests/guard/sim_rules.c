/* Asks the simulator for its counts; see sim_rules.h. */
#include "sim_rules.h"
#include "../support/kit.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

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

sim_rules sim_ask_rules(const sim *s)
{
    static const char request[] = "GET /_sim/stats HTTP/1.1\r\nHost: sim\r\nConnection: close\r\n\r\n";
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(sim_port(s)),
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    char answer[4096] = "";
    size_t size = 0;
    ssize_t n;

    if (fd < 0 || connect(fd, (const struct sockaddr *)&to, sizeof to) != 0 ||
        send(fd, request, sizeof request - 1, MSG_NOSIGNAL) != (ssize_t)(sizeof request - 1))
        kit_die("the simulator cannot be asked");
    while (size < sizeof answer - 1 && (n = recv(fd, answer + size, sizeof answer - 1 - size, 0)) > 0)
        size += (size_t)n;
    (void)close(fd);
    return (sim_rules){number(answer, "syncs"), number(answer, "interval_violations"),
                       number(answer, "budget_violations"), number(answer, "window_violations"),
                       number(answer, "closest_us")};
}
