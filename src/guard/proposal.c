/* A decision that is made without waiting for the store; see proposal.h. */
#include "guard/proposal.h"
#include "base/log.h"
#include "guard/times.h"
#include "locksync/error.h"

#include <stdio.h>
#include <string.h>

#define TRIES_MAX 32
#define NOW_MAX_US (((int64_t)1 << 50) * 1000)
#define RECKON_MAX_US ((int64_t)300 * 1000000) /* later, the two clocks may differ by too much */
#define DRIFT 2000                             /* at most a part of 2000: what NTP corrects a clock by, 500 ppm */

/* The window allows for four times the last round trip, because the next one may be slower. It also allows for a pause
   of this process or of the store. An interval becomes longer by the window. */
#define WINDOW_TRIPS 4
#define WINDOW_PAUSE_US 5000
#define WINDOW_MAX_US ((int64_t)1000000)

/* --- the decision --- */

/* Decides at the time of the snapshot. Returns whether the record must be written. */
static bool decide(lsync_proposal *p, const lsync_guard_view *v, const lsync_proposal_input *input, int64_t window_us)
{
    lsync_guard_decision decision = *input->decision;
    lsync_guard_limits limits = *decision.limits;

    limits.granularity_us = window_us;
    decision.limits = &limits;
    p->mark = lsync_guard_view_mark_of(v);
    return lsync_guard_view_decide(v, &p->snapshot, &decision, input->slot, p->record);
}

static int64_t window_us(const lsync_guard_view *v, int64_t drift_us)
{
    return lsync_time_earlier(2 * drift_us + WINDOW_TRIPS * v->trip_us + WINDOW_PAUSE_US, WINDOW_MAX_US);
}

/* --- the swap --- */

static void look(lsync_proposal *p, int64_t own_now_us)
{
    p->sent_us = own_now_us;
    p->swap = (lock_sync_guard_swap){.struct_size = sizeof p->swap, .empty_since_us = INT64_MIN};
}

static void propose(lsync_proposal *p, int64_t own_now_us, size_t expected_size, int64_t length_us)
{
    look(p, own_now_us);
    p->swap.expected = p->expected;
    p->swap.expected_size = expected_size;
    p->swap.record = p->record;
    p->swap.record_size = sizeof p->record;
    p->swap.not_before_us = p->snapshot.now_us;
    p->swap.not_after_us = p->snapshot.now_us + length_us;
    p->swap.expires_in_ms = lsync_guard_expires_in_ms(&p->snapshot);
    if (p->snapshot.source.is_known)
        memcpy(p->swap.expected_source, p->snapshot.source.id, sizeof p->swap.expected_source);
}

/* Reckons what the store has now, from what it had when the guard saw it last. */
static void reckon(lsync_proposal *p, const lsync_guard_view *v, int64_t own_now_us, int64_t passed_us)
{
    memset(&p->snapshot, 0, sizeof p->snapshot);
    p->snapshot.present = true;
    p->snapshot.stored.record = v->seen;
    p->snapshot.now_us = v->seen_us + passed_us;
    p->snapshot.own_now_us = own_now_us;
    p->snapshot.source = v->seen_source;
    p->snapshot.source.empty_since_us = LSYNC_GUARD_NEVER_US;
    lsync_guard_pack(&p->snapshot.stored, p->expected);
}

void lsync_proposal_begin(lsync_proposal *p, const lsync_guard_view *v, const lsync_proposal_input *input)
{
    int64_t age_us = input->own_now_us - v->seen_own_us;
    int64_t drift_us = age_us / DRIFT;

    p->tries = 1;
    if (v->has_seen && age_us >= 0 && age_us <= RECKON_MAX_US) {
        reckon(p, v, input->own_now_us, age_us - drift_us);
        /* the store's clock shows the reckoned time now, or earlier by the last round trip and twice the drift */
        p->snapshot.own_asked_us = input->own_now_us - (v->seen_own_us - v->seen_asked_us) - 2 * drift_us;
        if (decide(p, v, input, window_us(v, drift_us))) {
            propose(p, input->own_now_us, LSYNC_GUARD_RECORD_SIZE, window_us(v, drift_us));
            return;
        }
    }
    look(p, input->own_now_us);
}

