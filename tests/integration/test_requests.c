/* The bytes of a request, and that nothing else is ever sent, neither to the server nor to one that it names. */
#include "client.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <unistd.h>

/* Counts the header lines of a request that are exactly `line`. */
static size_t lines_like(const char *request, const char *line)
{
    char *with_ends = kit_text("\r\n%s\r\n", line);
    size_t count = kit_count(request, with_ends);

    free(with_ends);
    return count;
}

/* Changes the hexadecimal digits of escapes to capitals, as libcurl 8.23 does: a server treats both the same. */
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
    for (size_t i = 0; i < COUNT_OF(lines); i++)
        if (lines_like(request, lines[i]) != 1)
            fail_msg("expected once: \"%s\" in:\n%s", lines[i], request);
    MUST_INT(kit_count(request, "\r\n"), 7); /* the request line, five lines, the blank line: nothing else */
    MUST(size > 4 && strcmp(request + size - 4, "\r\n\r\n") == 0);
}

TEST(a_request_has_exactly_these_bytes)
{
    static const int64_t ids[] = {7, INT64_MAX, 7, 1};
    served *s = served_begin(NULL);
    char *base = kit_text("%s/x/./y/../%%2e%%2E//z/", raw_url(s->server));
    char *host = kit_text("Host: 127.0.0.1:%u", raw_port(s->server));
    lock_sync_results *r;
    char *seen;

    MUST_OK(lock_sync_set_base_url(s->c.ctx, base));
    expect_status(&s->c, lock_sync_fetch(s->c.ctx, ids, 4, &r), LOCK_SYNC_OK);
    lock_sync_results_free(r);
    seen = raw_received(s->server, 0);
    capitalise_escapes(seen);
    check_request(seen, "GET /x/./y/../%2E%2E//z/api/v37/my/lock/sync?id=7&id=9223372036854775807&id=1 HTTP/1.1\r\n",
                  host, "Authorization: PersonalKey " KEY, "User-Agent: libgetlock-sync/0.1.0");
    free(seen);
    served_end(s);
    free(host);
    free(base);
}

TEST(a_request_for_one_lock_with_all_settings_has_exactly_these_bytes)
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
    served *s = served_begin(NULL);
    char *seen;

    expect_fetch(&s->c, LOCK_SYNC_OK);
    MUST_OK(lock_sync_set_access_token(s->c.ctx, TOKEN));
    expect_fetch(&s->c, LOCK_SYNC_OK);
    MUST_OK(lock_sync_set_personal_key(s->c.ctx, KEY "-new"));
    expect_fetch(&s->c, LOCK_SYNC_OK);
    CHECK_INT(raw_connections(s->server), 1);
    CHECK_INT(raw_requests(s->server), 3);
    seen = raw_received(s->server, 0);
    CHECK_INT(kit_count(seen, "Authorization: "), 3);
    CHECK_INT(lines_like(seen, "Authorization: PersonalKey " KEY), 1);
    CHECK_INT(lines_like(seen, "Authorization: Bearer " TOKEN), 1);
    CHECK_INT(lines_like(seen, "Authorization: PersonalKey " KEY "-new"), 1);
    free(seen);
    served_end(s);
}

/* --- what a response cannot cause --- */

static char *response_text(const char *header, const char *body)
{
    return kit_text("HTTP/1.1 %sContent-Length: %zu\r\n\r\n%s", header, strlen(body), body);
}

/* Checks that the response has one effect, its status. No other server is contacted, and the next fetch succeeds. */
static void check_response(const char *name, char *text, lock_sync_status want)
{
    served *s = served_saying(text);
    char *seen;

    t_row("%s", name);
    expect_fetch(&s->c, want);
    CHECK_INT(raw_requests(s->server), 1);
    expect_fetch(&s->c, LOCK_SYNC_OK);
    CHECK_INT(raw_requests(s->server), 2);
    seen = raw_received(s->server, 0);
    CHECK(strcasestr(seen, "cookie") == NULL);
    CHECK_INT(kit_count(seen, "Authorization: PersonalKey " KEY "\r\n"), 2);
    free(seen);
    served_end(s);
}

