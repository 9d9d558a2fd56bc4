/* HTTP/2 over TLS: many accounts share few connections, and each gets its own answer, also while others are cancelled
   and the server closes connections now and then. */
#include "stage.h"

#include "../support/nginx.h"
#include "../support/pems.h"
#include "../support/t_random.h"

#define ACCOUNTS 200
#define ROUNDS 25
#define REQUESTS 50000 /* of the proof that nothing is mixed up; a tenth under sanitizers and valgrind */
#define EVER 1000000   /* requests on a connection */

typedef struct scene {
    nginx *nginx;
    lock_sync_pool *pool;
    account *all; /* each with a key of its own */
} scene;

static void stop_nginx(void *n)
{
    nginx_stop(n);
}

/* `requests_each`: after so many nginx closes a connection. */
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

static void expect_own_answer(const scene *s, size_t i)
{
    expect_end(&s->all[i], LOCK_SYNC_OK);
    MUST_INT(s->all[i].first_id, 1000 + i);
}

static void expect_own_answers(const scene *s, size_t count)
{
    accounts_submit(s->all, count, s->pool);
    pool_run_all(s->pool);
    for (size_t i = 0; i < count; i++)
        expect_own_answer(s, i);
}

TEST_ON_STAGE(accounts_share_connections_and_each_gets_its_own_answer)
{
    const size_t requests = kit_slack() > 1 ? REQUESTS / 10 : REQUESTS;
    scene s = scene_make(EVER);
    nginx_seen seen;

    for (size_t done = 0; done < requests; done += ACCOUNTS)
        expect_own_answers(&s, ACCOUNTS);
    seen = nginx_look(s.nginx, requests);
    MUST_INT(seen.requests, requests);
    MUST_INT(seen.other_protocol, 0);
    MUST_BETWEEN(seen.connections, 1, 4);
}

/* nginx takes 128 requests on a connection at once; the second one is opened by one of those that found no room. */
TEST_ON_STAGE(more_than_a_connection_carries_open_only_what_they_need)
{
    scene s = scene_make(EVER);

    MUST_OK(lock_sync_pool_set_max_active(s.pool, ACCOUNTS));
    for (int round = 0; round < 5; round++)
        expect_own_answers(&s, ACCOUNTS);
    MUST_BETWEEN(nginx_look(s.nginx, ACCOUNTS * 5).connections, 1, 3);
}

TEST_ON_STAGE(cancels_on_shared_connections_disturb_no_other)
{
    uint64_t random = 1;
    scene s = scene_make(EVER);

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
                expect_own_answer(&s, i);
    }
}

/* A fetch may fail when nginx closes its connection, but gets no other's answer, and is not sent more than twice; most
   are good. */
TEST_ON_STAGE(a_server_that_closes_connections_mixes_nothing_up)
{
    scene s = scene_make(37);
    size_t failed = 0;

    for (int round = 0; round < 5; round++) {
        accounts_submit(s.all, ACCOUNTS, s.pool);
        pool_run_all(s.pool);
        for (size_t i = 0; i < ACCOUNTS; i++) {
            if (s.all[i].status == LOCK_SYNC_OK) {
                expect_own_answer(&s, i);
                continue;
            }
            expect_end(&s.all[i], LOCK_SYNC_E_NETWORK);
            failed++;
        }
    }
    MUST(nginx_look(s.nginx, ACCOUNTS * 5 - failed).requests <= ACCOUNTS * 5);
    MUST(failed <= ACCOUNTS * 5 / 10); /* a fetch is repeated once, and may meet a closed connection both times */
}

/* All that connections carry is on its way before the server looks at it: of that it takes what is left of its number,
   and refuses the rest, time and again. */
static void fetch_at_once(size_t count, int rounds, unsigned requests_each)
{
    scene s = scene_make(requests_each);
    size_t submits = 1;

    MUST_OK(lock_sync_pool_set_max_active(s.pool, ACCOUNTS));
    expect_own_answers(&s, 1);
    for (int round = 0; round < rounds; round++, submits += count) {
        nginx_pause(s.nginx);
        accounts_submit(s.all, count, s.pool);
        while (pool_is_readable(s.pool, 0))
            MUST_OK(pool_dispatch(s.pool));
        nginx_go_on(s.nginx);
        pool_run_all(s.pool);
        for (size_t i = 0; i < count; i++)
            expect_own_answer(&s, i);
    }
    MUST_INT(nginx_look(s.nginx, submits).requests, submits);
}

TEST_ON_STAGE(what_a_closing_server_refuses_is_repeated_once)
{
    fetch_at_once(ACCOUNTS, 3, 37);
}

/* More often than libcurl before 8.17 repeats anything on one handle. */
TEST_ON_STAGE(repeats_of_fetches_before_do_not_count)
{
    fetch_at_once(2, 20, 2);
}

int main(void)
{
    return t_run_all_in(pems_make, pems_free);
}
