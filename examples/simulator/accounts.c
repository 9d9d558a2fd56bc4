/* Keeps the accounts in a hash table of shards. Each shard has a lock, so that threads rarely contend, and 100,000
   accounts cost no more per request than one. An account is never removed.

   The rules, as the service documents them, without tolerance:
   - Interval: a sync violates it if it arrives less than the interval after the previous sync, whatever the response to
     that sync was.
   - Budget: a window of 3,600 s starts with the account's first request, and the next windows follow without a gap.
     Each request over the budget violates it. Syncs and directories count.
   - Directories: the same in windows of 600 s, which start with the account's first directory.

   Rejected requests count in each rule. Requests over the hourly budget in *any* 3,600 s are counted too, but not
   rejected. For these a ring has the arrival times of the last `budget` requests. */

#include "accounts.h"

#include "text.h"

#include <pthread.h>
#include <strings.h>

#define SHARDS 64
#define SECOND_US INT64_C(1000000)
#define HOUR_US (3600 * SECOND_US)
#define TEN_MINUTES_US (600 * SECOND_US)

struct window {
    int64_t begun_us;
    uint64_t requests;
};

struct account {
    struct account *next; /* in its bucket */
    struct shard *shard;
    uint64_t hash;
    struct tally tally;
    int64_t last_us; /* the newest sync; unset while tally.syncs is 0 */
    struct window hour;
    struct window ten_minutes; /* directories only */
    int64_t *ring;             /* the last `budget` arrivals; grows up to that size */
    uint32_t ring_room;
    uint32_t ring_used;
    uint32_t ring_next; /* once full: the oldest, to be replaced */
    enum scheme scheme;
    char credential[];
};

struct shard {
    pthread_mutex_t lock;
    struct account **buckets;
    size_t room;
    size_t count;
};

struct accounts {
    struct rules rules;
    struct shard shards[SHARDS];
};

static uint64_t hash_of(enum scheme scheme, const char *credential)
{
    uint64_t hash = UINT64_C(14695981039346656037) + (uint64_t)scheme;

    for (; *credential != '\0'; credential++)
        hash = (hash ^ (unsigned char)*credential) * UINT64_C(1099511628211);
    return mix(hash);
}

/* Selects the shard by the top bits. The low bits select the bucket in it. */
static struct shard *shard_of(struct accounts *accounts, uint64_t hash)
{
    return &accounts->shards[hash >> 58];
}

static void clear(struct account *account)
{
    account->tally = (struct tally){.closest_us = -1};
    account->hour.requests = 0;
    account->ten_minutes.requests = 0;
    account->ring_used = 0;
    account->ring_next = 0;
}

struct accounts *accounts_new(const struct rules *rules)
{
    struct accounts *accounts = must(calloc(1, sizeof *accounts));

    accounts->rules = *rules;
    for (size_t i = 0; i < SHARDS; i++) {
        struct shard *shard = &accounts->shards[i];
        pthread_mutex_init(&shard->lock, NULL);
        shard->room = 4;
        shard->buckets = must(calloc(shard->room, sizeof *shard->buckets));
    }
    return accounts;
}

/* Calls `visit` for each account, under the lock of its shard. */
static void each_account(struct accounts *accounts, void (*visit)(struct account *account, void *user), void *user)
{
    for (size_t i = 0; i < SHARDS; i++) {
        struct shard *shard = &accounts->shards[i];
        pthread_mutex_lock(&shard->lock);
        for (size_t b = 0; b < shard->room; b++)
            for (struct account *next, *account = shard->buckets[b]; account != NULL; account = next) {
                next = account->next;
                visit(account, user);
            }
        pthread_mutex_unlock(&shard->lock);
    }
}

static void free_one(struct account *account, void *unused)
{
    (void)unused;
    free(account->ring);
    free(account);
}

void accounts_free(struct accounts *accounts)
{
    if (accounts == NULL)
        return;
    each_account(accounts, free_one, NULL);
    for (size_t i = 0; i < SHARDS; i++) {
        pthread_mutex_destroy(&accounts->shards[i].lock);
        free(accounts->shards[i].buckets);
    }
    free(accounts);
}

