/* The table of faults, by blocking fetches and by a pool beside healthy contexts: the status, in time; one request
   at most for each fetch; no secret in any text; a context that works again. And nobody else is spoken to: the
   environment names a proxy throughout, which is the target of all redirects too, and sees nothing. */
#include "faults.h"

#include <stdlib.h>

#define HEALTHY 4
#define LONG_MS 30000
#define AT_MOST_MS (5000 * kit_slack()) /* beyond the deadline; where there is none, in all */

static raw_server *bystander;
static raw_server *good;
static const fault_list *lists;
static lock_sync_pool *pool;
static client healthy[HEALTHY];

/* --- two ways to fetch --- */

typedef lock_sync_status (*fetch_fn)(const client *c);

static void note(void *user, lock_sync_ctx *ctx, lock_sync_status status, lock_sync_results *results)
{
    (void)ctx;
    *(lock_sync_status *)user = status;
    lock_sync_results_free(results);
}

static lock_sync_status fetch_in_pool(const client *c)
{
    lock_sync_status statuses[HEALTHY + 1];

    for (size_t i = 0; i <= HEALTHY; i++) {
        lock_sync_ctx *ctx = i < HEALTHY ? healthy[i].ctx : c->ctx;

        statuses[i] = -1;
        assert_int_equal(lock_sync_pool_submit(pool, ctx, NULL, 0, note, &statuses[i]), LOCK_SYNC_OK);
    }
    while (lock_sync_pool_pending(pool) > 0)
        assert_int_equal(lock_sync_pool_wait(pool, -1), LOCK_SYNC_OK);
    for (size_t i = 0; i < HEALTHY; i++)
        expect_status(&healthy[i], statuses[i], LOCK_SYNC_OK);
    return statuses[HEALTHY];
}

/* --- a row --- */

/* How many requests a script reads. */
static size_t reads(const fault *f)
{
    size_t count = 0;

    for (size_t i = 0; i < COUNT_OF(f->steps); i++)
        count += f->steps[i].action == RAW_DO_READ;
    return count;
}

static client client_for(const fault *f, const raw_server *server)
{
    char *url = f->kind == FAULT_ELSEWHERE ? kit_text("%s", f->url)
                                           : kit_text("http%s%s", f->kind == FAULT_TLS ? "s" : "", raw_url(server) + 4);
    client c = client_new(url);

    if (f->kind == FAULT_TLS || f->kind == FAULT_ELSEWHERE)
        assert_int_equal(lock_sync_set_ca_file(c.ctx, faults_ca_file()), LOCK_SYNC_OK);
    if (f->timeout_ms != 0)
        assert_int_equal(lock_sync_set_timeout_ms(c.ctx, f->timeout_ms), LOCK_SYNC_OK);
    if (f->connect_timeout_ms != 0)
        assert_int_equal(lock_sync_set_connect_timeout_ms(c.ctx, f->connect_timeout_ms), LOCK_SYNC_OK);
    free(url);
    return c;
}

static void check_time(const fault *f, int64_t took_ms)
{
    int64_t deadline_ms = f->timeout_ms != 0 ? f->timeout_ms : f->connect_timeout_ms;

    if (took_ms < deadline_ms - 2 || took_ms > deadline_ms + AT_MOST_MS)
        fail_msg("%s: it took %d ms", f->name, (int)took_ms);
}

