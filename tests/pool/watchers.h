/* Watches for the pool's tests: an account's watch, and all that its callback was told. */
#ifndef POOL_WATCHERS_H
#define POOL_WATCHERS_H

#include "accounts.h"

#define WATCHER_CALLS 32
#define NEVER_MS 20000                /* an interval that no test waits for */
#define BOTH_ADDED "1001:85 1002:21 " /* what is told of a raw server's good answer */

typedef struct watcher watcher;

struct watcher {
    account a; /* its own `submits` and `calls` are those of plain fetches */
    lock_sync_watch *w;
    lock_sync_pool *pool;
    size_t calls;
    lock_sync_status status[WATCHER_CALLS]; /* of each call, as the next */
    char told[WATCHER_CALLS][64];           /* "1:16 2:2 ": id and kinds; "" after a failure */
    char message[300];                      /* of the last call, as the next */
    int64_t called_ms;
    lock_sync_status last_status;
    int64_t age_ms;
    int64_t due_in_ms;
    void (*then)(watcher *w); /* the callback's last act; may free watch, context, pool */
    void *user;
};

/* An account with a watch of all its locks; the guard is off. It must not move once it watches. */
watcher watcher_new(const char *url, int64_t interval_ms);
watcher watcher_of(account a, int64_t interval_ms);
void watcher_free(watcher *w); /* the watch first, then its context */
/* Ends the test unless it is OK. */
void watcher_start(watcher *w, lock_sync_pool *p);
lock_sync_status watcher_try(watcher *w, lock_sync_pool *p);

/* A guard in memory with that interval, for its context; unref it. */
lock_sync_guard *watcher_guard(watcher *w, int64_t interval_ms, lock_sync_guard_mode mode);

/* Runs the pool until so many calls have come; ends the test when they do not. */
void watcher_run(watcher *w, size_t calls);

/* That there were so many calls, and what the last one was told; `told` NULL: whatever. */
#define expect_told(w, count, want, told) check_told((w), (count), (want), (told), __FILE__, __LINE__)
void check_told(const watcher *w, size_t count, lock_sync_status want, const char *told, const char *file, int line);

/* A scripted server, and a pool with a watcher for it that does not watch yet. Begins at `s`, which must not move. */
typedef struct watch_scene {
    raw_server *server;
    lock_sync_pool *pool;
    watcher w;
} watch_scene;

void watch_scene_begin(watch_scene *s, const raw_step *const *scripts, size_t count, int64_t interval_ms);
void watch_scene_end(watch_scene *s);

/* The answer of a connection to its only request: these records. */
#define RECORDS(records)                                                                                               \
  {                                                                                                                    \
    RAW_READ_REQUEST, RAW_SEND_TEXT("HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n{\"result\":[" records "]}"), RAW_END \
  }
#define STATUS_LINE(line)                                                                                              \
  {                                                                                                                    \
    RAW_READ_REQUEST, RAW_SEND_TEXT("HTTP/1.1 " line "\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"), RAW_END    \
  }

#endif
