/* From main to the first response, with this library: it writes a byte to stdout then. */
#include <locksync/locksync.h>

#include <unistd.h>

int main(int argc, char **argv)
{
    lock_sync_ctx *ctx = NULL;
    lock_sync_results *results = NULL;
    bool good = argc > 1 && lock_sync_ctx_new(&ctx) == LOCK_SYNC_OK &&
                lock_sync_set_base_url(ctx, argv[1]) == LOCK_SYNC_OK &&
                lock_sync_set_personal_key(ctx, "demo-key") == LOCK_SYNC_OK &&
                lock_sync_fetch(ctx, NULL, 0, &results) == LOCK_SYNC_OK && lock_sync_results_count(results) > 0 &&
                write(STDOUT_FILENO, "+", 1) == 1;

    lock_sync_results_free(results);
    lock_sync_ctx_free(ctx);
    return good ? 0 : 1;
}
