/* Guards in PostgreSQL (examples/guard_libpq), used by pools and by blocking fetches. */
#include "../guard/postgres_server.h"
#include "../support/relay.h"
#include "stage.h"

#include <dlfcn.h>
#include <guard_libpq.h>
#include <libpq-fe.h>
#include <stdlib.h>
#include <string.h>

#define MANY 50

static postgres_server *server; /* of all tests; NULL: not installed */
static size_t swaps;

/* Counts the swaps, in place of libpq's function. */
int PQsendQueryPrepared(PGconn *connection, const char *name, int count, const char *const *values, const int *sizes,
                        const int *formats, int format)
{
    static int (*real)(PGconn *, const char *, int, const char *const *, const int *, const int *, int);

    if (real == NULL)
        *(void **)&real = dlsym(RTLD_NEXT, "PQsendQueryPrepared");
    swaps++;
    return real(connection, name, count, values, sizes, formats, format);
}

static void release_db(void *db)
{
    guard_libpq_free(db);
}

static guard_libpq *db_at(const char *conninfo)
{
    guard_libpq *db = guard_libpq_new(conninfo);

    MUST(db != NULL);
    stage_later(release_db, db);
    return db;
}

/* Returns the server's database, with an empty table. */
static guard_libpq *db_here(void)
{
    t_need(server != NULL, NO_POSTGRES);
    postgres_server_do(server, "TRUNCATE locksync_guards");
    return db_at(postgres_server_conninfo(server));
}

static void guard(account *a, guard_libpq *db, const char *key, int64_t interval_ms, lock_sync_guard_mode mode)
{
    lock_sync_guard *g;

    MUST_OK(guard_libpq_open(db, key, &g));
    MUST_OK(lock_sync_guard_set_min_interval_ms(g, interval_ms));
    account_guard(a, g, mode);
    lock_sync_guard_unref(g);
}

static bool are_idle(void *user)
{
    lock_sync_pool *const *pools = user;

    return lock_sync_pool_pending(pools[0]) + lock_sync_pool_pending(pools[1]) == 0;
}

static void run_both(lock_sync_pool **pools)
{
    int64_t until_ms = kit_now_ms() + KIT_PATIENCE_MS;

    while (!are_idle(pools) && kit_now_ms() < until_ms)
        for (int i = 0; i < 2; i++)
            (void)pool_step(pools[i], 1);
    MUST(are_idle(pools));
}

#define CONTEXTS ((size_t)4 * MANY) /* four an account, two in each pool */

/* Two pools with the same keys. The simulator judges without any tolerance, and responds to a violation with 429. */
typedef struct crowd {
    sim *service;
    lock_sync_pool *pools[2];
    account *all;
} crowd;

static crowd new_crowd(int64_t timeout_ms)
{
    static const char *const arguments[] = {"--static", "--any-key", "--min-interval-ms", "20", NULL};
    guard_libpq *dbs[] = {db_here(), db_at(postgres_server_conninfo(server))};
    crowd c = {.service = stage_sim(arguments), .pools = {stage_pool(), stage_pool()}};

    c.all = stage_accounts(CONTEXTS, sim_url(c.service));
    for (size_t i = 0; i < CONTEXTS; i++) {
        account_set_number(&c.all[i], i % MANY);
        MUST_OK(lock_sync_set_timeout_ms(c.all[i].ctx, timeout_ms));
        guard(&c.all[i], dbs[i / MANY % 2], stage_text("k:%zu", i % MANY), 20, LOCK_SYNC_GUARD_WAIT);
    }
    return c;
}

static void submit_all(crowd *c)
{
    for (size_t i = 0; i < CONTEXTS; i++)
        account_submit(&c->all[i], c->pools[i / MANY % 2]);
}

/* Returns how many fetches of the last round succeeded. */
static size_t successes(const crowd *c)
{
    size_t count = 0;

    for (size_t i = 0; i < CONTEXTS; i++)
        count += c->all[i].status == LOCK_SYNC_OK;
    return count;
}

TEST_ON_STAGE(two_pools_with_the_same_keys_break_no_rule)
{
    crowd c = new_crowd(30000);

    for (int round = 0; round < 3; round++) {
        submit_all(&c);
        run_both(c.pools);
        expect_ends(c.all, CONTEXTS, LOCK_SYNC_OK);
    }
    MUST_INT(sim_ask_stats(c.service).syncs, 3 * CONTEXTS);
    MUST_INT(sim_ask_stats(c.service).interval_violations, 0);
}

