/* Many transfers in one thread, on Linux: epoll, timerfd and eventfd behind one descriptor; see loop.h. */
#include "transport/loop.h"
#include "base/clock.h"
#include "base/memory.h"
#include "transport/quirks.h"
#include "transport/status.h"

#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/timerfd.h>
#include <unistd.h>

#define EVENTS_MAX 8 /* small, so that finished transfers return their memory before others begin */

/* --- sockets --- */

/* A socket that libcurl wants to be watched.

   Between two requests libcurl is not interested in the socket of a connection. epoll keeps watching it because the
   next request often follows soon; that saves 5 % of the time of a fetch over HTTP/1.1. The watch ends with an event on
   the idle socket, or when the socket is closed.

   libcurl 7.88 does not report that it closes a socket that did not connect. If a child process that was forked
   meanwhile has a copy, epoll continues to report events of it. So a socket that waits for EPOLLOUT is reported once,
   and armed again while libcurl wants it. The number of a socket that did not connect is not removed from epoll: it may
   be reused. */
struct lsync_watched {
    uint32_t wanted;    /* the events that libcurl wants; 0: none */
    uint32_t watched;   /* the events that epoll watches; 0: none, or epoll has the socket from before it connected */
    bool is_connection; /* the socket of a connection, whose closing is reported */
    bool is_connected;  /* libcurl has waited for a response on it */
};

static lsync_watched *watched_at(const lsync_loop *l, int fd)
{
    return (size_t)fd < l->watched_count ? &l->watched[fd] : NULL;
}

/* Returns what watched_at does, after enlarging the array if necessary. NULL: out of memory; then the socket is watched
   as if it were not a connection's. */
static lsync_watched *make_watched(lsync_loop *l, int fd)
{
    size_t count = l->watched_count == 0 ? 64 : l->watched_count;
    lsync_watched *watched;

    while (count <= (size_t)fd)
        count *= 2;
    if (count > l->watched_count) {
        watched = lsync_realloc(l->memory, l->watched, count * sizeof *watched);
        if (watched == NULL)
            return NULL;
        memset(watched + l->watched_count, 0, (count - l->watched_count) * sizeof *watched);
        l->watched = watched;
        l->watched_count = count;
    }
    return &l->watched[fd];
}

static uint32_t once(uint32_t events)
{
    return (events & (uint32_t)EPOLLOUT) != 0 ? (uint32_t)EPOLLONESHOT : 0;
}

/* Watches a socket. `known`: epoll has it. Otherwise epoll may still have it from before it connected. */
static bool watch(const lsync_loop *l, int fd, uint32_t events, bool known)
{
    struct epoll_event event = {.events = events, .data.fd = fd};

    if (!known && epoll_ctl(l->epoll_fd, EPOLL_CTL_ADD, fd, &event) == 0)
        return true;
    return (known || errno == EEXIST) && epoll_ctl(l->epoll_fd, EPOLL_CTL_MOD, fd, &event) == 0;
}

static void unwatch(const lsync_loop *l, int fd, lsync_watched *w)
{
    if (w->watched != 0)
        (void)epoll_ctl(l->epoll_fd, EPOLL_CTL_DEL, fd, NULL);
    w->watched = 0;
}

static lsync_loop *loop_of(lsync_socket_owner *owner)
{
    return (lsync_loop *)(void *)owner; /* the first member of the loop */
}

static void opened(lsync_socket_owner *owner, int fd)
{
    lsync_watched *w = make_watched(loop_of(owner), fd);

    if (w != NULL)
        *w = (lsync_watched){.is_connection = true};
}

static void closing(lsync_socket_owner *owner, int fd)
{
    lsync_watched *w = watched_at(loop_of(owner), fd);

    if (w == NULL)
        return;
    if (w->is_connected)
        unwatch(loop_of(owner), fd, w);
    *w = (lsync_watched){.is_connection = false};
}

/* --- libcurl's callbacks --- */

/* Sets the events that libcurl wants for the socket of a connection. */
static bool want(const lsync_loop *l, int fd, lsync_watched *w, uint32_t events)
{
    w->wanted = events;
    if (events == 0) {
        w->watched = w->is_connected ? w->watched : 0;
        return true;
    }
    w->is_connected = w->is_connected || (events & (uint32_t)EPOLLIN) != 0;
    if (events == w->watched && once(events) == 0)
        return true;
    if (!watch(l, fd, events | once(events), w->watched != 0))
        return false;
    w->watched = events;
    return true;
}

