/* Growth of the peak of resident memory while a body that arrives in pieces is read and decoded. One contestant per
   process, because a peak never goes down.

   bench-memory body LOCKS                    writes a body to stdout
   bench-memory CONTESTANT LOCKS <BODY        prints one line of JSON */
#include "read.h"
#include "tools.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PIECE 16384 /* size of the pieces that libcurl passes */

static char piece[PIECE];

static size_t next_piece(void)
{
    ssize_t got = read(STDIN_FILENO, piece, sizeof piece);

    if (got < 0)
        die("the body cannot be read");
    return (size_t)got;
}

/* Resets the peak to the resident memory of now, if the kernel allows it. */
static void reset_peak(void)
{
    FILE *f = fopen("/proc/self/clear_refs", "w");

    if (f == NULL)
        return;
    (void)fputs("5", f);
    (void)fclose(f);
}

static long peak_kib(void)
{
    FILE *f = fopen("/proc/self/status", "r");
    char line[256];
    long kib = -1;

    while (f != NULL && fgets(line, sizeof line, f) != NULL)
        if (sscanf(line, "VmHWM: %ld", &kib) == 1)
            break;
    if (f != NULL)
        (void)fclose(f);
    if (kib < 0)
        die("the kernel does not report the peak of resident memory");
    return kib;
}

static long before;

static void begin(void)
{
    memset(piece, 1, sizeof piece); /* so that it is not part of the growth */
    (void)peak_kib();
    reset_peak();
    before = peak_kib();
}

/* Prints the growth after body and tree were freed: the records still exist. */
static void end(const char *who, size_t locks, size_t count, size_t bytes)
{
    long after = peak_kib();

    if (count != locks)
        die("%s: %zu locks instead of %zu", who, count, locks);
    printf("{\"part\":\"memory\",\"who\":\"%s\",\"locks\":%zu,\"bytes\":%zu,\"growth_kib\":%ld}\n", who, locks, bytes,
           after - before);
}

static void measure_library(size_t locks)
{
    lock_sync_ctx *ctx;
    lock_sync_request *request;
    lock_sync_response *response;
    lock_sync_results *results;
    size_t bytes = 0;

    if (lock_sync_ctx_new(&ctx) != LOCK_SYNC_OK || lock_sync_set_personal_key(ctx, "demo-key") != LOCK_SYNC_OK ||
        lock_sync_set_max_response_bytes(ctx, 64 * 1024 * 1024) != LOCK_SYNC_OK ||
        lock_sync_request_build(ctx, NULL, 0, &request) != LOCK_SYNC_OK)
        die("liblocksync cannot be prepared");
    begin();
    if (lock_sync_response_new(ctx, &response) != LOCK_SYNC_OK ||
        lock_sync_response_set_status(response, 200) != LOCK_SYNC_OK)
        die("no response");
    for (size_t size = next_piece(); size > 0; size = next_piece()) {
        if (lock_sync_response_append_body(response, piece, size) != LOCK_SYNC_OK)
            die("no room for the body");
        bytes += size;
    }
    if (lock_sync_response_decode(ctx, request, response, &results) != LOCK_SYNC_OK)
        die("%s", lock_sync_error_message(lock_sync_last_error(ctx)));
    end("liblocksync", locks, lock_sync_results_count(results), bytes);
    lock_sync_results_free(results);
    lock_sync_response_free(response);
    lock_sync_request_free(request);
    lock_sync_ctx_free(ctx);
}

/* Reads into a buffer that doubles, like this library's. */
static void measure_by_hand(const char *who, size_t locks, bool (*read_body)(const char *, size_t, records *))
{
    size_t room = 4096;
    size_t bytes = 0;
    char *body;
    records r;

    begin();
    body = allocate(room);
    for (size_t size = next_piece(); size > 0; size = next_piece()) {
        while (room - bytes < size)
            room *= 2;
        body = realloc(body, room);
        if (body == NULL)
            die("out of memory");
        memcpy(body + bytes, piece, size);
        bytes += size;
    }
    if (!read_body(body, bytes, &r))
        die("%s did not read the body", who);
    end(who, locks, r.count, bytes);
    free(r.locks);
    free(body);
}

static void write_body(size_t locks)
{
    size_t size;
    char *body = make_body(locks, false, &size);

    if (fwrite(body, 1, size, stdout) != size || fflush(stdout) != 0)
        die("the body cannot be written");
    free(body);
}

int main(int argc, char **argv)
{
    size_t locks = argc > 2 ? strtoul(argv[2], NULL, 10) : 0;

    if (locks == 0)
        die("usage: bench-memory body|liblocksync|jansson|cJSON LOCKS");
    if (strcmp(argv[1], "body") == 0)
        write_body(locks);
    else if (strcmp(argv[1], "liblocksync") == 0)
        measure_library(locks);
    else if (strcmp(argv[1], "jansson") == 0)
        measure_by_hand("jansson", locks, read_with_jansson);
    else
        measure_by_hand("cJSON", locks, read_with_cjson);
    return 0;
}
