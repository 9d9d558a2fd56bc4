/* What an operator sees of the Redis guard: the first use of a database, what its user must be allowed, and what is
   warned of. */
#include "contexts.h"
#include "impostor.h"
#include "redis_server.h"

#include <locksync/redis.h>

#include <stdlib.h>
#include <string.h>

/* --- the first use --- */

static char *text_of(const redis_server *s, const char *key)
{
    redisReply *reply = redis_server_ask(s, "GET %s", key);
    char *text = kit_text("%s", reply->type == REDIS_REPLY_STRING ? reply->str : "");

    freeReplyObject(reply);
    return text;
}

TEST(a_new_account_on_a_prepared_database_waits_for_nothing)
{
    static const char *const keys[] = {"tenant:accounts:1", "tenant:accounts:2", "tenant:accounts:"};
    redis_server *s;
    lock_sync_redis *r;

    NEED_REDIS();
    s = redis_server_new(NULL);
    redis_server_settle_in(s, "tenant:accounts:whichever");
    r = redis_of(redis_server_url(s));
    for (size_t i = 0; i < COUNT_OF(keys); i++) {
        lock_sync_guard *g = redis_guard(r, keys[i], 20000);

        t_row("%s", keys[i]);
        CHECK_OK(lock_sync_guard_reserve(g, 10000, NULL, NULL));
        CHECK_OK(lock_sync_guard_reserve_for(g, LOCK_SYNC_REQUEST_DIRECTORY, 10000, NULL, NULL));
        CHECK_OK(lock_sync_guard_reserve_for(g, LOCK_SYNC_REQUEST_OTHER, 0, NULL, NULL));
        lock_sync_guard_unref(g);
    }
    lock_sync_redis_free(r);
    redis_server_free(s);
}

/* Each kind opens a hold and its interval after the marker was made, whoever made it. */
static void check_closed_since(lock_sync_guard *g, int64_t made_ms, int64_t longest_hold_ms)
{
    static const int64_t intervals_ms[] = {20000, 60000, 0};
    int64_t hold_ms = longest_hold_ms < 30000 ? 30000 : longest_hold_ms;

    for (int k = 0; k < 3; k++) {
        int64_t before_ms = kit_now_ms();
        int64_t wait_ms = 0;
        int64_t opens_ms = made_ms + hold_ms + intervals_ms[k];

        CHECK_INT(lock_sync_guard_reserve_for(g, k, longest_hold_ms, &wait_ms, NULL), LOCK_SYNC_E_TOO_SOON);
        CHECK(kit_now_ms() + wait_ms >= opens_ms - 2 && before_ms + wait_ms <= opens_ms + 2000 * kit_slack());
    }
}

TEST(the_first_use_waits_a_hold_and_an_interval)
{
    redis_server *s;
    lock_sync_redis *r;
    lock_sync_guard *first;
    lock_sync_guard *second;
    char *marker;
    char *again;
    int64_t made_ms;

    NEED_REDIS();
    s = redis_server_new(NULL);
    r = redis_of(redis_server_url(s));
    first = redis_guard(r, "tenant:1", 20000);
    second = redis_guard(r, "tenant:2", 20000);
    made_ms = kit_now_ms();
    check_closed_since(first, made_ms, 5000);
    marker = text_of(s, "tenant:locksync");
    CHECK_INT(strlen(marker), 57);
    CHECK_INT(redis_server_number(s, "PTTL tenant:locksync"), -1);
    check_closed_since(second, made_ms, 90000); /* of one who asks for a longer hold */
    again = text_of(s, "tenant:locksync");
    CHECK_TEXT(again, marker); /* it stays as it was made */
    free(marker);
    free(again);
    lock_sync_guard_unref(first);
    lock_sync_guard_unref(second);
    lock_sync_redis_free(r);
    redis_server_free(s);
}

