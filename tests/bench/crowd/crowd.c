/* Very many contexts in one process, polled through one pool on an application's schedule. Measures how late the
   responses are, the cost of a fetch, and the memory of an idle context.

   bench-crowd BASE_URL CONTEXTS PERIOD_MS INTERVAL_MS SECONDS [REDIS_URL] prints one line of JSON. Each context has a
   separate key and is polled once in a period; the polls are evenly spread. INTERVAL_MS is the interval of its guard;
   with 0 each context has its private guard with the default interval, or one in Redis, for whose slot it waits. Polls
   count after every context has fetched once and at least WARM_UP_NS have passed. A poll that is denied or fails lasts
   until a later one of its context gets a response. */
#include "../tools.h"

#include <locksync/locksync.h>
#ifdef WITH_REDIS
#  include <locksync/redis.h>
#endif

#include <malloc.h>
#include <math.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define LOCKS 10    /* in each response; the simulator has the same option */
#define LATE_NS 1e9 /* a response later than this counts as late */
#define WARM_UP_NS 3e9
#define BUDGET 1000000 /* for contexts that are polled much more often than the service allows */

typedef struct account {
    lock_sync_ctx *ctx;
    double due_ns; /* of the first poll that has no response yet */
    size_t poll;   /* its number */
    bool is_owed;  /* there is such a poll */
} account;

typedef struct crowd {
    lock_sync_pool *pool;
    account *accounts;
    size_t count;
    double step_ns;
    double begin_ns;
    size_t next;     /* the next poll to submit */
    size_t polls;    /* all */
    size_t measured; /* the first poll that counts */
    double *late_ns; /* of the counted polls with a response, from the first due time */
    double warm_up_max_ns;
    size_t with_response; /* counted polls with a response; the next fields count all polls */
    size_t too_soon;      /* denied by the guard */
    size_t skipped;       /* not submitted: the poll before was still under way */
    size_t failed;
    double wall_ns; /* from the first counted poll to the end, like the next field */
    double cpu_ns;
    double waited_ns; /* ready to run, while another process had the core */
} crowd;

/* --- memory --- */

static size_t heap_bytes; /* through the contexts' allocator, including malloc's header of each block */

static size_t size_of(void *block)
{
    return block == NULL ? 0 : malloc_usable_size(block) + sizeof(size_t);
}

static void *count_allocate(void *user, size_t size)
{
    void *block = malloc(size);

    (void)user;
    heap_bytes += size_of(block);
    return block;
}

static void *count_reallocate(void *user, void *block, size_t size)
{
    size_t before = size_of(block);
    void *moved = realloc(block, size);

    (void)user;
    if (moved != NULL)
        heap_bytes += size_of(moved) - before;
    return moved;
}

static void count_release(void *user, void *block)
{
    (void)user;
    heap_bytes -= size_of(block);
    free(block);
}

static const lock_sync_allocator counting = {sizeof counting, NULL, count_allocate, count_reallocate, count_release};

/* Reads two numbers from a file in /proc/self. */
static void read_two(const char *path, double *first, double *second)
{
    FILE *f = fopen(path, "r");

    if (f == NULL || fscanf(f, "%lf %lf", first, second) != 2)
        die("%s cannot be read", path);
    (void)fclose(f);
}

static double resident_bytes(void)
{
    double pages, resident;

    read_two("/proc/self/statm", &pages, &resident);
    return resident * (double)sysconf(_SC_PAGESIZE);
}

/* --- the contexts --- */

static void limit(lock_sync_ctx *ctx, int64_t interval_ms)
{
    lock_sync_guard *guard;

    if (lock_sync_guard_new_with_allocator(&counting, &guard) != LOCK_SYNC_OK ||
        lock_sync_guard_set_min_interval_ms(guard, interval_ms) != LOCK_SYNC_OK ||
        lock_sync_guard_set_hourly_budget(guard, BUDGET, 0) != LOCK_SYNC_OK ||
        lock_sync_set_guard(ctx, guard) != LOCK_SYNC_OK)
        die("no guard");
    lock_sync_guard_unref(guard);
}

#ifdef WITH_REDIS
static lock_sync_redis *redis;

static void open_redis(const char *url)
{
    if (lock_sync_redis_new(url, &redis) != LOCK_SYNC_OK)
        die("'%s' is not a URL of Redis", url);
}

