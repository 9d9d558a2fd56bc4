/* Fakes of what an application provides; see fake.h. */
#include "fake.h"

#include <stdio.h>
#include <string.h>

/* --- transport --- */

static void note_request(t_fake *fake, const lock_sync_request *q)
{
    if (fake->performed >= T_FAKE_STEPS)
        return;
    (void)snprintf(fake->url[fake->performed], sizeof fake->url[0], "%s", lock_sync_request_url(q));
    for (size_t i = 0; i < lock_sync_request_header_count(q); i++)
        if (strcmp(lock_sync_request_header_name(q, i), "Authorization") == 0)
            (void)snprintf(fake->authorization[fake->performed], sizeof fake->authorization[0], "%s",
                           lock_sync_request_header_value(q, i));
}

static lock_sync_status fake_perform(void *user, const lock_sync_request *q, lock_sync_response *s)
{
    t_fake *fake = user;
    const t_step *step = &fake->steps[fake->performed < fake->step_count ? fake->performed : fake->step_count - 1];

    note_request(fake, q);
    fake->performed++;
    if (step->hook != NULL)
        step->hook(fake->user, q, s);
    if (step->http != 0)
        CHECK_OK(lock_sync_response_set_status(s, step->http));
    for (size_t i = 0; step->headers[i] != NULL; i += 2)
        CHECK_OK(lock_sync_response_add_header(s, step->headers[i], step->headers[i + 1]));
    if (step->body != NULL)
        (void)lock_sync_response_append_body(s, step->body, step->size > 0 ? step->size : strlen(step->body));
    return step->returns;
}

static void fake_destroy(void *user)
{
    t_fake *fake = user;

    fake->destroyed++;
}

lock_sync_transport t_fake_transport(t_fake *fake)
{
    return (lock_sync_transport){sizeof(lock_sync_transport), fake, fake_perform, NULL, fake_destroy};
}

void t_guard_off(lock_sync_ctx *ctx)
{
    MUST_OK(lock_sync_set_guard_mode(ctx, LOCK_SYNC_GUARD_OFF));
}

void t_fake_use(lock_sync_ctx *ctx, t_fake *fake)
{
    lock_sync_transport transport = t_fake_transport(fake);

    t_guard_off(ctx);
    MUST_OK(lock_sync_set_transport(ctx, &transport));
}

lock_sync_status t_fetch_status(lock_sync_ctx *ctx)
{
    lock_sync_results *r;
    lock_sync_status status = lock_sync_fetch(ctx, NULL, 0, &r);

    CHECK((r != NULL) == (status == LOCK_SYNC_OK));
    lock_sync_results_free(r);
    return status;
}

/* --- heap --- */

void t_heap_check_empty(const t_heap *heap)
{
    CHECK_INT(heap->blocks, 0);
    CHECK_INT(heap->leaked_secrets, 0);
}

/* --- logger --- */

void t_log_line(void *user, lock_sync_log_level level, const char *message)
{
    t_log *log = user;
    size_t size = strlen(log->text);

    log->lines++;
    log->last_level = level;
    CHECK(strpbrk(message, "\r\n") == NULL);
    (void)snprintf(log->text + size, sizeof log->text - size, "%s\n", message);
}
