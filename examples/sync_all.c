/* Prints the state of all the account's locks. Environment: see configure.h. */
#include "configure.h"

#include <inttypes.h>

static void print_lock(const lock_sync_lock *lock)
{
    lock_sync_tristate locked = lock_sync_lock_is_locked(lock);

    printf("%10" PRId64 "  %-12s  locked: %-7s", lock->id, lock_sync_lock_state_text(lock),
           locked == LOCK_SYNC_YES  ? "yes"
           : locked == LOCK_SYNC_NO ? "no"
                                    : "unknown");
    if ((lock->fields & LOCK_SYNC_FIELD_DOOR_STATE) != 0)
        printf("  door: %-12s", lock_sync_lock_door_text(lock));
    if ((lock->fields & LOCK_SYNC_FIELD_BATTERY_LEVEL) != 0)
        printf("  battery: %" PRId32 " %%", lock->battery_level);
    if ((lock->fields & LOCK_SYNC_FIELD_CONNECTED) != 0 && !lock->is_connected)
        printf("  out of reach of its bridge");
    putchar('\n');
}

int main(void)
{
    lock_sync_ctx *ctx = NULL;
    lock_sync_results *results = NULL;
    lock_sync_status status = lock_sync_ctx_new(&ctx);
    int exit_status;

    if (status == LOCK_SYNC_OK)
        status = configure(ctx);
    if (status == LOCK_SYNC_OK)
        status = lock_sync_fetch(ctx, NULL, 0, &results); /* no ids: every lock */
    for (size_t i = 0; i < lock_sync_results_count(results); i++)
        print_lock(lock_sync_results_at(results, i));
    exit_status = report(ctx, status);
    lock_sync_results_free(results);
    lock_sync_ctx_free(ctx);
    return exit_status;
}
