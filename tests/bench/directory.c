/* The cost of decoding a directory of 1,000 locks, and freeing it, compared with jansson's reading of the same bytes.

   bench-directory [quick] prints one line of JSON per contestant. */
#include "tools.h"

#include <jansson.h>
#include <locksync/locksync.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PAGES 10
#define PAGE_LOCKS 100
#define PAGE_BYTES_MAX (PAGE_LOCKS * 2048)
#define SAMPLES_MAX 200

typedef struct page {
    char *body;
    size_t size;
    lock_sync_request *request;
    lock_sync_response *response;
} page;

typedef struct job {
    lock_sync_ctx *ctx;
    page pages[PAGES];
    size_t bytes;
} job;

static const struct contestant {
    const char *name;
    size_t flags; /* jansson's */
} contestants[] = {
    {"liblocksync", 0},
    {"jansson", 0},
    {"jansson, same flags", JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL | JSON_DECODE_ANY},
};
#define CONTESTANTS (sizeof contestants / sizeof contestants[0])

/* Writes a record with all members of the service's. */
static int write_record(char *text, size_t room, int n)
{
    return snprintf(
        text, room,
        "{\"deviceSettings\":{\"autoLockEnabled\":%s,\"autoLockDelay\":%d,\"autoLockImplicitEnabled\":false,"
        "\"autoLockImplicitDelay\":5,\"pullSpringEnabled\":true,\"pullSpringDuration\":4,\"autoPullSpringEnabled\":"
        "true,"
        "\"postponedLockEnabled\":true,\"postponedLockDelay\":8,\"buttonLockEnabled\":true,\"buttonUnlockEnabled\":"
        "true,"
        "\"isAsync\":false,\"openDoorAlertEnabled\":true,\"openDoorAlertThreshold\":120,"
        "\"autoLockAfterDoorClosedEnabled\":false,\"doorStateEventLoggingEnabled\":true},\"userSettings\":{"
        "\"autoUnlockEnabled\":false,\"autoUnlockConfirmEnabled\":false,\"autoUnlockRangeIn\":150,"
        "\"autoUnlockRangeOut\":250,\"autoUnlockTimeout\":30,\"location\":{\"latitude\":50.%06d,\"longitude\":19.%06d}}"
        ","
        "\"deviceState\":{\"state\":%d,\"doorState\":%d,\"isCharging\":false,\"batteryLevel\":%d,"
        "\"stateChangeResult\":0,\"lastStateChangedDate\":\"2026-03-%02dT08:%02d:11.%03dZ\"},\"beaconMajor\":%d,"
        "\"beaconMinor\":%d,\"timeZone\":\"Europe/Prague\",\"id\":%d,\"connectedToId\":%d,"
        "\"serialNumber\":\"%06d-%05d\",\"name\":\"Holiday flat %d, garden gate\","
        "\"userIdentity\":\"5f0c9a52-7d1e-4b7a-9c53-%012d\",\"type\":%d,\"created\":\"2023-05-%02dT10:20:30\","
        "\"revision\":%d,\"deviceRevision\":%d,\"targetDeviceRevision\":%d,\"isConnected\":true,\"accessLevel\":2,"
        "\"accessDetails\":null,\"softwareVersions\":[{\"softwareType\":0,\"version\":\"2.4.%d\","
        "\"updateAvailable\":false}]}",
        n % 3 == 0 ? "true" : "false", n % 60, n * 7919 % 1000000, n * 104729 % 1000000, n % 2 == 0 ? 6 : 2, n % 5,
        n % 101, 1 + n % 28, n % 60, n % 1000, n % 500, n % 300, 20000 + 3 * n, 7000 + n / 8, 200000 + n, n % 100000, n,
        n, n % 4 == 0 ? 4 : 2, 1 + n % 28, n % 90, n % 90, n % 90, n % 40);
}