TEST_ON_STAGE(a_server_that_is_killed_under_load_breaks_no_rule)
{
    crowd c = new_crowd(2000 * kit_slack()); /* also the lease of a slot whose response is lost */
    int64_t until_ms = kit_now_ms() + KIT_PATIENCE_MS * kit_slack();

    submit_all(&c);
    run_both(c.pools);
    submit_all(&c);
    for (int i = 0; i < 20; i++)
        (void)pool_step(c.pools[i % 2], 1);
    postgres_server_kill(server);
    run_both(c.pools);
    CHECK(successes(&c) < CONTEXTS);
    postgres_server_start(server);
    do {
        submit_all(&c);
        run_both(c.pools);
    } while (successes(&c) < CONTEXTS && kit_now_ms() < until_ms);
    expect_ends(c.all, CONTEXTS, LOCK_SYNC_OK);
    MUST_INT(sim_ask_stats(c.service).interval_violations, 0);
}

TEST_ON_STAGE(a_decision_is_one_round_trip_once_the_record_was_seen)
{
    static const char *const arguments[] = {"--static", "--any-key", NULL};
    guard_libpq *db = db_here();
    lock_sync_pool *p = stage_pool();
    account *all = stage_accounts(MANY, sim_url(stage_sim(arguments)));
    size_t least = SIZE_MAX;
    char *clients;

    for (size_t i = 0; i < MANY; i++)
        guard(&all[i], db, stage_text("k:%zu", i), 1, LOCK_SYNC_GUARD_WAIT);
    expect_fetches(all, MANY, p, LOCK_SYNC_OK);
    for (int round = 0; round < 4; round++) { /* a decision may miss its window while the machine is busy */
        (void)pool_run_for(p, 200);           /* the interval, and the window of the last decision */
        swaps = 0;
        expect_fetches(all, MANY, p, LOCK_SYNC_OK);
        least = swaps < least ? swaps : least;
    }
    MUST_BETWEEN(least, 2 * MANY, 2 * MANY * 105 / 100); /* a fetch reserves and settles */
    clients = postgres_server_ask(server,
                                  "SELECT count(*) FROM pg_stat_activity WHERE query LIKE '%locksync_guards%'"
                                  " AND pid <> pg_backend_pid()");
    MUST(strcmp(clients, "1") == 0); /* all over one connection */
    free(clients);
}

TEST_ON_STAGE(a_blocking_fetch_uses_the_same_record)
{
    static const char *const arguments[] = {"--static", NULL};
    guard_libpq *db = db_here();
    lock_sync_pool *p = stage_pool();
    account *all = stage_accounts(2, sim_url(stage_sim(arguments)));

    for (int i = 0; i < 2; i++)
        guard(&all[i], db, "k", 20000, LOCK_SYNC_GUARD_FAIL);
    MUST_OK(account_fetch(&all[0], NULL));
    expect_fetch(&all[1], p, LOCK_SYNC_E_TOO_SOON);
    MUST_INT(account_fetch(&all[1], NULL), LOCK_SYNC_E_TOO_SOON);
    postgres_server_do(server,
                       "SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity WHERE pid <> pg_backend_pid()"
                       " AND backend_type = 'client backend'");
    MUST_INT(account_fetch(&all[1], NULL), LOCK_SYNC_E_TOO_SOON); /* over another connection */
    expect_fetch(&all[1], p, LOCK_SYNC_E_TOO_SOON);
}

static const char record_sql[] = "SELECT record FROM locksync_guards WHERE key = 'k'";

static bool is_written(void *before)
{
    char *now = postgres_server_ask(server, record_sql);
    bool differs = strcmp(now, before) != 0;

    free(now);
    return differs;
}

