/* HTTP/2 over TLS: many accounts share few connections, and each gets its own response. That must hold while others
   are cancelled and while the server closes connections. */
#include "stage.h"

#include "../support/nginx.h"
#include "../support/pems.h"
#include "../support/t_random.h"

#define ACCOUNTS 200
#define ROUNDS 25
#define REQUESTS 50000    /* so many prove that nothing is mixed up; a tenth under sanitizers and valgrind */
#define UNLIMITED 1000000 /* requests on one connection: no limit in practice */

typedef struct scene {
    nginx *nginx;
    lock_sync_pool *pool;
    account *all; /* each has its own key */
} scene;

static void stop_nginx(void *n)
{
    nginx_stop(n);
}

/* Makes a scene whose nginx closes a connection after `requests_each` requests. */
static scene scene_make(unsigned requests_each)
{
    scene s = {0};

    t_need(nginx_exists(), NO_NGINX);
    s.nginx = nginx_start_for_keys(pems->good, pems->key, NGINX_ONE_LOCK, requests_each);
    stage_later(stop_nginx, s.nginx);
    s.pool = stage_pool();
    s.all = stage_secure_accounts(ACCOUNTS, nginx_url(s.nginx));
    for (size_t i = 0; i < ACCOUNTS; i++)
        account_set_number(&s.all[i], 1000 + i);
    return s;
}

static void expect_own_response(const scene *s, size_t i)
{
    expect_end(&s->all[i], LOCK_SYNC_OK);
    MUST_INT(s->all[i].first_id, 1000 + i);
}

/* Checks that each account got its own response, or lost its connection. Returns how many lost it. */
static size_t expect_own_or_none(const scene *s, size_t count)
{
    size_t failed = 0;

    for (size_t i = 0; i < count; i++)
        if (s->all[i].status == LOCK_SYNC_OK) {
            expect_own_response(s, i);
        } else {
            expect_end(&s->all[i], LOCK_SYNC_E_NETWORK);
            failed++;
        }
    return failed;
}

static void expect_own_responses(const scene *s, size_t count)
{
    accounts_submit(s->all, count, s->pool);
    pool_run_all(s->pool);
    for (size_t i = 0; i < count; i++)
        expect_own_response(s, i);
}

TEST_ON_STAGE(accounts_share_connections_and_each_gets_its_own_response)
{
    const size_t requests = kit_slack() > 1 ? REQUESTS / 10 : REQUESTS;
    scene s = scene_make(UNLIMITED);
    nginx_seen seen;

    for (size_t done = 0; done < requests; done += ACCOUNTS)
        expect_own_responses(&s, ACCOUNTS);
    seen = nginx_look(s.nginx, requests);
    MUST_INT(seen.requests, requests);
    MUST_INT(seen.other_protocol, 0);
    MUST_BETWEEN(seen.connections, 1, 4);
}

/* nginx accepts 128 requests on a connection at once; a fetch beyond that opens the second connection. */
TEST_ON_STAGE(fetches_beyond_one_connection_open_only_the_connections_they_need)
{
    scene s = scene_make(UNLIMITED);

    MUST_OK(lock_sync_pool_set_max_active(s.pool, ACCOUNTS));
    for (int round = 0; round < 5; round++)
        expect_own_responses(&s, ACCOUNTS);
    MUST_BETWEEN(nginx_look(s.nginx, ACCOUNTS * 5).connections, 1, 3);
}

TEST_ON_STAGE(cancels_on_shared_connections_disturb_no_other)
{
    uint64_t random = 1;
    scene s = scene_make(UNLIMITED);

    for (int round = 0; round < ROUNDS; round++) {
        accounts_submit(s.all, ACCOUNTS, s.pool);
        for (size_t step = 0; step < 3; step++) {
            (void)pool_wait(s.pool, 1);
            for (size_t i = step; i < ACCOUNTS; i += 5)
                if (i % 2 == 1 && t_random(&random) % 3 == 0)
                    lock_sync_cancel(s.all[i].ctx);
        }
        pool_run_all(s.pool);
        for (size_t i = 0; i < ACCOUNTS; i++)
            if (i % 2 == 0 || s.all[i].status != LOCK_SYNC_E_CANCELLED)
                expect_own_response(&s, i);
    }
}

/* A fetch may fail when nginx closes its connection. It must not get another's response, and is sent at most twice;
   most succeed. */
TEST_ON_STAGE(responses_are_not_mixed_up_if_a_server_closes_connections)
{
    scene s = scene_make(37);
    size_t failed = 0;

    for (int round = 0; round < 5; round++) {
        accounts_submit(s.all, ACCOUNTS, s.pool);
        pool_run_all(s.pool);
        failed += expect_own_or_none(&s, ACCOUNTS);
    }
    MUST(nginx_look(s.nginx, ACCOUNTS * 5 - failed).requests <= ACCOUNTS * 5);
    MUST(failed <= ACCOUNTS * 5 / 10); /* a fetch is retried once, and may meet a closed connection both times */
}

/* Sends all requests before nginx reads them, which accepts what is left of its number, and refuses the rest, again and
   again. */
static void fetch_at_once(size_t count, int rounds, unsigned requests_each)
{
    scene s = scene_make(requests_each);
    size_t submits = 1;
    size_t failed = 0;

    MUST_OK(lock_sync_pool_set_max_active(s.pool, ACCOUNTS));
    expect_own_responses(&s, 1);
    for (int round = 0; round < rounds; round++, submits += count) {
        nginx_pause(s.nginx);
        accounts_submit(s.all, count, s.pool);
        while (pool_is_readable(s.pool, 0))
            MUST_OK(pool_dispatch(s.pool));
        nginx_go_on(s.nginx);
        pool_run_all(s.pool);
        failed += expect_own_or_none(&s, count);
    }
    MUST(nginx_look(s.nginx, submits - failed).requests <= submits);
    MUST(failed <= submits / 20); /* a retry is refused too if its connection happens to end */
}

TEST_ON_STAGE(requests_that_a_closing_server_refuses_are_retried_once)
{
    fetch_at_once(ACCOUNTS, 3, 37);
}

/* More retries than libcurl before 8.17 allows on one handle. */
TEST_ON_STAGE(retries_of_earlier_fetches_do_not_count)
{
    fetch_at_once(2, 20, 2);
}

int main(void)
{
    return t_run_all_in(pems_make, pems_free);
}
