/* Any one call to the system, the threads or libcurl fails, or the clock jumps at any look at it. The library must
   report it, leak nothing, and work again. */
#include "scenes.h"
#include "base/memory.h"
#include "transport/connections.h"
#include "transport/options.h"
#include "transport/quirks.h"

#include <curl/curl.h>
#include <errno.h>
#include <stdlib.h>

/* The statuses that a failing call may cause. */
#define NO_MEMORY MAY(E_NO_MEMORY)
#define NO_CURL (MAY(E_NO_MEMORY) | MAY(E_NO_TRANSPORT) | MAY(E_CONNECT) | MAY(E_NETWORK) | MAY(E_TIMEOUT))

static sim *server;

static scene scene_of(void)
{
    return (scene){.url = sim_url(server)};
}

/* Lets each function of a table fail in a life, with its error. Each must be called at least once. */
typedef struct row {
    wrapped function;
    int error;
    uint32_t may;
} row;

static void check_rows(scene *s, const row *rows, size_t n, life live)
{
    size_t failed = 0;

    for (size_t i = 0; i < n; i++) {
        size_t calls = check_failing_calls(s, rows[i].function, rows[i].error, live, rows[i].may);

        if (calls == 0)
            fail_msg("%s is not called", wrapped_names[rows[i].function]);
        failed += calls;
    }
    print_message("%zu calls failed, one at a time\n", failed);
}

#define CHECK_ROWS(s, rows, live) check_rows(s, rows, COUNT_OF(rows), live)

/* The functions that every fetch calls, blocking or in a pool. */
#define EVERY_FETCH                                                                                                    \
  {WRAPPED_pthread_mutex_init, ENOMEM, NO_MEMORY}, {WRAPPED_pthread_cond_init, ENOMEM, NO_MEMORY},                     \
      {WRAPPED_curl_easy_init, 0, NO_MEMORY}, {WRAPPED_curl_multi_init, 0, NO_MEMORY},                                 \
      {WRAPPED_curl_url, 0, NO_MEMORY}, {WRAPPED_curl_url_set, CURLUE_OUT_OF_MEMORY, NO_MEMORY},                       \
      {WRAPPED_curl_easy_setopt, CURLE_OUT_OF_MEMORY, NO_CURL},                                                        \
      {WRAPPED_curl_easy_setopt, CURLE_UNKNOWN_OPTION, NO_CURL},                                                       \
      {WRAPPED_curl_multi_setopt, CURLM_UNKNOWN_OPTION, NO_CURL},                                                      \
      {WRAPPED_curl_multi_add_handle, CURLM_OUT_OF_MEMORY, NO_CURL},                                                   \
      {WRAPPED_curl_easy_getinfo, CURLE_UNKNOWN_OPTION, NO_CURL},                                                      \
      {WRAPPED_clock_gettime, 0, MAY(E_TIMEOUT) | MAY(E_TOO_SOON)},

TEST(a_fetch_in_a_pool)
{
    static const row rows[] = {
        {WRAPPED_curl_global_init, CURLE_OUT_OF_MEMORY, NO_MEMORY}, /* called once: in the first test */
        EVERY_FETCH{WRAPPED_pthread_create, EAGAIN, NO_MEMORY},
#ifdef POOL_USES_EPOLL
        {WRAPPED_curl_multi_socket_action, CURLM_OUT_OF_MEMORY, NO_CURL},
        {WRAPPED_epoll_create1, EMFILE, MAY(E_NO_MEMORY) | MAY(E_CONNECT)},
        {WRAPPED_epoll_ctl, ENOMEM, NO_CURL},
        {WRAPPED_epoll_wait, EINTR, NO_CURL},
        {WRAPPED_eventfd, EMFILE, MAY(E_NO_MEMORY) | MAY(E_CONNECT)},
        {WRAPPED_timerfd_create, EMFILE, MAY(E_NO_MEMORY) | MAY(E_CONNECT)},
        {WRAPPED_read, EINTR, 0},
        {WRAPPED_write, EINTR, 0},
#else
        {WRAPPED_curl_multi_perform, CURLM_OUT_OF_MEMORY, NO_CURL},
        {WRAPPED_curl_multi_poll, CURLM_OUT_OF_MEMORY, NO_CURL},
#endif
    };
    scene s = scene_of();

    CHECK_ROWS(&s, rows, life_of_a_pool);
}