int64_t lsync_proposal_wait_ms(int64_t wait_ms)
{
    return wait_ms > 0 ? wait_ms + wait_ms / (DRIFT - 1) + 1 : wait_ms;
}

/* --- its result --- */

lock_sync_status lsync_proposal_status(const lsync_proposal *p)
{
    return p->swap.status == LOCK_SYNC_E_NO_MEMORY ? LOCK_SYNC_E_NO_MEMORY : LOCK_SYNC_E_GUARD;
}

static lsync_proposal_state fail(lsync_proposal *p, const char *why)
{
    (void)snprintf(p->swap.why, sizeof p->swap.why, "%s", why);
    return LSYNC_PROPOSAL_FAILED;
}

/* Takes the texts of the store, which may be the application's. */
static void read_texts(lock_sync_guard_swap *swap, lsync_guard_view *v)
{
    swap->warning[sizeof swap->warning - 1] = '\0';
    lsync_one_line(swap->warning);
    if (swap->warning[0] != '\0') /* the store sends it once */
        memcpy(v->warning, swap->warning, sizeof v->warning);
    swap->why[sizeof swap->why - 1] = '\0';
    lsync_one_line(swap->why);
    if (swap->status != LOCK_SYNC_OK && swap->why[0] == '\0')
        (void)snprintf(swap->why, sizeof swap->why, "the store failed: %s", lock_sync_status_name(swap->status));
}

/* Ends a proposal whose decision is valid: it was written, or changes nothing. */
static lsync_proposal_state finish(lsync_proposal *p, lsync_guard_view *v)
{
    lsync_guard_view_see(v, p->mark, &p->snapshot);
    return LSYNC_PROPOSAL_DONE;
}

/* Decides on the record that the store has. */
static lsync_proposal_state decide_again(lsync_proposal *p, lsync_guard_view *v, const lsync_proposal_input *input)
{
    size_t size = p->swap.found_size;

    memset(&p->snapshot.stored, 0, sizeof p->snapshot.stored);
    p->snapshot.present = size > 0;
    p->snapshot.translated = false;
    if (size > 0 && (size > sizeof p->expected || !lsync_guard_unpack(p->swap.found, size, &p->snapshot.stored)))
        return fail(p, "the store's record is damaged");
    if (!decide(p, v, input, window_us(v, 0)))
        return finish(p, v);
    if (++p->tries > TRIES_MAX)
        return fail(p, "others changed the store's record too often");
    memcpy(p->expected, p->swap.found, size);
    propose(p, input->own_now_us, size, window_us(v, 0));
    return LSYNC_PROPOSAL_OPEN;
}

lsync_proposal_state lsync_proposal_continue(lsync_proposal *p, lsync_guard_view *v, const lsync_proposal_input *input)
{
    lock_sync_guard_swap *swap = &p->swap;

    read_texts(swap, v);
    if (swap->status != LOCK_SYNC_OK)
        return LSYNC_PROPOSAL_FAILED;
    v->trip_us = lsync_time_later(0, input->own_now_us - lsync_time_later(p->sent_us, swap->begun_us));
    if (swap->now_us <= 0 || swap->now_us > NOW_MAX_US)
        return fail(p, "the store's time is not usable");
    p->snapshot.now_us = swap->now_us;
    p->snapshot.own_now_us = input->own_now_us;
    p->snapshot.own_asked_us = p->sent_us;
    lsync_guard_snapshot_set_source(&p->snapshot, swap->source, swap->empty_since_us);
    return swap->replaced ? finish(p, v) : decide_again(p, v, input);
}