static size_t write_page(char *body, size_t room, int first)
{
    size_t used = (size_t)snprintf(body, room, "{\"result\":[");

    for (int i = 0; i < PAGE_LOCKS; i++) {
        used += (size_t)snprintf(body + used, room - used, "%s", i > 0 ? "," : "");
        used += (size_t)write_record(body + used, room - used, first + i);
    }
    return used +
           (size_t)snprintf(body + used, room - used, "],\"success\":true,\"errorMessages\":[],\"statusCode\":200}");
}

static void open_job(job *j)
{
    if (lock_sync_ctx_new(&j->ctx) != LOCK_SYNC_OK || lock_sync_set_personal_key(j->ctx, "demo-key") != LOCK_SYNC_OK)
        die("liblocksync cannot be prepared");
    for (size_t i = 0; i < PAGES; i++) {
        page *p = &j->pages[i];

        p->body = allocate(PAGE_BYTES_MAX);
        p->size = write_page(p->body, PAGE_BYTES_MAX, (int)(i * PAGE_LOCKS) + 1);
        j->bytes += p->size;
        if (p->size >= PAGE_BYTES_MAX ||
            lock_sync_request_build_directory(j->ctx, (uint32_t)i + 1, &p->request) != LOCK_SYNC_OK ||
            lock_sync_response_new(j->ctx, &p->response) != LOCK_SYNC_OK ||
            lock_sync_response_set_status(p->response, 200) != LOCK_SYNC_OK ||
            lock_sync_response_append_body(p->response, p->body, p->size) != LOCK_SYNC_OK)
            die("a page cannot be prepared");
    }
}

static void close_job(job *j)
{
    for (size_t i = 0; i < PAGES; i++) {
        lock_sync_response_free(j->pages[i].response);
        lock_sync_request_free(j->pages[i].request);
        free(j->pages[i].body);
    }
    lock_sync_ctx_free(j->ctx);
}

static void decode(lock_sync_ctx *ctx, const page *p)
{
    lock_sync_directory *directory;

    if (lock_sync_response_decode_directory(ctx, p->request, p->response, &directory) != LOCK_SYNC_OK ||
        lock_sync_directory_count(directory) != PAGE_LOCKS || lock_sync_directory_at(directory, 0)->name == NULL)
        die("liblocksync: %s", lock_sync_error_message(lock_sync_last_error(ctx)));
    lock_sync_directory_free(directory);
}

static void load(const page *p, size_t flags)
{
    json_t *tree = json_loadb(p->body, p->size, flags, NULL);

    if (json_array_size(json_object_get(tree, "result")) != PAGE_LOCKS)
        die("jansson did not read a page");
    json_decref(tree);
}

static double time_pages(const struct contestant *c, const job *j)
{
    double start = now_ns();

    for (size_t i = 0; i < PAGES; i++)
        if (c == &contestants[0])
            decode(j->ctx, &j->pages[i]);
        else
            load(&j->pages[i], c->flags);
    return now_ns() - start;
}

int main(int argc, char **argv)
{
    static double samples[CONTESTANTS][SAMPLES_MAX];
    size_t count = is_quick(argc, argv, 1) ? SAMPLES_MAX / 4 : SAMPLES_MAX;
    job j = {0};

    open_job(&j);
    for (size_t i = 0; i < count; i++)
        for (size_t turn = 0; turn < CONTESTANTS; turn++) {
            size_t c = (i + turn) % CONTESTANTS;

            (void)time_pages(&contestants[c], &j); /* unmeasured: the heap as this contestant leaves it */
            samples[c][i] = time_pages(&contestants[c], &j);
        }
    for (size_t c = 0; c < CONTESTANTS; c++) {
        printf("{\"part\":\"directory\",\"who\":\"%s\",\"locks\":%d,\"bytes\":%zu", contestants[c].name,
               PAGES * PAGE_LOCKS, j.bytes);
        print_samples(samples[c], count);
    }
    close_job(&j);
    return 0;
}
