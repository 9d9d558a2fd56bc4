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

/* Whose connection a descriptor is; NULL: nobody's, as the resolver's, whose end is not told. */
static lsync_sockets *owner_of(const lsync_loop *l, int fd)
{
    return (size_t)fd < l->owner_count ? l->owners[fd] : NULL;
}

static void forget(lsync_loop *l, int fd)
{
    l->owners[fd]->open--;
    l->owners[fd] = NULL;
}

static lsync_loop *loop_of(const lsync_sockets *sockets)
{
    return (lsync_loop *)(void *)sockets->owner; /* its first member */
}

static void opened(lsync_sockets *sockets, int fd)
{
    lsync_loop *l = loop_of(sockets);
    size_t count = l->owner_count == 0 ? 64 : l->owner_count;
    lsync_sockets **owners;

    while (count <= (size_t)fd)
        count *= 2;
    if (count > l->owner_count) {
        owners = lsync_realloc(l->memory, l->owners, count * sizeof *owners);
        if (owners == NULL)
            return; /* then it is not counted */
        memset(owners + l->owner_count, 0, (count - l->owner_count) * sizeof *owners);
        l->owners = owners;
        l->owner_count = count;
    }
    if (l->owners[fd] != NULL)
        forget(l, fd); /* the one before that had its number */
    l->owners[fd] = sockets;
    sockets->open++;
}

static void closing(lsync_sockets *sockets, int fd)
{
    if (owner_of(loop_of(sockets), fd) != NULL)
        forget(loop_of(sockets), fd);
}

/* `known`: epoll has it. */
static bool watch(const lsync_loop *l, int fd, uint32_t events, bool known)
{
    struct epoll_event event = {.events = events, .data.fd = fd};

    return epoll_ctl(l->epoll_fd, known ? EPOLL_CTL_MOD : EPOLL_CTL_ADD, fd, &event) == 0;
}

/* --- libcurl's callbacks --- */

/* What libcurl wants to know of a socket. `known`: epoll has it. */
// cppcheck-suppress constParameter ; the type is libcurl's
static int on_socket(CURL *easy, curl_socket_t socket, int what, void *user, void *known)
{
    lsync_loop *l = user;
    uint32_t events = ((what & CURL_POLL_IN) != 0 ? (uint32_t)EPOLLIN : 0) |
                      ((what & CURL_POLL_OUT) != 0 ? (uint32_t)EPOLLOUT : 0); /* 0: CURL_POLL_REMOVE */

    (void)easy;
    if (events == 0) {
        /* It fails for one that is closed, and gone: libcurl 7.88 closes a connection that did not come about without
           a word. */
        if (epoll_ctl(l->epoll_fd, EPOLL_CTL_DEL, socket, NULL) != 0 && owner_of(l, socket) != NULL)
            forget(l, socket);
        return 0;
    }
    if (!watch(l, socket, events, known != NULL))
        return -1;
    return known != NULL || curl_multi_assign(l->multi, socket, l) == CURLM_OK ? 0 : -1;
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
    lsync_free(l->memory, l->owners);
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

    if (fd == l->wake_fd || fd == l->timer_fd) {
        drain(fd);
        if (fd == l->timer_fd)
            l->armed_us = LSYNC_NEVER_US;
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
