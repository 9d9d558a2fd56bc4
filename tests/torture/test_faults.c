/* The table of faults with blocking fetches, and with fetches in a pool beside healthy contexts. Checks the status,
   the time, at most one request for each fetch, no secret in any text, and that the context works again. No other
   server may get a connection: the environment names a proxy, which is also the target of all redirects. For what a
   watch reports of a status see tests/watch/test_errors.c. */
#include "faults.h"

#include "../support/curl_flavour.h"

#include <stdlib.h>
#include <string.h>

#define HEALTHY 4
#define LONG_MS 30000
#define AT_MOST_MS (1000 * kit_slack()) /* after the deadline, or after the start if there is no deadline */

static raw_server *bystander;
static raw_server *good;
static const fault_list *lists;
static lock_sync_pool *pool;
static client healthy[HEALTHY];
static size_t rows_checked;
static int64_t slowest_ms; /* after its deadline, if it has one */

/* --- two ways to fetch once and check the end --- */

typedef void (*fetch_fn)(const client *c, lock_sync_status want, const char *name);

/* Returns the expected status, given that a row may allow two. */
static lock_sync_status wanted(lock_sync_status want, lock_sync_status got)
{
    if (want == CONNECT_OR_NETWORK)
        return got == LOCK_SYNC_E_CONNECT ? got : LOCK_SYNC_E_NETWORK;
    if (want == BROKEN_HANDSHAKE)
        return got == LOCK_SYNC_E_NETWORK && curl_has_gnutls() ? got : LOCK_SYNC_E_TLS;
    return want;
}

static void check_end(const client *c, lock_sync_status got, lock_sync_status want, const char *name)
{
    want = wanted(want, got);
    check_status(c, got, want, name, __FILE__, __LINE__);
    if (want >= LOCK_SYNC_E_TIMEOUT && want <= LOCK_SYNC_E_NETWORK)
        MUST_INT(error_http_status(c), 0); /* no complete response arrived */
}

static void fetch_blocking(const client *c, lock_sync_status want, const char *name)
{
    check_end(c, client_fetch(c), want, name);
}

static void note(void *user, lock_sync_ctx *ctx, lock_sync_status status, lock_sync_results *results)
{
    (void)ctx;
    *(lock_sync_status *)user = status;
    lock_sync_results_free(results);
}

static void submit(const client *c, lock_sync_status *status)
{
    *status = -1;
    MUST_OK(lock_sync_pool_submit(pool, c->ctx, NULL, 0, note, status));
}

static void fetch_in_pool(const client *c, lock_sync_status want, const char *name)
{
    lock_sync_status statuses[HEALTHY + 1];

    for (size_t i = 0; i < HEALTHY; i++)
        submit(&healthy[i], &statuses[i]);
    submit(c, &statuses[HEALTHY]);
    while (lock_sync_pool_pending(pool) > 0)
        MUST_OK(lock_sync_pool_wait(pool, -1));
    for (size_t i = 0; i < HEALTHY; i++)
        expect_status(&healthy[i], statuses[i], LOCK_SYNC_OK);
    check_end(c, statuses[HEALTHY], want, name);
}

/* --- a row --- */

/* Counts the requests that a script count_reads. */
static size_t count_reads(const fault *f)
{
    size_t count = 0;

    for (size_t i = 0; i < COUNT_OF(f->steps); i++)
        count += f->steps[i].action == RAW_DO_READ;
    return count;
}

static client client_for(const fault *f, const raw_server *server)
{
    char *url = kit_text("http%s%s", f->kind == FAULT_TLS ? "s" : "", raw_url(server) + strlen("http"));
    client c = client_new(f->kind == FAULT_ELSEWHERE ? f->url : url);

    if (f->kind == FAULT_TLS || f->kind == FAULT_ELSEWHERE)
        MUST_OK(lock_sync_set_ca_file(c.ctx, faults_ca_file()));
    if (f->timeout_ms != 0)
        MUST_OK(lock_sync_set_timeout_ms(c.ctx, f->timeout_ms));
    if (f->connect_timeout_ms != 0)
        MUST_OK(lock_sync_set_connect_timeout_ms(c.ctx, f->connect_timeout_ms));
    free(url);
    return c;
}

