/* When a watch polls, and which fetches one poll has; see poll.h. */
#include "watch/poll.h"

#define BACKOFF_MAX 30             /* intervals */
#define RETRY_AFTER_MS_MAX 3600000 /* the service's rate limits are per hour */

/* Returns whether the states may be available although the directory is not: only this request was denied or refused.
   After any other failure the states would fail too, or the service must not be asked again at once. */
static bool is_refused(lock_sync_status status)
{
    switch (status) {
    case LOCK_SYNC_E_TOO_SOON:
    case LOCK_SYNC_E_FORBIDDEN:
    case LOCK_SYNC_E_NOT_FOUND:
    case LOCK_SYNC_E_MALFORMED:
    case LOCK_SYNC_E_TOO_LARGE: return true;
    default: return false;
    }
}

lsync_poll_step lsync_poll_next(lsync_poll_step step, lock_sync_status status, const lsync_poll_facts *facts)
{
    switch (step) {
    case LSYNC_POLL_NONE:
        return !facts->has_ids || (facts->may_fetch_it && !facts->has_directory) ? LSYNC_POLL_START : LSYNC_POLL_STATES;
    case LSYNC_POLL_START: return is_refused(status) && facts->has_ids ? LSYNC_POLL_STATES : LSYNC_POLL_NONE;
    case LSYNC_POLL_STATES:
        return status == LOCK_SYNC_OK && facts->may_fetch_it && facts->needs_directory ? LSYNC_POLL_NAMES
                                                                                       : LSYNC_POLL_NONE;
    case LSYNC_POLL_NAMES:
    default: return LSYNC_POLL_NONE;
    }
}

int64_t lsync_poll_pause_ms(int64_t interval_ms, uint32_t failures, int64_t retry_after_ms, uint32_t random)
{
    int64_t intervals = failures < 2 ? 1 : failures > 5 ? BACKOFF_MAX : (int64_t)1 << (failures - 1);
    int64_t pause_ms = interval_ms * intervals;
    int64_t jitter_ms = pause_ms / 10 * random / UINT32_MAX;

    if (retry_after_ms > RETRY_AFTER_MS_MAX)
        retry_after_ms = RETRY_AFTER_MS_MAX;
    /* jitter never makes the pause shorter than the interval or longer than the backoff */
    pause_ms += intervals == 1 ? jitter_ms : -jitter_ms;
    return retry_after_ms > pause_ms ? retry_after_ms + jitter_ms : pause_ms;
}
