/* The HTTP server: libmicrohttpd with a pool of threads, each with its own epoll set. Here is the life of the
   daemon, of its connections and of a request; what a request is answered is decided in routes.c.

   libmicrohttpd calls handle() when a request's headers are there, again for each piece of a body, and once more
   when the request is complete. Only then may a reply be queued (a reply to the first call closes the connection).
   With --delay-ms the reply is made, the connection suspended, and the reply queued in one further call after it
   resumes. */

#include "server.h"

#include "broken.h"
#include "routes.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <sys/resource.h>
#include <unistd.h>

#define TRICKLE_US 100000
#define MOST_CONNECTIONS 65536

static void on_connection(void *user, struct MHD_Connection *connection, void **context,
                          enum MHD_ConnectionNotificationCode code)
{
    struct visit *visit = *context;

    if (code == MHD_CONNECTION_NOTIFY_STARTED) {
        visit = must(calloc(1, sizeof *visit));
        visit->server = user;
        visit->connection = connection;
        *context = visit;
    } else if (visit != NULL) {
        text_free(&visit->body);
        free(visit);
        *context = NULL;
    }
}

static struct visit *visit_of(struct MHD_Connection *connection)
{
    return MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT)->socket_context;
}

/* The end of a request, however it came to that. */
static void on_completed(void *user, struct MHD_Connection *connection, void **context,
                         enum MHD_RequestTerminationCode code)
{
    struct visit *visit = *context;

    (void)user;
    (void)connection;
    (void)code;
    if (visit != NULL && visit->response != NULL) { /* the connection went away during the delay */
        MHD_destroy_response(visit->response);
        visit->response = NULL;
    }
}

static enum MHD_Result send_reply(struct visit *visit)
{
    enum MHD_Result queued = MHD_queue_response(visit->connection, visit->status, visit->response);

    MHD_destroy_response(visit->response); /* the connection holds its own reference */
    visit->response = NULL;
    return queued;
}

static enum MHD_Result handle(void *user, struct MHD_Connection *connection, const char *path, const char *method,
                              const char *version, const char *upload, size_t *upload_size, void **context)
{
    struct visit *visit = *context;
    bool delayed;

    (void)user;
    (void)version;
    (void)upload;
    if (visit == NULL) {
        visit = *context = visit_of(connection);
        visit->arrived_us = monotonic_us();
        return MHD_YES;
    }
    if (*upload_size > 0) { /* no request needs a body; read it and forget it */
        *upload_size = 0;
        return MHD_YES;
    }
    if (visit->response != NULL) /* back from the delay */
        return send_reply(visit);
    delayed = route(visit, method, path) && visit->server->options->delay_us > 0;
    if (visit->response == NULL)
        return MHD_NO;
    if (delayed && pauses_begin(visit->server->pauses, PAUSE_DELAY, &visit->pause, connection))
        return MHD_YES;
    return send_reply(visit);
}

/* Why the daemon does not start is worth one line; what clients do wrong later on is not. */
__attribute__((format(printf, 2, 0))) static void log_start(void *user, const char *format, va_list values)
{
    struct server *server = user;

    if (atomic_exchange(&server->quiet, true))
        return;
    fputs("locksync-sim: ", stderr);
    vfprintf(stderr, format, values);
}

static int listen_on(uint16_t port, uint16_t *bound)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};
    socklen_t size = sizeof address;
    int yes = 1;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (fd >= 0 && setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes) == 0 &&
        bind(fd, (struct sockaddr *)&address, size) == 0 && listen(fd, SOMAXCONN) == 0 &&
        getsockname(fd, (struct sockaddr *)&address, &size) == 0) {
        *bound = ntohs(address.sin_port);
        return fd;
    }
    fprintf(stderr, "locksync-sim: cannot listen on 127.0.0.1:%u: %s\n", (unsigned)port, strerror(errno));
    if (fd >= 0)
        close(fd);
    return -1;
}

