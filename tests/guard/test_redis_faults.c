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
                                           "SETRANGE k 494 x", "SETRANGE k 511 x", "SETRANGE k 600000 x"};
    redis_rig r;

    NEED_REDIS();
    r = redis_rig_new(NULL, 1);
    for (size_t i = 0; i < T_COUNT(commands); i++) {
        t_row("%s", commands[i]);
        redis_server_do(r.server, "DEL k");
        redis_server_do(r.server, commands[i]);
        check_redis_fails(r.guard, 1000, "");
        CHECK_INT(redis_server_number(r.server, "EXISTS k"), 1); /* left as it is */
    }
    redis_server_do(r.server, "DEL k");
    CHECK(redis_slot(r.guard, 0, 5000) > 0);
    redis_server_do(r.server, "SETRANGE k 40 x"); /* one byte of a record */
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
    redis_server_do(r.server, "SETRANGE k 495 x"); /* 496 bytes */
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
    check_redis_fails(r.guard, 1000, "");
    redis_server_do(r.server, "REPLICAOF NO ONE");
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
        "+OK\r\n+OK\r\n+OK\r\n",
        "$-1\r\n$-1\r\n",
        "$-1\r\n*2\r\n$-1\r\n$-1\r\n",
        "$-1\r\n*1\r\n$1\r\n1\r\n",
        "$-1\r\n*2\r\n:1\r\n:2\r\n",
        "$-1\r\n*2\r\n$1\r\nx\r\n$1\r\ny\r\n", /* a time that is none */
        "$-1\r\n*2\r\n$19\r\n9999999999999999999\r\n$1\r\n0\r\n",
        "$-1\r\n*2\r\n$10\r\n1700000000\r\n$1\r\n0\r\n", /* and then no word on its age */
        "$-1\r\n*2\r\n$10\r\n1700000000\r\n$1\r\n0\r\n$3\r\nabc\r\n",
        "$-1\r\n*2\r\n$10\r\n1700000000\r\n$1\r\n0\r\n$19\r\nuptime_in_seconds:x\r\n",
        "$999999999999\r\n",
        "$5\r\nab",
        "*-5\r\n",
        "*1000\r\n",
        ":1\r\n:1\r\n",
        "-ERR no\r\n-ERR no\r\n",
        "-LOADING Redis is loading the dataset in memory\r\n-LOADING Redis is loading the dataset in memory\r\n",
        "-ERR s3cret is not good\r\n",
    };

    for (size_t i = 0; i < T_COUNT(answers); i++)
        check_impostor(answers[i], ":s3cret@", 2500);
    for (size_t i = 0; i + 1 < T_COUNT(answers); i++)
        check_impostor(answers[i], "", 2500);
}

/* What the server says is wrong, in words, and not the state of a record that it did not give. */
TEST(errors_are_named_as_what_they_are)
{
    static const struct {
        const char *says; /* to GET and TIME */
        const char *why;
    } rows[] = {
        {"-LOADING Redis is loading the dataset in memory\r\n-LOADING Redis is loading the dataset in memory\r\n",
         "still loading its data (LOADING)"},
        {"-CLUSTERDOWN The cluster is down\r\n" NOW, "the cluster is down (CLUSTERDOWN)"},
        {"-MASTERDOWN Link with MASTER is down and replica-serve-stale-data is set to 'no'.\r\n" NOW,
         "lost its master (MASTERDOWN)"},
        {"-NOPERM this user has no permissions to run the 'get' command\r\n" NOW, "ACL does not allow it (NOPERM)"},
        {"$-1\r\n-NOPERM this user has no permissions to run the 'time' command\r\n", "TIME failed: the server's ACL"},
        {"-MOVED 3999 127.0.0.1:6381\r\n" NOW, "redirections are not followed (MOVED)"},
        {"-WRONGTYPE Operation against a key holding the wrong kind of value\r\n" NOW, "another type (WRONGTYPE)"},
        {"-ERR max number of clients reached\r\n", "no room for another client (ERR)"},
    };

    for (size_t k = 0; k < T_COUNT(rows); k++) {
        impostor i = {.says = rows[k].says};
        redis_rig r;
        char *url;

        t_row("%s", rows[k].says);
        impostor_begin(&i);
        url = impostor_url(&i, k + 1 < T_COUNT(rows) ? "" : ":pw@");
        r = redis_rig_at(url, 1);
        check_redis_fails(r.guard, 2500, rows[k].why);
        redis_rig_free(&r);
        free(url);
        impostor_end(&i);
    }
}

static void check_first_slot(const char *says)
{
    impostor i = {.says = says, .listens_on = true};
    redis_rig r;
    char *url;
    int64_t slot = 0;

    impostor_begin(&i);
    url = impostor_url(&i, "");
    r = redis_rig_at(url, 1);
    CHECK_OK(lock_sync_guard_reserve(r.guard, 0, NULL, &slot));
    CHECK_INT(slot, 1);
    redis_rig_free(&r);
    free(url);
    impostor_end(&i);
}

TEST(an_old_server_without_the_key)
{
    check_first_slot(NO_KEY STILL_NONE WRITTEN);
}

TEST(what_another_wrote_meanwhile_is_not_overwritten)
{
    check_first_slot(NO_KEY ANOTHERS NO_KEY STILL_NONE WRITTEN);
}

/* It is lost between the look at the key and what stands in for it. */
TEST(a_server_that_is_lost_in_mid_decision)
{
    static const char *const says[] = {
        "$-1\r\n" NOW,                                       /* GET, TIME */
        "$-1\r\n" NOW "$20\r\nuptime_in_seconds:10\r\n",     /* and INFO */
        "$-1\r\n" NOW "$23\r\nuptime_in_seconds:90000\r\n", /* and no SET is needed */
    };

    for (size_t k = 0; k < T_COUNT(says); k++) {
        impostor i = {.says = says[k], .once = true};
        redis_rig r;
        char *url;

        t_row("%zu", k);
        impostor_begin(&i);
        url = impostor_url(&i, "");
        r = redis_rig_at(url, 1);
        check_redis_fails(r.guard, 2500, "redis 127.0.0.1");
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
        T(an_old_server_without_the_key),
        T(what_another_wrote_meanwhile_is_not_overwritten),
        T(a_server_that_is_lost_in_mid_decision),
        T(nobody_listens),
    };

    return T_MAIN(tests);
}
