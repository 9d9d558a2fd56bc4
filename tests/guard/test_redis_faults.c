/* The Redis guard when the server, or what answers in its place, does something else: E_GUARD, in time, and no slot. */
#include "impostor.h"
#include "redis_server.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

TEST(a_key_that_holds_something_else)
{
    static const char *const commands[] = {"SET k junk", "SET k \"\"", "LPUSH k a", "HSET k a b", "SADD k a",
                                           "SETRANGE k 306 x", "SETRANGE k 307 x", "SETRANGE k 511 x",
                                           "SETRANGE k 600000 x"};
    redis_rig r;

    NEED_REDIS();
    r = redis_rig_new(NULL, 1);
    for (size_t i = 0; i < COUNT_OF(commands); i++) {
        t_row("%s", commands[i]);
        redis_server_do(r.server, "DEL k");
        redis_server_do(r.server, commands[i]);
        check_redis_fails(r.guard, 1000, "");
        CHECK_INT(redis_server_number(r.server, "EXISTS k"), 1); /* left as it is */
    }
    redis_server_do(r.server, "DEL k");
    CHECK(redis_slot(r.guard, 0, 5000) > 0);
    redis_server_do(r.server, "SETRANGE k 40 xxxxxxxx"); /* bytes of a record; one may have been an x before */
    check_redis_fails(r.guard, 1000, "damaged");
    redis_rig_free(&r);
}

/* What is no record is not "what this guard saw last": the copy from before serves once the key is deleted. */
TEST(junk_of_a_records_size_is_not_kept)
{
    redis_rig r;
    int64_t slot;
    int64_t wait_ms = 0;

    NEED_REDIS();
    r = redis_rig_new(NULL, 1);
    slot = redis_slot(r.guard, 1000, 5000);
    CHECK_OK(lock_sync_guard_settle(r.guard, slot, LOCK_SYNC_SLOT_LIMITED, 60000));
    redis_server_do(r.server, "DEL k");
    redis_server_do(r.server, "SETRANGE k 307 x"); /* 308 bytes */
    check_redis_fails(r.guard, 1000, "damaged");
    redis_server_do(r.server, "DEL k");
    CHECK_INT(lock_sync_guard_reserve(r.guard, 1000, &wait_ms, NULL), LOCK_SYNC_E_TOO_SOON);
    CHECK(wait_ms > 50000);
    redis_rig_free(&r);
}

TEST(a_server_that_refuses_to_write)
{
    redis_rig r;

    NEED_REDIS();
    r = redis_rig_new(NULL, 1);
    CHECK(redis_slot(r.guard, 0, 5000) > 0);
    redis_server_do(r.server, "CONFIG SET maxmemory-policy noeviction");
    redis_server_do(r.server, "CONFIG SET maxmemory 1");
    check_redis_fails(r.guard, 1000, "OOM");
    CHECK_OK(lock_sync_guard_settle(r.guard, 1, LOCK_SYNC_SLOT_SENT, -1)); /* it was not held: nothing to write */
    redis_server_do(r.server, "CONFIG SET maxmemory 0");
    CHECK(redis_slot(r.guard, 0, 5000) > 0);
    redis_server_do(r.server, "REPLICAOF 127.0.0.1 1");
    check_redis_fails(r.guard, 1000, "this is a replica");
    redis_server_do(r.server, "REPLICAOF NO ONE");
    CHECK(redis_wait_ms(r.guard) > 29000); /* nobody knows what it was without */
    redis_server_age(r.server, "k", 31000);
    CHECK(redis_slot(r.guard, 0, 5000) > 0);
    redis_server_do(r.server, "CONFIG SET min-replicas-to-write 1");
    check_redis_fails(r.guard, 1000, "NOREPLICAS");
    redis_rig_free(&r);
}

TEST(a_connection_that_is_killed_is_made_anew)
{
    redis_rig r;

    NEED_REDIS();
    r = redis_rig_new(NULL, 3);
    CHECK(redis_slot(r.guard, 0, 5000) > 0);
    for (int i = 0; i < 20; i++) {
        lock_sync_status status;

        redis_server_do(r.server, "CLIENT KILL TYPE normal");
        status = lock_sync_guard_reserve(r.guard, 0, NULL, NULL);
        CHECK(status == LOCK_SYNC_OK || status == LOCK_SYNC_E_TOO_SOON);
    }
    redis_rig_free(&r);
}

