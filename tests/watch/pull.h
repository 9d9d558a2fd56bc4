/* What the tests of lock_sync_watch_next() share: a watch over a scripted transport, what it told, and the clock. */
#ifndef WATCH_PULL_H
#define WATCH_PULL_H

#include "../guard/contexts.h"

typedef struct pull {
    t_fake fake;
    lock_sync_ctx *ctx;
    lock_sync_watch *w;
    char told[256]; /* of the last pull_next: "1:16 2:2 ", id and kinds */
} pull;

/* Begins at `p`, which must not move: a watch of all locks with that interval, over the steps. The guard is off. */
void pull_begin(pull *p, const t_step *steps, size_t count, int64_t interval_ms);
#define PULL_BEGIN(p, steps, interval_ms) pull_begin(p, steps, COUNT_OF(steps), interval_ms)
/* The same over one step, with a guard in memory; pull_end() does not free the guard. */
lock_sync_guard *pull_begin_guarded(pull *p, const t_step *step, int64_t interval_ms, int64_t guard_ms,
                                    lock_sync_guard_mode mode);
void pull_end(pull *p);

/* Waits for the next change; checks what holds for any status, and frees the changes. */
lock_sync_status pull_next(pull *p, int64_t timeout_ms);
/* The same once the next poll is due, which it is at once. */
lock_sync_status pull_due(pull *p, int64_t timeout_ms);

/* So much time is gone, for the library. The program's clock stands in for base/clock.c. */
void pull_pass(int64_t ms);
/* That the next poll is due in so many milliseconds, or up to a second less. */
void pull_check_due(const pull *p, int64_t least, int64_t most);

/* A good answer with these records. */
#define SAYS(records)                                                                                                  \
  {                                                                                                                    \
    .http = 200, .body = "{\"result\":[" records "]}"                                                                  \
  }
#define LOCK_IN(id, state) "{\"id\":" #id ",\"isConnected\":true,\"deviceState\":{\"state\":" #state "}}"
/* One that is added is told as kinds 21 (added, connected, state), one that is removed as 26 (with disconnected). */

#endif
