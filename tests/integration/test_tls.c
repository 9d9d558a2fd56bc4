/* TLS: which servers are trusted, whatever the system or the environment says. The servers are simulators and, for
   old TLS, openssl s_server; support/interpose.c replaces the system's certificates. Plain libcurl accepts the same
   servers, which shows that the library rejects them. */
#include "client.h"

#include "../support/child.h"
#include "../support/interpose.h"
#include "../support/pems.h"

#include <curl/curl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static sim *good;    /* signed by pems->ca */
static sim *unknown; /* signed by pems->other_ca */

static int begin_all(void **user)
{
    (void)pems_make(user);
    good = sim_start_tls(pems->good, pems->key);
    unknown = sim_start_tls(pems->unknown, pems->key);
    return 0;
}

static int end_all(void **user)
{
    sim_stop(good, NULL);
    sim_stop(unknown, NULL);
    return pems_free(user);
}

static int restore(void **user)
{
    (void)user;
    trust_replace_defaults(NULL, NULL);
    resolver_set_address(NULL);
    (void)unsetenv("SSL_CERT_FILE");
    (void)unsetenv("SSL_CERT_DIR");
    return 0;
}

static size_t drop(char *data, size_t one, size_t size, void *user)
{
    (void)data, (void)one, (void)user;
    return size;
}

/* Fetches with libcurl's defaults except for the CA file (NULL: the default, too) and the lowest TLS version. */
static CURLcode plain_libcurl(const char *url, const char *ca_file, long version)
{
    CURL *easy = curl_easy_init();
    CURLcode code;

    MUST(easy != NULL);
    MUST_INT(curl_easy_setopt(easy, CURLOPT_URL, url), CURLE_OK);
    MUST_INT(curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L), CURLE_OK);
    MUST_INT(curl_easy_setopt(easy, CURLOPT_SSLVERSION, version), CURLE_OK);
    MUST_INT(curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, drop), CURLE_OK);
    if (ca_file != NULL)
        MUST_INT(curl_easy_setopt(easy, CURLOPT_CAINFO, ca_file), CURLE_OK);
    code = curl_easy_perform(easy);
    curl_easy_cleanup(easy);
    return code;
}

/* --- certificates --- */

TEST_IN(names_and_addresses_of_the_certificate_are_good, NULL, restore)
{
    char *by_localhost = kit_text("https://localhost:%u", sim_port(good));
    char *by_name = kit_text("https://service.test:%u", sim_port(good));
    client c = client_trusting(sim_url(good), pems->ca);

    resolver_set_address("127.0.0.1");
    expect_fetch_then_good(&c, LOCK_SYNC_OK);
    expect_good_at(&c, by_localhost);
    expect_good_at(&c, by_name);
    client_free(&c);
    free(by_localhost);
    free(by_name);
}

TEST_IN(a_server_with_a_bad_certificate_is_rejected, NULL, restore)
{
    const char *const rows[] = {pems->expired, pems->wrong_host, pems->unknown};

    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        sim *server = sim_start_tls(rows[i], pems->key);
        client c = client_trusting(sim_url(server), pems->ca);
        sim_stats stats;

        expect_fetch_in_row(&c, LOCK_SYNC_E_TLS, rows[i]);
        CHECK_INT(error_http_status(&c), 0);
        expect_good_at(&c, sim_url(good));
        client_free(&c);
        sim_stop(server, &stats);
        CHECK_INT(stats.requests, 0);
    }
}

TEST_IN(a_name_that_is_not_in_the_certificate_is_rejected, NULL, restore)
{
    char *url = kit_text("https://other.test:%u", sim_port(good));
    client c = client_trusting(url, pems->ca);

    resolver_set_address("127.0.0.1");
    expect_fetch(&c, LOCK_SYNC_E_TLS);
    expect_good_at(&c, sim_url(good));
    client_free(&c);
    free(url);
}

/* --- the CA file --- */

TEST_IN(an_unusable_ca_file_is_a_tls_error, NULL, restore)
{
    char *missing = kit_text("%s/missing.pem", pems->dir);
    char *empty = kit_text("%s/empty.pem", pems->dir);
    const char *const rows[] = {missing, empty, pems->key, pems->dir};
    client c = client_new(sim_url(good));

    kit_write_file(empty, "", 0);
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        MUST_OK(lock_sync_set_ca_file(c.ctx, rows[i]));
        expect_fetch_in_row(&c, LOCK_SYNC_E_TLS, rows[i]);
        MUST_OK(lock_sync_set_ca_file(c.ctx, pems->ca));
        expect_fetch_in_row(&c, LOCK_SYNC_OK, rows[i]);
    }
    client_free(&c);
    free(missing);
    free(empty);
}

