/* The state machine of a fetch: each transition, and a stop in each state. The simulation tests that it ends with
   its slot settled once. */
#include "../support/decoding.h"
#include "client/fetch.h"

#define DEADLINE INT64_C(30000000)
#define OK LOCK_SYNC_OK
#define E(name) LOCK_SYNC_E_##name
#define IN(name) LSYNC_FETCH_##name
#define MODE(name) LOCK_SYNC_GUARD_##name

typedef enum trait {
    NONE = 0,
    POLL = 1,        /* it is a watch's */
    PROVIDER = 2,    /* its context has one */
    SLOT = 4,        /* it has one */
    RETRIED = 8,     /* after a 401 */
    STOPPED = 16,    /* its stop is E_CANCELLED */
    DENIED = 32,     /* by the guard, and the poll must ask again */
    MORE_PAGES = 64, /* of a directory; a property of the input */
    NOT_BEGUN = 128  /* its step has not begun; a property of the input */
} trait;

typedef struct transition {
    const char *name;
    lock_sync_guard_mode mode;
    int has; /* traits before */
    lsync_fetch_state from;
    bool is_stop;
    lock_sync_status status; /* of the input */
    int64_t at_us;
    lsync_fetch_state to;
    lock_sync_status ends_with; /* if it ends or settles; otherwise OK */
    int gets;                   /* traits added by the transition */
} transition;

#define RESULT(status) false, status, 0
#define LATER(at) false, E(TOO_SOON), at
#define STOP(status) true, status, 0
#define TO(state) IN(state), OK, NONE
#define ENDS(state, status) IN(state), status, NONE
#define MORE(state, status, gets) IN(state), status, gets

