/* Every fault that the simulator can make, in a pool with healthy accounts beside: each with the status of a blocking
   fetch, one request per submit, and the others all good. */
#include "accounts.h"

#include <string.h>

#define FAULTY 5
#define HEALTHY 10

static const struct {
    const char *fault;
    lock_sync_status status;
} rows[] = {
    {"401", LOCK_SYNC_E_UNAUTHORIZED}, {"403", LOCK_SYNC_E_FORBIDDEN},   {"404", LOCK_SYNC_E_NOT_FOUND},
    {"429", LOCK_SYNC_E_RATE_LIMITED}, {"500", LOCK_SYNC_E_SERVER},      {"503", LOCK_SYNC_E_SERVER},
    {"html", LOCK_SYNC_E_MALFORMED},   {"empty", LOCK_SYNC_E_MALFORMED}, {"bad-json", LOCK_SYNC_E_MALFORMED},
    {"wrong-type", LOCK_SYNC_E_MALFORMED}, {"redirect", LOCK_SYNC_E_HTTP}, {"success-false", LOCK_SYNC_E_FORBIDDEN},
    {"truncated", LOCK_SYNC_E_NETWORK}, {"reset", LOCK_SYNC_E_NETWORK},  {"slow", LOCK_SYNC_E_TIMEOUT},
    {"huge", LOCK_SYNC_E_TOO_LARGE},   {"gzip-bomb", LOCK_SYNC_E_TOO_LARGE},
};

static sim *faulty;
static sim *healthy;

static int begin(void **user)
{
    static const char *const arguments[] = {"--static", "--any-key", NULL};

    (void)user;
    faulty = sim_start(arguments);
    healthy = sim_start(arguments);
    return 0;
}

static int end(void **user)
{
    (void)user;
    sim_stop(faulty, NULL);
    sim_stop(healthy, NULL);
    return 0;
}

TEST(each_fault_is_told_and_others_are_good)
{
    lock_sync_pool *p = pool_make();
    account bad[FAULTY];
    account good[HEALTHY];

    accounts_make(bad, FAULTY, sim_url(faulty));
    accounts_make(good, HEALTHY, sim_url(healthy));
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        sim_reset(faulty);
        sim_fault(faulty, rows[i].fault, 1);
        for (size_t k = 0; k < FAULTY; k++)
            MUST_OK(lock_sync_set_timeout_ms(bad[k].ctx, strcmp(rows[i].fault, "slow") == 0 ? 300 : 30000));
        accounts_submit(bad, FAULTY, p);
        accounts_submit(good, HEALTHY, p);
        pool_run_all(p);
        for (size_t k = 0; k < FAULTY; k++) {
            if (bad[k].status != rows[i].status)
                print_error("%s, account %zu:\n", rows[i].fault, k);
            expect_end(&bad[k], rows[i].status);
        }
        for (size_t k = 0; k < HEALTHY; k++)
            expect_end(&good[k], LOCK_SYNC_OK);
        if (strcmp(rows[i].fault, "slow") != 0 && sim_ask_stats(faulty).requests != FAULTY)
            fail_msg("%s: %d requests for %d submits", rows[i].fault, (int)sim_ask_stats(faulty).requests, FAULTY);
        sim_fault(faulty, rows[i].fault, 0);
        accounts_submit(bad, FAULTY, p);
        pool_run_all(p);
        for (size_t k = 0; k < FAULTY; k++) {
            if (bad[k].status != LOCK_SYNC_OK)
                print_error("after %s, account %zu:\n", rows[i].fault, k);
            expect_end(&bad[k], LOCK_SYNC_OK);
        }
    }
    accounts_free(bad, FAULTY);
    accounts_free(good, HEALTHY);
    pool_end(p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {T(each_fault_is_told_and_others_are_good)};

    return T_MAIN_IN(tests, begin, end);
}
