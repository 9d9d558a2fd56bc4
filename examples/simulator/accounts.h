/* Authorizes accounts, counts their requests, and checks the service's rate rules. */
#ifndef LOCKSYNC_SIM_ACCOUNTS_H
#define LOCKSYNC_SIM_ACCOUNTS_H

#include <stdbool.h>
#include <stdint.h>

enum scheme { PERSONAL_KEY, BEARER };

struct rules {
    bool any_key;              /* every credential is an account */
    int64_t min_interval_us;   /* between two syncs; 0: not enforced */
    uint32_t hourly_budget;    /* syncs and directories in a window; 0: not enforced */
    uint32_t directory_budget; /* directories in a window of 600 s; 0: not enforced */
};

struct tally {
    uint64_t accounts; /* with at least one request */
    uint64_t requests;
    uint64_t syncs;
    uint64_t interval_violations;
    uint64_t budget_violations; /* more requests than the hourly budget in some 3,600 s */
    uint64_t window_violations; /* more requests than the hourly budget in the service's own window */
    int64_t closest_us;         /* the shortest time between two syncs of one account; -1: none */
    uint64_t directories;
    uint64_t directory_violations; /* more directories than their budget in the service's own window */
};

struct account;
struct accounts;

struct accounts *accounts_new(const struct rules *rules);
void accounts_free(struct accounts *accounts);
void accounts_add(struct accounts *accounts, enum scheme scheme, const char *credential);

/* Returns the account of an Authorization header and counts a request of it; NULL: not authorized. */
struct account *accounts_authorize(struct accounts *accounts, const char *authorization);

/* Counts a sync that arrived at now_us. Returns 0 if it keeps the rules, else how many seconds to wait. */
int64_t accounts_sync(struct accounts *accounts, struct account *account, int64_t now_us);

/* Does the same for a request for the directory (my/lock). */
int64_t accounts_directory(struct accounts *accounts, struct account *account, int64_t now_us);

void accounts_tally(struct accounts *accounts, struct tally *tally);
bool accounts_tally_one(struct accounts *accounts, enum scheme scheme, const char *credential, struct tally *tally);

/* Resets the counts and arrivals of all accounts. */
void accounts_reset(struct accounts *accounts);

#endif
