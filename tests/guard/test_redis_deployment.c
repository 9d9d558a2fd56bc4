/* The operator's view of the Redis guard: the first use of a database, the required permissions, and warnings. */
#include "contexts.h"
#include "redis_server.h"

#include <stdlib.h>
#include <string.h>

/* --- the first use --- */

/* Returns the value of a key, "" if it is absent. It is valid until the test is over. */
static const char *text_of(const redis_server *s, const char *key)
{
    redisReply *reply = redis_server_ask(s, "GET %s", key);
    char *text = kit_text("%s", reply->type == REDIS_REPLY_STRING ? reply->str : "");

    freeReplyObject(reply);
    return t_later(free, text);
}

/* Checks that each kind opens a lease and its interval after the marker was made. */
static void check_closed_since(lock_sync_guard *g, int64_t made_ms, int64_t longest_lease_ms)
{
    static const int64_t intervals_ms[] = {20000, 60000, 0};
    int64_t lease_ms = longest_lease_ms < 30000 ? 30000 : longest_lease_ms;

    for (int k = 0; k < 3; k++) {
        int64_t before_ms = kit_now_ms();
        int64_t wait_ms = 0;
        int64_t opens_ms = made_ms + lease_ms + intervals_ms[k];

        CHECK_INT(lock_sync_guard_reserve_for(g, k, longest_lease_ms, &wait_ms, NULL), LOCK_SYNC_E_TOO_SOON);
        CHECK(kit_now_ms() + wait_ms >= opens_ms - 2 && before_ms + wait_ms <= opens_ms + 2000 * kit_slack());
    }
}

TEST(the_first_use_waits_a_lease_and_an_interval)
{
    redis_server *s = redis_here(NULL);
    lock_sync_redis *r = redis_of(redis_server_url(s));
    int64_t made_ms = kit_now_ms();
    const char *marker;

    check_closed_since(redis_guard(r, "tenant:accounts:1", 20000), made_ms, 5000);
    marker = text_of(s, "tenant:accounts:locksync");
    CHECK_INT(strlen(marker), 57);
    CHECK_INT(redis_server_number(s, "PTTL tenant:accounts:locksync"), -1);
    check_closed_since(redis_guard(r, "tenant:accounts:2", 20000), made_ms, 90000); /* a longer lease */
    CHECK_TEXT(text_of(s, "tenant:accounts:locksync"), marker);                     /* unchanged */
}

TEST(prepare_makes_the_marker_once)
{
    redis_server *s = redis_here(NULL);
    lock_sync_redis *r = redis_of(redis_server_url(s));
    char *longest = t_later(free, t_repeat('k', 513));
    const char *const bad[] = {NULL, "", longest, "a:locksync"}; /* the last one is the marker */
    const char *marker;
    int64_t made_ms;

    CHECK_INT(lock_sync_redis_prepare(NULL, "a:1"), LOCK_SYNC_E_INVALID_ARGUMENT);
    for (size_t i = 0; i < COUNT_OF(bad); i++)
        CHECK_INT(lock_sync_redis_prepare(r, bad[i]), LOCK_SYNC_E_INVALID_ARGUMENT);
    CHECK_OK(lock_sync_redis_prepare(r, longest + 1));
    made_ms = kit_now_ms();
    CHECK_OK(lock_sync_redis_prepare(r, "a:1"));
    marker = text_of(s, "a:locksync");
    CHECK_INT(strlen(marker), 57);
    CHECK_OK(lock_sync_redis_prepare(r, "a:2"));
    redis_server_do(s, "CLIENT KILL TYPE normal");
    CHECK_OK(lock_sync_redis_prepare(r, "a:2")); /* on a new connection */
    CHECK_TEXT(text_of(s, "a:locksync"), marker);
    check_closed_since(redis_guard(r, "a:1", 20000), made_ms, 5000);
    redis_server_restart(s); /* the marker is lost, and the source is new */
    CHECK_OK(lock_sync_redis_prepare(r, "a:1"));
    CHECK_INT(strlen(text_of(s, "a:locksync")), 57);
}

/* Copies what follows `before` in the page, up to a quotation mark. */
static const char *quoted_after(const char *page, const char *before)
{
    const char *begin = strstr(page, before);

    MUST(begin != NULL);
    begin += strlen(before);
    return t_later(free, kit_text("%.*s", (int)strcspn(begin, "\""), begin));
}

