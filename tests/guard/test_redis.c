/* The guard in a Redis server, when all goes well: shared, private to its key and db, behind a password, and
   expiring. */
#include "redis_server.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define SECRET "pa55-w0rd/@%"
#define SECRET_IN_URL "pa55-w0rd%2F%40%25"

TEST(two_hosts_share_a_key)
{
    redis_server *s;
    lock_sync_redis *a;
    lock_sync_redis *b;
    lock_sync_guard *ga;
    lock_sync_guard *gb;
    lock_sync_guard *other;
    int64_t slot;
    int64_t wait_ms = 0;

    NEED_REDIS();
    s = redis_server_new(NULL);
    redis_server_settle_in(s, "accounts:1");
    a = redis_of(redis_server_url(s));
    b = redis_of(redis_server_url(s));
    ga = redis_guard(a, "accounts:1", 100);
    gb = redis_guard(b, "accounts:1", 100);
    other = redis_guard(b, "accounts:2", 100);
    slot = redis_slot(ga, 20000, 5000);
    CHECK(slot > 0);
    CHECK_INT(lock_sync_guard_reserve(gb, 1000, &wait_ms, NULL), LOCK_SYNC_E_TOO_SOON);
    CHECK(wait_ms > 19000 && wait_ms <= 20101);
    CHECK(redis_slot(other, 1000, 5000) > 0); /* another account */
    CHECK_OK(lock_sync_guard_settle(gb, slot, LOCK_SYNC_SLOT_LIMITED, 60000));
    CHECK_INT(lock_sync_guard_reserve(ga, 1000, &wait_ms, NULL), LOCK_SYNC_E_TOO_SOON);
    CHECK(wait_ms > 59000 && wait_ms <= 60001);
    lock_sync_redis_free(a);
    lock_sync_redis_free(b);
    CHECK_INT(lock_sync_guard_reserve(ga, 1000, &wait_ms, NULL), LOCK_SYNC_E_TOO_SOON); /* they live on in guards */
    lock_sync_guard_unref(ga);
    lock_sync_guard_unref(gb);
    lock_sync_guard_unref(other);
    redis_server_free(s);
}

TEST(one_connection_serves_all_guards)
{
    redis_server *s;
    lock_sync_redis *r;
    lock_sync_guard *guards[8];
    long long before;

    NEED_REDIS();
    s = redis_server_new(NULL);
    redis_server_settle_in(s, "accounts:");
    r = redis_of(redis_server_url(s));
    before = redis_server_number(s, "CLIENT ID");
    for (size_t i = 0; i < COUNT_OF(guards); i++) {
        char *key = kit_text("accounts:%zu", i);

        guards[i] = redis_guard(r, key, 1);
        CHECK(redis_slot(guards[i], 0, 5000) > 0);
        free(key);
    }
    CHECK_INT(redis_server_number(s, "CLIENT ID") - before, 2); /* theirs, and the one that asks */
    CHECK_INT(redis_server_number(s, "DBSIZE"), COUNT_OF(guards) + 1); /* and the marker */
    for (size_t i = 0; i < COUNT_OF(guards); i++)
        lock_sync_guard_unref(guards[i]);
    lock_sync_redis_free(r);
    redis_server_free(s);
}

TEST(the_wait_that_is_told_is_enough)
{
    redis_rig r;

    NEED_REDIS();
    r = redis_rig_new(NULL, 30);
    CHECK(redis_slot(r.guard, 0, 5000) > 0);
    for (int i = 0; i < 10; i++) {
        int64_t wait_ms = 0;
        int64_t before_us = kit_now_us();

        if (lock_sync_guard_reserve(r.guard, 0, &wait_ms, NULL) == LOCK_SYNC_OK)
            continue;
        (void)usleep((useconds_t)wait_ms * 1000);
        CHECK_OK(lock_sync_guard_reserve(r.guard, 0, NULL, NULL));
        CHECK(kit_now_us() - before_us <= 60000 * kit_slack());
    }
    redis_rig_free(&r);
}

