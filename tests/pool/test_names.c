/* Names, and what stalls before a connection exists. No other account is delayed, and a name is looked up once.
   support/interpose.c is the resolver. */
#include "stage.h"

#include "../support/interpose.h"
#include "../support/pems.h"

#define MANY 50
#define STALL_MS (1000 * kit_slack()) /* deadline of those that stall */

static int clear(void **user)
{
    int wrong;

    resolver_set_address(NULL);
    resolver_prompt(NULL);
    resolver_release();
    wrong = stage_clear(user);
    kit_wait_for_one_thread();
    return wrong;
}

#define TEST_OF_NAMES(name) TEST_IN(name, NULL, clear)

static const char *named_url(const raw_server *server)
{
    return stage_text("http://service.test:%u", raw_port(server));
}

TEST_OF_NAMES(fifty_accounts_of_a_name_look_it_up_once)
{
    lock_sync_pool *p = stage_pool();
    account *all = stage_accounts(MANY, named_url(stage_server(NULL, 0)));
    size_t before = resolver_calls();
    size_t threads = kit_threads();

    resolver_set_address("127.0.0.1");
    resolver_stall();
    accounts_submit(all, MANY, p);
    pool_run_until(p, resolver_is_stalling, NULL);
    (void)pool_run_for(p, 100);
    MUST_INT(resolver_calls(), before + 1);
    MUST(kit_threads() <= threads + 2); /* one thread for each family, or one for both */
    resolver_release();
    pool_run_all(p);
    expect_ends(all, MANY, LOCK_SYNC_OK);
    MUST_INT(resolver_calls(), before + 1);
}

TEST_OF_NAMES(a_stalled_resolver_delays_no_other_account)
{
    lock_sync_pool *p = stage_pool();
    account *stalled = stage_accounts(4, "https://service.test");
    account *all = stage_accounts(MANY, raw_url(stage_server(NULL, 0)));
    int64_t began;

    resolver_stall();
    for (size_t i = 0; i < 4; i++)
        MUST_OK(lock_sync_set_timeout_ms(stalled[i].ctx, STALL_MS));
    began = kit_now_ms();
    accounts_submit(stalled, 4, p);
    accounts_submit(all, MANY, p);
    while (lock_sync_pool_pending(p) > 0) {
        int64_t entered = kit_now_ms();

        (void)pool_step(p, 5);
        MUST(kit_now_ms() - entered < STALL_MS / 2);
    }
    expect_ends(all, MANY, LOCK_SYNC_OK);
    for (size_t i = 0; i < MANY; i++)
        MUST(all[i].ended_ms - began < STALL_MS * 9 / 10);
    expect_ends(stalled, 4, LOCK_SYNC_E_TIMEOUT);
    for (size_t i = 0; i < 4; i++)
        MUST_BETWEEN(stalled[i].ended_ms - began, STALL_MS - 2, 2 * STALL_MS);
}

/* libcurl 8.20 and newer make 20 look-ups at once by default; the others would wait. */
TEST_OF_NAMES(many_stalled_names_delay_no_other_name)
{
    lock_sync_pool *p = stage_pool();
    account *stalled = stage_accounts(MANY, DEAD_URL);
    account *good = stage_account(named_url(stage_server(NULL, 0)));
    int64_t began;

    resolver_set_address("127.0.0.1");
    resolver_prompt("service.test");
    resolver_stall();
    for (size_t i = 0; i < MANY; i++)
        MUST_OK(lock_sync_set_base_url(stalled[i].ctx, stage_text("https://stalled-%zu.test", i)));
    accounts_submit(stalled, MANY, p);
    pool_run_until(p, resolver_is_stalling, NULL);
    (void)pool_run_for(p, 100);
    began = kit_now_ms();
    account_submit(good, p);
    pool_run_account(good);
    expect_end(good, LOCK_SYNC_OK);
    MUST(good->ended_ms - began < 5000); /* the stalled ones have 30 s */
}

/* The IPv4 addresses arrive and the IPv6 ones do not, as behind a firewall that drops what it does not know. */
TEST_OF_NAMES(stalled_addresses_of_one_family_delay_no_fetch)
{
    lock_sync_pool *p = stage_pool();
    account *all = stage_accounts(MANY, named_url(stage_server(NULL, 0)));
    int64_t began = kit_now_ms();

    resolver_set_address("127.0.0.1");
    resolver_stall_other_family();
    accounts_submit(all, MANY, p);
    pool_run_all(p);
    expect_ends(all, MANY, LOCK_SYNC_OK);
    for (size_t i = 0; i < MANY; i++)
        MUST(all[i].ended_ms - began < 1000 * kit_slack());
}

