/* When a request is retried: the whole decision as a table. */
#include "../support/decoding.h"
#include "transport/retry.h"

#define VETOED .is_vetoed = true, .is_idempotent = true, .refused = LSYNC_REFUSED_UNKNOWN
#define H2 .http2 = true

static const lsync_history unknown = {0, 0, true};
static const lsync_history steady = {400, 50, true};
static const lsync_history closing = {400, 51, true};
static const lsync_history full = {400, 51, false};

TEST(a_request_is_retried_only_if_that_is_safe)
{
    static const struct {
        const char *name;
        lsync_attempt attempt;
        const lsync_history *history;
        lsync_retry retry;
    } table[] = {
        {"a response", {.sends = 1, .is_final = true, .has_response = true, H2, VETOED}, &steady, LSYNC_RETRY_NONE},
        {"out of time", {.sends = 1, .is_final = true, H2, VETOED}, &steady, LSYNC_RETRY_NONE},
        {"a response broke off", {.sends = 1, .has_response = true, H2, VETOED}, &steady, LSYNC_RETRY_NONE},
        {"not idempotent",
         {.sends = 1, H2, .is_vetoed = true, .refused = LSYNC_REFUSED_YES},
         &steady,
         LSYNC_RETRY_NONE},
        {"given up before it was sent",
         {.sends = 0, H2, .is_idempotent = true, .refused = LSYNC_REFUSED_UNKNOWN},
         &steady,
         LSYNC_RETRY_NONE},
        {"never sent", {.sends = 0, H2, .is_idempotent = true}, &steady, LSYNC_RETRY_NONE},
        {"a connection that died, HTTP/1.1", {.sends = 1, VETOED}, &steady, LSYNC_RETRY_NONE},
        {"a connection that died, HTTP/2", {.sends = 1, H2, VETOED}, &steady, LSYNC_RETRY_ANYWHERE},
        {"the same, with an unknown history", {.sends = 1, H2, VETOED}, &unknown, LSYNC_RETRY_ALONE},
        {"the same, where connections end early", {.sends = 1, H2, VETOED}, &closing, LSYNC_RETRY_ALONE},
        {"the same, without room", {.sends = 1, H2, VETOED}, &full, LSYNC_RETRY_ANYWHERE},
        {"the second time", {.sends = 2, H2, VETOED}, &closing, LSYNC_RETRY_NONE},
        {"given up, without a veto",
         {.sends = 1, H2, .is_idempotent = true, .refused = LSYNC_REFUSED_UNKNOWN},
         &steady,
         LSYNC_RETRY_ANYWHERE},
        {"another failure", {.sends = 1, H2, .is_idempotent = true}, &steady, LSYNC_RETRY_NONE},
        {"ended for another request, because it was dead",
         {.sends = 1, .is_dead = true, H2, .is_idempotent = true},
         &closing,
         LSYNC_RETRY_ANYWHERE},
        {"the same, given up by libcurl",
         {.sends = 1, .is_dead = true, H2, VETOED, .wants_http1 = true},
         &unknown,
         LSYNC_RETRY_ANYWHERE},
        {"the same, the second time", {.sends = 2, .is_dead = true, H2, VETOED}, &steady, LSYNC_RETRY_NONE},
        {"the same, and out of time",
         {.sends = 1, .is_dead = true, .is_final = true, H2, VETOED},
         &steady,
         LSYNC_RETRY_NONE},
        {"refused unprocessed",
         {.sends = 1, H2, .is_vetoed = true, .is_idempotent = true, .refused = LSYNC_REFUSED_YES},
         &closing,
         LSYNC_RETRY_ANYWHERE},
        {"HTTP/1.1 is wanted", {.sends = 1, H2, VETOED, .wants_http1 = true}, &steady, LSYNC_RETRY_HTTP1},
        {"HTTP/1.1 is wanted, the second time",
         {.sends = 2, H2, VETOED, .wants_http1 = true},
         &steady,
         LSYNC_RETRY_NONE},
        {"no room", {.has_no_room = true, .is_idempotent = true}, &full, LSYNC_RETRY_ANYWHERE},
        {"no room for a retry",
         {.sends = 1, .has_no_room = true, H2, .is_idempotent = true},
         &full,
         LSYNC_RETRY_ANYWHERE},
        {"found closed", {.unsent = 1, .is_idempotent = true}, &full, LSYNC_RETRY_ALONE},
        {"found closed for the second time", {.unsent = 2, .is_idempotent = true}, &full, LSYNC_RETRY_ALONE},
        {"found closed for the third time", {.unsent = 3, .is_idempotent = true}, &full, LSYNC_RETRY_NONE},
        {"a retry found closed", {.sends = 1, .unsent = 1, H2, .is_idempotent = true}, &full, LSYNC_RETRY_ALONE},
    };

    for (size_t i = 0; i < COUNT_OF(table); i++) {
        t_row("%s", table[i].name);
        CHECK_INT(lsync_retry_after(&table[i].attempt, table[i].history), table[i].retry);
    }
}
