/* The token provider from end to end: what is sent before and after it, and that one deadline covers all.
   tests/unit/test_provider.c has a table of when it is called and what it may do. */
#include "client.h"

#include <time.h>

#define WRONG "wrong-" SECRET

static const char unauthorized[] = "HTTP/1.1 401 No\r\nContent-Length: 0\r\n\r\n";

typedef struct slow_provider {
    const char *token;
    int64_t takes_ms;
    size_t calls;
    size_t rejections;
} slow_provider;

static lock_sync_status give(void *user, lock_sync_ctx *ctx, bool rejected)
{
    slow_provider *g = user;
    const struct timespec pause = {(time_t)(g->takes_ms / 1000), (long)(g->takes_ms % 1000) * 1000000};

    g->calls++;
    g->rejections += rejected;
    (void)nanosleep(&pause, NULL);
    return lock_sync_set_access_token(ctx, g->token);
}

TEST(after_a_rejected_token_the_request_is_retried_on_its_connection)
{
    static const char *const arguments[] = {"--static", "--access-token", TOKEN, NULL};
    sim *s = sim_start(arguments);
    client c = client_new(sim_url(s));
    slow_provider g = {.token = TOKEN};
    sim_stats stats;

    MUST_OK(lock_sync_set_access_token(c.ctx, WRONG));
    MUST_OK(lock_sync_set_token_provider(c.ctx, give, &g));
    expect_fetch_then_good(&c, LOCK_SYNC_OK);
    CHECK_INT(g.calls, 1);
    CHECK_INT(g.rejections, 1);
    client_free(&c);
    sim_stop(s, &stats);
    CHECK_INT(stats.requests, 3);
    CHECK_INT(stats.unauthorized, 1);
    CHECK_INT(stats.connections, 1);
}

/* A 401 at once, a provider that takes most of the time, and a retry without a response. */
TEST(one_deadline_covers_provider_and_retry)
{
    static const raw_step script[] = {RAW_READ_REQUEST, RAW_SEND(unauthorized, sizeof unauthorized - 1),
                                      RAW_READ_REQUEST, RAW_WAIT_FOR_CLOSE};
    served *s = served_begin(script);
    int64_t deadline = 400 * kit_slack();
    slow_provider g = {.token = TOKEN, .takes_ms = deadline * 3 / 4};
    int64_t start;

    MUST_OK(lock_sync_set_token_provider(s->c.ctx, give, &g));
    MUST_OK(lock_sync_set_timeout_ms(s->c.ctx, deadline));
    start = kit_now_ms();
    expect_fetch(&s->c, LOCK_SYNC_E_TIMEOUT);
    CHECK_BETWEEN(kit_now_ms() - start, deadline - 2, deadline * 3 / 2);
    CHECK_INT(g.calls, 1);
    CHECK_INT(raw_requests(s->server), 2);
    MUST_OK(lock_sync_set_timeout_ms(s->c.ctx, 30000));
    expect_fetch(&s->c, LOCK_SYNC_OK);
    served_end(s);
}

TEST(nothing_is_sent_after_a_provider_that_took_too_long)
{
    served *s = served_saying(kit_text("%s", unauthorized));
    int64_t deadline = 100 * kit_slack();
    slow_provider g = {.token = TOKEN, .takes_ms = deadline * 5 / 4};

    MUST_OK(lock_sync_set_personal_key(s->c.ctx, NULL));
    MUST_OK(lock_sync_set_token_provider(s->c.ctx, give, &g));
    MUST_OK(lock_sync_set_timeout_ms(s->c.ctx, deadline));
    expect_fetch(&s->c, LOCK_SYNC_E_TIMEOUT); /* before the first request */
    CHECK_INT(raw_connections(s->server), 0);
    expect_fetch(&s->c, LOCK_SYNC_E_TIMEOUT); /* before the retry */
    CHECK_INT(g.rejections, 1);
    CHECK_INT(raw_requests(s->server), 1);
    MUST_OK(lock_sync_set_timeout_ms(s->c.ctx, 30000));
    expect_fetch(&s->c, LOCK_SYNC_OK); /* with the token that was set too late */
    CHECK_INT(g.calls, 2);
    served_end(s);
}
