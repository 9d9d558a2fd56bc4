/* Makes scenarios from seeds; see scenario.h. */
#include "scenario.h"

#include "clock.h"
#include "dice.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* --- the settings --- */

static void plan_origins(scenario *s, dice *d)
{
    s->origin_count = (int32_t)dice_between(d, 1, ORIGINS_MAX);
    if (s->is_crowd && s->origin_count < 2)
        s->origin_count = 2;
    for (int32_t i = 0; i < s->origin_count; i++) {
        origin_plan *o = &s->origins[i];

        o->https = !dice_one_in(d, 3);
        o->http2 = o->https && !dice_one_in(d, 4);
        o->streams = dice_one_in(d, 3) ? (uint32_t)dice_between(d, 1, 4) : 100;
    }
}

static void plan_guards(scenario *s, dice *d)
{
    s->guard_count = (int32_t)dice_between(d, 1, GUARDS_MAX);
    for (int32_t i = 0; i < s->guard_count; i++) {
        guard_plan *g = &s->guards[i];

        g->is_store = dice_one_in(d, 2);
        g->has_own_clock = dice_one_in(d, 2);
        g->budget = dice_one_in(d, 3) ? (uint32_t)dice_between(d, 2, 12) : 600;
        g->interval_ms = dice_one_in(d, 6) ? dice_between(d, 20000, 90000) : 20000;
    }
}

static void plan_client(const scenario *s, dice *d, client_plan *c)
{
    static const lock_sync_guard_mode modes[] = {LOCK_SYNC_GUARD_FAIL,   LOCK_SYNC_GUARD_WAIT, LOCK_SYNC_GUARD_WAIT,
                                                 LOCK_SYNC_GUARD_CACHED, LOCK_SYNC_GUARD_OFF,  LOCK_SYNC_GUARD_OFF};
    static const int64_t intervals_ms[] = {20000, 60000, 60000, 300000, 900000};
    static const int64_t timeouts_ms[] = {2000, 5000, 10000, 30000, 30000, 60000, 120000};

    c->origin = (int32_t)dice_between(d, 0, s->origin_count - 1);
    c->guard = dice_one_in(d, 5) ? -1 : (int32_t)dice_between(d, 0, s->guard_count - 1);
    c->pool = (int32_t)dice_between(d, 0, s->pool_count - 1);
    c->mode = modes[dice_between(d, 0, 5)];
    c->has_provider = dice_one_in(d, 3);
    c->timeout_ms = timeouts_ms[dice_between(d, 0, 6)];
    c->connect_timeout_ms = dice_between(d, 1, 12) * 1000;
    c->interval_ms = intervals_ms[dice_between(d, 0, 4)];
    if (s->is_crowd) {
        c->mode = LOCK_SYNC_GUARD_OFF;
        c->origin = dice_one_in(d, 5) ? c->origin : 0;
        c->timeout_ms = c->origin == 0 ? 120000 : 60000;
    }
}

/* --- the actions --- */

static action *add(scenario *s, int64_t at_us, action_kind kind, int32_t who, int64_t value)
{
    action *a = &s->actions[s->action_count < ACTIONS_MAX ? s->action_count++ : ACTIONS_MAX - 1];

    *a = (action){.at_us = at_us, .kind = kind, .who = who, .value = value};
    return a;
}

static int32_t some_client(const scenario *s, dice *d)
{
    return (int32_t)dice_between(d, 0, s->client_count - 1);
}

/* Adds an action of a client. */
static void add_client_action(scenario *s, dice *d, int64_t at_us)
{
    static const action_kind kinds[] = {
        DO_SUBMIT, DO_SUBMIT, DO_SUBMIT, DO_SUBMIT, DO_SUBMIT, DO_SUBMIT,   DO_SUBMIT,     DO_SUBMIT,
        DO_SUBMIT, DO_WATCH,  DO_WATCH,  DO_CANCEL, DO_CANCEL, DO_FREE_CTX, DO_FREE_WATCH, DO_BUSY,
    };
    action *a = add(s, at_us, kinds[dice_between(d, 0, 15)], some_client(s, d), 0);

    if (dice_one_in(d, 40))
        a->kind = DO_FREE_POOL;
    a->in_callback = dice_one_in(d, a->kind == DO_SUBMIT ? 4 : 2);
    a->by = dice_one_in(d, 3) ? some_client(s, d) : a->who;
    if (a->kind == DO_BUSY)
        a->value = dice_between(d, 1, 3) == 1 ? dice_between(d, 1, 5000000) : dice_between(d, 1, 50000);
}

