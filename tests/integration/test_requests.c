/* What a server gets to see: the request's bytes, and that nothing else is ever sent, be it to the server that was
   asked or to one that it names. */
#include "client.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <unistd.h>

#define REDIRECT_TEXT "HTTP/1.1 %d Go there\r\nLocation: %s/api/v37/my/lock/sync\r\nContent-Length: 0\r\n\r\n"

/* How many of the header lines of a request are exactly `line`. */
static size_t lines_like(const char *request, const char *line)
{
    char *with_ends = kit_text("\r\n%s\r\n", line);
    size_t count = kit_count(request, with_ends);

    free(with_ends);
    return count;
}

/* The hexadecimal digits of escapes as capitals, which libcurl 8.23 makes of them: the same to a server. */
static void capitalise_escapes(char *line)
{
    for (char *at = strchr(line, '%'); at != NULL; at = strchr(at + 1, '%'))
        for (size_t i = 1; i <= 2 && at[i] != '\0'; i++)
            at[i] = (char)toupper((unsigned char)at[i]);
}

static void check_request(const char *request, const char *first_line, const char *host, const char *authorization,
                          const char *agent)
{
    const char *const lines[] = {host, authorization, agent, "Accept: application/json", "Accept-Encoding: gzip"};
    size_t size = strlen(request);

    MUST(strncmp(request, first_line, strlen(first_line)) == 0);
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++)
        if (lines_like(request, lines[i]) != 1)
            fail_msg("not once \"%s\" in:\n%s", lines[i], request);
    MUST_INT(kit_count(request, "\r\n"), 7); /* the request line, five lines, the blank line: nothing else */
    MUST(size > 4 && strcmp(request + size - 4, "\r\n\r\n") == 0);
}

TEST(a_request_is_these_bytes_and_no_others)
{
    static const int64_t ids[] = {7, INT64_MAX, 7, 1};
    raw_server *server = raw_start(AF_INET, NULL, 0);
    char *base = kit_text("%s/x/./y/../%%2e%%2E//z/", raw_url(server));
    char *host = kit_text("Host: 127.0.0.1:%u", raw_port(server));
    client c = client_new(base);
    lock_sync_results *r;
    char *seen;

    expect_status(&c, lock_sync_fetch(c.ctx, ids, 4, &r), LOCK_SYNC_OK);
    MUST_INT(lock_sync_results_missing_count(r), 3);
    lock_sync_results_free(r);
    seen = raw_received(server, 0);
    capitalise_escapes(seen);
    check_request(seen, "GET /x/./y/../%2E%2E//z/api/v37/my/lock/sync?id=7&id=9223372036854775807&id=1 HTTP/1.1\r\n",
                  host, "Authorization: PersonalKey " KEY, "User-Agent: libgetlock-sync/0.1.0");
    free(seen);
    client_free(&c);
    raw_stop(server);
    free(host);
    free(base);
}

TEST(so_is_one_for_one_lock_with_all_settings)
{
    raw_server *server = raw_start(AF_INET6, NULL, 0);
    char *host = kit_text("Host: [::1]:%u", raw_port(server));
    client c = client_new(raw_url(server));
    lock_sync_results *r;
    char *seen;

    MUST_OK(lock_sync_set_access_token(c.ctx, TOKEN));
    MUST_OK(lock_sync_set_user_agent(c.ctx, "acme-hub/2.1"));
    MUST_OK(lock_sync_set_api_version(c.ctx, "v1.36"));
    expect_status(&c, lock_sync_fetch_one(c.ctx, 1001, &r), LOCK_SYNC_OK);
    lock_sync_results_free(r);
    seen = raw_received(server, 0);
    check_request(seen, "GET /api/v1.36/my/lock/1001/sync HTTP/1.1\r\n", host, "Authorization: Bearer " TOKEN,
                  "User-Agent: acme-hub/2.1 libgetlock-sync/0.1.0");
    free(seen);
    client_free(&c);
    raw_stop(server);
    free(host);
}