/* The CURLMOPT_SOCKETFUNCTION. `known` is not NULL if epoll has the socket and it is not a connection's. */
// cppcheck-suppress constParameter ; the type is libcurl's
static int on_socket(CURL *easy, curl_socket_t socket, int what, void *user, void *known)
{
    lsync_loop *l = user;
    lsync_watched *w = watched_at(l, socket);
    uint32_t events = ((what & CURL_POLL_IN) != 0 ? (uint32_t)EPOLLIN : 0) |
                      ((what & CURL_POLL_OUT) != 0 ? (uint32_t)EPOLLOUT : 0); /* 0: CURL_POLL_REMOVE */

    (void)easy;
    if (w != NULL && w->is_connection)
        return want(l, socket, w, events) ? 0 : -1;
    if (events == 0) {
        (void)epoll_ctl(l->epoll_fd, EPOLL_CTL_DEL, socket, NULL);
        return 0;
    }
    return watch(l, socket, events, known != NULL) &&
                   (known != NULL || curl_multi_assign(l->multi, socket, l) == CURLM_OK)
               ? 0
               : -1;
}

static int on_timer(CURLM *multi, long timeout_ms, void *user)
{
    lsync_loop *l = user;

    (void)multi;
    l->curl_due_us = timeout_ms < 0 ? LSYNC_NEVER_US : lsync_clock_boot_us() + (int64_t)timeout_ms * 1000;
    return 0;
}

/* --- life cycle --- */

#define SET(option, value)                                                                                             \
  do {                                                                                                                 \
    if (code == CURLM_OK)                                                                                              \
      code = curl_multi_setopt(l->multi, option, value);                                                               \
  } while (0)

static CURLMcode set_options(lsync_loop *l)
{
    CURLMcode code = CURLM_OK;

    lsync_quirk_set_resolver(l->multi);
    SET(CURLMOPT_SOCKETFUNCTION, on_socket);
    SET(CURLMOPT_SOCKETDATA, l);
    SET(CURLMOPT_TIMERFUNCTION, on_timer);
    SET(CURLMOPT_TIMERDATA, l);
    return code;
}

void lsync_loop_replace_multi(lsync_loop *l)
{
    (void)curl_multi_cleanup(l->multi);
    l->curl_due_us = LSYNC_NEVER_US;
    l->multi = curl_multi_init();
    for (size_t i = 0; i < l->watched_count; i++)
        l->watched[i] = (lsync_watched){.is_connection = false};
    if (l->multi != NULL && set_options(l) == CURLM_OK &&
        lsync_loop_limit(l, l->owner.per_origin, l->total) == LOCK_SYNC_OK)
        return;
    (void)curl_multi_cleanup(l->multi);
    l->multi = NULL;
}

static void close_fd(int fd)
{
    if (fd >= 0)
        (void)close(fd);
}

lock_sync_status lsync_loop_init(lsync_loop *l, const lock_sync_allocator *memory)
{
    lock_sync_status status = lsync_curl_global_init();

    *l = (lsync_loop){.memory = memory, .epoll_fd = -1, .timer_fd = -1, .wake_fd = -1};
    l->owner = (lsync_socket_owner){.opened = opened, .closing = closing};
    l->curl_due_us = l->armed_us = LSYNC_NEVER_US;
    if (status != LOCK_SYNC_OK)
        return status;
    l->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    l->timer_fd = timerfd_create(CLOCK_BOOTTIME, TFD_CLOEXEC | TFD_NONBLOCK);
    l->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    l->multi = curl_multi_init();
    if (l->epoll_fd < 0 || l->timer_fd < 0 || l->wake_fd < 0 || l->multi == NULL ||
        !watch(l, l->timer_fd, EPOLLIN, false) || !watch(l, l->wake_fd, EPOLLIN, false) || set_options(l) != CURLM_OK) {
        status = lsync_status_of_no_handle();
        lsync_loop_release(l);
    }
    return status;
}

void lsync_loop_release(lsync_loop *l)
{
    (void)curl_multi_cleanup(l->multi);
    close_fd(l->wake_fd);
    close_fd(l->timer_fd);
    close_fd(l->epoll_fd);
    lsync_free(l->memory, l->watched);
}

/* --- events --- */

