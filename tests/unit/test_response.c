/* Filling a response: valid headers and bodies, the two caps exactly, and a failure that stays. Also the arguments
   that a decode rejects before it reads the body. */
#include "../support/decoding.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HEADER_MAX ((size_t)64 * 1024)

#define EMPTY "{\"result\":[]}"

typedef struct parts {
    lock_sync_ctx *ctx;
    lock_sync_request *q;
    lock_sync_response *s;
} parts;

static parts make(uint64_t cap)
{
    parts p = {.ctx = t_ctx()};

    CHECK_OK(lock_sync_set_max_response_bytes(p.ctx, cap));
    MUST_OK(lock_sync_request_build(p.ctx, NULL, 0, &p.q));
    MUST_OK(lock_sync_response_new(p.ctx, &p.s));
    return p;
}

static void drop(parts *p)
{
    lock_sync_response_free(p->s);
    lock_sync_request_free(p->q);
    lock_sync_ctx_free(p->ctx);
}

static lock_sync_status append(parts *p, const char *body)
{
    return lock_sync_response_append_body(p->s, body, strlen(body));
}

/* Decodes it with HTTP status 200. */
static void check_decode(parts *p, lock_sync_status want)
{
    lock_sync_results *r;

    CHECK_OK(lock_sync_response_set_status(p->s, 200));
    CHECK_INT(lock_sync_response_decode(p->ctx, p->q, p->s, &r), want);
    CHECK_INT(t_error_status(p->ctx), want);
    CHECK((r != NULL) == (want == LOCK_SYNC_OK));
    lock_sync_results_free(r);
}

TEST(the_body_may_fill_its_cap_exactly)
{
    static const char body[] = "{\"result\":[{\"id\":1}]}"; /* 21 bytes */
    static const struct {
        size_t cap;
        lock_sync_status want;
    } table[] = {{21, LOCK_SYNC_OK}, {22, LOCK_SYNC_OK}, {20, LOCK_SYNC_E_TOO_LARGE}, {1, LOCK_SYNC_E_TOO_LARGE}};

    for (size_t i = 0; i < COUNT_OF(table); i++) {
        for (size_t chunk = 1; chunk <= 21; chunk++) {
            parts p = make(table[i].cap);
            lock_sync_status status = LOCK_SYNC_OK;

            t_row("cap %zu, by %zu bytes", table[i].cap, chunk);
            for (size_t at = 0; at < 21 && status == LOCK_SYNC_OK; at += chunk)
                status = lock_sync_response_append_body(p.s, body + at, at + chunk > 21 ? 21 - at : chunk);
            CHECK_INT(status, table[i].want);
            check_decode(&p, table[i].want);
            drop(&p);
        }
    }
}

TEST(a_failed_append_stays_failed)
{
    parts p = make(10);
    lock_sync_results *r;

    CHECK_INT(lock_sync_response_append_body(p.s, "01234567890", 11), LOCK_SYNC_E_TOO_LARGE);
    CHECK_INT(lock_sync_response_append_body(p.s, "{", 1), LOCK_SYNC_E_TOO_LARGE); /* even if it fits */
    CHECK_INT(lock_sync_response_append_body(p.s, NULL, 0), LOCK_SYNC_E_TOO_LARGE);
    CHECK_INT(lock_sync_response_decode(p.ctx, p.q, p.s, &r), LOCK_SYNC_E_TOO_LARGE); /* even without a status */
    CHECK(r == NULL);
    CHECK_OK(lock_sync_response_set_status(p.s, 401));
    CHECK_OK(lock_sync_response_add_header(p.s, "X-Correlation-ID", "c-1"));
    CHECK_INT(lock_sync_response_decode(p.ctx, p.q, p.s, &r), LOCK_SYNC_E_TOO_LARGE);
    CHECK_INT(lock_sync_error_http_status(lock_sync_last_error(p.ctx)), 401);
    CHECK_TEXT(lock_sync_error_correlation_id(lock_sync_last_error(p.ctx)), "c-1");
    drop(&p);
}

