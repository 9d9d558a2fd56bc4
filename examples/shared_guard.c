/* Several users of one account share a guard, and together keep the service's limits.
 *
 * Here two contexts share a guard, as two threads would. With a path on the command line the guard is in that file, and
 * processes can share it. Environment: see configure.h; LOCKSYNC_INTERVAL_MS shortens the interval for a trial. */
#include "configure.h"

#include <inttypes.h>

static lock_sync_status make_guard(const char *path, lock_sync_guard **guard)
{
    const char *interval = getenv("LOCKSYNC_INTERVAL_MS");
    lock_sync_status status = path != NULL ? lock_sync_guard_open_file(path, guard) : lock_sync_guard_new(guard);

    if (status == LOCK_SYNC_OK && interval != NULL)
        status = lock_sync_guard_set_min_interval_ms(*guard, strtoimax(interval, NULL, 10));
    return status;
}

static lock_sync_status make_context(lock_sync_guard *guard, lock_sync_guard_mode mode, lock_sync_ctx **ctx)
{
    lock_sync_status status = lock_sync_ctx_new(ctx);

    if (status == LOCK_SYNC_OK)
        status = configure(*ctx);
    if (status == LOCK_SYNC_OK)
        status = lock_sync_set_guard(*ctx, guard); /* takes another reference */
    if (status == LOCK_SYNC_OK)
        status = lock_sync_set_guard_mode(*ctx, mode);
    return status;
}

static lock_sync_status fetch(const char *who, lock_sync_ctx *ctx)
{
    lock_sync_results *results;
    lock_sync_status status = lock_sync_fetch(ctx, NULL, 0, &results);

    if (status == LOCK_SYNC_E_TOO_SOON)
        printf("%s: too soon, the next request is allowed in %" PRId64 " s\n", who,
               (lock_sync_error_retry_after_ms(lock_sync_last_error(ctx)) + 999) / 1000); /* rounded up */
    else if (status == LOCK_SYNC_OK)
        printf("%s: %zu locks\n", who, lock_sync_results_count(results));
    else
        report(ctx, status);
    lock_sync_results_free(results);
    return status;
}

int main(int argc, char **argv)
{
    lock_sync_guard *guard = NULL;
    lock_sync_ctx *patient = NULL;
    lock_sync_ctx *hasty = NULL;
    lock_sync_status status = make_guard(argc > 1 ? argv[1] : NULL, &guard);
    bool as_expected = false;

    if (status == LOCK_SYNC_OK)
        status = make_context(guard, LOCK_SYNC_GUARD_WAIT, &patient);
    if (status == LOCK_SYNC_OK)
        status = make_context(guard, LOCK_SYNC_GUARD_FAIL, &hasty);
    if (status == LOCK_SYNC_OK)
        as_expected = fetch("the patient one", patient) == LOCK_SYNC_OK &&
                      fetch("the hasty one", hasty) == LOCK_SYNC_E_TOO_SOON &&
                      fetch("the patient one", patient) == LOCK_SYNC_OK; /* it waits until the guard allows a request */
    lock_sync_ctx_free(hasty);
    lock_sync_ctx_free(patient);
    lock_sync_guard_unref(guard);
    return as_expected ? EXIT_SUCCESS : EXIT_FAILURE;
}