static void check_time(const fault *f, int64_t took_ms)
{
    int64_t deadline_ms = f->timeout_ms != 0 ? f->timeout_ms : f->connect_timeout_ms;

    if (took_ms < deadline_ms - 2 || took_ms > deadline_ms + AT_MOST_MS)
        fail_msg("%s: it took %d ms, outside of its limits", f->name, (int)took_ms);
    if (took_ms - deadline_ms > slowest_ms)
        slowest_ms = took_ms - deadline_ms;
    rows_checked++;
}

static void check_requests(const fault *f, raw_server *server)
{
    /* libcurl opens a second connection before the library can stop the retry */
    if (raw_connections(server) > (f->kind == FAULT_KEPT ? 2U : 1U) ||
        (count_reads(f) > 0 ? raw_requests(server) != count_reads(f) : raw_requests(server) > 1))
        fail_msg("%s: %zu requests on %zu connections", f->name, raw_requests(server), raw_connections(server));
}

static void check_fault(const fault *f, int family, fetch_fn fetch)
{
    const raw_step *const script = f->steps;
    raw_server *server = raw_start(family, &script, f->kind == FAULT_ELSEWHERE ? 0 : 1);
    client c = client_for(f, server);
    int64_t start_ms;

    if (f->kind == FAULT_KEPT)
        fetch(&c, LOCK_SYNC_OK, f->name);
    start_ms = kit_now_ms();
    fetch(&c, f->want, f->name);
    check_time(f, kit_now_ms() - start_ms);
    check_requests(f, server);
    MUST_INT(log_lines_count(c.log, LOCK_SYNC_LOG_WARNING), 1);
    MUST_OK(lock_sync_set_timeout_ms(c.ctx, LONG_MS));
    if (f->kind == FAULT_TLS || f->kind == FAULT_ELSEWHERE)
        MUST_OK(lock_sync_set_base_url(c.ctx, raw_url(good)));
    fetch(&c, LOCK_SYNC_OK, f->name);
    if (raw_connections(bystander) != 0)
        fail_msg("%s: another server got a connection", f->name);
    client_free(&c);
    raw_stop(server);
}

/* --- all rows --- */

static void check_lists(const fault_list *all, size_t count, int family, fetch_fn fetch)
{
    for (size_t i = 0; i < count; i++)
        for (size_t k = 0; k < all[i].count; k++)
            check_fault(&all[i].rows[k], family, fetch);
}

static void report(const char *way)
{
    print_message("%s: %zu faults, the slowest ended after %d ms, or that long past its deadline\n", way, rows_checked,
                  (int)slowest_ms);
    rows_checked = 0;
    slowest_ms = 0;
}

/* --- the tests --- */

TEST(each_fault_of_the_table_in_a_blocking_fetch)
{
    check_lists(lists, FAULT_LISTS, AF_INET, fetch_blocking);
    report("blocking");
}

TEST(each_fault_of_the_table_in_a_pool)
{
    check_lists(lists, FAULT_LISTS, AF_INET, fetch_in_pool);
    report("in a pool");
}

TEST(responses_may_break_off_over_ipv6_too)
{
    check_lists(&faults_broken_off, 1, AF_INET6, fetch_blocking);
    report("over IPv6");
}

/* --- servers and contexts for all tests --- */

static int begin(void **user)
{
    static const char *const proxies[] = {"http_proxy", "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"};

    (void)user;
    bystander = raw_start(AF_INET, NULL, 0);
    good = raw_start(AF_INET, NULL, 0);
    for (size_t i = 0; i < COUNT_OF(proxies); i++)
        MUST_INT(setenv(proxies[i], raw_url(bystander), 1), 0);
    MUST_INT(unsetenv("no_proxy"), 0);
    MUST_INT(unsetenv("NO_PROXY"), 0);
    lists = faults_begin(raw_url(bystander));
    MUST_OK(lock_sync_pool_new(&pool));
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
    return t_run_all_in(begin, end);
}
