/* Runs a PostgreSQL server; see postgres_server.h. */
#include "postgres_server.h"
#include "../support/child.h"
#include "../support/kit.h"
#include "../support/raw_server.h"

#include <libpq-fe.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

#define WORDS_MAX 32

struct postgres_server {
    child *process; /* NULL: not running */
    uint16_t port;
    char *dir;
    char conninfo[256];
    uid_t user; /* if root runs the test */
    gid_t group;
};

/* Returns the path of a program of the server; free() it. Debian keeps these outside of PATH. */
static char *program(const char *name)
{
    static const char *const argv[] = {"pg_config", "--bindir", NULL};
    char *dir = child_stop(child_start(argv, true), 0, NULL);
    char *path;

    dir[strcspn(dir, "\n")] = '\0';
    path = kit_text("%s/%s", dir, name);
    free(dir);
    return path;
}

bool postgres_server_is_there(void)
{
    char *path = program("initdb");
    bool is_there = access(path, X_OK) == 0;

    free(path);
    return is_there;
}

/* Starts a program of the server in its folder. The server refuses to run as root. */
static child *start(const postgres_server *s, const char *name, const char *const *options)
{
    char *path = program(name);
    char *user = kit_text("--reuid=%u", (unsigned)s->user);
    char *group = kit_text("--regid=%u", (unsigned)s->group);
    const char *const as_user[] = {"setpriv", user, group, "--clear-groups", "--pdeathsig=KILL", NULL};
    const char *argv[WORDS_MAX] = {"env", "-C", s->dir};
    size_t n = 3;
    child *c;

    for (size_t i = 0; geteuid() == 0 && as_user[i] != NULL; i++)
        argv[n++] = as_user[i];
    argv[n++] = path;
    argv[n++] = "-D";
    argv[n++] = "data";
    for (size_t i = 0; options[i] != NULL; i++)
        argv[n++] = options[i];
    c = child_start(argv, true);
    free(group);
    free(user);
    free(path);
    return c;
}

static void run(const postgres_server *s, const char *name, const char *const *options)
{
    int status;

    free(child_stop(start(s, name, options), 0, &status));
    if (status != 0)
        kit_die("%s fails", name);
}

static bool responds_or_has_ended(void *user)
{
    const postgres_server *s = user;

    return PQping(s->conninfo) == PQPING_OK || !child_is_running(s->process);
}

/* Starts the server, again and again until the processes of a killed one have ended. */
void postgres_server_start(postgres_server *s)
{
    char port[16];
    const char *const options[] = {"-p", port,        "-k", s->dir, "-c", "listen_addresses=127.0.0.1",
                                   "-c", "fsync=off", NULL};
    int64_t until_ms = kit_now_ms() + KIT_PATIENCE_MS;

    (void)snprintf(port, sizeof port, "%u", s->port);
    do {
        postgres_server_kill(s);
        s->process = start(s, "postgres", options);
        (void)kit_wait(responds_or_has_ended, s, KIT_PATIENCE_MS);
    } while (!child_is_running(s->process) && kit_now_ms() < until_ms);
    if (PQping(s->conninfo) != PQPING_OK)
        kit_die("PostgreSQL does not start");
}

postgres_server *postgres_server_new(void)
{
    static const char *const options[] = {"-U",   "locksync",   "-A",        "trust", "-E",
                                          "UTF8", "--locale=C", "--no-sync", NULL};
    postgres_server *s = kit_zeros(sizeof *s);
    const struct passwd *nobody = getpwnam("nobody");

    s->dir = kit_temp_dir();
    if (geteuid() == 0) {
        s->user = nobody == NULL ? 0 : nobody->pw_uid;
        s->group = nobody == NULL ? 0 : nobody->pw_gid;
        if (nobody == NULL || chown(s->dir, s->user, s->group) != 0)
            kit_die("there is no user for PostgreSQL");
    }
    run(s, "initdb", options);
    s->port = raw_server_port();
    (void)snprintf(s->conninfo, sizeof s->conninfo, "host=%s port=%u user=locksync dbname=postgres", s->dir, s->port);
    postgres_server_start(s);
    return s;
}

void postgres_server_kill(postgres_server *s)
{
    if (s->process != NULL)
        free(child_stop(s->process, SIGKILL, NULL));
    s->process = NULL;
}

void postgres_server_free(postgres_server *s)
{
    postgres_server_kill(s);
    kit_remove_dir(s->dir);
    free(s);
}

void postgres_server_promote(postgres_server *s)
{
    static const char *const options[] = {"-l", "000000020000000000000040", NULL};

    free(child_stop(s->process, SIGINT, NULL));
    s->process = NULL;
    run(s, "pg_resetwal", options);
    postgres_server_start(s);
}

const char *postgres_server_conninfo(const postgres_server *s)
{
    return s->conninfo;
}

uint16_t postgres_server_port(const postgres_server *s)
{
    return s->port;
}

char *postgres_server_ask(const postgres_server *s, const char *sql)
{
    PGconn *connection = PQconnectdb(s->conninfo);
    PGresult *result = PQexec(connection, sql);
    bool good = PQresultStatus(result) == PGRES_COMMAND_OK || PQresultStatus(result) == PGRES_TUPLES_OK;
    char *value = kit_text("%s", good && PQntuples(result) > 0 ? PQgetvalue(result, 0, 0) : "");

    if (!good)
        kit_die("%s: %s", sql, PQerrorMessage(connection));
    PQclear(result);
    PQfinish(connection);
    return value;
}

void postgres_server_do(const postgres_server *s, const char *sql)
{
    free(postgres_server_ask(s, sql));
}
