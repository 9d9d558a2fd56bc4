/* HTTP/2 over TLS: many accounts share few connections, and each gets its own answer, also while others are cancelled
   and the server closes connections now and then. */
#include "accounts.h"

#include "../support/certs.h"
#include "../support/key_nginx.h"
#include "../support/nginx.h"

#include <stdlib.h>

#define ACCOUNTS 200
#define ROUNDS 25
#define REQUESTS 50000 /* of the proof that nothing is mixed up; a tenth under sanitizers and valgrind */

static account all[ACCOUNTS];
static certs *pems;

static int begin(void **user)
{
    (void)user;
    pems = nginx_exists() ? certs_make() : NULL;
    return 0;
}

static int end(void **user)
{
    (void)user;
    if (pems != NULL)
        certs_free(pems);
    return 0;
}

static key_nginx *start(unsigned requests_each)
{
    key_nginx *n = key_nginx_start(pems->good, pems->key, KEY_NGINX_ONE_LOCK, requests_each);

    for (size_t i = 0; i < ACCOUNTS; i++) {
        char *key = kit_text("key-%zu", 1000 + i);

        all[i] = account_with_key(key_nginx_url(n), key);
        MUST_OK(lock_sync_set_ca_file(all[i].ctx, pems->ca));
        free(key);
    }
    return n;
}

static void finish(key_nginx *n, lock_sync_pool *p)
{
    accounts_free(all, ACCOUNTS);
    pool_end(p);
    key_nginx_stop(n);
    MUST_INT(stray_callbacks(), 0);
}

TEST(accounts_share_connections_and_each_gets_its_own_answer)
{
    const size_t requests = kit_slack() > 1 ? REQUESTS / 10 : REQUESTS;
    lock_sync_pool *p;
    key_nginx_seen seen;
    key_nginx *n;

    if (pems == NULL)
        skip();
    p = pool_make();
    n = start(1000000);
    for (size_t done = 0; done < requests; done += ACCOUNTS) {
        accounts_submit(all, ACCOUNTS, p);
        pool_run_all(p);
        for (size_t i = 0; i < ACCOUNTS; i++) {
            expect_end(&all[i], LOCK_SYNC_OK);
            MUST_INT(all[i].first_id, 1000 + i);
        }
    }
    seen = key_nginx_look(n, requests);
    MUST_INT(seen.requests, requests);
    MUST_INT(seen.other_protocol, 0);
    if (seen.connections > 4)
        fail_msg("%zu connections", seen.connections);
    finish(n, p);
}

/* nginx takes 128 requests on a connection at once; the second one is opened by one of those that found no room. */
TEST(more_than_a_connection_carries_open_only_what_they_need)
{
    lock_sync_pool *p;
    key_nginx_seen seen;
    key_nginx *n;

    if (pems == NULL)
        skip();
    p = pool_make();
    n = start(1000000);
    MUST_OK(lock_sync_pool_set_max_active(p, ACCOUNTS));
    for (int round = 0; round < 5; round++) {
        accounts_submit(all, ACCOUNTS, p);
        pool_run_all(p);
    }
    seen = key_nginx_look(n, ACCOUNTS * 5);
    if (seen.connections > 3)
        fail_msg("%zu connections", seen.connections);
    finish(n, p);
}

/* Paths of one server share its connections, and so their turns. */
TEST(base_urls_of_one_server_take_turns)
{
    lock_sync_pool *p;
    key_nginx *n;

    if (pems == NULL)
        skip();
    p = pool_make();
    n = start(1000000);
    for (size_t i = 0; i < ACCOUNTS; i++) {
        char *url = kit_text("%s/%s", key_nginx_url(n), i % 2 == 0 ? "one" : "other");

        MUST_OK(lock_sync_set_base_url(all[i].ctx, url));
        free(url);
    }
    MUST_OK(lock_sync_pool_set_max_active(p, 10));
    accounts_submit(all, ACCOUNTS, p);
    pool_run_all(p);
    for (size_t i = 2; i < ACCOUNTS; i++) { /* those of a turn end in any order */
        expect_end(&all[i], LOCK_SYNC_OK);
        if (all[i].order > all[0].order + i + ACCOUNTS / 4)
            fail_msg("account %zu came as number %zu, the first as %zu", i, all[i].order, all[0].order);
    }
    finish(n, p);
}

