/* The Redis guard with a server, or another program in its place, that fails: E_GUARD in time, and no slot. */
#include "impostor.h"
#include "redis_server.h"

#include <signal.h>
#include <string.h>

TEST(a_key_with_another_value_is_an_error)
{
    static const struct {
        const char *command;
        const char *why;
    } rows[] = {
        {"LPUSH k a", "WRONGTYPE"},
        {"HSET k a b", "WRONGTYPE"},
        {"SADD k a", "WRONGTYPE"},
        {"SET k j", "damaged"},
        {"SETRANGE k 306 x", "damaged"},
        {"SETRANGE k 307 x", "damaged"}, /* a record's size */
        {"SETRANGE k 511 x", "damaged"},
        {"SETRANGE k 512 x", "the key's value is not a record"},
        {"SETRANGE k 600000 x", "longer than 64 KiB"},
    };
    redis_rig r = redis_rig_new(NULL, 1);

    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        t_row("%s", rows[i].command);
        redis_server_do(r.server, "DEL k");
        redis_server_do(r.server, rows[i].command);
        check_redis_fails(r.guard, 1000, rows[i].why);
        CHECK_INT(redis_server_number(r.server, "EXISTS k"), 1); /* unchanged */
    }
    freeReplyObject(redis_server_ask(r.server, "SET k %s", ""));
    check_redis_fails(r.guard, 1000, "the key's value is not a record"); /* not an absent record */
    redis_server_do(r.server, "DEL k");
    CHECK(redis_slot(r.guard, 0, 5000) > 0);
    redis_server_do(r.server, "SETRANGE k 40 xxxxxxxx"); /* more than one byte, because one may be x already */
    check_redis_fails(r.guard, 1000, "damaged");
}

/* The guard keeps the last record that it saw. Other bytes do not replace it: it is used after the key is deleted. */
TEST(bytes_of_a_records_size_do_not_replace_the_last_record)
{
    redis_rig r = redis_rig_new(NULL, 1);
    int64_t slot = redis_slot(r.guard, 1000, 5000);

    CHECK_OK(lock_sync_guard_settle(r.guard, slot, LOCK_SYNC_SLOT_LIMITED, 60000));
    redis_server_do(r.server, "DEL k");
    redis_server_do(r.server, "SETRANGE k 307 x"); /* 308 bytes */
    check_redis_fails(r.guard, 1000, "damaged");
    redis_server_do(r.server, "DEL k");
    CHECK(redis_wait_ms(r.guard) > 50000);
}

TEST(a_server_that_cannot_write_is_an_error)
{
    redis_rig r = redis_rig_new(NULL, 1);

    CHECK(redis_slot(r.guard, 0, 5000) > 0);
    redis_server_do(r.server, "CONFIG SET maxmemory-policy noeviction");
    redis_server_do(r.server, "CONFIG SET maxmemory 1");
    check_redis_fails(r.guard, 1000, "OOM");
    redis_server_do(r.server, "CONFIG SET maxmemory 0");
    CHECK(redis_slot(r.guard, 0, 5000) > 0);
    redis_server_do(r.server, "CONFIG SET min-replicas-to-write 1");
    check_redis_fails(r.guard, 1000, "NOREPLICAS");
}

/* SIGPIPE has its default action, which would end this program. */
TEST(a_server_that_stops_and_starts_causes_no_sigpipe)
{
    redis_rig r = redis_rig_new(NULL, 1);

    (void)signal(SIGPIPE, SIG_DFL);
    for (int i = 0; i < 3; i++) {
        CHECK(redis_slot(r.guard, 0, 5000) > 0);
        redis_server_pause(r.server, true);
        check_redis_fails(r.guard, 2500, "redis 127.0.0.1");
        redis_server_pause(r.server, false);
        CHECK(redis_slot(r.guard, 0, 5000) > 0);
        redis_server_kill(r.server);
        check_redis_fails(r.guard, 2000, "redis 127.0.0.1");
        check_redis_fails(r.guard, 2000, "refused");
        redis_server_start(r.server);
        CHECK(redis_wait_ms(r.guard) > 29000);
        redis_server_age(r.server, "k", 31000);
    }
}

/* Freeing many guards, or asking them, takes no second for each. */
TEST(after_a_silent_second_the_next_swaps_fail_at_once)
{
    redis_rig r = redis_rig_new(NULL, 1);
    int64_t before_ms;

    CHECK(redis_slot(r.guard, 0, 5000) > 0);
    redis_server_pause(r.server, true);
    check_redis_fails(r.guard, 1500, "no reply: Connection timed out");
    before_ms = kit_now_ms();
    for (int i = 0; i < 10; i++)
        check_redis_fails(redis_guard(r.redis, "k", 1), 500, "no reply: Connection timed out");
    CHECK(kit_now_ms() - before_ms < 1000 * kit_slack());
    redis_server_pause(r.server, false);
    CHECK(redis_slot(r.guard, 0, 5000) > 0);
}

/* --- other programs than a Redis server --- */