TEST(a_changed_credential_replaces_the_one_sent_before)
{
    raw_server *server = raw_start(AF_INET, NULL, 0);
    client c = client_new(raw_url(server));
    char *seen;

    expect_fetch(&c, LOCK_SYNC_OK);
    MUST_OK(lock_sync_set_access_token(c.ctx, TOKEN));
    expect_fetch(&c, LOCK_SYNC_OK);
    MUST_OK(lock_sync_set_access_token(c.ctx, NULL));
    expect_fetch(&c, LOCK_SYNC_E_NO_CREDENTIAL);
    MUST_OK(lock_sync_set_personal_key(c.ctx, KEY "-new"));
    expect_fetch(&c, LOCK_SYNC_OK);
    MUST_INT(raw_connections(server), 1);
    MUST_INT(raw_requests(server), 3);
    seen = raw_received(server, 0);
    MUST_INT(kit_count(seen, "Authorization: "), 3);
    MUST_INT(lines_like(seen, "Authorization: PersonalKey " KEY), 1);
    MUST_INT(lines_like(seen, "Authorization: Bearer " TOKEN), 1);
    MUST_INT(lines_like(seen, "Authorization: PersonalKey " KEY "-new"), 1);
    free(seen);
    client_free(&c);
    raw_stop(server);
}

/* --- what an answer cannot bring about --- */

TEST(a_redirect_is_not_followed)
{
    static const int codes[] = {301, 302, 303, 307, 308};

    for (size_t i = 0; i < sizeof codes / sizeof *codes; i++) {
        raw_server *other = raw_start(AF_INET, NULL, 0);
        char *text = kit_text(REDIRECT_TEXT, codes[i], raw_url(other));
        const raw_step steps[] = {RAW_READ_REQUEST, RAW_SEND(text, strlen(text)), RAW_READ_REQUEST, RAW_ANSWER,
                                  RAW_END};
        const raw_step *const scripts[] = {steps};
        raw_server *server = raw_start(AF_INET, scripts, 1);
        client c = client_new(raw_url(server));

        expect_fetch(&c, LOCK_SYNC_E_HTTP);
        MUST_INT(error_http_status(&c), codes[i]);
        MUST_INT(raw_requests(server), 1);
        expect_fetch(&c, LOCK_SYNC_OK);
        MUST_INT(raw_connections(other), 0);
        client_free(&c);
        raw_stop(server);
        raw_stop(other);
        free(text);
    }
}

TEST(cookies_and_other_places_are_forgotten)
{
    raw_server *other = raw_start(AF_INET, NULL, 0);
    char *text = kit_text("HTTP/1.1 200 OK\r\nSet-Cookie: a=b-" SECRET
                          "; Path=/\r\nAlt-Svc: http/1.1=\"127.0.0.1:%u\"\r\n"
                          "Refresh: 0; url=%s\r\nContent-Length: %zu\r\n\r\n%s",
                          raw_port(other), raw_url(other), strlen(raw_good_body), raw_good_body);
    const raw_step steps[] = {RAW_READ_REQUEST, RAW_SEND(text, strlen(text)), RAW_READ_REQUEST, RAW_ANSWER,
                              RAW_WAIT_FOR_CLOSE};
    const raw_step *const scripts[] = {steps};
    raw_server *server = raw_start(AF_INET, scripts, 1);
    client c = client_new(raw_url(server));
    char *seen;

    expect_fetch_then_good(&c, LOCK_SYNC_OK);
    seen = raw_received(server, 0);
    MUST_INT(raw_requests(server), 2);
    MUST(strcasestr(seen, "cookie") == NULL);
    MUST_INT(raw_connections(other), 0);
    free(seen);
    client_free(&c);
    raw_stop(server);
    raw_stop(other);
    free(text);
}

TEST(demanded_authentication_is_not_negotiated)
{
    static const raw_step steps[] = {
        RAW_READ_REQUEST,
        RAW_SEND_TEXT("HTTP/1.1 401 No\r\nWWW-Authenticate: Basic realm=\"a\"\r\nWWW-Authenticate: Negotiate\r\n"
                      "WWW-Authenticate: Digest realm=\"a\", nonce=\"b\", qop=\"auth\"\r\nContent-Length: 0\r\n\r\n"),
        RAW_READ_REQUEST, RAW_ANSWER, RAW_WAIT_FOR_CLOSE};
    static const raw_step *const scripts[] = {steps};
    raw_server *server = raw_start(AF_INET, scripts, 1);
    client c = client_new(raw_url(server));

    expect_fetch(&c, LOCK_SYNC_E_UNAUTHORIZED);
    MUST_INT(raw_requests(server), 1);
    expect_fetch(&c, LOCK_SYNC_OK);
    client_free(&c);
    raw_stop(server);
}

