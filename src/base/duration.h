/* A time span in words, for people. */
#ifndef LSYNC_BASE_DURATION_H
#define LSYNC_BASE_DURATION_H

#include <stdint.h>

#define LSYNC_DURATION_SIZE 40

/* Writes a span as "12 s", "3 min 5 s" or "2 h 4 min", rounded up. Negative spans are none. */
void lsync_duration_text(int64_t ms, char text[LSYNC_DURATION_SIZE]);

#endif
