/* An HTTP/2 server that refuses as planned: its life cycle, commands and counts; see h2_lab.h. */
#include "h2_lab.h"
#include "h2_connection.h"
#include "kit.h"

#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

typedef struct record {
    size_t connection;
    char *path;
    const char *fate;
} record;

struct h2_lab {
    tcp_server tcp;
    char url[64];
    SSL_CTX *tls;
    atomic_int sessions; /* h2_sessions */
    const h2_plan *plans;
    size_t plan_count;
    size_t resumed;
    size_t http1;
    record *records;
    size_t record_count;
};

static const h2_plan good = {0};

static h2_lab *lab_of(const h2_connection *c)
{
    return (h2_lab *)c->tcp.server;
}

static h2_connection *connection_of(const h2_lab *lab, size_t i)
{
    return (h2_connection *)lab->tcp.connections[i];
}

/* --- functions that a connection calls --- */

void h2_lab_note(h2_connection *c, const char *path, const char *fate)
{
    h2_lab *lab = lab_of(c);
    const unsigned char *protocol;
    unsigned size;

    SSL_get0_alpn_selected(c->ssl, &protocol, &size);
    (void)pthread_mutex_lock(&lab->tcp.mutex);
    lab->records = kit_resize(lab->records, (lab->record_count + 1) * sizeof *lab->records);
    lab->records[lab->record_count++] = (record){c->tcp.number, kit_text("%s", path), fate};
    lab->http1 += size != 2;
    (void)pthread_mutex_unlock(&lab->tcp.mutex);
}

void h2_lab_opened(h2_connection *c, bool resumed)
{
    (void)pthread_mutex_lock(&c->tcp.server->mutex);
    c->state = H2_OPEN;
    c->shaken = true;
    lab_of(c)->resumed += resumed;
    (void)pthread_mutex_unlock(&c->tcp.server->mutex);
}

h2_command h2_lab_command(h2_connection *c, h2_end *how)
{
    h2_command command;

    (void)pthread_mutex_lock(&c->tcp.server->mutex);
    command = c->command;
    *how = c->how;
    (void)pthread_mutex_unlock(&c->tcp.server->mutex);
    return command;
}

void h2_lab_command_done(h2_connection *c)
{
    eventfd_t value;

    (void)pthread_mutex_lock(&c->tcp.server->mutex);
    c->command = H2_COMMAND_NONE;
    (void)eventfd_read(c->wake, &value);
    (void)pthread_mutex_unlock(&c->tcp.server->mutex);
}

/* --- TLS --- */

/* Chooses HTTP/2 if it is offered and the plan allows it, otherwise HTTP/1.1. OpenSSL calls this after on_ticket(). */
static int choose_protocol(SSL *ssl, const unsigned char **out, unsigned char *size, const unsigned char *offered,
                           unsigned offered_size, void *user)
{
    static const unsigned char both[] = "\x02h2\x08http/1.1";
    const h2_connection *c = SSL_get_app_data(ssl);
    const unsigned skip = c->plan->http1 ? 3 : 0;
    unsigned char *chosen;
    int result = SSL_select_next_proto(&chosen, size, both + skip, (unsigned)sizeof both - 1 - skip, offered,
                                       offered_size);

    (void)user;
    *out = chosen;
    return result == OPENSSL_NPN_NEGOTIATED && !c->broken ? SSL_TLSEXT_ERR_OK : SSL_TLSEXT_ERR_ALERT_FATAL;
}

static SSL_TICKET_RETURN on_ticket(SSL *ssl, SSL_SESSION *session, const unsigned char *name, size_t name_size,
                                   SSL_TICKET_STATUS status, void *user)
{
    const h2_lab *lab = user;
    int sessions = atomic_load(&lab->sessions);
    h2_connection *c = SSL_get_app_data(ssl);

    (void)session, (void)name, (void)name_size;
    if (status == SSL_TICKET_FATAL_ERR_MALLOC || status == SSL_TICKET_FATAL_ERR_OTHER)
        return SSL_TICKET_RETURN_ABORT;
    if (status == SSL_TICKET_EMPTY || status == SSL_TICKET_NONE)
        return SSL_TICKET_RETURN_IGNORE_RENEW;
    c->broken = sessions == H2_SESSIONS_BREAK; /* not refused here, because OpenSSL 3.0 would leak memory */
    return status == SSL_TICKET_NO_DECRYPT || sessions != H2_SESSIONS_RESUME ? SSL_TICKET_RETURN_IGNORE_RENEW
                                                                             : SSL_TICKET_RETURN_USE;
}

static SSL_CTX *make_tls(h2_lab *lab, const char *cert, const char *key)
{
    SSL_CTX *tls = SSL_CTX_new(TLS_server_method());

    if (tls == NULL || SSL_CTX_use_certificate_chain_file(tls, cert) != 1 ||
        SSL_CTX_use_PrivateKey_file(tls, key, SSL_FILETYPE_PEM) != 1 ||
        SSL_CTX_set_session_id_context(tls, (const unsigned char *)"lab", 3) != 1 ||
        SSL_CTX_set_session_ticket_cb(tls, NULL, on_ticket, lab) != 1)
        kit_die("no TLS with %s", cert);
    (void)SSL_CTX_set_session_cache_mode(tls, SSL_SESS_CACHE_OFF); /* only tickets */
    SSL_CTX_set_alpn_select_cb(tls, choose_protocol, NULL);
    return tls;
}

/* --- life cycle --- */

