/* Tables for the tests of the rule; see rule_cases.h. */
#include "rule_cases.h"
#include "guard/lineage.h"

typedef struct run {
    lsync_guard_limits limits;
    lsync_guard_record record;
    int64_t start_us;
    int granted;
} run;

int64_t rule_slot(int ordinal)
{
    return ordinal == 0 ? 0 : INT64_C(0x5eed000000000000) + ordinal * INT64_C(7919);
}

static void check_verdict(run *u, const rule_step *s, const lsync_guard_verdict *v, int64_t slot)
{
    bool is_live = s->wait != NOT_LIVE;
    bool granted = s->wait == 0;

    CHECK_INT(v->slot, granted ? slot : 0);
    CHECK_INT(v->wait_us, is_live ? s->wait : 0);
    CHECK((v->reason == LSYNC_GUARD_REASON_NONE) == granted);
    CHECK(v->soonest_us <= v->wait_us && (v->soonest_us > 0) == (v->wait_us > 0));
    if (s->soonest != 0)
        CHECK_INT(v->soonest_us, s->soonest);
    if (s->reason != LSYNC_GUARD_REASON_NONE || !is_live)
        CHECK_INT(v->reason, is_live ? s->reason : LSYNC_GUARD_REASON_LEASE);
    u->granted += granted && s->action == RULE_ASK;
}

static void run_step(run *u, const rule_step *s)
{
    int64_t at_us = u->start_us + s->at;
    lsync_guard_request request = {s->kind, s->lease, rule_slot(s->slot)};
    lsync_guard_ending ending = {rule_slot(s->slot), s->outcome, s->retry_after, s->ago, s->charges};
    lsync_guard_verdict v;

    switch (s->action) {
    case RULE_ASK:
        request.slot = rule_slot(u->granted + 1);
        v = lsync_guard_reserve(&u->record, &u->limits, &request, at_us);
        check_verdict(u, s, &v, request.slot);
        break;
    case RULE_EXTEND:
        v = lsync_guard_extend(&u->record, &u->limits, &request, at_us);
        check_verdict(u, s, &v, request.slot);
        break;
    case RULE_SETTLE: lsync_guard_settle(&u->record, &u->limits, &ending, at_us); break;
    case RULE_SHIFT: lsync_guard_shift(&u->record, s->at); break;
    case RULE_CLOSE:
        u->record.entries[s->kind].closed_until_us = at_us;
        u->record.closure = s->closure;
        break;
    case RULE_STALE: CHECK_INT(lsync_guard_stale_at_us(&u->record), s->at == NEVER ? NEVER : at_us); break;
    case RULE_END: break;
    }
}

void rule_check_cases(const rule_case *cases, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        const rule_case *c = &cases[i];
        run u = {.limits = {{c->interval == 0 ? S(20) : c->interval, S(60), c->other_interval},
                            c->budget == 0 ? 600 : c->budget,
                            c->granularity},
                 .start_us = c->is_after_boot ? 0 : RULE_START_US};

        lsync_guard_record_init(&u.record);
        for (int k = 0; k < RULE_STEPS_MAX && c->steps[k].action != RULE_END; k++) {
            t_row("%s, step %d", c->name, k + 1);
            run_step(&u, &c->steps[k]);
        }
    }
}
