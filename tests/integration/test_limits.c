/* Limits to the byte: for the decoded body, plain and compressed, and for the header. For larger sizes and for
   deadlines see the table of faults (tests/torture). */
#include "client.h"

#include "../support/gzip.h"

#include <stdlib.h>
#include <string.h>

/* Fetches a response with `header` (lines with their ends) and a body, with that limit. */
static void check_response(const char *header, const char *body, size_t size, uint64_t cap, lock_sync_status want)
{
    char *head = kit_text("HTTP/1.1 200 OK\r\nConnection: close\r\n%sContent-Length: %zu\r\n\r\n", header, size);
    const raw_step steps[] = {RAW_READ_REQUEST, RAW_SEND(head, strlen(head)), RAW_SEND(body, size), RAW_WAIT_FOR_CLOSE};
    served *s = served_begin(steps);

    MUST_OK(lock_sync_set_max_response_bytes(s->c.ctx, cap));
    expect_fetch(&s->c, want);
    MUST_OK(lock_sync_set_max_response_bytes(s->c.ctx, 1 << 20));
    expect_fetch(&s->c, LOCK_SYNC_OK);
    served_end(s);
    free(head);
}

/* Makes a good body of `size` bytes by spaces in front of it. */
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

TEST(a_decoded_body_may_be_as_large_as_the_cap_and_no_larger)
{
    static const size_t sizes[] = {200, 16384, 65536, 200000};
    static const char *const spellings[] = {"Content-Encoding: gzip\r\n", "content-encoding:GZIP  \r\n"};

    for (size_t i = 0; i < COUNT_OF(sizes); i++) {
        const char *gzip = spellings[i % 2];
        char *body = body_of(sizes[i]);
        size_t packed_size;
        char *packed = gzip_stored(body, sizes[i], &packed_size);

        t_row("%zu bytes", sizes[i]);
        check_response("", body, sizes[i], sizes[i], LOCK_SYNC_OK);
        check_response("", body, sizes[i], sizes[i] - 1, LOCK_SYNC_E_TOO_LARGE);
        check_response(gzip, packed, packed_size, sizes[i], LOCK_SYNC_OK);
        check_response(gzip, packed, packed_size, sizes[i] - 1, LOCK_SYNC_E_TOO_LARGE);
        free(packed);
        free(body);
    }
}

/* libcurl would decode each of these: it is the library that rejects some. */
TEST(a_coding_other_than_identity_and_one_gzip_is_malformed_though_it_decodes)
{
    static const char identity_gzip[] = "Content-Encoding: identity\r\nContent-Encoding: gzip\r\n";
    static const char two_lines[] = "Content-Encoding: gzip\r\nContent-Encoding: gzip\r\n";
    size_t size = strlen(raw_good_body);
    size_t once_size;
    size_t twice_size;
    char *once = gzip_stored(raw_good_body, size, &once_size);
    char *twice = gzip_stored(once, once_size, &twice_size);
    const struct {
        const char *header;
        const char *body;
        size_t size;
        lock_sync_status want;
    } table[] = {
        {"Content-Encoding: identity\r\n", raw_good_body, size, LOCK_SYNC_OK},
        {"Content-Encoding: gzip\r\n", once, once_size, LOCK_SYNC_OK},
        {identity_gzip, once, once_size, LOCK_SYNC_OK},
        {"Content-Encoding: gzip, gzip\r\n", twice, twice_size, LOCK_SYNC_E_MALFORMED},
        {two_lines, twice, twice_size, LOCK_SYNC_E_MALFORMED},
        {"Content-Encoding: x-gzip\r\n", once, once_size, LOCK_SYNC_E_MALFORMED},
        /* between gzip's head and tail is what many servers call deflate */
        {"Content-Encoding: deflate\r\n", once + 10, once_size - 18, LOCK_SYNC_E_MALFORMED},
        {"Content-Encoding: gzip, identity\r\n", once, once_size, LOCK_SYNC_E_MALFORMED},
    };

    for (size_t i = 0; i < COUNT_OF(table); i++) {
        t_row("%s", table[i].header);
        check_response(table[i].header, table[i].body, table[i].size, 1000, table[i].want);
    }
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
        check_response(line, raw_good_body, size, 1000, beyond == 0 ? LOCK_SYNC_OK : LOCK_SYNC_E_TOO_LARGE);
        free(line);
    }
}

/* The time limit for connecting does not apply to the response. */
TEST(a_short_connect_timeout_does_not_end_a_slow_response)
{
    const raw_step script[] = {RAW_READ_REQUEST, RAW_SEND(raw_good_response, 17),
                               RAW_SEND_SLOWLY(raw_good_response + 17, 5, 50),
                               RAW_SEND(raw_good_response + 22, strlen(raw_good_response) - 22), RAW_END};
    served *s = served_begin(script);

    MUST_OK(lock_sync_set_connect_timeout_ms(s->c.ctx, 200 * kit_slack()));
    expect_fetch(&s->c, LOCK_SYNC_OK);
    served_end(s);
}