static void guard_in_redis(lock_sync_ctx *ctx, size_t number)
{
    lock_sync_guard *guard;
    char key[64];

    if (redis == NULL)
        return;
    (void)snprintf(key, sizeof key, "locksync:account:%zu", number);
    if (lock_sync_guard_open_redis(redis, key, &guard) != LOCK_SYNC_OK ||
        lock_sync_set_guard(ctx, guard) != LOCK_SYNC_OK ||
        lock_sync_set_guard_mode(ctx, LOCK_SYNC_GUARD_WAIT) != LOCK_SYNC_OK)
        die("no guard in Redis");
    lock_sync_guard_unref(guard);
}

static void close_redis(void)
{
    lock_sync_redis_free(redis);
}
#else
static void open_redis(const char *url)
{
    die("%s: this program was built without Redis", url);
}

static void guard_in_redis(lock_sync_ctx *ctx, size_t number)
{
    (void)ctx, (void)number;
}

static void close_redis(void)
{
}
#endif

/* Returns the memory that the key uses. */
static size_t add(account *a, size_t number, const char *base_url, int64_t interval_ms)
{
    size_t before;
    char key[64];

    (void)snprintf(key, sizeof key, "key-%032zu-%04zu", number, number % 10000);
    if (lock_sync_ctx_new_with_allocator(&counting, &a->ctx) != LOCK_SYNC_OK ||
        lock_sync_set_base_url(a->ctx, base_url) != LOCK_SYNC_OK)
        die("no context");
    if (interval_ms > 0)
        limit(a->ctx, interval_ms);
    guard_in_redis(a->ctx, number);
    before = heap_bytes;
    if (lock_sync_set_personal_key(a->ctx, key) != LOCK_SYNC_OK)
        die("no key");
    return heap_bytes - before;
}

/* --- the schedule --- */

static crowd c;

static void on_done(void *user, lock_sync_ctx *ctx, lock_sync_status status, lock_sync_results *results)
{
    account *a = user;
    double late_ns = now_ns() - a->due_ns;

    if (status == LOCK_SYNC_E_TOO_SOON)
        c.too_soon++;
    else if (status != LOCK_SYNC_OK || lock_sync_results_count(results) != LOCKS) {
        if (c.failed++ == 0)
            (void)fprintf(stderr, "the first failure: %s, %s\n", lock_sync_status_name(status),
                          lock_sync_error_message(lock_sync_last_error(ctx)));
    } else {
        if (a->poll >= c.measured)
            c.late_ns[c.with_response++] = late_ns;
        else
            c.warm_up_max_ns = fmax(c.warm_up_max_ns, late_ns);
        a->is_owed = false;
    }
    lock_sync_results_free(results);
}

static void submit(size_t number)
{
    account *a = &c.accounts[number % c.count];
    lock_sync_status status;

    if (!a->is_owed) {
        a->poll = number;
        a->due_ns = c.begin_ns + (double)number * c.step_ns;
        a->is_owed = true;
    }
    status = lock_sync_pool_submit(c.pool, a->ctx, NULL, 0, on_done, a);
    if (status == LOCK_SYNC_OK)
        return;
    if (status == LOCK_SYNC_E_BUSY)
        c.skipped++;
    else
        c.failed++;
}