TEST(a_fetch)
{
    static const row rows[] = {
        EVERY_FETCH{WRAPPED_pthread_condattr_init, ENOMEM, NO_MEMORY},
        {WRAPPED_pthread_condattr_setclock, EINVAL, NO_MEMORY},
        {WRAPPED_curl_multi_remove_handle, CURLM_INTERNAL_ERROR, NO_CURL},
        {WRAPPED_curl_multi_perform, CURLM_OUT_OF_MEMORY, NO_MEMORY},
        {WRAPPED_curl_multi_poll, CURLM_OUT_OF_MEMORY, NO_MEMORY},
        {WRAPPED_curl_multi_info_read, 0, NO_CURL},
        {WRAPPED_socket, EACCES, NO_CURL},
    };
    scene s = scene_of();

    CHECK_ROWS(&s, rows, life_of_a_fetch);
}

/* Of two pages, each with its own transfer, in one slot of the guard. */
TEST(a_directory)
{
    static const char *const arguments[] = {"--static", "--locks", "150", NULL};
    static const row rows[] = {
        EVERY_FETCH{WRAPPED_curl_multi_remove_handle, CURLM_INTERNAL_ERROR, NO_CURL},
        {WRAPPED_curl_multi_perform, CURLM_OUT_OF_MEMORY, NO_MEMORY},
    };
    static const row in_a_pool[] = {EVERY_FETCH{WRAPPED_pthread_create, EAGAIN, NO_MEMORY}};
    sim *many = sim_start(arguments);
    scene s = {.url = sim_url(many)};

    CHECK_ROWS(&s, rows, life_of_a_directory);
    CHECK_ROWS(&s, in_a_pool, life_of_a_directory_in_a_pool);
    sim_stop(many, NULL);
}

/* Some options are about trust. */
TEST(a_fetch_fails_without_any_of_its_options)
{
    scene s = scene_of();

    MUST(check_failing_calls(&s, WRAPPED_curl_easy_setopt, CURLE_OUT_OF_MEMORY, life_of_a_fetch, NO_CURL) > 30);
    MUST_INT(s.unharmed, 1);
}

/* Sets the options of a request in a fresh handle. */
static lock_sync_status set_options(void)
{
    const lsync_route route = {.loopback = true};
    const lock_sync_request request = {.url = "http://127.0.0.1/", .route = &route, .timeout_ms = 1000};
    lock_sync_allocator memory;
    lsync_connections connections;
    lsync_transfer t;
    int64_t tls_failed_us = 0;
    lock_sync_status status;

    MUST(lsync_allocator_init(&memory, NULL));
    lsync_connections_init(&connections, &memory, NULL);
    MUST_OK(lsync_transfer_init(&t, &memory, &tls_failed_us));
    t.connections = &connections;
    status = lsync_transfer_set(&t, &request);
    lsync_transfer_release(&t);
    lsync_connections_release(&connections);
    return status;
}

/* Such a TLS backend rejects the options even for no directory; then nothing depends on them. */
TEST(a_backend_without_certificate_directories)
{
    static const CURLcode codes[] = {CURLE_NOT_BUILT_IN, CURLE_UNKNOWN_OPTION};
    scene s = scene_of();

    for (size_t i = 0; i < COUNT_OF(codes); i++) {
        wrapped_reject_folders((int)codes[i], false);
        MUST_OK(set_options());
        MUST_OK(life_of_a_fetch(&s));
        MUST(wrapped_end());
        wrapped_reject_folders((int)codes[i], true);
        MUST_INT(set_options(), LOCK_SYNC_E_NO_TRANSPORT);
        MUST(life_of_a_fetch(&s) != LOCK_SYNC_OK);
        MUST(wrapped_end());
        MUST_INT(s.heap.blocks, 0);
    }
}

/* The second fetch begins with a new handle. */
TEST(a_fetch_after_a_failed_one)
{
    static const row rows[] = {
        {WRAPPED_curl_easy_init, 0, NO_MEMORY},
        {WRAPPED_curl_easy_setopt, CURLE_OUT_OF_MEMORY, NO_CURL},
    };
    scene s = scene_of();

    CHECK_ROWS(&s, rows, life_of_a_fetch_after_a_failed_one);
}

