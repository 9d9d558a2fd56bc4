/* A Redis guard over TLS: which servers are trusted, and the client's certificate. */
#include "../support/child.h"
#include "../support/raw_server.h"
#include "impostor.h"
#include "redis_server.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define USER "ACL SETUSER fleet on >pa55 ~* +@all"

static char *later(char *text)
{
    return t_later(free, text);
}

/* Starts a server that has the user of the URLs. */
static redis_tls_server tls_here(const char *certificate, const char *asks_clients)
{
    redis_tls_server s = redis_tls_here(certificate, asks_clients);

    redis_server_settle_in(s.server, "k");
    redis_server_do(s.server, USER);
    return s;
}

/* Returns a URL of the server. `%s` in `parameters` is the CA's file. */
static const char *url_of(const redis_tls_server *s, const char *host, const char *parameters)
{
    const char *file = strstr(parameters, "%s");
    char *all = later(file == NULL ? kit_text("%s", parameters)
                                   : kit_text("%.*s%s%s", (int)(file - parameters), parameters, pems->ca, file + 2));

    return later(kit_text("rediss://fleet:pa55@%s:%u%s", host, s->port, all));
}

/* Uses one slot over TLS. */
static void check_good(const char *url)
{
    lock_sync_guard *g = redis_user(url, 1);
    int64_t slot = redis_slot(g, 1000, 5000);

    CHECK(slot > 0);
    CHECK_OK(lock_sync_guard_settle(g, slot, LOCK_SYNC_SLOT_SENT, -1));
}

static void check_bad(const char *url, const char *why)
{
    lock_sync_guard *g = redis_user(url, 1);
    char text[300];

    check_redis_fails(g, 1500, why);
    (void)lock_sync_guard_error_message(g, text, sizeof text);
    CHECK_LACKS(text, "pa55");
}

TEST(a_server_with_a_good_certificate_is_used)
{
    redis_tls_server s = tls_here(pems->good, "no");

    check_good(url_of(&s, "127.0.0.1", "/0?ssl_ca_certs=%s"));
    check_good(url_of(&s, "localhost", "?ssl_ca_certs=%s"));
    check_good(url_of(&s, "localhost", "/?ssl_ca_certs=%s"));
    CHECK(redis_server_number(s.server, "EXISTS k") == 1);
}

TEST(without_a_file_the_systems_certificates_count)
{
    redis_tls_server s = tls_here(pems->good, "no");

    check_bad(url_of(&s, "localhost", ""), "TLS failed: ");
    (void)setenv("SSL_CERT_FILE", pems->ca, 1);
    check_good(url_of(&s, "localhost", ""));
    (void)unsetenv("SSL_CERT_FILE");
}

TEST(a_bad_certificate_is_rejected)
{
    const struct {
        const char *certificate;
        const char *why;
    } rows[] = {{pems->expired, "TLS failed: certificate has expired"},
                {pems->wrong_host, "mismatch"},
                {pems->unknown, "issuer certificate"}};
    const char *const hosts[] = {"127.0.0.1", "localhost"};

    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        redis_tls_server s = tls_here(rows[i].certificate, "no");

        for (size_t k = 0; k < COUNT_OF(hosts); k++) {
            t_row("%s, %s", rows[i].why, hosts[k]);
            check_bad(url_of(&s, hosts[k], "?ssl_ca_certs=%s"), rows[i].why);
        }
        CHECK_INT(redis_server_number(s.server, "EXISTS k"), 0);
    }
}

TEST(files_that_cannot_be_used_are_named)
{
    redis_tls_server s = tls_here(pems->good, "no");
    const struct {
        char *parameters;
        const char *why;
    } rows[] = {
        {kit_text("ssl_ca_certs=/nowhere.pem"), "TLS failed: the file of ssl_ca_certs cannot be used"},
        {kit_text("ssl_ca_certs=%s", pems->key), "the file of ssl_ca_certs cannot be used"},
        {kit_text("ssl_certfile=/nowhere.pem"), "the file of ssl_certfile cannot be used"},
        {kit_text("ssl_certfile=%s", pems->good), "the file of ssl_keyfile cannot be used"}, /* it has no key */
        {kit_text("ssl_certfile=%s&ssl_keyfile=%s", pems->good, pems->ca), "the file of ssl_keyfile cannot be used"},
    };

    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        t_row("%s", rows[i].parameters);
        check_bad(url_of(&s, "localhost", later(kit_text("?%s", later(rows[i].parameters)))), rows[i].why);
    }
}

