/* The wrapped functions; see wrapped.h. */
#define CURL_DISABLE_TYPECHECK
#include "wrapped.h"

#include <curl/curl.h>
#include <errno.h>
#include <netdb.h>
#include <poll.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#define DAY_S 86400

#define TEXT(name) #name,
const char *const wrapped_names[WRAPPED_COUNT] = {WRAPPED_ALL(TEXT)};

typedef struct order {
    atomic_size_t calls_left; /* until one fails; 0: no call fails */
    atomic_bool each;
    atomic_int error;
} order;

static order orders[WRAPPED_COUNT];
static atomic_bool hit;
static atomic_bool later;
static atomic_int folder_code; /* CURLE_OK: folders are not rejected */
static atomic_bool trusts_folder;
static void (*before_join)(void *user);
static void *before_join_user;

void wrapped_fail(wrapped function, size_t nth, int error)
{
    atomic_store(&orders[function].error, error);
    atomic_store(&orders[function].each, nth == 0);
    atomic_store(&orders[function].calls_left, nth);
    atomic_store(&hit, false);
}

bool wrapped_end(void)
{
    for (size_t i = 0; i < WRAPPED_COUNT; i++) {
        atomic_store(&orders[i].calls_left, 0);
        atomic_store(&orders[i].each, false);
    }
    atomic_store(&later, false);
    atomic_store(&folder_code, CURLE_OK);
    return atomic_load(&hit);
}

void wrapped_reject_folders(int code, bool trusts)
{
    atomic_store(&trusts_folder, trusts);
    atomic_store(&folder_code, code);
    atomic_store(&hit, false);
}

void wrapped_before_join(void (*act)(void *user), void *user)
{
    before_join = act;
    before_join_user = user;
}

static bool must_fail(wrapped function)
{
    order *o = &orders[function];

    if (!atomic_load(&o->each) && (atomic_load(&o->calls_left) == 0 || atomic_fetch_sub(&o->calls_left, 1) != 1))
        return false;
    atomic_store(&hit, true);
    return true;
}

static int fail_system(wrapped function)
{
    errno = atomic_load(&orders[function].error);
    return -1;
}

static bool is_short(wrapped function)
{
    return atomic_load(&orders[function].error) == WRAPPED_SHORT;
}

#define CODE(type, name) ((type)atomic_load(&orders[WRAPPED_##name].error))

/* Wraps the function `name` of that type and with these parameters. It passes the call on with `arguments`, or
   returns `failure`: -1 and errno for the system's functions, a code for the others. */
