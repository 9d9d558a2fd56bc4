/* A recording of all that a client and the simulator say to each other, apart from the library: a relay in between. */
#ifndef WATCH_RECORDER_H
#define WATCH_RECORDER_H

#include <stddef.h>
#include <stdint.h>

typedef struct recorder recorder;

/* Listens on a free loopback port for one client at a time, and relays to that port. */
recorder *recorder_start(uint16_t port);
const char *recorder_url(const recorder *r); /* "http://127.0.0.1:PORT" */
/* No more is relayed from here on, and the recording can be read. */
void recorder_stop(recorder *r);
void recorder_free(recorder *r);

/* How many requests there were; and what came back for one, perhaps not all of an answer, as a text with a NUL. */
size_t recorder_count(const recorder *r);
const char *recorder_answer(const recorder *r, size_t i, size_t *size);

#endif