TEST(empty_appends_do_nothing)
{
    parts p = make(100);

    CHECK_OK(lock_sync_response_append_body(p.s, NULL, 0));
    CHECK_OK(append(&p, "{\"result\":[]"));
    CHECK_OK(lock_sync_response_append_body(p.s, "x", 0));
    CHECK_OK(append(&p, "}"));
    check_decode(&p, LOCK_SYNC_OK);
    drop(&p);
}

TEST(headers_may_fill_64_kib_exactly)
{
    static const struct {
        const char *name;
        size_t first, second; /* bytes of two values; each name has one byte */
        lock_sync_status want;
    } table[] = {
        {"one, exactly", HEADER_MAX - 1, 0, LOCK_SYNC_OK},
        {"one beyond", HEADER_MAX, 0, LOCK_SYNC_E_TOO_LARGE},
        {"two, exactly", 60000, HEADER_MAX - 60002, LOCK_SYNC_OK},
        {"two, one beyond", 60000, HEADER_MAX - 60001, LOCK_SYNC_E_TOO_LARGE},
    };

    for (size_t i = 0; i < COUNT_OF(table); i++) {
        parts p = make(100);
        char *first = t_repeat('v', table[i].first);
        char *second = t_repeat('v', table[i].second);
        lock_sync_status status = lock_sync_response_add_header(p.s, "a", first);

        t_row("%s", table[i].name);
        if (status == LOCK_SYNC_OK && table[i].second > 0)
            status = lock_sync_response_add_header(p.s, "b", second);
        CHECK_INT(status, table[i].want);
        CHECK_INT(append(&p, EMPTY), table[i].want);
        check_decode(&p, table[i].want);
        free(first);
        free(second);
        drop(&p);
    }
}

TEST(header_texts_that_are_rejected)
{
    static const struct {
        const char *what, *name, *value;
    } table[] = {
        {"name NULL", NULL, "v"},
        {"value NULL", "n", NULL},
        {"both NULL", NULL, NULL},
        {"empty name", "", "v"},
        {"LF in the value", "n", "a\nb"},
        {"CR in the value", "n", "a\r"},
        {"CR LF and a header", "n", "a\r\nRetry-After: 0"},
        {"DEL", "n", "\x7f"},
        {"0x01 in the value", "n", "\x01"},
        {"ESC in the value", "n", "\x1b[2J"},
        {"LF in the name", "n\n", "v"},
        {"DEL in the name", "n\x7f", "v"},
    };
    parts p = make(100);

    for (size_t i = 0; i < COUNT_OF(table); i++) {
        t_row("%s", table[i].what);
        CHECK_INT(lock_sync_response_add_header(p.s, table[i].name, table[i].value), LOCK_SYNC_E_INVALID_ARGUMENT);
    }
    CHECK_OK(append(&p, EMPTY)); /* a rejected header is not a failure of the response */
    check_decode(&p, LOCK_SYNC_OK);
    drop(&p);
}

/* A cut id could end in part of a credential, which could not be redacted. */
TEST_WITH_CTX(an_unusually_long_correlation_id_is_not_kept)
{
    static const size_t sizes[] = {126, 127, 128, 5000};

    for (size_t i = 0; i < COUNT_OF(sizes); i++) {
        char *id = t_repeat('c', sizes[i]);

        t_row("%zu bytes", sizes[i]);
        CHECK_INT(t_decode_status(ctx, &(t_response){.http = 404, .headers = {"X-Correlation-ID", id}}),
                  LOCK_SYNC_E_NOT_FOUND);
        CHECK_TEXT(lock_sync_error_correlation_id(lock_sync_last_error(ctx)), sizes[i] <= 127 ? id : NULL);
        free(id);
    }
}

