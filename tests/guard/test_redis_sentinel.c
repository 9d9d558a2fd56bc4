/* A Redis guard whose server is found by sentinels: real ones with a failover, and fake ones that are wrong. */
#include "impostor.h"
#include "redis_server.h"
#include "sentinels.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define LOSS_MS 30000 /* how long a request of a lost record may be on its way */
#define INTERVAL_MS 100

static const char *const kept_on_disk[] = {"--appendonly", "yes", NULL};

/* A master, its replica, and the sentinels that watch both. */
typedef struct house {
    redis_server *master;
    redis_server *replica;
    sentinels *sentinels;
} house;

static house house_here(void)
{
    house h = {.master = redis_here(kept_on_disk)};

    h.replica = redis_replica_here(h.master);
    redis_server_settle_in(h.master, "k"); /* by the source that it has since its first replica */
    h.sentinels = sentinels_here(h.master);
    return h;
}

static lock_sync_guard *user_of(const house *h, const char *login, const char *more)
{
    return redis_user(sentinels_url(h->sentinels, login, more), INTERVAL_MS);
}

static void use_slot(lock_sync_guard *g)
{
    int64_t slot = redis_slot(g, 1000, 5000);

    CHECK(slot > 0);
    CHECK_OK(lock_sync_guard_settle(g, slot, LOCK_SYNC_SLOT_SENT, -1));
}

/* Expects the closure for a loss, at most `ms` ago. */
static void check_closed(lock_sync_guard *g, int64_t ms)
{
    CHECK_BETWEEN(redis_wait_ms(g), LOSS_MS + INTERVAL_MS - ms * kit_slack(), LOSS_MS + INTERVAL_MS + WINDOW_MS);
}

TEST(the_sentinels_lead_to_the_master)
{
    house h = house_here();
    char text[200];
    lock_sync_guard *g = user_of(&h, "", "");

    use_slot(g);
    use_slot(user_of(&h, "", "/0"));
    use_slot(redis_user(redis_server_url(h.master), INTERVAL_MS)); /* the same record */
    sentinels_pause(h.sentinels, 0, true);
    use_slot(user_of(&h, "", "")); /* by the second */
    sentinels_pause(h.sentinels, 0, false);
    sentinels_kill(h.sentinels, 0);
    sentinels_kill(h.sentinels, 1);
    use_slot(user_of(&h, "", "")); /* by the third */
    check_redis_fails(user_of(&h, "", "s"), 1200, "this sentinel knows no master of that name");
    sentinels_kill(h.sentinels, 2);
    use_slot(g); /* its connection does not need them */
    g = user_of(&h, "user:pa55@", "?sentinel_password=s3cret");
    check_redis_fails(g, 1200, "connecting failed");
    (void)lock_sync_guard_error_message(g, text, sizeof text);
    CHECK_LACKS(text, "pa55");
    CHECK_LACKS(text, "s3cret");
}

TEST(master_and_sentinels_have_logins_of_their_own)
{
    house h = house_here();

    redis_server_do(h.master, "ACL SETUSER fleet on >pa55 ~* +@all");
    use_slot(user_of(&h, "fleet:pa55@", ""));
    check_redis_fails(user_of(&h, "fleet:wrong@", ""), 1200, "login failed: the user or the password is wrong");
    for (size_t i = 0; i < SENTINELS; i++) {
        sentinels_do(h.sentinels, i, "ACL SETUSER look on >l00k ~* &* +@all");
        sentinels_do(h.sentinels, i, "ACL SETUSER default resetpass >s3cret");
    }
    check_redis_fails(user_of(&h, "fleet:pa55@", ""), 1200,
                      "asking the sentinel failed: the server asks for a password (NOAUTH)");
    check_redis_fails(user_of(&h, "", "?sentinel_password=wrong"), 1200, "login failed");
    use_slot(user_of(&h, "fleet:pa55@", "?sentinel_password=s3cret"));
    use_slot(user_of(&h, "fleet:pa55@", "/0?sentinel_username=look&sentinel_password=l00k"));
}

/* --- failover --- */

/* Asks until the guard has a server again. Returns how long after the promotion that was. No slot is granted. */
static int64_t ask_through_failover(const house *h, lock_sync_guard *g)
{
    int64_t end_ms = kit_now_ms() + KIT_PATIENCE_MS;
    int64_t promoted_ms = 0;
    lock_sync_status status;

    do {
        status = lock_sync_guard_reserve(g, 1000, NULL, NULL);
        CHECK(status == LOCK_SYNC_E_GUARD || status == LOCK_SYNC_E_TOO_SOON);
        if (promoted_ms == 0 && redis_server_is_master(h->replica))
            promoted_ms = kit_now_ms();
        (void)usleep(10000);
    } while (status != LOCK_SYNC_E_TOO_SOON && kit_now_ms() < end_ms);
    CHECK_INT(status, LOCK_SYNC_E_TOO_SOON);
    return kit_now_ms() - promoted_ms;
}

static bool know_the_promotion(void *user)
{
    const house *h = user;

    return sentinels_master(h->sentinels) == redis_server_port(h->replica);
}

