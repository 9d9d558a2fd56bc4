/* Tables for the tests of the rule: requests, settles and their times, with the expected decisions. All times are in us
   since the start of the case, which is a boundary of the grid of cells. */
#ifndef GUARD_RULE_CASES_H
#define GUARD_RULE_CASES_H

#include "../support/decoding.h"
#include "guard/rule.h"

#define S(seconds) ((seconds)*INT64_C(1000000))
#define MS(milliseconds) ((milliseconds)*INT64_C(1000))
#define HOUR LSYNC_GUARD_HOUR_US
#define CELL LSYNC_GUARD_CELL_US
#define OUT(cell) (((cell) + 1) * CELL + HOUR) /* when the requests of a cell stop counting */
#define NEVER LSYNC_GUARD_NEVER_US

#define SYNC LOCK_SYNC_REQUEST_SYNC
#define DIRECTORY LOCK_SYNC_REQUEST_DIRECTORY
#define OTHER LOCK_SYNC_REQUEST_OTHER

#define RULE_STEPS_MAX 24
#define RULE_START_US S(900000)

typedef enum rule_action {
    RULE_END,
    RULE_ASK,
    RULE_EXTEND,
    RULE_SETTLE,
    RULE_SHIFT,
    RULE_CLOSE,
    RULE_STALE
} rule_action;

/* A step, made with one of the macros below. */
typedef struct rule_step {
    rule_action action;
    int64_t at;
    lock_sync_request_kind kind;
    int64_t lease;
    int slot;                  /* the ordinal of the grant, from 1 on; 0: the number 0; NEVER_GRANTED: another number */
    int64_t wait;              /* 0: granted */
    int64_t soonest;           /* 0 with a wait: not checked */
    lsync_guard_reason reason; /* NONE with a wait: not checked */
    lock_sync_guard_outcome outcome;
    int64_t retry_after;
    int64_t ago;
    uint32_t charges;
    lsync_guard_closure closure;
} rule_step;

typedef struct rule_case {
    const char *name;
    int64_t interval;       /* of SYNC; 0: 20 s */
    int64_t other_interval; /* of OTHER */
    uint32_t budget;        /* 0: 600 */
    int64_t granularity;
    bool is_after_boot; /* the clock shows 0 at the start */
    rule_step steps[RULE_STEPS_MAX];
} rule_case;

#define NEVER_GRANTED 99
#define NOT_LIVE INT64_C(-1) /* the wait of an extension whose lease is no longer live */

/* Request a slot. `why`: the reason for the wait, without its prefix. */
/* Without clang-format, which would make four lines of each. */
/* clang-format off */
#define ASK_FOR(kind_, at_, lease_, wait_)                                                                             \
    {.action = RULE_ASK, .kind = kind_, .at = at_, .lease = lease_, .wait = wait_}
#define ASK(at_, lease_, wait_) ASK_FOR(SYNC, at_, lease_, wait_)
#define ASK_DIRECTORY(at_, lease_, wait_) ASK_FOR(DIRECTORY, at_, lease_, wait_)
#define ASK_OTHER(at_, lease_, wait_) ASK_FOR(OTHER, at_, lease_, wait_)
#define DENIED(kind_, at_, lease_, wait_, soonest_, why)                                                               \
  {                                                                                                                    \
    .action = RULE_ASK, .kind = kind_, .at = at_, .lease = lease_, .wait = wait_, .soonest = soonest_,                 \
    .reason = LSYNC_GUARD_REASON_##why                                                                                 \
  }

#define EXTEND(at_, slot_, lease_, wait_)                                                                              \
    {.action = RULE_EXTEND, .at = at_, .slot = slot_, .lease = lease_, .wait = wait_}
#define EXTEND_DENIED(at_, slot_, lease_, wait_, soonest_, why)                                                        \
  {                                                                                                                    \
    .action = RULE_EXTEND, .at = at_, .slot = slot_, .lease = lease_, .wait = wait_, .soonest = soonest_,              \
    .reason = LSYNC_GUARD_REASON_##why                                                                                 \
  }

/* Settle a slot. LATE_: an outcome that could not be written when it arrived, `ago_` before. */
#define SETTLE(at_, slot_, outcome_, retry_, ago_, charges_)                                                           \
  {                                                                                                                    \
    .action = RULE_SETTLE, .at = at_, .slot = slot_, .outcome = LOCK_SYNC_SLOT_##outcome_, .retry_after = retry_,      \
    .ago = ago_, .charges = charges_                                                                                   \
  }
#define SENT(at_, slot_) SETTLE(at_, slot_, SENT, -1, 0, 0)
#define NOT_SENT(at_, slot_) SETTLE(at_, slot_, NOT_SENT, -1, 0, 0)
#define LIMITED(at_, slot_, retry_) SETTLE(at_, slot_, LIMITED, retry_, 0, 0)
#define CHARGED(at_, slot_, charges_) SETTLE(at_, slot_, SENT, -1, 0, charges_)
#define LATE_SENT(at_, slot_, ago_) SETTLE(at_, slot_, SENT, -1, ago_, 0)
#define LATE_NOT_SENT(at_, slot_, ago_) SETTLE(at_, slot_, NOT_SENT, -1, ago_, 0)
#define LATE_LIMITED(at_, slot_, retry_, ago_) SETTLE(at_, slot_, LIMITED, retry_, ago_, 0)
#define LATE_CHARGED(at_, slot_, ago_, charges_) SETTLE(at_, slot_, SENT, -1, ago_, charges_)

/* A new boot, whose clock shows `by_` more. */
#define SHIFT(by_) {.action = RULE_SHIFT, .at = by_}
/* Closes a kind until `until_`. */
#define CLOSE(kind_, until_, why_) {.action = RULE_CLOSE, .at = until_, .kind = kind_, .closure = LSYNC_GUARD_##why_}
/* Expects the time at which the record is stale. */
#define STALE(at_) {.action = RULE_STALE, .at = at_}
/* clang-format on */

/* Returns the number of the slot with this ordinal. */
int64_t rule_slot(int ordinal);

void rule_check_cases(const rule_case *cases, size_t n);
#define CHECK_CASES(cases) rule_check_cases(cases, COUNT_OF(cases))

#endif
