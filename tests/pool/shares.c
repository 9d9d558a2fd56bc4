/* Accounts that fetch round and round; see shares.h. */
#include "shares.h"

typedef struct crowd {
    size_t left;
    size_t *shares;
    size_t members; /* of each share */
    account *all;
} crowd;

static crowd members;

static void go_round(account *a)
{
    MUST_OK(a->status);
    if (members.left == 0)
        return;
    members.left--;
    members.shares[(size_t)(a - members.all) / members.members]++;
    account_submit(a, a->pool);
}

void expect_equal_shares(account *all, size_t n, size_t shares, size_t total, lock_sync_pool *p)
{
    size_t counts[64] = {0};
    size_t least = SIZE_MAX;
    size_t most = 0;

    MUST(shares <= COUNT_OF(counts));
    members = (crowd){total, counts, n / shares, all};
    for (size_t i = 0; i < n; i++)
        all[i].then = go_round;
    accounts_submit(all, n, p);
    pool_run_all(p);
    for (size_t i = 0; i < shares; i++) {
        least = counts[i] < least ? counts[i] : least;
        most = counts[i] > most ? counts[i] : most;
    }
    if ((most - least) * 5 > most)
        fail_msg("the shares are between %zu and %zu", least, most);
}
