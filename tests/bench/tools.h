/* What the benchmark programs share: a clock, quantiles, bodies to decode. */
#ifndef BENCH_TOOLS_H
#define BENCH_TOOLS_H

#include <stdbool.h>
#include <stddef.h>

/* One line on stderr, and exit status 1. */
void die(const char *format, ...) __attribute__((noreturn, format(printf, 1, 2)));

/* Checked. */
void *allocate(size_t size);

double now_ns(void);

/* Sorts the samples. `share` is 0.5 for the median. */
double quantile(double *samples, size_t count, double share);

/* Ends a line of JSON with the number of the samples, their median, and what 99 of 100 keep within. */
void print_samples(double *samples, size_t count);

/* Whether the argument at that place is "quick". */
bool is_quick(int argc, char **argv, int at);

/* How many bytes of the block follow a body's last byte, as simdjson reads past the end. */
#define BODY_PADDING 64

/* An answer with that many locks, to be freed: ids, states, times, batteries and revisions vary; one lock in ten is
   disconnected and has no state. The same arguments give the same bytes. Ids ascend unless `shuffled`. BODY_PADDING
   bytes follow the body. */
char *make_body(size_t locks, bool shuffled, size_t *size);

#endif