static void begin(tcp_connection *t)
{
    h2_connection *c = (h2_connection *)t;
    const h2_lab *lab = lab_of(c);

    c->plan = &good;
    if (lab->plan_count > 0)
        c->plan = &lab->plans[t->number < lab->plan_count ? t->number : lab->plan_count - 1];
    c->wake = eventfd(0, EFD_CLOEXEC);
    c->ssl = SSL_new(lab->tls);
    if (c->wake < 0 || fcntl(t->fd, F_SETFL, O_NONBLOCK) != 0 || c->ssl == NULL || SSL_set_fd(c->ssl, t->fd) != 1 ||
        SSL_set_app_data(c->ssl, c) != 1)
        kit_die("no TLS for a connection");
    tcp_nodelay(t->fd);
}

static void closed(tcp_connection *t)
{
    h2_connection *c = (h2_connection *)t;

    c->state = H2_CLOSED;
    c->command = H2_COMMAND_NONE;
    (void)close(c->wake);
}

h2_lab *h2_lab_start_at(const char *address, uint16_t port, const char *cert, const char *key, const h2_plan *plans,
                        size_t count)
{
    h2_lab *lab = kit_zeros(sizeof *lab);

    lab->tcp = (tcp_server){
        .connection_size = sizeof(h2_connection), .begin = begin, .serve = h2_connection_serve, .closed = closed};
    lab->plans = plans;
    lab->plan_count = count;
    lab->tls = make_tls(lab, cert, key);
    tcp_start(&lab->tcp, address, port);
    (void)snprintf(lab->url, sizeof lab->url, "https://%s:%u", address, lab->tcp.port);
    return lab;
}

h2_lab *h2_lab_start(const char *cert, const char *key, const h2_plan *plans, size_t count)
{
    return h2_lab_start_at("127.0.0.1", 0, cert, key, plans, count);
}

void h2_lab_stop(h2_lab *lab)
{
    if (lab == NULL)
        return;
    tcp_stop(&lab->tcp, NULL);
    for (size_t i = 0; i < lab->record_count; i++)
        free(lab->records[i].path);
    free(lab->records);
    SSL_CTX_free(lab->tls);
    free(lab);
}

uint16_t h2_lab_port(const h2_lab *lab)
{
    return lab->tcp.port;
}

const char *h2_lab_url(const h2_lab *lab)
{
    return lab->url;
}

/* --- commands --- */

static bool is_obeyed(void *user)
{
    h2_lab *lab = user;
    bool obeyed = true;

    (void)pthread_mutex_lock(&lab->tcp.mutex);
    for (size_t i = 0; i < lab->tcp.count; i++)
        obeyed = obeyed && connection_of(lab, i)->command == H2_COMMAND_NONE;
    (void)pthread_mutex_unlock(&lab->tcp.mutex);
    return obeyed;
}

static void command_all(h2_lab *lab, h2_command command, h2_end how)
{
    (void)pthread_mutex_lock(&lab->tcp.mutex);
    for (size_t i = 0; i < lab->tcp.count; i++) {
        h2_connection *c = connection_of(lab, i);

        if (c->state != H2_OPEN)
            continue;
        c->command = command;
        c->how = how;
        (void)eventfd_write(c->wake, 1);
    }
    (void)pthread_mutex_unlock(&lab->tcp.mutex);
    if (!kit_wait(is_obeyed, lab, KIT_PATIENCE_MS))
        kit_die("an HTTP/2 server does not obey");
}

void h2_lab_release(h2_lab *lab)
{
    command_all(lab, H2_COMMAND_RELEASE, H2_END_CLOSE);
}

void h2_lab_end(h2_lab *lab, h2_end how)
{
    command_all(lab, H2_COMMAND_END, how);
}

void h2_lab_sessions(h2_lab *lab, h2_sessions how)
{
    atomic_store(&lab->sessions, how);
}

/* --- what was seen --- */

h2_counts h2_lab_counts(h2_lab *lab)
{
    h2_counts counts = {0};

    (void)pthread_mutex_lock(&lab->tcp.mutex);
    counts.handshakes = lab->tcp.count;
    for (size_t i = 0; i < lab->tcp.count; i++) {
        counts.connections += connection_of(lab, i)->shaken;
        counts.open += connection_of(lab, i)->state == H2_OPEN;
    }
    counts.resumed = lab->resumed;
    counts.http1 = lab->http1;
    counts.requests = lab->record_count;
    (void)pthread_mutex_unlock(&lab->tcp.mutex);
    return counts;
}

size_t h2_lab_requests_on(h2_lab *lab, size_t i)
{
    size_t count = 0;

    (void)pthread_mutex_lock(&lab->tcp.mutex);
    for (size_t j = 0; j < lab->record_count; j++)
        count += lab->records[j].connection == i;
    (void)pthread_mutex_unlock(&lab->tcp.mutex);
    return count;
}

size_t h2_lab_requests_for(h2_lab *lab, const char *path)
{
    size_t count = 0;

    (void)pthread_mutex_lock(&lab->tcp.mutex);
    for (size_t j = 0; j < lab->record_count; j++)
        count += strncmp(lab->records[j].path, path, strlen(path)) == 0;
    (void)pthread_mutex_unlock(&lab->tcp.mutex);
    return count;
}

char *h2_lab_fates(h2_lab *lab)
{
    char *fates = kit_text("%s", "");

    (void)pthread_mutex_lock(&lab->tcp.mutex);
    for (size_t i = 0; i < lab->record_count; i++) {
        char *longer = kit_text("%s%s\n", fates, lab->records[i].fate);

        free(fates);
        fates = longer;
    }
    (void)pthread_mutex_unlock(&lab->tcp.mutex);
    return fates;
}
