/* Names: a resolver that stalls delays no other account, and until a name is known it is asked for once.
   support/interpose.c is the resolver. */
#include "accounts.h"

#include "../support/interpose.h"

#include <stdlib.h>
#include <string.h>

#define MANY 50

static account all[MANY];

static int end(void **user)
{
    (void)user;
    resolver_answer(NULL);
    resolver_release();
    kit_wait_for_one_thread();
    return 0;
}

TEST(fifty_accounts_of_a_name_look_it_up_once)
{
    raw_server *server = raw_start(AF_INET, NULL, 0);
    char *url = kit_text("http://service.test:%u", raw_port(server));
    lock_sync_pool *p = pool_make();
    size_t before = resolver_calls();
    size_t threads;

    resolver_answer("127.0.0.1");
    resolver_stall();
    accounts_make(all, MANY, url);
    threads = kit_threads();
    accounts_submit(all, MANY, p);
    MUST(pool_run(p, resolver_is_stalling, NULL, KIT_PATIENCE_MS));
    (void)pool_run_for(p, 100);
    MUST_INT(resolver_calls(), before + 1);
    MUST(kit_threads() <= threads + 2); /* one for each family, or for both */
    resolver_release();
    pool_run_all(p);
    for (size_t i = 0; i < MANY; i++)
        expect_end(&all[i], LOCK_SYNC_OK);
    MUST_INT(resolver_calls(), before + 1);
    accounts_free(all, MANY);
    pool_end(p);
    raw_stop(server);
    free(url);
}

TEST(a_stalled_resolver_delays_no_other_account)
{
    raw_server *server = raw_start(AF_INET, NULL, 0);
    lock_sync_pool *p = pool_make();
    account stalled[4];
    int64_t began;

    resolver_stall();
    accounts_make(stalled, 4, "https://service.test");
    accounts_make(all, MANY, raw_url(server));
    for (size_t i = 0; i < 4; i++)
        MUST_OK(lock_sync_set_timeout_ms(stalled[i].ctx, 500 * kit_slack()));
    began = kit_now_ms();
    accounts_submit(stalled, 4, p);
    accounts_submit(all, MANY, p);
    while (lock_sync_pool_pending(p) > 0) {
        int64_t entered = kit_now_ms();

        (void)pool_step(p, 5);
        MUST(kit_now_ms() - entered < 50 * kit_slack());
    }
    for (size_t i = 0; i < MANY; i++) {
        expect_end(&all[i], LOCK_SYNC_OK);
        MUST(all[i].ended_ms - began < 300 * kit_slack());
    }
    for (size_t i = 0; i < 4; i++) {
        expect_end(&stalled[i], LOCK_SYNC_E_TIMEOUT);
        MUST_BETWEEN(stalled[i].ended_ms - began, 500 * kit_slack() - 2, 700 * kit_slack());
    }
    accounts_free(all, MANY);
    accounts_free(stalled, 4);
    pool_end(p);
    raw_stop(server);
}

TEST(a_name_that_fails_fails_each)
{
    raw_server *server = raw_start(AF_INET, NULL, 0);
    lock_sync_pool *p = pool_make();
    account good = account_new(raw_url(server));

    accounts_make(all, MANY, "https://nowhere.test");
    accounts_submit(all, MANY, p);
    account_submit(&good, p);
    pool_run_all(p);
    for (size_t i = 0; i < MANY; i++) {
        expect_end(&all[i], LOCK_SYNC_E_RESOLVE);
        MUST(strstr(all[i].message, "nowhere.test") != NULL);
    }
    expect_end(&good, LOCK_SYNC_OK);
    accounts_free(all, MANY);
    account_free(&good);
    pool_end(p);
    raw_stop(server);
}

