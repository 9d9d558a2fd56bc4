/* A soak test: very many fetches, blocking, in a pool and by watches of a pool, with contexts that are made and freed.
   Memory and descriptors must not grow.

   torture-soak [FETCHES [SECONDS]]: FETCHES of each kind. Each kind ends after a third of the time, and fails if it
   has done less than half of its fetches. */
#include "../support/kit.h"
#include "../support/sim.h"

#include <locksync/locksync.h>

#include <inttypes.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ACCOUNTS 64
#define WARM_UP 10    /* the first tenth; memory that grows in it stays in use */
#define LIFE 500      /* fetches of a context before another replaces it */
#define INTERVAL_MS 2 /* of a watch */
#define HOUR_MS 3600000
#define GROWTH_MAX 65536   /* growth of the heap in bytes that is allowed; the process may grow by 32 times that */
#define CONNECTIONS 8      /* fewer than accounts: all are open before the warm-up ends, on slow machines too */
#define DESCRIPTORS_MORE 8 /* one may be in replacement; a leak would be thousands */

typedef struct soak {
    const char *url;
    uint64_t fetches;
    int64_t until_ms;
    uint64_t done;
    uint64_t bad;
    lock_sync_ctx *all[ACCOUNTS];
    lock_sync_watch *watches[ACCOUNTS];
    lock_sync_pool *pool;
} soak;

typedef struct level {
    size_t heap;
    size_t resident;
    size_t descriptors;
} level;

static level look(void)
{
    char *status = kit_read_file("/proc/self/status");
    const char *resident = strstr(status, "VmRSS:");
    level l = {mallinfo2().uordblks + mallinfo2().hblkhd,
               resident == NULL ? 0 : (size_t)strtoull(resident + strlen("VmRSS:"), NULL, 10) * 1024,
               kit_descriptors()};

    free(status);
    return l;
}

static lock_sync_ctx *new_account(const soak *s, size_t i)
{
    char *key = kit_text("key-%zu", i);
    lock_sync_ctx *ctx;

    if (lock_sync_ctx_new(&ctx) != LOCK_SYNC_OK || lock_sync_set_base_url(ctx, s->url) != LOCK_SYNC_OK ||
        lock_sync_set_personal_key(ctx, key) != LOCK_SYNC_OK ||
        lock_sync_set_guard_mode(ctx, LOCK_SYNC_GUARD_OFF) != LOCK_SYNC_OK)
        kit_die("no context");
    free(key);
    return ctx;
}

static void count(soak *s, lock_sync_status status, lock_sync_results *results)
{
    s->done++;
    s->bad += status != LOCK_SYNC_OK || lock_sync_results_count(results) != 4;
    lock_sync_results_free(results);
}

static void renew(soak *s, size_t i)
{
    lock_sync_ctx_free(s->all[i]);
    s->all[i] = new_account(s, i);
}

/* --- the ways to fetch; each runs until `until` fetches are done --- */

static void fetch_blocking(soak *s, uint64_t until)
{
    for (; s->done < until && (s->done % 64 != 0 || kit_now_ms() < s->until_ms);) {
        lock_sync_results *results = NULL;
        lock_sync_status status = lock_sync_fetch(s->all[0], NULL, 0, &results);

        count(s, status, results);
        if (s->done % LIFE == 0)
            renew(s, 0);
    }
}

static void on_done(void *user, lock_sync_ctx *ctx, lock_sync_status status, lock_sync_results *results)
{
    (void)ctx;
    count(user, status, results);
}

static void fetch_in_pool(soak *s, uint64_t until)
{
    for (uint64_t round = 1; s->done < until && kit_now_ms() < s->until_ms; round++) {
        for (size_t i = 0; i < ACCOUNTS; i++)
            s->bad += lock_sync_pool_submit(s->pool, s->all[i], NULL, 0, on_done, s) != LOCK_SYNC_OK;
        while (lock_sync_pool_pending(s->pool) > 0)
            s->bad += lock_sync_pool_wait(s->pool, -1) != LOCK_SYNC_OK;
        renew(s, round % ACCOUNTS);
    }
}

/* Counts the fetches of a watch. Each writes one line to the log. */
static void on_line(void *user, lock_sync_log_level severity, const char *message)
{
    soak *s = user;

    s->done += strstr(message, ": LOCK_SYNC_OK,") != NULL;
    s->bad += severity <= LOCK_SYNC_LOG_WARNING;
}

