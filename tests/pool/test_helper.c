/* Guards whose stores may block: decided on one helper thread, with the same answers as elsewhere, and delaying nobody
   else. */
#include "accounts.h"
#include "store.h"

#include <stdlib.h>

#define MANY 20

static account all[MANY];
static raw_server *good;

static int begin(void **user)
{
    (void)user;
    good = raw_start(AF_INET, NULL, 0);
    return 0;
}

static int end(void **user)
{
    (void)user;
    raw_stop(good);
    return 0;
}

static void guard_each(store *s, int64_t interval_ms, lock_sync_guard_mode mode)
{
    for (size_t i = 0; i < MANY; i++) {
        lock_sync_guard *g = store_guard(s, interval_ms);

        account_guard(&all[i], g, mode);
        lock_sync_guard_unref(g);
    }
}

TEST(stores_are_asked_on_one_thread_that_is_not_ours)
{
    store *s = store_new();
    lock_sync_pool *p = pool_make();
    size_t threads = kit_threads();

    accounts_make(all, MANY, raw_url(good));
    guard_each(s, 1, LOCK_SYNC_GUARD_WAIT);
    for (int i = 0; i < 3; i++) {
        accounts_submit(all, MANY, p);
        pool_run_all(p);
        for (size_t k = 0; k < MANY; k++)
            expect_end(&all[k], LOCK_SYNC_OK);
    }
    MUST_INT(store_threads(s), 1);
    MUST_INT(store_loads_here(s), 0);
    MUST(kit_threads() >= threads + 1);
    pool_end(p);
    accounts_free(all, MANY);
    store_free(s);
}

TEST(a_guard_in_memory_needs_no_thread)
{
    static const char dead_url[] = "http://127.0.0.1:1";
    lock_sync_pool *p = pool_make();
    size_t threads = kit_threads();

    accounts_make(all, MANY, dead_url);
    for (size_t i = 0; i < MANY; i++)
        account_guard(&all[i], NULL, LOCK_SYNC_GUARD_FAIL);
    accounts_submit(all, MANY, p);
    pool_run_all(p);
    MUST(kit_threads() <= threads); /* the server's may have ended */
    accounts_free(all, MANY);
    pool_end(p);
}

/* The decision is the store's: never is a refusal taken for a slot, whenever the helper thread comes back. */
TEST(what_the_store_refuses_is_never_sent)
{
    raw_server *server = raw_start(AF_INET, NULL, 0);
    store *s = store_new();
    lock_sync_pool *p = pool_make();
    size_t wrong = 0;
    size_t rounds = 100;

    accounts_make(all, MANY, raw_url(server));
    for (size_t i = 0; i < MANY; i++) {
        lock_sync_guard *g = store_guard(s, 3600000);

        MUST_OK(lock_sync_guard_reserve(g, 0, NULL, NULL));
        account_guard(&all[i], g, LOCK_SYNC_GUARD_FAIL);
        lock_sync_guard_unref(g);
    }
    for (size_t i = 0; i < rounds; i++) {
        accounts_submit(all, MANY, p);
        pool_run_all(p);
        for (size_t k = 0; k < MANY; k++)
            wrong += all[k].status != LOCK_SYNC_E_TOO_SOON;
    }
    if (wrong > 0 || raw_requests(server) > 0)
        fail_msg("of %zu refusals %zu were not told, and %zu requests were sent", rounds * MANY, wrong,
                 raw_requests(server));
    accounts_free(all, MANY);
    pool_end(p);
    store_free(s);
    raw_stop(server);
}

