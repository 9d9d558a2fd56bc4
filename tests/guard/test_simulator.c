/* The guard counts what the built-in transport has sent. The server is the simulator, or a port without a server.
   The soak (soak/) tests that waiting users break no rule. */
#include "contexts.h"

#include "../support/raw_server.h"
#include "../support/sim.h"

#include <stdlib.h>
#include <unistd.h>

static void release_sim(void *s)
{
    sim_stop(s, NULL);
}

static lock_sync_ctx *ctx_at(const char *url, int64_t connect_timeout_ms)
{
    lock_sync_ctx *ctx;

    MUST_OK(lock_sync_ctx_new(&ctx));
    CHECK_OK(lock_sync_set_base_url(ctx, url));
    CHECK_OK(lock_sync_set_personal_key(ctx, "demo-key"));
    CHECK_OK(lock_sync_set_connect_timeout_ms(ctx, connect_timeout_ms));
    return ctx;
}

/* The slot of a request that certainly was not sent is refunded, three times in a row. */
TEST(a_request_that_was_not_sent_is_refunded)
{
    sim *s = t_later(release_sim, sim_start(NULL));
    raw_full_port full = raw_full_port_open();
    uint16_t dead;
    int fd = raw_dead_port(&dead);
    const struct {
        char *url;
        int64_t connect_timeout_ms;
        lock_sync_status status;
    } rows[] = {
        {kit_text("http://127.0.0.1:%u", dead), 10000, LOCK_SYNC_E_CONNECT},
        {kit_text("%s", full.url), 100, LOCK_SYNC_E_TIMEOUT},
        {kit_text("https://127.0.0.1:%u", sim_port(s)), 10000, LOCK_SYNC_E_TLS},
    };

    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        lock_sync_ctx *ctx = ctx_at(rows[i].url, rows[i].connect_timeout_ms);

        t_row("%s", rows[i].url);
        for (int k = 0; k < 4; k++)
            CHECK_INT(fetch_all(ctx), rows[i].status);
        CHECK_INT(fetch_all(ctx), LOCK_SYNC_E_TOO_SOON);
        lock_sync_ctx_free(ctx);
        free(rows[i].url);
    }
    CHECK_INT(sim_ask_stats(s).syncs, 0);
    (void)close(fd);
    raw_full_port_close(&full);
}

TEST(a_request_that_was_sent_is_not_refunded)
{
    static const struct {
        const char *options[3];
        lock_sync_status status;
    } rows[] = {{{"--fault", "reset"}, LOCK_SYNC_E_NETWORK}, {{"--delay-ms", "5000"}, LOCK_SYNC_E_TIMEOUT}};

    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        sim *s = t_later(release_sim, sim_start(rows[i].options));
        lock_sync_ctx *ctx = ctx_at(sim_url(s), 10000);

        t_row("%s", rows[i].options[1]);
        CHECK_OK(lock_sync_set_timeout_ms(ctx, 300));
        CHECK_INT(fetch_all(ctx), rows[i].status);
        CHECK_INT(fetch_all(ctx), LOCK_SYNC_E_TOO_SOON);
        lock_sync_ctx_free(ctx);
    }
}
