/* Stand-ins for what a host plugs in: a transport that plays a script instead of speaking HTTP, and a logger that
   remembers. The heap is that of t_heap.h. */
#ifndef T_FAKE_H
#define T_FAKE_H

#include "decoding.h"
#include "t_heap.h"

/* --- transport --- */

/* What one perform does: fills the response from this, then returns `returns`. */
typedef struct t_step {
    int32_t http;     /* 0: sets no status */
    const char *body; /* NULL: none */
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
    char authorization[T_FAKE_STEPS][128]; /* of each request, as far as there is room */
    char url[T_FAKE_STEPS][256];
} t_fake;

/* A transport over `fake`, without a cancel function. */
lock_sync_transport t_fake_transport(t_fake *fake);
/* Sets it, and turns the guard off, which has tests of its own; ends the test on failure. */
void t_fake_use(lock_sync_ctx *ctx, t_fake *fake);

/* Fetches all locks, where only the status and the error matter. */
lock_sync_status t_fetch_status(lock_sync_ctx *ctx);

/* For a context with a transport of its own. */
void t_guard_off(lock_sync_ctx *ctx);

/* --- heap --- */

/* Checks that all was given back, and no secret with it. */
void t_heap_check_empty(const t_heap *heap);

/* --- logger --- */

typedef struct t_log {
    size_t lines;
    lock_sync_log_level last_level;
    char text[8192]; /* all lines, as far as there is room */
} t_log;

void t_log_line(void *user, lock_sync_log_level level, const char *message);

#endif
