/* A complete response through the public functions: status, headers, body. The outcome must be consistent, contain no
   secret and leak nothing.

   Input, in lines: a letter for the requested locks (see fuzz_ask) and the HTTP status. Then `Name: value` adds a
   header, `@N` sets the arrival time, `%N` the limit on the body, `#N` the allocation that fails. An empty line,
   then the body. */
#include "fuzz.h"

#include "../support/t_heap.h"

#include <stdlib.h>
#include <string.h>

#define SECRET "sEcReT-4711"
#define PIECE_BYTES 100 /* the body arrives in pieces */

typedef struct reply {
    int32_t http;
    lock_sync_status failed; /* the status of filling the response */
    size_t fail_in;
    const char *body;
    size_t size;
} reply;

static int64_t number_of(const char *text)
{
    int64_t value = 0;

    for (; *text >= '0' && *text <= '9' && value < INT64_MAX / 10 - 9; text++)
        value = value * 10 + (*text - '0');
    return value;
}

static void note(reply *a, lock_sync_status status)
{
    if (status != LOCK_SYNC_E_INVALID_ARGUMENT && a->failed == LOCK_SYNC_OK)
        a->failed = status;
}

/* Reads the lines before the empty one. */
static void fill_head(fuzz_input *in, lock_sync_response *s, reply *a)
{
    for (size_t size = 1; in->left > 0 && size > 0;) {
        char *line = fuzz_text_to(in, '\n', &size);
        char *colon = strchr(line, ':');

        if (line[0] == '@')
            (void)lock_sync_response_set_received_at_ms(s, number_of(line + 1));
        else if (line[0] == '#')
            a->fail_in = (size_t)number_of(line + 1) % 64;
        else if (colon != NULL) {
            *colon = '\0';
            note(a, lock_sync_response_add_header(s, line, colon + 1));
        }
        free(line);
    }
}

/* Sets the limit from `%N`, which may be in any line of the head. A response takes the limit from its context, so it is
   read first. */
static void set_cap(lock_sync_ctx *ctx, fuzz_input in)
{
    for (size_t size = 1; in.left > 0 && size > 0;) {
        char *line = fuzz_text_to(&in, '\n', &size);

        if (line[0] == '%')
            (void)lock_sync_set_max_response_bytes(ctx, (uint64_t)number_of(line + 1));
        free(line);
    }
}

static void fill_body(fuzz_input *in, lock_sync_response *s, reply *a)
{
    a->body = (const char *)in->at;
    a->size = in->left;
    for (size_t at = 0; at < a->size; at += PIECE_BYTES) {
        size_t left = a->size - at;

        note(a, lock_sync_response_append_body(s, a->body + at, left < PIECE_BYTES ? left : PIECE_BYTES));
    }
}

/* Returns the statuses that are possible for a response, as bits. */
static uint32_t possible(const reply *a)
{
#define BIT(status) (1u << LOCK_SYNC_##status)
    const uint32_t errors = BIT(E_RATE_LIMITED) | BIT(E_UNAUTHORIZED) | BIT(E_FORBIDDEN) | BIT(E_NOT_FOUND) |
                            BIT(E_SERVER) | BIT(E_API);

    if (a->failed != LOCK_SYNC_OK)
        return 1u << a->failed;
    if (a->http < 100 || a->http > 999)
        return BIT(E_INVALID_ARGUMENT);
    if (a->http / 100 == 2)
        return BIT(OK) | BIT(E_MALFORMED) | errors;
    if (a->http / 100 == 5)
        return BIT(E_SERVER);
    return a->http == 401   ? BIT(E_UNAUTHORIZED)
           : a->http == 403 ? BIT(E_FORBIDDEN)
           : a->http == 404 ? BIT(E_NOT_FOUND)
           : a->http == 429 ? BIT(E_RATE_LIMITED)
                            : BIT(E_HTTP);
#undef BIT
}

static bool has_secret(const char *text)
{
    return text != NULL && strstr(text, SECRET) != NULL;
}

static bool is_one_line(const char *text)
{
    for (const unsigned char *c = (const unsigned char *)text; *c != '\0'; c++)
        if (*c < 0x20 || *c == 0x7f)
            return false;
    return true;
}

static bool is_ascii(const char *text)
{
    for (const unsigned char *c = (const unsigned char *)text; *c != '\0'; c++)
        if (*c > 0x7e)
            return false;
    return true;
}

