/* The decisions of a guard's tasks; see task.h. */
#include "guard/task.h"
#include "base/clock.h"

static lsync_guard_reservation reservation_of(const lsync_guard_verdict *v)
{
    return (lsync_guard_reservation){v->slot, lsync_clock_ms_up(v->wait_us), lsync_clock_ms_up(v->soonest_us),
                                     v->reason};
}

static bool decide_reserve(void *user, lsync_guard_record *r, const lsync_guard_limits *limits, int64_t now_us,
                           int64_t slot)
{
    lsync_guard_task *task = user;
    lsync_guard_verdict v;

    task->request.slot = slot;
    v = lsync_guard_reserve(r, limits, &task->request, now_us);
    task->reservation = reservation_of(&v);
    return v.slot != 0;
}

static bool decide_extend(void *user, lsync_guard_record *r, const lsync_guard_limits *limits, int64_t now_us,
                          int64_t slot)
{
    lsync_guard_task *task = user;
    lsync_guard_verdict v = lsync_guard_extend(r, limits, &task->request, now_us);

    (void)slot;
    task->reservation = reservation_of(&v);
    if (v.slot != 0)
        lsync_guard_settle(r, limits, &task->ending, now_us);
    return false;
}

static bool decide_settle(void *user, lsync_guard_record *r, const lsync_guard_limits *limits, int64_t now_us,
                          int64_t slot)
{
    lsync_guard_task *task = user;

    (void)slot;
    lsync_guard_settle(r, limits, &task->ending, now_us);
    return false;
}

lsync_guard_task lsync_guard_task_ask(lock_sync_request_kind kind, int64_t lease_ms)
{
    return (lsync_guard_task){.decide = decide_reserve, .request = {kind, lease_ms * 1000, 0}};
}

lsync_guard_task lsync_guard_task_extend(int64_t slot, uint32_t charges, int64_t lease_ms)
{
    return (lsync_guard_task){.decide = decide_extend,
                              .request = {0, lease_ms * 1000, slot},
                              .ending = {.retry_after_us = -1, .charges = charges}};
}

uint32_t lsync_settlement_charges(const lsync_settlement *settlement)
{
    return settlement->sends > 1 ? settlement->sends - 1 : 0;
}

lsync_guard_task lsync_guard_task_settle(int64_t slot, const lsync_settlement *settlement)
{
    int64_t retry_after_ms = settlement->retry_after_ms;
    lsync_guard_task task = {
        .decide = decide_settle,
        .ending = {slot, settlement->outcome, -1, 0, lsync_settlement_charges(settlement)},
        .settles = true,
    };

    if (retry_after_ms >= 0) /* the limit prevents an overflow; the rule cuts to an hour anyway */
        task.ending.retry_after_us = retry_after_ms > LSYNC_GUARD_HOUR_US / 1000 ? LSYNC_GUARD_HOUR_US
                                                                                 : retry_after_ms * 1000;
    return task;
}

lsync_guard_decision lsync_guard_task_decision(lsync_guard_task *task, const lsync_guard_limits *limits)
{
    return (lsync_guard_decision){task->decide, task, limits, task->request.lease_us};
}

lock_sync_status lsync_guard_task_status(const lsync_guard_task *task)
{
    return task->settles || task->reservation.slot != 0 ? LOCK_SYNC_OK : LOCK_SYNC_E_TOO_SOON;
}