static const transition transitions[] = {
    /* CHECK */
    {"in order", MODE(FAIL), NONE, IN(CHECK), RESULT(OK), TO(ASKING)},
    {"in order, no guard", MODE(OFF), NONE, IN(CHECK), RESULT(OK), TO(CREDENTIAL)},
    {"not in order", MODE(FAIL), NONE, IN(CHECK), RESULT(E(INVALID_ARGUMENT)), ENDS(DONE, E(INVALID_ARGUMENT))},
    {"stopped", MODE(FAIL), NONE, IN(CHECK), STOP(E(CANCELLED)), ENDS(DONE, E(CANCELLED))},

    /* ASKING */
    {"granted", MODE(WAIT), NONE, IN(ASKING), RESULT(OK), MORE(CREDENTIAL, OK, SLOT)},
    {"denied", MODE(FAIL), NONE, IN(ASKING), LATER(1), ENDS(DONE, E(TOO_SOON))},
    {"denied, and it waits", MODE(WAIT), NONE, IN(ASKING), LATER(DEADLINE - 1), TO(WAITING)},
    {"denied until the deadline", MODE(WAIT), NONE, IN(ASKING), LATER(DEADLINE), ENDS(DONE, E(TOO_SOON))},
    {"denied, and a response is kept", MODE(CACHED), NONE, IN(ASKING), LATER(1), TO(KEPT)},
    {"denied to a poll", MODE(FAIL), POLL, IN(ASKING), LATER(1), MORE(DONE, E(TOO_SOON), DENIED)},
    {"denied to a poll that would wait", MODE(WAIT), POLL, IN(ASKING), LATER(1), MORE(DONE, E(TOO_SOON), DENIED)},
    {"denied to a poll, a response is kept", MODE(CACHED), POLL, IN(ASKING), LATER(1), MORE(DONE, E(TOO_SOON), DENIED)},
    {"the store failed", MODE(CACHED), NONE, IN(ASKING), RESULT(E(GUARD)), ENDS(DONE, E(GUARD))},
    {"no time is left", MODE(WAIT), NONE, IN(ASKING), RESULT(E(TIMEOUT)), ENDS(DONE, E(TIMEOUT))},
    {"stopped: it waits for the decision", MODE(FAIL), NONE, IN(ASKING), STOP(E(CANCELLED)), MORE(ASKING, OK, STOPPED)},
    {"stopped before it asks", MODE(WAIT), NOT_BEGUN, IN(ASKING), STOP(E(CANCELLED)), ENDS(DONE, E(CANCELLED))},
    {"stopped again", MODE(FAIL), STOPPED, IN(ASKING), STOP(E(TIMEOUT)), TO(ASKING)},
    {"granted after a stop", MODE(FAIL), STOPPED, IN(ASKING), RESULT(OK), MORE(SETTLING, E(CANCELLED), SLOT)},
    {"denied after a stop", MODE(WAIT), STOPPED, IN(ASKING), LATER(1), ENDS(DONE, E(CANCELLED))},
    {"failed after a stop", MODE(FAIL), STOPPED, IN(ASKING), RESULT(E(GUARD)), ENDS(DONE, E(CANCELLED))},

    /* WAITING */
    {"the wait is over", MODE(WAIT), NONE, IN(WAITING), RESULT(OK), TO(ASKING)},
    {"stopped", MODE(WAIT), NONE, IN(WAITING), STOP(E(TIMEOUT)), ENDS(DONE, E(TIMEOUT))},

    /* KEPT */
    {"covers it", MODE(CACHED), NONE, IN(KEPT), RESULT(OK), ENDS(DONE, OK)},
    {"does not", MODE(CACHED), NONE, IN(KEPT), RESULT(E(TOO_SOON)), ENDS(DONE, E(TOO_SOON))},
    {"no memory", MODE(CACHED), NONE, IN(KEPT), RESULT(E(NO_MEMORY)), ENDS(DONE, E(NO_MEMORY))},
    {"stopped", MODE(CACHED), NONE, IN(KEPT), STOP(E(CANCELLED)), ENDS(DONE, E(CANCELLED))},

    /* CREDENTIAL */
    {"usable", MODE(FAIL), SLOT, IN(CREDENTIAL), RESULT(OK), TO(SENDING)},
    {"the provider failed", MODE(FAIL), SLOT, IN(CREDENTIAL), RESULT(E(NETWORK)), ENDS(SETTLING, E(NETWORK))},
    {"the provider failed, no guard", MODE(OFF), NONE, IN(CREDENTIAL), RESULT(E(NETWORK)), ENDS(DONE, E(NETWORK))},
    {"stopped", MODE(FAIL), SLOT, IN(CREDENTIAL), STOP(E(TIMEOUT)), ENDS(SETTLING, E(TIMEOUT))},
    {"stopped, no guard", MODE(OFF), NONE, IN(CREDENTIAL), STOP(E(CANCELLED)), ENDS(DONE, E(CANCELLED))},

    /* SENDING */
    {"a good response", MODE(FAIL), SLOT, IN(SENDING), RESULT(OK), ENDS(SETTLING, OK)},
    {"a good response, no guard", MODE(OFF), NONE, IN(SENDING), RESULT(OK), ENDS(DONE, OK)},
    {"a 429", MODE(FAIL), SLOT, IN(SENDING), RESULT(E(RATE_LIMITED)), ENDS(SETTLING, E(RATE_LIMITED))},
    {"a 401", MODE(FAIL), SLOT | PROVIDER, IN(SENDING), RESULT(E(UNAUTHORIZED)), MORE(RENEWING, OK, RETRIED)},
    {"a 401 and no provider", MODE(FAIL), SLOT, IN(SENDING), RESULT(E(UNAUTHORIZED)), ENDS(SETTLING, E(UNAUTHORIZED))},
    {"a second 401", MODE(FAIL), SLOT | PROVIDER | RETRIED, IN(SENDING), RESULT(E(UNAUTHORIZED)),
     ENDS(SETTLING, E(UNAUTHORIZED))},
    {"stopped: it waits for the transfer's end", MODE(FAIL), SLOT, IN(SENDING), STOP(E(CANCELLED)),
     MORE(SENDING, OK, STOPPED)},
    {"stopped before it sends", MODE(FAIL), SLOT | NOT_BEGUN, IN(SENDING), STOP(E(CANCELLED)),
     ENDS(SETTLING, E(CANCELLED))},
    {"stopped before it sends, no guard", MODE(OFF), NOT_BEGUN, IN(SENDING), STOP(E(CANCELLED)),
     ENDS(DONE, E(CANCELLED))},
    {"a 401 after a stop", MODE(FAIL), SLOT | PROVIDER | STOPPED, IN(SENDING), RESULT(E(UNAUTHORIZED)),
     ENDS(SETTLING, E(UNAUTHORIZED))},
    {"the transfer's end after a stop", MODE(FAIL), SLOT | STOPPED, IN(SENDING), RESULT(E(CANCELLED)),
     ENDS(SETTLING, E(CANCELLED))},

    {"a full page", MODE(FAIL), SLOT | MORE_PAGES, IN(SENDING), RESULT(OK), TO(EXTENDING)},
    {"a full page, no guard", MODE(OFF), MORE_PAGES, IN(SENDING), RESULT(OK), TO(SENDING)},
    {"a full page after a stop", MODE(FAIL), SLOT | MORE_PAGES | STOPPED, IN(SENDING), RESULT(OK),
     ENDS(SETTLING, E(CANCELLED))},

    /* RENEWING */
    {"set", MODE(FAIL), SLOT | PROVIDER | RETRIED, IN(RENEWING), RESULT(OK), TO(EXTENDING)},
    {"set, no guard", MODE(OFF), PROVIDER | RETRIED, IN(RENEWING), RESULT(OK), TO(SENDING)},
    {"not set", MODE(FAIL), SLOT | PROVIDER | RETRIED, IN(RENEWING), RESULT(E(UNAUTHORIZED)),
     ENDS(SETTLING, E(UNAUTHORIZED))},
    {"stopped", MODE(FAIL), SLOT | PROVIDER | RETRIED, IN(RENEWING), STOP(E(TIMEOUT)), ENDS(SETTLING, E(TIMEOUT))},

    /* EXTENDING */
    {"granted", MODE(FAIL), SLOT | PROVIDER | RETRIED, IN(EXTENDING), RESULT(OK), TO(SENDING)},
    {"denied", MODE(FAIL), SLOT | PROVIDER | RETRIED, IN(EXTENDING), RESULT(E(UNAUTHORIZED)),
     ENDS(SETTLING, E(UNAUTHORIZED))},
    {"stopped: it waits for the decision", MODE(FAIL), SLOT | RETRIED, IN(EXTENDING), STOP(E(CANCELLED)),
     MORE(EXTENDING, OK, STOPPED)},
    {"stopped before it asks", MODE(FAIL), SLOT | RETRIED | NOT_BEGUN, IN(EXTENDING), STOP(E(TIMEOUT)),
     ENDS(SETTLING, E(TIMEOUT))},
    {"granted after a stop", MODE(FAIL), SLOT | RETRIED | STOPPED, IN(EXTENDING), RESULT(OK),
     ENDS(SETTLING, E(CANCELLED))},
    {"denied after a stop", MODE(FAIL), SLOT | RETRIED | STOPPED, IN(EXTENDING), RESULT(E(UNAUTHORIZED)),
     ENDS(SETTLING, E(CANCELLED))},

    {"the next page is denied", MODE(WAIT), SLOT, IN(EXTENDING), RESULT(E(TOO_SOON)), ENDS(SETTLING, E(TOO_SOON))},

    /* SETTLING */
    {"settled", MODE(FAIL), SLOT, IN(SETTLING), RESULT(OK), TO(DONE)},
    {"not written: the guard keeps it", MODE(FAIL), SLOT, IN(SETTLING), RESULT(E(GUARD)), TO(DONE)},
    {"stopped: the status of the fetch stays", MODE(FAIL), SLOT, IN(SETTLING), STOP(E(CANCELLED)), TO(SETTLING)},
    {"the same before it settles", MODE(FAIL), SLOT | NOT_BEGUN, IN(SETTLING), STOP(E(CANCELLED)), TO(SETTLING)},

    /* DONE */
    {"stopped when it is over", MODE(FAIL), NONE, IN(DONE), STOP(E(CANCELLED)), TO(DONE)},
    {"a result when it is over", MODE(FAIL), NONE, IN(DONE), RESULT(E(NETWORK)), TO(DONE)},
};