/* The leader is cancelled or freed: the next becomes the leader. */
TEST_OF_NAMES(another_fetch_becomes_the_leader_when_the_first_ends)
{
    for (int freed = 0; freed < 2; freed++) {
        const char *url = named_url(stage_server(NULL, 0));
        lock_sync_pool *p = stage_pool();
        account *first = stage_account(url);
        account *all = stage_accounts(MANY, url);

        resolver_set_address("127.0.0.1");
        resolver_stall();
        account_submit(first, p);
        accounts_submit(all, MANY, p);
        pool_run_until(p, resolver_is_stalling, NULL);
        if (freed)
            account_free(first);
        else
            lock_sync_cancel(first->ctx);
        pool_run_account(first);
        expect_end(first, LOCK_SYNC_E_CANCELLED);
        (void)pool_run_for(p, 20);
        resolver_release();
        pool_run_all(p);
        expect_ends(all, MANY, LOCK_SYNC_OK);
        (void)stage_clear(NULL);
    }
}

/* The first connection hangs in the TLS handshake; later ones do not. */
TEST_OF_NAMES(a_leader_that_hangs_delays_the_others_by_a_second)
{
    const char *const arguments[] = {"--static", "--tls-cert", pems->good, "--tls-key", pems->key, NULL};
    static const raw_step silent[] = {RAW_WAIT_FOR_CLOSE, RAW_END};
    static raw_step relay[] = {RAW_RELAY(0), RAW_END};
    static const raw_step *const scripts[] = {silent, relay, relay, relay, relay, relay, relay, relay};
    sim *service = stage_sim(arguments);
    raw_server *way = stage_server(scripts, COUNT_OF(scripts));
    lock_sync_pool *p = stage_pool();
    account *all = stage_secure_accounts(6, stage_text("https://service.test:%u", raw_port(way)));
    int64_t began = kit_now_ms();

    relay[0].number = sim_port(service);
    resolver_set_address("127.0.0.1");
    accounts_submit(all, 6, p);
    for (size_t i = 1; i < 6; i++) {
        pool_run_account(&all[i]);
        expect_end(&all[i], LOCK_SYNC_OK);
        MUST_BETWEEN(all[i].ended_ms - began, 900, 3000 * kit_slack());
    }
    expect_pending(&all[0]);
}

static void close_full_port(void *port)
{
    raw_full_port_close(port);
}

/* libcurl 7.88 closes the socket of an unfinished connection without reporting it. The resolver's socket gets its
   number. The pool must still wait for the look-up, and no other account is delayed. */
TEST_OF_NAMES(a_look_up_may_reuse_the_number_of_a_closed_socket)
{
    static const raw_step held[] = {RAW_READ_REQUEST, RAW_HOLD, RAW_RESPOND, RAW_END};
    static const raw_step *const scripts[] = {held};
    static raw_full_port full;
    raw_server *server = stage_server(scripts, 1);
    const char *const names[] = {"first", "second"}; /* two, because libcurl 8.23 remembers a name that was not found */
    lock_sync_pool *p = stage_pool();
    account *other = stage_account(raw_url(server));
    account *named = stage_account(DEAD_URL);
    account *connecting;

    full = raw_full_port_open();
    stage_later(close_full_port, &full);
    connecting = stage_account(full.url);
    account_submit(connecting, p); /* first, so that its socket has the lowest number */
    pool_run_until(p, raw_full_port_is_tried, &full);
    account_submit(other, p);
    pool_run_until(p, server_is_asked, server);
    lock_sync_cancel(connecting->ctx);
    pool_run_account(connecting);
    expect_end(connecting, LOCK_SYNC_E_CANCELLED);
    for (int i = 0; i < 2; i++) { /* the next look-up reuses the number of the first */
        resolver_set_address(i == 0 ? NULL : "127.0.0.1");
        MUST_OK(lock_sync_set_base_url(named->ctx, stage_text("http://%s.test:%u", names[i], raw_port(server))));
        resolver_stall();
        account_submit(named, p);
        pool_run_until(p, resolver_is_stalling, NULL);
        (void)pool_run_for(p, 20);
        resolver_release();
        pool_run_account(named);
        expect_end(named, i == 0 ? LOCK_SYNC_E_RESOLVE : LOCK_SYNC_OK);
        expect_pending(other);
    }
    raw_release(server);
    pool_run_account(other);
    expect_end(other, LOCK_SYNC_OK);
}

int main(void)
{
    return t_run_all_in(pems_make, pems_free);
}
