/* Without a transport: the library builds the request and decodes the response, and the program sends and receives over
 * a plain socket. The base URL must be http://127.0.0.1:PORT (the simulator), because the real service requires TLS.
 * Environment: see configure.h. */
#include "configure.h"

#include <arpa/inet.h>
#include <inttypes.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define RESPONSE_MAX 1000000

/* Sends the request over a new connection. With HTTP/1.0 the response ends with it. Returns its size, or -1. */
static ssize_t talk(const lock_sync_request *request, char *text)
{
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    unsigned port;
    int path_at = 0;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    ssize_t size = -1;
    ssize_t got;

    if (sscanf(lock_sync_request_url(request), "http://127.0.0.1:%5u%n", &port, &path_at) == 1) {
        to.sin_port = htons((uint16_t)port);
        if (connect(fd, (struct sockaddr *)&to, sizeof to) == 0) {
            dprintf(fd, "GET %s HTTP/1.0\r\nHost: 127.0.0.1\r\n", lock_sync_request_url(request) + path_at);
            for (size_t i = 0; i < lock_sync_request_header_count(request); i++)
                dprintf(fd, "%s: %s\r\n", lock_sync_request_header_name(request, i),
                        lock_sync_request_header_value(request, i));
            dprintf(fd, "\r\n");
            for (size = 0; (got = read(fd, text + size, RESPONSE_MAX - (size_t)size)) > 0;)
                size += got;
        }
    }
    close(fd);
    return size;
}

static lock_sync_status fill(lock_sync_response *response, char *text, size_t size)
{
    const char *body = memmem(text, size, "\r\n\r\n", 4);
    int http_status;

    if (body == NULL || sscanf(text, "HTTP/1.%*d %3d", &http_status) != 1)
        return LOCK_SYNC_E_NETWORK;
    lock_sync_response_set_status(response, http_status);
    return lock_sync_response_append_body(response, body + 4, size - (size_t)(body + 4 - text));
}

int main(void)
{
    static char text[RESPONSE_MAX + 1];
    lock_sync_ctx *ctx = NULL;
    lock_sync_request *request = NULL;
    lock_sync_response *response = NULL;
    lock_sync_results *results = NULL;
    lock_sync_status status = lock_sync_ctx_new(&ctx);
    ssize_t size = -1;

    if (status == LOCK_SYNC_OK && (status = configure(ctx)) == LOCK_SYNC_OK &&
        (status = lock_sync_request_build(ctx, NULL, 0, &request)) == LOCK_SYNC_OK &&
        (status = lock_sync_response_new(ctx, &response)) == LOCK_SYNC_OK) {
        size = talk(request, text);
        if (size > 0 && fill(response, text, (size_t)size) == LOCK_SYNC_OK)
            status = lock_sync_response_decode(ctx, request, response, &results);
        else
            status = LOCK_SYNC_E_NETWORK;
    }
    printf("%zu locks in %zd bytes over the program's socket\n", lock_sync_results_count(results), size);
    if (status != LOCK_SYNC_OK)
        fprintf(stderr, "%s\n", lock_sync_status_message(status));
    lock_sync_results_free(results);
    lock_sync_response_free(response);
    lock_sync_request_free(request);
    lock_sync_ctx_free(ctx);
    return status == LOCK_SYNC_OK ? EXIT_SUCCESS : EXIT_FAILURE;
}
