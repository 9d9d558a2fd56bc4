/* Accounts that fetch round and round: whether each share of them gets as much as the others. */
#ifndef POOL_SHARES_H
#define POOL_SHARES_H

#include "accounts.h"

/* Runs `n` accounts, of which each n / shares neighbours are a share, until `total` fetches more than the first of each
   have been submitted. All are good; the share that got the fewest is within 20 % of the one that got the most. */
void expect_equal_shares(account *all, size_t n, size_t shares, size_t total, lock_sync_pool *p);

#endif
