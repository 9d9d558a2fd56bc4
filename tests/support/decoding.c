/* Contexts, and responses to decode; see decoding.h. */
#include "decoding.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

lock_sync_ctx *t_ctx(void)
{
    lock_sync_ctx *ctx;

    MUST_OK(lock_sync_ctx_new(&ctx));
    MUST_OK(lock_sync_set_personal_key(ctx, T_SECRET));
    return ctx;
}

lock_sync_status t_error_status(const lock_sync_ctx *ctx)
{
    return lock_sync_error_status(lock_sync_last_error(ctx));
}

const char *t_error_message(const lock_sync_ctx *ctx)
{
    return lock_sync_error_message(lock_sync_last_error(ctx));
}

int64_t t_error_offset(const lock_sync_ctx *ctx)
{
    return lock_sync_error_byte_offset(lock_sync_last_error(ctx));
}

lock_sync_status t_decode(lock_sync_ctx *ctx, const t_response *a, lock_sync_results **out)
{
    lock_sync_request *q = NULL;
    lock_sync_response *s = NULL;
    lock_sync_status status;

    *out = NULL;
    status = a->single > 0 ? lock_sync_request_build_one(ctx, a->single, &q)
                           : lock_sync_request_build(ctx, a->n == 0 ? NULL : a->ids, a->n, &q);
    if (status == LOCK_SYNC_OK)
        status = lock_sync_response_new(ctx, &s);
    if (status == LOCK_SYNC_OK)
        status = lock_sync_response_set_status(s, a->http == 0 ? 200 : a->http);
    for (size_t i = 0; status == LOCK_SYNC_OK && a->headers[i] != NULL; i += 2)
        status = lock_sync_response_add_header(s, a->headers[i], a->headers[i + 1]);
    if (status == LOCK_SYNC_OK && a->received_at_ms > 0)
        status = lock_sync_response_set_received_at_ms(s, a->received_at_ms);
    if (status == LOCK_SYNC_OK && a->body != NULL)
        status = lock_sync_response_append_body(s, a->body, a->size > 0 ? a->size : strlen(a->body));
    if (status == LOCK_SYNC_OK)
        status = lock_sync_response_decode(ctx, q, s, out);
    lock_sync_response_free(s);
    lock_sync_request_free(q);
    CHECK((status == LOCK_SYNC_OK) == (*out != NULL));
    return status;
}

lock_sync_status t_decode_status(lock_sync_ctx *ctx, const t_response *a)
{
    lock_sync_results *r;
    lock_sync_status status = t_decode(ctx, a, &r);

    lock_sync_results_free(r);
    return status;
}

const lock_sync_lock *t_decode_record(lock_sync_ctx *ctx, const char *record, lock_sync_results **results)
{
    static const char format[] = "{\"result\":[%s],\"success\":true,\"errorMessages\":[],\"statusCode\":200}";
    size_t room = sizeof format + strlen(record);
    char *body = malloc(room);

    MUST(body != NULL);
    (void)snprintf(body, room, format, record);
    CHECK_OK(t_decode(ctx, &(t_response){.body = body}, results));
    free(body);
    if (lock_sync_results_count(*results) == 1)
        return lock_sync_results_at(*results, 0);
    CHECK_INT(lock_sync_results_count(*results), 1);
    lock_sync_results_free(*results);
    *results = NULL;
    return NULL;
}

lock_sync_status t_decode_directory(lock_sync_ctx *ctx, const char *body, lock_sync_directory **out)
{
    lock_sync_request *q;
    lock_sync_response *s;
    lock_sync_status status;

    MUST_OK(lock_sync_request_build_directory(ctx, 1, &q));
    MUST_OK(lock_sync_response_new(ctx, &s));
    MUST_OK(lock_sync_response_set_status(s, 200));
    MUST_OK(lock_sync_response_append_body(s, body, strlen(body)));
    status = lock_sync_response_decode_directory(ctx, q, s, out);
    CHECK((status == LOCK_SYNC_OK) == (*out != NULL));
    lock_sync_response_free(s);
    lock_sync_request_free(q);
    return status;
}

char *t_repeat(char c, size_t n)
{
    char *text = malloc(n + 1);

    MUST(text != NULL);
    memset(text, c, n);
    text[n] = '\0';
    return text;
}

bool t_same_lock(const lock_sync_lock *a, const lock_sync_lock *b)
{
    return a->id == b->id && a->revision == b->revision && a->last_state_changed_ms == b->last_state_changed_ms &&
           a->fields == b->fields && a->state == b->state && a->door_state == b->door_state &&
           a->battery_level == b->battery_level && a->state_change_result == b->state_change_result &&
           a->is_connected == b->is_connected && a->is_charging == b->is_charging;
}
