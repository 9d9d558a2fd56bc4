/* Wraps the functions that the library calls: any one call of the system's, the threads' or libcurl's functions
   fails on demand. The programs link the library's archive, with --wrap for each of these functions. */
#ifndef FAILING_CALLS_WRAPPED_H
#define FAILING_CALLS_WRAPPED_H

#include <stdbool.h>
#include <stddef.h>

/* X(name): each function. */
/* clang-format off */
#define WRAPPED_SYSTEM(X)                                                                                             \
    X(open64) X(read) X(write) X(pread64) X(pwrite64) X(close) X(rename) X(flock) X(fstat64) X(lstat64) X(getentropy) \
    X(epoll_create1) X(epoll_ctl) X(epoll_wait) X(eventfd) X(timerfd_create) X(timerfd_settime) X(pipe2) X(socket)    \
    X(getsockopt) X(connect) X(send) X(recv) X(poll)
/* clang-format on */
/* clang-format off */
#define WRAPPED_THREADS(X)                                                                                            \
    X(pthread_mutex_init) X(pthread_cond_init) X(pthread_condattr_init) X(pthread_condattr_setclock) X(pthread_create)
/* clang-format on */
/* clang-format off */
#define WRAPPED_CURL(X)                                                                                               \
    X(curl_global_init) X(curl_easy_init) X(curl_easy_setopt) X(curl_easy_getinfo) X(curl_multi_init)                 \
    X(curl_multi_setopt) X(curl_multi_add_handle) X(curl_multi_remove_handle) X(curl_multi_perform)                   \
    X(curl_multi_poll) X(curl_multi_info_read) X(curl_multi_socket_action) X(curl_url) X(curl_url_set)
/* clang-format on */
#define WRAPPED_ALL(X) WRAPPED_SYSTEM(X) WRAPPED_THREADS(X) WRAPPED_CURL(X) X(getaddrinfo) X(clock_gettime)

#define WRAPPED_NAME(name) WRAPPED_##name,
typedef enum wrapped { WRAPPED_ALL(WRAPPED_NAME) WRAPPED_COUNT } wrapped;

extern const char *const wrapped_names[WRAPPED_COUNT];

/* Lets call number `nth` from now (from 1; 0: every call) fail. The system's functions set errno to `error`, the
   others return it. The clock does not fail, but is a day later from then on. */
#define WRAPPED_SHORT (-1) /* for pread and pwrite: the call transfers one byte */
void wrapped_fail(wrapped function, size_t nth, int error);
/* Ends all failures; returns whether a call failed. */
bool wrapped_end(void);

/* Removes libcurl's certificate directories until wrapped_end(): it rejects the options for them with that code. It
   reports a directory as its trust store if `trusts_folder`, otherwise a bundle. */
void wrapped_reject_folders(int code, bool trusts_folder);

/* Calls `act` once, when the library next waits for the end of a thread. */
void wrapped_before_join(void (*act)(void *user), void *user);

#endif