/* OpenSSL would ask for its password at the terminal. */
TEST(a_key_with_a_password_is_rejected)
{
    redis_tls_server s = tls_here(pems->good, "no");
    char *locked = later(kit_text("%s.locked", pems->key));

    t_need(system(later(kit_text("openssl pkey -in %s -aes256 -passout pass:pa55 -out %s", pems->key, locked))) == 0,
           "openssl's command cannot lock a key");
    check_bad(url_of(&s, "localhost", later(kit_text("?ssl_certfile=%s&ssl_keyfile=%s", pems->good, locked))),
              "the file of ssl_keyfile cannot be used");
    CHECK_INT(remove(locked), 0);
}

/* Redis asks for one unless it is configured otherwise. */
TEST(a_server_may_ask_for_the_clients_certificate)
{
    redis_tls_server s = tls_here(pems->good, "yes");
    char *both = kit_text("?ssl_ca_certs=%s&ssl_certfile=%s&ssl_keyfile=%s", pems->ca, pems->good, pems->key);

    check_good(url_of(&s, "localhost", later(both)));
    /* "certificate required", unless the server's close overtakes its alert */
    check_bad(url_of(&s, "localhost", "?ssl_ca_certs=%s"), "redis localhost:");
}

TEST(something_that_speaks_no_tls_fails_in_time)
{
    redis_tls_server s = tls_here(pems->good, "no");
    const impostor *silent = impostor_here((impostor){.says = NULL});
    const impostor *chatty = impostor_here((impostor){.says = "+", .again = "aaaaaaaaaaaaaaaa"});
    redis_tls_server plain = {NULL, (uint16_t)redis_server_port(s.server)};
    char *plain_url = kit_text("redis://127.0.0.1:%u", s.port);

    check_bad(url_of(&plain, "127.0.0.1", "?ssl_ca_certs=%s"), "TLS failed: ");
    plain.port = (uint16_t)silent->port;
    check_bad(url_of(&plain, "127.0.0.1", "?ssl_ca_certs=%s"), "TLS failed: Connection timed out");
    plain.port = (uint16_t)chatty->port;
    check_bad(url_of(&plain, "127.0.0.1", "?ssl_ca_certs=%s"), "TLS failed: ");
    check_bad(later(plain_url), "redis 127.0.0.1:"); /* and the reverse */
}

TEST(replies_have_bounds)
{
    redis_tls_server s = tls_here(pems->good, "no");

    redis_server_do(s.server, "SETRANGE k 600000 x");
    check_bad(url_of(&s, "localhost", "?ssl_ca_certs=%s"), "longer than 64 KiB");
    redis_server_pause(s.server, true);
    check_bad(url_of(&s, "localhost", "?ssl_ca_certs=%s"), "Connection timed out");
    redis_server_pause(s.server, false);
}

/* SIGPIPE has its default action, which would end this program. */
TEST(a_server_that_ends_causes_no_sigpipe)
{
    redis_tls_server s = tls_here(pems->good, "no");
    lock_sync_guard *g = redis_user(url_of(&s, "localhost", "?ssl_ca_certs=%s"), 1);

    (void)signal(SIGPIPE, SIG_DFL);
    CHECK(redis_slot(g, 0, 5000) > 0);
    redis_server_kill(s.server);
    check_redis_fails(g, 1500, "connecting failed: Connection refused");
    redis_server_start(s.server);
    redis_server_do(s.server, USER);
    CHECK(redis_wait_ms(g) > 0); /* the restart is a loss */
}

/* --- a sentinel --- */

