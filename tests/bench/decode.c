/* The cost of decoding: bytes in memory to records, and freeing the records.

   bench-decode [quick] prints one line of JSON per contestant and body. */
#include "read.h"
#include "tools.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SAMPLES_MAX 4096

/* A body, and what each contestant needs to decode it. */
typedef struct job {
    const char *label;
    size_t locks;
    char *body;
    size_t size;
    lock_sync_ctx *ctx;
    lock_sync_request *request;
    lock_sync_response *response;
    uint64_t sum; /* checksum of the records, as the first contestant read them; 0: not read yet */
} job;

typedef bool reader(const char *body, size_t size, records *out);

static const struct contestant {
    const char *name;
    reader *read; /* NULL: the library */
} contestants[] = {
    {"liblocksync", NULL},
    {"jansson", read_with_jansson},
    {"cJSON", read_with_cjson},
#ifdef BENCH_YYJSON
    {"yyjson", read_with_yyjson},
#endif
#ifdef BENCH_SIMDJSON
    {"simdjson", read_with_simdjson},
#endif
};
#define CONTESTANTS (sizeof contestants / sizeof contestants[0])

static lock_sync_results *decode(const job *j)
{
    lock_sync_results *results;

    if (lock_sync_response_decode(j->ctx, j->request, j->response, &results) != LOCK_SYNC_OK)
        die("liblocksync: %s", lock_sync_error_message(lock_sync_last_error(j->ctx)));
    return results;
}

static records read_all(const job *j, reader *read)
{
    records r;

    if (!read(j->body, j->size, &r))
        die("a contestant did not read the body of %zu locks", j->locks);
    return r;
}

static void run(const struct contestant *c, const job *j)
{
    if (c->read == NULL)
        lock_sync_results_free(decode(j));
    else
        free(read_all(j, c->read).locks);
}

/* Makes the unmeasured call at the start of a contestant's turn. This also makes malloc consolidate once, as it does
   for a large block after the contestant before freed many small ones. */
static void check(const struct contestant *c, job *j)
{
    lock_sync_results *results = c->read == NULL ? decode(j) : NULL;
    records r = c->read == NULL ? (records){NULL, lock_sync_results_count(results)} : read_all(j, c->read);
    uint64_t sum = 1;

    if (r.count != j->locks)
        die("%zu locks were read instead of %zu", r.count, j->locks);
    for (size_t i = 0; i < r.count; i++)
        sum = checksum(sum, results != NULL ? lock_sync_results_at(results, i) : &r.locks[i]);
    if (j->sum != 0 && sum != j->sum)
        die("the contestants read different records from the body of %zu locks", j->locks);
    j->sum = sum;
    lock_sync_results_free(results);
    free(r.locks);
}

static void open_job(job *j, const char *label, size_t locks, bool shuffled)
{
    memset(j, 0, sizeof *j);
    j->label = label;
    j->locks = locks;
    j->body = make_body(locks, shuffled, &j->size);
    if (lock_sync_ctx_new(&j->ctx) != LOCK_SYNC_OK || lock_sync_set_personal_key(j->ctx, "demo-key") != LOCK_SYNC_OK ||
        lock_sync_set_max_response_bytes(j->ctx, 64 * 1024 * 1024) != LOCK_SYNC_OK ||
        lock_sync_request_build(j->ctx, NULL, 0, &j->request) != LOCK_SYNC_OK ||
        lock_sync_response_new(j->ctx, &j->response) != LOCK_SYNC_OK ||
        lock_sync_response_set_status(j->response, 200) != LOCK_SYNC_OK ||
        lock_sync_response_append_body(j->response, j->body, j->size) != LOCK_SYNC_OK)
        die("liblocksync cannot be prepared");
}

static void close_job(job *j)
{
    lock_sync_response_free(j->response);
    lock_sync_request_free(j->request);
    lock_sync_ctx_free(j->ctx);
    free(j->body);
}

static double time_calls(const struct contestant *c, const job *j, size_t calls)
{
    double start = now_ns();

    for (size_t i = 0; i < calls; i++)
        run(c, j);
    return (now_ns() - start) / (double)calls;
}

/* Returns how many calls make a sample: at least three, and so many that the clock's resolution and a preemption
   matter little. */
static size_t calls_for(const struct contestant *c, job *j, double sample_ns)
{
    double once;
    size_t calls;

    check(c, j);
    once = time_calls(c, j, 2);
    calls = (size_t)(sample_ns / once);
    return calls < 3 ? 3 : calls;
}

static void measure(job *j, size_t rounds, size_t samples_per_turn)
{
    static double samples[CONTESTANTS][SAMPLES_MAX];
    size_t calls[CONTESTANTS];
    size_t count = rounds * samples_per_turn;

    for (size_t c = 0; c < CONTESTANTS; c++)
        calls[c] = calls_for(&contestants[c], j, 5e5);
    for (size_t round = 0; round < rounds; round++) {
        for (size_t turn = 0; turn < CONTESTANTS; turn++) {
            size_t c = (round + turn) % CONTESTANTS;

            check(&contestants[c], j);
            for (size_t i = 0; i < samples_per_turn; i++)
                samples[c][round * samples_per_turn + i] = time_calls(&contestants[c], j, calls[c]);
        }
    }
    for (size_t c = 0; c < CONTESTANTS; c++) {
        printf("{\"part\":\"decoding\",\"who\":\"%s\",\"order\":\"%s\",\"locks\":%zu,\"bytes\":%zu,\"calls\":%zu",
               contestants[c].name, j->label, j->locks, j->size, calls[c]);
        print_samples(samples[c], count);
    }
}

int main(int argc, char **argv)
{
    static const struct {
        const char *order;
        size_t locks;
        size_t rounds;
        size_t samples; /* in each turn */
    } plan[] = {
        {"ascending", 1, 40, 5},     {"ascending", 10, 40, 5},    {"ascending", 100, 40, 5}, {"ascending", 1000, 40, 5},
        {"ascending", 10000, 12, 1}, {"ascending", 100000, 5, 1}, {"shuffled", 10, 40, 5},   {"shuffled", 10000, 12, 1},
    };
    bool quick = is_quick(argc, argv, 1);
    job j;

    for (size_t i = 0; i < sizeof plan / sizeof plan[0]; i++) {
        open_job(&j, plan[i].order, plan[i].locks, strcmp(plan[i].order, "shuffled") == 0);
        measure(&j, quick ? plan[i].rounds / 4 + 1 : plan[i].rounds, plan[i].samples);
        close_job(&j);
    }
    return 0;
}
