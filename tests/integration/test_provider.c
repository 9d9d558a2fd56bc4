/* The token provider from end to end: when it is asked, what is sent before and after, and that the deadline holds for
   all of it together. */
#include "client.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#define WRONG "wrong-" SECRET
#define EXPIRED "expired-" SECRET

typedef struct giver {
    const char *tokens[3]; /* one after the other; NULL: sets none */
    lock_sync_status status;
    int64_t takes_ms;
    size_t calls;
    bool refused[3];
    lock_sync_status busy; /* what a setter that is not a credential's gave inside */
} giver;

typedef struct state {
    sim *sim;
    client c;
    giver g;
} state;

static lock_sync_status give(void *user, lock_sync_ctx *ctx, bool refused)
{
    giver *g = user;
    const char *token = g->calls < 3 ? g->tokens[g->calls] : NULL;
    const struct timespec pause = {(time_t)(g->takes_ms / 1000), (long)(g->takes_ms % 1000) * 1000000};

    g->refused[g->calls < 3 ? g->calls : 2] = refused;
    g->calls++;
    g->busy = lock_sync_set_api_version(ctx, "v1");
    if (g->takes_ms > 0)
        (void)nanosleep(&pause, NULL);
    if (g->status != LOCK_SYNC_OK)
        return g->status;
    return token == NULL ? LOCK_SYNC_OK : lock_sync_set_access_token(ctx, token);
}

static int begin(void **user)
{
    static const char *const arguments[] = {"--static", "--personal-key", KEY, "--access-token", TOKEN, NULL};
    static state s;

    s = (state){.sim = sim_start(arguments)};
    s.c = client_new(sim_url(s.sim));
    MUST_OK(lock_sync_set_personal_key(s.c.ctx, NULL));
    MUST_OK(lock_sync_set_token_provider(s.c.ctx, give, &s.g));
    *user = &s;
    return 0;
}

static int end(void **user)
{
    state *s = *user;

    client_free(&s->c);
    sim_stop(s->sim, NULL);
    return 0;
}

static void check_seen(const state *s, int64_t requests, int64_t unauthorized)
{
    sim_stats stats = sim_ask_stats(s->sim);

    MUST_INT(stats.requests, requests);
    MUST_INT(stats.unauthorized, unauthorized);
    if (requests > 0)
        MUST_INT(stats.connections, 1);
}

TEST(a_first_token_is_asked_for_and_kept)
{
    state *s = *t_state;

    s->g.tokens[0] = TOKEN;
    for (int i = 0; i < 3; i++)
        expect_fetch(&s->c, LOCK_SYNC_OK);
    MUST_INT(s->g.calls, 1);
    MUST(!s->g.refused[0]);
    MUST_INT(s->g.busy, LOCK_SYNC_E_BUSY);
    check_seen(s, 3, 0);
}

TEST(an_expired_token_is_replaced_and_never_sent)
{
    state *s = *t_state;

    s->g.tokens[0] = TOKEN;
    MUST_OK(lock_sync_set_access_token_until(s->c.ctx, EXPIRED, 1000));
    expect_fetch(&s->c, LOCK_SYNC_OK);
    MUST_INT(s->g.calls, 1);
    MUST(!s->g.refused[0]);
    check_seen(s, 1, 0);
}

TEST(an_expired_token_without_a_provider_is_no_credential)
{
    state *s = *t_state;

    MUST_OK(lock_sync_set_token_provider(s->c.ctx, NULL, NULL));
    MUST_OK(lock_sync_set_access_token_until(s->c.ctx, EXPIRED, 1000));
    expect_fetch(&s->c, LOCK_SYNC_E_NO_CREDENTIAL);
    check_seen(s, 0, 0);
    MUST_OK(lock_sync_set_access_token_until(s->c.ctx, TOKEN, INT64_MAX));
    expect_fetch(&s->c, LOCK_SYNC_OK);
}