TEST(the_documented_call_prepares_the_documented_keys)
{
    const char *page = t_later(free, kit_read_file(T_SOURCE_ROOT "/docs/rate-limits.md"));
    redis_server *s = redis_here(NULL);
    lock_sync_redis *r = redis_of(redis_server_url(s));

    CHECK_OK(lock_sync_redis_prepare(r, quoted_after(page, "lock_sync_redis_prepare(server, \"")));
    CHECK(redis_wait_ms(redis_guard(r, quoted_after(page, "lock_sync_guard_open_redis(server, \""), 20000)) > 0);
    CHECK_INT(redis_server_number(s, "DBSIZE"), 2); /* the marker, and the record: the guard has made no marker */
}

static void check_prepare_fails(lock_sync_redis *r, const char *key, const char *why)
{
    char text[160] = "";

    CHECK_INT(lock_sync_redis_prepare(r, key), LOCK_SYNC_E_GUARD);
    CHECK(lock_sync_redis_error_message(r, text, sizeof text) > 0);
    CHECK_HOLDS(text, why);
}

TEST(prepare_reports_why_it_fails)
{
    redis_rig r = redis_rig_new(NULL, 1);
    char text[160] = "x";

    CHECK_INT(lock_sync_redis_error_message(NULL, NULL, 0), 0);
    CHECK_INT(lock_sync_redis_error_message(NULL, text, sizeof text), 0);
    CHECK_TEXT(text, "");
    CHECK_INT(lock_sync_redis_error_message(r.redis, text, sizeof text), 0);
    redis_server_do(r.server, "LPUSH list:locksync a");
    check_prepare_fails(r.redis, "list:1", "WRONGTYPE");
    redis_server_do(r.server, "CONFIG SET maxmemory 1");
    check_prepare_fails(r.redis, "new:1", "the script failed: the server's memory is full (OOM)");
    CHECK_OK(lock_sync_redis_prepare(r.redis, "k")); /* it exists: nothing is written */
    redis_server_do(r.server, "REPLICAOF 127.0.0.1 1");
    redis_server_do(r.server, "CLIENT KILL TYPE normal");
    check_prepare_fails(r.redis, "new:1", "this is a replica");
    redis_server_kill(r.server);
    check_prepare_fails(r.redis, "new:1", "connecting failed");
}

/* --- warnings --- */

/* Checks that the first guard of a new server object gets the warning once. `want`: "" for no warning. */
static void check_warning(const redis_server *s, const char *login, const char *want)
{
    char *url = t_later(free, kit_text("redis://%s127.0.0.1:%d", login, redis_server_port(s)));
    lock_sync_redis *r = redis_of(url);
    lock_sync_guard *a = redis_guard(r, "warned:1", 1);
    lock_sync_guard *b = redis_guard(r, "warned:2", 1);
    char text[256] = "x";

    CHECK_INT(lock_sync_guard_warning(a, text, sizeof text), 0);
    CHECK_TEXT(text, "");
    for (int i = 0; i < 2; i++) {
        lock_sync_status any = lock_sync_guard_reserve(i == 0 ? a : b, 0, NULL, NULL);

        (void)any;
    }
    for (int i = 0; i < 2; i++)
        CHECK((lock_sync_guard_warning(a, text, sizeof text) > 0) == (want[0] != '\0'));
    CHECK_HOLDS(text, want);
    CHECK((text[0] == '\0') == (want[0] == '\0'));
    CHECK_LACKS(text, "pa55");
    CHECK_INT(lock_sync_guard_warning(b, text, sizeof text), 0);
    CHECK_INT(lock_sync_guard_warning(NULL, NULL, 0), 0);
}

TEST(settings_that_can_lose_records_give_a_warning)
{
    static const char *const kept[] = {"--appendonly", "yes", NULL};
    redis_server *s = redis_here(kept);

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
}

