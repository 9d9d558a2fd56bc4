/* Limits to the byte: the cap on the decoded body, plain and compressed, and on the header. What lies far beyond them,
   and deadlines, stand in the table of faults (tests/torture). */
#include "client.h"

#include "../support/gzip.h"

#include <stdlib.h>
#include <string.h>

/* --- sizes --- */

/* One answer with `header` (lines, with their ends) and a body; the server that gives it, then good ones. */
typedef struct answer {
    char *header;
    raw_step steps[4];
    const raw_step *scripts[1];
    raw_server *server;
} answer;

static answer *answer_with(const char *header, const char *body, size_t size)
{
    answer *a = calloc(1, sizeof *a);
    const raw_step steps[4] = {RAW_READ_REQUEST, RAW_SEND(NULL, 0), RAW_SEND(body, size), RAW_WAIT_FOR_CLOSE};

    MUST(a != NULL);
    a->header = kit_text("HTTP/1.1 200 OK\r\nConnection: close\r\n%sContent-Length: %zu\r\n\r\n", header, size);
    memcpy(a->steps, steps, sizeof steps);
    a->steps[1].data = a->header;
    a->steps[1].size = strlen(a->header);
    a->scripts[0] = a->steps;
    a->server = raw_start(AF_INET, a->scripts, 1);
    return a;
}

static void answer_end(answer *a)
{
    raw_stop(a->server);
    free(a->header);
    free(a);
}

static void check_answer(const char *name, const char *header, const char *body, size_t size, uint64_t cap,
                         lock_sync_status want)
{
    answer *a = answer_with(header, body, size);
    client c = client_new(raw_url(a->server));

    MUST_OK(lock_sync_set_max_response_bytes(c.ctx, cap));
    expect_fetch_of(&c, want, name);
    MUST_OK(lock_sync_set_max_response_bytes(c.ctx, 1 << 20));
    expect_fetch_of(&c, LOCK_SYNC_OK, name);
    client_free(&c);
    answer_end(a);
}

/* A good body of `size` bytes: spaces may stand before it. */
static char *body_of(size_t size)
{
    size_t good = strlen(raw_good_body);
    char *body = malloc(size);

    MUST(body != NULL);
    MUST(size >= good);
    memset(body, ' ', size - good);
    memcpy(body + size - good, raw_good_body, good);
    return body;
}

TEST(a_body_may_be_as_large_as_the_cap_and_no_larger)
{
    static const size_t sizes[] = {200, 16384, 65536, 200000};

    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        char *body = body_of(sizes[i]);

        check_answer("at the cap", "", body, sizes[i], sizes[i], LOCK_SYNC_OK);
        check_answer("one beyond", "", body, sizes[i], sizes[i] - 1, LOCK_SYNC_E_TOO_LARGE);
        free(body);
    }
}

TEST(the_cap_counts_decoded_bytes)
{
    static const size_t sizes[] = {200, 16384, 65536, 200000};
    static const char *const spellings[] = {"Content-Encoding: gzip\r\n", "content-encoding:GZIP  \r\n"};

    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        const char *header = spellings[i % 2];
        char *body = body_of(sizes[i]);
        size_t packed_size;
        char *packed = gzip_stored(body, sizes[i], &packed_size);

        check_answer("at the cap, gzip", header, packed, packed_size, sizes[i], LOCK_SYNC_OK);
        check_answer("one beyond, gzip", header, packed, packed_size, sizes[i] - 1, LOCK_SYNC_E_TOO_LARGE);
        free(packed);
        free(body);
    }
}

TEST(identity_is_no_coding)
{
    size_t size = strlen(raw_good_body);
    size_t packed_size;
    char *packed = gzip_stored(raw_good_body, size, &packed_size);

    check_answer("identity", "Content-Encoding: identity\r\n", raw_good_body, size, 1000, LOCK_SYNC_OK);
    check_answer("identity and gzip", "Content-Encoding: identity\r\nContent-Encoding: gzip\r\n", packed, packed_size,
                 1000, LOCK_SYNC_OK);
    free(packed);
}

/* libcurl would decode each of these: that they are refused is the library's doing. */
TEST(a_coding_other_than_one_gzip_is_malformed_though_it_decodes)
{
    size_t size = strlen(raw_good_body);
    size_t once_size;
    size_t twice_size;
    char *once = gzip_stored(raw_good_body, size, &once_size);
    char *twice = gzip_stored(once, once_size, &twice_size);
    static const char two_lines[] = "Content-Encoding: gzip\r\nContent-Encoding: gzip\r\n";

    check_answer("gzip", "Content-Encoding: gzip\r\n", once, once_size, 1000, LOCK_SYNC_OK);
    check_answer("gzip, gzip", "Content-Encoding: gzip, gzip\r\n", twice, twice_size, 1000, LOCK_SYNC_E_MALFORMED);
    check_answer("gzip twice", two_lines, twice, twice_size, 1000, LOCK_SYNC_E_MALFORMED);
    check_answer("x-gzip", "Content-Encoding: x-gzip\r\n", once, once_size, 1000, LOCK_SYNC_E_MALFORMED);
    /* between gzip's head and tail stands what deflate is to many servers */
    check_answer("deflate", "Content-Encoding: deflate\r\n", once + 10, once_size - 18, 1000, LOCK_SYNC_E_MALFORMED);
    check_answer("gzip, identity", "Content-Encoding: gzip, identity\r\n", once, once_size, 1000,
                 LOCK_SYNC_E_MALFORMED);
    free(once);
    free(twice);
}

TEST(a_header_may_have_64_KiB_and_no_more)
{
    static const char start[] = "X-Padding: ";
    size_t size = strlen(raw_good_body);

    for (size_t beyond = 0; beyond < 2; beyond++) {
        size_t rest = strlen("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 146\r\n\r\n");
        char *line = malloc(65536 + 3);

        MUST(line != NULL);
        MUST(size >= 100 && size <= 999);
        memset(line, 'x', 65536);
        memcpy(line, start, strlen(start));
        strcpy(line + 65536 - rest - 2 + beyond, "\r\n");
        check_answer("header", line, raw_good_body, size, 1000, beyond == 0 ? LOCK_SYNC_OK : LOCK_SYNC_E_TOO_LARGE);
        free(line);
    }
}

/* The time to connect does not bound the answer. */
TEST(a_short_connect_timeout_does_not_cut_a_slow_answer)
{
    static const raw_step script[] = {RAW_READ_REQUEST, RAW_SEND(raw_good_answer, 17),
                                      RAW_SEND_SLOWLY(raw_good_answer + 17, 5, 50), RAW_SEND(raw_good_answer + 22, 0),
                                      RAW_END};
    raw_step steps[5];
    const raw_step *const scripts[] = {steps};
    raw_server *server;
    client c;

    memcpy(steps, script, sizeof script);
    steps[3].size = strlen(raw_good_answer) - 22;
    server = raw_start(AF_INET, scripts, 1);
    c = client_new(raw_url(server));
    MUST_OK(lock_sync_set_connect_timeout_ms(c.ctx, 200 * kit_slack()));
    expect_fetch(&c, LOCK_SYNC_OK);
    client_free(&c);
    raw_stop(server);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(a_body_may_be_as_large_as_the_cap_and_no_larger),
        T(the_cap_counts_decoded_bytes),
        T(identity_is_no_coding),
        T(a_coding_other_than_one_gzip_is_malformed_though_it_decodes),
        T(a_header_may_have_64_KiB_and_no_more),
        T(a_short_connect_timeout_does_not_cut_a_slow_answer),
    };

    return T_MAIN(tests);
}