/* SIGPIPE has its default here: one would end this program. */
TEST(no_sigpipe)
{
    redis_rig r;

    NEED_REDIS();
    (void)signal(SIGPIPE, SIG_DFL);
    r = redis_rig_new(NULL, 1);
    for (int i = 0; i < 5; i++) {
        CHECK(redis_slot(r.guard, 0, 5000) > 0);
        redis_server_kill(r.server);
        check_redis_fails(r.guard, 2000, "redis 127.0.0.1");
        check_redis_fails(r.guard, 2000, "redis 127.0.0.1");
        redis_server_start(r.server);
        CHECK(redis_wait_ms(r.guard) > 29000);
        redis_server_age(r.server, "k", 31000);
    }
    redis_rig_free(&r);
}

TEST(a_server_that_is_stopped)
{
    redis_rig r;

    NEED_REDIS();
    r = redis_rig_new(NULL, 1);
    CHECK(redis_slot(r.guard, 0, 5000) > 0);
    redis_server_pause(r.server, true);
    check_redis_fails(r.guard, 2500, "redis 127.0.0.1");
    check_redis_fails(r.guard, 2500, "redis 127.0.0.1");
    redis_server_pause(r.server, false);
    CHECK(redis_slot(r.guard, 0, 5000) > 0);
    redis_rig_free(&r);
}

/* --- what is no Redis server --- */

static void check_impostor(const char *says, const char *login, int64_t ms)
{
    impostor i = {.says = says};
    redis_rig r;
    char *url;
    char text[300] = "";

    t_row("%s %s", login, says == NULL ? "(silent)" : says);
    impostor_begin(&i);
    url = impostor_url(&i, login);
    r = redis_rig_at(url, 1);
    check_redis_fails(r.guard, ms, "redis 127.0.0.1");
    check_redis_fails(r.guard, ms, "redis 127.0.0.1");
    (void)lock_sync_guard_error_message(r.guard, text, sizeof text);
    CHECK_LACKS(text, "s3cret");
    CHECK(strpbrk(text, "\r\n") == NULL);
    redis_rig_free(&r);
    free(url);
    impostor_end(&i);
}

TEST(a_server_that_never_answers)
{
    check_impostor(NULL, "", 2500);
    check_impostor(NULL, ":s3cret@", 2500);
}

TEST(answers_that_are_none)
{
    static const char *const answers[] = {
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
        MET, /* and then no word on the key */
        "-ERR s3cret is not good\r\n-ERR s3cret is not good\r\n-ERR s3cret is not good\r\n-ERR s3cret is not good\r\n",
    };

    for (size_t i = 0; i < COUNT_OF(answers); i++)
        check_impostor(answers[i], ":s3cret@", 2500);
    for (size_t i = 0; i + 1 < COUNT_OF(answers); i++)
        check_impostor(answers[i], "", 2500);
}

#define FOUR(text) text text text text

