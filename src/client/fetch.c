/* A fetch as a state machine without I/O; see fetch.h. */
#include "client/fetch.h"

void lsync_fetch_begin(lsync_fetch *f, lock_sync_guard_mode mode, bool is_poll, bool has_provider, int64_t deadline_us)
{
    *f = (lsync_fetch){.mode = mode, .is_poll = is_poll, .has_provider = has_provider, .deadline_us = deadline_us};
}

/* Ends the fetch; a slot is settled first. */
static lsync_fetch_state end(lsync_fetch *f, lock_sync_status status)
{
    f->status = status;
    return f->has_slot ? LSYNC_FETCH_SETTLING : LSYNC_FETCH_DONE;
}

/* Goes to the next state if the step succeeded, else ends the fetch. */
static lsync_fetch_state go_on(lsync_fetch *f, lock_sync_status status, lsync_fetch_state next)
{
    return status == LOCK_SYNC_OK ? next : end(f, status);
}

/* Handles a denial by the guard. */
static lsync_fetch_state deny(lsync_fetch *f, int64_t at_us)
{
    f->at_us = at_us;
    if (f->is_poll)
        f->is_denied = true;
    else if (f->mode == LOCK_SYNC_GUARD_WAIT && at_us < f->deadline_us)
        return LSYNC_FETCH_WAITING;
    else if (f->mode == LOCK_SYNC_GUARD_CACHED)
        return LSYNC_FETCH_KEPT;
    return end(f, LOCK_SYNC_E_TOO_SOON);
}

static lsync_fetch_state after_asking(lsync_fetch *f, const lsync_fetch_input *in)
{
    f->has_slot = in->status == LOCK_SYNC_OK;
    if (f->stop != LOCK_SYNC_OK)
        return end(f, f->stop);
    if (in->status == LOCK_SYNC_E_TOO_SOON)
        return deny(f, in->at_us);
    return go_on(f, in->status, LSYNC_FETCH_CREDENTIAL);
}

/* Returns the state in which the next request of this fetch begins. */
static lsync_fetch_state next_request(const lsync_fetch *f)
{
    return f->has_slot ? LSYNC_FETCH_EXTENDING : LSYNC_FETCH_SENDING;
}

static lsync_fetch_state after_sending(lsync_fetch *f, const lsync_fetch_input *in)
{
    if (in->status == LOCK_SYNC_OK && in->has_more)
        return f->stop == LOCK_SYNC_OK ? next_request(f) : end(f, f->stop);
    if (in->status != LOCK_SYNC_E_UNAUTHORIZED || !f->has_provider || f->has_retried || f->stop != LOCK_SYNC_OK)
        return end(f, in->status);
    f->has_retried = true;
    return LSYNC_FETCH_RENEWING;
}

static lsync_fetch_state after_extending(lsync_fetch *f, lock_sync_status status)
{
    return f->stop != LOCK_SYNC_OK ? end(f, f->stop) : go_on(f, status, LSYNC_FETCH_SENDING);
}

static lsync_fetch_state after_stop(lsync_fetch *f, const lsync_fetch_input *in)
{
    switch (f->state) {
    case LSYNC_FETCH_ASKING: /* the stop takes effect with the result of the step, if that has begun */
    case LSYNC_FETCH_SENDING:
    case LSYNC_FETCH_EXTENDING:
        if (in->has_not_begun)
            return end(f, in->status);
        f->stop = f->stop != LOCK_SYNC_OK ? f->stop : in->status;
        return f->state;
    case LSYNC_FETCH_SETTLING: /* the status of the fetch is final */
    case LSYNC_FETCH_DONE: return f->state;
    case LSYNC_FETCH_CHECK:
    case LSYNC_FETCH_WAITING:
    case LSYNC_FETCH_KEPT:
    case LSYNC_FETCH_CREDENTIAL:
    case LSYNC_FETCH_RENEWING:
    default: return end(f, in->status);
    }
}

static lsync_fetch_state after_result(lsync_fetch *f, const lsync_fetch_input *in)
{
    switch (f->state) {
    case LSYNC_FETCH_CHECK:
        return go_on(f, in->status, f->mode == LOCK_SYNC_GUARD_OFF ? LSYNC_FETCH_CREDENTIAL : LSYNC_FETCH_ASKING);
    case LSYNC_FETCH_ASKING: return after_asking(f, in);
    case LSYNC_FETCH_WAITING: return LSYNC_FETCH_ASKING;
    case LSYNC_FETCH_KEPT: return end(f, in->status);
    case LSYNC_FETCH_CREDENTIAL: return go_on(f, in->status, LSYNC_FETCH_SENDING);
    case LSYNC_FETCH_SENDING: return after_sending(f, in);
    case LSYNC_FETCH_RENEWING: return go_on(f, in->status, next_request(f));
    case LSYNC_FETCH_EXTENDING: return after_extending(f, in->status);
    case LSYNC_FETCH_SETTLING: /* the guard keeps an outcome that it cannot write */
    case LSYNC_FETCH_DONE:
    default: return LSYNC_FETCH_DONE;
    }
}

void lsync_fetch_next(lsync_fetch *f, const lsync_fetch_input *input)
{
    lsync_fetch_state next = input->is_stop ? after_stop(f, input) : after_result(f, input);

    if (next != f->state) /* do not write without need: another thread that carries out the step may read the state */
        f->state = next;
}
