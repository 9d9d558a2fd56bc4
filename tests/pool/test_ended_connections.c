/* Kept connections that the server ended in every way while they were idle: neither a blocking fetch nor a pool
   sends a request on one. */
#include "labs.h"

#define IDLE_MS 30

/* Checks that the second fetch opens a new connection at once and sends one request. The pool is run for `idle_ms` in
   between. */
static void check_end_of(const h2_plan *plan, h2_end how, bool pooled, int64_t idle_ms)
{
    h2_lab *lab = stage_lab(plan, 1);
    lock_sync_pool *p = pooled ? stage_pool() : NULL;
    account *a = stage_secure_account(h2_lab_url(lab));

    MUST_OK(lock_sync_set_timeout_ms(a->ctx, 3000 * kit_slack()));
    CHECK_OK(account_fetch(a, p));
    h2_lab_end(lab, how);
    if (pooled && idle_ms > 0)
        (void)pool_run_for(p, idle_ms);
    CHECK_OK(account_fetch(a, p));
    CHECK_TEXT(stage_fates(lab), "responded\nresponded\n");
    CHECK_INT(h2_lab_counts(lab).handshakes, 2);
    (void)stage_clear(NULL);
}

TEST_ON_STAGE(no_request_is_sent_on_a_connection_that_was_ended)
{
    static const struct {
        const char *name;
        const h2_plan *plan;
        h2_end how;
    } rows[] = {
        {"HTTP/1.1, closed", &plan_http1, H2_END_CLOSE},
        {"HTTP/1.1, close_notify and closed", &plan_http1, H2_END_CLOSE_NOTIFY},
        {"HTTP/1.1, close_notify", &plan_http1, H2_END_NOTIFY},
        {"HTTP/1.1, reset", &plan_http1, H2_END_RESET},
        {"HTTP/2, closed", &plan_http2, H2_END_CLOSE},
        {"HTTP/2, close_notify and closed", &plan_http2, H2_END_CLOSE_NOTIFY},
        {"HTTP/2, close_notify", &plan_http2, H2_END_NOTIFY},
        {"HTTP/2, reset", &plan_http2, H2_END_RESET},
        {"HTTP/2, GOAWAY", &plan_http2, H2_END_GOAWAY},
    };

    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        t_row("%s, blocking", rows[i].name);
        check_end_of(rows[i].plan, rows[i].how, false, 0);
        t_row("%s, in a pool", rows[i].name);
        check_end_of(rows[i].plan, rows[i].how, true, 0);
        t_row("%s, in a pool that runs meanwhile", rows[i].name);
        check_end_of(rows[i].plan, rows[i].how, true, 20);
    }
}

static bool never(void *unused)
{
    (void)unused;
    return false;
}

static void let_idle(lock_sync_pool *p)
{
    if (p != NULL)
        (void)pool_run_for(p, IDLE_MS);
    else
        (void)kit_wait(never, NULL, IDLE_MS);
}

/* Checks two contexts of one origin that have different limits. Each fetch follows the limit of its own context, also
   on a connection that the other context used last. Without a pool each context has a connection. */
static void check_idle(const h2_plan *plan, lock_sync_pool *p)
{
    h2_lab *lab = stage_lab(plan, 1);
    size_t each = p != NULL ? 0 : 1;
    account *patient = stage_secure_account(h2_lab_url(lab));
    account *impatient = stage_secure_account(h2_lab_url(lab));

    MUST_OK(lock_sync_set_max_idle_ms(impatient->ctx, IDLE_MS - 1));
    MUST_OK(account_fetch(impatient, p));
    MUST_OK(account_fetch(patient, p));
    let_idle(p);
    MUST_OK(account_fetch(patient, p));
    CHECK_INT(h2_lab_counts(lab).connections, 1 + each); /* young enough for this context */
    let_idle(p);
    MUST_OK(account_fetch(impatient, p));
    CHECK_INT(h2_lab_counts(lab).connections, 2 + each);
    MUST_OK(account_fetch(patient, p));
    CHECK_INT(h2_lab_counts(lab).connections, 2 + each);
    MUST_OK(lock_sync_set_max_idle_ms(impatient->ctx, KIT_PATIENCE_MS));
    MUST_OK(account_fetch(impatient, p));
    CHECK_INT(h2_lab_counts(lab).connections, 2 + each);
    CHECK_INT(h2_lab_counts(lab).requests, 6); /* no request was sent twice */
}

TEST_ON_STAGE(a_connection_that_was_idle_for_too_long_is_not_reused)
{
    const h2_plan *const plans[] = {&plan_http1, &plan_http2};

    for (size_t i = 0; i < COUNT_OF(plans); i++) {
        t_row("%s, blocking", i == 0 ? "HTTP/1.1" : "HTTP/2");
        check_idle(plans[i], NULL);
        t_row("%s, in a pool", i == 0 ? "HTTP/1.1" : "HTTP/2");
        check_idle(plans[i], stage_pool());
    }
}

static bool has_none_open(void *user)
{
    return relay_open_connections(user) == 0;
}

/* libcurl counts whole seconds. */
TEST_ON_STAGE(a_fetch_closes_connections_of_other_origins_that_were_idle_for_too_long)
{
    h2_lab *lab = stage_lab(&plan_http2, 1);
    relay *r = stage_relay(h2_lab_port(lab));
    lock_sync_pool *p = stage_pool();
    account *patient = stage_secure_account(relay_url(r));
    account *impatient = stage_account(raw_url(stage_server(NULL, 0)));

    MUST_OK(lock_sync_set_max_idle_ms(impatient->ctx, 100));
    expect_fetch(patient, p, LOCK_SYNC_OK);
    (void)pool_run_for(p, 2500);
    expect_fetch(impatient, p, LOCK_SYNC_OK);
    CHECK(kit_wait(has_none_open, r, KIT_PATIENCE_MS));
}

int main(void)
{
    return t_run_all_in(pems_make, pems_free);
}
