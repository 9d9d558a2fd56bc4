/* The cost of a fetch in C, beside the bindings: fetch ROUNDS prints the microseconds of one, and those of CPU. */
#include <locksync/locksync.h>

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static double now_us(clockid_t clock)
{
    struct timespec t;

    clock_gettime(clock, &t);
    return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

/* Fetches, and reads a value of each lock, as a program does. */
static int fetch(lock_sync_ctx *ctx)
{
    lock_sync_results *results;
    int locked = 0;

    if (lock_sync_fetch(ctx, NULL, 0, &results) != LOCK_SYNC_OK) {
        fprintf(stderr, "%s\n", lock_sync_error_message(lock_sync_last_error(ctx)));
        exit(1);
    }
    for (size_t i = 0; i < lock_sync_results_count(results); i++)
        locked += lock_sync_lock_is_locked(lock_sync_results_at(results, i)) == LOCK_SYNC_YES;
    lock_sync_results_free(results);
    return locked;
}

int main(int argc, char **argv)
{
    int rounds = argc > 1 ? atoi(argv[1]) : 1000;
    lock_sync_ctx *ctx;
    double began, began_cpu;

    if (lock_sync_ctx_new(&ctx) != LOCK_SYNC_OK)
        return 1;
    lock_sync_set_base_url(ctx, getenv("LOCKSYNC_BASE_URL"));
    lock_sync_set_personal_key(ctx, getenv("LOCKSYNC_PERSONAL_KEY"));
    lock_sync_set_guard_mode(ctx, LOCK_SYNC_GUARD_OFF);
    for (int i = 0; i < 100; i++)
        fetch(ctx);
    began = now_us(CLOCK_MONOTONIC);
    began_cpu = now_us(CLOCK_PROCESS_CPUTIME_ID);
    for (int i = 0; i < rounds; i++)
        fetch(ctx);
    printf("%.1f %.1f\n", (now_us(CLOCK_MONOTONIC) - began) / rounds,
           (now_us(CLOCK_PROCESS_CPUTIME_ID) - began_cpu) / rounds);
    lock_sync_ctx_free(ctx);
    return 0;
}