TEST(a_guard_decides_again_when_a_killed_master_is_replaced)
{
    house h = house_here();
    lock_sync_guard *g = user_of(&h, "", "");

    use_slot(g);
    redis_server_kill(h.master);
    CHECK_BETWEEN(ask_through_failover(&h, g), 0, 10000);
    check_closed(g, 10000); /* the promotion is a loss */
    CHECK(kit_wait(know_the_promotion, &h, KIT_PATIENCE_MS));
    redis_server_age(h.replica, "k", LOSS_MS + INTERVAL_MS + WINDOW_MS);
    use_slot(g);
    redis_server_start(h.master); /* it believes to be a master, until the sentinels make it a replica */
    use_slot(user_of(&h, "", ""));
}

TEST(a_429_outlives_the_master)
{
    house h = house_here();
    lock_sync_guard *g = user_of(&h, "", "");
    int64_t slot = redis_slot(g, 1000, 5000);

    CHECK_OK(lock_sync_guard_settle(g, slot, LOCK_SYNC_SLOT_LIMITED, 3600000));
    redis_server_kill(h.master);
    CHECK_BETWEEN(ask_through_failover(&h, g), 0, 10000);
    CHECK_BETWEEN(redis_wait_ms(g), 3540000, 3600000 + WINDOW_MS);
    CHECK_BETWEEN(redis_wait_ms(user_of(&h, "", "")), 3540000, 3600000 + WINDOW_MS);
}

/* --- fake sentinels --- */

/* Returns the reply with an address, which a fake sentinel sends to the first command. */
static const char *says_port(int number)
{
    char port[8];

    (void)snprintf(port, sizeof port, "%d", number);
    return t_later(free, kit_text("*2\r\n$9\r\n127.0.0.1\r\n$%zu\r\n%s\r\n", strlen(port), port));
}

static const char *says(const redis_server *s)
{
    return says_port(redis_server_port(s));
}

static const char *fake_url(const char *const *scripts)
{
    const impostor *i = impostor_here((impostor){.scripts = scripts});

    return t_later(free, kit_text("redis+sentinel://127.0.0.1:%d/mymaster", i->port));
}

/* An open connection to a master that becomes a replica: nobody closes it. */
TEST(a_demoted_master_is_left)
{
    redis_server *a = redis_here(kept_on_disk);
    redis_server *b = redis_here(kept_on_disk);
    const char *const scripts[] = {says(a), says(b), NULL};
    lock_sync_guard *g = redis_user(fake_url(scripts), INTERVAL_MS);

    redis_server_settle_in(a, "k");
    use_slot(g);
    freeReplyObject(redis_server_ask(a, "REPLICAOF 127.0.0.1 %d", redis_server_port(b)));
    check_closed(g, 2000);
    CHECK_INT(redis_server_number(b, "EXISTS k"), 1);
}

/* A replica that INFO still reports as a master. */
TEST(a_server_that_is_read_only_is_left)
{
    static const char *const read_only[] = {ROLE NO_KEY "-READONLY You can't write\r\n" ROLE, NULL};
    const impostor *replica = impostor_here((impostor){.scripts = read_only});
    redis_server *master = redis_here(NULL);
    const char *const scripts[] = {says_port(replica->port), says(master), NULL};
    lock_sync_guard *g = redis_user(fake_url(scripts), INTERVAL_MS);

    redis_server_settle_in(master, "k");
    use_slot(g); /* the server's error has closed the connection */
    CHECK_INT(replica->connections, 1);
}

TEST(a_wrong_sentinel_is_not_believed)
{
    redis_server *master = redis_here(NULL);
    redis_server *replica = redis_replica_here(master);
    const char *const names_replica[] = {says(replica), says(replica), NULL};
    const char *const wrong[] = {"*1\r\n$1\r\na\r\n", "*2\r\n$9\r\nlocalhost\r\n$5\r\n99999\r\n", NULL};
    lock_sync_guard *g = redis_user(fake_url(names_replica), INTERVAL_MS);

    for (int i = 0; i < 2; i++)
        check_redis_fails(g, 1000, "the sentinel names this server, but it is not the master");
    g = redis_user(fake_url(wrong), INTERVAL_MS);
    for (int i = 0; i < 2; i++)
        check_redis_fails(g, 1000, "the sentinel's reply is no address");
}

/* Each sentinel and the master get their share of the second. */
TEST(silent_sentinels_leave_time_for_the_others)
{
    redis_server *s = redis_here(NULL);
    const impostor *silent = impostor_here((impostor){.says = NULL});
    const char *const scripts[] = {says(s), NULL};
    const impostor *good = impostor_here((impostor){.scripts = scripts});
    char *both = kit_text("redis+sentinel://127.0.0.1:%d,127.0.0.1:%d/m", silent->port, silent->port);
    char *three = kit_text("redis+sentinel://127.0.0.1:%d,127.0.0.1:%d,127.0.0.1:%d/m", silent->port, silent->port,
                           good->port);

    redis_server_settle_in(s, "k");
    check_redis_fails(redis_user(t_later(free, both), 1), 1200, "no reply: Connection timed out");
    use_slot(redis_user(t_later(free, three), 1));
}
