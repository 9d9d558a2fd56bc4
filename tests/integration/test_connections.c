/* Connections that are kept, and what becomes of them: one slot, one request; no SIGPIPE; descriptors that do not leak,
   not to child processes either, and what happens when there are none left. */
#include "client.h"

#include "../support/certs.h"
#include "../support/interpose.h"

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

static certs *pems;

static int make_pems(void **user)
{
    (void)user;
    (void)signal(SIGPIPE, SIG_DFL); /* for the whole program: raised once, it ends it */
    pems = certs_make();
    return 0;
}

static int free_pems(void **user)
{
    (void)user;
    certs_free(pems);
    return 0;
}

/* --- one slot, one request --- */

static const raw_step answers_once[] = {RAW_READ_REQUEST, RAW_ANSWER, RAW_HOLD, RAW_END};
static const raw_step answers_once_is_reset[] = {RAW_READ_REQUEST, RAW_ANSWER, RAW_HOLD, RAW_RESET};

/* The server's close is seen before the request is sent: that is no reason to fail. */
TEST(a_kept_connection_closed_meanwhile_is_replaced)
{
    static const raw_step *const scripts[] = {answers_once};
    raw_server *server = raw_start(AF_INET, scripts, 1);
    client c = client_new(raw_url(server));

    expect_fetch(&c, LOCK_SYNC_OK);
    raw_release(server);
    raw_wait_closed(server, 1);
    expect_fetch(&c, LOCK_SYNC_OK);
    MUST_INT(raw_requests(server), 2);
    MUST_INT(raw_connections(server), 2);
    client_free(&c);
    raw_stop(server);
}

/* libcurl takes a connection that was reset for a living one: the fetch may fail, but is not sent twice. */
TEST(a_kept_connection_reset_meanwhile_costs_at_most_one_fetch)
{
    static const raw_step *const scripts[] = {answers_once_is_reset};
    raw_server *server = raw_start(AF_INET, scripts, 1);
    client c = client_new(raw_url(server));
    lock_sync_status status;

    expect_fetch(&c, LOCK_SYNC_OK);
    raw_release(server);
    raw_wait_closed(server, 1);
    status = client_fetch(&c);
    if (status != LOCK_SYNC_OK)
        expect_status(&c, status, LOCK_SYNC_E_NETWORK);
    MUST_INT(raw_requests(server), status == LOCK_SYNC_OK ? 2 : 1);
    expect_fetch(&c, LOCK_SYNC_OK);
    client_free(&c);
    raw_stop(server);
}

TEST(closes_and_resets_of_kept_tls_connections_raise_no_signal)
{
    sim *target = sim_start_tls(pems->good, pems->key);
    const raw_step closes[] = {RAW_RELAY(sim_port(target)), RAW_END};
    const raw_step resets[] = {RAW_RELAY(sim_port(target)), RAW_RESET};
    const raw_step stays[] = {RAW_RELAY(sim_port(target)), RAW_END};
    const raw_step *const rows[] = {closes, resets};

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const raw_step *const next_scripts[] = {stays};
        raw_server *server = raw_start(AF_INET, &rows[i], 1);
        raw_server *next = raw_start(AF_INET, next_scripts, 1);
        char *url = kit_text("https://127.0.0.1:%u", raw_port(server));
        char *next_url = kit_text("https://127.0.0.1:%u", raw_port(next));
        client c = client_new(url);

        MUST_OK(lock_sync_set_ca_file(c.ctx, pems->ca));
        expect_fetch(&c, LOCK_SYNC_OK);
        raw_release(server);
        raw_wait_closed(server, 1);
        expect_good_at(&c, next_url); /* the old connection is closed for good: its last TLS bytes go nowhere */
        client_free(&c);
        raw_stop(server);
        raw_stop(next);
        free(url);
        free(next_url);
    }
    sim_stop(target, NULL);
}