/* An answer cannot bring the credential into a message or the log by echoing it. */
TEST(an_echoed_credential_is_struck_out)
{
    static const char body[] = "{\"success\":false,\"errorMessages\":[\"who is " KEY "?\",\"PersonalKey " KEY "\"]}";
    char *text = kit_text("HTTP/1.1 403 No " KEY "\r\nX-Correlation-ID: id-" KEY "\r\nContent-Length: %zu\r\n\r\n%s",
                          strlen(body), body);
    const raw_step steps[] = {RAW_READ_REQUEST, RAW_SEND(text, strlen(text)), RAW_READ_REQUEST, RAW_ANSWER,
                              RAW_WAIT_FOR_CLOSE};
    const raw_step *const scripts[] = {steps};
    raw_server *server = raw_start(AF_INET, scripts, 1);
    client c = client_new(raw_url(server));

    expect_fetch(&c, LOCK_SYNC_E_FORBIDDEN);
    MUST_INT(lock_sync_error_api_message_count(lock_sync_last_error(c.ctx)), 2);
    MUST_TEXT(lock_sync_error_api_message_at(lock_sync_last_error(c.ctx), 0), "who is ***?");
    expect_fetch(&c, LOCK_SYNC_OK);
    client_free(&c);
    raw_stop(server);
    free(text);
}

/* The same where the answer is good, and the line of the log tells its correlation id. */
TEST(an_echoed_credential_is_struck_out_of_a_good_answer_too)
{
    char *text = kit_text("HTTP/1.1 200 OK\r\nX-Correlation-ID: id-" KEY "\r\nContent-Length: %zu\r\n\r\n%s",
                          strlen(raw_good_body), raw_good_body);
    const raw_step steps[] = {RAW_READ_REQUEST, RAW_SEND(text, strlen(text)), RAW_READ_REQUEST, RAW_ANSWER,
                              RAW_WAIT_FOR_CLOSE};
    const raw_step *const scripts[] = {steps};
    raw_server *server = raw_start(AF_INET, scripts, 1);
    client c = client_new(raw_url(server));

    expect_fetch_then_good(&c, LOCK_SYNC_OK);
    client_free(&c);
    raw_stop(server);
    free(text);
}

/* --- what the user's home says --- */

TEST(files_of_the_home_directory_are_not_read)
{
    static const char *const names[] = {".netrc", "_netrc", ".curlrc", ".hsts"};
    char *home = kit_temp_dir();
    const char *old = getenv("HOME");
    char *old_copy = old == NULL ? NULL : kit_text("%s", old);
    int watch = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
    raw_server *server = raw_start(AF_INET, NULL, 0);
    client c = client_new(raw_url(server));
    char events[4096];
    char *seen;

    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        static const char text[] = "machine 127.0.0.1 login root password netrc-" SECRET "\n";
        char *path = kit_text("%s/%s", home, names[i]);

        kit_write_file(path, text, sizeof text - 1);
        MUST(inotify_add_watch(watch, path, IN_OPEN | IN_ACCESS) >= 0);
        free(path);
    }
    MUST_INT(setenv("HOME", home, 1), 0);
    MUST_OK(lock_sync_set_personal_key(c.ctx, KEY));
    expect_fetch(&c, LOCK_SYNC_OK);
    MUST(read(watch, events, sizeof events) < 0); /* nothing was opened */
    seen = raw_received(server, 0);
    MUST_INT(kit_count(seen, "Authorization:"), 1);
    MUST(strstr(seen, "Basic") == NULL);
    free(seen);
    client_free(&c);
    raw_stop(server);
    (void)close(watch);
    MUST_INT(old == NULL ? unsetenv("HOME") : setenv("HOME", old_copy, 1), 0);
    free(old_copy);
    kit_remove_dir(home);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(a_request_is_these_bytes_and_no_others),
        T(so_is_one_for_one_lock_with_all_settings),
        T(a_changed_credential_replaces_the_one_sent_before),
        T(a_redirect_is_not_followed),
        T(cookies_and_other_places_are_forgotten),
        T(demanded_authentication_is_not_negotiated),
        T(an_echoed_credential_is_struck_out),
        T(an_echoed_credential_is_struck_out_of_a_good_answer_too),
        T(files_of_the_home_directory_are_not_read),
    };

    return T_MAIN(tests);
}
