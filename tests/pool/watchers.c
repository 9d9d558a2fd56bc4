/* Watches for the pool's tests; see watchers.h. */
#include "watchers.h"

#include <stdio.h>
#include <string.h>

watcher watcher_of(account a, int64_t interval_ms)
{
    watcher w = {.a = a};

    if (lock_sync_watch_new(a.ctx, NULL, 0, &w.w) != LOCK_SYNC_OK ||
        lock_sync_watch_set_interval_ms(w.w, interval_ms) != LOCK_SYNC_OK)
        kit_die("no watch");
    return w;
}

watcher watcher_new(const char *url, int64_t interval_ms)
{
    return watcher_of(account_new(url), interval_ms);
}

void watcher_free(watcher *w)
{
    lock_sync_watch_free(w->w);
    w->w = NULL;
    account_free(&w->a);
}

static void list(const lock_sync_changes *changes, char *text, size_t room)
{
    size_t size = 0;

    text[0] = '\0';
    for (size_t i = 0; i < lock_sync_changes_count(changes) && size < room; i++) {
        const lock_sync_change *c = lock_sync_changes_at(changes, i);

        size += (size_t)snprintf(text + size, room - size, "%d:%u ", (int)(c->after != NULL ? c->after : c->before)->id,
                                 c->kinds);
    }
}

static void on_change(void *user, lock_sync_watch *watch, lock_sync_status status, const lock_sync_changes *changes)
{
    watcher *w = user;
    const lock_sync_error *e = lock_sync_last_error(w->a.ctx);
    size_t call = w->calls++ % WATCHER_CALLS;

    if (!pool_may_call() || watch != w->w || (changes != NULL) != (status == LOCK_SYNC_OK) ||
        lock_sync_error_status(e) != status || (lock_sync_error_message(e)[0] == '\0') != (status == LOCK_SYNC_OK))
        kit_die("an unexpected callback: %s", lock_sync_status_name(status));
    w->status[call] = status;
    list(changes, w->reported[call], sizeof w->reported[call]);
    (void)snprintf(w->message, sizeof w->message, "%s", lock_sync_error_message(e));
    w->called_ms = kit_now_ms();
    w->last_status = lock_sync_watch_last_status(watch);
    w->age_ms = lock_sync_watch_age_ms(watch);
    w->due_in_ms = lock_sync_watch_due_in_ms(watch);
    if (w->then != NULL)
        w->then(w);
}

lock_sync_status watcher_try(watcher *w, lock_sync_pool *p)
{
    w->pool = p;
    return lock_sync_pool_watch(p, w->w, on_change, w);
}

void watcher_start(watcher *w, lock_sync_pool *p)
{
    MUST_OK(watcher_try(w, p));
}

lock_sync_guard *watcher_guard(watcher *w, int64_t interval_ms, lock_sync_guard_mode mode)
{
    lock_sync_guard *g;

    MUST_OK(lock_sync_guard_new(&g));
    MUST_OK(lock_sync_guard_set_min_interval_ms(g, interval_ms));
    account_guard(&w->a, g, mode);
    return g;
}

void watch_scene_begin(watch_scene *s, const raw_step *const *scripts, size_t count, int64_t interval_ms)
{
    s->server = raw_start(AF_INET, scripts, count);
    s->pool = pool_make();
    s->w = watcher_new(raw_url(s->server), interval_ms);
}

void watch_scene_end(watch_scene *s)
{
    watcher_free(&s->w);
    pool_end(s->pool);
    raw_stop(s->server);
}

typedef struct goal {
    const watcher *w;
    size_t calls;
} goal;

static bool is_reached(void *user)
{
    const goal *g = user;

    return g->w->calls >= g->calls;
}

void watcher_run(watcher *w, size_t calls)
{
    goal g = {w, calls};

    if (!pool_run(w->pool, is_reached, &g, KIT_PATIENCE_MS))
        fail_msg("%zu of %zu calls came", w->calls, calls);
}

void check_reported(const watcher *w, size_t count, lock_sync_status want, const char *reported, const char *file,
                    int line)
{
    size_t last = (w->calls + WATCHER_CALLS - 1) % WATCHER_CALLS;

    if (w->calls == count &&
        (count == 0 || (w->status[last] == want && (reported == NULL || strcmp(w->reported[last], reported) == 0))))
        return;
    print_error("%zu calls instead of %zu, the last: %s, \"%s\" (%s)\n", w->calls, count,
                lock_sync_status_name(w->status[last]), w->reported[last], w->message);
    _fail(file, line);
}