/* The file is read for each new connection. A connection with another trust is not reused. */
TEST_IN(a_changed_ca_file_applies_to_the_next_fetch, NULL, restore)
{
    client c = client_trusting(sim_url(good), pems->ca);

    expect_fetch(&c, LOCK_SYNC_OK);
    MUST_OK(lock_sync_set_ca_file(c.ctx, pems->other_ca));
    expect_fetch(&c, LOCK_SYNC_E_TLS);
    expect_good_at(&c, sim_url(unknown));
    MUST_OK(lock_sync_set_ca_file(c.ctx, pems->ca));
    expect_fetch(&c, LOCK_SYNC_E_TLS);
    expect_good_at(&c, sim_url(good));
    client_free(&c);
}

/* --- the system's trust --- */

TEST_IN(the_systems_trust_applies_by_default, NULL, restore)
{
    client c = client_new(sim_url(unknown));
    size_t loads = trust_default_file_loads();

    expect_fetch(&c, LOCK_SYNC_E_TLS); /* the real bundle does not know the tests' authority */
    client_free(&c);
    trust_replace_defaults(pems->other_ca, NULL);
    c = client_new(sim_url(unknown));
    expect_fetch(&c, LOCK_SYNC_OK);
    MUST(trust_default_file_loads() > loads);
    client_free(&c);
}

/* Plain libcurl accepts the server, so it is the library that rejects it. */
TEST_IN(a_ca_file_replaces_the_systems_bundle_and_directory, NULL, restore)
{
    client c = client_trusting(sim_url(unknown), pems->ca);
    size_t loads;

    trust_replace_defaults(pems->other_ca, NULL);
    MUST_INT(plain_libcurl(sim_url(unknown), NULL, CURL_SSLVERSION_DEFAULT), CURLE_OK);
    expect_fetch(&c, LOCK_SYNC_E_TLS);
    trust_replace_defaults(NULL, pems->hashed_dir);
    MUST_INT(plain_libcurl(sim_url(unknown), pems->ca, CURL_SSLVERSION_DEFAULT), CURLE_OK);
    loads = trust_default_dir_loads();
    expect_fetch(&c, LOCK_SYNC_E_TLS);
    MUST_OK(lock_sync_set_ca_file(c.ctx, NULL)); /* the directory is not read by default either */
    expect_fetch(&c, LOCK_SYNC_E_TLS);
    CHECK_INT(trust_default_dir_loads(), loads);
    client_free(&c);
}

TEST_IN(the_environments_trust_is_not_used, NULL, restore)
{
    client c = client_trusting(sim_url(unknown), pems->ca);

    MUST_INT(setenv("SSL_CERT_FILE", pems->other_ca, 1), 0);
    MUST_INT(setenv("SSL_CERT_DIR", pems->hashed_dir, 1), 0);
    expect_fetch(&c, LOCK_SYNC_E_TLS);
    MUST_OK(lock_sync_set_ca_file(c.ctx, NULL)); /* not by default either */
    expect_fetch(&c, LOCK_SYNC_E_TLS);
    client_free(&c);
}

/* --- the handshake --- */

/* Starts a server that supports only this version of TLS. */
static child *old_server(const char *version, uint16_t *port)
{
    const char *const argv[] = {"openssl", "s_server", "-accept", "127.0.0.1:0",     "-cert", pems->good, "-key",
                                pems->key, version,    "-cipher", "ALL:@SECLEVEL=0", "-www",  NULL};
    child *c = child_start(argv, true);
    char *line = child_line(c, "ACCEPT 127.0.0.1:", KIT_PATIENCE_MS);

    if (line == NULL)
        kit_die("openssl s_server does not listen");
    *port = (uint16_t)strtoul(strchr(line, ':') + 1, NULL, 10);
    free(line);
    return c;
}

/* openssl.cnf in this directory lets OpenSSL accept old TLS: it is the library that rejects it. */
TEST_IN(tls_before_1_2_is_rejected, NULL, restore)
{
    uint16_t port;
    child *server = old_server("-tls1_1", &port);
    char *url = kit_text("https://127.0.0.1:%u", port);
    client c = client_trusting(url, pems->ca);

    MUST_INT(plain_libcurl(url, pems->ca, CURL_SSLVERSION_TLSv1_1), CURLE_OK);
    expect_fetch(&c, LOCK_SYNC_E_TLS);
    expect_good_at(&c, sim_url(good));
    client_free(&c);
    free(child_stop(server, SIGTERM, NULL));
    free(url);
}

int main(void)
{
    return t_run_all_in(begin_all, end_all);
}