/* What the server says is wrong, in words, and not the state of a record that it did not give. */
TEST(errors_are_named_as_what_they_are)
{
    static const struct {
        const char *says; /* to INFO, then GET, TIME, INFO */
        const char *why;
    } rows[] = {
        {FOUR("-LOADING Redis is loading the dataset in memory\r\n"),
         "INFO failed: the server is still loading its data (LOADING)"},
        /* one whose INFO is renamed away is used all the same */
        {FOUR("-ERR unknown command 'INFO'\r\n") "-LOADING Redis is loading the dataset in memory\r\n" NOW,
         "reading failed: the server is still loading its data (LOADING)"},
        {FOUR("-ERR syntax error\r\n"), "INFO failed"},
        {FOUR("-NOAUTH Authentication required.\r\n"), "the server asks for a password (NOAUTH)"},
        {MET "-LOADING Redis is loading the dataset in memory\r\n" NOW ROLE, "still loading its data (LOADING)"},
        {MET "-CLUSTERDOWN The cluster is down\r\n" NOW ROLE, "the cluster is down (CLUSTERDOWN)"},
        {MET "-MASTERDOWN Link with MASTER is down and replica-serve-stale-data is set to 'no'.\r\n" NOW ROLE,
         "lost its master (MASTERDOWN)"},
        {MET "-NOPERM this user has no permissions to run the 'get' command\r\n" NOW ROLE,
         "ACL does not allow it (NOPERM)"},
        {MET "$-1\r\n-NOPERM this user has no permissions to run the 'time' command\r\n" ROLE,
         "TIME failed: the server's ACL"},
        {MET "-MOVED 3999 127.0.0.1:6381\r\n" NOW ROLE, "redirections are not followed (MOVED)"},
        {MET "-WRONGTYPE Operation against a key holding the wrong kind of value\r\n" NOW ROLE,
         "another type (WRONGTYPE)"},
        {MET "\r\n", "the answer is not understood"},
        {MET "$-1\r\n*2\r\n$-1\r\n$-1\r\n" ROLE, "TIME failed"},
        {MET "$-1\r\n*1\r\n$1\r\n1\r\n" ROLE, "TIME failed"},
        {MET "$-1\r\n*2\r\n:1\r\n$1\r\n2\r\n" ROLE, "TIME failed"},
        {MET "$-1\r\n*2\r\n$1\r\n1\r\n:2\r\n" ROLE, "TIME failed"},
        {MET "$-1\r\n$1\r\n1\r\n" ROLE, "TIME failed"},
        {MET "$-1\r\n*2\r\n$1\r\nx\r\n$1\r\ny\r\n" ROLE, "the reply to TIME is no time"},
        {MET "$-1\r\n*2\r\n$19\r\n9999999999999999999\r\n$1\r\n0\r\n" ROLE, "the reply to TIME is no time"},
        {MET "$-1\r\n*2\r\n$1\r\n1\r\n$7\r\n1000000\r\n" ROLE, "the reply to TIME is no time"},
        {MET "$-1\r\n*2\r\n$1\r\n1\r\n$2\r\n-1\r\n" ROLE, "the reply to TIME is no time"},
        {MET ":1\r\n" NOW ROLE, "reading failed"},
        {MET "$-1\r\n" NOW ":1\r\n", "INFO failed"},
        {MET "$-1\r\n" NOW "$12\r\nrole:slave\r\n\r\n", "this is a replica, which does not write"},
        {MET "$-1\r\n" NOW ROLE ":1\r\n" NOW ROLE, "reading failed"}, /* a marker that is no text */
        {MET "$-1\r\n" NOW "-ERR no\r\n", "INFO failed: the server refused it (ERR)"},
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
        impostor i = {.scripts = scripts};
        redis_rig r;
        char *url;

        t_row("%s", rows[k].says);
        impostor_begin(&i);
        url = impostor_url(&i, k + 1 < COUNT_OF(rows) ? "" : ":pw@");
        r = redis_rig_at(url, 1);
        check_redis_fails(r.guard, 2500, rows[k].why);
        redis_rig_free(&r);
        free(url);
        impostor_end(&i);
    }
}

/* --- in mid decision --- */

/* Reserves at one that plays the scripts; how many connections they took is checked. */
static void check_played(const char *const *scripts, lock_sync_status status, int connections)
{
    impostor i = {.scripts = scripts};
    redis_rig r;
    char *url;
    int64_t slot = 7;

    impostor_begin(&i);
    url = impostor_url(&i, "");
    r = redis_rig_at(url, 1);
    CHECK_INT(lock_sync_guard_reserve(r.guard, 0, NULL, &slot), status);
    CHECK_INT(slot > 0, status == LOCK_SYNC_OK);
    redis_rig_free(&r);
    free(url);
    impostor_end(&i);
    CHECK_INT(i.asked, connections);
}

TEST(what_another_wrote_meanwhile_is_not_overwritten)
{
    static const char *const first[] = {NO_KEY STILL_NONE WRITTEN, NULL};
    static const char *const changed[] = {NO_KEY ANOTHERS ABSENT STILL_NONE WRITTEN, NULL};
    static const char *const expired[] = {NO_KEY "+OK\r\n*0\r\n+OK\r\n" ABSENT STILL_NONE WRITTEN, NULL};
    static const char *const beaten[] = {NO_KEY STILL_NONE "+OK\r\n+QUEUED\r\n*-1\r\n" ABSENT STILL_NONE WRITTEN, NULL};

    check_played(first, LOCK_SYNC_OK, 1);
    check_played(changed, LOCK_SYNC_OK, 1);
    check_played(expired, LOCK_SYNC_OK, 1);
    check_played(beaten, LOCK_SYNC_OK, 1); /* between GET and EXEC */
}

/* Two use a database for the first time at once: the marker of the one is as good as that of the other. */
TEST(a_marker_that_another_has_made_meanwhile)
{
    static const char *const scripts[] = {MET "$-1\r\n" NOW ROLE "$-1\r\n" NOW ROLE "$-1\r\n" STILL_NONE WRITTEN, NULL};

    check_played(scripts, LOCK_SYNC_E_TOO_SOON, 1);
}

/* It is lost at any point of a decision. Also if the reply to EXEC is lost: nobody knows then whether the slot is
   taken, and it is not used. */