static void check_impostor(const char *says, const char *login)
{
    lock_sync_guard *g = redis_user(impostor_url(impostor_here((impostor){.says = says}), login), 1);
    char text[300] = "";

    t_row("%s %s", login, says == NULL ? "(silent)" : says);
    for (int i = 0; i < 2; i++)
        check_redis_fails(g, 2500, "redis 127.0.0.1");
    (void)lock_sync_guard_error_message(g, text, sizeof text);
    CHECK_LACKS(text, "s3cret");
    CHECK(strpbrk(text, "\r\n") == NULL);
}

TEST(replies_that_are_not_redis_are_errors)
{
    static const char *const replies[] = {
        NULL, /* no reply */
        "HTTP/1.1 400 Bad Request\r\n\r\n",
        "\r\n",
        "+OK\r\n+OK\r\n+OK\r\n+OK\r\n",
        "$-1\r\n$-1\r\n$-1\r\n$-1\r\n",
        "$999999999999\r\n",
        "$5\r\nab",
        "*-5\r\n",
        "*1000\r\n",
        ":1\r\n:1\r\n:1\r\n:1\r\n",
        "-ERR no\r\n-ERR no\r\n-ERR no\r\n-ERR no\r\n",
        ROLE AOF NOTHING "$-1\r\n",
        MET, /* then no reply about the key */
        "-ERR s3cret is not good\r\n-ERR s3cret is not good\r\n-ERR s3cret is not good\r\n-ERR s3cret is not good\r\n",
    };

    for (size_t i = 0; i < COUNT_OF(replies); i++)
        check_impostor(replies[i], ":s3cret@");
    for (size_t i = 0; i + 1 < COUNT_OF(replies); i++)
        check_impostor(replies[i], "");
}

#define FOUR(text) text text text text
#define READY MET LOADED
#define REPLY(now) "*5\r\n:0\r\n" now "$-1\r\n" SINCE ROLE

/* The message has the server's error in words, and not the state of a record that was not read. */
TEST(the_servers_error_is_reported)
{
    static const struct {
        const char *says; /* to INFO, SCRIPT LOAD, then the script and INFO */
        const char *why;
    } rows[] = {
        {FOUR("-LOADING Redis is loading the dataset in memory\r\n"),
         "INFO failed: the server is still loading its data (LOADING)"},
        /* a server without INFO is used */
        {FOUR("-ERR unknown command 'INFO'\r\n") "-LOADING Redis is loading the dataset in memory\r\n",
         "loading the script failed: the server is still loading its data (LOADING)"},
        {FOUR("-ERR syntax error\r\n"), "INFO failed"},
        {FOUR("-NOAUTH Authentication required.\r\n"), "the server asks for a password (NOAUTH)"},
        {MET "+OK\r\n", "loading the script failed"},
        {MET "$1\r\nx\r\n", "loading the script failed"},
        {READY "-LOADING Redis is loading the dataset in memory\r\n" ROLE, "still loading its data (LOADING)"},
        {READY "-CLUSTERDOWN The cluster is down\r\n" ROLE, "use a server without cluster mode (CLUSTERDOWN)"},
        {READY "-MASTERDOWN Link with MASTER is down and replica-serve-stale-data is set to 'no'.\r\n" ROLE,
         "lost its master (MASTERDOWN)"},
        {READY "-NOPERM this user has no permissions to run the 'evalsha' command\r\n" ROLE,
         "ACL does not allow it (NOPERM)"},
        {READY "-MOVED 3999 127.0.0.1:6381\r\n" ROLE, "use a server without cluster mode (MOVED)"},
        {READY "-WRONGTYPE Operation against a key holding the wrong kind of value\r\n" ROLE,
         "another type (WRONGTYPE)"},
        {READY "-NOSCRIPT No matching script\r\n" ROLE "-NOSCRIPT No matching script\r\n" ROLE, "(NOSCRIPT)"},
        {READY "\r\n", "the reply is not understood"},
        {READY "+OK\r\n" ROLE, "the script failed"},
        {READY "*1\r\n:1\r\n" ROLE, "the script failed"},
        {READY REPLY("$-1\r\n$-1\r\n"), "the script failed"},
        {READY REPLY(":1\r\n$1\r\n2\r\n"), "the script failed"},
        {READY REPLY("$1\r\nx\r\n$1\r\ny\r\n"), "the script failed"},
        {READY REPLY("$19\r\n9999999999999999999\r\n$1\r\n0\r\n"), "the script failed"},
        {READY REPLY("$1\r\n1\r\n$7\r\n1000000\r\n"), "the script failed"},
        {READY REPLY("$1\r\n1\r\n$2\r\n-1\r\n"), "the script failed"},
        {READY "*5\r\n:0\r\n" NOW ":1\r\n" SINCE ROLE, "the key's value is not a record"},
        {READY "*5\r\n:0\r\n" NOW "$-1\r\n:1\r\n" ROLE, "the key's value is not a record"},
        {READY NONE ":1\r\n", "INFO failed"},
        {READY NONE "$12\r\nrole:slave\r\n\r\n", "this is a replica, which does not write"},
        {READY NONE "-ERR no\r\n", "INFO failed: the server rejected the command (ERR)"},
        {NO_KEY "-OOM command not allowed when used memory > 'maxmemory'.\r\n" ROLE,
         "the script failed: the server's memory is full (OOM)"},
        {NO_KEY WRITTEN OTHER_ROLE, "the server was restarted or replaced"},
        {"-ERR max number of clients reached\r\n", "no room for another client (ERR)"},
    };

    for (size_t k = 0; k < COUNT_OF(rows); k++) {
        const char *const scripts[] = {rows[k].says, NULL};
        const impostor *i = impostor_here((impostor){.scripts = scripts});

        t_row("%s", rows[k].says);
        check_redis_fails(redis_user(impostor_url(i, k + 1 < COUNT_OF(rows) ? "" : ":pw@"), 1), 2500, rows[k].why);
        t_release(); /* while the script exists */
    }
}