TEST(a_tls_connection_that_ends_raises_no_signal_when_used_or_freed)
{
    sim *target = sim_start_tls(pems->good, pems->key);

    for (int reset = 0; reset < 2; reset++)
        for (int use = 0; use < 2; use++) {
            const raw_step first[] = {RAW_RELAY(sim_port(target)), {.action = reset ? RAW_DO_RESET : RAW_DO_END}};
            const raw_step later[] = {RAW_RELAY(sim_port(target)), RAW_END};
            const raw_step *const scripts[] = {first, later};
            raw_server *server = raw_start(AF_INET, scripts, 2);
            char *url = kit_text("https://127.0.0.1:%u", raw_port(server));
            client c = client_new(url);

            MUST_OK(lock_sync_set_ca_file(c.ctx, pems->ca));
            expect_fetch(&c, LOCK_SYNC_OK);
            raw_release(server);
            raw_wait_closed(server, 1);
            if (use) /* the relay is released for good: what comes of it does not matter, but a signal would */
                (void)client_fetch(&c);
            client_free(&c);
            raw_stop(server);
            free(url);
        }
    sim_stop(target, NULL);
}

/* --- descriptors --- */

typedef struct leak {
    size_t sockets;   /* of the internet, in this process */
    size_t inherited; /* of them, those that a child process would inherit */
} leak;

static void look_at_sockets(void *user)
{
    leak *l = user;
    DIR *dir = opendir("/proc/self/fd");

    for (const struct dirent *entry = readdir(dir); entry != NULL; entry = readdir(dir)) {
        int fd = (int)strtol(entry->d_name, NULL, 10);
        int domain = 0;
        socklen_t size = sizeof domain;

        if (entry->d_name[0] == '.' || getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &size) != 0 ||
            (domain != AF_INET && domain != AF_INET6))
            continue;
        l->sockets++;
        l->inherited += (fcntl(fd, F_GETFD) & FD_CLOEXEC) == 0;
    }
    (void)closedir(dir);
}

TEST(sockets_are_not_inherited_by_child_processes)
{
    leak l = {0, 0};
    const raw_step steps[] = {RAW_READ_REQUEST, RAW_CALL(look_at_sockets, &l), RAW_ANSWER, RAW_WAIT_FOR_CLOSE};
    const raw_step *const scripts[] = {steps};
    raw_server *server = raw_start(AF_INET, scripts, 1);
    client c = client_new(raw_url(server));

    expect_fetch(&c, LOCK_SYNC_OK);
    MUST(l.sockets >= 3); /* the server's two and the library's one */
    MUST_INT(l.inherited, 0);
    client_free(&c);
    raw_stop(server);
}

/* Leaves the process `spare` descriptors. */
static void limit_descriptors(size_t spare, struct rlimit *old)
{
    struct rlimit limit;
    int lowest = open("/dev/null",
                      O_RDONLY | O_CLOEXEC); /* descriptors are given from below without a gap, as far as */

    MUST(lowest >= 0); /* the test made none: then all below `lowest` are taken */
    (void)close(lowest);
    MUST_INT(getrlimit(RLIMIT_NOFILE, old), 0);
    limit = *old;
    limit.rlim_cur = (rlim_t)lowest + spare;
    MUST_INT(setrlimit(RLIMIT_NOFILE, &limit), 0);
}

/* With 0, 1, 2 ... descriptors to spare, until a fetch gets through. The limit holds for the fetch alone. */
static void check_without_descriptors(const char *base_url, const char *ca_file, bool warm)
{
    lock_sync_status status = LOCK_SYNC_E_CONNECT;

    for (size_t spare = 0; status != LOCK_SYNC_OK; spare++) {
        client c = client_new(base_url);
        struct rlimit old;

        MUST(spare < 20);
        MUST_OK(lock_sync_set_ca_file(c.ctx, ca_file));
        if (warm) { /* libcurl's handles are there, but no connection */
            MUST_OK(lock_sync_set_base_url(c.ctx, "http://127.0.0.1:1"));
            expect_fetch(&c, LOCK_SYNC_E_CONNECT);
            MUST_OK(lock_sync_set_base_url(c.ctx, base_url));
        }
        limit_descriptors(spare, &old);
        status = client_fetch(&c);
        MUST_INT(setrlimit(RLIMIT_NOFILE, &old), 0);
        if (spare == 0)
            expect_status(&c, status, LOCK_SYNC_E_CONNECT);
        else if (status != LOCK_SYNC_OK && status != LOCK_SYNC_E_CONNECT)
            fail_msg("with %zu descriptors: %s: %s", spare, lock_sync_status_name(status), error_text(&c));
        expect_fetch(&c, LOCK_SYNC_OK);
        client_free(&c);
    }
}