TEST(cancels_on_shared_connections_disturb_no_other)
{
    uint64_t random = 88172645463325252u;
    lock_sync_pool *p;
    key_nginx *n;

    if (pems == NULL)
        skip();
    p = pool_make();
    n = start(1000000);
    for (int round = 0; round < ROUNDS; round++) {
        accounts_submit(all, ACCOUNTS, p);
        for (int step = 0; step < 3; step++) {
            (void)pool_wait(p, 1);
            for (size_t i = step == 0 ? 0 : (size_t)step; i < ACCOUNTS; i += 5) {
                random ^= random << 13, random ^= random >> 7, random ^= random << 17;
                if (i % 2 == 1 && random % 3 == 0)
                    lock_sync_cancel(all[i].ctx);
            }
        }
        pool_run_all(p);
        for (size_t i = 0; i < ACCOUNTS; i++) {
            if (i % 2 == 0 || all[i].status != LOCK_SYNC_E_CANCELLED) {
                expect_end(&all[i], LOCK_SYNC_OK);
                MUST_INT(all[i].first_id, 1000 + i);
            }
        }
    }
    finish(n, p);
}

/* After 37 requests nginx closes the connection. A fetch may fail then, but gets no other's answer, and is not sent
   more than twice; most are good. */
TEST(a_server_that_closes_connections_mixes_nothing_up)
{
    lock_sync_pool *p;
    size_t failed = 0;
    key_nginx_seen seen;
    key_nginx *n;

    if (pems == NULL)
        skip();
    p = pool_make();
    n = start(37);
    for (int round = 0; round < 5; round++) {
        accounts_submit(all, ACCOUNTS, p);
        pool_run_all(p);
        for (size_t i = 0; i < ACCOUNTS; i++) {
            if (all[i].status == LOCK_SYNC_OK)
                MUST_INT(all[i].first_id, 1000 + i);
            else
                expect_end(&all[i], LOCK_SYNC_E_NETWORK);
            if (all[i].status != LOCK_SYNC_OK && failed++ < 3)
                print_error("%s\n", all[i].message);
        }
    }
    seen = key_nginx_look(n, ACCOUNTS * 5 - failed);
    MUST(seen.requests <= ACCOUNTS * 5);
    if (failed > ACCOUNTS * 5 / 10) /* one repeat is allowed: whoever meets two closed connections in a row fails */
        fail_msg("%zu of %d fetches failed", failed, ACCOUNTS * 5);
    finish(n, p);
}

/* All that connections carry is on its way before the server looks at it: of that it takes what is left of its number,
   and refuses the rest, time and again. */
static void fetch_at_once(size_t count, int rounds, unsigned requests_each)
{
    lock_sync_pool *p = pool_make();
    key_nginx *n = start(requests_each);
    size_t submits = 1;

    MUST_OK(lock_sync_pool_set_max_active(p, ACCOUNTS));
    accounts_submit(all, 1, p);
    pool_run_all(p);
    for (int round = 0; round < rounds; round++, submits += count) {
        key_nginx_pause(n);
        accounts_submit(all, count, p);
        while (pool_is_readable(p, 0))
            MUST_OK(pool_dispatch(p));
        key_nginx_go_on(n);
        pool_run_all(p);
        for (size_t i = 0; i < count; i++) {
            expect_end(&all[i], LOCK_SYNC_OK);
            MUST_INT(all[i].first_id, 1000 + i);
        }
    }
    MUST_INT(key_nginx_look(n, submits).requests, submits);
    finish(n, p);
}

TEST(what_a_closing_server_refuses_is_repeated_once)
{
    if (pems == NULL)
        skip();
    fetch_at_once(ACCOUNTS, 3, 37);
}

/* More often than libcurl before 8.17 repeats anything on one handle. */
TEST(repeats_of_fetches_before_do_not_count)
{
    if (pems == NULL)
        skip();
    fetch_at_once(2, 20, 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(accounts_share_connections_and_each_gets_its_own_answer),
        T(more_than_a_connection_carries_open_only_what_they_need),
        T(base_urls_of_one_server_take_turns),
        T(cancels_on_shared_connections_disturb_no_other),
        T(a_server_that_closes_connections_mixes_nothing_up),
        T(what_a_closing_server_refuses_is_repeated_once),
        T(repeats_of_fetches_before_do_not_count),
    };

    return T_MAIN_IN(tests, begin, end);
}