/* Events that happen to clients: how often, and with which values. */
static const struct {
    action_kind kind;
    int64_t often;
    int64_t least, most;
} events[] = {
    {DO_BEHAVIOUR, 18, 0, BEHAVIOURS - 1},
    {DO_STORE, 9, 0, RELIABILITIES - 1},
    {DO_PROVIDER, 3, 0, RELIABILITIES - 1},
    {DO_LIMITS, 3, 1, 40},
    {DO_SLEEP, 3, 1, 90},
    {DO_WALL, 3, -5000000, 5000000},
    {DO_PROBE, 3, 0, 1},
    {DO_FAULT, 1, 0, FAULTS - 1},
    {DO_FAIL_ALLOCATION, 1, 1, 40},
};
#define EVENTS_OFTEN 44 /* sum of the column `often` */

static void add_event(scenario *s, dice *d, int64_t at_us)
{
    const int32_t counts[ACTION_KINDS] = {[DO_BEHAVIOUR] = s->origin_count,
                                          [DO_STORE] = s->guard_count,
                                          [DO_PROVIDER] = s->client_count,
                                          [DO_LIMITS] = s->pool_count,
                                          [DO_PROBE] = s->guard_count};
    int64_t drawn = dice_between(d, 1, EVENTS_OFTEN);
    size_t i = 0;
    action *a;

    while (drawn > events[i].often)
        drawn -= events[i++].often;
    a = add(s, at_us, events[i].kind, 0, dice_between(d, events[i].least, events[i].most));
    if (counts[a->kind] != 0)
        a->who = (int32_t)dice_between(d, 0, counts[a->kind] - 1);
    if (a->kind == DO_LIMITS)
        a->value2 = dice_between(d, 1, 20);
    if (a->kind == DO_SLEEP)
        a->value *= dice_one_in(d, 4) ? 40 * SECOND_US : SECOND_US;
    if (a->kind == DO_BEHAVIOUR && s->origins[a->who].is_steady)
        s->action_count--;
}

/* Clients of an origin that never responds are submitted before those of others. */
static void plan_crowd(scenario *s, dice *d)
{
    (void)add(s, 0, DO_BEHAVIOUR, 0, dice_one_in(d, 2) ? BEHAVES_SILENT : BEHAVES_LOST);
    for (int32_t i = 0; i < s->client_count; i++)
        (void)add(s, dice_between(d, 0, s->clients[i].origin == 0 ? 2 : 60) * SECOND_US, DO_SUBMIT, i, 0);
}

static void plan_mixture(scenario *s, dice *d)
{
    int64_t length_us = dice_between(d, 10, dice_one_in(d, 4) ? 3000 : 300) * SECOND_US;
    int64_t count = dice_between(d, 4, 80);

    for (int64_t i = 0; i < count; i++) {
        int64_t at_us = dice_between(d, 0, length_us);

        if (dice_one_in(d, 4)) /* in the same step as another */
            at_us -= at_us % (10 * SECOND_US);
        if (dice_one_in(d, 3))
            add_event(s, d, at_us);
        else
            add_client_action(s, d, at_us);
    }
}

/* Sorts by time and keeps the order of equal times (insertion sort: the list is short). */
static void sort_actions(scenario *s)
{
    for (size_t i = 1; i < s->action_count; i++) {
        action a = s->actions[i];
        size_t at = i;

        for (; at > 0 && s->actions[at - 1].at_us > a.at_us; at--)
            s->actions[at] = s->actions[at - 1];
        s->actions[at] = a;
    }
}

void scenario_make(scenario *s, uint64_t seed)
{
    dice d = dice_of(seed, 1, 0);

    memset(s, 0, sizeof *s);
    s->seed = seed;
    s->creeps = dice_one_in(&d, 2);
    s->is_crowd = dice_one_in(&d, 12);
    s->late_us = dice_one_in(&d, 3) ? dice_between(&d, 1, 100000) : 0;
    s->delay_us = dice_one_in(&d, 4) ? dice_between(&d, 1000, 2000000) : 30000;
    s->workers = dice_one_in(&d, 3) ? 3 : 1;
    s->transfers = s->is_crowd          ? (uint32_t)dice_between(&d, 16, 40)
                   : dice_one_in(&d, 3) ? (uint32_t)dice_between(&d, 1, 6)
                                        : 0;
    s->pool_count = dice_one_in(&d, 3) ? 2 : 1;
    plan_origins(s, &d);
    plan_guards(s, &d);
    s->client_count = s->is_crowd ? CLIENTS_MAX : (int32_t)dice_between(&d, 1, dice_one_in(&d, 3) ? 24 : 8);
    for (int32_t i = 0; i < s->client_count; i++)
        plan_client(s, &d, &s->clients[i]);
    for (int32_t i = 0; i < s->origin_count; i++)
        s->origins[i].is_steady = s->is_crowd ? i > 0 : dice_one_in(&d, 4);
    if (s->is_crowd)
        plan_crowd(s, &d);
    else
        plan_mixture(s, &d);
    sort_actions(s);
}

