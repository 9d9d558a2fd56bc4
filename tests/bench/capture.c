/* See capture.h. */
#include "capture.h"
#include "tools.h"

#include <netinet/in.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

struct capture {
    int listener;
    char url[64];
    char *answer; /* header and body */
    size_t answer_size;
    pthread_t thread;
    pthread_mutex_t mutex;
    char request[CAPTURE_MAX]; /* under the mutex */
};

static void read_request(int connection, char request[CAPTURE_MAX])
{
    size_t size = 0;

    do {
        ssize_t got = read(connection, request + size, CAPTURE_MAX - 1 - size);

        if (got <= 0)
            break;
        size += (size_t)got;
        request[size] = '\0';
    } while (strstr(request, "\r\n\r\n") == NULL);
}

static void serve(capture *c, int connection)
{
    char request[CAPTURE_MAX] = "";

    read_request(connection, request);
    (void)pthread_mutex_lock(&c->mutex);
    memcpy(c->request, request, sizeof request);
    (void)pthread_mutex_unlock(&c->mutex);
    (void)send(connection, c->answer, c->answer_size, MSG_NOSIGNAL); /* a short one fails the client's checks */
    (void)close(connection);
}

static void *run(void *user)
{
    capture *c = user;

    for (;;) {
        int connection = accept(c->listener, NULL, NULL);

        if (connection < 0) /* capture_stop() shut the listener down */
            return NULL;
        serve(c, connection);
    }
}

static void make_answer(capture *c)
{
    size_t body_size;
    char *body = make_body(10, false, &body_size);
    char header[128];
    int header_size = snprintf(header, sizeof header,
                               "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %zu\r\n"
                               "Connection: close\r\n\r\n", body_size);

    c->answer_size = (size_t)header_size + body_size;
    c->answer = allocate(c->answer_size);
    memcpy(c->answer, header, (size_t)header_size);
    memcpy(c->answer + header_size, body, body_size);
    free(body);
}

capture *capture_start(void)
{
    capture *c = allocate(sizeof *c);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;

    memset(c, 0, sizeof *c);
    make_answer(c);
    c->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (c->listener < 0 || bind(c->listener, (struct sockaddr *)&address, size) != 0 || listen(c->listener, 8) != 0 ||
        getsockname(c->listener, (struct sockaddr *)&address, &size) != 0 || pthread_mutex_init(&c->mutex, NULL) != 0 ||
        pthread_create(&c->thread, NULL, run, c) != 0)
        die("no server to look at requests");
    (void)snprintf(c->url, sizeof c->url, "http://127.0.0.1:%u", (unsigned)ntohs(address.sin_port));
    return c;
}

void capture_stop(capture *c)
{
    (void)shutdown(c->listener, SHUT_RDWR);
    (void)pthread_join(c->thread, NULL);
    (void)close(c->listener);
    (void)pthread_mutex_destroy(&c->mutex);
    free(c->answer);
    free(c);
}

const char *capture_url(const capture *c)
{
    return c->url;
}

void capture_last_request(capture *c, char text[CAPTURE_MAX])
{
    (void)pthread_mutex_lock(&c->mutex);
    memcpy(text, c->request, CAPTURE_MAX);
    (void)pthread_mutex_unlock(&c->mutex);
}
