/* File descriptors: when there are none left that fetch alone ends with E_CONNECT; and none leak. */
#include "accounts.h"

#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

#define MANY 20

static account all[MANY];
static sim *target;

static int begin(void **user)
{
    static const char *const arguments[] = {"--static", NULL};

    (void)user;
    target = sim_start(arguments);
    return 0;
}

static int end(void **user)
{
    (void)user;
    sim_stop(target, NULL);
    return 0;
}

/* Leaves the process `spare` descriptors. */
static void limit_descriptors(size_t spare, struct rlimit *old)
{
    struct rlimit limit;
    int lowest = open("/dev/null", O_RDONLY | O_CLOEXEC);

    MUST(lowest >= 0);
    (void)close(lowest);
    MUST_INT(getrlimit(RLIMIT_NOFILE, old), 0);
    limit = *old;
    limit.rlim_cur = (rlim_t)lowest + spare;
    MUST_INT(setrlimit(RLIMIT_NOFILE, &limit), 0);
}

TEST(without_descriptors_each_fetch_ends_alone_and_later_ones_are_good)
{
    for (size_t spare = 0; spare < 4; spare++) {
        lock_sync_pool *p = pool_make();
        struct rlimit old;
        size_t good = 0;

        accounts_make(all, MANY, sim_url(target));
        limit_descriptors(spare, &old);
        accounts_submit(all, MANY, p);
        pool_run_all(p);
        MUST_INT(setrlimit(RLIMIT_NOFILE, &old), 0);
        for (size_t i = 0; i < MANY; i++) {
            if (all[i].status != LOCK_SYNC_OK)
                expect_end(&all[i], LOCK_SYNC_E_CONNECT);
            good += all[i].status == LOCK_SYNC_OK;
        }
        MUST(spare == 0 ? good == 0 : good >= 1);
        accounts_submit(all, MANY, p);
        pool_run_all(p);
        for (size_t i = 0; i < MANY; i++)
            expect_end(&all[i], LOCK_SYNC_OK);
        accounts_free(all, MANY);
        pool_end(p);
    }
}

TEST(those_that_have_a_connection_go_on)
{
    lock_sync_pool *p = pool_make();
    account a = account_new(sim_url(target));
    struct rlimit old;

    account_submit(&a, p);
    pool_run_all(p);
    limit_descriptors(0, &old);
    for (int i = 0; i < 5; i++) {
        account_submit(&a, p);
        pool_run_all(p);
        expect_end(&a, LOCK_SYNC_OK);
    }
    MUST_INT(setrlimit(RLIMIT_NOFILE, &old), 0);
    account_free(&a);
    pool_end(p);
}

TEST(a_pool_without_descriptors_is_a_connect_error)
{
    lock_sync_status status = LOCK_SYNC_E_CONNECT;
    size_t before = kit_descriptors();

    for (size_t spare = 0; status != LOCK_SYNC_OK; spare++) {
        lock_sync_pool *p;
        struct rlimit old;

        MUST(spare < 10);
        limit_descriptors(spare, &old);
        status = lock_sync_pool_new(&p);
        MUST_INT(setrlimit(RLIMIT_NOFILE, &old), 0);
        MUST(status == LOCK_SYNC_OK || (status == LOCK_SYNC_E_CONNECT && p == NULL));
        pool_end(p);
        MUST_INT(kit_descriptors(), before);
    }
}

TEST(descriptors_stay_flat_and_none_is_left)
{
    size_t before = kit_descriptors();
    lock_sync_pool *p = pool_make();
    size_t most = 0;

    accounts_make(all, MANY, sim_url(target));
    sim_fault(target, "reset", 7);
    for (int i = 0; i < 50; i++) {
        accounts_submit(all, MANY, p);
        pool_run_all(p);
        if (i < 5)
            most = kit_descriptors() > most ? kit_descriptors() : most;
        MUST(kit_descriptors() <= before + 5 + MANY);
    }
    sim_fault(target, "reset", 0);
    MUST(kit_descriptors() <= most + MANY);
    accounts_free(all, MANY);
    pool_end(p);
    MUST_INT(kit_descriptors(), before);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(without_descriptors_each_fetch_ends_alone_and_later_ones_are_good),
        T(those_that_have_a_connection_go_on),
        T(a_pool_without_descriptors_is_a_connect_error),
        T(descriptors_stay_flat_and_none_is_left),
    };

    return T_MAIN_IN(tests, begin, end);
}
