/* See event_loop.h. The timer is set at most once in a turn, and only if libcurl's time changed. */
#include "event_loop.h"
#include "../tools.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>
#include <unistd.h>

#define EVENTS_MAX 256
#define NEVER 0.0

struct event_loop {
    CURLM *multi;
    int epoll_fd;
    int timer_fd;
    double due_ns; /* when libcurl must be called */
    double armed_ns;
};

static int on_socket(CURL *easy, curl_socket_t socket, int what, void *user, void *known)
{
    event_loop *l = user;
    struct epoll_event event = {.data.fd = socket};
    int change = what == CURL_POLL_REMOVE ? EPOLL_CTL_DEL : known == NULL ? EPOLL_CTL_ADD : EPOLL_CTL_MOD;

    (void)easy;
    event.events = ((what & CURL_POLL_IN) != 0 ? (uint32_t)EPOLLIN : 0) |
                   ((what & CURL_POLL_OUT) != 0 ? (uint32_t)EPOLLOUT : 0);
    (void)epoll_ctl(l->epoll_fd, change, socket, &event);
    if (what != CURL_POLL_REMOVE && known == NULL)
        (void)curl_multi_assign(l->multi, socket, l);
    return 0;
}

static int on_timer(CURLM *multi, long timeout_ms, void *user)
{
    event_loop *l = user;

    (void)multi;
    l->due_ns = timeout_ms < 0 ? NEVER : now_ns() + (double)timeout_ms * 1e6;
    return 0;
}

event_loop *event_loop_new(CURLM *multi)
{
    event_loop *l = allocate(sizeof *l);
    struct epoll_event event = {.events = EPOLLIN};

    *l = (event_loop){.multi = multi, .epoll_fd = epoll_create1(EPOLL_CLOEXEC)};
    event.data.fd = l->timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
    if (epoll_ctl(l->epoll_fd, EPOLL_CTL_ADD, l->timer_fd, &event) != 0 ||
        curl_multi_setopt(multi, CURLMOPT_SOCKETFUNCTION, on_socket) != CURLM_OK ||
        curl_multi_setopt(multi, CURLMOPT_SOCKETDATA, l) != CURLM_OK ||
        curl_multi_setopt(multi, CURLMOPT_TIMERFUNCTION, on_timer) != CURLM_OK ||
        curl_multi_setopt(multi, CURLMOPT_TIMERDATA, l) != CURLM_OK)
        die("no event loop");
    return l;
}

static void act(event_loop *l, curl_socket_t socket, int events)
{
    int running;

    if (curl_multi_socket_action(l->multi, socket, events, &running) != CURLM_OK)
        die("libcurl cannot continue");
}

static bool is_due(const event_loop *l)
{
    return l->due_ns != NEVER && l->due_ns <= now_ns();
}

static void arm(event_loop *l)
{
    uint64_t at = (uint64_t)l->due_ns;
    struct itimerspec when = {.it_value = {(time_t)(at / 1000000000), (long)(at % 1000000000)}};

    if (l->due_ns == l->armed_ns)
        return;
    (void)timerfd_settime(l->timer_fd, TFD_TIMER_ABSTIME, &when, NULL);
    l->armed_ns = l->due_ns;
}

static void handle(event_loop *l, const struct epoll_event *event)
{
    uint64_t count;

    if (event->data.fd == l->timer_fd) {
        (void)!read(l->timer_fd, &count, sizeof count);
        l->armed_ns = NEVER;
    } else {
        act(l, event->data.fd,
            ((event->events & (uint32_t)EPOLLIN) != 0 ? CURL_CSELECT_IN : 0) |
                ((event->events & (uint32_t)EPOLLOUT) != 0 ? CURL_CSELECT_OUT : 0) |
                ((event->events & (uint32_t)(EPOLLERR | EPOLLHUP)) != 0 ? CURL_CSELECT_ERR : 0));
    }
}

void event_loop_turn(event_loop *l)
{
    struct epoll_event events[EVENTS_MAX];
    int n;

    if (!is_due(l))
        arm(l);
    n = epoll_wait(l->epoll_fd, events, EVENTS_MAX, is_due(l) ? 0 : -1);
    for (int i = 0; i < n; i++)
        handle(l, &events[i]);
    while (is_due(l)) {
        l->due_ns = NEVER; /* libcurl sets the next */
        act(l, CURL_SOCKET_TIMEOUT, 0);
    }
}

void event_loop_free(event_loop *l)
{
    if (l == NULL)
        return;
    (void)close(l->epoll_fd);
    (void)close(l->timer_fd);
    free(l);
}