TEST(arguments_of_response_functions_are_checked)
{
    parts p = make(100);
    lock_sync_results *r = (lock_sync_results *)(void *)p.ctx;
    lock_sync_response *s = (lock_sync_response *)(void *)p.ctx;

    CHECK_INT(lock_sync_response_new(NULL, &s), LOCK_SYNC_E_INVALID_ARGUMENT);
    CHECK(s == NULL);
    CHECK_INT(lock_sync_response_new(p.ctx, NULL), LOCK_SYNC_E_INVALID_ARGUMENT);
    CHECK_INT(t_error_status(p.ctx), LOCK_SYNC_E_INVALID_ARGUMENT);
    CHECK_INT(lock_sync_response_set_status(NULL, 200), LOCK_SYNC_E_INVALID_ARGUMENT);
    CHECK_INT(lock_sync_response_add_header(NULL, "a", "b"), LOCK_SYNC_E_INVALID_ARGUMENT);
    CHECK_INT(lock_sync_response_append_body(NULL, "a", 1), LOCK_SYNC_E_INVALID_ARGUMENT);
    CHECK_INT(lock_sync_response_append_body(p.s, NULL, 1), LOCK_SYNC_E_INVALID_ARGUMENT);
    CHECK_INT(lock_sync_response_set_received_at_ms(NULL, 1), LOCK_SYNC_E_INVALID_ARGUMENT);
    CHECK_INT(lock_sync_response_set_received_at_ms(p.s, -1), LOCK_SYNC_E_INVALID_ARGUMENT);
    CHECK_OK(lock_sync_response_set_received_at_ms(p.s, 0));
    lock_sync_response_free(NULL);

    CHECK_INT(lock_sync_response_decode(p.ctx, p.q, p.s, &r), LOCK_SYNC_E_INVALID_ARGUMENT); /* no HTTP status yet */
    CHECK(r == NULL);
    CHECK_HOLDS(t_error_message(p.ctx), "status");
    CHECK_OK(lock_sync_response_set_status(p.s, 200));
    CHECK_INT(lock_sync_response_decode(p.ctx, NULL, p.s, &r), LOCK_SYNC_E_INVALID_ARGUMENT);
    CHECK_HOLDS(t_error_message(p.ctx), "request");
    CHECK_INT(lock_sync_response_decode(p.ctx, p.q, NULL, &r), LOCK_SYNC_E_INVALID_ARGUMENT);
    CHECK_HOLDS(t_error_message(p.ctx), "response");
    CHECK_INT(lock_sync_response_decode(p.ctx, p.q, p.s, NULL), LOCK_SYNC_E_INVALID_ARGUMENT);
    CHECK_HOLDS(t_error_message(p.ctx), "results");
    r = (lock_sync_results *)(void *)p.ctx;
    CHECK_INT(lock_sync_response_decode(NULL, p.q, p.s, &r), LOCK_SYNC_E_INVALID_ARGUMENT);
    CHECK(r == NULL);
    drop(&p);
}

TEST(a_response_may_be_decoded_twice_and_outlive_its_context)
{
    parts p = make(1000);
    lock_sync_ctx *other = t_ctx();
    lock_sync_results *r[2];

    CHECK_OK(lock_sync_response_set_received_at_ms(p.s, 1234567));
    CHECK_OK(lock_sync_response_set_status(p.s, 200));
    CHECK_OK(lock_sync_response_append_body(p.s, "{\"result\":[{\"id\":3}]}", 21));
    CHECK_OK(lock_sync_response_decode(p.ctx, p.q, p.s, &r[0]));
    lock_sync_ctx_free(p.ctx);
    p.ctx = NULL;
    CHECK_OK(lock_sync_response_decode(other, p.q, p.s, &r[1]));
    lock_sync_ctx_free(other);
    drop(&p);
    for (size_t i = 0; i < 2; i++) {
        t_row("results %zu", i);
        CHECK_INT(lock_sync_results_count(r[i]), 1);
        CHECK_INT(lock_sync_results_fetched_at_ms(r[i]), 1234567);
        CHECK(!lock_sync_results_is_cached(r[i]));
        lock_sync_results_free(r[i]);
    }
}
