/* Random histories and their truth; see history.h. */
#include "history.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define REQUESTS_MAX 8192
#define CLIENTS_MAX 16

/* One request, in true time. Whatever a client does, nothing of it arrives outside first_us .. last_us. */
typedef struct arrival {
    int64_t slot; /* 0: charged */
    lock_sync_request_kind kind;
    uint32_t page; /* the ordinal of the request in its lease */
    int64_t first_us;
    int64_t last_us;
    int64_t forward_us; /* how far the clock had jumped forward when it was granted */
    bool gone;          /* certainly not sent */
} arrival;

/* KEEPING: the request is over, the outcome not written. */
typedef enum client_state { IDLE, HOLDING, KEEPING } client_state;

typedef struct client {
    client_state state;
    lock_sync_request_kind kind;
    int64_t deadline_us; /* true time */
    int64_t over_us;     /* true time */
    lsync_guard_ending ending;
} client;

typedef struct history {
    const history_plan *plan;
    history_result *result;
    lsync_guard_record record;
    uint64_t seed;
    int64_t true_us;
    int64_t offset_us;  /* of the store's clock */
    int64_t forward_us; /* the sum of all jumps forward */
    int64_t blocked_until_us; /* true time, at least */
    int64_t blocked_forward_us;
    int64_t wait_us; /* what the last denial said */
    client clients[CLIENTS_MAX];
    arrival *requests; /* by first_us, but for charges that were written late */
    size_t count;
} history;

