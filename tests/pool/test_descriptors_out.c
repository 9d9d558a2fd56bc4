/* When no file descriptors are left, only the fetch that needs one fails, with E_CONNECT. Descriptors do not leak. */
#include "stage.h"

#define MANY 20

static const char *const arguments[] = {"--static", NULL};

TEST_ON_STAGE(without_descriptors_only_fetches_that_need_a_connection_fail)
{
    for (size_t spare = 0; spare < 4; spare++) {
        account *all = stage_accounts(MANY, sim_url(stage_sim(arguments)));
        lock_sync_pool *p = stage_pool();
        size_t good = 0;

        kit_limit_descriptors(spare);
        accounts_submit(all, MANY, p);
        pool_run_all(p);
        kit_free_descriptors();
        for (size_t i = 0; i < MANY; i++) {
            if (all[i].status != LOCK_SYNC_OK)
                expect_end(&all[i], LOCK_SYNC_E_CONNECT);
            good += all[i].status == LOCK_SYNC_OK;
        }
        MUST(spare == 0 ? good == 0 : good >= 1);
        expect_fetches(all, MANY, p, LOCK_SYNC_OK);
        kit_limit_descriptors(0);
        expect_fetch(all, p, LOCK_SYNC_OK);
        kit_free_descriptors();
        (void)stage_clear(NULL);
    }
}

TEST_ON_STAGE(making_a_pool_without_descriptors_is_a_connect_error)
{
    lock_sync_status status = LOCK_SYNC_E_CONNECT;
    size_t before = kit_descriptors();

    for (size_t spare = 0; status != LOCK_SYNC_OK; spare++) {
        lock_sync_pool *p;

        MUST(spare < 10);
        kit_limit_descriptors(spare);
        status = lock_sync_pool_new(&p);
        kit_free_descriptors();
        MUST(status == LOCK_SYNC_OK || (status == LOCK_SYNC_E_CONNECT && p == NULL));
        pool_end(p);
        MUST_INT(kit_descriptors(), before);
    }
}

TEST_ON_STAGE(descriptors_do_not_leak)
{
    sim *server = stage_sim(arguments);
    account *all = stage_accounts(MANY, sim_url(server));
    size_t before = kit_descriptors();
    lock_sync_pool *p = pool_make();
    size_t most = 0;

    sim_fault(server, "reset", 7);
    for (int i = 0; i < 50; i++) {
        accounts_submit(all, MANY, p);
        pool_run_all(p);
        if (i < 5)
            most = kit_descriptors() > most ? kit_descriptors() : most;
        MUST(kit_descriptors() <= before + 5 + MANY);
    }
    MUST(kit_descriptors() <= most + MANY);
    pool_end(p);
    MUST_INT(kit_descriptors(), before);
}
