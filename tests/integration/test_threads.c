/* Contexts of different threads are independent: eight threads fetch at once, each with its own context. */
#include "client.h"

#include "../support/pems.h"

#define THREADS 8
#define FETCHES 50

typedef struct worker {
    const char *url;
    const char *ca_file;
    log_lines *log;
    size_t good;
    background *thread;
} worker;

/* Works without cmocka, whose assertions work only in the main thread. */
static void work(void *user)
{
    static const int64_t ids[] = {1001, 1003};
    worker *w = user;
    lock_sync_ctx *ctx;
    lock_sync_results *r;

    if (lock_sync_ctx_new(&ctx) != LOCK_SYNC_OK || lock_sync_set_base_url(ctx, w->url) != LOCK_SYNC_OK ||
        lock_sync_set_personal_key(ctx, KEY) != LOCK_SYNC_OK ||
        lock_sync_set_ca_file(ctx, w->ca_file) != LOCK_SYNC_OK ||
        lock_sync_set_logger(ctx, log_lines_keep, w->log) != LOCK_SYNC_OK ||
        lock_sync_set_guard_mode(ctx, LOCK_SYNC_GUARD_OFF) != LOCK_SYNC_OK)
        kit_die("no context");
    for (int i = 0; i < FETCHES; i++) {
        lock_sync_status status = i % 2 == 0 ? lock_sync_fetch(ctx, ids, 2, &r) : lock_sync_fetch_one(ctx, 1001, &r);

        w->good += status == LOCK_SYNC_OK && lock_sync_results_count(r) == (i % 2 == 0 ? 2 : 1) &&
                   lock_sync_results_find(r, 1001) != NULL;
        lock_sync_results_free(r);
    }
    lock_sync_ctx_free(ctx);
}

static void check_threads(sim *server, const char *ca_file)
{
    worker workers[THREADS];
    log_lines *log = log_lines_new();
    sim_stats stats;

    for (size_t i = 0; i < THREADS; i++) {
        workers[i] = (worker){.url = sim_url(server), .ca_file = ca_file, .log = log};
        workers[i].thread = background_begin(work, &workers[i]);
    }
    for (size_t i = 0; i < THREADS; i++)
        background_end(workers[i].thread);
    for (size_t i = 0; i < THREADS; i++)
        MUST_INT(workers[i].good, FETCHES);
    MUST_INT(log_lines_count(log, LOCK_SYNC_LOG_INFO), THREADS * FETCHES);
    MUST(!log_lines_contain(log, SECRET));
    log_lines_free(log);
    sim_stop(server, &stats);
    MUST_INT(stats.requests, THREADS * FETCHES);
    MUST_INT(stats.connections, THREADS);
}

/* The first test of the program: the threads race for libcurl's global initialisation, too. */
TEST(threads_with_separate_contexts_are_independent)
{
    check_threads(sim_start_usual(), NULL);
}

TEST(threads_with_separate_contexts_are_independent_over_tls)
{
    check_threads(sim_start_tls(pems->good, pems->key), pems->ca);
}

int main(void)
{
    return t_run_all_in(pems_make, pems_free);
}