static uint64_t draw(history *h)
{
    uint64_t z = h->seed += UINT64_C(0x9e3779b97f4a7c15); /* splitmix64 */

    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

/* 0 .. max */
static int64_t draw_to(history *h, int64_t max)
{
    return max <= 0 ? 0 : (int64_t)(draw(h) % ((uint64_t)max + 1));
}

static bool happens(history *h, unsigned per_mille)
{
    return draw(h) % 1000 < per_mille;
}

/* What the store's clock shows. */
static int64_t shown_us(const history *h)
{
    int64_t grain_us = h->plan->limits.granularity_us + 1;
    int64_t now_us = h->true_us + h->offset_us;

    return now_us - ((now_us % grain_us) + grain_us) % grain_us;
}

__attribute__((format(printf, 3, 4))) static void fault(history *h, size_t *count, const char *format, ...)
{
    va_list values;
    int size;

    if (h->result->first[0] == '\0') {
        size = snprintf(h->result->first, sizeof h->result->first,
                        "%s, seed %" PRIu64 ", operation %zu, at %" PRId64 " us (clock %" PRId64 "): ", h->plan->name,
                        h->plan->seed, h->result->operations, h->true_us, shown_us(h));
        va_start(values, format);
        if (size > 0 && (size_t)size < sizeof h->result->first)
            (void)vsnprintf(h->result->first + size, sizeof h->result->first - (size_t)size, format, values);
        va_end(values);
    }
    ++*count;
}

/* --- the truth --- */

static void forget_old(history *h)
{
    int64_t horizon_us = 2 * LSYNC_GUARD_HOUR_US; /* longer than any interval of the plans, pages included */
    size_t old = 0;

    while (old < h->count && h->requests[old].last_us + horizon_us + h->forward_us -
                                     h->requests[old].forward_us < h->true_us)
        old++;
    if (old < h->count / 2)
        return;
    memmove(h->requests, h->requests + old, (h->count - old) * sizeof *h->requests);
    h->count -= old;
}

static void note(history *h, const arrival *r)
{
    if (h->count == REQUESTS_MAX)
        forget_old(h);
    if (h->count == REQUESTS_MAX)
        abort(); /* a plan that is too dense for the list */
    h->requests[h->count] = *r;
    h->requests[h->count++].forward_us = h->forward_us;
}

/* The last request of a slot. */
static arrival *find(history *h, int64_t slot)
{
    for (size_t i = h->count; slot != 0 && i-- > 0;)
        if (h->requests[i].slot == slot)
            return &h->requests[i];
    return NULL;
}

/* A request is granted now: is it too early for any of those before? Those of its own lease do not count. A clock that
   jumped forward by J may open the gate early, by at most J. */
static void check_granted(history *h, lock_sync_request_kind kind, int64_t slot)
{
    const lsync_guard_limits *limits = &h->plan->limits;
    uint32_t in_hour = 1;

    for (size_t i = 0; i < h->count; i++) {
        const arrival *r = &h->requests[i];
        int64_t early_us = h->forward_us - r->forward_us;
        int64_t pages = kind == LOCK_SYNC_REQUEST_DIRECTORY ? r->page : 1;

        if (r->gone)
            continue;
        if (limits->interval_us[kind] > 0 && r->slot != 0 && r->slot != slot && r->kind == kind &&
            h->true_us - r->last_us < limits->interval_us[kind] * pages - early_us)
            fault(h, &h->result->too_close, "a request %" PRId64 " us after one at %" PRId64 " .. %" PRId64,
                  h->true_us - r->last_us, r->first_us, r->last_us);
        in_hour += h->true_us - r->last_us < LSYNC_GUARD_HOUR_US - early_us;
    }
    if (in_hour > limits->budget)
        fault(h, &h->result->over_budget, "%" PRIu32 " requests in an hour, %" PRIu32 " allowed", in_hour,
              limits->budget);
    if (h->true_us < h->blocked_until_us - (h->forward_us - h->blocked_forward_us))
        fault(h, &h->result->blocked, "a request %" PRId64 " us before the end of a block",
              h->blocked_until_us - h->true_us);
}

int64_t history_wait_bound(const history_plan *plan)
{
    int64_t most_us = LSYNC_GUARD_HOUR_US + 2 * LSYNC_GUARD_CELL_US;

    for (int k = 0; k < LSYNC_GUARD_KINDS; k++) {
        int64_t pages = k == LOCK_SYNC_REQUEST_DIRECTORY ? LSYNC_GUARD_REQUESTS_MAX : 1;
        int64_t interval_us = plan->limits.interval_us[k] * pages;

        most_us = interval_us > most_us ? interval_us : most_us;
    }
    return plan->hold_max_us + plan->limits.granularity_us + most_us;
}

static bool has_lease(const lsync_guard_record *r)
{
    for (int k = 0; k < LSYNC_GUARD_KINDS; k++)
        if (r->lines[k].lease.slot != 0)
            return true;
    return false;
}

/* If nobody else comes the wait is enough; without a live lease it is exact. Asked of copies. */
static void check_wait(history *h, const lsync_guard_request *request, const lsync_guard_verdict *v)
{
    const lsync_guard_limits *limits = &h->plan->limits;
    lsync_guard_record early = h->record;
    lsync_guard_record in_time = h->record;
    lsync_guard_verdict again;

    h->result->operations += 2;
    again = lsync_guard_reserve(&in_time, limits, request, shown_us(h) + v->wait_us);
    if (again.slot == 0)
        fault(h, &h->result->wrong_wait, "denied after the wait of %" PRId64 " us, for %" PRId64, v->wait_us,
              again.wait_us);
    again = lsync_guard_reserve(&early, limits, request, shown_us(h) + v->wait_us - 1);
    if (!has_lease(&h->record) && again.wait_us != 1)
        fault(h, &h->result->wrong_wait, "to wait for %" PRId64 " us, and at its end for %" PRId64, v->wait_us,
              again.wait_us);
}

/* If all that is on its way ends now, the next is granted at the soonest time, but for the clock's grain. */
static void check_soonest(history *h, const lsync_guard_request *request, const lsync_guard_verdict *v)
{
    lsync_guard_record copy = h->record;
    lsync_guard_verdict again;

    for (int k = 0; k < LSYNC_GUARD_KINDS; k++) {
        const lsync_guard_ending ending = {copy.lines[k].lease.slot, LOCK_SYNC_SLOT_SENT, -1, 0, 0};

        h->result->operations++;
        lsync_guard_settle(&copy, &h->plan->limits, &ending, shown_us(h));
    }
    h->result->operations++;
    again = lsync_guard_reserve(&copy, &h->plan->limits, request, shown_us(h));
    if (again.wait_us < v->soonest_us || again.wait_us > v->soonest_us + h->plan->limits.granularity_us)
        fault(h, &h->result->wrong_soonest, "%" PRId64 " us at the soonest, then %" PRId64, v->soonest_us,
              again.wait_us);
}

/* A store may drop a record once it is stale: then it must grant all that an empty one does. */
static void check_stale(history *h)
{
    int64_t at_us = lsync_guard_stale_at_us(&h->record);

    for (lock_sync_request_kind kind = 0; at_us >= shown_us(h) && kind < LSYNC_GUARD_KINDS; kind++) {
        lsync_guard_record copy = h->record;
        const lsync_guard_request request = {kind, 0, 1};
        lsync_guard_verdict v = lsync_guard_reserve(&copy, &h->plan->limits, &request, at_us);

        h->result->operations++;
        if (v.slot == 0)
            fault(h, &h->result->stale, "stale, and denies kind %d for %" PRId64 " us", (int)kind, v.wait_us);
    }
}

/* --- what clients do --- */

static int64_t draw_hold(history *h, lock_sync_request_kind kind)
{
    int64_t most_us = h->plan->hold_max_us;

    if (kind == LOCK_SYNC_REQUEST_OTHER && most_us > LSYNC_GUARD_OTHER_HOLD_MAX_US)
        most_us = LSYNC_GUARD_OTHER_HOLD_MAX_US;
    return happens(h, 100) ? 0 : 1 + draw_to(h, most_us - 1);
}

static void check_denied(history *h, const lsync_guard_request *request, const lsync_guard_verdict *v)
{
    h->result->denied++;
    h->wait_us = v->wait_us;
    if (v->wait_us <= 0 || v->wait_us > history_wait_bound(h->plan))
        fault(h, &h->result->endless, "to wait for %" PRId64 " us", v->wait_us);
    if (v->soonest_us <= 0 || v->soonest_us > v->wait_us || v->reason == LSYNC_GUARD_REASON_NONE)
        fault(h, &h->result->wrong_soonest, "%" PRId64 " us at the soonest, %" PRId64 " in all", v->soonest_us,
              v->wait_us);
    if (!happens(h, 200))
        return;
    check_wait(h, request, v);
    check_soonest(h, request, v);
}

static void ask(history *h, client *c)
{
    lock_sync_request_kind kind = happens(h, h->plan->directories) ? LOCK_SYNC_REQUEST_DIRECTORY
                                  : happens(h, h->plan->others)    ? LOCK_SYNC_REQUEST_OTHER
                                                                   : LOCK_SYNC_REQUEST_SYNC;
    lsync_guard_request request = {kind, draw_hold(h, kind), (int64_t)(draw(h) >> 1 | 1)};
    lsync_guard_verdict v = lsync_guard_reserve(&h->record, &h->plan->limits, &request, shown_us(h));

    h->result->operations++;
    if (v.slot == 0) {
        check_denied(h, &request, &v);
        return;
    }
    h->result->granted++;
    check_granted(h, kind, v.slot);
    note(h, &(arrival){v.slot, kind, 1, h->true_us, h->true_us + request.hold_us, 0, false});
    if (request.hold_us > 0 && !happens(h, h->plan->killed))
        *c = (client){.state = HOLDING, .kind = kind, .deadline_us = h->true_us + request.hold_us,
                      .ending = {.slot = v.slot}};
}

/* What arrives of a request has arrived. */
static void end_request(history *h, int64_t slot)
{
    arrival *r = find(h, slot);

    if (r != NULL && h->true_us < r->last_us)
        r->last_us = h->true_us;
}

static void note_charges(history *h, const client *c)
{
    for (uint32_t i = 0; i < c->ending.charges; i++)
        note(h, &(arrival){0, c->kind, 1, c->over_us, c->over_us, 0, false});
}

/* Asks for another request in its lease. Returns whether it has one. */
static bool extend(history *h, client *c)
{
    lsync_guard_request request = {LOCK_SYNC_REQUEST_SYNC, draw_hold(h, c->kind), c->ending.slot};
    const arrival *first = find(h, c->ending.slot);
    uint32_t page = first == NULL ? 1 : first->page + 1;
    lsync_guard_verdict v;

    end_request(h, c->ending.slot);
    h->result->operations++;
    v = lsync_guard_extend(&h->record, &h->plan->limits, &request, shown_us(h));
    if (v.slot == 0)
        return false;
    h->result->extended++;
    check_granted(h, c->kind, v.slot);
    note(h, &(arrival){v.slot, c->kind, page > LSYNC_GUARD_REQUESTS_MAX ? LSYNC_GUARD_REQUESTS_MAX : page, h->true_us,
                        h->true_us + request.hold_us, 0, false});
    c->deadline_us = h->true_us + request.hold_us;
    if (happens(h, h->plan->charges)) { /* of the request before */
        lsync_guard_ending charges = {.retry_after_us = -1, .charges = 1};

        lsync_guard_settle(&h->record, &h->plan->limits, &charges, shown_us(h));
        note(h, &(arrival){0, c->kind, 1, h->true_us, h->true_us, 0, false});
    }
    if (request.hold_us == 0 || happens(h, h->plan->killed))
        c->state = IDLE;
    return true;
}

/* Decides how a slot ended. */
static void end(history *h, client *c)
{
    const lsync_guard_limits *limits = &h->plan->limits;
    arrival *r = find(h, c->ending.slot);

    end_request(h, c->ending.slot);
    c->state = KEEPING;
    c->over_us = h->true_us;
    c->ending.outcome = LOCK_SYNC_SLOT_SENT;
    if (happens(h, h->plan->not_sent)) {
        c->ending.outcome = LOCK_SYNC_SLOT_NOT_SENT;
        if (r != NULL)
            r->gone = true;
    } else if (happens(h, h->plan->limited)) {
        c->ending.outcome = LOCK_SYNC_SLOT_LIMITED;
        c->ending.retry_after_us =
            happens(h, 500) ? -1 : draw_to(h, happens(h, 900) ? 4 * limits->interval_us[0] : 2 * LSYNC_GUARD_HOUR_US);
    }
    if (happens(h, h->plan->charges))
        c->ending.charges = 1 + (uint32_t)draw_to(h, 1);
}

/* From now on everybody knows of the block. */
static void note_block(history *h, const client *c)
{
    int64_t interval_us = h->plan->limits.interval_us[LOCK_SYNC_REQUEST_SYNC];
    int64_t least_us = c->ending.retry_after_us < 0 ? 2 * interval_us : c->ending.retry_after_us;

    least_us = least_us < interval_us ? interval_us : least_us;
    least_us = least_us > LSYNC_GUARD_HOUR_US ? LSYNC_GUARD_HOUR_US : least_us;
    if (c->over_us + least_us > h->blocked_until_us - (h->forward_us - h->blocked_forward_us)) {
        h->blocked_until_us = c->over_us + least_us;
        h->blocked_forward_us = h->forward_us;
    }
}

/* Settles in time, or after the lease has run out (then nothing has arrived since its end). */
static void settle(history *h, client *c)
{
    c->state = IDLE;
    c->ending.ago_us = h->true_us - c->over_us;
    h->result->operations++;
    lsync_guard_settle(&h->record, &h->plan->limits, &c->ending, shown_us(h));
    note_charges(h, c);
    if (c->ending.outcome == LOCK_SYNC_SLOT_LIMITED)
        note_block(h, c);
}

/* A client that holds a lease goes on, or ends. */
static void proceed(history *h, client *c)
{
    if (happens(h, h->plan->extends) && extend(h, c))
        return;
    end(h, c);
    if (!happens(h, h->plan->kept))
        settle(h, c);
}

static void move_time(history *h)
{
    int64_t interval_us = h->plan->limits.interval_us[LOCK_SYNC_REQUEST_SYNC];

    switch (draw(h) % 16) {
    case 0:
        break;
    case 1:
    case 2:
    case 3:
        h->true_us += h->wait_us; /* to the moment that the last denial named */
        h->wait_us = 0;
        break;
    case 4:
        h->true_us += draw_to(h, 3 * interval_us);
        break;
    case 5:
        h->true_us += draw_to(h, h->plan->hold_max_us);
        break;
    case 6:
        h->true_us += happens(h, 20) ? draw_to(h, 2 * LSYNC_GUARD_HOUR_US) : draw_to(h, 3000);
        break;
    default:
        h->true_us += draw_to(h, interval_us / 4);
        break;
    }
}

static void move_clock(history *h)
{
    int64_t jump_us = happens(h, 500) ? draw_to(h, h->plan->jump_max_us)
                                      : draw_to(h, 3 * h->plan->limits.interval_us[LOCK_SYNC_REQUEST_SYNC]);

    if (happens(h, h->plan->back)) {
        h->offset_us -= jump_us;
    } else if (happens(h, h->plan->forward)) {
        h->offset_us += jump_us;
        h->forward_us += jump_us;
    }
}

history_result history_run(const history_plan *plan)
{
    history_result result = {0};
    history h = {.plan = plan, .result = &result, .seed = plan->seed * UINT64_C(7919) + 1,
                 .requests = calloc(REQUESTS_MAX, sizeof *h.requests)};

    if (h.requests == NULL || plan->clients > CLIENTS_MAX)
        abort();
    lsync_guard_record_init(&h.record);
    h.offset_us = draw(&h) % 2 == 0 ? INT64_C(1700000000000000) : -LSYNC_GUARD_HOUR_US; /* a wall clock, or a boot's */
    for (size_t i = 0; i < plan->steps; i++) {
        client *c = &h.clients[draw(&h) % plan->clients];

        move_time(&h);
        move_clock(&h);
        if (i % 64 == 0) {
            forget_old(&h);
            check_stale(&h);
        }
        if (c->state == HOLDING && (happens(&h, 700) || h.true_us > c->deadline_us))
            proceed(&h, c);
        else if (c->state == KEEPING && happens(&h, 300))
            settle(&h, c);
        else if (c->state == IDLE)
            ask(&h, c);
    }
    free(h.requests);
    return result;
}
