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
typedef struct request {
    int64_t slot; /* 0: charged */
    int64_t first_us;
    int64_t last_us;
    int64_t forward_us; /* how far the clock had jumped forward when it was granted */
    bool gone;          /* certainly not sent */
} request;

typedef enum client_state { IDLE, HOLDING, REFUSED_CREDENTIAL } client_state;

typedef struct client {
    client_state state;
    int64_t slot;
    int64_t deadline_us; /* true time */
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
    int64_t wait_us; /* what the last refusal said */
    client clients[CLIENTS_MAX];
    request *requests; /* by first_us */
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
    size_t old = 0;

    while (old < h->count && h->requests[old].last_us + 2 * LSYNC_GUARD_HOUR_US + h->forward_us -
                                     h->requests[old].forward_us < h->true_us)
        old++;
    if (old < h->count / 2)
        return;
    memmove(h->requests, h->requests + old, (h->count - old) * sizeof *h->requests);
    h->count -= old;
}

static void note(history *h, int64_t slot, int64_t last_us)
{
    if (h->count == REQUESTS_MAX)
        forget_old(h);
    if (h->count == REQUESTS_MAX)
        abort(); /* a plan that is too dense for the list */
    h->requests[h->count++] = (request){slot, h->true_us, last_us, h->forward_us, false};
}

static request *find(history *h, int64_t slot)
{
    for (size_t i = h->count; i-- > 0;)
        if (h->requests[i].slot == slot)
            return &h->requests[i];
    return NULL;
}

/* A slot is granted now: was it too early for any of those before? A clock that jumped forward by J may open the gate
   early, by at most J. */
static void check_granted(history *h, lsync_guard_kind kind)
{
    const lsync_guard_limits *limits = &h->plan->limits;
    uint32_t in_hour = 1;

    for (size_t i = 0; i < h->count; i++) {
        const request *r = &h->requests[i];
        int64_t early_us = h->forward_us - r->forward_us;

        if (r->gone)
            continue;
        if (kind == LSYNC_GUARD_FIRST && r->slot != 0 && h->true_us - r->last_us < limits->interval_us - early_us)
            fault(h, &h->result->too_close, "a slot %" PRId64 " us after slot %" PRId64 " (%" PRId64 " .. %" PRId64 ")",
                  h->true_us - r->last_us, r->slot, r->first_us, r->last_us);
        in_hour += h->true_us - r->last_us < LSYNC_GUARD_HOUR_US - early_us;
    }
    if (in_hour > limits->budget)
        fault(h, &h->result->over_budget, "%" PRIu32 " requests in an hour, %" PRIu32 " allowed", in_hour,
              limits->budget);
    if (h->true_us < h->blocked_until_us - (h->forward_us - h->blocked_forward_us))
        fault(h, &h->result->blocked, "a slot %" PRId64 " us before the end of a block",
              h->blocked_until_us - h->true_us);
}

int64_t history_wait_bound(const history_plan *plan)
{
    int64_t most_us = plan->limits.interval_us > LSYNC_GUARD_HOUR_US ? plan->limits.interval_us : LSYNC_GUARD_HOUR_US;

    return plan->hold_max_us + plan->limits.granularity_us + most_us;
}

/* When nothing else happens the wait is exact. Asked of copies. */
static void check_wait(history *h, lsync_guard_kind kind, int64_t wait_us)
{
    lsync_guard_record early = h->record;
    lsync_guard_record in_time = h->record;
    int64_t slot;
    int64_t again_us;
    int64_t soonest_us;

    if (wait_us <= 0 || wait_us > history_wait_bound(h->plan))
        fault(h, &h->result->endless, "to wait for %" PRId64 " us", wait_us);
    h->result->operations += 2;
    if (lsync_guard_reserve(&early, &h->plan->limits, kind, shown_us(h) + wait_us - 1, 1, &slot, &again_us,
                            &soonest_us) ||
        again_us != 1)
        fault(h, &h->result->wrong_wait, "allowed before the wait of %" PRId64 " us was over", wait_us);
    if (!lsync_guard_reserve(&in_time, &h->plan->limits, kind, shown_us(h) + wait_us, 1, &slot, &again_us,
                            &soonest_us))
        fault(h, &h->result->wrong_wait, "refused after the wait of %" PRId64 " us, for %" PRId64, wait_us, again_us);
}