TEST(a_context_reports_the_first_use_and_logs_a_warning_once)
{
    redis_server *s = redis_here(NULL);
    guarded *c = GUARDED(redis_user(redis_server_url(s), 20000), FAIL, response_good);
    t_log log = {0};

    CHECK_OK(lock_sync_set_logger(c->ctx, t_log_line, &log));
    for (int i = 0; i < 2; i++) {
        CHECK_INT(fetch_all(c->ctx), LOCK_SYNC_E_TOO_SOON);
        CHECK_HOLDS(t_error_message(c->ctx), "first use of this Redis database");
        CHECK_BETWEEN(retry_after(c->ctx), 45001, 50000);
        CHECK_INT(kit_count(log.text, "it has no append-only file (appendonly yes)"), 1);
    }
    CHECK_INT(c->fake.performed, 0);
    redis_server_age(s, "k", 51000);
    CHECK_OK(fetch_all(c->ctx));
    CHECK_OK(lock_sync_set_logger(c->ctx, NULL, NULL));
}

/* --- the permissions of the server's user --- */

#define ALLOWED "+get +set +time +info +eval +evalsha +script|load"

static void set_user(const redis_server *s, const char *more)
{
    char *command = kit_text("ACL SETUSER fleet reset on >pa55 ~accounts:* " ALLOWED " %s", more);

    redis_server_do(s, command);
    free(command);
}

static lock_sync_redis *redis_of_user(const redis_server *s)
{
    return redis_of(t_later(free, kit_text("redis://fleet:pa55@127.0.0.1:%d", redis_server_port(s))));
}

TEST(the_documented_acl_suffices)
{
    redis_server *s = redis_here(NULL);
    lock_sync_guard *users[2];
    lock_sync_redis *r;

    set_user(s, "");
    r = redis_of_user(s);
    CHECK_OK(lock_sync_redis_prepare(r, "accounts:1"));
    users[0] = redis_guard(r, "accounts:1", 1);
    users[1] = redis_guard(redis_of_user(s), "accounts:1", 1);
    CHECK(redis_wait_ms(users[0]) > 0); /* the marker is new */
    redis_server_age(s, "accounts:1", 60000);
    for (int i = 0; i < 20; i++) {
        int64_t slot = redis_slot(users[i % 2], 1000, 5000);

        CHECK(slot > 0);
        CHECK_OK(lock_sync_guard_settle(users[i % 3 != 0], slot, LOCK_SYNC_SLOT_SENT, -1));
    }
    redis_server_do(s, "DEL accounts:1"); /* the loss is noticed and written */
    for (int i = 0; i < 2; i++) {
        CHECK(redis_wait_ms(users[i]) > 29000);
        CHECK_INT(lock_sync_guard_error_message(users[i], NULL, 0), 0);
    }
}

/* Without one of the commands there is an error, and never a slot that other users do not know. */
TEST(each_command_of_the_acl_is_needed)
{
    static const struct {
        const char *command;
        const char *key;
        const char *why;
    } rows[] = {
        {"-get", "accounts:1", "the script failed: the server's ACL does not allow it"},
        {"-set", "accounts:1", "the script failed: the server's ACL does not allow it"},
        {"-time", "accounts:1", "the script failed: the server's ACL does not allow it"},
        {"-evalsha", "accounts:1", "the script failed: the server's ACL does not allow it (NOPERM)"},
        {"-script|load", "accounts:1", "loading the script failed: the server's ACL does not allow it (NOPERM)"},
        {"", "elsewhere:1", "ACL does not allow it (NOPERM)"},
    };
    redis_server *s = redis_here(NULL);

    redis_server_settle_in(s, "accounts:1");
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        t_row("%s", rows[i].command);
        set_user(s, rows[i].command);
        redis_server_do(s, "DEL accounts:1");
        check_redis_fails(redis_guard(redis_of_user(s), rows[i].key, 1), 1000, rows[i].why);
    }
}

/* Without INFO an absent record counts as lost, but an account with a record works. */
TEST(a_user_without_info_can_use_an_existing_record)
{
    redis_server *s = redis_here(NULL);
    lock_sync_guard *g;
    lock_sync_redis *r;

    redis_server_settle_in(s, "accounts:1");
    set_user(s, "-info");
    r = redis_of_user(s);
    check_prepare_fails(r, "accounts:1", "does not allow INFO");
    g = redis_guard(r, "accounts:1", 1);
    CHECK(redis_wait_ms(g) > 29000);
    redis_server_age(s, "accounts:1", 31000);
    CHECK_OK(lock_sync_guard_reserve(g, 0, NULL, NULL));
}
