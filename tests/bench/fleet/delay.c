/* A TCP proxy that delays what it forwards, to imitate a server that is further away.

   bench-delay PORT ROUND_TRIP_US listens on a free port of loopback, prints it, and forwards to that port of
   loopback. Half of the round trip is added in each direction. On SIGUSR1 it prints how often a client sent something
   after a reply. These are the round trips if one request at a time is under way.

   The proxy has one thread. Between a chunk's arrival and its due time it waits with ppoll, whose timer slack is set to
   the least; the rest of the error is the time to wake. */
#include "../tools.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#define PAIRS 64
#define CHUNK 65536
#define CHUNKS 256 /* under way in a direction; the socket is not read while that many are */

typedef struct chunk {
    double due_ns;
    size_t size; /* 0: the end of the stream */
    size_t sent;
    char *bytes;
} chunk;

/* One direction of a connection. */
typedef struct way {
    int from, to;
    size_t first, count;
    bool ended; /* its end was read */
    chunk chunks[CHUNKS];
} way;

typedef struct pair {
    way ways[2]; /* from the client, from the server */
    bool used, client_spoke;
} pair;

static pair pairs[PAIRS];
static double delay_ns;
static uint64_t turns;
static volatile sig_atomic_t asked;

static void ask(int signal_number)
{
    (void)signal_number;
    asked = 1;
}

static int new_socket(void)
{
    const int on = 1;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    if (fd < 0 || setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on) != 0)
        die("no socket: %s", strerror(errno));
    return fd;
}

static struct sockaddr_in loopback(int port)
{
    return (struct sockaddr_in){
        .sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
}

static int listen_here(void)
{
    struct sockaddr_in here = loopback(0);
    socklen_t size = sizeof here;
    int fd = new_socket();

    if (bind(fd, (struct sockaddr *)&here, sizeof here) != 0 || listen(fd, PAIRS) != 0 ||
        getsockname(fd, (struct sockaddr *)&here, &size) != 0)
        die("cannot listen: %s", strerror(errno));
    printf("%d\n", ntohs(here.sin_port));
    (void)fflush(stdout);
    return fd;
}

static void open_pair(int listener, int port)
{
    const struct sockaddr_in server = loopback(port);
    const int on = 1;
    int client = accept(listener, NULL, NULL);
    int upstream = new_socket();
    pair *p = pairs;

    if (client < 0)
        die("cannot accept: %s", strerror(errno));
    (void)setsockopt(client, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    while (p < pairs + PAIRS && p->used)
        p++;
    if (p == pairs + PAIRS)
        die("too many connections");
    if (connect(upstream, (const struct sockaddr *)&server, sizeof server) != 0)
        die("cannot connect: %s", strerror(errno));
    memset(p, 0, sizeof *p);
    p->used = true;
    p->ways[0].from = p->ways[1].to = client;
    p->ways[0].to = p->ways[1].from = upstream;
}

static void close_pair(pair *p)
{
    for (int i = 0; i < 2; i++)
        for (way *w = &p->ways[i]; w->count > 0; w->count--, w->first++)
            free(w->chunks[w->first % CHUNKS].bytes);
    (void)close(p->ways[0].from);
    (void)close(p->ways[0].to);
    p->used = false;
}

/* Reads what there is, and makes it due later. */
static void read_chunk(pair *p, int direction)
{
    way *w = &p->ways[direction];
    chunk *c = &w->chunks[(w->first + w->count) % CHUNKS];
    ssize_t size;

    *c = (chunk){.bytes = allocate(CHUNK)};
    size = read(w->from, c->bytes, CHUNK);
    c->size = size > 0 ? (size_t)size : 0;
    c->due_ns = now_ns() + delay_ns;
    w->ended = c->size == 0;
    w->count++;
    if (direction == 0 && !w->ended && !p->client_spoke)
        turns++;
    p->client_spoke = direction == 0;
}

/* Writes what is due. Returns false if the direction is over. */
static bool write_chunks(way *w)
{
    while (w->count > 0) {
        chunk *c = &w->chunks[w->first % CHUNKS];
        ssize_t sent;

        if (c->due_ns > now_ns())
            return true;
        if (c->size == 0)
            return false;
        sent = send(w->to, c->bytes + c->sent, c->size - c->sent, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (sent < 0)
            return errno == EAGAIN;
        c->sent += (size_t)sent;
        if (c->sent < c->size)
            return true;
        free(c->bytes);
        w->first++;
        w->count--;
    }
    return true;
}

/* Waits until a socket is readable or the first chunk is due. */
static void wait_for_work(struct pollfd *fds, nfds_t count, double first_due_ns)
{
    double left_ns = first_due_ns - now_ns();
    struct timespec left = {0, 0};

    if (left_ns > 0)
        left = (struct timespec){(time_t)(left_ns / 1e9), (long)(left_ns - 1e9 * (double)(time_t)(left_ns / 1e9))};
    if (ppoll(fds, count, first_due_ns > 0 ? &left : NULL, NULL) < 0)
        for (nfds_t i = 0; i < count; i++) /* a signal: nothing is readable */
            fds[i].revents = 0;
}

/* Makes one pass: waits, reads, writes. */
static void pass(int listener, int port)
{
    struct pollfd fds[1 + 2 * PAIRS] = {{.fd = listener, .events = POLLIN}};
    double first_due_ns = 0;

    for (int i = 0; i < 2 * PAIRS; i++) {
        const way *w = &pairs[i / 2].ways[i % 2];
        double due_ns = w->count > 0 ? w->chunks[w->first % CHUNKS].due_ns : 0;

        fds[1 + i].fd = pairs[i / 2].used && !w->ended && w->count < CHUNKS ? w->from : -1;
        fds[1 + i].events = POLLIN;
        if (pairs[i / 2].used && due_ns > 0 && (first_due_ns <= 0 || due_ns < first_due_ns))
            first_due_ns = due_ns;
    }
    wait_for_work(fds, 1 + 2 * PAIRS, first_due_ns);
    for (int i = 0; i < 2 * PAIRS; i++)
        if (fds[1 + i].fd >= 0 && fds[1 + i].revents != 0)
            read_chunk(&pairs[i / 2], i % 2);
    for (pair *p = pairs; p < pairs + PAIRS; p++)
        if (p->used && (!write_chunks(&p->ways[0]) || !write_chunks(&p->ways[1])))
            close_pair(p);
    if ((fds[0].revents & POLLIN) != 0)
        open_pair(listener, port);
}

int main(int argc, char **argv)
{
    const struct sigaction on_ask = {.sa_handler = ask};
    int listener;

    if (argc != 3)
        die("usage: bench-delay PORT ROUND_TRIP_US");
    delay_ns = atof(argv[2]) * 1e3 / 2;
    (void)sigaction(SIGUSR1, &on_ask, NULL);
    (void)prctl(PR_SET_TIMERSLACK, 1UL);
    listener = listen_here();
    for (;;) {
        pass(listener, atoi(argv[1]));
        if (asked) {
            asked = 0;
            printf("%llu\n", (unsigned long long)turns);
            (void)fflush(stdout);
        }
    }
}