static lsync_fetch fetch_before(const transition *t)
{
    lsync_fetch f;

    lsync_fetch_begin(&f, t->mode, (t->has & POLL) != 0, (t->has & PROVIDER) != 0, DEADLINE);
    CHECK_INT(f.state, IN(CHECK));
    f.state = t->from;
    f.has_slot = (t->has & SLOT) != 0;
    f.has_retried = (t->has & RETRIED) != 0;
    f.stop = (t->has & STOPPED) != 0 ? E(CANCELLED) : OK;
    return f;
}

TEST(each_transition_leads_to_its_state)
{
    for (size_t i = 0; i < COUNT_OF(transitions); i++) {
        const transition *t = &transitions[i];
        const lsync_fetch_input input = {t->is_stop, (t->has & NOT_BEGUN) != 0, t->status, t->at_us,
                                         (t->has & MORE_PAGES) != 0};
        lsync_fetch f = fetch_before(t);
        int has = t->has | t->gets;

        t_row("state %d: %s", (int)t->from, t->name);
        lsync_fetch_next(&f, &input);
        CHECK_INT(f.state, t->to);
        CHECK_INT(f.status, t->ends_with);
        CHECK_INT(f.has_slot, (has & SLOT) != 0);
        CHECK_INT(f.has_retried, (has & RETRIED) != 0);
        CHECK_INT(f.is_denied, (has & DENIED) != 0);
        CHECK_INT(f.stop, (has & STOPPED) != 0 ? E(CANCELLED) : OK);
        if (t->to == IN(WAITING) || (has & DENIED) != 0)
            CHECK_INT(f.at_us, t->at_us);
    }
}