/* A connection is a file descriptor: take as many as the system gives without asking for privileges. */
static void raise_file_limit(void)
{
    struct rlimit files;

    if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
        files.rlim_cur = files.rlim_max;
        setrlimit(RLIMIT_NOFILE, &files);
    }
}

static struct MHD_Daemon *start_daemon(struct server *server, int listening)
{
    const struct options *options = server->options;
    unsigned flags = MHD_USE_EPOLL_INTERNAL_THREAD | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_ERROR_LOG;
    struct MHD_OptionItem extra[4];
    size_t n = 0;

    if (options->threads > 1) /* a pool of one would be warned about */
        extra[n++] = (struct MHD_OptionItem){MHD_OPTION_THREAD_POOL_SIZE, (intptr_t)options->threads, NULL};
    if (options->tls_cert != NULL) {
        flags |= MHD_USE_TLS;
        extra[n++] = (struct MHD_OptionItem){MHD_OPTION_HTTPS_MEM_CERT, 0, options->tls_cert};
        extra[n++] = (struct MHD_OptionItem){MHD_OPTION_HTTPS_MEM_KEY, 0, options->tls_key};
    }
    extra[n] = (struct MHD_OptionItem){MHD_OPTION_END, 0, NULL};
    return MHD_start_daemon(flags, 0, NULL, NULL, handle, server, MHD_OPTION_EXTERNAL_LOGGER, log_start,
                            server, /* first: it is to see all errors */
                            MHD_OPTION_LISTEN_SOCKET, listening, MHD_OPTION_CONNECTION_LIMIT,
                            (unsigned)MOST_CONNECTIONS, MHD_OPTION_NOTIFY_CONNECTION, on_connection, server,
                            MHD_OPTION_NOTIFY_COMPLETED, on_completed, server, MHD_OPTION_ARRAY, extra, MHD_OPTION_END);
}

static bool open_server(struct server *server)
{
    const struct options *options = server->options;
    uint16_t port = 0;
    int listening = listen_on(options->port, &port);

    if (listening < 0)
        return false;
    raise_file_limit();
    snprintf(server->url, sizeof server->url, "%s://127.0.0.1:%u", options->tls_cert != NULL ? "https" : "http",
             (unsigned)port);
    server->daemon = start_daemon(server, listening); /* which closes the socket, even if it fails */
    atomic_store(&server->quiet, true);
    return server->daemon != NULL;
}

/* v37 serves 37, and v1.34 serves 1.34 */
static void name_version(struct server *server)
{
    const char *version = server->options->api_version;

    snprintf(server->version_number, sizeof server->version_number, "%s", *version == 'v' ? version + 1 : version);
}

struct server *server_start(const struct options *options)
{
    struct server *server = must(calloc(1, sizeof *server));
    struct shape shape = shape_of_version(options->api_version);

    server->options = options;
    name_version(server);
    atomic_init(&server->era, 1);
    server->locks = locks_new(options->locks, options->seed, options->time_scale, options->frozen, monotonic_us());
    server->answers = answers_new(server->locks, shape, options->frozen);
    server->broken = broken_new(shape);
    server->accounts = accounts_new(&options->rules);
    for (size_t i = 0; i < options->credential_count; i++)
        accounts_add(server->accounts, options->credentials[i].scheme, options->credentials[i].text);
    for (int i = 0; i < FAULT_NONE; i++)
        faults_switch(&server->faults, (enum fault)i, options->fault_every[i]);
    server->pauses = pauses_new(options->delay_us, TRICKLE_US);
    if (open_server(server))
        return server;
    pauses_end(server->pauses);
    server_free(server);
    return NULL;
}

void server_stop(struct server *server)
{
    pauses_end(server->pauses); /* before: libmicrohttpd does not stop while connections are suspended */
    MHD_stop_daemon(server->daemon);
}

void server_free(struct server *server)
{
    if (server == NULL)
        return;
    pauses_free(server->pauses);
    accounts_free(server->accounts);
    broken_free(server->broken);
    answers_free(server->answers);
    locks_free(server->locks);
    free(server);
}
