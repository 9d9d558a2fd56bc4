/* A watch over a scripted transport; see pull.h. */
#include "pull.h"
#include "base/clock.h"

#include <stdio.h>
#include <time.h>

/* --- the clock --- */

static int64_t passed_ms;

void pull_pass(int64_t ms)
{
    passed_ms += ms;
}

int64_t lsync_clock_boot_us(void)
{
    return kit_now_us() + passed_ms * 1000;
}

int64_t lsync_clock_unix_ms(void)
{
    return (int64_t)time(NULL) * 1000 + passed_ms;
}

/* --- the watch --- */

void pull_begin(pull *p, const t_step *steps, size_t count, int64_t interval_ms)
{
    *p = (pull){.fake = {.steps = steps, .step_count = count}};
    p->fake.user = p;
    p->ctx = t_ctx();
    t_fake_use(p->ctx, &p->fake);
    MUST_OK(lock_sync_watch_new(p->ctx, NULL, 0, &p->w));
    MUST_OK(lock_sync_watch_set_interval_ms(p->w, interval_ms));
}

lock_sync_guard *pull_begin_guarded(pull *p, const t_step *step, int64_t interval_ms, int64_t guard_ms,
                                    lock_sync_guard_mode mode)
{
    lock_sync_guard *g = memory_guard(guard_ms);

    pull_begin(p, step, 1, interval_ms);
    MUST_OK(lock_sync_set_guard(p->ctx, g));
    MUST_OK(lock_sync_set_guard_mode(p->ctx, mode));
    return g;
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
    p->changes[0] = '\0';
    for (size_t i = 0; i < lock_sync_changes_count(c); i++) {
        const lock_sync_change *change = lock_sync_changes_at(c, i);

        if ((change->kinds & LOCK_SYNC_CHANGE_NEW_ID) != 0)
            size += (size_t)snprintf(p->changes + size, sizeof p->changes - size, "%d>", (int)change->before->id);
        size += (size_t)snprintf(p->changes + size, sizeof p->changes - size, "%d:%u",
                                 (int)(change->after != NULL ? change->after : change->before)->id, change->kinds);
        if (change->info != NULL)
            size += (size_t)snprintf(p->changes + size, sizeof p->changes - size, ":%s", change->info->name);
        size += (size_t)snprintf(p->changes + size, sizeof p->changes - size, " ");
    }
    lock_sync_changes_free(c);
    return status;
}

lock_sync_status pull_due(pull *p, int64_t timeout_ms)
{
    pull_pass(lock_sync_watch_due_in_ms(p->w));
    return pull_next(p, timeout_ms);
}

void pull_check_due(const pull *p, int64_t least, int64_t most)
{
    CHECK_BETWEEN(lock_sync_watch_due_in_ms(p->w), least - 1000, most);
}
