/* A program that fetches with libcurl: https URL CA_FILE. Prints a line for each lock, or the error. */
#include <locksync/locksync.h>

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

int main(int argc, char **argv)
{
    lock_sync_ctx *ctx = NULL;
    lock_sync_results *results = NULL;
    lock_sync_status status = LOCK_SYNC_E_INVALID_ARGUMENT;

    if (argc != 3 || lock_sync_ctx_new(&ctx) != LOCK_SYNC_OK)
        return EXIT_FAILURE;
    if (lock_sync_set_base_url(ctx, argv[1]) == LOCK_SYNC_OK && lock_sync_set_ca_file(ctx, argv[2]) == LOCK_SYNC_OK &&
        lock_sync_set_personal_key(ctx, "demo-key") == LOCK_SYNC_OK)
        status = lock_sync_fetch(ctx, NULL, 0, &results);
    for (size_t i = 0; i < lock_sync_results_count(results); i++) {
        const lock_sync_lock *lock = lock_sync_results_at(results, i);

        printf("%" PRId64 " %s\n", lock->id, lock_sync_lock_state_text(lock));
    }
    if (status != LOCK_SYNC_OK)
        printf("%s: %s\n", lock_sync_status_name(status), lock_sync_error_message(lock_sync_last_error(ctx)));
    lock_sync_results_free(results);
    lock_sync_ctx_free(ctx);
    return status == LOCK_SYNC_OK ? EXIT_SUCCESS : EXIT_FAILURE;
}
