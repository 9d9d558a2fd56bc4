/* Decides on retries; see retry.h. */
#include "transport/retry.h"

#define SENDS_MAX 2          /* the first, and one retry */
#define UNSENT_MAX 2         /* kept connections found closed; each retry opens a new connection anyway */
#define RESPONSES_ENOUGH 400 /* fewer do not show how a server treats its connections */
#define RETRIES_FEW 8        /* one in so many responses */

/* Returns whether the server may close connections after a few requests. Then an open connection may be closed soon. */
static bool may_close_early(const lsync_history *h)
{
    return h->responses < RESPONSES_ENOUGH || h->retries > h->responses / RETRIES_FEW;
}

lsync_retry lsync_retry_after(const lsync_attempt *a, const lsync_history *h)
{
    if (a->is_final || a->has_response || !a->is_idempotent)
        return LSYNC_RETRY_NONE;
    if (a->no_free_stream)
        return LSYNC_RETRY_ANYWHERE;
    if (a->unsent > 0)
        return a->unsent <= UNSENT_MAX ? LSYNC_RETRY_NEW_CONNECTION : LSYNC_RETRY_NONE;
    if (a->sends == 0 || a->sends >= SENDS_MAX || !a->http2)
        return LSYNC_RETRY_NONE;
    if (a->is_dead) /* the server did not close the connection */
        return LSYNC_RETRY_ANYWHERE;
    if (a->wants_http1)
        return LSYNC_RETRY_HTTP1;
    if (a->refused == LSYNC_REFUSED_NO && !a->aborted_resend)
        return LSYNC_RETRY_NONE;
    return a->refused != LSYNC_REFUSED_YES && h->is_below_limit && may_close_early(h) ? LSYNC_RETRY_NEW_CONNECTION
                                                                                      : LSYNC_RETRY_ANYWHERE;
}