/* Returns, like handle() below, false if libcurl or epoll cannot continue. */
static bool act(const lsync_loop *l, curl_socket_t socket, int events)
{
    int running;

    return curl_multi_socket_action(l->multi, socket, events, &running) == CURLM_OK;
}

static void drain(int fd)
{
    uint64_t count;

    while (read(fd, &count, sizeof count) < 0 && errno == EINTR)
        continue;
}

void lsync_loop_watch(lsync_loop *l, lsync_guest *guest, int fd, bool writes)
{
    if (guest->fd >= 0 && guest->fd != fd)
        (void)epoll_ctl(l->epoll_fd, EPOLL_CTL_DEL, guest->fd, NULL);
    if (fd >= 0 && !watch(l, fd, (uint32_t)EPOLLIN | (writes ? (uint32_t)EPOLLOUT : 0), guest->fd == fd)) {
        guest->fd = guest->fd == fd ? fd : -1;
        return;
    }
    guest->fd = fd;
    guest->writes = writes;
}

/* Records an event if the descriptor is a guest's. */
static bool record_guest(lsync_loop *l, const struct epoll_event *event)
{
    for (lsync_guest *guest = l->guests; guest != NULL; guest = guest->next) {
        if (guest->fd != event->data.fd)
            continue;
        guest->readable = guest->readable || (event->events & ~(uint32_t)EPOLLOUT) != 0;
        guest->writable = guest->writable || (event->events & (uint32_t)EPOLLOUT) != 0;
        return true;
    }
    return false;
}

static bool handle(lsync_loop *l, const struct epoll_event *event)
{
    int fd = event->data.fd;
    lsync_watched *w = watched_at(l, fd);

    if (record_guest(l, event))
        return true;
    if (fd == l->wake_fd || fd == l->timer_fd) {
        drain(fd);
        if (fd == l->timer_fd)
            l->armed_us = LSYNC_NEVER_US;
        return true;
    }
    if (w != NULL && w->is_connection && w->wanted == 0) { /* closed by the server, or did not connect and is gone */
        unwatch(l, fd, w);
        return true;
    }
    if (!act(l, fd,
             ((event->events & (uint32_t)EPOLLIN) != 0 ? CURL_CSELECT_IN : 0) |
                 ((event->events & (uint32_t)EPOLLOUT) != 0 ? CURL_CSELECT_OUT : 0) |
                 ((event->events & (uint32_t)(EPOLLERR | EPOLLHUP)) != 0 ? CURL_CSELECT_ERR : 0)))
        return false;
    w = watched_at(l, fd); /* the array may have moved */
    return w == NULL || !w->is_connection || once(w->wanted) == 0 || watch(l, fd, w->wanted | once(w->wanted), true);
}

lock_sync_status lsync_loop_pass(lsync_loop *l, int timeout_ms)
{
    struct epoll_event events[EVENTS_MAX];
    int n = epoll_wait(l->epoll_fd, events, EVENTS_MAX, timeout_ms);
    bool good = true;

    l->owner.passes++;
    l->more = n == EVENTS_MAX;
    for (int i = 0; i < n && good; i++)
        good = handle(l, &events[i]);
    while (good && l->curl_due_us <= lsync_clock_boot_us()) {
        l->curl_due_us = LSYNC_NEVER_US; /* libcurl sets the next time in on_timer */
        good = act(l, CURL_SOCKET_TIMEOUT, 0);
    }
    return good ? LOCK_SYNC_OK : LOCK_SYNC_E_NO_MEMORY;
}

void lsync_loop_arm(lsync_loop *l, int64_t own_due_us)
{
    int64_t due_us = own_due_us < l->curl_due_us ? own_due_us : l->curl_due_us;
    struct itimerspec when = {.it_value = {0, 0}}; /* disarms */

    due_us = due_us < 1 ? 1 : due_us;
    if (due_us == l->armed_us)
        return;
    if (due_us != LSYNC_NEVER_US) {
        when.it_value.tv_sec = (time_t)(due_us / 1000000);
        when.it_value.tv_nsec = (long)(due_us % 1000000) * 1000;
    }
    (void)timerfd_settime(l->timer_fd, TFD_TIMER_ABSTIME, &when, NULL);
    l->armed_us = due_us;
}

void lsync_loop_wake(const lsync_loop *l)
{
    const uint64_t one = 1;

    while (write(l->wake_fd, &one, sizeof one) < 0 && errno == EINTR) /* EAGAIN: many earlier wake-ups are pending */
        continue;
}