/* The one that looks up for all is cancelled, or freed: the next goes ahead. */
TEST(another_goes_ahead_when_the_first_ends)
{
    for (int freed = 0; freed < 2; freed++) {
        raw_server *server = raw_start(AF_INET, NULL, 0);
        char *url = kit_text("http://service.test:%u", raw_port(server));
        lock_sync_pool *p = pool_make();
        account first = account_new(url);

        resolver_answer("127.0.0.1");
        resolver_stall();
        accounts_make(all, MANY, url);
        account_submit(&first, p);
        accounts_submit(all, MANY, p);
        MUST(pool_run(p, resolver_is_stalling, NULL, KIT_PATIENCE_MS));
        if (freed)
            account_free(&first);
        else
            lock_sync_cancel(first.ctx);
        pool_run_account(&first);
        expect_end(&first, LOCK_SYNC_E_CANCELLED);
        (void)pool_run_for(p, 20);
        resolver_release();
        pool_run_all(p);
        for (size_t i = 0; i < MANY; i++)
            expect_end(&all[i], LOCK_SYNC_OK);
        account_free(&first);
        accounts_free(all, MANY);
        pool_end(p);
        raw_stop(server);
        free(url);
    }
}

/* libcurl 7.88 closes the socket of a connection that has not come about without a word. The resolver's own gets its
   number: the look-up is waited for, and no other account is disturbed. */
TEST(a_look_up_may_have_the_number_of_a_socket_that_was_closed)
{
    static const raw_step held[] = {RAW_READ_REQUEST, RAW_HOLD, RAW_ANSWER, RAW_END};
    static const raw_step *const scripts[] = {held};
    raw_server *server = raw_start(AF_INET, scripts, 1);
    raw_full_port full = raw_full_port_open();
    char *urls[2] = {kit_text("http://first.test:%u", raw_port(server)), /* libcurl 8.23 remembers what was not found */
                     kit_text("http://second.test:%u", raw_port(server))};
    lock_sync_pool *p = pool_make();
    account other = account_new(raw_url(server));
    account connecting = account_new(full.url);
    account named = account_new(urls[0]);

    account_submit(&connecting, p); /* first: its socket has the lowest number */
    MUST(pool_run(p, raw_full_port_is_tried, &full, KIT_PATIENCE_MS));
    account_submit(&other, p);
    (void)pool_run_for(p, 20);
    raw_wait_requests(server, 1);
    for (int i = 0; i < 2; i++) { /* one look-up's number is the next one's */
        if (i == 0) {
            lock_sync_cancel(connecting.ctx);
            pool_run_account(&connecting);
            expect_end(&connecting, LOCK_SYNC_E_CANCELLED);
        }
        resolver_answer(i == 0 ? NULL : "127.0.0.1");
        MUST_OK(lock_sync_set_base_url(named.ctx, urls[i]));
        resolver_stall();
        account_submit(&named, p);
        MUST(pool_run(p, resolver_is_stalling, NULL, KIT_PATIENCE_MS));
        (void)pool_run_for(p, 20);
        resolver_release();
        pool_run_account(&named);
        expect_end(&named, i == 0 ? LOCK_SYNC_E_RESOLVE : LOCK_SYNC_OK);
        expect_pending(&other);
    }
    raw_release(server);
    pool_run_account(&other);
    expect_end(&other, LOCK_SYNC_OK);
    account_free(&other);
    account_free(&connecting);
    account_free(&named);
    pool_end(p);
    raw_full_port_close(&full);
    raw_stop(server);
    free(urls[0]);
    free(urls[1]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        T_IN(fifty_accounts_of_a_name_look_it_up_once, NULL, end),
        T_IN(a_stalled_resolver_delays_no_other_account, NULL, end),
        T_IN(a_name_that_fails_fails_each, NULL, end),
        T_IN(another_goes_ahead_when_the_first_ends, NULL, end),
        T_IN(a_look_up_may_have_the_number_of_a_socket_that_was_closed, NULL, end),
    };

    return T_MAIN(tests);
}
