/* Contexts, their guards and the built-in transport, against the simulator and against ports that do not serve. */
#include "contexts.h"
#include "sim_rules.h"

#include "../support/raw_server.h"

#include <stdlib.h>
#include <unistd.h>

static lock_sync_ctx *ctx_at(const char *url, lock_sync_guard *g, lock_sync_guard_mode mode)
{
    lock_sync_ctx *ctx;

    MUST_OK(lock_sync_ctx_new(&ctx));
    CHECK_OK(lock_sync_set_base_url(ctx, url));
    CHECK_OK(lock_sync_set_personal_key(ctx, "demo-key"));
    CHECK_OK(lock_sync_set_guard(ctx, g));
    CHECK_OK(lock_sync_set_guard_mode(ctx, mode));
    return ctx;
}

static void check_no_violation(const sim *s, int64_t syncs)
{
    sim_rules rules = sim_ask_rules(s);

    CHECK_INT(rules.syncs, syncs);
    CHECK_INT(rules.interval_violations, 0);
    CHECK_INT(rules.budget_violations, 0);
    CHECK_INT(rules.window_violations, 0);
}

TEST(the_second_fetch_is_too_soon)
{
    sim *s = sim_start(NULL);
    lock_sync_ctx *ctx = ctx_at(sim_url(s), NULL, LOCK_SYNC_GUARD_FAIL);

    CHECK_OK(fetch_all(ctx));
    CHECK_INT(fetch_all(ctx), LOCK_SYNC_E_TOO_SOON);
    CHECK(retry_after(ctx) > 0 && retry_after(ctx) <= 20000);
    check_no_violation(s, 1);
    lock_sync_ctx_free(ctx);
    sim_stop(s, NULL);
}

TEST(who_waits_breaks_no_rule)
{
    const char *const options[] = {"--min-interval-ms", "40", "--hourly-budget", "10", NULL};
    sim *s = sim_start(options);
    lock_sync_guard *g = memory_guard(40);
    lock_sync_ctx *ctx = ctx_at(sim_url(s), g, LOCK_SYNC_GUARD_WAIT);

    CHECK_OK(lock_sync_guard_set_hourly_budget(g, 10, 2));
    for (int i = 0; i < 8; i++)
        CHECK_OK(fetch_all(ctx));
    CHECK_INT(fetch_all(ctx), LOCK_SYNC_E_TOO_SOON);
    CHECK(retry_after(ctx) > 3500000);
    check_no_violation(s, 8);
    lock_sync_ctx_free(ctx);
    lock_sync_guard_unref(g);
    sim_stop(s, NULL);
}

TEST(a_429_of_the_service_blocks_all_who_share)
{
    const char *const options[] = {"--fault", "429", NULL}; /* says 7 s */
    sim *s = sim_start(options);
    lock_sync_guard *g = memory_guard(1);
    lock_sync_ctx *a = ctx_at(sim_url(s), g, LOCK_SYNC_GUARD_FAIL);
    lock_sync_ctx *b = ctx_at(sim_url(s), g, LOCK_SYNC_GUARD_FAIL);

    CHECK_INT(fetch_all(a), LOCK_SYNC_E_RATE_LIMITED);
    CHECK(retry_after(a) > 6000 && retry_after(a) <= 7000);
    (void)usleep(3000);
    CHECK_INT(fetch_all(b), LOCK_SYNC_E_TOO_SOON);
    CHECK(retry_after(b) > 6000 && retry_after(b) < 7000);
    check_no_violation(s, 1);
    lock_sync_ctx_free(a);
    lock_sync_ctx_free(b);
    lock_sync_guard_unref(g);
    sim_stop(s, NULL);
}

/* What certainly was not sent is given back: three times in a row. */
static void check_refunds(const char *url, int64_t connect_timeout_ms, lock_sync_status status)
{
    lock_sync_guard *g = memory_guard(20000);
    lock_sync_ctx *ctx = ctx_at(url, g, LOCK_SYNC_GUARD_FAIL);

    t_row("%s", url);
    CHECK_OK(lock_sync_set_connect_timeout_ms(ctx, connect_timeout_ms));
    for (int i = 0; i < 4; i++)
        CHECK_INT(fetch_all(ctx), status);
    CHECK_INT(fetch_all(ctx), LOCK_SYNC_E_TOO_SOON);
    lock_sync_ctx_free(ctx);
    lock_sync_guard_unref(g);
}

TEST(what_was_not_sent_is_given_back)
{
    sim *s = sim_start(NULL);
    raw_full_port full = raw_full_port_open();
    uint16_t dead;
    int fd = raw_dead_port(&dead);
    char *refused = kit_text("http://127.0.0.1:%u", dead);
    char *no_tls = kit_text("https://127.0.0.1:%u", sim_port(s));

    check_refunds(refused, 10000, LOCK_SYNC_E_CONNECT);
    check_refunds(full.url, 100, LOCK_SYNC_E_TIMEOUT);
    check_refunds(no_tls, 10000, LOCK_SYNC_E_TLS);
    check_no_violation(s, 0);
    (void)close(fd);
    raw_full_port_close(&full);
    free(refused);
    free(no_tls);
    sim_stop(s, NULL);
}

TEST(what_was_sent_is_not_given_back)
{
    const char *const reset[] = {"--fault", "reset", NULL};
    const char *const late[] = {"--delay-ms", "5000", NULL};
    const char *const *const cases[] = {reset, late};

    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        sim *s = sim_start(cases[i]);
        lock_sync_ctx *ctx = ctx_at(sim_url(s), NULL, LOCK_SYNC_GUARD_FAIL);

        t_row("%s", cases[i][1]);
        CHECK_OK(lock_sync_set_timeout_ms(ctx, 300));
        CHECK_INT(fetch_all(ctx), i == 0 ? LOCK_SYNC_E_NETWORK : LOCK_SYNC_E_TIMEOUT);
        CHECK_INT(fetch_all(ctx), LOCK_SYNC_E_TOO_SOON);
        lock_sync_ctx_free(ctx);
        sim_stop(s, NULL);
    }
}

static lock_sync_status provide(void *user, lock_sync_ctx *ctx, bool refused)
{
    ++*(int *)user;
    return lock_sync_set_access_token(ctx, refused ? "good-token" : "old-token");
}

TEST(the_repeat_after_a_401)
{
    const char *const options[] = {"--access-token", "good-token", NULL};
    sim *s = sim_start(options);
    lock_sync_ctx *ctx = ctx_at(sim_url(s), NULL, LOCK_SYNC_GUARD_FAIL);
    int asked = 0;

    CHECK_OK(lock_sync_set_personal_key(ctx, NULL));
    CHECK_OK(lock_sync_set_token_provider(ctx, provide, &asked));
    CHECK_OK(fetch_all(ctx));
    CHECK_INT(asked, 2);
    CHECK_INT(fetch_all(ctx), LOCK_SYNC_E_TOO_SOON);
    CHECK_INT(sim_ask_stats(s).unauthorized, 1);
    CHECK_INT(sim_ask_stats(s).syncs, 1);
    lock_sync_ctx_free(ctx);
    sim_stop(s, NULL);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        T(the_second_fetch_is_too_soon),
        T(who_waits_breaks_no_rule),
        T(a_429_of_the_service_blocks_all_who_share),
        T(what_was_not_sent_is_given_back),
        T(what_was_sent_is_not_given_back),
        T(the_repeat_after_a_401),
    };

    return T_MAIN(tests);
}
