/* When a request is retried: the whole decision as a table. */
#include "../support/decoding.h"
#include "transport/retry.h"

#define RESEND .aborted_resend = true, .is_idempotent = true, .refused = LSYNC_REFUSED_UNKNOWN
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
        {"a response", {.sends = 1, .is_final = true, .has_response = true, H2, RESEND}, &steady, LSYNC_RETRY_NONE},
        {"out of time", {.sends = 1, .is_final = true, H2, RESEND}, &steady, LSYNC_RETRY_NONE},
        {"a response broke off", {.sends = 1, .has_response = true, H2, RESEND}, &steady, LSYNC_RETRY_NONE},
        {"not idempotent",
         {.sends = 1, H2, .aborted_resend = true, .refused = LSYNC_REFUSED_YES},
         &steady,
         LSYNC_RETRY_NONE},
        {"given up before it was sent",
         {.sends = 0, H2, .is_idempotent = true, .refused = LSYNC_REFUSED_UNKNOWN},
         &steady,
         LSYNC_RETRY_NONE},
        {"never sent", {.sends = 0, H2, .is_idempotent = true}, &steady, LSYNC_RETRY_NONE},
        {"a connection that died, HTTP/1.1", {.sends = 1, RESEND}, &steady, LSYNC_RETRY_NONE},
        {"a connection that died, HTTP/2", {.sends = 1, H2, RESEND}, &steady, LSYNC_RETRY_ANYWHERE},
        {"the same, with an unknown history", {.sends = 1, H2, RESEND}, &unknown, LSYNC_RETRY_NEW_CONNECTION},
        {"the same, where connections end early", {.sends = 1, H2, RESEND}, &closing, LSYNC_RETRY_NEW_CONNECTION},
        {"the same, at the limit of connections", {.sends = 1, H2, RESEND}, &full, LSYNC_RETRY_ANYWHERE},
        {"the second time", {.sends = 2, H2, RESEND}, &closing, LSYNC_RETRY_NONE},
        {"given up by libcurl, which would not send again",
         {.sends = 1, H2, .is_idempotent = true, .refused = LSYNC_REFUSED_UNKNOWN},
         &steady,
         LSYNC_RETRY_ANYWHERE},
        {"another failure", {.sends = 1, H2, .is_idempotent = true}, &steady, LSYNC_RETRY_NONE},
        {"ended for another request, because it was dead",
         {.sends = 1, .is_dead = true, H2, .is_idempotent = true},
         &closing,
         LSYNC_RETRY_ANYWHERE},
        {"the same, given up by libcurl",
         {.sends = 1, .is_dead = true, H2, RESEND, .wants_http1 = true},
         &unknown,
         LSYNC_RETRY_ANYWHERE},
        {"the same, the second time", {.sends = 2, .is_dead = true, H2, RESEND}, &steady, LSYNC_RETRY_NONE},
        {"the same, and out of time",
         {.sends = 1, .is_dead = true, .is_final = true, H2, RESEND},
         &steady,
         LSYNC_RETRY_NONE},
        {"refused unprocessed",
         {.sends = 1, H2, .aborted_resend = true, .is_idempotent = true, .refused = LSYNC_REFUSED_YES},
         &closing,
         LSYNC_RETRY_ANYWHERE},
        {"HTTP/1.1 is wanted", {.sends = 1, H2, RESEND, .wants_http1 = true}, &steady, LSYNC_RETRY_HTTP1},
        {"HTTP/1.1 is wanted, the second time",
         {.sends = 2, H2, RESEND, .wants_http1 = true},
         &steady,
         LSYNC_RETRY_NONE},
        {"no free stream", {.no_free_stream = true, .is_idempotent = true}, &full, LSYNC_RETRY_ANYWHERE},
        {"no free stream for a retry",
         {.sends = 1, .no_free_stream = true, H2, .is_idempotent = true},
         &full,
         LSYNC_RETRY_ANYWHERE},
        {"found closed", {.unsent = 1, .is_idempotent = true}, &full, LSYNC_RETRY_NEW_CONNECTION},
        {"found closed for the second time", {.unsent = 2, .is_idempotent = true}, &full, LSYNC_RETRY_NEW_CONNECTION},
        {"found closed for the third time", {.unsent = 3, .is_idempotent = true}, &full, LSYNC_RETRY_NONE},
        {"a retry found closed",
         {.sends = 1, .unsent = 1, H2, .is_idempotent = true},
         &full,
         LSYNC_RETRY_NEW_CONNECTION},
    };

    for (size_t i = 0; i < COUNT_OF(table); i++) {
        t_row("%s", table[i].name);
        CHECK_INT(lsync_retry_after(&table[i].attempt, table[i].history), table[i].retry);
    }
}
