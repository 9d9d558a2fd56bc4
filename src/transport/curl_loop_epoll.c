/* Many transfers in one thread, on Linux: epoll, timerfd and eventfd behind one descriptor; see curl_loop.h. */
#include "transport/curl_loop.h"
#include "base/clock.h"
#include "base/memory.h"
#include "transport/curl_status.h"

#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/timerfd.h>
#include <unistd.h>

#define EVENTS_MAX 8 /* then their transfers are taken in, and others begin with the memory that they gave back */

/* --- sockets --- */

/* The socket of a connection. Between two requests libcurl has no interest in it; epoll keeps it all the same, as most
   often the next request is near, and two system calls are saved. What happens meanwhile ends that. */
struct lsync_interest {
    lsync_sockets *owner; /* whose connection; NULL: of none, as the resolver's, whose end is not told */
    uint32_t wanted;  /* events, by libcurl; 0: none */
    uint32_t watched; /* by epoll; 0: epoll does not have it */
};

static lsync_interest *interest_of(const lsync_loop *l, int fd)
{
    return (size_t)fd < l->interest_count && l->interests[fd].owner != NULL ? &l->interests[fd] : NULL;
}

/* `known`: epoll has it. */
static bool watch(const lsync_loop *l, int fd, uint32_t events, bool known)
{
    struct epoll_event event = {.events = events, .data.fd = fd};

    return epoll_ctl(l->epoll_fd, known ? EPOLL_CTL_MOD : EPOLL_CTL_ADD, fd, &event) == 0;
}

/* Whether epoll had it, as it has none that is closed. */
static bool unwatch(const lsync_loop *l, int fd, lsync_interest *w)
{
    bool had = w->watched != 0 && epoll_ctl(l->epoll_fd, EPOLL_CTL_DEL, fd, NULL) == 0;

    w->watched = 0;
    return had;
}

static void forget(lsync_interest *w)
{
    w->owner->open--;
    w->owner = NULL;
}

static lsync_loop *loop_of(const lsync_sockets *sockets)
{
    return (lsync_loop *)(void *)sockets->owner; /* its first member */
}

static void opened(lsync_sockets *sockets, int fd)
{
    lsync_loop *l = loop_of(sockets);
    size_t count = l->interest_count == 0 ? 64 : l->interest_count;
    lsync_interest *interests;

    while (count <= (size_t)fd)
        count *= 2;
    if (count > l->interest_count) {
        interests = lsync_realloc(l->memory, l->interests, count * sizeof *interests);
        if (interests == NULL)
            return; /* then nothing is saved */
        memset(interests + l->interest_count, 0, (count - l->interest_count) * sizeof *interests);
        l->interests = interests;
        l->interest_count = count;
    }
    if (l->interests[fd].owner != NULL)
        forget(&l->interests[fd]); /* the one before that had its number */
    l->interests[fd] = (lsync_interest){.owner = sockets};
    sockets->open++;
}

static void closing(lsync_sockets *sockets, int fd)
{
    lsync_interest *w = interest_of(loop_of(sockets), fd);

    if (w == NULL)
        return;
    (void)unwatch(loop_of(sockets), fd, w);
    forget(w);
}

/* --- libcurl's callbacks --- */

/* libcurl has no interest in a connection's socket. One that it waited to write to may be closed already, which libcurl
   7.88 does not tell of a connection that did not come about, and its number is soon another's. */
static void lose_interest(const lsync_loop *l, int fd, lsync_interest *w)
{
    w->wanted = 0;
    if ((w->watched & (uint32_t)EPOLLOUT) != 0 && !unwatch(l, fd, w))
        forget(w);
}

