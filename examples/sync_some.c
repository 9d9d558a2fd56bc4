/* Prints the state of the locks with the ids on the command line, and which ids were not found. Environment: see
 * configure.h. */
#include "configure.h"

#include <errno.h>
#include <inttypes.h>

#define IDS_MAX 64

static bool read_ids(int argc, char **argv, int64_t *ids)
{
    if (argc < 2 || argc - 1 > IDS_MAX)
        return false;
    for (int i = 1; i < argc; i++) {
        char *end;

        errno = 0;
        ids[i - 1] = strtoimax(argv[i], &end, 10);
        if (errno != 0 || end == argv[i] || *end != '\0')
            return false;
    }
    return true;
}

static void print_results(const lock_sync_results *results)
{
    for (size_t i = 0; i < lock_sync_results_count(results); i++) {
        const lock_sync_lock *lock = lock_sync_results_at(results, i);

        printf("%10" PRId64 "  %s\n", lock->id, lock_sync_lock_state_text(lock));
    }
    for (size_t i = 0; i < lock_sync_results_missing_count(results); i++)
        printf("%10" PRId64 "  not found in this account\n", lock_sync_results_missing_at(results, i));
}

int main(int argc, char **argv)
{
    int64_t ids[IDS_MAX];
    lock_sync_ctx *ctx = NULL;
    lock_sync_results *results = NULL;
    lock_sync_status status;
    int exit_status;

    if (!read_ids(argc, argv, ids)) {
        fprintf(stderr, "usage: %s ID... (numbers, at most %d)\n", argv[0], IDS_MAX);
        return 2;
    }
    status = lock_sync_ctx_new(&ctx);
    if (status == LOCK_SYNC_OK)
        status = configure(ctx);
    if (status == LOCK_SYNC_OK)
        status = lock_sync_fetch(ctx, ids, (size_t)argc - 1, &results);
    print_results(results);
    exit_status = report(ctx, status);
    lock_sync_results_free(results);
    lock_sync_ctx_free(ctx);
    return exit_status;
}
