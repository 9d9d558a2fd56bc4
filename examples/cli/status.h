/* The line of times above the live table. */
#ifndef CLI_STATUS_H
#define CLI_STATUS_H

#include <stdbool.h>
#include <stdint.h>

#define STATUS_SIZE 224

typedef struct status {
    bool age;            /* how old the response is, instead of its time */
    int64_t interval_ms; /* between two polls */
    int64_t response_ms; /* when the last good response arrived, as Unix time; 0: no response yet */
    int64_t due_ms;      /* when the next poll is, as Unix time */
} status;

/* Returns whether the last good response is too old to show its states as today's. */
bool status_is_stale(const status *s, int64_t now_ms);

/* Writes "response 14:03:20, next poll 14:03:40 CEST, in 14 s". A stale response has its age too. A time of another day
   has the date. */
void status_write(const status *s, int64_t now_ms, char text[STATUS_SIZE]);

#endif
