/* Runs a redis-server; see redis_server.h. */
#include "redis_server.h"
#include "../support/child.h"
#include "../support/raw_server.h"
#include "guard/lineage.h"
#include "guard/record.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define OPTIONS_MAX 16
#define ASKS_MAX 3 /* a sentinel that promotes a replica closes its connections */

struct redis_server {
    child *process; /* NULL: not running */
    uint16_t port;
    char url[64];
    char *dir;
    const char *options[OPTIONS_MAX + 1];
};

const char *redis_server_program(void)
{
    const char *program = getenv("LOCKSYNC_REDIS_SERVER");

    return program != NULL ? program : "redis-server";
}

bool redis_server_is_there(void)
{
    const char *const argv[] = {redis_server_program(), "--version", NULL};
    int status;

    free(child_stop(child_start(argv, true), 0, &status));
    return status == 0;
}

static bool replies(void *user)
{
    const redis_server *s = user;
    redisContext *c = redisConnect("127.0.0.1", s->port);
    redisReply *reply = c == NULL ? NULL : redisCommand(c, "PING");
    bool good = reply != NULL && reply->type == REDIS_REPLY_STATUS;

    freeReplyObject(reply);
    redisFree(c);
    return good;
}

void redis_server_start(redis_server *s)
{
    char port[16];
    const char *argv[OPTIONS_MAX + 16] = {
        redis_server_program(), "--port", port,        "--bind",   "127.0.0.1", "--dir", s->dir, "--save", "",
        "--daemonize",          "no",     "--logfile", "/dev/null"};
    size_t n = 13;

    (void)snprintf(port, sizeof port, "%u", s->port);
    for (size_t i = 0; s->options[i] != NULL; i++)
        argv[n++] = s->options[i];
    s->process = child_start(argv, true);
    if (!kit_wait(replies, s, KIT_PATIENCE_MS))
        kit_die("redis-server does not start");
}

redis_server *redis_server_new(const char *const *options)
{
    redis_server *s = calloc(1, sizeof *s);

    if (s == NULL)
        kit_die("out of memory");
    for (size_t i = 0; options != NULL && options[i] != NULL; i++) {
        if (i == OPTIONS_MAX)
            kit_die("too many options for redis-server");
        s->options[i] = options[i];
    }
    s->dir = kit_temp_dir();
    s->port = raw_server_port();
    (void)snprintf(s->url, sizeof s->url, "redis://127.0.0.1:%u", s->port);
    redis_server_start(s);
    return s;
}

void redis_server_kill(redis_server *s)
{
    if (s->process != NULL)
        free(child_stop(s->process, SIGKILL, NULL));
    s->process = NULL;
}

void redis_server_restart(redis_server *s)
{
    redis_server_kill(s);
    redis_server_start(s);
}

/* --- replicas --- */

static bool is_up_to_date(void *user)
{
    redisReply *reply = redis_server_ask(user, "INFO replication");
    bool met = strstr(reply->str, "master_link_status:up") != NULL;

    freeReplyObject(reply);
    return met;
}

redis_server *redis_server_new_replica(const redis_server *master)
{
    static const char *const at_once[] = {"--repl-diskless-sync-delay", "0", NULL};
    redis_server *s = redis_server_new(at_once);

    redis_server_do(master, "CONFIG SET repl-diskless-sync-delay 0");
    freeReplyObject(redis_server_ask(s, "REPLICAOF 127.0.0.1 %d", (int)master->port));
    if (!kit_wait(is_up_to_date, s, KIT_PATIENCE_MS))
        kit_die("the replica does not get up to date");
    /* wait for all that the master has written so far */
    freeReplyObject(redis_server_ask(master, "WAIT 1 %d", KIT_PATIENCE_MS));
    return s;
}

/* Stops a replica, which then cannot reconnect to its master. It still reads later what was sent before. */
void redis_server_cut_off(redis_server *replica, const redis_server *master)
{
    freeReplyObject(redis_server_ask(master, "WAIT 1 %d", KIT_PATIENCE_MS));
    redis_server_pause(replica, true);
    redis_server_do(master, "CLIENT KILL TYPE replica");
}

