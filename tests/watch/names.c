/* A watch that follows the directory; see names.h. */
#include "names.h"

#include <stdio.h>
#include <string.h>

char requests[64];

void note(void *user, const lock_sync_request *q, lock_sync_response *s)
{
    const char *url = lock_sync_request_url(q);
    size_t ids = 0;

    (void)user, (void)s;
    for (const char *at = strstr(url, "id="); at != NULL; at = strstr(at + 1, "id="))
        ids++;
    if (strstr(url, "/sync") == NULL)
        (void)strcat(requests, "d");
    else
        (void)snprintf(requests + strlen(requests), 16, ids == 0 ? "s" : "s%zu", ids);
}

void expect(pull *p, const turn *t)
{
    int64_t due_ms = lock_sync_watch_due_in_ms(p->w);

    requests[0] = '\0';
    pull_pass(t->after_ms > due_ms ? t->after_ms : due_ms);
    CHECK_INT(pull_next(p, 0), t->changes[0] == '\0' ? LOCK_SYNC_E_TIMEOUT : LOCK_SYNC_OK);
    CHECK_TEXT(requests, t->requests);
    CHECK_TEXT(p->changes, t->changes);
}

void run(pull *p, const turn *turns, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        t_row("turn %zu", i + 1);
        expect(p, &turns[i]);
    }
    CHECK_INT(p->fake.performed, p->fake.step_count);
    pull_end(p);
}

void guard_it(pull *p, int64_t interval_ms, int64_t directory_ms)
{
    lock_sync_guard *g = memory_guard(interval_ms);

    MUST_OK(lock_sync_guard_set_kind_interval_ms(g, LOCK_SYNC_REQUEST_DIRECTORY, directory_ms));
    MUST_OK(lock_sync_set_guard(p->ctx, g));
    MUST_OK(lock_sync_set_guard_mode(p->ctx, LOCK_SYNC_GUARD_WAIT));
    lock_sync_guard_unref(g);
}

void allow_all(pull *p)
{
    guard_it(p, 1, 1);
}

void begin(pull *p, const t_step *steps, size_t count)
{
    pull_begin(p, steps, count, 20000);
    allow_all(p);
    MUST_OK(lock_sync_watch_set_directory(p->w, true));
}

void begin_by_serial(pull *p, const t_step *steps, size_t count, const char *first, const char *second)
{
    const char *serials[] = {first, second};

    pull_begin(p, steps, count, 20000);
    allow_all(p);
    lock_sync_watch_free(p->w);
    MUST_OK(lock_sync_watch_new_by_serial(p->ctx, serials, second == NULL ? 1 : 2, &p->w));
}