static double cpu_ns(void)
{
    struct timespec t;

    (void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static double waited_ns(void)
{
    double ran, waited;

    read_two("/proc/self/schedstat", &ran, &waited);
    return waited;
}

/* Submits the polls that are due. */
static void submit_due(void)
{
    double now = now_ns();

    for (; c.next < c.polls && c.begin_ns + (double)c.next * c.step_ns <= now; c.next++) {
        if (c.next == c.measured) {
            c.wall_ns = now;
            c.cpu_ns = cpu_ns();
            c.waited_ns = waited_ns();
        }
        submit(c.next);
    }
}

static void run(void)
{
    struct pollfd ready = {.fd = lock_sync_pool_fd(c.pool), .events = POLLIN};

    c.begin_ns = now_ns();
    while (c.next < c.polls || lock_sync_pool_pending(c.pool) > 0) {
        double left_ms;

        submit_due();
        left_ms = c.next < c.polls ? ceil((c.begin_ns + (double)c.next * c.step_ns - now_ns()) / 1e6) : 1000;
        if (poll(&ready, 1, left_ms < 0 ? 0 : (int)left_ms) > 0 && lock_sync_pool_dispatch(c.pool) != LOCK_SYNC_OK)
            die("the pool cannot continue");
    }
    c.wall_ns = now_ns() - c.wall_ns;
    c.cpu_ns = cpu_ns() - c.cpu_ns;
    c.waited_ns = waited_ns() - c.waited_ns;
}

/* --- results --- */

static void print(size_t key_bytes, double grown)
{
    size_t late = 0;
    double n = (double)c.count;

    if (c.with_response == 0)
        die("no poll got a response");
    for (size_t i = 0; i < c.with_response; i++)
        late += c.late_ns[i] > LATE_NS;
    for (size_t i = 0; i < c.count; i++) /* those without a response */
        late += c.accounts[i].is_owed && c.accounts[i].poll >= c.measured;
    printf(
        "{\"contexts\":%zu,\"period_ms\":%.0f,\"polls\":%zu,\"measured\":%zu,\"with_response\":%zu,\"too_soon\":%zu,"
        "\"skipped\":%zu,\"failed\":%zu,\"late\":%zu,",
        c.count, c.step_ns * n / 1e6, c.polls, c.polls - c.measured, c.with_response, c.too_soon, c.skipped, c.failed,
        late);
    printf(
        "\"median_ms\":%.3f,\"p99_ms\":%.3f,\"max_ms\":%.3f,\"per_second\":%.0f,\"warm_up_max_ms\":%.3f,"
        "\"cpu_us\":%.2f,\"waited_ms\":%.0f,",
        quantile(c.late_ns, c.with_response, 0.5) / 1e6, quantile(c.late_ns, c.with_response, 0.99) / 1e6,
        quantile(c.late_ns, c.with_response, 1) / 1e6, (double)c.with_response / c.wall_ns * 1e9,
        c.warm_up_max_ns / 1e6, c.cpu_ns / 1e3 / (double)c.with_response, c.waited_ns / 1e6);
    printf("\"key_bytes\":%.0f,\"heap_bytes\":%.0f,\"resident_bytes\":%.0f}\n", (double)key_bytes / n,
           (double)(heap_bytes - key_bytes) / n, (grown - (double)key_bytes) / n);
}

static double number(const char *text)
{
    char *end;
    double value = strtod(text, &end);

    if (end == text || *end != '\0' || value < 0)
        die("'%s' is not a number", text);
    return value;
}

int main(int argc, char **argv)
{
    double period_ns, before;
    size_t key_bytes = 0;

    if (argc != 6 && argc != 7)
        die("usage: bench-crowd BASE_URL CONTEXTS PERIOD_MS INTERVAL_MS SECONDS [REDIS_URL]");
    if (argc == 7)
        open_redis(argv[6]);
    c.count = (size_t)number(argv[2]);
    period_ns = number(argv[3]) * 1e6;
    if (c.count == 0 || period_ns == 0)
        die("no contexts or no period");
    c.step_ns = period_ns / (double)c.count;
    c.measured = (size_t)((period_ns > WARM_UP_NS ? period_ns : WARM_UP_NS) / c.step_ns);
    c.polls = c.measured + (size_t)(number(argv[5]) * 1e9 / c.step_ns);
    c.late_ns = allocate(c.polls * sizeof c.late_ns[0]);
    c.accounts = allocate(c.count * sizeof c.accounts[0]);
    memset(c.late_ns, 1, c.polls * sizeof c.late_ns[0]); /* resident from now on, like the next array */
    memset(c.accounts, 0, c.count * sizeof c.accounts[0]);
    if (lock_sync_pool_new(&c.pool) != LOCK_SYNC_OK)
        die("no pool");
    before = resident_bytes();
    for (size_t i = 0; i < c.count; i++)
        key_bytes += add(&c.accounts[i], i, argv[1], (int64_t)number(argv[4]));
    run();
    print(key_bytes, resident_bytes() - before);
    lock_sync_pool_free(c.pool);
    for (size_t i = 0; i < c.count; i++)
        lock_sync_ctx_free(c.accounts[i].ctx);
    close_redis();
    free(c.accounts);
    free(c.late_ns);
    return 0;
}