void redis_server_promote(redis_server *replica)
{
    redis_server_pause(replica, false);
    redis_server_do(replica, "REPLICAOF NO ONE");
}

bool redis_server_replace(redis_server *s, redis_server *dead)
{
    redisReply *reply;
    bool good;

    redis_server_kill(dead);
    reply = redis_server_ask(s, "CONFIG SET port %d", (int)dead->port);
    good = reply->type == REDIS_REPLY_STATUS;
    freeReplyObject(reply);
    if (good) {
        s->port = dead->port;
        memcpy(s->url, dead->url, sizeof s->url);
    }
    return good;
}

void redis_server_free(redis_server *s)
{
    redis_server_kill(s);
    kit_remove_dir(s->dir);
    free(s);
}

void redis_server_pause(redis_server *s, bool stopped)
{
    if (stopped)
        child_pause(s->process);
    else
        child_signal(s->process, SIGCONT);
}

const char *redis_server_url(const redis_server *s)
{
    return s->url;
}

int redis_server_port(const redis_server *s)
{
    return s->port;
}

redisReply *redis_server_ask(const redis_server *s, const char *format, ...)
{
    redisReply *reply = NULL;

    for (int i = 0; i < ASKS_MAX && reply == NULL; i++) {
        redisContext *c = redisConnect("127.0.0.1", s->port);
        va_list arguments;

        va_start(arguments, format);
        reply = c == NULL ? NULL : redisvCommand(c, format, arguments);
        va_end(arguments);
        redisFree(c);
    }
    if (reply == NULL)
        kit_die("redis-server does not reply to %s", format);
    return reply;
}

long long redis_server_number(const redis_server *s, const char *command)
{
    redisReply *reply = redis_server_ask(s, command);
    long long number = reply->type == REDIS_REPLY_INTEGER ? reply->integer : -1;

    freeReplyObject(reply);
    return number;
}

bool redis_server_is_master(const redis_server *s)
{
    redisReply *reply = redis_server_ask(s, "INFO replication");
    bool met = strstr(reply->str, "role:master") != NULL;

    freeReplyObject(reply);
    return met;
}

void redis_server_do(const redis_server *s, const char *command)
{
    freeReplyObject(redis_server_ask(s, command));
}

/* --- time --- */

#define DAY_US ((int64_t)86400 * 1000000)

static int64_t server_now_us(const redis_server *s)
{
    redisReply *reply = redis_server_ask(s, "TIME");
    int64_t us = strtoll(reply->element[0]->str, NULL, 10) * 1000000 + strtoll(reply->element[1]->str, NULL, 10);

    freeReplyObject(reply);
    return us;
}

void redis_server_settle_in(const redis_server *s, const char *key)
{
    const char *colon = strrchr(key, ':');
    char *marker = kit_text("%.*s:locksync", (int)(colon == NULL ? strlen(key) : (size_t)(colon - key)), key);
    redisReply *info = redis_server_ask(s, "INFO replication");
    const char *id = strstr(info->str, "master_replid:");
    char *text;

    if (id == NULL)
        kit_die("redis-server has no replication id");
    text = kit_text("%.40s %lld", id + strlen("master_replid:"), (long long)(server_now_us(s) - DAY_US));
    freeReplyObject(redis_server_ask(s, "SET %s %s", marker, text));
    freeReplyObject(info);
    free(marker);
    free(text);
}

void redis_server_age(const redis_server *s, const char *key, int64_t ms)
{
    redisReply *reply = redis_server_ask(s, "GET %s", key);
    unsigned char bytes[LSYNC_GUARD_RECORD_SIZE];
    lsync_guard_stored stored;

    if (reply->type != REDIS_REPLY_STRING || !lsync_guard_unpack(reply->str, reply->len, &stored))
        kit_die("%s does not contain a record", key);
    lsync_guard_shift(&stored.record, -ms * 1000);
    lsync_guard_pack(&stored, bytes);
    freeReplyObject(reply);
    freeReplyObject(redis_server_ask(s, "SET %s %b KEEPTTL", key, bytes, sizeof bytes));
}

