/* For the tests of lock_sync_watch_next(): a watch over a scripted transport, its last changes, and the clock. */
#ifndef WATCH_PULL_H
#define WATCH_PULL_H

#include "../guard/contexts.h"

typedef struct pull {
    t_fake fake;
    lock_sync_ctx *ctx;
    lock_sync_watch *w;
    char changes[256]; /* of the last pull_next(): "1:16 2:2 ", id and kinds of each; "1>7:2048:Shed " with a name */
} pull;

/* Begins a watch of all locks with this interval, over the steps. The guard is off. `p` must not move. */
void pull_begin(pull *p, const t_step *steps, size_t count, int64_t interval_ms);
#define PULL_BEGIN(p, steps, interval_ms) pull_begin(p, steps, COUNT_OF(steps), interval_ms)
/* Does the same over one step, with a guard in memory; pull_end() does not free the guard. */
lock_sync_guard *pull_begin_guarded(pull *p, const t_step *step, int64_t interval_ms, int64_t guard_ms,
                                    lock_sync_guard_mode mode);
void pull_end(pull *p);

/* Waits for the next changes, checks that they and the error match the status, and frees them. */
lock_sync_status pull_next(pull *p, int64_t timeout_ms);
/* Moves the clock to the next poll, then does the same. */
lock_sync_status pull_due(pull *p, int64_t timeout_ms);

/* Moves the library's clock forward. The test's clock replaces base/clock.c. */
void pull_pass(int64_t ms);
/* Checks that the next poll is due in `least` to `most` ms, or up to a second earlier. */
void pull_check_due(const pull *p, int64_t least, int64_t most);

/* A good response with these records. */
#define RESPONSE(records)                                                                                              \
  {                                                                                                                    \
    .http = 200, .body = "{\"result\":[" records "]}"                                                                  \
  }
#define LOCK_IN(id, state) "{\"id\":" #id ",\"isConnected\":true,\"deviceState\":{\"state\":" #state "}}"
/* If this lock is added, the kinds are 21 (added, connected, state); if it is removed, 26 (with disconnected). */

#endif
