/* Shared by the benchmark programs: a clock, quantiles, bodies to decode. */
#ifndef BENCH_TOOLS_H
#define BENCH_TOOLS_H

#include <stdbool.h>
#include <stddef.h>

/* Prints one line to stderr and exits with status 1. */
void die(const char *format, ...) __attribute__((noreturn, format(printf, 1, 2)));

/* Ends the program if there is no memory. */
void *allocate(size_t size);

double now_ns(void);

/* Sorts the samples. `share` is 0.5 for the median. */
double quantile(double *samples, size_t count, double share);

/* Ends a line of JSON with the number of samples, their median, and their 99th percentile. */
void print_samples(double *samples, size_t count);

/* Returns whether the argument at that place is "quick". */
bool is_quick(int argc, char **argv, int at);

/* Bytes in the block after a body's last byte, because simdjson reads past the end. */
#define BODY_PADDING 64

/* Makes a response with that many locks; free it. Ids, states, times, batteries and revisions vary; one lock in ten
   is disconnected and has no state. The same arguments make the same bytes. Ids ascend unless `shuffled`.
   BODY_PADDING bytes follow the body. */
char *make_body(size_t locks, bool shuffled, size_t *size);

#endif
