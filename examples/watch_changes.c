/* Prints the changes of an account's locks: watch_changes [BATCHES]. It ends after this number of batches, or at a
 * permanent error. The first batch reports all locks as added. Environment: see configure.h; LOCKSYNC_INTERVAL_MS
 * shortens the interval for a trial. */
#include "configure.h"

#include <inttypes.h>

static void print_change(const lock_sync_change *change)
{
    static const char *const names[] = {"added", "removed", "connected", "disconnected", "state",
                                        "door",  "battery", "charging",  "result",       "config"}; /* by bit */
    bool moved = change->before != NULL && (change->kinds & LOCK_SYNC_CHANGE_STATE) != 0;
    const lock_sync_lock *lock = change->after != NULL ? change->after : change->before;

    printf("%10" PRId64 "  %-12s", lock_sync_lock_id(lock), lock_sync_lock_state_text(lock));
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if ((change->kinds >> i & 1) != 0)
            printf(" %s", names[i]);
    printf("%s%s\n", moved ? ", was " : "", moved ? lock_sync_lock_state_text(change->before) : "");
}

/* Makes a watch of all locks. It polls no faster than the context's guard allows. */
static lock_sync_status make_watch(lock_sync_ctx *ctx, lock_sync_watch **watch)
{
    int64_t ms = getenv("LOCKSYNC_INTERVAL_MS") != NULL ? atol(getenv("LOCKSYNC_INTERVAL_MS")) : 20000;
    lock_sync_guard *guard = NULL;
    lock_sync_status status = lock_sync_guard_new(&guard);

    if (status == LOCK_SYNC_OK)
        status = lock_sync_guard_set_min_interval_ms(guard, ms);
    if (status == LOCK_SYNC_OK)
        status = lock_sync_set_guard(ctx, guard);
    if (status == LOCK_SYNC_OK)
        status = lock_sync_watch_new(ctx, NULL, 0, watch);
    if (status == LOCK_SYNC_OK)
        status = lock_sync_watch_set_interval_ms(*watch, ms);
    lock_sync_guard_unref(guard);
    return status;
}

static lock_sync_status follow(lock_sync_watch *watch, unsigned long batches)
{
    lock_sync_status status = LOCK_SYNC_OK;
    lock_sync_changes *changes;

    while (batches > 0 && (status == LOCK_SYNC_OK || status == LOCK_SYNC_E_TIMEOUT)) {
        status = lock_sync_watch_next(watch, 60000, &changes);
        if (status == LOCK_SYNC_E_TIMEOUT) /* also during an outage, in which the age grows */
            printf("no changes; the last good response is %" PRId64 " s old\n", lock_sync_watch_age_ms(watch) / 1000);
        for (size_t i = 0; i < lock_sync_changes_count(changes); i++) /* no changes after a failure */
            print_change(lock_sync_changes_at(changes, i));
        batches -= status == LOCK_SYNC_OK;
        lock_sync_changes_free(changes);
    }
    return status;
}

int main(int argc, char **argv)
{
    lock_sync_ctx *ctx = NULL;
    lock_sync_watch *watch = NULL;
    lock_sync_status status = lock_sync_ctx_new(&ctx);

    if (status == LOCK_SYNC_OK)
        status = configure(ctx);
    if (status == LOCK_SYNC_OK)
        status = make_watch(ctx, &watch);
    if (status == LOCK_SYNC_OK)
        status = follow(watch, argc > 1 ? strtoul(argv[1], NULL, 10) : (unsigned long)-1);
    (void)report(ctx, status);
    lock_sync_watch_free(watch);
    lock_sync_ctx_free(ctx);
    return status == LOCK_SYNC_OK ? EXIT_SUCCESS : EXIT_FAILURE;
}
