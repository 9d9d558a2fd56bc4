/* Kept connections that the server ended, in every way, while nobody used them: no request is put on one, neither by a
   fetch that blocks nor in a pool. */
#include "accounts.h"

#include "../support/h2_lab.h"
#include "../support/pems.h"

#include <stdlib.h>
#include <string.h>

#define IDLE_MS 30

typedef struct row {
    const char *name;
    const h2_plan *plan;
    h2_end how;
} row;

static lock_sync_status fetch(account *a, lock_sync_pool *p)
{
    lock_sync_results *results = NULL;
    lock_sync_status status;

    if (p != NULL) {
        account_submit(a, p);
        pool_run_account(a);
        return a->status;
    }
    status = lock_sync_fetch(a->ctx, NULL, 0, &results);
    lock_sync_results_free(results);
    return status;
}

/* What the second fetch ends with, and whether it took a new connection, at once, for the one request. `idle_ms`: how
   long the pool is looked after meanwhile. */
static bool holds(const row *r, bool pooled, int64_t idle_ms)
{
    h2_lab *lab = h2_lab_start(pems->good, pems->key, r->plan, 1);
    lock_sync_pool *p = pooled ? pool_make() : NULL;
    account a = account_new(h2_lab_url(lab));
    lock_sync_status first;
    lock_sync_status second;
    char *fates;
    bool good;

    MUST_OK(lock_sync_set_ca_file(a.ctx, pems->ca));
    MUST_OK(lock_sync_set_timeout_ms(a.ctx, 3000 * kit_slack()));
    first = fetch(&a, p);
    h2_lab_end(lab, r->how);
    if (pooled && idle_ms > 0)
        (void)pool_run_for(p, idle_ms);
    second = fetch(&a, p);
    fates = h2_lab_fates(lab);
    good = first == LOCK_SYNC_OK && second == LOCK_SYNC_OK && strcmp(fates, "answered\nanswered\n") == 0 &&
           h2_lab_counts(lab).handshakes == 2;
    if (!good)
        print_error("%s, %s: %s, %s over %zu connections, requests:\n%s", r->name, pooled ? "in a pool" : "blocking",
                    lock_sync_status_name(first), lock_sync_status_name(second), h2_lab_counts(lab).handshakes, fates);
    free(fates);
    account_free(&a);
    if (pooled)
        pool_end(p);
    h2_lab_stop(lab);
    MUST_INT(stray_callbacks(), 0);
    return good;
}

static const h2_plan http1 = {.http1 = true};
static const h2_plan http2 = {0};

TEST(no_request_is_put_on_a_connection_that_was_ended)
{
    static const row rows[] = {
        {"HTTP/1.1, closed", &http1, H2_END_CLOSE},
        {"HTTP/1.1, close_notify and closed", &http1, H2_END_CLOSE_NOTIFY},
        {"HTTP/1.1, close_notify", &http1, H2_END_NOTIFY},
        {"HTTP/1.1, reset", &http1, H2_END_RESET},
        {"HTTP/2, closed", &http2, H2_END_CLOSE},
        {"HTTP/2, close_notify and closed", &http2, H2_END_CLOSE_NOTIFY},
        {"HTTP/2, close_notify", &http2, H2_END_NOTIFY},
        {"HTTP/2, reset", &http2, H2_END_RESET},
        {"HTTP/2, GOAWAY", &http2, H2_END_GOAWAY},
    };
    size_t failed = 0;

    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        failed += !holds(&rows[i], false, 0);
        failed += !holds(&rows[i], true, 0);
        failed += !holds(&rows[i], true, 20);
    }
    if (failed > 0)
        fail_msg("%zu of %zu", failed, 3 * COUNT_OF(rows));
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

/* Two contexts of one origin have different limits. Each fetch obeys the limit of its own context, also on a connection
   that the other context used last. Without a pool each context has a connection. */
static void check_idle(const h2_plan *plan, lock_sync_pool *p)
{
    h2_lab *lab = h2_lab_start(pems->good, pems->key, plan, 1);
    size_t each = p != NULL ? 0 : 1;
    account patient = account_new(h2_lab_url(lab));
    account impatient = account_new(h2_lab_url(lab));

    MUST_OK(lock_sync_set_ca_file(patient.ctx, pems->ca));
    MUST_OK(lock_sync_set_ca_file(impatient.ctx, pems->ca));
    MUST_OK(lock_sync_set_max_idle_ms(impatient.ctx, IDLE_MS - 1));
    MUST_OK(fetch(&impatient, p));
    MUST_OK(fetch(&patient, p));
    let_idle(p);
    MUST_OK(fetch(&patient, p));
    MUST_INT(h2_lab_counts(lab).connections, 1 + each); /* young enough for that one */
    let_idle(p);
    MUST_OK(fetch(&impatient, p));
    MUST_INT(h2_lab_counts(lab).connections, 2 + each);
    MUST_OK(fetch(&patient, p));
    MUST_INT(h2_lab_counts(lab).connections, 2 + each);
    MUST_OK(lock_sync_set_max_idle_ms(impatient.ctx, KIT_PATIENCE_MS));
    MUST_OK(fetch(&impatient, p));
    MUST_INT(h2_lab_counts(lab).connections, 2 + each);
    MUST_INT(h2_lab_counts(lab).requests, 6); /* none was sent twice */
    account_free(&patient);
    account_free(&impatient);
    h2_lab_stop(lab);
}

TEST(a_connection_that_was_idle_for_too_long_is_not_used_again)
{
    const h2_plan *const plans[] = {&http1, &http2};

    for (size_t i = 0; i < COUNT_OF(plans); i++) {
        lock_sync_pool *p = pool_make();

        check_idle(plans[i], NULL);
        check_idle(plans[i], p);
        pool_end(p);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(a_connection_that_was_idle_for_too_long_is_not_used_again),
        T(no_request_is_put_on_a_connection_that_was_ended),
    };

    return T_MAIN_IN(tests, pems_make, pems_free);
}
