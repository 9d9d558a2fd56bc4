/* The guard in a Redis server without faults: shared, separate for each key and db, with a password, and expiring. */
#include "contexts.h"
#include "redis_server.h"

#include <stdlib.h>
#include <string.h>

#define SECRET "pa55-w0rd/@%"
#define SECRET_IN_URL "pa55-w0rd%2F%40%25"

TEST(two_machines_share_a_key)
{
    redis_server *s = redis_here(NULL);
    lock_sync_redis *r;
    lock_sync_guard *a;
    lock_sync_guard *b;
    int64_t slot;

    redis_server_settle_in(s, "accounts:1");
    a = redis_guard(redis_of(redis_server_url(s)), "accounts:1", 100);
    MUST_OK(lock_sync_redis_new(redis_server_url(s), &r));
    b = redis_guard(r, "accounts:1", 100);
    slot = redis_slot(a, 20000, 5000);
    CHECK(slot > 0);
    CHECK_BETWEEN(redis_wait_ms(b), 19001, 20100 + WINDOW_MS);
    CHECK(redis_slot(redis_guard(r, "accounts:2", 100), 1000, 5000) > 0); /* another account */
    lock_sync_redis_free(r);                                              /* its guards still have a reference */
    CHECK_OK(lock_sync_guard_settle(b, slot, LOCK_SYNC_SLOT_LIMITED, 60000));
    CHECK_BETWEEN(redis_wait_ms(a), 59001, 60000 + WINDOW_MS);
}

TEST(one_connection_serves_all_guards)
{
    redis_server *s = redis_here(NULL);
    lock_sync_redis *r = redis_of(redis_server_url(s));
    long long before;

    redis_server_settle_in(s, "accounts:");
    before = redis_server_number(s, "CLIENT ID");
    for (int i = 0; i < 8; i++) {
        char *key = kit_text("accounts:%d", i);

        CHECK(redis_slot(redis_guard(r, key, 1), 0, 5000) > 0);
        free(key);
    }
    CHECK_INT(redis_server_number(s, "CLIENT ID") - before, 2); /* the guards', and that of this command */
    CHECK_INT(redis_server_number(s, "DBSIZE"), 8 + 1);         /* the records and the marker */
}

TEST(the_key_expires_when_its_record_is_stale)
{
    redis_rig r = redis_rig_new(NULL, 1);
    int64_t slot = redis_slot(r.guard, 7200000, 5000);

    /* the lease, an hour, the rest of a cell, and a minute */
    CHECK_BETWEEN(redis_server_number(r.server, "PTTL k"), 10800000, 10800000 + 361000);
    CHECK_OK(lock_sync_guard_settle(r.guard, slot, LOCK_SYNC_SLOT_SENT, -1));
    CHECK_BETWEEN(redis_server_number(r.server, "PTTL k"), 3600000, 3600000 + 361000);
}

TEST(a_db_is_selected)
{
    redis_server *s = redis_here(NULL);
    char *third = t_later(free, kit_text("%s/3", redis_server_url(s)));
    char *beyond = t_later(free, kit_text("%s/77", redis_server_url(s))); /* there are 16 */

    redis_server_settle_in(s, "k");
    redis_server_do(s, "SWAPDB 0 3");
    CHECK(redis_slot(redis_user(third, 1), 0, 5000) > 0);
    CHECK_INT(redis_server_number(s, "DBSIZE"), 0);
    redis_server_do(s, "SWAPDB 0 3");
    CHECK_INT(redis_server_number(s, "DBSIZE"), 2);
    check_redis_fails(redis_user(beyond, 1), 1000, "db");
}

TEST(a_password_and_a_user_are_sent)
{
    static const struct {
        const char *login;
        const char *why; /* NULL: the login is accepted */
    } rows[] = {
        {":" SECRET_IN_URL "@", NULL},
        {"default:" SECRET_IN_URL "@", NULL},
        {"alice:pa55-of-alice@", NULL},
        {":pa55-wrong@", "password"},
        {"alice:pa55-wrong@", "password"},
        {"carol:pa55-of-alice@", "password"},
        {"", "NOAUTH"},
        {"bob:pa55-of-bob@", "the server's ACL does not allow it"}, /* may not write */
    };
    redis_server *s = redis_here(NULL);

    redis_server_settle_in(s, "k");
    redis_server_do(s, "ACL SETUSER alice on >pa55-of-alice ~* +@all");
    redis_server_do(s, "ACL SETUSER bob on >pa55-of-bob ~* +@all -set");
    freeReplyObject(redis_server_ask(s, "CONFIG SET requirepass %s", SECRET));
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        char *url = t_later(free, kit_text("redis://%s127.0.0.1:%d", rows[i].login, redis_server_port(s)));
        lock_sync_guard *g = redis_user(url, 1);
        char text[300] = "";

        t_row("%s", rows[i].login);
        if (rows[i].why == NULL) {
            CHECK(redis_slot(g, 0, 5000) > 0);
            continue;
        }
        for (int k = 0; k < 2; k++) /* the second time on a new connection */
            check_redis_fails(g, 1000, rows[i].why);
        (void)lock_sync_guard_error_message(g, text, sizeof text);
        CHECK_LACKS(text, "pa55");
        CHECK_LACKS(text, "alice");
    }
}

/* The storm (storm/) has separate connections. */
TEST(many_threads_share_one_connection)
{
    check_crowd(redis_rig_new(NULL, 5).guard, 8, 5, 700);
}

/* A key may contain all bytes except NUL. */
TEST(keys_are_not_formats)
{
    static const char *const keys[] = {"%s%n", "a b\r\nFLUSHALL\r\n", "*1", "\xff\xfe"};
    redis_server *s = redis_here(NULL);
    lock_sync_redis *r = redis_of(redis_server_url(s));

    for (size_t i = 0; i < COUNT_OF(keys); i++) {
        size_t size = strlen(keys[i]);
        redisReply *reply;

        CHECK(redis_wait_ms(redis_guard(r, keys[i], 1)) >
              0); /* the first use of this prefix writes record and marker */
        reply = redis_server_ask(s, "EXISTS %b %b:locksync", keys[i], size, keys[i], size);
        CHECK_INT(reply->integer, 2);
        freeReplyObject(reply);
    }
    CHECK_INT(redis_server_number(s, "DBSIZE"), 2 * COUNT_OF(keys));
}
