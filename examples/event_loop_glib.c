/* The pool in GLib's main loop. It fetches the accounts whose personal keys come from stdin, all at once, while the
 * loop does other work. Environment: see configure.h. */
#include "configure.h"

#include <glib-unix.h>

typedef struct program {
    lock_sync_pool *pool;
    GMainLoop *loop;
    size_t responses, ticks;
} program;

static void on_done(void *user, lock_sync_ctx *ctx, lock_sync_status status, lock_sync_results *results)
{
    program *p = user;

    p->responses += report(ctx, status) == EXIT_SUCCESS; /* it prints a failure */
    lock_sync_results_free(results);
    lock_sync_ctx_free(ctx); /* a program that fetches again keeps the context, with its guard */
}

static gboolean on_readable(gint fd, GIOCondition condition, gpointer user)
{
    program *p = user;

    (void)fd, (void)condition;
    (void)lock_sync_pool_dispatch(p->pool);
    if (lock_sync_pool_pending(p->pool) > 0)
        return G_SOURCE_CONTINUE;
    g_main_loop_quit(p->loop);
    return G_SOURCE_REMOVE;
}

/* Does the other work. */
static gboolean on_tick(gpointer user)
{
    program *p = user;

    p->ticks++;
    return G_SOURCE_CONTINUE;
}

static void begin(program *p, const char *key)
{
    lock_sync_ctx *ctx = NULL;
    lock_sync_status status = lock_sync_ctx_new(&ctx);

    if (status == LOCK_SYNC_OK)
        status = configure(ctx);
    if (status == LOCK_SYNC_OK)
        status = lock_sync_set_personal_key(ctx, key);
    if (status == LOCK_SYNC_OK)
        status = lock_sync_pool_submit(p->pool, ctx, NULL, 0, on_done, p);
    if (report(ctx, status) != EXIT_SUCCESS)
        lock_sync_ctx_free(ctx);
}

int main(void)
{
    program p = {.loop = g_main_loop_new(NULL, FALSE)};
    char key[16385]; /* the longest key is 16384 bytes */

    if (lock_sync_pool_new(&p.pool) != LOCK_SYNC_OK || lock_sync_pool_fd(p.pool) < 0) /* no descriptor on this system */
        return EXIT_FAILURE;
    while (scanf("%16384s", key) == 1)
        begin(&p, key);
    (void)g_unix_fd_add(lock_sync_pool_fd(p.pool), G_IO_IN, on_readable, &p);
    (void)g_timeout_add(1, on_tick, &p);
    if (lock_sync_pool_pending(p.pool) > 0)
        g_main_loop_run(p.loop);
    printf("%zu responses; the loop's other timer ticked %zu times meanwhile\n", p.responses, p.ticks);
    lock_sync_pool_free(p.pool); /* this would call the callbacks of running fetches */
    g_main_loop_unref(p.loop);
    return p.responses > 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