TEST_ON_STAGE(a_lost_response_counts_as_taken)
{
    static const bool rows[] = {false, true}; /* whether the server is killed too */
    static const char *const arguments[] = {"--static", NULL};

    for (size_t i = 0; i < 2; i++) {
        guard_libpq *db = db_here();
        relay *r = relay_start(postgres_server_port(server));
        const char *port = strrchr(relay_url(r), ':') + 1;
        lock_sync_pool *p = stage_pool();
        account *all = stage_accounts(2, sim_url(stage_sim(arguments)));
        char *before;

        t_row("the server %s", rows[i] ? "is killed" : "lives");
        guard(&all[0],
              db_at(stage_text("host=127.0.0.1 port=%s user=locksync dbname=postgres sslmode=disable "
                               "gssencmode=disable",
                               port)),
              "k", 1, LOCK_SYNC_GUARD_FAIL);
        guard(&all[1], db, "k", 1, LOCK_SYNC_GUARD_FAIL);
        expect_fetch(&all[0], p, LOCK_SYNC_OK);
        (void)pool_run_for(p, 200);
        relay_do(r, RELAY_DELAY, 200);
        expect_fetch(&all[0], p, LOCK_SYNC_OK); /* the windows of later decisions allow for the delay */
        (void)pool_run_for(p, 2500);
        before = postgres_server_ask(server, record_sql);
        account_submit(&all[0], p);
        (void)pool_run_for(p, 20);
        MUST(kit_wait(is_written, before, KIT_PATIENCE_MS)); /* the response is on its way now */
        free(before);
        relay_do(r, RELAY_RESET, 0);
        if (rows[i])
            postgres_server_kill(server);
        pool_run_account(&all[0]);
        expect_end(&all[0], LOCK_SYNC_E_GUARD);
        MUST(strncmp(strstr(all[0].message, "PostgreSQL"), "PostgreSQL: server closed", 20) == 0);
        if (rows[i]) {
            expect_fetch(&all[1], p, LOCK_SYNC_E_GUARD);
            postgres_server_start(server);
            (void)pool_run_for(p, 300); /* the pause before it connects again */
        }
        for (int k = 0; k < 2; k++) {
            expect_fetch(&all[k], p, LOCK_SYNC_E_TOO_SOON);
            MUST_BETWEEN(all[k].retry_after_ms, 20000, 31000); /* the lease */
        }
        (void)stage_clear(NULL);
        relay_stop(r);
    }
}

TEST_ON_STAGE(a_locked_row_fails_its_own_decisions)
{
    static const char *const arguments[] = {"--static", NULL};
    guard_libpq *db = db_here();
    lock_sync_pool *p = stage_pool();
    account *all = stage_accounts(2, sim_url(stage_sim(arguments)));
    PGconn *other;

    guard(&all[0], db, "locked", 1, LOCK_SYNC_GUARD_FAIL);
    guard(&all[1], db, "k", 1, LOCK_SYNC_GUARD_FAIL);
    expect_fetches(all, 2, p, LOCK_SYNC_OK);
    (void)pool_run_for(p, 200);
    other = PQconnectdb(postgres_server_conninfo(server));
    PQclear(PQexec(other, "BEGIN"));
    PQclear(PQexec(other, "SELECT FROM locksync_guards WHERE key = 'locked' FOR UPDATE"));
    accounts_submit(all, 2, p);
    pool_run_all(p);
    PQfinish(other);
    expect_end(&all[0], LOCK_SYNC_E_GUARD);
    MUST(strstr(all[0].message, "lock timeout") != NULL);
    expect_end(&all[1], LOCK_SYNC_OK);
}

TEST_ON_STAGE(a_promoted_replica_counts_as_a_loss)
{
    static const char *const arguments[] = {"--static", NULL};
    guard_libpq *db = db_here();
    lock_sync_pool *p = stage_pool();
    account *a = stage_account(sim_url(stage_sim(arguments)));

    guard(a, db, "k", 1, LOCK_SYNC_GUARD_FAIL);
    expect_fetch(a, p, LOCK_SYNC_OK);
    postgres_server_promote(server);
    (void)pool_run_for(p, 300);
    expect_fetch(a, p, LOCK_SYNC_E_TOO_SOON);
    MUST_BETWEEN(a->retry_after_ms, 20000, 31000);
    MUST_INT(account_fetch(a, NULL), LOCK_SYNC_E_TOO_SOON);
}

static int begin_all(void **unused)
{
    (void)unused;
    if (!postgres_server_is_there())
        return 0;
    server = postgres_server_new();
    postgres_server_do(server, GUARD_LIBPQ_TABLE);
    return 0;
}

static int end_all(void **unused)
{
    (void)unused;
    if (server != NULL)
        postgres_server_free(server);
    return 0;
}

int main(void)
{
    return t_run_all_in(begin_all, end_all);
}
