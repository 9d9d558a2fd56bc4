/* The HTTP server: libmicrohttpd with a pool of threads, each with an epoll set. This file starts and ends the
   daemon, its connections and requests; routes.c chooses the reply to a request.

   libmicrohttpd calls handle() when a request's headers have arrived, then for each piece of a body, then when the
   request is complete. A reply must be queued in the last call, because a reply to the first call closes the
   connection. With --delay-ms the reply is made and the connection is suspended; another call, after it resumes,
   queues the reply. */

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
    struct request *request = *context;

    if (code == MHD_CONNECTION_NOTIFY_STARTED) {
        request = must(calloc(1, sizeof *request));
        request->server = user;
        request->connection = connection;
        *context = request;
    } else if (request != NULL) {
        text_free(&request->body);
        free(request);
        *context = NULL;
    }
}

static struct request *request_of(struct MHD_Connection *connection)
{
    return MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT)->socket_context;
}

/* Frees what a request used, at its end, completed or not. */
static void on_completed(void *user, struct MHD_Connection *connection, void **context,
                         enum MHD_RequestTerminationCode code)
{
    struct request *request = *context;

    (void)user;
    (void)connection;
    (void)code;
    if (request != NULL && request->response != NULL) { /* the connection was closed during the delay */
        MHD_destroy_response(request->response);
        request->response = NULL;
    }
}

static enum MHD_Result send_reply(struct request *request)
{
    enum MHD_Result queued = MHD_queue_response(request->connection, request->status, request->response);

    MHD_destroy_response(request->response); /* the connection has another reference */
    request->response = NULL;
    return queued;
}

static enum MHD_Result handle(void *user, struct MHD_Connection *connection, const char *path, const char *method,
                              const char *version, const char *upload, size_t *upload_size, void **context)
{
    struct request *request = *context;
    bool delayed;

    (void)user;
    (void)version;
    (void)upload;
    if (request == NULL) {
        request = *context = request_of(connection);
        request->arrived_us = monotonic_us();
        return MHD_YES;
    }
    if (*upload_size > 0) { /* no request needs a body: ignore it */
        *upload_size = 0;
        return MHD_YES;
    }
    if (request->response != NULL) /* the delay is over */
        return send_reply(request);
    delayed = route(request, method, path) && request->server->options->delay_us > 0;
    if (request->response == NULL)
        return MHD_NO;
    if (delayed && pauses_begin(request->server->pauses, PAUSE_DELAY, &request->pause, connection))
        return MHD_YES;
    return send_reply(request);
}

/* Prints the first error of the start; errors of clients are not printed later. */
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

/* Raises the limit of file descriptors, one for each connection, as far as possible without privileges. */
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

    if (options->threads > 1) /* libmicrohttpd warns about a pool of one thread */
        extra[n++] = (struct MHD_OptionItem){MHD_OPTION_THREAD_POOL_SIZE, (intptr_t)options->threads, NULL};
    if (options->tls_cert != NULL) {
        flags |= MHD_USE_TLS;
        extra[n++] = (struct MHD_OptionItem){MHD_OPTION_HTTPS_MEM_CERT, 0, options->tls_cert};
        extra[n++] = (struct MHD_OptionItem){MHD_OPTION_HTTPS_MEM_KEY, 0, options->tls_key};
    }
    extra[n] = (struct MHD_OptionItem){MHD_OPTION_END, 0, NULL};
    return MHD_start_daemon(flags, 0, NULL, NULL, handle, server, MHD_OPTION_EXTERNAL_LOGGER, log_start,
                            server, /* first, so that it gets all errors */
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
    server->daemon = start_daemon(server, listening); /* it closes the socket, even on failure */
    atomic_store(&server->quiet, true);
    return server->daemon != NULL;
}

/* Lists versions that live, and before them the served one if it is another: 37 for v37, and 1.34 for v1.34. */
static void list_versions(struct server *server)
{
    static const char *const living[] = {"1.35", "1.36", "37"};
    const char *served = server->options->api_version + (*server->options->api_version == 'v');
    bool lives = false;

    for (size_t i = 0; i < sizeof living / sizeof *living; i++)
        lives = lives || strcmp(living[i], served) == 0;
    snprintf(server->versions, sizeof server->versions, "%s%s%s, %s, %s", lives ? "" : served, lives ? "" : ", ",
             living[0], living[1], living[2]);
}

static bool open_journal(struct server *server)
{
    const char *path = server->options->journal;

    if (path == NULL)
        return true;
    server->journal = fopen(path, "w");
    if (server->journal == NULL)
        fprintf(stderr, "locksync-sim: --journal '%s': it cannot be written\n", path);
    else
        setvbuf(server->journal, NULL, _IOLBF, BUFSIZ); /* a test reads it meanwhile */
    return server->journal != NULL;
}

struct server *server_start(const struct options *options)
{
    struct server *server = must(calloc(1, sizeof *server));

    server->options = options;
    server->shape = shape_of_version(options->api_version);
    list_versions(server);
    atomic_init(&server->era, 1);
    server->locks = locks_new(options->seed, options->time_scale, options->frozen, monotonic_us());
    server->roster = roster_new(server->locks, options->locks, options->change_us);
    server->responses = responses_new(server->roster, server->shape, options->frozen);
    server->broken = broken_new(server->shape);
    server->accounts = accounts_new(&options->rules);
    for (size_t i = 0; i < options->credential_count; i++)
        accounts_add(server->accounts, options->credentials[i].scheme, options->credentials[i].text);
    for (int i = 0; i < FAULT_NONE; i++)
        faults_switch(&server->faults, (enum fault)i, options->fault_every[i]);
    server->pauses = pauses_new(options->delay_us, TRICKLE_US);
    if (open_journal(server) && open_server(server))
        return server;
    pauses_end(server->pauses);
    server_free(server);
    return NULL;
}

void server_stop(struct server *server)
{
    pauses_end(server->pauses); /* first: libmicrohttpd does not stop while connections are suspended */
    MHD_stop_daemon(server->daemon);
}

void server_free(struct server *server)
{
    if (server == NULL)
        return;
    pauses_free(server->pauses);
    accounts_free(server->accounts);
    broken_free(server->broken);
    responses_free(server->responses);
    roster_free(server->roster);
    locks_free(server->locks);
    if (server->journal != NULL)
        (void)fclose(server->journal);
    free(server);
}
