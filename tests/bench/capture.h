/* A server that keeps the last request it got, as it came, and gives the same answer to all. It closes after each. */
#ifndef BENCH_CAPTURE_H
#define BENCH_CAPTURE_H

#define CAPTURE_MAX 4096

typedef struct capture capture;

capture *capture_start(void);
void capture_stop(capture *c);
const char *capture_url(const capture *c); /* borrowed until capture_stop() */
void capture_last_request(capture *c, char text[CAPTURE_MAX]);

#endif
