/* libcurl's multi handle driven by epoll and a timerfd, written as well as one can by hand. */
#ifndef BENCH_POOL_EVENT_LOOP_H
#define BENCH_POOL_EVENT_LOOP_H

#include <curl/curl.h>

typedef struct event_loop event_loop;

event_loop *event_loop_new(CURLM *multi); /* the multi handle must be cleaned up first */
void event_loop_turn(event_loop *l);      /* waits for something to happen, and has libcurl see to it */
void event_loop_free(event_loop *l);

#endif
