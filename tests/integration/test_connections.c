/* Kept connections and how they end: one slot, one request; no SIGPIPE. Descriptors do not leak, not into child
   processes either; and what happens when none are left. */
#include "client.h"

#include "../support/interpose.h"
#include "../support/pems.h"

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

static int begin(void **user)
{
    (void)signal(SIGPIPE, SIG_DFL); /* for the whole program: a SIGPIPE would end it */
    return pems_make(user);
}

/* --- a kept connection that ends --- */

/* libcurl notices that the server closed a connection. It takes one that was reset for a working one: the fetch may
   fail, but is not sent twice. */
TEST(an_idle_connection_that_ended_fails_at_most_one_fetch)
{
    static const raw_step scripts[][4] = {
        {RAW_READ_REQUEST, RAW_RESPOND, RAW_HOLD, RAW_END},
        {RAW_READ_REQUEST, RAW_RESPOND, RAW_HOLD, RAW_RESET},
    };

    for (int reset = 0; reset < 2; reset++) {
        served *s = served_begin(scripts[reset]);
        lock_sync_status status;

        t_row("%s", reset ? "reset" : "closed");
        expect_fetch(&s->c, LOCK_SYNC_OK);
        raw_release(s->server);
        raw_wait_closed(s->server, 1);
        status = client_fetch(&s->c);
        expect_status(&s->c, status, reset && status != LOCK_SYNC_OK ? LOCK_SYNC_E_NETWORK : LOCK_SYNC_OK);
        CHECK_INT(raw_requests(s->server), status == LOCK_SYNC_OK ? 2 : 1);
        expect_fetch(&s->c, LOCK_SYNC_OK);
        CHECK_INT(raw_connections(s->server), 2);
        served_end(s);
    }
}

TEST(a_tls_connection_that_ends_raises_no_signal)
{
    enum { FREED, USED, REPLACED, WAYS }; /* the next use of the context: its last TLS bytes cannot be sent */
    sim *target = sim_start_tls(pems->good, pems->key);
    const raw_step stays[] = {RAW_RELAY(sim_port(target)), RAW_END};
    const raw_step *const next_scripts[] = {stays};

    for (int reset = 0; reset < 2; reset++)
        for (int way = 0; way < WAYS; way++) {
            const raw_step first[] = {RAW_RELAY(sim_port(target)), {.action = reset ? RAW_DO_RESET : RAW_DO_END}};
            const raw_step *const scripts[] = {first, stays};
            raw_server *server = raw_start(AF_INET, scripts, 2);
            raw_server *next = raw_start(AF_INET, next_scripts, 1);
            char *url = kit_text("https://127.0.0.1:%u", raw_port(server));
            char *next_url = kit_text("https://127.0.0.1:%u", raw_port(next));
            client c = client_trusting(url, pems->ca);

            t_row("%s, then %s", reset ? "reset" : "closed",
                  way == FREED  ? "freed"
                  : way == USED ? "used"
                                : "replaced");
            expect_fetch(&c, LOCK_SYNC_OK);
            raw_release(server);
            raw_wait_closed(server, 1);
            if (way == USED) /* the relay stays released: the fetch may fail, but must raise no signal */
                (void)client_fetch(&c);
            if (way == REPLACED)
                expect_good_at(&c, next_url);
            client_free(&c);
            raw_stop(server);
            raw_stop(next);
            free(url);
            free(next_url);
        }
    sim_stop(target, NULL);
}

/* --- descriptors --- */

typedef struct leak {
    size_t sockets;   /* internet sockets in this process */
    size_t inherited; /* those that a child process would inherit */
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
    const raw_step steps[] = {RAW_READ_REQUEST, RAW_CALL(look_at_sockets, &l), RAW_RESPOND, RAW_WAIT_FOR_CLOSE};
    served *s = served_begin(steps);

    expect_fetch(&s->c, LOCK_SYNC_OK);
    CHECK(l.sockets >= 3); /* the server's two and the library's one */
    CHECK_INT(l.inherited, 0);
    served_end(s);
}

/* Allows 0, 1, 2 ... more descriptors until a fetch succeeds. The limit applies only to the fetch. */
static void check_without_descriptors(const char *base_url, const char *ca_file, bool warm)
{
    lock_sync_status status = LOCK_SYNC_E_CONNECT;

    for (size_t spare = 0; status != LOCK_SYNC_OK; spare++) {
        client c = client_trusting(base_url, ca_file);

        MUST(spare < 20);
        if (warm) { /* libcurl's handles exist, but no connection */
            MUST_OK(lock_sync_set_base_url(c.ctx, "http://127.0.0.1:1"));
            expect_fetch(&c, LOCK_SYNC_E_CONNECT);
            MUST_OK(lock_sync_set_base_url(c.ctx, base_url));
        }
        kit_limit_descriptors(spare);
        status = client_fetch(&c);
        kit_free_descriptors();
        if (spare == 0)
            expect_status(&c, status, LOCK_SYNC_E_CONNECT);
        else if (status != LOCK_SYNC_OK && status != LOCK_SYNC_E_CONNECT)
            fail_msg("with %zu descriptors: %s: %s", spare, lock_sync_status_name(status), error_text(&c));
        expect_fetch(&c, LOCK_SYNC_OK);
        client_free(&c);
    }
}

TEST(without_descriptors_connecting_fails_and_later_succeeds)
{
    sim *plain = sim_start_usual();
    sim *secure = sim_start_tls(pems->good, pems->key);
    char *by_name = kit_text("https://service.test:%u", sim_port(secure)); /* the resolver needs descriptors, too */

    resolver_set_address("127.0.0.1");
    for (int warm = 0; warm < 2; warm++) {
        check_without_descriptors(sim_url(plain), NULL, warm);
        check_without_descriptors(sim_url(secure), pems->ca, warm);
        check_without_descriptors(by_name, pems->ca, warm);
    }
    resolver_set_address(NULL);
    kit_wait_for_one_thread();
    sim_stop(plain, NULL);
    sim_stop(secure, NULL);
    free(by_name);
}

TEST(fetches_do_not_leak_descriptors)
{
    static const raw_step broken[] = {RAW_READ_REQUEST, RAW_SEND(raw_good_response, 100), RAW_RESET};
    const raw_step *scripts[100];
    size_t at_first = kit_descriptors();
    raw_server *server;
    client c;
    size_t before = 0;

    for (size_t i = 0; i < 100; i++)
        scripts[i] = broken;
    server = raw_start(AF_INET, scripts, 100);
    c = client_new(raw_url(server));
    for (size_t i = 1; i <= 100; i++) {
        expect_fetch(&c, LOCK_SYNC_E_NETWORK);
        raw_wait_closed(server, i);
        before = i == 1 ? kit_descriptors() : before;
    }
    CHECK_INT(kit_descriptors(), before);
    for (size_t i = 0; i < 101; i++)
        expect_fetch(&c, LOCK_SYNC_OK);
    CHECK_INT(kit_descriptors(), before + 2); /* one connection, with both ends in this process */
    CHECK_INT(raw_connections(server), 101);
    client_free(&c);
    raw_stop(server);
    CHECK_INT(kit_descriptors(), at_first); /* a freed context closes all its descriptors */
}

int main(void)
{
    return t_run_all_in(begin, pems_free);
}
