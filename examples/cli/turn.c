#include "turn.h"

#include "moment.h"
#include "report.h"
#include "signals.h"

#include <unistd.h>

/* Waits here, not in the guard's mode WAIT, because that wait counts in the request's timeout. */
bool turn_wait(const lock_sync_ctx *ctx, int64_t most_ms)
{
    static bool is_reported = false;
    int64_t wait_ms = lock_sync_error_retry_after_ms(lock_sync_last_error(ctx));
    char span[MOMENT_SIZE];

    moment_span(wait_ms, span);
    if (!is_reported && isatty(STDERR_FILENO))
        notice("waiting %s for the account's rate limit, longer if other programs fetch; Ctrl-C ends it", span);
    is_reported = true;
    return signals_sleep(wait_ms < 0 || wait_ms > most_ms ? most_ms : wait_ms);
}