/* Checks a report. The locks do not change, so only the first response is reported. */
static void on_change(void *user, lock_sync_watch *w, lock_sync_status status, const lock_sync_changes *changes)
{
    soak *s = user;

    (void)w;
    s->bad += status != LOCK_SYNC_OK || lock_sync_changes_count(changes) != 4 ||
              (lock_sync_change_kinds(lock_sync_changes_at(changes, 0)) & LOCK_SYNC_CHANGE_ADDED) == 0;
}

static void renew_watch(soak *s, size_t i)
{
    lock_sync_watch_free(s->watches[i]);
    renew(s, i);
    if (lock_sync_set_logger(s->all[i], on_line, s) != LOCK_SYNC_OK ||
        lock_sync_watch_new(s->all[i], NULL, 0, &s->watches[i]) != LOCK_SYNC_OK ||
        lock_sync_watch_set_interval_ms(s->watches[i], INTERVAL_MS) != LOCK_SYNC_OK ||
        lock_sync_pool_watch(s->pool, s->watches[i], on_change, s) != LOCK_SYNC_OK)
        kit_die("no watch");
}

/* Lets the polls under way end, without new ones. */
static void rest(soak *s)
{
    for (size_t i = 0; i < ACCOUNTS; i++)
        (void)lock_sync_watch_set_interval_ms(s->watches[i], HOUR_MS);
    for (size_t i = 0; i < ACCOUNTS; i++)
        while (lock_sync_watch_due_in_ms(s->watches[i]) < HOUR_MS / 2)
            s->bad += lock_sync_pool_wait(s->pool, -1) != LOCK_SYNC_OK;
}

static void fetch_by_watches(soak *s, uint64_t until)
{
    for (size_t i = 0; i < ACCOUNTS; i++)
        renew_watch(s, i);
    while (s->done < until && kit_now_ms() < s->until_ms)
        s->bad += lock_sync_pool_wait(s->pool, -1) != LOCK_SYNC_OK;
    rest(s);
}

/* --- a run --- */

static int judge(const char *name, const soak *s, int64_t ms, const level *warm, const level *end)
{
    bool flat = end->heap <= warm->heap + GROWTH_MAX && end->resident <= warm->resident + (size_t)GROWTH_MAX * 32;
    bool good = s->bad == 0 && s->done >= s->fetches / 2 && end->descriptors <= warm->descriptors + DESCRIPTORS_MORE &&
                (flat || kit_slack() > 1); /* a sanitizer keeps freed blocks, and finds leaks itself */

    printf("%-8s %" PRIu64 " of %" PRIu64 " fetches in %.1f s (%.0f/s), %" PRIu64
           " bad; after the warm-up and at the "
           "end: heap %zu and %zu bytes, resident %zu and %zu KiB, descriptors %zu and %zu%s\n",
           name, s->done, s->fetches, (double)ms / 1000, (double)s->done * 1000 / (double)(ms + 1), s->bad, warm->heap,
           end->heap, warm->resident / 1024, end->resident / 1024, warm->descriptors, end->descriptors,
           good ? "" : "  FAILED");
    return good ? 0 : 1;
}

static int run(const char *name, const char *url, uint64_t fetches, double seconds, void (*fetch)(soak *, uint64_t))
{
    int64_t start_ms = kit_now_ms();
    soak s = {.url = url, .fetches = fetches, .until_ms = start_ms + (int64_t)(seconds * 1000)};
    level warm;
    level end;

    if (lock_sync_pool_new(&s.pool) != LOCK_SYNC_OK ||
        lock_sync_pool_set_max_connections(s.pool, CONNECTIONS, CONNECTIONS) != LOCK_SYNC_OK)
        kit_die("no pool");
    for (size_t i = 0; i < ACCOUNTS; i++)
        s.all[i] = new_account(&s, i);
    fetch(&s, fetches / WARM_UP);
    warm = look();
    fetch(&s, fetches);
    end = look();
    for (size_t i = 0; i < ACCOUNTS; i++) {
        lock_sync_watch_free(s.watches[i]);
        lock_sync_ctx_free(s.all[i]);
    }
    lock_sync_pool_free(s.pool);
    return judge(name, &s, kit_now_ms() - start_ms, &warm, &end);
}

int main(int argc, char **argv)
{
    static const char *const options[] = {"--static", "--any-key", NULL};
    uint64_t fetches = argc > 1 ? strtoull(argv[1], NULL, 10) : 200000;
    double seconds = argc > 2 ? strtod(argv[2], NULL) : 60;
    sim *server = sim_start(options);
    int failed = run("blocking", sim_url(server), fetches, seconds / 3, fetch_blocking);

    failed |= run("pool", sim_url(server), fetches, seconds / 3, fetch_in_pool);
    failed |= run("watches", sim_url(server), fetches, seconds / 3, fetch_by_watches);
    sim_stop(server, NULL);
    return failed;
}