static void stop(void *process)
{
    free(child_stop(process, SIGKILL, NULL));
}

static void remove_dir(void *dir)
{
    kit_remove_dir(dir);
}

/* Starts a sentinel that speaks only TLS, and returns its port. */
static uint16_t sentinel_here(const redis_tls_server *master, const char *certificate)
{
    char *file = later(kit_text("%s/sentinel.conf", (char *)t_later(remove_dir, kit_temp_dir())));
    const char *const argv[] = {redis_server_program(), file, "--sentinel", NULL};
    uint16_t port = raw_server_port();
    char *text;

    text = kit_text(
        "port 0\ntls-port %u\ntls-replication yes\ntls-auth-clients no\ntls-cert-file %s\n"
        "tls-key-file %s\ntls-ca-cert-file %s\nlogfile /dev/null\n"
        "sentinel monitor mymaster 127.0.0.1 %u 1\n",
        port, certificate, pems->key, pems->ca, master->port);
    kit_write_file(file, text, strlen(text));
    free(text);
    (void)t_later(stop, child_start(argv, true));
    return port;
}

/* Asks until the sentinel has started. */
static void wait_for_sentinel(uint16_t port)
{
    const int64_t end_ms = kit_now_ms() + KIT_PATIENCE_MS;
    redisContext *c = NULL;

    do {
        redisFree(c);
        (void)usleep(1000);
        c = redisConnect("127.0.0.1", port);
    } while (c != NULL && c->err != 0 && kit_now_ms() < end_ms);
    redisFree(c);
}

TEST(sentinels_and_master_are_both_verified)
{
    redis_tls_server good = tls_here(pems->good, "no");
    redis_tls_server bad = tls_here(pems->wrong_host, "no");
    const struct {
        const redis_tls_server *master;
        const char *certificate; /* the sentinel's */
        bool is_good;
    } rows[] = {{&good, pems->good, true}, {&bad, pems->good, false}, {&good, pems->wrong_host, false}};

    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        uint16_t port = sentinel_here(rows[i].master, rows[i].certificate);
        const char *url = later(
            kit_text("rediss+sentinel://fleet:pa55@127.0.0.1:%u/mymaster?ssl_ca_certs=%s", port, pems->ca));
        uint16_t failing = rows[i].master == &bad ? bad.port : port;

        t_row("%zu", i);
        wait_for_sentinel(port);
        if (rows[i].is_good)
            check_good(url);
        else
            check_bad(url, later(kit_text("redis 127.0.0.1:%u: TLS failed: ", failing)));
    }
}

/* --- fork --- */

static lock_sync_guard *shared;

static int use_in_child(void *user)
{
    int64_t slot = redis_slot(shared, 1000, 5000);
    bool good = slot > 0 && lock_sync_guard_settle(shared, slot, LOCK_SYNC_SLOT_SENT, -1) == LOCK_SYNC_OK;

    (void)user;
    lock_sync_guard_unref(shared);
    return good ? 0 : 1;
}

static int free_in_child(void *user)
{
    (void)user;
    lock_sync_guard_unref(shared);
    return 0;
}

TEST(parent_and_child_have_connections_of_their_own)
{
    static int (*const runs[])(void *user) = {free_in_child, use_in_child};
    redis_tls_server s = tls_here(pems->good, "no");
    lock_sync_guard *g = redis_user(url_of(&s, "localhost", "?ssl_ca_certs=%s"), 1);

    shared = g;
    for (size_t i = 0; i < COUNT_OF(runs); i++) {
        long long before;

        t_row("%zu", i);
        CHECK(redis_slot(g, 0, 5000) > 0);
        before = redis_server_number(s.server, "CLIENT ID");
        CHECK_INT(in_child(runs[i], NULL), 0);
        CHECK(redis_slot(g, 0, 5000) > 0); /* on the same connection */
        CHECK_INT(redis_server_number(s.server, "CLIENT ID") - before, (long long)i + 1);
    }
}

int main(void)
{
    return t_run_all_in(pems_make, pems_free);
}