/* The same for a store that fails. */
TEST(a_damaged_file_is_told_and_nothing_is_sent)
{
    raw_server *server = raw_start(AF_INET, NULL, 0);
    lock_sync_pool *p = pool_make();
    char *dir = kit_temp_dir();
    char *path = kit_text("%s/guard", dir);
    lock_sync_guard *g;

    MUST_OK(lock_sync_guard_open_file(path, &g));
    kit_write_file(path, "damaged", 7);
    accounts_make(all, MANY, raw_url(server));
    for (size_t i = 0; i < MANY; i++)
        account_guard(&all[i], g, LOCK_SYNC_GUARD_FAIL);
    for (int i = 0; i < 20; i++) {
        accounts_submit(all, MANY, p);
        pool_run_all(p);
        for (size_t k = 0; k < MANY; k++)
            expect_end(&all[k], LOCK_SYNC_E_GUARD);
    }
    MUST_INT(raw_requests(server), 0);
    accounts_free(all, MANY);
    lock_sync_guard_unref(g);
    pool_end(p);
    raw_stop(server);
    kit_remove_dir(dir);
    free(path);
}

TEST(a_file_guard_is_shared)
{
    static const char *const arguments[] = {"--static", "--min-interval-ms", "40", NULL};
    sim *server = sim_start(arguments);
    lock_sync_pool *p = pool_make();
    char *dir = kit_temp_dir();
    char *path = kit_text("%s/guard", dir);

    accounts_make(all, MANY, sim_url(server));
    for (size_t i = 0; i < MANY; i++) {
        lock_sync_guard *g;

        MUST_OK(lock_sync_guard_open_file(path, &g)); /* each its own, on one file */
        MUST_OK(lock_sync_guard_set_min_interval_ms(g, 40));
        account_guard(&all[i], g, LOCK_SYNC_GUARD_WAIT);
        lock_sync_guard_unref(g);
    }
    accounts_submit(all, MANY, p);
    pool_run_all(p);
    for (size_t i = 0; i < MANY; i++)
        expect_end(&all[i], LOCK_SYNC_OK);
    MUST_INT(sim_ask_stats(server).syncs, MANY);
    accounts_free(all, MANY);
    pool_end(p);
    sim_stop(server, NULL);
    kit_remove_dir(dir);
    free(path);
}

TEST(a_store_that_blocks_delays_no_other_account)
{
    store *s = store_new();
    lock_sync_pool *p = pool_make();
    lock_sync_guard *g = store_guard(s, 1000);
    account blocked = account_new(raw_url(good));
    bool has_descriptor = lock_sync_pool_fd(p) >= 0;
    int64_t began;

    store_block_at(s, 1);
    account_guard(&blocked, g, LOCK_SYNC_GUARD_FAIL);
    account_submit(&blocked, p);
    began = kit_now_ms();
    MUST_OK(pool_dispatch(p));
    MUST(kit_now_ms() - began < 50 * kit_slack());
    MUST(pool_run(p, store_is_waiting, s, KIT_PATIENCE_MS));
    accounts_make(all, MANY, raw_url(good));
    for (size_t i = 0; i < MANY; i++)
        account_guard(&all[i], NULL, i % 2 == 0 ? LOCK_SYNC_GUARD_OFF : LOCK_SYNC_GUARD_FAIL);
    accounts_submit(all, MANY, p);
    while (lock_sync_pool_pending(p) > 1) {
        MUST(!has_descriptor || pool_is_readable(p, 1000));
        began = kit_now_ms();
        (void)pool_step(p, 10);
        MUST(kit_now_ms() - began < 50 * kit_slack());
    }
    for (size_t i = 0; i < MANY; i++)
        expect_end(&all[i], LOCK_SYNC_OK);
    expect_pending(&blocked);
    (void)pool_run_for(p, 20);
    MUST(!has_descriptor || pool_run_for(p, 300) <= 2); /* and no busy loop */
    store_release(s);
    pool_run_all(p);
    expect_end(&blocked, LOCK_SYNC_OK);
    accounts_free(all, MANY);
    account_free(&blocked);
    lock_sync_guard_unref(g);
    pool_end(p);
    store_free(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(stores_are_asked_on_one_thread_that_is_not_ours),
        T(a_guard_in_memory_needs_no_thread),
        T(what_the_store_refuses_is_never_sent),
        T(a_damaged_file_is_told_and_nothing_is_sent),
        T(a_file_guard_is_shared),
        T(a_store_that_blocks_delays_no_other_account),
    };

    return T_MAIN_IN(tests, begin, end);
}