#ifdef POOL_USES_EPOLL
/* libcurl cannot continue, and no new handle can be made: the next fetch tries again. */
TEST(a_pool_that_cannot_make_another_multi_handle)
{
    scene s = scene_of();
    bool failed = true;
    size_t nth;

    for (nth = 1; failed; nth++) { /* the number of calls depends on libcurl, and on what arrives together */
        lock_sync_status status;

        wrapped_fail(WRAPPED_curl_multi_init, 2, 0); /* the first call makes the pool's handle */
        wrapped_fail(WRAPPED_curl_multi_socket_action, nth, CURLM_OUT_OF_MEMORY);
        status = life_of_a_pool(&s);
        failed = wrapped_end();
        MUST_INT(status, failed ? LOCK_SYNC_E_NO_MEMORY : LOCK_SYNC_OK);
        MUST(!failed || s.usable);
        MUST_INT(s.heap.blocks, 0);
    }
    MUST(nth > 3);
}

#endif

TEST(a_worn_handle_that_cannot_be_replaced)
{
    lsync_transfer t = {.must_replace_handle = true};

    wrapped_fail(WRAPPED_curl_easy_init, 1, 0);
    MUST_INT(lsync_quirk_replace_handle(&t, NULL), CURLE_OUT_OF_MEMORY);
    MUST(wrapped_end());
}

TEST(a_freed_pool_settles_all_slots)
{
    scene s = scene_of();

    MUST(slots_are_settled_when_a_pool_is_freed(&s));
    MUST_INT(s.heap.blocks, 0);
}

/* Also between the 401 and the retry. */
TEST(the_clock_jumps_before_a_retry)
{
    const uint32_t may = MAY(E_TIMEOUT) | MAY(E_TOO_SOON) | MAY(E_UNAUTHORIZED);
    scene s = scene_of();

    MUST(check_failing_calls(&s, WRAPPED_clock_gettime, 0, life_of_a_retried_fetch, may) > 0);
    MUST(check_failing_calls(&s, WRAPPED_clock_gettime, 0, life_of_a_retried_fetch_in_a_pool, may) > 0);
}

TEST(a_guard_in_a_file)
{
    static const row rows[] = {
        {WRAPPED_pthread_mutex_init, ENOMEM, NO_MEMORY},
        {WRAPPED_open64, EACCES, MAY(E_GUARD)},
        {WRAPPED_open64, ENOENT, MAY(E_GUARD)},
        {WRAPPED_read, EIO, 0},
        {WRAPPED_pread64, EIO, MAY(E_GUARD)},
        {WRAPPED_pread64, EINTR, 0},
        {WRAPPED_pread64, WRAPPED_SHORT, 0},
        {WRAPPED_pwrite64, ENOSPC, MAY(E_GUARD)},
        {WRAPPED_pwrite64, ENOMEM, MAY(E_NO_MEMORY)},
        {WRAPPED_pwrite64, EINTR, 0},
        {WRAPPED_pwrite64, WRAPPED_SHORT, 0},
        {WRAPPED_close, EIO, MAY(E_GUARD)},
        {WRAPPED_rename, EPERM, MAY(E_GUARD)},
        {WRAPPED_flock, ENOLCK, MAY(E_GUARD)},
        {WRAPPED_flock, EINTR, 0},
        {WRAPPED_fstat64, EIO, MAY(E_GUARD)},
        {WRAPPED_getentropy, ENOSYS, 0},
        {WRAPPED_lstat64, EIO, MAY(E_GUARD)},
        {WRAPPED_lstat64, ENOENT, MAY(E_GUARD)},
    };
    scene s = {.dir = kit_temp_dir()};

    CHECK_ROWS(&s, rows, life_of_a_guard_in_a_file);
    kit_remove_dir((char *)(uintptr_t)s.dir);
}

TEST(a_file_that_is_always_replaced_after_it_was_opened)
{
    char *dir = kit_temp_dir();
    char *path = kit_text("%s/guard", dir);
    lock_sync_guard *g;

    MUST_OK(lock_sync_guard_open_file(path, &g));
    wrapped_fail(WRAPPED_lstat64, 0, ENOENT);
    MUST_INT(lock_sync_guard_reserve(g, 0, NULL, NULL), LOCK_SYNC_E_GUARD);
    (void)wrapped_end();
    MUST_OK(lock_sync_guard_reserve(g, 0, NULL, NULL));
    lock_sync_guard_unref(g);
    free(path);
    kit_remove_dir(dir);
}

int main(void)
{
    static const char *const arguments[] = {"--static", NULL};
    int failed;

    server = sim_start(arguments);
    failed = t_run_all();
    sim_stop(server, NULL);
    return failed;
}
