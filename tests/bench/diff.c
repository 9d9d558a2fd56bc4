/* The cost of comparing two results of 100,000 locks, of which one in a hundred changed.

   bench-diff [quick] prints one line of JSON per order of the locks. */
#include "tools.h"

#include <locksync/locksync.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LOCKS 100000
#define CHANGED (LOCKS / 100)
#define SAMPLES_MAX 200

static lock_sync_results *decode(lock_sync_ctx *ctx, const char *body, size_t size)
{
    lock_sync_request *request = NULL;
    lock_sync_response *response = NULL;
    lock_sync_results *results = NULL;

    if (lock_sync_request_build(ctx, NULL, 0, &request) != LOCK_SYNC_OK ||
        lock_sync_response_new(ctx, &response) != LOCK_SYNC_OK ||
        lock_sync_response_set_status(response, 200) != LOCK_SYNC_OK ||
        lock_sync_response_append_body(response, body, size) != LOCK_SYNC_OK ||
        lock_sync_response_decode(ctx, request, response, &results) != LOCK_SYNC_OK)
        die("liblocksync: %s", lock_sync_error_message(lock_sync_last_error(ctx)));
    lock_sync_response_free(response);
    lock_sync_request_free(request);
    return results;
}

/* Changes the revision of each hundredth record in place. */
static void change_some(char *body)
{
    static const char key[] = "\"revision\":";
    size_t record = 0;

    for (char *at = body; (at = strstr(at, key)) != NULL; record++) {
        at += strlen(key);
        if (record % (LOCKS / CHANGED) == 0)
            *at = *at == '9' ? '8' : (char)(*at + 1);
    }
    if (record != LOCKS)
        die("found %zu revisions in the body of %d locks", record, LOCKS);
}

static double time_diff(const lock_sync_results *before, const lock_sync_results *after)
{
    double start = now_ns();
    lock_sync_changes *changes;

    if (lock_sync_diff(before, after, &changes) != LOCK_SYNC_OK || lock_sync_changes_count(changes) != CHANGED)
        die("the changes are not the expected ones");
    lock_sync_changes_free(changes);
    return now_ns() - start;
}

static void measure(const char *order, size_t count)
{
    static double samples[SAMPLES_MAX];
    lock_sync_ctx *ctx;
    lock_sync_results *before, *after;
    size_t size;
    char *body = make_body(LOCKS, strcmp(order, "shuffled") == 0, &size);

    if (lock_sync_ctx_new(&ctx) != LOCK_SYNC_OK || lock_sync_set_personal_key(ctx, "demo-key") != LOCK_SYNC_OK ||
        lock_sync_set_max_response_bytes(ctx, 64 * 1024 * 1024) != LOCK_SYNC_OK)
        die("liblocksync cannot be prepared");
    before = decode(ctx, body, size);
    change_some(body);
    after = decode(ctx, body, size);
    (void)time_diff(before, after);
    for (size_t i = 0; i < count; i++)
        samples[i] = time_diff(before, after);
    printf("{\"part\":\"diff\",\"order\":\"%s\",\"locks\":%d,\"changed\":%d", order, LOCKS, CHANGED);
    print_samples(samples, count);
    lock_sync_results_free(after);
    lock_sync_results_free(before);
    lock_sync_ctx_free(ctx);
    free(body);
}

int main(int argc, char **argv)
{
    size_t count = is_quick(argc, argv, 1) ? SAMPLES_MAX / 4 : SAMPLES_MAX;

    measure("ascending", count);
    measure("shuffled", count);
    return 0;
}
