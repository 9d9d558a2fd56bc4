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
    CHECK_OK(
        lock_sync_guard_settle(r.guard, 1, LOCK_SYNC_SLOT_SENT, -1)); /* this slot has no lease: nothing is written */
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

/* The message has the server's error in words, and not the state of a record that was not read. */
TEST(the_servers_error_is_reported)
{
    static const struct {
        const char *says; /* to INFO, then GET, TIME, INFO */
        const char *why;
    } rows[] = {
        {FOUR("-LOADING Redis is loading the dataset in memory\r\n"),
         "INFO failed: the server is still loading its data (LOADING)"},
        /* a server without INFO is used */
        {FOUR("-ERR unknown command 'INFO'\r\n") "-LOADING Redis is loading the dataset in memory\r\n" NOW,
         "reading failed: the server is still loading its data (LOADING)"},
        {FOUR("-ERR syntax error\r\n"), "INFO failed"},
        {FOUR("-NOAUTH Authentication required.\r\n"), "the server asks for a password (NOAUTH)"},
        {MET "-LOADING Redis is loading the dataset in memory\r\n" NOW ROLE, "still loading its data (LOADING)"},
        {MET "-CLUSTERDOWN The cluster is down\r\n" NOW ROLE, "use a server without cluster mode (CLUSTERDOWN)"},
        {MET "-MASTERDOWN Link with MASTER is down and replica-serve-stale-data is set to 'no'.\r\n" NOW ROLE,
         "lost its master (MASTERDOWN)"},
        {MET "-NOPERM this user has no permissions to run the 'get' command\r\n" NOW ROLE,
         "ACL does not allow it (NOPERM)"},
        {MET "$-1\r\n-NOPERM this user has no permissions to run the 'time' command\r\n" ROLE,
         "TIME failed: the server's ACL"},
        {MET "-MOVED 3999 127.0.0.1:6381\r\n" NOW ROLE, "use a server without cluster mode (MOVED)"},
        {MET "-WRONGTYPE Operation against a key holding the wrong kind of value\r\n" NOW ROLE,
         "another type (WRONGTYPE)"},
        {MET "\r\n", "the reply is not understood"},
        {MET "$-1\r\n*2\r\n$-1\r\n$-1\r\n" ROLE, "TIME failed"},
        {MET "$-1\r\n*1\r\n$1\r\n1\r\n" ROLE, "TIME failed"},
        {MET "$-1\r\n*2\r\n:1\r\n$1\r\n2\r\n" ROLE, "TIME failed"},
        {MET "$-1\r\n*2\r\n$1\r\n1\r\n:2\r\n" ROLE, "TIME failed"},
        {MET "$-1\r\n$1\r\n1\r\n" ROLE, "TIME failed"},
        {MET "$-1\r\n*2\r\n$1\r\nx\r\n$1\r\ny\r\n" ROLE, "the reply to TIME is not a time"},
        {MET "$-1\r\n*2\r\n$19\r\n9999999999999999999\r\n$1\r\n0\r\n" ROLE, "the reply to TIME is not a time"},
        {MET "$-1\r\n*2\r\n$1\r\n1\r\n$7\r\n1000000\r\n" ROLE, "the reply to TIME is not a time"},
        {MET "$-1\r\n*2\r\n$1\r\n1\r\n$2\r\n-1\r\n" ROLE, "the reply to TIME is not a time"},
        {MET ":1\r\n" NOW ROLE, "reading failed"},
        {MET "$-1\r\n" NOW ":1\r\n", "INFO failed"},
        {MET "$-1\r\n" NOW "$12\r\nrole:slave\r\n\r\n", "this is a replica, which does not write"},
        {MET "$-1\r\n" NOW ROLE ":1\r\n" NOW ROLE, "reading failed"}, /* a marker that is not a text */
        {MET "$-1\r\n" NOW "-ERR no\r\n", "INFO failed: the server rejected the command (ERR)"},
        {MET "$-1\r\n" NOW ROLE "$-1\r\n" NOW ROLE "-OOM command not allowed when used memory > 'maxmemory'.\r\n",
         "writing failed: the server's memory is full (OOM)"}, /* the marker */
        {NO_KEY "-NOPERM no\r\n$-1\r\n", "watching failed: the server's ACL does not allow it (NOPERM)"},
        {NO_KEY STILL_NONE "+OK\r\n-OOM full\r\n-EXECABORT discarded\r\n",
         "writing failed: the server's memory is full (OOM)"},
        {NO_KEY STILL_NONE "+OK\r\n+QUEUED\r\n-EXECABORT discarded\r\n", "the server discarded the transaction"},
        {NO_KEY STILL_NONE "+OK\r\n+QUEUED\r\n*1\r\n-OOM full\r\n", "writing failed"},
        {NO_KEY STILL_NONE "+OK\r\n+QUEUED\r\n*0\r\n", "writing failed"},
        {NO_KEY STILL_NONE "+OK\r\n+QUEUED\r\n:1\r\n", "writing failed"},
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
        {"no other user", {NO_KEY STILL_NONE WRITTEN}, LOCK_SYNC_OK},
        {"another wrote: it is not overwritten", {NO_KEY ANOTHERS ABSENT STILL_NONE WRITTEN}, LOCK_SYNC_OK},
        {"it became something else", {NO_KEY "+OK\r\n*0\r\n+OK\r\n" ABSENT STILL_NONE WRITTEN}, LOCK_SYNC_OK},
        {"another wrote between GET and EXEC",
         {NO_KEY STILL_NONE "+OK\r\n+QUEUED\r\n*-1\r\n" ABSENT STILL_NONE WRITTEN},
         LOCK_SYNC_OK},
        {"another user has made the marker",
         {MET "$-1\r\n" NOW ROLE "$-1\r\n" NOW ROLE "$-1\r\n" STILL_NONE WRITTEN},
         LOCK_SYNC_E_TOO_SOON},
        {"the marker is of another source",
         {MET "$-1\r\n" NOW ROLE OTHER_MARKER NOW ROLE "+OK\r\n" STILL_NONE WRITTEN},
         LOCK_SYNC_E_TOO_SOON},
        {"the marker is damaged",
         {MET "$-1\r\n" NOW ROLE "$1\r\nx\r\n" NOW ROLE "+OK\r\n" STILL_NONE WRITTEN},
         LOCK_SYNC_E_TOO_SOON},
        {"the marker has a later time",
         {MET "$-1\r\n" NOW ROLE "$57\r\n" SOURCE " 1900000000000000\r\n" NOW ROLE STILL_NONE WRITTEN},
         LOCK_SYNC_E_TOO_SOON},
        /* the server is lost, and its port is closed */
        {"lost at once", {""}, LOCK_SYNC_E_GUARD},
        {"lost within INFO", {ROLE}, LOCK_SYNC_E_GUARD},
        {"lost after INFO", {MET}, LOCK_SYNC_E_GUARD},
        {"lost after GET", {MET "$-1\r\n"}, LOCK_SYNC_E_GUARD},
        {"lost before the marker", {MET "$-1\r\n" NOW ROLE}, LOCK_SYNC_E_GUARD},
        {"lost before the marker is made", {MET "$-1\r\n" NOW ROLE "$-1\r\n" NOW ROLE}, LOCK_SYNC_E_GUARD},
        {"lost before WATCH", {NO_KEY}, LOCK_SYNC_E_GUARD},
        {"lost after WATCH", {NO_KEY "+OK\r\n"}, LOCK_SYNC_E_GUARD},
        {"lost before UNWATCH", {NO_KEY "+OK\r\n$4\r\nnews\r\n"}, LOCK_SYNC_E_GUARD},
        {"lost before MULTI", {NO_KEY STILL_NONE}, LOCK_SYNC_E_GUARD},
        {"lost before EXEC: it is unknown whether the slot is granted",
         {NO_KEY STILL_NONE "+OK\r\n+QUEUED\r\n"},
         LOCK_SYNC_E_GUARD},
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

/* The same with an open port: a command that may have been carried out is not sent again. */
TEST(a_lost_reply_to_a_write_ends_the_decision)
{
    static const char *const scripts[][3] = {
        {NO_KEY, NO_KEY STILL_NONE WRITTEN},
        {NO_KEY STILL_NONE, NO_KEY STILL_NONE WRITTEN},
        {NO_KEY STILL_NONE "+OK\r\n+QUEUED\r\n", NO_KEY STILL_NONE WRITTEN},
    };

    for (size_t k = 0; k < COUNT_OF(scripts); k++) {
        lock_sync_guard *g = redis_user(impostor_url(impostor_here((impostor){.scripts = scripts[k]}), ""), 1);

        t_row("%zu", k);
        check_redis_fails(g, 2500, "redis 127.0.0.1");
        CHECK(redis_slot(g, 0, 0) > 0); /* on the next connection */
    }
}

/* If a kept connection is dead, a look and a prepare use a new one. */
TEST(a_dead_connection_is_replaced_for_look_and_prepare)
{
    static const struct {
        const char *scripts[3];
        bool looks;
        lock_sync_status reserves;
        lock_sync_status prepares;
    } rows[] = {
        /* the record is lost; the script is over */
        {{NO_KEY STILL_NONE WRITTEN, NO_KEY STILL_NONE WRITTEN}, true, LOCK_SYNC_E_TOO_SOON, LOCK_SYNC_E_GUARD},
        {{NO_KEY STILL_NONE WRITTEN, MET}, true, LOCK_SYNC_E_GUARD, LOCK_SYNC_E_GUARD},
        {{NO_KEY STILL_NONE WRITTEN, MET MARKER NOW ROLE}, false, LOCK_SYNC_OK, LOCK_SYNC_OK},
    };

    for (size_t k = 0; k < COUNT_OF(rows); k++) {
        const impostor *i = impostor_here((impostor){.scripts = rows[k].scripts});
        lock_sync_redis *r = redis_of(impostor_url(i, ""));
        lock_sync_guard *g = redis_guard(r, "k", 1);

        t_row("%zu", k);
        CHECK_OK(lock_sync_guard_reserve(g, 0, NULL, NULL));
        if (rows[k].looks)
            CHECK_INT(lock_sync_guard_reserve(g, 0, NULL, NULL), rows[k].reserves);
        CHECK_INT(lock_sync_redis_prepare(r, "k"), rows[k].prepares);
    }
}