TEST(no_response_causes_another_request)
{
    static const int codes[] = {301, 302, 303, 307, 308};
    raw_server *other = raw_start(AF_INET, NULL, 0);
    char *places = kit_text("200 OK\r\nSet-Cookie: a=b-" SECRET
                            "; Path=/\r\nAlt-Svc: http/1.1=\"127.0.0.1:%u\"\r\n"
                            "Refresh: 0; url=%s\r\n",
                            raw_port(other), raw_url(other));

    for (size_t i = 0; i < COUNT_OF(codes); i++) {
        char *to = kit_text("%d Go there\r\nLocation: %s/api/v37/my/lock/sync\r\n", codes[i], raw_url(other));

        check_response("a redirect", response_text(to, ""), LOCK_SYNC_E_HTTP);
        free(to);
    }
    check_response("a cookie and other places", response_text(places, raw_good_body), LOCK_SYNC_OK);
    check_response("a demand for authentication",
                   response_text("401 No\r\nWWW-Authenticate: Basic realm=\"a\"\r\nWWW-Authenticate: Negotiate\r\n"
                                 "WWW-Authenticate: Digest realm=\"a\", nonce=\"b\", qop=\"auth\"\r\n",
                                 ""),
                   LOCK_SYNC_E_UNAUTHORIZED);
    CHECK_INT(raw_connections(other), 0);
    raw_stop(other);
    free(places);
}

/* A response that echoes the credential must not bring it into a message or the log. expect_fetch() checks that. */
TEST(an_echoed_credential_is_redacted)
{
    static const char body[] = "{\"success\":false,\"errorMessages\":[\"who is " KEY
                               "?\","
                               "\"PersonalKey " KEY "\"]}";
    served *s = served_saying(response_text("403 No " KEY "\r\nX-Correlation-ID: id-" KEY "\r\n", body));

    expect_fetch(&s->c, LOCK_SYNC_E_FORBIDDEN);
    CHECK_INT(lock_sync_error_api_message_count(lock_sync_last_error(s->c.ctx)), 2);
    CHECK_TEXT(lock_sync_error_api_message_at(lock_sync_last_error(s->c.ctx), 0), "who is ***?");
    served_end(s);
    check_response("a good one", response_text("200 OK\r\nX-Correlation-ID: id-" KEY "\r\n", raw_good_body),
                   LOCK_SYNC_OK);
}

/* --- files in the user's home --- */

TEST(files_of_the_home_directory_are_not_read)
{
    static const char *const names[] = {".netrc", "_netrc", ".curlrc", ".hsts"};
    char *home = kit_temp_dir();
    const char *old = getenv("HOME");
    char *old_copy = old == NULL ? NULL : kit_text("%s", old);
    int watch = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
    served *s = served_begin(NULL);
    char events[4096];
    char *seen;

    for (size_t i = 0; i < COUNT_OF(names); i++) {
        static const char text[] = "machine 127.0.0.1 login root password netrc-" SECRET "\n";
        char *path = kit_text("%s/%s", home, names[i]);

        kit_write_file(path, text, sizeof text - 1);
        MUST(inotify_add_watch(watch, path, IN_OPEN | IN_ACCESS) >= 0);
        free(path);
    }
    MUST_INT(setenv("HOME", home, 1), 0);
    expect_fetch(&s->c, LOCK_SYNC_OK);
    CHECK(read(watch, events, sizeof events) < 0); /* no file was opened */
    seen = raw_received(s->server, 0);
    CHECK_INT(kit_count(seen, "Authorization:"), 1);
    CHECK_LACKS(seen, "Basic");
    free(seen);
    served_end(s);
    (void)close(watch);
    MUST_INT(old == NULL ? unsetenv("HOME") : setenv("HOME", old_copy, 1), 0);
    free(old_copy);
    kit_remove_dir(home);
}
