/* A watch over a scripted transport; see pull.h. */
#include "pull.h"
#include "watch/watch.h"

#include <stdio.h>

void pull_begin(pull *p, const t_step *steps, size_t count, int64_t interval_ms)
{
    *p = (pull){.fake = {.steps = steps, .step_count = count}};
    p->fake.user = p;
    p->ctx = t_ctx();
    t_fake_use(p->ctx, &p->fake);
    MUST_OK(lock_sync_watch_new(p->ctx, NULL, 0, &p->w));
    MUST_OK(lock_sync_watch_set_interval_ms(p->w, interval_ms));
}

void pull_end(pull *p)
{
    lock_sync_watch_free(p->w);
    lock_sync_ctx_free(p->ctx);
}

lock_sync_status pull_next(pull *p, int64_t timeout_ms)
{
    lock_sync_changes *c = (lock_sync_changes *)(void *)p;
    lock_sync_status status = lock_sync_watch_next(p->w, timeout_ms, &c);
    size_t size = 0;

    CHECK((c != NULL) == (status == LOCK_SYNC_OK));
    CHECK_INT(t_error_status(p->ctx), status);
    CHECK((t_error_message(p->ctx)[0] == '\0') == (status == LOCK_SYNC_OK));
    p->told[0] = '\0';
    for (size_t i = 0; i < lock_sync_changes_count(c); i++) {
        const lock_sync_change *change = lock_sync_changes_at(c, i);

        size += (size_t)snprintf(p->told + size, sizeof p->told - size, "%d:%u ",
                                 (int)(change->after != NULL ? change->after : change->before)->id, change->kinds);
    }
    lock_sync_changes_free(c);
    return status;
}

lock_sync_status pull_due(pull *p, int64_t timeout_ms)
{
    p->w->due_us = 0;
    return pull_next(p, timeout_ms);
}