static void grow(struct shard *shard)
{
    size_t room = 2 * shard->room;
    struct account **buckets = must(calloc(room, sizeof *buckets));

    for (size_t b = 0; b < shard->room; b++)
        for (struct account *next, *account = shard->buckets[b]; account != NULL; account = next) {
            next = account->next;
            account->next = buckets[account->hash & (room - 1)];
            buckets[account->hash & (room - 1)] = account;
        }
    free(shard->buckets);
    shard->buckets = buckets;
    shard->room = room;
}

static struct account *find(const struct shard *shard, uint64_t hash, enum scheme scheme, const char *credential)
{
    struct account *account = shard->buckets[hash & (shard->room - 1)];

    while (account != NULL &&
           (account->hash != hash || account->scheme != scheme || strcmp(account->credential, credential) != 0))
        account = account->next;
    return account;
}

static struct account *add(struct shard *shard, uint64_t hash, enum scheme scheme, const char *credential)
{
    size_t size = strlen(credential) + 1;
    struct account *account = must(calloc(1, sizeof *account + size));
    struct account **bucket;

    if (shard->count >= shard->room)
        grow(shard);
    bucket = &shard->buckets[hash & (shard->room - 1)];
    account->shard = shard;
    account->hash = hash;
    account->scheme = scheme;
    memcpy(account->credential, credential, size);
    clear(account);
    account->next = *bucket;
    *bucket = account;
    shard->count++;
    return account;
}

void accounts_add(struct accounts *accounts, enum scheme scheme, const char *credential)
{
    uint64_t hash = hash_of(scheme, credential);
    struct shard *shard = shard_of(accounts, hash);

    pthread_mutex_lock(&shard->lock);
    if (find(shard, hash, scheme, credential) == NULL)
        add(shard, hash, scheme, credential);
    pthread_mutex_unlock(&shard->lock);
}

/* Returns "xyz" for "PersonalKey xyz"; NULL for another scheme or an empty credential. Case does not matter in schemes.
   */
static const char *credential_in(const char *authorization, enum scheme *scheme)
{
    static const struct {
        const char *name;
        size_t size;
    } schemes[] = {[PERSONAL_KEY] = {"PersonalKey ", 12}, [BEARER] = {"Bearer ", 7}};

    for (size_t i = 0; i < sizeof schemes / sizeof *schemes; i++)
        if (strncasecmp(authorization, schemes[i].name, schemes[i].size) == 0) {
            const char *credential = authorization + schemes[i].size;
            credential += strspn(credential, " ");
            *scheme = (enum scheme)i;
            return *credential != '\0' ? credential : NULL;
        }
    return NULL;
}

struct account *accounts_authorize(struct accounts *accounts, const char *authorization)
{
    enum scheme scheme;
    const char *credential = authorization != NULL ? credential_in(authorization, &scheme) : NULL;
    struct account *account;

    if (credential == NULL)
        return NULL;

    uint64_t hash = hash_of(scheme, credential);
    struct shard *shard = shard_of(accounts, hash);

    pthread_mutex_lock(&shard->lock);
    account = find(shard, hash, scheme, credential);
    if (account == NULL && accounts->rules.any_key)
        account = add(shard, hash, scheme, credential);
    if (account != NULL)
        account->tally.requests++;
    pthread_mutex_unlock(&shard->lock);
    return account;
}

static int64_t whole_seconds(int64_t us)
{
    return (us + SECOND_US - 1) / SECOND_US;
}

/* Returns how long to wait in us; 0: the rule is kept. */
static int64_t check_interval(const struct rules *rules, struct account *account, int64_t now_us)
{
    /* two threads may call this in another order than their requests arrived in */
    int64_t gap = now_us > account->last_us ? now_us - account->last_us : account->last_us - now_us;

    if (account->tally.syncs == 0) {
        account->last_us = now_us;
        return 0;
    }
    account->last_us = now_us > account->last_us ? now_us : account->last_us;
    if (account->tally.closest_us < 0 || gap < account->tally.closest_us)
        account->tally.closest_us = gap;
    if (gap >= rules->min_interval_us)
        return 0;
    account->tally.interval_violations++;
    return rules->min_interval_us;
}

/* Counts a request in a window, which begins with the first request. Returns how long to wait in us; 0: the rule is
   kept. */
static int64_t check_window(struct window *window, bool first, int64_t lasts_us, uint32_t budget, int64_t now_us)
{
    if (first)
        window->begun_us = now_us;
    if (now_us - window->begun_us >= lasts_us) {
        window->begun_us += (now_us - window->begun_us) / lasts_us * lasts_us;
        window->requests = 0;
    }
    return ++window->requests <= budget ? 0 : window->begun_us + lasts_us - now_us;
}