/* --- during a decision --- */

/* The result of a decision with a server that follows the scripts, and the number of its connections. */
TEST(a_slot_is_granted_only_if_it_was_written)
{
    static const struct {
        const char *name;
        const char *scripts[2];
        lock_sync_status status;
    } rows[] = {
        {"no other user", {NO_KEY WRITTEN ROLE}, LOCK_SYNC_OK},
        {"another wrote: it is not overwritten", {NO_KEY NONE ROLE WRITTEN ROLE}, LOCK_SYNC_OK},
        {"another wrote something else", {NO_KEY ANOTHERS ROLE}, LOCK_SYNC_E_GUARD},
        {"the script is not known any more", {NO_KEY "-NOSCRIPT no\r\n" ROLE WRITTEN ROLE}, LOCK_SYNC_OK},
        {"the marker is new",
         {READY "*5\r\n:0\r\n" NOW "$-1\r\n$16\r\n1700000000000000\r\n" ROLE WRITTEN ROLE},
         LOCK_SYNC_E_TOO_SOON},
        {"the marker has a later time",
         {READY "*5\r\n:0\r\n" NOW "$-1\r\n$16\r\n1900000000000000\r\n" ROLE WRITTEN ROLE},
         LOCK_SYNC_E_TOO_SOON},
        /* the server is lost, and its port is closed */
        {"lost at once", {""}, LOCK_SYNC_E_GUARD},
        {"lost within INFO", {ROLE}, LOCK_SYNC_E_GUARD},
        {"lost after INFO", {MET}, LOCK_SYNC_E_GUARD},
        {"lost before the look", {READY}, LOCK_SYNC_E_GUARD},
        {"lost within the look", {READY NONE}, LOCK_SYNC_E_GUARD},
        {"lost before the swap", {NO_KEY}, LOCK_SYNC_E_GUARD},
        {"lost within the swap: it is unknown whether the slot is granted", {NO_KEY WRITTEN}, LOCK_SYNC_E_GUARD},
    };

    for (size_t k = 0; k < COUNT_OF(rows); k++) {
        const impostor *i = impostor_here((impostor){.scripts = rows[k].scripts});
        lock_sync_guard *g = redis_user(impostor_url(i, ""), 1);
        int64_t slot = 7;

        t_row("%s", rows[k].name);
        CHECK_INT(lock_sync_guard_reserve(g, 0, NULL, &slot), rows[k].status);
        CHECK_INT(slot > 0, rows[k].status == LOCK_SYNC_OK);
        CHECK_INT(i->connections, 1);
    }
}

/* The same with an open port: the connection that died is replaced. If the first swap was carried out, the next one
   finds its record. */
TEST(a_swap_whose_reply_is_lost_is_tried_again)
{
    static const char *const scripts[][3] = {
        {NO_KEY, MET WRITTEN ROLE},
        {NO_KEY WRITTEN, MET NONE ROLE WRITTEN ROLE},
    };

    for (size_t k = 0; k < COUNT_OF(scripts); k++) {
        const impostor *i = impostor_here((impostor){.scripts = scripts[k]});

        t_row("%zu", k);
        CHECK(redis_slot(redis_user(impostor_url(i, ""), 1), 0, 0) > 0);
        CHECK_INT(i->connections, 2);
    }
}

TEST(a_dead_connection_is_replaced_for_prepare)
{
    static const struct {
        const char *scripts[3];
        lock_sync_status prepares;
    } rows[] = {
        {{NO_KEY WRITTEN ROLE}, LOCK_SYNC_E_GUARD}, /* the port is closed */
        {{NO_KEY WRITTEN ROLE, MET}, LOCK_SYNC_E_GUARD},
        {{NO_KEY WRITTEN ROLE, MET NONE ROLE}, LOCK_SYNC_OK},
    };

    for (size_t k = 0; k < COUNT_OF(rows); k++) {
        const impostor *i = impostor_here((impostor){.scripts = rows[k].scripts});
        lock_sync_redis *r = redis_of(impostor_url(i, ""));

        t_row("%zu", k);
        CHECK_OK(lock_sync_guard_reserve(redis_guard(r, "k", 1), 0, NULL, NULL));
        CHECK_INT(lock_sync_redis_prepare(r, "k"), rows[k].prepares);
    }
}
