/* libcurl's multi handle driven by epoll and a timerfd, written as well as possible by hand. */
#ifndef BENCH_POOL_EVENT_LOOP_H
#define BENCH_POOL_EVENT_LOOP_H

#include <curl/curl.h>

typedef struct event_loop event_loop;

event_loop *event_loop_new(CURLM *multi); /* clean the multi handle up before the loop */
void event_loop_turn(event_loop *l);      /* waits for an event, and calls libcurl for it */
void event_loop_free(event_loop *l);

#endif