static void check_any_hour(const struct rules *rules, struct account *account, int64_t now_us)
{
    uint32_t budget = rules->hourly_budget;

    if (account->ring_used == budget) {
        if (now_us - account->ring[account->ring_next] < HOUR_US)
            account->tally.budget_violations++;
        account->ring[account->ring_next] = now_us;
        account->ring_next = (account->ring_next + 1) % budget;
        return;
    }
    if (account->ring_used == account->ring_room) {
        uint32_t room = account->ring_room < 4 ? 8 : 2 * account->ring_room;
        account->ring_room = room < budget ? room : budget;
        account->ring = must(realloc(account->ring, account->ring_room * sizeof *account->ring));
    }
    account->ring[account->ring_used++] = now_us;
}

static int64_t check_hour(const struct rules *rules, struct account *account, int64_t now_us)
{
    bool first = account->tally.syncs + account->tally.directories == 0;
    int64_t wait_us;

    if (rules->hourly_budget == 0)
        return 0;
    wait_us = check_window(&account->hour, first, HOUR_US, rules->hourly_budget, now_us);
    account->tally.window_violations += wait_us > 0;
    check_any_hour(rules, account, now_us);
    return wait_us;
}

static int64_t check_directories(const struct rules *rules, struct account *account, int64_t now_us)
{
    bool first = account->tally.directories == 0;
    int64_t wait_us;

    if (rules->directory_budget == 0)
        return 0;
    wait_us = check_window(&account->ten_minutes, first, TEN_MINUTES_US, rules->directory_budget, now_us);
    account->tally.directory_violations += wait_us > 0;
    return wait_us;
}

static int64_t later(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

int64_t accounts_sync(struct accounts *accounts, struct account *account, int64_t now_us)
{
    const struct rules *rules = &accounts->rules;
    int64_t wait_us;

    pthread_mutex_lock(&account->shard->lock);
    wait_us = check_interval(rules, account, now_us);
    wait_us = later(wait_us, check_hour(rules, account, now_us));
    account->tally.syncs++;
    pthread_mutex_unlock(&account->shard->lock);
    return whole_seconds(wait_us);
}

int64_t accounts_directory(struct accounts *accounts, struct account *account, int64_t now_us)
{
    const struct rules *rules = &accounts->rules;
    int64_t wait_us;

    pthread_mutex_lock(&account->shard->lock);
    wait_us = check_directories(rules, account, now_us);
    wait_us = later(wait_us, check_hour(rules, account, now_us));
    account->tally.directories++;
    pthread_mutex_unlock(&account->shard->lock);
    return whole_seconds(wait_us);
}

static void add_tally(struct account *account, void *user)
{
    const struct tally *one = &account->tally;
    struct tally *sum = user;

    sum->accounts += one->requests > 0;
    sum->requests += one->requests;
    sum->syncs += one->syncs;
    sum->interval_violations += one->interval_violations;
    sum->budget_violations += one->budget_violations;
    sum->window_violations += one->window_violations;
    if (one->closest_us >= 0 && (sum->closest_us < 0 || one->closest_us < sum->closest_us))
        sum->closest_us = one->closest_us;
    sum->directories += one->directories;
    sum->directory_violations += one->directory_violations;
}

void accounts_tally(struct accounts *accounts, struct tally *tally)
{
    *tally = (struct tally){.closest_us = -1};
    each_account(accounts, add_tally, tally);
}

bool accounts_tally_one(struct accounts *accounts, enum scheme scheme, const char *credential, struct tally *tally)
{
    uint64_t hash = hash_of(scheme, credential);
    struct shard *shard = shard_of(accounts, hash);
    struct account *account;

    *tally = (struct tally){.closest_us = -1};
    pthread_mutex_lock(&shard->lock);
    account = find(shard, hash, scheme, credential);
    if (account != NULL)
        add_tally(account, tally);
    pthread_mutex_unlock(&shard->lock);
    return account != NULL;
}

static void clear_one(struct account *account, void *unused)
{
    (void)unused;
    clear(account);
}

void accounts_reset(struct accounts *accounts)
{
    each_account(accounts, clear_one, NULL);
}