TEST(a_server_that_is_lost_in_mid_decision)
{
    static const char *const said[] = {
        "", ROLE, MET, MET "$-1\r\n", MET "$-1\r\n" NOW ROLE, NO_KEY, NO_KEY "+OK\r\n", NO_KEY STILL_NONE,
        NO_KEY STILL_NONE "+OK\r\n+QUEUED\r\n",
        MET "$-1\r\n" NOW ROLE "$-1\r\n" NOW ROLE, /* no marker, and none is made */
        NO_KEY "+OK\r\n$4\r\nnews\r\n",           /* no UNWATCH */
    };

    for (size_t k = 0; k < COUNT_OF(said); k++) {
        const char *const scripts[] = {said[k], NULL};

        t_row("%zu", k);
        check_played(scripts, LOCK_SYNC_E_GUARD, 1);
    }
}

/* The same while somebody still listens: nothing is asked twice that may have been done. */
TEST(a_lost_reply_to_a_write_ends_the_decision)
{
    static const char *const said[] = {NO_KEY, NO_KEY STILL_NONE, NO_KEY STILL_NONE "+OK\r\n+QUEUED\r\n"};

    for (size_t k = 0; k < COUNT_OF(said); k++) {
        const char *const scripts[] = {said[k], NO_KEY STILL_NONE WRITTEN, NULL};
        impostor i = {.scripts = scripts};
        redis_rig r;
        char *url;

        t_row("%zu", k);
        impostor_begin(&i);
        url = impostor_url(&i, "");
        r = redis_rig_at(url, 1);
        check_redis_fails(r.guard, 2500, "redis 127.0.0.1");
        CHECK(redis_slot(r.guard, 0, 0) > 0); /* on the next connection */
        redis_rig_free(&r);
        free(url);
        impostor_end(&i);
    }
}

/* A kept connection that has died is worth another one: for a look, and to prepare. */
TEST(a_kept_connection_that_has_died)
{
    static const char *const again[] = {NO_KEY STILL_NONE WRITTEN, NO_KEY STILL_NONE WRITTEN, NULL};
    static const char *const prepared[] = {NO_KEY STILL_NONE WRITTEN, MET MARKER NOW ROLE, NULL};
    static const char *const gone[] = {NO_KEY STILL_NONE WRITTEN, MET, NULL};
    static const struct {
        const char *const *scripts;
        lock_sync_status reserves;
        lock_sync_status prepares;
    } rows[] = {
        {again, LOCK_SYNC_E_TOO_SOON, LOCK_SYNC_E_GUARD}, /* the record is lost; the script is over */
        {gone, LOCK_SYNC_E_GUARD, LOCK_SYNC_E_GUARD},
        {prepared, LOCK_SYNC_OK, LOCK_SYNC_OK},
    };

    for (size_t k = 0; k < COUNT_OF(rows); k++) {
        impostor i = {.scripts = rows[k].scripts};
        redis_rig r;
        char *url;

        t_row("%zu", k);
        impostor_begin(&i);
        url = impostor_url(&i, "");
        r = redis_rig_at(url, 1);
        CHECK_OK(lock_sync_guard_reserve(r.guard, 0, NULL, NULL));
        if (rows[k].scripts != prepared)
            CHECK_INT(lock_sync_guard_reserve(r.guard, 0, NULL, NULL), rows[k].reserves);
        CHECK_INT(lock_sync_redis_prepare(r.redis, "k"), rows[k].prepares);
        redis_rig_free(&r);
        free(url);
        impostor_end(&i);
    }
}

TEST(nobody_listens)
{
    impostor i = {.says = NULL};
    redis_rig r;
    char *url;

    impostor_begin(&i);
    url = impostor_url(&i, "");
    impostor_end(&i);
    r = redis_rig_at(url, 1);
    check_redis_fails(r.guard, 2000, "refused");
    redis_rig_free(&r);
    free(url);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        T(a_key_that_holds_something_else),
        T(junk_of_a_records_size_is_not_kept),
        T(a_server_that_refuses_to_write),
        T(a_connection_that_is_killed_is_made_anew),
        T(no_sigpipe),
        T(a_server_that_is_stopped),
        T(a_server_that_never_answers),
        T(answers_that_are_none),
        T(errors_are_named_as_what_they_are),
        T(what_another_wrote_meanwhile_is_not_overwritten),
        T(a_marker_that_another_has_made_meanwhile),
        T(a_server_that_is_lost_in_mid_decision),
        T(a_lost_reply_to_a_write_ends_the_decision),
        T(a_kept_connection_that_has_died),
        T(nobody_listens),
    };

    return T_MAIN(tests);
}
