/* What a blocking fetch costs, beside what a careful C programmer would write with libcurl by hand. All contestants run
 * in one process against one server, interleaved, the order rotated from round to round; each answer's status and length
 * are checked.
 *
 * bench-fetch BASE_URL [ROUNDS] prints one line per contestant: name, median and 99th percentile in microseconds. */
#include <locksync/locksync.h>

#include <curl/curl.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define PER_ROUND 100
#define KEY "demo-key"

typedef struct body {
    char bytes[65536];
    size_t size;
} body;

typedef struct bench {
    const char *base_url;
    size_t expected_size; /* of the body, as the first fetch saw it */
    size_t expected_locks;
    lock_sync_ctx *ctx;
    CURL *bare;
    CURL *decoding;
    struct curl_slist *headers;
    char url[256];
} bench;

static void die(const char *what)
{
    fprintf(stderr, "bench-fetch: %s\n", what);
    exit(1);
}

static size_t keep_body(char *data, size_t one, size_t size, void *user)
{
    body *b = user;

    if (size > sizeof b->bytes - b->size)
        return 0;
    memcpy(b->bytes + b->size, data, one * size);
    b->size += size;
    return size;
}

static CURL *new_handle(const bench *b)
{
    CURL *curl = curl_easy_init();

    if (curl == NULL || curl_easy_setopt(curl, CURLOPT_URL, b->url) != CURLE_OK ||
        curl_easy_setopt(curl, CURLOPT_HTTPHEADER, b->headers) != CURLE_OK ||
        curl_easy_setopt(curl, CURLOPT_ACCEPT_ENCODING, "gzip") != CURLE_OK ||
        curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L) != CURLE_OK ||
        curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS, 10000L) != CURLE_OK ||
        curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, 30000L) != CURLE_OK ||
        curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, keep_body) != CURLE_OK)
        die("no libcurl handle");
    return curl;
}

static void get(const bench *b, CURL *curl, body *answer)
{
    long status = 0;

    answer->size = 0;
    if (curl_easy_setopt(curl, CURLOPT_WRITEDATA, answer) != CURLE_OK || curl_easy_perform(curl) != CURLE_OK ||
        curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status) != CURLE_OK || status != 200)
        die("libcurl got no answer");
    if (b->expected_size != 0 && answer->size != b->expected_size)
        die("libcurl got another answer");
}

static void run_ours(bench *b)
{
    lock_sync_results *results;

    if (lock_sync_fetch(b->ctx, NULL, 0, &results) != LOCK_SYNC_OK)
        die(lock_sync_error_message(lock_sync_last_error(b->ctx)));
    if (lock_sync_results_count(results) != b->expected_locks)
        die("another number of locks");
    lock_sync_results_free(results);
}

static void run_bare(bench *b)
{
    body answer;

    get(b, b->bare, &answer);
}

static void run_decoding(bench *b)
{
    body answer;
    json_t *json;

    get(b, b->decoding, &answer);
    json = json_loadb(answer.bytes, answer.size, 0, NULL);
    if (json_array_size(json_object_get(json, "result")) != b->expected_locks)
        die("another number of locks");
    json_decref(json);
}

static const struct contestant {
    const char *name;
    void (*run)(bench *b);
} contestants[] = {
    {"liblocksync", run_ours},
    {"libcurl, handle reused, body not decoded", run_bare},
    {"libcurl, handle reused, json_loadb", run_decoding},
};
#define CONTESTANTS (sizeof contestants / sizeof contestants[0])

static void set_up(bench *b)
{
    static const char *const lines[] = {"Accept: application/json", "Authorization: PersonalKey " KEY,
                                        "User-Agent: libgetlock-sync/0.1.0"};
    body answer;
    json_t *json;

    (void)snprintf(b->url, sizeof b->url, "%s/api/v37/my/lock/sync", b->base_url);
    for (size_t i = 0; i < 3; i++)
        b->headers = curl_slist_append(b->headers, lines[i]);
    b->bare = new_handle(b);
    b->decoding = new_handle(b);
    if (lock_sync_ctx_new(&b->ctx) != LOCK_SYNC_OK ||
        lock_sync_set_guard_mode(b->ctx, LOCK_SYNC_GUARD_OFF) != LOCK_SYNC_OK || lock_sync_set_base_url(b->ctx, b->base_url) != LOCK_SYNC_OK ||
        lock_sync_set_personal_key(b->ctx, KEY) != LOCK_SYNC_OK)
        die("no context");
    get(b, b->bare, &answer);
    json = json_loadb(answer.bytes, answer.size, 0, NULL);
    b->expected_size = answer.size;
    b->expected_locks = json_array_size(json_object_get(json, "result"));
    json_decref(json);
}

static double now_us(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a;
    double y = *(const double *)b;

    return x < y ? -1 : x > y;
}

int main(int argc, char **argv)
{
    bench b = {.base_url = argc > 1 ? argv[1] : ""};
    size_t rounds = argc > 2 ? strtoul(argv[2], NULL, 10) : 50;
    size_t samples = rounds * PER_ROUND;
    double *times[CONTESTANTS];
    double ours = 0;

    set_up(&b);
    for (size_t c = 0; c < CONTESTANTS; c++)
        times[c] = calloc(samples, sizeof(double));
    for (size_t round = 0; round < rounds; round++) {
        for (size_t turn = 0; turn < CONTESTANTS; turn++) {
            size_t c = (round + turn) % CONTESTANTS;

            for (size_t i = 0; i < PER_ROUND; i++) {
                double start = now_us();

                contestants[c].run(&b);
                times[c][round * PER_ROUND + i] = now_us() - start;
            }
        }
    }
    printf("%zu locks, %zu bytes, %zu fetches each\n", b.expected_locks, b.expected_size, samples);
    for (size_t c = 0; c < CONTESTANTS; c++) {
        qsort(times[c], samples, sizeof(double), compare);
        ours = c == 0 ? times[c][samples / 2] : ours;
        printf("%-42s median %7.1f us  p99 %7.1f us  ours is %.3f times that\n", contestants[c].name, times[c][samples / 2],
               times[c][samples * 99 / 100], ours / times[c][samples / 2]);
        free(times[c]);
    }
    lock_sync_ctx_free(b.ctx);
    curl_easy_cleanup(b.bare);
    curl_easy_cleanup(b.decoding);
    curl_slist_free_all(b.headers);
    return 0;
}