TEST(a_refused_token_is_replaced_and_the_request_repeated_once)
{
    state *s = *t_state;

    s->g.tokens[0] = TOKEN;
    MUST_OK(lock_sync_set_access_token(s->c.ctx, WRONG));
    expect_fetch(&s->c, LOCK_SYNC_OK);
    MUST_INT(s->g.calls, 1);
    MUST(s->g.refused[0]);
    check_seen(s, 2, 1);
    expect_fetch(&s->c, LOCK_SYNC_OK);
    MUST_INT(s->g.calls, 1);
    check_seen(s, 3, 1);
}

TEST(a_first_token_that_is_refused_is_replaced)
{
    state *s = *t_state;

    s->g.tokens[0] = WRONG;
    s->g.tokens[1] = TOKEN;
    expect_fetch(&s->c, LOCK_SYNC_OK);
    MUST_INT(s->g.calls, 2);
    MUST(!s->g.refused[0]);
    MUST(s->g.refused[1]);
    check_seen(s, 2, 1);
}

TEST(two_refusals_end_the_fetch)
{
    state *s = *t_state;

    s->g.tokens[0] = WRONG "-again";
    s->g.tokens[1] = TOKEN;
    MUST_OK(lock_sync_set_access_token(s->c.ctx, WRONG));
    expect_fetch(&s->c, LOCK_SYNC_E_UNAUTHORIZED);
    MUST_INT(error_http_status(&s->c), 401);
    MUST_INT(s->g.calls, 1);
    check_seen(s, 2, 2);
    expect_fetch(&s->c, LOCK_SYNC_OK); /* a new fetch, a new try */
    MUST_INT(s->g.calls, 2);
    check_seen(s, 4, 3);
}

TEST(a_provider_that_sets_nothing_ends_the_fetch)
{
    state *s = *t_state;

    expect_fetch(&s->c, LOCK_SYNC_E_NO_CREDENTIAL);
    check_seen(s, 0, 0);
    MUST_OK(lock_sync_set_access_token(s->c.ctx, WRONG));
    expect_fetch(&s->c, LOCK_SYNC_E_UNAUTHORIZED);
    MUST_INT(error_http_status(&s->c), 401);
    MUST_INT(s->g.calls, 2);
    check_seen(s, 1, 1);
    s->g.calls = 0;
    s->g.tokens[0] = TOKEN;
    expect_fetch(&s->c, LOCK_SYNC_OK);
}

TEST(a_provider_that_fails_ends_the_fetch_with_its_status)
{
    state *s = *t_state;

    s->g.status = LOCK_SYNC_E_RESOLVE;
    expect_fetch(&s->c, LOCK_SYNC_E_RESOLVE);
    check_seen(s, 0, 0);
    MUST_OK(lock_sync_set_access_token(s->c.ctx, WRONG));
    expect_fetch(&s->c, LOCK_SYNC_E_RESOLVE);
    MUST_INT(error_http_status(&s->c), 401);
    check_seen(s, 1, 1);
    s->g.status = LOCK_SYNC_OK;
    s->g.calls = 0;
    s->g.tokens[0] = TOKEN;
    expect_fetch(&s->c, LOCK_SYNC_OK);
}

TEST(no_other_refusal_asks_the_provider)
{
    static const struct {
        const char *fault;
        lock_sync_status status;
    } rows[] = {{"403", LOCK_SYNC_E_FORBIDDEN}, {"429", LOCK_SYNC_E_RATE_LIMITED}, {"500", LOCK_SYNC_E_SERVER}};
    state *s = *t_state;

    MUST_OK(lock_sync_set_access_token(s->c.ctx, TOKEN));
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        sim_fault(s->sim, rows[i].fault, 1);
        expect_fetch_of(&s->c, rows[i].status, rows[i].fault);
        sim_fault(s->sim, rows[i].fault, 0);
    }
    MUST_INT(s->g.calls, 0);
    expect_fetch(&s->c, LOCK_SYNC_OK);
}

/* --- the deadline --- */

