/* Fakes of what an application provides: a transport that follows a script instead of sending HTTP, and a logger that
   keeps its lines. The heap is that of t_heap.h. */
#ifndef T_FAKE_H
#define T_FAKE_H

#include "decoding.h"
#include "t_heap.h"

/* --- transport --- */

/* One call of perform: it fills the response from this, and returns `returns`. */
typedef struct t_step {
    int32_t http;     /* 0: sets no status */
    const char *body; /* NULL: no body */
    size_t size;      /* 0: up to the NUL */
    const char *headers[2 * 4 + 1];
    lock_sync_status returns;
    void (*hook)(void *user, const lock_sync_request *q, lock_sync_response *s); /* runs first; may be NULL */
} t_step;

#define T_FAKE_STEPS 4

typedef struct t_fake {
    const t_step *steps; /* the last one is repeated */
    size_t step_count;
    void *user; /* for the hooks */
    size_t performed;
    size_t destroyed;
    char authorization[T_FAKE_STEPS][128]; /* of each request, cut to the room */
    char url[T_FAKE_STEPS][256];
} t_fake;

/* Makes a transport of `fake`, without a cancel function. */
lock_sync_transport t_fake_transport(t_fake *fake);
/* Sets this transport, and turns the guard off. Ends the test on failure. */
void t_fake_use(lock_sync_ctx *ctx, t_fake *fake);

/* Fetches all locks, and frees the results. */
lock_sync_status t_fetch_status(lock_sync_ctx *ctx);

/* Turns the guard off. Ends the test on failure. */
void t_guard_off(lock_sync_ctx *ctx);

/* --- heap --- */

/* Checks that all blocks were freed, and no freed block contained the secret. */
void t_heap_check_empty(const t_heap *heap);

/* --- logger --- */

typedef struct t_log {
    size_t lines;
    lock_sync_log_level last_level;
    char text[8192]; /* all lines, cut to the room */
} t_log;

void t_log_line(void *user, lock_sync_log_level level, const char *message);

#endif