TEST(without_descriptors_nothing_connects_and_later_all_works)
{
    static const char *const arguments[] = {"--static", "--personal-key", KEY, NULL};
    sim *target = sim_start(arguments);

    check_without_descriptors(sim_url(target), NULL, false);
    check_without_descriptors(sim_url(target), NULL, true);
    sim_stop(target, NULL);
}

TEST(without_descriptors_nothing_connects_by_tls_either)
{
    sim *target = sim_start_tls(pems->good, pems->key);

    check_without_descriptors(sim_url(target), pems->ca, false);
    check_without_descriptors(sim_url(target), pems->ca, true);
    sim_stop(target, NULL);
}

/* Here the resolver, too, wants descriptors. */
TEST(without_descriptors_no_name_is_looked_up)
{
    sim *target = sim_start_tls(pems->good, pems->key);
    char *url = kit_text("https://service.test:%u", sim_port(target));

    resolver_answer("127.0.0.1");
    check_without_descriptors(url, pems->ca, false);
    check_without_descriptors(url, pems->ca, true);
    resolver_answer(NULL);
    kit_wait_for_one_thread();
    sim_stop(target, NULL);
    free(url);
}

TEST(fetches_do_not_use_up_descriptors)
{
    static const raw_step broken[] = {RAW_READ_REQUEST, RAW_SEND(raw_good_answer, 100), RAW_RESET};
    const raw_step *scripts[100];
    raw_server *server;
    client c;
    size_t before;

    for (size_t i = 0; i < 100; i++)
        scripts[i] = broken;
    server = raw_start(AF_INET, scripts, 100);
    c = client_new(raw_url(server));
    expect_fetch(&c, LOCK_SYNC_E_NETWORK);
    raw_wait_closed(server, 1);
    before = kit_descriptors();
    for (size_t i = 2; i <= 100; i++) {
        expect_fetch(&c, LOCK_SYNC_E_NETWORK);
        raw_wait_closed(server, i);
    }
    MUST_INT(kit_descriptors(), before);
    for (size_t i = 0; i < 101; i++)
        expect_fetch(&c, LOCK_SYNC_OK);
    MUST_INT(kit_descriptors(), before + 2); /* one connection, both of its ends in this process */
    MUST_INT(raw_connections(server), 101);
    client_free(&c);
    raw_stop(server);
}

TEST(a_context_gives_all_its_descriptors_back)
{
    static const char *const arguments[] = {"--static", "--personal-key", KEY, NULL};
    sim *target = sim_start(arguments);
    size_t before = kit_descriptors();

    for (size_t i = 0; i < 20; i++) {
        client c = client_new(sim_url(target));

        expect_fetch(&c, LOCK_SYNC_OK);
        client_free(&c);
    }
    MUST_INT(kit_descriptors(), before);
    sim_stop(target, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(a_kept_connection_closed_meanwhile_is_replaced),
        T(a_kept_connection_reset_meanwhile_costs_at_most_one_fetch),
        T(closes_and_resets_of_kept_tls_connections_raise_no_signal),
        T(a_tls_connection_that_ends_raises_no_signal_when_used_or_freed),
        T(sockets_are_not_inherited_by_child_processes),
        T(without_descriptors_nothing_connects_and_later_all_works),
        T(without_descriptors_nothing_connects_by_tls_either),
        T(without_descriptors_no_name_is_looked_up),
        T(fetches_do_not_use_up_descriptors),
        T(a_context_gives_all_its_descriptors_back),
    };

    return T_MAIN_IN(tests, make_pems, free_pems);
}