static const char refusal[] = "HTTP/1.1 401 No\r\nContent-Length: 0\r\n\r\n";

/* 401 at once, a provider that takes most of the time, a repeat that is not answered. */
TEST(the_deadline_holds_for_provider_and_repeat_together)
{
    static const raw_step script[] = {RAW_READ_REQUEST, RAW_SEND(refusal, sizeof refusal - 1), RAW_READ_REQUEST,
                                      RAW_WAIT_FOR_CLOSE};
    static const raw_step *const scripts[] = {script};
    state *s = *t_state;
    raw_server *server = raw_start(AF_INET, scripts, 1);
    int64_t deadline = 400 * kit_slack();
    int64_t start;
    int64_t took;

    s->g = (giver){.tokens = {WRONG, TOKEN}, .takes_ms = deadline * 3 / 8};
    MUST_OK(lock_sync_set_base_url(s->c.ctx, raw_url(server)));
    MUST_OK(lock_sync_set_timeout_ms(s->c.ctx, deadline));
    start = kit_now_ms();
    expect_fetch(&s->c, LOCK_SYNC_E_TIMEOUT);
    took = kit_now_ms() - start;
    MUST_BETWEEN(took, deadline - 2, deadline * 3 / 2);
    MUST_INT(s->g.calls, 2);
    MUST_INT(raw_requests(server), 2);
    MUST_OK(lock_sync_set_timeout_ms(s->c.ctx, 30000));
    expect_good_at(&s->c, sim_url(s->sim));
    raw_stop(server);
}

TEST(nothing_is_sent_after_a_provider_that_took_too_long)
{
    static const raw_step script[] = {RAW_READ_REQUEST, RAW_SEND(refusal, sizeof refusal - 1), RAW_READ_REQUEST,
                                      RAW_ANSWER, RAW_WAIT_FOR_CLOSE};
    static const raw_step *const scripts[] = {script};
    state *s = *t_state;
    raw_server *server = raw_start(AF_INET, scripts, 1);
    int64_t deadline = 100 * kit_slack();

    MUST_OK(lock_sync_set_base_url(s->c.ctx, raw_url(server)));
    MUST_OK(lock_sync_set_timeout_ms(s->c.ctx, deadline));
    s->g = (giver){.tokens = {TOKEN}, .takes_ms = deadline * 5 / 4};
    expect_fetch(&s->c, LOCK_SYNC_E_TIMEOUT); /* before the first request */
    MUST_INT(raw_connections(server), 0);
    MUST_OK(lock_sync_set_access_token(s->c.ctx, WRONG));
    s->g.calls = 0;
    expect_fetch(&s->c, LOCK_SYNC_E_TIMEOUT); /* before the repeat */
    MUST(s->g.refused[0]);
    MUST_INT(raw_requests(server), 1);
    MUST_OK(lock_sync_set_timeout_ms(s->c.ctx, 30000));
    expect_fetch(&s->c, LOCK_SYNC_OK); /* with the token that came too late */
    MUST_INT(s->g.calls, 1);
    raw_stop(server);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        T_IN(a_first_token_is_asked_for_and_kept, begin, end),
        T_IN(an_expired_token_is_replaced_and_never_sent, begin, end),
        T_IN(an_expired_token_without_a_provider_is_no_credential, begin, end),
        T_IN(a_refused_token_is_replaced_and_the_request_repeated_once, begin, end),
        T_IN(a_first_token_that_is_refused_is_replaced, begin, end),
        T_IN(two_refusals_end_the_fetch, begin, end),
        T_IN(a_provider_that_sets_nothing_ends_the_fetch, begin, end),
        T_IN(a_provider_that_fails_ends_the_fetch_with_its_status, begin, end),
        T_IN(no_other_refusal_asks_the_provider, begin, end),
        T_IN(the_deadline_holds_for_provider_and_repeat_together, begin, end),
        T_IN(nothing_is_sent_after_a_provider_that_took_too_long, begin, end),
    };

    return T_MAIN(tests);
}
