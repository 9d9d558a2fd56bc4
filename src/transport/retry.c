/* When a request is sent once more; see retry.h. */
#include "transport/retry.h"

#define SENDS_MAX 2           /* the first, and one retry */
#define UNSENT_MAX 2          /* kept connections found closed; the next attempt is alone anyway */
#define RESPONSES_TELLING 400 /* fewer do not tell how a server treats its connections */
#define RETRIES_FEW 8         /* one in so many responses */

/* Where a server closes connections after a few requests, one that is open would soon be closed too. */
static bool end_early(const lsync_history *h)
{
    return h->responses < RESPONSES_TELLING || h->retries > h->responses / RETRIES_FEW;
}

lsync_retry lsync_retry_after(const lsync_attempt *a, const lsync_history *h)
{
    if (a->is_final || a->has_response || !a->is_idempotent)
        return LSYNC_RETRY_NONE;
    if (a->has_no_room)
        return LSYNC_RETRY_ANYWHERE;
    if (a->unsent > 0)
        return a->unsent <= UNSENT_MAX ? LSYNC_RETRY_ALONE : LSYNC_RETRY_NONE;
    if (a->sends == 0 || a->sends >= SENDS_MAX || !a->http2)
        return LSYNC_RETRY_NONE;
    if (a->is_dead) /* its server does not close early */
        return LSYNC_RETRY_ANYWHERE;
    if (a->wants_http1)
        return LSYNC_RETRY_HTTP1;
    if (a->refused == LSYNC_REFUSED_NO && !a->is_vetoed)
        return LSYNC_RETRY_NONE;
    return a->refused != LSYNC_REFUSED_YES && h->has_room && end_early(h) ? LSYNC_RETRY_ALONE : LSYNC_RETRY_ANYWHERE;
}