TEST(prepare_makes_the_marker_once)
{
    redis_server *s;
    lock_sync_redis *r;
    lock_sync_guard *g;
    char *marker;
    char *again;
    int64_t made_ms;
    char longest[514];

    NEED_REDIS();
    s = redis_server_new(NULL);
    r = redis_of(redis_server_url(s));
    memset(longest, 'k', 513);
    longest[513] = '\0';
    CHECK_INT(lock_sync_redis_prepare(NULL, "a:1"), LOCK_SYNC_E_INVALID_ARGUMENT);
    CHECK_INT(lock_sync_redis_prepare(r, NULL), LOCK_SYNC_E_INVALID_ARGUMENT);
    CHECK_INT(lock_sync_redis_prepare(r, ""), LOCK_SYNC_E_INVALID_ARGUMENT);
    CHECK_INT(lock_sync_redis_prepare(r, longest), LOCK_SYNC_E_INVALID_ARGUMENT);
    CHECK_INT(lock_sync_redis_prepare(r, "a:locksync"), LOCK_SYNC_E_INVALID_ARGUMENT); /* it is the marker */
    longest[512] = '\0';
    CHECK_OK(lock_sync_redis_prepare(r, longest));
    made_ms = kit_now_ms();
    CHECK_OK(lock_sync_redis_prepare(r, "a:1"));
    marker = text_of(s, "a:locksync");
    CHECK_OK(lock_sync_redis_prepare(r, "a:2"));
    redis_server_do(s, "CLIENT KILL TYPE normal");
    CHECK_OK(lock_sync_redis_prepare(r, "a:2")); /* on a connection anew */
    again = text_of(s, "a:locksync");
    CHECK_INT(strlen(marker), 57);
    CHECK_TEXT(again, marker);
    g = redis_guard(r, "a:1", 20000);
    check_closed_since(g, made_ms, 5000);
    lock_sync_guard_unref(g);
    free(marker);
    free(again);
    redis_server_kill(s);
    redis_server_start(s); /* the marker is gone, and one would be of another life */
    CHECK_OK(lock_sync_redis_prepare(r, "a:1"));
    again = text_of(s, "a:locksync");
    CHECK_INT(strlen(again), 57);
    free(again);
    lock_sync_redis_free(r);
    redis_server_free(s);
}

/* A marker that is damaged, of another life of the server, or of a time to come counts as made now. */
TEST(a_marker_that_is_no_use)
{
    static const char *const markers[] = {
        "x", "", "0123456789abcdef0123456789abcdef01234567 1600000000000000", "%id% 9999999999999999999999", "%id% 9",
    };

    NEED_REDIS();
    for (size_t i = 0; i < COUNT_OF(markers); i++) {
        redis_rig r;
        char *marker;
        bool is_old = i + 1 == COUNT_OF(markers);

        t_row("%s", markers[i]);
        r = redis_rig_new(NULL, 20000);
        marker = text_of(r.server, "k:locksync");
        if (strncmp(markers[i], "%id%", 4) == 0)
            freeReplyObject(redis_server_ask(r.server, "SET k:locksync %b%s", marker, (size_t)40, markers[i] + 4));
        else
            freeReplyObject(redis_server_ask(r.server, "SET k:locksync %s", markers[i]));
        free(marker);
        if (is_old)
            CHECK_OK(lock_sync_guard_reserve(r.guard, 1000, NULL, NULL));
        else
            check_closed_since(r.guard, kit_now_ms(), 5000);
        redis_rig_free(&r);
    }
}

/* The marker's key holds something that is no text. */
TEST(a_marker_that_cannot_be_read)
{
    redis_rig r;

    NEED_REDIS();
    r = redis_rig_new(NULL, 1);
    redis_server_do(r.server, "DEL k:locksync");
    redis_server_do(r.server, "LPUSH k:locksync a");
    check_redis_fails(r.guard, 1000, "WRONGTYPE");
    CHECK_INT(lock_sync_redis_prepare(r.redis, "k"), LOCK_SYNC_E_GUARD);
    redis_rig_free(&r);
}