static void check_error(const lock_sync_error *e, lock_sync_status status, const reply *a)
{
    const char *message = lock_sync_error_message(e);
    const char *correlation_id = lock_sync_error_correlation_id(e);
    int64_t wait_ms = lock_sync_error_retry_after_ms(e);
    int64_t offset = lock_sync_error_byte_offset(e);
    size_t n = lock_sync_error_api_message_count(e);

    FUZZ_CHECK(lock_sync_error_status(e) == status);
    FUZZ_CHECK(message != NULL && (message[0] != '\0') == (status != LOCK_SYNC_OK));
    FUZZ_CHECK(is_one_line(message) && fuzz_is_utf8(message) && !has_secret(message));
    FUZZ_CHECK(correlation_id == NULL ||
               (is_one_line(correlation_id) && is_ascii(correlation_id) && !has_secret(correlation_id)));
    FUZZ_CHECK(n <= 16 && lock_sync_error_api_message_at(e, n) == NULL);
    for (size_t i = 0; i < n; i++) {
        const char *says = lock_sync_error_api_message_at(e, i);

        FUZZ_CHECK(says != NULL && fuzz_is_utf8(says) && !has_secret(says));
    }
    FUZZ_CHECK(wait_ms >= -1 && (wait_ms == -1 || status == LOCK_SYNC_E_RATE_LIMITED || status == LOCK_SYNC_E_SERVER));
    FUZZ_CHECK(offset >= -1 && offset <= (int64_t)a->size && (offset == -1 || status == LOCK_SYNC_E_MALFORMED));
    if (status == LOCK_SYNC_E_MALFORMED ||
        (status >= LOCK_SYNC_E_RATE_LIMITED && status <= LOCK_SYNC_E_API && status != LOCK_SYNC_E_INVALID_ARGUMENT))
        FUZZ_CHECK(lock_sync_error_http_status(e) == a->http);
}

static void decode(t_heap *heap, lock_sync_ctx *ctx, const lock_sync_request *q, const lock_sync_response *s,
                   const reply *a, const fuzz_selection *selection)
{
    lock_sync_results *r;
    lock_sync_results *again;
    lock_sync_status status = lock_sync_response_decode(ctx, q, s, &r);

    FUZZ_CHECK((possible(a) >> status & 1) != 0);
    FUZZ_CHECK((status == LOCK_SYNC_OK) == (r != NULL));
    check_error(lock_sync_last_error(ctx), status, a);
    if (r != NULL)
        fuzz_check_results(r, selection);
    heap->fail_at = a->fail_in == 0 ? 0 : heap->requests + a->fail_in;
    status = lock_sync_response_decode(ctx, q, s, &again);
    heap->fail_at = 0;
    FUZZ_CHECK((possible(a) >> status & 1) != 0 || (a->fail_in > 0 && status == LOCK_SYNC_E_NO_MEMORY));
    FUZZ_CHECK((status == LOCK_SYNC_OK) == (again != NULL));
    FUZZ_CHECK(a->fail_in > 0 || (r == NULL) == (again == NULL));
    FUZZ_CHECK(r == NULL || again == NULL || fuzz_same_results(r, again));
    check_error(lock_sync_last_error(ctx), status, a);
    lock_sync_results_free(r);
    lock_sync_results_free(again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fuzz_input in = {data, size};
    uint8_t letter = fuzz_byte(&in);
    t_heap heap = {0};
    lock_sync_allocator memory = t_heap_allocator(&heap);
    reply a = {0};
    size_t status_size;
    char *status = fuzz_text_to(&in, '\n', &status_size);
    int64_t http = number_of(status);
    fuzz_selection selection;
    lock_sync_ctx *ctx;
    lock_sync_request *q;
    lock_sync_response *s;

    free(status);
    a.http = http > 100000 ? -1 : (int32_t)http;
    FUZZ_CHECK(lock_sync_ctx_new_with_allocator(&memory, &ctx) == LOCK_SYNC_OK);
    FUZZ_CHECK(lock_sync_set_personal_key(ctx, SECRET) == LOCK_SYNC_OK);
    set_cap(ctx, in);
    FUZZ_CHECK(lock_sync_response_new(ctx, &s) == LOCK_SYNC_OK);
    FUZZ_CHECK((lock_sync_response_set_status(s, a.http) == LOCK_SYNC_OK) == (a.http >= 100 && a.http <= 999));
    fill_head(&in, s, &a);
    fill_body(&in, s, &a);
    fuzz_ask(letter, a.body, a.size, &selection);
    FUZZ_CHECK((selection.single ? lock_sync_request_build_one(ctx, selection.ids[0], &q)
                                 : lock_sync_request_build(ctx, selection.n == 0 ? NULL : selection.ids, selection.n,
                                                           &q)) == LOCK_SYNC_OK);
    decode(&heap, ctx, q, s, &a, &selection);
    lock_sync_response_free(s);
    lock_sync_request_free(q);
    lock_sync_ctx_free(ctx);
    FUZZ_CHECK(heap.blocks == 0);
    return 0;
}