/* --- for a test --- */

static void release_server(void *s)
{
    redis_server_free(s);
}

static void release_redis(void *r)
{
    lock_sync_redis_free(r);
}

static void release_guard(void *g)
{
    lock_sync_guard_unref(g);
}

redis_server *redis_here(const char *const *options)
{
    t_need(redis_server_is_there(), NO_REDIS);
    return t_later(release_server, redis_server_new(options));
}

redis_server *redis_replica_here(const redis_server *master)
{
    return t_later(release_server, redis_server_new_replica(master));
}

redis_tls_server redis_tls_here(const char *certificate, const char *asks_clients)
{
    redis_tls_server s = {.port = raw_server_port()};
    const char *options[] = {"--tls-port",
                             NULL,
                             "--tls-cert-file",
                             certificate,
                             "--tls-key-file",
                             pems->key,
                             "--tls-ca-cert-file",
                             pems->ca,
                             "--tls-auth-clients",
                             asks_clients,
                             NULL};

    options[1] = t_later(free, kit_text("%u", s.port));
    s.server = redis_here(options);
    return s;
}

lock_sync_redis *redis_of(const char *url)
{
    lock_sync_redis *r;

    MUST_OK(lock_sync_redis_new(url, &r));
    return t_later(release_redis, r);
}

lock_sync_guard *redis_guard(lock_sync_redis *r, const char *key, int64_t interval_ms)
{
    lock_sync_guard *g;

    MUST_OK(lock_sync_guard_open_redis(r, key, &g));
    MUST_OK(lock_sync_guard_set_min_interval_ms(g, interval_ms));
    return t_later(release_guard, g);
}

lock_sync_guard *redis_user(const char *url, int64_t interval_ms)
{
    return redis_guard(redis_of(url), "k", interval_ms);
}

redis_rig redis_rig_new(const char *const *options, int64_t interval_ms)
{
    redis_rig r = {.server = redis_here(options)};

    redis_server_settle_in(r.server, "k");
    r.redis = redis_of(redis_server_url(r.server));
    r.guard = redis_guard(r.redis, "k", interval_ms);
    return r;
}

int64_t redis_slot(lock_sync_guard *g, int64_t lease_ms, int64_t ms)
{
    int64_t end_us = kit_now_us() + ms * 1000;
    int64_t slot = 0;

    while (lock_sync_guard_reserve(g, lease_ms, NULL, &slot) != LOCK_SYNC_OK && kit_now_us() < end_us)
        (void)usleep(500);
    return slot;
}

int64_t redis_wait_ms(lock_sync_guard *g)
{
    int64_t wait_ms = -1;

    return CHECK_INT(lock_sync_guard_reserve(g, 1000, &wait_ms, NULL), LOCK_SYNC_E_TOO_SOON) ? wait_ms : -1;
}

void check_redis_fails(lock_sync_guard *g, int64_t ms, const char *why)
{
    int64_t before_ms = kit_now_ms();
    int64_t slot = 7;
    int64_t wait_ms = 7;
    char text[300];
    int64_t took_ms;
    lock_sync_status status;

    /* a denial writes nothing, so a failure of writing shows only when the guard is open */
    while ((status = lock_sync_guard_reserve(g, 1000, &wait_ms, &slot)) == LOCK_SYNC_E_TOO_SOON && wait_ms < 10 &&
           kit_now_ms() < before_ms + 200) {
        (void)usleep(500);
        before_ms = kit_now_ms();
    }
    CHECK_INT(status, LOCK_SYNC_E_GUARD);
    took_ms = kit_now_ms() - before_ms;
    CHECK_INT(slot, 0);
    CHECK_INT(wait_ms, 0);
    CHECK_BETWEEN(took_ms, 0, ms * kit_slack());
    (void)lock_sync_guard_error_message(g, text, sizeof text);
    CHECK_HOLDS(text, why);
}