TEST(prepare_says_why_it_fails)
{
    char text[160] = "x";
    redis_rig r;

    NEED_REDIS();
    CHECK_INT(lock_sync_redis_error_message(NULL, NULL, 0), 0);
    CHECK_INT(lock_sync_redis_error_message(NULL, text, sizeof text), 0);
    CHECK_TEXT(text, "");
    r = redis_rig_new(NULL, 1);
    CHECK_INT(lock_sync_redis_error_message(r.redis, text, sizeof text), 0);
    redis_server_do(r.server, "CONFIG SET maxmemory 1");
    CHECK_INT(lock_sync_redis_prepare(r.redis, "new:1"), LOCK_SYNC_E_GUARD);
    CHECK(lock_sync_redis_error_message(r.redis, text, sizeof text) > 0);
    CHECK_HOLDS(text, "writing failed: the server's memory is full (OOM)");
    CHECK_OK(lock_sync_redis_prepare(r.redis, "k")); /* it is there: nothing is written */
    redis_server_do(r.server, "REPLICAOF 127.0.0.1 1");
    redis_server_do(r.server, "CLIENT KILL TYPE normal");
    CHECK_INT(lock_sync_redis_prepare(r.redis, "new:1"), LOCK_SYNC_E_GUARD);
    (void)lock_sync_redis_error_message(r.redis, text, sizeof text);
    CHECK_HOLDS(text, "this is a replica");
    redis_server_kill(r.server);
    CHECK_INT(lock_sync_redis_prepare(r.redis, "new:1"), LOCK_SYNC_E_GUARD);
    (void)lock_sync_redis_error_message(r.redis, text, sizeof text);
    CHECK_HOLDS(text, "connecting failed");
    redis_rig_free(&r);
}

/* --- contexts --- */

TEST(a_context_names_the_first_use)
{
    t_fake fake = {.steps = &answer_good, .step_count = 1};
    t_log log = {0};
    lock_sync_ctx *ctx;
    redis_server *s;
    lock_sync_redis *r;
    lock_sync_guard *g;

    NEED_REDIS();
    s = redis_server_new(NULL);
    r = redis_of(redis_server_url(s));
    g = redis_guard(r, "a:1", 20000);
    ctx = guarded_ctx(&fake, g, LOCK_SYNC_GUARD_FAIL);
    CHECK_OK(lock_sync_set_logger(ctx, t_log_line, &log));
    CHECK_INT(fetch_all(ctx), LOCK_SYNC_E_TOO_SOON);
    CHECK_HOLDS(t_error_message(ctx), "first use of this Redis database");
    CHECK(retry_after(ctx) > 45000 && retry_after(ctx) <= 50000);
    CHECK_INT(fake.performed, 0);
    CHECK_HOLDS(log.text, "it has no append-only file (appendonly yes)");
    CHECK_INT(fetch_all(ctx), LOCK_SYNC_E_TOO_SOON);
    CHECK_INT(kit_count(log.text, "append-only"), 1);
    redis_server_age(s, "a:1", 51000);
    CHECK_OK(fetch_all(ctx));
    lock_sync_ctx_free(ctx);
    lock_sync_guard_unref(g);
    lock_sync_redis_free(r);
    redis_server_free(s);
}

/* --- warnings --- */