TEST(the_key_expires_when_it_does_not_matter)
{
    redis_rig r;
    int64_t slot;
    long long ms;

    NEED_REDIS();
    r = redis_rig_new(NULL, 1);
    slot = redis_slot(r.guard, 7200000, 5000);
    ms = redis_server_number(r.server, "PTTL k");
    CHECK(ms >= 10800000 && ms < 10800000 + 361000); /* the hold, an hour, the rest of a cell, and a minute */
    CHECK_OK(lock_sync_guard_settle(r.guard, slot, LOCK_SYNC_SLOT_SENT, -1));
    ms = redis_server_number(r.server, "PTTL k");
    CHECK(ms >= 3600000 && ms < 3600000 + 361000);
    redis_rig_free(&r);
}

TEST(a_db_is_selected)
{
    redis_server *s;
    redis_rig r;
    char *url;

    NEED_REDIS();
    s = redis_server_new(NULL);
    redis_server_settle_in(s, "k");
    redis_server_do(s, "SWAPDB 0 3");
    url = kit_text("%s/3", redis_server_url(s));
    r = redis_rig_at(url, 1);
    CHECK(redis_slot(r.guard, 0, 5000) > 0);
    CHECK_INT(redis_server_number(s, "DBSIZE"), 0);
    redis_server_do(s, "SWAPDB 0 3");
    CHECK_INT(redis_server_number(s, "DBSIZE"), 2);
    redis_rig_free(&r);
    free(url);
    url = kit_text("%s/77", redis_server_url(s)); /* it has 16 */
    r = redis_rig_at(url, 1);
    check_redis_fails(r.guard, 1000, "db");
    redis_rig_free(&r);
    free(url);
    redis_server_free(s);
}

static void check_login(const redis_server *s, const char *login, const char *why)
{
    char *url = kit_text("redis://%s127.0.0.1:%d", login, redis_server_port(s));
    lock_sync_redis *r = redis_of(url);
    lock_sync_guard *g = redis_guard(r, "k", 1);
    char text[300] = "";

    t_row("%s", login);
    if (why == NULL) {
        CHECK(redis_slot(g, 0, 5000) > 0);
    } else {
        check_redis_fails(g, 1000, why);
        (void)lock_sync_guard_error_message(g, text, sizeof text);
        CHECK_LACKS(text, "pa55");
        CHECK_LACKS(text, "alice");
        check_redis_fails(g, 1000, why); /* again on a connection anew */
    }
    lock_sync_guard_unref(g);
    lock_sync_redis_free(r);
    free(url);
}

TEST(a_password_and_a_user)
{
    static const char *const options[] = {"--requirepass", SECRET, NULL};
    redis_server *s;

    NEED_REDIS();
    s = redis_server_new(options);
    redis_server_settle_in(s, "k");
    freeReplyObject(redis_server_ask(s, "ACL SETUSER alice on >%s ~* +@all", "pa55-of-alice"));
    freeReplyObject(redis_server_ask(s, "ACL SETUSER bob on >%s ~* +@all -set", "pa55-of-bob"));
    check_login(s, ":" SECRET_IN_URL "@", NULL);
    check_login(s, "default:" SECRET_IN_URL "@", NULL);
    check_login(s, "alice:pa55-of-alice@", NULL);
    check_login(s, ":pa55-wrong@", "password");
    check_login(s, "alice:pa55-wrong@", "password");
    check_login(s, "carol:pa55-of-alice@", "password");
    check_login(s, "", "NOAUTH");
    check_login(s, "bob:pa55-of-bob@", "NOPERM"); /* may not write */
    redis_server_free(s);
}

/* --- many at once --- */

typedef struct crowd {
    const char *url;
    int64_t until_us;
    _Atomic int64_t last_end_us;
    atomic_int slots;
    atomic_int too_close;
    atomic_int failures;
    lock_sync_guard *shared; /* NULL: each thread has a connection of its own */
} crowd;