void scenario_cut(scenario *s, size_t first, size_t count)
{
    memmove(&s->actions[first], &s->actions[first + count], (s->action_count - first - count) * sizeof s->actions[0]);
    s->action_count -= count;
}

/* --- as text --- */

const char *action_text(const action *a, char *text, size_t size)
{
    static const char *const names[] = {
        [DO_SUBMIT] = "submit, client",         [DO_WATCH] = "watch, client",
        [DO_CANCEL] = "cancel, client",         [DO_FREE_CTX] = "free context, client",
        [DO_FREE_WATCH] = "free watch, client", [DO_FREE_POOL] = "free pool of client",
        [DO_BUSY] = "busy application",         [DO_BEHAVIOUR] = "behaviour of origin",
        [DO_STORE] = "store of guard",          [DO_PROVIDER] = "provider of client",
        [DO_LIMITS] = "limits of pool",         [DO_SLEEP] = "machine sleeps",
        [DO_WALL] = "wall clock jumps",         [DO_PROBE] = "another user of guard",
        [DO_FAULT] = "memory runs out",         [DO_FAIL_ALLOCATION] = "an allocation fails",
    };
    static const char *const behaviours[] = {"clear",        "slow",      "silent",    "refusing", "lost",
                                             "nameless",     "untrusted", "resetting", "halving",  "rejecting",
                                             "unauthorized", "limited",   "broken",    "failing",  "mixed"};
    static const char *const reliabilities[] = {"good", "slow", "fails", "fails to write"};
    int n = snprintf(text, size, "%s %" PRId32, names[a->kind], a->who);

    if (a->kind == DO_BEHAVIOUR)
        n += snprintf(text + n, size - (size_t)n, ": %s", behaviours[a->value]);
    else if (a->kind == DO_STORE || a->kind == DO_PROVIDER)
        n += snprintf(text + n, size - (size_t)n, ": %s", reliabilities[a->value]);
    else if (a->value != 0)
        n += snprintf(text + n, size - (size_t)n, ": %" PRId64, a->value);
    if (a->in_callback)
        (void)snprintf(text + n, size - (size_t)n, ", in the next callback of client %" PRId32, a->by);
    return text;
}

static void print_client(const scenario *s, int32_t i)
{
    static const char *const modes[] = {"FAIL", "WAIT", "CACHED", "OFF"};
    const client_plan *c = &s->clients[i];

    printf("  client %2" PRId32 ": pool %" PRId32 ", origin %" PRId32 ", guard %" PRId32 ", %s, timeout %" PRId64
           " s, connecting %" PRId64 " s, watch every %" PRId64 " s%s\n",
           i, c->pool, c->origin, c->guard, modes[c->mode], c->timeout_ms / 1000, c->connect_timeout_ms / 1000,
           c->interval_ms / 1000, c->has_provider ? ", token provider" : "");
}

void scenario_print(const scenario *s)
{
    bool used[CLIENTS_MAX] = {false};
    char text[160];

    printf("seed %" PRIu64 ": %" PRId32 " pools with %" PRIu32 " transfers (0: the default), dispatched up to %" PRId64
           " us late; network up to %" PRId64 " us; %" PRId32 " workers\n",
           s->seed, s->pool_count, s->transfers, s->late_us, s->delay_us, s->workers);
    for (int32_t i = 0; i < s->origin_count; i++)
        printf("  origin %" PRId32 ": %s, %" PRIu32 " streams\n", i,
               s->origins[i].http2   ? "HTTP/2"
               : s->origins[i].https ? "HTTPS"
                                     : "HTTP",
               s->origins[i].streams);
    for (int32_t i = 0; i < s->guard_count; i++)
        printf("  guard %" PRId32 ": %s, %" PRIu32 " an hour, every %" PRId64 " s\n", i,
               s->guards[i].is_store ? "store" : "memory", s->guards[i].budget, s->guards[i].interval_ms / 1000);
    for (size_t i = 0; i < s->action_count; i++)
        if (s->actions[i].kind < ACTIONS_OF_CLIENTS || s->actions[i].kind == DO_PROVIDER)
            used[s->actions[i].who] = true;
    for (int32_t i = 0; i < s->client_count; i++)
        if (used[i])
            print_client(s, i);
    for (size_t i = 0; i < s->action_count; i++)
        printf("  %12.6f  %s\n", (double)s->actions[i].at_us / 1e6, action_text(&s->actions[i], text, sizeof text));
}
