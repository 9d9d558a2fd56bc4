/* See tools.h. */
#include "tools.h"

#include "../support/t_random.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define RECORD_BYTES_MAX 256

void die(const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    (void)fputs("benchmark: ", stderr);
    (void)vfprintf(stderr, format, arguments);
    (void)fputc('\n', stderr);
    va_end(arguments);
    exit(1);
}

void *allocate(size_t size)
{
    void *block = malloc(size);

    if (block == NULL)
        die("out of memory");
    return block;
}

double now_ns(void)
{
    struct timespec t;

    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a;
    double y = *(const double *)b;

    return (x > y) - (x < y);
}

double quantile(double *samples, size_t count, double share)
{
    qsort(samples, count, sizeof samples[0], compare);
    return samples[(size_t)((double)(count - 1) * share + 0.5)];
}

void print_samples(double *samples, size_t count)
{
    double median = quantile(samples, count, 0.5);

    printf(",\"samples\":%zu,\"median_ns\":%.1f,\"p99_ns\":%.1f}\n", count, median, quantile(samples, count, 0.99));
    (void)fflush(stdout);
}

bool is_quick(int argc, char **argv, int at)
{
    return argc > at && strcmp(argv[at], "quick") == 0;
}

static unsigned below(uint64_t *state, unsigned limit)
{
    return (unsigned)(t_random(state) % limit);
}

/* Writes mostly milliseconds and Z, and sometimes other forms that the service has sent. */
static void write_time(char *text, size_t size, size_t place, uint64_t *random)
{
    time_t seconds = 1735689600 + (time_t)below(random, 60000000);
    unsigned fraction = below(random, 10000000);
    struct tm utc;
    size_t used;

    (void)gmtime_r(&seconds, &utc);
    used = strftime(text, size, "%Y-%m-%dT%H:%M:%S", &utc);
    if (place % 10 == 3)
        (void)snprintf(text + used, size - used, ".%02u", fraction / 100000);
    else if (place % 10 == 6)
        (void)snprintf(text + used, size - used, ".%07uZ", fraction);
    else
        (void)snprintf(text + used, size - used, ".%03uZ", fraction / 10000);
}

static int write_record(char *text, size_t size, size_t place, uint64_t id, uint64_t *random)
{
    static const unsigned states[] = {6, 6, 6, 6, 6, 2, 2, 2, 3, 4, 5, 7, 9, 18};
    unsigned revision = below(random, 3000);
    char changed[48];

    if (place % 10 == 9)
        return snprintf(text, size, "{\"id\":%" PRIu64 ",\"isConnected\":false,\"deviceState\":null,\"revision\":%u}",
                        id, revision);
    write_time(changed, sizeof changed, place, random);
    return snprintf(text, size,
                    "{\"id\":%" PRIu64
                    ",\"isConnected\":true,\"deviceState\":{\"state\":%u,\"doorState\":%u,"
                    "\"isCharging\":%s,\"batteryLevel\":%u,\"stateChangeResult\":%u,\"lastStateChangedDate\":\"%s\"},"
                    "\"revision\":%u}",
                    id, states[below(random, sizeof states / sizeof states[0])], below(random, 5),
                    below(random, 8) == 0 ? "true" : "false", below(random, 16) == 0 ? 255 : below(random, 101),
                    below(random, 12) == 0, changed, revision);
}

static uint64_t *make_ids(size_t count, bool shuffled, uint64_t *random)
{
    uint64_t *ids = allocate((count + 1) * sizeof ids[0]);
    uint64_t id = 1000;

    for (size_t i = 0; i < count; i++)
        ids[i] = id += 1 + below(random, 90);
    for (size_t i = shuffled ? count : 0; i > 1; i--) {
        size_t other = below(random, (unsigned)i);
        uint64_t swapped = ids[i - 1];

        ids[i - 1] = ids[other];
        ids[other] = swapped;
    }
    return ids;
}

char *make_body(size_t locks, bool shuffled, size_t *size)
{
    uint64_t random = 2026;
    uint64_t *ids = make_ids(locks, shuffled, &random);
    size_t room = 128 + locks * RECORD_BYTES_MAX + BODY_PADDING;
    char *body = allocate(room);
    size_t used = (size_t)snprintf(body, room, "{\"result\":[");

    for (size_t i = 0; i < locks; i++) {
        if (i > 0)
            body[used++] = ',';
        used += (size_t)write_record(body + used, room - used, i, ids[i], &random);
    }
    used += (size_t)snprintf(body + used, room - used, "],\"success\":true,\"errorMessages\":[],\"statusCode\":200}");
    free(ids);
    *size = used;
    return body;
}
