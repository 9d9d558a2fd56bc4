/* An application with its own transport, so that it runs anywhere. Prints "1001 locked". */
#include <locksync/locksync.h>

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static lock_sync_status perform(void *user, const lock_sync_request *request, lock_sync_response *response)
{
    static const char body[] = "{\"result\":[{\"id\":1001,\"isConnected\":true,\"deviceState\":{\"state\":6}}]}";

    (void)user;
    if (lock_sync_request_header_count(request) == 0)
        return LOCK_SYNC_E_NETWORK;
    lock_sync_response_set_status(response, 200);
    return lock_sync_response_append_body(response, body, strlen(body));
}

int main(void)
{
    lock_sync_transport transport = {sizeof transport, NULL, perform, NULL, NULL};
    lock_sync_ctx *ctx = NULL;
    lock_sync_results *results = NULL;
    const lock_sync_lock *lock;

    if (lock_sync_ctx_new(&ctx) != LOCK_SYNC_OK)
        return 1;
    lock_sync_set_personal_key(ctx, "key");
    lock_sync_set_transport(ctx, &transport);
    if (lock_sync_fetch(ctx, NULL, 0, &results) != LOCK_SYNC_OK)
        fprintf(stderr, "%s\n", lock_sync_error_message(lock_sync_last_error(ctx)));
    lock = lock_sync_results_at(results, 0);
    printf("%" PRId64 " %s\n", lock_sync_lock_id(lock), lock_sync_lock_state_name(lock_sync_lock_state(lock)));
    lock_sync_results_free(results);
    lock_sync_ctx_free(ctx);
    return 0;
}
