/* One connection of an h2_lab: TLS, HTTP/1.1, and its end; see h2_connection.h. */
#include "h2_connection.h"
#include "kit.h"
#include "raw_server.h"

#include <openssl/err.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

h2_event h2_connection_wait(h2_connection *c, bool readable, bool commands, int ms)
{
    struct pollfd on[3] = {{c->tcp.server->stopping, POLLIN, 0},
                           {commands ? c->wake : -1, POLLIN, 0},
                           {readable ? c->tcp.fd : -1, POLLIN, 0}};
    int n;

    if (readable && SSL_has_pending(c->ssl))
        ms = 0;
    n = poll(on, 3, ms);
    if (n > 0 && on[0].revents != 0)
        return H2_STOPPING;
    if (n > 0 && on[1].revents != 0)
        return H2_COMMANDED;
    return readable && (n > 0 || SSL_has_pending(c->ssl)) ? H2_READABLE : H2_PASSED;
}

ssize_t h2_connection_read(h2_connection *c, void *data, size_t size)
{
    int n = SSL_read(c->ssl, data, (int)size);

    if (n > 0)
        return n;
    return SSL_get_error(c->ssl, n) == SSL_ERROR_WANT_READ ? 0 : -1;
}

/* Waits until OpenSSL can continue. False: it never can. */
static bool can_go_on(h2_connection *c, int result)
{
    int error = SSL_get_error(c->ssl, result);
    struct pollfd on[2] = {{c->tcp.server->stopping, POLLIN, 0},
                           {c->tcp.fd, error == SSL_ERROR_WANT_WRITE ? POLLOUT : POLLIN, 0}};

    ERR_clear_error();
    return (error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE) && poll(on, 2, -1) > 0 && on[0].revents == 0;
}

bool h2_connection_write(h2_connection *c, const void *data, size_t size)
{
    int n;

    while ((n = SSL_write(c->ssl, data, (int)size)) <= 0)
        if (!can_go_on(c, n))
            return false;
    return true;
}

static bool shake_hands(h2_connection *c)
{
    int n;

    while ((n = SSL_accept(c->ssl)) <= 0)
        if (!can_go_on(c, n))
            return false;
    return true;
}

bool h2_connection_end(h2_connection *c, h2_end how)
{
    c->ended = how != H2_END_GOAWAY;
    if (how == H2_END_CLOSE_NOTIFY || how == H2_END_NOTIFY)
        (void)SSL_shutdown(c->ssl);
    if (how == H2_END_RESET) {
        tcp_reset_at_close(c->tcp.fd);
        return false;
    }
    if (how == H2_END_CLOSE || how == H2_END_CLOSE_NOTIFY)
        (void)shutdown(c->tcp.fd, SHUT_WR); /* close() would reset what the client sent meanwhile */
    return true;
}

/* --- HTTP/1.1 --- */

typedef struct text {
    char data[16384];
    size_t size;
} text;

/* Responds to all complete requests. False: a response could not be sent. */
static bool respond_to_all(h2_connection *c, text *t)
{
    char *end;

    while ((end = memmem(t->data, t->size, "\r\n\r\n", 4)) != NULL) {
        const char *path = memchr(t->data, ' ', t->size);
        char *copy = path == NULL ? kit_text("%s", "") : kit_text("%.*s", (int)strcspn(path + 1, " \r"), path + 1);

        h2_lab_note(c, copy, c->ended ? "late" : "responded");
        free(copy);
        t->size -= (size_t)(end + 4 - t->data);
        memmove(t->data, end + 4, t->size);
        if (!c->ended && !h2_connection_write(c, raw_good_response, strlen(raw_good_response)))
            return false;
    }
    return true;
}

/* Obeys the command for the connection. False: the connection is over. */
static bool obey(h2_connection *c)
{
    h2_end how;
    h2_command command = h2_lab_command(c, &how);
    bool open = command != H2_COMMAND_END || h2_connection_end(c, how);

    if (open) /* otherwise it is done once the descriptor is closed */
        h2_lab_command_done(c);
    return open;
}

static void serve_http1(h2_connection *c)
{
    text t = {.size = 0};

    for (;;) {
        h2_event event = h2_connection_wait(c, true, true, -1);
        ssize_t n;

        if (event == H2_STOPPING || (event == H2_COMMANDED && !obey(c)))
            return;
        if (event != H2_READABLE)
            continue;
        n = h2_connection_read(c, t.data + t.size, sizeof t.data - 1 - t.size);
        if (n < 0)
            return;
        t.size += (size_t)n;
        if (!respond_to_all(c, &t))
            return;
    }
}

/* --- from the handshake to the end --- */

void h2_connection_serve(tcp_connection *t)
{
    h2_connection *c = (h2_connection *)t;
    const unsigned char *protocol = NULL;
    unsigned size = 0;
    sigset_t pipes;

    (void)sigemptyset(&pipes);
    (void)sigaddset(&pipes, SIGPIPE); /* OpenSSL writes without MSG_NOSIGNAL */
    (void)pthread_sigmask(SIG_BLOCK, &pipes, NULL);
    if (shake_hands(c)) {
        h2_lab_opened(c, SSL_session_reused(c->ssl) == 1);
        SSL_get0_alpn_selected(c->ssl, &protocol, &size);
        if (size == 2)
            h2_session_serve(c);
        else
            serve_http1(c);
    }
    SSL_free(c->ssl);
    ERR_clear_error();
}
