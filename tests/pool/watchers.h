/* Watches for the pool's tests: an account's watch, and what its callback got. */
#ifndef POOL_WATCHERS_H
#define POOL_WATCHERS_H

#include "accounts.h"

#define WATCHER_CALLS 32
#define NEVER_MS 20000                /* an interval that no test waits for */
#define BOTH_ADDED "1001:85 1002:21 " /* reported for a raw server's good response */

typedef struct watcher watcher;

struct watcher {
    account a; /* its `submits` and `calls` count only plain fetches */
    lock_sync_watch *w;
    lock_sync_pool *pool;
    size_t calls;
    lock_sync_status status[WATCHER_CALLS]; /* of each call, like the next */
    char reported[WATCHER_CALLS][64];       /* "1:16 2:2 ": id and kinds; "" after a failure */
    char message[300];                      /* of the last call, like the fields below */
    int64_t called_ms;
    lock_sync_status last_status;
    int64_t age_ms;
    int64_t due_in_ms;
    void (*then)(watcher *w); /* the last thing that the callback does; may free watch, context, pool */
    void *user;
};

/* Makes an account with a watch of all its locks; the guard is off. It must not move while it watches. */
watcher watcher_new(const char *url, int64_t interval_ms);
watcher watcher_of(account a, int64_t interval_ms);
void watcher_free(watcher *w); /* frees the watch, then its context */
/* Starts the watch in the pool; watcher_start ends the test unless it returns OK. */
void watcher_start(watcher *w, lock_sync_pool *p);
lock_sync_status watcher_try(watcher *w, lock_sync_pool *p);

/* Gives its context a guard in memory with that interval; unref the guard. */
lock_sync_guard *watcher_guard(watcher *w, int64_t interval_ms, lock_sync_guard_mode mode);

/* Runs the pool until `calls` calls came; ends the test if they do not. */
void watcher_run(watcher *w, size_t calls);

/* Checks the number of calls, and what the last one reported; `reported` NULL: anything. */
#define expect_reported(w, count, want, reported) check_reported((w), (count), (want), (reported), __FILE__, __LINE__)
void check_reported(const watcher *w, size_t count, lock_sync_status want, const char *reported, const char *file,
                    int line);

/* A scripted server, and a pool with a watcher that does not watch yet. The scene must not move. */
typedef struct watch_scene {
    raw_server *server;
    lock_sync_pool *pool;
    watcher w;
} watch_scene;

void watch_scene_begin(watch_scene *s, const raw_step *const *scripts, size_t count, int64_t interval_ms);
void watch_scene_end(watch_scene *s);

/* A script for a connection with one request: responds with these records. */
#define RECORDS(records)                                                                                               \
  {                                                                                                                    \
    RAW_READ_REQUEST, RAW_SEND_TEXT("HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n{\"result\":[" records "]}"), RAW_END \
  }
#define STATUS_LINE(line)                                                                                              \
  {                                                                                                                    \
    RAW_READ_REQUEST, RAW_SEND_TEXT("HTTP/1.1 " line "\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"), RAW_END    \
  }

#endif
