/* TLS sessions that the server does not resume on a new connection. */
#include "client.h"

#include "../support/curl_flavour.h"
#include "../support/h2_lab.h"
#include "../support/pems.h"

static const h2_plan http2 = {0};
static const h2_plan http1 = {.http1 = true};
static const h2_plan *const plans[] = {&http1, &http2};

static client client_of(const h2_lab *lab)
{
    client c = client_trusting(h2_lab_url(lab), pems->ca);

    MUST_OK(lock_sync_set_timeout_ms(c.ctx, 3000 * kit_slack()));
    return c;
}

/* Fetches over a new connection. */
static lock_sync_status fetch_anew(h2_lab *lab, const client *c)
{
    h2_lab_end(lab, H2_END_CLOSE);
    return client_fetch(c);
}

TEST(a_session_that_the_server_forgot_costs_only_a_handshake)
{
    t_need(!curl_has_gnutls(), "libcurl with GnuTLS resumes no session if the lowest TLS version is set");
    for (size_t i = 0; i < 2; i++) {
        h2_lab *lab = h2_lab_start(pems->good, pems->key, plans[i], 1);
        client c = client_of(lab);

        expect_fetch(&c, LOCK_SYNC_OK);
        h2_lab_sessions(lab, H2_SESSIONS_FORGET);
        expect_status(&c, fetch_anew(lab, &c), LOCK_SYNC_OK);
        MUST_INT(h2_lab_counts(lab).resumed, 0);
        h2_lab_sessions(lab, H2_SESSIONS_RESUME);
        expect_status(&c, fetch_anew(lab, &c), LOCK_SYNC_OK);
        if (i == 0) /* libcurl 7.88 offers no session for HTTP/2 */
            MUST_INT(h2_lab_counts(lab).resumed, 1);
        MUST_INT(h2_lab_counts(lab).handshakes, 3);
        client_free(&c);
        h2_lab_stop(lab);
    }
}

/* The session is not tried a second time. */
TEST(a_session_that_breaks_the_handshake_fails_at_most_one_fetch)
{
    for (size_t i = 0; i < 2; i++) {
        h2_lab *lab = h2_lab_start(pems->good, pems->key, plans[i], 1);
        client c = client_of(lab);
        lock_sync_status status;

        expect_fetch(&c, LOCK_SYNC_OK);
        h2_lab_sessions(lab, H2_SESSIONS_BREAK);
        status = fetch_anew(lab, &c);
        expect_status(&c, status, status == LOCK_SYNC_OK ? LOCK_SYNC_OK : LOCK_SYNC_E_TLS);
        if (i == 0 && !curl_has_gnutls())
            MUST(h2_lab_counts(lab).handshakes > h2_lab_counts(lab).connections);
        expect_fetch(&c, LOCK_SYNC_OK);
        MUST_INT(h2_lab_counts(lab).requests, status == LOCK_SYNC_OK ? 3 : 2);
        client_free(&c);
        h2_lab_stop(lab);
    }
}

int main(void)
{
    return t_run_all_in(pems_make, pems_free);
}