static void *come_and_go(void *user)
{
    crowd *c = user;
    lock_sync_redis *r = c->shared == NULL ? redis_of(c->url) : NULL;
    lock_sync_guard *g = c->shared == NULL ? redis_guard(r, "k", 5) : lock_sync_guard_ref(c->shared);

    (void)lock_sync_guard_set_hourly_budget(g, 1000000, 0);
    while (kit_now_us() < c->until_us) {
        int64_t slot = 0;
        lock_sync_status status = lock_sync_guard_reserve(g, 60000, NULL, &slot);

        if (status == LOCK_SYNC_OK) {
            int64_t last_us = atomic_load(&c->last_end_us);

            atomic_fetch_add(&c->slots, 1);
            atomic_fetch_add(&c->too_close, kit_now_us() - last_us < 5000);
            (void)usleep(1000);
            atomic_store(&c->last_end_us, kit_now_us());
            status = lock_sync_guard_settle(g, slot, LOCK_SYNC_SLOT_SENT, -1);
        }
        atomic_fetch_add(&c->failures, status != LOCK_SYNC_OK && status != LOCK_SYNC_E_TOO_SOON);
        (void)usleep(1500);
    }
    lock_sync_guard_unref(g);
    lock_sync_redis_free(r);
    return NULL;
}

static void check_crowd(crowd *c)
{
    pthread_t threads[8];

    c->until_us = kit_now_us() + 700000 * (int64_t)kit_slack();
    for (size_t i = 0; i < COUNT_OF(threads); i++)
        MUST_INT(pthread_create(&threads[i], NULL, come_and_go, c), 0);
    for (size_t i = 0; i < COUNT_OF(threads); i++)
        MUST_INT(pthread_join(threads[i], NULL), 0);
    CHECK(c->slots > 10);
    CHECK_INT(c->too_close, 0);
    CHECK_INT(c->failures, 0);
}

TEST(many_threads_on_one_connection_and_on_many)
{
    crowd c = {0};
    lock_sync_redis *r;
    redis_server *s;

    NEED_REDIS();
    s = redis_server_new(NULL);
    redis_server_settle_in(s, "k");
    redis_server_settle_in(s, "shared");
    c.url = redis_server_url(s);
    check_crowd(&c);
    r = redis_of(c.url);
    c = (crowd){.url = c.url, .shared = redis_guard(r, "shared", 5)};
    check_crowd(&c);
    lock_sync_guard_unref(c.shared);
    lock_sync_redis_free(r);
    redis_server_free(s);
}

/* The key holds any bytes but NUL. */
TEST(keys_are_not_formats)
{
    static const char *const keys[] = {"%s%n", "a b\r\nFLUSHALL\r\n", "*1", "\xff\xfe"};
    redis_server *s;
    lock_sync_redis *r;

    NEED_REDIS();
    s = redis_server_new(NULL);
    r = redis_of(redis_server_url(s));
    for (size_t i = 0; i < COUNT_OF(keys); i++) {
        lock_sync_guard *g = redis_guard(r, keys[i], 1);
        redisReply *reply;

        CHECK(redis_wait_ms(g) > 0); /* the first use of this prefix writes both */
        reply = redis_server_ask(s, "EXISTS %b %b:locksync", keys[i], strlen(keys[i]), keys[i], strlen(keys[i]));
        CHECK_INT(reply->integer, 2);
        freeReplyObject(reply);
        lock_sync_guard_unref(g);
    }
    CHECK_INT(redis_server_number(s, "DBSIZE"), 2 * COUNT_OF(keys));
    lock_sync_redis_free(r);
    redis_server_free(s);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        T(two_hosts_share_a_key),
        T(one_connection_serves_all_guards),
        T(the_wait_that_is_told_is_enough),
        T(the_key_expires_when_it_does_not_matter),
        T(a_db_is_selected),
        T(a_password_and_a_user),
        T(many_threads_on_one_connection_and_on_many),
        T(keys_are_not_formats),
    };

    return T_MAIN(tests);
}
