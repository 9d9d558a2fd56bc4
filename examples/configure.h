/* Shared by the example programs: reads service and credential from the environment. */
#ifndef EXAMPLES_CONFIGURE_H
#define EXAMPLES_CONFIGURE_H

#include <locksync/locksync.h>

#include <stdio.h>
#include <stdlib.h>

/* Reads LOCKSYNC_BASE_URL (default: the real service), LOCKSYNC_ACCESS_TOKEN and LOCKSYNC_PERSONAL_KEY. */
static inline lock_sync_status configure(lock_sync_ctx *ctx)
{
    const char *key = getenv("LOCKSYNC_PERSONAL_KEY");
    const char *token = getenv("LOCKSYNC_ACCESS_TOKEN");
    lock_sync_status status = lock_sync_set_base_url(ctx, getenv("LOCKSYNC_BASE_URL")); /* NULL: the default */

    if (status == LOCK_SYNC_OK && token != NULL)
        status = lock_sync_set_access_token(ctx, token);
    if (status == LOCK_SYNC_OK && key != NULL)
        status = lock_sync_set_personal_key(ctx, key);
    return status;
}

/* Prints a failure and its cause; returns the exit status for main(). */
static inline int report(const lock_sync_ctx *ctx, lock_sync_status status)
{
    if (status == LOCK_SYNC_OK)
        return EXIT_SUCCESS;
    fprintf(stderr, "%s: %s\n", lock_sync_status_name(status), lock_sync_error_message(lock_sync_last_error(ctx)));
    return EXIT_FAILURE;
}

#endif