static void check_warning(const redis_server *s, const char *login, const char *want)
{
    char *url = kit_text("redis://%s127.0.0.1:%d", login, redis_server_port(s));
    lock_sync_redis *r = redis_of(url);
    lock_sync_guard *a = redis_guard(r, "warned:1", 1);
    lock_sync_guard *b = redis_guard(r, "warned:2", 1);
    char text[256] = "x";

    CHECK_INT(lock_sync_guard_warning(a, text, sizeof text), 0);
    CHECK_TEXT(text, "");
    (void)lock_sync_guard_reserve(a, 0, NULL, NULL);
    (void)lock_sync_guard_reserve(b, 0, NULL, NULL);
    for (int i = 0; i < 2; i++) {
        size_t length = lock_sync_guard_warning(a, text, sizeof text);

        CHECK_INT(length, strlen(text));
        if (want[0] == '\0')
            CHECK_TEXT(text, "");
        else
            CHECK_HOLDS(text, want);
    }
    CHECK_LACKS(text, "pa55");
    CHECK_INT(lock_sync_guard_warning(b, text, sizeof text), 0); /* once for each lock_sync_redis */
    CHECK_INT(lock_sync_guard_warning(NULL, NULL, 0), 0);
    lock_sync_guard_unref(a);
    lock_sync_guard_unref(b);
    lock_sync_redis_free(r);
    free(url);
}

TEST(what_can_lose_records_is_warned_of)
{
    static const char *const kept[] = {"--appendonly", "yes", NULL};
    redis_server *s;

    NEED_REDIS();
    s = redis_server_new(kept);
    check_warning(s, "", "");
    redis_server_do(s, "CONFIG SET maxmemory 100mb");
    check_warning(s, "", "");
    redis_server_do(s, "CONFIG SET maxmemory-policy volatile-ttl");
    check_warning(s, "", "can lose what the guard writes: its memory policy (volatile-ttl) can evict records");
    redis_server_do(s, "SET victim x PX 100000");
    redis_server_do(s, "CONFIG SET maxmemory 1");
    redis_server_do(s, "SET another x");
    redis_server_do(s, "CONFIG SET maxmemory 0");
    redis_server_do(s, "CONFIG SET maxmemory-policy noeviction");
    check_warning(s, "", "its memory policy (noeviction) has evicted records");
    redis_server_do(s, "CONFIG RESETSTAT");
    redis_server_do(s, "CONFIG SET appendonly no");
    check_warning(s, "", "it has no append-only file (appendonly yes), so a restart loses records");
    redis_server_do(s, "ACL SETUSER silent on >pa55 ~* +@all -info");
    check_warning(s, "silent:pa55@", "it does not allow INFO, so nothing is known of it");
    redis_server_free(s);
}

/* A warning comes once, also if nothing else of the first look is of use. */
TEST(a_warning_is_told_beside_a_damaged_record)
{
    char text[256];
    redis_rig r;

    NEED_REDIS();
    r = redis_rig_new(NULL, 1);
    redis_server_do(r.server, "SET k junk");
    check_redis_fails(r.guard, 1000, "damaged");
    (void)lock_sync_guard_warning(r.guard, text, sizeof text);
    CHECK_HOLDS(text, "append-only");
    redis_rig_free(&r);
}

/* --- what the server's user must be allowed --- */

#define ALLOWED "+get +set +watch +unwatch +multi +exec +time +info"

static void set_user(const redis_server *s, const char *more)
{
    char *command = kit_text("ACL SETUSER fleet reset on >pa55 ~accounts:* " ALLOWED " %s", more);

    redis_server_do(s, command);
    free(command);
}

static redis_rig rig_of_user(redis_server *s, const char *key)
{
    char *url = kit_text("redis://fleet:pa55@127.0.0.1:%d", redis_server_port(s));
    redis_rig r = {.redis = redis_of(url)};

    r.guard = redis_guard(r.redis, key, 1);
    free(url);
    return r;
}