static void check_fault(const fault *f, int family, fetch_fn fetch)
{
    const raw_step *const script = f->steps;
    raw_server *server = raw_start(family, &script, f->kind == FAULT_ELSEWHERE ? 0 : 1);
    client c = client_for(f, server);
    int64_t start_ms;

    if (f->kind == FAULT_KEPT)
        check_status(&c, fetch(&c), LOCK_SYNC_OK, f->name, __FILE__, __LINE__);
    start_ms = kit_now_ms();
    check_status(&c, fetch(&c), f->want, f->name, __FILE__, __LINE__);
    check_time(f, kit_now_ms() - start_ms);
    if (f->want >= LOCK_SYNC_E_TIMEOUT && f->want <= LOCK_SYNC_E_NETWORK)
        assert_int_equal(error_http_status(&c), 0); /* no whole answer arrived */
    /* libcurl opens a second connection before it is kept from sending again */
    if (raw_connections(server) > (f->kind == FAULT_KEPT ? 2U : 1U) ||
        (reads(f) > 0 ? raw_requests(server) != reads(f) : raw_requests(server) > 1))
        fail_msg("%s: %zu requests on %zu connections", f->name, raw_requests(server), raw_connections(server));
    assert_int_equal(log_lines_count(c.log, LOCK_SYNC_LOG_WARNING), 1);
    assert_int_equal(lock_sync_set_timeout_ms(c.ctx, LONG_MS), LOCK_SYNC_OK);
    if (f->kind == FAULT_TLS || f->kind == FAULT_ELSEWHERE)
        assert_int_equal(lock_sync_set_base_url(c.ctx, raw_url(good)), LOCK_SYNC_OK);
    check_status(&c, fetch(&c), LOCK_SYNC_OK, f->name, __FILE__, __LINE__);
    if (raw_connections(bystander) != 0)
        fail_msg("%s: somebody else was spoken to", f->name);
    client_free(&c);
    raw_stop(server);
}

static void check_lists(const fault_list *all, size_t count, int family, fetch_fn fetch)
{
    for (size_t i = 0; i < count; i++)
        for (size_t k = 0; k < all[i].count; k++)
            check_fault(&all[i].rows[k], family, fetch);
}

/* --- the tests --- */

static void each_fault_of_the_table_in_a_blocking_fetch(void **user)
{
    (void)user;
    check_lists(lists, FAULT_LISTS, AF_INET, client_fetch);
}

static void each_fault_of_the_table_in_a_pool(void **user)
{
    (void)user;
    check_lists(lists, FAULT_LISTS, AF_INET, fetch_in_pool);
}

static void what_breaks_off_does_so_over_ipv6_too(void **user)
{
    (void)user;
    check_lists(&faults_broken_off, 1, AF_INET6, client_fetch);
}

/* Whether the reset comes before or after the connection counts as made is a race. */
static void a_connection_reset_at_once_is_a_connect_or_a_network_error(void **user)
{
    static const fault rows[] = {FAULT("reset at once", NETWORK, RAW_RESET)};
    static const fetch_fn ways[] = {client_fetch, fetch_in_pool};

    (void)user;
    for (size_t i = 0; i < COUNT_OF(ways); i++) {
        const raw_step *const script = rows[0].steps;
        raw_server *server = raw_start(AF_INET, &script, 1);
        client c = client_new(raw_url(server));
        lock_sync_status status = ways[i](&c);

        expect_status(&c, status, status == LOCK_SYNC_E_CONNECT ? LOCK_SYNC_E_CONNECT : LOCK_SYNC_E_NETWORK);
        assert_true(raw_requests(server) <= 1);
        expect_status(&c, ways[i](&c), LOCK_SYNC_OK);
        client_free(&c);
        raw_stop(server);
    }
}

/* --- the stage --- */

static int begin(void **user)
{
    static const char *const proxies[] = {"http_proxy", "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"};

    (void)user;
    bystander = raw_start(AF_INET, NULL, 0);
    good = raw_start(AF_INET, NULL, 0);
    for (size_t i = 0; i < COUNT_OF(proxies); i++)
        assert_int_equal(setenv(proxies[i], raw_url(bystander), 1), 0);
    assert_int_equal(unsetenv("no_proxy"), 0);
    assert_int_equal(unsetenv("NO_PROXY"), 0);
    lists = faults_begin(raw_url(bystander));
    assert_int_equal(lock_sync_pool_new(&pool), LOCK_SYNC_OK);
    for (size_t i = 0; i < HEALTHY; i++)
        healthy[i] = client_new(raw_url(good));
    return 0;
}

static int end(void **user)
{
    (void)user;
    lock_sync_pool_free(pool);
    for (size_t i = 0; i < HEALTHY; i++)
        client_free(&healthy[i]);
    faults_end();
    raw_stop(good);
    raw_stop(bystander);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_fault_of_the_table_in_a_blocking_fetch),
        cmocka_unit_test(each_fault_of_the_table_in_a_pool),
        cmocka_unit_test(what_breaks_off_does_so_over_ipv6_too),
        cmocka_unit_test(a_connection_reset_at_once_is_a_connect_or_a_network_error),
    };

    return cmocka_run_group_tests_name("faults of servers", tests, begin, end);
}
