/* A relay that records; see recorder.h. */
#include "recorder.h"

#include "../support/kit.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

typedef struct answer {
    char *bytes;
    size_t size;
} answer;

struct recorder {
    pthread_t thread;
    int listener;
    int stop; /* readable: end */
    uint16_t port;
    char *url;
    answer *answers;
    size_t count;
};

static struct sockaddr_in loopback(uint16_t port)
{
    return (struct sockaddr_in){
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
}

static void *grow(void *block, size_t size)
{
    void *grown = realloc(block, size);

    if (grown == NULL)
        kit_die("out of memory");
    return grown;
}

static void add_answer(recorder *r)
{
    r->answers = grow(r->answers, (r->count + 1) * sizeof *r->answers);
    r->answers[r->count++] = (answer){grow(NULL, 1), 0};
}

static void add_bytes(answer *a, const char *bytes, size_t size)
{
    a->bytes = grow(a->bytes, a->size + size + 1);
    memcpy(a->bytes + a->size, bytes, size);
    a->size += size;
}

/* Moves what has come from one side to the other. False when that side has ended; *broken: by a reset. */
static bool move(recorder *r, int from, int to, bool is_client, bool *broken)
{
    char bytes[65536];
    ssize_t n = recv(from, bytes, sizeof bytes, 0);

    *broken = n < 0;
    if (n <= 0)
        return false;
    if (is_client && n >= 4 && memcmp(bytes, "GET ", 4) == 0)
        add_answer(r);
    else if (!is_client && r->count > 0)
        add_bytes(&r->answers[r->count - 1], bytes, (size_t)n);
    for (ssize_t sent = 0, done; sent < n; sent += done) {
        done = send(to, bytes + sent, (size_t)(n - sent), MSG_NOSIGNAL);
        if (done < 0)
            return false;
    }
    return true;
}

/* One connection, to its end. False: the recorder ends. */
static bool relay(recorder *r, int client, int server)
{
    const struct linger at_once = {1, 0};
    struct pollfd on[] = {{r->stop, POLLIN, 0}, {client, POLLIN, 0}, {server, POLLIN, 0}};
    bool broken;

    for (;;) {
        if (poll(on, 3, -1) < 0)
            continue; /* by a signal */
        if (on[0].revents != 0)
            return false;
        if (on[2].revents != 0 && !move(r, server, client, false, &broken)) {
            if (broken)
                (void)setsockopt(client, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
            return true;
        }
        if (on[1].revents != 0 && !move(r, client, server, true, &broken))
            return true;
    }
}

static void *run(void *user)
{
    recorder *r = user;
    struct sockaddr_in to = loopback(r->port);
    struct pollfd on[] = {{r->stop, POLLIN, 0}, {r->listener, POLLIN, 0}};
    const int yes = 1;

    for (bool goes_on = true; goes_on;) {
        int client, server;

        (void)poll(on, 2, -1);
        if (on[0].revents != 0)
            return NULL;
        client = accept4(r->listener, NULL, NULL, SOCK_CLOEXEC);
        server = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        if (client < 0 || server < 0 || connect(server, (const struct sockaddr *)&to, sizeof to) != 0)
            kit_die("the recorder cannot connect");
        (void)setsockopt(client, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
        (void)setsockopt(server, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
        goes_on = relay(r, client, server);
        (void)close(client);
        (void)close(server);
    }
    return NULL;
}

recorder *recorder_start(uint16_t port)
{
    recorder *r = calloc(1, sizeof *r);
    struct sockaddr_in own = loopback(0);
    socklen_t size = sizeof own;

    if (r == NULL)
        kit_die("out of memory");
    r->port = port;
    r->stop = eventfd(0, EFD_CLOEXEC);
    r->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (r->stop < 0 || r->listener < 0 || bind(r->listener, (const struct sockaddr *)&own, sizeof own) != 0 ||
        listen(r->listener, 16) != 0 || getsockname(r->listener, (struct sockaddr *)&own, &size) != 0 ||
        pthread_create(&r->thread, NULL, run, r) != 0)
        kit_die("the recorder cannot start");
    r->url = kit_text("http://127.0.0.1:%u", ntohs(own.sin_port));
    return r;
}

const char *recorder_url(const recorder *r)
{
    return r->url;
}

void recorder_stop(recorder *r)
{
    const uint64_t one = 1;

    if (write(r->stop, &one, sizeof one) != sizeof one)
        kit_die("the recorder cannot be stopped");
    (void)pthread_join(r->thread, NULL);
    for (size_t i = 0; i < r->count; i++)
        r->answers[i].bytes[r->answers[i].size] = '\0';
}

void recorder_free(recorder *r)
{
    for (size_t i = 0; i < r->count; i++)
        free(r->answers[i].bytes);
    free(r->answers);
    free(r->url);
    (void)close(r->listener);
    (void)close(r->stop);
    free(r);
}

size_t recorder_count(const recorder *r)
{
    return r->count;
}

const char *recorder_answer(const recorder *r, size_t i, size_t *size)
{
    *size = r->answers[i].size;
    return r->answers[i].bytes;
}