/* A store may drop a record once it is stale: then it must allow all that an empty one does. */
static void check_stale(history *h)
{
    lsync_guard_record copy = h->record;
    int64_t at_us = lsync_guard_stale_at_us(&copy, &h->plan->limits);
    int64_t slot;
    int64_t wait_us;
    int64_t soonest_us;

    h->result->operations++;
    if (at_us >= shown_us(h) && !lsync_guard_reserve(&copy, &h->plan->limits, LSYNC_GUARD_FIRST, at_us, 0, &slot, &wait_us,
                                                       &soonest_us))
        fault(h, &h->result->stale, "stale, and refuses for %" PRId64 " us", wait_us);
}

/* --- what clients do --- */

static void ask(history *h, client *c, lsync_guard_kind kind)
{
    int64_t hold_us = happens(h, 100) ? 0 : 1 + draw_to(h, h->plan->hold_max_us - 1);
    int64_t slot = -1;
    int64_t wait_us = -1;
    int64_t soonest_us = -1;

    h->result->operations++;
    c->state = IDLE;
    if (!lsync_guard_reserve(&h->record, &h->plan->limits, kind, shown_us(h), hold_us, &slot, &wait_us,
                             &soonest_us)) {
        h->result->refused++;
        h->wait_us = wait_us;
        if (soonest_us <= 0 || soonest_us > wait_us)
            fault(h, &h->result->wrong_wait, "%" PRId64 " us at the soonest, %" PRId64 " in all", soonest_us, wait_us);
        if (happens(h, 200))
            check_wait(h, kind, wait_us);
        return;
    }
    h->result->granted++;
    check_granted(h, kind);
    note(h, slot, h->true_us + hold_us);
    if (hold_us > 0 && !happens(h, h->plan->killed))
        *c = (client){HOLDING, slot, h->true_us + hold_us};
}

static void settle_limited(history *h, const client *c)
{
    const lsync_guard_limits *limits = &h->plan->limits;
    int64_t retry_us = happens(h, 500) ? -1 : draw_to(h, happens(h, 900) ? 4 * limits->interval_us : 2 * LSYNC_GUARD_HOUR_US);
    int64_t least_us = retry_us < 0 ? 2 * limits->interval_us : retry_us;

    least_us = least_us < limits->interval_us ? limits->interval_us : least_us;
    least_us = least_us > LSYNC_GUARD_HOUR_US ? LSYNC_GUARD_HOUR_US : least_us;
    lsync_guard_limited(&h->record, limits, c->slot, shown_us(h), retry_us);
    if (h->true_us + least_us > h->blocked_until_us - (h->forward_us - h->blocked_forward_us)) {
        h->blocked_until_us = h->true_us + least_us;
        h->blocked_forward_us = h->forward_us;
    }
}

/* Settles in time, or after the hold is over (then nothing has arrived since its end). */
static void settle(history *h, client *c)
{
    const lsync_guard_limits *limits = &h->plan->limits;
    request *r = find(h, c->slot);

    h->result->operations++;
    if (r != NULL && h->true_us < r->last_us)
        r->last_us = h->true_us;
    c->state = IDLE;
    if (happens(h, h->plan->not_sent)) {
        if (r != NULL)
            r->gone = true;
        lsync_guard_not_sent(&h->record, limits, c->slot, shown_us(h));
    } else if (happens(h, h->plan->limited)) {
        settle_limited(h, c);
    } else {
        lsync_guard_sent(&h->record, limits, c->slot, shown_us(h));
        if (happens(h, h->plan->repeats))
            c->state = REFUSED_CREDENTIAL;
    }
    if (happens(h, h->plan->charges)) {
        h->result->operations++;
        note(h, 0, h->true_us);
        lsync_guard_charge(&h->record, limits, shown_us(h));
    }
}

static void move_time(history *h)
{
    int64_t interval_us = h->plan->limits.interval_us;

    switch (draw(h) % 16) {
    case 0:
        break;
    case 1:
    case 2:
    case 3:
        h->true_us += h->wait_us; /* to the moment that the last refusal named */
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
    int64_t jump_us = happens(h, 500) ? draw_to(h, h->plan->jump_max_us) : draw_to(h, 3 * h->plan->limits.interval_us);

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
    h.offset_us = INT64_C(1700000000000000);
    for (size_t i = 0; i < plan->steps; i++) {
        client *c = &h.clients[draw(&h) % plan->clients];

        move_time(&h);
        move_clock(&h);
        if (i % 64 == 0) {
            forget_old(&h);
            check_stale(&h);
        }
        if (c->state == HOLDING && (happens(&h, 700) || h.true_us > c->deadline_us))
            settle(&h, c);
        else if (c->state == REFUSED_CREDENTIAL)
            ask(&h, c, LSYNC_GUARD_REPEAT);
        else if (c->state == IDLE)
            ask(&h, c, LSYNC_GUARD_FIRST);
    }
    free(h.requests);
    return result;
}