TEST(the_documented_acl_suffices)
{
    redis_server *s;
    redis_rig a;
    redis_rig b;
    int64_t slot;

    NEED_REDIS();
    s = redis_server_new(NULL);
    set_user(s, "");
    a = rig_of_user(s, "accounts:1");
    b = rig_of_user(s, "accounts:1");
    CHECK_OK(lock_sync_redis_prepare(a.redis, "accounts:1"));
    CHECK(redis_wait_ms(a.guard) > 0); /* the marker is new */
    redis_server_age(s, "accounts:1", 60000);
    for (int i = 0; i < 20; i++) {
        slot = redis_slot(i % 2 == 0 ? a.guard : b.guard, 1000, 5000);
        CHECK(slot > 0);
        CHECK_OK(lock_sync_guard_settle(i % 3 == 0 ? a.guard : b.guard, slot, LOCK_SYNC_SLOT_SENT, -1));
    }
    redis_server_do(s, "DEL accounts:1"); /* its loss is seen and written, too */
    CHECK(redis_wait_ms(a.guard) > 29000);
    CHECK(redis_wait_ms(b.guard) > 29000);
    CHECK_INT(lock_sync_guard_error_message(a.guard, NULL, 0), 0);
    CHECK_INT(lock_sync_guard_error_message(b.guard, NULL, 0), 0);
    redis_rig_free(&a);
    redis_rig_free(&b);
    redis_server_free(s);
}

/* What one command less does; none of it is a slot that nobody else knows of. */
TEST(each_command_of_the_acl_is_needed)
{
    static const struct {
        const char *command;
        const char *why;
    } lacking[] = {
        {"-get", "reading failed: the server's ACL does not allow it (NOPERM)"},
        {"-set", "writing failed: the server's ACL does not allow it (NOPERM)"},
        {"-watch", "watching failed: the server's ACL does not allow it (NOPERM)"},
        {"-multi", "writing failed: the server's ACL does not allow it (NOPERM)"},
        {"-exec", "writing failed: the server discarded the transaction (EXECABORT)"},
        {"-time", "TIME failed: the server's ACL does not allow it (NOPERM)"},
    };
    redis_server *s;
    redis_rig r;

    NEED_REDIS();
    s = redis_server_new(NULL);
    redis_server_settle_in(s, "accounts:1");
    for (size_t i = 0; i < COUNT_OF(lacking); i++) {
        t_row("%s", lacking[i].command);
        set_user(s, lacking[i].command);
        redis_server_do(s, "DEL accounts:1");
        r = rig_of_user(s, "accounts:1");
        check_redis_fails(r.guard, 1000, lacking[i].why);
        redis_rig_free(&r);
    }
    set_user(s, "");
    r = rig_of_user(s, "elsewhere:1");
    check_redis_fails(r.guard, 1000, "ACL does not allow it (NOPERM)");
    redis_rig_free(&r);
    redis_server_free(s);
}

/* Without INFO an absent record counts as lost, but an account that has one goes on. */
TEST(a_user_without_info)
{
    char text[256];
    redis_server *s;
    redis_rig r;

    NEED_REDIS();
    s = redis_server_new(NULL);
    redis_server_settle_in(s, "accounts:1");
    set_user(s, "-info");
    r = rig_of_user(s, "accounts:1");
    CHECK_INT(lock_sync_redis_prepare(r.redis, "accounts:1"), LOCK_SYNC_E_GUARD);
    (void)lock_sync_redis_error_message(r.redis, text, sizeof text);
    CHECK_HOLDS(text, "does not allow INFO");
    CHECK(redis_wait_ms(r.guard) > 29000);
    (void)lock_sync_guard_warning(r.guard, text, sizeof text);
    CHECK_HOLDS(text, "it does not allow INFO");
    redis_server_age(s, "accounts:1", 31000);
    CHECK_OK(lock_sync_guard_reserve(r.guard, 0, NULL, NULL));
    redis_rig_free(&r);
    redis_server_free(s);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        T(a_new_account_on_a_prepared_database_waits_for_nothing),
        T(the_first_use_waits_a_hold_and_an_interval),
        T(prepare_makes_the_marker_once),
        T(a_marker_that_is_no_use),
        T(a_marker_that_cannot_be_read),
        T(prepare_says_why_it_fails),
        T(a_context_names_the_first_use),
        T(what_can_lose_records_is_warned_of),
        T(a_warning_is_told_beside_a_damaged_record),
        T(the_documented_acl_suffices),
        T(each_command_of_the_acl_is_needed),
        T(a_user_without_info),
    };

    return T_MAIN(tests);
}