/* What libcurl wants to know of a socket. `known`: it is none of ours, and epoll has it. */
// cppcheck-suppress constParameter ; the type is libcurl's
static int on_socket(CURL *easy, curl_socket_t socket, int what, void *user, void *known)
{
    lsync_loop *l = user;
    lsync_interest *w = interest_of(l, socket);
    uint32_t events = ((what & CURL_POLL_IN) != 0 ? (uint32_t)EPOLLIN : 0) |
                      ((what & CURL_POLL_OUT) != 0 ? (uint32_t)EPOLLOUT : 0); /* 0: CURL_POLL_REMOVE */

    (void)easy;
    if (events == 0) {
        if (w != NULL)
            lose_interest(l, socket, w);
        else
            (void)epoll_ctl(l->epoll_fd, EPOLL_CTL_DEL, socket, NULL); /* fails for one that is closed, and gone */
        return 0;
    }
    if (w != NULL) {
        w->wanted = events;
        if (events == w->watched)
            return 0;
    }
    if (!watch(l, socket, events, w != NULL ? w->watched != 0 : known != NULL))
        return -1;
    if (w != NULL)
        w->watched = events;
    return w != NULL || known != NULL || curl_multi_assign(l->multi, socket, l) == CURLM_OK ? 0 : -1;
}

static int on_timer(CURLM *multi, long timeout_ms, void *user)
{
    lsync_loop *l = user;

    (void)multi;
    l->curl_due_us = timeout_ms < 0 ? LSYNC_NEVER_US : lsync_clock_boot_us() + (int64_t)timeout_ms * 1000;
    return 0;
}

/* --- life cycle --- */

#define SET(option, value)                                                                                            \
    do {                                                                                                              \
        if (code == CURLM_OK)                                                                                         \
            code = curl_multi_setopt(l->multi, option, value);                                                        \
    } while (0)

static CURLMcode set_options(lsync_loop *l)
{
    CURLMcode code = CURLM_OK;

    SET(CURLMOPT_SOCKETFUNCTION, on_socket);
    SET(CURLMOPT_SOCKETDATA, l);
    SET(CURLMOPT_TIMERFUNCTION, on_timer);
    SET(CURLMOPT_TIMERDATA, l);
    return code;
}

void lsync_loop_renew(lsync_loop *l)
{
    (void)curl_multi_cleanup(l->multi);
    l->curl_due_us = LSYNC_NEVER_US;
    l->multi = curl_multi_init();
    if (l->multi != NULL && set_options(l) == CURLM_OK &&
        lsync_loop_limit(l, l->owner.per_host, l->total) == LOCK_SYNC_OK)
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
    lsync_free(l->memory, l->interests);
}

/* --- events --- */

/* False, here and below: libcurl or epoll could not go on. */
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

static bool handle(lsync_loop *l, const struct epoll_event *event)
{
    int fd = event->data.fd;
    lsync_interest *w = interest_of(l, fd);

    if (fd == l->wake_fd || fd == l->timer_fd) {
        drain(fd);
        if (fd == l->timer_fd)
            l->armed_us = LSYNC_NEVER_US;
    } else if (w != NULL && w->wanted == 0) {
        (void)unwatch(l, fd, w); /* the server closed it */
    } else {
        return act(l, fd, ((event->events & (uint32_t)EPOLLIN) != 0 ? CURL_CSELECT_IN : 0) |
                              ((event->events & (uint32_t)EPOLLOUT) != 0 ? CURL_CSELECT_OUT : 0) |
                              ((event->events & (uint32_t)(EPOLLERR | EPOLLHUP)) != 0 ? CURL_CSELECT_ERR : 0));
    }
    return true;
}

lock_sync_status lsync_loop_turn(lsync_loop *l, int timeout_ms)
{
    struct epoll_event events[EVENTS_MAX];
    int n = epoll_wait(l->epoll_fd, events, EVENTS_MAX, timeout_ms);
    bool good = true;

    l->more = n == EVENTS_MAX;
    for (int i = 0; i < n && good; i++)
        good = handle(l, &events[i]);
    while (good && l->curl_due_us <= lsync_clock_boot_us()) {
        l->curl_due_us = LSYNC_NEVER_US; /* libcurl tells the next */
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

    while (write(l->wake_fd, &one, sizeof one) < 0 && errno == EINTR) /* EAGAIN: it is awake for long */
        continue;
}