#define WRAP(type, name, failure, parameters, arguments)                                                               \
  type __real_##name parameters;                                                                                       \
  type __wrap_##name parameters;                                                                                       \
  type __wrap_##name parameters                                                                                        \
  {                                                                                                                    \
    return must_fail(WRAPPED_##name) ? (failure) : __real_##name arguments;                                            \
  }
#define WRAP_SYSTEM(type, name, parameters, arguments)                                                                 \
  WRAP(type, name, fail_system(WRAPPED_##name), parameters, arguments)
#define WRAP_CODE(type, name, parameters, arguments) WRAP(type, name, CODE(type, name), parameters, arguments)

/* --- the system --- */

WRAP_SYSTEM(ssize_t, read, (int fd, void *to, size_t size), (fd, to, size))
WRAP_SYSTEM(ssize_t, write, (int fd, const void *from, size_t size), (fd, from, size))
WRAP(ssize_t, pread64, is_short(WRAPPED_pread64) ? __real_pread64(fd, to, 1, at) : fail_system(WRAPPED_pread64),
     (int fd, void *to, size_t size, off_t at), (fd, to, size, at))
WRAP(ssize_t, pwrite64, is_short(WRAPPED_pwrite64) ? __real_pwrite64(fd, from, 1, at) : fail_system(WRAPPED_pwrite64),
     (int fd, const void *from, size_t size, off_t at), (fd, from, size, at))
WRAP_SYSTEM(int, rename, (const char *old, const char *new), (old, new))
WRAP_SYSTEM(int, flock, (int fd, int what), (fd, what))
WRAP_SYSTEM(int, fstat64, (int fd, struct stat *to), (fd, to))
WRAP_SYSTEM(int, lstat64, (const char *path, struct stat *to), (path, to))
WRAP_SYSTEM(int, getentropy, (void *to, size_t size), (to, size))
WRAP_SYSTEM(int, epoll_create1, (int flags), (flags))
WRAP_SYSTEM(int, epoll_wait, (int fd, struct epoll_event *to, int n, int ms), (fd, to, n, ms))
WRAP_SYSTEM(int, eventfd, (unsigned first, int flags), (first, flags))
WRAP_SYSTEM(int, timerfd_create, (clockid_t clock, int flags), (clock, flags))
WRAP_SYSTEM(int, timerfd_settime, (int fd, int flags, const struct itimerspec *when, struct itimerspec *old),
            (fd, flags, when, old))
WRAP_SYSTEM(int, pipe2, (int *pair, int flags), (pair, flags))
WRAP_SYSTEM(int, socket, (int family, int type, int protocol), (family, type, protocol))
WRAP_SYSTEM(int, getsockopt, (int fd, int level, int name, void *to, socklen_t *size), (fd, level, name, to, size))
WRAP_SYSTEM(int, connect, (int fd, const struct sockaddr *to, socklen_t size), (fd, to, size))
WRAP_SYSTEM(ssize_t, send, (int fd, const void *from, size_t size, int flags), (fd, from, size, flags))
WRAP_SYSTEM(ssize_t, recv, (int fd, void *to, size_t size, int flags), (fd, to, size, flags))
WRAP_SYSTEM(int, poll, (struct pollfd * fds, nfds_t n, int ms), (fds, n, ms))

/* Fails only to add a descriptor, because only this needs memory. A descriptor that could not be removed would wake
   epoll forever. */
int __real_epoll_ctl(int fd, int what, int of, struct epoll_event *e);
int __wrap_epoll_ctl(int fd, int what, int of, struct epoll_event *e);
int __wrap_epoll_ctl(int fd, int what, int of, struct epoll_event *e)
{
    return what == EPOLL_CTL_ADD && must_fail(WRAPPED_epoll_ctl) ? fail_system(WRAPPED_epoll_ctl)
                                                                 : __real_epoll_ctl(fd, what, of, e);
}

/* Closes the descriptor even if the call must fail: otherwise it would leak. */
int __real_close(int fd);
int __wrap_close(int fd);
int __wrap_close(int fd)
{
    int result = __real_close(fd);

    return must_fail(WRAPPED_close) ? fail_system(WRAPPED_close) : result;
}

int __real_open64(const char *path, int flags, ...);
int __wrap_open64(const char *path, int flags, ...);
int __wrap_open64(const char *path, int flags, ...)
{
    return must_fail(WRAPPED_open64) ? fail_system(WRAPPED_open64)
                                     : __real_open64(path, flags); /* the library's calls create nothing */
}

/* Replaces a name that FORTIFY uses instead, as the next ones do. The last size is that of the buffer. */
ssize_t __wrap___read_chk(int fd, void *to, size_t size, size_t room);
ssize_t __wrap___read_chk(int fd, void *to, size_t size, size_t room)
{
    (void)room;
    return __wrap_read(fd, to, size);
}

ssize_t __wrap___pread64_chk(int fd, void *to, size_t size, off_t at, size_t room);
ssize_t __wrap___pread64_chk(int fd, void *to, size_t size, off_t at, size_t room)
{
    (void)room;
    return __wrap_pread64(fd, to, size, at);
}

ssize_t __wrap___recv_chk(int fd, void *to, size_t size, size_t room, int flags);
ssize_t __wrap___recv_chk(int fd, void *to, size_t size, size_t room, int flags)
{
    (void)room;
    return __wrap_recv(fd, to, size, flags);
}

int __real_clock_gettime(clockid_t clock, struct timespec *now);
int __wrap_clock_gettime(clockid_t clock, struct timespec *now);
int __wrap_clock_gettime(clockid_t clock, struct timespec *now)
{
    int result = __real_clock_gettime(clock, now);

    if (must_fail(WRAPPED_clock_gettime))
        atomic_store(&later, true);
    if (atomic_load(&later))
        now->tv_sec += DAY_S;
    return result;
}

WRAP_CODE(int, getaddrinfo,
          (const char *node, const char *service, const struct addrinfo *hints, struct addrinfo **out),
          (node, service, hints, out))

/* --- threads --- */

WRAP_CODE(int, pthread_mutex_init, (pthread_mutex_t * m, const pthread_mutexattr_t *a), (m, a))
WRAP_CODE(int, pthread_cond_init, (pthread_cond_t * c, const pthread_condattr_t *a), (c, a))
WRAP_CODE(int, pthread_condattr_init, (pthread_condattr_t * a), (a))
WRAP_CODE(int, pthread_condattr_setclock, (pthread_condattr_t * a, clockid_t clock), (a, clock))
WRAP_CODE(int, pthread_create, (pthread_t * t, const pthread_attr_t *a, void *(*run)(void *), void *user),
          (t, a, run, user))

int __real_pthread_join(pthread_t thread, void **result);
int __wrap_pthread_join(pthread_t thread, void **result);
int __wrap_pthread_join(pthread_t thread, void **result)
{
    void (*act)(void *) = before_join;

    before_join = NULL;
    if (act != NULL)
        act(before_join_user);
    return __real_pthread_join(thread, result);
}

/* --- libcurl --- */

WRAP_CODE(CURLcode, curl_global_init, (long flags), (flags))
WRAP(CURL *, curl_easy_init, NULL, (void), ())
WRAP(CURLM *, curl_multi_init, NULL, (void), ())
WRAP_CODE(CURLMcode, curl_multi_add_handle, (CURLM * m, CURL *e), (m, e))
WRAP_CODE(CURLMcode, curl_multi_perform, (CURLM * m, int *running), (m, running))
WRAP_CODE(CURLMcode, curl_multi_poll, (CURLM * m, struct curl_waitfd *fds, unsigned n, int ms, int *ready),
          (m, fds, n, ms, ready))
WRAP(CURLMsg *, curl_multi_info_read, NULL, (CURLM * m, int *queued), (m, queued))
WRAP_CODE(CURLMcode, curl_multi_socket_action, (CURLM * m, curl_socket_t s, int what, int *running),
          (m, s, what, running))

WRAP(CURLU *, curl_url, NULL, (void), ())
WRAP_CODE(CURLUcode, curl_url_set, (CURLU * u, CURLUPart what, const char *part, unsigned flags),
          (u, what, part, flags))

/* Removes the handle even if the call must fail: otherwise it could not be freed. */
CURLMcode __real_curl_multi_remove_handle(CURLM *m, CURL *e);
CURLMcode __wrap_curl_multi_remove_handle(CURLM *m, CURL *e);
CURLMcode __wrap_curl_multi_remove_handle(CURLM *m, CURL *e)
{
    CURLMcode code = __real_curl_multi_remove_handle(m, e);

    return must_fail(WRAPPED_curl_multi_remove_handle) ? CODE(CURLMcode, curl_multi_remove_handle) : code;
}

/* Reports the trust store that wrapped_reject_folders() set. */
curl_version_info_data *__real_curl_version_info(CURLversion version);
curl_version_info_data *__wrap_curl_version_info(CURLversion version);
curl_version_info_data *__wrap_curl_version_info(CURLversion version)
{
    static curl_version_info_data without_folders;
    curl_version_info_data *real = __real_curl_version_info(version);

    if (atomic_load(&folder_code) == CURLE_OK)
        return real;
    without_folders = *real;
    without_folders.cainfo = atomic_load(&trusts_folder) ? NULL : "/bundle.pem";
    without_folders.capath = atomic_load(&trusts_folder) ? "/folder" : NULL;
    return &without_folders;
}

/* Returns whether an option is rejected. */
static bool rejects_option(bool is_easy, int option)
{
    if (!is_easy || atomic_load(&folder_code) == CURLE_OK ||
        (option != (int)CURLOPT_CAPATH && option != (int)CURLOPT_PROXY_CAPATH))
        return false;
    atomic_store(&hit, true);
    return true;
}

/* libcurl takes its last argument as a long, a pointer, or a curl_off_t (options from 30000 on). */
#define WRAP_OPTION(type, name, handle, option)                                                                        \
  type __real_##name(handle *h, option o, ...);                                                                        \
  type __wrap_##name(handle *h, option o, ...);                                                                        \
  type __wrap_##name(handle *h, option o, ...)                                                                         \
  {                                                                                                                    \
    va_list list;                                                                                                      \
    type result;                                                                                                       \
                                                                                                                       \
    if (must_fail(WRAPPED_##name))                                                                                     \
      return CODE(type, name);                                                                                         \
    if (rejects_option(WRAPPED_##name == WRAPPED_curl_easy_setopt, (int)o))                                            \
      return (type)atomic_load(&folder_code);                                                                          \
    va_start(list, o);                                                                                                 \
    if ((int)o >= CURLOPTTYPE_OFF_T && (int)o < CURLOPTTYPE_BLOB)                                                      \
      result = __real_##name(h, o, va_arg(list, curl_off_t));                                                          \
    else if ((int)o < CURLOPTTYPE_OBJECTPOINT)                                                                         \
      result = __real_##name(h, o, va_arg(list, long));                                                                \
    else                                                                                                               \
      result = __real_##name(h, o, va_arg(list, void *));                                                              \
    va_end(list);                                                                                                      \
    return result;                                                                                                     \
  }

WRAP_OPTION(CURLcode, curl_easy_setopt, CURL, CURLoption)
WRAP_OPTION(CURLMcode, curl_multi_setopt, CURLM, CURLMoption)

CURLcode __real_curl_easy_getinfo(CURL *h, CURLINFO what, ...);
CURLcode __wrap_curl_easy_getinfo(CURL *h, CURLINFO what, ...);
CURLcode __wrap_curl_easy_getinfo(CURL *h, CURLINFO what, ...)
{
    va_list list;
    void *to;

    va_start(list, what);
    to = va_arg(list, void *);
    va_end(list);
    return must_fail(WRAPPED_curl_easy_getinfo) ? CODE(CURLcode, curl_easy_getinfo)
                                                : __real_curl_easy_getinfo(h, what, to);
}
